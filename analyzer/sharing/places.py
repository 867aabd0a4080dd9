"""Places in the two streams of a connection: sequence numbers that do not wrap."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I64

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

    def of_rows(self, numbers: I64, senders: I64) -> I64:
        """The same for many at once, shape (n,): they are near one another."""
        places: NDArray[np.int64] = numbers.copy()
        for sender in (0, 1):
            rows = np.flatnonzero(senders == sender)
            if not len(rows):
                continue
            last = self._last[sender]
            if last < 0:
                last = self.of(sender, int(numbers[rows[0]]))
            places[rows] = last + ((numbers[rows] - last + _HALF) & (_WRAP - 1)) - _HALF
            self._last[sender] = int(places[rows[-1]])
        return places
