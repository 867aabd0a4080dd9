"""Rows of commands in columns, where most are plain turns: a turn differs from others like it in numbers and text.

A kind is a real command: what is the same for all turns like it is taken from its row (`rows.command_rows`). What is
each one's own stands in cells: numbers, and places in lists of what several have in common.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from analyzer.analysis.commands.pending import plain_values, said_by, text_of
from analyzer.analysis.commands.turn_tracker import TurnTracker, shows_all
from analyzer.analysis.conversation.fast_path import QUIT
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import Endpoint
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.tables.arrays import NOTHING

# Statements of one connection that are kept.
MOST_TEXTS: Final = 256
# The cells of a row: numbers, and places among kinds, ends of responses, statements, addresses and servers.
NUMBERS: Final = (
    *("stream", "number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "rows", "bytes_request"),
    *("bytes_response", "statement_id", "client_port"),
)
PLACES: Final = ("kind", "said", "statement", "client_address", "server")
CELLS: Final = (*NUMBERS, *PLACES)
# Numbers that a turn has where its kind has them.
OF_RESPONSES: Final = ("response_frame", "latency_ns", "duration_ns", "rows")
_WIDTH: Final = len(CELLS)
_FIRST: Final = 64
# Constants of others, once more: here they are numbers of C.
_NOTHING: Final = NOTHING


class EndSays(NamedTuple):
    """What the end of a response says."""

    affected_rows: int | None
    last_insert_id: int | None
    warnings: int | None
    status_flags: list[str] | None
    info: str | None


class TurnRows:
    """A TurnRenderer for one capture: rows, by their places. Without `mask` secrets are shown.

    count      rows that are there, until they are forgotten; `bytes` those of their requests
    kinds      a real command for each kind of rows; said: EndSays, or a command; statements; addresses of clients;
               servers: what cells are places in
    bound      values of an execute, by the place of its row
    """

    __slots__ = (
        *("_capture", "_cells", "_ends", "_kinds", "_mask", "_said", "_store", "_texts", "addresses", "bound", "bytes"),
        *("count", "kinds", "said", "servers", "statements"),
    )

    def __init__(self, capture: str, mask: StatementMask | None) -> None:
        self._capture = capture
        self._mask = mask
        self._store = array("q", bytes(8 * _WIDTH * _FIRST))
        self._cells = self._store
        self.forget()

    def forget(self) -> None:
        """Rows that were there are used up."""
        self.count = self.bytes = 0
        self.kinds: list[Command] = []
        self.said: list[EndSays | Command] = []
        self.bound: dict[int, list[Any]] = {}
        self.statements: dict[str | None, int] = {}
        self.addresses: dict[str, int] = {}
        self.servers: dict[tuple[str, int], int] = {}
        # What is known of kinds: their places, and which of OF_RESPONSES they have; of ends, with what they are of;
        # of statements as they were sent. Who knows a place of a connection's says of which `ends` it is.
        self._kinds: dict[Hashable, tuple[int, int]] = {}
        self._said: dict[Hashable, tuple[object, int]] = {}
        self._texts: dict[bytes, int] = {}
        self._ends: list[object] = []

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
        address, server = self._placed((command.client, command.server))
        values = [
            *numbers,
            command.client and command.client.port,
            kind,
            said,
            self._text(command.statement),
            address,
            server,
        ]
        for place, value in enumerate(values):
            cells[begin + place] = _NOTHING if value is None else value
        if command.parameters is not None:
            self.bound[self.count - 1] = command.parameters
        return self.count - 1

    def turn(self, tracker: TurnTracker, turn: PlainTurn) -> int:
        """The row of a plain command with its plain response."""
        began, mask, statement = turn.time_ns, self._mask, turn.statement
        latency, duration, text, number = turn.first_ns - began, turn.last_ns - began, _NOTHING, _NOTHING
        bound = None
        if turn.asks:
            raw = turn.text
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
        elif statement is not None or (not turn.length and turn.statement_id is None and turn.request != QUIT):
            return self._whole(tracker, turn)
        if latency < 0 or duration < 0:
            return self._whole(tracker, turn)
        named = turn.statement_id if statement is None or turn.plan is None else statement.statement_id
        if named is not None:
            number = named
        said = self._end(turn)
        kind, has = self._kind(tracker, turn)
        ends = tracker.said
        if ends is None or ends[0] is not self._ends:
            ends = self._noted_ends(tracker)
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
        return self.command(tracker.of_turn(self._capture, turn, self._mask))

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bool]:
        """Whether all of the statement that a turn executes is known and may be shown."""
        statement = turn.statement
        if len(tracker.texts) >= MOST_TEXTS:
            tracker.texts.clear()
        tracker.texts[id(statement)] = found = (statement, shows_all(turn, self._mask))
        return found

    def _text(self, statement: str | None) -> int:
        """The place of a statement."""
        return self.statements.setdefault(statement, len(self.statements))

    def _end(self, turn: PlainTurn) -> int:
        """The place of what the end of a turn's response says."""
        end = turn.end
        said_at = (None if turn.error is not None else id(end), turn.columns is None)
        known = self._said.get(said_at)
        if known is None or (turn.error is None and known[0] is not end):
            known = self._said[said_at] = (end, len(self.said))
            self.said.append(EndSays(*said_by(end, of_rows=turn.columns is not None)))
        return known[1]

    def _kind(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[int, int]:
        """The place of a turn's kind, and which of OF_RESPONSES such turns have, a bit for each."""
        error = turn.error
        alike = (turn.code, turn.columns, turn.session, type(turn.end) if error is None else error)
        known = self._kinds.get(alike)
        if known is None:
            kind = tracker.of_turn(self._capture, turn, self._mask)
            has = sum((getattr(kind, name) is not None) << bit for bit, name in enumerate(OF_RESPONSES))
            known = self._kinds[alike] = (len(self.kinds), has)
            self.kinds.append(kind)
        return known

    def _noted_ends(self, tracker: TurnTracker) -> tuple[object, int, int, int]:
        """Of whom the places are, the client's port, and the places of its address and of its server."""
        tracker.said = found = (self._ends, tracker.ends[0].port, *self._placed(tracker.ends))
        return found

    def _placed(self, ends: tuple[Endpoint | None, Endpoint | None]) -> tuple[int, int]:
        """The places of the client's address and of the server, as far as they are known."""
        client, server = ends
        address = place = _NOTHING
        if client is not None:
            address = self.addresses.setdefault(client.address, len(self.addresses))
        if server is not None:
            place = self.servers.setdefault((server.address, server.port), len(self.servers))
        return address, place


def _gather(found: Any, cells: Any, order: Any, cell: int) -> None:
    for place in range(len(found)):
        found[place] = cells[order[place] * _WIDTH + cell]
