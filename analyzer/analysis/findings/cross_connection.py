"""What the connections of one capture say of one another.

Findings that rest on earlier connections are made in two halves: a rule's `check` finds what one connection shows, and
its `complete`, called by `Across`, which every connection passes in the order of its first frame, completes it, or
drops it. Where several processes share a capture, only their parent sees all connections: it does this, from short
notes of those that are finished already. So the result is the same for any number of processes.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.history import History, Note, note_of
from analyzer.analysis.findings.rule import RANK
from analyzer.analysis.model.connection import Connection, Finding

# Findings that are completed here, by their codes: connections that have one may not be rendered before.
COMPLETED: Final = {rule.code: rule.complete for rule in TABLE if rule.complete is not None}


def is_open(connection: Connection) -> bool:
    """Whether a finding of the connection waits to be completed."""
    return any(finding.code in COMPLETED for finding in connection.findings)


class Across:
    """Takes every MySQL connection of a capture in the order of its number: `judge`, or `note` for one that is done."""

    def __init__(self) -> None:
        self.history = History()

    def judge(self, connection: Connection) -> None:
        """Completes the findings of a connection, and remembers it."""
        if connection.findings and is_open(connection):
            connection.findings = [finding for finding in connection.findings if self._keep(connection, finding)]
            connection.findings.sort(key=lambda finding: RANK[finding.severity])
        note = note_of(connection)
        if note is not None:
            self.note(note)

    def note(self, note: Note) -> None:
        """Remembers a connection."""
        self.history.note(note)

    def _keep(self, connection: Connection, finding: Finding) -> bool:
        """Completes a finding; False where the other connections do not bear it out."""
        complete = COMPLETED.get(finding.code)
        return complete is None or complete(connection, finding, self.history)
