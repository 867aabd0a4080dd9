"""The interfaces of the pcapng sections that lie in one window, and what they say of dropped frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from analyzer.batches import I32, I64, U64
from analyzer.capture.clocks import Clock
from analyzer.capture.pcapng_blocks import MAX_BLOCK, MAX_INTERFACES, Drops, InterfaceDescription

# A counter with all bits set is one that was not kept.
UNKNOWN = 0xFFFF_FFFF_FFFF_FFFF


class Described(NamedTuple):
    """Which interfaces frames from the one with index `before` on may name: `number` of them from row `base` of the
    table. `snaplen` is the first one's, which is that of simple packet blocks."""

    before: int
    base: int
    number: int
    snaplen: int


class Interfaces:
    """A row for each interface of the sections since the last `forget`; frames are told by their index since then."""

    def __init__(self) -> None:
        self._rows = 0
        # Longer than the rows, for appending without a copy each time.
        self._links: I32 = np.zeros(8, dtype=np.int32)
        self._clock_of: I64 = np.zeros(8, dtype=np.int64)
        self._clocks: dict[Clock, int] = {}
        self._described = [Described(0, 0, 0, MAX_BLOCK)]
        self._dropped: dict[int, Drops] = {}
        self._before: tuple[int, int] = (0, 0)

    def new_section(self, before: int) -> None:
        """A section begins before the frame with index `before`."""
        self._close()
        self._describe(Described(before, self._rows, 0, MAX_BLOCK))

    def _describe(self, described: Described) -> None:
        if self._described[-1].before == described.before:
            self._described.pop()
        self._described.append(described)

    def add(self, interface: InterfaceDescription, before: int) -> bool:
        """One more interface, described before the frame with index `before`; False where there are too many."""
        last = self._described[-1]
        if last.number == MAX_INTERFACES:
            return False
        row = self._rows
        if row == len(self._links):
            self._links = np.concatenate([self._links, np.zeros_like(self._links)])
            self._clock_of = np.concatenate([self._clock_of, np.zeros_like(self._clock_of)])
        self._links[row] = interface.link_type
        self._clock_of[row] = self._clocks.setdefault(interface.clock, len(self._clocks))
        self._rows += 1
        snaplen = last.snaplen if last.number else interface.snaplen or MAX_BLOCK
        self._describe(Described(before, last.base, last.number + 1, snaplen))
        return True

    def of_frames(self, count: int) -> tuple[I64 | int, I64 | int, I64 | int]:
        """For `count` frames: first row of their interfaces, how many there are, snap length of the first.

        Numbers where they are the same for all of them, else arrays of shape (count,).
        """
        described = self._described
        if len(described) == 1:
            return described[0].base, described[0].number, described[0].snaplen
        columns: I64 = np.array(described, dtype=np.int64)
        times = np.diff(np.append(np.minimum(columns[:, 0], count), count))
        base, number, snaplen = (np.repeat(columns[:, index], times) for index in (1, 2, 3))
        return base, number, snaplen

    @property
    def several(self) -> bool:
        """Whether some section has more than one interface."""
        return any(described.number > 1 for described in self._described)

    def links(self, rows: I64) -> I32:
        """Link types of the interfaces in these rows."""
        found: I32 = self._links[rows]
        return found

    def times(self, ticks: U64, rows: I64) -> I64:
        """Nanoseconds of time stamps, each in the ticks of its interface."""
        clocks = list(self._clocks)
        if len(clocks) == 1:
            return clocks[0].to_ns(ticks)
        which = self._clock_of[rows]
        order = np.argsort(which, kind="stable")
        result: I64 = np.zeros(len(ticks), dtype=np.int64)
        for part in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
            if len(part):
                result[part] = clocks[which[part[0]]].to_ns(ticks[part])
        return result

    def forget(self) -> None:
        """Frames are counted from 0 again; interfaces of sections that are over are not needed any more."""
        last = self._described[-1]
        if last.base:
            kept = slice(last.base, self._rows)
            names = list(self._clocks)
            clocks = [names[index] for index in self._clock_of[kept].tolist()]
            self._rows = last.number
            self._links[: last.number] = self._links[kept].copy()
            self._clocks = {}
            for row, clock in enumerate(clocks):
                self._clock_of[row] = self._clocks.setdefault(clock, len(self._clocks))
        self._described = [last._replace(before=0, base=0)]

    # -- dropped frames ------------------------------------------------------------------------------------------------

    def add_drops(self, drops: Drops) -> None:
        """An interface's counters, which go on from when the capture began: the latest count."""
        if drops.interface < self._described[-1].number:
            self._dropped[drops.interface] = drops

    def _close(self) -> None:
        self._before = self._drops()
        self._dropped.clear()

    def _drops(self) -> tuple[int, int]:
        dropped, system = self._before
        for drops in self._dropped.values():
            dropped += drops.dropped if drops.dropped != UNKNOWN else 0
            system += drops.system if drops.system != UNKNOWN else 0
        return dropped, system

    def told(self) -> Iterator[str]:
        """What the counters say, if anything."""
        dropped, system = self._drops()
        if dropped and dropped == system:  # dumpcap writes one counter as both
            yield f"the file says that {dropped:,} frames were dropped while it was captured"
        elif dropped or system:
            by = f"{dropped:,} by the interface, {system:,} by the operating system"
            yield f"the file says that {dropped + system:,} frames were dropped while it was captured ({by})"
