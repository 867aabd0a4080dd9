"""The first step: a file is read once, and its frames are dealt out by a hash of their two addresses.

Both directions and all ports of two hosts come into one bucket, so that what rests on several connections stays whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.analysis.pipeline import CaptureTotals
from analyzer.batches import I64, TCP_ACK, TCP_RST, TCP_SYN, U64, FrameBatch, SegmentBatch
from analyzer.capture import CaptureSource, open_capture
from analyzer.capture.pieces import Block, PieceWriter
from analyzer.cluster.scratch import Scratch
from analyzer.errors import CaptureError
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.tcp.grouping import endpoints_of

# Parts of a bucket, by ports: a pair of hosts that is larger than a share is divided by them.
PARTS: Final = 8
# Frames that belong to no one bucket, and times of all frames.
REST: Final = -1
TIMES: Final = -2
# Bytes of frames that may be fragments of a datagram that is not complete.
REST_BYTES: Final = 8 << 20
# Resets of a file that may have answered a SYN: the latest.
MOST_REFUSED: Final = 64
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_TURN: Final = np.uint64(29)


@dataclass
class Dealt:
    """What is known of a file that was dealt out. Frame numbers are those of the file, from 1.

    first, last  times of the first frame, and of the latest so far at its end: what a merge goes by
    falls        whether times of its frames fall
    opened       (smaller, larger number of both SYNs, time, bucket) of connections whose SYN was answered
    refused      (endpoint, frame, time) of resets that may have answered a SYN
    """

    name: str
    index: int
    format: str = ""
    error: tuple[str, str, int | None] | None = None
    totals: CaptureTotals = field(default_factory=CaptureTotals)
    warnings: list[str] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)
    cut_short: bool = False
    bytes: int = 0
    first: int = 0
    last: int = 0
    falls: bool = False
    blocks: list[Block] = field(default_factory=list)
    opened: I64 = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    refused: list[tuple[tuple[str, int], int, int]] = field(default_factory=list)


def deal(name: str, index: int, buckets: int, scratch: Scratch) -> Dealt:
    """Deals a file out. One that can not be read is told of in `error`, and nothing is dealt of it."""
    dealt = Dealt(name, index)
    try:
        with open_capture(name) as source, scratch.writing(piece_name(index)) as out:
            _Dealer(dealt, source, PieceWriter(out), buckets).run()
    except CaptureError as error:
        return Dealt(name, index, error=(error.source, error.reason, error.offset))
    return dealt


def piece_name(index: int) -> str:
    """The file with a capture's frames in their buckets."""
    return f"pieces/{index}"


class _Dealer:
    def __init__(self, dealt: Dealt, source: CaptureSource, writer: PieceWriter, buckets: int) -> None:
        self._dealt = dealt
        self._source = source
        self._writer = writer
        self._buckets = np.uint64(buckets)
        self._decoder = SegmentDecoder()
        self._rest: list[FrameBatch] = []
        self._rest_bytes = 0
        self._latest = np.iinfo(np.int64).min
        self._opened: list[I64] = []

    def run(self) -> None:
        dealt, source, decoder = self._dealt, self._source, self._decoder
        dealt.format = source.format
        for batch in source:
            segments = decoder.decode(batch)
            unknown = decoder.unknown_link_types
            if unknown and sum(unknown.values()) == decoder.frames:
                raise CaptureError(dealt.name, f"link type {next(iter(unknown))} is not one that can be read")
            self._times(batch)
            self._batch(batch, segments)
        self._leftover()
        self._writer.flush()
        dealt.blocks = self._writer.blocks
        dealt.warnings = [str(warning) for warning in source.warnings]
        dealt.secrets = list(source.secrets)
        dealt.cut_short = source.cut_short
        dealt.bytes = source.progress()[0]
        dealt.last = int(self._latest)
        totals = dealt.totals
        totals.undecodable, totals.unknown_link_types = decoder.undecodable, decoder.unknown_link_types
        totals.segments, totals.unfollowed = decoder.segments, decoder.unfollowed
        totals.slow_frames = decoder.slow_frames
        if self._opened:
            dealt.opened = np.concatenate(self._opened)

    def _times(self, batch: FrameBatch) -> None:
        if not len(batch):
            return
        dealt, times = self._dealt, batch.timestamp_ns
        totals = dealt.totals
        if not totals.frames:
            dealt.first = int(times[0])
        totals.frames += len(batch)
        low, high = int(times.min()), int(times.max())
        totals.first_ns = low if totals.first_ns is None else min(low, totals.first_ns)
        totals.last_ns = high if totals.last_ns is None else max(high, totals.last_ns)
        dealt.falls |= bool(low < self._latest or (times[1:] < times[:-1]).any())
        self._latest = max(self._latest, high)
        bare = FrameBatch(b"", batch.number, times, batch.link_type, np.zeros_like(times), np.zeros_like(times), times)
        every = np.arange(len(batch), dtype=np.int64)
        self._writer.add(bare, every, np.full(len(batch), TIMES, np.int64), np.zeros(len(batch), np.int64))

    def _batch(self, batch: FrameBatch, segments: SegmentBatch) -> None:
        if not len(batch):
            return
        rows = segments.frame - batch.number[0]
        bucket = self._bucket(segments)
        part = (segments.sport.astype(np.int64) + segments.dport) % PARTS
        # Whoever counts the connections of a pair sees all SYNs of it, whatever part it has.
        part[(segments.flags & TCP_SYN) != 0] += PARTS
        self._note(segments, bucket)
        found = np.zeros(len(batch), bool)
        found[rows] = True
        if self._decoder.fragments:
            self._fragments(batch, segments, bucket, part, found)
        self._writer.add(batch, rows, bucket, part)
        if not found.all() and self._decoder.fragments_pending:
            self._keep(batch.part(np.flatnonzero(~found)))
        elif not self._decoder.fragments_pending:
            self._rest.clear()
            self._rest_bytes = 0

    def _bucket(self, segments: SegmentBatch) -> I64:
        """The same for both directions."""
        ends = _mixed(segments.src_hi, segments.src_lo) + _mixed(segments.dst_hi, segments.dst_lo)
        return ((_mixed(ends, ends) >> _TURN) % self._buckets).astype(np.int64)

    def _fragments(
        self, batch: FrameBatch, segments: SegmentBatch, bucket: I64, part: I64, found: NDArray[np.bool_]
    ) -> None:
        """Fragments go where the frame goes that completes their datagram."""
        whose = {frame: at for at, frame in enumerate(segments.frame.tolist()) if frame in self._decoder.fragments}
        for frame, others in self._decoder.fragments.items():
            at = whose[frame]
            for held in [*self._rest, batch]:
                rows = np.flatnonzero(np.isin(held.number, others))
                if len(rows):
                    several = np.full(len(rows), 1, np.int64)
                    self._writer.add(held, rows, several * bucket[at], several * part[at])
                    if held is batch:
                        found[rows] = True

    def _keep(self, batch: FrameBatch) -> None:
        """Frames that may be fragments of a datagram to come, with bytes of their own."""
        view = memoryview(batch.data)
        spans = zip(batch.offset.tolist(), batch.captured.tolist(), strict=True)
        data = b"".join([view[offset : offset + captured] for offset, captured in spans])
        own = batch.part(slice(None))
        own.data, own.offset = data, np.cumsum(batch.captured) - batch.captured
        self._rest.append(own)
        self._rest_bytes += len(data)
        while self._rest_bytes > REST_BYTES:
            self._rest_bytes -= len(self._rest.pop(0).data)

    def _leftover(self) -> None:
        """What may be a fragment whose datagram goes on in the next file: every share gets it."""
        for held in self._rest if self._decoder.fragments_pending else ():
            every = np.arange(len(held), dtype=np.int64)
            self._writer.add(held, every, np.full(len(held), REST, np.int64), np.full(len(held), PARTS, np.int64))

    def _note(self, segments: SegmentBatch, bucket: I64) -> None:
        """Connections that are answered or refused: what shares have to know of each other."""
        flags = segments.flags
        both = np.flatnonzero((flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
        if len(both):
            server = segments.seq[both].astype(np.int64)
            client = (segments.ack[both].astype(np.int64) - 1) & 0xFFFFFFFF
            low, high = np.minimum(server, client), np.maximum(server, client)
            self._opened.append(np.stack([low, high, segments.timestamp_ns[both], bucket[both]], axis=1))
        resets = np.flatnonzero(((flags & TCP_RST) != 0) & (segments.seq == 0) & (segments.length == 0))
        refused = self._dealt.refused
        for row in resets[-MOST_REFUSED:].tolist():
            refused.append((_source_of(segments, row), int(segments.frame[row]), int(segments.timestamp_ns[row])))
        del refused[:-MOST_REFUSED]


def _mixed(high: U64, low: U64) -> U64:
    """A hash of 128 bits in 64 (multiplication by the golden ratio, and shifts)."""
    with np.errstate(over="ignore"):
        mixed = (high ^ (low * _MIX)) * _MIX
        mixed ^= mixed >> _TURN
        return mixed * _MIX


def _source_of(segments: SegmentBatch, row: int) -> tuple[str, int]:
    """Address and port of who sent a segment."""
    raw = int(segments.src_hi[row]).to_bytes(8, "big") + int(segments.src_lo[row]).to_bytes(8, "big")
    ports = int(segments.sport[row]) << 24 | int(segments.ip_version[row])
    return endpoints_of(raw + bytes(16) + ports.to_bytes(8, "big"))[0]
