"""The process of a live capture that analyses: takes frames from the capturing one, says what is on the connections.

It has no privileges and no way to the interface. That it is slow, stuck or dead costs the capture nothing.
"""

from __future__ import annotations

import importlib
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail, Source
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.analysis.live import LiveAnalysis, News
from analyzer.analysis.model.connection import FAILED
from analyzer.analysis.model.counts import Counts
from analyzer.capture.live import channel
from analyzer.capture.live.channel import Inlet
from analyzer.engine.privileges import User, drop

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

WAIT_SECONDS: Final = 0.1
TICK_SECONDS: Final = 0.5
MOST_TOLD: Final = 10  # servers on other ports that are named


class ViewClosed(OSError):
    """Who looked on has closed the view: the capture ends, as with Ctrl-C."""


class LiveOutput:
    """Where news of a live capture go. All but `load` is called in the process that analyses; this one shows nothing.

    packets  packets of each connection that are kept for showing, with its commands; 0 for none
    """

    packets = 0

    def load(self) -> None:
        """Imports what is needed later: the user that the analysis becomes may not be able to read the program."""

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The analysis' options with what this output needs."""
        return options

    def open(self) -> None:
        """Before the capture begins. Raises OSError where what is written at the end can not be."""

    def begin(self) -> None:
        """The capture begins."""

    def wants(self, connection: Connection) -> bool:
        """Whether the packets of a connection that has ended are to be worked out."""
        return True

    def news(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        """Something about a connection; `final`: it has ended. Raises OSError where it can not be shown."""

    def tick(self, counts: Counts) -> None:
        """Time has passed. Raises OSError where it can not be shown."""

    def hung_up(self) -> None:
        """Nobody reads any more: from now on only what is written at the end counts."""

    def end(self, source: Source, by_itself: bool = False) -> None:
        """All has been told; `by_itself`: no signal has ended the capture.

        Raises OSError where what is written at the end can not be.
        """

    def stays(self) -> bool:
        """After `close`: whether there is still something to look at. Where there is it stays until `leave`."""
        return False

    def leave(self, whole: bool = True) -> None:
        """Nothing is looked at any more."""

    def close(self, whole: bool) -> None:
        """Always called last; `whole`: `end` was called and went well."""


class FollowRequest(msgspec.Struct):
    """What the analysing process needs.

    options  reads files named in the options, with the rights of the analysis; None: one could not be read, and that
             has been said
    tell     says a line to the user
    shown_ports  servers on other ports are told of, and not shown; None: all are shown
    """

    title: str
    options: Callable[[], AnalysisOptions | None]
    keylogs: list[str]
    keep: Filter | None
    most_open: int
    idle_ns: int
    output: LiveOutput
    tell: Callable[[str], None]
    shown_ports: frozenset[int] | None = None


class Follower:
    """Analyses what comes through an inlet until nothing more comes."""

    def __init__(
        self,
        inlet: Inlet,
        analysis: LiveAnalysis,
        output: LiveOutput,
        keylogs: list[KeyLogFile],
        keep: Keep | None,
        tell: Callable[[str], None],
    ) -> None:
        self._inlet = inlet
        self._analysis = analysis
        self._output = output
        self._keylogs = keylogs
        self._keep = keep
        self._tell = tell
        self._told: set[tuple[str, int]] = set()  # servers on ports that nobody asked for
        self._begun = self._ticked = time.monotonic()
        self._logins = 0
        self.failures = 0
        self.hung_up: OSError | None = None
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
            self._tick()
            self._tell_elsewhere()
        self._read_keys()
        self._say(analysis.end())
        self._tick()

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
                self.failures += connection.outcome in FAILED
            if self._keep is not None and not self._keep.keeps(connection, final):
                continue
            try:
                self._output.news(connection, detail, final)
            except OSError as error:
                self._nobody_reads(error)

    def _tell_elsewhere(self) -> None:
        """Says once of each server on another port that it is there."""
        for address, port in self._analysis.elsewhere.keys() - self._told:
            self._told.add((address, port))
            if len(self._told) <= MOST_TOLD:
                self._tell(f"note: {address} port {port} greets as a MySQL server too: --port {port} shows it")

    def _tick(self) -> None:
        try:
            self._output.tick(self._counts())
        except OSError as error:
            self._nobody_reads(error)

    def _nobody_reads(self, error: OSError) -> None:
        """The capturing process ends then; until it has, what comes is analysed for what is written at the end."""
        self.hung_up = error
        self._output.hung_up()
        self._inlet.answer(channel.HUNG_UP, 1)

    def _counts(self) -> Counts:
        progress = self._inlet.progress
        return Counts(
            time.monotonic() - self._begun,
            max(progress.captured, self._analysis.totals.frames + progress.skipped),
            self._logins,
            self.failures,
            progress.dropped,
            progress.skipped,
            self._analysis.open_now,
            self._lag(),
        )

    def _lag(self) -> float:
        """Seconds; 0 where nothing waits."""
        last = self._analysis.totals.last_ns
        return max(0.0, time.time() - last / 1e9) if last is not None and self._inlet.waiting() else 0.0


class Keep:
    """The display filter: which connections are to be shown."""

    def __init__(self, keep: Filter) -> None:
        from analyzer.analysis.dissection.selection import Matching

        self._matching = Matching(keep)
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


def follow(request: FollowRequest, inlet: Inlet, user: User | None) -> int:
    """The whole life of the process; returns its exit code. Says READY when the capture may begin."""
    # The capturing process decides when it is over: a terminal or a service manager tells both.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for name in LATE:
        importlib.import_module(name)
    request.output.load()
    try:
        drop(user)
        return _follow(request, inlet)
    except OSError as error:
        request.tell(f"{error.filename or 'output'}: {error.strerror}")
        return 3


def _follow(request: FollowRequest, inlet: Inlet) -> int:
    keylogs = [KeyLogFile(path) for path in request.keylogs]
    for file in keylogs:
        try:
            # What this user may not read is said before the capture begins.
            number = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            request.tell(f"note: {file.path} is not there yet; it is read when it is")
            continue
        regular = stat.S_ISREG(os.fstat(number).st_mode)
        os.close(number)
        if not regular:
            request.tell(f"{file.path}: is no regular file: only such a key log can be followed while it grows")
            return 2
    options = request.options()
    if options is None:
        return 2
    keep = None if request.keep is None else Keep(request.keep)
    output, whole = request.output, False
    try:
        output.open()
        if output.packets:
            wanted = output.wants if keep is None else lambda one: keep.will_keep(one) and output.wants(one)
            options = replace(options, packets=output.packets, commands=True, wanted=wanted)
        options = output.options(options)
        if keep is not None:
            options = keep.options(options)
        analysis = LiveAnalysis(
            request.title,
            options,
            follow_keys=bool(keylogs),
            most_open=request.most_open,
            idle_ns=request.idle_ns,
            shown_ports=request.shown_ports,
        )
        for _ in analysis.poll_keys(keylogs):
            raise AssertionError("keys came before any session")
        inlet.answer(channel.READY, 1)
        if not inlet.wait_for_start():
            return 3  # the interfaces could not be opened: the other process has said why
        output.begin()
        follower = Follower(inlet, analysis, output, keylogs, keep, request.tell)
        follower.run()
        by_itself = inlet.progress.by_itself and follower.hung_up is None
        output.end(analysis.source("live capture", _warnings(inlet)), by_itself)
        whole = True
    finally:
        output.close(whole)
    inlet.answer(channel.CONNECTIONS, analysis.totals.mysql_connections)
    inlet.answer(channel.FAILURES, follower.failures)
    if output.stays():
        inlet.answer(channel.STAYS, 1)
        while output.stays() and not inlet.gone(TICK_SECONDS):
            pass
        output.leave()
    inlet.answer(channel.DONE, 1)
    return _code(follower.hung_up, request.tell)


def _code(hung_up: OSError | None, tell: Callable[[str], None]) -> int:
    """The exit code; why nobody reads any more."""
    if hung_up is None or isinstance(hung_up, ViewClosed):
        return 0
    if isinstance(hung_up, BrokenPipeError):
        return 128 + signal.SIGPIPE
    tell(f"standard output: {hung_up.strerror}")
    return 3


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
LATE: Final = ("analyzer.tls.session", "analyzer.tls.keys", "analyzer.tls.x509")
