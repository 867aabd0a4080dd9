"""`handshark corpus verify` and `update`, and `handshark report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.cli import main
from tests.cli.support import accepted, refused
from tests.corpus import REPOSITORY

Capsys = pytest.CaptureFixture[str]


def corpus(capsys: Capsys, *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["corpus", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_update_then_verify(tmp_path: Path, capsys: Capsys) -> None:
    accepted(tmp_path)
    below = tmp_path / "below"
    below.mkdir()
    refused(below)
    assert corpus(capsys, "update", tmp_path)[0] == 0
    assert (tmp_path / "good.golden.json").exists()
    assert (below / "bad.golden.json").exists()
    code, out, _ = corpus(capsys, "verify", tmp_path)
    assert code == 0
    assert "2 captures, 0 different" in out
    # A second update has nothing to write.
    assert "0 golden files written" in corpus(capsys, "update", tmp_path)[1]


def test_a_difference_is_shown_line_by_line(tmp_path: Path, capsys: Capsys) -> None:
    accepted(tmp_path)
    corpus(capsys, "update", tmp_path)
    golden = tmp_path / "good.golden.json"
    golden.write_text(golden.read_text().replace('"user": "app"', '"user": "somebody"'))
    code, out, _ = corpus(capsys, "verify", tmp_path)
    assert code == 1
    assert '-    "user": "somebody",' in out
    assert '+    "user": "app",' in out
    assert "1 different" in out


def test_capture_without_its_golden_file(tmp_path: Path, capsys: Capsys) -> None:
    accepted(tmp_path)
    code, out, _ = corpus(capsys, "verify", tmp_path)
    assert code == 1
    assert "corpus update" in out


def test_golden_files_name_no_folder(tmp_path: Path, capsys: Capsys) -> None:
    """They are the same on every machine, also where a warning names the file."""
    file = accepted(tmp_path)
    file.write_bytes(file.read_bytes()[:-5])
    corpus(capsys, "update", tmp_path)
    text = (tmp_path / "good.golden.json").read_text()
    assert str(tmp_path) not in text
    assert "good.pcap" in text


def test_nothing_to_verify_is_3(tmp_path: Path, capsys: Capsys) -> None:
    assert corpus(capsys, "verify", tmp_path)[0] == 3
    assert corpus(capsys, "verify", tmp_path / "missing")[0] == 3


def test_a_broken_capture_is_a_difference(tmp_path: Path, capsys: Capsys) -> None:
    file = accepted(tmp_path)
    corpus(capsys, "update", tmp_path)
    file.write_bytes(b"no capture any more")
    code, out, _ = corpus(capsys, "verify", tmp_path)
    assert code == 1
    assert "good.pcap" in out
    assert corpus(capsys, "update", tmp_path)[0] != 0


def test_the_samples_are_as_they_were(capsys: Capsys) -> None:
    code, out, _ = corpus(capsys, "verify", REPOSITORY / "samples")
    assert code == 0, out[-3000:]


def test_report(tmp_path: Path, capsys: Capsys) -> None:
    page = tmp_path / "page.html"
    good = str(accepted(tmp_path))
    assert main(["report", good, "-o", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!")
    assert "</html>" in text
    assert "10.0.0.1" in text
    assert main(["report", good, str(tmp_path / "missing.pcap"), "-o", str(page)]) == 3
    assert "10.0.0.1" in page.read_text(encoding="utf-8")
    assert "missing.pcap" in capsys.readouterr().err


def test_report_of_nothing_leaves_no_file(tmp_path: Path, capsys: Capsys) -> None:
    page = tmp_path / "page.html"
    page.write_text("the last one")
    assert main(["report", str(tmp_path / "missing.pcap"), "-o", str(page)]) == 3
    capsys.readouterr()
    assert page.read_text() == "the last one"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
