"""Two captures side by side, say before and after an upgrade: what changed in who connects, how, and how fast.

Captures differ in length, so shares are compared, not numbers; a share is said to have changed when it did so by more
than chance explains for numbers of that size (two standard errors, and a percent at least). Times have changed where
a test says that it is not by chance (`prose/significance.py`), and the change is worth telling.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.analysis.model.connection import Connection, Source
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.chart_data import MOST_KINDS, OTHER, PHASES, ChartData
from analyzer.report.prose.significance import beyond_chance, difference, words
from analyzer.report.prose.summary import SummaryTotals

MOST_LINES: Final = 40  # of one group
LEAST_CHANGE: Final = 0.01
# A time has changed when it is so many times as long, or short, and by so much.
LEAST_RATIO: Final = 1.25
LEAST_NS: Final = 100_000
LONGEST_NAME: Final = 80  # of a statement in the verdict

# Kinds of groups of commands that are compared.
COMPARED: Final = ("statement", "error")

SAME, NEW, GONE, MORE, LESS = "same", "new", "gone", "more", "less"


class Line(msgspec.Struct):
    """One thing in both captures. `change` is SAME, NEW, GONE, MORE or LESS."""

    name: str
    before: str
    after: str
    change: str
    why: str = ""


class ChangeGroup(msgspec.Struct):
    """Things of one kind, those that changed first."""

    title: str
    lines: list[Line]
    of_times: bool = False

    @property
    def changed(self) -> list[Line]:
        return [line for line in self.lines if line.change != SAME]


class Side:
    """One of the two captures, counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.source: Source | None = None
        self.totals = SummaryTotals()
        self.statistics = ChartData()
        self.errors: Counter[str] = Counter()
        self.offered: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.ciphers: Counter[str] = Counter()
        self.protection: Counter[str] = Counter()
        self.compression: Counter[str] = Counter()
        self.workload: CommandStatistics | None = None
        self.greetings = 0
        self.logins = 0

    def add(self, connection: Connection) -> None:
        c = connection
        self.totals.add(c)
        self.statistics.add(c)
        if c.error is not None:
            _count(self.errors, f"{c.error.code} ({c.error.sqlstate})" if c.error.sqlstate else str(c.error.code))
        if c.greeting is not None:
            self.greetings += 1
            for name in c.greeting.capabilities:
                _count(self.offered, name)
        if c.login is not None:
            self.logins += 1
            for name in c.login.capabilities:
                _count(self.asked, name)
            _count(self.compression, c.compression)
        if c.tls is not None and c.tls.cipher_suite:
            _count(self.ciphers, c.tls.cipher_suite)
        if c.authentication is not None and c.authentication.password_protection:
            _count(self.protection, c.authentication.password_protection)


def _count(counter: Counter[str], kind: str) -> None:
    counter[kind if kind in counter or len(counter) < MOST_KINDS else OTHER] += 1


def compare(before: Side, after: Side) -> list[ChangeGroup]:
    """All groups that have a line."""
    a, b = before, after
    findings = [{one.code: one.connections for one in side.totals.findings()} for side in (a, b)]
    both = (a.totals.connections, b.totals.connections)
    groups = [
        _shares("Outcomes", a.totals.outcomes, b.totals.outcomes, *both),
        _shares("Server errors", a.errors, b.errors, *both),
        _shares("Findings", Counter(findings[0]), Counter(findings[1]), *both),
        _of_all("Servers", a.statistics.servers, b.statistics.servers),
        _of_all("Auth plugins", a.statistics.plugins, b.statistics.plugins),
        _of_all("How the password was protected", a.protection, b.protection),
        _of_all("TLS", a.statistics.tls, b.statistics.tls),
        _of_all("Cipher suites", a.ciphers, b.ciphers),
        _of_all("Compression", a.compression, b.compression),
        _of_all("Drivers", a.statistics.drivers, b.statistics.drivers),
        _shares("Capabilities that servers offer", a.offered, b.offered, a.greetings, b.greetings),
        _shares("Capabilities that clients ask for", a.asked, b.asked, a.logins, b.logins),
        ChangeGroup("Times (median and 95 %)", _times(a.statistics, b.statistics), of_times=True),
        *(compare_workload(a.workload, b.workload) if a.workload is not None and b.workload is not None else ()),
    ]
    return [group for group in groups if group.lines]


def _of_all(title: str, a: Counter[str], b: Counter[str]) -> ChangeGroup:
    return _shares(title, a, b, sum(a.values()), sum(b.values()))


def _shares(title: str, a: Counter[str], b: Counter[str], all_a: int, all_b: int) -> ChangeGroup:
    lines = []
    for name in sorted(a.keys() | b.keys(), key=lambda one: (-(a[one] + b[one]), one)):
        line = Line(
            terminal(name), _share(a[name], all_a), _share(b[name], all_b), _change(a[name], all_a, b[name], all_b)
        )
        lines.append(line)
    lines.sort(key=lambda line: line.change == SAME)
    return ChangeGroup(title, lines[:MOST_LINES])


def _share(number: int, whole: int) -> str:
    return f"{number:,} ({100 * number / whole:.1f} %)" if number else "-"


def _change(a: int, all_a: int, b: int, all_b: int) -> str:
    if not a or not b:
        if all_a and all_b:
            return NEW if b else GONE
        return NEW if b and not all_a else GONE if a and not all_b else SAME
    share_a, share_b = a / all_a, b / all_b
    pooled = (a + b) / (all_a + all_b)
    error = math.sqrt(max(0.0, pooled * (1 - pooled)) * (1 / all_a + 1 / all_b))
    if abs(share_b - share_a) <= max(LEAST_CHANGE, 2 * error):
        return SAME
    return MORE if share_b > share_a else LESS


class _Spread(msgspec.Struct):
    """Durations of one thing on both sides: (how many, median, 95 %) and their histogram of each."""

    name: str
    numbers: tuple[tuple[int, int, int], tuple[int, int, int]]
    steps: tuple[Mapping[int, int], Mapping[int, int]]


def _times(a: ChartData, b: ChartData) -> list[Line]:
    spreads = []
    for name, _ in [*PHASES, ("Whole connection phase", "")]:
        both = (a.total, b.total) if name not in a.durations else (a.durations[name], b.durations[name])
        if both[0].total or both[1].total:
            one, other = ((side.total, side.quantile(0.5), side.quantile(0.95)) for side in both)
            steps = tuple({step: count for step, count in enumerate(side.counts) if count} for side in both)
            spreads.append(_Spread(name, (one, other), (steps[0], steps[1])))
    return _compared(spreads)


def _compared(spreads: Sequence[_Spread]) -> list[Line]:
    """A line for each; those that changed by more than chance, and by enough to matter, say so."""
    tests = [difference(*one.steps) for one in spreads]
    sure = beyond_chance([None if test is None else test.chance for test in tests])
    lines = []
    for spread, test, certain in zip(spreads, tests, sure, strict=True):
        one, other = spread.numbers
        change, why = NEW if not one[0] else GONE if not other[0] else SAME, ""
        if test is not None and certain:
            for x, y in ((one[1], other[1]), (one[2], other[2])):
                if abs(y - x) > LEAST_NS and max(x, y) > LEAST_RATIO * max(1, min(x, y)):
                    change, why = MORE if y > x else LESS, words(test)
                    break
        texts = [f"{labels.duration(n[1])}, {labels.duration(n[2])}" if n[0] else "-" for n in (one, other)]
        lines.append(Line(terminal(spread.name), texts[0], texts[1], change, why))
    return lines


def compare_workload(a: CommandStatistics, b: CommandStatistics) -> list[ChangeGroup]:
    """What changed in the statements: their response times, how often they came, and what failed."""
    ours, theirs = a.groups.get("statement", {}), b.groups.get("statement", {})
    spreads = []
    for name in ours.keys() & theirs.keys():
        both = ours[name].durations, theirs[name].durations
        one, other = ((d.count, d.percentile(50) or 0, d.percentile(95) or 0) for d in both)
        if one[0] and other[0]:
            spreads.append(_Spread(name, (one, other), (both[0].buckets, both[1].buckets)))
    spreads.sort(key=lambda one: (-(ours[one.name].durations.total + theirs[one.name].durations.total), one.name))
    times = sorted(_compared(spreads), key=lambda line: line.change == SAME)
    counts = [Counter({name: group.count for name, group in groups.items()}) for groups in (ours, theirs)]
    failed = [Counter({n: g.count for n, g in side.groups.get("error", {}).items()}) for side in (a, b)]
    all_a, all_b = (side.all.count for side in (a, b))
    groups = [
        ChangeGroup("Statements: response times (median and 95 %)", times[:MOST_LINES], of_times=True),
        _shares("Statements: how often", counts[0], counts[1], all_a, all_b),
        _shares("Commands that failed", failed[0], failed[1], all_a, all_b),
    ]
    return [group for group in groups if group.lines]


_WORDS: Final = {NEW: "only after", GONE: "only before", MORE: "more", LESS: "less", SAME: "same"}


def word(group: ChangeGroup, line: Line) -> str:
    """The change in a word or two."""
    if group.of_times:
        return {MORE: "slower", LESS: "faster"}.get(line.change, _WORDS[line.change])
    return _WORDS[line.change]


def told(group: ChangeGroup, line: Line) -> str:
    """The change, and why it is no chance."""
    return f"{word(group, line)}: {line.why}" if line.why else word(group, line)


def verdict(groups: list[ChangeGroup]) -> str:
    """What changed, in a sentence or two."""
    changed = [(group, line) for group in groups for line in group.changed]
    if not changed:
        return "Nothing changed that is more than chance."
    told = []
    for group, line in changed[:6]:
        told.append(f"{terminal(line.name, LONGEST_NAME)} ({word(group, line)})")
    rest = len(changed) - len(told)
    more = f", and {labels.count(rest, 'further change')}" if rest else ""
    return f"What changed: {', '.join(told)}{more}."
