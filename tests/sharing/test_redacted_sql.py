"""Statements without their literals: as long as they were, and the same statement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.commands.digest import Digests
from analyzer.analysis.packets.sql_tokens import STRING, tokens_of
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.messages import MessageRedactor
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.sql import SqlRedactor
from tests.sharing.reading import KEY

SECRET = "Pl4intSecret"


def redactor(*kept: str) -> SqlRedactor:
    made = SqlRedactor(Replacements(KEY), KeptKinds(frozenset(kept or {"identifiers"})))
    made.meet_schema("prod")
    made.meet_account("bob")
    return made


def hidden(text: str, escapes: bool | None = True) -> str:
    return redactor().statement(text.encode(), escapes).decode("utf-8", "surrogateescape")


STATEMENTS = [
    f"SELECT a.id, t.name FROM users a JOIN orders t ON a.id = t.id WHERE a.email = '{SECRET}' AND n = 42 LIMIT 10",
    f"INSERT INTO t (a, b) VALUES (1, 'it\\'s {SECRET}'), (2, \"{SECRET}\"), (-3.5e7, NULL), (0xABCD, x'4142')",
    f"UPDATE t SET a = '{SECRET}', b = b + 1 WHERE c IN (1, 2, 3) OR d LIKE '%{SECRET}%'",
    f"DELETE FROM t WHERE a = '{SECRET}''{SECRET}' ORDER BY b DESC LIMIT 5",
    f"CALL p('{SECRET}', 5, @x)",
    f"WITH x AS (SELECT 1) SELECT * FROM x WHERE `a b` = '{SECRET}' -- {SECRET}",
    f"SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1 /* {SECRET} */ FROM t",
    f"REPLACE INTO t SELECT '{SECRET}', _utf8mb4'{SECRET}', N'{SECRET}', DATE '2024-05-06' FROM dual",
    f"LOAD DATA LOCAL INFILE '/home/{SECRET}/x.csv' INTO TABLE t FIELDS TERMINATED BY ','",
]


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_stays_the_same_statement(text: str) -> None:
    made = hidden(text)
    assert SECRET not in made
    assert len(made) == len(text)
    digests = Digests()
    assert digests.of(made) == digests.of(text)


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE USER 'bob'@'10.0.0.5' IDENTIFIED BY '{SECRET}'",
        f"SET PASSWORD FOR bob = '{SECRET}'",
        f"{SECRET} is no statement",
        f"SELECT 'a\\', '{SECRET} words' FROM t",
        f"SELECT 'it's {SECRET} here'",
        f"SELECT 'never closed {SECRET}",
        f"INSERT INTO t VALUES ('O'{SECRET}', 1)",
        f"# {SECRET}\nSELECT 1",
        f"SELECT 1{SECRET}",
    ],
)
def test_what_is_meant_as_content_goes_however_it_is_quoted(text: str) -> None:
    assert SECRET not in hidden(text, None)


def test_names_of_schemas_and_accounts_go() -> None:
    made = hidden("SELECT * FROM prod.users, `other`.t WHERE prod.users.a = 1")
    assert "prod" not in made
    assert "other" not in made
    assert "users" in made
    assert "hidden" not in hidden("SHOW TABLES FROM hidden")
    assert "secretdb" not in hidden("USE secretdb")
    grant = hidden("GRANT SELECT ON prod.* TO bob@localhost, 'eve'@'10.0.0.5'")
    assert not any(word in grant for word in ("prod", "bob", "eve", "10.0.0.5", "localhost"))


def test_how_a_session_is_set_up_stays() -> None:
    for text in (
        "SET NAMES 'utf8mb4'",
        "SET sql_mode='STRICT_TRANS_TABLES,ANSI_QUOTES', time_zone = '+00:00'",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET character_set_results = NULL, autocommit = ON",
    ):
        assert hidden(text) == text


def test_identifiers_go_where_that_is_asked_for() -> None:
    made = (
        redactor("users").statement(b"SELECT salary FROM staff AS s WHERE `first name` = 1 GROUP BY s.x", True).decode()
    )
    assert not any(word in made for word in ("salary", "staff", "first name"))
    assert made.startswith("SELECT ")
    assert " GROUP BY " in made


@given(st.binary(max_size=120), st.sampled_from([True, False, None]))
def test_any_bytes_keep_their_length(raw: bytes, escapes: bool | None) -> None:
    assert len(redactor().statement(raw, escapes)) == len(raw)


@given(st.text(alphabet="abcXYZ019 '\"\\`@.,()=*/-#\n", max_size=60))
def test_literals_stay_where_they_are(text: str) -> None:
    statement = "SELECT " + text
    before = [(one.start, one.stop) for one in tokens_of(statement) if one.kind == STRING]
    after = [(one.start, one.stop) for one in tokens_of(hidden(statement)) if one.kind == STRING]
    assert after == before


@pytest.mark.parametrize(
    ("text", "code", "kept"),
    [
        (f"Duplicate entry '{SECRET}' for key 'PRIMARY'", 1062, ["Duplicate entry '", "' for key '"]),
        (f"Unknown column '{SECRET}.x' in 'field list'", 1054, ["Unknown column '"]),
        (f"Access denied for user '{SECRET}'@'10.0.0.5' (using password: YES)", 1045, ["(using password: YES)"]),
        (f"You have an error near 'FROM {SECRET} WHERE a='{SECRET}'' at line 3", 1064, ["at line 3", "FROM "]),
        (f"{SECRET} is what SIGNAL said", 1644, []),
        (f"Host {SECRET} is blocked because of many connection errors", 1129, ["is blocked because of"]),
        (f"rpc error: Sql: \"select '{SECRET}'\", BindVars: {{x: {SECRET}}}", 1105, []),
    ],
)
def test_messages_keep_the_servers_words_alone(text: str, code: int, kept: list[str]) -> None:
    replacements = Replacements(KEY)
    messages = MessageRedactor(replacements, KeptKinds(), SqlRedactor(replacements, KeptKinds()))
    made = messages.error(text.encode(), code, None).decode()
    assert SECRET not in made
    assert len(made) == len(text)
    assert all(piece in made for piece in kept)
