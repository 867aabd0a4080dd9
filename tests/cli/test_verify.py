"""`handshark verify`: exit codes, and what it says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import main
from live_client.recording import Recorder

Json = dict[str, Any]


def capture(path: Path, *ports: int) -> Path:
    """A capture with a connection from each port: a server's error 1040 in place of its greeting."""
    message = b"\xff\x10\x04Too many connections"
    with path.open("wb") as file:
        for number, port in enumerate(ports):
            part = io.BytesIO()
            recorder = Recorder(part, now=lambda number=number: 1_790_000_000_000_000_000 + number)  # type: ignore[misc]
            recorder.connected(("192.0.2.1", port), ("192.0.2.2", 3306), 1_790_000_000_000_000_000 + number)
            recorder.data(1, len(message).to_bytes(3, "little") + b"\x00" + message)
            recorder.ended(1)
            recorder.ended(0)
            recorder.finish()
            # A pcapng file may have several sections, one after the other.
            file.write(part.getvalue())
    return path


def truth(port: int, **more: Any) -> Json:
    error = {"code": 1040, "message": "Too many connections"}
    client, server = {"address": "192.0.2.1", "port": port}, {"address": "192.0.2.2", "port": 3306}
    return {"client": client, "server": server, "connection_id": None, "outcome": "rejected", "error": error, **more}


def run(tmp_path: Path, content: Any, *ports: int) -> int:
    file = tmp_path / "truth.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return main(["verify", str(capture(tmp_path / "c.pcapng", *(ports or (40000,)))), str(file)])


def test_all_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, truth(40000)) == 0
    assert capsys.readouterr().out == "1 connection, 0 different\n"


def test_a_list_of_truths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, [truth(40001), truth(40000)], 40000, 40001) == 0
    assert run(tmp_path, [truth(40001), truth(40000, outcome="accepted")], 40000, 40001) == 1
    said = capsys.readouterr().out
    assert "from port 40000: outcome: 'accepted' is true, 'rejected' is what the analyzer says" in said
    assert said.endswith("2 connections, 1 different\n")


def test_a_connection_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, truth(40009)) == 1
    assert "from port 40009: is not in the capture" in capsys.readouterr().out
    assert run(tmp_path, {"connection_id": 7}) == 1
    assert "connection 7: is not in the capture" in capsys.readouterr().out


def test_a_wrong_number_is_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, truth(40000, connection_id=7)) == 1
    assert "connection_id: 7 is true, None is what the analyzer says" in capsys.readouterr().out


def test_a_truth_that_may_be_about_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, {"outcome": "rejected"}, 40000, 40001) == 1
    assert "may be any of 2 connections" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", "7", '{"client": 3}', "truth"])
def test_a_truth_that_is_none(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, content) == 3
    assert "no truth" in capsys.readouterr().err


def test_files_that_can_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = capture(tmp_path / "c.pcapng", 40000)
    assert main(["verify", str(one), str(tmp_path / "missing.json")]) == 3
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth(40000)))
    assert main(["verify", str(tmp_path / "missing.pcap"), str(file)]) == 3
    assert main(["verify", str(file), str(file)]) == 3
    assert capsys.readouterr().out == ""


def test_text_from_a_truth_can_not_move_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, {"connection_id": "\x1b[2J"}) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["verify", "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "handshark verify session.pcapng truth.json" in said
    assert "exit codes" in said
