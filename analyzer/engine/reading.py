"""One capture through one analysis: keys before frames, frames, keys again, the end. Nothing else does this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from analyzer.analysis import Analysis, Result, Source
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.batches import FrameBatch
from analyzer.capture import CaptureSource
from analyzer.engine.collectors import Collector, takes_alike
from analyzer.engine.listener import RunListener
from analyzer.engine.packed import Key
from analyzer.errors import CaptureError, UnsupportedLinkType

T = TypeVar("T")
R = TypeVar("R")

# Frames of the first piece where a capture is taken in growing pieces.
FIRST_PIECE: Final = 1 << 12


class Reading:
    """Feeds an open capture to an analysis. Raises CaptureError where the capture can not be read on.

    growing      takes small pieces first: only the first results are asked for
    taken        key logs inside the capture that the analysis has
    interrupted  whether Ctrl-C ended the reading before the end of the capture
    """

    def __init__(
        self,
        analysis: Analysis,
        capture: CaptureSource,
        listener: RunListener | None = None,
        *,
        growing: bool = False,
        taken: int = 0,
    ) -> None:
        self.analysis = analysis
        self.capture = capture
        self.growing = growing
        self.interrupted = False
        self._listener = listener or RunListener()
        # A pipe may come from a capture that is being made, and its clients write their keys meanwhile.
        self._piped = capture.progress()[1] is None
        if self._piped:
            analysis.hold_nothing_back()
        self._keylogs = [KeyLogFile(path) for path in analysis.options.keylog_files] if self._piped else []
        self._taken = taken

    def results(self) -> Iterator[Result]:
        """Every connection with what is shown of it, in the order of their first frames."""
        for results in self.batches():
            yield from results
        yield from self.end()

    def collected(self, collector: Collector[T]) -> Iterator[tuple[Key, T]]:
        """What a collector takes from the analysis, with its keys. The listener says what Ctrl-C does."""
        analysis = self.analysis
        alike = takes_alike(collector)
        # Who takes no connections of known kinds gets them whole.
        take: Callable[[Analysis, Iterator[Any], bool], Iterable[tuple[Key, T]]] = collector.take
        try:
            for results in self._each(analysis.told if alike else analysis.feed):
                yield from take(analysis, results, False)
        except KeyboardInterrupt:
            if not self._listener.interrupted():
                raise
            self.interrupted = True
        self._read_keys()
        finish = analysis.told_last if alike else analysis.finish
        yield from take(analysis, finish(self.capture.cut_short), True)

    def batches(self) -> Iterator[Iterator[Result]]:
        """For each batch of frames the connections that it completed: to be used up before the next is asked for."""
        return self._each(self.analysis.feed)

    def _each(self, feed: Callable[[FrameBatch], Iterator[R]]) -> Iterator[Iterator[R]]:
        analysis, capture, listener = self.analysis, self.capture, self._listener
        analysis.look_ahead(capture.secrets_ahead, every=not self._piped and holds_no_keys(capture.format))
        try:
            for batch in growing_pieces(capture) if self.growing else capture:
                self._read_keys()
                yield self._fed(feed, batch)
                if self._piped:
                    listener.waiting()
                listener.progress(analysis.name, *capture.progress(), analysis.totals.frames)
        finally:
            listener.over(analysis.name)

    def end(self) -> Iterator[Result]:
        """The capture is over: the connections that are left."""
        self._read_keys()
        yield from self.analysis.finish(self.capture.cut_short)

    def source(self) -> Source:
        """The capture as a whole, once it has been read."""
        return self.analysis.source(self.capture.format, [str(warning) for warning in self.capture.warnings])

    def _fed(self, feed: Callable[[FrameBatch], Iterator[R]], batch: FrameBatch) -> Iterator[R]:
        try:
            yield from feed(batch)
        except UnsupportedLinkType as error:
            raise CaptureError(self.analysis.name, unsupported(error)) from error

    def _read_keys(self) -> None:
        """Hands on the key logs that the capture has held since the last time, and what has come to those beside it."""
        secrets = self.capture.secrets
        for content in secrets[self._taken :]:
            self.analysis.add_keys(content)
        self._taken = len(secrets)
        for log in self._keylogs:
            log.poll(self.analysis.keys)


def holds_no_keys(capture_format: str) -> bool:
    """Whether no file of a capture can have key logs inside: of those that are read, pcapng alone has room for them."""
    return all(one.startswith("pcap") and not one.startswith("pcapng") for one in capture_format.split(" and "))


def growing_pieces(batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
    """The same frames in pieces that begin small and grow: where the first rows are all that is asked for."""
    size = FIRST_PIECE
    for batch in batches:
        for begin in range(0, max(len(batch), 1), size):
            yield batch.part(slice(begin, begin + size))
        size *= 4


def unsupported(error: UnsupportedLinkType) -> str:
    """What to say of a link type that nobody can read."""
    return (
        f"link type {error.link_type} is not one that can be read (its name is at "
        "https://www.tcpdump.org/linktypes.html); capture on an Ethernet, cooked, loopback or IP interface"
    )
