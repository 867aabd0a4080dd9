"""Frames of a capture without their content, once it is known what stands in their place."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from analyzer.batches import FrameBatch
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.frames import in_vlan, made_frame
from analyzer.sharing.ledger import LedgerRow, LedgerRows
from analyzer.sharing.opened import OpenedConnections
from analyzer.sharing.output import ETHERNET, SharedCapture
from analyzer.sharing.redaction.columns import FrameColumns
from analyzer.sharing.redaction.envelopes import Envelope, FrameCopier
from analyzer.sharing.redaction.headers import FragmentedSegment, HeaderRedactor
from analyzer.sharing.redaction.spool import StreamReader

# What becomes of frames that are of no MySQL connection.
DROP: Final = "drop"
KEEP_OTHERS: Final = "keep"
HEADERS: Final = "headers"
OTHERS: Final = (DROP, HEADERS, KEEP_OTHERS)
# Bytes that are written at once, and that any headers have; sides of connections whose headers are kept.
_ROOM: Final = 4 << 20
_LONGEST_HEAD: Final = 256
_MOST_ENVELOPES: Final = 1 << 12


class WriteSummary(msgspec.Struct):
    """Frames that are new, those of them whose headers are of a form that is not known, and those of others."""

    made: int = 0
    plainer: int = 0
    others: int = 0


class RedactedSource(NamedTuple):
    """What is known of a capture.

    streams    what stands in the place of payloads
    known      whether a number is that of a connection of MySQL, by number
    fragments  rows of the datagrams that frames do not complete
    other      DROP, HEADERS or KEEP_OTHERS: frames that are of no MySQL connection
    plain      whether plain frames are taken together
    """

    headers: HeaderRedactor
    streams: StreamReader
    opened: OpenedConnections
    ends: ConnectionEnds
    known: bytes
    fragments: dict[int, LedgerRow]
    other: str
    plain: bool


class FrameWriter:
    """Writes frames without their content."""

    def __init__(self, capture: SharedCapture, source: RedactedSource) -> None:
        self._capture = capture
        self._headers, self._streams, self._opened = source.headers, source.streams, source.opened
        self._ends, self._known = source.ends, source.known
        self.fragments = source.fragments
        self._other = source.other
        self._plain = source.plain
        self.summary = WriteSummary()
        self.numbers: list[int] | None = None  # of the frames that were written, as they were
        self._datagrams: dict[int, FragmentedSegment] = {}  # by the frame that completes each
        self._networks: dict[int, int] = {}
        self._copier = FrameCopier(_ROOM)
        self._envelopes: dict[int, Envelope] = {}
        # (source, interface) -> the interface of frames that are made in its place.
        self._ethernets: dict[tuple[int, int], int] = {}

    @property
    def written(self) -> int:
        """Frames."""
        return self._capture.frames

    def batch(self, batch: FrameBatch, rows: LedgerRows) -> None:
        """All frames of a batch; `rows` are the ledger's."""
        wanted = self.fragments if self._other == DROP else None
        columns = FrameColumns(batch, rows, self._known, self._opened.opened, wanted)
        data, numbers, copier = memoryview(batch.data), batch.column("number"), self._copier
        octets = batch.data if isinstance(batch.data, bytes | bytearray) else bytes(batch.data)
        payloads = self._streams.payloads(columns)
        envelopes = columns.enclose(
            lambda code, at, size: self._envelope(code, data[at : at + min(size, _LONGEST_HEAD)]), self._plain
        )
        columns.put_under(lambda source, link, index: self._capture.interface((f"capture {source + 1}", link, index)))
        at, end = 0, columns.count
        while at < end:
            first = at
            at = copier.copy(columns, at, octets, payloads, envelopes)
            if self.numbers is not None:
                self.numbers += [numbers[columns.frame[one]] for one in range(first, at)]
            if at < end and columns.opened[at]:
                at = self._of_opened(batch, columns, rows, at)
            elif copier.used:
                self._flush()
            elif at < end:
                place, row, offset = columns.frame[at], columns.row[at], columns.offset[at]
                frame = bytes(data[offset : offset + columns.captured[at]])
                if row >= 0:
                    self._segment(batch, place, frame, rows.row(row), columns.first[at])
                elif numbers[place] in self.fragments:
                    self._fragment(batch, place, frame)
                else:
                    self._others(batch, place, frame)
                at += 1
        self._flush()

    def _flush(self) -> None:
        """Writes the blocks that were made."""
        copier = self._copier
        if copier.used:
            self._capture.blocks(memoryview(copier.room)[: copier.used], copier.frames)
            copier.used = copier.frames = 0

    def _of_opened(self, batch: FrameBatch, columns: FrameColumns, rows: LedgerRows, at: int) -> int:
        """What becomes of frames of connections that were opened, from `at` on; the first that is of none."""
        copier, sources, indices = self._copier, batch.find("source"), batch.find("interface")
        opened, frames, own, times = columns.opened, columns.frame, columns.row, columns.time_ns
        while at < len(opened) and opened[at]:
            place, row, time_ns = frames[at], rows.row(own[at]), times[at]
            source, index = 0 if sources is None else sources[place], 0 if indices is None else indices[place]
            for made in self._opened.frames(row.frame, row.side, row.place, row.length, row.flags, row.window):
                interface = self._ethernets.get((source, index))
                if interface is None:
                    self._flush()  # the interface is described behind it
                    interface = self._capture.interface((f"capture {source + 1}", ETHERNET, index))
                    self._ethernets[source, index] = interface
                if not copier.add(made, time_ns, interface):
                    self._flush()
                    copier.add(made, time_ns, interface)
                self.summary.made += 1
                if self.numbers is not None:
                    self.numbers.append(row.frame)
            at += 1
        return at

    def _envelope(self, code: int, frame: memoryview) -> Envelope | None:
        """What is around the payloads of a side, as a frame of it begins; `code` has the side and the link type."""
        found = self._envelopes.get(code)
        if found is None:
            found = self._headers.envelope(bytes(frame), code & 0xFFFF)
            if found is not None:
                if len(self._envelopes) >= _MOST_ENVELOPES:
                    self._envelopes.clear()
                self._envelopes[code] = found
        return found

    def _put(self, batch: FrameBatch, place: int, frame: bytes, link_type: int, original: int | None) -> None:
        if self.numbers is not None:
            self.numbers.append(_at(batch, "number", place))
        interface = (f"capture {_at(batch, 'source', place) + 1}", link_type, _at(batch, "interface", place))
        self._capture.write(frame, _at(batch, "timestamp_ns", place), original, interface)

    def _segment(self, batch: FrameBatch, place: int, frame: bytes, row: LedgerRow, first: int) -> None:
        side = row.side
        payload = self._streams.bytes_at(first, side, row.place, row.length)
        link_type, at = _at(batch, "link_type", place), row.at
        if at >= 0:
            written = self._headers.rewrite(frame, link_type, at, payload)
        else:
            written = self._headers.fragment(frame, link_type, self._datagram(row))
            del self._datagrams[row.frame]
        if written is not None:
            self._put(batch, place, written, link_type, _at(batch, "original", place))
            return
        ends = self._ends.of(side >> 1)
        sender = side & 1
        numbers = (row.place & 0xFFFF_FFFF, row.ack)
        flags, window, network = row.flags, row.window, row.tag
        made = made_frame(ends[sender], ends[1 - sender], sender, numbers, flags, window, payload)
        if network:
            # The same addresses may be in use in several networks at one time.
            made = in_vlan(made, self._networks.setdefault(network, len(self._networks) + 1))
        self.summary.made += 1
        self.summary.plainer += 1
        self._put(batch, place, made, ETHERNET, len(made) + row.missing)

    def _fragment(self, batch: FrameBatch, place: int, frame: bytes) -> None:
        """A fragment that another one completes: it is left out where that is made anew."""
        row = self.fragments[_at(batch, "number", place)]
        side, link_type = row.side, _at(batch, "link_type", place)
        if side >> 1 in self._opened.opened or not self._is_known(side >> 1):
            return
        written = self._headers.fragment(frame, link_type, self._datagram(row))
        if written is not None:
            self._put(batch, place, written, link_type, _at(batch, "original", place))

    def _is_known(self, stream: int) -> bool:
        """Whether a connection is MySQL's."""
        return 0 <= stream < len(self._known) and self._known[stream] != 0

    def _datagram(self, row: LedgerRow) -> FragmentedSegment:
        """What becomes of the segment of a row that came in fragments."""
        found = self._datagrams.get(row.frame)
        if found is None:
            first = self._streams.first(row.side, row.place)
            payload = self._streams.bytes_at(first, row.side, row.place, row.length)
            found = self._datagrams[row.frame] = FragmentedSegment(payload, row.missing)
        return found

    def _others(self, batch: FrameBatch, place: int, frame: bytes) -> None:
        """A frame that is of no MySQL connection."""
        link_type = _at(batch, "link_type", place)
        if self._other == HEADERS:
            bare = self._headers.bare(frame, link_type)
            if bare is None:
                return
            frame = bare
        else:
            frame = self._headers.readdressed(frame, link_type)
        self.summary.others += 1
        self._put(batch, place, frame, link_type, _at(batch, "original", place))


def _at(batch: FrameBatch, column: str, place: int) -> int:
    """What a column says of a frame; 0 where the batch has none of that name."""
    found = batch.find(column)
    return 0 if found is None else int(found[place])
