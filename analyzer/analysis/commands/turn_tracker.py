"""A CommandTracker that has each command rendered when it is over, plain turns without a `Command` for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from analyzer.analysis.commands.pending import PendingCommand, pending_of
from analyzer.analysis.commands.tracker import USE_BEGINS, CommandTracker, Session
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.line_buffer import LineBuffer
from analyzer.analysis.model.command import Command
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.records.generic import OKPacket
from analyzer.protocol.records.session_track import Schema
from analyzer.protocol.tables.commands import COM_QUERY

if TYPE_CHECKING:
    from analyzer.analysis.packets.statement_mask import StatementMask
    from analyzer.protocol.machine.terminators import Ends
    from analyzer.protocol.records.login import HandshakeResponse41

# Logins that are remembered.
MOST_LOGINS: Final = 256
# A constant of others, once more: here it is a number of C.
_QUERY: Final = COM_QUERY
# With which of its bytes a USE may begin.
_USE: Final = b"".join(USE_BEGINS)


class TurnRenderer:
    """Writes lines of the commands of one capture: of plain turns without a `Command` for each."""

    __slots__ = ()

    def command(self, command: Command) -> bytes:
        """The line of any command."""
        raise NotImplementedError

    def turn(self, tracker: TurnTracker, turn: PlainTurn, lines: LineBuffer) -> None:
        """Writes the line of a plain command with its plain response."""
        raise NotImplementedError


class TurnSink:
    """Takes the commands of a capture that took `least` nanoseconds. Without `mask` secrets are shown."""

    __slots__ = ("capture", "least", "mask", "sessions", "whole")

    def __init__(self, least: int) -> None:
        self.whole = False  # whether it takes sessions that are known as a whole
        # Who is behind logins that were told of, with what tells them apart: those of one shape are told of as one.
        self.sessions: dict[int, tuple[HandshakeResponse41, Session]] = {}
        self.least = least
        self.capture = ""
        self.mask: StatementMask | None = None

    def tracker(self, tcp: TcpConnection) -> TurnTracker:
        """Who follows a connection for it."""
        made = TurnTracker.__new__(TurnTracker)
        made.follow(tcp, self)
        return made

    def add(self, frame: int, tracker: TurnTracker, each: PlainTurn | PendingCommand) -> None:
        """Takes a command whose last byte came in a frame."""
        raise NotImplementedError

    def session(self, tracker: TurnTracker, plain: object, ends: Ends) -> bool:
        """Takes the commands of a PlainSession that is known as a whole; False: it wants to be told of each."""
        return False

    def take(self, tracker: TurnTracker, turn: PlainTurn, machine: Machine) -> bool:
        """Takes a turn that needs nothing but itself to be told of."""
        context = machine.context
        if not tracker.certain or context.client_codec is not None or context.results_codec is not None or moves(turn):
            return False
        tracker.count(turn)
        if turn.number < tracker.told:
            return True
        if not self.least or turn.last_ns - turn.time_ns >= self.least:
            last = turn.last_frame
            self.add(last if last > turn.frame else turn.frame, tracker, turn)
        return True


class RenderedTurns(TurnSink):
    """Has each command rendered.

    lines   of each command, with the frame of its last byte, its stream and its number
    later   commands whose connections have no numbers yet: rendered by `settle`
    """

    __slots__ = ("later", "lines", "renderer")

    def __init__(self, least: int) -> None:
        super().__init__(least)
        self.lines = LineBuffer()
        self.later: list[tuple[int, TurnTracker, PlainTurn | PendingCommand]] = []
        self.renderer: TurnRenderer

    def add(self, frame: int, tracker: TurnTracker, each: PlainTurn | PendingCommand) -> None:
        stream, lines = tracker.tcp.number, self.lines
        if isinstance(each, PlainTurn):
            plain = each
            if stream < 0:
                del each.pieces  # it outlives them
                self.later.append((frame, tracker, plain))
            else:
                self.renderer.turn(tracker, plain, lines)
                lines.note(frame, stream, plain.number)
        elif stream < 0:
            self.later.append((frame, tracker, each))
        else:
            line = self.renderer.command(tracker.command(self.capture, each, self.mask))
            lines.add(frame, stream, each.number, line)

    def settle(self) -> None:
        """All connections have numbers."""
        later, self.later = self.later, []
        for frame, tracker, each in later:
            self.add(frame, tracker, each)
        self.lines.settle()


class TurnTracker(CommandTracker):
    """Observes one connection. `said` and `texts` are the renderer's to use: they go with the connection.

    told  commands below this number are not told of once more
    """

    __slots__ = ("_turns", "said", "texts", "told")

    def __init__(self, tcp: TcpConnection, sink: TurnSink) -> None:
        self.follow(tcp, sink)

    def follow(self, tcp: TcpConnection, sink: TurnSink) -> None:
        """As `__init__`, for who makes many."""
        CommandTracker.start(self, tcp, [])
        self._turns = sink
        self.told = 0
        self.said: Any = None
        self.texts: dict[int, Any] = {}

    @property
    def failures(self) -> bool:
        return True

    @property
    def seals(self) -> bool:
        return True

    def rewind(self) -> None:
        client, told = self.client, self.number
        CommandTracker.start(self, self.tcp, [])
        self.client, self.told = client, told
        self.texts.clear()

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        sink = self._turns
        known = sink.sessions.get(id(record))
        if known is not None and known[0] is record:
            self.context = machine.context
            self._session = known[1]
            self.database, self.user = known[1]
            return
        CommandTracker.login(self, record, machine)
        if record is not None:
            if len(sink.sessions) >= MOST_LOGINS:
                sink.sessions.clear()
            sink.sessions[id(record)] = record, self._session

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        if not self._turns.take(self, turn, machine):
            CommandTracker.turn(self, turn, machine)  # super() knows no method that C may call

    def whole(self) -> bool:
        return self._turns.whole

    def session(self, plain: object, ends: Ends) -> bool:
        return self._turns.session(self, plain, ends)

    def again(self) -> TurnTracker:
        """Another one behind the same login, which was told of no command."""
        made = self._turns.tracker(self.tcp)
        made.client, made.context, made._session = self.client, self.context, self._session
        made.database, made.user = self._session
        return made

    def put(self, pending: PendingCommand) -> None:
        sink = self._turns
        if pending.number < self.told:
            return
        took = 0 if pending.response_frame is None else pending.last_ns - pending.request.time_ns
        if not sink.least or took >= sink.least:
            sink.add(max(pending.last_frame, pending.request.frame), self, pending)

    def of_turn(self, capture: str, turn: PlainTurn, mask: StatementMask | None) -> Command:
        """What the reports show of a turn."""
        return self.command(capture, pending_of(turn, None), mask)


def moves(turn: PlainTurn) -> bool:
    """Whether another database may be the default one behind a turn."""
    end = turn.end
    if type(end) is not OKPacket:
        return False
    changes = end.session_state_info
    if changes and _changes_schema(changes):
        return True
    if turn.columns is not None or turn.code != _QUERY:
        return False
    request, begins = turn.request, turn.begins()
    first = request[begins] if len(request) > begins else 0
    # Many begin with UPDATE.
    return first in _USE and (first not in b"uU" or request[begins : begins + 3].lower() == b"use")


def _changes_schema(changes: Sequence[object]) -> bool:
    return any(isinstance(change, Schema) for change in changes)


def shows_all(turn: PlainTurn, mask: StatementMask | None) -> bool:
    """Whether the statement that a turn executes is known to its end, and no value bound to it has to be hidden."""
    statement = turn.statement
    if statement is None or statement.query is None or statement.cut:
        return False
    return mask is None or mask.is_whole(statement.query, statement.num_params or 0)
