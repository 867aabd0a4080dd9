"""Lines that are written one behind the other as their commands end, and put into the order in which they come out."""

from __future__ import annotations

from array import array
from typing import Any, Final

from analyzer.batches import copied

# Bytes and lines that a buffer begins with, and bytes that it keeps for what comes next.
_ROOM: Final = 1 << 16
_LINES: Final = 256
_MOST_KEPT: Final = 1 << 25
# Numbers of a line: its frame, stream and number, which are its key, and where it ends in the text.
_NUMBERS: Final = 4
KEY: Final = 3
# Digits of the largest number.
DIGITS: Final = 20
# Once more: here they are numbers of C.
_KEY: Final = KEY
_DIGITS: Final = DIGITS
_ZERO: Final = ord("0")
_BLANK, _LAST, _QUOTE, _BACKSLASH = b' ~"\\'


class LineBuffer:
    """Lines of one batch. What stands in `text` up to `end` is lines, which have been noted, or the line in hand.

    Whoever writes a line asks for room, writes behind `end`, sets that, and notes the line.
    """

    __slots__ = ("_numbers", "_order", "count", "end", "text")

    def __init__(self) -> None:
        self.text = bytearray(_ROOM)
        self.end = 0
        self.count = 0
        self._numbers: Any = array("q", bytes(8 * _NUMBERS * _LINES))
        self._order: Any = array("q")

    def make_room(self, size: int) -> None:
        """So many bytes fit behind the end."""
        missing = self.end + size - len(self.text)
        if missing > 0:
            self.text += bytes(max(missing, len(self.text)))

    def add(self, frame: int, stream: int, number: int, line: bytes) -> None:
        """Takes a line that is there."""
        self.put(line)
        self.note(frame, stream, number)

    def put(self, line: bytes) -> None:
        """Writes a line that is there, or what is left of it."""
        size = len(line)
        self.make_room(size)
        self.end = put_bytes(self.text, self.end, line, size)

    def line(self, end: int) -> bytes:
        """What was written up to `end`, where nothing was noted."""
        return copied(self.text, 0, end)

    def note(self, frame: int, stream: int, number: int) -> None:
        """The line in hand is whole."""
        numbers, place = self._numbers, _NUMBERS * self.count
        if place == len(numbers):
            numbers = array("q", bytes(16 * place))
            for at in range(place):
                numbers[at] = self._numbers[at]
            self._numbers = numbers
        numbers[place], numbers[place + 1], numbers[place + 2], numbers[place + 3] = frame, stream, number, self.end
        self.count += 1

    def settle(self) -> None:
        """No line comes any more: puts them into their order. Runs that are in order are merged, two and two."""
        count = self.count
        order: Any = array("q", bytes(8 * count))
        other: Any = array("q", bytes(8 * count))
        begins = [0]
        for place in range(count):
            order[place] = place
            if place and self._is_before(place, place - 1):
                begins.append(place)
        begins.append(count)
        while len(begins) > 2:
            merged = [0]
            for at in range(0, len(begins) - 1, 2):
                middle = begins[at + 1]
                stop = begins[at + 2] if at + 2 < len(begins) else middle
                self._merge(order, other, begins[at], middle, stop)
                merged.append(stop)
            order, other, begins = other, order, merged
        self._order = order

    def _merge(self, order: Any, other: Any, begin: int, middle: int, stop: int) -> None:
        """Two runs of `order` side by side, into `other`."""
        first, second = begin, middle
        for place in range(begin, stop):
            if second == stop or (first < middle and not self._is_before(order[second], order[first])):
                other[place] = order[first]
                first += 1
            else:
                other[place] = order[second]
                second += 1

    def _is_before(self, one: int, other: int) -> bool:
        numbers = self._numbers
        mine, its = _NUMBERS * one, _NUMBERS * other
        if numbers[mine] != numbers[its]:
            return bool(numbers[mine] < numbers[its])
        if numbers[mine + 1] != numbers[its + 1]:
            return bool(numbers[mine + 1] < numbers[its + 1])
        return bool(numbers[mine + 2] < numbers[its + 2])

    def frame(self, place: int) -> int:
        """The frame of the line at a place of the order."""
        found: int = self._numbers[_NUMBERS * self._order[place]]
        return found

    def reach(self, first: int, size: int) -> int:
        """The place behind the lines from `first` on that have so many bytes; at least one, where there is one."""
        stop = first
        while stop < self.count and size > 0:
            size -= self._size(self._order[stop])
            stop += 1
        return stop

    def _size(self, line: int) -> int:
        begin: int = self._numbers[_NUMBERS * line - 1] if line else 0
        end: int = self._numbers[_NUMBERS * line + 3]
        return end - begin

    def gathered(self, first: int, stop: int, keys: Any = None, ends: Any = None) -> bytearray:
        """The text of the lines from one place of the order to another; `keys` and `ends` take their numbers."""
        size = 0
        for place in range(first, stop):
            size += self._size(self._order[place])
        found = bytearray(size)
        end = 0
        for place in range(first, stop):
            line = self._order[place]
            size = self._size(line)
            end = put_part(found, end, self.text, self._numbers[_NUMBERS * line + 3] - size, size)
            if ends is not None:
                for at in range(_KEY):
                    keys[_KEY * (place - first) + at] = self._numbers[_NUMBERS * line + at]
                ends[place - first] = end
        return found

    def place_behind(self, frame: int) -> int:
        """The place behind the lines up to a frame."""
        first, stop = 0, self.count
        while first < stop:
            middle = (first + stop) // 2
            if self.frame(middle) > frame:
                stop = middle
            else:
                first = middle + 1
        return first

    def part(self, first: int, stop: int) -> LineBuffer:
        """The lines from one place of the order to another, settled."""
        found = LineBuffer()
        for place in range(first, stop):
            line = self._order[place]
            size, at = self._size(line), _NUMBERS * line
            found.make_room(size)
            found.end = put_part(found.text, found.end, self.text, self._numbers[at + 3] - size, size)
            found.note(self._numbers[at], self._numbers[at + 1], self._numbers[at + 2])
        found.settle()
        return found

    def clear(self) -> None:
        """The lines have gone."""
        self.count = self.end = 0
        if len(self.text) > _MOST_KEPT:
            self.text = bytearray(_ROOM)


def put_bytes(text: bytearray, end: int, more: bytes | bytearray, size: int) -> int:
    """Writes so many bytes, for which there is room; returns where they end."""
    return put_part(text, end, more, 0, size)


def put_part(text: bytearray, end: int, more: bytes | bytearray, begin: int, size: int) -> int:
    """Writes so many bytes, from one on, for which there is room; returns where they end."""
    for place in range(size):
        text[end + place] = more[begin + place]
    return end + size


def put_number(line: bytearray, end: int, number: int) -> int:
    """Writes a number that is not negative; returns where it ends."""
    size = digits_of(number)
    left, place, pair = number, end + size, 0
    # What it is divided by stands as a number here: C multiplies then.
    while left >= 100:
        pair = left % 100
        left //= 100
        place -= 2
        line[place], line[place + 1] = _ZERO + pair // 10, _ZERO + pair % 10
    if left >= 10:
        line[place - 2] = _ZERO + left // 10
    line[place - 1] = _ZERO + left % 10
    return end + size


def digits_of(number: int) -> int:
    """How many digits a number has that is not negative."""
    size, bound = 1, 10
    while size < _DIGITS and number >= bound:
        size += 1
        bound *= 10
    return size


def is_plain_json(text: bytes, begin: int, end: int) -> bool:
    """Whether JSON has these bytes of a text as they are: all are printable ASCII, and none is escaped."""
    for place in range(begin, end):
        byte = text[place]
        if byte < _BLANK or byte > _LAST or byte in (_QUOTE, _BACKSLASH):
            return False
    return True
