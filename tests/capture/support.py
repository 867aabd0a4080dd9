"""Captures made in memory, and what a source says of them in plain values."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

from hypothesis import settings

from analyzer.capture import CaptureSource, PcapngWriter, PcapWriter, open_stream
from analyzer.errors import CaptureError

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

# A busy machine is no failure.
calm = settings(deadline=None)


class Frame(NamedTuple):
    """One row of a FrameBatch with its bytes."""

    number: int
    timestamp_ns: int
    link_type: int
    data: bytes
    original: int


def frames_of(source: CaptureSource) -> list[Frame]:
    """All frames of a source; checks on the way that the batches are sound."""
    rows: list[Frame] = []
    for batch in source:
        assert len(batch) > 0
        data = bytes(batch.data)
        columns = (batch.number, batch.timestamp_ns, batch.link_type, batch.offset, batch.captured, batch.original)
        assert all(len(column) == len(batch) for column in columns)
        assert [column.dtype.name for column in columns] == ["int64", "int64", "int32", "int64", "int64", "int64"]
        for number, time, link, offset, captured, original in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            assert 0 <= offset <= offset + captured <= len(data)
            assert captured <= original
            rows.append(Frame(number, time, link, data[offset : offset + captured], original))
        assert source.frames >= rows[-1].number
    return rows


def read(content: bytes, batch_bytes: int = 1 << 16) -> tuple[list[Frame], CaptureSource]:
    """The frames of a capture in memory, and its source (closed)."""
    with open_stream(BytesIO(content), "memory", batch_bytes=batch_bytes) as source:
        return frames_of(source), source


def read_or_refuse(content: bytes, batch_bytes: int = 1 << 16) -> list[Frame] | None:
    """The frames of bytes that may be anything; None where they are refused."""
    try:
        return read(content, batch_bytes)[0]
    except CaptureError:
        return None


def samples(count: int = 5) -> list[tuple[bytes, int]]:
    """(bytes, time) of frames of different lengths, an empty one among them."""
    return [(bytes([(65 + i) % 256]) * (i * 7 % 41), START + i * 1_000_001_000) for i in range(count)]


def written_pcap(count: int = 5, byteorder: str = "little") -> bytes:
    """A pcap file of `samples`."""
    out = BytesIO()
    writer = PcapWriter(out, byteorder="big" if byteorder == "big" else "little")
    for data, time in samples(count):
        writer.write(data, time)
    return out.getvalue()


def written_pcapng(count: int = 5) -> bytes:
    """A pcapng file of `samples` on two interfaces, with secrets in the middle."""
    out = BytesIO()
    writer = PcapngWriter(out)
    other = writer.interface(113, "any")
    for index, (data, time) in enumerate(samples(count)):
        if index == count // 2:
            writer.secrets(b"CLIENT_RANDOM 00 11\n")
        writer.write(data, time, interface=other if index % 2 else 0)
    return out.getvalue()
