"""Lines that several processes make of one capture, put into one order.

A process hands on the lines of neighbouring frames together, as one text with the place of each line; all processes cut
at the same frames, so that texts with one key are all there is between the frames of that key.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from analyzer.analysis.line_buffer import KEY, LineBuffer
from analyzer.batches import copied

# Frames whose numbers have all bits above these in common go together.
TOGETHER: Final = 10

# Numbers of a key.
_NUMBERS: Final = KEY


class Lines:
    """Lines with one key, in their order: `keys` has three numbers for each, `ends` where it ends in `text`."""

    __slots__ = ("_at", "_count", "_ends", "_keys", "_text", "key")

    def __init__(self, key: tuple[int, int], keys: Any, ends: Any, text: bytearray) -> None:
        """`keys` and `ends` are buffers of 64-bit numbers, in the order of bytes of this machine."""
        self.key = key
        self._keys = memoryview(keys).cast("B").cast("q")
        self._ends = memoryview(ends).cast("B").cast("q")
        self._text = text
        self._count = len(self._ends)
        self._at = 0

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        from pickle import PickleBuffer  # one process alone has no use for it

        return Lines, (self.key, PickleBuffer(self._keys), PickleBuffer(self._ends), PickleBuffer(self._text))

    def is_over(self) -> bool:
        """Whether all lines were taken."""
        return self._at == self._count

    def is_before(self, other: Lines) -> bool:
        """Whether the next line comes before the next of the other."""
        mine, its = _NUMBERS * self._at, _NUMBERS * other._at
        for place in range(_NUMBERS):
            if self._keys[mine + place] != other._keys[its + place]:
                return self._keys[mine + place] < other._keys[its + place]
        return True

    def taken_before(self, other: Lines | None) -> bytes:
        """The next line and those behind it that come before the next of the other; None: all that are left."""
        begin = self._ends[self._at - 1] if self._at else 0
        self._at += 1
        while self._at < self._count and (other is None or self.is_before(other)):
            self._at += 1
        end = self._ends[self._at - 1]
        if not 0 <= begin <= end <= len(self._text):
            raise IndexError(f"lines {begin} to {end} of {len(self._text)}")
        return copied(self._text, begin, end)


def in_pieces(batch: int, lines: LineBuffer) -> Iterator[tuple[tuple[int, int], Lines]]:
    """A batch's lines, which are settled, by their key: that of those before is less."""
    begin = 0
    while begin < lines.count:
        block = lines.frame(begin) >> TOGETHER
        stop = begin + 1
        while stop < lines.count and lines.frame(stop) >> TOGETHER == block:
            stop += 1
        keys, ends = array("q", bytes(8 * KEY * (stop - begin))), array("q", bytes(8 * (stop - begin)))
        text = lines.gathered(begin, stop, keys, ends)
        yield (batch, block), Lines((batch, block), keys, ends, text)
        begin = stop


def joined(pieces: Iterable[Lines]) -> Iterator[bytes]:
    """The lines of all processes in their order, many at once. Pieces come in the order of their keys."""
    for _, alike in groupby(pieces, attrgetter("key")):
        yield b"".join(merged([*alike]))


def merged(parts: list[Lines]) -> list[bytes]:
    """The lines of parts with one key, in their order: neighbours of one part together."""
    left = [part for part in parts if not part.is_over()]
    found = []
    while left:
        first, second = left[0], None
        for part in left[1:]:
            if part.is_before(first):
                first, second = part, first
            elif second is None or part.is_before(second):
                second = part
        found.append(first.taken_before(second))
        if first.is_over():
            left.remove(first)
    return found
