"""Whether rows of result sets are whole, without a record for each: how long each of their values is.

Sources: MySQL source documentation, "Text Resultset Row", "Binary Protocol Resultset Row", "Binary Protocol Value".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from analyzer.protocol.tables.column_types import MYSQL_TYPE_TIME
from analyzer.protocol.wire.values import DATES, FIXED_SIZES

# Kinds of values: a size, or one of these.
_COUNTED: Final = 0x40
_DATE: Final = 0x41
_TIME: Final = 0x42
# Bits of a row's bitmap in front of its first column's.
_RESERVED: Final = 2
# First bytes of length-encoded integers.
_NULL: Final = 0xFB
_TWO: Final = 0xFC
_THREE: Final = 0xFD
_EIGHT: Final = 0xFE


def value_kinds(types: Iterable[int]) -> bytes:
    """What is to be known of columns of these types to tell whether a binary row is whole."""
    return bytes(map(_kind, types))


def _kind(type: int) -> int:
    if type in FIXED_SIZES:
        return FIXED_SIZES[type]
    return _DATE if type in DATES else _TIME if type == MYSQL_TYPE_TIME else _COUNTED


def text_values(data: bytes, begin: int, end: int) -> int:
    """How many values a text row from `begin` to `end` has; -1 where it is broken."""
    count, place = 0, begin
    while place < end:
        count += 1
        if data[place] == _NULL:
            place += 1
        else:
            place = counted_end(data, place, end)
            if place < 0:
                return -1
    return count


def binary_is_whole(data: bytes, begin: int, end: int, kinds: bytes) -> bool:
    """Whether a binary row from `begin` to `end` has a value of each kind, or NULL, and nothing behind them."""
    count = len(kinds)
    place = begin + 1 + ((count + 7 + _RESERVED) >> 3)
    if end > len(data) or place > end or data[begin]:
        return False
    for index in range(count):
        bit = index + _RESERVED
        if data[begin + 1 + (bit >> 3)] >> (bit & 7) & 1:
            continue
        kind = kinds[index]
        if kind < _COUNTED:
            place += kind
        elif kind == _COUNTED:
            place = counted_end(data, place, end)
            if place < 0:
                return False
        else:
            size = data[place] if place < end else 1
            if size not in (0, 4, 7, 11) if kind == _DATE else size not in (0, 8, 12):
                return False
            place += 1 + size
        if place > end:
            return False
    return place == end


def counted_end(data: bytes, place: int, end: int) -> int:
    """Where a string with its length in front ends; -1 where it is not whole."""
    if place >= end or end > len(data):
        return -1
    used = length_size(data[place])
    if not used or place + used > end:
        return -1
    size = data[place] if used == 1 else 0
    for index in range(used - 1, 0, -1):
        if size > end:  # more than there is: no number of C grows over its bounds
            return -1
        size = size << 8 | data[place + index]
    return place + used + size if size <= end - place - used else -1


def length_size(first: int) -> int:
    """Bytes of a length-encoded integer, by its first; 0: none begins so."""
    if first < _NULL:
        return 1
    return 3 if first == _TWO else 4 if first == _THREE else 9 if first == _EIGHT else 0
