"""What the commands of a live capture come to, told in parts while it goes on."""

from __future__ import annotations

import time
from typing import Final

from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.workload import Workload, WorkloadCounter
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.packets.statement_mask import StatementMask

# Between two parts.
PART_SECONDS: Final = 2.0


class LiveWorkload:
    """Counts the commands of the connections that are shown.

    Those of a connection that goes on are told as far as they are. Where another connection is open with the same
    sequence numbers, one of the two may be a copy: then it is told of when it is over, and of the copy not at all.
    """

    def __init__(self, capture: str, show_secrets: bool) -> None:
        self._counter = WorkloadCounter(None if show_secrets else StatementMask(), statements=True)
        self._counter.capture = capture
        self._new = Workload()
        self._shown: set[int] = set()  # streams of those that go on
        self._due = 0.0

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The analysis' options with what this needs."""
        return replace(options, observe=(*options.observe, self._counter.watch))

    def news(self, connection: Connection, final: bool) -> None:
        """A connection is shown; `final`: it is over."""
        if not final:
            self._shown.add(connection.stream)
            return
        self._shown.discard(connection.stream)
        found = self._counter.taken(connection.stream)
        if found is not None and not connection.is_copy:
            found.into(self._new)

    def part(self, last: bool = False) -> Workload | None:
        """What has come since the last time; None: nothing, or it is not yet time. `last`: it is."""
        now = time.monotonic()
        if now < self._due and not last:
            return None
        self._due = now + PART_SECONDS
        seen: set[tuple[int, ...]] = set()
        for stream, tcp in self._counter.going_on():
            numbers = tuple(sorted(half.start for half in tcp.halves))
            if stream in self._shown and (numbers not in seen or numbers[0] < 0):
                self._new.merge(self._counter.so_far(stream))
            seen.add(numbers)
        if not self._new.commands:
            return None
        found, self._new = self._new, Workload()
        return found
