"""The story of a capture: what matters most comes first, said once for all connections that share it."""

from __future__ import annotations

from analyzer.analysis.commands.failures import CUT_OFF, FAILED, WAITED, CommandFailures
from analyzer.analysis.model.connection import Connection, Source
from analyzer.report.prose.capture_story import CaptureStory, Point
from analyzer.report.prose.summary import SummaryTotals
from tests.analysis.commands.commands import command
from tests.report import examples
from tests.wire.script import SECOND, START

SOURCE = Source("office.pcapng", "pcapng", 1200, 9, 4, START, START + 90 * SECOND, [], [])


def told(*connections: Connection, failures: CommandFailures | None = None) -> CaptureStory:
    story = CaptureStory()
    for connection in connections:
        story.add(connection)
    if failures is not None:
        story.workload.failures = failures
    return story


def words(points: list[Point]) -> list[tuple[str, str]]:
    return [(point.severity, point.code) for point in points]


def test_what_traffic_it_is() -> None:
    story = told(*(examples.accepted(number) for number in range(3)), examples.rejected(3))
    story.workload.went_well.count = 12
    story.workload.uses.update(reading=8, writing=1)
    text = " ".join(story.opening([SOURCE]))
    assert "1,200 frames" in text
    assert "lasts 90.0 s" in text
    assert "It holds 4 MySQL connections, from 1 host (192.168.56.1)" in text
    assert "'root' and 'report'" in text
    assert "Of the connections 3 accepted and 1 rejected." in text
    assert "12 commands: 8 read data, 1 changed data and 3 did something else" in text
    assert "All of it went over the network unencrypted." in text


def test_nothing_and_nothing_wrong() -> None:
    assert "no MySQL or MariaDB connection" in " ".join(told().opening([SOURCE]))
    assert told().closing() == ""
    healthy = told(examples.accepted(0))
    assert healthy.points() == []
    assert healthy.closing() == "Nothing went wrong in what the capture shows."


def test_what_is_sealed_is_said_to_be() -> None:
    text = " ".join(told(examples.encrypted(0), examples.accepted(1)).opening([SOURCE]))
    assert "1 login of 2 went over the network unencrypted." in text
    assert "1 connection went on inside TLS, and no keys are at hand" in text


def test_one_cause_is_told_once_and_the_worst_first() -> None:
    failures = CommandFailures()
    failures.add(command("SELECT 1", code=1146), FAILED, "SELECT ?")
    failures.add(command("SELECT 2", response="missing", complete=False), CUT_OFF, "SELECT ?")
    failures.add(command("SELECT 3", latency_ns=4 * SECOND), WAITED, "SELECT ?")
    rejected = [examples.rejected(number) for number in range(40)]
    story = told(*rejected, examples.aborted(50), examples.accepted(51), failures=failures)
    points = story.points()
    assert words(points) == [
        ("error", "access-denied"),
        ("error", "error 1146"),
        ("warning", "old-plugin"),
        ("warning", "closed-before-login"),
        ("warning", ""),
        ("warning", ""),
    ]
    first = " ".join(points[0].sentences)
    assert "40 of 42 connections, of 'report' from 192.168.56.1" in first
    assert "connections 0, 1, 2, 3, 4, 5, 6, 7 and 32 more" in first
    assert story.closing() == "Nothing is wrong with the other 1 connection."


def test_codes_stand_behind_and_not_in_the_sentences() -> None:
    failures = CommandFailures()
    failures.add(command("SELECT 1", code=1146), FAILED, "SELECT ?")
    (point,) = told(examples.accepted(0), failures=failures).points()
    assert point.code == "error 1146"
    assert "The server answered 1 command with an error: 'message of 1146'." in point.sentences
    assert point.sentences[-1] == "- 1 x SELECT ?"
    assert "1146" not in point.title


def test_the_severity_of_each_finding_counts() -> None:
    """A code that is an error once and a remark often is no error everywhere."""
    mild = [examples.connection(n, findings=[examples.finding("tls-login-mismatch", "info")]) for n in range(9)]
    grave = examples.connection(9, findings=[examples.finding("tls-login-mismatch", "error")])
    totals = SummaryTotals()
    story = CaptureStory()
    for connection in (*mild, grave):
        totals.add(connection)
        story.add(connection)
    found = [(one.severity, one.code, one.connections) for one in totals.findings()]
    assert found == [("error", "tls-login-mismatch", 1), ("info", "tls-login-mismatch", 9)]
    assert "tls-login-mismatch (1 connection)" in totals.verdict()
    assert words(story.points()) == [("error", "tls-login-mismatch")]
    assert words(story.remarks()) == [("info", "tls-login-mismatch")]
    assert story.healthy == 9


def test_commands_whose_silence_is_explained_are_told_beside_the_cause() -> None:
    failures = CommandFailures()
    failures.add(command("SELECT 2", response="missing", complete=False), CUT_OFF, "SELECT ?")
    struck = examples.connection(0, findings=[examples.finding("server-went-down", "warning")])
    story = told(struck, failures=failures)
    assert words(story.points()) == [("warning", "server-went-down")]
    assert [point.title for point in story.remarks()] == ["Commands without a whole answer"]
