"""`make bench`: the analyzer beside tshark and beside a plain dpkt loop, on captures made here.

Runs the commands in turns, so that a machine whose speed drifts is fair to all; prints medians, ratios and the peak
memory of each command with all its processes.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import memory, oltp, replay, tls
from tests.bench.peak import PeakMemory
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"
TSHARK_FIELDS = ["-Y", "mysql", "-T", "fields", "-e", "mysql.user", "-e", "mysql.version", "-e", "mysql.error_code"]
TSHARK_COMMANDS = ["-Y", "mysql", "-T", "fields", "-e", "mysql.query", "-e", "mysql.error_code"]
DISSECTED = ["-T", "fields", "-e", "mysql.user", "-e", "mysql.query"]
OLTP_TRANSACTIONS = 200


@dataclass
class Command:
    """One contender: how it is called, what it took."""

    name: str
    argv: list[str]
    seconds: list[float] = field(default_factory=list)
    peak: int = 0  # KiB

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self, *, memory: bool) -> None:
        """One run; its time counts, or its memory: watching that costs the watched process time."""
        begin = time.perf_counter()
        with subprocess.Popen(self.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            watcher = PeakMemory(process.pid) if memory else None
            code = process.wait()
            if watcher is None:
                self.seconds.append(time.perf_counter() - begin)
            else:
                self.peak = watcher.stop()
        if code:
            raise SystemExit(f"{self.name} failed with exit code {code}: {' '.join(self.argv)}")


def contenders(capture: Path, jobs: int | None, keylog: Path | None = None) -> list[Command]:
    """handshark with all processes that pay off, with one, tshark (if there), the dpkt loop."""
    analyze = [sys.executable, "-m", "analyzer", "analyze", "--format", "jsonl", str(capture)]
    analyze += ["--keylog", str(keylog)] if keylog else []
    secrets = ["-o", f"tls.keylog_file:{keylog}"] if keylog else []
    commands = [Command("handshark", analyze + (["--jobs", str(jobs)] if jobs else []))]
    commands.append(Command("handshark --jobs 1", [*analyze, "--jobs", "1"]))
    if shutil.which("tshark"):
        commands.append(Command("tshark", ["tshark", "-r", str(capture), *secrets, *TSHARK_FIELDS]))
    else:
        sys.stderr.write("bench: tshark is not installed; its column is missing\n")
    commands.append(Command("dpkt loop", [sys.executable, "-m", "tests.bench.dpkt_loop", str(capture)]))
    return commands


def command_contenders(capture: Path) -> list[Command]:
    """The list of commands beside tshark's list of statements."""
    listed = [sys.executable, "-m", "analyzer", "commands", "--format", "jsonl", str(capture)]
    found = [Command("handshark commands", listed), Command("handshark commands --jobs 1", [*listed, "--jobs", "1"])]
    if shutil.which("tshark"):
        found.append(Command("tshark", ["tshark", "-r", str(capture), *TSHARK_COMMANDS]))
    return found


def field_contenders(capture: Path) -> list[Command]:
    """Chosen fields of each frame, in tshark's words."""
    dissect = [sys.executable, "-m", "analyzer", "dissect", *DISSECTED, str(capture)]
    found = [Command("handshark dissect", dissect), Command("handshark dissect --jobs 1", [*dissect, "--jobs", "1"])]
    if shutil.which("tshark"):
        found.append(Command("tshark", ["tshark", "-r", str(capture), "-Y", "mysql", *DISSECTED]))
    return found


def table(name: str, capture: Path, frames: int, commands: list[Command]) -> str:
    """A Markdown table of one capture."""
    size = capture.stat().st_size / 1e6
    ours = commands[0]
    lines = [
        f"`{name}`: {frames:,} frames, {size:,.0f} MB",
        "",
        "| command | seconds | times as long as handshark | peak MB |",
        "|---|---:|---:|---:|",
    ]
    for command in commands:
        ratio = "" if command is ours else f"{command.median / ours.median:.1f}"
        spread = f"{command.median:.2f} ({min(command.seconds):.2f}-{max(command.seconds):.2f})"
        lines.append(f"| {command.name} | {spread} | {ratio} | {command.peak / 1024:,.0f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__)
    arguments.add_argument("--large", action="store_true", help="also bulk at 2 GB (handshark and tshark once each)")
    arguments.add_argument("--runs", type=int, default=3, help="default: 3")
    arguments.add_argument("--only", choices=("storm", "bulk", "tls", "oltp"), help="only this capture")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as folder:
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {_tshark_version()}\n")
        if chosen.only in (None, "storm"):
            path = Path(folder, "storm.pcap")
            frames = replay.storm(SAMPLES, path)
            _check(path, 20_000)
            _bench("storm", path, frames, chosen.runs)
        if chosen.only in (None, "tls"):
            path = Path(folder, "bulk-tls.pcap")
            contexts = tls.Contexts(Path(folder))
            frames = replay.bulk_tls(SAMPLES, path, 100_000_000, contexts)
            _check(path, 8, contexts.keylog)
            _bench("bulk in TLS 1.3", path, frames, chosen.runs, contexts.keylog)
        if chosen.only in (None, "bulk"):
            path = Path(folder, "bulk.pcap")
            frames = replay.bulk(SAMPLES, path, 200_000_000)
            _check(path, 8)
            _bench("bulk", path, frames, chosen.runs, keep=True)
            _compare("bulk, its commands", path, frames, chosen.runs, command_contenders(path))
        if chosen.only in (None, "oltp"):
            path = Path(folder, "oltp.pcap")
            frames = oltp.oltp(SAMPLES, path, OLTP_TRANSACTIONS)
            _check_commands(path, oltp.commands_of(OLTP_TRANSACTIONS))
            _compare("oltp, its commands", path, frames, chosen.runs, command_contenders(path), keep=True)
            _compare("oltp, chosen fields", path, frames, chosen.runs, field_contenders(path))
        if chosen.large:
            path = Path(folder, "large.pcap")
            frames = replay.bulk(SAMPLES, path, 2_000_000_000)
            _bench("bulk, 2 GB", path, frames, 1)
    return 0


def _bench(name: str, path: Path, frames: int, runs: int, keylog: Path | None = None, *, keep: bool = False) -> None:
    _compare(name, path, frames, runs, contenders(path, None, keylog), keep=keep)


def _compare(name: str, path: Path, frames: int, runs: int, commands: list[Command], *, keep: bool = False) -> None:
    for _ in range(runs):
        for command in commands:
            command.run(memory=False)
    for command in commands:
        command.run(memory=True)
    print(table(name, path, frames, commands), flush=True)
    if not keep:
        path.unlink()


def _check_commands(path: Path, commands: int) -> None:
    argv = [sys.executable, "-m", "analyzer", "commands", "--format", "jsonl", str(path)]
    listed = subprocess.run(argv, capture_output=True, check=True).stdout.count(b"\n")
    if listed != commands:
        raise SystemExit(f"{path.name} holds {listed} commands, {commands} were made")


def _check(path: Path, connections: int, keylog: Path | None = None) -> None:
    found = replay.connections_in(path, keylog)
    if found != connections:
        raise SystemExit(f"{path.name} holds {found} connections, {connections} were made")


def _tshark_version() -> str:
    if not shutil.which("tshark"):
        return "no tshark"
    run = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=False)
    return run.stdout.splitlines()[0]


if __name__ == "__main__":
    sys.exit(memory.main(sys.argv[2:]) if sys.argv[1:2] == ["memory"] else main())
