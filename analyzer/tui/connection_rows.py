"""Connections as rows of a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from analyzer.report.prose import labels
from analyzer.tui.gathered import Listing
from analyzer.tui.store import (
    ACCOUNT,
    AUTH,
    CAPTURE,
    CLIENT,
    NUMBER,
    OUTCOME,
    RANK,
    SERVER,
    TIME,
    TLS,
    TOOK,
    WHAT,
    ConnectionStore,
)
from analyzer.tui.table import ScreenColumn

# Values of the store that are columns, in their order.
SHOWN: Final = (NUMBER, TIME, CLIENT, SERVER, ACCOUNT, AUTH, TLS, OUTCOME, TOOK, WHAT)
COLUMNS: Final = (
    ScreenColumn("#", 6, right=True),
    ScreenColumn("Time UTC", 8, grow=1, rank=1),
    ScreenColumn("Client", 17, grow=3),
    ScreenColumn("Server", 9, grow=3, rank=4),
    ScreenColumn("User/db", 11, grow=3),
    ScreenColumn("Auth", 9, grow=3, rank=3),
    ScreenColumn("TLS", 3, rank=5),
    ScreenColumn("Outcome", 9),
    ScreenColumn("Took", 6, right=True),
    ScreenColumn("What", 16, grow=8),
)
BY_CAPTURE: Final = ScreenColumn("Capture", 12, grow=2, rank=6)
OUTCOME_STYLES: Final[dict[str, str]] = {
    **{"accepted": "green", "rejected": "red", "aborted": "yellow"},
    **{"encrypted": "cyan", "unknown": "dim"},
}
_RANK_STYLES: Final = ("red", "yellow")


class ConnectionRows:
    """What each row of the store shows. `several`: the capture is a column too, the last."""

    def __init__(self, store: ConnectionStore, listing: Listing, several: bool) -> None:
        self._store = store
        self._listing = listing
        self.milliseconds = False  # of times of day
        self.columns = (*COLUMNS, BY_CAPTURE) if several else COLUMNS
        self.values = (*SHOWN, CAPTURE) if several else SHOWN

    def texts(self, row: int) -> Sequence[str]:
        """A text for each column."""
        return [self._text(row, column) for column in self.values]

    def _text(self, row: int, column: int) -> str:
        value = self._store.value(row, column)
        if column == NUMBER:
            return f"*{value}" if row in self._listing.marked else str(value)
        if column == TIME:
            return labels.time_of_day(int(value), milliseconds=self.milliseconds)
        if column == CAPTURE:
            return os.path.basename(str(value))
        if column == TOOK:
            return "open" if int(value) < 0 else labels.duration(int(value))
        return str(value)

    def style(self, row: int, column: int) -> str:
        """Colours of the outcome, and of what was found."""
        kind = self.values[column]
        if kind == NUMBER and row in self._listing.marked:
            return "bold magenta"
        if kind == OUTCOME:
            return OUTCOME_STYLES.get(str(self._store.value(row, OUTCOME)), "")
        rank = int(self._store.value(row, RANK))
        return _RANK_STYLES[rank] if kind == WHAT and rank < len(_RANK_STYLES) else ""
