"""What the page says of all connections together: counted while they pass, shown by the templates above the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from analyzer.analysis import Alike
from analyzer.analysis.commands.failures import REASONS, FailureGroup
from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.model.connection import Connection, Source
from analyzer.report.html.charts import pictures
from analyzer.report.html.who_map import who_map
from analyzer.report.html.workload import workload_view
from analyzer.report.prose import labels
from analyzer.report.prose.capture_story import CaptureStory
from analyzer.report.prose.chart_data import ChartData
from analyzer.report.prose.failures import failure_words
from analyzer.report.prose.headlines import headlines
from analyzer.report.prose.own_part import own_part_of, said_of
from analyzer.report.prose.summary import SummaryTotals, captured

# Groups of commands of one reason that are shown.
FAILURES_SHOWN: Final = 20


class FailureRow(NamedTuple):
    """Commands with one statement that failed alike; `anchor` is the connection of the first."""

    group: FailureGroup
    words: str
    anchor: str


class Overview:
    """Grows with the kinds of what is seen, not with the number of connections."""

    def __init__(self) -> None:
        self.totals = SummaryTotals()
        self._statistics = ChartData()
        self._story = CaptureStory()
        self._captures: dict[str, int] = {}

    @property
    def several(self) -> bool:
        """Whether there is more than one capture."""
        return len(self._captures) > 1

    def add(self, connection: Connection) -> None:
        """One more connection."""
        self.totals.add(connection)
        self._statistics.add(connection)
        if not connection.is_copy:
            self._story.add(connection)

    def add_alike(self, alike: Alike) -> None:
        """One more of a known kind."""
        found = said_of(alike)
        if any(one.code == "seen-twice" for one in found):
            self.add(alike.connection())  # it may be a copy
            return
        own = own_part_of(alike)
        if not self.totals.add_like(alike.kind.connection, found, own.host):
            self.totals.add(alike.connection())
        self._statistics.add_alike(alike, own)
        self._story.add_alike(alike, own)

    def workload(self, workload: Workload) -> None:
        """What the commands of connections came to; called any number of times, in any order."""
        self._story.workload.merge(workload)

    def anchor(self, capture: str, stream: int) -> str:
        """A connection's name in the page: c12, or c2-12 in the second capture."""
        number = self._captures.setdefault(capture, len(self._captures) + 1)
        return f"c{stream}" if number == 1 else f"c{number}-{stream}"

    def values(self, sources: Sequence[Source]) -> dict[str, object]:
        """What the templates need. `sources` are the captures that were read."""
        totals, statistics, story = self.totals, self._statistics, self._story
        examples = [
            (one, [(c.stream, self.anchor(c.capture, c.stream)) for c in one.examples]) for one in totals.findings()
        ]
        return {
            "sources": [_named(source) for source in sources],
            "captured": captured(sources),
            "totals": totals,
            "statistics": statistics,
            "findings": examples,
            "severities": _by_severity(totals),
            "headlines": headlines(story),
            "closing": story.closing(),
            "workload": workload_view(story.workload, self.anchor),
            "failures": self._failed(),
            "pictures": [one for one in (who_map(statistics), *pictures(statistics)) if one is not None],
        }

    def _failed(self) -> list[tuple[str, list[FailureRow]]]:
        """(reason, rows) of each reason for which commands are shown."""
        found = []
        for reason in REASONS:
            groups = self._story.workload.failures.of(reason)[:FAILURES_SHOWN]
            if groups:
                found.append((reason, [FailureRow(one, failure_words(one), self._example(one)) for one in groups]))
        return found

    def _example(self, group: FailureGroup) -> str:
        capture, stream, _ = group.example or ("", 0, 0)
        return self.anchor(capture, stream)


def _named(source: Source) -> Source:
    """A source without the folders of the machine that read it: the page is for others."""
    name = labels.file_name(source.name)
    warnings, notes = ([line.replace(source.name, name) for line in lines] for lines in (source.warnings, source.notes))
    return replace(source, name=name, warnings=warnings, notes=notes)


def _by_severity(totals: SummaryTotals) -> list[tuple[str, int, int]]:
    """(severity, kinds of findings, connections with the most frequent of them), worst first."""
    found = []
    for severity in labels.SEVERITIES:
        kinds = [one for one in totals.findings() if one.severity == severity]
        if kinds:
            found.append((severity, len(kinds), sum(one.times for one in kinds)))
    return found
