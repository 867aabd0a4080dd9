"""Loops over connections whose rows are made: what is each one's own goes into columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from analyzer.analysis import Alike, Connection
from analyzer.analysis.connection.kinds import ADDRESS, PLACES
from analyzer.tables.column_loops import NOTHING, total, zeroes

WIDTH: Final = len(PLACES)
# Constants of others, once more: here they are numbers of C.
_WIDTH: Final = WIDTH
_ADDRESS: Final = ADDRESS
_NOTHING: Final = NOTHING
_PATHS: Final = [path.split(".") for path in PLACES]
# Which of the first cells there are, a byte for each: in the row of a connection of no kind that is said by them.
ALL: Final = b"\1" * WIDTH


def owners_of(told: list[Connection | Alike]) -> tuple[list[Any], array[int], list[tuple[Any, ...]]]:
    """What connections have their other cells from: kinds, and connections of none; of each the place of its owner; and
    what is each one's own, as kinds have it."""
    owners: list[Any] = []
    rows: list[tuple[Any, ...]] = []
    places = zeroes("q", len(told))
    _fill_owners(places, told, rows, owners)
    return owners, places, rows


def there_in(connection: Connection) -> bytes:
    """Which of the first cells connections of a kind have, as its first one says."""
    return bytes([_at(connection, path) is not None for path in _PATHS])


def cells_of(rows: list[tuple[Any, ...]], places: array[int], there: bytes) -> tuple[array[int], list[str]]:
    """What stands first in rows of connections, column by column; addresses of clients are places in the list behind.

    `there` says of each owner which columns are: a byte for each.
    """
    found = zeroes("q", len(rows) * _WIDTH)
    addresses: dict[Any, int] = {}
    _fill_cells(found, rows, places, there, addresses)
    return found, [*addresses]


def items_of(
    rows: list[tuple[Any, ...]], heads: array[int], begins: array[int], counts: array[int], own: list[Any]
) -> array[int]:
    """Numbers of all rows, one after the other: so many from a place on, by their head; `own` where it is negative."""
    found = zeroes("q", total(counts, heads))
    _fill_items(found, rows, heads, begins, counts, own)
    return found


def fill_own(
    found: array[int], rows: list[tuple[Any, ...]], heads: array[int], counts: array[int], mine: list[Any], first: int
) -> list[str]:
    """Says which texts the items are that are each client's own: `mine` says which of a head's they are, and where they
    stand in rows. Their numbers begin with `first`."""
    own: dict[str, int] = {}
    _fill_own(found, rows, heads, counts, mine, own, first)
    return [*own]


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


def _fill_owners(places: Any, told: Any, rows: Any, owners: Any) -> None:
    known: dict[int, int] = {}
    for number in range(len(told)):
        one = told[number]
        if isinstance(one, Alike):
            owner = one.kind
            rows.append(one.row)
        else:
            owner = one
            rows.append(tuple([_at(one, path) for path in _PATHS]))
        place = known.setdefault(id(owner), len(owners))
        if place == len(owners):
            owners.append(owner)
        places[number] = place


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = getattr(record, name, None)
    return record


def _fill_cells(found: Any, rows: Any, places: Any, there: Any, addresses: Any) -> None:
    count = len(rows)
    for number in range(count):
        row = rows[number]
        head = places[number] * _WIDTH
        for place in range(_WIDTH):
            value = row[place]
            if place == _ADDRESS:
                found[place * count + number] = addresses.setdefault(value, len(addresses))
            else:
                found[place * count + number] = value if there[head + place] and value is not None else _NOTHING


def _fill_own(found: Any, rows: Any, heads: Any, counts: Any, mine: Any, own: Any, first: int) -> None:
    begin = 0
    for number in range(len(heads)):
        head = heads[number]
        for place, at in mine[head]:
            found[begin + place] = own.setdefault(rows[number][at], first + len(own))
        begin += counts[head]


def _fill_items(found: Any, rows: Any, heads: Any, begins: Any, counts: Any, own: Any) -> None:
    at = 0
    for number in range(len(heads)):
        head = heads[number]
        begin = begins[head]
        row = own[head] if begin < 0 else rows[number]
        begin = max(begin, 0)
        for place in range(begin, begin + counts[head]):
            found[at] = row[place]
            at += 1


def _fill_places(found: Any, sizes: Any, numbers: bool) -> None:
    at = 0
    for owner in range(len(sizes)):
        for number in range(sizes[owner]):
            found[at] = number if numbers else owner
            at += 1
