"""What is to be cut out: which connections, and which of their frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.analysis.model.connection import Connection
from analyzer.batches import U8
from analyzer.errors import AnalyzerError

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
_NUMBER: Final = re.compile(r"(\d+)(?:\.(\d{1,9}))?")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")


class TimeWindowError(AnalyzerError):
    """A time window that can not be understood."""


class Moment:
    """A time as users write it, in nanoseconds: of 1970, of the day, or since the capture's first frame."""

    def __init__(self, text: str) -> None:
        """Raises TimeWindowError."""
        self._since_start = self._of_day = False
        number, clock = _NUMBER.fullmatch(text.removeprefix("+")), _CLOCK.fullmatch(text)
        if number is not None:
            self._since_start = text.startswith("+")
            self._ns = int(number[1]) * _SECOND + _fraction(number[2])
        elif clock is not None:
            self._of_day = True
            hours, minutes, seconds = (int(clock[group] or 0) for group in (1, 2, 3))
            self._ns = ((hours * 60 + minutes) * 60 + seconds) * _SECOND + _fraction(clock[4])
        else:
            self._ns = _date(text)

    def at(self, first_ns: int) -> int:
        """The time in nanoseconds since 1970, in a capture whose first frame has this time."""
        if self._since_start:
            return first_ns + self._ns
        return first_ns // _DAY * _DAY + self._ns if self._of_day else self._ns


def _fraction(digits: str | None) -> int:
    return int((digits or "0").ljust(9, "0"))


def _date(text: str) -> int:
    """A date with a time, UTC where it names no zone."""
    cut = re.fullmatch(r"(.*?:\d{2}:\d{2})\.(\d{1,9})(.*)", text)
    try:
        found = datetime.fromisoformat(cut[1] + cut[3] if cut is not None else text)
    except ValueError:
        raise TimeWindowError(
            f"{text!r} is no time: 2026-01-31T12:00:00, 12:00:00, +SECONDS since the first frame, or seconds since 1970"
        ) from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    seconds = round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * _SECOND + _fraction(cut[2] if cut is not None else None)


class TimeWindow:
    """FROM..TO, either of which may be left out. Raises TimeWindowError."""

    def __init__(self, text: str) -> None:
        begin, mark, end = text.partition("..")
        if not mark or not (begin or end):
            raise TimeWindowError(f"{text!r}: FROM..TO is needed, either of which may be left out")
        self._begin = Moment(begin) if begin else None
        self._end = Moment(end) if end else None

    def bounds(self, first_ns: int) -> tuple[int, int]:
        """The first and last time in it, in a capture whose first frame has this time."""
        begin = self._begin.at(first_ns) if self._begin is not None else -1
        return begin, self._end.at(first_ns) if self._end is not None else 1 << 62


@dataclass(frozen=True)
class ExtractRequest:
    """What the user asked for. A connection is taken where all that is given holds of it.

    keep       a display filter; of connections, or with `packets` of each packet
    streams    numbers of connections, as `tcp.stream`; none: any
    findings   codes, any of which was found; none: any
    window     times in which it was open, or with `packets` the frame came
    packets    only the frames that match, and not the whole connections
    keys       whether the TLS secrets of the connections are written too
    decrypted  connections in TLS or compression as plain text, where they can be opened
    comments   findings, and what happened in words, as comments of the frames they rest on
    """

    keep: Filter | None = None
    streams: frozenset[int] = frozenset()
    findings: frozenset[str] = frozenset()
    window: TimeWindow | None = None
    packets: bool = False
    keys: bool = True
    decrypted: bool = False
    comments: bool = False

    def takes(self, connection: Connection, first_ns: int) -> bool:
        """Whether all but the filter holds of a connection."""
        if self.streams and connection.stream not in self.streams:
            return False
        if self.findings and not any(one.code in self.findings for one in connection.findings):
            return False
        if self.window is None:
            return True
        begin, end = self.window.bounds(first_ns)
        return connection.start_time_ns <= end and connection.end_time_ns >= begin


class FrameSet:
    """Frames by number, and frames of one side of a connection from one to another."""

    def __init__(self) -> None:
        self._marks: U8 = np.zeros(1 << 12, np.uint8)
        self._spans: dict[int, list[tuple[int, int]]] = {}

    def add(self, frame: int) -> None:
        if frame >= len(self._marks):
            more: U8 = np.zeros(2 * frame, np.uint8)
            more[: len(self._marks)] = self._marks
            self._marks = more
        self._marks[frame] = 1

    def add_span(self, side: int, first: int, last: int) -> None:
        """A packet of this side that begins in one frame and ends in another."""
        self.add(last)
        if first != last:
            self._spans.setdefault(side, []).append((first, last))

    def holds(self, frame: int, side: int) -> bool:
        """Whether the frame is wanted, which is of this side of a connection."""
        if frame < len(self._marks) and self._marks[frame]:
            return True
        return any(first <= frame <= last for first, last in self._spans.get(side, ()))
