"""Runs the analysis over conversations made by hand (tests/wire)."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.analysis import Analysis, AnalysisOptions, Connection
from analyzer.analysis.options import Result
from tests.reading import BatchSource, read_through
from tests.wire.frames import Frame, batches
from tests.wire.script import Script, conversation


def results_of(
    frames: Sequence[Frame], options: AnalysisOptions | None = None, *, batch: int = 0, cut_short: bool = False
) -> tuple[list[Result], Analysis]:
    """All results of a capture with these frames, fed in batches of `batch` frames."""
    analysis = Analysis("made.pcap", options or AnalysisOptions())
    return read_through(analysis, BatchSource("made.pcap", batches(frames, batch), cut_short)), analysis


def analyse(
    frames: Sequence[Frame], options: AnalysisOptions | None = None, *, cut_short: bool = False
) -> list[Connection]:
    """The MySQL connections of a capture; the same whether it comes at once or frame by frame."""
    whole = [connection for connection, _ in results_of(frames, options, cut_short=cut_short)[0]]
    pieces = [connection for connection, _ in results_of(frames, options, batch=1, cut_short=cut_short)[0]]
    assert pieces == whole
    return whole


def one(script: Script, options: AnalysisOptions | None = None, **how: object) -> Connection:
    """The only MySQL connection of a script."""
    (connection,) = analyse(conversation(script, **how), options)  # type: ignore[arg-type]
    return connection
