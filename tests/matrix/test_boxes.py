"""Proxies in front of real servers: both sides of them are what the driver and the server know."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.connection.truth import compare
from tests.corpus import give_up
from tests.drivers.cases import Told
from tests.drivers.compare import as_logged
from tests.drivers.deeds import against_log, listed
from tests.drivers.install import InstallError, install
from tests.drivers.run import in_ci
from tests.drivers.truth import truth, went_wrong
from tests.matrix.boxes import CASES, Lossy, NoCapture, Passed, clients, legs, log_of, now, pass_through
from tests.reading import connections_of
from tests.servers import Server, require_servers
from tests.servers.accounts import account
from tests.servers.boxes import (
    BOXES,
    CHECKS,
    EVERY,
    PASSED_ON,
    RE_ENCRYPTED,
    SHARED,
    SOURCE,
    TLS,
    Box,
    running,
)
from tests.servers.capturing import tcpdump
from tests.servers.own import own_account
from tests.servers.packages import SetupError

pytestmark = [pytest.mark.server, pytest.mark.tool]
ROUNDS = 8


def passed(box: Box, server: Server, place: Path, *, tls: bool = True) -> tuple[Passed, list[dict[str, Any]]]:
    """What went through a box, and what the analyzer says of it."""
    try:
        install("python")
        drivers = clients(tls=tls)
        if not tls and server.flavor == "mysql":
            # Where no login in TLS came before, mysql-connector-python's does not succeed (`known.ENDINGS`).
            drivers = drivers[:1]
        done = pass_through(box, server, place, drivers)
    except (NoCapture, SetupError, InstallError) as problem:
        give_up(str(problem))
    # Where TLS comes before the greeting, nothing but the port says that it is MySQL.
    options = AnalysisOptions(keylogs=done.keylogs, ports=frozenset({3306, done.made.inner}))
    found = connections_of(done.capture, options)
    return done, [msgspec.to_builtins(connection) for connection in found]


def differences(done: Passed, connections: list[dict[str, Any]], count: int) -> list[str]:
    """Where one of a case's `count` connections is not what driver and server know."""
    wrong: list[str] = []
    for told in done.told:
        both = legs(connections, told)
        title = f"{told.driver.name}, {told.case['name']}"
        wrong += [f"{title}: {line}" for line in went_wrong(told)]
        if len(both) != count:
            wrong.append(f"{title}: {len(both)} connections")
        for number, connection in enumerate(both):
            log = done.log.get(connection["greeting"]["connection_id"], [])
            known = truth(told, log, done.plugin)
            if connection["server"]["port"] == done.made.inner:
                del known["tls"]  # of the boxes, not of the driver
            wrong += [f"{title}, connection {number}: {line}" for line in compare(as_logged(connection), known)]
    return wrong


@pytest.mark.parametrize("box", BOXES, ids=[box.name for box in BOXES])
def test_both_sides_of_a_proxy(box: Box, tmp_path: Path) -> None:
    """Plain text, TLS that is passed through, and the PROXY header that the server gets and the client never sends."""
    (server,) = require_servers("mariadb118")
    done, connections = passed(box, server, tmp_path)
    assert {told.case["name"] for told in done.told} == set(CASES)
    assert differences(done, connections, 2) == []
    for told in done.told:
        front, back = sorted(legs(connections, told), key=lambda each: each["server"]["port"] == server.port)
        assert (front["server"]["port"], back["server"]["port"]) == (done.made.port, server.port)
        assert back["client"]["address"] == SOURCE
        assert front["proxy"] is None
        if box.proxy is None:
            assert back["proxy"] is None
        else:
            header = back["proxy"]
            assert header["version"] == box.proxy
            assert (header["client"], header["server"]) == (front["client"], front["server"])


@pytest.mark.parametrize("box", BOXES[1:3], ids=[box.name for box in BOXES[1:3]])
def test_a_header_that_the_server_does_not_take(box: Box, tmp_path: Path) -> None:
    """MySQL knows no PROXY protocol."""
    (server,) = require_servers("mysql97")
    done, connections = passed(box, server, tmp_path)
    assert all("connection_id" not in told.result and told.result["message"] for told in done.told)
    # Others use that server, too.
    refused = [
        each for each in connections if (each["client"]["address"], each["server"]["port"]) == (SOURCE, server.port)
    ]
    assert len(refused) >= len(done.told)
    for connection in refused:
        assert connection["outcome"] in ("rejected", "aborted")
        assert "proxy-header-refused" in {finding["code"] for finding in connection["findings"]}


@pytest.mark.parametrize(
    ("box", "name"),
    [(CHECKS[0], "mysql97"), (CHECKS[1], "mysql97"), (CHECKS[1], "mariadb1011")],
    ids=["tcp check, mysql97", "mysql-check, mysql97", "mysql-check, mariadb1011"],
)
def test_health_checks(box: Box, name: str, tmp_path: Path) -> None:
    """Every check is told of as one, with its rhythm, and there are as many as the server knows."""
    (server,) = require_servers(name)
    capture = tmp_path / "checks.pcap"
    since = now(server)
    try:
        with (
            own_account(server, replace(account("nopw"), name="haproxy")) as who,
            running(box, server, who.name) as made,
            tcpdump(capture, made.host, server.port, cannot=NoCapture, lossy=Lossy),
        ):
            time.sleep(ROUNDS * EVERY / 1000)
    except (NoCapture, SetupError) as problem:
        give_up(str(problem))
    words = [sys.executable, "-m", "analyzer", "analyze", "--format", "jsonl"]
    words += ["--port", str(server.port), str(capture)]
    said = subprocess.run(words, capture_output=True, check=False, timeout=60)
    checks = [each for each in map(json.loads, said.stdout.splitlines()) if each["client"]["address"] == SOURCE]
    assert len(checks) >= ROUNDS // 2  # a busy machine makes fewer in the time
    whole = checks[:-1]  # the box may have been ended in the last
    for connection in whole:
        (finding,) = [finding for finding in connection["findings"] if finding["code"] == "health-check"]
        assert re.search(r"one every (?:4[5-9]|5\d)\d ms", finding["message"]), finding["message"]
        graver = [other["code"] for other in connection["findings"] if other["severity"] != "info"]
        # HAProxy's login knows no plugin but mysql_native_password, which MySQL 9 no longer has.
        assert graver == (["plugin-unsupported"] if "mysql-check" in box.name and name == "mysql97" else [])
    if "mysql-check" in box.name:
        log = log_of(server, since)
        logins = {thread for thread, rows in log.items() if rows[0][0] == "Connect"}
        seen = {each["greeting"]["connection_id"] for each in whole if each["greeting"]}
        assert seen
        assert seen <= logins
        ends = {(each["outcome"], each["error"] and each["error"]["code"]) for each in whole}
        assert ends == {("rejected", 1251) if name == "mysql97" else ("accepted", None)}
        assert {each["login"]["user"] for each in whole if each["login"]} == {who.name}


@pytest.mark.parametrize("name", ["mysql97", "mariadb118"])
def test_stunnel_on_both_ends(name: str, tmp_path: Path) -> None:
    """Plain text to the outer end, TLS from the first byte between the two, plain text to the server."""
    (server,) = require_servers(name)
    done, connections = passed(TLS, server, tmp_path, tls=False)
    assert differences(done, connections, 3) == []
    middle = [each for each in connections if each["server"]["port"] == done.made.inner]
    assert len(middle) == len(done.told)
    assert all(connection["tls"]["decrypted"] for connection in middle)
    bare = connections_of(done.capture, AnalysisOptions(ports=frozenset({3306, done.made.inner})))
    hidden = [each for each in bare if each.server.port == done.made.inner]
    assert [(each.outcome, each.login, each.greeting) for each in hidden] == [("encrypted", None, None)] * len(middle)


def test_tls_in_tls(tmp_path: Path) -> None:
    """What MySQL says in TLS of its own within stunnel's is not read, and not said to be."""
    (server,) = require_servers("mysql97")
    done, connections = passed(TLS, server, tmp_path)
    inside = [told for told in done.told if told.case["tls"]]
    assert inside
    for told in inside:
        outcomes = Counter((each["server"]["port"], each["outcome"]) for each in legs(connections, told))
        assert outcomes[done.made.inner, "encrypted"] == 1
        assert outcomes[done.made.port, "accepted"] == outcomes[server.port, "accepted"] == 1


# What MySQL Router tells the server of whom it speaks for.
TOLD_BY_ROUTER = {"_client_ip", "_client_port", "_client_ssl_cipher", "_client_ssl_version"}
LEAVES = (("mysql-connector-python, pure", "wrong password"),)


needs_router = pytest.mark.skipif(in_ci(), reason="left out of CI, its package is large: set HANDSHARK_DRIVERS=all")


def through_router(box: Box, place: Path) -> tuple[Passed, list[tuple[Told, dict[str, Any], dict[str, Any]]]]:
    """Each case with both of its connections, before the Router and behind it."""
    (server,) = require_servers("mysql97")
    done, connections = passed(box, server, place)
    before = [each for each in connections if each["server"]["port"] == done.made.port]
    behind = [each for each in connections if each["server"]["port"] == server.port]
    assert len(done.told) == len(before) == len(behind)
    return done, list(zip(done.told, before, behind, strict=True))


def pairs_differ(done: Passed, told: Told, before: dict[str, Any], behind: dict[str, Any]) -> list[str]:
    """Where a case's two connections are not what driver and server know; behind the Router it tells of itself."""
    log = done.log.get(behind["greeting"]["connection_id"], [])
    known = truth(told, log, done.plugin)
    stored = (known.get("login") or {}).get("attributes") or {}
    mine = before["greeting"]["server_version"].endswith("-router")
    if stored:
        # In TLS that it only passes on it can not say for whom.
        where = (
            (before["client"]["address"], str(before["client"]["port"])) if mine or not before["tls"] else (None, None)
        )
        assert (stored.get("_client_ip"), stored.get("_client_port")) == where
    own = {key: value for key, value in stored.items() if key not in TOLD_BY_ROUTER}
    ahead = {**known, **({"login": {"attributes": own}} if own else {})}
    if mine:
        # It greets by itself, before it has a server; each of its two sides has TLS of its own, or not.
        tls = {"decrypted": True} if told.case["tls"] else None
        ahead = {**ahead, "greeting": {"flavor": "mysql"}, "connection_id": 0, "tls": tls}
        known = {**known, "tls": {"decrypted": True, "version": "TLSv1.3"}}
    title = f"{told.driver.name}, {told.case['name']}"
    wrong = [f"{title}: {line}" for line in went_wrong(told)]
    for side, said, connection in (("before", ahead, before), ("behind", known, behind)):
        wrong += [f"{title}, {side}: {line}" for line in compare(as_logged(connection), said)]
    return wrong


@needs_router
@pytest.mark.parametrize("box", [PASSED_ON, RE_ENCRYPTED], ids=[PASSED_ON.name, RE_ENCRYPTED.name])
def test_mysql_router(box: Box, tmp_path: Path) -> None:
    """Both sides of it; a client that sends its password in clear text where it should not has it leave."""
    done, cases = through_router(box, tmp_path)
    assert {told.case["name"] for told in done.told} == set(CASES)
    usual = [each for each in cases if (each[0].driver.name, each[0].case["name"]) not in LEAVES]
    assert [line for each in usual for line in pairs_differ(done, *each)] == []
    for _, before, behind in (each for each in cases if each not in usual):
        assert (before["outcome"], before["authentication"]["password_protection"]) == ("aborted", "cleartext")
        assert behind["outcome"] != "accepted"


@needs_router
def test_connections_that_mysql_router_shares(tmp_path: Path) -> None:
    """Clients follow one another on one connection to the server: the Router changes the user, and asks on its own."""
    (server,) = require_servers("mysql97")
    drivers = [replace(each, cases=("TLS", "accepted")) for each in clients()[:1]]
    try:
        install("python")
        done = pass_through(SHARED, server, tmp_path, drivers)
    except (NoCapture, SetupError, InstallError) as problem:
        give_up(str(problem))
    assert [went_wrong(told) for told in done.told] == [[], []]
    keylog = tmp_path / "keys"
    keylog.write_bytes(b"".join(done.keylogs))
    found = connections_of(done.capture, AnalysisOptions(keylogs=done.keylogs))
    (behind,) = [each for each in found if each.server.port == server.port]
    before = [each for each in found if each.server.port == done.made.port]
    assert [each.outcome for each in before] == ["accepted", "accepted"]
    assert behind.commands["change_user"] == len(before) - 1
    rows = listed(done.capture, keylog)
    assert behind.greeting is not None
    (number,) = {told.result["connection_id"] for told in done.told}
    assert number == behind.greeting.connection_id
    assert list(against_log(rows[behind.stream], done.log[number], broken=False)) == []
    asked = Counter(row["statement"] for each in before for row in rows[each.stream] if row["command"] == "query")
    assert asked
    assert asked - Counter(row["statement"] for row in rows[behind.stream]) == Counter()
