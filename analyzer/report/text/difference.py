"""The statements of two captures side by side, as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.changes import ChangeGroup, Line, verdict, word
from analyzer.report.text.colour import paint
from analyzer.report.text.layout import clip, wrap

NARROWEST = 80
SHOWN = 40  # lines of a group
_COLOURS = {"slower": "red", "more": "yellow", "faster": "green"}
HOW = (
    "Shares are of the commands of each capture. A share has changed where chance does not explain it for numbers of "
    "this size; a time where it is a quarter longer or shorter and the test of Mann and Whitney says that this is no "
    "chance. With fewer than five on a side no time is compared."
)


class DifferenceText:
    """What changed, each line at most `width` cells (80 at least)."""

    def __init__(self, write: Callable[[str], object], width: int = NARROWEST, color: bool = False) -> None:
        self._write = write
        self._width = max(width, NARROWEST)
        self._color = color

    def whole(
        self,
        name: str,
        before: CommandStatistics,
        other_name: str,
        after: CommandStatistics,
        groups: Sequence[ChangeGroup],
    ) -> None:
        for title, capture, side in (("Before", name, before), ("After", other_name, after)):
            errors = f", {labels.count(side.all.errors, 'error')}" if side.all.errors else ""
            counted = f"{terminal(capture)}, {labels.count(side.all.count, 'command')}{errors}"
            for number, part in enumerate(wrap(counted, self._width - 8)):
                self._write(f"{'' if number else title + ':':<8}{part}\n")
        self._paragraph("\n", verdict(list(groups)))
        for group in groups:
            changed = group.changed
            if not changed:
                continue
            self._write("\n" + self._paint(group.title, "bold") + "\n")
            for line in changed[:SHOWN]:
                self._line(line, word(group, line))
            if len(changed) > SHOWN:
                self._write(f"... {labels.count(len(changed) - SHOWN, 'more change')}\n")
        self._paragraph("\n", HOW)

    def _line(self, line: Line, change: str) -> None:
        numbers = f"{line.before} -> {line.after}"
        self._write(f"  {self._paint(f'{change:<11}', _COLOURS.get(change))} {numbers}\n")
        self._write(" " * 14 + clip(line.name, self._width - 14) + "\n")
        if line.why:
            for text in wrap(line.why, self._width - 14):
                self._write(" " * 14 + text + "\n")

    def _paragraph(self, lead: str, text: str) -> None:
        self._write(lead + "".join(f"{line}\n" for line in wrap(text, self._width)))

    def _paint(self, text: str, colour: str | None) -> str:
        return paint(text, colour) if self._color else text
