"""Rows of result sets as -T json shows them, written from their bytes: most packets of many captures are rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.analysis.dissection.fields import FIELDS, FieldInfo
from analyzer.analysis.dissection.fields.extract import Node
from analyzer.analysis.dissection.row_writer import RowWriter
from analyzer.analysis.line_buffer import DIGITS, LineBuffer, is_plain_json, put_number, put_part
from analyzer.report.escape import json_safe

# Once more: here they are numbers of C.
_DIGITS: Final = DIGITS
_QUOTE, _MINUS = b'"-'
_EMPTY: Final = b'""'


class RowObjects(RowWriter):
    """Writes objects of rows: a field that occurs several times has a list.

    `words` makes text of fields of all kinds; `ends` what stands behind a row by its record, how many values it has,
    and whether it was encrypted, and read with what was assumed.
    """

    __slots__ = ("_cells", "_ends", "_null", "_of_binary", "_room", "_words")

    def __init__(self, words: Callable[[Node], str], ends: Callable[[str, int, bool, bool], bytes]) -> None:
        super().__init__()
        self._words = words
        self._null = self.label(FIELDS["mysql.exec.field.null"])
        self._ends = ends
        # By what stands in front of a field: its values.
        self._cells: dict[bytes, list[bytes]] = {}
        self._room = LineBuffer()
        self._of_binary = False

    def label(self, info: FieldInfo) -> bytes:
        return f'"{info.name}":'.encode()

    def start(self, lines: LineBuffer, binary: bool) -> None:
        self._cells.clear()
        self._of_binary = binary

    def number(self, lines: LineBuffer, label: bytes, start: int, end: int, number: int, below: bool) -> None:
        room = self._room
        room.make_room(_DIGITS + 3)
        text, at = room.text, 1
        text[0] = _QUOTE
        if below:
            text[at] = _MINUS
            at += 1
        at = put_number(text, at, number)
        text[at] = _QUOTE
        self._add(label, room.line(at + 1))

    def raw(self, lines: LineBuffer, label: bytes, start: int, end: int, data: bytes, place: int, size: int) -> None:
        self._add(label, f'"{data[place : place + size].hex(":")}"'.encode())

    def text(self, lines: LineBuffer, label: bytes, start: int, end: int, data: bytes, place: int, size: int) -> None:
        if not is_plain_json(data, place, place + size):
            self._add(label, msgspec.json.encode(json_safe(self.said(data[place : place + size]))))
            return
        room = self._room
        room.make_room(size + 2)
        text = room.text
        text[0] = _QUOTE
        text[put_part(text, 1, data, place, size)] = _QUOTE
        self._add(label, room.line(size + 2))

    def fields(self, lines: LineBuffer, nodes: list[Node]) -> None:
        for node in nodes:
            self._add(self.label(node.info), msgspec.json.encode(self._words(node)))

    def stop(self, lines: LineBuffer, count: int, nulls: int) -> None:
        for _ in range(nulls):
            self._add(self._null, _EMPTY)
        mark = b"{"
        for label, values in self._cells.items():
            lines.put(mark)
            lines.put(label)
            if len(values) == 1:
                lines.put(values[0])
            else:
                lines.put(b"[")
                lines.put(b",".join(values))
                lines.put(b"]")
            mark = b","
        lines.put(b"}")
        lines.put(self._ends("BinaryRow" if self._of_binary else "TextRow", count, self.encrypted, self.assumed))

    def _add(self, label: bytes, value: bytes) -> None:
        values = self._cells.get(label)
        if values is None:
            self._cells[label] = [value]
        else:
            values.append(value)
