"""The one loop that takes a capture through an analysis, and several captures one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result, Source
from analyzer.batches import FrameBatch
from analyzer.engine.collectors import Connections, connection_alone, whole
from analyzer.engine.listener import RunListener
from analyzer.engine.reading import FIRST_PIECE, Reading, growing_pieces
from analyzer.engine.run import Run
from analyzer.errors import CaptureError
from tests.reading import BatchSource, connections_of, opened
from tests.wire.frames import batches
from tests.wire.script import ACCEPTED, conversation

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
KEYS_INSIDE = SAMPLES / "mysql97_cli_tls12.pcapng"


class Noted(RunListener):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.errors: list[str] = []
        self.sources: list[Source] = []

    def failed(self, error: CaptureError) -> None:
        self.errors.append(str(error))

    def done(self, source: Source) -> None:
        self.sources.append(source)

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        self.calls.append(f"{frames} frames")

    def over(self, name: str) -> None:
        self.calls.append("over")

    def waiting(self) -> None:
        self.calls.append("waiting")


class Patient(RunListener):
    """Wants what was read brought to its end."""

    def interrupted(self) -> bool:
        return True


class Piped(BatchSource):
    """Batches of which nobody knows how many there are."""

    def progress(self) -> tuple[int, int | None]:
        return 0, None


class Interrupted(BatchSource):
    """Ctrl-C comes after the first batch."""

    def _read(self) -> Iterator[FrameBatch]:
        yield self.given[0]
        raise KeyboardInterrupt


def test_keys_inside_a_capture_are_used_without_asking() -> None:
    with_keys, without = connections_of(KEYS_INSIDE), connections_of(KEYS_INSIDE, keys=False)
    assert [one.tls is not None and one.tls.decrypted for one in with_keys] == [True]
    assert [one.tls is not None and one.tls.decrypted for one in without] == [False]


def test_a_growing_key_log_beside_a_pipe_is_read_on(tmp_path: Path) -> None:
    log = tmp_path / "keys"
    options = AnalysisOptions(keylog_files=(str(log),))
    analysis = Analysis("x", options)
    reading = Reading(analysis, Piped("x", batches(conversation([*ACCEPTED]), 1)))
    for number, results in enumerate(reading.batches()):
        list(results)
        if number == 1:
            log.write_bytes(b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n")
    list(reading.end())
    assert len(analysis.keys) == 1


def test_what_a_listener_is_told() -> None:
    noted = Noted()
    frames = conversation([*ACCEPTED])
    reading = Reading(Analysis("x", AnalysisOptions()), Piped("x", batches(frames, len(frames))), noted)
    assert len(list(reading.results())) == 1
    assert noted.calls == ["waiting", f"{len(frames)} frames", "over"]


def test_ctrl_c_shows_what_was_read() -> None:
    frames = conversation([*ACCEPTED])
    source = Interrupted("x", batches([*frames, frames[-1]], len(frames)))
    reading = Reading(Analysis("x", AnalysisOptions()), source, Patient())
    (result,) = [item for _, item in reading.collected(Connections(whole))]
    assert reading.interrupted
    assert result[0].outcome == "accepted"


def test_ctrl_c_goes_on_where_nobody_asks_for_the_rest() -> None:
    frames = conversation([*ACCEPTED])
    reading = Reading(Analysis("x", AnalysisOptions()), Interrupted("x", batches(frames, 5)))
    with pytest.raises(KeyboardInterrupt):
        list(reading.collected(Connections(whole)))


def test_growing_pieces_hold_the_same_frames() -> None:
    with opened(KEYS_INSIDE) as source:
        (batch,) = list(source)
    assert [len(piece) for piece in growing_pieces([batch.part(slice(0, 0))])] == [0]
    pieces = list(growing_pieces([batch, batch]))
    assert [number for piece in pieces for number in piece.number.tolist()] == batch.number.tolist() * 2
    assert len(batch) < FIRST_PIECE


def test_the_rest_goes_on_where_a_source_can_not_be_read(tmp_path: Path) -> None:
    noted = Noted()
    names = [str(tmp_path / "missing.pcap"), str(KEYS_INSIDE)]
    run: Run[Connection] = Run(AnalysisOptions(), partial(Connections, connection_alone), None, noted)
    found = {name: list(items) for name, items in run.each(names, False)}
    assert [len(found[name]) for name in names] == [0, 1]
    assert noted.errors == [f"{names[0]}: no such file or directory"]
    assert (run.failed, run.code) == (True, 3)
    assert noted.sources == run.sources
    assert [source.name for source in run.sources] == [str(KEYS_INSIDE)]


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_processes_says_the_same(jobs: int) -> None:
    def results(processes: int) -> tuple[list[Result], list[Source]]:
        run: Run[Result] = Run(AnalysisOptions(packets=3), partial(Connections, whole), processes)
        names = [str(path) for path in sorted(SAMPLES.glob("mariadb118_*.pcap"))[:4]]
        return [result for _, items in run.each(names, False) for result in items], run.sources

    alone, together = results(1), results(jobs)
    assert msgspec.to_builtins(alone) == msgspec.to_builtins(together)
