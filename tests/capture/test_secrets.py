"""Decryption secrets blocks are found wherever they stand, without reading frames."""

from __future__ import annotations

import gzip
import os
import struct
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture import PcapngWriter, PcapWriter, open_capture, open_merged, open_stream
from analyzer.capture import secrets as scanning
from analyzer.capture import source as sources
from analyzer.capture.secrets import key_logs
from analyzer.capture.source import secrets_of
from tests.wire.files import block, enhanced, interface, section
from tests.wire.files import secrets as keys

START = 1_700_000_000_000_000_000


def head(order: str = "<") -> bytes:
    return section(order) + interface(order=order)


def frame(size: int, order: str = "<") -> bytes:
    return enhanced(bytes(size), order=order)


def scan(path: Path, content: bytes) -> list[bytes]:
    path.write_bytes(content)
    with path.open("rb", buffering=0) as file:
        found = list(key_logs(file))
        assert file.tell() == 0
    return found


def test_anywhere_in_the_file(tmp_path: Path) -> None:
    content = head() + keys(b"one") + frame(60) * 1000 + keys(b"two!") + frame(100_000) * 30 + keys(b"three")
    assert scan(tmp_path / "a", content) == [b"one", b"two!", b"three"]
    # Another section, in the other byte order.
    assert scan(tmp_path / "b", content + head(">") + frame(8, ">") + keys(b"four", ">")) == [
        b"one",
        b"two!",
        b"three",
        b"four",
    ]
    assert scan(tmp_path / "c", head() + frame(100)) == []


def test_other_secrets_are_left_alone(tmp_path: Path) -> None:
    content = head() + keys(b"wireguard", kind=0x57474B4C) + keys(b"") + keys(b"tls")
    assert scan(tmp_path / "a", content) == [b"tls"]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x06\0\0",
        struct.pack("<II", 6, 0) + bytes(8),
        struct.pack("<II", 6, 33) + bytes(40),
        struct.pack("<II", 6, 0xFFFFFFF0) + bytes(8),
        b"\x0a\x0d\x0d\x0a" + bytes(24),
        struct.pack("<IIIII", 10, 24, 0x544C534B, 4, 0) + struct.pack("<I", 20),
        struct.pack("<IIIII", 10, 24, 0x544C534B, 400, 0) + struct.pack("<I", 24),
    ],
)
def test_damage_ends_it(tmp_path: Path, broken: bytes) -> None:
    assert scan(tmp_path / "a", head() + keys(b"before") + broken) == [b"before"]


def test_a_file_that_is_cut_anywhere(tmp_path: Path) -> None:
    content = head() + frame(40) + keys(b"0123456789")
    for size in range(len(content)):
        assert scan(tmp_path / "a", content[:size]) == []
    assert scan(tmp_path / "a", content) == [b"0123456789"]


@settings(max_examples=150, deadline=None)
@given(
    blocks=st.lists(
        st.one_of(
            st.integers(0, 90).map(frame),
            st.binary(min_size=1, max_size=40).map(keys),
            st.just(head()),
            st.binary(max_size=30).map(lambda body: block(5, body)),
        ),
        max_size=30,
    ),
    window=st.integers(12, 200),
)
def test_as_the_reader_finds_them(tmp_path_factory: pytest.TempPathFactory, blocks: list[bytes], window: int) -> None:
    """All secrets that reading the whole file meets, and no others."""
    content = head() + b"".join(blocks)
    path = tmp_path_factory.getbasetemp() / "generated.pcapng"
    before = scanning.WINDOW
    scanning.WINDOW = window
    try:
        found = scan(path, content)
    finally:
        scanning.WINDOW = before
    with open_stream(BytesIO(content), "generated") as source:
        for _ in source:
            pass
        assert found == source.secrets


def test_reasonable_amounts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MAX_SECRET_BYTES", 100)
    content = head() + keys(b"x" * 60) + keys(b"y" * 60)
    assert scan(tmp_path / "a", content) == [b"x" * 60]
    assert scan(tmp_path / "a", head() + keys(b"z" * 200)) == []


def test_of_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "plain.pcapng"
    with plain.open("wb") as file:
        writer = PcapngWriter(file)
        for number in range(1000):
            writer.write(bytes(500), START + number)
        writer.secrets(b"last")
    packed = tmp_path / "packed.pcapng.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    old = tmp_path / "old.pcap"
    with old.open("wb") as file:
        PcapWriter(file).write(bytes(60), START)
    for path in (plain, packed):
        with open_capture(str(path), batch_bytes=4096) as source:
            next(source)
            assert source.secrets == []
            assert source.secrets_ahead() == [b"last"]
            # Reading goes on where it was.
            assert sum(map(len, source)) > 900
            assert source.frames == 1000
            assert source.secrets == [b"last"]
    with open_capture(str(old)) as source:
        assert source.secrets_ahead() == []
    with open_merged([str(plain), str(packed), str(old)]) as source:
        assert source.secrets_ahead() == [b"last", b"last"]
    with plain.open("rb") as stream, open_stream(stream, "stream") as source:
        assert source.secrets_ahead() == []
    # Compressed files are decompressed twice: not the long ones.
    monkeypatch.setattr(sources, "AHEAD_COMPRESSED", 10)
    assert secrets_of(str(packed)) == []
    assert secrets_of("-") == []
    assert secrets_of(str(tmp_path / "missing")) == []
    (tmp_path / "short").write_bytes(b"\x0a")
    assert secrets_of(str(tmp_path / "short")) == []


def test_a_pipe_is_not_looked_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert secrets_of(str(pipe)) == []
