"""What may come next in a display filter: fields, and the values that a field can have or has in this capture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from analyzer.analysis.dissection.fields import FIELDS, FieldInfo
from analyzer.analysis.dissection.fields.connection import GETTERS
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.model.connection import Connection
from analyzer.engine.filters import FINDING

# Candidates that are offered, connections whose values are looked at, characters of a value.
MOST: Final = 50
LOOKED_AT: Final = 500
LONGEST: Final = 80

_VALUE: Final = re.compile(
    r"""(?P<field>[A-Za-z_][\w.]*)\s*
    (?:(?:==|!=|===|!==|~|>=?|<=?|\b(?:eq|ne|gt|lt|ge|le|contains|matches)\b)\s*|\s+in\s*\{(?:[^{}]*,)?\s*)
    (?P<part>"(?:[^"\\]|\\.)*|[^\s"(){},]*)$""",
    re.VERBOSE,
)
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*$")


class Candidate(NamedTuple):
    """What a filter may go on with: the text in place of what was typed of it, and a word about it."""

    text: str
    about: str


class Completion(NamedTuple):
    """Candidates, and where what they take the place of begins."""

    start: int
    candidates: list[Candidate]


def complete(before: str, connections: Callable[[], Iterable[Connection]]) -> Completion:
    """What may stand in place of the end of `before`, the part of a filter in front of the cursor."""
    value = _VALUE.search(before)
    if value is not None and value["field"] in FIELDS:
        part = value["part"]
        found = _values(FIELDS[value["field"]], connections)
        typed = part.removeprefix('"').lower()
        return Completion(value.start("part"), [one for one in found if typed in one.text.lower()][:MOST])
    word = _WORD.search(before)
    if word is None:
        return Completion(len(before), [])
    return Completion(word.start(), _fields(word.group().lower()))


def _fields(word: str) -> list[Candidate]:
    """Fields whose names begin with what was typed, then those that have it in them."""
    known = [info for info in FIELDS.values() if info.unavailable is None and word in info.name.lower()]
    known.sort(key=lambda info: (not info.name.lower().startswith(word), info.name.count("."), info.name))
    return [Candidate(info.name, info.title) for info in known[:MOST]]


def _values(info: FieldInfo, connections: Callable[[], Iterable[Connection]]) -> list[Candidate]:
    if info.name == FINDING:
        return [Candidate(_quoted(rule.code), rule.title) for rule in TABLE]
    if info.choices:
        return [Candidate(_quoted(one), "") for one in info.choices]
    if info.values:
        return [Candidate(_quoted(name), str(number)) for number, name in sorted(info.values.items())]
    if info.type == "BOOLEAN":
        never = None if info.never is None else bool(info.never[0])
        return [Candidate(str(value).lower(), "") for value in (True, False) if value is not never]
    get = GETTERS.get(info.name)
    if get is None:
        return []
    seen: dict[str, int] = {}
    for connection in connections():
        for value in get(connection):
            if isinstance(value, str) and value.isprintable() and len(value) <= LONGEST:
                text = value if info.address else _quoted(value)
            elif isinstance(value, int):
                text = str(value)
            else:
                continue
            seen[text] = seen.get(text, 0) + 1
    often = sorted(seen, key=lambda text: (-seen[text], text))
    return [Candidate(text, f"{seen[text]:,} here") for text in often[:MOST]]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
