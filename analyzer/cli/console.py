"""What is told while an analysis goes on: messages on standard error, and progress where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from typing import Final

from analyzer.analysis import Source
from analyzer.engine.listener import RunListener
from analyzer.errors import CaptureError
from analyzer.report.escape import terminal

# Work that is done sooner shows nothing.
QUIET_SECONDS: Final = 1.0
INTERVAL: Final = 0.2
WIDTH: Final = 30
# Warnings of one capture that are printed; the rest are counted.
SHOWN_WARNINGS: Final = 10


def complain(message: str) -> None:
    """One line on standard error."""
    with contextlib.suppress(OSError):  # where standard error takes no more there is nobody to tell
        sys.stderr.write(f"handshark: {terminal(message)}\n")


def complain_lines(lines: Sequence[str]) -> None:
    """A message of several lines on standard error."""
    complain(lines[0])
    with contextlib.suppress(OSError):
        sys.stderr.writelines(f"{terminal(line)}\n" for line in lines[1:])


def note_encrypted(sources: Sequence[Source]) -> None:
    """Says of how many connections no command can be seen."""
    from analyzer.report.prose.summary import encrypted_note

    note = encrypted_note(sources)
    if note is not None:
        complain(f"note: {note}")


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
            state = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%} of {total / 1e6:,.0f} MB"
        else:
            state = f"{done / 1e6:,.0f} MB"
        sys.stderr.write(f"\r\x1b[K{self._label[:30]}: {state}, {frames:,} frames")
        sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


class Console(RunListener):
    """Prints notices, and draws one line of progress."""

    def __init__(self) -> None:
        self._line: ProgressLine | None = None

    def failed(self, error: CaptureError) -> None:
        complain(str(error))

    def done(self, source: Source) -> None:
        for warning in source.warnings[:SHOWN_WARNINGS]:
            complain(f"warning: {warning}")
        if len(source.warnings) > SHOWN_WARNINGS:
            complain(f"warning: {source.name}: {len(source.warnings) - SHOWN_WARNINGS} more warnings")
        for note in source.notes:
            complain(f"note: {source.name}: {note}")

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        if self._line is None:
            self._line = ProgressLine(name)
        self._line.update(done, total, frames)

    def over(self, name: str) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def interrupted(self) -> bool:
        return True  # what was read is worth showing; a second Ctrl-C ends the program

    def waiting(self) -> None:
        sys.stdout.flush()  # whoever watches has it now, and not when a buffer is full


class Again(Console):
    """For sources that are read a second time: what is wrong with them has been said."""

    def done(self, source: Source) -> None:
        return None
