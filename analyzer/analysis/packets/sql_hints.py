"""Whether a statement may hold a secret, as far as its words tell: asked of every statement whose shape is new.

All words of `sql_names.HINTS` are looked for in one pass; its patterns are asked only where theirs was found. What is
done for one statement grows with its length alone, whatever is in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from analyzer.analysis.packets.sql_names import HINTS, Behind

# Constants, once more: here they are numbers of C.
_QUOTE, _OPENS, _SLASH, _STAR, _DASH, _HASH, _LINE, _MARK, _M = b"'(/*-#\n!m"


def _sets_of() -> tuple[bytes, list[bytes]]:
    """(a number for each two bytes, which of HINTS may begin with them, by that number). The number 0 is none."""
    begin: dict[int, bytes] = {}
    for number, (needle, _) in enumerate(HINTS):
        first, *rest = needle.encode()
        for second in rest[:1] or range(256):
            pair = first << 8 | second
            begin[pair] = begin.get(pair, b"") + bytes([number])
    numbers: dict[bytes, int] = {b"": 0}
    pairs = bytearray(1 << 16)
    for pair, found in begin.items():
        pairs[pair] = numbers.setdefault(found, len(numbers))
    return bytes(pairs), list(numbers)


_PAIRS, _SETS = _sets_of()
_NEEDLES: Final = [needle.encode() for needle, _ in HINTS]
_RULES: Final = [rule for _, rule in HINTS]


@lru_cache(maxsize=64)
def _pattern(text: str) -> re.Pattern[str]:
    """One of the HINTS: few of them are ever asked."""
    return re.compile(text)


def has_hint(shape: bytes) -> bool:
    """Whether a statement may hold a secret; `shape` is what `sql_names.shape_of` makes of it."""
    found = _needles_in(shape)
    text = ""
    for number in found:
        text = text or shape.decode("latin-1")  # \s stands for what it stands for in a text
        if _holds(number, shape, text):
            return True
    return False


def _needles_in(text: bytes) -> bytearray:
    """The numbers of the HINTS whose words are in a text. One that needs no more may be the only one."""
    found, seen, size = bytearray(), bytearray(len(_NEEDLES)), len(text)
    pairs = _PAIRS
    first = text[0] if size else 0
    for place in range(1, size + 1):
        second = text[place] if place < size else 0
        alike = pairs[first << 8 | second]
        first = second
        if alike:
            numbers = _SETS[alike]
            for index in range(len(numbers)):
                number = numbers[index]
                if not seen[number] and text.startswith(_NEEDLES[number], place - 1):
                    if _RULES[number] is None:
                        return bytearray([number])
                    seen[number] = 1
                    found.append(number)
    return found


def _holds(number: int, shape: bytes, text: str) -> bool:
    """Whether one of the HINTS is in a text in which its word stands."""
    rule = _RULES[number]
    if isinstance(rule, Behind):
        if not any(stem in text for stem in rule.stems):
            return False
        names = [match.start() for match in _pattern(rule.name).finditer(text)]
        return bool(names) and _reached(shape, [match.end() for match in _pattern(rule.word).finditer(text)], names)
    if rule is not None and _pattern(rule).search(text) is None:
        return False
    # A user variable is a secret where it may get a value.
    return _NEEDLES[number] != b"@" or ":=" in text or "set" in text or "into" in text


def _reached(text: bytes, begins: list[int], names: list[int]) -> bool:
    """Whether what stands between one of `begins` and one of `names` behind it is no more than a gap.

    It is worked out from the end on: from each place there is one way, and many ways meet.
    """
    size = len(text)
    near, asked = bytearray(size + 1), bytearray(size + 1)
    for place in names:
        near[place] = 1
    for place in begins:
        asked[place] = 1
    close = line = size  # behind the next end of a comment, and of a line; `size`: there is none
    second = third = fourth = 0
    for place in range(size - 1, begins[0] - 1, -1):
        byte = text[place]
        if third == _STAR and fourth == _SLASH:
            close = place + 4
        behind = place + 1
        if byte == _HASH or (byte == _DASH and second == _DASH):
            behind = line
        elif byte == _SLASH and second == _STAR:
            # What stands in a version comment is part of the statement.
            behind = place + 3 if third == _MARK else place + 4 if third == _M and fourth == _MARK else close
        elif byte in (_QUOTE, _OPENS):
            behind = size
        elif byte == _LINE:
            line = behind
        if near[behind]:
            if asked[place]:
                return True
            near[place] = 1
        second, third, fourth = byte, second, third
    return False
