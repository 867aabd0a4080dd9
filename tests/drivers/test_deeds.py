"""The comparison of commands with a log and with steps: it has to see what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.drivers import DRIVERS
from tests.drivers.cases import Told
from tests.drivers.deeds import against_log, against_steps, literals, same_value

INSERT = "INSERT INTO t VALUES (?, ?)"


def row(command: str, statement: str, **more: Any) -> dict[str, Any]:
    """A line of `handshark commands`."""
    empty = dict.fromkeys(("parameters", "error", "rows", "result_sets", "affected_rows"))
    return {"number": 0, "command": command, "statement": statement, "complete": True, **empty, **more}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INSERT INTO t VALUES (1, 'it\\'s')", ["1", "it's"]),
        ("INSERT INTO t VALUES (NULL, _binary'\\0x')", [None, "\0x"]),
        ("INSERT INTO t VALUES (DATE'2024-02-29', -2.5e3)", ["2024-02-29", "-2.5e3"]),
        ("INSERT INTO t VALUES ('a, b', '')", ["a, b", ""]),
        ("INSERT INTO u VALUES (1, 2)", None),
        ("INSERT INTO t VALUES (1, 2, 3)", None),
    ],
)
def test_literals(text: str, found: list[str | None] | None) -> None:
    assert literals(INSERT, text) == found


@pytest.mark.parametrize(
    ("said", "logged", "same"),
    [
        (1, "1", True),
        (1, "2", False),
        (2.5, "2.5e0", True),
        (None, None, True),
        (None, "", False),
        ("-0.12e2", "-12", True),
        ("2024-12-31 23:59:58.25", "2024-12-31 23:59:58.250000", True),
        ("2024-12-31 23:59:58.25", "2024-12-31 23:59:58.35", False),
        ("0x00ff", "\0\\xFF", True),
        ("0x00fe", "\0\\xFF", False),
        ("text", "Text", False),
    ],
)
def test_same_value(said: Any, logged: str | None, same: bool) -> None:
    assert same_value(said, logged) is same


LOG = [("Connect", "a@b on c using TCP/IP"), ("Query", "SELECT 1"), ("Query", "SELECT 2"), ("Prepare", INSERT)]
LOG += [("Execute", "INSERT INTO t VALUES (1, 'x')")]
ROWS = [
    row("query", "SELECT 1; SELECT 2"),
    row("stmt_prepare", INSERT),
    row("stmt_execute", INSERT, parameters=[1, "x"]),
]


def test_a_log_that_fits() -> None:
    assert list(against_log(ROWS, LOG, broken=False)) == []
    broken = row("query", "SELEC 1", error={"code": 1064})
    assert list(against_log([broken, *ROWS], LOG, broken=False)) == []
    assert list(against_log([broken, *ROWS], LOG, broken=True)) != []


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[1:],
        ROWS[:-1],
        [row("query", "SELECT 1; SELECT 3"), *ROWS[1:]],
        [*ROWS[:-1], row("stmt_execute", INSERT, parameters=[2, "x"])],
        [*ROWS[:-1], row("stmt_execute", INSERT, parameters=[1])],
        [*ROWS, row("query", "SELECT 3")],
    ],
)
def test_a_log_that_does_not_fit(rows: list[dict[str, Any]]) -> None:
    assert list(against_log(rows, LOG, broken=False)) != []


def told(*steps: list[Any]) -> Told:
    return Told(DRIVERS[0], {"steps": list(steps)}, {})


@pytest.mark.parametrize(
    ("step", "seen", "right"),
    [
        (["query", "SELECT 1", 1], row("query", "SELECT 1", rows=1), True),
        (["query", "SELECT 1", 1], row("query", "SELECT 1", rows=2), False),
        (["query", "SELECT 1", 1], row("query", "SELECT 2", rows=1), False),
        (["query", "DO 1", 0], row("query", "DO 1"), True),
        (["fails", "SELEC", 1064], row("query", "SELEC", error={"code": 1064}), True),
        (["fails", "SELEC", 1064], row("query", "SELEC"), False),
        (["load", "LOAD", 3], row("query", "LOAD", affected_rows=3), True),
        (["load", "LOAD", 3], row("query", "LOAD", affected_rows=2), False),
        (["multi", "A; B", [1, 0]], row("query", "A; B", result_sets=[{"rows": 1}, {"rows": None}]), True),
        (["multi", "A; B", [1, 1]], row("query", "A; B", result_sets=[{"rows": 1}, {"rows": None}]), False),
        (["together", ["A"], [2]], row("query", "A", rows=2), True),
        (["cursor", "A", 2, 4], row("stmt_fetch", "A", rows=2), False),
        (["query", "SELECT 1", 1], row("query", "SELECT 1", rows=1, complete=False), False),
    ],
)
def test_steps(step: list[Any], seen: dict[str, Any], right: bool) -> None:
    assert (list(against_steps([seen], told(step))) == []) is right
