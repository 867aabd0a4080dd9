"""Which rows of a batch are of one connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.net.tcp.grouping import Grouping
from tests.net.tcp.segments import CLIENT, SERVER, Seg, batch_of

FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 3, 5)


@pytest.mark.parametrize("factors", [FACTORS, (0,) * 6])  # with zeros all keys have one hash
@given(rows=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([CLIENT, SERVER])), min_size=1, max_size=60))
def test_rows_of_one_key_stand_together(factors: tuple[int, ...], rows: list[tuple[int, int]]) -> None:
    batch = batch_of([Seg(sender, 1, 1, flow=flow) for flow, sender in rows])
    grouping = Grouping(batch, factors)
    expected: dict[int, list[int]] = {}
    for row, (flow, _) in enumerate(rows):
        expected.setdefault(flow, []).append(row)
    order = grouping.order.tolist()
    parts = [order[begin:stop] for begin, stop in zip(grouping.bounds, grouping.bounds[1:], strict=False)]
    assert parts == list(expected.values())
    # The client has the lower address.
    assert grouping.sender.tolist() == [int(sender == SERVER) for _, sender in rows]
    for index, flow in enumerate(expected):
        low, ports = (0x0A000001).to_bytes(16, "big"), (40000 + flow) << 24 | 3306 << 8 | 4
        key = low + (0x0A000002).to_bytes(16, "big") + ports.to_bytes(8, "big")
        assert grouping.keys[40 * index : 40 * index + 40] == key
    assert not grouping.tagged
