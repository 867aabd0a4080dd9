"""The overview counts connections of known kinds as it counts any connection."""

from __future__ import annotations

from analyzer.analysis import Alike, Analysis, AnalysisOptions, Connection, Source
from analyzer.report.html.overview import Overview
from tests.wire.frames import Frame, batches
from tests.wire.mysql import QUIT, err, greeting, login, ok, query
from tests.wire.script import SECOND, START, Script, conversation

ACCEPTED: Script = [("s", ok()), ("c", query()), ("s", ok(1)), ("c", QUIT)]
REFUSED: Script = [("s", err(2, 1045, "Access denied for user 'x'@'%' (using password: YES)"))]
SWITCHED: Script = [("s", greeting()), ("c", login(plugin="mysql_native_password"))]
KINDS: list[Script] = [
    [("s", greeting()), ("c", login()), *ACCEPTED],
    [("s", greeting()), ("c", login()), *REFUSED],
    [*SWITCHED, *ACCEPTED],
]


def _told() -> list[Alike | Connection]:
    """Connections of three kinds, from many hosts; refused ones wait for others."""
    frames: list[Frame] = []
    for number in range(90):
        client = f"10.0.{number % 7}.{number + 1}", 50_000 + number
        start = START + number * SECOND
        frames += conversation(KINDS[number % 3], client=client, server=("10.0.0.99", 3306), start_ns=start)
    analysis = Analysis("made.pcap", AnalysisOptions())
    told = [one for batch in batches(frames) for one in analysis.told(batch)]
    return [one if isinstance(one, Alike) else one[0] for one in [*told, *analysis.told_last(False)]]


def test_known_kinds_count_as_any_connection() -> None:
    told, sources = _told(), [Source("made.pcap", "pcap", 1, 1, 1, None, None, [], [])]
    alike, whole = Overview(), Overview()
    for one in told:
        whole.add(one.connection() if isinstance(one, Alike) else one)
        if isinstance(one, Alike):
            alike.add_alike(one)
        else:
            alike.add(one)
    assert sum(isinstance(one, Alike) for one in told) > 70
    assert _comparable(alike.values(sources)) == _comparable(whole.values(sources))


def _comparable(values: dict[str, object]) -> str:
    """All that templates are given, as text."""
    totals, statistics = values.pop("totals"), values.pop("statistics")
    return f"{values} {totals.verdict()} {vars(statistics.total)} {statistics.logins} {statistics.in_clear}"  # type: ignore[attr-defined]
