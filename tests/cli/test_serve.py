"""`handshark serve` as a program: it says where it is, answers, and ends; and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analyzer.cli import main
from tests.cli.support import HANDSHARK
from tests.corpus import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "mysql97_cli_wrong-password.pcap"
OPEN = b"handshark: open "


@contextmanager
def served(*words: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The program, and the address that it has printed."""
    with subprocess.Popen([*HANDSHARK, "serve", *map(str, words)], stderr=subprocess.PIPE) as program:
        assert program.stderr is not None
        try:
            line = program.stderr.readline()
            assert line.startswith(OPEN), line
            yield program, line.removeprefix(OPEN).decode().strip()
        finally:
            program.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_comes(number: int) -> None:
    pytest.importorskip("starlette")
    from tests.serve.support import Visitor, whole

    with served(SAMPLE, "--listen", "127.0.0.1:0") as (program, url):
        visitor = Visitor(url)
        visitor.enter()
        assert len(whole(visitor, "/captures/1/events")["rows"]) == 1
        program.send_signal(number)
        assert program.wait(60) == 0
        assert program.stderr is not None
        assert program.stderr.read() == b""


def test_a_port_that_is_taken_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("starlette")
    with served(SAMPLE, "--listen", "127.0.0.1:0") as (_, url):
        port = url.rpartition(":")[2].partition("/")[0]
        assert main(["serve", str(SAMPLE), "--listen", f"127.0.0.1:{port}"]) == 3
    assert f"--listen 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.pcap"], 3, "nowhere.pcap: there is no such file or folder"),
        ([str(SAMPLE), "--listen", "0.0.0.0:8422"], 2, "0.0.0.0 is not loopback: --public lets other machines in"),
        ([str(SAMPLE), "--listen", "[::]:8422"], 2, ":: is not loopback"),
        ([str(SAMPLE), "--listen", "db1.example:8422"], 2, "db1.example is not loopback"),
        (
            [str(SAMPLE), "--listen", "0.0.0.0:1", "--public", "--show-secrets"],
            2,
            "--show-secrets is for loopback alone",
        ),
    ],
)
def test_what_is_refused(words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("starlette")
    assert main(["serve", *words]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("where", ["8422", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":80"])
def test_what_is_no_address(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(SAMPLE), "--listen", where])
    assert ended.value.code == 2
    assert "is no ADDRESS:PORT" in capsys.readouterr().err


def test_to_listen_for_all_is_warned_of() -> None:
    pytest.importorskip("starlette")
    command = [*HANDSHARK, "serve", str(SAMPLE), "--listen", "0.0.0.0:0", "--public"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as program:
        assert program.stderr is not None
        assert b"warning: everybody who can reach 0.0.0.0" in program.stderr.readline()
        assert program.stderr.readline().startswith(OPEN)
        program.terminate()
        assert program.wait(60) == 0


def test_where_the_packages_are_missing_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("starlette", "uvicorn")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("analyzer.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(SAMPLE)]) == 2
    assert "pip install 'handshark[serve]'" in capsys.readouterr().err


def test_the_key_stands_on_no_command_line(tmp_path: Path) -> None:
    """Everybody on the machine sees command lines: the browser is given a file that only this user can read."""
    pytest.importorskip("starlette")
    asked = tmp_path / "asked"
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {asked}.new\nls -l "${{1#file://}}" >> {asked}.new\nmv {asked}.new {asked}\n'
    )
    browser.chmod(0o755)
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    command = [*HANDSHARK, "serve", str(SAMPLE), "--listen", "127.0.0.1:0", "--open"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as program:
        assert program.stderr is not None
        token = program.stderr.readline().strip().rpartition(b"=")[2].decode()
        while not asked.exists():
            assert program.poll() is None
        address, listed = asked.read_text().splitlines()
        assert address.startswith("file://")
        assert token not in address
        assert listed.startswith("-rw------- ")
        program.terminate()
        assert program.wait(60) == 0
    assert not Path(address.removeprefix("file://")).exists()
