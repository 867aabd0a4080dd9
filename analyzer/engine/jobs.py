"""How many processes analyse a capture: as many as their work is worth, and there are processors."""

from __future__ import annotations

import os
from typing import Final

import msgspec

from analyzer.analysis.amount import amount_of
from analyzer.capture import open_capture
from analyzer.errors import CaptureError

MOST_JOBS: Final = 4
# Bytes of a capture that are looked at, and files of which that is not worth while.
SAMPLE_BYTES: Final = 512 << 10
SMALL: Final = 256 << 10
# Work of that many microseconds makes up for a further process: it has to start, and reads the whole capture too.
WORTH_IT: Final = 250_000


class Work(msgspec.Struct, frozen=True):
    """Microseconds that a connection and a segment with payload take where one process does all, reading apart."""

    connection: float
    segment: float


# Connections as a whole; their commands; both with what a page says of them; chosen fields of packets; packets in
# lines, and with all their fields.
CONNECTIONS: Final = Work(90, 1.5)
COMMANDS: Final = Work(90, 4)
PAGE: Final = Work(250, 6)
CHOSEN_FIELDS: Final = Work(120, 8)
LINES: Final = Work(300, 60)
PACKETS: Final = Work(900, 180)


def jobs_for(name: str, asked: int | None, work: Work = CONNECTIONS) -> int:
    """How many processes pay off for a source and for what is made of it: 1 for pipes, and where there is little to do.

    The first frames stand for all: what they hold is what the rest of the file holds, by its size.
    """
    if name == "-" or not os.path.isfile(name):
        return 1
    if asked is not None:
        return asked
    processors = min(MOST_JOBS, len(os.sched_getaffinity(0)))
    if processors == 1 or os.path.getsize(name) < SMALL:
        return 1
    return max(1, min(processors, int(_microseconds(name, work) / WORTH_IT)))


def _microseconds(name: str, work: Work) -> float:
    """What a file takes, by its first frames."""
    try:
        with open_capture(name, batch_bytes=SAMPLE_BYTES) as capture:
            batch = next(capture, None)
            if batch is None or not len(batch):
                return 0
            amount = amount_of(batch)
            done, whole = capture.progress()
    except CaptureError:
        return 0  # whoever reads it says what is wrong
    times = whole / done if whole and done else 1
    return times * (amount.connections * work.connection + amount.segments * work.segment)
