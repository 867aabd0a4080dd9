"""Connections that log in alike: the first of a sample several times over, with bytes changed."""

from __future__ import annotations

import random
from functools import cache

from tests.bench.replay import Turn, frames_of, turns_of
from tests.corpus import REPOSITORY
from tests.wire.frames import Frame

SAMPLES = REPOSITORY / "samples"
NAMES = sorted(path.name for path in SAMPLES.glob("*.pcap*") if path.suffix in (".pcap", ".pcapng"))
COPIES = 6
LATER_NS = 1_000_000
# (copy, turn, byte of it, what it becomes)
Change = tuple[int, int, int, int]


@cache
def said(name: str) -> list[Turn]:
    try:
        return turns_of(SAMPLES / name)
    except ValueError:  # bytes are missing
        return []


# Those whose first connection is whole, and not too long.
WHOLE = [name for name in NAMES if len(said(name)) > 1 and sum(len(data) for _, data in said(name)) < 1 << 15]


def again(name: str, changes: list[Change], copies: int = COPIES) -> list[Frame]:
    """The first connection of a sample several times, one after the other, with bytes changed."""
    found: list[Frame] = []
    rng = random.Random(7)
    for copy in range(copies):
        turns = [(by_client, bytearray(data)) for by_client, data in said(name)]
        for of, turn, place, byte in changes:
            if of % copies == copy:
                data = turns[turn % len(turns)][1]
                data[place % len(data)] = byte
        spoken = [(by_client, bytes(data)) for by_client, data in turns]
        start = copy * 1_000 * LATER_NS
        found += [Frame(data, timestamp_ns=time_ns) for time_ns, data in frames_of(spoken, copy, start, rng)]
    return found


def damaged(frames: list[Frame], swapped: list[int], lost: list[int]) -> list[Frame]:
    """The frames with neighbours swapped, then frames lost, at these places, however large they are."""
    for place in swapped:
        at = place % (len(frames) - 1)
        frames[at], frames[at + 1] = frames[at + 1], frames[at]
    for place in lost:
        del frames[place % len(frames)]
    return frames
