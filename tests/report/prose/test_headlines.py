"""The first words of a report: one sentence for each kind of trouble, the worst first, and never more than a few."""

from __future__ import annotations

from analyzer.analysis.commands.failures import FAILED, WAITED
from analyzer.analysis.model.connection import Connection
from analyzer.report.prose.capture_story import CaptureStory
from analyzer.report.prose.headlines import MOST, headlines
from tests.analysis.commands.commands import command
from tests.report import examples
from tests.wire.script import SECOND


def story_of(*connections: Connection) -> CaptureStory:
    story = CaptureStory()
    for connection in connections:
        story.add(connection)
    return story


def test_refused_logins_are_told_in_one_sentence() -> None:
    first, *_ = headlines(story_of(*(examples.rejected(number) for number in range(5)), examples.accepted(9)))
    assert first.severity == "error"
    assert first.code == "access-denied"
    assert first.sentence == (
        "5 logins of 'report' from 192.168.56.1 were refused: user, password, host or a required TLS property do not "
        "match (error 1045)."
    )


def test_what_is_no_refusal_is_not_called_one() -> None:
    (one,) = headlines(story_of(examples.connection(0, findings=[examples.finding("server-went-down", "error")])))
    assert one.sentence.startswith("The server went down: 1 connection")


def test_commands_have_their_sentence_between_errors_and_warnings() -> None:
    story = story_of(examples.rejected(0), examples.aborted(1))
    for number in range(3):
        story.workload.failures.add(command(f"SELECT {number}", code=1146), FAILED, "SELECT ?")
    story.workload.failures.add(command("SELECT 9", code=1205), FAILED, "SELECT ?")
    story.workload.failures.add(command("SELECT 8", latency_ns=4 * SECOND), WAITED, "SELECT ?")
    found = headlines(story)
    assert [one.severity for one in found] == ["error", "error", "warning", "warning", "warning"]
    assert found[1].sentence == "The server refused 4 commands: error 1146 (3 x), error 1205 (1 x)."
    assert found[2].sentence == "1 command: its answer began after a second or more."


def test_many_kinds_are_counted_and_not_listed() -> None:
    codes = ["server-went-down", "path-mtu", "packet-too-large", "truncated-login", "sequence-error", "tls-required"]
    codes += ["duplicate-replica", "account-locked", "no-greeting"]
    story = story_of(
        *(examples.connection(n, findings=[examples.finding(code, "error")]) for n, code in enumerate(codes))
    )
    found = headlines(story)
    assert len(found) == MOST + 1
    assert found[-1].sentence == "3 more kinds of trouble follow below."
    assert {one.code for one in found[:-1]} < set(codes)


def test_nothing_wrong_has_no_headline() -> None:
    assert headlines(story_of(examples.accepted(0))) == []
