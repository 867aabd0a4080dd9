"""Several captures, one after the other or merged, each in as many processes as pay off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from analyzer.analysis import Analysis, AnalysisOptions, Source
from analyzer.capture import CaptureSource, open_capture, open_merged
from analyzer.engine.collectors import Collector
from analyzer.engine.jobs import CONNECTIONS, Work, jobs_for
from analyzer.engine.listener import RunListener
from analyzer.engine.reading import Reading
from analyzer.errors import CaptureError

T = TypeVar("T")


class Run(Generic[T]):
    """Reads sources by their names. What could not be read is told to the listener, and the rest goes on.

    collect      makes what takes from each analysis what the caller wants, in the process that did it
    jobs         processes for each source; None: as many as pay off
    analysis     how each source is analysed
    work         what a connection and a segment take: from it follows how many processes pay off
    growing      one process takes small pieces first: only the first results are asked for
    failed       whether a source could not be read at all
    interrupted  whether Ctrl-C ended the reading of a source
    sources      those that were read, in their order
    """

    def __init__(
        self,
        options: AnalysisOptions,
        collect: Callable[[], Collector[T]],
        jobs: int | None = None,
        listener: RunListener | None = None,
    ) -> None:
        self.options = options
        self.collect = collect
        self.jobs = jobs
        self.listener = listener or RunListener()
        self.growing = False
        self.work: Work = CONNECTIONS
        self.analysis: type[Analysis] = Analysis
        self.failed = False
        self.interrupted = False
        self.sources: list[Source] = []

    @property
    def code(self) -> int:
        """The exit code that the sources ask for."""
        return 3 if self.failed else 130 if self.interrupted else 0

    def each(self, names: Sequence[str], merge: bool) -> Iterator[tuple[str, Iterator[T]]]:
        """(name, items) of each source; they have to be used up before the next is asked for.

        What can not be read is told to the listener, and the next source follows.
        """
        if merge and len(names) > 1:
            name = " + ".join(names) if len(names) < 4 else f"{names[0]} + {len(names) - 1} more"
            yield name, self._told(self.items(name, lambda: open_merged(names)))
            return
        for name in names:
            yield name, self._told(self.items(name))

    def items(self, name: str, opener: Callable[[], CaptureSource] | None = None) -> Iterator[T]:
        """What is collected from one source, opened by its name or by `opener`. Raises CaptureError."""
        if opener is None:
            jobs = jobs_for(name, self.jobs, self.work)
            if jobs.apart:
                yield from self._parallel(name, jobs.processes)
                return
            opener = partial(open_capture, name)
        with opener() as capture:
            collector = self.collect()
            analysis = self.analysis(name, collector.options(self.options))
            reading = Reading(analysis, capture, self.listener, growing=self.growing)
            for _, item in reading.collected(collector):
                yield item
            self.interrupted |= reading.interrupted
            self._done(reading.source())

    def _parallel(self, name: str, jobs: int) -> Iterator[T]:
        from analyzer.engine.parallel import Parallel

        parallel = Parallel(name, self.options, self.collect, jobs, self.listener)
        try:
            yield from parallel.results()
        except CaptureError:
            if parallel.source is not None:
                self._done(parallel.source)
            raise
        if parallel.source is not None:
            self._done(parallel.source)

    def _told(self, items: Iterator[T]) -> Iterator[T]:
        try:
            yield from items
        except CaptureError as error:
            self.failed = True
            self.listener.failed(error)

    def _done(self, source: Source) -> None:
        self.listener.done(source)
        self.sources.append(source)
