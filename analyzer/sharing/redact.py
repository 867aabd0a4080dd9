"""Takes out of captures what must not be seen, and leaves the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from analyzer.analysis import AnalysisOptions
from analyzer.batches import I64, FrameBatch
from analyzer.engine.listener import RunListener
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.first_look import FirstLook
from analyzer.sharing.frames import in_vlan, made_frame
from analyzer.sharing.inputs import RereadableInputs, rereadable
from analyzer.sharing.ledger import ROW, LedgerRow, Rows, row_of
from analyzer.sharing.opened import OpenedConnections
from analyzer.sharing.output import ETHERNET, SharedCapture
from analyzer.sharing.plain import KEEP, PlainSpool
from analyzer.sharing.redaction.envelopes import Envelope, FrameColumns, FrameCopier
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


@dataclass(frozen=True)
class RedactRequest:
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
                writer.batch(batch, reader.up_to(int(batch.number[-1]) if len(batch) else 0))
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
        self._made = np.fromiter(opened.opened, np.int64)
        self._copier = FrameCopier(_ROOM)
        self._envelopes: dict[int, Envelope] = {}
        # (source, interface) -> the interface of frames that are made in its place.
        self._ethernets: dict[tuple[int, int], int] = {}

    def batch(self, batch: FrameBatch, rows: Rows) -> None:
        """All frames of a batch; `rows` are the ledger's."""
        if not len(rows):
            rows = np.full(1, -2, ROW)  # of no connection
        sides = rows["side"].copy()
        known = np.flatnonzero(np.isin(sides >> 1, self._known))
        owner = np.full(len(batch), -1)
        owner[np.searchsorted(batch.number, rows["frame"][known])] = known
        fragment = np.zeros(len(batch), np.bool_)
        if self.fragments:
            fragment = np.isin(batch.number, np.fromiter(self.fragments, np.int64, len(self.fragments)))
        wanted = np.flatnonzero((owner >= 0) | fragment) if self._other == DROP else np.arange(len(batch))
        if not len(wanted):
            return
        found = owner[wanted]
        # Of frames of others any row. Nearly always each frame has one.
        mine = rows if len(found) == len(rows) and found.min() >= 0 else rows[found]
        firsts = self._streams.first(sides[found], mine["place"])
        opened = (found >= 0) & np.isin(sides[found] >> 1, self._made)
        payloads, columns, envelopes = self._columns(batch, wanted, mine, firsts, (found >= 0) & ~opened)
        data, copier = memoryview(batch.data), self._copier
        number = 0
        while number < len(wanted):
            first = number
            number = copier.copy(columns, number, data, payloads, envelopes)
            if self.numbers is not None:
                self.numbers += batch.number[wanted[first:number]].tolist()
            if number < len(wanted) and opened[number]:
                stop = number + (int(np.argmin(opened[number:])) or len(wanted) - number)
                self._of_opened(batch, wanted[number:stop], mine[number:stop])
                number = stop
            elif copier.used:
                self._flush()
            elif number < len(wanted):
                place = int(wanted[number])
                offset = int(batch.offset[place])
                frame = bytes(data[offset : offset + int(batch.captured[place])])
                if fragment[place] and found[number] < 0:
                    self._fragment(batch, place, frame)
                elif found[number] < 0:
                    self._others(batch, place, frame)
                else:
                    self._segment(batch, place, frame, row_of(mine, number), int(firsts[number]))
                number += 1
        self._flush()

    def _flush(self) -> None:
        """Writes the blocks that were made."""
        copier = self._copier
        if copier.used:
            self._capture.blocks(memoryview(copier.room)[: copier.used], copier.frames)
            copier.used = copier.frames = 0

    def _of_opened(self, batch: FrameBatch, wanted: I64, rows: Rows) -> None:
        """What becomes of frames of connections that were opened."""
        none, copier, numbers = [0] * len(wanted), self._copier, batch.number[wanted].tolist()
        sources = none if batch.source is None else batch.source[wanted].tolist()
        indices = none if batch.interface is None else batch.interface[wanted].tolist()
        times = np.maximum(batch.timestamp_ns[wanted], 0).tolist()
        found = map(LedgerRow._make, rows.tolist())
        for number, row, time_ns, source, index in zip(numbers, found, times, sources, indices, strict=True):
            for made in self._opened.frames(number, row.side, row.place, row.length, row.flags, row.window):
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
                    self.numbers.append(number)

    def _columns(
        self, batch: FrameBatch, wanted: I64, rows: Rows, firsts: I64, mine: NDArray[np.bool_]
    ) -> tuple[bytearray, FrameColumns, list[Envelope]]:
        """(payloads, frames in columns, what is around the payloads): what `FrameCopier` writes of them."""
        side, at, length = rows["side"].copy(), rows["at"].astype(np.int64), rows["length"].astype(np.int64)
        payloads, places = self._streams.payloads(firsts, side, rows["place"], length)
        plain = mine & self._plain & (at >= 0)
        link = batch.link_type[wanted].astype(np.int64)
        codes, heads, group = np.unique(np.where(plain, side << 16 | link, -1), return_index=True, return_inverse=True)
        envelopes: list[Envelope] = []
        numbers = [-1] * len(heads)
        data, frames = memoryview(batch.data), wanted[heads]
        offsets, sizes = batch.offset[frames].tolist(), np.minimum(batch.captured[frames], _LONGEST_HEAD).tolist()
        for which, code in enumerate(codes.tolist()):
            if code >= 0 and (one := self._envelope(code, data[offsets[which] : offsets[which] + sizes[which]])):
                numbers[which] = len(envelopes)
                envelopes.append(one)
        envelope = np.array(numbers)[group]
        interface = self._interface_numbers(batch, wanted, link, envelope >= 0)
        times = np.maximum(batch.timestamp_ns[wanted], 0)
        columns = batch.offset[wanted], batch.captured[wanted], batch.original[wanted], times, interface
        return payloads, FrameColumns(columns, (at, length, places), envelope), envelopes

    def _interface_numbers(self, batch: FrameBatch, wanted: I64, link: I64, plain: NDArray[np.bool_]) -> I64:
        """The interface that each plain frame is written under."""
        none = np.zeros(len(wanted), np.int64)
        source = none if batch.source is None else batch.source[wanted].astype(np.int64)
        index = none if batch.interface is None else batch.interface[wanted].astype(np.int64)
        codes = np.where(plain, source << 48 | index << 16 | link, -1)
        _, heads, group = np.unique(codes, return_index=True, return_inverse=True)
        numbers = np.zeros(len(heads), np.int64)
        for which in np.argsort(heads).tolist():
            head = heads[which]
            if plain[head]:
                name = f"capture {int(source[head]) + 1}", int(link[head]), int(index[head])
                numbers[which] = self._capture.interface(name)
        return numbers[group]

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
        source = int(batch.source[place]) if batch.source is not None else 0
        number = int(batch.interface[place]) if batch.interface is not None else 0
        if self.numbers is not None:
            self.numbers.append(int(batch.number[place]))
        interface = (f"capture {source + 1}", link_type, number)
        self._capture.write(frame, int(batch.timestamp_ns[place]), original, interface)

    def _segment(self, batch: FrameBatch, place: int, frame: bytes, row: LedgerRow, first: int) -> None:
        side = row.side
        payload = self._streams.bytes_at(first, side, row.place, row.length)
        link_type, at = int(batch.link_type[place]), row.at
        if at >= 0:
            written = self._headers.rewrite(frame, link_type, at, payload)
        else:
            written = self._headers.fragment(frame, link_type, self._datagram(row))
            del self._datagrams[row.frame]
        if written is not None:
            self._put(batch, place, written, link_type, int(batch.original[place]))
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
        row = self.fragments[int(batch.number[place])]
        side, link_type = row.side, int(batch.link_type[place])
        if side >> 1 in self._opened.opened or not self._is_known(side >> 1):
            return
        written = self._headers.fragment(frame, link_type, self._datagram(row))
        if written is not None:
            self._put(batch, place, written, link_type, int(batch.original[place]))

    def _is_known(self, stream: int) -> bool:
        """Whether a connection is MySQL's."""
        index = int(np.searchsorted(self._known, stream))
        return index < len(self._known) and int(self._known[index]) == stream

    def _datagram(self, row: LedgerRow) -> FragmentedSegment:
        """What becomes of the segment of a row that came in fragments."""
        found = self._datagrams.get(row.frame)
        if found is None:
            first = int(self._streams.first(np.array([row.side]), np.array([row.place]))[0])
            payload = self._streams.bytes_at(first, row.side, row.place, row.length)
            found = self._datagrams[row.frame] = FragmentedSegment(payload, row.missing)
        return found

    def _others(self, batch: FrameBatch, place: int, frame: bytes) -> None:
        """A frame that is of no MySQL connection."""
        link_type = int(batch.link_type[place])
        if self._other == HEADERS:
            bare = self._headers.bare(frame, link_type)
            if bare is None:
                return
            frame = bare
        else:
            frame = self._headers.readdressed(frame, link_type)
        self._summary.others += 1
        self._put(batch, place, frame, link_type, int(batch.original[place]))


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
