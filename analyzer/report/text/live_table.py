"""The live view of a terminal: rates on top, connections below, those that fail and the newest first."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from analyzer.analysis.model.connection import FAILED, Connection
from analyzer.analysis.model.counts import Counts
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.text.connections import columns_of, texts_of
from analyzer.report.text.layout import place

# Connections of each kind that are kept for showing; a terminal shows fewer.
KEPT: Final = 200
# Seconds over which rates are taken.
WINDOW: Final = 5.0
_STYLES: Final = {"accepted": "green", "rejected": "red", "aborted": "yellow", "encrypted": "cyan", "unknown": "dim"}
# Lines of the terminal that are no connections: head, title row, rules, a spare one.
AROUND: Final = 6
# In fewer columns a connection has two lines: what happened stands below.
ONE_LINE: Final = 120
NARROWEST: Final = 80


class LiveTable:
    """Takes news of connections, and draws them when `draw` is called."""

    def __init__(self, title: str, console: Console | None = None, clock: WallClock = UTC_CLOCK) -> None:
        self._title = title
        self._clock = clock
        self._console = console or Console(highlight=False)
        self._failing: OrderedDict[int, tuple[Connection, bool]] = OrderedDict()
        self._newest: OrderedDict[int, tuple[Connection, bool]] = OrderedDict()
        self._history: deque[Counts] = deque([Counts()])
        self._live = Live(console=self._console, auto_refresh=False, transient=False)

    def __len__(self) -> int:
        """Connections that are kept."""
        return len(self._failing) + len(self._newest)

    def start(self) -> None:
        self._live.start()

    def stop(self) -> None:
        self._live.stop()

    def connection(self, connection: Connection, final: bool) -> None:
        """A connection is new, or there is something new about it."""
        number = connection.stream
        failing = connection.outcome in FAILED
        mine, other = (self._failing, self._newest) if failing else (self._newest, self._failing)
        other.pop(number, None)
        mine[number] = (connection, final)
        while len(mine) > KEPT:
            mine.popitem(last=False)

    def draw(self, counts: Counts) -> None:
        """Shows the state of things."""
        history = self._history
        history.append(counts)
        while len(history) > 2 and counts.seconds - history[0].seconds > WINDOW:
            history.popleft()
        self._live.update(self.picture(counts), refresh=True)

    def picture(self, counts: Counts) -> RenderableType:
        """Head and table, as high as the terminal."""
        narrow = self._console.size.width < ONE_LINE
        rows = max(3, self._console.size.height - AROUND)
        if narrow:
            rows = max(3, rows // 2)
        failing = list(reversed(self._failing.values()))[: max(1, rows // 2)]
        newest = list(reversed(self._newest.values()))[: rows - len(failing)]
        if narrow:
            return Group(self._head(counts), *self._lines([*failing, *newest]))
        table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
        for name, ratio in (("Client", 4), ("Server", 3), ("User/db", 3), ("Auth", 3)):
            if name == "Client":
                table.add_column("#", justify="right", no_wrap=True)
                table.add_column(self._clock.heading, no_wrap=True)
            table.add_column(name, ratio=ratio, no_wrap=True, overflow="ellipsis")
        table.add_column("TLS", no_wrap=True)
        table.add_column("Outcome", no_wrap=True)
        table.add_column("Lasted", justify="right", no_wrap=True)
        table.add_column("What", ratio=6, no_wrap=True, overflow="ellipsis")
        for connection, final in (*failing, *newest):
            table.add_row(*_cells(connection, final, self._clock))
        return Group(self._head(counts), table)

    def _lines(self, connections: list[tuple[Connection, bool]]) -> list[Text]:
        """The same for a narrow terminal."""
        width = max(self._console.size.width, NARROWEST)
        columns = columns_of(width, self._clock)
        heading = place(columns, [column.name for column in columns], width)
        lines = [Text("".join(" " * gap + text for gap, text in heading.cells), style="bold", no_wrap=True)]
        for connection, final in connections:
            texts = texts_of(connection, columns, self._clock)
            if not final:
                texts[-1] = "open"
            line = Text(no_wrap=True, overflow="ellipsis")
            for index, (gap, text) in enumerate(place(columns, texts, width).cells):
                line.append(" " * gap)
                line.append(text, style=_STYLES.get(connection.outcome, "") if index == len(texts) - 2 else "")
            lines.append(line)
            what = _what(connection)
            if what:
                lines.append(Text(f"    -> {what}", no_wrap=True, overflow="ellipsis"))
        return lines

    def _head(self, counts: Counts) -> Text:
        before = self._history[0]
        seconds = counts.seconds - before.seconds

        def rate(now: int, then: int) -> str:
            return f"{(now - then) / seconds:,.0f}/s" if seconds > 0 else "0/s"

        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(terminal(self._title), style="bold")
        head.append(f"  {labels.duration(int(counts.seconds * 1e9))}")
        head.append(f"  frames {counts.frames:,} ({rate(counts.frames, before.frames)})")
        head.append(f"  logins {counts.logins:,} ({rate(counts.logins, before.logins)})")
        failures = f"  failed {counts.failures:,} ({rate(counts.failures, before.failures)})"
        head.append(failures, style="red" if counts.failures else "")
        lost = f"  dropped {counts.dropped:,} ({rate(counts.dropped, before.dropped)}), skipped {counts.skipped:,}"
        head.append(lost, style="yellow" if counts.dropped or counts.skipped else "")
        head.append(f"  open {counts.open:,}")
        return head


def _cells(connection: Connection, final: bool, clock: WallClock) -> list[Text]:
    """One row; text from the wire is made safe, and never read as markup."""
    lasted = labels.duration(connection.lasted_ns) if final else "open"
    return [
        Text(str(connection.stream)),
        Text(clock.time_of_day(connection.start_time_ns)),
        Text(terminal(labels.client(connection))),
        Text(terminal(labels.product(connection.greeting))),
        Text(terminal(labels.account(connection))),
        Text(terminal(labels.plugin(connection.authentication))),
        Text(terminal(labels.tls(connection.tls))),
        Text(connection.outcome, style=_STYLES.get(connection.outcome, "")),
        Text(lasted),
        Text(_what(connection)),
    ]


def _what(connection: Connection) -> str:
    """What happened, where something did: the server's error, else the worst finding."""
    worst = labels.by_severity(connection.findings)
    return terminal(
        labels.error_text(connection) or (worst[0].message if worst and worst[0].severity != "info" else "")
    )
