"""JSON lines of connections, where most are of a few kinds: those of one kind differ in numbers, an address, a process.

A template is the line of a connection of the kind with marks in place of those; so the keys, their order and all that
is the same come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

import re
from typing import Final

from analyzer.analysis.connection.kinds import Alike, ConnectionKind, Row
from analyzer.analysis.line_buffer import DIGITS, LineBuffer, put_bytes, put_number
from analyzer.report.jsonl import encode, split, value

# What stands in a template's line for the value of a place: behind all numbers that captures hold.
_MARK: Final = 9_103_745_173_872_000_000
_MARKED: Final = re.compile(r"9103745173872(\d{6})")

_SPACE, _DELETE = 0x20, 0x7F
_QUOTE, _BACKSLASH = b'"\\'

# What stands around the values that are filled in: those at these places of a row, and behind them the findings where
# they wait for other connections. And the room that a line takes beside its texts. Nothing around is known where such
# lines are made as those of any connection.
Template = tuple[tuple[bytes, ...], tuple[int, ...], int]
# The line in hand.
_LINE: Final = LineBuffer()


def line_of(alike: Alike) -> bytes:
    """The line of a connection of a known kind, with its newline."""
    outline = alike.outline
    return _filled(alike, b"" if outline is None else value(outline.findings)) or encode(alike.connection())


def _filled(alike: Alike, findings: bytes) -> bytes:
    kind: ConnectionKind = alike.kind
    row = alike.row
    template: Template | None = kind.templates.get(line_of)
    if template is None:
        template = kind.templates[line_of] = _template(kind, row)
    return _put(template, row, findings) if template[0] else b""


def _put(template: Template, row: Row, findings: bytes) -> bytes:
    """A template's line with what is a connection's own."""
    literals, places, room = template
    lines, end, size = _LINE, 0, len(findings)
    room += size
    lines.make_room(room)
    for index in range(len(places)):
        literal = literals[index]
        end = put_bytes(lines.text, end, literal, len(literal))
        place = places[index]
        each = row[place]
        if isinstance(each, int) and each >= 0:
            end = put_number(lines.text, end, each)
            continue
        text = _text(each)
        size = len(text)
        room += size
        lines.make_room(room)
        end = put_bytes(lines.text, end, text, size)
    index = len(places)
    literal = literals[index]
    end = put_bytes(lines.text, end, literal, len(literal))
    if len(literals) > index + 1:
        literal = literals[index + 1]
        end = put_bytes(lines.text, end, findings, len(findings))
        end = put_bytes(lines.text, end, literal, len(literal))
    return lines.line(end)


def _text(each: object) -> bytes:
    """A text as JSON has it, without its quotes; anything else as JSON has it."""
    if not isinstance(each, str):
        return value(each)
    if each.isascii():
        text = each.encode()
        if _is_plain(text, len(text)):
            return text
    return value(each)[1:-1]


def _is_plain(text: bytes, size: int) -> bool:
    """Whether JSON has a text of ASCII, so many bytes, as it is: all of it is printable, and nothing is escaped."""
    for place in range(size):
        byte = text[place]
        if not _SPACE <= byte < _DELETE or byte in (_QUOTE, _BACKSLASH):
            return False
    return True


def _template(kind: ConnectionKind, row: Row) -> Template:
    marked = tuple(
        each if each is None else str(_MARK + place) if isinstance(each, str) else _MARK + place
        for place, each in enumerate(row)
    )
    line = encode(kind.made(marked, [] if kind.is_open else kind.findings_of(marked))).decode()
    literals = _MARKED.split(line)
    places = tuple(map(int, literals[1::2]))
    around = [text.encode() for text in literals[::2]]
    if kind.is_open:
        around += split(around.pop())
    made = tuple(around), places, sum(map(len, around)) + DIGITS * len(places)
    whole = encode(kind.made(row, [] if kind.is_open else kind.findings_of(row)))
    # A text of the wire may hold what looks like a mark.
    known = _put(made, row, b"[]") == whole and not _MARKED.search(whole.decode())
    return made if known else ((), (), 0)
