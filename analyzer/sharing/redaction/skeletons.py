"""Plain statements, which differ in nothing but their literals: what becomes of the rest is worked out once.

A skeleton is a statement whose literals are left out. Plain is a statement of ASCII without comments, backslashes,
double quotes and quotes inside of literals, that reads or writes rows or ends transactions, and has no word of a
secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from analyzer.analysis.packets.sql_names import has_hint, shape_of
from analyzer.sharing.redaction.replacements import Replacements, difference

# A literal: a string's content, or a number with no sign of a name around it.
_LITERAL: Final = re.compile(rb"'([^']*+)'|(?<![\w$.])(\d++(?:\.\d++)?+)(?![\w$.])")
_PLAIN: Final = re.compile(
    rb"(?i:SELECT|INSERT|UPDATE|DELETE|REPLACE|BEGIN|COMMIT|ROLLBACK)\b"
    rb"(?:[\w$\s,.()=<>*+?!%;]++|-(?!-)|/(?!\*)|(?<![\w$])'[^'\\\x80-\xff\0]*+'(?![\w$'])|`[\w$]++`)*+"
)
_LONGEST: Final = 1 << 14
_MOST: Final = 2048
# A literal in its place; True: a string.
Literal = Callable[[bytes, bool], bytes]


class Skeleton(msgspec.Struct, frozen=True):
    """What becomes of the statements of one skeleton.

    pieces    what stands before, between and behind the literals, as it is to be written; None: it depends on them
    counts    what was replaced in these, by kind
    version   how many names were known when this was worked out
    """

    pieces: tuple[bytes, ...] | None
    counts: dict[str, int]
    version: int


class Skeletons:
    """Writes plain statements. `whole` redacts any statement, `version` says how many names are known."""

    def __init__(
        self,
        replacements: Replacements,
        whole: Callable[[bytes], bytes],
        literal: Literal,
        version: Callable[[], int],
    ) -> None:
        self._replacements = replacements
        self._whole = whole
        self._literal = literal
        self._version = version
        self._known: dict[bytes, Skeleton] = {}

    def statement(self, raw: bytes) -> bytes | None:
        """A plain statement in its place; None for all others."""
        parts = self._parts(raw)
        if parts is None:
            return None
        name = _name_of(parts)
        known = self._known.get(name)
        if known is None or known.version != self._version():
            known = self._learn(raw, parts, name)
        pieces = known.pieces
        if pieces is None:
            return None
        out = [pieces[0]]
        number = 1
        for index in range(1, len(parts), 3):
            text = parts[index]
            out.append(self._literal(parts[index + 1], False) if text is None else self._literal(text, True))
            out.append(pieces[number])
            number += 1
        for kind, count in known.counts.items():
            self._replacements.count(kind, count)
        return b"".join(out)

    def name(self, raw: bytes) -> bytes | None:
        """What all plain statements of one skeleton have in common; None where a statement is not plain."""
        parts = self._parts(raw)
        return None if parts is None else _name_of(parts)

    @staticmethod
    def _parts(raw: bytes) -> list[Any] | None:
        """What is around the literals; between each two the content of a string, or None, and a number, or None."""
        if len(raw) > _LONGEST or _PLAIN.fullmatch(raw) is None or has_hint(shape_of(raw)):
            return None
        return _LITERAL.split(raw)

    def _learn(self, raw: bytes, parts: list[Any], name: bytes) -> Skeleton:
        """Works out what becomes of what is around the literals, if these become what they would anywhere."""
        version, before = self._version(), dict(self._replacements.counts)
        made = self._whole(raw)
        counts = difference(self._replacements.counts, before)
        pieces: list[bytes] = []
        at = begin = 0
        plain = True
        for index in range(0, len(parts) - 1, 3):
            text, number = parts[index + 1], parts[index + 2]
            at += len(parts[index]) + (text is not None)
            value = number if text is None else text
            plain = plain and made[at : at + len(value)] == self._literal(value, text is not None)
            pieces.append(made[begin:at])
            begin = at + len(value)
            at = begin + (text is not None)
        pieces.append(made[begin:])
        literals = difference(self._replacements.counts, before)
        counts = {kind: 2 * count - literals[kind] for kind, count in counts.items() if 2 * count != literals[kind]}
        self._replacements.counts.clear()
        self._replacements.counts.update(before)
        if len(self._known) >= _MOST:
            self._known.clear()
        known = self._known[name] = Skeleton(tuple(pieces) if plain else None, counts, version)
        return known


def _name_of(parts: list[Any]) -> bytes:
    return b"\0".join(parts[::3]) + bytes(part is None for part in parts[1::3])
