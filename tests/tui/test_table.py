"""The table of rows: where columns stand, and where the cursor stays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from analyzer.tui.table import GAP, RowTable, ScreenColumn, placed

columns = st.lists(
    st.builds(ScreenColumn, st.just("x"), st.integers(1, 30), st.integers(0, 5), st.booleans(), st.integers(0, 5)),
    min_size=1,
    max_size=12,
)


@given(columns, st.integers(0, 300))
def test_columns_fit_and_use_the_width(given_columns: list[ScreenColumn], width: int) -> None:
    found = placed(given_columns, width)
    assert [index for index, _ in found] == sorted({index for index, _ in found})
    used = sum(room + GAP for _, room in found) - GAP
    if len(found) > 1 or given_columns[found[0][0]].least <= width:
        assert used <= max(width, sum(given_columns[index].least + GAP for index, _ in found) - GAP)
        assert used <= width or len(found) == 1
    assert all(room >= given_columns[index].least for index, room in found)
    if any(given_columns[index].grow for index, _ in found) and used <= width:
        assert used == width
    gone = set(range(len(given_columns))) - {index for index, _ in found}
    if gone:
        least_gone = min(given_columns[index].rank for index in gone)
        assert all(given_columns[index].rank <= max(given_columns[one].rank for one in gone) for index, _ in found)
        assert least_gone >= 0


class Numbers:
    """Rows that show their numbers."""

    def texts(self, row: int) -> Sequence[str]:
        return [str(row), "一" * row]

    def style(self, row: int, column: int) -> str:
        return ""


class OneTable(App[None]):
    """Nothing but a table."""

    def compose(self) -> ComposeResult:
        yield RowTable((ScreenColumn("n", 5), ScreenColumn("wide", 5, grow=1)), Numbers())


moves = st.lists(
    st.one_of(
        st.sampled_from(["j", "k", "g", "G", "ctrl+d", "ctrl+u", "ctrl+f", "ctrl+b", "pagedown", "up", "home", "end"]),
        st.lists(st.integers(0, 40), unique=True),
        st.tuples(st.integers(1, 60), st.integers(1, 30)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(moves)
def test_the_cursor_is_on_the_screen_and_stays_on_its_row(steps: list[object]) -> None:
    async def whole() -> None:
        app = OneTable()
        async with app.run_test(size=(40, 10)) as pilot:
            table = app.query_one(RowTable)
            table.show(list(range(30)))
            await pilot.pause()
            for step in steps:
                before = table.row
                if isinstance(step, str):
                    await pilot.press(step)
                elif isinstance(step, list):
                    table.show(step)
                    assert table.row == (before if before in step else table.row)
                elif isinstance(step, tuple):
                    await pilot.resize_terminal(*step)
                await pilot.pause()
                if table.order:
                    assert table.row == table.order[table.position]
                    top, page = round(table.scroll_y), max(table.size.height - 1, 1)
                    assert top <= table.position < top + page
                else:
                    assert table.row is None
                app.export_screenshot()

    asyncio.run(whole())
