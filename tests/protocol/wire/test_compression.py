"""Compressed frames: both algorithms, any chunks, and bytes that want to be more than they say."""

from __future__ import annotations

import tracemalloc
import zlib
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as some

from analyzer.errors import BadValue
from analyzer.protocol.wire.compression import ZLIB, ZSTD, CompressedFramer, encode_compressed

algorithms = some.sampled_from([ZLIB, ZSTD])


def frame(payload: bytes, full: int, sequence_id: int = 0) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence_id]) + full.to_bytes(3, "little") + payload


# Half of them shrink, and go compressed.
content = some.builds(bytes.__mul__, some.binary(max_size=40), some.sampled_from([1, 20]))


@given(some.lists(content, max_size=5), algorithms, some.integers(1, 50), some.integers(0, 100))
def test_round_trip(contents: list[bytes], algorithm: str, step: int, minimum: int) -> None:
    data = b"".join(encode_compressed(c, i, algorithm, minimum=minimum) for i, c in enumerate(contents))
    framer = CompressedFramer(algorithm)
    opened = b"".join(framer.push(data[at : at + step]) for at in range(0, len(data), step))
    assert opened == b"".join(contents)
    assert framer.pending == 0


def test_the_example_of_the_manual() -> None:
    """A COM_QUERY of 45 bytes that is compressed to 34 ("Compressed Payload")."""
    data = bytes.fromhex(
        "22 00 00 00 32 00 00 78 9c d3 63 60 60 60 2e 4e cd 49 4d 2e"
        "51 50 32 30 34 32 36 31 35 33 b7 b0 c4 cd 52 02 00 0c d1 0a 6c"
    )
    opened = CompressedFramer(ZLIB).push(data)
    assert len(opened) == 0x32
    assert opened[:4] == b"\x2e\x00\x00\x00"
    assert opened[4:].startswith(b"\x03select ")


def test_an_uncompressed_frame() -> None:
    assert encode_compressed(b"\x01\x00\x00\x00\x0e", 0, ZLIB) == bytes.fromhex("05 00 00 00 00 00 00 01 00 00 00 0e")
    assert CompressedFramer(ZSTD).push(frame(b"abc", 0)) == b"abc"


@pytest.mark.parametrize("level", [1, 19, 20, 22])
def test_every_zstd_level_opens(level: int) -> None:
    """Streams of the highest levels ask for a window of 128 MiB; servers and clients write frames as streams."""
    packer = zstandard.ZstdCompressor(level=level).compressobj()
    content = bytes(range(256)) * 40
    payload = packer.compress(content) + packer.flush()
    assert CompressedFramer(ZSTD).push(frame(payload, len(content))) == content


def test_the_algorithm_shows_itself() -> None:
    framer = CompressedFramer(ZLIB)
    assert framer.push(encode_compressed(bytes(100), 0, ZSTD)) == bytes(100)
    assert framer.algorithm == ZSTD
    assert framer.push(encode_compressed(bytes(100), 1, ZLIB)) == bytes(100)
    assert framer.algorithm == ZLIB


@pytest.mark.parametrize("pack", [zlib.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("announced", [1, 99, 101, 0xFF_FFFF])
def test_a_header_that_lies(pack: type[bytes], announced: int) -> None:
    with pytest.raises(BadValue, match="announced"):
        CompressedFramer(ZLIB).push(frame(pack(bytes(100)), announced))


@pytest.mark.parametrize("pack", [lambda data: zlib.compress(data, 9), zstandard.ZstdCompressor(level=19).compress])
def test_bombs_are_bounded(pack: type[bytes]) -> None:
    """64 MiB in a few kilobytes: no more is opened than the header says."""
    bomb = pack(bytes(64 << 20))
    assert len(bomb) < 1 << 17
    tracemalloc.start()
    try:
        with pytest.raises(BadValue, match="opens to more"):
            CompressedFramer(ZLIB).push(frame(bomb, 1000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


@given(some.binary(max_size=60), some.integers(1, 2000), algorithms)
def test_garbage_is_a_bad_value(payload: bytes, announced: int, algorithm: str) -> None:
    magic = b"\x28\xb5\x2f\xfd" if algorithm == ZSTD else b"\x78\x9c"
    framer = CompressedFramer(algorithm)
    with suppress(BadValue):
        assert len(framer.push(frame(magic + payload, announced))) == announced


def test_a_cut_frame_is_a_bad_value() -> None:
    for algorithm in (ZLIB, ZSTD):
        whole = encode_compressed(bytes(range(256)), 0, algorithm)[7:]
        for size in range(4, len(whole) - 8):
            with pytest.raises(BadValue):
                CompressedFramer(algorithm).push(frame(whole[:size], 256))


def test_reset() -> None:
    framer = CompressedFramer(ZLIB)
    assert framer.push(b"\xff\xff\x00\x00\x00\x00\x00abc") == b""
    assert framer.pending == 10
    framer.reset()
    assert framer.push(frame(b"abc", 0)) == b"abc"
