"""Opening: what is refused and why, compression, pipes that are still being written."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture import PcapWriter, open_capture, open_stream
from analyzer.capture.compression import OUTPUT_LIMIT
from analyzer.errors import CaptureError
from tests.capture.support import START, calm, frames_of, read, read_or_refuse, samples, written_pcap, written_pcapng
from tests.corpus import REPOSITORY


def lz4_frame(content: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(content, content_checksum=True)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lz4_frame,
}
packers = pytest.mark.parametrize("kind", list(PACKERS))


def noise(count: int) -> bytes:
    """A pcap file that does not compress."""
    out = io.BytesIO()
    writer = PcapWriter(out)
    source = random.Random(1)
    for index in range(count):
        writer.write(source.randbytes(80), START + index)
    return out.getvalue()


@packers
@pytest.mark.parametrize("content", [written_pcap(40), written_pcapng(40), noise(3000)])
@pytest.mark.parametrize("batch_bytes", [1, 5000, 1 << 20])
def test_compressed_captures_read_the_same(kind: str, content: bytes, batch_bytes: int) -> None:
    rows, source = read(PACKERS[kind](content), batch_bytes)
    plain, other = read(content)
    assert rows == plain
    assert source.format == f"{other.format}, {kind}-compressed"
    assert not source.warnings


@packers
@calm
@given(cuts=st.lists(st.integers(0, 2000), max_size=5))
def test_several_members_are_one_stream(kind: str, cuts: list[int]) -> None:
    content = written_pcapng(20)
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    packed = b"".join(PACKERS[kind](content[a:b]) for a, b in pairwise(places))
    rows, source = read(packed)
    assert rows == read(content)[0]
    assert not source.warnings


@packers
def test_zeros_after_the_last_member_are_padding(kind: str) -> None:
    rows, source = read(PACKERS[kind](written_pcap()) + bytes(512))
    assert len(rows) == 5
    assert not source.warnings


@packers
def test_other_bytes_after_the_last_member_are_not(kind: str) -> None:
    rows, source = read(PACKERS[kind](written_pcap()) + b"something else, and more of it")
    assert len(rows) == 5
    assert f"not {kind}" in source.warnings[0].message


@packers
def test_compressed_data_cut_anywhere(kind: str) -> None:
    packed = PACKERS[kind](written_pcap(30))
    whole = read(written_pcap(30))[0]
    for size in range(4, len(packed)):
        try:
            rows, source = read(packed[:size])
        except CaptureError as error:
            assert "cut short" in str(error)  # noqa: PT017
            continue
        assert rows == whole[: len(rows)]
        assert source.cut_short
        assert f"the {kind} data is cut short" in source.warnings[-1].message


@packers
def test_a_large_compressed_capture_cut_short_is_read_as_far_as_it_goes(kind: str) -> None:
    content = noise(20000)
    packed = PACKERS[kind](content)
    rows, source = read(packed[: len(packed) * 3 // 4])
    assert 10000 < len(rows) < 20000
    assert source.cut_short


@packers
@calm
@given(place=st.integers(0, 1 << 20), value=st.integers(1, 255), batch_bytes=st.sampled_from([100, 1 << 16]))
def test_changed_compressed_bytes(kind: str, place: int, value: int, batch_bytes: int) -> None:
    packed = bytearray(PACKERS[kind](written_pcap(60)))
    packed[place % len(packed)] ^= value
    assert read_or_refuse(bytes(packed), batch_bytes) == read_or_refuse(bytes(packed), 1 << 20)


@packers
def test_what_grows_a_lot_does_not_take_memory(kind: str) -> None:
    out = io.BytesIO()
    writer = PcapWriter(out)
    for index in range(800):
        writer.write(bytes(60000), START + index)
    packed = PACKERS[kind](out.getvalue())
    del out, writer
    tracemalloc.start()
    count = 0
    with open_stream(io.BytesIO(packed), "memory", batch_bytes=1 << 18) as source:
        for batch in source:
            count += len(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 800
    # The zstd binding opens a slice at once, whatever comes out of it; the others keep to their limit.
    assert peak < (60_000_000 if kind == "zstd" else 12 * OUTPUT_LIMIT)


def test_a_zstd_window_that_is_too_large_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(written_pcap()) + packer.flush()
    with pytest.raises(CaptureError, match="damaged"):
        read(packed)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "neither pcap nor pcapng: begins with 7f 45 4c 46 02 01 01 00"),
        (b"x", "neither pcap nor pcapng: begins with 78"),
        (bytes(100), "neither pcap nor pcapng: begins with 00"),
        (b"\xfd7zXZ\x00\x00\x04", "xz-compressed"),
        (b"BZh91AY&SY", "bzip2-compressed"),
        (b"PK\x03\x04\x14\x00", "zip archive"),
        (gzip.compress(b"", mtime=0), "nothing inside gzip"),
        (gzip.compress(b"hello world, hello", mtime=0), "begins inside gzip with 68 65 6c 6c 6f"),
        (gzip.compress(gzip.compress(written_pcap())), "begins inside gzip with 1f 8b"),
        (b"\x1f\x8b\x00\x00\x00\x00\x00\x00", "the gzip data is damaged"),
        (written_pcap()[:10], "cut short: 10 bytes of 24"),
    ],
)
def test_what_is_no_capture(content: bytes, expected: str, tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as caught:
        read(content)
    assert expected in str(caught.value)
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        open_capture(str(path))
    assert expected in str(caught.value)
    assert caught.value.source == str(path)


def test_what_can_not_be_opened(tmp_path: Path) -> None:
    for name, expected in (
        (str(tmp_path / "none"), "no such file"),
        (str(tmp_path), "is a directory"),
        ("a\0b", "not a file name"),
        (os.devnull, "empty"),
    ):
        with pytest.raises(CaptureError, match=expected):
            open_capture(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="everything may be read by the superuser")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(written_pcap())
    path.chmod(0)
    with pytest.raises(CaptureError, match="permission denied"):
        open_capture(str(path))


@calm
@given(st.binary(max_size=200), st.sampled_from([1, 64, 1 << 16]))
def test_arbitrary_bytes(content: bytes, batch_bytes: int) -> None:
    read_or_refuse(content, batch_bytes)


def test_a_read_error_keeps_what_was_before() -> None:
    class Failing(io.BytesIO):
        def readinto1(self, target: object) -> int:
            count = super().readinto1(target)  # type: ignore[arg-type]
            if count == 0:
                raise OSError(5, "Input/output error")
            return count

    with open_stream(Failing(written_pcap()), "disk") as source:
        assert len(frames_of(source)) == 5
    assert source.cut_short
    assert source.warnings[0].message == "reading failed: Input/output error"
    with pytest.raises(CaptureError, match="reading failed"):
        open_stream(Failing(b""), "disk")


def test_a_file_object_that_can_only_read() -> None:
    class Plain:
        def __init__(self) -> None:
            self.rest = written_pcap()

        def fileno(self) -> int:
            raise io.UnsupportedOperation("fileno")

        def read(self, count: int) -> bytes:
            part, self.rest = self.rest[: min(count, 7)], self.rest[min(count, 7) :]
            return part

    with open_stream(Plain(), "plain") as source:  # type: ignore[arg-type]
        assert [row.data for row in frames_of(source)] == [data for data, _ in samples()]


def test_progress_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    content = gzip.compress(noise(5000))
    path.write_bytes(content)
    with open_capture(str(path), batch_bytes=10000) as source:
        before = source.progress()
        frames_of(source)
    assert 0 < before[0] < len(content)
    assert before[1] == len(content)
    assert source.progress() == (len(content), len(content))


def test_closing_ends_the_iteration() -> None:
    file = io.BytesIO(noise(100))
    source = open_stream(file, "memory", batch_bytes=100)
    next(source)
    source.close()
    assert list(source) == []
    assert not file.closed


class Feeder:
    """Writes into a pipe piece by piece, each when it is asked to."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        self.file: BinaryIO = open(self.reading, "rb", buffering=0)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        os.write(self._writing, data)

    def end(self) -> None:
        os.close(self._writing)


def one_frame(content: bytes) -> list[bytes]:
    """The header of a pcap file, then its records."""
    pieces, place = [content[:24]], 24
    while place < len(content):
        end = place + 16 + int.from_bytes(content[place + 8 : place + 12], "little")
        pieces.append(content[place:end])
        place = end
    return pieces


@pytest.mark.parametrize("kind", ["plain", "gzip"])
def test_frames_arrive_while_the_pipe_is_open(kind: str) -> None:
    feeder = Feeder()
    packer = zlib.compressobj(wbits=31) if kind == "gzip" else None

    def send(data: bytes) -> None:
        feeder.write(packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH) if packer else data)

    header, *records = one_frame(written_pcap(6))
    send(header)
    with feeder.file, open_stream(feeder.file, "-") as source:
        for number, record in enumerate(records[:4], 1):
            send(record)
            batch = next(source)
            assert batch.number.tolist() == [number]
        # Two that are there already come together; half a frame waits for its other half.
        send(records[4] + records[5] + records[1][:20])
        assert next(source).number.tolist() == [5, 6]
        send(records[1][20:])
        assert next(source).number.tolist() == [7]
        if packer:
            feeder.write(packer.flush())
        feeder.end()
        assert next(source, None) is None
        assert source.progress()[1] is None
    assert not source.warnings


def test_a_fifo_fed_byte_by_byte(tmp_path: Path) -> None:
    path, content = tmp_path / "fifo", written_pcapng(8)
    os.mkfifo(path)

    def feed() -> None:
        with path.open("wb", buffering=0) as out:
            for value in content:
                out.write(bytes([value]))

    thread = threading.Thread(target=feed)
    thread.start()
    with open_capture(str(path)) as source:
        rows = frames_of(source)
    thread.join()
    assert rows == read(content)[0]
    assert not source.warnings


def test_a_pipe_in_non_blocking_mode() -> None:
    feeder = Feeder()
    os.set_blocking(feeder.reading, False)
    content = written_pcap(4)

    def feed() -> None:
        # One after the other, with pauses in which there is nothing to read.
        for piece in (content[:40], content[40:]):
            feeder.write(piece)
            time.sleep(0.05)
        feeder.end()

    thread = threading.Thread(target=feed)
    thread.start()
    with feeder.file, open_stream(feeder.file, "-") as source:
        assert len(frames_of(source)) == 4
    thread.join()


def test_standard_input(tmp_path: Path) -> None:
    code = (
        "from analyzer.capture import open_capture\n"
        "with open_capture('-') as s: print(s.name, sum(map(len, s)), s.progress())"
    )
    content = written_pcap(9)
    command = [sys.executable, "-c", code]
    piped = subprocess.run(command, input=content, capture_output=True, check=True, cwd=REPOSITORY)
    assert piped.stdout.decode().split() == ["-", "9", f"({len(content)},", "None)"]
    path = tmp_path / "x"
    path.write_bytes(content)
    with path.open("rb") as file:
        redirected = subprocess.run(command, stdin=file, capture_output=True, check=True, cwd=REPOSITORY)
    assert redirected.stdout.decode().split() == ["-", "9", f"({len(content)},", f"{len(content)})"]


def test_a_damaged_length_does_not_take_memory() -> None:
    content = (
        written_pcap(2) + (1).to_bytes(4, "little") + bytes(4) + (255 << 20).to_bytes(4, "little") * 2 + b"only this"
    )
    tracemalloc.start()
    rows, source = read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) == 2
    assert source.cut_short
    assert peak < 1 << 20
