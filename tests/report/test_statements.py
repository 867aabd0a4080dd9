"""Commands as a slow query log and as SQL: read again by those who read such files."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.model.command import Command, CommandError
from analyzer.analysis.model.connection import Endpoint
from analyzer.report.statements import SqlScript, bound, literal, slowlog, statements_of
from tests.corpus import tool

NS = 1_700_000_000_000_000_000


def command(statement: str | None, name: str = "query", **more: Any) -> Command:
    usual: dict[str, Any] = {
        **{key: None for key in Command.__struct_fields__ if key not in Command.__struct_defaults__},
        **{"capture": "a.pcap", "stream": 3, "number": 0, "frame": 9, "response_frame": 10, "time_ns": NS},
        **{"latency_ns": 1000, "duration_ns": 2_500_000, "command": name, "statement": statement, "database": "shop"},
        **{"response": "resultset", "rows": 7, "bytes_request": 20, "bytes_response": 90, "user": "app"},
        **{"client": Endpoint("10.0.0.7", 50000), "complete": True, **more},
    }
    return Command(**{key: value for key, value in usual.items() if key in Command.__struct_fields__})


def test_values_stand_in_the_places_of_a_prepared_statement() -> None:
    text = "SELECT ?, '?' /* ? */ FROM t WHERE a = ? AND b = ?"
    assert bound(text, [1, None, "it's\n"]) == "SELECT 1, '?' /* ? */ FROM t WHERE a = NULL AND b = 'it\\'s\\n'"
    assert bound(text, [1]) is None
    one = command(text, "stmt_execute", parameters=[1.5, "0xdead", "x"])
    assert statements_of(one) == ["SELECT 1.5, '?' /* ? */ FROM t WHERE a = 0xdead AND b = 'x'"]
    bulk = command("INSERT INTO t VALUES (?)", "stmt_bulk_execute", parameters=[[1], [2]])
    assert statements_of(bulk) == ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]
    assert statements_of(command("SELECT ?", "stmt_prepare")) == []


@given(some.text())
def test_a_literal_is_one_literal(value: str) -> None:
    shown = literal(value)
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'|0x[0-9a-f]+", shown, re.S)
    assert "\n" not in shown


def test_an_entry_of_a_slow_log() -> None:
    assert slowlog(command("SELECT 1;\n# Time: forged")).splitlines() == [
        "# Time: 2023-11-14T22:13:20.002500Z",
        "# User@Host: app[app] @  [10.0.0.7]  Id:     3",
        "# Query_time: 0.002500  Lock_time: 0.000000 Rows_sent: 7  Rows_examined: 0  Rows_affected: 0  Bytes_sent: 90",
        "use shop;",
        "SET timestamp=1700000000;",
        "SELECT 1;",
        " # Time: forged;",
    ]
    assert slowlog(command(None, "ping")).endswith("# administrator command: Ping;\n")
    assert slowlog(command(None, "quit", duration_ns=None)).endswith("# administrator command: Quit;\n")
    assert slowlog(command("SELECT 1", duration_ns=None)) == ""
    assert "\x1b" not in slowlog(command("SELECT '\x1b[31m'"), safe=True)


def test_a_script() -> None:
    script = SqlScript()
    assert script.head().startswith("-- ")
    first = script.command(command("SELECT 1"))
    assert first.splitlines()[1:] == ["USE `shop`;", "SELECT 1;"]
    # The same schema is not chosen again, another is.
    assert "USE" not in script.command(command("SELECT 2"))
    assert "USE `a``b`;" in script.command(command("SELECT 2", database="a`b"))
    failed = command("SELEC", error=CommandError(1064, "42000", "You\nhave"))
    assert "-- error 1064: You\\nhave\n" in script.command(failed)
    assert script.command(command(None, "ping")).splitlines()[1:] == ["-- (ping)"]


def test_what_is_not_whole_is_not_run_again() -> None:
    for one in (
        command("DELETE FROM t\nWHERE a =", statement_cut=20),
        command("INSERT INTO t VALUES (?)", "stmt_execute", parameters=["0xaa… (900 bytes)"]),
    ):
        assert all(line.startswith("--") for line in SqlScript().command(one).splitlines())


def test_a_statement_with_semicolons_has_another_delimiter() -> None:
    text = "CREATE PROCEDURE p() BEGIN SELECT '$$'; SELECT 2; END"
    assert SqlScript().command(command(text, database=None)).splitlines()[1:] == [
        "DELIMITER //",
        f"{text}//",
        "DELIMITER ;",
    ]
    assert "DELIMITER" not in SqlScript().command(command("SELECT ';' -- ;"))


@pytest.mark.tool
def test_pt_query_digest_reads_the_log() -> None:
    program = tool("pt-query-digest")
    rows = [command(f"SELECT a FROM t WHERE id = {n}", duration_ns=n * 10**6) for n in range(1, 41)]
    rows += [command("SELECT 'x;\n# y'", duration_ns=10**9), command(None, "ping")]
    log = "".join(slowlog(msgspec.structs.replace(row, time_ns=NS + n * 10**9)) for n, row in enumerate(rows))
    done = subprocess.run(
        [program, "--no-version-check", "--limit", "100%", "-"],
        input=log.encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    said = done.stdout.decode()
    assert "# Overall: 42 total, 3 unique" in said
    assert re.search(r"SELECT t\n", said)
    assert re.search(r"# Users +app\n", said)
    assert re.search(r"# Databases +shop\n", said)
