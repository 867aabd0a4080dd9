"""The interfaces of the pcapng sections that lie in one window, and what they say of dropped frames."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from analyzer.batches import zeros
from analyzer.capture.clocks import Clock
from analyzer.capture.pcapng_blocks import MAX_BLOCK, MAX_INTERFACES, Drops, InterfaceDescription

# A counter with all bits set is one that was not kept.
UNKNOWN = 0xFFFF_FFFF_FFFF_FFFF


class Described(msgspec.Struct, frozen=True):
    """Which interfaces frames from the one with index `before` on may name: `number` of them from row `base` of the
    table. `snaplen` is the first one's, which is that of simple packet blocks."""

    before: int
    base: int
    number: int
    snaplen: int


class Interfaces:
    """A row for each interface of the sections since the last `forget`; frames are told by their index since then."""

    def __init__(self) -> None:
        self._links = array("i")
        self._clock_of: list[int] = []
        self._clocks: dict[Clock, int] = {}
        self._described = [Described(0, 0, 0, MAX_BLOCK)]
        self._dropped: dict[int, Drops] = {}
        self._before: tuple[int, int] = (0, 0)

    def new_section(self, before: int) -> None:
        """A section begins before the frame with index `before`."""
        self._close()
        self._describe(Described(before, len(self._links), 0, MAX_BLOCK))

    def _describe(self, described: Described) -> None:
        if self._described[-1].before == described.before:
            self._described.pop()
        self._described.append(described)

    def add(self, interface: InterfaceDescription, before: int) -> bool:
        """One more interface, described before the frame with index `before`; False where there are too many."""
        last = self._described[-1]
        if last.number == MAX_INTERFACES:
            return False
        self._links.append(interface.link_type)
        self._clock_of.append(self._clocks.setdefault(interface.clock, len(self._clocks)))
        snaplen = last.snaplen if last.number else interface.snaplen or MAX_BLOCK
        self._describe(Described(before, last.base, last.number + 1, snaplen))
        return True

    def of_frames(self, count: int) -> Iterator[tuple[int, int, Described]]:
        """The first `count` frames in parts that may name the same interfaces: from which index to which."""
        ends = [*(described.before for described in self._described[1:]), count]
        for described, end in zip(self._described, ends, strict=True):
            if described.before < min(end, count):
                yield described.before, min(end, count), described

    @property
    def several(self) -> bool:
        """Whether some section has more than one interface."""
        return any(described.number > 1 for described in self._described)

    def links(self, rows: memoryview) -> memoryview:
        """Link types of the interfaces in these rows."""
        links = self._links
        return memoryview(links * len(rows) if len(links) == 1 else array("i", [links[row] for row in rows]))

    def times(self, ticks: memoryview, rows: memoryview) -> memoryview:
        """Nanoseconds of time stamps, each in the ticks of its interface."""
        clocks = list(self._clocks)
        if len(clocks) == 1:
            return clocks[0].to_ns(ticks)
        places: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(self._clock_of[row], []).append(place)
        times = zeros("q", len(ticks))
        for clock, those in places.items():
            part = memoryview(array("Q", [ticks[place] for place in those]))
            for place, time_ns in zip(those, clocks[clock].to_ns(part), strict=True):
                times[place] = time_ns
        return times

    def forget(self) -> None:
        """Frames are counted from 0 again; interfaces of sections that are over are not needed any more."""
        last = self._described[-1]
        if last.base:
            names = list(self._clocks)
            clocks = [names[index] for index in self._clock_of[last.base :]]
            self._links = self._links[last.base :]
            self._clocks = {}
            self._clock_of = [self._clocks.setdefault(clock, len(self._clocks)) for clock in clocks]
        self._described = [replace(last, before=0, base=0)]

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
