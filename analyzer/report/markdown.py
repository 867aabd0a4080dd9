"""A report as Markdown, for a ticket: verdict, findings, and the connections in which something went wrong.

GitHub's and GitLab's dialect (CommonMark with tables). All text from the wire is escaped: it can neither end a table's
cell nor become a link, an image, a mention or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.rule import Rule
from analyzer.analysis.model.connection import Connection, Source
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.capture_story import CaptureStory
from analyzer.report.prose.chart_data import PHASES, ChartData
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.prose.headlines import headlines
from analyzer.report.prose.summary import SummaryTotals, captured
from analyzer.report.prose.templates import template

LISTED: Final = 50  # connections in the table, whatever the limit
SHOWN_KINDS: Final = 8
SLOWEST: Final = 10  # statements that are listed
LONGEST: Final = 300
# Whatever begins something in Markdown inside a line, and GitHub's references (#1, @name, http:).
# A colon only before //, and before a word with a colon behind it: forges make links and pictures of them.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&@$]|:(?=//)|:(?=[\w+-]*[A-Za-z][\w+-]*:|100:|1234:))")
_ENTITY: Final = re.compile("[&<>@:#]")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", ":": "&#58;", "#": "&#35;"}
_PLAIN: Final = re.compile(r"[\w ,;/%'\"]*\Z", re.ASCII)


def text(value: str) -> str:
    """Text from the wire, as Markdown that shows just that.

    Entities where a backslash is not enough: HTML, and what forges look for behind the Markdown (@name, http:, #1).
    """
    shown = terminal(value, LONGEST)
    if _PLAIN.match(shown) and "_" not in shown:
        return shown
    return _SPECIAL.sub(
        lambda found: _ENTITIES[found.group()] if _ENTITY.match(found.group()) else "\\" + found.group(), shown
    ).replace("www", "w&#119;w")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """Lines of a table; cells are Markdown already. `right`: columns of numbers."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---:" if index in right else "---" for index in range(len(head))) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


class MarkdownReport:
    """Collects connections; `text(sources)` is the whole report."""

    def __init__(
        self, title: str, note: str | None = None, *, limit: int = LISTED, clock: WallClock = UTC_CLOCK
    ) -> None:
        self._clock = clock
        self._title = title
        self._note = note
        self._limit = min(limit, LISTED)
        self._totals = SummaryTotals()
        self._statistics = ChartData()
        self._story = CaptureStory(clock)
        self._wrong: list[Connection] = []
        self._fine: list[Connection] = []

    def connection(self, connection: Connection) -> None:
        self._totals.add(connection)
        self._statistics.add(connection)
        if not connection.is_copy:
            self._story.add(connection)
        kept = self._wrong if labels.worst(connection) <= 1 else self._fine
        if len(kept) < self._limit:
            kept.append(connection)

    def workload(self, workload: Workload) -> None:
        """What the commands of connections came to; called any number of times, in any order."""
        self._story.workload.merge(workload)

    def text(self, sources: Sequence[Source]) -> str:
        return "\n".join(self._lines(sources)).rstrip() + "\n"

    def _lines(self, sources: Sequence[Source]) -> Iterator[str]:
        totals = self._totals
        yield f"## {text(self._title)}"
        yield ""
        if self._note:
            yield from (f"> {text(line)}" for line in self._note.splitlines())
            yield ""
        yield f"**{text(totals.counted())}**"
        yield ""
        told = headlines(self._story)
        for one in told:
            yield f"- **{one.severity}** {text(one.sentence)}" + (f" (`{one.code}`)" if one.code else "")
        if told:
            yield ""
        if closing := self._story.closing():
            yield closing
            yield ""
        for source in sources:
            yield f"- {text(source.name)}: {_extent(source, self._clock)}"
            yield from (f"  - {text(line)}" for line in [*source.warnings, *source.notes])
        if len(sources) > 1:
            yield f"- {text(captured(sources))}"
        yield ""
        if totals.findings():
            yield "### Findings"
            yield ""
            rows = [
                [one.severity, f"`{one.code}`", f"{one.connections:,}", text(one.message), text(one.advice)]
                for one in totals.findings()
            ]
            yield from table(["Severity", "Finding", "Connections", "The first of them", "Advice"], rows, [2])
        yield from self._connections()
        yield from self._commands()
        yield from self._overview()
        yield f"Times are {text(self._clock.name)}, frame numbers are Wireshark's. Made by handshark."

    def _connections(self) -> Iterator[str]:
        listed = sorted(
            [*self._wrong, *self._fine[: max(0, self._limit - len(self._wrong))]], key=lambda c: c.first_frame
        )
        if not listed:
            return
        yield "### Connections"
        yield ""
        rows = [
            [
                str(c.stream),
                self._clock.time_of_day(c.start_time_ns, True),
                text(labels.client(c)),
                text(labels.product(c.greeting)),
                text(labels.account(c)),
                text(labels.plugin(c.authentication)),
                text(labels.tls(c.tls)),
                c.outcome,
                text(labels.error_text(c) or ""),
                ", ".join(sorted({str(f) for one in c.findings for f in one.frames[:3]}, key=int)[:6]),
            ]
            for c in listed
        ]
        head = ["#", "Start", "Client", "Server", "User/database", "Auth", "TLS", "Outcome", "Error", "Frames"]
        yield from table(head, rows, [0])
        left = self._totals.connections - len(listed)
        if left:
            yield f"{labels.count(left, 'further connection')} not listed; those with something wrong come first."
            yield ""

    def _commands(self) -> Iterator[str]:
        workload = self._story.workload
        if not workload.commands:
            return
        whole = workload.whole()
        yield "### Statements that took most time"
        yield ""
        rows = []
        for group in workload.slowest(SLOWEST):
            times = group.durations
            share = 100 * times.total / (whole.durations.total or 1)
            spans = [times.mean, times.percentile(95), times.longest if times.count else None]
            shown = ["-" if ns is None else labels.duration(ns) for ns in spans]
            name = text(group.name)
            rows.append([name, f"{share:.1f} %", f"{group.count:,}", *shown, f"{group.rows:,}", f"{group.errors:,}"])
        head = ["Statement", "Share", "Times", "Mean", "95 %", "Longest", "Rows", "Errors"]
        yield from table(head, rows, range(1, len(head)))
        different = labels.count(len(workload.statements), "different statement")
        yield f"{labels.count(whole.count, 'command')}, {different}."
        yield ""

    def _overview(self) -> Iterator[str]:
        stats = self._statistics
        rows = []
        for name, counter in (
            ("Auth plugins", stats.plugins),
            ("TLS", stats.tls),
            ("Drivers", stats.drivers),
            ("Servers", stats.servers),
        ):
            if counter:
                shown = [f"{text(kind)} {number:,}" for kind, number in counter.most_common(SHOWN_KINDS)]
                more = len(counter) - len(shown)
                rows.append([name, ", ".join(shown) + (f" and {more} more" if more > 0 else "")])
        if rows:
            yield "### What was used"
            yield ""
            yield from table(["", ""], rows)
        times = [
            [name, *(labels.duration(one.quantile(share)) for share in (0.5, 0.95)), labels.duration(one.largest)]
            for name, _ in PHASES
            if (one := stats.durations[name]).total
        ]
        if times:
            yield "### Where the time went"
            yield ""
            yield from table(["Phase", "Median", "95 %", "Longest"], times, [1, 2, 3])


def _extent(source: Source, clock: WallClock) -> str:
    words = f"{source.format}, {labels.count(source.frames, 'frame')}"
    if source.first_time_ns is not None and source.last_time_ns is not None:
        length = labels.duration(source.last_time_ns - source.first_time_ns)
        words += f", {text(clock.stamp(source.first_time_ns))} for {length}"
    return words


def findings_page(rules: Sequence[Rule] = TABLE) -> str:
    """The list of findings as a page: a table, and the long text of each."""
    order = {"error": 0, "warning": 1, "info": 2}
    listed = sorted(rules, key=lambda rule: (order[rule.severity], rule.code))
    lines = [
        "# Findings",
        "",
        "Made by `handshark findings --format md`; do not edit. `handshark explain CODE` prints one of them.",
        "",
        "| code | severity | what it is |",
        "|---|---|---|",
        *(f"| [{rule.code}](#{rule.code}) | {rule.severity} | {_own(rule.title)} |" for rule in listed),
    ]
    for rule in listed:
        lines += ["", f"## {rule.code}", "", f"{rule.severity}: **{_own(rule.title)}.** {_own(rule.about)}", ""]
        lines += [f"Looks at: {_own(rule.looks_at)}.", "", "Says:", ""]
        lines += [f"- {_own(message)}" for message in (rule.message, *(m for _, m, _ in rule.variants))]
        lines += ["", "What to do:", ""]
        lines += [f"- {_own(advice)}" for advice in (rule.advice, *(a for _, _, a in rule.variants if a))]
        if rule.causes:
            lines += ["", "What else could cause it:", "", *(f"- {_own(cause)}" for cause in rule.causes)]
        lines += ["", "Rests on: " + "; ".join(_own(source) for source in rule.sources) + "."]
    return "\n".join(lines) + "\n"


def _own(text: str) -> str:
    """A text of the project as Markdown: nothing of it is markup."""
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", template(text))
