"""Several captures as one, in time order.

The rule is that of mergecap: of the frames that come next in each file the earliest is taken, of equal ones that of the
file named first. Frames of one file are never reordered among themselves, even where their times go backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from analyzer.batches import I32, I64, FrameBatch
from analyzer.capture.source import CaptureSource, open_capture, regular_size, secrets_of
from analyzer.capture.state import ReadState
from analyzer.errors import CaptureError

# Enough to see the time of a file's first frame before the merge.
PEEK_BYTES = 64 << 10


class _Track:
    """One file. Regular files are opened when the merge reaches their first frame, so that a set of thousands works.

    order   index among the names, which decides between equal times
    start   time of the first frame of a file that is not open yet
    keys    times of `batch`, never falling: what the merge compares
    """

    def __init__(self, name: str, order: int) -> None:
        self.name = name
        self.order = order
        self.size = regular_size(name)
        if self.size is None and "://" in name:
            from analyzer.capture.places import size_of_url

            self.size = size_of_url(name)
        self.start: int | None = None
        self.source: CaptureSource | None = None
        self.done = False
        self.batch: FrameBatch | None = None
        self.keys: I64 = np.zeros(0, dtype=np.int64)
        self.at = 0
        self._warnings = self._secrets = 0
        self._latest = np.iinfo(np.int64).min

    def prepare(self, batch_bytes: int) -> str:
        """Check that the source is a capture, note when it starts; returns its format. Raises CaptureError."""
        if self.size is None:
            self.source = open_capture(self.name, batch_bytes=batch_bytes)
            return self.source.format
        with open_capture(self.name, batch_bytes=min(batch_bytes, PEEK_BYTES)) as source:
            first = next(source, None)
            # A file without frames is opened at once, for its warnings and secrets.
            self.start = None if first is None else int(first.timestamp_ns[0])
            return source.format

    def open(self, state: ReadState, batch_bytes: int) -> None:
        """Open the file; one that is gone since `prepare` is a warning."""
        self.start = None
        try:
            self.source = open_capture(self.name, batch_bytes=batch_bytes)
        except CaptureError as error:
            state.stop(f"{error.source}: could be read before, but not any more: {error.reason}")
            self.done = True

    def fill(self, state: ReadState) -> None:
        """Get the next batch if there is none, and what the source has to tell."""
        source = self.source
        if source is None or self.batch is not None or self.done:
            return
        self.batch = next(source, None)
        new = source.warnings[self._warnings :]
        state.warnings.extend(new)
        self._warnings += len(new)
        payloads = source.secrets[self._secrets :]
        state.secrets.extend(payloads)
        self._secrets += len(payloads)
        state.cut_short |= source.cut_short
        if self.batch is None:
            self.done = True
            source.close()
            return
        self.keys = np.maximum(np.maximum.accumulate(self.batch.timestamp_ns), self._latest)
        self._latest = int(self.keys[-1])
        self.at = 0

    def bound(self) -> tuple[int, int]:
        """Up to here (time, order) nothing can come from this file that is not in its batch."""
        if self.start is not None:
            return self.start, self.order
        return int(self.keys[-1]), self.order

    def take(self, bound: tuple[int, int]) -> _Part | None:
        """The frames that come no later than `bound`; None if there are none."""
        batch = self.batch
        if batch is None:
            return None
        side = "right" if self.order <= bound[1] else "left"
        end = int(np.searchsorted(self.keys, bound[0], side=side))  # type: ignore[call-overload]
        if end <= self.at:
            return None
        part = _Part(self.order, self.keys[self.at : end], batch.part(slice(self.at, end)))
        part.batch.source = np.full(end - self.at, self.order, np.int32)
        self.at = end
        if end == len(batch):
            self.batch = None
        return part


class _Part:
    """Consecutive frames of one file."""

    def __init__(self, order: int, keys: I64, batch: FrameBatch) -> None:
        self.order = order
        self.keys = keys
        self.batch = batch
        self.first = (int(keys[0]), order)
        self.last = (int(keys[-1]), order)


def _interleave(parts: list[_Part]) -> FrameBatch:
    """One batch of parts that overlap in time; their bytes are copied."""
    parts.sort(key=lambda part: part.order)
    pieces: list[memoryview] = []
    offsets: list[I64] = []
    total = 0
    for part in parts:
        batch = part.batch
        # Readers deliver frames in the order of their bytes.
        low, high = int(batch.offset[0]), int(batch.offset[-1] + batch.captured[-1])
        pieces.append(memoryview(batch.data)[low:high])
        offsets.append(batch.offset + (total - low))
        total += high - low
    rank = np.argsort(np.concatenate([part.keys for part in parts]), kind="stable")
    return FrameBatch(
        data=b"".join(pieces),
        number=np.concatenate([part.batch.number for part in parts])[rank],
        timestamp_ns=np.concatenate([part.batch.timestamp_ns for part in parts])[rank],
        link_type=np.concatenate([part.batch.link_type for part in parts])[rank],
        offset=np.concatenate(offsets)[rank],
        captured=np.concatenate([part.batch.captured for part in parts])[rank],
        original=np.concatenate([part.batch.original for part in parts])[rank],
        interface=_interfaces([part.batch for part in parts], rank),
        source=np.concatenate([np.full(len(part.batch), part.order, np.int32) for part in parts])[rank],
    )


def _interfaces(batches: list[FrameBatch], rank: I64) -> I32 | None:
    """Interfaces of the interleaved frames: the numbers are those of each one's own file."""
    columns = [batch.interface for batch in batches]
    if all(column is None for column in columns):
        return None
    filled = [
        np.zeros(len(batch), np.int32) if column is None else column
        for batch, column in zip(batches, columns, strict=True)
    ]
    interleaved: I32 = np.concatenate(filled)[rank]
    return interleaved


def _in_order(parts: list[_Part]) -> list[FrameBatch]:
    """The parts as batches in time order."""
    parts.sort(key=lambda part: part.first)
    if all(left.last < right.first for left, right in pairwise(parts)):
        return [part.batch for part in parts]
    return [_interleave(parts)]


class MergedSource(CaptureSource):
    """Several sources as one. Made by `open_merged` of `analyzer.capture`.

    Frames are numbered from 1 in merged order; frames that a source left out have no number. Warnings name their own
    file, with its own offsets and frame numbers.
    """

    def __init__(self, names: Sequence[str], batch_bytes: int) -> None:
        self._batch_bytes = batch_bytes
        self._tracks = [_Track(name, order) for order, name in enumerate(names)]
        try:
            formats = {track.prepare(batch_bytes): None for track in self._tracks}
        except CaptureError:
            self._close_tracks()
            raise
        self.format = " and ".join(formats)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        super().__init__(ReadState(names[0] + more))

    def progress(self) -> tuple[int, int | None]:
        done = sum(track.source.progress()[0] for track in self._tracks if track.source is not None)
        sizes = [track.size for track in self._tracks]
        total = sum(size for size in sizes if size is not None)
        return done, None if None in sizes else total

    def secrets_ahead(self) -> list[bytes]:
        return [payload for track in self._tracks for payload in secrets_of(track.name)]

    def _close_tracks(self) -> None:
        for track in self._tracks:
            if track.source is not None:
                track.source.close()

    def close(self) -> None:
        self._batches = iter(())
        self._close_tracks()

    def _read(self) -> Iterator[FrameBatch]:
        state = self.state
        active: list[_Track] = []
        sleeping: list[_Track] = []
        for track in self._tracks:
            if track.start is not None:
                sleeping.append(track)
                continue
            if track.source is None:
                track.open(state, self._batch_bytes)
            active.append(track)
        sleeping.sort(key=_Track.bound, reverse=True)
        while True:
            for track in active:
                track.fill(state)
            active = [track for track in active if not track.done]
            bound = min((track.bound() for track in active), default=None)
            if sleeping and (bound is None or sleeping[-1].bound() < bound):
                active.append(sleeping.pop())
                active[-1].open(state, self._batch_bytes)
                continue
            if bound is None:
                return
            parts = [part for track in active if (part := track.take(bound)) is not None]
            for batch in _in_order(parts):
                first = state.frames + 1
                state.frames += len(batch)
                batch.number = np.arange(first, state.frames + 1, dtype=np.int64)
                yield batch
