"""Findings about the command phase, proxies and checks: traffic that makes them, and traffic that comes close."""

from __future__ import annotations

import pytest

from analyzer.analysis import Connection
from analyzer.analysis.model.connection import Finding
from tests.analysis.findings.command_phase import (
    CHANGE,
    COMMAND_PHASE,
    LARGE,
    PROXY,
    SAME,
    SELECT,
    answered_with,
    checks,
    dump,
    leak,
    pile,
    threads,
)
from tests.analysis.findings.making import CLOSE, PROBE, SERVER_CLOSES, fast, several
from tests.analysis.support import codes
from tests.analysis.traffic import one, results_of
from tests.wire.frames import FIN, RST
from tests.wire.mysql import QUIT, err, greeting, login, ok, packet, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, SECOND, START, Say, Script, Step, conversation, in_time_order, wait


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


def denied(user: str) -> list[Step]:
    refusal = err(2, 1045, f"Access denied for user '{user}'", "28000")
    return [("s", greeting()), ("c", login(user=user)), ("s", refusal), *SERVER_CLOSES]


def of_two_clients(*scripts: tuple[str, Script]) -> list[Connection]:
    frames = in_time_order(
        *(
            conversation(script, client=(client, 40_000 + number), start_ns=START + number * SECOND)
            for number, (client, script) in enumerate(scripts)
        )
    )
    return [connection for connection, _ in results_of(frames)[0]]


def test_a_user_who_is_accepted_from_elsewhere() -> None:
    for order in (slice(None), slice(None, None, -1)):
        scripts = [("10.0.0.1", denied("app")), ("10.0.0.9", fast("app"))][order]
        refused = next(c for c in of_two_clients(*scripts) if c.outcome == "rejected")
        message = said(refused, "access-denied").message
        assert "accepted from 10.0.0.9 in this capture, and is refused from 10.0.0.1" in message
    same = next(c for c in of_two_clients(("10.0.0.1", denied("app")), ("10.0.0.1", fast("app"))) if c.error)
    assert "two passwords are in use" in said(same, "access-denied").message
    alone = of_two_clients(("10.0.0.1", denied("app")), ("10.0.0.9", fast("other")))[0]
    assert "accepted" not in said(alone, "access-denied").message


def test_many_users_from_one_address_are_guesses() -> None:
    guessed = several([denied(f"user{number}") for number in range(6)])
    assert "6 logins of 6 users were refused from this address" in said(guessed[0], "access-denied").message
    one_user = several([denied("app")] * 6)
    assert "guesses" not in said(one_user[0], "access-denied").message
    assert any("6 logins were refused" in line for line in said(one_user[0], "access-denied").evidence)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (9002, "SSL connection is required. Please specify SSL options and retry."),
        (2012, "server does not allow insecure connections, client must use SSL/TLS"),
        (1045, "Access denied for user 'app'. SSL is required"),
    ],
)
def test_others_want_tls_too(code: int, text: str) -> None:
    refused = one([("s", greeting()), ("c", login()), ("s", err(2, code, text)), *SERVER_CLOSES])
    assert loud(refused) == {"tls-required"}


def test_a_listener_that_waits_for_a_header_is_among_the_causes() -> None:
    closed = said(one([Say("s", flags=FIN, wait_ns=4 * SECOND), Say("c", flags=FIN)]), "no-greeting")
    assert "PROXY header" in closed.advice
    assert any("PROXY header" in cause for cause in closed.alternatives)


def test_a_syn_that_was_not_answered_at_once() -> None:
    frames = conversation([*ACCEPTED, *GOODBYE])
    again = frames[0]._replace(timestamp_ns=frames[0].timestamp_ns + SECOND)
    late = [frames[0], again, *(frame._replace(timestamp_ns=frame.timestamp_ns + 3 * SECOND) for frame in frames[1:])]
    (connection,) = (found for found, _ in results_of(late)[0])
    finding = said(connection, "slow-login")
    assert finding.severity == "warning"
    assert "before the server answered the client's SYN" in finding.message


def test_a_driver_may_stumble_over_the_greeting() -> None:
    assert any("collation 255" in each for each in said(one(PROBE), "probe-connection").alternatives)
    usual = one([("s", greeting(version="5.7.44", plugin="mysql_native_password", collation=45)), *CLOSE])
    assert not any("stumbles" in each for each in said(usual, "probe-connection").alternatives)


def test_a_probe_is_not_blamed_for_a_login_it_never_made() -> None:
    echo: Script = [("s", greeting()), Say("c", flags=FIN), ("s", err(1, 1043, "", "08S01")), Say("s", flags=FIN)]
    connection = one(echo)
    assert connection.outcome == "aborted"
    assert "bad-handshake" not in codes(connection)


def test_statements_of_each_new_connection_are_named() -> None:
    session: Script = [*ACCEPTED, ("c", query("SET NAMES utf8mb4")), ("s", ok(1))]
    work: Script = [
        ("c", query("SET time_zone='+00:00'")),
        ("s", ok(1)),
        ("c", query("SELECT a FROM t")),
        ("s", ok(1)),
        *GOODBYE,
    ]
    finding = said(several([[*session, *work]] * 50, 20 * MS)[-1], "connection-churn")
    assert "SET NAMES, SET time_zone" in finding.message


def test_an_unknown_collation_is_named() -> None:
    refused: Script = [("c", query("SET NAMES utf8mb4 COLLATE x")), ("s", err(1, 1273, "Unknown collation: 'x'"))]
    finding = said(one([*ACCEPTED, *refused, *GOODBYE]), "collation-mismatch")
    assert "does not know the character set or collation" in finding.message
    other: Script = [("c", query("SET sql_mode=5")), ("s", err(1, 1231, "Variable 'sql_mode' can't be set to '5'"))]
    assert "collation-mismatch" not in codes(one([*ACCEPTED, *other, *GOODBYE]))


def test_a_header_that_is_refused_after_the_login() -> None:
    """The server greets before it reads: the client has answered through the proxy when the header is refused."""
    refusal: list[Step] = [("s", err(1, 1156, "Got packets out of order")), *SERVER_CLOSES]
    for first in (
        [("c", PROXY), ("s", greeting())],
        [("s", greeting()), ("c", PROXY)],
    ):
        connection = one([*first, ("c", login()), *refusal])
        assert codes(connection) >= {"proxy-header-refused"}
        assert loud(connection) == {"proxy-header-refused"}
    assert "proxy-header-refused" not in codes(
        one([("c", PROXY), ("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied")), *SERVER_CLOSES])
    )


def test_a_change_that_is_refused_says_whether_the_session_is_over() -> None:
    refused: Step = ("s", err(1, 1045, "Access denied", "28000"))
    over = one([*ACCEPTED, ("c", CHANGE), refused, *SERVER_CLOSES])
    assert "ended the session" in said(over, "change-user-refused").message
    goes_on = one([*ACCEPTED, ("c", CHANGE), refused, ("c", SELECT), ("s", ok(1)), *GOODBYE])
    assert "ended the session" not in said(goes_on, "change-user-refused").message


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Could not find first log file name in binary log index file", "is not there"),
        ("Cannot replicate because the source purged required binary logs", "purged"),
        ("Client requested source to start replication from position > file size", "no beginning of an event"),
        ("log event entry exceeded max_allowed_packet", "larger than max_allowed_packet"),
    ],
)
def test_why_a_stream_of_events_ends(words: str, reason: str) -> None:
    assert reason in said(one(dump(11, ("s", err(1, 1236, words)))), "replication-refused").message


def test_a_file_that_ends_in_a_packet_is_no_wrong_sequence_id() -> None:
    """The server numbers its error behind the packet whose header it has read."""
    asks: Step = ("c", query("LOAD DATA LOCAL INFILE '/x' INTO TABLE t"))
    half: Step = ("c", packet(2, b"1,abc\n" * 3)[:10])
    found = one(
        [*ACCEPTED, asks, ("s", packet(1, b"\xfb/x")), half, ("s", err(3, 1158, "Got an error reading")), *CLOSE]
    )
    assert "sequence-error" not in codes(found)


def test_a_proxy_that_only_looks_is_not_refused() -> None:
    """PROXY LOCAL, the greeting, and the proxy leaves: a health check."""
    local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
    found = one([("c", local), ("s", greeting()), *CLOSE])
    assert not {"proxy-header-refused"} & codes(found)
    assert "PROXY header" in said(found, "probe-connection").evidence[0]
    gone = one([("c", local), *SERVER_CLOSES])
    assert "proxy-header-refused" in codes(gone)
