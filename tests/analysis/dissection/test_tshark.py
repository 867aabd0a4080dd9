"""Every field that TShark has too, frame by frame: no difference that is not listed with its reason (`known`)."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from analyzer.analysis.dissection.filters import compile_filter
from tests.analysis.dissection.comparison import captures, compare
from tests.analysis.dissection.known import KNOWN
from tests.analysis.dissection.tshark import PORTS, Difference, frames_of, version
from tests.corpus import LAB, REPOSITORY, needs_corpus, tool

pytestmark = pytest.mark.tool

# Every so many captures are compared here; `python -m tests.analysis.dissection` compares all.
EVERY_SAMPLE = 3
EVERY_LAB = 6


def unexplained(found: Sequence[Difference]) -> list[Difference]:
    return [one for one in found if not any(row.covers(one.capture, one.field, one.records) for row in KNOWN)]


def check(tshark: str, paths: Sequence[Path]) -> None:
    compared, found = compare(tshark, paths)
    left = unexplained(found)
    assert not left, "\n".join(map(str, left[:20])) + f"\n{len(left)} in all"
    # A comparison of nothing would pass too.
    assert compared > 800 * len(paths), f"only {compared} values in {len(paths)} captures"
    assert len(found) < compared * 0.02, Counter(one.field for one in found).most_common(10)


@pytest.fixture(name="tshark")
def _tshark() -> str:
    found = tool("tshark")
    if not version(found).startswith("4.0."):
        pytest.skip(f"the differences are those of TShark 4.0; this is {version(found)}")
    return found


def test_samples(tshark: str) -> None:
    check(tshark, captures(REPOSITORY / "samples", EVERY_SAMPLE))


@pytest.mark.parametrize("mark", [pytest.param("lab", marks=needs_corpus)])
def test_corpus(tshark: str, mark: str) -> None:
    check(tshark, captures(LAB, EVERY_LAB))


SAMPLE = REPOSITORY / "samples" / "mariadb1011_cli_native.pcap"
# Filters that both programs read alike.
FILTERS = [
    "mysql.command != 3",
    "!(mysql.command == 3)",
    'mysql.command == "Query" || mysql.user',
    'mysql.user[0:2] == "ap" and len(mysql.user) == 3',
    "mysql.packet_number !== 1 && mysql.packet_number === 2",
    "all mysql.packet_number >= 2",
    "mysql.command in {1, 2..3}",
    "mysql.caps.server & 2",
    'mysql.query matches "^select [0-9]$"',
    'mysql contains "SELECT" && ip.src == 127.0.0.0/8',
    "mysql and not count(mysql.row.text) > 5 and frame.time_relative < 0.0046",
]


@pytest.mark.parametrize("text", FILTERS)
def test_filters_choose_the_same_frames(tshark: str, text: str) -> None:
    words = [tshark, "-n", "-r", str(SAMPLE), "-Y", f"mysql && ({text})", "-T", "fields", "-e", "frame.number"]
    for port in PORTS:
        words += ["-d", f"tcp.port=={port},mysql"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert frames_of(SAMPLE, compile_filter(text)) == [int(line) for line in done.stdout.split()]
