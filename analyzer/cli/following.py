"""The process of `handshark live` that analyses: takes frames from the capturing one, says what is on the connections.

It has no privileges and no way to the interface. That it is slow, stuck or dead costs the capture nothing.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail, Source
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.analysis.live import LiveAnalysis, News
from analyzer.capture.live import channel
from analyzer.capture.live.channel import Inlet
from analyzer.cli.arguments import options_of
from analyzer.cli.console import complain
from analyzer.cli.output import open_output
from analyzer.cli.privileges import User, drop
from analyzer.report.prose.summary import SummaryTotals
from analyzer.report.text.live_table import FAILED, Counts, LiveTable

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

WAIT_SECONDS: Final = 0.1
TICK_SECONDS: Final = 0.5
DRAW_SECONDS: Final = 0.25
PACKETS: Final = 200
IN_FULL: Final = 500


class View(Protocol):
    """Where news of connections go."""

    def news(self, connection: Connection, final: bool) -> None: ...
    def tick(self, counts: Counts) -> None: ...
    def close(self) -> None: ...


class JsonLines:
    """One object for each piece of news, with `final` in front."""

    def __init__(self) -> None:
        from analyzer.report.jsonl import encode

        self._encode = encode
        self._out = sys.stdout.buffer

    def news(self, connection: Connection, final: bool) -> None:
        self._out.write((b'{"final":true,' if final else b'{"final":false,') + self._encode(connection)[1:])

    def tick(self, counts: Counts) -> None:
        self._out.flush()

    def close(self) -> None:
        self._out.flush()


class Lines:
    """A line for a connection when its login is decided, and another at its end where there is more to say then."""

    def __init__(self, title: str) -> None:
        from analyzer.report.text.connections import TextReport

        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else 80
        color = terminal and "NO_COLOR" not in os.environ
        self._report = TextReport(sys.stdout.write, width, color)
        self._report.begin(title)
        self._said: dict[int, tuple[object, ...]] = {}

    def news(self, connection: Connection, final: bool) -> None:
        number = connection.stream
        code = connection.error.code if connection.error else None
        said = (connection.outcome, code, sorted({one.code for one in connection.findings}))
        if self._said.get(number) != said:
            self._report.connection(connection)
        if final:
            self._said.pop(number, None)
        else:
            self._said[number] = said

    def tick(self, counts: Counts) -> None:
        sys.stdout.flush()

    def close(self) -> None:
        sys.stdout.flush()


class Screen:
    """The live table."""

    def __init__(self, title: str) -> None:
        self._table = LiveTable(title)
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


class Follower:
    """Analyses what comes through an inlet until nothing more comes."""

    def __init__(
        self,
        inlet: Inlet,
        analysis: LiveAnalysis,
        view: View,
        keylogs: list[KeyLogFile],
        page: Page | None,
        keep: Keep | None,
    ) -> None:
        self._inlet = inlet
        self._analysis = analysis
        self._view = view
        self._keylogs = keylogs
        self._page = page
        self._keep = keep
        self._begun = self._ticked = time.monotonic()
        self._logins = self._failures = 0
        self.totals = SummaryTotals()
        # Told of and not ended: whether the login was counted.
        self._counted: set[int] = set()

    def run(self) -> None:
        """Until the capture is over and everything of it analysed."""
        inlet, analysis = self._inlet, self._analysis
        while not inlet.over:
            for batch in inlet.batches(WAIT_SECONDS):
                self._say(analysis.take(batch))
                self._read_keys()
            now = time.monotonic()
            if now - self._ticked >= TICK_SECONDS:
                self._ticked = now
                self._read_keys()
                if not inlet.waiting():
                    self._say(analysis.tick(time.time_ns()))
            self._view.tick(self.counts())
        self._read_keys()
        self._say(analysis.end())
        self._view.tick(self.counts())

    def _read_keys(self) -> None:
        if self._keylogs:
            self._say(self._analysis.poll_keys(self._keylogs))

    def _say(self, news: Iterator[News]) -> None:
        for connection, detail, final in news:
            number = connection.stream
            if connection.login is not None and number not in self._counted:
                self._logins += 1
                self._counted.add(number)
            if final:
                self._counted.discard(number)
                self._failures += connection.outcome in FAILED
            if self._keep is not None and not self._keep.keeps(connection, final):
                continue
            if final:
                self.totals.add(connection)
                if self._page is not None:
                    self._page.connection(connection, detail)
            self._view.news(connection, final)

    def counts(self) -> Counts:
        progress = self._inlet.progress
        return Counts(
            time.monotonic() - self._begun,
            max(progress.captured, self._analysis.totals.frames + progress.skipped),
            self._logins,
            self._failures,
            progress.dropped,
            progress.skipped,
            self._analysis.open_now,
        )

    @property
    def failures(self) -> int:
        return self._failures


class Keep:
    """The display filter: which connections are to be shown."""

    def __init__(self, text: Filter) -> None:
        from analyzer.analysis.dissection.selection import Matching

        self._matching = Matching(text)
        # Ended, asked for by one and not yet by the other who wants to know.
        self._decided: dict[int, bool] = {}

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The options with what the filter needs."""
        return self._matching.options(options)

    def will_keep(self, connection: Connection) -> bool:
        """Whether a connection that has ended is to be shown; `keeps` is asked after this."""
        kept = self._decided[connection.stream] = self._matching.keeps(connection)
        return kept

    def keeps(self, connection: Connection, final: bool) -> bool:
        if not final:
            return self._matching.keeps(connection, over=False)
        kept = self._decided.pop(connection.stream, None)
        return self._matching.keeps(connection) if kept is None else kept


class Page:
    """The report, written when all is over. Raises OSError at once where it can not be written."""

    def __init__(self, stack: ExitStack, path: str, title: str, secrets_shown: bool) -> None:
        from analyzer.report.html.page import HtmlReport

        out = stack.enter_context(open_output(path))
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

    def close(self, source: Source) -> None:
        self._report.close([source])
        self._file.detach()


def follow(arguments: argparse.Namespace, title: str, inlet: Inlet, user: User | None) -> int:
    """The whole life of the process; returns its exit code. Says READY when the capture may begin."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the capturing process decides when it is over
    # The user it becomes may not be able to read the program's own files.
    for name in (*_LATE, *_MODULES.get("report" if arguments.report else arguments.format, ())):
        importlib.import_module(name)
    try:
        drop(user)
        return _follow(arguments, title, inlet)
    except BrokenPipeError:
        inlet.answer(channel.HUNG_UP, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        complain(f"{error.filename or arguments.report or 'output'}: {error.strerror}")
        return 3


def _follow(arguments: argparse.Namespace, title: str, inlet: Inlet) -> int:
    keylogs = [KeyLogFile(path) for path in arguments.keylog]
    for file in keylogs:
        try:
            # What this user may not read is said before the capture begins.
            os.close(os.open(file.path, os.O_RDONLY | os.O_NONBLOCK))
        except FileNotFoundError:
            complain(f"note: {file.path} is not there yet; it is read when it is")
    options = options_of(argparse.Namespace(**{**vars(arguments), "keylog": []}), 0)
    if options is None:
        return 2
    keep = None if arguments.filter is None else Keep(arguments.filter)
    with ExitStack() as stack:
        page = None
        if arguments.report is not None:
            page = Page(stack, arguments.report, f"Live capture: {title}", arguments.show_secrets)
            options = replace(options, packets=PACKETS, commands=True, wanted=_wanted(page, keep))
        if keep is not None:
            options = keep.options(options)
        analysis = _analysis(arguments, title, options)
        for _ in analysis.poll_keys(keylogs):
            raise AssertionError("keys came before any session")
        inlet.answer(channel.READY, 1)
        if not inlet.wait_for_start():
            raise _NeverBegun
        view = _VIEWS[arguments.format](title) if not _on_terminal(arguments) else Screen(title)
        follower = Follower(inlet, analysis, view, keylogs, page, keep)
        try:
            follower.run()
        finally:
            view.close()
        if page is not None:
            page.close(analysis.source("live capture", _warnings(inlet)))
    inlet.answer(channel.CONNECTIONS, analysis.totals.mysql_connections)
    inlet.answer(channel.FAILURES, follower.failures)
    sys.stderr.write(f"handshark: {follower.totals.verdict()}\n")
    inlet.answer(channel.DONE, 1)
    return 0


class _NeverBegun(Exception):
    """The interfaces could not be opened: the other process has said why."""


def _analysis(arguments: argparse.Namespace, title: str, options: AnalysisOptions) -> LiveAnalysis:
    return LiveAnalysis(
        title,
        options,
        follow_keys=bool(arguments.keylog),
        most_open=arguments.most_open,
        idle_ns=int(arguments.idle * 1e9),
    )


def _wanted(page: Page, keep: Keep | None) -> Callable[[Connection], bool]:
    """Whether a connection's packets are to be worked out for the page."""
    if keep is None:
        return page.wants
    return lambda connection: keep.will_keep(connection) and page.wants(connection)


def _on_terminal(arguments: argparse.Namespace) -> bool:
    return arguments.format == "text" and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _warnings(inlet: Inlet) -> list[str]:
    progress = inlet.progress
    warnings = []
    if progress.dropped:
        warnings.append(f"the kernel dropped {progress.dropped:,} frames; a larger buffer (-B) may help")
    if progress.skipped:
        warnings.append(f"the analysis was behind and skipped {progress.skipped:,} frames")
    if progress.lost:
        warnings.append("the capture ended without a word")
    return warnings


# What is loaded when the first connection needs it.
_LATE: Final = ("analyzer.tls.session", "analyzer.tls.x509")
_MODULES: Final = {
    "jsonl": ("analyzer.report.jsonl",),
    "text": ("analyzer.report.text.connections",),
    "report": ("analyzer.report.jsonl", "analyzer.report.text.connections", "analyzer.report.html.page"),
}
_VIEWS: Final[dict[str, Callable[[str], View]]] = {"jsonl": lambda title: JsonLines(), "text": Lines}
