"""Captures cut and damaged at random places: a message or a warning, never a traceback, never a hang."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from analyzer.cli import main
from tests.cli.contract import hold_the_contract
from tests.corpus import captures, needs_corpus

CUTS = 2
# Some of them large when unpacked; what matters of them is in the others.
SMALL = [path for path in captures() if path.stat().st_size < 60_000 and not path.name.startswith("m97_pymysql_big")]


def analysed(path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    import json

    code = main(["analyze", "--port", "33097", "--port", "31011", "--format", "jsonl", str(path)])
    captured = capsysbinary.readouterr()
    assert code in (0, 3)
    assert b"Traceback" not in captured.err
    if code == 3:
        assert path.name.encode() in captured.err
    for line in captured.out.splitlines():
        hold_the_contract(json.loads(line))


@needs_corpus[1]
@pytest.mark.corpus
@pytest.mark.parametrize("path", SMALL, ids=[path.name for path in SMALL])
def test_capture_cut_at_a_random_place(path: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    content = path.read_bytes()
    dice = random.Random(path.name)  # the same places in every run
    for _ in range(CUTS):
        cut = tmp_path / f"cut_{path.name}"
        cut.write_bytes(content[: dice.randrange(len(content))])
        analysed(cut, capsysbinary)


@needs_corpus[1]
@pytest.mark.corpus
@pytest.mark.parametrize("path", SMALL[::3], ids=[path.name for path in SMALL[::3]])
def test_capture_with_bytes_turned(path: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    content = bytearray(path.read_bytes())
    dice = random.Random(path.name)
    for _ in range(max(3, len(content) // 200)):
        content[dice.randrange(24, len(content))] = dice.randrange(256)
    damaged = tmp_path / f"damaged_{path.name}"
    damaged.write_bytes(content)
    analysed(damaged, capsysbinary)


@needs_corpus[1]
@pytest.mark.corpus
@pytest.mark.parametrize("path", SMALL[1::6], ids=[path.name for path in SMALL[1::6]])
def test_text_of_a_damaged_capture(path: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    content = bytearray(path.read_bytes())
    dice = random.Random(path.name)
    for _ in range(max(3, len(content) // 100)):
        content[dice.randrange(40, len(content))] = dice.randrange(256)
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(content)
    for arguments in (["-vvv"], ["--format", "csv"]):
        assert main(["analyze", *arguments, "--port", "33097", str(damaged)]) in (0, 3)
        out = capsysbinary.readouterr().out
        # No byte of a capture reaches the terminal as a control character.
        assert not [byte for byte in out if byte < 0x20 and byte not in b"\n\r"]
        out.decode()
