"""A text to read: lines made for the width of the screen, scrolled with the keys of vi and of a pager, and searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

# Makes the lines of a text for a width.
Lines = Callable[[int], Sequence[Text]]


def painted(write: Callable[[Callable[[str], object], int], object]) -> Lines:
    """Lines of what writes text with a terminal's colours, of a width, through a function that it is given."""

    def lines(width: int) -> list[Text]:
        parts: list[str] = []
        write(parts.append, width)
        return [Text.from_ansi(line, no_wrap=True) for line in "".join(parts).rstrip("\n").split("\n")]

    return lines


def plain(*lines: str) -> Lines:
    """Lines that are there as they are: safe for a terminal."""
    return lambda width: [Text(line, no_wrap=True) for line in lines]


class TextView(ScrollView, can_focus=True):
    """Shows lines; `show` gives it others."""

    DEFAULT_CSS = """
    TextView { overflow-x: hidden; scrollbar-gutter: stable; background: $surface; padding: 0 0 0 1; }
    TextView > .textview--found { background: $warning 50%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"textview--found"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_by(1)", "Down", show=False),
        Binding("up,k", "scroll_by(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f,space", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "end(False)", "Start", show=False),
        Binding("end,G", "end(True)", "End", show=False),
    ]

    def __init__(self, lines: Lines | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._make: Lines = lines or plain()
        self._lines: Sequence[Text] = ()
        self._found: int | None = None

    def show(self, lines: Lines, *, stay: bool = False) -> None:
        """Shows another text, from its start; `stay`: it is the same one, grown."""
        self._make = lines
        self._found = None
        self._laid_out()
        if not stay:
            self.scroll_to(y=0, animate=False, immediate=True)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(line.plain for line in self._lines)

    def find(self, word: str, back: bool = False) -> bool:
        """Goes to the next line with a word, at the end to the first; whether there is one."""
        count = len(self._lines)
        start = self._found if self._found is not None else round(self.scroll_y) - 1
        for step in range(1, count + 1):
            at = (start - step if back else start + step) % count
            if word.lower() in self._lines[at].plain.lower():
                self._found = at
                self.scroll_to(y=max(at - self.size.height // 2, 0), animate=False, immediate=True)
                self.refresh()
                return True
        return False

    def _laid_out(self) -> None:
        width = max(self.scrollable_content_region.width, 1)
        self._lines = self._make(width) if self.scrollable_content_region.width else ()
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._found = None
        self._laid_out()

    def action_scroll_by(self, by: int) -> None:
        self.scroll_to(y=self.scroll_y + by, animate=False)

    def action_page(self, pages: float) -> None:
        self.scroll_to(y=self.scroll_y + int(max(self.size.height - 1, 1) * pages), animate=False)

    def action_end(self, last: bool) -> None:
        self.scroll_to(y=len(self._lines) if last else 0, animate=False)

    def render_line(self, y: int) -> Strip:
        width, at = self.scrollable_content_region.width, round(self.scroll_y) + y
        base = self.rich_style
        if at >= len(self._lines):
            return Strip.blank(width, base)
        if at == self._found:
            base += self.get_component_rich_style("textview--found")
        segments = list(self._lines[at].render(self.app.console))
        return Strip(segments).apply_style(base).adjust_cell_length(width, base).crop(0, width)
