"""Commands as text for a terminal, and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from analyzer.analysis.model.command import Command
from analyzer.report.csv import line
from analyzer.report.escape import csv_cell, terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.text.colour import paint
from analyzer.report.text.layout import Column, cells, clip, place

NARROWEST = 80
_COLUMNS = (("Conn", 4), ("Took", 6), ("Rows", 6))
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


class CommandsText:
    """One line for each command, and one more where it failed. Each is at most `width` cells (80 at least)."""

    def __init__(
        self,
        write: Callable[[str], object],
        width: int = NARROWEST,
        color: bool = False,
        clock: WallClock = UTC_CLOCK,
    ) -> None:
        self._write = write
        self._width = max(width, NARROWEST)
        self._color = color
        self._clock = clock
        self._name = ""
        self._date: str | None = None
        named = [Column(clock.heading, 12), *(Column(name, width, True) for name, width in _COLUMNS)]
        named += [Column(name, width, False, width) for least, name, width in _WIDER if width and self._width >= least]
        widest = self._width - sum(column.width + 1 for column in named)
        self._columns = [*named, Column("Command", widest, False, widest)]

    def begin(self, name: str) -> None:
        """A source is opened: its name stands above its first command."""
        self._name = name
        self._date = None

    def exchange(self, exchange: Command) -> None:
        date = self._clock.date(exchange.time_ns)
        if self._date is None:
            self._write(self._paint(terminal(self._name), "bold") + "\n")
            self._write(self._paint(self._row([column.name for column in self._columns]), "bold") + "\n")
        if date != self._date:
            self._write(self._paint(date, "dim") + "\n")
            self._date = date
        # No time at all is that of a clock which stands still.
        took = labels.duration(exchange.duration_ns) if exchange.duration_ns else ""
        count = exchange.affected_rows if exchange.response == "ok" else exchange.rows
        at_least = exchange.complete is False and exchange.response != "ok"
        texts = [
            self._clock.time_of_day(exchange.time_ns, milliseconds=True),
            str(exchange.stream),
            took,
            "" if count is None else f"{count}+" if at_least else str(count),
        ]
        wider = {
            "Client": labels.endpoint(exchange.client) if exchange.client is not None else "",
            "User": terminal(exchange.user or "", 100),
            "Server": labels.endpoint(exchange.server) if exchange.server is not None else "",
        }
        texts += [wider[column.name] for column in self._columns if column.name in wider]
        texts.append(self._what(exchange))
        self._write(self._row(texts) + "\n")
        if exchange.error is not None:
            state = f" ({exchange.error.sqlstate})" if exchange.error.sqlstate else ""
            self._after(f"error {exchange.error.code}{state}: {exchange.error.message}", "red")
        elif exchange.response == "missing":
            self._after("no answer in the capture", "yellow")
        elif exchange.complete is False:
            missing = f"{exchange.missing_bytes:,} bytes are" if exchange.missing_bytes else "its end is"
            self._after(f"incomplete: {missing} missing; time and rows are at least that", "yellow")

    def _what(self, exchange: Command) -> str:
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
        room = self._columns[-1].width
        # Only as much as can be seen is escaped: a statement may be megabytes.
        last = clip(terminal(" ".join(texts[-1][: room * 4].split()), None), room)
        placed = place(self._columns, [*texts[:-1], last], self._width)
        return "".join(" " * gap + text for gap, text in placed.cells).rstrip()

    def _after(self, text: str, colour: str) -> None:
        lead = "    -> "
        line = clip(terminal(text), self._width - cells(lead))
        self._write(lead + self._paint(line, colour) + "\n")

    def _paint(self, text: str, style: str) -> str:
        return paint(text, style) if self._color else text


def csv_header() -> str:
    """The names of the columns, as one line with its CRLF (RFC 4180)."""
    return line(COLUMNS)


def csv_line(exchange: Command) -> str:
    """The exchange as one line with its CRLF."""
    values: list[object] = []
    for part, read, count in _READERS:
        whole = getattr(exchange, part) if part else exchange
        values += read(whole) if whole is not None else [None] * count
    return line([value if value is None or type(value) is int else _cell(value) for value in values])


def _readers() -> list[tuple[str, Callable[[object], Sequence[object]], int]]:
    """(part of a command, what reads its columns from it, how many they are) in the order of the columns."""
    found: list[tuple[str, Callable[[object], Sequence[object]], int]] = []
    for part, names in groupby(COLUMNS, lambda name: next((one for one in _PARTS if name.startswith(f"{one}_")), "")):
        inner = [name.removeprefix(f"{part}_") for name in names]
        get = attrgetter(*inner)
        found.append((part, get if len(inner) > 1 else lambda whole, get=get: (get(whole),), len(inner)))  # type: ignore[misc]
    return found


_READERS: Final = _readers()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return csv_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return csv_cell(";".join("NULL" if each is None else str(each) for each in value))
    if isinstance(value, dict):
        return csv_cell(";".join(f"{name}={each}" for name, each in value.items()))
    return value
