"""Wireshark's columns of a packet (`_ws.col.Info`), with the time as `tshark -t` says, and lines made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from analyzer.analysis.dissection.computed_fields import FrameView
from analyzer.analysis.dissection.fields.format import duration
from analyzer.analysis.dissection.packet import Dissection
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.text.dissection import PacketLines, info_text, protocol_of

Column = Callable[[Sequence[Dissection]], str]

# In the place of what is only known when rows are in their order: the time since the row before.
_BEFORE: Final = re.compile(rb"\0(-?\d+)\0")


def time_of(form: str, clock: WallClock = UTC_CLOCK) -> Callable[[FrameView], str]:
    """What stands in the Time column of a frame; `a` and `ad` are of the clock."""

    def text(first: FrameView) -> str:
        if form == "r":
            begin = first.scene.frames.first_ns
            return duration(first.time_ns - begin)[:-3] if begin is not None else "-"
        if form == "e":
            return duration(first.time_ns)[:-3]
        if form == "d":
            facts = first.facts
            return duration(facts.delta_ns)[:-3] if facts is not None else "-"
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


def _info(group: Sequence[Dissection]) -> str:
    return ", ".join([info_text(one) for one in group])


def columns(time: str, clock: WallClock = UTC_CLOCK) -> dict[str, Column]:
    """Column by its name."""
    when = time_of(time, clock)
    return {
        "No.": lambda group: str(group[0].frame),
        "Time": lambda group: when(group[0]),
        "Source": lambda group: group[0].source[0],
        "Destination": lambda group: group[0].destination[0],
        "Protocol": lambda group: protocol_of(group[0]),
        "Length": lambda group: str(group[0].length),
        "Info": _info,
    }


def lines_of(time: str, tabs: bool, clock: WallClock = UTC_CLOCK) -> PacketLines:
    """What makes a line of the columns; with `tabs` between them, as -T tabs has."""
    when_of = time_of(time, clock)

    def head(view: FrameView, protocol: str) -> str:
        when, length, (source, _), (target, _) = when_of(view), view.length, view.source, view.destination
        if tabs:
            return f"{view.frame:>5}\t{when:>10}\t{source:>12}\t→\t{target:<12}\t{protocol}\t{length}\t"
        return f"{view.frame:>5} {when:>10} {source:>12} → {target:<12} {protocol} {length} "

    return PacketLines(head)
