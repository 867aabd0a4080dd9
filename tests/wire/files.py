"""Capture files: pcap and pcapng written and read without the program's own readers and writers; and read with them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import zstandard

from analyzer.capture import open_stream
from analyzer.errors import CaptureError
from tests.wire.frames import Frame

NANOSECONDS = 0xA1B23C4D


def pcap(frames: Iterable[Frame], link_type: int = 1) -> bytes:
    """A pcap file with nanoseconds."""
    out = [struct.pack("<IHHiIII", NANOSECONDS, 2, 4, 0, 0, 262144, link_type)]
    for frame in frames:
        seconds, rest = divmod(frame.timestamp_ns, 10**9)
        size = len(frame.data)
        out += [struct.pack("<4I", seconds, rest, size, max(frame.original, size)), frame.data]
    return b"".join(out)


def pcapng(frames: Sequence[Frame]) -> bytes:
    """One section, one interface for each link type; nanoseconds."""
    links = sorted({frame.link_type for frame in frames}) or [1]
    out = [section(), *(interface(link, options=option(9, b"\x09")) for link in links)]
    for frame in frames:
        number = links.index(frame.link_type)
        stamp = max(frame.timestamp_ns, 0)
        out.append(enhanced(frame.data, stamp, number, original=max(frame.original, len(frame.data))))
    return b"".join(out)


# -- the blocks of a pcapng --------------------------------------------------------------------------------------------


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """An option of a block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link_type: int = 1, snaplen: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order)


def enhanced(data: bytes, ticks: int = 0, number: int = 0, order: str = "<", original: int | None = None) -> bytes:
    """An enhanced packet block of interface `number`."""
    length = len(data) if original is None else original
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
    return block(6, head + data, order)


def secrets(payload: bytes, order: str = "<", kind: int = 0x544C534B) -> bytes:
    """A decryption secrets block; a TLS key log where `kind` does not say otherwise."""
    return block(10, struct.pack(order + "II", kind, len(payload)) + payload, order)


# -- reading -----------------------------------------------------------------------------------------------------------


def frames_in(content: bytes) -> list[Frame]:
    """All frames of a capture, read by the program; those before the damage where it can not be read to its end."""
    found: list[Frame] = []
    try:
        with open_stream(io.BytesIO(content), "source") as source:
            for batch in source:
                data = bytes(batch.data)
                columns = (batch.offset, batch.captured, batch.link_type, batch.original, batch.timestamp_ns)
                for at, size, *rest in zip(*(column.tolist() for column in columns), strict=True):
                    found.append(Frame(data[at : at + size], *rest))
    except CaptureError:
        return found
    return found


def read_frames(path: Path) -> list[Frame]:
    """All whole frames of a capture file, read without the program. The times of a pcapng are as they stand there."""
    raw = path.read_bytes()
    if path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    return list(_frames_of_pcapng(raw) if raw[:4] == b"\x0a\x0d\x0d\x0a" else _frames_of_pcap(raw))


def _frames_of_pcap(raw: bytes) -> Iterator[Frame]:
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    magic, *_, link_type = struct.unpack(order + "IHHIIII", raw[:24])
    unit = 1 if magic == NANOSECONDS else 1000
    at = 24
    while at + 16 <= len(raw):
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", raw, at)
        at += 16
        if at + captured > len(raw):
            return
        yield Frame(raw[at : at + captured], link_type, original, seconds * 10**9 + fraction * unit)
        at += captured


def _frames_of_pcapng(raw: bytes) -> Iterator[Frame]:
    """Little-endian sections only."""
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
            number, high, low, captured, original = struct.unpack_from("<IIIII", body)
            yield Frame(body[20 : 20 + captured], links[number], original, high << 32 | low)
        at += length
