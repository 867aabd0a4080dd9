"""Query ids: those of pt-query-digest, which is asked where it is installed."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.commands.query_id import LONGEST, fingerprint, query_id
from tests.corpus import tool

# Statement -> fingerprint, as pt-query-digest 3.2 said.
KNOWN = {
    "SELECT a, b FROM users WHERE id = 500": "select a, b from users where id = ?",
    "select * from t where a = 'x\\'y' and c in (1,2,3)": "select * from t where a = ? and c in(?+)",
    "INSERT INTO t (a,b) VALUES (1,'a'),(2,'b')": "insert into t (a,b) values(?+)",
    "SELECT /* hi */ 1 -- trailing": "select ? ",
    "USE shop": "use ?",
    "CALL proc(1,2)": "call proc",
    "SELECT * FROM t WHERE a IS NULL AND b = TRUE LIMIT 10, 20": "select * from t where a is ? and b = ? limit ?",
    "SELECT * FROM t ORDER BY a ASC, b DESC LIMIT 5 OFFSET 10": "select * from t order by a, b desc limit ?",
    "select a from t union all select a from t": "select a from t /*repeat union all*/",
    "SELECT * FROM t1 WHERE x = 0xff AND y = -1.5e3": "select * from t? where x = ? and y = ?",
    "SELECT /*!40001 SQL_NO_CACHE */ * FROM `users`": "mysqldump",
    "SELECT a\n\t FROM db.t WHERE b = 1.5": "select a from db.t where b = ?",
}
MORE = (
    "select * from `t` where `a`=?",
    "SELECT * FROM t WHERE (a,b) IN ((1,2),(3,4))",
    "REPLACE INTO t VALUES (1,2), (3,4)",
    "SELECT @@version_comment LIMIT 1",
    "insert into t values (null, default, 1.5)",
    "SELECT a FROM t WHERE b='--x' -- y",
    "UPDATE t SET a = a + 1, b = 'it''s' WHERE id=17",
    "SELECT COUNT(*) FROM foo_2024.bar WHERE dt BETWEEN '2024-01-01' AND '2024-02-01'",
    "SELECT x'41', b'01', N'x'",
    "SELECT É, 'x' FROM Tablé",
)
PIECES = some.sampled_from(
    [
        *("SELECT ", "a", " FROM t", " WHERE x = ", "'it''s'", "12", "-1.5e3", " IN (1, 2)", " ORDER BY b ASC", "NULL"),
        *(
            " LIMIT 1, 2",
            " /* c */ ",
            " # c\n",
            "-- c\n",
            "values (1),(2)",
            " union all select a",
            "TRUE",
            '"q"',
            "`n`",
        ),
        *(", ", "\n", "\\'", "0xAF"),
    ]
)


@pytest.mark.parametrize("statement", KNOWN)
def test_fingerprints(statement: str) -> None:
    assert fingerprint(statement) == KNOWN[statement]


def asked(statements: list[str]) -> dict[str, str]:
    """id -> fingerprint, as pt-query-digest says of a slow query log of the statements."""
    entries = "".join(
        f"# Time: 2024-01-01T00:00:00Z\n# User@Host: a[a] @ h [10.0.0.1]\n"
        f"# Query_time: 1.0  Lock_time: 0.0 Rows_sent: 0  Rows_examined: 0\nSET timestamp=1700000000;\n{one};\n"
        for one in statements
    )
    program = tool("pt-query-digest")
    done = subprocess.run(
        [program, "--type", "slowlog", "--limit", "100%", "--output", "json", "--no-version-check", "-"],
        input=entries.encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    text = done.stdout.decode()
    return {one["checksum"]: one["fingerprint"] for one in json.loads(text[text.index("{") :])["classes"]}


@pytest.mark.tool
def test_pt_query_digest_says_the_same() -> None:
    statements = [*KNOWN, *MORE]
    # Behind the last entry it sees one more, which is empty.
    theirs = {key: value for key, value in asked(statements).items() if value}
    # Older releases have the last 16 digits.
    digits = len(next(iter(theirs)))
    assert set(theirs) == {(query_id(one) or "")[-digits:] for one in statements}


@given(some.lists(PIECES, max_size=12).map("".join))
def test_an_id_is_one_of_32_digits_and_literals_do_not_matter(statement: str) -> None:
    found = query_id(statement)
    assert found is not None
    assert len(found) == 32
    assert query_id(statement.replace("12", "777")) == found


def test_of_what_is_cut_or_too_long_there_is_none() -> None:
    assert query_id("SELECT a FROM t WHERE b = ", whole=False) is None
    rows = "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3"
    assert query_id(rows, whole=False) == query_id("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    assert query_id("SELECT '" + "a" * LONGEST + "'") is None


def test_no_statement_takes_long() -> None:
    """Of patterns that go back and forth one gives up, and says that there is no id."""
    hostile = "select a from t " * 3000
    assert query_id(hostile) is None or len(query_id(hostile) or "") == 32
