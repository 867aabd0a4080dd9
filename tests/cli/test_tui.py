"""`handshark tui` as a program on a terminal: it opens, answers a key, ends, and leaves the terminal as it was."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli import main
from tests.cli.support import HANDSHARK, refused, run
from tests.corpus import REPOSITORY

PATIENCE_SECONDS = 60.0
# What a terminal is told at the end: its own screen again, the cursor shown.
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h")


class Terminal:
    """A program on a terminal of 80x24."""

    def __init__(self, *words: str | Path, term: str = "xterm-256color") -> None:
        self.shown = b""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8", "TERM": term}
            command = [*HANDSHARK, *map(str, words)]
            os.execve(command[0], command, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def until(self, holds: Callable[[bytes], bool]) -> None:
        """Reads what is shown until something is there."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds(self.shown):
            assert time.monotonic() < end, self.shown[-2000:]
            if select.select([self._fd], [], [], 0.1)[0]:
                self.shown += os.read(self._fd, 1 << 16)

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def end(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self._pid, number)

    def code(self) -> int:
        """How it ended, when it has."""
        with contextlib.suppress(OSError):  # the terminal is closed
            while data := os.read(self._fd, 1 << 16):
                self.shown += data
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def test_it_opens_and_ends(tmp_path: Path) -> None:
    terminal = Terminal("tui", refused(tmp_path))
    terminal.until(lambda shown: b"rejected" in shown)
    terminal.press(b"q")
    assert terminal.code() == 0
    assert all(part in terminal.shown for part in RESTORED)
    assert b"Traceback" not in terminal.shown


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: int, code: int) -> None:
    terminal = Terminal("tui", refused(tmp_path))
    terminal.until(lambda shown: b"rejected" in shown)
    terminal.end(number)
    assert terminal.code() == code
    assert all(part in terminal.shown for part in RESTORED)
    assert b"Traceback" not in terminal.shown


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    terminal = Terminal("tui", refused(tmp_path), term="xterm")
    terminal.until(lambda shown: b"rejected" in shown)
    terminal.press(b"\x03")
    assert terminal.code() == 0


def test_what_is_no_capture_is_said_when_the_terminal_is_free(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"nothing of that kind")
    terminal = Terminal("tui", bad)
    assert terminal.code() == 3
    said = terminal.shown[terminal.shown.rindex(RESTORED[0]) :]
    assert b"neither pcap nor pcapng" in said


def test_without_a_terminal(tmp_path: Path) -> None:
    path = refused(tmp_path)
    done = run("tui", path)
    assert (done.code, done.out) == (2, "")
    assert "needs a terminal" in done.err
    done = run("live", "--tui")
    assert done.code == 2
    assert "needs a terminal" in done.err


def test_without_textual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "textual" else find(name, *more)
    )
    assert main(["tui", str(refused(tmp_path))]) == 2
    assert "pip install 'handshark[tui]'" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "code", "why"), [("-", 2, "only once"), ("missing.pcap", 3, "no such file")])
def test_names_that_can_not_be_looked_at(
    name: str, code: int, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["tui", name]) == code
    assert why in capsys.readouterr().err
