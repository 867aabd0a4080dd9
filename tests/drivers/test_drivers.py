"""Clients nobody here wrote, against real servers, under tcpdump: what they know is what the analyzer says."""

from __future__ import annotations

from collections import Counter

import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.analysis.findings.catalog import TABLE
from tests.corpus import give_up
from tests.drivers import BASE, DRIVERS
from tests.drivers.cases import ERRORS, STEPS
from tests.drivers.known import DESERVED, DIFFERENCES, ENDINGS, EVERY
from tests.drivers.report import Comparison, compare_all, markdown
from tests.drivers.run import NOT_IN_CI, Unusable, left_out
from tests.servers import require_servers
from tests.servers.accounts import EVERY as SERVERS

NAMES = [driver.name for driver in DRIVERS]
# What they call themselves in their attributes.
HELD_OUT = {"MySQL Connector/J 8.3": "MySQL Connector/J"}


@pytest.fixture(scope="module")
def done() -> Comparison:
    try:
        return compare_all(require_servers())
    except Unusable as problem:
        give_up(str(problem))
        raise


@pytest.mark.server
@pytest.mark.tool
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("driver", NAMES)
def test_every_case_agrees(done: Comparison, driver: str, server: str) -> None:
    if driver in done.missing:
        runner = next(each.runner for each in DRIVERS if each.name == driver)
        if runner in NOT_IN_CI:
            pytest.skip(done.missing[driver])
        give_up(done.missing[driver])
    if server not in done.servers:
        give_up(f"{server} is not running")
    if left_out(next(each for each in DRIVERS if each.name == driver), server):
        pytest.skip("left out of CI, for its time: set HANDSHARK_DRIVERS=all")
    flavor = "mysql" if server.startswith("mysql") else "mariadb"
    if flavor not in next(each.only for each in DRIVERS if each.name == driver):
        pytest.skip(f"it can not log in to {server}")
    verdicts = [each for each in done.verdicts if (each.told.driver.name, each.server) == (driver, server)]
    assert len(verdicts) >= len(BASE) - 1
    assert [f"{each.told.case['name']}: {line}" for each in verdicts for line in each.differences] == []


@pytest.mark.server
@pytest.mark.tool
@pytest.mark.parametrize("server", SERVERS)
def test_tshark_sees_the_same(done: Comparison, server: str) -> None:
    if server not in done.servers:
        give_up(f"{server} is not running")
    seen = done.tshark[server]
    assert seen.differences == []
    assert min(seen.compared[name] for name in ("mysql.user", "mysql.version", "mysql.error_code")) > 0


@pytest.mark.server
@pytest.mark.tool
def test_the_cases_are_what_their_names_say(done: Comparison) -> None:
    """Else everything could agree because nothing happened."""
    connections = [(each.told.case["name"], each.server, each.connection) for each in done.verdicts]
    outcomes = Counter((name, each["outcome"]) for name, _, each in connections if each)
    assert outcomes["accepted", "accepted"] > 0
    assert outcomes["wrong password", "rejected"] > 0
    assert outcomes["TLS", "accepted"] > 0
    if "mysql97" in done.servers:
        logins = [each for _, server, each in connections if each and each["login"] and server == "mysql97"]
        ways = {each["authentication"]["path"] for each in logins}
        assert {"fast", "full"} <= ways
    commands = Counter(name for _, _, each in connections if each for name in each["commands"])
    assert {"query", "ping", "quit", "stmt_prepare", "stmt_execute", "change_user", "reset_connection"} <= set(commands)
    assert f"of {len(done.verdicts)} connections agreed" in "\n".join(markdown(done))


@pytest.mark.server
@pytest.mark.tool
def test_releases_that_the_table_never_saw_are_recognised(done: Comparison) -> None:
    """Without their attributes, by what they offer."""
    held = {driver.name: driver.known_as or HELD_OUT[driver.name] for driver in DRIVERS if driver.held_out}
    assert held
    for name, known in held.items():
        if name not in done.missing:
            assert set(done.taken_for[name]) == {known}, (name, done.taken_for[name])


@pytest.mark.server
@pytest.mark.tool
def test_a_wrong_analyzer_would_be_noticed(done: Comparison) -> None:
    """The comparison itself: another user, outcome, command or attribute is a difference."""
    verdict = next(each for each in done.verdicts if each.told.case["name"] == "accepted" and each.agreed)
    connection = verdict.connection
    assert connection is not None
    said = {"user": "other", "outcome": "rejected", "commands": {}, "login": {"attributes": {}}, "error": {"code": 1}}
    assert len(compare(connection, said)) == len(said)


def test_the_tables_name_what_exists() -> None:
    for driver in DRIVERS:
        assert set(driver.cases) <= set(STEPS)
    assert set(ERRORS) <= set(STEPS)
    for ending in ENDINGS:
        assert ending.driver in NAMES
        assert set(ending.cases) <= {*STEPS, EVERY}
        assert ending.reason
    for right in DESERVED:
        assert (right.driver in NAMES, right.server in SERVERS, bool(right.reason)) == (True, True, True)
        assert right.code in {rule.code for rule in TABLE}
    for row in DIFFERENCES:
        assert row.driver in (*NAMES, EVERY)
        assert row.server in (*SERVERS, EVERY)
        assert row.case in (*STEPS, EVERY)
        assert row.reason
