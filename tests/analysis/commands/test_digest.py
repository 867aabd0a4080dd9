"""Statements without their literals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.commands.digest import LONGEST, Digests, alike_of

CASES = {
    "SELECT c FROM t WHERE id=5": "SELECT c FROM t WHERE id = ?",
    "select  c\nfrom t where id = -7 -- why": "SELECT c FROM t WHERE id = ?",
    "INSERT INTO t VALUES (1,'a',-2.5,x'00ff',NULL),(2,\"b''c\",3,b'1',TRUE)": "INSERT INTO t VALUES (...) /* , ... */",
    "insert into t(a) values (1),(2),(3)": "INSERT INTO t (a) VALUES (?) /* , ... */",
    "SELECT a-1 FROM db.t WHERE x IN (1,2,3) LIMIT 10, 20": "SELECT a - ? FROM db.t WHERE x IN (...) LIMIT ?, ?",
    "SELECT * FROM `a b` WHERE x IN (5)": "SELECT * FROM `a b` WHERE x IN (?)",
    "CALL p(1, @a)": "CALL p (?, @a)",
    "SELECT 'it''s', \"a\\\"b\"": "SELECT ?, ?",
    "SET autocommit=1;": "SET autocommit = ?",
    "/*!40101 SET NAMES utf8 */": "/*!40101 SET NAMES utf8 */",
    "SELECT c FROM t WHERE a = ?": "SELECT c FROM t WHERE a = ?",
}


@pytest.mark.parametrize(("statement", "digest"), CASES.items())
def test_literals_are_left_out(statement: str, digest: str) -> None:
    assert Digests().of(statement) == digest


def test_a_long_insert_shows_its_shape() -> None:
    statement = "INSERT INTO t VALUES " + ",".join(f"({i},'some text')" for i in range(100_000))
    digest = Digests().of(statement)
    assert digest.startswith("INSERT INTO t VALUES (...) /* , ... */")
    assert len(digest) < 100


@given(some.text(max_size=200))
def test_any_text_has_a_digest_that_is_always_the_same(text: str) -> None:
    digests = Digests()
    assert digests.of(text) == digests.of(text) == Digests().of(text)


@given(some.integers(0, 1 << 62), some.text(some.characters(exclude_characters="'\\"), max_size=50))
def test_values_make_no_difference(number: int, text: str) -> None:
    statement = f"UPDATE t SET a = {number}, b = '{text}' WHERE c IN ({number}, {number})"
    assert Digests().of(statement) == "UPDATE t SET a = ?, b = ? WHERE c IN (...)"


def test_of_what_is_no_sql_the_literals_are_left_out_and_the_rest_is_bounded() -> None:
    assert Digests().of("what 'unclosed  \n quote") == "what ?"
    assert Digests().of("what 12  \n 'is' `that") == "what ? ? `that"
    assert len(Digests().of("'" * (LONGEST * 3 + 1))) < LONGEST + 10


@pytest.mark.parametrize("length", [10, LONGEST - 30, LONGEST - 5, LONGEST, LONGEST + 40, 3 * LONGEST])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_statement_that_is_longer_than_what_is_looked_at_shows_no_literal(length: int, quote: str) -> None:
    filler = "x" * length
    for statement in (
        f"SELECT {quote}{filler} planted{quote}, {quote}planted{quote}",
        f"SELECT /*{filler}*/ {quote}planted{quote} FROM t",
        f"INSERT INTO t VALUES ({quote}a{quote}),({quote}planted {filler}{quote}),({quote}planted{quote})",
    ):
        assert "planted" not in Digests().of(statement)


@pytest.mark.parametrize(
    "statement",
    [
        r"SELECT * FROM t WHERE a = 'x' AND b = 'planted' AND c = 'y'",
        r"INSERT INTO t VALUES ('a', 'planted', 'b', 'planted')",
        r"""SELECT 'a'', "planted", 'b'""",
    ],
)
def test_no_reading_of_a_backslash_shows_a_literal(statement: str) -> None:
    assert "planted" not in Digests().of(statement)


WORDS = ("SELECT", "t1", "a.b", "x", "_utf8", "n", "IN", "(", ")", ",", "=", "<=>", "-", "+", "*", ".", ";", "?")
ODD = (" ", "\n", "  ", "0x1F", "1e5", "1.5", ".5", "5.", "$1", "1a", "null", "@v", "`q 1`", '"d"', "\\", "#", "/")
PIECES = some.one_of(
    some.sampled_from(WORDS),
    some.sampled_from(ODD),
    some.integers(0, 1 << 70).map(str),
    some.text("ab' 1-\u00e9", max_size=6).map(lambda text: "'" + text.replace("'", "''") + "'"),
)


@given(some.lists(PIECES, max_size=30).map("".join) | some.lists(PIECES, max_size=30).map(" ".join))
def test_what_is_taken_for_alike_has_one_digest(statement: str) -> None:
    # With a remark behind it nothing is alike.
    assert alike_of(statement + "\n-- remark") == statement + "\n-- remark"
    assert Digests().of(statement) == Digests().of(statement + "\n-- remark")


def test_statements_that_differ_in_values_are_alike() -> None:
    alike = {alike_of(f"UPDATE t1 SET a = {n}, b = '{'x' * n}' WHERE c2 = -{n}") for n in range(30)}
    assert alike == {"UPDATE t1 SET a = 0, b = '' WHERE c2 = -0"}
    assert len({alike_of(f"SELECT c FROM t{n} WHERE x{n} = @v{n}") for n in range(30)}) == 30


def test_where_none_are_alike_each_has_its_own_digest() -> None:
    digests = Digests()
    for number in range(3000):
        assert digests.of(f"SELECT c{number} FROM t WHERE x = {number}") == f"SELECT c{number} FROM t WHERE x = ?"
    for number in range(3000):
        assert digests.of(f"SELECT c FROM t WHERE x = {number}") == "SELECT c FROM t WHERE x = ?"
