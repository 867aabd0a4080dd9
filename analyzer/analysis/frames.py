"""What is known of single frames: lengths, times, TCP header fields, looked up by frame number.

Only the last two batches are kept: a packet is completed by a frame of the batch in hand, or by one that was held back
because an earlier segment was late.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from analyzer.batches import FrameBatch, SegmentBatch

KEPT_BATCHES: Final = 2


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
    """Columns of one batch, without its bytes."""

    def __init__(self, batch: FrameBatch, segments: SegmentBatch, before_ns: int | None) -> None:
        self.number = batch.number
        self.timestamp_ns = batch.timestamp_ns
        self.original = batch.original
        self.captured = batch.captured
        self.segment_frame = segments.frame
        self.length = segments.length
        self.missing = segments.missing
        self.seq = segments.seq
        self.ack = segments.ack
        self.flags = segments.flags
        self.window = segments.window
        self.before_ns = before_ns

    def find(self, frame: int) -> Frame | None:
        at = int(self.number.searchsorted(frame))
        if at >= len(self.number) or int(self.number[at]) != frame:
            return None
        before = int(self.timestamp_ns[at - 1]) if at else self.before_ns
        delta = 0 if before is None else int(self.timestamp_ns[at]) - before
        head = (int(self.original[at]), int(self.captured[at]), delta)
        row = int(self.segment_frame.searchsorted(frame))
        if row >= len(self.segment_frame) or int(self.segment_frame[row]) != frame:
            return Frame(*head, None, None, None, None, None)
        length = int(self.length[row]) + int(self.missing[row])
        return Frame(*head, length, int(self.seq[row]), int(self.ack[row]), int(self.flags[row]), int(self.window[row]))


class Frames:
    """The frames of the last batches of a capture; `take` is called with each batch before it is followed."""

    def __init__(self) -> None:
        self.first_ns: int | None = None  # time of the capture's first frame
        self.settled = 0  # frames up to this one belong to batches before the one in hand
        self._last = 0
        self._last_ns: int | None = None
        self._batches: deque[_Batch] = deque(maxlen=KEPT_BATCHES)

    def take(self, batch: FrameBatch, segments: SegmentBatch) -> None:
        if not len(batch):
            return
        if self.first_ns is None:
            self.first_ns = int(batch.timestamp_ns[0])
        self.settled = self._last
        self._last = int(batch.number[-1])
        self._batches.append(_Batch(batch, segments, self._last_ns))
        self._last_ns = int(batch.timestamp_ns[-1])

    def find(self, frame: int) -> Frame | None:
        """The frame of that number, None where it is too long ago."""
        for batch in reversed(self._batches):
            found = batch.find(frame)
            if found is not None:
                return found
        return None
