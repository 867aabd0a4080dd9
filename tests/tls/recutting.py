"""The traces of RFC 8448, and flights cut elsewhere."""

from __future__ import annotations

import random

from tests.tls.rfc8448 import PAYLOAD, RESUMED, RESUMED_LOG, SIMPLE, SIMPLE_LOG
from tests.tls.support import Flight

TRACES = [(SIMPLE, SIMPLE_LOG, [PAYLOAD, PAYLOAD]), (RESUMED, RESUMED_LOG, [b"ABCDEF" + PAYLOAD, PAYLOAD])]


def recut(flights: list[Flight], chance: random.Random, least: int, most: int) -> list[Flight]:
    """The same bytes of each run of one sender, cut elsewhere."""
    runs: list[Flight] = []
    for sender, data in flights:
        if runs and runs[-1][0] == sender:
            runs[-1] = (sender, runs[-1][1] + data)
        else:
            runs.append((sender, data))
    pieces = []
    for sender, data in runs:
        pos = 0
        while pos < len(data):
            size = chance.randint(least, most)
            pieces.append((sender, data[pos : pos + size]))
            pos += size
    return pieces
