"""Runs the command line, in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.mysql import err, greeting, login, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation, in_time_order, wait

Json = dict[str, Any]
HANDSHARK = [sys.executable, "-m", "analyzer"]

REFUSED: list[Step] = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied", "28000"))]


class Done(NamedTuple):
    code: int
    out: str
    err: str

    def rows(self) -> list[Json]:
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: str | Path, stdin: bytes | None = None, cwd: Path = REPOSITORY) -> Done:
    """handshark in a process of its own."""
    command = [*HANDSHARK, *map(str, arguments)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, input=stdin or b"", capture_output=True, cwd=cwd, env=environment, timeout=60, check=False
    )
    out, errors = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in errors, errors
    return Done(done.returncode, out, errors)


def accepted(path: Path, name: str = "good.pcap") -> Path:
    """A capture with one connection that was accepted."""
    file = path / name
    file.write_bytes(pcap(conversation([*ACCEPTED, *GOODBYE])))
    return file


def refused(path: Path, name: str = "bad.pcap") -> Path:
    """A capture with one connection that was refused."""
    file = path / name
    file.write_bytes(pcap(conversation(REFUSED, client=("10.0.0.7", 40000))))
    return file


def rotated(path: Path, pieces: int = 3) -> tuple[list[Path], Path]:
    """A capture of four long connections cut at frame boundaries into files, and the whole of it."""
    from tests.wire.script import START

    script: list[Step] = [*ACCEPTED]
    for _ in range(5):
        script += [wait("c", query("SELECT 1"), 0.01), ("s", b"\x07\0\0\1\0\0\0\2\0\0\0")]
    talks = [
        conversation([*script, *GOODBYE], client=(f"10.0.0.{i}", 40000), start_ns=START + i * 1_000_000)
        for i in range(10, 14)
    ]
    frames = in_time_order(*talks)
    whole = path / "whole.pcap"
    whole.write_bytes(pcap(frames))
    step = -(-len(frames) // pieces)
    files = []
    for index in range(pieces):
        file = path / f"ring.pcap{index}"
        file.write_bytes(pcap(frames[index * step : (index + 1) * step]))
        files.append(file)
    return files, whole
