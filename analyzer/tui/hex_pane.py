"""The bytes of a packet, as Wireshark's third pane: the field in hand is lit, and a byte can be chosen."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

OFFSET: Final = 6  # cells before the first byte


class HexPane(ScrollView, can_focus=True):
    """Sixteen bytes in a row, eight where there is no room for more."""

    DEFAULT_CSS = """
    HexPane { overflow-x: hidden; background: $surface; padding: 0 1; }
    HexPane > .hexpane--field { background: $accent 60%; color: $text; }
    HexPane > .hexpane--byte { background: $accent; color: $text; text-style: bold reverse; }
    HexPane > .hexpane--offset { color: $foreground 60%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"hexpane--field", "hexpane--byte", "hexpane--offset"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Byte back", show=False),
        Binding("right,l", "move(1)", "Byte on", show=False),
        Binding("up,k", "row(-1)", "Row up", show=False),
        Binding("down,j", "row(1)", "Row down", show=False),
        Binding("pagedown,ctrl+f,ctrl+d", "row(8)", "Rows down", show=False),
        Binding("pageup,ctrl+b,ctrl+u", "row(-8)", "Rows up", show=False),
        Binding("home,g", "to(0)", "First byte", show=False),
        Binding("end,G", "to(-1)", "Last byte", show=False),
    ]

    class ByteChosen(Message):
        """The user is on a byte."""

        def __init__(self, pane: HexPane, offset: int) -> None:
            super().__init__()
            self.pane = pane
            self.offset = offset

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.data = b""
        self.missing = 0  # bytes behind those that are there
        self.byte: int | None = None
        self.lit = range(0)

    def show(self, data: bytes, length: int) -> None:
        """Shows the bytes of another packet, which is `length` bytes long."""
        self.data, self.missing = data, max(length - len(data), 0)
        self.byte, self.lit = None, range(0)
        self._laid_out()
        self.scroll_to(y=0, animate=False, immediate=True)

    def light(self, start: int, end: int) -> None:
        """Lights the bytes of a field, and shows the first of them."""
        self.lit = range(min(start, len(self.data)), min(end, len(self.data)))
        if self.byte is not None and self.byte not in self.lit:
            self.byte = None
        if self.lit:
            self._into_view(self.lit.start)
        self.refresh()

    def _per_row(self) -> int:
        return 16 if self.scrollable_content_region.width >= OFFSET + 16 * 3 + 2 + 16 else 8

    def _laid_out(self) -> None:
        rows = -(-len(self.data) // self._per_row()) + (1 if self.missing else 0)
        self.virtual_size = Size(max(self.scrollable_content_region.width, 1), rows)
        self.refresh()

    def _into_view(self, offset: int) -> None:
        row, top = offset // self._per_row(), round(self.scroll_y)
        if row < top:
            self.scroll_to(y=row, animate=False, immediate=True)
        elif row >= top + self.size.height:
            self.scroll_to(y=row - self.size.height + 1, animate=False, immediate=True)

    def _choose(self, offset: int) -> None:
        if self.data:
            self.byte = max(min(offset, len(self.data) - 1), 0)
            self._into_view(self.byte)
            self.refresh()
            self.post_message(self.ByteChosen(self, self.byte))

    def on_resize(self, event: events.Resize) -> None:
        self._laid_out()

    def action_move(self, by: int) -> None:
        here = self.byte if self.byte is not None else self.lit.start - by
        self._choose(here + by)

    def action_row(self, rows: int) -> None:
        here = self.byte if self.byte is not None else self.lit.start
        self._choose(here + rows * self._per_row())

    def action_to(self, offset: int) -> None:
        self._choose(offset if offset >= 0 else len(self.data) - 1)

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        if where is None:
            return
        per_row = self._per_row()
        at = where.x - OFFSET
        half = per_row * 3 // 2
        within = (at - 1 if at > half else at) // 3 if at < per_row * 3 + 1 else at - per_row * 3 - 2
        if 0 <= within < per_row:
            offset = (round(self.scroll_y) + where.y) * per_row + within
            if offset < len(self.data):
                self._choose(offset)

    def render_line(self, y: int) -> Strip:
        width, per_row, base = self.scrollable_content_region.width, self._per_row(), self.rich_style
        start = (round(self.scroll_y) + y) * per_row
        if start >= len(self.data):
            more = self.missing and start == -(-len(self.data) // per_row) * per_row
            text = f"... {self.missing:,} more bytes" if more else ""
            return Strip([Segment(text, base)]).adjust_cell_length(width, base)
        field = base + self.get_component_rich_style("hexpane--field")
        chosen = base + self.get_component_rich_style("hexpane--byte")
        digits: list[Segment] = []
        signs: list[Segment] = []
        for offset in range(start, start + per_row):
            if offset == start + per_row // 2:
                digits.append(Segment(" ", base))
            if offset >= len(self.data):
                digits.append(Segment("   ", base))
                continue
            byte = self.data[offset]
            style = chosen if offset == self.byte else field if offset in self.lit else base
            gap = field if offset in self.lit and offset + 1 in self.lit else base
            digits += [Segment(f"{byte:02x}", style), Segment(" ", gap)]
            signs.append(Segment(chr(byte) if 0x20 <= byte < 0x7F else ".", style))
        head = Segment(f"{start:04x}  ", base + self.get_component_rich_style("hexpane--offset"))
        return Strip([head, *digits, Segment(" ", base), *signs]).adjust_cell_length(width, base)
