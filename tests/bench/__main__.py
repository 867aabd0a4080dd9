"""`make bench`: the analyzer beside tshark and beside a plain dpkt loop, on captures made here.

Runs the commands in turns, so that a machine whose speed drifts is fair to all; prints medians of the clock, the least
that the processors had to do, ratios to tshark, the peak memory of each command with all its processes, and how much of
each capture was taken the fast ways.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from analyzer.compiled import how
from tests.bench import contenders, growth, memory, replay
from tests.bench.captures import CAPTURES, SAMPLES, Capture, Made
from tests.bench.contenders import PROGRAM, Command
from tests.bench.shares import shares_of
from tests.corpus import REPOSITORY

PARTS = ("start", "growth")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__)
    arguments.add_argument("--large", action="store_true", help="also bulk at 2 GB (handshark and tshark once each)")
    arguments.add_argument("--runs", type=int, default=3, help="default: 3")
    arguments.add_argument(
        "--scale", type=float, default=1.0, help="share of the usual sizes, for a machine that has other work"
    )
    names = [*(capture.name for capture in CAPTURES), *PARTS]
    arguments.add_argument("--only", nargs="+", choices=names, default=names, help="only these captures and parts")
    chosen = arguments.parse_args()
    contenders.compile_all(REPOSITORY)
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as folder:
        place = Path(folder)
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {_tshark_version()}, {how()}\n", flush=True)
        pure = contenders.interpreted(place)
        for capture in CAPTURES:
            if capture.name in chosen.only:
                _measured(capture, capture.make(place, chosen.scale), chosen.runs, pure)
        starting = _start() if {"start", "growth"} & set(chosen.only) else 0.0
        if "growth" in chosen.only:
            print("Fifty times as many logins, one process, without what starting takes:\n")
            print(growth.table(place, starting, chosen.runs, round(growth.FEW * chosen.scale)), flush=True)
        if chosen.large:
            path = place / "large.pcap"
            made = Made(path, replay.bulk(SAMPLES, path, 2_000_000_000))
            _table("bulk, 2 GB", made, contenders.analyze(path, None), 1)
    return 0


def _measured(capture: Capture, made: Made, runs: int, pure: Path) -> None:
    """All tables of a capture."""
    path = made.path
    _check(made)
    print(f"### `{capture.name}`: {capture.title}; {made.frames:,} frames, {path.stat().st_size / 1e6:,.0f} MB\n")
    print(f"{shares_of(path, made.keylog).line()}\n", flush=True)
    for what in capture.measured:
        if what == "analyze":
            commands = contenders.analyze(path, pure, made.keylog, dpkt=capture.name in ("storm", "bulk"))
        else:
            made_by = {"commands": contenders.commands, "fields": contenders.fields, "lines": contenders.lines}
            commands = made_by[what](path, pure)
        _table(what, made, commands, runs)
    path.unlink()


def _table(what: str, made: Made, commands: list[Command], runs: int) -> None:
    for _ in range(runs):
        for command in commands:
            command.run()
    for command in commands:
        command.run(memory=True)
    print(contenders.table(commands))
    ours = next(command for command in commands if command.name.endswith("--jobs 1"))
    connections = f", {ours.least_work * 1e6 / made.connections:,.1f} a connection" if made.connections else ""
    print(f"{what}: {ours.least_work * 1e6 / made.frames:.2f} microseconds a frame{connections}.\n", flush=True)


def _start() -> float:
    """Prints what starting takes; the seconds of it."""
    commands = growth.start()
    for command in commands:
        command.run(memory=True)
    print(
        "A small capture: "
        + "; ".join(f"{one.name} {one.least_work:.3f} s of the processor" for one in commands)
        + ".\n"
    )
    return commands[0].least_work


def _check(made: Made) -> None:
    """The bench's captures must hold what they claim."""
    if made.commands is not None:
        argv = [*PROGRAM, "commands", "--format", "jsonl", str(made.path)]
        listed = subprocess.run(argv, capture_output=True, check=True, cwd=REPOSITORY).stdout.count(b"\n")
        if listed != made.commands:
            raise SystemExit(f"{made.path.name} holds {listed} commands, {made.commands} were made")
    if made.connections is not None:
        found = replay.connections_in(made.path, made.keylog)
        if found != made.connections:
            raise SystemExit(f"{made.path.name} holds {found} connections, {made.connections} were made")


def _tshark_version() -> str:
    if not shutil.which("tshark"):
        return "no tshark"
    run = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=False)
    return run.stdout.splitlines()[0]


if __name__ == "__main__":
    sys.exit(memory.main(sys.argv[2:]) if sys.argv[1:2] == ["memory"] else main())
