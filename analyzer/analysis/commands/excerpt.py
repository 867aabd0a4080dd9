"""What a page shows of one connection: its first packets, and of its commands the first, the slowest and the failed.

Commands come from a CommandTracker, as in `handshark commands`: however many there are, what is kept is bounded.
"""

from __future__ import annotations

import heapq
from typing import Final

from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.tracker import CommandTracker
from analyzer.analysis.commands.turn_tracker import moves
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.packets.packet_list import PacketList
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine.fast_path import Scanned
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.commands.statement import ComStmtBulkExecute, ComStmtExecute
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF
from analyzer.protocol.tables.commands import COM_STMT_PREPARE
from analyzer.protocol.wire.framing import PacketFramer, RawPacket
from analyzer.protocol.wire.reader import ENCODING_ERRORS

# The first commands of a connection that are kept; of those after them, the slowest and the first that failed.
FIRST: Final = 200
SLOWEST: Final = 20
FAILED: Final = 50
# Characters of a statement and of an error's message.
LONGEST_STATEMENT: Final = 400
LONGEST_MESSAGE: Final = 300


class Shown(CommandTracker):
    """Observes one connection for a page. When the packet list is full, plain turns are taken whole (`full`)."""

    __slots__ = ("_context", "_failed", "_first", "_slowest", "packets")

    def __init__(self, tcp: TcpConnection, packets: PacketList) -> None:
        super().__init__(tcp, [])
        self.packets = packets
        self._context: Context | None = None
        self._first: list[Command] = []
        self._failed: list[Command] = []
        self._slowest: list[tuple[int, int, Command]] = []  # heap of (duration, -number, command)

    @property
    def full(self) -> bool:
        return self.packets.full

    @property
    def held(self) -> int:
        kept = len(self._first) + len(self._failed) + len(self._slowest)
        return super().held + self.packets.held + kept * (LONGEST_STATEMENT + LONGEST_MESSAGE)

    @property
    def layers(self) -> bool:
        return True

    @property
    def logins(self) -> bool:
        return True

    def outer(self, role: int, name: str, data: bytes) -> None:
        """As the packet list's."""
        self.packets.outer(role, name, data)

    def detail(self) -> ConnectionDetail:
        """What was kept. The connection is over."""
        slowest = (command for _, _, command in self._slowest)
        kept = {command.number: command for command in (*self._first, *self._failed, *slowest)}
        commands = [kept[number] for number in sorted(kept)]
        return ConnectionDetail(self.packets.packets, self.packets.left_out, commands, self.number)

    # -- what is seen: the packet list sees it too, and what it has no room for is counted -----------------------------

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        self._context = machine.context
        super().packet(role, packet, record, machine, before)
        self.packets.packet(role, packet, record, machine, before)

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        super().passed(before, count, length, framer)
        self.packets.passed(before, count, length, framer)

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        self.packets.event(role, record, summary, length, frame, time_ns)

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        super().gap(role, length, reason, frame, time_ns)
        self.packets.gap(role, length, reason, frame, time_ns)

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        self.packets.end(role, kind, frame, time_ns)

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        self.packets.left_out += 1
        prepared = turn.statement if turn.code == COM_STMT_PREPARE else None
        if prepared is not None:
            lists = [count for count in (prepared.num_params, prepared.num_columns) if count]
            deprecated = machine.context.in_force & CLIENT_DEPRECATE_EOF
            self.packets.left_out += 1 + sum(lists) + (0 if deprecated else len(lists))
        elif turn.length:
            self.packets.left_out += self._packets_of(turn.columns, turn.rows, turn.sequence)
        if self._passes_by(turn):
            self.count(turn)
        else:
            super().turn(turn, machine)

    def _passes_by(self, turn: PlainTurn) -> bool:
        """Whether a turn is one of those that are not kept, and changes nothing of what is known."""
        if self.number < FIRST or not self.certain or turn.failed() or moves(turn):
            return False
        slowest = self._slowest
        return not turn.length or (len(slowest) == SLOWEST and turn.last_ns - turn.time_ns <= slowest[0][0])

    def request(
        self,
        data: bytes,
        statement: PreparedStatement | None,
        plan: ExecutePlan | None,
        in_force: int,
        frame: int,
        time_ns: int,
    ) -> None:
        self.packets.left_out += 1
        super().request(data, statement, plan, in_force, frame, time_ns)

    def response(
        self,
        found: Scanned,
        end: OKPacket | EOFPacket,
        length: int,
        ends: list[int],
        frames: list[int],
        times: list[int],
    ) -> None:
        self.packets.left_out += self._packets_of(found.columns, found.rows, found.sequence)
        super().response(found, end, length, ends, frames, times)

    def _packets_of(self, columns: int | None, rows: int, sequence: int) -> int:
        """Packets of a plain response: an OK, or the number of columns, these, an EOF, the rows, the end.

        The columns may be left out: the id of the last packet tells.
        """
        if columns is None:
            return 1
        deprecated = self._context is not None and self._context.in_force & CLIENT_DEPRECATE_EOF
        count = (2 if deprecated else 3) + columns + rows
        return count if (count - sequence) & 0xFF == 0 else count - columns

    # -- what is kept --------------------------------------------------------------------------------------------------

    def put(self, pending: PendingCommand) -> None:
        if pending.number < FIRST:
            self._first.append(self._command(pending))
            return
        command = None
        if pending.error is not None and len(self._failed) < FAILED:
            command = self._command(pending)
            self._failed.append(command)
        if pending.response_frame is None:
            return
        slowest, took = self._slowest, pending.last_ns - pending.request.time_ns
        if len(slowest) < SLOWEST:
            heapq.heappush(slowest, (took, -pending.number, command or self._command(pending)))
        elif took > slowest[0][0]:
            heapq.heapreplace(slowest, (took, -pending.number, command or self._command(pending)))

    def _command(self, pending: PendingCommand) -> Command:
        """The command with its texts shortened."""
        request = pending.request
        record = request.record
        mask = None if self.packets.show_secrets else self.packets.memo.mask.statements
        bound = request.plan is not None or isinstance(record, ComStmtExecute | ComStmtBulkExecute)
        if bound and (mask is None or pending.error is None):
            # Bound values are not shown, and may be many: they are worked out only where an error may quote them.
            request.plan = request.record = None
        command = self.command("", pending, mask)
        command.parameters = command.attributes = None
        said = _argument(record)
        command.argument = said if mask is None else mask.statement(said)
        if command.statement is not None:
            command.statement, command.statement_cut = shortened(command.statement, command.statement_cut)
        else:
            command.argument, command.statement_cut = shortened(command.argument or "", command.statement_cut)
        if command.error is not None:
            command.error.message = command.error.message[:LONGEST_MESSAGE]
        return command


def _argument(record: AnyRecord | None) -> str:
    """What a command without a statement has in its place: a schema, a user, the number of a statement."""
    said = "" if record is None or isinstance(record, Malformed) else record.summary()
    return "" if said.startswith("COM_") else said


def shortened(text: str, cut: int | None, most: int = LONGEST_STATEMENT) -> tuple[str, int | None]:
    """The first `most` characters of a text, and the bytes of it that are not there, `cut` of them before."""
    left_out = len(text[most:].encode("utf-8", ENCODING_ERRORS)) + (cut or 0)
    return text[:most], left_out or None


def shown_text(command: Command) -> tuple[str, int | None]:
    """What a kept command says, and the bytes of the whole where not all of it is there.

    It is the statement; of a command that has none, what it is about.
    """
    text = command.statement if command.statement is not None else command.argument or ""
    cut = command.statement_cut
    return text, len(text.encode("utf-8", ENCODING_ERRORS)) + cut if cut else None
