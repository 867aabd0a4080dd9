"""JSON lines of connections, where most are of a few kinds: those of one kind differ in numbers, an address, a process.

A template is the line of a connection of the kind with marks in place of those; so the keys, their order and all that
is the same come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

from analyzer.analysis.connection.kinds import Alike, Row
from analyzer.analysis.model.connection import Finding
from analyzer.report.jsonl import begin, encode, finish, split, value

# What stands in a template's line for the value of a place: behind all numbers that captures hold.
_MARK: Final = 9_103_745_173_872_000_000
_MARKED: Final = re.compile(rb"9103745173872(\d{6})")

# A line that takes what is picked of a row, of which those at the places that follow are text; the line is empty where
# such lines are made as those of any connection.
Template = tuple[bytes, Callable[[Row], Row], tuple[int, ...]]


def line_of(alike: Alike) -> bytes:
    """The line of a connection of a known kind, with its newline."""
    if alike.outline is not None:
        return finish(begun_of(alike), alike.outline.findings)
    templates = alike.kind.templates
    template: Template | None = templates.get(line_of)
    if template is None:
        template = templates[line_of] = _template(alike, alike.kind.findings_of)
    return _filled(template, alike.row) or encode(alike.connection())


def begun_of(alike: Alike) -> tuple[bytes, bytes]:
    """The line but for the findings: what stands before them, and behind."""
    templates = alike.kind.templates
    template: Template | None = templates.get(begun_of)
    if template is None:
        template = templates[begun_of] = _template(alike, lambda row: [])
    line = _filled(template, alike.row)
    return split(line) if line else begin(alike.connection())


def _filled(template: Template, row: Row) -> bytes:
    line, pick, texts = template
    if not line:
        return line
    values: list[Any] = [*pick(row)]
    for place in texts:
        values[place] = value(values[place])[1:-1]
    return line % tuple(values)


def _template(alike: Alike, findings: Callable[[Row], list[Finding]]) -> Template:
    kind, row = alike.kind, alike.row
    marked = tuple(
        each if each is None else str(_MARK + place) if isinstance(each, str) else _MARK + place
        for place, each in enumerate(row)
    )
    line = encode(kind.made(marked, findings(marked))).replace(b"%", b"%%")
    places = [int(found) for found in _MARKED.findall(line)]
    line = _MARKED.sub(lambda found: b"%b" if isinstance(row[int(found[1])], str) else b"%d", line)
    template = (line, itemgetter(*places), tuple(n for n, place in enumerate(places) if isinstance(row[place], str)))
    whole = encode(kind.made(row, findings(row)))
    # A text of the wire may hold what looks like a mark.
    return template if not _MARKED.search(whole) and _filled(template, row) == whole else (b"", tuple, ())
