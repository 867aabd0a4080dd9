"""Connections whose rows are made, as they come: what is each one's own goes into columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from analyzer.analysis import Alike, Connection
from analyzer.analysis.connection.kinds import PLACES, ConnectionKind, Row
from analyzer.tables.column_loops import NOTHING, Numbers, total, zeroes
from analyzer.tables.finding_cells import FindingCells

WIDTH: Final = len(PLACES)
# Constants of others, once more: here they are numbers of C.
_WIDTH: Final = WIDTH
_NOTHING: Final = NOTHING
# As much room as this many of a kind takes a connection of none.
_OF_NO_KIND: Final = 4
# Cells that there is room for at first.
_FIRST: Final = 1 << 12
_PATHS: Final = [path.split(".") for path in PLACES]
# Which of the first cells there are, a byte for each: in the row of a connection of no kind that is said by them.
ALL: Final = b"\1" * WIDTH


def there_in(connection: Connection) -> bytes:
    """Which of the first cells connections of a kind have, as its first one says."""
    return bytes([_at(connection, path) is not None for path in _PATHS])


class ToldCells:
    """Connections as they are told of, of each what is its own: so that nothing of it is kept but numbers.

    owners  what they have their other cells from: kinds, and connections of none
    traced  the connection itself, where frames of TLS are its own; None elsewhere
    found   what was found of them; None: that is not wanted
    room    that they take: one of no kind as much as several
    """

    __slots__ = (
        *("_begins", "_cells", "_known", "_places", "_size", "_starts", "_store", "_texts", "found", "owners", "room"),
        "traced",
    )

    def __init__(self, found: FindingCells | None) -> None:
        self.found = found
        self.room = 0
        self.owners: list[ConnectionKind | Connection] = []
        self.traced: list[Alike | Connection | None] = []
        self._known: dict[int, int] = {}
        self._texts: dict[str, int] = {}
        # Where each one's cells begin, and the place of its owner.
        self._begins = Numbers()
        self._places = Numbers()
        self._starts: array[int] | None = None
        self._store = zeroes("q", _FIRST)
        self._cells = self._store
        self._size = 0

    def add(self, one: Alike | Connection) -> None:
        """Takes a connection: all are added before columns are asked for."""
        owner: object
        traced: Alike | Connection | None = one
        if isinstance(one, Alike):
            owner, row = one.kind, one.row
            self.room += 1
            if one.kind.tls is None:
                traced = None
        else:
            self.room += _OF_NO_KIND
            owner, row = one, tuple([_at(one, path) for path in _PATHS])
        place = self._known.setdefault(id(owner), len(self.owners))
        if place == len(self.owners):
            self.owners.append(owner)
        self.traced.append(traced)
        self._places.add(place)
        self._begins.add(self._size)
        self._put(row)
        if self.found is not None:
            self.found.add(one, place)

    def _put(self, row: Row) -> None:
        texts = self._texts
        begin = self._size
        self._size = begin + len(row)
        while self._size > len(self._store):
            self._store = self._store * 2
            self._cells = self._store
        cells = self._cells
        for place in range(len(row)):
            value = row[place]
            if value is None:
                cells[begin + place] = _NOTHING
            elif isinstance(value, str):
                cells[begin + place] = texts.setdefault(value, len(texts))
            else:
                cells[begin + place] = value

    def places(self) -> array[int]:
        """The place of each connection's owner."""
        return self._places.taken()

    def column(self, place: int, heads: array[int], there: bytes) -> array[int]:
        """What stands at one of the first places of all rows. `there` says of each owner which of them are: a byte for
        each."""
        found = zeroes("q", len(heads))
        _gather(found, self._cells, self._rows(), heads, there, place)
        return found

    def items(self, heads: array[int], begins: array[int], counts: array[int], own: list[Any]) -> array[int]:
        """Numbers of all rows, one after the other: so many from a place on, by their head; `own` where it is
        negative."""
        found = zeroes("q", total(counts, heads))
        _fill_items(found, self._cells, self._rows(), heads, begins, counts, own)
        return found

    def texts(self, place: int) -> tuple[list[str], array[int]]:
        """The texts at one of the first places of all rows, and which of them each has."""
        found = zeroes("q", self._begins.size())
        used: dict[int, int] = {}
        _fill_texts(found, self._cells, self._rows(), place, used)
        return self._said(used), found

    def fill_own(
        self, found: array[int], heads: array[int], counts: array[int], mine: list[Any], first: int
    ) -> list[str]:
        """Says which texts the items are that are each client's own: `mine` says which of a head's they are, and where
        they stand in rows. Their numbers begin with `first`."""
        used: dict[int, int] = {}
        _fill_own(found, self._cells, self._rows(), heads, counts, mine, used, first)
        return self._said(used)

    def _rows(self) -> array[int]:
        """Where the cells of each begin."""
        if self._starts is None:
            self._starts = self._begins.taken()
        return self._starts

    def _said(self, used: dict[int, int]) -> list[str]:
        texts = [*self._texts]
        return [texts[place] for place in used]


def repeated(sizes: array[int]) -> array[int]:
    """Each place as often as the number there says."""
    found = zeroes("q", sum(sizes))
    _fill_places(found, sizes, False)
    return found


def numbered(sizes: array[int]) -> array[int]:
    """Numbers from 0, so many as each size says."""
    found = zeroes("q", sum(sizes))
    _fill_places(found, sizes, True)
    return found


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = getattr(record, name, None)
    return record


def _gather(found: Any, cells: Any, begins: Any, heads: Any, there: Any, place: int) -> None:
    for number in range(len(found)):
        found[number] = cells[begins[number] + place] if there[heads[number] * _WIDTH + place] else _NOTHING


def _fill_texts(found: Any, cells: Any, begins: Any, place: int, used: dict[int, int]) -> None:
    for number in range(len(found)):
        text = cells[begins[number] + place]
        found[number] = text if text == _NOTHING else used.setdefault(text, len(used))


def _fill_own(
    found: Any, cells: Any, begins: Any, heads: Any, counts: Any, mine: list[Any], used: dict[int, int], first: int
) -> None:
    begin = 0
    for number in range(len(heads)):
        head = heads[number]
        for place, at in mine[head]:
            text = cells[begins[number] + at]
            found[begin + place] = used.setdefault(text, first + len(used))
        begin += counts[head]


def _fill_items(found: Any, cells: Any, rows: Any, heads: Any, begins: Any, counts: Any, own: list[Any]) -> None:
    at = 0
    for number in range(len(heads)):
        head = heads[number]
        begin = begins[head]
        if begin < 0:
            for value in own[head]:
                found[at] = value
                at += 1
            continue
        begin += rows[number]
        for place in range(begin, begin + counts[head]):
            found[at] = cells[place]
            at += 1


def _fill_places(found: Any, sizes: Any, numbers: bool) -> None:
    at = 0
    for owner in range(len(sizes)):
        for number in range(sizes[owner]):
            found[at] = number if numbers else owner
            at += 1
