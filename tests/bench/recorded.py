"""What real clients said to real servers, again and again: `bases/`, as `python -m tests.bench.record` made them.

A connection's login and its preparations come once; what its application then asked comes many times, each time with
other digits in its values, so that no statement and no row is the same twice.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_EXECUTE
from tests.bench import replay

BASES: Final = Path(__file__).with_name("bases")
CONNECTOR_C: Final = BASES / "oltp-connector-c.pcap.zst"
# By the server that answered.
MIXED: Final = {"mysql97": BASES / "mixed-mysql97.pcap.zst", "mariadb118": BASES / "mixed-mariadb118.pcap.zst"}
# The text of a statement in front of what is repeated, and behind it.
MARK: Final = "handshark-bench-mark"
HEADER: Final = 4
# Digits of a value. Shorter ones may be anything: a length, a version, a name.
_VALUE: Final = re.compile(rb"[0-9]{4,}")


def scripts_of(captures: Iterable[Path]) -> list[list[replay.Turn]]:
    """What the connections of these captures said."""
    return [script for capture in captures for script in replay.conversations_of(capture)]


def written(scripts: list[list[replay.Turn]], path: Path, times: int, connections: int) -> int:
    """Writes a capture: the recorded connections in turn, all under way together. Returns the number of frames."""
    rng = random.Random(5)
    streams = (
        replay.frames_of(_repeated(scripts[number % len(scripts)], times, number), number, _start(number), rng)
        for number in range(connections)
    )
    return replay.write_pcap(path, replay.by_time(streams))


def commands_of(scripts: list[list[replay.Turn]], times: int, connections: int) -> int:
    """How many commands such a capture holds, by the packets of its clients."""
    found = 0
    for number in range(connections):
        script = scripts[number % len(scripts)]
        begin, end = _loop(script)
        found += _commands(script[:begin]) + _commands(script[begin:end]) * times + _commands(script[end:])
    return found


def _start(number: int) -> int:
    return replay.START_NS + number * 7_000


def _repeated(script: list[replay.Turn], times: int, seed: int) -> Iterator[replay.Turn]:
    begin, end = _loop(script)
    rng = random.Random(seed)
    yield from script[:begin]
    for _ in range(times):
        other = _Digits(rng)
        for from_client, data in script[begin:end]:
            yield from_client, _VALUE.sub(other, data)
    yield from script[end:]


class _Digits:
    """Makes other digits of digits; none becomes 0, with which a number may not begin."""

    def __init__(self, rng: random.Random) -> None:
        table = bytearray(range(256))
        table[ord("1") : ord("9") + 1] = bytes(rng.sample(b"123456789", 9))
        self._table = bytes(table)

    def __call__(self, found: re.Match[bytes]) -> bytes:
        return found[0].translate(self._table)


def _loop(script: list[replay.Turn]) -> tuple[int, int]:
    """Which turns are repeated: from the one behind the first mark to the second, or from the first transaction on."""
    marks = [index for index, (client, data) in enumerate(script) if client and MARK.encode() in data]
    if len(marks) == 2:
        return marks[0] + 2, marks[1]
    for index, (client, data) in enumerate(script):
        if client and data[3] == 0 and (data[4] == COM_STMT_EXECUTE or (data[4] == COM_QUERY and b"BEGIN" in data)):
            return index, len(script) - 1
    raise ValueError("a connection without anything to repeat")


def _commands(turns: list[replay.Turn]) -> int:
    """Packets of the client that begin a command."""
    found = 0
    for from_client, data in turns:
        at = 0
        while from_client and at < len(data):
            found += data[at + 3] == 0
            at += HEADER + int.from_bytes(data[at : at + 3], "little")
    return found
