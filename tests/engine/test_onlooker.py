"""Who looks on while a live capture goes on: the analysis never waits, and notices when nobody is there any more."""

from __future__ import annotations

import os
import signal

import pytest

from analyzer.analysis.model.counts import Counts
from analyzer.engine import onlooker
from analyzer.engine.live_following import ViewClosed
from analyzer.engine.onlooker import OnlookerProcess
from tests.report import examples


def test_the_analysis_never_waits_for_who_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks on takes nothing: news are left out and counted, and it is noticed when it goes."""
    monkeypatch.setattr(onlooker, "CROWDED", 100_000)
    monkeypatch.setattr(onlooker, "FULL", 300_000)

    def stuck(receive: int) -> None:
        os.read(receive, 1)
        os._exit(0)

    process = OnlookerProcess(stuck)
    process.start()
    with pytest.raises(ViewClosed):
        flood(process, 100_000)
    process.close(True)


def flood(process: OnlookerProcess, many: int) -> None:
    """More news than anybody takes."""
    for _ in range(many):
        process.news(examples.accepted(), examples.detail(), True)
        process.tick(Counts())


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onlooker, "FULL", 300_000)
    process = OnlookerProcess(lambda _: asleep())
    process.start()
    flood(process, 1000)
    assert process.lost > 0
    process.close(False)


def asleep() -> None:
    """Somebody who never looks."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        signal.pause()
