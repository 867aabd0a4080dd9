"""JSON lines of connections, where most are of a few kinds: those of one kind differ in numbers, an address, a process.

A template is the line of a connection of the kind with marks in place of those; so the keys, their order and all that
is the same come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

import re
from typing import Final

from analyzer.analysis.connection.kinds import Alike, ConnectionKind, Row
from analyzer.report.jsonl import encode, split, value

# What stands in a template's line for the value of a place: behind all numbers that captures hold.
_MARK: Final = 9_103_745_173_872_000_000
_MARKED: Final = re.compile(r"9103745173872(\d{6})")

# Parts of a line, of which every second is filled in: from these places of a row, and behind them with the findings
# where they wait for other connections. Empty where such lines are made as those of any connection.
Template = tuple[list[str], tuple[int, ...]]


def line_of(alike: Alike) -> bytes:
    """The line of a connection of a known kind, with its newline."""
    outline = alike.outline
    return _filled(alike, "" if outline is None else value(outline.findings).decode()) or encode(alike.connection())


def _filled(alike: Alike, findings: str) -> bytes:
    kind: ConnectionKind = alike.kind
    row = alike.row
    template: Template | None = kind.templates.get(line_of)
    if template is None:
        template = kind.templates[line_of] = _template(kind, row)
    return _put(template, row, findings)


def _put(template: Template, row: Row, findings: str) -> bytes:
    """A template's line with what is a connection's own."""
    literals, places = template
    if not literals:
        return b""
    parts = literals.copy()
    for index, place in enumerate(places):
        each = row[place]
        if isinstance(each, str):
            parts[2 * index + 1] = _text(each)
        else:
            number = each
            parts[2 * index + 1] = f"{number}"
    if len(parts) > 2 * len(places) + 1:
        parts[2 * len(places) + 1] = findings
    return "".join(parts).encode()


def _text(text: str) -> str:
    """A text as JSON has it, without its quotes."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return value(text)[1:-1].decode()


def _template(kind: ConnectionKind, row: Row) -> Template:
    marked = tuple(
        each if each is None else str(_MARK + place) if isinstance(each, str) else _MARK + place
        for place, each in enumerate(row)
    )
    line = encode(kind.made(marked, [] if kind.is_open else kind.findings_of(marked))).decode()
    literals = _MARKED.split(line)
    places = tuple(map(int, literals[1::2]))
    if kind.is_open:
        before, behind = split(literals.pop().encode())
        literals += [before.decode(), "", behind.decode()]
    whole = encode(kind.made(row, [] if kind.is_open else kind.findings_of(row)))
    # A text of the wire may hold what looks like a mark.
    known = _put((literals, places), row, "[]") == whole and not _MARKED.search(whole.decode())
    return (literals if known else []), places
