"""Statements with their literals left out, so that those which differ in nothing else count as one.

The text is in the manner of MySQL's DIGEST_TEXT ("Performance Schema Statement Digests and Sampling"): keywords in
upper case, `?` for a literal, `(...)` for a list of several, `(...) /* , ... */` for several such lists.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import ClassVar, Final

from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType

from analyzer.analysis.packets.sql_tokens import COMMENT, HEX, NUMBER, STRING, tokens_of

# Characters of a statement that are looked at: a bulk INSERT shows its shape early.
LONGEST: Final = 8192
MOST_KEPT: Final = 10_000
MOST_CHARACTERS: Final = 8 << 20  # of the statements that are kept with their digests
CUT: Final = " …"
# Where fewer than one in eight of so many statements are like an earlier one, eight times as many are not looked at.
_TRIED: Final = 1000
_SHARE: Final = 8

_LITERALS: Final = frozenset(
    {
        *(TokenType.NUMBER, TokenType.STRING, TokenType.HEX_STRING, TokenType.BIT_STRING, TokenType.BYTE_STRING),
        *(TokenType.NATIONAL_STRING, TokenType.RAW_STRING, TokenType.UNICODE_STRING, TokenType.HEREDOC_STRING),
        *(TokenType.NULL, TokenType.TRUE, TokenType.FALSE, TokenType.PLACEHOLDER),
    }
)
_NAMES: Final = frozenset({TokenType.VAR, TokenType.IDENTIFIER, TokenType.PARAMETER, TokenType.SESSION_PARAMETER})
_SIGNS: Final = frozenset({TokenType.DASH, TokenType.PLUS})
# A sign behind one of these belongs to the literal in front of which it stands.
_BEFORE_A_SIGN: Final = frozenset("(,=<>") | {"<=", ">=", "<>", "!=", "VALUES", "SELECT", "SET", "WHERE", "LIMIT"}
_TIGHT_BEFORE: Final = frozenset({",", ")", ";", "."})
_TIGHT_AFTER: Final = frozenset({"(", ".", "@"})
_LISTS: Final = re.compile(r"\(\.\.\.\)(?:, \(\.\.\.\))+")
_SINGLES: Final = re.compile(r"\(\?\)(?:, \(\?\))+")
_SPACE: Final = re.compile(r"\s+")
# Statements of nothing but words, signs, numbers and strings without escapes, none of which has anything to do with
# what it touches: no comment, no name in quotes, no introducer.
_PLAIN: Final = re.compile(r"(?:[\w$.,;()=<>!+*%?\s]|-(?!-)|(?<![\w$])'[^'\\]*')*", re.ASCII)
_VALUES: Final = re.compile(r"('[^'\\]*')|(?<![\w$.])\d+(?![\w$.])", re.ASCII)


class _Dialect(MySQL):
    class Tokenizer(MySQL.Tokenizer):
        # Statements that are not parsed further (CALL, SHOW ...) are not one string to us.
        COMMANDS: ClassVar[set[TokenType]] = set()


class Digests:
    """Makes digests; those made last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._tried = self._found = self._left_alone = 0
        self._dialect = _Dialect()

    @property
    def characters(self) -> int:
        """Of the statements that are kept."""
        return sum(map(len, self._kept))

    def of(self, statement: str) -> str:
        """The digest of `statement`. Of what can not be read as SQL the literals are left out all the same."""
        kept = self._kept
        # What is longer is known by its beginning, and by one character that says that there is more.
        known = statement if len(statement) <= LONGEST else statement[: LONGEST + 1]
        found = kept.get(known)
        if found is None:
            alike = self._alike(known)
            found = kept.get(alike)
            if found is None:
                found = self._made(alike)
                self._keep(alike, found)
            elif alike != known:
                self._found += 1
            if alike != known:
                self._keep(known, found)
        return found

    def _alike(self, statement: str) -> str:
        """`alike_of`, where much comes of it."""
        if self._left_alone:
            self._left_alone -= 1
            return statement
        self._tried += 1
        if self._tried == _TRIED:
            if self._found * _SHARE < _TRIED:
                self._left_alone = _SHARE * _TRIED
            self._tried = self._found = 0
        return alike_of(statement)

    def _keep(self, statement: str, digest: str) -> None:
        kept = self._kept
        kept[statement] = digest
        self._characters += len(statement)
        while len(kept) > MOST_KEPT or self._characters > MOST_CHARACTERS:
            self._characters -= len(kept.popitem(last=False)[0])

    def _made(self, statement: str) -> str:
        cut = len(statement) > LONGEST
        head = statement[:LONGEST]
        if "\\'" in head or '\\"' in head:
            # Where a literal ends, the session's sql_mode says: what is one by either reading is left out.
            head = _without_literals(head)
        tokens = self._tokens(head)
        text = _SPACE.sub(" ", _without_literals(head)).strip() if not tokens else _text(tokens)
        return text + (CUT if cut else "")

    def _tokens(self, text: str) -> list[Token] | None:
        try:
            return self._dialect.tokenize(text)
        except TokenError:
            # A quote that is not closed: in a statement that was cut, up to the last list that is whole.
            end = text.rfind("),")
            if end < 0:
                return None
        try:
            return self._dialect.tokenize(text[: end + 1])
        except TokenError:
            return None


def alike_of(statement: str) -> str:
    """A statement with the same digest: of most, all that differ in numbers and strings alone have one."""
    if len(statement) > LONGEST or _PLAIN.fullmatch(statement) is None:
        return statement
    return _VALUES.sub(_same_kind, statement)


def _same_kind(literal: re.Match[str]) -> str:
    return "''" if literal[1] is not None else "0"


def _without_literals(text: str) -> str:
    """A statement with `?` in the place of each literal, and without comments."""
    spans: list[tuple[int, int, bool]] = []
    for escapes in (True, False):
        for token in tokens_of(text, escapes):
            if token.kind in (STRING, NUMBER, HEX, COMMENT):
                spans.append((token.start, token.stop, token.kind != COMMENT))
    pieces: list[str] = []
    at = 0
    for start, stop, literal in sorted(spans):
        if stop <= at:
            continue
        if start >= at:
            pieces += [text[at:start], "?" if literal else " "]
        at = stop
    return "".join([*pieces, text[at:]])


def _text(tokens: list[Token]) -> str:
    words: list[str] = []
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind in _LITERALS:
            _literal(words)
        elif kind in _SIGNS and _is_sign(words, tokens, index):
            continue
        elif kind == TokenType.IDENTIFIER:
            words.append("`" + token.text.replace("`", "``") + "`")
        elif kind == TokenType.R_PAREN and len(words) > 1 and words[-1] == "..." and words[-2] == "(":
            words[-2:] = ["(...)"]
        else:
            words.append(token.text if kind in _NAMES else token.text.upper())
    if words and words[-1] == ";":
        words.pop()
    line = ""
    for word in words:
        loose = line and word not in _TIGHT_BEFORE and line[-1] not in _TIGHT_AFTER
        line += f" {word}" if loose else word
    line = _LISTS.sub("(...) /* , ... */", line)
    return _SINGLES.sub("(?) /* , ... */", line)


def _literal(words: list[str]) -> None:
    """Adds a literal; several in a row in a list become `...`."""
    if len(words) > 2 and words[-1] == "," and words[-2] in ("?", "...") and words[-3] in ("(", ","):
        words[-2:] = ["..."]
    else:
        words.append("?")


def _is_sign(words: list[str], tokens: list[Token], index: int) -> bool:
    following = tokens[index + 1].token_type if index + 1 < len(tokens) else None
    return following == TokenType.NUMBER and (not words or words[-1] in _BEFORE_A_SIGN)
