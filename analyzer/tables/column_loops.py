"""Loops over columns: which values are there, and what several rows have in common, for each of them.

A head is a row that others are taken from. It has so many items (`counts`) of a column, from a place on (`begins`);
where that is negative it has one that is nothing. `places` says of each row which head it is taken from.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pickle import PickleBuffer
from typing import Any, Final

# What stands in a column of numbers where there is none.
NOTHING: Final = -1 << 63
# Once more: here it is a number of C.
_NOTHING: Final = NOTHING
_MOST: Final = (1 << 31) - 1
_ZERO: Final = ord("0")
# Numbers of a growing column that there is room for at first.
_FIRST: Final = 1 << 6
# Bits that are sorted by at a time.
_DIGIT: Final = 11
_DIGITS: Final = 1 << _DIGIT


def zeroes(code: str, count: int) -> array[int]:
    """A column of numbers to be filled."""
    return array(code, (0,)) * count  # of bytes it would be made in two copies, each in new memory


class Numbers:
    """A column of numbers that grows."""

    __slots__ = ("_cells", "_room", "_size", "_store")

    def __init__(self) -> None:
        self._store = zeroes("q", _FIRST)
        self._cells = self._store
        self._size = 0
        self._room = _FIRST

    def size(self) -> int:
        """How many there are."""
        return self._size

    def add(self, number: int) -> None:
        """Another number."""
        if self._size == self._room:
            self._store = self._store * 2
            self._cells = self._store
            self._room *= 2
        self._cells[self._size] = number
        self._size += 1

    def taken(self) -> array[int]:
        """The numbers so far."""
        return self._store[: self._size]


def sent(store: Any, size: int) -> PickleBuffer:
    """The first of some numbers on their way to another process: they are not copied into the pickle."""
    return PickleBuffer(memoryview(store)[:size].cast("B"))


def received(sent: Any) -> Any:
    """Such numbers there."""
    return memoryview(sent).cast("B").cast("q")


def bits_of(values: Sequence[int]) -> bytearray | None:
    """A bit for each number, set where it is there; None: all are."""
    if not _missing(values):
        return None
    found = bytearray(len(values) + 7 >> 3)
    _fill_bits(found, values)
    return found


def placed(places: Sequence[int], nothing: int) -> Sequence[int]:
    """Places, with `nothing` in place of NOTHING: the same ones where that is not among them."""
    if not _missing(places):
        return places
    found = zeroes("q", len(places))
    _fill_placed(found, places, nothing)
    return found


def narrowed(places: Sequence[int]) -> array[int]:
    """Places as numbers of 32 bits; 0 where one is NOTHING."""
    found = zeroes("i", len(places))
    _narrow(found, places)
    return found


def picked(source: Sequence[int], code: str, places: Sequence[int]) -> array[int]:
    """The numbers at these places; 0 where one is NOTHING. `code`: i or q, what numbers of an array they are."""
    found = zeroes(code, len(places))
    if code == "i":
        _pick_ints(found, source, places)
    else:
        _pick_longs(found, source, places)
    return found


def picked_bits(source: Sequence[int], places: Sequence[int]) -> bytearray:
    """The same of bits."""
    found = bytearray(len(places) + 7 >> 3)
    _pick_bits(found, source, places)
    return found


def total(counts: array[int], places: Sequence[int]) -> int:
    """How many items all rows have."""
    return int(_total(counts, places))


def begins_of(counts: array[int]) -> array[int]:
    """Where the items of each head begin, where they stand one behind the other."""
    return array("q", offsets_of(counts)[:-1])


def item_places(begins: array[int], counts: array[int], places: Sequence[int]) -> array[int]:
    """The place of each item of all rows; NOTHING where a head has nothing."""
    found = zeroes("q", total(counts, places))
    _fill_item_places(found, begins, counts, places)
    return found


def offsets(source: Sequence[int], begins: array[int], counts: array[int], places: Sequence[int]) -> array[int]:
    """Where the items of all rows begin, whose sizes are those between numbers of `source`; and where the last ends."""
    found = zeroes("i", total(counts, places) + 1)
    _fill_offsets(found, source, begins, counts, places)
    return found


def offsets_of(sizes: Sequence[int]) -> array[int]:
    """Where items of these sizes begin, and where the last ends; one that is NOTHING has none."""
    found = zeroes("i", len(sizes) + 1)
    _add_up(found, sizes)
    return found


def text_offsets(texts: list[bytes]) -> array[int]:
    """Where texts begin that stand one behind the other, and where the last ends."""
    found = zeroes("i", len(texts) + 1)
    _add_up_texts(found, texts)
    return found


def sorted_places(keys: array[int], first: int) -> array[int]:
    """Places of numbers, which are counted from `first` on, those of the least first; equal ones stay in order."""
    order, other = zeroes("q", len(keys)), zeroes("q", len(keys))
    least, reach = _count_up(order, keys)
    shift = 0
    while reach >> shift:
        _sort_by(other, order, keys, least, shift)
        order, other = other, order
        shift += _DIGIT
    _shift(order, first)
    return order


def ipv4_keys(addresses: list[Any]) -> list[str | None]:
    """Addresses as 4: and their number in hexadecimal; None for what is not four plain numbers."""
    return _keys(addresses)


def _keys(addresses: list[Any]) -> list[str | None]:
    found: list[str | None] = []
    for address in addresses:
        number = -1 if address is None else _ipv4(address)
        found.append(None if number < 0 else f"4:{number:08x}")
    return found


def _ipv4(address: str) -> int:
    number = part = digits = dots = 0
    for letter in address:
        if "0" <= letter <= "9" and digits < 3 and (part or not digits):
            part = part * 10 + ord(letter) - _ZERO
            digits += 1
        elif letter == "." and digits and dots < 3:
            number = number << 8 | part
            dots += 1
            part = digits = 0
        else:
            return -1
        if part > 255:
            return -1
    return number << 8 | part if dots == 3 and digits else -1


def _count_up(order: Any, keys: Any) -> tuple[int, int]:
    """Numbers the places; the least number, and how much greater than it the greatest is."""
    least = most = keys[0] if len(keys) else 0
    for place in range(len(order)):
        order[place] = place
        least, most = min(least, keys[place]), max(most, keys[place])
    return least, most - least


def _shift(order: Any, first: int) -> None:
    for place in range(len(order)):
        order[place] += first


def _sort_by(found: Any, order: Any, keys: Any, least: int, shift: int) -> None:
    begins = zeroes("q", _DIGITS + 1)
    for place in range(len(order)):
        begins[(keys[order[place]] - least >> shift & _DIGITS - 1) + 1] += 1
    for digit in range(_DIGITS):
        begins[digit + 1] += begins[digit]
    for place in range(len(order)):
        digit = keys[order[place]] - least >> shift & _DIGITS - 1
        found[begins[digit]] = order[place]
        begins[digit] += 1


def _missing(values: Any) -> int:
    count = 0
    for place in range(len(values)):
        if values[place] == _NOTHING:
            count += 1
    return count


def _fill_bits(found: Any, values: Any) -> None:
    for place in range(len(values)):
        if values[place] != _NOTHING:
            found[place >> 3] |= 1 << (place & 7)


def _fill_placed(found: Any, places: Any, nothing: int) -> None:
    for number in range(len(places)):
        place = places[number]
        found[number] = nothing if place == _NOTHING else place


def _narrow(found: Any, places: Any) -> None:
    for number in range(len(places)):
        place = places[number]
        found[number] = 0 if place == _NOTHING else place


def _pick_longs(found: Any, source: Any, places: Any) -> None:
    for number in range(len(places)):
        place = places[number]
        if place >= 0:
            found[number] = source[place]


def _pick_ints(found: Any, source: Any, places: Any) -> None:
    for number in range(len(places)):
        place = places[number]
        if place >= 0:
            found[number] = source[place]


def _pick_bits(found: Any, source: Any, places: Any) -> None:
    for number in range(len(places)):
        place = places[number]
        if place >= 0 and source[place >> 3] >> (place & 7) & 1:
            found[number >> 3] |= 1 << (number & 7)


def _total(counts: Any, places: Any) -> int:
    size = 0
    for number in range(len(places)):
        size += counts[places[number]]
    return size


def _fill_item_places(found: Any, begins: Any, counts: Any, places: Any) -> None:
    at = 0
    for number in range(len(places)):
        head = places[number]
        begin = begins[head]
        for place in range(counts[head]):
            found[at] = begin + place if begin >= 0 else _NOTHING
            at += 1


def _fill_offsets(found: Any, source: Any, begins: Any, counts: Any, places: Any) -> None:
    at = size = 0
    for number in range(len(places)):
        head = places[number]
        begin = begins[head]
        for place in range(begin, begin + counts[head]):
            if begin >= 0:
                size += source[place + 1] - source[place]
            at += 1
            if size > _MOST:
                raise OverflowError("a column of texts is too long")
            found[at] = size


def _add_up(found: Any, sizes: Any) -> None:
    size = 0
    for place in range(len(sizes)):
        if sizes[place] != _NOTHING:
            size += sizes[place]
        if size > _MOST:
            raise OverflowError("a column of lists is too long")
        found[place + 1] = size


def _add_up_texts(found: Any, texts: list[bytes]) -> None:
    size = 0
    for place in range(len(texts)):
        size += len(texts[place])
        if size > _MOST:
            raise OverflowError("a column of texts is too long")
        found[place + 1] = size
