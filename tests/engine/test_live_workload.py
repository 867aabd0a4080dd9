"""The workload of a live capture: told while connections go on, each command once, those of copies not at all."""

from __future__ import annotations

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.live import LiveAnalysis
from analyzer.engine.live_workload import LiveWorkload
from tests.analysis.findings.network import translated
from tests.wire.frames import Frame, batches
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation, in_time_order

ASKED: list[Step] = [("c", query("SELECT 1")), ("s", ok(1)), ("c", query("SELECT 22")), ("s", ok(1))]


class Told:
    """What comes of frames, part by part."""

    def __init__(self, *, shown: bool = True) -> None:
        self.workload = LiveWorkload("live", False)
        self._analysis = LiveAnalysis("live", self.workload.options(AnalysisOptions()))
        self._shown = shown
        self.whole = Workload()

    def take(self, frames: list[Frame]) -> int:
        """How many commands the part has that comes of them."""
        for batch in batches(frames):
            for connection, _, final in self._analysis.take(batch):
                if self._shown:
                    self.workload.news(connection, final)
        part = self.workload.part(last=True)
        if part is None:
            return 0
        self.whole.merge(part)
        return part.commands


def test_commands_are_told_while_their_connection_goes_on_and_once() -> None:
    frames = conversation([*ACCEPTED, *ASKED, *ASKED, *GOODBYE])
    told = Told()
    counts = [told.take([frame]) for frame in frames]
    assert max(counts) == 1
    assert sum(counts) == 5  # the last is the quit
    assert told.whole.statements["SELECT ?"].count == 4
    assert told.whole.statements["SELECT ?"].example is not None
    assert told.whole.statements["SELECT ?"].example[:2] == ("live", 0)
    assert told.workload.part(last=True) is None


def test_there_is_a_pause_between_two_parts() -> None:
    told = Told()
    told.take(conversation([*ACCEPTED, *ASKED, *GOODBYE]))
    told.take(conversation([*ACCEPTED, *GOODBYE], client=("10.0.0.9", 50_000)))
    assert told.workload.part() is None


def test_what_a_capture_holds_twice_is_counted_once() -> None:
    sessions = translated()
    frames = in_time_order(*(session.frames for session in sessions))
    once, twice = Told(), Told()
    once.take(sessions[0].frames)
    for frame in frames:
        twice.take([frame])
    assert twice.whole.commands == once.whole.commands > 0


def test_connections_that_are_not_shown_leave_nothing() -> None:
    told = Told(shown=False)
    assert told.take(conversation([*ACCEPTED, *ASKED, *GOODBYE])) == 0
    assert told.take(conversation([*ACCEPTED, *GOODBYE], client=("10.0.0.9", 50_000))) == 0
    assert told.whole.commands == 0
