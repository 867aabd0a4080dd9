"""Takes out of captures what must not be seen, and leaves the protocol."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

import msgspec
import numpy as np

from analyzer.analysis import AnalysisOptions
from analyzer.batches import FrameBatch
from analyzer.engine.listener import RunListener
from analyzer.sharing.first_look import FirstLook
from analyzer.sharing.frames import in_vlan, made_frame
from analyzer.sharing.inputs import RereadableInputs, rereadable
from analyzer.sharing.ledger import Rows
from analyzer.sharing.opened import OpenedConnections, PackedEnds
from analyzer.sharing.output import ETHERNET, SharedCapture
from analyzer.sharing.plain import KEEP, PlainSpool
from analyzer.sharing.redaction.headers import HeaderRedactor
from analyzer.sharing.redaction.keep import DEFAULT, KeptKinds
from analyzer.sharing.redaction.packets import PacketRedactor
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.spool import StreamReader, StreamSpool
from analyzer.sharing.redaction.watcher import RedactingWatcher

# What becomes of frames that are of no MySQL connection.
DROP: Final = "drop"
KEEP_OTHERS: Final = "keep"
HEADERS: Final = "headers"
_MOST_SERVERS: Final = 10_000
OTHERS: Final = (DROP, HEADERS, KEEP_OTHERS)
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
    """

    key: bytes
    keep: KeptKinds = DEFAULT
    other: str = DROP
    listed: bool = False


class RedactSummary(msgspec.Struct):
    """What was done.

    connections  MySQL connections; `opened` of them were in TLS or compression and came out as plain TCP, `closed`
                 are in TLS and could not be opened
    frames       written, and `of_frames` of the inputs; `made` of them are new, for their headers are of a form that
                 is not known, or for they were opened; `others` are of no MySQL connection
    replaced     kind -> how many
    zeroed       bytes of packets that were not understood
    """

    connections: int = 0
    opened: int = 0
    closed: int = 0
    frames: int = 0
    of_frames: int = 0
    made: int = 0
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
        self._packets = PacketRedactor(self.replacements, request.keep)
        self._streams = StreamSpool()
        self._plain = PlainSpool()
        packets, streams, plain = self._packets, self._streams, self._plain
        observe = (*options.observe, lambda tcp: RedactingWatcher(tcp, packets, streams, plain))
        self._options = replace(options, observe=observe, packets=0, keep=KEEP)
        self._ends: dict[int, PackedEnds] = {}
        self._servers: set[tuple[bytes, int]] = set()
        self._first_look: FirstLook | None = None
        self.summary = RedactSummary()

    def look(self) -> None:
        """Decodes all, and works out what is to be written. Raises CaptureError."""
        look = FirstLook(self._inputs, self._options, self._listener, self._settle)
        closed: set[int] = set()
        for _, results, _ in look.batches():
            for connection, _ in results:
                ends = [
                    (ipaddress.ip_address(one.address).packed, one.port)
                    for one in (connection.client, connection.server)
                ]
                low, high = sorted(ends)
                self._ends[connection.stream] = self._addressed(low), self._addressed(high)
                if connection.tls is not None and not connection.tls.decrypted:
                    closed.add(connection.stream)
        self._first_look = look
        summary = self.summary
        summary.connections = len(self._ends)
        summary.opened = len(self._plain.opened)
        summary.closed = len(closed)
        summary.of_frames = look.source.frames if look.source is not None else 0
        self._count()

    def _settle(self) -> None:
        self._streams.settle()
        self._plain.settle()

    def _count(self) -> None:
        self.summary.replaced = dict(sorted(self.replacements.counts.items()))
        self.summary.zeroed = self._packets.zeroed

    def _addressed(self, end: tuple[bytes, int]) -> tuple[bytes, int]:
        if "addresses" in self._request.keep.kinds:
            return end
        return self.replacements.addresses.packed(end[0]), end[1]

    def write(self, out: BinaryIO) -> None:
        """Writes the capture. Raises CaptureError, OSError."""
        look = self._first_look
        if look is None:
            raise ValueError("look comes first")
        capture = SharedCapture(out, COMMENT)
        made = OpenedConnections(self._plain.opened, self._plain.read(), self._ends.__getitem__)
        keep = "addresses" in self._request.keep.kinds
        headers = HeaderRedactor(self.replacements.addresses, keep)
        other, ends, servers = self._request.other, self._ends, self._servers
        writer = _FrameWriter(capture, headers, self._streams.read(), made, ends, servers, other, self.summary)
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


class _FrameWriter:
    """Writes frames without their content."""

    def __init__(
        self,
        capture: SharedCapture,
        headers: HeaderRedactor,
        streams: StreamReader,
        opened: OpenedConnections,
        ends: dict[int, PackedEnds],
        servers: set[tuple[bytes, int]],
        other: str,
        summary: RedactSummary,
    ) -> None:
        self._capture = capture
        self._headers = headers
        self._streams = streams
        self._opened = opened
        self._ends = ends
        self._other = other
        self._summary = summary
        self._networks: dict[int, int] = {}
        self._servers = servers

    def batch(self, batch: FrameBatch, rows: Rows) -> None:
        """All frames of a batch; `rows` are the ledger's."""
        firsts = self._streams.first(rows["side"].copy(), rows["place"].copy())
        places = np.searchsorted(batch.number, rows["frame"]).tolist()
        sides = rows["side"].tolist()
        data = memoryview(batch.data)
        offsets, captured = batch.offset.tolist(), batch.captured.tolist()
        owner: dict[int, int] = {}
        for index, place in enumerate(places):
            known = sides[index] >> 1 in self._ends
            if known or self._comes_to_server(
                bytes(data[offsets[place] : offsets[place] + captured[place]]), batch, place
            ):
                owner[place] = index
        wanted = sorted(owner) if self._other == DROP else range(len(batch))
        for place in wanted:
            index = owner.get(place, -1)
            frame = bytes(data[offsets[place] : offsets[place] + captured[place]])
            if index < 0:
                self._others(batch, place, frame)
            else:
                self._segment(batch, place, frame, rows[index], firsts[index])

    def _comes_to_server(self, frame: bytes, batch: FrameBatch, place: int) -> bool:
        """Whether a segment is of a connection to a MySQL server on which nothing was said that is MySQL's."""
        ends = self._headers.ends(frame, int(batch.link_type[place]))
        return ends is not None and (ends[0] in self._servers or ends[1] in self._servers)

    def _put(self, batch: FrameBatch, place: int, frame: bytes, link_type: int, original: int | None) -> None:
        source = int(batch.source[place]) if batch.source is not None else 0
        number = int(batch.interface[place]) if batch.interface is not None else 0
        interface = (f"capture {source + 1}", link_type, number)
        self._capture.write(frame, int(batch.timestamp_ns[place]), original, interface)

    def _segment(self, batch: FrameBatch, place: int, frame: bytes, row: Rows, first: int) -> None:
        side = int(row["side"])
        if side >> 1 in self._opened.opened:
            for made in self._opened.frames(int(batch.number[place]), row):
                self._summary.made += 1
                self._put(batch, place, made, ETHERNET, None)
            return
        payload = self._streams.bytes_at(first, side, int(row["place"]), int(row["length"]))
        link_type, at = int(batch.link_type[place]), int(row["at"])
        written = self._headers.rewrite(frame, link_type, at, payload) if at >= 0 else None
        if written is not None:
            self._put(batch, place, written, link_type, int(batch.original[place]))
            return
        ends = self._ends[side >> 1]
        sender = side & 1
        numbers = (int(row["place"]) & 0xFFFF_FFFF, int(row["ack"]))
        flags, window, network = int(row["flags"]), int(row["window"]), int(row["tag"])
        made = made_frame(ends[sender], ends[1 - sender], sender, numbers, flags, window, payload)
        if network:
            # The same addresses may be in use in several networks at one time.
            made = in_vlan(made, self._networks.setdefault(network, len(self._networks) + 1))
        self._summary.made += 1
        self._put(batch, place, made, ETHERNET, len(made) + int(row["missing"]))

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
) -> tuple[RedactSummary, Replacements]:
    """Writes captures without their content; None: only works out what would be replaced.

    Raises CaptureError where a capture can not be read, OSError where the output can not be written.
    """
    with rereadable(names) as inputs:
        redaction = Redaction(inputs, request, options, listener)
        try:
            redaction.look()
            if out is not None:
                redaction.write(out)
        finally:
            redaction.close()
        return redaction.summary, redaction.replacements
