"""Whether cost grows as the capture does: the same logins, fifty times as many."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import replay
from tests.bench.captures import SAMPLES
from tests.bench.contenders import PROGRAM, Command

FEW: Final = 2_000
TIMES: Final = 50
SMALL: Final = SAMPLES / "mysql97_cli_wrong-password.pcap"
STARTS: Final = 15


class Cost(NamedTuple):
    """Of one capture, in one process, without what starting takes: seconds of the processor."""

    connections: int
    frames: int
    seconds: float
    peak: int  # KiB

    def line(self) -> str:
        each = self.seconds * 1e6
        return (
            f"| {self.connections:,} | {self.frames:,} | {self.seconds:.2f} | {each / self.connections:.1f} "
            f"| {each / self.frames:.2f} | {self.peak / 1024:,.0f} |"
        )


def start() -> list[Command]:
    """A small capture: what starting takes, beside tshark."""
    commands = [
        Command("handshark analyze", [*PROGRAM, "analyze", str(SMALL)]),
        Command("handshark commands", [*PROGRAM, "commands", str(SMALL)]),
        Command("tshark", ["tshark", "-r", str(SMALL), "-Y", "mysql"]),
    ]
    for _ in range(STARTS):
        for command in commands:
            command.run()
    return commands


def table(folder: Path, starting: float, runs: int, few: int) -> str:
    """The cost of `few` logins and of fifty times as many."""
    lines = [
        "| connections | frames | seconds of the processor | microseconds a connection | a frame | peak MB |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for number in (few, few * TIMES):
        path = folder / f"growth{number}.pcap"
        frames = replay.storm(SAMPLES, path, number)
        command = Command("growth", [*PROGRAM, "analyze", "--jobs", "1", "--format", "jsonl", str(path)])
        for _ in range(runs):
            command.run()
        command.run(memory=True)
        lines.append(Cost(number, frames, command.least_work - starting, command.peak).line())
        path.unlink()
    return "\n".join(lines) + "\n"
