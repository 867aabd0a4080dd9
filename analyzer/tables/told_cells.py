"""Loops over connections whose rows are made: what is each one's own goes into columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from analyzer.analysis.connection.kinds import ADDRESS, PLACES
from analyzer.tables.arrays import NOTHING

WIDTH: Final = len(PLACES)
# Constants of others, once more: here they are numbers of C.
_WIDTH: Final = WIDTH
_ADDRESS: Final = ADDRESS
_NOTHING: Final = NOTHING


def zeroes(code: str, count: int) -> array[int]:
    """A column of numbers to be filled."""
    return array(code, bytes(count * array(code).itemsize))


def cells_of(rows: Sequence[tuple[Any, ...]]) -> tuple[array[int], list[str]]:
    """What stands first in rows of connections, row by row; addresses of clients are places in the list behind."""
    found = zeroes("q", len(rows) * _WIDTH)
    addresses: dict[Any, int] = {}
    _fill_cells(found, rows, addresses)
    return found, [*addresses]


def items_of(
    rows: Sequence[tuple[Any, ...]], heads: array[int], begins: array[int], counts: array[int], own: Sequence[Any]
) -> array[int]:
    """Numbers of all rows, one after the other: so many from a place on, by their head; `own` where it is negative."""
    found = zeroes("q", sum(map(counts.__getitem__, heads)))
    _fill_items(found, rows, heads, begins, counts, own)
    return found


def ranges_of(heads: array[int], counts: array[int]) -> array[int]:
    """Of each row the places of its head's items, which stand one after the other for all heads."""
    begins, begin = zeroes("q", len(counts)), 0
    for head, count in enumerate(counts):
        begins[head] = begin
        begin += count
    found = zeroes("q", sum(map(counts.__getitem__, heads)))
    _fill_ranges(found, heads, begins, counts)
    return found


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


def _fill_cells(found: Any, rows: Any, addresses: Any) -> None:
    begin = 0
    for row in rows:
        for place in range(_WIDTH):
            value = row[place]
            if place == _ADDRESS:
                found[begin + place] = addresses.setdefault(value, len(addresses))
            else:
                found[begin + place] = _NOTHING if value is None else value
        begin += _WIDTH


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


def _fill_ranges(found: Any, heads: Any, begins: Any, counts: Any) -> None:
    at = 0
    for number in range(len(heads)):
        head = heads[number]
        for place in range(counts[head]):
            found[at] = begins[head] + place
            at += 1


def _fill_places(found: Any, sizes: Any, numbers: bool) -> None:
    at = 0
    for owner in range(len(sizes)):
        for number in range(sizes[owner]):
            found[at] = number if numbers else owner
            at += 1
