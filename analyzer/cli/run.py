"""Runs the analysis over sources: opens them, shows progress, collects what could not be read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from analyzer.analysis import Analysis, AnalysisOptions, Source
from analyzer.analysis.dissection.frame_index import growing
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.capture import CaptureSource, open_capture, open_merged
from analyzer.cli.harvest import Collector
from analyzer.cli.parallel import Parallel, add_secrets, jobs_for, unsupported
from analyzer.cli.progress import ProgressLine
from analyzer.errors import CaptureError, UnsupportedLinkType
from analyzer.report.escape import terminal

T = TypeVar("T")

# Warnings of one capture that are printed; the rest are counted.
SHOWN_WARNINGS = 10


def complain(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"handshark: {terminal(message)}\n")


class Run(Generic[T]):
    """Several sources, one after the other, each in as many processes as pay off.

    What `harvest` makes takes from each analysis what the caller writes, in the process that did it. `failed` says
    whether a source could not be read at all.
    """

    def __init__(self, options: AnalysisOptions, harvest: Callable[[], Collector[T]], jobs: int | None = None) -> None:
        self.options = options
        self.harvest = harvest
        self.jobs = jobs
        self.growing = False  # one process takes small pieces first: only the first results are asked for
        self.failed = False
        self.interrupted = False
        self.sources: list[Source] = []

    @property
    def code(self) -> int:
        """The exit code that the sources ask for."""
        return 3 if self.failed else 130 if self.interrupted else 0

    def each(self, names: Sequence[str], merge: bool) -> Iterator[tuple[str, Iterator[T]]]:
        """(name, items) of each source; they have to be used up before the next is asked for."""
        if merge and len(names) > 1:
            name = " + ".join(names) if len(names) < 4 else f"{names[0]} + {len(names) - 1} more"
            yield name, self._results(name, lambda: open_merged(names))
            return
        for name in names:
            jobs = jobs_for(name, self.jobs)
            if jobs > 1:
                yield name, self._parallel(name, jobs)
            else:
                yield name, self._results(name, partial(open_capture, name))

    def _parallel(self, name: str, jobs: int) -> Iterator[T]:
        parallel = Parallel(name, self.options, self.harvest, jobs)
        try:
            yield from parallel.results()
        except CaptureError as error:
            self.failed = True
            complain(str(error))
        if parallel.source is not None:
            self._done(parallel.source)

    def _results(self, name: str, opener: Callable[[], CaptureSource]) -> Iterator[T]:
        try:
            with opener() as capture:
                yield from self._analyse(name, capture)
        except CaptureError as error:
            self.failed = True
            complain(str(error))

    def _analyse(self, name: str, capture: CaptureSource) -> Iterator[T]:
        harvest = self.harvest()
        analysis = Analysis(name, harvest.options(self.options))
        analysis.look_ahead(capture.secrets_ahead)
        progress = ProgressLine(name)
        # A pipe may come from a capture that is being made, and its clients write their keys meanwhile.
        piped = capture.progress()[1] is None
        followed = [KeyLogFile(path) for path in self.options.keylog_files] if piped else []
        taken = 0
        try:
            for batch in growing(capture) if self.growing else capture:
                taken = add_secrets(analysis, capture, taken)
                for log in followed:
                    log.poll(analysis.keys)
                for _, item in harvest.take(analysis, analysis.feed(batch), last=False):
                    yield item
                if piped:
                    sys.stdout.flush()  # whoever watches has it now, and not when a buffer is full
                done, total = capture.progress()
                progress.update(done, total, analysis.totals.frames)
        except KeyboardInterrupt:
            # What was read is worth showing; a second Ctrl-C ends the program.
            self.interrupted = True
        except UnsupportedLinkType as error:
            raise CaptureError(name, unsupported(error)) from error
        finally:
            progress.close()
        add_secrets(analysis, capture, taken)
        for log in followed:
            log.poll(analysis.keys)
        for _, item in harvest.take(analysis, analysis.finish(capture.cut_short), last=True):
            yield item
        self._done(analysis.source(capture.format, [str(warning) for warning in capture.warnings]))

    def _done(self, source: Source) -> None:
        """Says what was wrong with a source that has been read."""
        for warning in source.warnings[:SHOWN_WARNINGS]:
            complain(f"warning: {warning}")
        if len(source.warnings) > SHOWN_WARNINGS:
            complain(f"warning: {source.name}: {len(source.warnings) - SHOWN_WARNINGS} more warnings")
        for note in source.notes:
            complain(f"note: {source.name}: {note}")
        self.sources.append(source)
