"""A table of any number of rows, of which only those on the screen are drawn; with the keys of vi and of Wireshark."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from analyzer.report.text.layout import cells, clip

GAP: Final = 1


class ScreenColumn(NamedTuple):
    """`least` cells wide; what the table has more goes to those that grow. The `rank` says which goes first where there
    is no room for all: the highest."""

    title: str
    least: int
    grow: int = 0
    right: bool = False
    rank: int = 0


class TableRows(Protocol):
    """What a table shows. Texts are safe for a terminal, one line each."""

    def texts(self, row: int) -> Sequence[str]:
        """The text of each column."""

    def style(self, row: int, column: int) -> str:
        """A style of rich's for a cell, "" for none."""


def placed(columns: Sequence[ScreenColumn], width: int) -> list[tuple[int, int]]:
    """(number, width) of the columns for which there is room."""
    shown = list(range(len(columns)))
    while len(shown) > 1 and sum(columns[i].least + GAP for i in shown) - GAP > width:
        shown.remove(max(shown, key=lambda i: (columns[i].rank, i)))
    spare = max(width - sum(columns[i].least + GAP for i in shown) + GAP, 0)
    growing = sum(columns[i].grow for i in shown)
    found, used = [], 0
    for i in shown:
        more = spare * columns[i].grow // growing if growing else 0
        used += more
        found.append((i, columns[i].least + more))
    if growing and found:
        last = max(n for n, (i, _) in enumerate(found) if columns[i].grow)
        found[last] = found[last][0], found[last][1] + spare - used
    return found


class RowTable(ScrollView, can_focus=True):
    """Rows are numbers; `order` says which are shown, and in which order. The cursor stays on its row."""

    DEFAULT_CSS = """
    RowTable { overflow-x: hidden; background: $surface; }
    RowTable > .rowtable--header { text-style: bold; background: $panel; color: $foreground; }
    RowTable > .rowtable--cursor { background: $primary 40%; text-style: bold; }
    RowTable:focus > .rowtable--cursor { background: $primary; color: $text; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rowtable--header", "rowtable--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "end(False)", "First", show=False),
        Binding("end,G", "end(True)", "Last", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row; None: there is none."""

        def __init__(self, table: RowTable, row: int | None) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> RowTable:
            return self.table

    class Chosen(Moved):
        """A row is to be opened."""

    class TitleClicked(Message):
        """The title of a column was clicked."""

        def __init__(self, table: RowTable, column: int) -> None:
            super().__init__()
            self.table = table
            self.column = column

        @property
        def control(self) -> RowTable:
            return self.table

    def __init__(self, columns: Sequence[ScreenColumn], rows: TableRows, **more: Any) -> None:
        super().__init__(**more)
        self.columns = columns
        self.source = rows
        self.order: list[int] = []
        self.position = 0
        self.sorted_by: tuple[int, bool] | None = None  # column, and whether it falls
        self.empty = ""
        self._row: int | None = None  # the cursor's

    # -- what is shown -------------------------------------------------------------------------------------------------

    @property
    def row(self) -> int | None:
        """The row that the cursor is on."""
        return self._row

    def show(self, order: list[int], *, follow: bool = True) -> None:
        """Shows other rows. The cursor stays on its row where that is still there (`follow`), else at its place."""
        before, offset = self._row, self.position - round(self.scroll_y)
        self.order = order
        self.virtual_size = Size(self.size.width, len(order) + 1)
        place = self.position
        if follow and before is not None:
            with suppress(ValueError):
                place = order.index(before)
        self.position = max(min(place, len(order) - 1), 0)
        self._row = order[self.position] if order else None
        if place == self.position and follow and offset >= 0:
            self.scroll_to(y=max(self.position - offset, 0), animate=False, immediate=True)
        self._into_view()
        self.refresh()
        if self._row != before:
            self.post_message(self.Moved(self, self._row))

    def move_to(self, position: int) -> None:
        """Puts the cursor at a place, the first or the last where it lies outside."""
        position = max(min(position, len(self.order) - 1), 0)
        row = self.order[position] if self.order else None
        moved = row != self._row
        self.position, self._row = position, row
        self._into_view()
        self.refresh()
        if moved:
            self.post_message(self.Moved(self, row))

    def _width(self) -> int:
        """Columns of the screen beside the scrollbar."""
        return self.scrollable_content_region.width

    def width_of(self, column: int) -> int:
        """Cells that a column has, 0 where there is no room for it."""
        return dict(placed(self.columns, self._width())).get(column, 0)

    def _page(self) -> int:
        """Rows that are seen at one time."""
        return max(self.size.height - 1, 1)

    def _into_view(self) -> None:
        top, page = round(self.scroll_y), self._page()
        if self.position < top:
            self.scroll_to(y=self.position, animate=False, immediate=True)
        elif self.position >= top + page:
            self.scroll_to(y=self.position - page + 1, animate=False, immediate=True)

    # -- keys and mouse ------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self.move_to(self.position + by)

    def action_page(self, pages: float) -> None:
        self.move_to(self.position + int(self._page() * pages))

    def action_end(self, last: bool) -> None:
        self.move_to(len(self.order) - 1 if last else 0)

    def action_choose(self) -> None:
        if self._row is not None:
            self.post_message(self.Chosen(self, self._row))

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(event.size.width, len(self.order) + 1)
        self._into_view()

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        if at.y == 0:
            start = 0
            for index, width in placed(self.columns, self._width()):
                if start <= at.x < start + width + GAP:
                    self.post_message(self.TitleClicked(self, index))
                    return
                start += width + GAP
            return
        place = round(self.scroll_y) + at.y - 1
        if place < len(self.order):
            self.move_to(place)
            if event.chain > 1:
                self.action_choose()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self._width()
        if y == 0:
            return self._titles(width)
        place = round(self.scroll_y) + y - 1
        base = self.rich_style
        if place >= len(self.order):
            text = self.empty if y == 2 and not self.order else ""
            return Strip([Segment(clip(f" {text}", width), base)]).adjust_cell_length(width, base)
        row = self.order[place]
        if place == self.position:
            base += self.get_component_rich_style("rowtable--cursor")
        texts = self.source.texts(row)
        segments: list[Segment] = []
        for index, room in placed(self.columns, width):
            # Colours of cells can not be read on the cursor's.
            style = base if place == self.position else base + Style.parse(self.source.style(row, index))
            segments.append(Segment(_cell(texts[index], room, self.columns[index].right), style))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(width, base)

    def _titles(self, width: int) -> Strip:
        style = self.get_component_rich_style("rowtable--header")
        texts = []
        for index, room in placed(self.columns, width):
            title = self.columns[index].title
            if self.sorted_by is not None and self.sorted_by[0] == index:
                title += "▼" if self.sorted_by[1] else "▲"
            texts.append(_cell(title, room, self.columns[index].right))
        return Strip([Segment((" " * GAP).join(texts), style)]).adjust_cell_length(width, style)


def _cell(text: str, room: int, right: bool) -> str:
    text = clip(text, room)
    blank = " " * (room - cells(text))
    return blank + text if right else text + blank
