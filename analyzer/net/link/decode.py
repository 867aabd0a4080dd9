"""Frames in, TCP segments out: the fast path for whole batches, the slow path for the frames it leaves over."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.batches import I32, I64, TAG_BITS, FrameBatch, SegmentBatch, TagKind
from analyzer.net.link.fragments import FragmentTable
from analyzer.net.link.linktypes import LINK_TYPES
from analyzer.net.link.plain import PlainPath, Sorted
from analyzer.net.link.segment_columns import SegmentColumns
from analyzer.net.link.unfollowed import Unfollowed

if TYPE_CHECKING:
    from analyzer.net.link.step import Segment

# Kinds of what is not followed, counted one by one.
MAX_UNFOLLOWED: Final = 4096


class SegmentDecoder:
    """Finds the TCP segment of each frame. Between batches it keeps nothing but fragments and these counters:

    frames              frames seen
    segments            segments found
    unfollowed          frames that hold something else or can not be followed, by what stands in the way
    undecodable         frames with a header that is cut or makes no sense
    fragment_frames     frames with a fragment that did not complete its datagram
    slow_frames         frames that the fast path left over
    unknown_link_types  frames by link type, of link types that are not in LINK_TYPES; in no other counter but `frames`
    fragments_pending   datagrams that wait for fragments
    fragments_dropped   datagrams given up: too old, too many, contradictory, or with an overlap (IPv6)
    fragments           of the last batch: frame that completed a datagram -> frames of its other fragments

    `frames` is the sum of `segments`, `unfollowed`, `undecodable`, `fragment_frames` and the unknown.
    """

    def __init__(self, *, fast: bool = True, fragments: FragmentTable | None = None) -> None:
        """`fast` False sends every frame through the slow path; `fragments` is for other limits than the usual."""
        self.frames = 0
        self.segments = 0
        self.unfollowed: dict[Unfollowed, int] = {}
        self.undecodable = 0
        self.fragment_frames = 0
        self.slow_frames = 0
        self.unknown_link_types: dict[int, int] = {}
        self.fragments: dict[int, tuple[int, ...]] = {}
        self._fragments = FragmentTable() if fragments is None else fragments
        self._fast = PlainPath() if fast else None

    @property
    def not_ip_tcp(self) -> int:
        """Frames in `unfollowed`."""
        return sum(self.unfollowed.values())

    @property
    def fragments_pending(self) -> int:
        return self._fragments.pending

    @property
    def fragments_dropped(self) -> int:
        return self._fragments.dropped

    def decode(self, batch: FrameBatch) -> SegmentBatch:
        """The segments of a batch, in frame order; each frame's bytes have to lie inside `batch.data`.

        Never raises on what a frame holds. The result's data are the batch's own, unless a datagram was reassembled:
        then a copy with the reassembled bytes after them.
        """
        self.frames += len(batch)
        self.fragments = {}
        known = self._by_link_type(batch)
        if self._fast is None:
            result = Sorted()
            result.slow = [row for rows in known.values() for row in rows.tolist()]
        else:
            result = self._fast.decode(batch, known)
        for what, count in result.unfollowed.items():
            self._unfollowed(what, count)
        parts, data = result.parts, batch.data
        if result.slow:
            columns, data = self._slow(batch, np.sort(np.array(result.slow, np.int64)))
            parts = [*parts, columns]
        merged = _merge(parts)
        self.segments += len(merged.row)
        if batch.interface is not None:
            _tag_interfaces(merged, batch.interface[merged.row])
        values = {f.name: getattr(merged, f.name) for f in fields(merged) if f.name != "row"}
        return SegmentBatch(
            data=data, frame=batch.number[merged.row], timestamp_ns=batch.timestamp_ns[merged.row], **values
        )

    def _unfollowed(self, what: Unfollowed, count: int) -> None:
        if what not in self.unfollowed and len(self.unfollowed) >= MAX_UNFOLLOWED:
            what = Unfollowed(what.kind)  # a hostile capture has no end of kinds
        self.unfollowed[what] = self.unfollowed.get(what, 0) + count

    def _by_link_type(self, batch: FrameBatch) -> dict[int, I64]:
        """Rows by link type; the unknown ones are counted and left out."""
        link = batch.link_type
        if not len(link):
            return {}
        alike = bool((link == link[0]).all())
        rows: dict[int, I64] = {}
        for link_type in [int(link[0])] if alike else np.unique(link).tolist():
            row = np.arange(len(link), dtype=np.int64) if alike else np.flatnonzero(link == link_type)
            if link_type in LINK_TYPES:
                # Zeros that compress to nothing make millions of empty frames: not one by one.
                empty = batch.captured[row] == 0
                if empty.any():
                    self.undecodable += int(empty.sum())
                    row = row[~empty]
                rows[link_type] = row
            else:
                self.unknown_link_types[link_type] = self.unknown_link_types.get(link_type, 0) + len(row)
        return rows

    def _slow(self, batch: FrameBatch, rows: I64) -> tuple[SegmentColumns, bytes | bytearray | memoryview]:
        """Segments of `rows` (ascending, because fragments come in order), and the data they point into."""
        # With it comes dpkt, which most captures have no need of.
        from analyzer.net.link.scalar import dissect
        from analyzer.net.link.step import Here, NoSegment, Segment

        self.slow_frames += len(rows)
        buffer = memoryview(batch.data)
        size = len(buffer)
        found: list[tuple[int, Segment]] = []
        reassembled: list[bytes] = []
        columns = (batch.link_type, batch.offset, batch.captured, batch.original, batch.timestamp_ns)
        for row, link_type, offset, captured, original, timestamp_ns in zip(
            rows.tolist(), *(column[rows].tolist() for column in columns), strict=True
        ):
            frame = Here(LINK_TYPES[link_type], offset, offset + captured, offset + original)
            number = int(batch.number[row])
            segment = dissect(buffer, frame, timestamp_ns, self._fragments, number)
            if isinstance(segment, Segment):
                if segment.frames:
                    self.fragments[number] = segment.frames
                if segment.reassembled is not None:
                    reassembled.append(segment.reassembled)
                    segment = segment._replace(offset=segment.offset + size)
                    size += len(reassembled[-1])
                found.append((row, segment))
            elif isinstance(segment, Unfollowed):
                self._unfollowed(segment, 1)
            elif segment is NoSegment.UNDECODABLE:
                self.undecodable += 1
            else:
                self.fragment_frames += 1
        data = b"".join([buffer, *reassembled]) if reassembled else batch.data
        return _columns(found), data


def _columns(found: list[tuple[int, Segment]]) -> SegmentColumns:
    """The slow path's segments, with the index of each one's frame, as columns."""
    src = [segment.network.src.rjust(16, b"\0") for _, segment in found]
    dst = [segment.network.dst.rjust(16, b"\0") for _, segment in found]
    halves = np.frombuffer(b"".join(a + b for a, b in zip(src, dst, strict=True)), ">u8").reshape(-1, 4)
    src_hi, src_lo, dst_hi, dst_lo = (halves[:, i].astype(np.uint64) for i in range(4))
    rest = np.array([segment[1:10] for _, segment in found], np.int64).reshape(-1, 9)
    sport, dport, seq, ack, flags, window, offset, length, missing = (rest[:, i] for i in range(9))
    return SegmentColumns(
        np.array([row for row, _ in found], np.int64),
        np.array([segment.network.version for _, segment in found], np.uint8),
        src_hi,
        src_lo,
        dst_hi,
        dst_lo,
        sport.astype(np.uint16),
        dport.astype(np.uint16),
        seq.astype(np.uint32),
        ack.astype(np.uint32),
        flags.astype(np.uint8),
        window.astype(np.uint16),
        offset.copy(),
        length.copy(),
        missing.copy(),
        np.array([segment.tag for _, segment in found], np.uint64),
    )


def _merge(parts: list[SegmentColumns]) -> SegmentColumns:
    """All parts as one, in the order of the frames."""
    parts = [part for part in parts if len(part.row)]
    if not parts:
        return _columns([])
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate([part.row for part in parts]), kind="stable")
    names = [f.name for f in fields(SegmentColumns)]
    return SegmentColumns(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in names))


def _tag_interfaces(segments: SegmentColumns, interface: I32) -> None:
    """The interface is the outermost label, where there is room for one more and it is not the first."""
    room = np.flatnonzero((segments.tag >> np.uint64(TAG_BITS) == 0) & (interface != 0))
    if len(room):
        label = interface[room].astype(np.uint64) | np.uint64(TagKind.INTERFACE << 28)
        # Without another label it is the only one, and so in the low half.
        shift = np.where(segments.tag[room] == 0, 0, TAG_BITS).astype(np.uint64)
        segments.tag[room] |= label << shift
