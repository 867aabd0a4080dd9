"""How many processes analyse a capture: as many as their work is worth, and there are processors."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

import msgspec

from analyzer.analysis.amount import Amount, amount_of
from analyzer.capture import open_capture
from analyzer.errors import CaptureError

MOST_JOBS: Final = 4
# Bytes of a capture that are looked at, and files of which that is not worth while.
SAMPLE_BYTES: Final = 512 << 10
SMALL: Final = 256 << 10
# Work of that many microseconds makes up for a further process: it has to start, and reads the whole capture too.
WORTH_IT: Final = 250_000


class Work(msgspec.Struct, frozen=True):
    """Microseconds that a connection and a segment with payload take where one process does all, reading apart.

    joined  those of a connection that are the work of who joins what other processes gave, where that is much
    """

    connection: float
    segment: float
    joined: float = 0


class Jobs(NamedTuple):
    """How many processes analyse, and whether they are others than the one that asks."""

    processes: int
    apart: bool


ALONE: Final = Jobs(1, False)

# Connections as a whole; their commands; both with what a page says of them; chosen fields of packets; packets in
# lines, and with all their fields; rows of tables, which are made and written where they are joined; redacted captures.
CONNECTIONS: Final = Work(90, 1.5)
COMMANDS: Final = Work(90, 4)
PAGE: Final = Work(250, 6)
CHOSEN_FIELDS: Final = Work(120, 8)
LINES: Final = Work(300, 60)
PACKETS: Final = Work(900, 180)
TABLES: Final = Work(15, 3, 60)
REDACTED: Final = Work(60, 8)


def jobs_for(name: str, asked: int | None, work: Work = CONNECTIONS) -> Jobs:
    """Which processes pay off for a source and for what is made of it: none beside this one for pipes, and where there
    is little to do.

    Where who joins them has as much to do as a processor of those that there are can do, one fewer analyses.
    """
    if name == "-" or not os.path.isfile(name):
        return ALONE
    if asked is not None:
        return Jobs(asked, asked > 1)
    processors = min(MOST_JOBS, len(os.sched_getaffinity(0)))
    if processors == 1 or os.path.getsize(name) < SMALL:
        return ALONE
    amount = _amount(name)
    analysed = amount.connections * work.connection + amount.segments * work.segment
    joined = amount.connections * work.joined
    if joined * processors >= joined + analysed > 0:
        processors -= 1
    processes = max(1, min(processors, int(analysed / WORTH_IT)))
    return Jobs(processes, processes > 1 or joined >= WORTH_IT)


def _amount(name: str) -> Amount:
    """What a file holds. The first frames stand for all: they hold what the rest of it holds, by its size."""
    try:
        with open_capture(name, batch_bytes=SAMPLE_BYTES) as capture:
            batch = next(capture, None)
            if batch is None or not len(batch):
                return Amount(0, 0)
            amount = amount_of(batch)
            done, whole = capture.progress()
    except CaptureError:
        return Amount(0, 0)  # whoever reads it says what is wrong
    times = whole / done if whole and done else 1
    return Amount(int(times * amount.connections), int(times * amount.segments))
