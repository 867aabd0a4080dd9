"""What is known of single frames: lengths, times, TCP header fields, looked up by frame number.

Only the last batches are kept: a packet is completed by a frame of the batch in hand, or by one that was held back
because an earlier segment was late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import chain
from operator import add, sub
from typing import Final, NamedTuple

from analyzer.batches import FrameBatch, SegmentBatch

# The batch before the one in hand is kept, and more where they are small.
KEPT_FRAMES: Final = 1 << 14


class Frame(NamedTuple):
    """One frame. The TCP fields are None where the frame holds no segment of its own (a fragment)."""

    original: int
    captured: int
    delta_ns: int  # since the frame before it, 0 for the first
    tcp_length: int | None
    seq: int | None
    ack: int | None
    flags: int | None
    window: int | None


class _Batch:
    """Columns of one batch, without its bytes; lists are made of them when the first frame is asked for."""

    def __init__(self, batch: FrameBatch, segments: SegmentBatch, before_ns: int | None) -> None:
        self.number = batch.column("number")
        self.timestamp_ns = batch.column("timestamp_ns")
        self.original, self.captured = batch.column("original"), batch.column("captured")
        self.segment_frame = segments.column("frame")
        self.length, self.missing = segments.column("length"), segments.column("missing")
        self.fields = [segments.column(name) for name in ("seq", "ack", "flags", "window")]
        self.before_ns = before_ns
        # By frame: (lengths and time since the one before), and by frame: what its segment says.
        self._heads: dict[int, tuple[int, int, int]] | None = None
        self._segments: dict[int, tuple[int, int, int, int, int]] = {}

    def find(self, frame: int) -> Frame | None:
        heads = self._heads
        if heads is None:
            heads = self._heads = self._lists()
        head = heads.get(frame)
        if head is None:
            return None
        segment = self._segments.get(frame)
        return Frame(*head, None, None, None, None, None) if segment is None else Frame(*head, *segment)

    def original_of(self, frame: int) -> int:
        """Bytes of the frame on the wire; -1 where it is none of the batch. No list is made."""
        number = self.number
        place = frame - number[0]
        if not 0 <= place < len(number) or number[place] != frame:  # some were left out
            place = bisect_left(number, frame)
            if place == len(number) or number[place] != frame:
                return -1
        found: int = self.original[place]
        return found

    def _lists(self) -> dict[int, tuple[int, int, int]]:
        times = self.timestamp_ns.tolist()
        before = times[:1] if self.before_ns is None else [self.before_ns]
        delta = map(sub, times, chain(before, times))
        lengths = map(add, self.length.tolist(), self.missing.tolist())
        rows = list(zip(lengths, *(column.tolist() for column in self.fields), strict=True))
        # Of several segments of a frame the first counts.
        self._segments = dict(zip(reversed(self.segment_frame.tolist()), reversed(rows), strict=True))
        heads = zip(self.original.tolist(), self.captured.tolist(), delta, strict=True)
        return dict(zip(self.number.tolist(), heads, strict=True))


class FrameIndex:
    """The frames of the last batches of a capture; `take` is called with each batch before it is followed."""

    def __init__(self) -> None:
        self.first_ns: int | None = None  # time of the capture's first frame
        self.settled = 0  # frames up to this one belong to batches before the one in hand
        self._last = 0
        self._last_ns: int | None = None
        self._kept = 0  # frames of the batches that are kept
        self._batches: deque[_Batch] = deque()

    def take(self, batch: FrameBatch, segments: SegmentBatch) -> None:
        if not len(batch):
            return
        if self.first_ns is None:
            self.first_ns = batch.column("timestamp_ns")[0]
        self.settled = self._last
        self._last = batch.column("number")[-1]
        self._batches.append(_Batch(batch, segments, self._last_ns))
        self._kept += len(batch)
        while len(self._batches) > 2 and self._kept - len(self._batches[0].number) >= KEPT_FRAMES:
            self._kept -= len(self._batches.popleft().number)
        self._last_ns = batch.column("timestamp_ns")[-1]

    def length(self, frame: int) -> int:
        """Bytes of the frame of that number on the wire; 0 where it is too long ago."""
        for batch in reversed(self._batches):
            found = batch.original_of(frame)
            if found >= 0:
                return found
        return 0

    def find(self, frame: int) -> Frame | None:
        """The frame of that number, None where it is too long ago."""
        for batch in reversed(self._batches):
            found = batch.find(frame)
            if found is not None:
                return found
        return None
