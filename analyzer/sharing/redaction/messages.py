"""Texts of servers: errors, notes, status. What they quote goes, and every word that is none of a server's own."""

from __future__ import annotations

import re
from typing import Final

from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.sql import SqlRedactor
from analyzer.sharing.redaction.words import MESSAGE_WORDS, SQL_WORDS

# Whose text is a user's own: SIGNAL, RESIGNAL, RAISE.
_SIGNALLED: Final = frozenset({1642, 1643, 1644, 4031})
_USERS_STATE: Final = "45000"
_SYNTAX: Final = frozenset({1064, 1149})
_PIECE: Final = re.compile(
    rb"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|`(?P<back>[^`]*)`"
    rb"|(?P<address>\d{1,3}(?:\.\d{1,3}){3})|(?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*)|(?P<number>\d[\w.]*)"
)
_NEAR: Final = re.compile(rb"(.*? near ')(.*)(' at line \d+.*)", re.DOTALL)
# Numbers behind these say where, and nothing of what.
_COUNTED: Final = re.compile(rb"(?:line|row|errno|error|code|sqlstate|using)[: (]*\Z", re.IGNORECASE)
_DOTTED: Final = re.compile(rb"[\w$\x80-\xff-]+(?:\.[\w$\x80-\xff-]+)+")


class MessageRedactor:
    """Replaces what is content in messages."""

    def __init__(self, replacements: Replacements, keep: KeptKinds, sql: SqlRedactor) -> None:
        self._replacements = replacements
        self._keep = keep
        self._sql = sql

    def error(self, raw: bytes, code: int, state: str | None) -> bytes:
        """The text of an error."""
        if "errors" in self._keep.kinds:
            return raw
        if code in _SIGNALLED or state == _USERS_STATE:
            return self._replacements.text("errors", raw)
        found = _NEAR.fullmatch(raw) if code in _SYNTAX else None
        if found is not None:
            return self._pieces(found[1], False)[:-1] + b"'" + self._sql.fragment(found[2], "errors") + found[3]
        return self._pieces(raw, False)

    def status(self, raw: bytes) -> bytes:
        """What an OK, a stage or a statistics packet says: its numbers stay."""
        return raw if "errors" in self._keep.kinds else self._pieces(raw, True)

    def _pieces(self, raw: bytes, numbers: bool) -> bytes:
        def other(found: re.Match[bytes]) -> bytes:
            group, piece = found.lastgroup, found.group()
            if group == "word":
                text = piece.decode("latin-1")
                known = text.upper() in SQL_WORDS or MESSAGE_WORDS.issuperset(text.lower().split("_"))
                return piece if known else self._replacements.text("errors", piece)
            if group == "number":
                stays = (numbers and piece.strip(b".").isdigit()) or _COUNTED.search(raw[: found.start()]) is not None
                return piece if stays else self._replacements.text("errors", piece)
            if group == "address":
                return self._quoted(piece)
            return piece[:1] + self._quoted(piece[1:-1]) + piece[-1:]

        return _PIECE.sub(other, raw)

    def _quoted(self, content: bytes) -> bytes:
        """What stands in quotes: names that are joined by dots each by itself, as they stand elsewhere."""
        if _DOTTED.fullmatch(content) and self._replacements.addresses.text(content) is None:
            return b".".join(self._replacements.text("errors", part) for part in content.split(b"."))
        return self._replacements.text("errors", content)
