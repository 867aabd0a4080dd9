"""Rows come in the order of their first column, those of one number as they were added, in memory and on disk."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.sharing import rows_on_disk
from analyzer.sharing.rows_on_disk import RowsOnDisk

ROWS = st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(-(1 << 60), 1 << 60)), max_size=5), max_size=5)


@pytest.mark.parametrize("most", [0, 1 << 16])
@given(batches=ROWS)
def test_rows_come_in_order(most: int, batches: list[list[tuple[int, int]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_on_disk, "MOST_IN_MEMORY", most or 1)
        kept = RowsOnDisk(2)
        for rows in batches:
            kept.add(array("q", [number for row in rows for number in row]))
        found = [column.tolist() for column in kept.sorted()]
    wanted = sorted((row for rows in batches for row in rows), key=lambda row: row[0])
    assert list(zip(*found, strict=True)) == [*wanted, (-1, -1)]
