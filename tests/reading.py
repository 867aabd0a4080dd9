"""Captures through the engine, for tests: files, bytes or batches in memory; connections, or what a collector takes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.batches import FrameBatch
from analyzer.capture import CaptureSource, CaptureWarning, open_capture, open_stream
from analyzer.capture.state import ReadState
from analyzer.engine.collectors import Collector
from analyzer.engine.reading import Reading

T = TypeVar("T")
Given = Path | bytes | Sequence[FrameBatch] | CaptureSource


class BatchSource(CaptureSource):
    """Batches that are there already, as a capture."""

    format = "batches"

    def __init__(self, name: str, batches: Sequence[FrameBatch], cut_short: bool = False) -> None:
        self.given = batches
        state = ReadState(name)
        state.cut_short = cut_short
        super().__init__(state)

    def progress(self) -> tuple[int, int | None]:
        return 0, 0

    def _read(self) -> Iterator[FrameBatch]:
        yield from self.given

    def close(self) -> None:
        self._batches = iter(())


class KeylessSource(CaptureSource):
    """A capture without the keys that are inside it."""

    def __init__(self, source: CaptureSource) -> None:
        self.source = source
        self.format = source.format
        super().__init__(ReadState(source.name))

    @property
    def warnings(self) -> list[CaptureWarning]:
        return self.source.warnings

    @property
    def frames(self) -> int:
        return self.source.frames

    @property
    def cut_short(self) -> bool:
        return self.source.cut_short

    def progress(self) -> tuple[int, int | None]:
        return self.source.progress()

    def _read(self) -> Iterator[FrameBatch]:
        yield from self.source

    def close(self) -> None:
        self.source.close()


def opened(capture: Given, *, keys: bool = True, batch_bytes: int = 4 << 20) -> CaptureSource:
    """The capture as a source. Without `keys` those inside it are not seen. Raises CaptureError."""
    if isinstance(capture, CaptureSource):
        source = capture
    elif isinstance(capture, Path):
        source = open_capture(str(capture), batch_bytes=batch_bytes)
    elif isinstance(capture, bytes):
        source = open_stream(io.BytesIO(capture), "capture", batch_bytes=batch_bytes)
    else:
        source = BatchSource("batches", capture)
    return source if keys else KeylessSource(source)


def name_of(capture: Given) -> str:
    return capture.name if isinstance(capture, Path | CaptureSource) else "capture"


def read_through(analysis: Analysis, capture: Given, *, keys: bool = True, batch_bytes: int = 4 << 20) -> list[Result]:
    """All results of an analysis that a test has made. Raises CaptureError."""
    with opened(capture, keys=keys, batch_bytes=batch_bytes) as source:
        return list(Reading(analysis, source).results())


def results_of(
    capture: Given, options: AnalysisOptions | None = None, *, keys: bool = True, batch_bytes: int = 4 << 20
) -> list[Result]:
    """Every MySQL connection of a capture, with what is shown of it. Raises CaptureError."""
    analysis = Analysis(name_of(capture), options or AnalysisOptions())
    return read_through(analysis, capture, keys=keys, batch_bytes=batch_bytes)


def connections_of(capture: Given, options: AnalysisOptions | None = None, *, keys: bool = True) -> list[Connection]:
    """Every MySQL connection of a capture. Raises CaptureError."""
    return [connection for connection, _ in results_of(capture, options, keys=keys)]


def collected(
    capture: Given, collector: Collector[T], options: AnalysisOptions | None = None, *, growing: bool = False
) -> list[T]:
    """What a collector takes from a capture. Raises CaptureError."""
    analysis = Analysis(name_of(capture), collector.options(options or AnalysisOptions()))
    with opened(capture) as source:
        return [item for _, item in Reading(analysis, source, growing=growing).collected(collector)]
