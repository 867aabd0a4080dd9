"""The line at the foot where a display filter, a word to search for or a file's name is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from analyzer.analysis.dissection.filters import FilterError
from analyzer.analysis.model.connection import Connection
from analyzer.engine.filters import filter_of
from analyzer.report.escape import terminal
from analyzer.report.text.layout import clip
from analyzer.tui.completion import Candidate, complete

FILTER: Final = "filter"
SEARCH: Final = "search"
# Lines of candidates.
OFFERED: Final = 6


class _Line(Input):
    """A line in which Tab completes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "ask('complete')", "Complete", show=False, priority=True),
        Binding("down", "ask('next')", "Next", show=False),
        Binding("up", "ask('previous')", "Previous", show=False),
        Binding("escape", "ask('cancel')", "Cancel", show=False),
    ]

    class Asked(Message):
        """A key that is none of an input's own."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def action_ask(self, what: str) -> None:
        self.post_message(self.Asked(what))


class FilterBar(Vertical):
    """Hidden until it is opened. `connections`: some of those that are there, whose values are offered."""

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; background: $panel; }
    FilterBar Input { height: 1; border: none; padding: 0 1; background: $boost; }
    FilterBar Input:focus { border: none; }
    FilterBar Static { height: auto; max-height: 8; padding: 0 1; }
    """

    class Submitted(Message):
        """A filter that can be understood, or a word to search for."""

        def __init__(self, kind: str, text: str) -> None:
            super().__init__()
            self.kind = kind
            self.text = text

    class Closed(Message):
        """Nothing was typed that is to count."""

    def __init__(self, connections: Callable[[], Iterable[Connection]]) -> None:
        super().__init__()
        self._connections = connections
        self._kind = SEARCH
        self._candidates: list[Candidate] = []
        self._start = 0
        self._chosen = 0

    def compose(self) -> ComposeResult:
        yield Static(id="hints")
        yield _Line(select_on_focus=False)

    def open(self, kind: str, text: str = "") -> None:
        """Shows the line, with what is in it."""
        self._kind = kind
        line = self.query_one(_Line)
        line.placeholder = {
            FILTER: "display filter: Tab completes, Enter applies, empty shows all",
            SEARCH: "search for a word",
        }.get(kind, kind)
        line.value = text
        line.cursor_position = len(text)
        self.display = True
        line.focus()
        self._hint()

    def close(self) -> None:
        """Hides it."""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._hint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._kind == FILTER and event.value.strip() and self._problem(event.value) is not None:
            return
        self.close()
        self.post_message(self.Submitted(self._kind, event.value.strip()))

    def on__line_asked(self, event: _Line.Asked) -> None:
        event.stop()
        if event.what == "cancel":
            self.close()
            self.post_message(self.Closed())
        elif self._candidates:
            count = min(len(self._candidates), OFFERED)
            if event.what == "complete":
                self._complete()
                return
            self._chosen = (self._chosen + (1 if event.what == "next" else -1)) % count
            self._draw()

    def _complete(self) -> None:
        line = self.query_one(_Line)
        text = self._candidates[self._chosen].text
        rest = line.value[line.cursor_position :]
        line.value = line.value[: self._start] + text + rest
        line.cursor_position = self._start + len(text)

    def _hint(self) -> None:
        line = self.query_one(_Line)
        self._candidates, self._chosen = [], 0
        if self._kind == FILTER and line.value.strip():
            before = line.value[: line.cursor_position]
            self._start, self._candidates = complete(before, self._connections)
            if len(self._candidates) == 1 and self._candidates[0].text == before[self._start :]:
                self._candidates = []
        self._draw()

    def _draw(self) -> None:
        line, width = self.query_one(_Line), max(self.size.width - 2, 20)
        lines: list[Text] = []
        for number, one in enumerate(self._candidates[:OFFERED]):
            text = clip(f"{terminal(one.text)}  {terminal(one.about)}", width)
            lines.append(Text(text, style="reverse" if number == self._chosen else "", no_wrap=True))
        if self._kind == FILTER and line.value.strip():
            problem = self._problem(line.value)
            style = "green" if problem is None else "red"
            lines.append(Text(clip("can be applied" if problem is None else problem, width), style=style, no_wrap=True))
        hints = self.query_one("#hints", Static)
        hints.display = bool(lines)
        hints.update(Text("\n").join(lines))

    def _problem(self, text: str) -> str | None:
        """What is wrong with a filter."""
        try:
            filter_of(text)
        except FilterError as error:
            return terminal(str(error))
        return None
