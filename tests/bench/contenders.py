"""Who is measured: handshark, also interpreted, beside tshark and beside a plain dpkt loop."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.peak import PeakMemory
from tests.corpus import REPOSITORY

TSHARK_FIELDS: Final = ["-Y", "mysql", "-T", "fields"] + [
    word for name in ("mysql.user", "mysql.version", "mysql.error_code") for word in ("-e", name)
]
TSHARK_COMMANDS: Final = ["-Y", "mysql", "-T", "fields", "-e", "mysql.query", "-e", "mysql.error_code"]
DISSECTED: Final = ["-T", "fields", "-e", "mysql.user", "-e", "mysql.query"]
PROGRAM: Final = (sys.executable, "-m", "analyzer")


@dataclass
class Command:
    """One contender: how it is called, what it took. `cwd` is where the program is loaded from."""

    name: str
    argv: list[str]
    cwd: Path = REPOSITORY
    seconds: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)  # seconds of the processors, all processes
    peak: int = 0  # KiB

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def least_work(self) -> float:
        return min(self.work)

    def run(self, *, memory: bool = False) -> None:
        """One run; its time counts, or its memory: watching that costs the watched process time."""
        begin, before = time.perf_counter(), _work()
        with subprocess.Popen(
            self.argv, cwd=self.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        ) as process:
            watcher = PeakMemory(process.pid) if memory else None
            code = process.wait()
            if watcher is None:
                self.seconds.append(time.perf_counter() - begin)
            else:
                self.peak = watcher.stop()
        if watcher is None:
            self.work.append(_work() - before)
        if code:
            raise SystemExit(f"{self.name} failed with exit code {code}: {' '.join(self.argv)}")


def _work() -> float:
    """Seconds that the processors have worked for processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def environment() -> dict[str, str]:
    """That of an ordinary installation: bytecode is kept."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interpreted(folder: Path) -> Path:
    """A copy of the program in which nothing is compiled; where to start it."""
    place = folder / "interpreted"
    shutil.copytree(
        REPOSITORY / "analyzer", place / "analyzer", ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    )
    compile_all(place)
    return place


def compile_all(place: Path) -> None:
    """Writes the bytecode of a program, as an installation does."""
    argv = [sys.executable, "-m", "compileall", "-q", str(place / "analyzer")]
    subprocess.run(argv, check=True, env=environment())


def _tshark(words: Iterable[str]) -> list[Command]:
    if shutil.which("tshark"):
        return [Command("tshark", ["tshark", *words])]
    sys.stderr.write("bench: tshark is not installed; its line is missing\n")
    return []


def _ours(words: Sequence[str], pure: Path | None) -> list[Command]:
    """handshark with all processes that pay off, with one, and interpreted."""
    name = f"handshark {words[0]}"
    found = [
        Command(name, [*PROGRAM, *words]),
        Command(f"{name} --jobs 1", [*PROGRAM, *words, "--jobs", "1"]),
    ]
    if pure is not None:
        found.append(Command(f"{name}, interpreted", [*PROGRAM, *words], cwd=pure))
    return found


def analyze(capture: Path, pure: Path | None, keylog: Path | None = None, *, dpkt: bool = False) -> list[Command]:
    """Every connection beside the three fields of its login, its greeting and its error."""
    keys = ["--keylog", str(keylog)] if keylog else []
    secrets = ["-o", f"tls.keylog_file:{keylog}"] if keylog else []
    found = _ours(["analyze", "--format", "jsonl", *keys, str(capture)], pure)
    found += _tshark(["-r", str(capture), *secrets, *TSHARK_FIELDS])
    if dpkt:
        found.append(Command("dpkt loop", [sys.executable, "-m", "tests.bench.dpkt_loop", str(capture)]))
    return found


def commands(capture: Path, pure: Path | None) -> list[Command]:
    """The list of commands beside tshark's list of statements."""
    found = _ours(["commands", "--format", "jsonl", str(capture)], pure)
    return found + _tshark(["-r", str(capture), *TSHARK_COMMANDS])


def fields(capture: Path, pure: Path | None) -> list[Command]:
    """Chosen fields of each frame, in tshark's words."""
    found = _ours(["dissect", *DISSECTED, str(capture)], pure)
    return found + _tshark(["-r", str(capture), "-Y", "mysql", *DISSECTED])


def lines(capture: Path, _pure: Path | None) -> list[Command]:
    """A line for each packet, where tshark has one for each frame."""
    return _ours(["dissect", str(capture)], None) + _tshark(["-r", str(capture), "-Y", "mysql"])


def table(commands: list[Command]) -> str:
    """A Markdown table: how long each took, and how many times as fast as tshark it is.

    By the clock, and by what the processors had to do: where others work beside it only that compares.
    """
    tshark = next((command for command in commands if command.name == "tshark"), None)
    lines = [
        "| command | seconds | of processors | times as fast as tshark, by the clock | by the processors | peak MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for command in commands:
        clock = work = ""
        if tshark is not None and command is not tshark:
            clock = f"{tshark.median / command.median:.1f}"
            work = f"{tshark.least_work / command.least_work:.1f}"
        spread = f"{command.median:.2f} ({min(command.seconds):.2f}-{max(command.seconds):.2f})"
        lines.append(
            f"| {command.name} | {spread} | {command.least_work:.2f} | {clock} | {work} | {command.peak / 1024:,.0f} |"
        )
    return "\n".join(lines) + "\n"
