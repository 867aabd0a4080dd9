"""What a browser of captures is told is what the other commands say."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer.analysis import AnalysisOptions, Connection, Source
from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.analysis.model.command import Command
from analyzer.engine import browsing
from analyzer.engine.browsing import (
    Arrival,
    AskConnection,
    AskConnections,
    AskMatches,
    AskSlowest,
    AskStatistics,
    Browser,
    ConnectionContent,
    ReadingFailed,
    ReadingProgress,
)
from analyzer.engine.filters import filter_of
from analyzer.errors import CaptureError
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import Frame
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, SECOND, START, Step, conversation, in_time_order, wait

SAMPLES = sorted((REPOSITORY / "samples").glob("*.pcap*"))


def asked(question: object, *paths: Path, merge: bool = False, keep: str | None = None) -> list[object]:
    """All that comes in answer to a question."""
    found: list[object] = []
    names = [str(path) for path in paths]
    Browser(names, merge, AnalysisOptions(), None if keep is None else filter_of(keep)).work(question, found.append)
    return found


def arrivals(items: list[object]) -> list[Arrival]:
    return [one for item in items if isinstance(item, list) for one in item]


def finals(items: list[object]) -> list[Connection]:
    return [one.connection for one in arrivals(items) if one.final]


@pytest.mark.parametrize("path", SAMPLES[::6], ids=lambda path: path.name)
def test_connections_and_what_is_in_them_are_those_of_the_public_face(path: Path) -> None:
    with analyzer.open(path) as handle:
        connections = list(handle.connections())
        commands = list(handle.commands())
        totals = handle.totals
    items = asked(AskConnections(), path)
    assert finals(items) == connections
    assert [item for item in items if isinstance(item, Source)] == [totals]
    for connection in connections:
        [content] = [
            one
            for one in asked(AskConnection(connection.capture, connection.first_frame), path)
            if isinstance(one, ConnectionContent)
        ]
        own = [one for one in commands if one.stream == connection.stream]
        assert content.commands_seen == len(own)
        for mine, theirs in zip(content.commands, sorted(own, key=lambda one: one.number), strict=True):
            assert (mine.number, mine.frame, mine.duration_ns) == (theirs.number, theirs.frame, theirs.duration_ns)
            assert (theirs.statement or "").startswith(mine.statement or "")
        assert content.detail.packets


@pytest.mark.parametrize(
    "text", ["mysql.error_code", 'mysql.query contains "SELECT"', 'handshark.outcome == "rejected"', "tcp.port == 1"]
)
def test_matches_are_those_of_the_filter(text: str) -> None:
    paths = SAMPLES[::9]
    expected = [
        (one.capture, one.first_frame) for path in paths for one in analyzer.connections(str(path), display_filter=text)
    ]
    found = [key for item in asked(AskMatches(text), *paths) if isinstance(item, list) for key in item]
    assert found == expected


def test_a_filter_of_the_start_holds_for_all(tmp_path: Path) -> None:
    path = several(tmp_path)
    keep = 'handshark.outcome == "rejected"'
    assert [one.stream for one in finals(asked(AskConnections(), path, keep=keep))] == [1]
    assert not [one for one in arrivals(asked(AskConnections(), path, keep=keep)) if one.connection.stream != 1]


def several(folder: Path) -> Path:
    """One connection that goes on while others come and go: the others' frames are many."""
    long: list[Step] = [*ACCEPTED]
    for _ in range(3000):
        long += [("c", query("select 1")), ("s", ok(1))]
    refused: list[Step] = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "no"))]
    slow: list[Step] = [*ACCEPTED, ("c", query("select 2")), wait("s", ok(1), 2.0), *GOODBYE]
    frames = in_time_order(
        conversation([*long, *GOODBYE], client=("10.0.0.1", 40000)),
        conversation(refused, client=("10.0.0.7", 40001), start_ns=START + 10 * MS),
        conversation(slow, client=("10.0.0.8", 40002), start_ns=START + SECOND),
    )
    path = folder / "several.pcap"
    path.write_bytes(pcap(frames))
    return path


def test_a_connection_that_goes_on_is_told_of_before_its_end(tmp_path: Path) -> None:
    items = asked(AskConnections(), several(tmp_path))
    told = arrivals(items)
    early = {one.connection.stream: one.connection for one in told if not one.final}
    assert early[0].outcome == "accepted"
    assert len(early) == len([one for one in told if not one.final])
    assert len([one for one in told if one.final]) == 3
    first = next(number for number, item in enumerate(items) if isinstance(item, list))
    assert any(isinstance(item, ReadingProgress) for item in items[first:])


def test_several_captures_and_one_that_is_none(tmp_path: Path) -> None:
    good, bad = several(tmp_path), tmp_path / "bad.pcap"
    bad.write_bytes(b"no capture")
    items = asked(AskConnections(), bad, good)
    [failed] = [item for item in items if isinstance(item, ReadingFailed)]
    assert str(bad) in failed.why
    assert len(finals(items)) == 3
    assert len(finals(asked(AskConnections(), good, good, merge=True))) >= 3


def test_a_capture_that_is_not_there_any_more(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"(?i)no such file"):
        asked(AskConnection(str(tmp_path / "gone.pcap"), 1), tmp_path / "gone.pcap")
    path = several(tmp_path)
    with pytest.raises(CaptureError, match="has the file changed"):
        asked(AskConnection(str(path), 999_999), path)


def test_the_slowest_commands_and_the_statistics(tmp_path: Path) -> None:
    path = several(tmp_path)
    slowest = next(item for item in asked(AskSlowest(), path) if isinstance(item, list))
    assert isinstance(slowest[0], Command)
    assert slowest[0].statement == "select 2"
    assert len(slowest) == browsing.SLOWEST_OF_ALL
    [statistics] = [one for one in asked(AskStatistics(("command",)), path) if isinstance(one, CommandStatistics)]
    assert statistics.all.count == 3003


def test_what_is_kept_of_a_connection_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MOST_COMMANDS", 10)
    monkeypatch.setattr(browsing, "SLOWEST", 5)
    script: list[Step] = [("s", greeting()), ("c", login()), ("s", FAST), ("s", ok(4))]
    for number in range(50):
        script += [("c", query(f"select {number} " + "x" * 9000)), wait("s", ok(1), 0.5 if number == 40 else 0.001)]
    path = tmp_path / "long.pcap"
    frames: list[Frame] = conversation(script)
    path.write_bytes(pcap(frames))
    [content] = [one for one in asked(AskConnection(str(path), 1), path) if isinstance(one, ConnectionContent)]
    assert content.commands_seen == 50
    assert len(content.commands) == 15
    assert [one.number for one in content.commands][:10] == list(range(10))
    assert 40 in [one.number for one in content.commands]
    assert all(len(one.statement or "") == browsing.LONGEST_STATEMENT for one in content.commands)
    assert all((one.statement_cut or 0) > 4000 for one in content.commands)
