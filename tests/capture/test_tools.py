"""Comparison with the programs of Wireshark, on real captures and on made ones."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from analyzer.capture import open_capture, open_merged
from tests.capture.support import Frame, frames_of, written_pcap, written_pcapng
from tests.corpus import REPOSITORY
from tests.wire.files import block, enhanced, interface, option, section

pytestmark = pytest.mark.tool

CORPUS = Path(os.environ.get("HANDSHARK_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len")
Row = tuple[int, int, int, int]


def tool(*command: str) -> str:
    """Output of a program; skips where it is not installed, but not in continuous integration."""
    if shutil.which(command[0]) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{command[0]} is not installed")
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def tshark(path: Path) -> list[Row]:
    """(number, time, length, captured) of each frame, as tshark says."""
    fields = [word for name in FIELDS for word in ("-e", name)]
    output = tool("tshark", "-r", str(path), "--disable-protocol", "eth", "-T", "fields", *fields)
    rows = []
    for line in output.splitlines():
        number, time, length, captured = line.split("\t")
        seconds, _, fraction = time.partition(".")
        time_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")) if time else 0
        rows.append((int(number), time_ns, int(length), int(captured)))
    return rows


def plain(rows: list[Frame]) -> list[Row]:
    return [(row.number, row.timestamp_ns, row.original, len(row.data)) for row in rows]


def captures() -> list[Path]:
    if not CORPUS.is_dir():
        pytest.skip(f"there is no corpus at {CORPUS}")
    return sorted(path for path in CORPUS.rglob("*") if path.suffix in (".pcap", ".pcapng", ".zst"))


@pytest.mark.corpus
def test_all_captures_of_the_corpus(tmp_path: Path) -> None:
    # One file of all, each after the other: starting tshark for every one would take minutes.
    whole: list[str] = []
    expected: list[Row] = []
    for path in captures():
        with open_capture(str(path)) as source:
            rows = plain(frames_of(source))
        if source.cut_short:
            assert rows == tshark(path)
            continue
        assert not source.warnings
        whole.append(str(path))
        expected += rows
    joined = tmp_path / "all.pcapng"
    tool("mergecap", "-a", "-w", str(joined), *whole)
    found = tshark(joined)
    assert len(found) > 5000
    assert [row[1:] for row in found] == [row[1:] for row in expected]
    with open_capture(str(joined)) as source:
        assert plain(frames_of(source)) == found


@pytest.mark.corpus
def test_merging_is_that_of_mergecap(tmp_path: Path) -> None:
    names = [str(path) for path in captures() if path.parent.name == "zeek"]
    joined = tmp_path / "all.pcapng"
    tool("mergecap", "-w", str(joined), *names)
    with open_merged(names) as source, open_capture(str(joined)) as other:
        assert frames_of(source) == frames_of(other)


def test_a_rotated_set(tmp_path: Path) -> None:
    path = tmp_path / "one.pcapng"
    path.write_bytes(written_pcapng(100))
    tool("editcap", "-c", "7", str(path), str(tmp_path / "part.pcapng"))
    parts = sorted(str(part) for part in tmp_path.glob("part*"))
    assert len(parts) == 15
    with open_merged(parts[::-1]) as source, open_capture(str(path)) as other:
        assert frames_of(source) == frames_of(other)


def made() -> dict[str, bytes]:
    """Captures with features that real ones rarely have."""
    frame = bytes(60)
    clocks = b"".join(
        interface(options=option(9, bytes([resolution])) + option(14, struct.pack("<q", offset)))
        for resolution, offset in ((3, 0), (9, 0), (6, 1000), (0x8A, 0), (0x94, 5))
    )
    times = b"".join(enhanced(frame, 1_700_000_000_123 + n, n % 5) for n in range(20))
    mixed = section(">") + interface(1, 50, order=">") + enhanced(frame, 1 << 40, 0, ">", 99)
    mixed += block(2, struct.pack(">HHIIII", 0, 3, 256, 9, 60, 80) + frame, ">")
    mixed += block(0xBAD, struct.pack(">I", 32473) + bytes(8), ">") + enhanced(frame, 1 << 41, 0, ">")
    return {
        "pcap": written_pcap(30),
        "big": written_pcap(30, "big"),
        "cut": written_pcap(30)[:-3],
        "pcapng": written_pcapng(30),
        "sections": written_pcapng(3)
        + section(">")
        + interface(order=">")
        + enhanced(frame, 7, 0, ">")
        + written_pcapng(3),
        "clocks": section() + clocks + times,
        "mixed": mixed,
    }


@pytest.mark.parametrize("name", list(made()))
def test_made_captures(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(made()[name])
    with open_capture(str(path)) as source:
        rows = plain(frames_of(source))
    found = tshark(path)
    if name == "mixed":
        # The custom block has a number in Wireshark, but is no frame.
        assert found.pop(2)[0] == 3
    assert rows == found
