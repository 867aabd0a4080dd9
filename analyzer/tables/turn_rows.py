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
from analyzer.analysis.conversation.login_shapes import PlainSession, SessionShape, turns_of
from analyzer.analysis.conversation.plain_turn import CLOSE, PREPARE, QUERY, PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.tables.column_loops import NOTHING, received, sent, sorted_places, zeroes

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
# Commands that change nothing of what is known of their connection.
_PLAIN: Final = frozenset({QUERY, QUIT[-1]})
# What ends of responses are; the one place of what errors say.
_FORMS: Final[dict[type, int]] = {type(None): 0, OKPacket: 1, EOFPacket: 2}
_UNSAID: Final = 1


class EndSays(NamedTuple):
    """What the end of a response says."""

    affected_rows: int | None
    last_insert_id: int | None
    warnings: int | None
    status_flags: list[str] | None
    info: str | None


class TurnPart(NamedTuple):
    """Rows of commands in their order: the columns of their cells, and what these are places in (see TurnRows).

    bound  values of an execute, of each row; empty where none has any
    """

    cells: dict[str, array[int]]
    kinds: list[Command]
    said: list[EndSays | Command]
    statements: list[str | None]
    addresses: list[str]
    servers: list[tuple[str, int]]
    bound: list[list[Any] | None]

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process."""
        cells = {name: sent(column, len(column)) for name, column in self.cells.items()}
        return _received, (cells, *self[1:])


class Ends:
    """Whose turns are taken, as rows say it: places among the addresses and servers of `rows`.

    number   what stands for the connection's number where it has none
    session  (database, user), and the kinds that are known of turns then
    """

    __slots__ = ("address", "kinds", "number", "port", "rows", "server", "session")

    def __init__(self, rows: object, address: int, port: int, server: int, number: int) -> None:
        self.rows = rows
        self.address = address
        self.port = port
        self.server = server
        self.number = number
        self.session: tuple[str | None, str | None] | None = None
        self.kinds: dict[Hashable, TurnKind] = {}


class TurnKind:
    """A kind of turns: its place, and which of OF_RESPONSES such turns have, a bit for each."""

    __slots__ = ("has", "place")

    def __init__(self, place: int, has: int) -> None:
        self.place = place
        self.has = has


class TurnRows(TurnSink):
    """Takes the commands of one capture as rows, by their places.

    count      rows that are there, until they are forgotten; `bytes` those of their requests
    kinds      a real command for each kind of rows; said: EndSays, or a command; statements; addresses of clients;
               servers: what cells are places in
    bound      values of an execute, by the place of its row
    """

    __slots__ = (
        *(
            "_cells",
            "_ends",
            "_kinds",
            "_known_rows",
            "_numberless",
            "_said",
            "_session",
            "_sessions",
            "_settled",
            "_store",
            "_texts",
        ),
        *("addresses", "bound", "bytes", "count", "kinds", "said", "servers", "statements"),
    )

    def __init__(self) -> None:
        super().__init__(0)
        self.whole = True
        self._store = zeroes("q", _WIDTH * _FIRST)
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
        self._sessions: dict[tuple[str | None, str | None], dict[Hashable, TurnKind]] = {}
        self._session: tuple[str | None, str | None] | None = None
        self._kinds: dict[Hashable, TurnKind] = {}
        self._said: dict[int, tuple[object, int]] = {}
        self._texts: dict[bytes, int] = {}
        self._ends: list[object] = []
        # Rows of sessions that are known as a whole, with places among the segments behind their logins in place of
        # frames and times; None where they can not be taken from rows.
        self._known_rows: dict[SessionShape, array[int] | None] = {}

    def add(self, frame: int, tracker: TurnTracker, each: PlainTurn | PendingCommand) -> None:
        """Takes a command."""
        if isinstance(each, PlainTurn):
            place = self.turn(tracker, each)
        else:
            place = self.command(tracker.command(self.capture, each, self.mask))
        self._cells[place * _WIDTH + _ENDED] = frame
        if tracker.tcp.number < 0:
            self._cells[place * _WIDTH] = self._ends_of(tracker).number

    def session(self, tracker: TurnTracker, plain: object, ends: dict[int, Any]) -> bool:
        """Takes the rows of a session from those of others that said the same."""
        if not isinstance(plain, PlainSession) or plain.session is None or plain.behind is None:
            return False
        session, (frames, times) = plain.session, plain.behind
        if session not in self._known_rows:
            self._known_rows[session] = self._rows_of(tracker, plain, ends)
        rows = self._known_rows[session]
        if rows is None:
            return False
        known, count = rows, len(rows) // _WIDTH
        for row in range(count):
            at = row * _WIDTH
            asked, latency, duration = known[at + 4], known[at + 5], known[at + 6]
            if latency != _NOTHING and (
                times[asked + latency] < times[asked] or times[asked + duration] < times[asked]
            ):
                return False  # a clock goes back
        if not count:
            return True
        whose = self._ends_of(tracker)
        stream = whose.number if tracker.tcp.number < 0 else tracker.tcp.number
        for row in range(count):
            at = row * _WIDTH
            begin = self._row(known[at + 8])
            cells = self._cells
            for place in range(_WIDTH):
                cells[begin + place] = known[at + place]
            asked, answered, latency, duration = known[at + 4], known[at + 3], known[at + 5], known[at + 6]
            began = times[asked]
            cells[begin], cells[begin + 2], cells[begin + 4] = stream, frames[known[at + 2]], began
            if answered != _NOTHING:
                cells[begin + 3] = frames[answered]
            if latency != _NOTHING:
                cells[begin + 5], cells[begin + 6] = times[asked + latency] - began, times[asked + duration] - began
            cells[begin + 11], cells[begin + 15], cells[begin + 16] = whose.port, whose.address, whose.server
            cells[begin + _ENDED] = frames[known[at + _ENDED]]
        tracker.number = count
        return True

    def _rows_of(self, tracker: TurnTracker, plain: PlainSession, ends: dict[int, Any]) -> array[int] | None:
        """The rows of a session with places; None where some command is more than a row, or changes what is known."""
        session = plain.session
        if session is None or not _PLAIN.issuperset(session.codes):
            return None
        before, size, bound, ended = self.count, self.bytes, len(self.bound), len(self.said)
        places = [*range(len(session.said))]
        turns_of(tracker.client, plain.shape, ends, session.said, places, places, tracker.again())
        rows = self._store[before * _WIDTH : self.count * _WIDTH]
        alone = len(self.bound) == bound and not any(isinstance(one, Command) for one in self.said[ended:])
        for place in range(before, self.count):
            self.bound.pop(place, None)
        self.count, self.bytes = before, size
        whole = alone and len(rows) == sum(session.answers.counts.values()) * _WIDTH
        timed = [took != NOTHING for took in rows[5::_WIDTH]] == [took != NOTHING for took in rows[6::_WIDTH]]
        return rows if whole and timed else None

    def ordered(self) -> array[int]:
        """The rows since the last time, in the order in which commands ended: all connections have numbers now."""
        begin, self._settled = self._settled, self.count
        self._number(begin)
        order = sorted_places(self._ended(begin), begin)
        if self._is_mixed(order):
            order = array("q", sorted(order, key=self._turn_of))
        return order

    def _ended(self, begin: int) -> array[int]:
        """The frames in which commands ended, from a row on."""
        found = zeroes("q", self.count - begin)
        _gather_from(found, self._cells, begin, _ENDED)
        return found

    def _number(self, begin: int) -> None:
        """Says in rows, from a place on, what numbers their connections have."""
        _fill_numbers(self._cells, begin, self.count, self._numberless)
        self._numberless.clear()

    def _is_mixed(self, order: Any) -> bool:
        """Whether commands that ended in one frame are in another order than that of their connections and numbers."""
        cells = self._cells
        for place in range(1, len(order)):
            before, begin = order[place - 1] * _WIDTH, order[place] * _WIDTH
            if cells[before + _ENDED] == cells[begin + _ENDED] and (
                cells[before] > cells[begin] or (cells[before] == cells[begin] and cells[before + 1] > cells[begin + 1])
            ):
                return True
        return False

    def _turn_of(self, place: int) -> tuple[int, int, int]:
        """In which order a row is told of: by the frame in which its command ended, its stream and its number."""
        begin = place * _WIDTH
        return self._cells[begin + _ENDED], self._cells[begin], self._cells[begin + 1]

    def column(self, cell: int, order: Sequence[int]) -> array[int]:
        """The cells of rows at these places."""
        found = zeroes("q", len(order))
        _gather(found, self._cells, order, cell)
        return found

    def part(self, order: array[int]) -> TurnPart:
        """The rows at these places."""
        bound = self.bound
        return TurnPart(
            {name: self.column(place, order) for place, name in enumerate((*NUMBERS, *PLACES))},
            self.kinds,
            self.said,
            [*self.statements],
            [*self.addresses],
            [*self.servers],
            [*map(bound.get, order)] if bound else [],
        )

    def parts(self, order: array[int], most: int, room: int) -> Iterator[TurnPart]:
        """Rows at these places, in parts of no more than `most`, and not many more bytes of requests than `room`."""
        if len(order) <= most and self.bytes <= room:
            yield self.part(order)
            return
        begin = size = 0
        for place, taken in enumerate(self.column(CELLS.index("bytes_request"), order)):
            if place - begin == most or size >= room:
                yield self.part(order[begin:place])
                begin, size = place, 0
            size += taken
        yield self.part(order[begin:])

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
        kind = self._kind(tracker, ends, turn)
        has = kind.has
        begin = self._row(len(turn.request))
        cells = self._cells
        cells[begin], cells[begin + 1], cells[begin + 2] = tracker.tcp.number, turn.number, turn.frame
        cells[begin + 3] = turn.response_frame if has & 1 else _NOTHING
        cells[begin + 4] = began
        cells[begin + 5] = latency if has & 2 else _NOTHING
        cells[begin + 6] = duration if has & 4 else _NOTHING
        cells[begin + 7] = turn.rows if has & 8 else _NOTHING
        cells[begin + 8], cells[begin + 9], cells[begin + 10] = len(turn.request), turn.length, number
        cells[begin + 12], cells[begin + 13], cells[begin + 14] = kind.place, said, text
        cells[begin + 11], cells[begin + 15], cells[begin + 16] = ends.port, ends.address, ends.server
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
        end, of_rows = turn.end, turn.columns is not None
        said_at = _UNSAID if turn.failed() else id(end)
        if not of_rows:
            said_at = -said_at
        known = self._said.get(said_at)
        if known is None:
            known = self._said[said_at] = (end, len(self.said))  # while it is here, no other has its id
            self.said.append(EndSays(*said_by(end, of_rows=of_rows)))
        return known[1]

    def _kind(self, tracker: TurnTracker, ends: Ends, turn: PlainTurn) -> TurnKind:
        """The kind of a turn."""
        session, end, columns = turn.session, turn.end, turn.columns
        if session is not ends.session:
            if session is not self._session:  # that of most connections is the one of the last
                self._session, self._kinds = session, self._sessions.setdefault(session, {})
            ends.session, ends.kinds = session, self._kinds
        alike: Hashable
        if turn.failed():
            alike = (turn.code, columns, end)
        else:
            alike = turn.code << 2 | _FORMS[type(end)] | (0 if columns is None else columns + 1 << 10)
        known = ends.kinds.get(alike)
        if known is None:
            kind = tracker.of_turn(self.capture, turn, self.mask)
            has = 0
            for bit, name in enumerate(OF_RESPONSES):
                if getattr(kind, name) is not None:
                    has |= 1 << bit
            known = ends.kinds[alike] = TurnKind(len(self.kinds), has)
            self.kinds.append(kind)
        return known

    def _ends_of(self, tracker: TurnTracker) -> Ends:
        """Whose turns a tracker has."""
        known: Ends | None = tracker.said
        if known is not None and known.rows is self._ends:
            return known
        tcp, client = tracker.tcp, tracker.client
        (address, port), server = tcp.endpoints[client], tcp.endpoints[1 - client]
        place = self.addresses.setdefault(address, len(self.addresses))
        if tcp.number < 0:
            self._numberless.append(tracker)
        found = Ends(self._ends, place, port, self._server(server), -len(self._numberless))
        tracker.said = found
        return found

    def _server(self, server: tuple[str, int]) -> int:
        """The place of a server."""
        return self.servers.setdefault(server, len(self.servers))


def _received(cells: dict[str, Any], *others: Any) -> TurnPart:
    return TurnPart({name: received(column) for name, column in cells.items()}, *others)


def _gather(found: Any, cells: Any, order: Any, cell: int) -> None:
    for place in range(len(found)):
        found[place] = cells[order[place] * _WIDTH + cell]


def _gather_from(found: Any, cells: Any, begin: int, cell: int) -> None:
    for place in range(len(found)):
        found[place] = cells[(begin + place) * _WIDTH + cell]


def _fill_numbers(cells: Any, begin: int, stop: int, trackers: list[TurnTracker]) -> None:
    for place in range(begin, stop):
        stream = cells[place * _WIDTH]
        if stream < 0:
            tracker = trackers[-1 - stream]
            cells[place * _WIDTH] = tracker.tcp.number
