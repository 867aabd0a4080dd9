"""Places in the two streams of a connection: sequence numbers that do not wrap."""

from __future__ import annotations

from array import array
from typing import Final

_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31


class Places:
    """The first number of a stream is its place; bytes that come 2**31 or less before or behind it have theirs.

    Places begin at 2**32, so that what stands before the first byte has one too.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = [-1, -1]

    def of(self, sender: int, number: int) -> int:
        """The place of a sequence number, and from here on what is near it."""
        last = self._last[sender]
        place = _WRAP + number if last < 0 else last + ((number - last + _HALF) & (_WRAP - 1)) - _HALF
        self._last[sender] = place
        return place

    def of_rows(self, numbers: array[int], senders: array[int], first: int, stop: int) -> None:
        """The same for many at once, in place: they are near one another."""
        one, other = last_one, last_other = self._last
        for row in range(first, stop):
            number = numbers[row]
            sender = senders[row]
            base = other if sender else one
            if base < 0:
                base = _WRAP + number
            place = base + ((number - base + _HALF) & (_WRAP - 1)) - _HALF
            numbers[row] = place
            if sender:
                last_other = place
                other = base
            else:
                last_one = place
                one = base
        self._last = [int(last_one), int(last_other)]
