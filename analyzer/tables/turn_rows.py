"""Rows of commands in columns, where most are plain turns: a turn differs from others like it in numbers and text.

A kind is a real command: what is the same for all turns like it is taken from its row (`rows.command_rows`). What is
each one's own stands in cells: numbers, and places in lists of what several have in common.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from analyzer.analysis.commands.pending import PendingCommand, plain_values, said_by, text_of
from analyzer.analysis.commands.turn_tracker import TurnSink, TurnTracker, shows_all
from analyzer.analysis.conversation.fast_path import QUIT
from analyzer.analysis.conversation.plain_turn import CLOSE, PREPARE, QUERY, PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.tables.arrays import NOTHING

# Statements of one connection that are kept.
MOST_TEXTS: Final = 256
# The cells of a row: numbers, and places among kinds, ends of responses, statements, addresses and servers.
NUMBERS: Final = (
    *("stream", "number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "rows", "bytes_request"),
    *("bytes_response", "statement_id", "client_port"),
)
PLACES: Final = ("kind", "said", "statement", "client_address", "server")
# Behind them the frame of a command's last byte, in whose order they are told of.
CELLS: Final = (*NUMBERS, *PLACES, "ended")
# Numbers that a turn has where its kind has them.
OF_RESPONSES: Final = ("response_frame", "latency_ns", "duration_ns", "rows")
_WIDTH: Final = len(CELLS)
_FIRST: Final = 64
_ENDED: Final = CELLS.index("ended")
# Constants of others, once more: here they are numbers of C.
_NOTHING: Final = NOTHING
_QUERY: Final = QUERY
_PREPARE: Final = PREPARE
_CLOSE: Final = CLOSE


class EndSays(NamedTuple):
    """What the end of a response says."""

    affected_rows: int | None
    last_insert_id: int | None
    warnings: int | None
    status_flags: list[str] | None
    info: str | None


class TurnRows(TurnSink):
    """Takes the commands of one capture as rows, by their places.

    count      rows that are there, until they are forgotten; `bytes` those of their requests
    kinds      a real command for each kind of rows; said: EndSays, or a command; statements; addresses of clients;
               servers: what cells are places in
    bound      values of an execute, by the place of its row
    """

    __slots__ = (
        *("_cells", "_ends", "_kinds", "_numberless", "_said", "_sessions", "_settled", "_store", "_texts"),
        *("addresses", "bound", "bytes", "count", "kinds", "said", "servers", "statements"),
    )

    def __init__(self) -> None:
        super().__init__(0)
        self._store = array("q", bytes(8 * _WIDTH * _FIRST))
        self._cells = self._store
        # Who follows connections that have no number yet: their rows say which of them they are of, from -1 down.
        self._numberless: list[TurnTracker] = []
        self.forget()

    def forget(self) -> None:
        """Rows that were there are used up."""
        self.count = self.bytes = self._settled = 0
        self.kinds: list[Command] = []
        self.said: list[EndSays | Command] = []
        self.bound: dict[int, list[Any]] = {}
        self.statements: dict[str | None, int] = {}
        self.addresses: dict[str, int] = {}
        self.servers: dict[tuple[str, int], int] = {}
        # What is known of kinds, by the session and what else they have in common: their places, and which of
        # OF_RESPONSES they have; of ends, with what they are of; of statements as they were sent. Who knows a place
        # of a connection's says of which `ends` it is.
        self._sessions: dict[tuple[str | None, str | None], dict[Hashable, tuple[int, int]]] = {}
        self._said: dict[int, tuple[object, int]] = {}
        self._texts: dict[bytes, int] = {}
        self._ends: list[object] = []

    def add(self, frame: int, tracker: TurnTracker, each: PlainTurn | PendingCommand) -> None:
        """Takes a command."""
        if isinstance(each, PlainTurn):
            place = self.turn(tracker, each)
        else:
            place = self.command(tracker.command(self.capture, each, self.mask))
        self._cells[place * _WIDTH + _ENDED] = frame
        if tracker.tcp.number < 0:
            self._cells[place * _WIDTH] = self._ends_of(tracker)[4]

    def ordered(self) -> array[int]:
        """The rows since the last time, in the order in which commands ended: all connections have numbers now."""
        begin, self._settled = self._settled, self.count
        ended = self._numbered(begin)
        order = sorted(range(len(ended)), key=ended.__getitem__)
        if len(set(ended)) < len(ended):
            order.sort(key=lambda place: self._turn_of(begin + place))
        return array("q", [begin + place for place in order])

    def _numbered(self, begin: int) -> list[int]:
        """Says in rows, from a place on, what numbers their connections have; the frames in which commands ended."""
        cells, ended = self._cells, []
        for place in range(begin, self.count):
            stream = cells[place * _WIDTH]
            if stream < 0:
                tracker = self._numberless[-1 - stream]
                cells[place * _WIDTH] = tracker.tcp.number
            ended.append(cells[place * _WIDTH + _ENDED])
        self._numberless.clear()
        return ended

    def _turn_of(self, place: int) -> tuple[int, int, int]:
        """In which order a row is told of: by the frame in which its command ended, its stream and its number."""
        begin = place * _WIDTH
        return self._cells[begin + _ENDED], self._cells[begin], self._cells[begin + 1]

    def column(self, cell: int, order: Sequence[int]) -> array[int]:
        """The cells of rows at these places."""
        found = array("q", bytes(8 * len(order)))
        _gather(found, self._cells, order, cell)
        return found

    def parts(self, order: array[int], most: int, room: int) -> Iterator[array[int]]:
        """Places in parts of no more than `most` rows, and not many more bytes of requests than `room`."""
        if len(order) <= most and self.bytes <= room:
            yield order
            return
        begin = size = 0
        for place, taken in enumerate(self.column(CELLS.index("bytes_request"), order)):
            if place - begin == most or size >= room:
                yield order[begin:place]
                begin, size = place, 0
            size += taken
        yield order[begin:]

    def command(self, command: Command) -> int:
        """The row of any command: it is a kind of its own."""
        kind, said = len(self.kinds), len(self.said)
        self.kinds.append(command)
        self.said.append(command)
        begin = self._row(command.bytes_request)
        cells = self._cells
        numbers = [getattr(command, name) for name in NUMBERS[:-1]]
        client, server = command.client, command.server
        values = [
            *(*numbers, client and client.port, kind, said, self._text(command.statement)),
            None if client is None else self.addresses.setdefault(client.address, len(self.addresses)),
            None if server is None else self._server((server.address, server.port)),
            0,
        ]
        for place, value in enumerate(values):
            cells[begin + place] = _NOTHING if value is None else value
        if command.parameters is not None:
            self.bound[self.count - 1] = command.parameters
        return self.count - 1

    def turn(self, tracker: TurnTracker, turn: PlainTurn) -> int:
        """The row of a plain command with its plain response."""
        began, mask, statement, code = turn.time_ns, self.mask, turn.statement, turn.code
        latency, duration, text, number = turn.first_ns - began, turn.last_ns - began, _NOTHING, _NOTHING
        bound = named = None
        if code in (_QUERY, _PREPARE):
            raw = turn.said()
            known = self._texts.get(raw)
            if known is None:
                if mask is not None and not mask.is_plain(raw):
                    return self._whole(tracker, turn)
                known = self._texts[raw] = self._text(text_of(raw))
            text = known
        elif turn.plan is not None and statement is not None:
            shown = tracker.texts.get(id(statement))
            if shown is None or shown[0] is not statement:
                shown = self._noted(tracker, turn)
            bound = plain_values(turn.plan, turn.request)
            if bound is None or not shown[1]:
                return self._whole(tracker, turn)
            text = self._text(statement.query)
            named = statement.statement_id
        elif statement is not None or (not turn.length and turn.request != QUIT and turn.statement_id is None):
            return self._whole(tracker, turn)
        if latency < 0 or duration < 0:
            return self._whole(tracker, turn)
        if code in (_PREPARE, _CLOSE):
            named = turn.statement_id
        if named is not None:
            number = named
        ends = self._ends_of(tracker)
        said = self._end(turn)
        kind, has = self._kind(tracker, turn)
        begin = self._row(len(turn.request))
        cells = self._cells
        cells[begin], cells[begin + 1], cells[begin + 2] = tracker.tcp.number, turn.number, turn.frame
        cells[begin + 3] = turn.response_frame if has & 1 else _NOTHING
        cells[begin + 4] = began
        cells[begin + 5] = latency if has & 2 else _NOTHING
        cells[begin + 6] = duration if has & 4 else _NOTHING
        cells[begin + 7] = turn.rows if has & 8 else _NOTHING
        cells[begin + 8], cells[begin + 9], cells[begin + 10] = len(turn.request), turn.length, number
        cells[begin + 12], cells[begin + 13], cells[begin + 14] = kind, said, text
        cells[begin + 11], cells[begin + 15], cells[begin + 16] = ends[1], ends[2], ends[3]
        if bound is not None:
            self.bound[self.count - 1] = bound
        return self.count - 1

    def _row(self, size: int) -> int:
        """Where the cells of a further row begin, whose request has so many bytes."""
        begin = self.count * _WIDTH
        if begin >= len(self._store):
            self._store = self._store * 2
            self._cells = self._store
        self.count += 1
        self.bytes += size
        return begin

    def _whole(self, tracker: TurnTracker, turn: PlainTurn) -> int:
        """The row of a turn, made as that of any command."""
        return self.command(tracker.of_turn(self.capture, turn, self.mask))

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bool]:
        """Whether all of the statement that a turn executes is known and may be shown."""
        statement = turn.statement
        if len(tracker.texts) >= MOST_TEXTS:
            tracker.texts.clear()
        tracker.texts[id(statement)] = found = (statement, shows_all(turn, self.mask))
        return found

    def _text(self, statement: str | None) -> int:
        """The place of a statement."""
        return self.statements.setdefault(statement, len(self.statements))

    def _end(self, turn: PlainTurn) -> int:
        """The place of what the end of a turn's response says."""
        end = turn.end
        failed = turn.failed()
        said_at = (0 if failed else id(end) << 1) | (turn.columns is None)
        known = self._said.get(said_at)
        if known is None or (known[0] is not end and not failed):
            known = self._said[said_at] = (end, len(self.said))
            self.said.append(EndSays(*said_by(end, of_rows=turn.columns is not None)))
        return known[1]

    def _kind(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[int, int]:
        """The place of a turn's kind, and which of OF_RESPONSES such turns have, a bit for each."""
        end = turn.end
        kinds = self._sessions.get(turn.session)
        if kinds is None:
            kinds = self._sessions[turn.session] = {}
        alike = (turn.code, turn.columns, end if turn.failed() else type(end))
        known = kinds.get(alike)
        if known is None:
            kind = tracker.of_turn(self.capture, turn, self.mask)
            has = sum((getattr(kind, name) is not None) << bit for bit, name in enumerate(OF_RESPONSES))
            known = kinds[alike] = (len(self.kinds), has)
            self.kinds.append(kind)
        return known

    def _ends_of(self, tracker: TurnTracker) -> tuple[object, int, int, int, int]:
        """Of whom the places are, the client's port, the places of its address and of its server, and what stands for
        the connection's number where it has none."""
        known = tracker.said
        if known is None or known[0] is not self._ends:
            tcp, client = tracker.tcp, tracker.client
            (address, port), server = tcp.endpoints[client], tcp.endpoints[1 - client]
            place = self.addresses.setdefault(address, len(self.addresses))
            if tcp.number < 0:
                self._numberless.append(tracker)
            known = tracker.said = (self._ends, port, place, self._server(server), -len(self._numberless))
        return known

    def _server(self, server: tuple[str, int]) -> int:
        """The place of a server."""
        return self.servers.setdefault(server, len(self.servers))


def _gather(found: Any, cells: Any, order: Any, cell: int) -> None:
    for place in range(len(found)):
        found[place] = cells[order[place] * _WIDTH + cell]
