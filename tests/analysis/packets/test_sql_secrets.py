"""Secrets of statements: what is masked, what stays, and how it is written makes no difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.packets.sql_secrets import secrets_of, without
from analyzer.analysis.packets.sql_tokens import MOST_TOKENS
from analyzer.analysis.packets.statement_mask import StatementMask
from tests.secrets.statements import LATER, ORDINARY, SECRET, SECRETS, VISIBLE, WHOLE

HEXED = SECRET.encode().hex()


@pytest.mark.parametrize("text", [*SECRETS, *WHOLE])
def test_a_secret_is_masked(text: str) -> None:
    assert SECRET in text or HEXED in text
    shown = StatementMask().statement(text)
    assert SECRET not in shown
    assert HEXED not in shown


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_secret_is_masked_where_the_statement_is_cut(text: str, cut: int) -> None:
    """A literal that its end is missing of; so is all behind it."""
    at = text.find(SECRET)
    if at >= 0 and not any(word in text for word in LATER):
        assert SECRET not in StatementMask().statement(text[: at + len(SECRET) + cut])


@pytest.mark.parametrize("text", [*SECRETS, *WHOLE])
def test_a_secret_is_masked_in_a_literal_of_another_statement(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    shown = StatementMask().statement(f"INSERT INTO log (line) VALUES ('{quoted}')")
    # A password without quotes is a mistake; prose has such words too.
    assert SECRET not in shown or "IDENTIFIED BY S3CRET" in shown or "IDENTIFIED BY `S3CRET`" in shown


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_no_secret_stays(text: str) -> None:
    assert StatementMask().statement(text).count(VISIBLE) == text.count(VISIBLE)


@pytest.mark.parametrize(
    ("text", "hidden", "holes"),
    [
        ("SET PASSWORD = ?", {0}, 1),
        ("INSERT INTO users (name, password, n) VALUES (?, ?, ?)", {1}, 3),
        ("UPDATE users SET password = ? WHERE name = ?", {0}, 2),
        ("SELECT * FROM users WHERE name = ? AND password = SHA2(?, 256) AND n = ?", {1}, 3),
        ("SELECT AES_DECRYPT(?, ?) FROM t WHERE a = ?", {0, 1}, 3),
        ("ALTER USER ? IDENTIFIED BY ?", {1}, 2),
        ("SELECT ? /* password = ? */, '?'", set(), 1),
    ],
)
def test_parameters_in_the_place_of_a_secret(text: str, hidden: set[int], holes: int) -> None:
    found = secrets_of(text)
    assert found.parameters == hidden
    if hidden:
        assert found.holes == holes


def test_values_of_a_statement_that_is_not_known_are_masked_but_numbers() -> None:
    mask = StatementMask()
    assert mask.hides_parameter(None, 0, "text")
    assert mask.hides_parameter(None, 0, b"bytes")
    assert not mask.hides_parameter(None, 0, 5)
    assert mask.hides_parameter("SELECT ?", 1, "more than there are")
    assert not mask.hides_parameter("SELECT ?", 0, "text")


@given(some.text("ab'\"\\ é;?", min_size=5, max_size=30), some.sampled_from(["'", '"']))
def test_no_password_escapes_its_quotes(password: str, quote: str) -> None:
    quoted = password.replace("\\", "\\\\").replace(quote, quote * 2)
    shown = StatementMask().statement(f"SET PASSWORD = {quote}{quoted}{quote}")
    assert shown.startswith(f"SET PASSWORD = {quote}***")
    assert quoted not in shown


@given(some.text("SETPASWORD ='\"`x/*-#!\\\n;@,()?", max_size=80))
def test_masking_never_fails_and_changes_nothing_twice(text: str) -> None:
    found = secrets_of(text)
    assert all(0 <= start <= stop <= len(text) for start, stop in found.ranges)
    assert list(found.ranges) == sorted(found.ranges)
    shown = without(text, found.ranges)
    assert len(shown) <= len(text) + 3 * len(found.ranges)


def test_a_statement_of_too_many_tokens_is_masked_from_there_on() -> None:
    text = "INSERT INTO t (password) VALUES " + "(1)," * MOST_TOKENS + "('S3CRET')"
    assert SECRET not in StatementMask().statement(text)


@pytest.mark.parametrize(
    ("message", "code", "statement", "shown"),
    [
        ("syntax near ''pw12' x' at line 1", 1064, "SET PASSWORD = 'pw12' x", "syntax near '***' at line 1"),
        ("syntax near 'FORM t' at line 1", 1064, "SELECT 1 FORM t", "syntax near 'FORM t' at line 1"),
        ("syntax near ''pw12'' at line 1", 1064, None, "syntax near '***' at line 1"),
        ("Unknown database 'shop'", 1049, None, "Unknown database 'shop'"),
        ("Duplicate entry 'pw12' for key 'k'", 1062, None, "Duplicate entry '***' for key '***'"),
        ("can't be set to 'pw12'", 1231, "SET @a = 'pw12'", "can't be set to '***'"),
        (
            "Failed for 'bob'@'%'",
            1396,
            "CREATE USER bob IDENTIFIED BY 'pw12'",
            "Failed for 'bob'@'%'",
        ),
        ("value 'pw1' cut", 1406, "SET PASSWORD = 'pw1'", "value '***' cut"),
    ],
)
def test_messages(message: str, code: int, statement: str | None, shown: str) -> None:
    assert StatementMask().message(message, code, statement) == shown


def test_statements_that_differ_in_numbers_are_looked_at_once() -> None:
    mask = StatementMask()
    assert mask.is_plain(b"SELECT c FROM t WHERE id=1")
    assert mask.is_plain(b"select c from t where id=23456")
    assert not mask.is_plain(b"SELECT MD5('x')")
    assert not mask.is_plain(b"SELECT md5('x'), sha2('y', 256)")


def test_a_statement_that_only_seems_to_hold_a_secret_is_plain() -> None:
    mask = StatementMask()
    for _ in range(2):
        assert mask.is_plain(b"select $$")
        assert mask.is_plain(b"SELECT token_id FROM t")
        # Nobody can say where its quotes are: the encoding may be any.
        assert not mask.is_plain("SELECT token_id FROM é".encode())
        assert not mask.is_plain(b"SET PASSWORD = 'x'")
    assert not mask.secrets("select $$")
