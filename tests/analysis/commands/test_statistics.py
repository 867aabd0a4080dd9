"""Percentiles, histograms, groups."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.commands.statistics import Durations

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
