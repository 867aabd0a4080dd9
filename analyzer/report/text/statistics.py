"""Groups of commands and response times, as text for a terminal, JSON and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from analyzer.analysis.commands.failures import REASONS, FailureGroup
from analyzer.analysis.commands.query_id import query_id
from analyzer.analysis.commands.statistics import CommandGroup, CommandStatistics
from analyzer.analysis.model.connection import Source
from analyzer.report.csv import line
from analyzer.report.escape import csv_cell, json_safe, terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.prose.failures import REASON_TITLES, failure_words
from analyzer.report.text.colour import paint
from analyzer.report.text.layout import cells, clip

NARROWEST = 80
_BAR = "█"
_PARTS = " ▏▎▍▌▋▊▉"
_TITLES = {
    "server": "By server",
    "user": "By user",
    "client": "By client",
    "database": "By default schema",
    "command": "By command",
    "statement": "By statement",
    "error": "By error and statement",
}
_HEAD = f"{'Count':>8} {'Errors':>6} {'Total':>6} {'Mean':>6} {'p95':>6} {'p99':>6} {'Max':>6} {'Rows':>9}  "
COLUMNS = (
    *("by", "name", "count", "errors", "unanswered", "total_ns", "mean_ns", "p95_ns", "p99_ns", "max_ns", "rows"),
    *("bytes", "slowest_capture", "slowest_stream", "slowest_frame", "incomplete", "share", "query_id", "sample"),
)
_RANKED_HEAD = (
    f"{'#':>3} {'Share':>6} {'Total':>6} {'Count':>8} {'Errors':>6} {'Mean':>6} {'p95':>6} {'Max':>6} {'Rows':>9}"
)
_INDENT = "      "


class StatisticsText:
    """Tables and a histogram, each line at most `width` cells (80 at least)."""

    def __init__(
        self,
        write: Callable[[str], object],
        width: int = NARROWEST,
        color: bool = False,
        clock: WallClock = UTC_CLOCK,
    ) -> None:
        self._write = write
        self._width = max(width, NARROWEST)
        self._color = color
        self._clock = clock

    def whole(self, statistics: CommandStatistics, top: int) -> None:
        """Everything: the histogram, then each kind of group with its first `top`."""
        everything = statistics.all
        errors = f", {labels.count(everything.errors, 'error')}" if everything.errors else ""
        missing = f", {everything.unanswered:,} without an answer in the capture" if everything.unanswered else ""
        torn = f", {everything.incomplete:,} incomplete (no times of them)" if everything.incomplete else ""
        self._write(f"{labels.count(everything.count, 'command')}{errors}{missing}{torn}\n")
        if everything.durations.count:
            self._histogram(everything)
        for reason in REASONS:
            groups = statistics.failures.of(reason)
            if groups:
                self._write(f"\n{self._bold(REASON_TITLES[reason])}: {statistics.failures.count(reason):,}\n")
                self.failures(groups, top)
        for kind in statistics.kinds if everything.count else ():
            self._write("\n" + self._bold(_TITLES[kind]) + "\n")
            self.groups(statistics.slowest(kind), top, indent="")

    def failures(self, groups: Sequence[FailureGroup], top: int) -> None:
        """For each group how often, when and on how many connections; its statement and its message."""
        for group in groups[:top]:
            self._write(f"{group.when.count:>8,} x {failure_words(group, self._clock)}\n")
            for said in (group.statement, group.message):
                if said:
                    text = terminal(said[: self._width * 4], None)
                    self._write(" " * 11 + clip(text, self._width - 11) + "\n")
        if len(groups) > top:
            self._write(f"... {labels.count(len(groups) - top, 'more group')}\n")

    def ranked(self, statistics: CommandStatistics, order: str, top: int) -> None:
        """Statements in an order of ORDERS: numbers, query id, the statement without literals, and the slowest."""
        groups = statistics.ranked("statement", order)
        self._write(self._bold(_RANKED_HEAD) + "\n")
        for number, group in enumerate(groups[:top], 1):
            share = statistics.share(group)
            shown = "-" if share is None else f"{share:.1%}"
            times = group.durations
            total, mean, p95, most = (
                "-" if not times.count else labels.duration(ns or 0)
                for ns in (times.total, times.mean, times.percentile(95), times.longest)
            )
            self._write(
                f"{number:>3} {shown:>6} {total:>6} {group.count:>8,} {group.errors:>6,} {mean:>6} {p95:>6} {most:>6} "
                f"{group.rows:>9,}\n"
            )
            room = self._width - len(_INDENT)
            lines = [self._bold(clip(terminal(group.name[: self._width * 4], None), room))]
            identity = id_of(group)
            if identity is not None:
                lines.append(f"id {identity}" + _where(group))
            if group.sample is not None and group.sample != group.name:
                sample = terminal(" ".join(group.sample[: self._width * 4].split()), None)
                lines.append(clip(f"as in: {sample}", room))
            self._write("".join(f"{_INDENT}{line}\n" for line in lines))
        if len(groups) > top:
            self._write(f"... {labels.count(len(groups) - top, 'more statement')} (--top {len(groups)} shows all)\n")

    def groups(self, groups: Sequence[CommandGroup], top: int, indent: str = "") -> None:
        """A line for each group with its name behind, those that took most time first."""
        self._write(indent + self._bold(_HEAD.rstrip()) + "\n")
        for group in groups[:top]:
            numbers = indent + self._numbers(group)
            name = terminal(group.name[: self._width * 4], None)
            if cells(name) > self._width - len(numbers):
                self._write(numbers.rstrip() + "\n")
                numbers = indent + "         "
            self._write(numbers + clip(name, self._width - len(numbers)) + "\n")
        if len(groups) > top:
            self._write(f"{indent}... {labels.count(len(groups) - top, 'more group')}\n")

    @staticmethod
    def _numbers(group: CommandGroup) -> str:
        times = group.durations
        shown: list[int | None] = [None] * 5
        if times.count:
            shown = [times.total, times.mean, times.percentile(95), times.percentile(99), times.longest]
        took = " ".join(f"{'-' if ns is None else labels.duration(ns):>6}" for ns in shown)
        return f"{group.count:>8,} {group.errors:>6,} {took} {group.rows:>9,}  "

    def _histogram(self, group: CommandGroup) -> None:
        rows = list(group.durations.histogram())
        most = max(count for _, _, count in rows)
        room = self._width - 28
        times = group.durations
        shown = [("p50", times.percentile(50)), ("p95", times.percentile(95)), ("p99", times.percentile(99))]
        self._write(", ".join(f"{name} {labels.duration(ns or 0)}" for name, ns in shown))
        self._write(f", longest {labels.duration(times.longest)}\n\n")
        for low, high, count in rows:
            eighths = round(count / most * room * 8)
            bar = _BAR * (eighths // 8) + _PARTS[eighths % 8].strip()
            if count and not bar:
                bar = _PARTS[1]
            self._write(
                f"{labels.duration(low):>6} to {labels.duration(high):<6} {bar:<{room}} {count:>9,}".rstrip() + "\n"
            )

    def _bold(self, text: str) -> str:
        return paint(text, "bold") if self._color else text


def id_of(group: CommandGroup) -> str | None:
    """The query id of a group of statements."""
    return None if group.sample is None else query_id(group.sample, whole=not group.sample_cut)


def _where(group: CommandGroup) -> str:
    return "" if group.example is None else f", slowest: connection {group.example[1]}, frame {group.example[2]}"


def row_of(kind: str, group: CommandGroup, share: float | None = None) -> dict[str, Any]:
    """A group as JSON and CSV show it; times in nanoseconds."""
    times = group.durations
    some = times.count > 0
    capture, stream, frame = group.example or (None, None, None)
    values = (
        *(kind, json_safe(group.name), group.count, group.errors, group.unanswered),
        *(times.total, times.mean, times.percentile(95), times.percentile(99), times.longest if some else None),
        *(group.rows, group.bytes, capture, stream, frame, group.incomplete),
        *(None if share is None else round(share, 6), id_of(group)),
        None if group.sample is None else json_safe(group.sample),
    )
    return dict(zip(COLUMNS, values, strict=True))


def document(statistics: CommandStatistics, sources: Sequence[Source], top: int | None = None) -> bytes:
    """All of it as one JSON object: what `stats` shows as text, times in nanoseconds."""
    everything = row_of("all", statistics.all, statistics.share(statistics.all))
    times = statistics.all.durations
    whole = {
        "captures": [json_safe(source.name) for source in sources],
        "connections": sum(source.mysql_connections for source in sources),
        "encrypted_connections": sum(source.encrypted_connections for source in sources),
        "all": {**everything, "p50_ns": times.percentile(50)},
        "histogram": [{"from_ns": low, "to_ns": high, "count": count} for low, high, count in times.histogram()],
        "failures": [_failure(group) for reason in REASONS for group in statistics.failures.of(reason)[:top]],
        "groups": {
            kind: [row_of(kind, group, statistics.share(group)) for group in statistics.slowest(kind)[:top]]
            for kind in statistics.kinds
        },
    }
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def _failure(group: FailureGroup) -> dict[str, Any]:
    capture, stream, frame = group.example or (None, None, None)
    return {
        "reason": group.reason,
        "error_code": group.code,
        "statement": json_safe(group.statement),
        "message": json_safe(group.message),
        "count": group.when.count,
        "connections": len(group.connections),
        "first_time_ns": group.when.first_ns,
        "last_time_ns": group.when.last_ns,
        "longest_ns": group.longest_ns,
        "first_capture": capture if capture is None else json_safe(capture),
        "first_stream": stream,
        "first_frame": frame,
    }


def lines(statistics: CommandStatistics, form: str, top: int | None = None, order: str = "total") -> Iterator[bytes]:
    """The first `top` groups of each kind (None: all) as lines of `form`: jsonl, or csv with its head."""
    if form == "csv":
        yield line(COLUMNS).encode()
    for kind in statistics.kinds:
        for group in statistics.ranked(kind, order)[:top]:
            row = row_of(kind, group, statistics.share(group))
            if form == "csv":
                yield line([csv_cell(each) if isinstance(each, str) else each for each in row.values()]).encode()
            else:
                yield msgspec.json.encode(row) + b"\n"
