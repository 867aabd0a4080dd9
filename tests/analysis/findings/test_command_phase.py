"""Findings about the command phase, proxies and checks: traffic that makes them, and traffic that comes close."""

from __future__ import annotations

import pytest

from analyzer.analysis import Connection
from analyzer.analysis.model.connection import Finding
from tests.analysis.findings.command_phase import (
    COMMAND_PHASE,
    LARGE,
    SAME,
    SELECT,
    answered_with,
    checks,
    dump,
    leak,
    pile,
    threads,
)
from tests.analysis.findings.making import CLOSE, PROBE, SERVER_CLOSES, several
from tests.analysis.support import codes
from tests.analysis.traffic import one
from tests.wire.frames import FIN, RST
from tests.wire.mysql import QUIT, err, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, SECOND, Say, wait


def said(connection: Connection, code: str) -> Finding:
    return next(finding for finding in connection.findings if finding.code == code)


def loud(connection: Connection) -> set[str]:
    return {finding.code for finding in connection.findings if finding.severity != "info"}


@pytest.mark.parametrize("code", COMMAND_PHASE)
def test_what_makes_the_finding(code: str) -> None:
    connection = COMMAND_PHASE[code][0]()
    assert code in codes(connection)
    finding = said(connection, code)
    assert finding.frames
    assert finding.evidence
    assert finding.confidence == "certain" or finding.doubt


@pytest.mark.parametrize("code", COMMAND_PHASE)
def test_what_comes_close_does_not(code: str) -> None:
    assert code not in codes(COMMAND_PHASE[code][1]())


def test_commands_that_wait_say_what_they_have_in_common() -> None:
    connections = pile(12)
    message = said(connections[0], "unanswered-commands").message
    assert "12 commands on 12 connections" in message
    assert "SELECT orders" in message
    assert len({said(c, "unanswered-commands").message for c in connections[:12]}) == 1
    assert "unanswered-commands" not in codes(connections[12])


def test_one_command_waits_for_long_before_it_is_told() -> None:
    assert "unanswered-commands" in codes(pile(1)[0])
    soon = several([[*ACCEPTED, ("c", SELECT)], [*ACCEPTED, wait("c", QUIT, 1), *CLOSE]])
    assert "unanswered-commands" not in codes(soon[0])


def test_a_client_that_sends_ahead_all_the_time_means_it() -> None:
    ahead = [*ACCEPTED, *[("c", SELECT), ("c", SELECT), ("s", ok(1)), ("s", ok(1))] * 2, *GOODBYE]
    assert "overlapping-commands" in codes(one(ahead))
    always = [*ACCEPTED, *[("c", SELECT)] * 30, *[("s", ok(1))] * 30, *GOODBYE]
    assert "overlapping-commands" not in codes(one(always))
    assert "several threads" in said(one(ahead), "overlapping-commands").message
    assert "SELECT t" in said(one(threads()), "overlapping-commands").message


def test_a_large_packet_is_named_with_its_size_and_its_statement() -> None:
    connection = COMMAND_PHASE["packet-too-large"][0]()
    finding = said(connection, "packet-too-large")
    assert "3,000,034 bytes" in finding.message
    assert "INSERT loaded" in finding.message
    assert not {"sequence-error", "server-ended-session", "command-cut-off"} & codes(connection)
    silent = one([*ACCEPTED, ("c", LARGE), Say("s", flags=RST)])
    assert "in the middle of a packet of 3,000,034 bytes" in said(silent, "packet-too-large").message
    assert said(silent, "packet-too-large").confidence == "likely"


def test_a_packet_that_was_left_half_sent() -> None:
    half = (60_034).to_bytes(3, "little") + b"\x00\x03INSERT INTO loaded VALUES (1,'" + b"x" * 19_000
    script = [
        *ACCEPTED,
        ("c", half),
        Say("c", flags=FIN, wait_ns=8 * SECOND),
        ("s", err(1, 1158, "Got an error reading communication packets", "08S01")),
        Say("c", flags=RST),
    ]
    finding = said(one(script), "command-cut-off")
    assert "19,031 of 60,034 bytes" in finding.message
    assert loud(one(script)) == {"command-cut-off"}


def test_a_kill_while_idle_is_another_thing() -> None:
    under_way = COMMAND_PHASE["command-cut-off"][0]()
    assert "server-ended-session" not in codes(under_way)
    assert "2.0 s after SELECT orders was sent" in said(under_way, "command-cut-off").message
    idle = COMMAND_PHASE["command-cut-off"][1]()
    assert "server-ended-session" in codes(idle)


def test_init_connect_is_named_once() -> None:
    connection = COMMAND_PHASE["init-connect-failed"][0]()
    assert loud(connection) == {"init-connect-failed"}
    assert "init_connect" in said(connection, "init-connect-failed").message


def test_both_replicas_are_named() -> None:
    first, second = several([dump(11, ("s", SAME), *SERVER_CLOSES), dump(11)])
    message = said(first, "duplicate-replica").message
    assert "10.0.0.1:40000 and 10.0.0.1:40001" in message
    assert "server_id 11" in message
    assert "server-ended-session" not in codes(first)
    assert "duplicate-replica" not in codes(second)


def test_leaks_are_told_from_others_leaks() -> None:
    assert (
        "prepared 30 statements on this connection and closed none" in said(one(leak(False)), "statement-leak").message
    )
    assert "others leak" in said(one(leak(True)), "statement-leak").message


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        (9001, "Max connect timeout reached while reaching hostgroup 10 after 10000ms", "ProxySQL, hostgroup 10"),
        (1927, "Lost connection to backend server: network error", "MaxScale"),
        (2003, "Can't connect to remote MySQL server for client connected to '0.0.0.0:6446'", "MySQL Router"),
        (3100, "Error on observer while running replication hook 'before_commit'.", "Group Replication"),
    ],
)
def test_who_is_behind_is_named(code: int, text: str, words: str) -> None:
    finding = said(one(answered_with(code, text)), "backend-unavailable")
    assert finding.severity == "error"
    assert words in finding.message
    assert "2 times" in finding.message


def test_a_server_that_takes_no_writes() -> None:
    read_only = one(
        answered_with(1290, "The MySQL server is running with the --super-read-only option so it cannot", 1)
    )
    finding = said(read_only, "backend-unavailable")
    assert (finding.severity, "takes no writes" in finding.message) == ("warning", True)
    other = "The MySQL server is running with the --secure-file-priv option so it cannot execute this statement"
    assert "backend-unavailable" not in codes(one(answered_with(1290, other)))


def test_a_router_without_servers_refuses() -> None:
    refused = one([("s", err(0, 2003, "Can't connect to remote MySQL server", None)), *SERVER_CLOSES])
    assert "MySQL Router" in said(refused, "backend-unavailable").message
    assert "login-refused" not in codes(refused)


def test_checks_are_known_by_their_rhythm() -> None:
    probes = several([PROBE] * 4, 2 * SECOND)
    assert all("one every 2.0 s" in said(c, "health-check").message for c in probes)
    assert all("probe-connection" not in codes(c) for c in probes)
    # In haste, or irregular: what it is is not known.
    assert all("health-check" not in codes(c) for c in several([PROBE] * 4, 100 * MS))
    bare = several([CLOSE] * 3, 2 * SECOND)
    assert [codes(c) for c in bare] == [{"health-check"}] * 3


def test_checks_are_known_by_their_user() -> None:
    assert "HAProxy" in said(checks("haproxy", 1)[0], "health-check").message
    assert "health-check" not in codes(checks("app", 3)[0])
    works = [
        ("s", greeting()),
        ("c", login(user="monitor")),
        *ACCEPTED[2:],
        ("c", query("DELETE FROM t")),
        ("s", ok(1)),
    ]
    assert "health-check" not in codes(one([*works, *GOODBYE]))


def test_a_single_bare_connection_only_informs() -> None:
    connection = one(CLOSE)
    assert codes(connection) == {"no-greeting"}
    assert loud(connection) == set()
