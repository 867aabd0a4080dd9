"""Whether two sets of durations differ: against the exact count, and by what chance does."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.report.prose.significance import LEAST, beyond_chance, difference, words

TIMES = some.lists(some.integers(0, 30), min_size=LEAST, max_size=40)


def compared(a: list[int], b: list[int]) -> tuple[float, float]:
    found = difference(Counter(a), Counter(b))
    assert found is not None
    return found.chance, found.longer


@given(TIMES, TIMES)
def test_pairs_are_counted_as_they_are(a: list[int], b: list[int]) -> None:
    chance, longer = compared(a, b)
    assert longer == pytest.approx(sum((y > x) + (y == x) / 2 for x in a for y in b) / (len(a) * len(b)))
    assert 0 <= chance <= 1
    back = compared(b, a)
    assert back[0] == pytest.approx(chance)
    assert back[1] == pytest.approx(1 - longer)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (6, 8), (7, 7)])
def test_the_chance_is_near_the_exact_one(n: int, m: int) -> None:
    """All ways to deal the places to the two sides, counted."""
    places = range(n + m)
    sums = Counter(sum(sum(y > x for x in places if x not in set(b)) for y in b) for b in combinations(places, m))
    whole = sum(sums.values())
    for pairs in (0, n * m // 8, n * m // 4):
        exact = sum(count for u, count in sums.items() if abs(u - n * m / 2) >= abs(pairs - n * m / 2)) / whole
        dealt = next(
            b for b in combinations(places, m) if sum(sum(y > x for x in places if x not in b) for y in b) == pairs
        )
        chance, _ = compared([p for p in places if p not in dealt], list(dealt))
        assert chance == pytest.approx(exact, abs=0.03)


def test_single_samples_say_nothing() -> None:
    assert difference({10: 1}, {900: 1}) is None
    assert difference({10: 400}, {900: 4}) is None


def test_equal_ones_are_no_difference() -> None:
    chance, longer = compared([7] * 50, [7] * 60)
    assert (chance, longer) == (1.0, 0.5)


def test_of_many_tests_on_chance_alone_hardly_one_is_called_real() -> None:
    random.seed(20)
    wrong = 0
    for _ in range(100):
        chances = [compared(*([random.randrange(100) for _ in range(30)] for _ in "ab"))[0] for _ in range(20)]
        wrong += any(beyond_chance(chances))
    assert wrong <= 12  # of 100, where 5 are due


def test_what_is_real_is_found_among_others() -> None:
    assert beyond_chance([0.2, 1e-9, None, 0.04, 0.9]) == [False, True, False, False, False]
    found = difference({10: 40}, {20: 40})
    assert found is not None
    assert words(found).startswith(
        "of 100 pairs of one before and one after, 100 took longer after; chance does so less"
    )
