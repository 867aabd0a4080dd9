"""Commands as text for a terminal, and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import Endpoint
from analyzer.report.csv import line
from analyzer.report.escape import csv_cell, terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.text.colour import paint
from analyzer.report.text.layout import Column, cells, clip, place

NARROWEST = 80
# The first is called as the clock is.
LEADING = (("Time", 12), ("Conn", 4), ("Took", 6), ("Rows", 6))
# So many characters of a command are looked at for each that is shown.
LOOKED_AT: Final = 4
# What a wider terminal shows too: (least width of it, name, width).
_WIDER = ((104, "Client", 21), (120, "User", 12), (150, "Server", 21))

COLUMNS = (
    *("capture", "stream", "number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "command"),
    *("statement", "parameters", "attributes", "database", "response", "affected_rows", "last_insert_id", "warnings"),
    *("status_flags", "info", "columns", "rows", "error_code", "error_sqlstate", "error_message"),
    *("bytes_request", "bytes_response", "complete", "missing_bytes", "statement_cut", "statement_id", "argument"),
    *("client_address", "client_port", "server_address", "server_port", "user"),
)


# Parts of a command that may be missing as a whole.
_PARTS: Final = ("error", "client", "server")
# What stands before a line that comes with its date: the date, between these. No text that is shown has them.
DATED: Final = b"\x01"
BEHIND_DATE: Final = b"\x02"


class CommandLayout:
    """One line for each command, and one more where it failed. Each is at most `width` cells (80 at least)."""

    def __init__(self, width: int = NARROWEST, color: bool = False, clock: WallClock = UTC_CLOCK) -> None:
        self.width = max(width, NARROWEST)
        self.clock = clock
        self._color = color
        (_, time), *others = LEADING
        named = [Column(clock.heading, time), *(Column(name, width, True) for name, width in others)]
        named += [Column(name, width, False, width) for least, name, width in _WIDER if width and self.width >= least]
        widest = self.width - sum(column.width + 1 for column in named)
        self.columns = [*named, Column("Command", widest, False, widest)]
        self._wider = tuple(column.name for column in named[len(LEADING) :])

    def head(self, name: str) -> str:
        """What stands over the commands of a source."""
        row = self._row([column.name for column in self.columns])
        return self.painted(terminal(name), "bold") + "\n" + self.painted(row, "bold") + "\n"

    def dated(self, exchange: Command) -> bytes:
        """The lines of a command, with their date before them."""
        date = self.clock.date(exchange.time_ns).encode()
        return b"%b%b%b%b" % (DATED, date, BEHIND_DATE, self.lines(exchange).encode())

    def lines(self, exchange: Command) -> str:
        """The lines of a command."""
        # No time at all is that of a clock which stands still.
        took = labels.duration(exchange.duration_ns) if exchange.duration_ns else ""
        texts = [
            self.clock.time_of_day(exchange.time_ns, milliseconds=True),
            str(exchange.stream),
            took,
            counted(exchange),
            *self.wider(exchange.client, exchange.user, exchange.server),
            self.said(exchange),
        ]
        return self._row(texts) + "\n" + "".join(self._after(exchange))

    def wider(self, client: Endpoint | None, user: str | None, server: Endpoint | None) -> list[str]:
        """What a wider terminal shows of a connection."""
        shown = {
            "Client": labels.endpoint(client) if client is not None else "",
            "User": terminal(user or "", 100),
            "Server": labels.endpoint(server) if server is not None else "",
        }
        return [shown[name] for name in self._wider]

    def _after(self, exchange: Command) -> Iterator[str]:
        if exchange.error is not None:
            state = f" ({exchange.error.sqlstate})" if exchange.error.sqlstate else ""
            yield self._line_after(f"error {exchange.error.code}{state}: {exchange.error.message}", "red")
        elif exchange.response == "missing":
            yield self._line_after("no answer in the capture", "yellow")
        elif exchange.complete is False:
            missing = f"{exchange.missing_bytes:,} bytes are" if exchange.missing_bytes else "its end is"
            yield self._line_after(f"incomplete: {missing} missing; time and rows are at least that", "yellow")

    def said(self, exchange: Command) -> str:
        """What a command asks."""
        name = exchange.command.upper()
        if exchange.statement is None:
            if exchange.argument is not None:
                return f"{name} {exchange.argument}"
            return name if exchange.statement_id is None else f"{name} (statement {exchange.statement_id})"
        text = exchange.statement if exchange.command == "query" else f"{name} {exchange.statement}"
        if exchange.parameters:
            text += " <- " + ", ".join("NULL" if value is None else str(value) for value in exchange.parameters)
        return text

    def _row(self, texts: list[str]) -> str:
        room = self.columns[-1].width
        # Only as much as can be seen is escaped: a statement may be megabytes.
        last = clip(terminal(" ".join(texts[-1][: room * LOOKED_AT].split()), None), room)
        placed = place(self.columns, [*texts[:-1], last], self.width)
        return "".join(" " * gap + text for gap, text in placed.cells).rstrip()

    def _line_after(self, text: str, colour: str) -> str:
        lead = "    -> "
        line = clip(terminal(text), self.width - cells(lead))
        return lead + self.painted(line, colour) + "\n"

    def painted(self, text: str, style: str) -> str:
        """A text in a colour, where there are any."""
        return paint(text, style) if self._color else text


def counted(exchange: Command) -> str:
    """How many rows came, or were changed."""
    count = exchange.affected_rows if exchange.response == "ok" else exchange.rows
    at_least = exchange.complete is False and exchange.response != "ok"
    return "" if count is None else f"{count}+" if at_least else str(count)


class CommandsText:
    """Lines of commands under the names of their sources, and under their dates."""

    def __init__(self, write: Callable[[bytes], object], layout: CommandLayout) -> None:
        self._write = write
        self._layout = layout
        self._name = ""
        self._date: bytes | None = None

    def begin(self, name: str) -> None:
        """A source is opened: its name stands above its first command."""
        self._name = name
        self._date = None

    def exchange(self, exchange: Command) -> None:
        """Writes the lines of a command."""
        self.dated(self._layout.dated(exchange))

    def dated(self, lines: bytes) -> None:
        """Writes lines as `CommandLayout.dated` gives them, of many commands."""
        if self._date is None:
            self._write(self._layout.head(self._name).encode())
        mark = b"%b%b%b" % (DATED, self._date or b"", BEHIND_DATE)
        if lines.count(mark) == lines.count(DATED):
            self._write(lines.replace(mark, b""))
            return
        for of_one in lines.split(DATED)[1:]:
            date, _, line = of_one.partition(BEHIND_DATE)
            if date != self._date:
                self._write(self._layout.painted(date.decode(), "dim").encode() + b"\n")
                self._date = date
            self._write(line)


def csv_header() -> str:
    """The names of the columns, as one line with its CRLF (RFC 4180)."""
    return line(COLUMNS)


def csv_line(exchange: Command) -> str:
    """The exchange as one line with its CRLF."""
    return line(csv_cells(exchange))


def csv_cells(exchange: Command) -> list[object]:
    """The exchange's cells of COLUMNS, escaped."""
    values: list[object] = []
    for part, read, count in _READERS:
        whole = getattr(exchange, part) if part else exchange
        values += read(whole) if whole is not None else [None] * count
    return [value if value is None or type(value) is int else cell_of(value) for value in values]


def _readers() -> list[tuple[str, Callable[[object], Sequence[object]], int]]:
    """(part of a command, what reads its columns from it, how many they are) in the order of the columns."""
    found: list[tuple[str, Callable[[object], Sequence[object]], int]] = []
    for part, names in groupby(COLUMNS, lambda name: next((one for one in _PARTS if name.startswith(f"{one}_")), "")):
        inner = [name.removeprefix(f"{part}_") for name in names]
        get = attrgetter(*inner)
        found.append((part, get if len(inner) > 1 else lambda whole, get=get: (get(whole),), len(inner)))  # type: ignore[misc]
    return found


_READERS: Final = _readers()


def cell_of(value: object) -> object:
    """A value as a cell, escaped."""
    if isinstance(value, str):
        return csv_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return csv_cell(";".join("NULL" if each is None else str(each) for each in value))
    if isinstance(value, dict):
        return csv_cell(";".join(f"{name}={each}" for name, each in value.items()))
    return value
