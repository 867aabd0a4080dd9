"""Places in streams: many at once are what they are one by one, and numbers that wrap go on."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from analyzer.sharing.places import Places

WRAP = 1 << 32


@given(
    st.integers(0, WRAP - 1),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-(1 << 20), 1 << 20)), min_size=1, max_size=40),
)
def test_many_are_as_one_by_one(begin: int, steps: list[tuple[int, int]]) -> None:
    numbers = array("q", [(begin + step) % WRAP for _, step in steps])
    senders = array("q", [sender for sender, _ in steps])
    one_by_one, together = Places(), Places()
    wanted = [one_by_one.of(sender, number) for sender, number in zip(senders, numbers, strict=True)]
    together.of_rows(numbers, senders, 0, len(numbers))
    assert numbers.tolist() == wanted
    assert all(place % WRAP == (begin + step) % WRAP for place, (_, step) in zip(wanted, steps, strict=True))


def test_numbers_wrap() -> None:
    numbers = array("q", [WRAP - 10, 5, WRAP - 3])
    places = Places()
    places.of_rows(numbers, array("q", [0, 0, 0]), 0, 3)
    assert numbers.tolist() == [2 * WRAP - 10, 2 * WRAP + 5, 2 * WRAP - 3]
    assert places.of(0, 20) == 2 * WRAP + 20
