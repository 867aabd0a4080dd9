"""Lines of connections, where most are of a few kinds: those of one kind differ in numbers, an address, a process.

A template is the line of a connection of the kind with marks in place of those; so the keys, their order and all that
is the same come from where all lines come from (of JSON `jsonl.encode`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from typing import Final

import msgspec

from analyzer.analysis.connection.kinds import Alike, ConnectionKind, Row
from analyzer.analysis.line_buffer import DIGITS, LineBuffer, is_plain_json, put_bytes, put_number
from analyzer.analysis.model.connection import Connection, Finding
from analyzer.report.escape import FORMULA_SIGNS
from analyzer.report.jsonl import encode, split, value

# What stands in a template's line for the value of a place: behind all numbers that captures hold.
_MARK: Final = 9_103_745_173_872_000_000
_MARKED: Final = re.compile(r"9103745173872(\d{6})")

# What stands around the values that are filled in: those at these places of a row, and behind them the findings where
# they wait for other connections. And the room that a line takes beside its texts. Nothing around is known where such
# lines are made as those of any connection.
Template = tuple[tuple[bytes, ...], tuple[int, ...], int]
# Once more: here they are of C's types.
_SIGNS: Final = FORMULA_SIGNS
_COMMA: Final = ord(",")
# The lines in hand.
_LINES: Final = LineBuffer()


class LineForm(msgspec.Struct, frozen=True):
    """How lines of connections are written.

    encode    the line of any connection, with its end
    findings  findings as they stand in a line, and `split`: a line without findings, as what stands before and behind
    text      a text that is none of letters, digits and the like; None: lines that hold one are made as any
    """

    encode: Callable[[Connection], bytes]
    findings: Callable[[list[Finding]], bytes]
    split: Callable[[bytes], tuple[bytes, bytes]]
    text: Callable[[object], bytes] | None

    def begin(self, connection: Connection) -> tuple[bytes, bytes]:
        """The line but for the findings: what stands before them, and behind."""
        unsaid = copy(connection)
        unsaid.findings = []
        return self.split(self.encode(unsaid))

    def finish(self, begun: tuple[bytes, bytes], findings: list[Finding]) -> bytes:
        """The whole line."""
        before, behind = begun
        return before + self.findings(findings) + behind


def _json_text(each: object) -> bytes:
    """A text as JSON has it, without its quotes; anything else as JSON has it."""
    return value(each)[1:-1] if isinstance(each, str) else value(each)


JSON: Final = LineForm(encode, value, split, _json_text)


def lines_of(several: list[Alike], form: LineForm = JSON) -> bytes:
    """The lines of connections of known kinds, each with its end."""
    lines = _LINES
    lines.clear()
    for alike in several:
        _put_line(lines, alike, form)
    return lines.line(lines.end)


def _put_line(lines: LineBuffer, alike: Alike, form: LineForm) -> None:
    kind: ConnectionKind = alike.kind
    row, outline = alike.row, alike.outline
    template: Template | None = kind.templates.get(form.encode)
    if template is None:
        template = kind.templates[form.encode] = _template(kind, row, form)
    findings = b"" if outline is None else form.findings(outline.findings)
    if not template[0] or not _put(lines, template, row, findings, form):
        lines.put(form.encode(alike.connection()))


def _put(lines: LineBuffer, template: Template, row: Row, findings: bytes, form: LineForm) -> bool:
    """A template's line with what is a connection's own; False where a text of it is not as others."""
    literals, places, room = template
    end, size = lines.end, len(findings)
    room += size
    lines.make_room(room)
    for index in range(len(places)):
        literal = literals[index]
        end = put_bytes(lines.text, end, literal, len(literal))
        place = places[index]
        each = row[place]
        if isinstance(each, int):
            number = each  # of 64 bits, as times and counts are
            if number >= 0:
                end = put_number(lines.text, end, number)
                continue
        text = _plain(each)
        if not text:
            if form.text is None:
                return False
            text = form.text(each)
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
    lines.end = end
    return True


def _plain(each: object) -> bytes:
    """A text that stands everywhere as it is; empty where it does not."""
    if isinstance(each, str) and each.isascii():
        said: str = each
        text = said.encode("utf-8")
        if text and is_plain_json(text, 0, len(text)) and _COMMA not in text and text[0] not in _SIGNS:
            return text
    return b""


def _template(kind: ConnectionKind, row: Row, form: LineForm) -> Template:
    marked = tuple(
        each if each is None else str(_MARK + place) if isinstance(each, str) else _MARK + place
        for place, each in enumerate(row)
    )
    line = form.encode(kind.made(marked, [] if kind.is_open else kind.findings_of(marked))).decode()
    literals = _MARKED.split(line)
    places = tuple(map(int, literals[1::2]))
    around = [text.encode() for text in literals[::2]]
    if kind.is_open:
        around += form.split(around.pop())
    made = tuple(around), places, sum(map(len, around)) + DIGITS * len(places)
    whole = form.encode(kind.made(row, [] if kind.is_open else kind.findings_of(row)))
    # A text of the wire may hold what looks like a mark.
    lines = LineBuffer()
    written = _put(lines, made, row, form.findings([]), form)
    known = written and lines.line(lines.end) == whole and not _MARKED.search(whole.decode())
    return made if known else ((), (), 0)
