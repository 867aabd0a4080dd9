"""Cuts connections out of captures: their frames, their TLS secrets, and what is to be said of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.batches import FrameBatch
from analyzer.engine.listener import RunListener
from analyzer.protocol.machine.machine import CLIENT
from analyzer.sharing import comments
from analyzer.sharing.choice import ExtractRequest, FrameSet
from analyzer.sharing.first_look import FirstLook
from analyzer.sharing.frames import packed_ends
from analyzer.sharing.inputs import RereadableInputs, rereadable
from analyzer.sharing.key_watcher import SessionName, SessionNames, lines_of
from analyzer.sharing.ledger import LedgerRow
from analyzer.sharing.opened import OpenedConnections
from analyzer.sharing.output import ETHERNET, SharedCapture
from analyzer.sharing.plain import KEEP, PlainSpool, watcher_for

Endpoints = tuple[tuple[str, int], tuple[str, int]]


class ExtractSummary(msgspec.Struct):
    """What was written.

    connections  that were taken, and `of` how many MySQL connections
    frames       written, and `of_frames` of the inputs
    opened       connections that were in TLS or compression and came out as plain text
    closed       connections in TLS that could not be opened, though it was asked for
    secrets      TLS secrets written
    """

    connections: int = 0
    of: int = 0
    frames: int = 0
    of_frames: int = 0
    opened: int = 0
    closed: int = 0
    secrets: int = 0


class _Chosen(NamedTuple):
    """A connection that is taken."""

    endpoints: Endpoints
    comment: str


class _MatchedPacket(NamedTuple):
    """Where a packet stands that a filter lets through. `role` is its sender's."""

    stream: int
    role: int
    client: int
    first: int
    last: int


def extract(
    names: Sequence[str],
    request: ExtractRequest,
    options: AnalysisOptions,
    out: BinaryIO,
    listener: RunListener | None = None,
) -> ExtractSummary:
    """Writes what is asked for as pcapng; several captures are one, in time order.

    Raises CaptureError where a capture can not be read, OSError where the output can not be written.
    """
    with rereadable(names) as inputs:
        return _Extraction(inputs, request, options, listener or RunListener()).write(out)


class _Extraction:
    """One run: `look` chooses, `write` copies."""

    def __init__(
        self, inputs: RereadableInputs, request: ExtractRequest, options: AnalysisOptions, listener: RunListener
    ) -> None:
        self._inputs = inputs
        self._request = request
        self._listener = listener
        self._chosen: dict[int, _Chosen] = {}
        self._said: dict[int, list[tuple[int, str]]] = {}
        self._names: list[SessionName] = []
        self._sessions = SessionNames()
        self._spool = PlainSpool() if request.decrypted else None
        self._frames = FrameSet() if request.packets and (request.keep or request.findings) else None
        self.summary = ExtractSummary()
        observe = (*options.observe, self._sessions.watcher())
        if self._spool is not None:
            observe = (*observe, watcher_for(self._spool))
            options = replace(options, keep=KEEP)
        self._options = replace(options, observe=observe, packets=0)

    # -- the first reading ---------------------------------------------------------------------------------------------

    def write(self, out: BinaryIO) -> ExtractSummary:
        """Chooses, then copies."""
        look = self._look()
        source = look.source
        if source is not None:
            self.summary.of_frames = source.frames
            self.summary.of = source.mysql_connections
        self.summary.connections = len(self._chosen)
        keylog = lines_of(look.keys, self._names) if self._request.keys and not self._request.decrypted else b""
        self.summary.secrets = keylog.count(b"\n")
        said = f"handshark extract of {self._inputs.title}: frame numbers in comments are those of the original"
        capture = SharedCapture(out, said, keylog)
        try:
            self._copy(look, capture)
        finally:
            look.ledger.close()
            if self._spool is not None:
                self._spool.close()
        capture.finish()
        self.summary.frames = capture.frames
        return self.summary

    def _look(self) -> FirstLook:
        keep, request = self._request.keep, self._request
        settle = None if self._spool is None else self._spool.settle
        if keep is None:
            look = FirstLook(self._inputs, self._options, self._listener, settle)
            for analysis, results, _ in look.batches():
                for connection, _ in results:
                    self._judge(analysis, connection, True)
        elif request.packets:
            look = self._look_for_packets(settle)
        else:
            from analyzer.analysis.dissection.selection import Matching

            matching = Matching(keep)
            look = FirstLook(self._inputs, matching.options(self._options), self._listener, settle)
            for analysis, results, _ in look.batches():
                for connection, _ in results:
                    self._judge(analysis, connection, matching.keeps(connection))
        return look

    def _look_for_packets(self, settle: Callable[[], None] | None) -> FirstLook:
        """The frames of the packets that match."""
        from analyzer.analysis.dissection.dissector import RowRequest
        from analyzer.engine.row_collector import RowCollector, RowRendering

        collector = RowCollector(RowRequest(self._request.keep, frozenset(), False), RowRendering(_matched))
        options = replace(collector.options(self._options), connections=True)
        look = FirstLook(self._inputs, options, self._listener, settle)
        found: dict[int, list[_MatchedPacket]] = {}
        for analysis, results, last in look.batches():
            judged = self._candidates(analysis, results)
            for _, packet in collector.take(analysis, judged, last):
                found.setdefault(packet.stream, []).append(packet)
        frames = self._frames
        for stream, packets in found.items():
            if stream not in self._chosen or frames is None:
                continue
            for one in packets:
                sender = one.client if one.role == CLIENT else 1 - one.client
                frames.add_span(2 * stream + sender, one.first, one.last)
        for stream in [stream for stream in self._chosen if stream not in found]:
            del self._chosen[stream]
        return look

    def _candidates(self, analysis: Analysis, results: Iterator[Result]) -> Iterator[Result]:
        for result in results:
            self._judge(analysis, result[0], True)
            yield result

    def _judge(self, analysis: Analysis, connection: Connection, matches: bool) -> None:
        """Notes a connection, if it is to be taken."""
        session = self._sessions.take(connection.stream)
        request = self._request
        if not matches or not request.takes(connection, analysis.totals.first_ns or 0):
            return
        ends = [(one.address, one.port) for one in (connection.client, connection.server)]
        said = comments.of_connection(connection, self._inputs.title)
        self._chosen[connection.stream] = _Chosen(_in_order(ends[0], ends[1]), said)
        if session is not None:
            self._names.append(session)
        if request.comments:
            for frame, text in comments.of_frames(connection):
                self._said.setdefault(frame, []).append((connection.stream, text))
        if self._frames is not None and request.keep is None:
            for finding in connection.findings:
                if finding.code in request.findings:
                    for frame in finding.frames:
                        self._frames.add(frame)

    # -- the second reading --------------------------------------------------------------------------------------------

    def _copy(self, look: FirstLook, capture: SharedCapture) -> None:
        """Every frame that is wanted, in order."""
        opened = self._spool.opened.intersection(self._chosen) if self._spool is not None else set()
        self.summary.opened = len(opened)
        made = None
        if self._spool is not None:
            made = OpenedConnections(
                opened, self._spool.read(), lambda stream: packed_ends(self._chosen[stream].endpoints)
            )
        copy = _Copy(self._inputs, self._chosen, self._said, made, capture)
        reader = look.ledger.read()
        sides = ((frame, row.side) for frame, row in look.ledger.fragments.items())
        fragments = {frame: side for frame, side in sides if side >> 1 in self._chosen}
        first = look.source.first_time_ns if look.source is not None else None
        window = self._request.window if self._request.packets else None
        bounds = window.bounds(first or 0) if window is not None else None
        with self._inputs.open() as source:
            for batch in source:
                rows = reader.up_to(int(batch.number[-1]) if len(batch) else 0).of(self._chosen)
                self._copy_batch(batch, rows, fragments, bounds, copy)
                self._listener.progress(self._inputs.name, *source.progress(), capture.frames)
        self._listener.over(self._inputs.name)

    def _copy_batch(
        self,
        batch: FrameBatch,
        rows: list[LedgerRow],
        fragments: dict[int, int],
        bounds: tuple[int, int] | None,
        copy: _Copy,
    ) -> None:
        places = np.searchsorted(batch.number, [row.frame for row in rows]).tolist()
        wanted: list[tuple[int, int, LedgerRow | None]] = [
            (place, row.side, row) for place, row in zip(places, rows, strict=True)
        ]
        if fragments:
            numbers = batch.number.tolist()
            wanted += [(place, fragments[number], None) for place, number in enumerate(numbers) if number in fragments]
            wanted.sort(key=lambda one: one[0])
        times = batch.timestamp_ns
        for place, side, row in wanted:
            frame = int(batch.number[place])
            if bounds is not None and not bounds[0] <= int(times[place]) <= bounds[1]:
                continue
            if self._frames is not None and not self._frames.holds(frame, side):
                continue
            copy.frame(batch, place, side, row)


def _matched(group: Sequence[object]) -> _MatchedPacket:
    """Where the packet of a row stands."""
    from analyzer.analysis.dissection.packet import Dissection

    one = group[0]
    assert isinstance(one, Dissection)
    first = one.packet.start_frame if one.packet is not None else one.frame
    return _MatchedPacket(one.scene.tcp.number, one.role, one.scene.client, first, one.frame)


def _in_order(client: tuple[str, int], server: tuple[str, int]) -> Endpoints:
    """Both ends as TcpConnection has them: the lower (address, port) first."""
    ends = sorted((client, server), key=lambda end: (ipaddress.ip_address(end[0]).packed, end[1]))
    return ends[0], ends[1]


class _Copy:
    """Writes frames of chosen connections; those that were opened are made anew."""

    def __init__(
        self,
        inputs: RereadableInputs,
        chosen: dict[int, _Chosen],
        said: dict[int, list[tuple[int, str]]],
        opened: OpenedConnections | None,
        capture: SharedCapture,
    ) -> None:
        self._inputs = inputs
        self._chosen = chosen
        self._said = said
        self._opened = opened
        self._capture = capture
        self._begun: set[int] = set()
        # Comments whose frame is not written: they go with the connection's next.
        self._due: dict[int, list[str]] = {}

    def frame(self, batch: FrameBatch, place: int, side: int, row: LedgerRow | None) -> None:
        """A frame of this side of a connection; `row` is None for a fragment that did not complete its datagram."""
        number, stream = int(batch.number[place]), side >> 1
        for owner, text in self._said.pop(number, ()):
            self._due.setdefault(owner, []).append(text)
        source = int(batch.source[place]) if batch.source is not None else 0
        time_ns = int(batch.timestamp_ns[place])
        if self._opened is not None and stream in self._opened.opened:
            if row is not None and self._opened is not None:
                name = f"{self._inputs.label(source)}, decrypted"
                for made in self._opened.frames(number, side, row.place, row.length, row.flags, row.window):
                    self._capture.write(made, time_ns, None, (name, ETHERNET, 0), self._comments(stream, True))
            return
        offset = int(batch.offset[place])
        data = bytes(memoryview(batch.data)[offset : offset + int(batch.captured[place])])
        index = int(batch.interface[place]) if batch.interface is not None else 0
        interface = (self._inputs.label(source), int(batch.link_type[place]), index)
        self._capture.write(data, time_ns, int(batch.original[place]), interface, self._comments(stream))

    def _comments(self, stream: int, opened: bool = False) -> list[str]:
        found = self._due.pop(stream, [])
        if stream not in self._begun:
            self._begun.add(stream)
            text = self._chosen[stream].comment
            if opened:
                text += (
                    " These frames were made by handshark: they hold the plain text of a connection that was in TLS or "
                    "compression, as TCP without either."
                )
            found.insert(0, text)
        return found
