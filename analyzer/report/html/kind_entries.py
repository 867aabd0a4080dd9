"""Entries of connections of known kinds: what those of one kind have in common is rendered once.

A template is the JSON of an entry with marks in place of the numbers, the address and the texts that are a connection's
own; so all else comes from where all entries come from (`connection_view`). Times and durations are told of in words:
these are made for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from analyzer.analysis.connection.kinds import ADDRESS, FRAMES, START, TIMING, Alike, ConnectionKind, Row
from analyzer.analysis.model.connection import Connection, Endpoint, Timing
from analyzer.report.html.connection_view import (
    COLUMNS,
    LASTED,
    LONGEST_PLAIN,
    VIEW_NAMES,
    Memo,
    codes,
    encoded,
    is_plain,
    row,
    times,
    told_of,
    view,
    when,
)
from analyzer.report.prose import labels
from analyzer.report.prose.story import in_common, in_numbers

# What stands for the value of a place: behind all numbers that captures hold. An address of IPv6 has colons in front.
_MARK: Final = 9_103_745_173_872_000_000
_MARKED: Final = re.compile(rb"(?:::)?9(,?)103,?745,?173,?872,?(\d{3}),?(\d{3})")
# Between the values of an entry: JSON has it as an escape.
_BETWEEN: Final = b"\0"
_LONGEST_TEXT: Final = 1 << 10
# Templates of all kinds: which values are missing, zero or one tells those of one kind apart.
_MOST_TEMPLATES: Final = 256
_START: Final = [name for name, _ in COLUMNS].index("Start")
_CODES: Final = [name for name, _ in COLUMNS].index("Findings")
_VIEW: Final = len(COLUMNS)
# Values that are made for each, by their places among those of an entry; with findings that wait for others, these too.
_OWN: Final = (_START, LASTED, *(_VIEW + VIEW_NAMES.index(name) for name in ("when", "took", "story", "times")))
_FOUND: Final = (_CODES, _VIEW + VIEW_NAMES.index("findings"))
_encode = msgspec.json.Encoder().encode

# (JSON of a row's values, that of a view's).
Rendered = tuple[list[bytes], list[bytes]]


class _Template(NamedTuple):
    """What stands around the values that are filled in.

    around  all of an entry, as bytes are formatted
    get     takes these values out of a row, behind which stand `grouped` ones and those made for each
    texts   places of a row that hold texts
    grouped those of numbers that are shown in groups of three digits
    common  of the story, as JSON has it
    """

    around: bytes
    get: Callable[[Sequence[Any]], Any]
    texts: tuple[int, ...]
    grouped: tuple[int, ...]
    common: bytes


class KindEntries:
    """Makes entries of connections of known kinds. `memo` is that of `view`."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._templates: dict[tuple[ConnectionKind, bytes], _Template | None] = {}

    def rendered(self, alike: Alike) -> Rendered | None:
        """What a page says of a connection of a known kind; None where it has to be made as that of any connection."""
        templates, key = self._templates, (alike.kind, _pattern(alike.kind, alike.row))
        template = templates.get(key)
        if template is None and key not in templates and len(templates) < _MOST_TEMPLATES:
            template = templates[key] = _template(alike, self._memo)
        return None if template is None else _filled(template, alike)


def _pattern(kind: ConnectionKind, values: Row) -> bytes:
    """What tells templates of a kind apart.

    What is missing, zero or one may be left out, or said in another way; addresses of IPv6 stand in brackets; a switch
    of plugins is told of with the step that has its frame.
    """
    made = bytearray([3 if each is None else 2 if each and each != 1 else 1 if each else 0 for each in values])
    made.append(":" in values[ADDRESS])
    for switch in values[kind.switches]:
        made += bytes([step == switch for step in values[kind.steps]])
    return bytes(made)


def _filled(template: _Template, alike: Alike) -> Rendered | None:
    """An entry made from a template; None where a text would have to be escaped."""
    full = list(alike.row)
    for place in template.texts:
        text = full[place]
        if len(text) > _LONGEST_TEXT or not (text.isascii() and text.isprintable()) or '"' in text or "\\" in text:
            return None
        full[place] = text.encode()
    full += _own(template.common, alike)
    full += [f"{full[place]:,}".encode() for place in template.grouped]
    rendered = (template.around % template.get(full)).split(_BETWEEN)
    return rendered[:_VIEW], rendered[_VIEW:]


def _own(common: bytes, alike: Alike) -> list[bytes]:
    """The JSON of what is made for each connection."""
    kind, row = alike.kind, alike.row
    start, end = row[START : START + 2]
    lasted = max(end - start, 0)
    timing = Timing(*row[TIMING:FRAMES])
    client = labels.endpoint(Endpoint(row[ADDRESS], row[ADDRESS + 1]))
    numbers = in_numbers(timing.total_ns, sum(row[kind.counts]))
    made = [
        b"%d" % (start // 1000),
        b"%d" % (lasted // 1000),
        b'"%b"' % when(start).encode(),
        b'"%b"' % labels.duration(lasted).encode(),
        b'"%b%b%b"' % (client.encode(), common, numbers.encode()),
        _encode(times(timing)),
    ]
    if kind.is_open:
        findings = alike.findings()
        made += encoded([codes(findings), told_of(findings)])
    return made


def _template(alike: Alike, memo: Memo) -> _Template | None:
    """What entries like this one are made from; None where they have to be made as those of any connection."""
    kind, values, connection = alike.kind, alike.row, alike.connection()
    marked = _marked(kind, values)
    made = kind.made(marked, [] if kind.is_open else kind.findings_of(marked))
    # A text of the wire may have to be made safe, or hold what looks like a mark.
    parts, whole = _json(_said(made, memo)), _json(_said(connection, memo))
    if parts is None or whole is None or any(map(_MARKED.search, whole)):
        return None
    common = _encode(in_common(made))
    own = [*_OWN, *(_FOUND if kind.is_open else ())]
    around: list[bytes] = []
    places: list[int] = []
    grouped: list[int] = []
    for number, part in enumerate(parts):
        if number in own:
            places.append(len(values) + own.index(number))
            around.append(b"%b")
        else:
            around.append(_around(part, values, len(values) + len(own), places, grouped))
    texts = tuple(sorted({place for place in places if place < len(values) and type(values[place]) is str}))
    template = _Template(_BETWEEN.join(around), itemgetter(*places), texts, tuple(grouped), common[1:-1])
    if len(template.around) > LONGEST_PLAIN // 4:
        return None
    filled = _filled(template, alike)
    return template if filled is not None and [*filled[0], *filled[1]] == whole else None


def _said(connection: Connection, memo: Memo) -> list[Any]:
    return [*row(connection), *view(connection, memo).values()]


def _json(values: list[Any]) -> list[bytes] | None:
    """The JSON of each; None where one has to be made safe to look at."""
    try:
        made = list(map(_encode, values))
    except UnicodeEncodeError:  # bytes that were not UTF-8
        return None
    return made if all(map(is_plain, made)) else None


def _marked(kind: ConnectionKind, values: Row) -> Row:
    """The row of a template's connection. A switch of plugins is told of with the step that has its frame."""
    marked = list(map(_mark, range(len(values)), values))
    steps = values[kind.steps]
    for place in range(kind.switches.start, kind.switches.stop):
        if values[place] in steps:
            marked[place] = marked[kind.steps.start + steps.index(values[place])]
    return tuple(marked)


def _mark(place: int, each: Any) -> Any:
    if type(each) is int and each not in (0, 1):
        return _MARK + place
    if type(each) is str and each:
        return f"::{_MARK + place}" if place == ADDRESS and ":" in each else str(_MARK + place)
    return each


def _around(part: bytes, values: Row, behind: int, places: list[int], grouped: list[int]) -> bytes:
    """The format of one value with marks in it; `places` and `grouped` take what it shows."""
    literal, *others = _MARKED.split(part)
    made = [literal.replace(b"%", b"%%")]
    for at in range(0, len(others), 4):
        comma, high, low, literal = others[at : at + 4]
        place = int(high + low)
        if comma:
            grouped.append(place)
            places.append(behind + len(grouped) - 1)
        else:
            places.append(place)
        made += [b"%d" if type(values[place]) is int and not comma else b"%b", literal.replace(b"%", b"%%")]
    return b"".join(made)
