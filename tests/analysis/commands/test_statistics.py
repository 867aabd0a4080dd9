"""Percentiles, histograms, groups."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.commands.digest import Digests
from analyzer.analysis.commands.statistics import KINDS, CommandStatistics, Durations
from analyzer.analysis.model.command import Command
from tests.analysis.commands.commands import command
from tests.wire.script import START

TOOK, CODES = some.sampled_from([None, 5, 5, 9]), some.sampled_from([None, 1146])
TIMES = some.lists(some.integers(0, 10**12), min_size=1, max_size=300)


def durations(times: list[int]) -> Durations:
    found = Durations()
    for ns in times:
        found.add(ns)
    return found


@given(TIMES, some.floats(0.1, 100))
def test_a_percentile_is_exact_to_one_part_in_32(times: list[int], percent: float) -> None:
    exact = sorted(times)[math.ceil(len(times) * percent / 100) - 1]
    found = durations(times).percentile(percent)
    assert found is not None
    assert exact <= found <= exact + exact / 32


@given(TIMES, TIMES)
def test_parts_that_are_merged_are_as_the_whole(one: list[int], two: list[int]) -> None:
    merged = durations(one)
    merged.merge(durations(two))
    assert merged == durations(one + two)


@given(TIMES)
def test_a_histogram_counts_everything_once(times: list[int]) -> None:
    rows = list(durations(times).histogram())
    assert sum(count for _, _, count in rows) == len(times)
    for low, high, count in rows:
        assert count == sum(low <= ns < high for ns in times)


def test_nothing_has_no_percentile() -> None:
    assert Durations().percentile(95) is None
    assert Durations().mean is None
    assert list(Durations().histogram()) == []


DIGESTS = Digests()


def made(index: int, took: int | None, code: int | None, stream: int, late: int) -> Command:
    """The command of a frame of its own."""
    found = command(f"SELECT {index}", code=code, latency_ns=took, stream=stream, time_ns=START + late)
    found.frame = index
    return found


def statistics(commands: list[Command]) -> CommandStatistics:
    found = CommandStatistics(KINDS)
    for one in commands:
        found.add(one, DIGESTS)
    return found


@given(
    some.lists(some.tuples(TOOK, CODES, some.integers(0, 2), some.integers(0, 1)), max_size=8),
    some.lists(some.booleans(), min_size=8, max_size=8),
    some.randoms(use_true_random=False),
)
def test_whoever_counts_what_says_the_same(
    told: list[tuple[int | None, int | None, int, int]], mine: list[bool], chance: random.Random
) -> None:
    """Also of which command was the slowest, and which failed first, where several were."""
    commands = [made(index, *one) for index, one in enumerate(told)]
    whole = statistics(commands)
    shuffled = [*zip(commands, mine, strict=False)]
    chance.shuffle(shuffled)
    parts = statistics([one for one, first in shuffled if first])
    parts.merge(statistics([one for one, first in shuffled if not first]))
    assert parts.all == whole.all
    assert parts.groups == whole.groups
    assert parts.failures == whole.failures
