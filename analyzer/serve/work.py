"""What is asked of captures for the browser, and how it is answered, each question in a process of its own.

See `analyzer.engine.background`.
"""

from __future__ import annotations

import resource
import zlib
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions, Connection, Result
from analyzer.analysis.commands.workload import Workload
from analyzer.engine.background import Send
from analyzer.engine.browsing import OneOnly, send_matches
from analyzer.engine.collectors import connection_alone, connections, jobs_allowed
from analyzer.engine.jobs import PAGE
from analyzer.engine.run import Run
from analyzer.engine.workload_collector import with_workload
from analyzer.errors import CaptureError
from analyzer.report.diff import html
from analyzer.report.html.prepare import Prepare
from analyzer.report.prose.summary import SummaryTotals
from analyzer.serve.comparison import side_of

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

# Of one connection that is looked at.
MOST_PACKETS: Final = 1000
# Seconds of a processor that a display filter takes at most, and any question about a capture that somebody has sent: a
# small file may unpack to anything.
MOST_SECONDS: Final = 120
PACKING: Final = 1  # the level: it is on disk, and nearly all is never looked at


class AskPage(msgspec.Struct, frozen=True):
    """All of a capture: lists of PageRow, with ReadingProgress between them, then a Source and Workloads."""

    path: str
    bounded: bool


class AskPackets(msgspec.Struct, frozen=True):
    """The packets of one connection: the JSON of each column."""

    path: str
    first_frame: int
    bounded: bool


class AskStreams(msgspec.Struct, frozen=True):
    """Connections for which a display filter holds, or of which it holds for a packet: lists of their numbers."""

    path: str
    filter: str


class AskComparison(msgspec.Struct, frozen=True):
    """What changed from one capture to another: one page of HTML. Each is (path, name, whether it is bounded)."""

    before: tuple[str, str, bool]
    after: tuple[str, str, bool]


class AskVerdicts(msgspec.Struct, frozen=True):
    """What was found in each of some small captures: a CaptureVerdict for each, as they are read."""

    paths: tuple[str, ...]


class CaptureVerdict(msgspec.Struct, frozen=True):
    """What was found in a capture, in a sentence or two."""

    path: str
    text: str


class PageRow(msgspec.Struct):
    """A connection: what is counted of it, its row of the table, and its view as compressed JSON."""

    connection: Connection
    row: list[bytes]
    view: bytes


def stream_of(result: Result) -> int:
    """The number of a connection."""
    return result[0].stream


def page_row(prepare: Prepare, result: Result) -> PageRow:
    """A connection made ready."""
    entry = prepare.entry((result[0], None))
    return PageRow(entry.connection, entry.row, zlib.compress(b"[" + b",".join(entry.view) + b"]", PACKING))


class CaptureWork:
    """Answers questions about captures. `keep`: only connections for which it holds."""

    def __init__(self, options: AnalysisOptions, keep: Filter | None = None) -> None:
        self._options = options
        self._keep = keep

    def work(self, question: object, send: Send) -> None:
        """Answers one question through `send`. Raises CaptureError where a capture can not be read."""
        if isinstance(question, AskPage):
            bound(question.bounded)
            self._page(question, send)
        elif isinstance(question, AskPackets):
            bound(question.bounded)
            self._packets(question, send)
        elif isinstance(question, AskStreams):
            bound()
            send_matches(question.filter, self._options, stream_of, OneOnly(send), [question.path], False)
        elif isinstance(question, AskComparison):
            bound(question.before[2] or question.after[2])
            self._comparison(question, send)
        elif isinstance(question, AskVerdicts):
            for path in question.paths:
                send(CaptureVerdict(path, self._verdict(path, send)))
        else:
            raise TypeError(f"{type(question).__name__} is no question")

    def _page(self, question: AskPage, send: Send) -> None:
        batches = OneOnly(send)
        collect = with_workload(self._keep, partial(page_row, Prepare(0)), statements=True)
        run: Run[PageRow | Workload] = Run(
            replace(self._options, commands=True), collect, jobs_allowed(self._keep, None), batches
        )
        run.growing = True
        run.work = PAGE
        batches.all_of(run, [question.path], False)

    def _packets(self, question: AskPackets, send: Send) -> None:
        options = replace(self._options, packets=MOST_PACKETS, commands=True, only=frozenset({question.first_frame}))
        run = Run(options, connections(None, Prepare(0).packets), 1, OneOnly(send))
        for _, found in run.each([question.path], False):
            for later in found:
                send(later.packets)
                return
        raise CaptureError(question.path, "the connection is not there any more: has the file changed?")

    def _verdict(self, path: str, send: Send) -> str:
        totals = SummaryTotals()
        run: Run[Connection] = Run(self._options, connections(self._keep, connection_alone), 1, OneOnly(send))
        try:
            for _, found in run.each([path], False):
                for connection in found:
                    totals.add(connection)
        except CaptureError:
            return "It can not be read as a capture."
        return totals.verdict()

    def _comparison(self, question: AskComparison, send: Send) -> None:
        listener = OneOnly(send)
        sides = []
        for path, name, _ in (question.before, question.after):
            side, _ = side_of(path, self._options, self._keep, jobs_allowed(self._keep, None), listener)
            side.name = name
            sides.append(side)
        send(html(sides[0], sides[1], f"{sides[0].name} and {sides[1].name}", None))


def bound(bounded: bool = True) -> None:
    """From now on this process has MOST_SECONDS of a processor."""
    if bounded:
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
