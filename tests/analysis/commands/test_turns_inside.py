"""Commands inside of TLS that stays sealed where what it holds is alike: they are those of each session alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.conversation.tls_layer import TlsLayer
from analyzer.capture import open_capture
from analyzer.engine.collectors import Collector
from analyzer.engine.command_collectors import EachCommand, EachTurn
from analyzer.engine.reading import Reading
from analyzer.report.jsonl import encode
from analyzer.report.turn_lines import TurnLines
from tests.analysis.connection.inside import COPIES, OTHERS, PLAIN, SAMPLES, Change, broken, frames_of_all, sessions_of
from tests.analysis.connection.opened import Session
from tests.wire.files import pcapng
from tests.wire.frames import Frame

# Two sessions of each sample teach what comes before TLS, two the login inside; of those that follow two are seen, and
# one proves the kind of connections.
TEACH = 7
# Bytes of batches.
SIZES = (1 << 20, 5000, 700)


def _lines(path: Path, collector: Collector[bytes], options: AnalysisOptions, size: int) -> list[bytes]:
    with open_capture(str(path), batch_bytes=size) as capture:
        analysis = Analysis(path.name, collector.options(options))
        items = Reading(analysis, capture).collected(collector)
        return b"".join(item for _, item in items).splitlines()


def _same(path: Path, frames: Sequence[Frame], sessions: Sequence[Session]) -> list[bytes]:
    """The commands, which are the same where each session is decoded."""
    path.write_bytes(pcapng(frames))
    options = AnalysisOptions(keylogs=(b"".join(session.log for session in sessions),))
    expected = _lines(path, EachCommand(0, encode), replace(options, shapes=False), SIZES[0])
    for size in SIZES:
        assert sorted(_lines(path, EachTurn(0, TurnLines), options, size)) == sorted(expected)
    assert _lines(path, EachTurn(0, TurnLines), options, SIZES[0]) == expected
    return expected


def test_most_have_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, begun = sessions_of(SAMPLES, random.Random(1), PLAIN, COPIES), []
    path = tmp_path / "tls.pcapng"
    assert len(_same(path, frames_of_all(sessions), sessions)) > COPIES * len(PLAIN)
    before = TlsLayer.begin

    def begin(layer: TlsLayer, *told: object) -> None:
        begun.append(layer)
        before(layer, *told)  # type: ignore[arg-type]

    monkeypatch.setattr(TlsLayer, "begin", begin)
    options = AnalysisOptions(keylogs=(b"".join(session.log for session in sessions),))
    assert _lines(path, EachTurn(0, TurnLines), options, SIZES[0])
    assert len(begun) <= TEACH * len(SAMPLES)
    begun.clear()
    assert not _lines(path, EachTurn(0, TurnLines), AnalysisOptions(), SIZES[0])  # nobody opens it
    assert len(begun) <= TEACH * len(SAMPLES)


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: change.__name__.strip("_"))
def test_what_was_told_is_not_told_again(change: Change, tmp_path: Path) -> None:
    """Something else comes behind plain turns: the session is decoded from its beginning."""
    sessions = sessions_of(SAMPLES[::2], random.Random(2), PLAIN, COPIES)
    sessions += sessions_of(SAMPLES[::2], random.Random(3), (*PLAIN, change, *PLAIN), 2)
    _same(tmp_path / "tls.pcapng", frames_of_all(sessions), sessions)


@pytest.mark.parametrize("seed", range(6))
def test_captures_that_are_broken(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    sessions = sessions_of(SAMPLES, draw, draw.sample(PLAIN + OTHERS, 3), COPIES)
    frames = broken(frames_of_all(sessions), draw)
    _same(tmp_path / "tls.pcapng", frames, [session for session in sessions if draw.random() > 0.1])
