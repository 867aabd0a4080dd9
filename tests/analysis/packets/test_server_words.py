"""What is said to be plain holds no secret: what masks statements says the same, and is not loaded for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.packets.server_words import shown_text, shown_words
from analyzer.analysis.packets.sql_names import HINTS
from analyzer.analysis.packets.statement_mask import PARSE_ERRORS, VALUE_ERRORS, StatementMask

GLUE = [
    " ",
    ", ",
    " = ",
    "'",
    "'",
    "' ",
    " '",
    "@",
    "(",
    ")",
    "hunter2",
    "a",
    "by ",
    "as ",
    "user ",
    "schema ",
    "autocommit",
]
WORDS = st.lists(st.sampled_from([*GLUE, *(needle for needle, _ in HINTS)]), max_size=12).map("".join)
CODES = st.sampled_from([0, 1045, 1105, *sorted(PARSE_ERRORS | VALUE_ERRORS)])


@given(WORDS)
def test_a_name_is_shown_as_statements_are(text: str) -> None:
    assert shown_text(text) == StatementMask().statement(text)


@given(CODES, WORDS)
def test_a_message_is_shown_as_those_to_statements_are(code: int, text: str) -> None:
    assert shown_words(code, text) == StatementMask().message(text, code, None)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1064, "You have an error in your SQL syntax near 'hunter2' at line 1"),
        (1105, "syntax error at position 42 near 'hunter2'"),
        (1062, "Duplicate entry 'hunter2' for key 'PRIMARY'"),
        (0, "create user x identified by 'hunter2'"),
        (0, "create user x identified by hunter2"),
    ],
)
def test_a_message_that_quotes_a_statement(code: int, message: str) -> None:
    assert "hunter2" not in shown_words(code, message)


@pytest.mark.parametrize(
    "text",
    [
        "OK, with a proof of the server's certificate, autocommit = 'ON', time_zone = 'SYSTEM', schema 'db'",
        "Access denied for user 'app'@'10.0.0.5' (using password: YES)",
        "OK, redirect_url = ''",
        "user 'app', database 'labdb', plugin caching_sha2_password",
    ],
)
def test_words_of_servers_stay(text: str) -> None:
    assert shown_text(text) == text
