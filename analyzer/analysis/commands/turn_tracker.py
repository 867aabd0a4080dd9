"""A CommandTracker that keeps plain turns as they are, for who renders them without a `Command` for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.analysis.commands.pending import PendingCommand, pending_of
from analyzer.analysis.commands.tracker import USE_BEGINS, CommandTracker
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.records.generic import OKPacket
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_EXECUTE

if TYPE_CHECKING:
    from analyzer.analysis.packets.statement_mask import StatementMask

TurnSink = list[tuple[int, "TurnTracker", PendingCommand | PlainTurn]]


class TurnTracker(CommandTracker):
    """Observes one connection; turns that change nothing for what follows them go to the sink as they are.

    `templates` is whoever renders them free to use: it goes with the connection.
    """

    __slots__ = ("_turns", "templates")

    def __init__(self, tcp: TcpConnection, sink: TurnSink) -> None:
        super().__init__(tcp, [])
        self._turns = sink
        self.templates: dict[Any, Any] = {}

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        context, end = machine.context, turn.end
        changes = isinstance(end, OKPacket) and (
            end.session_state_info or (turn.columns is None and turn.code == COM_QUERY and turn.text[:1] in USE_BEGINS)
        )
        if changes or not self.certain or context.client_codec is not None or context.results_codec is not None:
            super().turn(turn, machine)
            return
        self.count(turn)
        del turn.pieces  # it outlives them
        self._turns.append((max(turn.last_frame, turn.frame), self, turn))

    def put(self, pending: PendingCommand) -> None:
        self._turns.append((max(pending.last_frame, pending.request.frame), self, pending))

    def of_turn(self, capture: str, turn: PlainTurn, mask: StatementMask | None) -> Command:
        """What the reports show of a turn that is in the sink."""
        return self.command(capture, pending_of(turn, None), mask)


def shows_all(turn: PlainTurn, mask: StatementMask | None) -> bool:
    """Whether no value that is bound to the statement of a turn has to be hidden."""
    statement = turn.statement
    if statement is None or mask is None or turn.code != COM_STMT_EXECUTE:
        return True
    return statement.query is not None and mask.is_whole(statement.query, statement.num_params or 0)
