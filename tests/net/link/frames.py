"""Frames for the tests of the decoder: hand-made headers, batches, and just enough of pcap and pcapng to read the
corpus without the program's own reader."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zstandard

from analyzer.batches import FrameBatch, SegmentBatch
from tests.corpus import REPOSITORY

GAP = b"\xee" * 16  # between frames: what a decoder that reads beyond its frame would find


class Frame(NamedTuple):
    """`original` and `timestamp_ns` as in FrameBatch; original 0 stands for the length of `data`."""

    data: bytes
    link_type: int = 1
    original: int = 0
    timestamp_ns: int = 0


class Row(NamedTuple):
    """One segment, with its payload's bytes."""

    frame: int
    timestamp_ns: int
    ip_version: int
    src: int
    dst: int
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    payload: bytes
    missing: int


def batch_of(frames: Sequence[Frame], first_number: int = 1) -> FrameBatch:
    """A batch with GAP before each frame."""
    captured = np.array([len(frame.data) for frame in frames], np.int64)
    return FrameBatch(
        data=b"".join(GAP + frame.data for frame in frames),
        number=np.arange(first_number, first_number + len(frames), dtype=np.int64),
        timestamp_ns=np.array([frame.timestamp_ns for frame in frames], np.int64),
        link_type=np.array([frame.link_type for frame in frames], np.int32),
        offset=np.cumsum(captured + len(GAP)) - captured,
        captured=captured,
        original=np.array([max(frame.original, len(frame.data)) for frame in frames], np.int64),
    )


def rows_of(segments: SegmentBatch) -> list[Row]:
    data = bytes(segments.data)
    return [
        Row(
            int(segments.frame[i]),
            int(segments.timestamp_ns[i]),
            int(segments.ip_version[i]),
            int(segments.src_hi[i]) << 64 | int(segments.src_lo[i]),
            int(segments.dst_hi[i]) << 64 | int(segments.dst_lo[i]),
            int(segments.sport[i]),
            int(segments.dport[i]),
            int(segments.seq[i]),
            int(segments.ack[i]),
            int(segments.flags[i]),
            int(segments.window[i]),
            data[int(segments.offset[i]) : int(segments.offset[i]) + int(segments.length[i])],
            int(segments.missing[i]),
        )
        for i in range(len(segments))
    ]


def tcp(payload: bytes = b"", options: bytes = b"", *, seq: int = 1000, flags: int = 0x18, offset: int = 0) -> bytes:
    """A segment from port 40000 to 3306, ack 2000, window 512."""
    words = offset or (20 + len(options)) // 4
    return struct.pack(">HHIIBBHHH", 40000, 3306, seq, 2000, words << 4, flags, 512, 0, 0) + options + payload


def udp(payload: bytes, dport: int) -> bytes:
    return struct.pack(">HHHH", 50000, dport, 8 + len(payload), 0) + payload


def ipv4(
    payload: bytes,
    protocol: int = 6,
    *,
    total: int | None = None,
    options: bytes = b"",
    fragment: int = 0,
    identification: int = 7,
    version: int = 4,
    words: int = 0,
) -> bytes:
    """From 10.0.0.1 to 10.0.0.2. `fragment` is the whole field, flags included."""
    words = words or 5 + len(options) // 4
    length = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", version << 4 | words, 0, length, identification, fragment, 64, protocol, 0)
    return head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + options + payload


def ipv6(payload: bytes, following: int = 6, *, length: int | None = None, version: int = 6) -> bytes:
    """From fd00::1 to fd00::2."""
    size = len(payload) if length is None else length
    addresses = b"".join(b"\xfd" + bytes(14) + bytes([host]) for host in (1, 2))
    return struct.pack(">IHBB", version << 28, size, following, 64) + addresses + payload


def fragment6(payload: bytes, at: int, more: bool, following: int = 6, identification: int = 9) -> bytes:
    """An IPv6 packet with one fragment; `at` in bytes."""
    header = struct.pack(">BBHI", following, 0, at | more, identification)
    return ipv6(header + payload, 44)


def ethernet(payload: bytes, ethertype: int = 0x0800) -> bytes:
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack(">H", ethertype) + payload


def corpus_dir() -> Path | None:
    """HANDSHARK_CORPUS, or shared/corpus beside the checkout."""
    named = os.environ.get("HANDSHARK_CORPUS")
    path = Path(named) if named else REPOSITORY.parent / "shared" / "corpus"
    return path if path.is_dir() else None


def corpus_files() -> list[Path]:
    root = corpus_dir()
    if root is None:
        return []
    return sorted(path for path in root.rglob("*.pcap*") if path.suffix in (".pcap", ".pcapng", ".zst"))


def read_frames(path: Path) -> list[Frame]:
    """All whole frames of a capture file."""
    raw = path.read_bytes()
    if path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    return list(_pcapng(raw) if raw[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(raw))


def _pcap(raw: bytes) -> Iterator[Frame]:
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    magic, *_, link_type = struct.unpack(order + "IHHIIII", raw[:24])
    unit = 1 if magic == 0xA1B23C4D else 1000
    at = 24
    while at + 16 <= len(raw):
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", raw, at)
        at += 16
        if at + captured > len(raw):
            return
        yield Frame(raw[at : at + captured], link_type, original, seconds * 10**9 + fraction * unit)
        at += captured


def _pcapng(raw: bytes) -> Iterator[Frame]:
    """Little-endian sections; timestamps as microseconds, which no test of the decoder looks at."""
    links: list[int] = []
    at = 0
    while at + 12 <= len(raw):
        kind, length = struct.unpack_from("<II", raw, at)
        body = raw[at + 8 : at + length - 4]
        if kind == 0x0A0D0D0A:
            links = []
        elif kind == 1:
            links.append(struct.unpack_from("<H", body)[0])
        elif kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            yield Frame(body[20 : 20 + captured], links[interface], original, (high << 32 | low) * 1000)
        at += length


def write_pcapng(path: Path, frames: Sequence[Frame]) -> None:
    """One section, one interface for each link type; microseconds."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    links = sorted({frame.link_type for frame in frames})
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out += [block(1, struct.pack("<HHI", link, 0, 0)) for link in links]
    for frame in frames:
        stamp = frame.timestamp_ns // 1000
        original = max(frame.original, len(frame.data))
        head = struct.pack(
            "<IIIII", links.index(frame.link_type), stamp >> 32, stamp & 0xFFFFFFFF, len(frame.data), original
        )
        out.append(block(6, head + frame.data))
    path.write_bytes(b"".join(out))
