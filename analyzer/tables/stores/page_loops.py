"""Loops over columns for pages of Parquet: which values there are at which level, and how numbers are packed.

Encodings: https://parquet.apache.org/docs/file-format/data-pages/encodings/. A level says how much of a value is there:
how many of what it stands in, and itself. A bit of a bitmap is set where something is there; the first is the lowest.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from analyzer.analysis.line_buffer import put_part
from analyzer.tables.column_loops import zeroes

# Values of the same number that are written as a run, and of how many others a group is.
_RUN: Final = 16
_GROUP: Final = 8
# Numbers of a block of differences, and of each of its parts, which are packed by themselves.
_BLOCK: Final = 128
_PART: Final = 32
# Bytes that a block takes but for its numbers: the least difference, and how many bits those of each part have.
_HEAD: Final = 16
_MASK: Final = (1 << 64) - 1
_SIGN: Final = 1 << 63
# The lower half of a number.
_LOW: Final = (1 << 32) - 1


class PageBytes:
    """Bytes of a page that is written from the front. `size`: how many there are."""

    __slots__ = ("_cells", "_store", "size")

    def __init__(self, room: int) -> None:
        self._store = bytearray(room)
        self._cells = self._store
        self.size = 0

    def taken(self) -> memoryview:
        """The bytes so far."""
        return memoryview(self._store)[: self.size]

    def varint(self, number: int) -> None:
        """A number without a sign, in groups of seven bits."""
        while number > 127:
            self._cells[self.size] = number & 127 | 128
            self.size += 1
            number >>= 7
        self._cells[self.size] = number
        self.size += 1

    def zigzag(self, number: int) -> None:
        """A number of 64 bits whose highest is its sign."""
        self.varint(number << 1 & _MASK ^ (_MASK if number >> 63 else 0))

    def fixed(self, number: int, count: int) -> None:
        """A number in so many bytes, the lowest first."""
        for _ in range(count):
            self._cells[self.size] = number & 255
            self.size += 1
            number >>= 8


def hybrid(values: Sequence[int], width: int) -> memoryview:
    """Numbers of 32 bits as runs, and packed into `width` bits each where there are none (RLE / bit-packing hybrid)."""
    count = len(values)
    out = PageBytes((count + 7 >> 3) * width + count + 64)
    _write_hybrid(out, values, width)
    return out.taken()


def constant(value: int, width: int, count: int) -> memoryview:
    """The same of one number, so many times."""
    out = PageBytes(16)
    out.varint(count << 1)
    out.fixed(value, width + 7 >> 3)
    return out.taken()


def bitmap(bits: Any, count: int) -> bytes:
    """The same of numbers of one bit, which are in a bitmap."""
    out, groups = PageBytes(16), count + 7 >> 3
    out.varint(groups << 1 | 1)
    return b"".join((out.taken(), bits[:groups]))


def differences(values: Sequence[int]) -> memoryview:
    """Numbers of 64 bits by how far each is from the one before (DELTA_BINARY_PACKED)."""
    count = len(values)
    out = PageBytes(count * 8 + (count // _BLOCK + 2) * (_HEAD + _PART * 8) + 64)
    _write_differences(out, values)
    return out.taken()


def extremes(values: Sequence[int]) -> tuple[int, int]:
    """The least and the greatest of numbers, of which there are some."""
    return _extremes(values)


def list_levels(offsets: Sequence[int], bits: Sequence[int]) -> tuple[array[int] | None, bytearray, int]:
    """Of lists that begin and end at offsets: (levels, bits that are set where no list begins, how many levels).

    A level is 0 where a list is null (`bits`; without any all are there), 1 where it has no items, 2 of an item; None
    instead of levels that are all 2. Raises ValueError where a list that is null has items.
    """
    slots, is_full = _slots(offsets, bits)
    inside = bytearray(b"\xff") * (slots + 7 >> 3)
    if is_full:
        _clear_begins(inside, offsets)
        return None, inside, slots
    levels = zeroes("i", slots)
    _fill_levels(levels, inside, offsets, bits)
    return levels, inside, slots


def next_levels(levels: Sequence[int], least: int, inside: int, bits: Sequence[int]) -> tuple[array[int], array[int]]:
    """Levels of what stands in others, and the places of those that are there.

    It has a place for each level from `least` on, and is there where that is `inside`, and its own bit is set.
    """
    found, places = zeroes("i", len(levels)), zeroes("q", len(levels))
    return found, places[: _fill_next(found, places, levels, least, inside, bits)]


def prefixed(offsets: Sequence[int], content: bytes, places: Sequence[int]) -> bytearray:
    """Texts that begin and end at offsets: those at these places, each behind its size (PLAIN).

    Raises ValueError where one is not in its content.
    """
    found = bytearray(4 * len(places) + _size_at(offsets, len(content), places))
    _write_texts(found, offsets, content, places)
    return found


def _write_hybrid(out: PageBytes, values: Any, width: int) -> None:
    place, count = 0, len(values)
    while place < count:
        stop = _run_end(values, place)
        if stop - place >= _RUN or stop == count:
            out.varint(stop - place << 1)
            out.fixed(values[place], width + 7 >> 3)
            place = stop
            continue
        stop = place + _GROUP
        while stop < count and not _begins_run(values, stop):
            stop += _GROUP
        out.varint((stop - place) // _GROUP << 1 | 1)
        _pack(out, values, place, stop, width)
        place = stop


def _run_end(values: Any, place: int) -> int:
    """Where another number comes."""
    stop = place + 1
    while stop < len(values) and values[stop] == values[place]:
        stop += 1
    return stop


def _begins_run(values: Any, place: int) -> bool:
    """Whether a run begins that is long enough, or that is all the rest."""
    last = min(place + _RUN, len(values)) - 1
    if values[last] != values[place]:
        return False
    at = place
    while at < last and values[at] == values[place]:
        at += 1
    return at == last


def _pack(out: PageBytes, values: Any, place: int, stop: int, width: int) -> None:
    """Groups of numbers; 0 behind the last."""
    held = bits = 0
    cells, size = out._cells, out.size
    last = min(stop, len(values))
    for at in range(place, last):
        number = values[at]
        held |= number << bits
        bits += width
        while bits >= 8:
            cells[size] = held & 255
            held >>= 8
            bits -= 8
            size += 1
    end = out.size + (stop - place) // _GROUP * width
    while size < end:
        cells[size] = held & 255
        held >>= 8
        size += 1
    out.size = size


def _write_differences(out: PageBytes, values: Any) -> None:
    count = len(values)
    out.varint(_BLOCK)
    out.varint(_BLOCK // _PART)
    out.varint(count)
    out.zigzag(values[0] & _MASK if count else 0)
    found = zeroes("Q", _BLOCK)
    rest = found
    place = 1
    while place < count:
        stop = min(place + _BLOCK, count)
        least = _MASK  # with its sign turned, so that numbers below 0 come first
        before = values[place - 1] & _MASK
        for at in range(place, stop):
            now = values[at] & _MASK
            apart = now - before & _MASK
            before = now
            rest[at - place] = apart
            least = min(least, apart ^ _SIGN)
        least ^= _SIGN
        for at in range(stop - place):
            rest[at] = rest[at] - least & _MASK
        out.zigzag(least)
        _write_parts(out, rest, stop - place)
        place = stop


def _write_parts(out: PageBytes, rest: Any, count: int) -> None:
    """The parts of a block: how many bits the numbers of each have, and these."""
    sizes = out.size
    out.size += _BLOCK // _PART
    for part in range(_BLOCK // _PART):
        begin = part * _PART
        stop = min(begin + _PART, count)
        most = 0
        for at in range(begin, stop):
            most |= rest[at]
        width = 0
        while most:
            width += 1
            most >>= 1
        out._cells[sizes + part] = width
        if width:
            _pack_part(out, rest, begin, stop, width)


def _pack_part(out: PageBytes, rest: Any, begin: int, stop: int, width: int) -> None:
    held = bits = 0
    cells, size = out._cells, out.size
    low = min(width, 32)
    for at in range(begin, stop):
        number = rest[at]
        held |= (number & _LOW) << bits
        bits += low
        while bits >= 8:
            cells[size] = held & 255
            held >>= 8
            bits -= 8
            size += 1
        if width > 32:
            held |= number >> 32 << bits
            bits += width - 32
            while bits >= 8:
                cells[size] = held & 255
                held >>= 8
                bits -= 8
                size += 1
    end = out.size + _PART // 8 * width
    while size < end:
        cells[size] = held & 255
        held >>= 8
        size += 1
    out.size = size


def _extremes(values: Any) -> tuple[int, int]:
    least = most = values[0]
    for place in range(len(values)):
        number = values[place]
        least = min(least, number)
        most = max(most, number)
    return least, most


def _slots(offsets: Any, bits: Any) -> tuple[int, bool]:
    """How many levels lists have, and whether all of them have items."""
    slots, is_full = 0, True
    for place in range(len(offsets) - 1):
        size = offsets[place + 1] - offsets[place]
        if size:
            slots += size
            if len(bits) and not bits[place >> 3] >> (place & 7) & 1:
                raise ValueError("a list that is null has items")
        else:
            slots += 1
            is_full = False
    return slots, is_full


def _clear_begins(inside: Any, offsets: Any) -> None:
    for number in range(len(offsets) - 1):
        place = offsets[number] - offsets[0]
        inside[place >> 3] &= ~(1 << (place & 7)) & 255


def _fill_levels(levels: Any, inside: Any, offsets: Any, bits: Any) -> None:
    slot = 0
    for place in range(len(offsets) - 1):
        inside[slot >> 3] &= ~(1 << (slot & 7)) & 255
        size = offsets[place + 1] - offsets[place]
        if not size:
            levels[slot] = 1 if not len(bits) or bits[place >> 3] >> (place & 7) & 1 else 0
            slot += 1
        for item in range(slot, slot + size):
            levels[item] = 2
        slot += size


def _fill_next(found: Any, places: Any, levels: Any, least: int, inside: int, bits: Any) -> int:
    place = size = 0
    for slot in range(len(levels)):
        level = levels[slot]
        if level == inside and (not len(bits) or bits[place >> 3] >> (place & 7) & 1):
            places[size] = place
            size += 1
            found[slot] = level + 1
        else:
            found[slot] = level
        if level >= least:
            place += 1
    return size


def _size_at(offsets: Any, most: int, places: Any) -> int:
    size = 0
    for number in range(len(places)):
        place = places[number]
        begin, stop = offsets[place], offsets[place + 1]
        if not 0 <= begin <= stop <= most:
            raise ValueError("a text is not in its column")
        size += stop - begin
    return size


def _write_texts(found: bytearray, offsets: Any, content: bytes, places: Any) -> None:
    at = 0
    for number in range(len(places)):
        place = places[number]
        begin = offsets[place]
        size = offsets[place + 1] - begin
        for byte in range(4):
            found[at + byte] = size >> 8 * byte & 255
        at = put_part(found, at + 4, content, begin, size)
