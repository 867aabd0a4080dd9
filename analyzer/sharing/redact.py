"""Takes out of captures what must not be seen, and leaves the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

import msgspec
from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions
from analyzer.batches import FrameBatch
from analyzer.engine.listener import RunListener
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.first_look import FirstLook
from analyzer.sharing.frames import in_vlan, made_frame
from analyzer.sharing.inputs import RereadableInputs, rereadable
from analyzer.sharing.ledger import LedgerRow, LedgerRows
from analyzer.sharing.opened import OpenedConnections
from analyzer.sharing.output import ETHERNET, SharedCapture
from analyzer.sharing.plain import KEEP, PlainSpool
from analyzer.sharing.redaction.columns import FrameColumns
from analyzer.sharing.redaction.envelopes import Envelope, FrameCopier
from analyzer.sharing.redaction.headers import FragmentedSegment, HeaderRedactor
from analyzer.sharing.redaction.keep import DEFAULT, KeptKinds
from analyzer.sharing.redaction.packets import PacketRedactor
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.spool import StreamReader, StreamSpool
from analyzer.sharing.redaction.turns import TurnRedactor
from analyzer.sharing.redaction.watcher import RedactingWatcher

# What becomes of frames that are of no MySQL connection.
DROP: Final = "drop"
KEEP_OTHERS: Final = "keep"
HEADERS: Final = "headers"
OTHERS: Final = (DROP, HEADERS, KEEP_OTHERS)
# Bytes that are written at once, and that any headers have; sides of connections whose headers are kept.
_ROOM: Final = 4 << 20
_LONGEST_HEAD: Final = 256
_MOST_ENVELOPES: Final = 1 << 12
COMMENT: Final = (
    "handshark redact: addresses, names, data and secrets were replaced by others of the same form and length; what "
    "could not be decoded is zero."
)


class RedactRequest(msgspec.Struct, frozen=True):
    """What the user asked for.

    key     of the replacements: the same for the same key
    keep    kinds of content that stay (see `KeptKinds`)
    other   DROP, HEADERS or KEEP_OTHERS: frames that are of no MySQL connection
    listed  whether a dictionary is made for the one who shares the capture
    plain   whether plain turns, statements and frames are taken together; the same comes out if not
    """

    key: bytes
    keep: KeptKinds = DEFAULT
    other: str = DROP
    listed: bool = False
    plain: bool = True


class RedactSummary(msgspec.Struct):
    """What was done.

    connections  MySQL connections; `opened` of them were in TLS or compression and came out as plain TCP, `closed`
                 are in TLS and could not be opened
    frames       written, and `of_frames` of the inputs; `made` of them are new: those of `opened` connections, and
                 `plainer` ones, whose headers are of a form that is not known; `others` are of no MySQL connection
    replaced     kind -> how many
    zeroed       bytes of packets that were not understood, and were something else than zero
    """

    connections: int = 0
    opened: int = 0
    closed: int = 0
    frames: int = 0
    of_frames: int = 0
    made: int = 0
    plainer: int = 0
    others: int = 0
    replaced: dict[str, int] = {}
    zeroed: int = 0


class Redaction:
    """One run over captures, which are one in time order: `look`, then `write`, then `close`."""

    def __init__(
        self,
        inputs: RereadableInputs,
        request: RedactRequest,
        options: AnalysisOptions,
        listener: RunListener | None = None,
    ) -> None:
        self._inputs = inputs
        self._request = request
        self._listener = listener or RunListener()
        self.replacements = Replacements(request.key, request.listed)
        self._packets = PacketRedactor(self.replacements, request.keep, request.plain)
        self._streams = StreamSpool()
        self._plain = PlainSpool()
        self._ends = ConnectionEnds(self._addressed)
        turns, streams, plain, ends = TurnRedactor(self._packets, request.plain), self._streams, self._plain, self._ends
        observe = (*options.observe, lambda tcp: RedactingWatcher(tcp, turns, streams, plain, ends))
        self._options = replace(options, observe=observe, packets=0, keep=KEEP, connections=False)
        self._first_look: FirstLook | None = None
        self.summary = RedactSummary()

    def look(self) -> None:
        """Decodes all, and works out what is to be written. Raises CaptureError."""
        look = FirstLook(self._inputs, self._options, self._listener, self._settle)
        for _, results, _ in look.batches():
            for _ in results:
                pass  # of each connection only what its watcher notes is wanted
        self._first_look = look
        summary = self.summary
        summary.connections = len(self._ends)
        summary.opened = len(self._plain.opened)
        summary.closed = self._ends.closed
        summary.of_frames = look.source.frames if look.source is not None else 0
        self._count()

    def _settle(self) -> None:
        self._streams.settle()
        self._plain.settle()

    def _count(self) -> None:
        self.summary.replaced = dict(sorted(self.replacements.counts.items()))
        self.summary.zeroed = self._packets.zeroed

    def _addressed(self, address: bytes) -> bytes:
        return address if "addresses" in self._request.keep.kinds else self.replacements.addresses.packed(address)

    def write(self, out: BinaryIO, numbers: list[int] | None = None) -> None:
        """Writes the capture; `numbers` gets the number that each written frame had. Raises CaptureError, OSError."""
        look = self._first_look
        if look is None:
            raise ValueError("look comes first")
        capture = SharedCapture(out, COMMENT)
        opened = OpenedConnections(self._plain.opened, self._plain.read(), self._ends.of)
        keep = "addresses" in self._request.keep.kinds
        headers = HeaderRedactor(self.replacements.addresses, keep)
        writer = _FrameWriter(capture, headers, self._streams.read(), opened, self._ends, self._request, self.summary)
        writer.fragments = look.ledger.fragments
        writer.numbers = numbers
        reader = look.ledger.read()
        with self._inputs.open() as source:
            for batch in source:
                writer.batch(batch, reader.up_to(batch.column("number")[-1] if len(batch) else 0))
                self._listener.progress(self._inputs.name, *source.progress(), capture.frames)
        self._listener.over(self._inputs.name)
        capture.finish()
        self.summary.frames = capture.frames
        self._count()

    def close(self) -> None:
        """Gives the disk's room back."""
        if self._first_look is not None:
            self._first_look.ledger.close()
        self._streams.close()
        self._plain.close()
        self._ends.close()


class _FrameWriter:
    """Writes frames without their content."""

    def __init__(
        self,
        capture: SharedCapture,
        headers: HeaderRedactor,
        streams: StreamReader,
        opened: OpenedConnections,
        ends: ConnectionEnds,
        request: RedactRequest,
        summary: RedactSummary,
    ) -> None:
        self._capture = capture
        self._headers = headers
        self._streams = streams
        self._opened = opened
        self._ends = ends
        self._other = request.other
        self._plain = request.plain
        self._summary = summary
        self.numbers: list[int] | None = None  # of the frames that were written, as they were
        self.fragments: dict[int, LedgerRow] = {}  # rows of the datagrams that frames do not complete
        self._datagrams: dict[int, FragmentedSegment] = {}  # by the frame that completes each
        self._networks: dict[int, int] = {}
        self._known = ends.read()
        self._copier = FrameCopier(_ROOM)
        self._envelopes: dict[int, Envelope] = {}
        # (source, interface) -> the interface of frames that are made in its place.
        self._ethernets: dict[tuple[int, int], int] = {}

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
                self._summary.made += 1
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
        self._summary.made += 1
        self._summary.plainer += 1
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
        self._summary.others += 1
        self._put(batch, place, frame, link_type, _at(batch, "original", place))


def _at(batch: FrameBatch, column: str, place: int) -> int:
    """What a column says of a frame; 0 where the batch has none of that name."""
    found = batch.find(column)
    return 0 if found is None else int(found[place])


def redact(
    names: Sequence[str],
    request: RedactRequest,
    options: AnalysisOptions,
    out: BinaryIO | None,
    listener: RunListener | None = None,
    numbers: list[int] | None = None,
) -> tuple[RedactSummary, Replacements]:
    """Writes captures without their content; None: only works out what would be replaced.

    `numbers` gets the number that each written frame had.

    Raises CaptureError where a capture can not be read, OSError where the output can not be written.
    """
    with rereadable(names) as inputs:
        redaction = Redaction(inputs, request, options, listener)
        try:
            redaction.look()
            if out is not None:
                redaction.write(out, numbers)
        finally:
            redaction.close()
        return redaction.summary, redaction.replacements
