"""Progress of long work, on standard error and only on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Final

# Work that is done sooner shows nothing.
QUIET_SECONDS: Final = 1.0
INTERVAL: Final = 0.2
WIDTH: Final = 30


class ProgressLine:
    """One line that is written over; removed at the end."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._on = sys.stderr.isatty()
        self._start = self._last = time.monotonic()
        self._shown = False

    def update(self, done: int, total: int | None, frames: int) -> None:
        """`done` of `total` bytes (None: nobody knows) have been read."""
        if not self._on:
            return
        now = time.monotonic()
        if now - self._start < QUIET_SECONDS or now - self._last < INTERVAL:
            return
        self._last = now
        self._shown = True
        if total:
            share = min(1.0, done / total)
            filled = int(share * WIDTH)
            state = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%}"
        else:
            state = f"{done / 1e6:,.0f} MB"
        sys.stderr.write(f"\r\x1b[K{self._label[:30]}: {state}, {frames:,} frames")
        sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
