"""`python -m tests.bench memory`: the most memory that each kind of hostile capture takes, with little and much of it.

Each workload is made here; its peak is that of the command with all its processes. `--command` names another
handshark, to compare with.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench.peak import PeakMemory
from tests.wire.files import block, enhanced, interface, pcap, section
from tests.wire.frames import Frame
from tests.wire.mysql import login, ok, packet, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, START, Step, conversation

MEGABYTE = 1 << 20
FILE_HEADER = 24
PIECE = 32 << 10


def clients(count: int, script: list[Step], *, split: int) -> Iterator[Frame]:
    """So many connections with one script, one after the other; none of them ends."""
    for number in range(count):
        client = (f"10.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}", 50_000)
        yield from conversation(script, client=client, start_ns=START + number * 10 * MS, split=split)


def out_of_order(count: int) -> Iterator[Frame]:
    """A megabyte of each connection waits for a segment that never comes."""
    missing = query("SELECT 1")
    script: list[Step] = [*ACCEPTED, ("c", missing), ("c", b"x" * (MEGABYTE - PIECE))]
    return (frame for frame in clients(count, script, split=PIECE) if not frame.data.endswith(missing))


def unfinished_logins(count: int) -> Iterator[Frame]:
    """Logins that announce a quarter of a megabyte and never come to their end."""
    whole = packet(1, login()[4:] + b"a" * 250_000)
    return clients(count, [ACCEPTED[0], ("c", whole[:200_000])], split=PIECE)


def unfinished_packets(count: int) -> Iterator[Frame]:
    """Commands of a megabyte that lack their last byte."""
    return clients(count, [*ACCEPTED, ("c", query("x" * (MEGABYTE - 100))[:-1])], split=PIECE)


def distinct_statements(count: int) -> Iterator[Frame]:
    """Statements of a megabyte, no two alike."""
    for number in range(count):
        statement = f"SELECT {number} FROM t{number} WHERE a IN ('{'x' * (MEGABYTE - 100)}')"
        script: list[Step] = [*ACCEPTED, ("c", query(statement)), ("s", ok(1)), *GOODBYE]
        yield from conversation(script, client=("10.0.0.9", 10_000 + number), start_ns=START + number * MS, split=PIECE)


class Workload(NamedTuple):
    """`make` gives the frames of so many things; `command` is what reads the capture."""

    name: str
    command: tuple[str, ...]
    make: Callable[[int], Iterator[Frame]]
    few: int
    many: int


WORKLOADS = (
    Workload("connections with 1 MB out of order", ("analyze",), out_of_order, 100, 1500),
    Workload("logins of 250 KB that do not end", ("analyze",), unfinished_logins, 100, 3000),
    Workload("commands of 1 MB that do not end", ("analyze",), unfinished_packets, 100, 1500),
    Workload("commands of 1 MB that do not end", ("commands",), unfinished_packets, 100, 1500),
    Workload("distinct statements of 1 MB", ("stats",), distinct_statements, 50, 1000),
)


def sections(count: int) -> bytes:
    """A pcapng file of so many sections with a frame each."""
    frame = next(iter(conversation(list(ACCEPTED)))).data
    return b"".join(section() + interface() + enhanced(frame, number) for number in range(count)) + block(5, bytes(12))


def peak_of(command: list[str]) -> int:
    """KiB."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        watcher = PeakMemory(process.pid)
        process.wait()
        return watcher.stop()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench memory", description=__doc__)
    parser.add_argument("--command", default=str(Path(sys.executable).with_name("handshark")))
    options = parser.parse_args(arguments)
    print("| held back | command | few | MB | many | MB |\n| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as folder:
        for workload in WORKLOADS:
            cells = []
            for count in (workload.few, workload.many):
                capture = Path(folder, "made.pcap")
                with capture.open("wb") as file:
                    file.write(pcap([]))
                    for frame in workload.make(count):
                        file.write(pcap([frame])[FILE_HEADER:])
                peak = peak_of([options.command, *workload.command, "--jobs", "1", str(capture)])
                cells += [f"{count:,}", f"{peak / 1024:,.0f}"]
            print(f"| {workload.name} | {workload.command[0]} | {' | '.join(cells)} |", flush=True)
        capture = Path(folder, "sections.pcapng")
        capture.write_bytes(sections(100_000))
        peak = peak_of([options.command, "analyze", str(capture)])
        print(f"| pcapng sections | analyze | | | 100,000 | {peak / 1024:,.0f} |")
    return 0
