"""Outcome, phase, timing and the facts of a connection, case by case."""

from __future__ import annotations

import msgspec
import pytest

from analyzer.analysis import AnalysisOptions, Connection
from tests.analysis.support import codes
from tests.analysis.traffic import analyse, one
from tests.wire.frames import FIN, RST
from tests.wire.mysql import (
    CLIENT_HELLO,
    FAST,
    NATIVE,
    PING,
    QUIT,
    err,
    greeting,
    login,
    more,
    ok,
    packet,
    query,
    ssl_request,
    switch,
)
from tests.wire.script import ACCEPTED, GOODBYE, MS, SECOND, START, Say, Step, conversation, in_time_order, wait

CLOSE: tuple[Step, ...] = (Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))
BEGUN: tuple[Step, ...] = (("s", greeting()), ("c", login()))
DENIED = err(2, 1045, "Access denied for user 'app'@'10.0.0.1' (using password: YES)", "28000")

OUTCOMES: dict[str, tuple[list[Step], str, str]] = {
    "accepted": ([*ACCEPTED, ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE], "accepted", "command"),
    "accepted and nothing more": ([*ACCEPTED], "accepted", "command"),
    "rejected": ([*BEGUN, ("s", DENIED), Say("s", flags=FIN)], "rejected", "authentication"),
    "rejected for no session": ([("s", err(0, 1040, "Too many connections", None))], "rejected", "greeting"),
    "left after the greeting": ([("s", greeting()), *CLOSE], "aborted", "greeting"),
    "left after the login": ([*BEGUN, *CLOSE], "aborted", "login"),
    "left in the authentication": ([*BEGUN, ("s", more(2, b"\x04")), *CLOSE], "aborted", "authentication"),
    "reset after the login": ([*BEGUN, Say("s", flags=RST)], "aborted", "login"),
    "server silent": ([Say("c"), *CLOSE], "aborted", "tcp"),
    "the server's note of a client that left": (
        [("s", greeting()), Say("c", flags=FIN), ("s", err(2, 1158, "Got an error reading communication packets"))],
        "aborted",
        "greeting",
    ),
    "TLS": ([("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)], "encrypted", "tls"),
    "only an SSLRequest": ([("s", greeting()), ("c", ssl_request()), *CLOSE], "aborted", "tls"),
    "the capture ends": ([*BEGUN], "unknown", "login"),
    "the verdict is lost": (
        [*BEGUN, Say("s", FAST + ok(3), lost=True), ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE],
        "unknown",
        "command",
    ),
    "the verdict is lost and a statement fails": (
        [
            *BEGUN,
            Say("s", FAST + ok(3), lost=True),
            ("c", query("SELEC")),
            ("s", err(1, 1064, "syntax", "42000")),
            *GOODBYE,
        ],
        "unknown",
        "command",
    ),
    "the login is lost": (
        [("s", greeting()), Say("c", login(), lost=True), ("s", FAST), ("s", ok(3)), *GOODBYE],
        "accepted",
        "command",
    ),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome_and_phase(name: str) -> None:
    script, outcome, phase = OUTCOMES[name]
    connection = one(script)
    assert (connection.outcome, connection.phase_reached) == (outcome, phase)


@pytest.mark.parametrize("split", [1, 5])
@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome_does_not_depend_on_segments(name: str, split: int) -> None:
    script, outcome, phase = OUTCOMES[name]
    connection = one(script, split=split)
    assert connection.outcome == outcome
    # After a gap decoding takes up at a segment that begins a packet: there is none where each has one byte.
    assert connection.phase_reached == phase or ("verdict is lost" in name and split == 1)


def test_silence_at_the_end_of_the_capture_is_an_abort() -> None:
    quiet = conversation(BEGUN)
    later = conversation([*ACCEPTED], client=("10.0.0.3", 50001), start_ns=START + 30 * SECOND)
    assert [c.outcome for c in analyse(in_time_order(quiet, later))] == ["aborted", "accepted"]
    soon = conversation([*ACCEPTED], client=("10.0.0.3", 50001), start_ns=START + 2 * SECOND)
    assert [c.outcome for c in analyse(in_time_order(quiet, soon))] == ["unknown", "accepted"]


def test_file_cut_inside_the_login_is_unknown() -> None:
    script: list[Step] = [("s", greeting()), ("c", login()[:40])]
    connection = one([*script, Say("c", flags=FIN)])
    assert connection.outcome == "aborted"
    (cut,) = analyse(conversation(script), cut_short=True)
    assert cut.outcome == "unknown"
    assert "capture-truncated" in codes(cut)


def test_error_in_the_connection_phase() -> None:
    connection = one([*BEGUN, ("s", DENIED), Say("s", flags=FIN)])
    assert connection.error is not None
    assert msgspec.to_builtins(connection.error) == {
        "code": 1045,
        "sqlstate": "28000",
        "message": "Access denied for user 'app'@'10.0.0.1' (using password: YES)",
        "frame": 6,
        "phase": "authentication",
    }


def test_error_of_a_statement_is_not_the_connections() -> None:
    connection = one([*ACCEPTED, ("c", query("SELEC")), ("s", err(1, 1064, "syntax", "42000")), *GOODBYE])
    assert connection.error is None
    assert connection.outcome == "accepted"


def test_error_that_nobody_asked_for() -> None:
    connection = one([*ACCEPTED, wait("s", err(0, 4031, "inactivity"), 2), Say("s", flags=FIN)])
    assert connection.error is not None
    assert (connection.error.code, connection.error.phase) == (4031, "command")
    assert connection.outcome == "accepted"


def test_timing() -> None:
    script: list[Step] = [
        Say("s", greeting(), wait_ns=5 * MS),
        Say("c", login(), wait_ns=7 * MS),
        Say("s", FAST, wait_ns=11 * MS),
        Say("s", ok(3), wait_ns=13 * MS),
    ]
    connection = one(script)
    timing = connection.timing
    assert timing.tcp_connect_ns == 2 * MS // 10
    assert timing.greeting_ns is not None
    # The builder gives each piece of payload a microsecond.
    assert timing.greeting_ns == pytest.approx(5 * MS, abs=10_000)
    assert timing.login_ns == pytest.approx(7 * MS, abs=10_000)
    assert timing.authentication_ns == pytest.approx(24 * MS, abs=10_000)
    assert timing.total_ns == pytest.approx(36 * MS + MS // 5, abs=10_000)
    assert timing.tls_ns is None


def test_timing_of_what_was_not_seen() -> None:
    timing = one([*ACCEPTED], handshake=False).timing
    assert timing.tcp_connect_ns is timing.greeting_ns is timing.total_ns is None
    assert timing.login_ns is not None
    refused = one([("s", err(0, 1040, "Too many connections", None))]).timing
    assert refused.login_ns is refused.authentication_ns is None
    assert refused.total_ns is not None


def test_tcp_counters_and_ends() -> None:
    connection = one([*ACCEPTED, *GOODBYE])
    tcp = connection.tcp
    assert (tcp.syn, tcp.fin_from, tcp.rst_from) == (True, "client", None)
    assert tcp.bytes_from_client == len(login()) + len(QUIT)
    assert tcp.bytes_from_server == len(greeting()) + len(FAST) + len(ok(3))
    by_server = one([*ACCEPTED, Say("s", flags=FIN), Say("c", flags=FIN)])
    assert by_server.tcp.fin_from == "server"
    reset = one([*ACCEPTED, Say("s", flags=RST)])
    assert (reset.tcp.fin_from, reset.tcp.rst_from) == (None, "server")
    assert one([*ACCEPTED], handshake=False).tcp.syn is False


def test_greeting_of_mariadb_hides_the_replication_prefix() -> None:
    connection = one([("s", greeting("5.5.5-10.11.6-MariaDB-log", 44, NATIVE)), *CLOSE])
    assert connection.greeting is not None
    assert connection.greeting.server_version == "10.11.6-MariaDB-log"
    assert connection.greeting.flavor == "mariadb"
    assert connection.greeting.connection_id == 44


def test_login_and_driver() -> None:
    attributes = {"_client_name": "libmysql", "_client_version": "9.1.0", "program_name": "mysql"}
    connection = one([("s", greeting()), ("c", login("ann", "", attributes=attributes)), ("s", FAST + ok(3))])
    assert connection.login is not None
    assert (connection.login.user, connection.login.database) == ("ann", None)
    assert connection.login.attributes == attributes
    assert connection.login.max_packet_size == 1 << 24
    assert connection.login.collation == "utf8mb4_0900_ai_ci"
    assert connection.driver is not None
    assert (connection.driver.name, connection.driver.version) == ("libmysql", "9.1.0")


def test_fingerprint_is_of_the_driver_and_not_of_the_user() -> None:
    def fingerprint(**how: object) -> str | None:
        return one([("s", greeting()), ("c", login(**how)), *CLOSE]).fingerprint  # type: ignore[arg-type]

    assert fingerprint(user="ann") == fingerprint(user="bob") is not None
    assert fingerprint(attributes={"_pid": "1"}) == fingerprint(attributes={"_pid": "2"})
    assert fingerprint(plugin=NATIVE) != fingerprint()
    assert fingerprint(attributes={"_os": "x"}) != fingerprint(attributes={"_pid": "x"})


def test_switches_and_steps() -> None:
    script: list[Step] = [*BEGUN, ("s", switch(2, NATIVE)), ("c", packet(3, b"\x77" * 20)), ("s", ok(4))]
    authentication = one(script).authentication
    assert authentication is not None
    assert authentication.plugin == NATIVE
    assert [(s.from_, s.to, s.frame) for s in authentication.switches] == [("caching_sha2_password", NATIVE, 6)]
    assert [(step.sender, step.record) for step in authentication.steps] == [
        ("client", "HandshakeResponse41"),
        ("server", "AuthSwitchRequest"),
        ("client", "AuthResponse"),
        ("server", "OKPacket"),
    ]


def test_commands_are_counted_by_name() -> None:
    script: list[Step] = [*ACCEPTED]
    for _ in range(3):
        script += [("c", PING), ("s", ok(1))]
    script += [("c", packet(0, b"\x63abc")), ("s", err(1, 1047, "Unknown command")), *GOODBYE]
    assert one(script).commands == {"ping": 3, "quit": 1, "0x63": 1}


def test_packets_are_kept_where_they_are_asked_for() -> None:
    from tests.analysis.traffic import results_of

    frames = conversation([*ACCEPTED, *GOODBYE])
    ((_, nothing),) = results_of(frames)[0]
    assert nothing is None
    ((_, detail),) = results_of(frames, AnalysisOptions(packets=3))[0]
    assert detail is not None
    assert [packet.record for packet in detail.packets] == ["HandshakeV10", "HandshakeResponse41", "AuthMoreData"]
    assert detail.packets_left_out > 0


def test_every_key_is_there_for_a_connection_of_which_nothing_is_known() -> None:
    connection: Connection = one([Say("c", flags=FIN), Say("s", flags=FIN)])
    row = msgspec.to_builtins(connection)
    assert set(row) == set(Connection.__struct_fields__)
    assert (
        row["greeting"] is row["login"] is row["tls"] is row["authentication"] is row["error"] is row["driver"] is None
    )
    assert row["commands"] == {}
