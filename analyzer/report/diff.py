"""Two captures side by side, say before and after an upgrade: what changed in who connects, how, and how fast.

Captures differ in length, so shares are compared, not numbers; a share is said to have changed when it did so by more
than chance explains for numbers of that size (two standard errors, and a percent at least).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from analyzer.analysis.model.connection import Connection, Source
from analyzer.report.escape import terminal
from analyzer.report.markdown import table as markdown_table
from analyzer.report.markdown import text as markdown_text
from analyzer.report.prose import labels
from analyzer.report.prose.chart_data import MOST_KINDS, OTHER, PHASES, ChartData
from analyzer.report.prose.summary import SummaryTotals

MOST_LINES: Final = 40  # of one group
LEAST_CHANGE: Final = 0.01
# A time has changed when it is so many times as long, or short, and by so much.
LEAST_RATIO: Final = 1.25
LEAST_NS: Final = 100_000

SAME, NEW, GONE, MORE, LESS = "same", "new", "gone", "more", "less"


class Line(msgspec.Struct):
    """One thing in both captures. `change` is SAME, NEW, GONE, MORE or LESS."""

    name: str
    before: str
    after: str
    change: str


class ChangeGroup(msgspec.Struct):
    """Things of one kind, those that changed first."""

    title: str
    lines: list[Line]

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
        ChangeGroup("Times (median and 95 %)", list(_times(a.statistics, b.statistics))),
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


def _times(a: ChartData, b: ChartData) -> Iterator[Line]:
    for name, _ in [*PHASES, ("Whole connection phase", "")]:
        one, other = (a.total, b.total) if name not in a.durations else (a.durations[name], b.durations[name])
        if not one.total and not other.total:
            continue
        change = NEW if not one.total else GONE if not other.total else SAME
        if change == SAME:
            for share in (0.5, 0.95):
                x, y = one.quantile(share), other.quantile(share)
                if abs(y - x) > LEAST_NS and max(x, y) > LEAST_RATIO * max(1, min(x, y)):
                    change = MORE if y > x else LESS
                    break
        texts = [
            f"{labels.duration(side.quantile(0.5))}, {labels.duration(side.quantile(0.95))}" if side.total else "-"
            for side in (one, other)
        ]
        yield Line(name, texts[0], texts[1], change)


_WORDS: Final = {NEW: "only after", GONE: "only before", MORE: "more", LESS: "less", SAME: "same"}


def _word(group: ChangeGroup, line: Line) -> str:
    if group.title.startswith("Times"):
        return {MORE: "slower", LESS: "faster"}.get(line.change, _WORDS[line.change])
    return _WORDS[line.change]


def verdict(groups: list[ChangeGroup]) -> str:
    """What changed, in a sentence or two."""
    changed = [(group, line) for group in groups for line in group.changed]
    if not changed:
        return "Nothing changed that is more than chance."
    told = []
    for group, line in changed[:6]:
        told.append(f"{line.name} ({_word(group, line)})")
    rest = len(changed) - len(told)
    more = f", and {labels.count(rest, 'further change')}" if rest else ""
    return f"What changed: {', '.join(told)}{more}."


def markdown(before: Side, after: Side, title: str, note: str | None) -> str:
    """The comparison for a ticket: only what changed."""
    groups = compare(before, after)
    lines = [f"## {markdown_text(title)}", ""]
    if note:
        lines += [f"> {markdown_text(line)}" for line in note.splitlines()] + [""]
    lines += [f"**{markdown_text(verdict(groups))}**", ""]
    for name, side in (("Before", before), ("After", after)):
        lines.append(f"- {name}: {markdown_text(side.name)}, {markdown_text(side.totals.verdict())}")
    lines.append("")
    for group in groups:
        if group.changed:
            rows = [
                [markdown_text(line.name), markdown_text(line.before), markdown_text(line.after), _word(group, line)]
                for line in group.changed
            ]
            lines += [f"### {group.title}", "", *markdown_table(["", "Before", "After", "Change"], rows, [1, 2])]
    lines.append("Shares of the connections of each capture; changes within chance are left out. Made by handshark.")
    return "\n".join(lines) + "\n"


def html(before: Side, after: Side, title: str, note: str | None, theme: str = "auto") -> str:
    """The comparison as a page like the report's, without any script."""
    from analyzer.report.html.page import asset, environment, policy

    style = asset("style.css")
    groups = compare(before, after)
    return (
        environment()
        .get_template("diff.html")
        .render(
            title=title,
            note=note,
            theme=theme,
            before=before,
            after=after,
            groups=groups,
            verdict=verdict(groups),
            word=_word,
            policy=policy(style, ""),
            style=style,
        )
    )
