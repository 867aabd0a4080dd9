"""Packets opened up: the tree their fields form, and their bytes."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.model.packet import Field


def nested(fields: list[Field]) -> Iterator[tuple[int, str, Field]]:
    """(depth, short name, field): a field lies under an earlier one that its bytes or its dotted name lie within."""
    open_: list[Field] = []
    for field in fields:
        if open_ and field.start >= open_[0].end and "." not in field.name:
            open_.clear()  # plainly behind all of them, as most fields are
        while open_ and not _within(field, open_[-1]):
            open_.pop()
        name = field.name
        if open_ and name.startswith(open_[-1].name + "."):
            name = name[len(open_[-1].name) + 1 :]
        yield len(open_), name, field
        open_.append(field)


def _within(field: Field, parent: Field) -> bool:
    if field.name.startswith(parent.name + "."):
        return True
    inside = parent.start <= field.start and field.end <= parent.end
    return inside and field.end - field.start < parent.end - parent.start and field.end > field.start


def hex_lines(data: bytes) -> Iterator[str]:
    """offset, sixteen bytes, and as text: 70 characters."""
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        digits = row[:8].hex(" ") + "  " + row[8:].hex(" ")
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{offset:04x}  {digits:<48}  {shown}"
