"""A statement cut into tokens, as the server's lexer does it (sql/sql_lex.cc), each with its place.

Unlike a parser's tokenizer it never fails and leaves nothing out: a string or a comment that is not closed goes on to
the end. What stands in a version comment (`/*!50701 ... */`, `/*M! ... */`) is part of the statement. A backslash
escapes or not, as NO_BACKSLASH_ESCAPES says: who masks asks for both.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

# Kinds of tokens.
WORD: Final = 0  # a keyword or a name without quotes
NAME: Final = 1  # `name`
STRING: Final = 2  # 'text' or "text", which is a name under ANSI_QUOTES
NUMBER: Final = 3
HEX: Final = 4  # 0x41, 0b01
PLACEHOLDER: Final = 5
SIGN: Final = 6
COMMENT: Final = 7

# Tokens of one statement; all behind them is one string.
MOST_TOKENS: Final = 100_000

_TOKEN: Final = r"""(?sx)
    (?P<space> [\s\0]++ )
  | (?P<version> /\*M?!\d{0,6} )
  | (?P<end> \*/ )
  | (?P<comment> \#[^\n]*+ | --(?=[\s\0-\x1f]|\Z)[^\n]*+ | /\*.*?(?:\*/|\Z) )
  | (?P<string> STRINGS )
  | (?P<name> `(?:[^`]++|``)*+(?:`|\Z) )
  | (?P<hex> 0[xX][0-9a-fA-F]+(?![\w$]) | 0b[01]+(?![\w$]) )
  | (?P<number> (?:\d++(?:\.\d*+)?+ | \.\d++)(?:[eE][-+]?\d++)?+(?![\w$]) )
  | (?P<word> [\w$\x80-\U0010ffff]++ )
  | (?P<placeholder> \? )
  | (?P<sign> :=|<=>|<=|>=|<>|!=|\|\||&&|->>|->|. )
"""
_ESCAPES: Final = r"""'(?:[^'\\]++|\\.|\\\Z|'')*+(?:'|\Z) | "(?:[^"\\]++|\\.|\\\Z|"")*+(?:"|\Z)"""
_NO_ESCAPES: Final = r"""'(?:[^']++|'')*+(?:'|\Z) | "(?:[^"]++|"")*+(?:"|\Z)"""
_KINDS: Final[dict[str, int]] = {
    "comment": COMMENT,
    "string": STRING,
    "name": NAME,
    "hex": HEX,
    "number": NUMBER,
    "word": WORD,
    "placeholder": PLACEHOLDER,
    "sign": SIGN,
}
_UNESCAPED: Final[dict[str, str]] = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_ESCAPE: Final = re.compile(r"\\(.)|''|\"\"", re.DOTALL)


class Token(msgspec.Struct, frozen=True):
    """One token: `text[start:stop]`. `word` is what a keyword or a name is called, in upper case, or the sign."""

    kind: int
    start: int
    stop: int
    word: str = ""


@lru_cache(maxsize=2)
def _pattern(escapes: bool) -> re.Pattern[str]:
    """It takes milliseconds to make, and most captures hold nothing that has to be cut into tokens."""
    return re.compile(_TOKEN.replace("STRINGS", _ESCAPES if escapes else _NO_ESCAPES), re.ASCII)


def tokens_of(text: str, escapes: bool = True) -> list[Token]:
    """All tokens of a statement but white space; at most MOST_TOKENS and one."""
    found: list[Token] = []
    scan = _pattern(escapes).match
    at = versions = 0
    while match := scan(text, at):
        group = match.lastgroup
        start, at = match.span()
        stop = at
        if group == "space":
            continue
        if group == "version":
            versions += 1
            continue
        if group == "end":
            if versions:
                versions -= 1
                continue
            # Two signs where no version comment is open: `*.*/* a comment */`.
            group, at = "sign", start + 1
            stop = at
        if group is None or len(found) == MOST_TOKENS:
            found.append(Token(STRING, start, len(text)))
            break
        if group == "word":
            found.append(Token(WORD, start, stop, text[start:stop].upper()))
        elif group == "name":
            found.append(Token(NAME, start, stop, text[start + 1 : stop].removesuffix("`").replace("``", "`").upper()))
        elif group == "sign":
            found.append(Token(SIGN, start, stop, text[start:stop]))
        else:
            found.append(Token(_KINDS[group], start, stop))
    return found


def inside(text: str, token: Token) -> tuple[int, int]:
    """Where the content of a literal, a quoted name or a comment stands, without what encloses it."""
    start, stop = token.start, token.stop
    first = text[start]
    if token.kind == COMMENT:
        if first == "/":
            return start + 2, max(start + 2, stop - 2 if text.endswith("*/", start + 2, stop) else stop)
        return start + (1 if first == "#" else 2), stop
    if token.kind not in (STRING, NAME) or first not in "'\"`":
        return start, stop
    closed = stop - start > 1 and text[stop - 1] == first and _closes(text, start, stop, first)
    return start + 1, stop - 1 if closed else stop


def _closes(text: str, start: int, stop: int, quote: str) -> bool:
    """Whether the last character ends the literal: a doubled or an escaped quote at the end of a cut one does not."""
    end = stop - 1
    before = end
    while before > start + 1 and text[before - 1] == quote:
        before -= 1
    # Of the quotes at the end an even number is escaped by doubling; a backslash may escape the first of them.
    return (end - before) % 2 == 0 or (before > start + 1 and text[before - 1] == "\\")


def content_of(text: str, token: Token) -> str:
    """What a string holds, its escapes undone."""
    start, stop = inside(text, token)
    raw = text[start:stop]
    if "\\" not in raw and "''" not in raw and '""' not in raw:
        return raw
    return _ESCAPE.sub(lambda found: _UNESCAPED.get(found[1], found[1]) if found[1] else found[0][0], raw)
