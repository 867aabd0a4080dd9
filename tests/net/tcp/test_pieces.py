"""Pieces that are made from what segments held."""

from __future__ import annotations

import pytest

from analyzer.net.tcp.pieces import pieces_of


@pytest.mark.parametrize("count", [1, 2, 64, 65, 200])
def test_pieces_of_what_segments_held(count: int) -> None:
    """Also of more than share columns."""
    said = [(b"%d" % row * (row % 3), row // 4 % 2, 10 + row, 1000 + row) for row in range(count)]
    pieces = pieces_of(said)
    assert pieces.count == count
    first = 0
    told = []
    while first < count:
        stop = pieces.run_end(first, count)
        told.append(pieces.run(first, stop))
        assert pieces.numbers(first, stop) == (0, [-1] * (stop - first))
        first = stop
    runs = [said[first : first + 4] for first in range(0, count, 4)]
    assert [(one[0], one[1]) for one in told] == [(run[0][1], b"".join(data for data, *_ in run)) for run in runs]
    assert [frame for one in told for frame in one[3]] == [frame for *_, frame, _ in said]
    assert [time_ns for one in told for time_ns in one[4]] == [time_ns for *_, time_ns in said]
