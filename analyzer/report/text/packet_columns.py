"""Wireshark's columns of a packet (`_ws.col.Info`), with the time as `tshark -t` says, and lines made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from analyzer.analysis.dissection.fields.format import duration
from analyzer.analysis.dissection.packet import Dissection
from analyzer.report.escape import terminal
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.text.dissection import info_of, protocol_of

Column = Callable[[Sequence[Dissection]], str]

# In the place of what is only known when rows are in their order: the time since the row before.
_BEFORE: Final = re.compile(rb"\0(-?\d+)\0")
LONGEST_INFO: Final = 400


def time_column(form: str, clock: WallClock = UTC_CLOCK) -> Column:
    """What stands in the Time column; `a` and `ad` are of the clock."""

    def text(group: Sequence[Dissection]) -> str:
        first = group[0]
        if form == "r":
            begin = first.scene.frames.first_ns
            return duration(first.time_ns - begin)[:-3] if begin is not None else "-"
        if form == "e":
            return duration(first.time_ns)[:-3]
        if form == "d":
            delta = first.values("frame.time_delta")
            return duration(int(delta[0]))[:-3] if delta else "-"
        if form == "dd":
            return f"\0{first.time_ns}\0"
        when = (UTC_CLOCK if form in ("u", "ud") else clock).moment(first.time_ns)
        day = f"{when:%Y-%m-%d} " if form in ("ad", "ud") else ""
        return f"{day}{when:%H:%M:%S}.{first.time_ns % 10**9 // 1000:06d}"

    return text


class SinceBefore:
    """Fills in the times since the row before, where rows have their order."""

    def __init__(self) -> None:
        self._last: int | None = None

    def __call__(self, row: bytes) -> bytes:
        found = _BEFORE.search(row)
        if found is None:
            return row
        now = int(found[1])
        since = 0 if self._last is None else now - self._last
        self._last = now
        return _BEFORE.sub(f"{duration(since)[:-3]:>10}".encode(), row)


def _length(group: Sequence[Dissection]) -> str:
    facts = group[0].facts
    return str(facts.original) if facts is not None else "0"


def _info(group: Sequence[Dissection]) -> str:
    return ", ".join([terminal(info_of(one), LONGEST_INFO) for one in group])


def columns(time: str, clock: WallClock = UTC_CLOCK) -> dict[str, Column]:
    """Column by its name."""
    return {
        "No.": lambda group: str(group[0].frame),
        "Time": time_column(time, clock),
        "Source": lambda group: group[0].source[0],
        "Destination": lambda group: group[0].destination[0],
        "Protocol": lambda group: protocol_of(group[0]),
        "Length": _length,
        "Info": _info,
    }


def line_maker(time: str, tabs: bool, clock: WallClock = UTC_CLOCK) -> Column:
    """What makes a line of the columns; with `tabs` between them, as -T tabs has."""
    made = columns(time, clock)

    def line(group: Sequence[Dissection]) -> str:
        number, when, source, target, protocol, length, info = (column(group) for column in made.values())
        if tabs:
            return f"{number:>5}\t{when:>10}\t{source:>12}\t→\t{target:<12}\t{protocol}\t{length}\t{info}\n"
        return f"{number:>5} {when:>10} {source:>12} → {target:<12} {protocol} {length} {info}\n"

    return line
