"""Fingerprints and query ids as pt-query-digest makes them, so that what both tools say of a statement can be joined.

Source: Percona Toolkit documentation, "pt-query-digest" and "pt-fingerprint"; what it does not say was found out by
giving statements to pt-fingerprint (the tests do so where it is installed). An id is the MD5 of the fingerprint: 32
hexadecimal digits in upper case from Percona Toolkit 3.1 on, the last 16 of them before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import regex

# Characters of a statement that are looked at, and how long: patterns that go back and forth need a bound.
LONGEST: Final = 1 << 16
SECONDS: Final = 1.0

_DUMP: Final = "SELECT /*!40001 SQL_NO_CACHE */ * FROM `"
_CHECKSUM: Final = regex.compile(r"/\*\w+\.\w+:[0-9]/[0-9]\*/", regex.ASCII)
_CALL: Final = regex.compile(r"\s*(call\s+\S+)\(", regex.I | regex.ASCII)
_MANY_ROWS: Final = regex.compile(
    r"((?:INSERT|REPLACE)(?: IGNORE)?\s+INTO.+?VALUES\s*\(.*?\))\s*,\s*\(", regex.I | regex.S | regex.ASCII
)
_USE: Final = regex.compile(r"use \S+\n?\Z", regex.I | regex.ASCII)
# What is replaced, in this order: comments, strings, booleans, numbers.
_LITERALS: Final = tuple(
    (regex.compile(pattern, flags | regex.ASCII), by)
    for pattern, flags, by in (
        (r"/\*[^!].*?\*/", regex.S, ""),
        (r"(?:--|#)[^'\"\r\n]*(?=[\r\n]|\Z)", 0, ""),
        (r"\\[\"']", 0, ""),
        (r"\".*?\"", regex.S, "?"),
        (r"'.*?'", regex.S, "?"),
        (r"\bfalse\b|\btrue\b", regex.I, "?"),
        (r"[0-9+-][0-9a-f.xb+-]*", 0, "?"),
        (r"[xb.+-]\?", 0, "?"),
    )
)
_BLANKS: Final = regex.compile(r"[ \n\t\r\f]+")
_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_NULL: Final = regex.compile(r"\bnull\b", regex.ASCII)
_LISTS: Final = regex.compile(r"\b(in|values?)(?:[\s,]*\([\s?,]*\))+", regex.ASCII)
_UNION: Final = regex.compile(r"\b(select\s.*?)(?:(\sunion(?:\sall)?)\s\1)+", regex.ASCII)
_LIMIT: Final = regex.compile(r"\blimit \?(?:, ?\?| offset \?)?", regex.ASCII)
_ORDER: Final = regex.compile(r"\border by ", regex.ASCII)
_ASCENDING: Final = regex.compile(r"(?<=.)\s+asc", regex.ASCII)


def fingerprint(statement: str) -> str | None:
    """The statement as pt-query-digest groups it; None where it is too long, or takes too long."""
    if len(statement) > LONGEST:
        return None
    try:
        return _fingerprint(statement)
    except TimeoutError:
        return None


def query_id(statement: str, *, whole: bool = True) -> str | None:
    """32 hexadecimal digits that pt-query-digest calls the statement's class by; None as for `fingerprint`.

    Not `whole`: only its beginning is there, which is enough where many rows follow the first.
    """
    if not whole and _MANY_ROWS.match(statement) is None:
        return None
    text = fingerprint(statement)
    if text is None:
        return None
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest().upper()


def _fingerprint(text: str) -> str:
    if text.startswith(_DUMP):
        return "mysqldump"
    if _CHECKSUM.search(text, timeout=SECONDS):
        return "percona-toolkit"
    if text.startswith("administrator command: "):
        return text
    call = _CALL.match(text, timeout=SECONDS)
    if call is not None:
        return str(call[1]).translate(_LOWER)
    rows = _MANY_ROWS.match(text, timeout=SECONDS)
    if rows is not None:
        text = rows[1]
    for pattern, by in _LITERALS[:2]:
        text = pattern.sub(by, text, timeout=SECONDS)
    if _USE.match(text, timeout=SECONDS):
        return "use ?"
    for pattern, by in _LITERALS[2:]:
        text = pattern.sub(by, text, timeout=SECONDS)
    text = _BLANKS.sub(" ", text.lstrip(" \t\n\r\f\v").removesuffix("\n"), timeout=SECONDS).translate(_LOWER)
    text = _NULL.sub("?", text, timeout=SECONDS)
    text = _LISTS.sub(r"\1(?+)", text, timeout=SECONDS)
    repeated: Callable[[regex.Match[str]], str] = lambda found: f"{found[1]} /*repeat{found[2]}*/"  # noqa: E731
    text = _UNION.sub(repeated, text, timeout=SECONDS)
    text = _LIMIT.sub("limit ?", text, count=1, timeout=SECONDS)
    order = _ORDER.search(text, timeout=SECONDS)
    if order is None:
        return str(text)
    rest: str = _ASCENDING.sub("", text[order.end() :], timeout=SECONDS)
    return text[: order.end()] + rest
