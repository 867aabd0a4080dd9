"""Runs `handshark live` beside a test, and puts frames on an interface."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.live.interfaces import permitted
from tests.capture.live.network import Network
from tests.corpus import REPOSITORY
from tests.wire.frames import Frame

Json = dict[str, Any]
HANDSHARK = [sys.executable, "-m", "analyzer"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"}
# Only ends a hang.
SECONDS = 60.0


def may_capture() -> None:
    """Skips the test where this user may not capture; CI has to."""
    if permitted() and os.geteuid() == 0:
        return
    if os.environ.get("CI") == "true":
        pytest.fail("CI has to run the tests of live as root")
    pytest.skip("capturing needs root")


class Live:
    """One run of the command. `errors` is its standard error so far."""

    def __init__(self, *arguments: str | Path, inside: Sequence[str] = (), before: Sequence[str] = ()) -> None:
        words = [*inside, *before, *HANDSHARK, "live", *map(str, arguments)]
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY, env=ENVIRONMENT, text=True
        )
        self._lines: list[str] = []
        self._out: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, kept), daemon=True)
            for pipe, kept in ((self.process.stderr, self._lines), (self.process.stdout, self._out))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(pipe: Any, kept: list[str]) -> None:
        kept.extend(iter(pipe.readline, ""))

    @property
    def errors(self) -> str:
        return "".join(self._lines)

    @property
    def out(self) -> str:
        return "".join(self._out)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Until something is so, while it runs or at its end."""
        until = time.monotonic() + SECONDS
        while not condition():
            if self.process.poll() is not None:
                # What it said last may still be on the way.
                for reader in self._readers:
                    reader.join(SECONDS)
                assert condition(), (self.errors, self.out[:2000])
                return
            assert time.monotonic() < until, (self.errors, self.out[:2000])
            time.sleep(0.02)

    def wait_for(self, pattern: str, *, out: bool = False) -> None:
        """Until standard error (or output) has something."""
        self.wait_until(lambda: re.search(pattern, self.out if out else self.errors))

    def wait_for_frames(self, file: Path, count: int) -> None:
        """Until so many frames are on disk: what is sent has come then, however long its way was."""
        self.wait_until(lambda: frames_on_disk(file) >= count)

    def begun(self) -> Live:
        self.wait_for("capturing on")
        return self

    def rows(self, *, final: bool | None = None) -> list[Json]:
        found = [json.loads(line) for line in list(self._out) if line.endswith("\n")]
        return [row for row in found if final is None or row["final"] is final]

    def wait_for_rows(self, count: int, *, final: bool | None = None) -> list[Json]:
        self.wait_until(lambda: len(self.rows(final=final)) >= count)
        return self.rows(final=final)

    def end(self, number: int | None = signal.SIGINT) -> int:
        """Sends the signal, and waits for the end."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        for reader in self._readers:
            reader.join(SECONDS)
        assert "Traceback" not in self.errors, self.errors
        return code

    def analyst(self) -> int:
        """The process that analyses."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    def number(self, what: str) -> int:
        """A number of the summary: `frames captured`, `dropped by the kernel` ..."""
        found = re.search(rf"([\d,]+) {what}", self.errors)
        assert found, (what, self.errors)
        return int(found[1].replace(",", ""))


@contextmanager
def live(*arguments: str | Path, inside: Sequence[str] = ()) -> Iterator[Live]:
    """The command, capturing; ended (the hard way) when the test is over."""
    run = Live(*arguments, inside=inside)
    try:
        yield run.begun()
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait(SECONDS)
        for pipe in (run.process.stdout, run.process.stderr):
            assert pipe is not None
            pipe.close()


_SEND = """
import socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sock.bind((sys.argv[1], 0))
for line in sys.stdin:
    sock.send(bytes.fromhex(line))
"""


def send(to: Network, frames: Sequence[Frame | bytes]) -> None:
    """Puts frames on the wire from the far side."""
    raw = [frame if isinstance(frame, bytes) else frame.data for frame in frames]
    subprocess.run(
        [*to.inside, sys.executable, "-c", _SEND, to.far],
        input="".join(one.hex() + "\n" for one in raw),
        text=True,
        check=True,
        timeout=SECONDS,
    )


def frames_on_disk(file: Path) -> int:
    """How many whole frames a pcapng file has that is being written (enhanced packet blocks)."""
    data = file.read_bytes() if file.exists() else b""
    count = place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("=II", data, place)
        place += size
        count += kind == 6 and place <= len(data)
        if size < 12:
            break
    return count


def analysed(*captures: Path, keylog: Path | None = None) -> list[Json]:
    """What `analyze` says of files."""
    keys = [] if keylog is None else ["--keylog", str(keylog)]
    done = subprocess.run(
        [*HANDSHARK, "analyze", "--format", "jsonl", "--merge", *keys, *map(str, captures)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        check=True,
        timeout=SECONDS,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def tool(name: str) -> str | None:
    return shutil.which(name, path=ENVIRONMENT["PATH"])
