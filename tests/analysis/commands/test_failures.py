"""Commands that failed, had no whole answer or waited: which they are, their groups, and that partial results merge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.commands.failures import (
    CUT_OFF,
    FAILED,
    MOST_CONNECTIONS,
    MOST_GROUPS,
    OTHERS,
    SLOT_NS,
    SLOTS,
    WAITED,
    WAITED_NS,
    CommandFailures,
    Occurrences,
    reason_of,
)
from analyzer.analysis.model.command import Command
from analyzer.report.prose.failures import failure_words
from tests.analysis.commands.commands import command
from tests.wire.script import SECOND, START


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (command(), None),
        (command(code=1146), FAILED),
        (command(response="missing", complete=False, latency_ns=None), CUT_OFF),
        (command(complete=False), CUT_OFF),
        (command(latency_ns=WAITED_NS), WAITED),
        (command(latency_ns=WAITED_NS - 1), None),
        # The server's own word goes before how long it took to say it.
        (command(code=1205, latency_ns=50 * SECOND), FAILED),
        (command(response="encrypted", complete=None, latency_ns=None), None),
    ],
)
def test_reasons(made: Command, reason: str | None) -> None:
    assert reason_of(made) == reason


def test_groups_by_code_and_statement() -> None:
    failures = CommandFailures()
    for at, (code, statement) in enumerate([(1146, "a"), (1146, "a"), (1146, "b"), (1054, "a")]):
        failures.add(command(code=code, time_ns=START + at * SECOND, stream=at), FAILED, statement)
    first = failures.of(FAILED)[0]
    assert (first.code, first.statement, first.when.count, first.message) == (1146, "a", 2, "message of 1146")
    assert (first.when.first_ns, first.when.last_ns) == (START, START + SECOND)
    assert first.connections == {("made.pcap", 0), ("made.pcap", 1)}
    assert [(group.code, group.statement) for group in failures.of(FAILED)[1:]] == [(1054, "a"), (1146, "b")]
    assert failures.count(FAILED) == 4
    assert failures.of(WAITED) == []


@pytest.mark.parametrize("extra", [-1, 0, 1, 300])
def test_as_many_connections_are_told_apart_whoever_counts(extra: int) -> None:
    """Of more than are kept, two processes know no more than one; what is said is that there may be more."""
    alone, parts = CommandFailures(), (CommandFailures(), CommandFailures())
    for stream in range(MOST_CONNECTIONS + extra):
        for each in (alone, parts[stream % 2]):
            each.add(command(code=1064, stream=stream), FAILED, "a")
    parts[0].merge(parts[1])
    (one,), (two,) = alone.of(FAILED), parts[0].of(FAILED)
    assert len(one.connections) == len(two.connections) == MOST_CONNECTIONS + min(extra, 0)
    assert failure_words(one) == failure_words(two)
    assert ("+ connections" in failure_words(one)) == (extra >= 0)


def test_the_longest_waits_come_first() -> None:
    failures = CommandFailures()
    failures.add(command(latency_ns=2 * SECOND), WAITED, "often")
    failures.add(command(latency_ns=2 * SECOND), WAITED, "often")
    failures.add(command(latency_ns=9 * SECOND), WAITED, "long")
    assert [group.statement for group in failures.of(WAITED)] == ["long", "often"]


def test_groups_are_bounded() -> None:
    failures = CommandFailures()
    for number in range(MOST_GROUPS + 50):
        failures.add(command(code=1064), FAILED, str(number))
    assert len(failures.groups) <= MOST_GROUPS + 1
    assert failures.count(FAILED) == MOST_GROUPS + 50
    assert failures.of(FAILED)[0].statement == OTHERS


TIMES = st.lists(st.integers(0, 10**6).map(lambda second: START + second * SECOND // 7), min_size=1, max_size=300)


def occurrences(times: list[int]) -> Occurrences:
    made = Occurrences()
    for time_ns in times:
        made.add(time_ns)
    return made


@given(TIMES, st.integers(0, 300))
def test_parts_merge_to_the_whole(times: list[int], cut: int) -> None:
    whole = occurrences(times)
    parts = occurrences(times[:cut])
    parts.merge(occurrences(times[cut:]))
    assert (parts.count, parts.first_ns, parts.last_ns) == (len(times), min(times), max(times))
    assert sum(parts.slots.values()) == len(times)
    assert len(parts.slots) <= SLOTS
    assert (whole.slot_ns, whole.slots) == (parts.slot_ns, parts.slots)


@given(TIMES)
def test_the_busiest_slot_holds_what_it_says(times: list[int]) -> None:
    start, length, number = occurrences(times).busiest()
    assert length % SLOT_NS == 0
    assert number == sum(start <= time_ns < start + length for time_ns in times)
