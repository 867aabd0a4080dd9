"""TLS that a key log opens, and that stays sealed where what it holds is alike: the same comes out as of each alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.conversation.tls_layer import TlsLayer
from analyzer.capture import open_capture
from analyzer.sharing.redact import RedactRequest
from analyzer.sharing.redaction.keep import KeptKinds
from tests.analysis.connection.inside import COPIES, OTHERS, PLAIN, SAMPLES, Change, broken, frames_of_all, sessions_of
from tests.analysis.connection.opened import Session
from tests.sharing.reading import KEY, redacted
from tests.wire.files import pcapng
from tests.wire.frames import Frame

NOTHING = KeptKinds(frozenset())
# Of each sample two teach what comes before TLS, two the login inside, and two who redacts each of them, perhaps once
# more when a name has become known.
TEACH = 7


def _both(path: Path, frames: Sequence[Frame], sessions: Sequence[Session]) -> bytes:
    path.write_bytes(pcapng(frames))
    options = AnalysisOptions(keylogs=(b"".join(session.log for session in sessions),))
    together, summary, _ = redacted(path, RedactRequest(KEY, NOTHING), options)
    alone, other, _ = redacted(path, RedactRequest(KEY, NOTHING, plain=False), options)
    assert together == alone
    assert (summary.opened, summary.closed, summary.zeroed) == (other.opened, other.closed, other.zeroed)
    assert b"hushed" not in together
    assert b"muffled" not in together
    return together


def test_most_have_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, begun = sessions_of(SAMPLES, random.Random(1), PLAIN, COPIES), []
    before = TlsLayer.begin

    def begin(layer: TlsLayer, *told: object) -> None:
        begun.append(layer)
        before(layer, *told)  # type: ignore[arg-type]

    monkeypatch.setattr(TlsLayer, "begin", begin)
    path = tmp_path / "tls.pcapng"
    path.write_bytes(pcapng(frames_of_all(sessions)))
    options = AnalysisOptions(keylogs=(b"".join(session.log for session in sessions),))
    _, summary, _ = redacted(path, RedactRequest(KEY, NOTHING), options)
    assert (summary.connections, summary.opened) == (len(sessions), len(sessions))
    assert len(begun) <= TEACH * len(SAMPLES)
    _both(path, frames_of_all(sessions), sessions)


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: change.__name__.strip("_"))
def test_something_else_behind_what_is_plain(change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = sessions_of(SAMPLES[::2], random.Random(2), PLAIN, COPIES)
    sessions += sessions_of(SAMPLES[::2], random.Random(3), (*PLAIN, change, *PLAIN), 2)
    frames = frames_of_all(sessions)
    whole = _both(tmp_path / "tls.pcapng", frames, sessions)
    for size in (700, 5000):
        monkeypatch.setattr("analyzer.sharing.inputs.open_capture", partial(open_capture, batch_bytes=size))
        assert _both(tmp_path / "tls.pcapng", frames, sessions) == whole


@pytest.mark.parametrize("seed", range(6))
def test_captures_that_are_broken(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    sessions = sessions_of(SAMPLES, draw, draw.sample(PLAIN + OTHERS, 3), COPIES)
    frames = broken(frames_of_all(sessions), draw)
    known = [session for session in sessions if draw.random() > 0.1]
    _both(tmp_path / "tls.pcapng", frames, known)
    monkeypatch.setattr("analyzer.sharing.inputs.open_capture", partial(open_capture, batch_bytes=3000))
    _both(tmp_path / "tls.pcapng", frames, known)
