"""Segments made by hand, fed to the flow table or to one connection, and the stream events that come out."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from typing import Any, NamedTuple

import numpy as np

from analyzer.batches import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, SegmentBatch
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.reassembly import TcpConnection

ACK = TCP_ACK
SYN = TCP_SYN
FIN = TCP_FIN | TCP_ACK
RST = TCP_RST
SYNACK = TCP_SYN | TCP_ACK

CLIENT, SERVER = 0, 1  # endpoint 0 is the lower one: 10.0.0.1 is below 10.0.0.2
MILLISECOND = 1_000_000
START_NS = 1_700_000_000_000_000_000


class Seg(NamedTuple):
    """One segment. `time_ns` 0 stands for a millisecond after the one before.

    Headers stand before the payload where `options` of TCP or `ip_id`, the number in the IP header, are given.
    """

    sender: int
    seq: int
    ack: int
    flags: int = ACK
    data: bytes = b""
    missing: int = 0
    flow: int = 0
    time_ns: int = 0
    tag: int = 0
    window: int = 502
    options: bytes = b""
    ip_id: int = 0


class Recorder:
    """Writes down the events of one connection, neighbours of one direction joined byte by byte.

    `bytes_of[s]` is a list of (byte, frame, time) and of gaps ("gap", length, reason) in the order of delivery.
    """

    def __init__(self, tcp: TcpConnection) -> None:
        self.tcp = tcp
        self.events: list[tuple[Any, ...]] = []

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        assert len(ends) == len(frames) == len(times) > 0
        assert ends == sorted(ends)
        assert ends[-1] == len(data) > 0
        assert isinstance(data, bytes)
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            self.events += [(sender, byte, frame, time_ns) for byte in data[start:end]]
            start = end

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.events.append((sender, "gap", length, reason))

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        self.events.append((sender, "end", kind, frame))

    def of(self, sender: int) -> list[tuple[Any, ...]]:
        return [event[1:] for event in self.events if event[0] == sender]

    def delivered(self, sender: int) -> bytes:
        return bytes(event[1] for event in self.events if event[0] == sender and isinstance(event[1], int))

    def gaps(self, sender: int) -> list[tuple[int, str]]:
        return [(e[2], e[3]) for e in self.events if e[0] == sender and e[1] == "gap"]

    def ends(self, sender: int) -> list[str]:
        return [e[2] for e in self.events if e[0] == sender and e[1] == "end"]

    def places(self, sender: int, original: bytes) -> int:
        """Checks that what was delivered is the original with gaps of the right size; returns where it ends."""
        at = 0
        for event in self.of(sender):
            if isinstance(event[0], int):
                assert at < len(original)
                assert event[0] == original[at]
                at += 1
            elif event[0] == "gap":
                assert event[1] > 0
                at += event[1]
        return at


def _headers(segment: Seg) -> bytes:
    """IPv4 and TCP headers, as far as somebody reads them."""
    size = 20 + len(segment.options)
    total = 20 + size + len(segment.data)
    ip = struct.pack(">BBHHHBBH8x", 0x45, 0, total, segment.ip_id, 0x4000, 64, 6, 0)
    numbers = segment.seq & 0xFFFF_FFFF, segment.ack & 0xFFFF_FFFF
    return ip + struct.pack(">4xIIBB6x", *numbers, size // 4 << 4, segment.flags) + segment.options


def batch_of(segments: Sequence[Seg], first_frame: int = 1, start_ns: int = START_NS) -> SegmentBatch:
    """One batch; payloads stand in `data` with rubbish between them."""
    data = bytearray()
    offsets = []
    for segment in segments:
        data += _headers(segment) if segment.options or segment.ip_id else b"\xee\xee\xee"
        offsets.append(len(data))
        data += segment.data
    count = len(segments)
    frames = np.arange(first_frame, first_frame + count, dtype=np.int64)
    times = [s.time_ns or start_ns + (first_frame + i) * MILLISECOND for i, s in enumerate(segments)]

    def address(segment: Seg, source: bool) -> tuple[int, int]:
        low = (segment.sender == CLIENT) == source
        return (0x0A000001, 40000 + segment.flow) if low else (0x0A000002, 3306)

    sources = [address(s, True) for s in segments]
    destinations = [address(s, False) for s in segments]
    zeros = np.zeros(count, np.uint64)
    return SegmentBatch(
        data=bytes(data),
        frame=frames,
        timestamp_ns=np.array(times, np.int64),
        ip_version=np.full(count, 4, np.uint8),
        src_hi=zeros,
        src_lo=np.array([a for a, _ in sources], np.uint64),
        dst_hi=zeros,
        dst_lo=np.array([a for a, _ in destinations], np.uint64),
        sport=np.array([p for _, p in sources], np.uint16),
        dport=np.array([p for _, p in destinations], np.uint16),
        seq=np.array([s.seq & 0xFFFF_FFFF for s in segments], np.uint32),
        ack=np.array([s.ack & 0xFFFF_FFFF for s in segments], np.uint32),
        flags=np.array([s.flags for s in segments], np.uint8),
        window=np.array([s.window for s in segments], np.uint16),
        offset=np.array(offsets, np.int64),
        length=np.array([len(s.data) for s in segments], np.int64),
        missing=np.array([s.missing for s in segments], np.int64),
        tag=np.array([s.tag & 0xFFFF_FFFF for s in segments], np.uint64),
    )


class Flows:
    """A flow table with a recorder on every connection; `finished` in the order in which they were given back."""

    def __init__(self, *, columns: bool = True, mix: Sequence[int] | None = None) -> None:
        self.recorders: list[Recorder] = []
        self.finished: list[TcpConnection] = []
        self.opened: list[TcpConnection] = []
        self.table = FlowTable(self._follow, columns=columns, mix=mix)
        self._frame = 1

    def _follow(self, tcp: TcpConnection) -> Recorder:
        self.recorders.append(Recorder(tcp))
        return self.recorders[-1]

    def feed(self, segments: Sequence[Seg]) -> None:
        self.finished += self.table.feed(batch_of(segments, self._frame))
        self._frame += len(segments)
        self.opened += self.table.take_opened()

    def finish(self) -> Flows:
        self.finished += self.table.finish()
        return self

    def by_number(self) -> list[Recorder]:
        return sorted(self.recorders, key=lambda recorder: recorder.tcp.number)


def run(segments: Sequence[Seg], cuts: Iterable[int] = (), *, columns: bool = True) -> Flows:
    """All segments through a table, in batches that end at `cuts`, to the end."""
    flows = Flows(columns=columns)
    before = 0
    for cut in [*sorted(set(cuts)), len(segments)]:
        flows.feed(segments[before:cut])
        before = cut
    return flows.finish()


def handshake(client_isn: int = 1000, server_isn: int = 5000, flow: int = 0) -> list[Seg]:
    """SYN, SYN-ACK, ACK: the first bytes are client_isn + 1 and server_isn + 1."""
    return [
        Seg(CLIENT, client_isn, 0, SYN, flow=flow),
        Seg(SERVER, server_isn, client_isn + 1, SYNACK, flow=flow),
        Seg(CLIENT, client_isn + 1, server_isn + 1, flow=flow),
    ]


def key_of(low: tuple[str, int], high: tuple[str, int]) -> bytes:
    """The key of a connection between two endpoints of IPv4, the lower first."""
    ports = low[1] << 24 | high[1] << 8 | 4
    return b"".join(IPv4Address(address).packed.rjust(16, b"\0") for address, _ in (low, high)) + ports.to_bytes(
        8, "big"
    )
