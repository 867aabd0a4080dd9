"""Frames in, TCP segments out: the fast path for whole batches, the slow path for the frames it leaves over."""

from __future__ import annotations

from typing import Final

from analyzer.batches import FrameBatch, SegmentBatch
from analyzer.net.link.fragments import FragmentTable
from analyzer.net.link.linktypes import LINK_TYPES
from analyzer.net.link.plain import PlainPath, SegmentColumns
from analyzer.net.link.unfollowed import Unfollowed

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
    pending             those datagrams
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
        self.pending = FragmentTable() if fragments is None else fragments
        self._fast = PlainPath() if fast else None

    @property
    def not_ip_tcp(self) -> int:
        """Frames in `unfollowed`."""
        return sum(self.unfollowed.values())

    @property
    def fragments_pending(self) -> int:
        return self.pending.pending

    @property
    def fragments_dropped(self) -> int:
        return self.pending.dropped

    def decode(self, batch: FrameBatch) -> SegmentBatch:
        """The segments of a batch, in frame order; each frame's bytes have to lie inside `batch.data`.

        Never raises on what a frame holds. The result's data are the batch's own, unless a datagram was reassembled:
        then a copy with the reassembled bytes after them.
        """
        self.frames += len(batch)
        self.fragments = {}
        segments = SegmentColumns(len(batch))
        rest = _Rest(self, batch, segments)
        if self._fast is None:
            rest.walk()
        else:
            self._fast.walk(batch, segments, rest)
        self.segments += segments.count
        return segments.batch(rest.data())

    def count_unfollowed(self, what: Unfollowed) -> None:
        """One more frame that holds something else."""
        if what not in self.unfollowed and len(self.unfollowed) >= MAX_UNFOLLOWED:
            what = Unfollowed(what.kind)  # a hostile capture has no end of kinds
        self.unfollowed[what] = self.unfollowed.get(what, 0) + 1


class _Rest:
    """The slow path over the frames of a batch that are not plain."""

    def __init__(self, decoder: SegmentDecoder, batch: FrameBatch, segments: SegmentColumns) -> None:
        self._decoder, self._batch, self._segments = decoder, batch, segments
        self._number, self._time_ns, self._link_type, *self._bounds = (
            batch.column(name) for name in ("number", "timestamp_ns", "link_type", "offset", "captured", "original")
        )
        self._buffer = memoryview(batch.data)
        self._size = len(self._buffer)
        self._reassembled: list[bytes] = []

    def data(self) -> bytes | bytearray | memoryview:
        """What the segments point into."""
        return b"".join([self._buffer, *self._reassembled]) if self._reassembled else self._batch.data

    def walk(self) -> None:
        """Takes all frames."""
        segments, interface = self._segments, self._batch.find("interface")
        for row, link_type in enumerate(self._link_type):
            count = segments.count
            if link_type not in LINK_TYPES:
                self.unknown(link_type)
            elif not self._bounds[1][row]:
                self.empty()
            else:
                self.slow(row)
            if segments.count > count:
                segments.place(self._number[row], self._time_ns[row], 0 if interface is None else interface[row])

    def unknown(self, link_type: int) -> None:
        known = self._decoder.unknown_link_types
        known[link_type] = known.get(link_type, 0) + 1

    def empty(self) -> None:
        self._decoder.undecodable += 1

    def unfollowed(self, what: Unfollowed) -> None:
        self._decoder.count_unfollowed(what)

    def slow(self, row: int) -> None:
        # With it comes dpkt, which most captures have no need of.
        from analyzer.net.link.scalar import dissect
        from analyzer.net.link.step import Here, NoSegment, Segment

        decoder, number = self._decoder, self._number[row]
        decoder.slow_frames += 1
        offset, captured, original = (column[row] for column in self._bounds)
        frame = Here(LINK_TYPES[self._link_type[row]], offset, offset + captured, offset + original)
        segment = dissect(self._buffer, frame, self._time_ns[row], decoder.pending, number)
        if isinstance(segment, Segment):
            if segment.frames:
                decoder.fragments[number] = segment.frames
            if segment.reassembled is not None:
                self._reassembled.append(segment.reassembled)
                segment = segment._replace(offset=segment.offset + self._size)
                self._size += len(segment.reassembled or b"")
            network = segment.network
            source, destination = network.src.rjust(16, b"\0"), network.dst.rjust(16, b"\0")
            self._segments.put(segment[1:10], source, destination, network.version, segment.tag)
        elif isinstance(segment, Unfollowed):
            decoder.count_unfollowed(segment)
        elif segment is NoSegment.UNDECODABLE:
            decoder.undecodable += 1
        else:
            decoder.fragment_frames += 1
