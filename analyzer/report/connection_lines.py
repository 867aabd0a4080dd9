"""JSON lines of connections, where most are of a few kinds: those of one kind differ in numbers, an address, a process.

A template is the line of a connection of the kind with marks in place of those; so the keys, their order and all that
is the same come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

from analyzer.analysis.connection.kinds import Alike, ConnectionKind, Row
from analyzer.report.jsonl import begin, encode, split, value

# What stands in a template's line for the value of a place: behind all numbers that captures hold.
_MARK: Final = 9_103_745_173_872_000_000
_MARKED: Final = re.compile(rb"9103745173872(\d{6})")

# A line that takes what is picked of a row, of which those at the places that follow are text, and behind them the
# findings where they wait for other connections; it is empty where such lines are made as those of any connection.
Template = tuple[bytes, Callable[[Row], Row], tuple[int, ...]]


def line_of(alike: Alike) -> bytes:
    """The line of a connection of a known kind, with its newline."""
    outline = alike.outline
    return _filled(alike, () if outline is None else (value(outline.findings),)) or encode(alike.connection())


def begun_of(alike: Alike) -> tuple[bytes, bytes]:
    """The line but for the findings, which wait for other connections: what stands before them, and behind."""
    line = _filled(alike, (b"[]",))
    return split(line) if line else begin(alike.connection())


def _filled(alike: Alike, findings: tuple[bytes, ...]) -> bytes:
    templates, row = alike.kind.templates, alike.row
    template: Template | None = templates.get(line_of)
    if template is None:
        template = templates[line_of] = _template(alike.kind, row)
    line, pick, texts = template
    if not line:
        return line
    if not texts:
        return line % (*pick(row), *findings)
    values: list[Any] = [*pick(row), *findings]
    for place in texts:
        values[place] = value(values[place])[1:-1]
    return line % tuple(values)


def _template(kind: ConnectionKind, row: Row) -> Template:
    marked = tuple(
        each if each is None else str(_MARK + place) if isinstance(each, str) else _MARK + place
        for place, each in enumerate(row)
    )
    line = encode(kind.made(marked, [] if kind.is_open else kind.findings_of(marked))).replace(b"%", b"%%")
    places = [int(found) for found in _MARKED.findall(line)]
    line = _MARKED.sub(lambda found: b"%b" if isinstance(row[int(found[1])], str) else b"%d", line)
    if kind.is_open:
        before, behind = split(line)
        line = b"%b%%b%b" % (before, behind)
    whole = encode(kind.made(row, [] if kind.is_open else kind.findings_of(row)))
    texts = tuple(number for number, place in enumerate(places) if isinstance(row[place], str))
    pick: Callable[[Row], Row] = itemgetter(*places)
    values = [value(each)[1:-1] if isinstance(each, str) else each for each in pick(row)]
    again = line % (*values, *([b"[]"] if kind.is_open else []))
    # A text of the wire may hold what looks like a mark.
    return (line if again == whole and not _MARKED.search(whole) else b""), pick, texts
