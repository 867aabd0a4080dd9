"""Between the steps: the frames' numbers in the whole set, the clock's steps, and which buckets make a share.

Numbers are those of a merge: of the frames that come next in each file the earliest is first, of equal ones that of the
file named first. Files of a rotated set do not overlap: their numbers follow from how many frames came before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analyzer.batches import I64
from analyzer.capture.pieces import blocks_of
from analyzer.cluster.deal import PARTS, TIMES, Dealt, piece_name
from analyzer.cluster.scratch import Scratch
from analyzer.net.clock_steps import ClockStep, ClockSteps

# Both are seen to begin within so long, one with other addresses: they are looked at together.
TOGETHER_NS: Final = 1_000_000_000
# A share that is so many times larger than they are meant to be is divided by ports.
TOO_LARGE: Final = 2.0


@dataclass(frozen=True)
class FilePlace:
    """A file in the whole set: `base` frames come before it; None: the numbers of its frames stand in a file."""

    index: int
    base: int | None
    first: int


@dataclass
class Numbering:
    """Where frames stand in the whole set. `steps` are those of the clock."""

    places: list[FilePlace] = field(default_factory=list)
    steps: list[ClockStep] = field(default_factory=list)
    frames: int = 0


@dataclass(frozen=True)
class Share:
    """Buckets that are analysed together. `part`: None, or the one part of them that is followed."""

    number: int
    buckets: frozenset[int]
    part: int | None
    bytes: int


def numbers_name(index: int) -> str:
    """The file with the numbers of a capture's frames."""
    return f"numbers/{index}"


def numbered(files: Sequence[Dealt], scratch: Scratch) -> Numbering:
    """Numbers the frames of all files in the order of a merge."""
    made = Numbering()
    holding = sorted((one for one in files if one.totals.frames), key=lambda one: (one.first, one.index))
    falls = any(one.falls for one in holding)
    clock = ClockSteps() if falls else None
    for group in _groups(holding):
        if len(group) == 1:
            (only,) = group
            made.places.append(FilePlace(only.index, made.frames, only.first))
            if clock is not None:
                for times in _times(only, scratch):
                    numbers = np.arange(made.frames + 1, made.frames + 1 + len(times), dtype=np.int64)
                    clock.feed(numbers.data, times.data)
                    made.frames += len(times)
            else:
                made.frames += only.totals.frames
            continue
        made.places += [FilePlace(one.index, None, one.first) for one in group]
        made.frames = _merge(group, scratch, made.frames, clock)
    if clock is not None:
        made.steps = clock.steps
    return made


def _groups(files: Sequence[Dealt]) -> Iterator[list[Dealt]]:
    """Files that overlap in time, in the order of their first frames."""
    group: list[Dealt] = []
    latest = 0
    for one in files:
        if group and one.first > latest:
            yield group
            group = []
        latest = max(latest, one.last) if group else one.last
        group.append(one)
    if group:
        yield group


def _times(one: Dealt, scratch: Scratch) -> Iterator[I64]:
    """The times of all frames of a file."""
    with scratch.reading(piece_name(one.index)) as file:
        for batch, _ in blocks_of(file, [block for block in one.blocks if block.bucket == TIMES]):
            yield batch.timestamp_ns


class _FileTimes:
    """The times of one file, as a merge looks at them: never falling."""

    def __init__(self, one: Dealt, order: int, scratch: Scratch) -> None:
        self.order = order
        self._times = _times(one, scratch)
        self._latest = np.iinfo(np.int64).min
        self.keys: I64 = np.zeros(0, np.int64)
        self.times: I64 = self.keys
        self.done = False
        self.fill()

    def fill(self) -> None:
        while not self.done and not len(self.keys):
            times = next(self._times, None)
            if times is None:
                self.done = True
                return
            self.times = times
            self.keys = np.maximum(np.maximum.accumulate(times), self._latest)
            if len(times):
                self._latest = int(self.keys[-1])

    def take(self, bound: tuple[int, int]) -> tuple[I64, I64]:
        """(keys, times) of frames that come no later."""
        side = "right" if self.order <= bound[1] else "left"
        end = int(np.searchsorted(self.keys, bound[0], side=side))  # type: ignore[call-overload]
        taken = self.keys[:end], self.times[:end]
        self.keys, self.times = self.keys[end:], self.times[end:]
        return taken


def _merge(group: Sequence[Dealt], scratch: Scratch, before: int, clock: ClockSteps | None) -> int:
    """Writes the numbers of files that overlap; returns how many frames there are now."""
    from contextlib import ExitStack

    ordered = sorted(group, key=lambda one: one.index)
    tracks = [_FileTimes(one, order, scratch) for order, one in enumerate(ordered)]
    with ExitStack() as stack:
        outs = [stack.enter_context(scratch.writing(numbers_name(one.index))) for one in ordered]
        while True:
            active = [track for track in tracks if not track.done]
            if not active:
                return before
            bound = min((int(track.keys[-1]), track.order) for track in active)
            parts = [(track.order, *track.take(bound)) for track in active]
            rank = np.argsort(np.concatenate([keys for _, keys, _ in parts]), kind="stable")
            numbers = np.empty(len(rank), np.int64)
            numbers[rank] = np.arange(before + 1, before + 1 + len(rank))
            if clock is not None:
                ranked = np.concatenate([times for _, _, times in parts])[rank]
                clock.feed(np.sort(numbers).data, ranked.data)
            at = 0
            for order, keys, _ in parts:
                outs[order].write(numbers[at : at + len(keys)].tobytes())
                at += len(keys)
            before += len(rank)
            for track in active:
                track.fill()


def shares_of(files: Sequence[Dealt], buckets: int, wanted: int) -> list[Share]:
    """At most about `wanted` shares of nearly the same size. Buckets that hold copies of one another's connections stay
    together, and a bucket that is far too large is divided by ports."""
    size = [0] * buckets
    for one in files:
        for block in one.blocks:
            if block.bucket >= 0:
                size[block.bucket] += block.bytes
    groups = _together(files, buckets)
    groups.sort(key=lambda group: -sum(size[bucket] for bucket in group))
    total = sum(size)
    meant = max(total / wanted, 1.0)
    shares: list[tuple[set[int], int | None, int]] = []
    open_shares: list[tuple[set[int], int]] = []
    for group in groups:
        weight = sum(size[bucket] for bucket in group)
        if not weight:
            continue
        if weight > TOO_LARGE * meant and wanted > 1:
            shares += [(set(group), part, weight // PARTS) for part in range(PARTS)]
            continue
        smallest = min(range(len(open_shares)), key=lambda at: open_shares[at][1], default=-1)
        if smallest < 0 or (open_shares[smallest][1] + weight > meant and len(open_shares) < wanted):
            open_shares.append((set(group), weight))
        else:
            together, before = open_shares[smallest]
            open_shares[smallest] = together | set(group), before + weight
    shares += [(group, None, weight) for group, weight in open_shares]
    shares.sort(key=lambda share: -share[2])
    return [Share(number, frozenset(group), part, weight) for number, (group, part, weight) in enumerate(shares)]


def _together(files: Sequence[Dealt], buckets: int) -> list[list[int]]:
    """Buckets in groups: those whose connections began with the same numbers at the same time are one."""
    leader = list(range(buckets))

    def find(bucket: int) -> int:
        while leader[bucket] != bucket:
            leader[bucket] = leader[leader[bucket]]
            bucket = leader[bucket]
        return bucket

    opened = np.concatenate([one.opened for one in files]) if files else np.zeros((0, 4), np.int64)
    order = np.lexsort((opened[:, 2], opened[:, 1], opened[:, 0]))
    rows = opened[order]
    same = (rows[1:, 0] == rows[:-1, 0]) & (rows[1:, 1] == rows[:-1, 1]) & (rows[1:, 3] != rows[:-1, 3])
    same &= rows[1:, 2] - rows[:-1, 2] <= TOGETHER_NS
    for at in np.flatnonzero(same).tolist():
        leader[find(int(rows[at, 3]))] = find(int(rows[at + 1, 3]))
    groups: dict[int, list[int]] = {}
    for bucket in range(buckets):
        groups.setdefault(find(bucket), []).append(bucket)
    return list(groups.values())
