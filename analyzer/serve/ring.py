"""The files that a live capture writes, asked for a connection whose packets are not kept otherwise."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions, Connection, Result
from analyzer.engine.background import Send
from analyzer.engine.browsing import OneOnly, send_matches
from analyzer.engine.collectors import connections
from analyzer.engine.run import Run
from analyzer.errors import CaptureError
from analyzer.report.html.prepare import Prepare
from analyzer.report.prose import labels
from analyzer.serve.work import MOST_PACKETS, bound

# What ends the names of a ring's files before their suffix: their number and when they were begun.
_ONE_OF_RING = "_[0-9][0-9][0-9][0-9][0-9]_" + 14 * "[0-9]"


class AskRing(msgspec.Struct, frozen=True):
    """A connection, by when it began and ended (microseconds since 1970), and by its ends: one RingContent."""

    start_us: int
    end_us: int
    client: str
    server: str


class AskRingMatches(msgspec.Struct, frozen=True):
    """The connections in the files for which a display filter holds: lists of RingName."""

    filter: str


# Which connection it is: when it began (microseconds since 1970), its client, its server.
RingName = tuple[int, str, str]


class RingContent(msgspec.Struct):
    """The JSON of the values of its view, and of the columns of its packets."""

    view: list[bytes]
    packets: list[bytes]


class RingWork:
    """Answers from the files of one capture. `path` is what they are named after; `ring`: they are several.

    `options` are made when something is asked: key logs grow.
    """

    def __init__(self, path: str, ring: bool, options: Callable[[], AnalysisOptions | None]) -> None:
        self._path = path
        self._ring = ring
        self._options = options

    def work(self, question: object, send: Send) -> None:
        """Answers one question through `send`. Raises CaptureError where nothing is found."""
        if isinstance(question, AskRingMatches):
            self._matches(question, send)
            return
        if not isinstance(question, AskRing):
            raise TypeError(f"{type(question).__name__} is no question")
        options, files = self._options(), self._files(question)
        if options is None or not files:
            raise CaptureError(self._path, "no file holds it any more")
        same = partial(_is, question)
        options = replace(options, packets=MOST_PACKETS, commands=True, wanted=same)
        run = Run(options, connections(None, partial(_content, same)), 1, OneOnly(send))
        for _, found in run.each(files, merge=True):
            for content in found:
                if content is not None:
                    send(content)
                    return
        raise CaptureError(self._path, "no file holds it any more")

    def _matches(self, question: AskRingMatches, send: Send) -> None:
        options, files = self._options(), self._there()
        if options is None or not files:
            raise CaptureError(self._path, "there is nothing in it yet")
        bound()
        send_matches(question.filter, options, _name, OneOnly(send), files, merge=True)

    def _there(self) -> list[str]:
        """All files, the oldest first."""
        if not self._ring:
            return [self._path] if _size_of(self._path) else []
        base, suffix = os.path.splitext(self._path)
        found = sorted(glob.glob(f"{glob.escape(base)}{_ONE_OF_RING}{glob.escape(suffix)}"))
        return [name for name in found if _size_of(name)]

    def _files(self, question: AskRing) -> Sequence[str]:
        """Those that were written to while the connection went on."""
        found = self._there()
        if not self._ring:
            return found
        chosen = []
        begun_us = 0.0  # when the file began: when the one before was written to last
        for name in found:
            changed_us = os.stat(name).st_mtime_ns / 1000
            # The kernel hands frames on a moment after their time.
            if begun_us <= question.end_us + 2_000_000 and changed_us >= question.start_us:
                chosen.append(name)
            begun_us = changed_us
        return chosen


def _size_of(name: str) -> int:
    """Bytes of a regular file; 0 where it is gone, or something else."""
    try:
        known = os.stat(name)
    except OSError:
        return 0
    return known.st_size if stat.S_ISREG(known.st_mode) else 0


def _is(question: AskRing, connection: Connection) -> bool:
    """By its ends and when it began: files have other numbers than the capture."""
    return _name((connection, None)) == (question.start_us, question.client, question.server)


def _name(result: Result) -> RingName:
    connection = result[0]
    return connection.start_time_ns // 1000, labels.client(connection), labels.endpoint(connection.server)


def _content(same: Callable[[Connection], bool], result: Result) -> RingContent | None:
    if not same(result[0]):
        return None
    entry = Prepare(0).entry(result)
    return RingContent(entry.view, entry.packets)
