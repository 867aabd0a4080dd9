"""All connections of a run together."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.connection.fleet import KINDS, RULES, Fleet
from analyzer.analysis.model.connection import Connection
from analyzer.report.text.fleet import FleetText, as_json
from tests.analysis.traffic import analyse
from tests.wire.mysql import NATIVE, NONCE, err, greeting, login, ok, switch
from tests.wire.script import ACCEPTED, GOODBYE, conversation

NATIVE_LOGIN = [
    ("s", greeting()),
    ("c", login()),
    ("s", switch(2, NATIVE)),
    ("c", b"\x14\x00\x00\x03" + NONCE),
    ("s", ok(4)),
    *GOODBYE,
]
REFUSED = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied", "28000")), *GOODBYE[1:]]


def connections() -> list[Connection]:
    found = []
    for number, script in enumerate([[*ACCEPTED, *GOODBYE], NATIVE_LOGIN, REFUSED, [*ACCEPTED, *GOODBYE]]):
        found += analyse(conversation(script, client=("10.0.0.1", 50000 + number)))
    return found


def fleet(found: list[Connection]) -> Fleet:
    whole = Fleet()
    for connection in found:
        whole.add(connection)
    return whole


def test_what_is_counted() -> None:
    whole = fleet(connections())
    assert whole.most("outcome") == [("accepted", 3), ("rejected", 1)]
    assert dict(whole.most("plugin"))["mysql_native_password"] == 1
    assert whole.most("user") == [("app", 4)]
    assert whole.most("cause") == [("access-denied", 1)]
    assert whole.times["total_ns"].count == 3
    assert whole.unencrypted == 4


def test_what_an_upgrade_would_break() -> None:
    broken = fleet(connections()).breakages()
    found = {(each.target, each.what): (each.connections, each.users) for each in broken}
    assert found["MySQL 9.x", "mysql_native_password"] == (1, ["app"])
    assert all(each.source for each in broken)
    assert {rule.kind for rule in RULES} <= set(KINDS)


def test_mariadb_has_caching_sha2_password_as_a_plugin_to_install() -> None:
    broken = fleet(connections()).breakages()
    (one,) = [each for each in broken if each.target == "MariaDB 11.8" and each.what == "caching_sha2_password"]
    assert "11.8.4" in one.why
    assert "auth_mysql_sha2" in one.why
    ours = analyse(conversation([("s", greeting("5.5.5-11.8.6-MariaDB")), *ACCEPTED[1:], *GOODBYE]))
    assert "caching_sha2_password" not in {each.what for each in fleet(ours).breakages()}


def test_nothing_breaks_where_nothing_is_old() -> None:
    whole = fleet(analyse(conversation([*ACCEPTED, *GOODBYE])))
    assert [each for each in whole.breakages() if "MySQL" in each.target] == []


@given(some.lists(some.integers(0, 3), max_size=8), some.lists(some.integers(0, 3), max_size=8))
def test_parts_that_are_merged_are_as_the_whole(one: list[int], two: list[int]) -> None:
    known = CONNECTIONS
    merged = fleet([known[index] for index in one])
    merged.merge(fleet([known[index] for index in two]))
    assert as_json(merged) == as_json(fleet([known[index] for index in one + two]))


def test_text_and_json_say_the_same() -> None:
    whole = fleet(connections())
    lines: list[str] = []
    FleetText(lines.append).whole(whole)
    text = "".join(lines)
    assert max(map(len, text.splitlines())) <= 80
    content = json.loads(as_json(whole))
    assert content["plugin"]["mysql_native_password"] == 1
    assert "mysql_native_password" in text
    assert content["times"]["total"]["count"] == 3


CONNECTIONS = connections()
