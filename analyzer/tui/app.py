"""The program on the terminal: the list of connections and what is said of all of them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final

from rich.console import Console
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static, TabbedContent, TabPane

from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.analysis.dissection.filters import FilterError
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.counts import Counts
from analyzer.engine.background import WorkAnswer, WorkFailed
from analyzer.engine.browsing import Arrival, ReadingFailed, ReadingProgress
from analyzer.errors import CaptureError
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.story import in_brief
from analyzer.report.text.explain import Explainer
from analyzer.report.text.layout import clip
from analyzer.report.text.statistics import StatisticsText
from analyzer.tui.command_line import filter_by_ends, filter_for
from analyzer.tui.command_rows import DURATION, OF_CAPTURE, CommandRows
from analyzer.tui.connection_rows import ConnectionRows
from analyzer.tui.connection_screen import ConnectionScreen
from analyzer.tui.feed import Feed
from analyzer.tui.filter_bar import FILTER, FilterBar
from analyzer.tui.finding_rows import COLUMNS as FINDING_COLUMNS
from analyzer.tui.finding_rows import FindingRows
from analyzer.tui.gathered import GatheredNews, Listing
from analyzer.tui.store import TIME
from analyzer.tui.table import RowTable
from analyzer.tui.text_view import TextView, painted, plain
from analyzer.tui.views import Searchable, ViewScreen, next_row, shared_keys

CONNECTIONS: Final = "connections"
FINDINGS: Final = "findings"
COMMANDS: Final = "commands"
STATISTICS: Final = "statistics"
CAPTURE: Final = "capture"
# Connections of a live capture that are kept.
LIVE_KEPT: Final = 5000
# The screen is drawn anew so often at most, and never for longer than a tenth of the time.
DRAW_SECONDS: Final = 0.2
WORK_SECONDS: Final = 0.15
GROWN_SECONDS: Final = 2.0
# Connections after which what is kept is no longer searched for garbage: there is none in it.
FREEZE: Final = 2000
TOP: Final = 20
# Things that the story of a capture tells.
POINTS: Final = 20
# Cells of a column in which times of day have milliseconds.
WIDE: Final = 12
# Cells of a name or a filter in the head.
LONGEST_TITLE: Final = 60
# The exit code where no capture can be read.
UNREADABLE: Final = 3
# Textual's theme for terminals of 16 colours.
SIXTEEN: Final = "ansi-dark"
NO_FILE: Final = "this capture leaves no file to read: -w FILE at the start writes one"


class MainScreen(ViewScreen):
    """The list of connections, findings by their cause, the slowest commands, statistics, the capture as a whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,Y", "filter", "Filter"),
        Binding("s", "sort", "Sort"),
        Binding("S", "turn", "Turn", show=False),
        Binding("space", "mark", "Mark"),
        Binding("A", "mark_all", "Mark all", show=False),
        Binding("U", "unmark", "Unmark", show=False),
        Binding("r", "reload", "Read again", show=False),
        Binding("p", "pause", "Pause", show=False),
        Binding("b", "ring", "Ring", show=False),
        *shared_keys("Quit"),
    ]
    FIRST: ClassVar[dict[str, str]] = {
        CONNECTIONS: "#table",
        FINDINGS: "#finding-table",
        COMMANDS: "#command-table",
        STATISTICS: "#statistics-text",
        CAPTURE: "#capture-text",
    }

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._several = feed.line is not None and len(feed.line.captures) > 1 and not feed.line.merged
        self._findings = FindingRows()
        self._commands = CommandRows(of_capture=True)
        self._reader: WorkAnswer | None = None
        self._matcher: WorkAnswer | None = None
        self._asked: set[str] = set()  # views whose answers were asked for
        self._changed = False
        self._drawn, self._cost = 0.0, 0.0
        self._paused = False
        self._rings = feed.live
        self._begin()

    def _begin(self) -> None:
        self.gathered = GatheredNews(LIVE_KEPT if self.feed.live else None)
        self.listing = Listing(self.gathered.store, self.feed.live)
        self._rows = ConnectionRows(self.gathered.store, self.listing, self._several)

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with TabbedContent():
            with TabPane("1 Connections", id=CONNECTIONS):
                yield RowTable(self._rows.columns, self._rows, id="table")
                yield Static(id="brief")
            with TabPane("2 Findings", id=FINDINGS):
                yield RowTable(FINDING_COLUMNS, self._findings, id="finding-table")
                yield TextView(id="finding-text")
            with TabPane("3 Commands", id=COMMANDS):
                yield RowTable(OF_CAPTURE, self._commands, id="command-table")
                yield Static(id="statement")
            with TabPane("4 Statistics", id=STATISTICS):
                yield TextView(plain("reading ..."), id="statistics-text")
            with TabPane("5 Capture", id=CAPTURE):
                yield TextView(plain("reading ..."), id="capture-text")
        yield FilterBar(lambda: self.gathered.store.some(500))
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#table", RowTable).focus()
        self._read()
        self.set_interval(DRAW_SECONDS, self._draw)
        self.set_interval(DRAW_SECONDS, self._work)
        if not self.feed.live:
            self.set_interval(GROWN_SECONDS, self._look_at_files)

    def on_resize(self, event: events.Resize) -> None:
        self._changed = True

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self._head()
        try:
            reader = self.feed.connections()
        except WorkFailed as error:
            self.gathered.problems.append(str(error))
            self._over()
            return
        self._reader = reader
        self.listen(reader, lambda item: self._received(reader, item), lambda: self._received(reader, None))

    def _received(self, reader: WorkAnswer, item: object) -> None:
        """News of the captures; None: there is no more."""
        if reader is not self._reader or not self.query("#head"):
            return  # of a reading that was given up, or the program is at its end
        gathered = self.gathered
        if isinstance(item, list):
            for arrival in item:
                self._arrived(arrival)
            gone = gathered.store.trim()
            if gone:
                self._let_go(gone)
            self._changed = True
        elif isinstance(item, ReadingProgress):
            gathered.progress = item
        elif isinstance(item, Counts):
            gathered.counts = item
        elif isinstance(item, Source):
            gathered.sources.append(item)
        elif isinstance(item, ReadingFailed | WorkFailed):
            why = item.why if isinstance(item, ReadingFailed) else str(item)
            gathered.problems.append(why)
            self.say(why, "error")
            if self.feed.live:
                self.app.exit()  # nobody is there any more to end the program
        elif item is None:
            self._over()

    def _arrived(self, arrival: Arrival) -> None:
        connection = arrival.connection
        row = self.gathered.put(arrival)
        if row is not None:
            self.listing.add(row, connection)
        if self.feed.live:
            if self._rings and arrival.final and labels.worst(connection) < 2 and not self._paused:
                self.app.bell()
        elif len(self.gathered.store) % FREEZE == 0:
            gc.freeze()

    def _let_go(self, rows: list[int]) -> None:
        self.listing.gone(rows)
        table, away = self.query_one("#table", RowTable), set(rows)
        table.show([row for row in table.order if row not in away])

    def _over(self) -> None:
        gathered = self.gathered
        gathered.over = True
        if gathered.problems and not gathered.sources and not len(gathered.store):
            self.app.exit(return_code=UNREADABLE)  # there is nothing to look at
        self._changed = True
        self._draw()
        self.opened(self.view)

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Shows what has changed, as often as there is time for it."""
        now = time.monotonic()
        if now - self._drawn < self._cost * 10 or not self.query("#head"):
            return
        self._head()
        if self._changed and not self._paused:
            self._changed = False
            self._list()
            if self.view == FINDINGS:
                self._list_findings()
        self._drawn, self._cost = time.monotonic(), time.monotonic() - now

    def _list(self) -> None:
        table = self.query_one("#table", RowTable)
        values = self._rows.values
        self._rows.milliseconds = table.width_of(values.index(TIME)) >= WIDE
        table.sorted_by = values.index(self.listing.column), self.listing.reverse
        if self.listing.filter is not None:
            table.empty = (
                "looking for connections ..." if self.listing.waiting else "The filter lets no connection through."
            )
        elif self.gathered.over:
            table.empty = "There is no MySQL connection; --port N names a server's port."
        else:
            table.empty = "waiting for connections ..." if self.feed.live else "reading ..."
        # Live, the newest stays on top while the cursor is there.
        table.show(self.listing.order(), follow=not (self.feed.live and table.position == 0))

    def _head(self) -> None:
        gathered, listing = self.gathered, self.listing
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(f" {clip(terminal(self.feed.title), LONGEST_TITLE)}", style="bold")
        head.append(f"  {labels.count(len(gathered.store) + gathered.store.left_out, 'connection')}")
        if gathered.failing:
            head.append(f", {gathered.failing:,} failed", style="red")
        counts = gathered.counts
        if counts is not None:
            head.append(f"  {counts.frames:,} frames, {counts.open:,} open")
            if counts.dropped or counts.skipped:
                head.append(f", {counts.dropped:,} dropped, {counts.skipped:,} skipped", style="yellow")
        for text in ("" if self.feed.live else gathered.state(), "paused" if self._paused else "", self._news()):
            if text:
                head.append(f"  {text}", style="yellow")
        if listing.marked:
            head.append(f"  {len(listing.marked):,} marked", style="magenta")
        if listing.filter is not None:
            shown = len(self.query_one("#table", RowTable).order)
            more = " ..." if listing.waiting else ""
            head.append(
                f"  {shown:,} of them: {clip(terminal(listing.filter.text), LONGEST_TITLE)}{more}", style="cyan"
            )
        self.query_one("#head", Static).update(head)

    def _news(self) -> str:
        if self.gathered.store.left_out:
            return f"the first {len(self.gathered.store):,} are listed"
        if self.feed.live:
            return "the capture is over" if self.gathered.over else ""
        grown = self.feed.grown() if self.gathered.over else 0
        return f"{grown:,} bytes more: r reads again" if grown else ""

    def _look_at_files(self) -> None:
        if self.gathered.over:
            self._head()

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        row = event.row
        if isinstance(event, RowTable.Chosen):
            if row is not None:
                self._open(event.table, row)
        elif event.table.id == "table":
            brief = Text()
            if row is not None:
                connection = self.gathered.store.connection(row)
                brief.append(terminal(in_brief(connection), 600))
                codes = dict.fromkeys(one.code for one in labels.by_severity(connection.findings))
                if codes:
                    brief.append(f"  [{', '.join(codes)}]", style="yellow")
            self.query_one("#brief", Static).update(brief)
        elif event.table.id == "finding-table":
            lines = plain("Nothing was found to find fault with.") if row is None else self._findings.lines(row)
            self.query_one("#finding-text", TextView).show(lines)
        elif event.table.id == "command-table":
            text = "" if row is None else self._commands.commands[row].statement or ""
            self.query_one("#statement", Static).update(Text(terminal(text, 800)))

    on_row_table_chosen = on_row_table_moved

    # -- the views -----------------------------------------------------------------------------------------------------

    def opened(self, view: str) -> None:
        if view == FINDINGS:
            self._list_findings()
        elif view == CAPTURE:
            self._tell_capture()
        elif view in (COMMANDS, STATISTICS) and view not in self._asked:
            self._asked.add(view)
            self._ask_commands(view)

    def _list_findings(self) -> None:
        table = self.query_one("#finding-table", RowTable)
        hand = None if table.row is None else self._findings.findings[table.row]
        self._findings.findings = self.gathered.totals.findings()
        table.empty = "Nothing was found."
        order = list(range(len(self._findings.findings)))
        table.show(order, follow=False)
        place = next((n for n, one in enumerate(self._findings.findings) if one is hand), table.position)
        table.move_to(place)
        if table.row is not None:
            self.query_one("#finding-text", TextView).show(self._findings.lines(table.row))

    def _tell_capture(self) -> None:
        gathered = self.gathered
        title = self.feed.title

        def write(write: Callable[[str], object], width: int) -> None:
            for problem in gathered.problems:
                write(f"\x1b[31m{terminal(problem)}\x1b[0m\n")
            if not gathered.over:
                write(
                    f"{labels.count(gathered.totals.connections, 'connection')} so far; the rest is still to come.\n\n"
                )
            if gathered.sources:
                Explainer(write, width, True).capture(gathered.story, title, gathered.sources, POINTS)
            else:
                write(terminal(gathered.totals.verdict()) + "\n")
            for source in gathered.sources:
                for kind, said in (("warning", source.warnings), ("note", source.notes)):
                    for text in said:
                        write(f"{kind}: {terminal(text)}\n")

        self.query_one("#capture-text", TextView).show(painted(write), stay=True)

    def _ask_commands(self, view: str) -> None:
        table, text = self.query_one("#command-table", RowTable), self.query_one("#statistics-text", TextView)

        def state(words: str) -> None:
            if view == COMMANDS:
                table.empty = words
                table.refresh()
            else:
                text.show(plain(words))

        def take(item: object) -> None:
            if isinstance(item, ReadingProgress) and item.total:
                state(f"reading the commands {min(item.done / item.total, 1):.0%}")
            elif isinstance(item, WorkFailed):
                state(terminal(str(item)))
            elif isinstance(item, CommandStatistics):
                text.show(painted(lambda write, width: StatisticsText(write, width, True).whole(item, TOP)))
            elif isinstance(item, list):
                self._commands.commands = item
                self._sort_commands(DURATION, True)
                state("No command is in the capture.")

        state("reading the commands ...")
        try:
            self.listen(self.feed.slowest() if view == COMMANDS else self.feed.statistics(), take)
        except WorkFailed as error:
            state(terminal(str(error)))

    def _sort_commands(self, column: int, reverse: bool) -> None:
        table = self.query_one("#command-table", RowTable)
        table.sorted_by = column, reverse
        table.show(self._commands.sorted(column, reverse))

    # -- what is opened ------------------------------------------------------------------------------------------------

    def _open(self, table: RowTable, row: int) -> None:
        if table.id == "finding-table":
            self.apply(f'handshark.finding == "{self._findings.findings[row].code}"')
            self.action_view(1)
            return
        if table.id == "command-table":
            command = self._commands.commands[row]
            found = next(
                (one for one in self.gathered.store.rows() if self._is_of(one, command.capture, command.stream)), None
            )
            if found is None:
                self.say("its connection is not listed")
                return
            row = found
        connection = self.gathered.store.connection(row)
        self.app.push_screen(ConnectionScreen(self.feed, connection, self._several))

    def _is_of(self, row: int, capture: str, stream: int) -> bool:
        store = self.gathered.store
        return store.value(row, 0) == stream and store.key(row)[0] == capture

    def neighbour(self, by: int) -> Connection | None:
        """Moves in the list, and gives the connection there."""
        table = self.query_one("#table", RowTable)
        table.action_move(by)
        return None if table.row is None else self.gathered.store.connection(table.row)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        if self.listing.filter is not None:
            self.apply("")
        else:
            self.app.exit()

    def action_filter(self) -> None:
        keep = self.listing.filter
        self.query_one(FilterBar).open(FILTER, "" if keep is None else keep.text)

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        if event.kind == FILTER:
            self.action_view(1)
            self.apply(event.text)

    def apply(self, text: str) -> None:
        """Lists only connections for which a display filter holds; "" lists all."""
        if self._matcher is not None:
            self._matcher.close()
            self._matcher = None
        try:
            self.listing.apply(text)
        except FilterError as error:
            self.say(str(error), "error")
            return
        if self.listing.filter is not None and self.listing.filter.needs_packets:
            self._ask_matches(text)
        self._work()
        self._list()
        self._head()

    def _work(self) -> None:
        """Looks for more connections for which the filter holds, for as long as nobody notices."""
        try:
            if self.listing.work(WORK_SECONDS):
                self._changed = True
        except CaptureError as error:
            self.listing.apply("")
            self.say(error.reason, "error")

    def _ask_matches(self, text: str) -> None:
        try:
            matcher = self.feed.matches(text)
        except WorkFailed as error:
            self.listing.waiting = False
            self.say(str(error), "error")
            return
        self._matcher = matcher

        def take(item: object) -> None:
            if matcher is not self._matcher:
                return  # of the filter before
            if isinstance(item, list):
                self.listing.match(item)
                self._changed = True
            elif isinstance(item, WorkFailed):
                self.say(str(item), "error")

        def over() -> None:
            if matcher is self._matcher:
                self.listing.waiting = False
                self._changed = True

        self.listen(matcher, take, over)

    def _table_in_view(self) -> RowTable | None:
        return {
            CONNECTIONS: self.query_one("#table", RowTable),
            COMMANDS: self.query_one("#command-table", RowTable),
        }.get(self.view)

    def action_sort(self) -> None:
        table = self._table_in_view()
        if table is None:
            return
        if table.id == "table":
            self.listing.next_column(self._rows.values)
            self._list()
        elif table.sorted_by is not None:
            self._sort_commands((table.sorted_by[0] + 1) % len(table.columns), False)

    def action_turn(self) -> None:
        table = self._table_in_view()
        if table is None or table.sorted_by is None:
            return
        if table.id == "table":
            self.listing.reverse = not self.listing.reverse
            self._list()
        else:
            self._sort_commands(table.sorted_by[0], not table.sorted_by[1])

    def on_row_table_title_clicked(self, event: RowTable.TitleClicked) -> None:
        turned = event.table.sorted_by == (event.column, False)
        if event.table.id == "table":
            self.listing.column, self.listing.reverse = self._rows.values[event.column], turned
            self._list()
        elif event.table.id == "command-table":
            self._sort_commands(event.column, turned)

    def action_mark(self) -> None:
        table = self.query_one("#table", RowTable)
        if self.view == CONNECTIONS and table.row is not None:
            self.listing.marked ^= {table.row}
            table.action_move(1)
            table.refresh()
            self._head()

    def action_mark_all(self) -> None:
        table = self.query_one("#table", RowTable)
        self.listing.marked |= set(table.order)
        table.refresh()
        self._head()

    def action_unmark(self) -> None:
        self.listing.marked.clear()
        self.query_one("#table", RowTable).refresh()
        self._head()

    def action_reload(self) -> None:
        if self.feed.live:
            return
        if self._reader is not None:
            self._reader.close()
        keep, column, reverse = self.listing.filter, self.listing.column, self.listing.reverse
        self._begin()
        self.listing.column, self.listing.reverse = column, reverse
        table = self.query_one("#table", RowTable)
        table.source = self._rows
        table.show([], follow=False)
        self._asked.clear()
        self._read()
        if keep is not None:
            self.apply(keep.text)

    def action_pause(self) -> None:
        if self.feed.live:
            self._paused = not self._paused
            self._draw()

    def action_ring(self) -> None:
        if self.feed.live:
            self._rings = not self._rings
            self.say("rings when something is found" if self._rings else "does not ring")

    # -- what can be taken away ----------------------------------------------------------------------------------------

    def chosen(self) -> list[Connection]:
        return self.listing.chosen(self.query_one("#table", RowTable).row)

    def choices(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        keep = None if self.listing.filter is None else self.listing.filter.text
        commands = self.query_one("#command-table", RowTable)
        if self.view == COMMANDS and commands.row is not None:
            found.append(("Statement", self._commands.commands[commands.row].statement or ""))
        found.append(("Filter in force", keep or ""))
        chosen = self.chosen()
        if chosen:
            found.append(("Filter for what is chosen", filter_for(chosen, self._several)))
        line = self.feed.line
        if line is not None:
            name = {CONNECTIONS: "analyze", FINDINGS: "analyze", COMMANDS: "commands", STATISTICS: "stats"}.get(
                self.view
            )
            found.append(("Command line", line.text(name or "analyze", keep)))
        return found

    def searched(self) -> Searchable | None:
        searches: dict[str, tuple[str, Callable[[str, int], bool]]] = {
            CONNECTIONS: ("#table", self.gathered.store.found),
            FINDINGS: ("#finding-table", self._findings.found),
            COMMANDS: ("#command-table", self._commands.found),
        }
        if self.view not in searches:
            return super().searched()
        name, found = searches[self.view]
        return _RowSearch(self.query_one(name, RowTable), found)

    def action_report(self) -> None:
        self.write_report([])

    def write_report(self, connections: list[Connection]) -> None:
        """Asks for a name, and writes the HTML report there: of these connections, or of those that are listed."""
        line = self.feed.line
        if line is None:
            self.say(NO_FILE)
            return
        keep = None if self.listing.filter is None else self.listing.filter.text
        if connections:
            # Connections of a file that is still written may have other numbers than those of the screen.
            keep = filter_by_ends(connections) if self.feed.live else filter_for(connections, self._several)
        base = os.path.splitext(os.path.basename(line.captures[0]))[0].replace("*", "").rstrip("_")

        def write(name: str) -> None:
            self.say(f"writing {name} ...")
            self.run_line(line.process("report", keep, "-o", name), f"written: {name}")

        self.ask_file("Write the HTML report to", f"{base}.html", write)

    def action_extract(self) -> None:
        self.extract(self.chosen())

    def extract(self, connections: list[Connection]) -> None:
        """Asks for a name, and writes the frames of these connections there."""
        line = self.feed.line
        if line is None:
            self.say(NO_FILE)
            return
        if not connections:
            self.say("there is no connection to extract")
            return
        names = sorted({connection.capture for connection in connections})
        whole = line.merged or self.feed.live
        own = (line if whole else line._replace(captures=names))._replace(filter=None)
        keep, streams = None, [word for one in connections for word in ("--stream", str(one.stream))]
        if self.feed.live or (len(names) > 1 and not line.merged):
            # What is read then is numbered otherwise: several captures as one, files that are still written.
            keep, streams = filter_by_ends(connections), []

        def write(name: str) -> None:
            self.say(f"writing {name} ...")
            words = own.process("extract", keep, *streams, "-w", name)
            self.run_line(words, f"written: {name}, {labels.count(len(connections), 'connection')}")

        base = os.path.splitext(os.path.basename(names[0]))[0].replace(", ", "-")
        self.ask_file(f"Extract {labels.count(len(connections), 'connection')} to", f"{base}-extract.pcapng", write)


class _RowSearch:
    """Searches a table."""

    def __init__(self, table: RowTable, found: Callable[[str, int], bool]) -> None:
        self._table = table
        self._found = found

    def find(self, word: str, back: bool = False) -> bool:
        """Goes to the next row that shows a word."""
        return next_row(self._table, lambda row: self._found(word.lower(), row), back)


class TuiApp(App[None]):
    """The terminal interface over a feed."""

    TITLE = "handshark"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False)]
    CSS = """
    Screen { background: $surface; }
    #head { height: 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    #brief, #statement { height: 4; padding: 0 1; border-top: solid $panel; }
    TabbedContent { height: 1fr; }
    TabPane { padding: 0; height: 1fr; }
    ContentSwitcher { height: 1fr; }
    RowTable, TextView { height: 1fr; scrollbar-size-vertical: 1; }
    #finding-text { border-top: solid $panel; }
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self.animation_level = "none"  # each step of one is sent over the line
        self.ends_by_signal = False
        self._feed = feed
        self.main = MainScreen(feed)

    def on_mount(self) -> None:
        if self.ends_by_signal:
            # An exception out of the loop would leave the terminal as it is now.
            for number in (signal.SIGTERM, signal.SIGHUP):
                end = partial(self.exit, return_code=128 + number)
                asyncio.get_running_loop().add_signal_handler(number, end)
        self.push_screen(self.main)

    def on_connection_screen_neighbour(self, event: ConnectionScreen.Neighbour) -> None:
        connection = self.main.neighbour(event.by)
        if connection is not None and isinstance(self.screen, ConnectionScreen):
            self.screen.show(connection)

    def on_connection_screen_written(self, event: ConnectionScreen.Written) -> None:
        screen = self.screen
        if isinstance(screen, ConnectionScreen):
            write = self.main.write_report if event.what == "report" else self.main.extract
            write([screen.connection])

    def on_unmount(self) -> None:
        self._feed.close()


def show(feed: Feed) -> tuple[int, list[str]]:
    """Shows a feed on the terminal until the user ends it; an exit code, and what there is to say of it."""
    app = TuiApp(feed)
    app.ends_by_signal = True
    if Console().color_system == "standard":
        app.theme = SIXTEEN  # a terminal of 16 colours has its own
    app.run()
    code = app.return_code or 0
    return code, app.main.gathered.problems if code == UNREADABLE else []
