"""What the connections of one capture say of one another.

Findings that rest on earlier connections are made in two halves: a rule's `check` finds what one connection shows, and
its `complete`, called by `Across`, which every connection passes in the order of its first frame, completes it, or
drops it. Where several processes share a capture, only their parent sees all connections: it does this, from short
notes of those that are finished already. So the result is the same for any number of processes.

What is said of many connections together is said by a rule's `conclude`, when all of them are known: `Held` keeps them,
and all that come after the first of them, until then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.history import History, Note, note_of
from analyzer.analysis.findings.rule import FAR_AHEAD, RANK, Found
from analyzer.analysis.model.connection import Connection, Finding

# Findings that are completed here, by their codes: connections that have one may not be rendered before.
COMPLETED: Final = {rule.code: rule.complete for rule in TABLE if rule.complete is not None}
CONCLUDED: Final = {rule.code: rule.conclude for rule in TABLE if rule.conclude is not None}
AHEAD: Final = {rule.code: rule.ahead for rule in TABLE if rule.conclude is not None}
OPEN: Final = COMPLETED.keys() | CONCLUDED.keys()
# Connections that are kept until all are known. Where there are more, what is said of those kept is said of so many.
MOST_HELD: Final = FAR_AHEAD
MOST_PACKETS: Final = 50_000

T = TypeVar("T")


def is_open(connection: Connection) -> bool:
    """Whether a finding of the connection waits to be completed."""
    return any(finding.code in OPEN for finding in connection.findings)


def _rank_of(finding: Finding) -> int:
    return RANK[finding.severity]


class Across:
    """Takes every MySQL connection of a capture in the order of its number: `judge`, or `note` for one that is done."""

    def __init__(self) -> None:
        self.history = History()

    def judge(self, connection: Connection) -> None:
        """Completes the findings of a connection, and remembers it."""
        if connection.findings and is_open(connection):
            connection.findings = [finding for finding in connection.findings if self._keep(connection, finding)]
            connection.findings.sort(key=_rank_of)
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


class Held(Generic[T]):
    """Keeps connections, with what is to be done with them, while a finding of one speaks of those that follow."""

    def __init__(self, across: Across, most: int = MOST_HELD) -> None:
        self.across = across
        self._most = most
        self._bound = most  # how many may be kept for what has been found so far
        self._items: deque[T] = deque()
        self._packets = 0  # that the items hold
        self._found: dict[str, list[Found]] = {}

    def put(self, item: T, connection: Connection | None, packets: int = 0) -> Iterable[T]:
        """Takes the next item, and its connection where that is not rendered; gives those that wait for nothing.

        `packets` are those kept for showing with it: they are what takes memory.
        """
        if connection is None and not self._items:
            return (item,)
        self._packets += packets
        if connection is not None:
            for finding in connection.findings:
                if finding.code in CONCLUDED:
                    if finding.code not in self._found:
                        self._found[finding.code] = []
                        self._bound = min(self._most, max(AHEAD[code] for code in self._found))
                    self._found[finding.code].append((connection, finding))
        self._items.append(item)
        if not self._found and len(self._items) == 1:
            self._packets = 0
            return (self._items.pop(),)
        if not self._found or len(self._items) > self._bound or self._packets > MOST_PACKETS:
            return self.rest()
        return ()

    def rest(self) -> Iterator[T]:
        """All are known: concludes, and gives what was kept."""
        found, self._found = self._found, {}
        self._packets = 0
        for code, several in found.items():
            CONCLUDED[code](several, self.across.history)
        for several in found.values():
            for connection, _ in several:
                if len(connection.findings) > 1:
                    connection.findings.sort(key=_rank_of)
        while self._items:
            yield self._items.popleft()
