"""Places text in terminal cells: rows with fixed columns, and wrapped paragraphs.

Rows are printed as they come, so widths can not depend on rows still to come. A cell longer than its column takes the
room that its neighbours leave, and only where the whole row does not fit is a cell cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from unicodedata import combining, east_asian_width

ELLIPSIS = "…"


class Column(NamedTuple):
    name: str
    width: int
    right: bool = False  # numbers
    least: int = 0  # may be cut down to this; 0: never cut


class Placed(NamedTuple):
    """A row that fits: (spaces before, text) for each cell, and which cells had to be cut."""

    cells: list[tuple[int, str]]
    cut: list[int]


def cells(text: str) -> int:
    """Columns that a terminal uses for `text`."""
    if text.isascii() or text.replace(ELLIPSIS, "").isascii():  # what was cut is most of what is not ASCII
        return len(text)
    return sum(2 if east_asian_width(c) in "WF" else 0 if combining(c) else 1 for c in text)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis where something was cut off."""
    if cells(text) <= width:
        return text
    return _head(text, width - 1) + ELLIPSIS if width > 0 else ""


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    used = 0
    for index, char in enumerate(text):
        used += cells(char)
        if used > width:
            return text[:index]
    return text


def place(columns: Sequence[Column], texts: Sequence[str], width: int) -> Placed:
    """Puts `texts` at their columns, one space apart at least, within `width`."""
    shown = list(texts)
    sizes = [cells(text) for text in shown]
    cut: list[int] = []
    over = sum(sizes) + len(shown) - 1 - width
    # Back to their columns first, which keeps rows aligned. The longest gives first: short cells say most.
    for aligned in (True, False) if over > 0 else ():
        floors = [max(c.width, c.least) if aligned else c.least for c in columns]
        while over > 0:
            long = [i for i, c in enumerate(columns) if c.least and sizes[i] > floors[i]]
            if not long:
                break
            index = max(long, key=lambda i: sizes[i] - floors[i])
            had = sizes[index]
            shown[index] = clip(texts[index], floors[index])
            sizes[index] = cells(shown[index])
            cut.append(index)
            over -= had - sizes[index]
    before = gaps(tuple(columns), tuple(sizes), width)
    return Placed([*zip(before, shown, strict=True)], sorted(set(cut)))


@lru_cache(4096)
def gaps(columns: tuple[Column, ...], sizes: tuple[int, ...], width: int) -> list[int]:
    """Spaces before each cell, by their sizes: those of most rows come again."""
    starts: list[int] = []
    target = end = 0
    for column, size in zip(columns, sizes, strict=True):
        wish = target + column.width - size if column.right else target
        starts.append(max(wish, end))
        end = starts[-1] + size + 1
        target += column.width + 1
    # What now hangs over on the right takes back room that was left free further left.
    limit = width
    for index in range(len(starts) - 1, -1, -1):
        starts[index] = max(min(starts[index], limit - sizes[index]), 0)
        limit = starts[index] - 1
    found: list[int] = []
    end = 0
    for start, size in zip(starts, sizes, strict=True):
        found.append(max(start - end, 1 if found else 0))
        end = max(start, end) + size
    return found


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces where there are any."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cells(line) > width:
            head = _head(line, width) or line[0]
            lines.append(head)
            line = line[len(head) :]
    if line:
        lines.append(line)
    return lines
