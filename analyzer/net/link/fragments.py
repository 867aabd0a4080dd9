"""Reassembly of IPv4 and IPv6 fragments, bounded in datagrams, bytes and age.

Sources: RFC 791 section 3.2 (IPv4), RFC 8200 section 4.5 and RFC 5722 (IPv6: overlap drops the datagram).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

import msgspec

MAX_DATAGRAMS: Final = 1024
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_AGE_NS: Final = 30 * 1_000_000_000
MAX_DATAGRAM_BYTES: Final = 0xFFFF
# Frames of one datagram that are remembered: a fragment has eight bytes at least, but duplicates have no end.
MAX_NOTED: Final = 0x2000


class Network(msgspec.Struct, frozen=True):
    """Addresses of an IP header: 4 bytes each for `version` 4, 16 for 6."""

    version: int
    src: bytes
    dst: bytes


class FragmentKey(msgspec.Struct, frozen=True):
    """What fragments of one datagram have in common. `protocol` is 0 for IPv6, where it is no part of the key."""

    network: Network
    identification: int
    protocol: int
    tag: int = 0


class Fragment(msgspec.Struct, frozen=True):
    """One fragment's payload: `data` is what was captured of its `length` bytes, `offset` bytes into the datagram."""

    key: FragmentKey
    protocol: int
    offset: int
    length: int
    more: bool
    data: bytes

    def fits(self) -> bool:
        """Whether the fields can be true: 8-byte units, and an end that a 16-bit length can express."""
        if self.length <= 0 or self.offset + self.length > MAX_DATAGRAM_BYTES:
            return False
        return not self.more or self.length % 8 == 0


class Datagram(msgspec.Struct, frozen=True):
    """A whole datagram: the upper-layer bytes up to the first that was not captured, and how many there were.

    `frames` are those of its fragments but the last, as they came.
    """

    network: Network
    protocol: int
    data: bytes
    length: int
    tag: int = 0
    frames: tuple[int, ...] = ()


class _Pending:
    """A datagram in the making.

    `ranges` holds the seen byte ranges as a flat, sorted list (start, end, start, end ...), adjacent ones joined.
    `cut` is the first byte known to have been sent and not captured. A `dead` datagram only remembers its key, so
    that the fragments still to come are dropped with it (RFC 5722 section 3).
    """

    __slots__ = ("buffer", "cut", "dead", "first_ns", "frames", "protocol", "ranges", "total")

    def __init__(self, first_ns: int) -> None:
        self.first_ns = first_ns
        self.buffer = bytearray()
        self.frames: list[int] = []
        self.ranges: list[int] = []
        self.cut = MAX_DATAGRAM_BYTES
        self.total: int | None = None
        self.protocol = 0
        self.dead = False

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) not seen yet."""
        ranges = self.ranges
        out = []
        index = bisect_right(ranges, start)
        at = start
        if index % 2:
            at = ranges[index]
            index += 1
        while at < end:
            stop = min(end, ranges[index]) if index < len(ranges) else end
            if at < stop:
                out.append((at, stop))
            if index + 1 >= len(ranges):
                break
            at = ranges[index + 1]
            index += 2
        return out

    def mark(self, start: int, end: int) -> None:
        """Join [start, end) to what was seen."""
        ranges = self.ranges
        left = bisect_left(ranges, start)
        right = bisect_right(ranges, end)
        edges = ([start] if left % 2 == 0 else []) + ([end] if right % 2 == 0 else [])
        ranges[left:right] = edges

    def complete(self) -> bool:
        return self.total is not None and self.ranges == [0, self.total]


class FragmentTable:
    """Datagrams that lack fragments, oldest first.

    dropped   datagrams given up: too old, too many, contradictory, or with an overlap (IPv6)
    """

    def __init__(
        self,
        max_datagrams: int = MAX_DATAGRAMS,
        max_bytes: int = MAX_BYTES,
        max_age_ns: int = MAX_AGE_NS,
    ) -> None:
        self.dropped = 0
        self._max_datagrams = max_datagrams
        self._max_bytes = max_bytes
        self._max_age_ns = max_age_ns
        self._bytes = 0
        self._table: dict[FragmentKey, _Pending] = {}

    @property
    def pending(self) -> int:
        """Datagrams that still wait for a fragment."""
        return sum(not entry.dead for entry in self._table.values())

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that waiting fragments take."""
        return self._bytes

    def add(self, fragment: Fragment, timestamp_ns: int, frame: int = 0) -> Datagram | None:
        """Take one fragment that `fits`, of this frame (0: nobody asks); the datagram, if this completes it."""
        self._expire(timestamp_ns)
        entry = self._table.get(fragment.key)
        if entry is None:
            if len(self._table) >= self._max_datagrams:
                self._drop_oldest()
            entry = self._table[fragment.key] = _Pending(timestamp_ns)
        if entry.dead:
            return None
        if not self._store(entry, fragment):
            self._kill(entry)
            return None
        if entry.complete():
            return self._finish(fragment.key, entry)
        if frame and len(entry.frames) < MAX_NOTED:
            entry.frames.append(frame)
        while self._bytes > self._max_bytes:
            self._drop_oldest()
        return None

    def _store(self, entry: _Pending, fragment: Fragment) -> bool:
        """Put the fragment's bytes in place; False where it contradicts what came before."""
        start, end = fragment.offset, fragment.offset + fragment.length
        seen_end = entry.ranges[-1] if entry.ranges else 0
        if not fragment.more:
            if entry.total not in (None, end) or seen_end > end:
                return False
            entry.total = end
        elif entry.total is not None and end > entry.total:
            return False
        gaps = entry.gaps(start, end)
        if fragment.key.network.version == 6 and gaps != [(start, end)]:
            # RFC 8200 section 4.5 lets an exact duplicate pass, and captures on several interfaces are full of them.
            stop = min(start + len(fragment.data), entry.cut)
            return not gaps and entry.buffer[start:stop] == fragment.data[: max(stop - start, 0)]
        if start == 0:  # only the first fragment's next header counts (RFC 8200 section 4.5)
            entry.protocol = fragment.protocol
        captured_end = start + len(fragment.data)
        if len(entry.buffer) < end:
            self._bytes += end - len(entry.buffer)
            entry.buffer.extend(bytes(end - len(entry.buffer)))
        for first, last in gaps:
            stop = min(last, captured_end)
            if stop > first:
                entry.buffer[first:stop] = fragment.data[first - start : stop - start]
            if stop < last:
                entry.cut = min(entry.cut, max(first, captured_end))
        entry.mark(start, end)
        return True

    def _finish(self, key: FragmentKey, entry: _Pending) -> Datagram:
        del self._table[key]
        self._bytes -= len(entry.buffer)
        length = len(entry.buffer)
        data = bytes(entry.buffer[: min(length, entry.cut)])
        return Datagram(key.network, entry.protocol, data, length, key.tag, tuple(entry.frames))

    def _kill(self, entry: _Pending) -> None:
        self.dropped += 1
        self._bytes -= len(entry.buffer)
        entry.dead = True
        entry.buffer = bytearray()
        entry.ranges = []

    def _drop_oldest(self) -> None:
        entry = self._table.pop(next(iter(self._table)))
        if not entry.dead:
            self._kill(entry)

    def _expire(self, now_ns: int) -> None:
        while self._table:
            entry = next(iter(self._table.values()))
            if now_ns - entry.first_ns <= self._max_age_ns:
                return
            self._drop_oldest()
