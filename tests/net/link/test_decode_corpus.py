"""The decoder over captures it has no part in: against what they were derived from, and against tshark."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.net.link.decode import SegmentDecoder
from tests.net.link.frames import Row, corpus_dir, corpus_files, rows_of
from tests.wire.files import pcapng, read_frames
from tests.wire.frames import Frame, batch_of

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(corpus_dir() is None, reason="no corpus: set HANDSHARK_CORPUS"),
]

REWRITTEN = (
    "bigendian_nano",
    "ethpad",
    "geneve",
    "gre",
    "ipfrag",
    "ipfrag_reversed",
    "ipip",
    "ipv6",
    "ipv6_exthdr",
    "ipv6_frag",
    "mpls",
    "null",
    "pppoe",
    "qinq",
    "rawip",
    "sll",
    "vlan",
    "vxlan",
)


def decode(frames: list[Frame], *, fast: bool = True) -> tuple[list[Row], SegmentDecoder]:
    decoder = SegmentDecoder(fast=fast)
    return rows_of(decoder.decode(batch_of(frames))), decoder


def lab(name: str) -> list[Frame]:
    root = corpus_dir()
    assert root is not None
    return read_frames(root / "lab" / f"{name}.pcap")


@pytest.fixture(scope="module")
def original() -> list[Row]:
    return decode(lab("m97_cli97_fullauth_rsa"))[0]


@pytest.mark.parametrize("name", REWRITTEN)
def test_rewritten_capture_gives_the_segments_of_the_original(name: str, original: list[Row]) -> None:
    rows, decoder = decode(lab(f"xa_{name}"))

    def transport(row: Row) -> tuple[int, int, int, bytes, int]:
        return row.seq, row.ack, row.flags, row.payload, row.missing

    assert [transport(row) for row in rows] == [transport(row) for row in original]
    assert (decoder.undecodable, decoder.fragments_pending, decoder.fragments_dropped) == (0, 0, 0)


@pytest.mark.parametrize(("name", "snap"), [("snap60", 60), ("snap96", 96)])
def test_snap_length_keeps_headers_and_counts_what_is_missing(name: str, snap: int, original: list[Row]) -> None:
    frames = lab(f"xa_{name}")
    rows, decoder = decode(frames)
    assert max(len(frame.data) for frame in frames) == snap
    assert decoder.undecodable == 0
    assert [(r.seq, r.ack, r.flags, len(r.payload) + r.missing) for r in rows] == [
        (r.seq, r.ack, r.flags, len(r.payload)) for r in original
    ]
    assert all(o.payload.startswith(r.payload) for r, o in zip(rows, original, strict=True))


@pytest.fixture(scope="module")
def everything() -> list[Frame]:
    return [frame for path in corpus_files() for frame in read_frames(path)]


def test_both_paths_agree_on_the_whole_corpus(everything: list[Frame]) -> None:
    fast_rows, fast = decode(everything)
    slow_rows, slow = decode(everything, fast=False)
    assert fast_rows == slow_rows
    assert (fast.unfollowed, fast.undecodable, fast.fragment_frames) == (
        slow.unfollowed,
        slow.undecodable,
        slow.fragment_frames,
    )
    assert fast.slow_frames < fast.frames / 4


@pytest.mark.tool
def test_same_segments_as_tshark(everything: list[Frame], tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        assert os.environ.get("CI") != "true", "tshark has to be there in CI"
        pytest.skip("tshark is not installed")
    capture = tmp_path / "everything.pcapng"
    capture.write_bytes(pcapng(everything))
    fields = ["frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags"]
    command = [tshark, "-r", str(capture), "-Y", "tcp", "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [tuple(int(value, 0) for value in line.split("\t")) for line in done.stdout.splitlines()]
    ours = [
        (row.frame, row.sport, row.dport, row.seq, row.ack, len(row.payload) + row.missing, row.flags)
        for row in decode(everything)[0]
    ]
    assert len(ours) > 1000
    assert ours == [(*row[:6], row[6] & 0xFF) for row in theirs]
