"""Findings of all connections, grouped by their cause, as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from analyzer.analysis.findings.catalog import TABLE
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.summary import FindingTotal
from analyzer.report.text.explain import Explainer
from analyzer.tui.table import ScreenColumn
from analyzer.tui.text_view import Lines, painted

COLUMNS: Final = (
    ScreenColumn("Severity", 8),
    ScreenColumn("Finding", 28),
    ScreenColumn("Connections", 11, right=True),
    ScreenColumn("Times", 6, right=True, rank=1),
    ScreenColumn("Hosts", 5, right=True, rank=2),
    ScreenColumn("Users", 5, right=True, rank=3),
    ScreenColumn("The first says", 10, grow=1, rank=0),
)
_STYLES: Final = {"error": "red", "warning": "yellow", "info": "cyan"}
LONGEST_CELL: Final = 300
MOST_USERS: Final = 8


class FindingRows:
    """Findings by their places, the worst first."""

    def __init__(self) -> None:
        self.findings: Sequence[FindingTotal] = ()

    def texts(self, row: int) -> Sequence[str]:
        """Severity, code, connections, times, hosts, users, message."""
        one = self.findings[row]
        return (
            one.severity,
            one.code,
            f"{one.connections:,}",
            f"{one.times:,}",
            f"{len(one.hosts):,}",
            f"{len(one.users):,}",
            terminal(one.message, LONGEST_CELL),
        )

    def style(self, row: int, column: int) -> str:
        """The colour of the severity."""
        return _STYLES.get(self.findings[row].severity, "") if column == 0 else ""

    def found(self, word: str, row: int) -> bool:
        """Whether a row shows a word; it is in lower case."""
        return any(word in text.lower() for text in self.texts(row))

    def lines(self, row: int) -> Lines:
        """What there is to say of a group: what the first says, where it is seen, and the long text of the rule."""
        one = self.findings[row]

        def write(write: Callable[[str], object], width: int) -> None:
            examples = ", ".join(labels.client(each) for each in one.examples)
            users = ", ".join(sorted(one.users)[:MOST_USERS]) + (" ..." if len(one.users) > MOST_USERS else "")
            hosts = ", ".join(sorted(one.hosts)[:MOST_USERS]) + (" ..." if len(one.hosts) > MOST_USERS else "")
            write(f"{terminal(one.message)}\n")
            several = labels.count(one.connections, "connection")
            write(f"{several}, the first from {terminal(examples)}. Enter lists them.\n")
            write(f"Clients: {terminal(hosts)}" + (f"; users: {terminal(users)}" if users else "") + "\n\n")
            rule = next((rule for rule in TABLE if rule.code == one.code), None)
            if rule is not None:
                Explainer(write, width, True).rule(rule)

        return painted(write)
