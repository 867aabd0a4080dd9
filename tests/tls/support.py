"""What the tests of the TLS layer share: the corpus, streams of captures, recorded sessions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from analyzer.capture import open_capture
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.tls.keylog import KeyLog
from analyzer.tls.records import CLIENT, SERVER, begins_tls
from analyzer.tls.session import AfterTls, Plain, TlsSession
from tests.corpus import REPOSITORY

# Sender, bytes.
Flight = tuple[int, bytes]


def corpus_dir() -> Path | None:
    """The shared corpus of captures: HANDSHARK_CORPUS, or beside the repository."""
    given = os.environ.get("HANDSHARK_CORPUS")
    path = Path(given) if given else REPOSITORY.parent / "shared" / "corpus"
    return path if (path / "lab").is_dir() else None


def key_log(text: bytes) -> KeyLog:
    log = KeyLog()
    log.add(text, final=True)
    return log


class Stream:
    """A TCP connection's events, as they come."""

    def __init__(self, tcp: TcpConnection) -> None:
        self.tcp = tcp
        self.chunks: list[tuple[int, bytes, int]] = []

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        start = 0
        for end, frame in zip(ends, frames, strict=True):
            self.chunks.append((sender, bytes(data[start:end]), frame))
            start = end

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        raise AssertionError(f"a gap of {length} bytes")

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        pass

    def tls(self) -> list[tuple[int, bytes, int]]:
        """(role, bytes, frame) from the ClientHello on; empty where no TLS begins."""
        client = self.tcp.initiator
        for index, (sender, data, _) in enumerate(self.chunks):
            if sender == client and begins_tls(data):
                rest = self.chunks[index:]
                return [(CLIENT if sender == client else SERVER, data, frame) for sender, data, frame in rest]
        return []


def streams_of(path: Path) -> list[Stream]:
    """All TCP connections of a capture, in the order of their first frames."""
    streams: list[Stream] = []

    def follow(tcp: TcpConnection) -> Stream:
        stream = Stream(tcp)
        streams.append(stream)
        return stream

    decoder = SegmentDecoder()
    table = FlowTable(follow)
    with open_capture(str(path)) as source:
        for batch in source:
            table.feed(decoder.decode(batch))
    for _ in table.finish():
        pass
    return sorted(streams, key=lambda stream: stream.tcp.first_frame)


class Reading:
    """What came out of a session, by sender."""

    def __init__(self, session: TlsSession) -> None:
        self.session = session
        self.plain = [b"", b""]
        self.after = [b"", b""]
        self.frames: list[int] = []

    def take(self, events: Iterable[Plain | AfterTls]) -> None:
        for event in events:
            if isinstance(event, Plain):
                assert not self.after[event.sender]
                self.plain[event.sender] += event.data
                self.frames.append(event.frame)
            else:
                self.after[event.sender] += event.data

    def feed(self, sender: int, data: bytes, frame: int = 1) -> None:
        self.take(self.session.feed(sender, data, frame))


def read(flights: Iterable[Flight], keys: KeyLog | None = None, session: TlsSession | None = None) -> Reading:
    """Feeds whole flights, each as a frame of its own."""
    reading = Reading(session or TlsSession(keys))
    for frame, (sender, data) in enumerate(flights, 1):
        reading.feed(sender, data, frame)
    return reading
