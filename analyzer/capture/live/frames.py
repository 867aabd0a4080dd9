"""Frames of an interface in columns, and the pcapng blocks that are made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.batches import I64, U8, U32
from analyzer.capture.pcapng_blocks import ENHANCED_PACKET, PACKET_HEADER

# Bytes of an enhanced packet block around the frame: header before, length after.
AROUND = PACKET_HEADER + 4
# The addresses of an Ethernet frame, behind which a VLAN tag belongs.
ADDRESSES = 12
TAG = 4


@dataclass(slots=True)
class FrameBuffer:
    """Frames that lie in one buffer, as the kernel gave them; all arrays have the same length n.

    data          the bytes that `offset` points into
    interface     number of each frame's interface in the capture
    timestamp_ns  nanoseconds since 1970-01-01 UTC
    offset        first byte in `data`
    captured      bytes in `data`
    original      bytes on the wire
    header        a cooked header for the front of each frame, (n, words) as they are written; None for none
    tags          row -> VLAN tag (TPID and TCI, network order) that the kernel took out of the frame
    """

    data: memoryview
    interface: I64
    timestamp_ns: I64
    offset: I64
    captured: I64
    original: I64
    header: U32 | None
    tags: dict[int, bytes]

    def __len__(self) -> int:
        return len(self.offset)

    def added(self) -> int | I64:
        """Bytes that each frame gets beside its own."""
        if self.header is not None:
            return 4 * int(self.header.shape[1])
        if self.tags:
            added = np.zeros(len(self), dtype=np.int64)
            added[list(self.tags)] = TAG
            return added
        return 0

    def sizes(self) -> I64:
        """Bytes of each frame's pcapng block."""
        result: I64 = AROUND + (self.captured + self.added() + 3 & ~3)
        return result

    def take(self, rows: I64) -> FrameBuffer:
        """The frames of `rows` (ascending), over the same bytes."""
        tags = {new: self.tags[row] for new, row in enumerate(rows.tolist()) if row in self.tags} if self.tags else {}
        return FrameBuffer(
            self.data,
            self.interface[rows],
            self.timestamp_ns[rows],
            self.offset[rows],
            self.captured[rows],
            self.original[rows],
            None if self.header is None else self.header[rows],
            tags,
        )


def pack(frames: FrameBuffer, starts: I64, sizes: I64, out: U8) -> None:
    """Writes each frame's enhanced packet block (pcapng, section 4.3) of `sizes` bytes to `out` at `starts`.

    `out` begins at a multiple of four bytes, and so does every block.
    """
    if not len(frames):
        return
    words = out.view("<u4")
    at = starts >> 2
    ends = at + (sizes >> 2)
    captured = frames.captured + frames.added()
    # The last word of the frame may be padding in part; where there is no frame it is overwritten below.
    words[ends - 2] = 0
    words[ends - 1] = sizes
    head = np.empty((len(frames), 7), dtype=np.uint32)
    head[:, 0] = ENHANCED_PACKET
    head[:, 1] = sizes
    head[:, 2] = frames.interface
    head[:, 3] = frames.timestamp_ns >> 32
    head[:, 4] = frames.timestamp_ns & 0xFFFFFFFF
    head[:, 5] = captured
    head[:, 6] = frames.original + frames.added()
    words[at[:, None] + np.arange(7)] = head
    begin = starts + PACKET_HEADER
    if frames.header is not None:
        width = frames.header.shape[1]
        words[at[:, None] + np.arange(7, 7 + width)] = frames.header
        begin = begin + 4 * width
    target, source = out.data, frames.data
    rows = zip(begin.tolist(), frames.offset.tolist(), frames.captured.tolist(), strict=True)
    if not frames.tags:
        # The hot loop: NumPy has no copy of many pieces of different length that is faster.
        for to, off, count in rows:
            target[to : to + count] = source[off : off + count]
        return
    for row, (to, off, count) in enumerate(rows):
        tag = frames.tags.get(row)
        if tag is None or count < ADDRESSES:
            target[to : to + count] = source[off : off + count]
            continue
        target[to : to + ADDRESSES] = source[off : off + ADDRESSES]
        target[to + ADDRESSES : to + ADDRESSES + TAG] = tag
        target[to + ADDRESSES + TAG : to + count + TAG] = source[off + ADDRESSES : off + count]


@dataclass(slots=True)
class PacketBlocks:
    """Consecutive pcapng packet blocks in `data`, with where each begins, its size and its time."""

    data: U8
    starts: I64
    sizes: I64
    timestamp_ns: I64

    def __len__(self) -> int:
        return len(self.starts)


def sizes_of(parts: list[FrameBuffer]) -> tuple[I64, I64, I64]:
    """Of several interfaces' frames: (order by time, block size of each part's frames one after the other, times)."""
    sizes = [part.sizes() for part in parts]
    if len(parts) == 1:
        return np.arange(len(parts[0])), sizes[0], parts[0].timestamp_ns
    times = np.concatenate([part.timestamp_ns for part in parts])
    return np.argsort(times, kind="stable"), np.concatenate(sizes), times


def pack_all(parts: list[FrameBuffer], order: I64, sizes: I64, out: U8) -> I64:
    """Writes the blocks of all parts to `out` in `order`; returns where each begins, in that order."""
    ordered = sizes[order]
    placed = np.cumsum(ordered) - ordered
    if len(parts) == 1:
        pack(parts[0], placed, sizes, out)
        return placed
    starts = np.empty_like(placed)
    starts[order] = placed
    before = 0
    for part in parts:
        span = slice(before, before + len(part))
        pack(part, starts[span], sizes[span], out)
        before += len(part)
    return placed
