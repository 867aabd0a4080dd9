"""Frames in files of this program's own: what passes from those who read captures to those who analyse shares of them.

A file is a row of blocks, each with frames of one bucket: a header, and zstd over the columns and then the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import zstandard

from analyzer.batches import I64, U8, FrameBatch

# Frames, bytes of them, compressed bytes.
HEADER: Final = struct.Struct("<3q")
# number, time, captured, original: 8 bytes each; link type, interface: 4; part: 1.
ROW_BYTES: Final = 41
LEVEL: Final = 1
# A bucket's frames become a block when so many bytes wait, or of all buckets together so many.
BLOCK_BYTES: Final = 1 << 20
ALL_BYTES: Final = 48 << 20


class Block(NamedTuple):
    """Where frames of a bucket stand in a file: offset and length there, how many they are, and their bytes."""

    bucket: int
    offset: int
    length: int
    frames: int
    bytes: int


class _OpenBlock:
    """Frames of one bucket that are no block yet."""

    def __init__(self) -> None:
        self.columns: list[list[I64]] = []
        self.data: list[bytes] = []
        self.bytes = 0


class PieceWriter:
    """Writes frames by their buckets; what waits is bounded."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._waiting: dict[int, _OpenBlock] = {}
        self._bytes = 0
        self._offset = 0
        self._codec = zstandard.ZstdCompressor(level=LEVEL)
        self.blocks: list[Block] = []

    def add(self, batch: FrameBatch, rows: I64, bucket: I64, part: I64) -> None:
        """Takes rows of a batch: the bucket of each, and its part of that."""
        if not len(rows):
            return
        order = np.argsort(bucket, kind="stable")
        rows, bucket, part = rows[order], bucket[order], part[order]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(bucket)) + 1, [len(rows)]]).tolist()
        for start, stop in pairwise(starts):
            self._put(int(bucket[start]), batch, rows[start:stop], part[start:stop])
        if self._bytes > ALL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes all that waits."""
        for bucket in sorted(self._waiting):
            self._block(bucket)

    def _put(self, bucket: int, batch: FrameBatch, rows: I64, part: I64) -> None:
        waiting = self._waiting.setdefault(bucket, _OpenBlock())
        view = memoryview(batch.data)
        spans = zip(batch.offset[rows].tolist(), batch.captured[rows].tolist(), strict=True)
        data = b"".join([view[offset : offset + captured] for offset, captured in spans])
        interface = np.zeros(len(rows), np.int64) if batch.interface is None else batch.interface[rows]
        columns = (batch.number, batch.timestamp_ns, batch.captured, batch.original, batch.link_type)
        waiting.columns.append(
            [*(column[rows].astype(np.int64) for column in columns), interface.astype(np.int64), part]
        )
        waiting.data.append(data)
        size = len(data) + ROW_BYTES * len(rows)
        waiting.bytes += size
        self._bytes += size
        if waiting.bytes >= BLOCK_BYTES:
            self._block(bucket)

    def _block(self, bucket: int) -> None:
        waiting = self._waiting.pop(bucket)
        self._bytes -= waiting.bytes
        number, time, captured, original, link, interface, part = (
            np.concatenate(columns) for columns in zip(*waiting.columns, strict=True)
        )
        parts = [
            number,
            time,
            captured,
            original,
            link.astype(np.int32),
            interface.astype(np.int32),
            part.astype(np.uint8),
        ]
        data = b"".join(waiting.data)
        packed = self._codec.compress(b"".join([*(one.tobytes() for one in parts), data]))
        self._out.write(HEADER.pack(len(number), len(data), len(packed)))
        self._out.write(packed)
        length = HEADER.size + len(packed)
        self.blocks.append(Block(bucket, self._offset, length, len(number), len(data)))
        self._offset += length


def read_block(raw: bytes) -> tuple[FrameBatch, U8]:
    """(frames, the part of each) of a block. Raises ValueError where it is none."""
    if len(raw) < HEADER.size:
        raise ValueError("a block of frames is cut short")
    count, size, packed = HEADER.unpack_from(raw)
    if len(raw) < HEADER.size + packed:
        raise ValueError("a block of frames is cut short")
    whole = count * ROW_BYTES + size
    plain = zstandard.ZstdDecompressor().decompress(raw[HEADER.size : HEADER.size + packed], max_output_size=whole)
    if len(plain) != whole:
        raise ValueError("a block of frames has another length than it says")
    long = np.frombuffer(plain, np.int64, 4 * count).reshape(4, count)
    short = np.frombuffer(plain, np.int32, 2 * count, 32 * count).reshape(2, count)
    part = np.frombuffer(plain, np.uint8, count, 40 * count)
    number, time, captured, original = long
    offset = np.cumsum(captured) - captured + ROW_BYTES * count
    interface = short[1] if short[1].any() else None
    return FrameBatch(plain, number, time, short[0], offset, captured, original, interface), part


def blocks_of(file: BinaryIO, blocks: Sequence[Block]) -> Iterator[tuple[FrameBatch, U8]]:
    """The frames of chosen blocks, one block after the other. Raises ValueError where a block is none."""
    for block in blocks:
        file.seek(block.offset)
        yield read_block(file.read(block.length))
