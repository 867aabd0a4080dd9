"""Places in streams: many at once are what they are one by one, and numbers that wrap go on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.sharing.places import Places

WRAP = 1 << 32


@given(
    st.integers(0, WRAP - 1),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-(1 << 20), 1 << 20)), min_size=1, max_size=40),
)
def test_many_are_as_one_by_one(begin: int, steps: list[tuple[int, int]]) -> None:
    numbers = np.array([(begin + step) % WRAP for _, step in steps], np.int64)
    senders = np.array([sender for sender, _ in steps], np.int64)
    one_by_one, together = Places(), Places()
    wanted = [one_by_one.of(int(sender), int(number)) for sender, number in zip(senders, numbers, strict=True)]
    together.of_rows(numbers, senders, 0, len(numbers))
    assert numbers.tolist() == wanted
    assert all(place % WRAP == (begin + step) % WRAP for place, (_, step) in zip(wanted, steps, strict=True))


def test_numbers_wrap() -> None:
    numbers = np.array([WRAP - 10, 5, WRAP - 3], np.int64)
    places = Places()
    places.of_rows(numbers, np.zeros(3, np.int64), 0, 3)
    assert numbers.tolist() == [2 * WRAP - 10, 2 * WRAP + 5, 2 * WRAP - 3]
    assert places.of(0, 20) == 2 * WRAP + 20
