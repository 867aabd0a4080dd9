"""Rows of result sets as -V shows them, written from their bytes: most packets of many captures are rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from analyzer.analysis.dissection.fields import FIELDS, FieldInfo
from analyzer.analysis.dissection.fields.extract import Node
from analyzer.analysis.dissection.row_writer import RowWriter
from analyzer.analysis.line_buffer import LineBuffer, digits_of, put_bytes, put_number, put_part
from analyzer.report.escape import terminal

# Characters of a value that a tree shows, as tshark does.
LONGEST_VALUE: Final = 240
# Columns in front of a label, in which the field's place stands; bytes of a line beside its label and its text.
_MARGIN: Final = 12
_ROOM: Final = 128
# Once more: here they are numbers of C.
_LONGEST: Final = LONGEST_VALUE
_BLANK, _OPENS, _CLOSES, _COLON, _MINUS, _NEWLINE, _LAST = b" []:-\n~"
_DIGITS: Final = b"0123456789abcdef"

Lines = Callable[[Sequence[Node]], str]


class RowTree(RowWriter):
    """Writes trees of rows. `made` makes the lines of fields of all kinds."""

    __slots__ = ("_made", "_null")

    def __init__(self, made: Lines) -> None:
        super().__init__()
        self._made = made
        self._null = f"{made([Node(FIELDS['mysql.exec.field.null'], True, 0, 0, 0)])}\n".encode()

    def label(self, info: FieldInfo) -> bytes:
        return f"    {info.title}: ".encode()

    def start(self, lines: LineBuffer, binary: bool) -> None:
        lines.put(b"BinaryRow\n" if binary else b"TextRow\n")

    def number(self, lines: LineBuffer, label: bytes, start: int, end: int, number: int, below: bool) -> None:
        lines.make_room(_ROOM + len(label))
        text, at = lines.text, _put_label(lines.text, lines.end, start, end, label, len(label))
        if below:
            text[at] = _MINUS
            at += 1
        at = put_number(text, at, number)
        text[at] = _NEWLINE
        lines.end = at + 1

    def raw(self, lines: LineBuffer, label: bytes, start: int, end: int, data: bytes, place: int, size: int) -> None:
        lines.make_room(_ROOM + len(label) + 2 * size)
        text, at = lines.text, _put_label(lines.text, lines.end, start, end, label, len(label))
        for index in range(place, place + size):
            text[at], text[at + 1] = _DIGITS[data[index] >> 4], _DIGITS[data[index] & 15]
            at += 2
        text[at] = _NEWLINE
        lines.end = at + 1

    def text(self, lines: LineBuffer, label: bytes, start: int, end: int, data: bytes, place: int, size: int) -> None:
        plain = size <= _LONGEST and _is_plain(data, place, place + size)
        if not plain:
            data = terminal(self.said(data[place : place + size]), LONGEST_VALUE).encode()
            place, size = 0, len(data)
        lines.make_room(_ROOM + len(label) + size)
        text, at = lines.text, _put_label(lines.text, lines.end, start, end, label, len(label))
        at = put_part(text, at, data, place, size)
        text[at] = _NEWLINE
        lines.end = at + 1

    def fields(self, lines: LineBuffer, nodes: list[Node]) -> None:
        lines.put(f"{self._made(nodes)}\n".encode())

    def stop(self, lines: LineBuffer, count: int, nulls: int) -> None:
        for _ in range(nulls):
            lines.put(self._null)
        summary = f"row of {count} value{'' if count == 1 else 's'}"
        lines.put(f"{note('Summary', summary)}\n".encode())


def note(title: str, text: str) -> str:
    """A line of the tree that is of no bytes."""
    return f"                [{title}: {text}]"


def _is_plain(text: bytes, begin: int, end: int) -> bool:
    """Whether a text is shown as it is."""
    for place in range(begin, end):
        byte = text[place]
        if byte < _BLANK or byte > _LAST:
            return False
    return True


def _put_label(line: bytearray, at: int, start: int, end: int, label: bytes, size: int) -> int:
    """Writes where a field stands, and its label; returns where they end."""
    width = _MARGIN - 3 - digits_of(start) - digits_of(end)
    while width > 0:
        line[at] = _BLANK
        at += 1
        width -= 1
    line[at] = _OPENS
    at = put_number(line, at + 1, start)
    line[at] = _COLON
    at = put_number(line, at + 1, end)
    line[at] = _CLOSES
    return put_bytes(line, at + 1, label, size)
