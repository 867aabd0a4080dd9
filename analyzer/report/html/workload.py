"""The overview's commands: how many over time, how long they took, and the statements that took most time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from analyzer.analysis.commands.failures import Occurrences
from analyzer.analysis.commands.statistics import CommandGroup, Durations
from analyzer.analysis.commands.workload import Workload
from analyzer.report.html.charts import Picture, over_time, stacked
from analyzer.report.prose import labels

SLOWEST: Final = 15
BARS: Final = 64  # at most, of commands over time
# Up to which percent of all commands a bar reaches, its class, and what it is called.
_PARTS: Final = (
    (50.0, "phase3", "the faster half"),
    (95.0, "phase2", "up to 95 %"),
    (99.0, "phase4", "up to 99 %"),
    (100.0, "rejected", "the slowest 1 %"),
)


class StatementRow(NamedTuple):
    """A statement of the table. `share`: percent of the time of all commands; `anchor` is the slowest's connection."""

    group: CommandGroup
    share: float
    anchor: str
    frame: int


class WorkloadView(msgspec.Struct):
    """What the page says of all commands."""

    whole: CommandGroup
    uses: list[tuple[str, int]]
    pictures: list[Picture]
    statements: list[StatementRow]
    left_out: int  # statements that the table has no room for


def workload_view(workload: Workload, anchor: Callable[[str, int], str]) -> WorkloadView | None:
    """None where there are no commands. `anchor` gives that of a capture's connection."""
    if not workload.commands:
        return None
    whole = workload.whole()
    pictures = [over_time(*_commands(workload))]
    if whole.durations.count:
        pictures.append(_times(whole.durations))
    rows = []
    for group in workload.slowest(SLOWEST):
        capture, stream, frame = group.example or ("", 0, 0)
        where = anchor(capture, stream) if group.example is not None else ""
        rows.append(StatementRow(group, 100 * group.durations.total / (whole.durations.total or 1), where, frame))
    return WorkloadView(whole, workload.uses.most_common(), pictures, rows, max(0, len(workload.statements) - SLOWEST))


def _commands(workload: Workload) -> tuple[str, str, tuple[int, int], list[list[int]], list[tuple[str, str]]]:
    both = Occurrences(slot_ns=workload.went_well.slot_ns)
    both.merge(workload.went_well)
    both.merge(workload.failed)
    length = both.slot_ns
    while (max(both.slots) * both.slot_ns) // length - (min(both.slots) * both.slot_ns) // length >= BARS:
        length *= 2
    first, last = (slot * both.slot_ns // length for slot in (min(both.slots), max(both.slots)))
    bars = [[0, 0] for _ in range(last - first + 1)]
    for index, one in enumerate((workload.went_well, workload.failed)):
        for slot, number in one.slots.items():
            bars[slot * one.slot_ns // length - first][index] += number
    series = [("accepted", "went well"), ("rejected", "failed")]
    return "commands", "Commands over time", (first * length, length), bars, series


def _times(times: Durations) -> Picture:
    """A bar for each doubling, coloured by the share of commands that took no longer."""
    bars = list(times.histogram())
    limits = [times.percentile(percent) or 0 for percent, _, _ in _PARTS]
    series = [
        (cls, name, [number if _part(start, limits) == index else 0 for start, _, number in bars])
        for index, (_, cls, name) in enumerate(_PARTS)
    ]
    svg, legend = stacked([labels.duration(start) for start, _, _ in bars], max(1, -(-len(bars) // 5)), series)
    half, most, nearly = (labels.duration(times.percentile(percent) or 0) for percent in (50, 95, 99))
    words = (
        f"Half of {labels.count(times.count, 'command')} took at most {half}, 95 % at most {most}, 99 % at most "
        f"{nearly}; the longest took {labels.duration(times.longest)}."
    )
    table = [[labels.duration(start), labels.duration(end), f"{number:,}"] for start, end, number in bars if number]
    return Picture("latency", "How long commands took", words, svg, ["From", "Up to", "Commands"], table, legend)


def _part(start: int, limits: list[int]) -> int:
    return next((index for index, limit in enumerate(limits) if start < limit), len(limits) - 1)
