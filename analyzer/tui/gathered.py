"""What has come of the captures so far, and which of the connections are listed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from analyzer.analysis.dissection.fields.connection import ConnectionFields
from analyzer.analysis.model.connection import FAILED, Connection, Source
from analyzer.analysis.model.counts import Counts
from analyzer.engine.browsing import Arrival, ReadingProgress
from analyzer.engine.filters import filter_of
from analyzer.report.prose.capture_story import CaptureStory
from analyzer.report.prose.summary import SummaryTotals
from analyzer.tui.store import NUMBER, TIME, ConnectionStore, RowKey

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

# Rows between looks at the clock.
AT_ONCE: Final = 64


class GatheredNews:
    """Everything that was said of the captures. `most`: so many connections are kept, the newest; None: the first.

    over     nothing more will come
    failing  connections whose login failed
    """

    def __init__(self, most: int | None = None) -> None:
        self.store = ConnectionStore(most)
        self.totals = SummaryTotals()
        self.story = CaptureStory()
        self.sources: list[Source] = []
        self.problems: list[str] = []
        self.progress: ReadingProgress | None = None
        self.counts: Counts | None = None
        self.failing = 0
        self.over = False

    def put(self, arrival: Arrival) -> int | None:
        """The row of a connection that came, or of which there is news."""
        connection = arrival.connection
        if arrival.final:
            self.totals.add(connection)
            self.story.add(connection)
            self.failing += connection.outcome in FAILED
        return self.store.put(connection, arrival.final)

    def state(self) -> str:
        """How far the reading is."""
        if self.over:
            return ""
        progress = self.progress
        if progress is None:
            return "reading"
        if progress.total:
            return f"reading {min(progress.done / progress.total, 1.0):.0%}"
        return f"reading, {progress.done / 1e6:,.0f} MB"


class Listing:
    """Which rows are listed, in which order, and which are marked.

    filter   the display filter in force, None for all
    waiting  connections for which it holds are still looked for
    """

    def __init__(self, store: ConnectionStore, newest_first: bool) -> None:
        self._store = store
        self.filter: Filter | None = None
        self.waiting = False
        self.marked: set[int] = set()
        self.column, self.reverse = (TIME, True) if newest_first else (NUMBER, False)
        self._rows: list[int] = []  # that pass, as they came
        self._passed: set[int] = set()
        self._matched: set[RowKey] = set()
        self._todo: range = range(0)  # rows of which the filter was not asked yet

    def add(self, row: int, connection: Connection) -> None:
        """A row is new, or changed: it is listed where the filter lets it through."""
        passes = self._passes(row, connection)
        if passes and row not in self._passed:
            self._rows.append(row)
            self._passed.add(row)
        elif not passes and row in self._passed:
            self._rows.remove(row)
            self._passed.discard(row)

    def _passes(self, row: int, connection: Connection) -> bool:
        keep = self.filter
        if keep is None:
            return True
        if keep.needs_packets:
            return self._store.key(row) in self._matched
        return keep.matches(ConnectionFields(connection))

    def apply(self, text: str) -> None:
        """Another filter; "" lists all. Of a filter of packets the rows come with `match`. Raises FilterError."""
        self.filter = filter_of(text) if text else None
        self._matched.clear()
        rows = self._store.rows()
        if self.filter is None:
            self._rows, self._passed, self._todo, self.waiting = list(rows), set(rows), range(0), False
            return
        self._rows, self._passed, self.waiting = [], set(), True
        self._todo = range(0) if self.filter.needs_packets else rows

    def work(self, seconds: float) -> bool:
        """Asks the filter of rows for so long; whether any was asked. Raises CaptureError where a pattern takes too
        long."""
        keep, todo, store = self.filter, self._todo, self._store
        if keep is None or not todo:
            return False
        until = time.monotonic() + seconds
        while todo and time.monotonic() < until:
            for row in todo[:AT_ONCE]:
                if row in store and row not in self._passed and keep.matches(ConnectionFields(store.connection(row))):
                    self._rows.append(row)
                    self._passed.add(row)
            todo = todo[AT_ONCE:]
        self._todo = todo
        self.waiting = bool(todo)
        return True

    def match(self, keys: Sequence[RowKey]) -> None:
        """Connections for which a filter of packets holds."""
        self._matched.update(keys)
        for key in keys:
            row = self._store.row_of(key)
            if row is not None and row not in self._passed:
                self._rows.append(row)
                self._passed.add(row)

    def gone(self, rows: Sequence[int]) -> None:
        """Rows are there no more."""
        if rows:
            away = set(rows)
            self._rows = [row for row in self._rows if row not in away]
            self._passed -= away
            self.marked -= away

    def order(self) -> list[int]:
        """The rows that are listed, in their order."""
        return self._store.sorted(self._rows, self.column, self.reverse)

    def chosen(self, row: int | None) -> list[Connection]:
        """The connections that are marked; where none is, the one in hand."""
        rows = sorted(self.marked) or ([] if row is None else [row])
        return [self._store.connection(one) for one in rows]

    def next_column(self, columns: Sequence[int]) -> None:
        """Sorts by the next of the columns."""
        at = columns.index(self.column) if self.column in columns else -1
        self.column, self.reverse = columns[(at + 1) % len(columns)], False
