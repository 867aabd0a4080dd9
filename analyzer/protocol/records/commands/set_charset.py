"""Statements that change the character sets of a session.

Source: MySQL manual, "SET NAMES Statement", "SET CHARACTER SET Statement", "Connection Character Sets and Collations".
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec.structs import replace

from analyzer.protocol.tables.collations import CODECS

_SET: Final = re.compile(rb"(?:\s|/\*(?!!).*?\*/)*SET\s+(.{1,400})", re.IGNORECASE | re.DOTALL)
_NAMES: Final = re.compile(rb"\s*(NAMES|CHARACTER\s+SET|CHARSET)\s+(['\"]?)(\w+)\2", re.IGNORECASE)
_VARIABLE: Final = re.compile(
    rb"(?:@@|\bSESSION\s+|\bLOCAL\s+|@@SESSION\.|@@LOCAL\.|\A|,)\s*"
    rb"character_set_(client|results)\s*:?=\s*(['\"]?)(\w+)\2",
    re.IGNORECASE,
)
UNCHANGED: Final = "unchanged"


class CharsetChange(msgspec.Struct, frozen=True):
    """Python's codecs for what the client sends and for what it gets; None: UTF-8, or not known. `UNCHANGED` too."""

    client: str | None = UNCHANGED
    results: str | None = UNCHANGED


def may_set(text: bytes, begin: int = 0) -> bool:
    """Whether a statement that begins there is worth a look: cheap, and true for every SET."""
    return len(text) > begin + 4 and (text[begin + 2] in b"tT" or text[begin] in b"/ \t\r\n")


def codec_named(name: str) -> str | None:
    """Python's codec for a character set; None for UTF-8, for `binary` and for those that Python does not know."""
    codec = CODECS.get(name.lower())
    return None if codec == "utf_8" else codec


def charset_change(text: bytes) -> CharsetChange | None:
    """What a statement changes; None where it changes nothing of that."""
    found = _SET.match(text)
    if found is None:
        return None
    body = found[1]
    names = _NAMES.match(body)
    if names is not None:
        codec = codec_named(names[3].decode())
        return CharsetChange(codec, codec)
    change = CharsetChange()
    for variable in _VARIABLE.finditer(body):
        codec = codec_named(variable[3].decode())
        change = replace(change, **{variable[1].decode().lower(): codec})
    return change if change != CharsetChange() else None
