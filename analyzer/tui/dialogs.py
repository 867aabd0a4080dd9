"""Small screens above the others: help, a choice, a file's name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from analyzer.report.escape import terminal
from analyzer.tui.text_view import TextView, plain

HELP: Final = """\
Everywhere
  j k, arrows        up and down; g G, Home End to the ends
  Ctrl-F Ctrl-B      a page on and back; Ctrl-D Ctrl-U half a page
  1 2 3 ...          the views; Tab to the next pane
  /  n  N            search for a word; the next, the one before
  c                  copy: a filter, a statement, a command line
  w                  write the HTML report
  e                  extract the marked connections (or the one in hand)
  q, Esc             back; q in the list of connections ends the program
  ?                  this help

Connections
  Enter              open it: story, ladder, packets, commands, session
  f, Y               display filter; Tab completes fields and values
  s  S               sort by the next column; turn the order round
  Space  A  U        mark it; mark all that are shown; unmark all
  r                  read the capture again (when it has grown)

Packets of a connection
  Tab                packets, fields, bytes
  h l, arrows        fold and unfold a field; in the bytes: go along them
  A field lights its bytes, a byte lights its field.
  ]  [               the next connection, the one before
  z                  the pane in hand alone, and all again

Live
  The newest is on top while the cursor is there; below, the list holds still.
  p                  pause: what comes meanwhile is shown after it
  b                  ring when something is found, or not

The mouse works where the terminal passes it on: click a title to sort by it."""


class HelpScreen(ModalScreen[None]):
    """All keys."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical { width: 78; max-width: 100%; height: 90%; border: round $primary; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield TextView(plain(*HELP.split("\n")))


class ChoiceScreen(ModalScreen[str | None]):
    """One of several texts to choose, each with a title."""

    DEFAULT_CSS = """
    ChoiceScreen { align: center middle; }
    ChoiceScreen > Vertical { width: 90%; height: auto; max-height: 80%; border: round $primary; background: $surface; }
    ChoiceScreen OptionList { height: auto; border: none; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close"),
        Binding("j", "go(1)", show=False),
        Binding("k", "go(-1)", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._title, style="bold"))
            options = [
                Option(Text.assemble((f"{name}: ", "bold"), terminal(text, 200)), id=str(number))
                for number, (name, text) in enumerate(self._choices)
            ]
            yield OptionList(*options)

    def action_go(self, by: int) -> None:
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index][1])


class FileScreen(ModalScreen[str | None]):
    """A file's name. What is there already is written over only when Enter is pressed once more."""

    DEFAULT_CSS = """
    FileScreen { align: center middle; }
    FileScreen > Vertical { width: 90%; height: auto; border: round $primary; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close")]

    def __init__(self, title: str, name: str) -> None:
        super().__init__()
        self._title = title
        self._name = name
        self._warned: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._title, style="bold"))
            yield Input(self._name, select_on_focus=False)
            yield Static(id="problem")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        name = os.path.expanduser(event.value.strip())
        folder = os.path.dirname(name) or "."
        problem = None
        if not name:
            problem = "a name is needed"
        elif not os.path.isdir(folder):
            problem = f"there is no folder {folder}"
        elif os.path.exists(name) and self._warned != name:
            self._warned = name
            problem = "it is there already: Enter writes over it"
        if problem is not None:
            self.query_one("#problem", Static).update(Text(terminal(problem), style="yellow"))
            return
        self.dismiss(name)
