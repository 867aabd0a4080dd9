"""Where the fuzzer starts: the bundled captures, and the protocol bytes inside them."""

from __future__ import annotations

import random
from typing import Final

from analyzer.capture import open_capture
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.wire.framing import encode_packet
from tests.corpus import REPOSITORY
from tests.protocol.records.binlog_streams import STREAMS

SAMPLES: Final = REPOSITORY / "samples"
# Larger ones make every execution slow, and mutations of them rarely hit anything.
LONGEST: Final = 1 << 14

# Capabilities of the seeds' contexts: none, what a MySQL 8 client asks for, all.
CAPABILITIES: Final = (0x0000_0200, 0x19FF_FFDF, 0x7F_FFFF_FFFF)


def captures() -> list[bytes]:
    """The content of every small sample."""
    files = sorted(path for path in SAMPLES.glob("*.pcap*") if path.stat().st_size <= LONGEST)
    return [path.read_bytes() for path in files]


class _Talk:
    """Collects what both sides say, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[int, bytes]] = []

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        self.said.append((sender, data))

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        pass

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        pass


def conversations() -> list[list[tuple[int, bytes]]]:
    """(role, bytes) of each connection of the samples: 0 for the client, 1 for the server."""
    found: list[list[tuple[int, bytes]]] = []
    for path in sorted(SAMPLES.glob("*.pcap*")):
        if path.stat().st_size > LONGEST:
            continue
        talks: list[tuple[TcpConnection, _Talk]] = []

        def follow(tcp: TcpConnection, talks: list[tuple[TcpConnection, _Talk]] = talks) -> _Talk:
            talks.append((tcp, _Talk()))
            return talks[-1][1]

        decoder, table = SegmentDecoder(), FlowTable(follow)
        with open_capture(str(path)) as source:
            for batch in source:
                table.feed(decoder.decode(batch))
        list(table.finish())
        for tcp, conversation in talks:
            client = tcp.initiator or 0
            found.append([(0 if sender == client else 1, data) for sender, data in conversation.said])
    return found


def packets(said: bytes) -> list[bytes]:
    """MySQL packets of one message, headers included; the last may be cut."""
    out = []
    at = 0
    while at + 4 <= len(said):
        stop = at + 4 + int.from_bytes(said[at : at + 3], "little")
        out.append(said[at:stop])
        at = stop
    return out


# A prepared statement's life, and requests that no other seed has: (0 client, 1 server), payload.
STATEMENT = (
    (0, "16646f203f2c203f"),
    (1, "000100000000000200000000"),
    (0, "180100000000006162"),
    (0, "1701000000000100000000000103000f000500000001 61"),
    (0, "17010000000801000000020001fd00000300000161050000"),
    (0, "1c0100000002000000"),
    (0, "fa01000000800003000f0000050000000001720001"),
    (0, "1901000000"),
    (0, "fe0400000364"),
    (0, "1e" + "00" * 40),
)


def records() -> list[bytes]:
    """Inputs of the target `records`: whole conversations, and single payloads under several capabilities."""
    from tests.fuzz.targets import EXCHANGES, MACHINE, RECORD_KINDS, SINGLE

    out: list[bytes] = []
    payloads: list[bytes] = []
    for conversation in conversations():
        script = bytearray([MACHINE])
        for role, said in conversation:
            for packet in packets(said):
                script += bytes([role]) + packet
                payloads.append(packet[4:])
        out.append(bytes(script))
    for stream in STREAMS.values():
        # A dump whose events are looked at (16), and each of them alone.
        begin = bytes([4]) + encode_packet(b"\x0e", 0) + bytes([16]) + encode_packet(b"\x12" + bytes(10), 0)
        events = [bytes.fromhex(text) for text in stream]
        sent = (bytes([17]) + encode_packet(event, at) for at, event in enumerate(events, 1))
        out.append(bytes([MACHINE]) + begin + b"".join(sent))
        payloads += events
    script = bytearray([MACHINE, 4]) + encode_packet(b"\x0e", 0)
    for role, text in STATEMENT:
        payload = bytes.fromhex(text)
        payloads.append(payload)
        script += bytes([role]) + encode_packet(payload, role)
    out.append(bytes(script))
    for index in range(len(RECORD_KINDS)):
        for flags in CAPABILITIES:
            head = bytes([SINGLE, index]) + flags.to_bytes(8, "little")
            out += [head + payload for payload in payloads[index :: len(RECORD_KINDS)][:3]]
    for index in range(len(EXCHANGES)):
        out.append(bytes([2, index, 0]) + b"\x01\x05hello\x00\x08\x00\x00\x05world")
    return [seed for seed in out if len(seed) <= LONGEST]


def choices() -> list[bytes]:
    """Inputs of the target `masking`: each is a row of choices."""
    return [random.Random(number).randbytes(256) for number in range(64)]
