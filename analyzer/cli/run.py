"""Runs the analysis over sources: opens them, shows progress, collects what could not be read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

from analyzer.analysis import Analysis, Options, Result, Source
from analyzer.capture import CaptureSource, open_capture, open_merged
from analyzer.cli.progress import Progress
from analyzer.errors import CaptureError, UnsupportedLinkType
from analyzer.report.escape import terminal

# Warnings of one capture that are printed; the rest are counted.
SHOWN_WARNINGS = 10


def complain(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"handshark: {terminal(message)}\n")


class Run:
    """Several sources, one after the other. `failed` says whether one could not be read at all."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.failed = False
        self.interrupted = False
        self.sources: list[Source] = []

    def each(self, names: Sequence[str], merge: bool) -> Iterator[tuple[str, Iterator[Result]]]:
        """(name, results) of each source; `results` has to be used up before the next is asked for."""
        if merge and len(names) > 1:
            name = " + ".join(names) if len(names) < 4 else f"{names[0]} + {len(names) - 1} more"
            yield name, self._results(name, lambda: open_merged(names))
            return
        for name in names:
            yield name, self._results(name, lambda name=name: open_capture(name))  # type: ignore[misc]

    def _results(self, name: str, opener: Callable[[], CaptureSource]) -> Iterator[Result]:
        try:
            with opener() as capture:
                yield from self._analyse(name, capture)
        except CaptureError as error:
            self.failed = True
            complain(str(error))

    def _analyse(self, name: str, capture: CaptureSource) -> Iterator[Result]:
        analysis = Analysis(name, self.options)
        progress = Progress(name)
        try:
            for batch in capture:
                yield from analysis.feed(batch)
                done, total = capture.progress()
                progress.update(done, total, analysis.totals.frames)
        except KeyboardInterrupt:
            # What was read is worth showing; a second Ctrl-C ends the program.
            self.interrupted = True
        except UnsupportedLinkType as error:
            raise CaptureError(
                name,
                f"link type {error.link_type} is not one that can be read (its name is at "
                "https://www.tcpdump.org/linktypes.html); capture on an Ethernet, cooked, loopback or IP interface",
            ) from error
        finally:
            progress.close()
        yield from analysis.finish(capture.cut_short)
        warnings = [str(warning) for warning in capture.warnings]
        for warning in warnings[:SHOWN_WARNINGS]:
            complain(f"warning: {warning}")
        if len(warnings) > SHOWN_WARNINGS:
            complain(f"warning: {name}: {len(warnings) - SHOWN_WARNINGS} more warnings")
        source = analysis.source(capture.format, warnings)
        for note in source.notes:
            complain(f"note: {name}: {note}")
        self.sources.append(source)
