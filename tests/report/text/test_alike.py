"""Text of connections of known kinds is that of any connection."""

from __future__ import annotations

import pytest

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.report.prose.clock import clock_named
from analyzer.report.text.connections import TextReport
from tests.wire.frames import Frame, batches
from tests.wire.mysql import QUIT, err, greeting, login, ok, query
from tests.wire.script import SECOND, START, Script, conversation

COPIES = 24
ACCEPTED = [("s", ok()), ("c", query()), ("s", ok(1)), ("c", QUIT)]
REFUSED = [("s", err(2, 1045, "Access denied for user 'x'@'%d' (using password: YES)"))]
DAY = 86_400 * SECOND


def _told(said: list[Script], network: str) -> list[object]:
    frames: list[Frame] = []
    for number in range(COPIES):
        client = (f"{network}{number + 1}", 9_990 + number)
        start_ns = START + number * DAY // 10
        frames += conversation(
            said[number % len(said)], client=client, server=(network + "ff", 3306), start_ns=start_ns
        )
    analysis = Analysis("capture", AnalysisOptions())
    told: list[object] = [one for batch in batches(frames) for one in analysis.told(batch)]
    return [*told, *analysis.told_last(False)]


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("network", ["2001:db8::", "2001:db8:1111:2222:3333:4444:5555:"])
@pytest.mark.parametrize("user", ["app", "a % b %s", "\N{SNOWMAN}" * 30, "a\x07b"])
def test_lines_and_summary(user: str, network: str, colour: bool, width: int) -> None:
    begun: Script = [("s", greeting()), ("c", login(user=user))]
    written: list[str] = []
    told = _told([[*begun, *ACCEPTED], [*begun, *REFUSED]], network)
    alike = sum(isinstance(one, Alike) for one in told)
    assert alike > COPIES // 2
    for known in (True, False):
        lines: list[str] = []
        report = TextReport(lines.append, width, colour, clock=clock_named("+05:30"))
        report.begin("capture")
        for one in told:
            if not isinstance(one, Alike):
                assert isinstance(one, tuple)
                report.connection(*one)
            elif known:
                report.alike(one)
            else:
                report.connection(one.connection())
        report.summary()
        written.append("".join(lines))
    assert written[0] == written[1]
    assert written[0].count(" +05:30\n") > 1 or colour
