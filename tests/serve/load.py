"""`python -m tests.serve.load [SECONDS]`: 10,000 connections a minute to a live page that a browser's stream looks at.

Says how many came, that none was left out, how much waited at most for the page's process, and what memory that took.
"""

from __future__ import annotations

import copy
import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.counts import Counts
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.serve.live import LivePageProcess, LiveServer
from tests.report import examples
from tests.serve.support import Visitor

EACH_SECOND = 10_000 / 60
KINDS = (examples.accepted, examples.rejected, examples.aborted, examples.encrypted)


class LoadFigures(NamedTuple):
    """What was measured. Sizes are bytes; `memory` is that of the page's process, halfway and at the end."""

    connections: int
    told: int
    lost: int
    most_waiting: int
    memory: tuple[int, int]
    processor_seconds: float
    behind_seconds: float


class LoadWatch:
    """Somebody who looks on, and reads all."""

    def __init__(self, visitor: Visitor) -> None:
        self.rows = 0
        self.newest = -1
        self._thread = threading.Thread(target=self._look, args=(visitor,), daemon=True)
        self._thread.start()

    def _look(self, visitor: Visitor) -> None:
        for kind, _, said in visitor.events("/events"):
            if kind == "rows":
                self.rows += len(said["rows"])
                self.newest = max(self.newest, *(row[-1] for row in said["rows"]))

    def join(self) -> None:
        self._thread.join(60)


def numbered(number: int) -> Connection:
    one = copy.copy(KINDS[number % len(KINDS)]())
    one.capture, one.stream, one.first_frame = "live", number, number + 1
    one.start_time_ns = examples.START_NS + number * 6_000_000
    return one


def load(seconds: float) -> LoadFigures:
    """Sends connections evenly for so long."""
    page = LivePageProcess("127.0.0.1", 0, LiveServer("load", False))
    # A collection in the page's process would make all that it has from this one its own.
    gc.freeze()
    page.start()
    gc.unfreeze()
    pid = _child()
    visitor = Visitor(page.url)
    visitor.enter()
    watch = LoadWatch(visitor)
    many, halfway, waiting = int(seconds * EACH_SECOND), 0, 0
    detail: ConnectionDetail = examples.detail()
    begun = time.monotonic()
    for number in range(many):
        time.sleep(max(0.0, begun + number / EACH_SECOND - time.monotonic()))
        page.news(numbered(number), detail, True)
        if number % 20 == 0:
            page.tick(_counts(begun, number))
        waiting = max(waiting, page.waiting)
        if number == many // 2:
            _told(page, watch, begun, number)
            halfway = _memory(pid)
    sent = time.monotonic()
    _told(page, watch, begun, many - 1)
    behind = time.monotonic() - sent
    memory, used = _memory(pid), _processor(pid)
    page.end(examples.source())
    page.close(True)
    watch.join()
    return LoadFigures(many, watch.rows, page.lost, waiting, (halfway, memory), used, behind)


def _counts(begun: float, number: int) -> Counts:
    return Counts(time.monotonic() - begun, number * 20, number, number // 4, 0, 0, 3)


def _told(page: LivePageProcess, watch: LoadWatch, begun: float, number: int) -> None:
    """Waits until who looks on has heard of a connection. What a busy machine left in the pipe goes on with the next
    news, of which a capture that goes on always has some."""
    while watch.newest < number:
        time.sleep(0.05)
        page.tick(_counts(begun, number))


def _child() -> int:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return max(map(int, children))


def _memory(pid: int) -> int:
    """Bytes of a process that are its own."""
    found = {
        line.split(":")[0]: line.split()[1] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    }
    return (int(found["Private_Clean"]) + int(found["Private_Dirty"])) * 1024


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    found = load(seconds)
    print(
        f"{found.connections:,} connections in {seconds:.0f} s: {found.told:,} told, {found.lost} left out, the last "
        f"{found.behind_seconds:.2f} s after it came; at most {found.most_waiting / 1024:,.0f} KiB waited; the page's "
        f"process took {found.processor_seconds:.1f} s of a processor, and {found.memory[0] / 1e6:.0f} MB halfway, "
        f"{found.memory[1] / 1e6:.0f} MB at the end"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
