"""A session as a readable script for a terminal: like a log of the mysql client, with times and frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from analyzer.analysis.model.connection import CLIENT
from analyzer.analysis.model.packet import FollowedPacket
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.prose.session import UNANSWERED, FollowedResult, Turn
from analyzer.report.text.colour import paint
from analyzer.report.text.hexdump import hex_lines
from analyzer.report.text.layout import cells, clip, wrap

NARROWEST: Final = 80
NARROWEST_FITTED: Final = 60
LONGEST_VALUE: Final = 40  # cells of a value in a table
MOST_COLUMNS: Final = 30
# So long nothing is said before that is worth a line.
PAUSE_NS: Final = 1_000_000_000
_PROMPT: Final = "mysql> "
_MORE: Final = "    -> "
_NAMES: Final = {"ComQuery": "", "ComStmtExecute": "execute ", "ComStmtPrepare": "prepare "}


class SessionText:
    """Writes turns as they come; each line but those of statements is at most `width` cells (80 at least).

    `fitted`: those of statements too (60 at least). `more` says how further rows are got.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        width: int = NARROWEST,
        color: bool = False,
        clock: WallClock = UTC_CLOCK,
        *,
        fitted: bool = False,
        more: str = " (--rows N shows more)",
    ) -> None:
        self._write = write
        self._width = max(width, NARROWEST_FITTED if fitted else NARROWEST)
        self._fitted = fitted
        self._more = more
        self._color = color
        self._clock = clock
        self._last_ns: int | None = None

    def begin(self, name: str, stream: int) -> None:
        self._write(self._paint(f"{terminal(name)}, connection {stream}", "bold") + "\n")

    def turn(self, turn: Turn) -> None:
        if self._last_ns is None:
            self._write(self._paint(f"{self._clock.date(turn.time_ns)}, times are {self._clock.name}", "dim") + "\n")
        elif turn.time_ns - self._last_ns >= PAUSE_NS:
            pause = labels.duration(turn.time_ns - self._last_ns)
            self._write("\n" + self._paint(f"({pause} of silence)", "dim") + "\n")
        self._last_ns = turn.time_ns + (turn.duration_ns or 0)
        if turn.command is None:
            for packet in turn.others:
                self._packet(packet)
            self._last_ns = turn.others[-1].time_ns
            return
        self._asked(turn)
        for packet in turn.others:
            self._packet(packet)
        for number, result in enumerate(turn.results):
            self._result(result, turn, last=number == len(turn.results) - 1)
        if turn.error is not None:
            code, state, message = turn.error
            text = f"ERROR {code}{f' ({state})' if state else ''}: {message}"
            for line in wrap(terminal(text), self._width):
                self._write(self._paint(line, "red") + "\n")
            self._write(self._paint(self._when(turn), "dim") + "\n")

    def _packet(self, packet: FollowedPacket) -> None:
        side = "client ->" if packet.sender == CLIENT else "<- server"
        time = self._clock.time_of_day(packet.time_ns, milliseconds=True)
        lead = f"{time}  {side}  "
        text = f"{packet.record}  {packet.summary}".rstrip() if packet.command is None else packet.summary
        for index, line in enumerate(wrap(terminal(text), self._width - len(lead)) or [""]):
            self._write((" " * len(lead) if index else lead) + line + "\n")

    def _asked(self, turn: Turn) -> None:
        """The prompt with the statement, whole: its lines stay lines."""
        assert turn.command is not None
        if turn.statement is None:
            text = f"-- {turn.command.removeprefix('Com')}"
            if turn.statement_id is not None:
                text += f" {turn.statement_id}"
        else:
            text = _NAMES.get(turn.command, f"{turn.command.removeprefix('Com')} ") + turn.statement.rstrip(";\n") + ";"
        self._write("\n")
        lead = _PROMPT
        for whole in text.replace("\r\n", "\n").split("\n"):
            safe = terminal(whole, None)
            for line in wrap(safe, self._width - len(_MORE)) or [""] if self._fitted else [safe]:
                self._write(self._paint(lead, "dim") + self._paint(line, "bold") + "\n")
                lead = _MORE
        if turn.parameters:
            shown = ", ".join("NULL" if value is None else value for value in turn.parameters)
            for line in wrap(terminal(f"with {shown}"), self._width - len(_MORE)):
                self._write(f"{_MORE}{line}\n")
        if turn.duration_ns is None:
            said = "" if turn.command in UNANSWERED else "no answer in the capture, "
            time = self._clock.time_of_day(turn.time_ns, milliseconds=True)
            self._write(self._paint(f"{said}{time}, frame {turn.frame}", "dim") + "\n")

    def _result(self, result: FollowedResult, turn: Turn, last: bool) -> None:
        if not result.columns and not result.rows and not result.left_out:
            words = result.summary or "OK"
            if result.rows_affected:
                words = f"{words}, {labels.count(result.rows_affected, 'row')} affected"
        else:
            lines = self._table(result)
            self._write("".join(f"{line}\n" for line in lines))
            number = len(result.rows) + result.left_out
            words = labels.count(number, "row")
            if result.left_out:
                words += f", {result.left_out:,} of them not shown{self._more}"
        self._write(terminal(words) + (self._paint(f" ({self._when(turn)})", "dim") if last else "") + "\n")

    def _when(self, turn: Turn) -> str:
        took = "" if turn.duration_ns is None else f"{labels.duration(turn.duration_ns)}, "
        frames = f"frame {turn.frame}" if turn.frame == turn.last_frame else f"frames {turn.frame} to {turn.last_frame}"
        return f"{self._clock.time_of_day(turn.time_ns, milliseconds=True)}, {took}{frames}"

    def _table(self, result: FollowedResult) -> Iterator[str]:
        """Rows as the mysql client shows them; one value a line where they do not fit side by side."""
        if not result.rows:
            return
        rows = [["NULL" if value is None else _cell(value) for value in row] for row in result.rows]
        count = max(map(len, rows))
        names = [_cell(name) for name in result.columns] or [str(index + 1) for index in range(count)]
        names += [str(index + 1) for index in range(len(names), count)]
        widths = [
            max([cells(names[index]), *(cells(row[index]) for row in rows if index < len(row))])
            for index in range(len(names))
        ]
        if len(names) <= MOST_COLUMNS and sum(widths) + 3 * len(widths) + 1 <= self._width:
            yield from _side_by_side(names, rows, widths)
            return
        widest = max(map(cells, names))
        for number, row in enumerate(rows, 1):
            yield clip(f"*** row {number} ***", self._width)
            for name, value in zip(names, row, strict=False):
                yield clip(f"{' ' * (widest - cells(name))}{name}: {value}", self._width)

    def _paint(self, text: str, colour: str | None) -> str:
        return paint(text, colour) if self._color else text


def _cell(value: str) -> str:
    return clip(terminal(value, 4 * LONGEST_VALUE), LONGEST_VALUE)


def _side_by_side(names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    yield rule
    for row in (names, *rows):
        padded = [*row, *[""] * (len(widths) - len(row))]
        yield "|" + "|".join(f" {c}{' ' * (w - cells(c))} " for c, w in zip(padded, widths, strict=True)) + "|"
        if row is names:
            yield rule
    yield rule


def hex_dump(packet: FollowedPacket, clock: WallClock = UTC_CLOCK) -> Iterator[str]:
    """A packet's bytes as Wireshark's Follow shows them: those of the server are indented."""
    margin = "" if packet.sender == CLIENT else " " * 4
    time = clock.time_of_day(packet.time_ns, milliseconds=True)
    summary = terminal(packet.summary, 200)
    yield f"{margin}{packet.sender}, frame {packet.frame}, {time}: {packet.record} {summary}".rstrip()
    for line in hex_lines(packet.data or b""):
        yield margin + line
