"""The lexer of statements: lossless, never failing, and of one mind with a parser's tokenizer where that reads them."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import TokenError
from sqlglot.tokens import TokenType

from analyzer.analysis.packets.sql_tokens import (
    COMMENT,
    HEX,
    MOST_TOKENS,
    NAME,
    NUMBER,
    PLACEHOLDER,
    SIGN,
    STRING,
    WORD,
    content_of,
    inside,
    tokens_of,
)
from tests.secrets.statements import ORDINARY, SECRETS


def pieces(text: str, escapes: bool = True) -> list[tuple[int, str]]:
    return [(token.kind, text[token.start : token.stop]) for token in tokens_of(text, escapes)]


def test_each_kind() -> None:
    text = "SELECT `a``b`, 'it''s', \"q\", 0x41, 1.5e3, ? -- c\n, x'41' # d"
    assert pieces(text) == [
        *((WORD, "SELECT"), (NAME, "`a``b`"), (SIGN, ","), (STRING, "'it''s'"), (SIGN, ","), (STRING, '"q"')),
        *((SIGN, ","), (HEX, "0x41"), (SIGN, ","), (NUMBER, "1.5e3"), (SIGN, ","), (PLACEHOLDER, "?")),
        *((COMMENT, "-- c"), (SIGN, ","), (WORD, "x"), (STRING, "'41'"), (COMMENT, "# d")),
    ]


def test_what_stands_in_a_version_comment_is_the_statement() -> None:
    assert pieces("/*!50701 ALTER */ /*M!100100 USER */ a") == [(WORD, "ALTER"), (WORD, "USER"), (WORD, "a")]


def test_a_star_in_front_of_a_comment_ends_none() -> None:
    assert pieces("ON *.*/* it's */TO 'a'") == [
        *((WORD, "ON"), (SIGN, "*"), (SIGN, "."), (SIGN, "*"), (COMMENT, "/* it's */"), (WORD, "TO"), (STRING, "'a'")),
    ]


def test_two_dashes_are_a_comment_only_in_front_of_a_blank() -> None:
    assert pieces("1--'a'") == [(NUMBER, "1"), (SIGN, "-"), (SIGN, "-"), (STRING, "'a'")]
    assert pieces("1 --\t'a'") == [(NUMBER, "1"), (COMMENT, "--\t'a'")]


@pytest.mark.parametrize("text", ["'open", '"open', "`open", "/* open", "'it''", r"'a\'", "-- open", "#open"])
def test_what_is_not_closed_goes_on_to_the_end(text: str) -> None:
    assert [piece for _, piece in pieces(text)] == [text]


def test_a_backslash_escapes_or_not() -> None:
    text = r"'a\', 'b'"
    assert pieces(text)[0] == (STRING, r"'a\', '")
    assert pieces(text, escapes=False) == [(STRING, "'a\\'"), (SIGN, ","), (STRING, "'b'")]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("'it''s'", "it's"),
        (r"'a\'b\n'", "a'b\n"),
        ('"a""b"', 'a"b'),
        ("''", ""),
        ("'", ""),
        ("'ab", "ab"),
        (r"'\%'", "%"),
    ],
)
def test_content(text: str, content: str) -> None:
    (token,) = tokens_of(text)
    assert content_of(text, token) == content


def test_the_number_of_tokens_is_bounded_and_the_rest_is_one() -> None:
    text = "a," * MOST_TOKENS
    found = tokens_of(text)
    assert len(found) == MOST_TOKENS + 1
    assert (found[-1].kind, found[-1].stop) == (STRING, len(text))


@given(some.text(some.sampled_from("ab'\"`\\/*-#! \n?@0x9.;é\0"), max_size=60), some.booleans())
def test_nothing_is_left_out_but_white_space_and_marks_of_version_comments(text: str, escapes: bool) -> None:
    at = 0
    for token in tokens_of(text, escapes):
        assert at <= token.start < token.stop <= len(text)
        between = text[at : token.start]
        for mark in ("/*M!", "/*!", "*/"):
            between = between.replace(mark, "")
        assert between.strip(" \n\t\r\x0b\x0c\0" + "0123456789") == ""
        start, stop = inside(text, token)
        assert token.start <= start <= stop <= token.stop
        at = token.stop


class Dialect(MySQL):
    class Tokenizer(MySQL.Tokenizer):
        # Statements that are not parsed further (CALL, SHOW ...) are not one string.
        COMMANDS: ClassVar[set[TokenType]] = set()


@pytest.mark.parametrize("text", [*SECRETS, *ORDINARY])
def test_literals_are_those_that_a_parser_sees(text: str) -> None:
    """Of sqlglot's tokenizer, where it can read the statement: it has no version comments, and takes 1--2 for one."""
    if "/*" in text or "--" in text or "\0" in text or "\\" in text:
        return
    try:
        known = [token.text for token in Dialect().tokenize(text) if token.token_type == TokenType.STRING]
    except TokenError:
        return
    found = [content_of(text, token) for token in tokens_of(text) if token.kind == STRING]
    assert [one for one in known if len(one) > 1] == [one for one in known if len(one) > 1 and one in found]
