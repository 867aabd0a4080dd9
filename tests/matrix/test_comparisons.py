"""The matrix's own comparisons do find differences: a matrix that can not fail proves nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from analyzer.analysis.verify import compare
from tests.matrix.running import compare_captures
from tests.matrix.serverside import compare_log
from tests.matrix.test_samples import analysed, truth

PAIR: Final = ("mysql97_raw_fast-auth", "mysql97_raw_tcpdump-fast-auth")
Json = dict[str, Any]
Change = Callable[[Json], object]


def view(connection: Json) -> Json:
    """What the server's log would have of a connection."""
    login = connection["login"]
    commands = {name: count for name, count in connection["commands"].items() if name != "ping"}
    encrypted = connection["tls"] is not None
    return {"user": login["user"], "database": login["database"], "encrypted": encrypted, "commands": commands}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda log: log.update(user="other"), "user"),
        (lambda log: log.update(database=None), "database"),
        (lambda log: log.update(encrypted=True), "tls"),
        (lambda log: log["commands"].update(query=7), "commands"),
    ],
)
def test_a_log_that_says_otherwise(change: Change, where: str) -> None:
    connection = analysed(PAIR[0])
    log = view(connection)
    assert compare_log(connection, log) == []
    change(log)
    (difference,) = compare_log(connection, log)
    assert difference.startswith(where)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda each: each.update(outcome="rejected"), "outcome"),
        (lambda each: each["commands"].update(ping=1), "commands"),
        (lambda each: each["login"].update(user="other"), "login.user"),
        (lambda each: each["authentication"]["steps"].pop(), "authentication.steps"),
        (lambda each: each["tcp"].update(bytes_from_server=1), "tcp.bytes_from_server"),
        (lambda each: each["findings"].append({"code": "capture-gap"}), "findings"),
    ],
)
def test_two_captures_that_differ(change: Change, where: str) -> None:
    recorded = analysed(PAIR[0])
    captured = copy.deepcopy(recorded)
    # Frame numbers are the capture's own.
    captured["greeting"]["frame"] += 10
    assert compare_captures(recorded, captured) == []
    change(captured)
    (difference,) = compare_captures(recorded, captured)
    assert difference.startswith(where)


def test_a_truth_of_another_connection() -> None:
    differences = compare(analysed(PAIR[0]), truth(PAIR[1]))
    assert {line.split(":")[0] for line in differences} >= {"connection_id", "client.port"}
