"""pcap: byte orders, resolutions, cut and damaged files."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture import PcapWriter, open_stream
from analyzer.errors import CaptureError
from tests.capture.support import SECOND, START, Frame, calm, read, read_or_refuse, samples, written_pcap

HEADER = 24


def write(
    frames: list[tuple[bytes, int, int]], byteorder: Literal["little", "big"] = "little", nanoseconds: bool = True
) -> bytes:
    out = BytesIO()
    writer = PcapWriter(out, link_type=113, nanoseconds=nanoseconds, byteorder=byteorder)
    for data, time, original in frames:
        writer.write(data, time, original)
    return out.getvalue()


@calm
@given(
    frames=st.lists(
        st.tuples(st.binary(max_size=200), st.integers(0, (1 << 32) * SECOND - 1), st.integers(200, 70000)),
        max_size=30,
    ),
    byteorder=st.sampled_from(["little", "big"]),
    nanoseconds=st.booleans(),
    batch_bytes=st.sampled_from([1, 16, 17, 100, 1000, 1 << 20]),
)
def test_what_is_written_is_read(
    frames: list[tuple[bytes, int, int]],
    byteorder: Literal["little", "big"],
    nanoseconds: bool,
    batch_bytes: int,
) -> None:
    rows, source = read(write(frames, byteorder, nanoseconds), batch_bytes)
    tick = 1 if nanoseconds else 1000
    assert rows == [
        Frame(number, time // tick * tick, 113, data, original)
        for number, (data, time, original) in enumerate(frames, 1)
    ]
    assert source.frames == len(frames)
    assert not source.warnings
    assert not source.cut_short
    assert source.format == ("pcap with nanoseconds" if nanoseconds else "pcap")


def test_the_upper_bits_of_the_link_type_are_no_link_type() -> None:
    content = bytearray(written_pcap())
    content[20:24] = struct.pack("<I", 0x54000001)
    assert {row.link_type for row in read(bytes(content))[0]} == {1}


def test_kuznetzovs_record_headers_have_24_bytes() -> None:
    content = struct.pack("<IHHIIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    for data in (b"abc", b"defg"):
        content += struct.pack("<IIIIIHBB", 7, 8, len(data), 99, 3, 0x800, 4, 0) + data
    rows, source = read(content)
    assert [(row.timestamp_ns, row.data, row.original) for row in rows] == [
        (7 * SECOND + 8000, b"abc", 99),
        (7 * SECOND + 8000, b"defg", 99),
    ]
    assert source.format == "pcap, modified"


def test_a_capture_without_frames() -> None:
    rows, source = read(written_pcap(0))
    assert rows == []
    assert not source.warnings
    assert source.progress() == (HEADER, None)


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("batch_bytes", [1, 50, 1 << 16])
def test_cut_anywhere(byteorder: str, batch_bytes: int) -> None:
    content = written_pcap(5, byteorder)
    whole = read(content)[0]
    ends = [HEADER]
    for data, _ in samples(5):
        ends.append(ends[-1] + 16 + len(data))
    for size in range(len(content)):
        if size < HEADER:
            with pytest.raises(CaptureError, match=r"expected|cut short|neither"):
                read(content[:size], batch_bytes)
            continue
        rows, source = read(content[:size], batch_bytes)
        complete = sum(end <= size for end in ends) - 1
        assert rows == whole[:complete]
        assert source.cut_short == (size not in ends)
        if source.cut_short:
            (warning,) = source.warnings
            assert (warning.frame, warning.offset) == (complete + 1, ends[complete])
            assert "the file ends inside a record's" in warning.message
        else:
            assert not source.warnings


@calm
@given(
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    batch_bytes=st.sampled_from([1, 64, 1 << 16]),
)
def test_changed_bytes_give_frames_or_an_error(changes: list[tuple[int, int]], batch_bytes: int) -> None:
    content = bytearray(written_pcap(12))
    for place, value in changes:
        content[place % len(content)] = value
    assert read_or_refuse(bytes(content), batch_bytes) == read_or_refuse(bytes(content), 1 << 20)


@calm
@given(st.binary(max_size=300), st.sampled_from([1, 64, 1 << 16]))
def test_arbitrary_records(tail: bytes, batch_bytes: int) -> None:
    content = written_pcap(2) + tail
    rows = read(content, batch_bytes)[0]
    assert rows[:2] == read(written_pcap(2))[0]
    assert rows == read(content)[0]


@pytest.mark.parametrize("length", [(256 << 20) + 1, 0xFFFFFFFF, 300_000])
def test_an_absurd_length_is_damage(length: int) -> None:
    good = written_pcap(3)
    # 300,000 captured bytes of 100 are as wrong as 4 GiB are.
    content = good + struct.pack("<IIII", 1, 2, length, 100) + written_pcap(3)[HEADER:]
    for batch_bytes in (1, 1 << 16):
        rows, source = read(content, batch_bytes)
        assert rows == read(good)[0]
        assert source.cut_short
        (warning,) = source.warnings
        assert (warning.offset, warning.frame) == (len(good), 4)
        assert str(length) in warning.message
        assert str(warning) == f"memory, frame 4, offset {len(good)}: {warning.message}"


def test_a_frame_beyond_the_usual_limit_is_read_if_it_looks_right() -> None:
    content = write([(b"a", START, 1), (b"b" * 3_000_000, START, 3_000_000), (b"c", START, 1)])
    rows, source = read(content, 1000)
    assert [len(row.data) for row in rows] == [1, 3_000_000, 1]
    assert not source.warnings


def test_another_version_is_a_warning() -> None:
    content = bytearray(written_pcap())
    content[4] = 9
    rows, source = read(bytes(content))
    assert len(rows) == 5
    assert "version 9.4" in source.warnings[0].message


def test_batches_stay_valid_after_the_next() -> None:
    out = BytesIO()
    writer = PcapWriter(out)
    for index in range(500):
        writer.write(index.to_bytes(2, "big") * 20, START + index)

    with open_stream(BytesIO(out.getvalue()), "memory", batch_bytes=300) as source:
        batches = list(source)
    assert len(batches) > 50
    data = [bytes(batch.data[offset : offset + 2]) for batch in batches for offset in batch.offset.tolist()]
    assert data == [index.to_bytes(2, "big") for index in range(500)]


def test_the_writer_refuses_times_it_can_not_hold() -> None:
    writer = PcapWriter(BytesIO())
    for time in (-1, (1 << 32) * SECOND):
        with pytest.raises(ValueError, match="can not hold"):
            writer.write(b"", time)
