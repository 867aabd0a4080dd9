"""Commands as rows of a table, with how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.analysis.model.command import Command
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.tui.session_text import answer_of
from analyzer.tui.table import ScreenColumn

NUMBER, TIME, NAME, LATENCY, DURATION, ROWS, ANSWER, STATEMENT = range(8)
OF_CONNECTION: Final = (
    ScreenColumn("#", 5, right=True),
    ScreenColumn("Time UTC", 12, rank=3),
    ScreenColumn("Command", 8, rank=1),
    ScreenColumn("First", 6, right=True),
    ScreenColumn("Whole", 6, right=True),
    ScreenColumn("Rows", 6, right=True, rank=2),
    ScreenColumn("Answer", 12, grow=1),
    ScreenColumn("Statement", 14, grow=4),
)
OF_CAPTURE: Final = (ScreenColumn("Conn", 5, right=True), *OF_CONNECTION[1:])
LONGEST_CELL: Final = 400


class CommandRows:
    """Commands by their places. `of_capture`: their connection is shown in place of their number."""

    def __init__(self, of_capture: bool = False) -> None:
        self._of_capture = of_capture
        self.commands: Sequence[Command] = ()

    def texts(self, row: int) -> Sequence[str]:
        """Number, time, name, latency, duration, rows, answer, statement."""
        one = self.commands[row]
        name = f"{one.command}: " if one.command.startswith("stmt") and one.statement is not None else ""
        return (
            str(one.stream if self._of_capture else one.number),
            labels.time_of_day(one.time_ns, milliseconds=True),
            terminal(one.command),
            "-" if one.latency_ns is None else labels.duration(one.latency_ns),
            "-" if one.duration_ns is None else labels.duration(one.duration_ns),
            "" if one.rows is None else f"{one.rows:,}",
            terminal(answer_of(one).partition(" after ")[0], LONGEST_CELL),
            name + terminal(one.statement if one.statement is not None else one.argument or "", LONGEST_CELL),
        )

    def style(self, row: int, column: int) -> str:
        """Red where it failed, yellow where something of it is missing."""
        one = self.commands[row]
        if column != ANSWER:
            return ""
        if one.error is not None:
            return "red"
        return "yellow" if one.response == "missing" or one.complete is False else ""

    def sorted(self, column: int, reverse: bool) -> list[int]:
        """The rows in the order of a column; what has no value is last."""

        def key(row: int) -> tuple[bool, int | str]:
            one = self.commands[row]
            values: tuple[int | str | None, ...] = (
                one.stream if self._of_capture else one.number,
                one.time_ns,
                one.command,
                one.latency_ns,
                one.duration_ns,
                one.rows,
                answer_of(one).partition(" after ")[0],
                one.statement if one.statement is not None else one.argument or "",
            )
            value = values[column]
            return (value is None) != reverse, 0 if value is None else value

        return sorted(range(len(self.commands)), key=key, reverse=reverse)

    def found(self, word: str, row: int) -> bool:
        """Whether a row shows a word; it is in lower case."""
        return any(word in text.lower() for text in self.texts(row))
