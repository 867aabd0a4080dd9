"""What the screens have in common: views behind tabs, a line to type in, copying, searching, running a command line."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, Protocol

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import TabbedContent, TabPane

from analyzer.analysis.model.connection import Connection
from analyzer.engine.background import WorkAnswer
from analyzer.report.escape import terminal
from analyzer.tui.dialogs import ChoiceScreen, FileScreen, HelpScreen
from analyzer.tui.feed import Feed, items_of
from analyzer.tui.filter_bar import SEARCH, FilterBar
from analyzer.tui.table import RowTable
from analyzer.tui.text_view import TextView

# Characters that are copied at most: terminals take no more.
MOST_COPIED: Final = 50_000
# Seconds that a note stays.
NOTE_SECONDS: Final = 6
LONGEST_NOTE: Final = 400
MOST_SAID: Final = 50


class Searchable(Protocol):
    """What can be searched."""

    def find(self, word: str, back: bool = False) -> bool:
        """Goes to the next place with a word; whether there is one."""


def shared_keys(back: str) -> list[BindingType]:
    """The keys of all screens with views; `back` says what q does."""
    return [
        Binding("slash", "search", "Search"),
        Binding("n", "again(False)", "Next", show=False),
        Binding("N", "again(True)", "Previous", show=False),
        Binding("c,y", "copy", "Copy"),
        Binding("w", "report", "Report"),
        Binding("e", "extract", "Extract"),
        Binding("question_mark", "help", "Help"),
        Binding("q,escape", "back", back),
        *(Binding(str(number), f"view({number})", show=False) for number in range(1, 7)),
    ]


class ViewScreen(Screen[None]):
    """Views behind tabs, each with what is focused in it."""

    FIRST: ClassVar[dict[str, str]] = {}  # view -> what is focused in it

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self.feed = feed
        self.said: deque[str] = deque(maxlen=MOST_SAID)  # the last notes
        self._word = ""

    # -- views ---------------------------------------------------------------------------------------------------------

    @property
    def view(self) -> str:
        """The view that is shown."""
        return self.query_one(TabbedContent).active

    def action_view(self, number: int) -> None:
        panes = list(self.query(TabPane))
        if number <= len(panes):
            self.query_one(TabbedContent).active = panes[number - 1].id or ""
            self.into_view()

    def into_view(self) -> None:
        """Focuses what is shown."""
        with suppress(KeyError):
            self.query_one(self.FIRST[self.view]).focus()

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        self.opened(event.pane.id or "")

    def opened(self, view: str) -> None:
        """A view is shown."""

    def action_back(self) -> None:
        self.dismiss()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen())

    # -- search --------------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self.query_one(FilterBar).open(SEARCH, self._word)

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        # A screen that knows more kinds has a handler of its own, which is called beside this one.
        if event.kind != SEARCH:
            return
        self.into_view()
        self._word = event.text
        if event.text:
            self.action_again(False)

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        self.into_view()

    def action_again(self, back: bool) -> None:
        target = self.searched()
        if self._word and target is not None and not target.find(self._word, back):
            self.say(f"nothing shows {self._word!r}")

    def searched(self) -> Searchable | None:
        """What is searched in the view that is shown."""
        return next((one for one in self.query(TextView) if one.id and f"#{one.id}" == self.FIRST.get(self.view)), None)

    # -- what can be taken away ----------------------------------------------------------------------------------------

    def say(self, text: str, severity: Any = "information") -> None:
        """A note at the edge of the screen. The text may be of the wire."""
        note = terminal(text, LONGEST_NOTE)
        self.said.append(note)
        self.app.notify(note, severity=severity, timeout=NOTE_SECONDS, markup=False)

    def choices(self) -> list[tuple[str, str]]:
        """(what it is, the text) of all that can be copied."""
        return []

    def action_copy(self) -> None:
        choices = [(name, text) for name, text in self.choices() if text]
        if not choices:
            self.say("there is nothing to copy here")
            return
        self.app.push_screen(ChoiceScreen("Copy", choices), self._copied)

    def _copied(self, text: str | None) -> None:
        if text is not None:
            self.app.copy_to_clipboard(text[:MOST_COPIED])
            self.say(f"copied: {text}")

    def chosen(self) -> list[Connection]:
        """The connections that are marked, or the one in hand."""
        return []

    def run_line(self, words: Sequence[str], done: str) -> None:
        """Runs a command line in the background, and says how it went."""

        def work() -> None:
            try:
                result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            except OSError as error:
                self.from_thread(self.say, f"it can not be run: {error.strerror}", "error")
                return
            lines = result.stderr.decode("utf-8", "replace").strip().split("\n")
            if result.returncode == 0:
                self.from_thread(self.say, done)
            else:
                self.from_thread(self.say, lines[-1] or f"it ended with code {result.returncode}", "error")

        threading.Thread(target=work, daemon=True).start()

    def ask_file(self, title: str, name: str, then: Callable[[str], None]) -> None:
        """Asks for a file's name, and goes on with it."""
        self.app.push_screen(FileScreen(title, name), lambda found: None if found is None else then(found))

    # -- answers -------------------------------------------------------------------------------------------------------

    def listen(
        self, answer: WorkAnswer, take: Callable[[object], None], over: Callable[[], None] | None = None
    ) -> None:
        """Hands each item of an answer to `take`, in the thread of the screen; then calls `over`."""

        def work() -> None:
            for item in items_of(answer):
                if not self.from_thread(take, item):
                    return  # the program is over
            if over is not None:
                self.from_thread(over)

        threading.Thread(target=work, daemon=True).start()

    def from_thread(self, call: Callable[..., None], *values: Any) -> bool:
        """Calls in the thread of the screen; False where the program is over."""
        try:
            self.app.call_from_thread(call, *values)
        except RuntimeError:  # the loop has ended
            return False
        return True


def next_row(table: RowTable, holds: Callable[[int], bool], back: bool) -> bool:
    """Moves the cursor to the next row for which it holds, round the end; whether there is one."""
    count = len(table.order)
    places: Iterable[int] = range(1, count + 1)
    for step in places:
        place = (table.position + (-step if back else step)) % count
        if holds(table.order[place]):
            table.move_to(place)
            return True
    return False
