"""Plain statements, which differ in nothing but their literals: what becomes of the rest is worked out once.

A skeleton is a statement whose literals are left out. Plain is a statement of ASCII without comments, backslashes,
double quotes and quotes inside of literals, that reads or writes rows or ends transactions, and has no word of a
secret.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.analysis.packets.sql_hints import has_hint
from analyzer.analysis.packets.sql_names import shape_of
from analyzer.batches import copied
from analyzer.sharing.redaction.replacements import Replacements, difference

_BEGINS: Final = re.compile(rb"(?i:SELECT|INSERT|UPDATE|DELETE|REPLACE|BEGIN|COMMIT|ROLLBACK)\b")
# Kinds of bytes: those that no plain statement has, of words, digits, signs, and the others.
_NEVER: Final = 0
_WORD: Final = 1
_DIGIT: Final = 2
_POINT: Final = 3
_SIGN: Final = 4
_QUOTE: Final = 5
_BACKQUOTE: Final = 6
_DASH: Final = 7
_SLASH: Final = 8
_STAR: Final = 9


def _kind_of(byte: int) -> int:
    sign = bytes([byte])
    for kind, signs in (
        (_DIGIT, b"0123456789"),
        (_POINT, b"."),
        (_QUOTE, b"'"),
        (_BACKQUOTE, b"`"),
        (_DASH, b"-"),
        (_SLASH, b"/"),
        (_STAR, b"*"),
        (_SIGN, b" \t\n\r\f\v,()=<>+?!%;"),
    ):
        if sign in signs:
            return kind
    return _WORD if sign.isalpha() or sign in b"_$" else _NEVER


_KINDS: Final = bytes(map(_kind_of, range(256)))
_LONGEST: Final = 1 << 14
_MOST: Final = 2048
_LONGEST_NAME: Final = 256
# What a word is to those around it: nothing, or tables are named behind it, or are not any more; or it may go itself.
STAYS: Final = 0
TABLES: Final = 1
NO_TABLES: Final = 2
GOES: Final = 3
_STAYS: Final = STAYS
_TABLES: Final = TABLES
_NO_TABLES: Final = NO_TABLES
_GOES: Final = GOES
# A literal in its place; True: a string.
Literal = Callable[[bytes, bool], bytes]


class Skeleton(msgspec.Struct, frozen=True):
    """What becomes of the statements of one skeleton.

    pieces    what stands before, between and behind the literals, as it is to be written; None: it depends on them
    own       these are what they were
    counts    what was replaced in these, by kind
    version   how many names were known when this was worked out
    """

    pieces: tuple[bytes, ...] | None
    own: bool
    counts: dict[str, int]
    version: int


class Skeletons:
    """Writes plain statements. `whole` redacts any statement. `version` has to say how many names are known.

    `named` are literals, in small letters, that `literal` is asked about; `roles` says what a word in small letters is
    (STAYS and so on), `other` what all others are.
    """

    __slots__ = (
        *("_count", "_counts", "_drawing", "_kinds", "_known", "_listed", "_literal", "_named", "_other"),
        *("_replacements", "_roles", "_room", "_starts", "_stops", "_strings", "_whole"),
        "version",
    )

    def __init__(
        self,
        replacements: Replacements,
        whole: Callable[[bytes], bytes],
        literal: Literal,
        named: set[bytes],
        roles: dict[bytes, int],
        other: int,
    ) -> None:
        self._replacements = replacements
        self._counts = replacements.counts
        self._drawing = replacements.drawing
        self._listed = replacements.listed is not None  # who lists what was replaced is told of each
        self._whole = whole
        self._literal = literal
        self.version = 0
        self._named = named
        self._roles = roles
        self._other = other
        self._known: dict[bytes, Skeleton] = {}
        self._kinds = _KINDS
        self._room = bytearray(_LONGEST)
        # Of the statement that was looked at last: its literals, and whether each is a string.
        self._count = 0
        self._starts, self._stops, self._strings = (array("q", bytes(8 * _LONGEST)) for _ in range(3))

    def statement(self, raw: bytes) -> bytes | None:
        """A plain statement in its place; None for all others."""
        name = self.name(raw)
        if name is None:
            return None
        known = self._known.get(name)
        if known is None or known.version != self.version:
            known = self._learn(raw, name)
        pieces = known.pieces
        if pieces is None:
            return None
        out = bytearray(raw)
        replaced = at = 0
        for index in range(self._count):
            start, stop = self._starts[index], self._stops[index]
            if not known.own:
                out[at:start] = pieces[index]
                at = stop
            string = self._strings[index] != 0
            if start == stop:
                continue
            name = copied(raw, start, stop).lower() if string and stop - start <= _LONGEST_NAME else b""
            asked = self._listed or (name and name in self._named)
            if not asked and self._drawing.fill(raw, start, stop, out, start, False):
                replaced += 1
            else:
                out[start:stop] = self._literal(raw[start:stop], string)
        if not known.own:
            out[at:] = pieces[self._count]
        counts = self._counts
        if replaced:
            counts["sql"] = counts.get("sql", 0) + replaced
        for kind, count in known.counts.items():
            counts[kind] = counts.get(kind, 0) + count
        return bytes(out)

    def name(self, raw: bytes) -> bytes | None:
        """What all statements of one skeleton have in common; None where a statement is not plain."""
        size = len(raw)
        if size > _LONGEST:
            return None
        octets, kinds, room = raw, self._kinds, self._room
        at = made = count = 0
        before = _SIGN
        while at < size:
            start = at
            kind = kinds[octets[at]]
            at += 1
            literal = string = False
            if kind in (_WORD, _DIGIT, _POINT):
                literal, points = kind == _DIGIT, 0
                while True:
                    before = kind
                    points += kind == _POINT
                    literal = literal and kind != _WORD
                    kind = kinds[octets[at]] if at < size else _SIGN
                    if kind not in (_WORD, _DIGIT, _POINT):
                        break
                    at += 1
                literal = literal and points < 2 and before == _DIGIT
            elif kind == _QUOTE:
                if before in (_WORD, _DIGIT):
                    return None
                while at < size and octets[at] != 0x27:
                    if octets[at] >= 0x80 or octets[at] in (0, 0x5C):
                        return None
                    at += 1
                if at == size or (at + 1 < size and kinds[octets[at + 1]] in (_WORD, _DIGIT, _QUOTE)):
                    return None
                start += 1
                literal = string = True
                before = _QUOTE
            elif kind == _BACKQUOTE:
                while at < size and kinds[octets[at]] in (_WORD, _DIGIT):
                    at += 1
                if at == size or at == start + 1 or octets[at] != 0x60:
                    return None
                at += 1
                before = _BACKQUOTE
            elif kind == _NEVER or (
                at < size and ((kind == _DASH and octets[at] == 0x2D) or (kind == _SLASH and octets[at] == 0x2A))
            ):
                return None
            else:
                before = kind
            if literal:
                self._starts[count], self._stops[count], self._strings[count] = start, at, string
                count += 1
                # No plain statement has these bytes.
                room[made] = 1 if string else 2
                made += 1
                at += string
                continue
            for place in range(start, at):
                room[made] = octets[place]
                made += 1
        self._count = count
        return copied(self._room, 0, made)

    def _stays(self, raw: bytes) -> bool:
        """Whether all but the literals of a plain statement stays; False, too, where that takes a closer look."""
        small = raw.lower()
        octets, kinds = raw, self._kinds
        size = len(raw)
        at = index = 0
        tables = False
        while at < size:
            if index < self._count and self._starts[index] == at + self._strings[index]:
                at = self._stops[index] + self._strings[index]
                index += 1
                continue
            start = at
            kind = kinds[octets[at]]
            at += 1
            if kind == _BACKQUOTE:
                while at < size and octets[at] != 0x60:
                    at += 1
                if self._role_of(small, start + 1, at) == _GOES:
                    return False
                at += 1
            elif kind in (_DIGIT, _POINT):
                return False
            elif kind == _WORD:
                point = -1
                while at < size and kinds[octets[at]] in (_WORD, _DIGIT, _POINT):
                    if octets[at] == 0x2E:
                        if point >= 0:
                            return False
                        point = at
                    at += 1
                if at - start > _LONGEST_NAME:
                    return False
                if point >= 0:
                    # A column with its table: no schema is named but where tables are.
                    if tables or point + 1 == at or kinds[octets[point + 1]] == _DIGIT:
                        return False
                    if self._role_of(small, start, point) != _STAYS or self._role_of(small, point + 1, at) != _STAYS:
                        return False
                    continue
                role = self._role_of(small, start, at)
                if role == _GOES:
                    return False
                if role != _STAYS:
                    tables = role == _TABLES
        return True

    def _role_of(self, text: bytes, start: int, stop: int) -> int:
        """What the word at a place is to those around it."""
        return self._roles.get(copied(text, start, stop), self._other)

    def _learn(self, raw: bytes, name: bytes) -> Skeleton:
        """Works out what becomes of what is around the literals, if these become what they would anywhere."""
        if len(self._known) >= _MOST:
            self._known.clear()
        version = self.version
        if _BEGINS.match(raw) is None or has_hint(shape_of(name)):
            known = self._known[name] = Skeleton(None, False, {}, version)
            return known
        if self._stays(raw):
            known = self._known[name] = Skeleton((), True, {}, version)
            return known
        before = dict(self._replacements.counts)
        made = self._whole(raw)
        counts = difference(self._replacements.counts, before)
        pieces: list[bytes] = []
        at = 0
        plain, own = len(made) == len(raw), True
        for index in range(self._count):
            start, stop = self._starts[index], self._stops[index]
            plain = plain and made[start:stop] == self._literal(raw[start:stop], self._strings[index] != 0)
            own = own and made[at:start] == raw[at:start]
            pieces.append(made[at:start])
            at = stop
        own = own and made[at:] == raw[at:]
        pieces.append(made[at:])
        literals = difference(self._replacements.counts, before)
        counts = {kind: 2 * count - literals[kind] for kind, count in counts.items() if 2 * count != literals[kind]}
        self._replacements.counts.clear()
        self._replacements.counts.update(before)
        known = self._known[name] = Skeleton(tuple(pieces) if plain else None, own, counts, version)
        return known
