"""Where news of a live capture go: JSON lines, lines of text, a table on a terminal, a page at the end."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import BinaryIO, Final, Protocol

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.model.connection import FAILED, Connection, Source
from analyzer.analysis.model.counts import Counts
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.report.prose.clock import WallClock

DRAW_SECONDS: Final = 0.25
IN_FULL: Final = 500


class LiveView(Protocol):
    """Takes news of connections as they come."""

    def news(self, connection: Connection, final: bool) -> None: ...
    def tick(self, counts: Counts) -> None: ...
    def close(self) -> None: ...


class LiveJson:
    """One object for each piece of news, with `final` in front."""

    def __init__(self, out: BinaryIO) -> None:
        from analyzer.report.jsonl import encode

        self._encode = encode
        self._out = out

    def news(self, connection: Connection, final: bool) -> None:
        self._out.write((b'{"final":true,' if final else b'{"final":false,') + self._encode(connection)[1:])

    def tick(self, counts: Counts) -> None:
        self._out.flush()

    def close(self) -> None:
        self._out.flush()


class LiveLines:
    """A line for a connection when its login is decided, and another at its end where there is more to say then."""

    def __init__(
        self,
        title: str,
        write: Callable[[str], object],
        flush: Callable[[], None],
        width: int,
        color: bool,
        clock: WallClock,
    ) -> None:
        from analyzer.report.text.connections import TextReport

        self._flush = flush
        self._report = TextReport(write, width, color, clock=clock)
        self._report.begin(title)

    def news(self, connection: Connection, final: bool) -> None:
        self._report.news(connection, None, final)

    def tick(self, counts: Counts) -> None:
        self._flush()

    def close(self) -> None:
        self._flush()


class LiveScreen:
    """The live table."""

    def __init__(self, title: str, clock: WallClock) -> None:
        from analyzer.report.text.live_table import LiveTable

        self._table = LiveTable(title, clock=clock)
        self._table.start()
        self._drawn = 0.0
        self._last = Counts()

    def news(self, connection: Connection, final: bool) -> None:
        self._table.connection(connection, final)

    def tick(self, counts: Counts) -> None:
        self._last = counts
        now = time.monotonic()
        if now - self._drawn >= DRAW_SECONDS:
            self._drawn = now
            self._table.draw(counts)

    def close(self) -> None:
        self._table.draw(self._last)
        self._table.stop()


class LivePage:
    """The report, written when all is over. What it needs at its end is left to `stack`."""

    def __init__(self, stack: ExitStack, out: BinaryIO, title: str, secrets_shown: bool) -> None:
        from analyzer.report.html.page import HtmlReport

        self._file = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        self._report = stack.enter_context(HtmlReport(self._file, title, secrets_shown=secrets_shown))
        self._shown = 0

    def wants(self, connection: Connection) -> bool:
        """Whether a connection's packets are to be worked out: those of the first, and of as many that failed."""
        more = connection.outcome in FAILED
        if self._shown >= (2 * IN_FULL if more else IN_FULL):
            return False
        self._shown += 1
        return True

    def connection(self, connection: Connection, detail: ConnectionDetail | None) -> None:
        self._report.connection(connection, detail)

    def workload(self, part: Workload) -> None:
        self._report.workload(part)

    def close(self, source: Source) -> None:
        self._report.close([source])
        self._file.detach()
