"""One connection: its story, its ladder, its packets in three panes, its commands, its session as a text."""

from __future__ import annotations

import os
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Footer, Static, TabbedContent, TabPane

from analyzer.analysis.model.connection import Connection
from analyzer.engine.background import WorkAnswer, WorkFailed
from analyzer.engine.browsing import ConnectionContent, ReadingProgress
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.text.explain import Explainer
from analyzer.tui.command_line import filter_for
from analyzer.tui.command_rows import NUMBER, OF_CONNECTION, CommandRows
from analyzer.tui.feed import Feed
from analyzer.tui.filter_bar import FilterBar
from analyzer.tui.packet_panes import PacketPanes
from analyzer.tui.session_text import ladder, session
from analyzer.tui.table import RowTable
from analyzer.tui.text_view import TextView, painted, plain
from analyzer.tui.views import Searchable, ViewScreen, next_row, shared_keys

STORY: Final = "story"
LADDER: Final = "ladder"
PACKETS: Final = "packet-panes"
COMMANDS: Final = "commands-of-it"
SESSION: Final = "session"


class _CommandSearch:
    """Searches a table of commands."""

    def __init__(self, table: RowTable, rows: CommandRows) -> None:
        self._table = table
        self._rows = rows

    def find(self, word: str, back: bool = False) -> bool:
        """Goes to the next command that shows a word."""
        return next_row(self._table, lambda row: self._rows.found(word.lower(), row), back)


class ConnectionScreen(ViewScreen):
    """Shown above the list of connections. `state` says how far the reading is, "" when `content` is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "neighbour(1)", "Next"),
        Binding("left_square_bracket", "neighbour(-1)", "Previous"),
        Binding("s", "sort", "Sort", show=False),
        Binding("S", "turn", "Turn", show=False),
        Binding("p", "packet", "Its packets", show=False),
        *shared_keys("Back"),
    ]
    FIRST: ClassVar[dict[str, str]] = {
        STORY: "#story-text",
        LADDER: "#ladder-text",
        PACKETS: "#packets",
        COMMANDS: "#own-commands",
        SESSION: "#session-text",
    }

    class Neighbour(Message):
        """Another connection of the list is wanted."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Written(Message):
        """Its report or its frames are wanted."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self, feed: Feed, connection: Connection, several: bool) -> None:
        super().__init__(feed)
        self.connection = connection
        self._several = several
        self._rows = CommandRows()
        self._answer: WorkAnswer | None = None
        self.state = ""
        self.content: ConnectionContent | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with TabbedContent():
            with TabPane("1 Story", id=STORY):
                yield TextView(id="story-text")
            with TabPane("2 Ladder", id=LADDER):
                yield TextView(plain("reading ..."), id="ladder-text")
            with TabPane("3 Packets", id=PACKETS):
                yield PacketPanes()
            with TabPane("4 Commands", id=COMMANDS):
                yield RowTable(OF_CONNECTION, self._rows, id="own-commands")
            with TabPane("5 Session", id=SESSION):
                yield TextView(plain("reading ..."), id="session-text")
        yield FilterBar(lambda: ())
        yield Footer()

    def on_mount(self) -> None:
        self.show(self.connection)
        self.into_view()

    def on_unmount(self) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def show(self, connection: Connection) -> None:
        """Shows another connection, in the same view."""
        self._stop()
        self.connection = connection
        story = painted(lambda write, width: Explainer(write, width, True).connection(connection))
        self.query_one("#story-text", TextView).show(story)
        for name in ("#ladder-text", "#session-text"):
            self.query_one(name, TextView).show(plain("reading ..."))
        self.state, self.content = "reading", None
        self._head()
        try:
            answer = self.feed.content((connection.capture, connection.first_frame))
        except WorkFailed as error:
            self._failed(str(error))
            return
        self._answer = answer
        self.listen(answer, lambda item: self._received(answer, item))

    def _received(self, answer: WorkAnswer, item: object) -> None:
        if answer is not self._answer or not self.query("#head"):
            return  # of the connection before, or the program is at its end
        if isinstance(item, ConnectionContent):
            self._content(item)
        elif isinstance(item, ReadingProgress) and item.total:
            self.state = f"reading {min(item.done / item.total, 1):.0%}"
            self._head()
        elif isinstance(item, WorkFailed) and self.state:
            self._failed(str(item))

    def _content(self, content: ConnectionContent) -> None:
        self.state, self.content = "", content
        self._head()
        self.query_one("#ladder-text", TextView).show(ladder(content))
        self.query_one("#session-text", TextView).show(session(self.connection, content))
        self.query_one(PacketPanes).show(self.connection, content)
        self._rows.commands = content.commands
        table = self.query_one("#own-commands", RowTable)
        table.empty = "No command of it is in the capture, or all are encrypted."
        self._sorted(table, NUMBER, False)
        table.move_to(0)

    def _failed(self, why: str) -> None:
        self.state = why
        self._head()
        for name in ("#ladder-text", "#session-text"):
            self.query_one(name, TextView).show(plain(terminal(why)))

    def _head(self) -> None:
        c = self.connection
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(f" {terminal(labels.client(c))} → {terminal(labels.endpoint(c.server))}", style="bold")
        head.append(f"  {terminal(labels.account(c))}  ")
        head.append(terminal(c.outcome), style={"accepted": "green", "rejected": "red"}.get(c.outcome, "yellow"))
        head.append(
            f"  connection {c.stream}" + (f" of {terminal(os.path.basename(c.capture))}" if self._several else "")
        )
        if self.state:
            head.append(f"  {terminal(self.state)}", style="yellow")
        self.query_one("#head", Static).update(head)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def action_neighbour(self, by: int) -> None:
        self.post_message(self.Neighbour(by))

    def action_report(self) -> None:
        self.post_message(self.Written("report"))

    def action_extract(self) -> None:
        self.post_message(self.Written("extract"))

    def action_sort(self) -> None:
        table = self.query_one("#own-commands", RowTable)
        column = (table.sorted_by[0] + 1) % len(table.columns) if table.sorted_by else 0
        self._sorted(table, column, column in (3, 4, 5))

    def action_turn(self) -> None:
        table = self.query_one("#own-commands", RowTable)
        if table.sorted_by is not None:
            self._sorted(table, table.sorted_by[0], not table.sorted_by[1])

    def on_row_table_title_clicked(self, event: RowTable.TitleClicked) -> None:
        if event.table.id == "own-commands":
            turned = event.table.sorted_by == (event.column, False)
            self._sorted(event.table, event.column, turned)

    def _sorted(self, table: RowTable, column: int, reverse: bool) -> None:
        table.sorted_by = column, reverse
        table.show(self._rows.sorted(column, reverse))

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        if event.table.id == "own-commands":
            self.action_packet()

    def action_packet(self) -> None:
        """The packets of the command in hand."""
        table = self.query_one("#own-commands", RowTable)
        if self.view != COMMANDS or table.row is None:
            return
        frame = self._rows.commands[table.row].frame
        self.action_view(3)
        if not self.query_one(PacketPanes).go_to(frame):
            self.say(f"frame {frame} is behind the packets that are kept")

    def searched(self) -> Searchable | None:
        if self.view == PACKETS:
            return self.query_one(PacketPanes)
        if self.view == COMMANDS:
            return _CommandSearch(self.query_one("#own-commands", RowTable), self._rows)
        return super().searched()

    def chosen(self) -> list[Connection]:
        return [self.connection]

    def choices(self) -> list[tuple[str, str]]:
        keep = filter_for([self.connection], self._several)
        found = []
        table = self.query_one("#own-commands", RowTable)
        if self.view == COMMANDS and table.row is not None:
            found.append(("Statement", self._rows.commands[table.row].statement or ""))
        packet = self.query_one(PacketPanes).packet
        if self.view == PACKETS and packet is not None:
            found.append(("Filter for this packet", f"frame.number == {packet.frame}"))
        found.append(("Filter", keep))
        line = self.feed.line
        if line is not None:
            own = line._replace(captures=line.captures if line.merged else [self.connection.capture])
            of_one = f"tcp.stream == {self.connection.stream}"
            found += [
                ("Command line", own.text("analyze", of_one, "-v")),
                ("Its packets", own.text("dissect", of_one)),
                ("Its commands", own.text("commands", of_one)),
            ]
            if not line.merged and line.filter is None:
                found.append(("Its session", own.text("follow", None, "--stream", str(self.connection.stream))))
        return found
