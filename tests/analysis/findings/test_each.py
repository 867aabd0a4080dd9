"""Every finding has traffic that makes it, and traffic that comes close and does not.

test_findings.py has the other half of them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.rule import SEVERITIES
from analyzer.analysis.model.connection import Finding
from tests.analysis.findings.cases import CASES, ERRORS
from tests.analysis.findings.command_phase import COMMAND_PHASE
from tests.analysis.findings.making import (
    ASKS_FOR_FILE,
    BAD_HANDSHAKE,
    BEGUN_NEW,
    BEGUN_OLD,
    CACHED_ROWS,
    CLOSE,
    HALF_A_LOGIN,
    HANDSHAKE_FAILURE,
    MARIADB,
    PROBE,
    PROTOCOL_VERSION,
    SEALED,
    SERVER_CLOSES,
    SERVER_HELLO,
    SHA2,
    UNKNOWN_CA,
    any_login,
    fast,
    full,
    idle,
    last,
    scramble,
    several,
    switched,
    tls,
)
from tests.analysis.findings.network import NETWORK
from tests.analysis.findings.support import found
from tests.analysis.support import codes
from tests.analysis.traffic import one
from tests.wire.frames import FIN, RST, SYN
from tests.wire.mysql import (
    CLIENT_FLAGS,
    CLIENT_HELLO,
    FAST,
    NATIVE,
    QUIT,
    SERVER_FLAGS,
    SSL,
    err,
    greeting,
    login,
    more,
    ok,
    packet,
    query,
    ssl_request,
)
from tests.wire.script import ACCEPTED, GOODBYE, MS, SECOND, Say, Script, wait

Made = Callable[[], Connection]
# The first that a member says in group replication's own protocol: its version and a request for the other's.
XCOM = bytes.fromhex("0000000a0000000001013900")


def made(script: Script, options: AnalysisOptions | None = None, **how: object) -> Made:
    return lambda: one(script, options, **how)


def accepted(said: bytes, greets: bytes | None = None) -> Made:
    """A connection with this login, accepted."""
    return made([("s", greets or greeting()), ("c", said), ("s", FAST + ok(3)), *GOODBYE])


def refused(said: bytes, error: bytes, options: AnalysisOptions | None = None) -> Made:
    return made([("s", greeting()), ("c", said), ("s", error), *SERVER_CLOSES], options)


def attributes(size: int) -> dict[str, str]:
    return {"_client_name": "x" * (size - 12)}


# code -> (traffic that makes it, traffic that comes close)
EACH: dict[str, tuple[Made, Made]] = {
    "tls-not-offered": (
        made([("s", greeting(flags=SERVER_FLAGS & ~SSL)), *CLOSE]),
        made([("s", greeting()), *CLOSE]),
    ),
    "truncated-login": (refused(HALF_A_LOGIN, BAD_HANDSHAKE), refused(login(), BAD_HANDSHAKE)),
    "protocol-41-missing": (
        refused(any_login(CLIENT_FLAGS & ~0x200), err(2, 1251, "Client does not support")),
        refused(any_login(), err(2, 1251, "Client does not support")),
    ),
    "attributes-too-large": (
        accepted(any_login(attributes=attributes(600))),
        accepted(any_login(attributes=attributes(500))),
    ),
    "tls-flag-without-tls": (
        made(
            [
                ("s", greeting()),
                ("c", any_login(CLIENT_FLAGS | SSL)),
                Say("c", flags=FIN, wait_ns=5 * SECOND),
                *CLOSE[1:],
            ]
        ),
        made(tls(("s", HANDSHAKE_FAILURE), *CLOSE)),
    ),
    "plaintext-before-tls": (
        made([("s", greeting() + ok(1)), ("c", ssl_request()), ("c", CLIENT_HELLO), ("s", SERVER_HELLO), *CLOSE]),
        # The server refuses while the client begins: no TLS comes of it.
        made([("s", greeting()), ("s", err(1, 1159, "timeout")), ("c", ssl_request()), ("c", CLIENT_HELLO), *CLOSE]),
    ),
    "plaintext-in-tls": (
        made(tls(("s", SERVER_HELLO), ("c", SEALED), ("c", QUIT), *CLOSE)),
        # No whole command: who knows what it is.
        made(tls(("s", SERVER_HELLO), ("c", SEALED), ("c", QUIT + b"\0"), *CLOSE)),
    ),
    "eof-packets-mismatch": (
        made([*BEGUN_NEW, ("c", query("select 1")), ("s", CACHED_ROWS), *GOODBYE]),
        made([*BEGUN_OLD, ("c", query("select 1")), ("s", CACHED_ROWS), *GOODBYE]),
    ),
    "unexpected-local-infile": (
        made([*ACCEPTED, ("c", query("select 1 -- load data local infile")), ("s", ASKS_FOR_FILE), *CLOSE]),
        made(
            [*ACCEPTED, ("c", query("/* x */ load data local infile 'a' into table t")), ("s", ASKS_FOR_FILE), *CLOSE]
        ),
    ),
    "login-before-tls": (
        made([("s", greeting()), ("c", any_login(CLIENT_FLAGS | SSL)), ("c", CLIENT_HELLO), *CLOSE]),
        made(tls(*CLOSE)),
    ),
    "tls-version-refused": (
        made(tls(("s", PROTOCOL_VERSION), ("s", err(2, 1043, "Bad handshake", "08S01")), *SERVER_CLOSES)),
        made(tls(("s", HANDSHAKE_FAILURE), *SERVER_CLOSES)),
    ),
    "tls-untrusted-certificate": (
        made(tls(("c", UNKNOWN_CA), *CLOSE)),
        made(tls(("c", HANDSHAKE_FAILURE), *CLOSE)),
    ),
    "tls-handshake-failed": (
        made(tls(("s", HANDSHAKE_FAILURE), *SERVER_CLOSES)),
        made(tls(("s", PROTOCOL_VERSION), *SERVER_CLOSES)),
    ),
    "plugin-switch": (made(switched()), made(ACCEPTED)),
    "group-replication": (
        made([*ACCEPTED, ("c", packet(0, b"\x21")), ("s", ok(1)), ("c", XCOM), ("s", XCOM), *CLOSE]),
        made([*ACCEPTED, ("c", packet(0, b"\x21")), ("s", err(1, 6141, "busy")), *CLOSE]),
    ),
    "left-without-quit": (made([*ACCEPTED, *CLOSE]), made([*ACCEPTED, *GOODBYE])),
    "collation-mismatch": (
        accepted(any_login(collation=53, high=1)),  # 309
        accepted(any_login(collation=45)),
    ),
    "capability-not-offered": (
        accepted(any_login(CLIENT_FLAGS | 1 << 27), greeting(flags=SERVER_FLAGS & ~(1 << 27))),
        # CLIENT_SSL_VERIFY_SERVER_CERT, CLIENT_REMEMBER_OPTIONS: nobody offers them.
        accepted(any_login(CLIENT_FLAGS | 1 << 30), greeting(flags=SERVER_FLAGS & ~(1 << 30))),
    ),
    "slow-login": (
        made([wait("s", greeting(), 1.5), ("c", login()), ("s", FAST + ok(3)), *GOODBYE]),
        made([wait("s", greeting(), 0.5), ("c", login()), ("s", FAST + ok(3)), *GOODBYE]),
    ),
    "connection-churn": (
        lambda: last([fast()] * 50, 20 * MS),
        lambda: last([fast()] * 49, 20 * MS),
    ),
    "cached-login-never-hits": (
        lambda: last([full(), full()]),
        lambda: last([full("other"), full()]),
    ),
    "host-blocked": (
        lambda: last([PROBE, PROBE, [("s", err(0, 1129, "Host '10.0.0.1' is blocked", None)), *SERVER_CLOSES]]),
        lambda: last([PROBE, PROBE, [("s", err(0, 1130, "Host '10.0.0.1' is not allowed", None)), *SERVER_CLOSES]]),
    ),
    "deprecated-plugin": (
        made(switched(NATIVE)),
        made(switched(NATIVE, version=MARIADB)),  # MariaDB's default
    ),
    "server-ended-session": (
        made(idle(350.2, *SERVER_CLOSES)),
        made(idle(350.2, *GOODBYE)),
    ),
}
# Made elsewhere, from real TLS.
ELSEWHERE = {
    "encrypted-login": "tests/analysis/connection/test_tls_inference.py",
    "decryption-failed": "test_tls.py",
    "weak-tls": "test_tls.py",
    "tls-login-mismatch": "test_tls.py",
}


@pytest.mark.parametrize("code", EACH)
def test_what_makes_the_finding(code: str) -> None:
    connection = EACH[code][0]()
    said = found(connection, code)
    assert len(said) == 1, codes(connection)
    finding = said[0]
    assert finding.severity in SEVERITIES
    assert finding.message[0].isupper() or finding.message[0].isdigit()
    assert finding.message.endswith((".", ")", '"'))
    assert finding.advice.endswith((".", ")"))
    assert "{" not in finding.message + finding.advice
    assert all(connection.first_frame <= frame <= connection.last_frame for frame in finding.frames)
    if finding.confidence != "certain":
        assert finding.doubt
        assert finding.alternatives or not next(rule for rule in TABLE if rule.code == code).causes


@pytest.mark.parametrize("code", EACH)
def test_what_only_comes_close(code: str) -> None:
    assert code not in codes(EACH[code][1]())


def test_every_finding_has_both() -> None:
    by_error = {code for _, code in ERRORS} | {"login-refused"}
    elsewhere = ELSEWHERE.keys() | COMMAND_PHASE.keys() | NETWORK.keys()
    assert {rule.code for rule in TABLE} == EACH.keys() | CASES.keys() | by_error | elsewhere


def test_the_table_is_whole() -> None:
    """Each row has all that the documents are made of; codes are stable names."""
    assert len({rule.code for rule in TABLE}) == len(TABLE)
    for rule in TABLE:
        assert rule.code == rule.code.lower()
        assert rule.code.replace("-", "").isalnum()
        assert rule.severity in SEVERITIES
        for text in (rule.title, rule.looks_at, rule.about, rule.message, rule.advice, *rule.sources):
            assert text, rule.code
        assert rule.about.endswith((".", ")")), rule.code
        assert not rule.title.endswith("."), rule.code
        assert not any(source.startswith("http") for source in rule.sources)


# -- what single findings say ------------------------------------------------------------------------------------------


def test_probes_are_grouped_by_source_and_rate() -> None:
    connections = several([PROBE] * 4, 300 * MS)
    messages = [found(c, "probe-connection")[0].message for c in connections]
    assert "number" not in messages[0]
    assert "number 2 from there in this capture, one every 300 ms" in messages[1]
    assert "number 4 from there in this capture, one every 300 ms" in messages[3]
    assert "1129" in found(connections[0], "probe-connection")[0].advice


def test_blocked_host_is_traced_to_its_probes() -> None:
    blocked = found(EACH["host-blocked"][0](), "host-blocked")[0]
    assert (
        "2 connections of this host before it that ended without a login, 2 of them without a byte" in blocked.message
    )
    assert any("frame 1, " in line for line in blocked.evidence)
    alone = found(last([[("s", err(0, 1129, "Host is blocked", None)), *SERVER_CLOSES]]), "host-blocked")[0]
    assert "before it" not in alone.message
    assert alone.doubt is not None


def test_the_servers_echo_is_no_fault_of_the_server() -> None:
    echo = [
        ("s", greeting()),
        Say("c", flags=FIN),
        ("s", err(1, 1158, "Got an error reading")),
        Say("s", flags=FIN),
        Say("c"),
    ]
    connection = one(echo)  # type: ignore[arg-type]
    assert codes(connection) == {"probe-connection"}
    assert any("echo" in line for line in found(connection, "probe-connection")[0].evidence)


@pytest.mark.parametrize(
    ("greets", "figure"), [(350.2, "350 s"), (60.4, "60 s"), (28800.5, "28800 s"), (3605.0, "3600 s")]
)
def test_idle_times_near_a_round_figure(greets: float, figure: str) -> None:
    said = found(one(idle(greets, *SERVER_CLOSES)), "server-ended-session")[0]
    assert f"near {figure}" in said.message
    assert said.confidence == "likely"


@pytest.mark.parametrize("seconds", [7.3, 47.0, 341.0, 83.0])
def test_idle_times_that_are_not_round(seconds: float) -> None:
    said = found(one(idle(seconds, *SERVER_CLOSES)), "server-ended-session")[0]
    assert "without a word" in said.message


def test_mysql_would_have_sent_an_error() -> None:
    said = found(one(idle(60.2, *SERVER_CLOSES, version="9.1.0")), "server-ended-session")[0]
    assert said.confidence == "possible"
    assert "4031" in (said.doubt or "")


def test_a_login_is_slow_against_the_others() -> None:
    slow: Script = [("s", greeting()), wait("c", login(), 0.4), ("s", FAST + ok(3)), *GOODBYE]
    assert "slow-login" not in codes(last([fast()] * 4 + [slow]))
    said = found(last([fast()] * 8 + [slow]), "slow-login")[0]
    assert said.severity == "info"
    assert "client" in said.message
    assert "median of the 8 logins before it" in said.message
    # Where all are slow, none is.
    assert "slow-login" not in codes(last([slow] * 9))


def test_slow_login_names_the_largest_part() -> None:
    said = found(EACH["slow-login"][0](), "slow-login")[0]
    assert "were greeting" in said.message
    assert "skip_name_resolve" in said.advice
    # A busy machine may take a second; a resolver's time-out is another thing.
    assert said.severity == "info"
    asked: Script = [wait("s", greeting(), 5.1), ("c", login()), ("s", FAST + ok(3)), *GOODBYE]
    assert found(one(asked), "slow-login")[0].severity == "warning"


def test_a_cache_that_is_hit_in_between() -> None:
    assert "cached-login-never-hits" not in codes(last([full(), fast(), full()]))
    twice = found(last([full(), full()]), "cached-login-never-hits")[0]
    assert (twice.severity, twice.confidence) == ("info", "possible")
    often = found(last([full(), full(), full()]), "cached-login-never-hits")[0]
    assert often.severity == "warning"


def test_the_password_tells_why_the_cache_is_never_hit() -> None:
    nonce = bytes(range(0x21, 0x35))
    wrong = scramble(b"secret", nonce[8:] + nonce[:8])
    said = found(
        last([full(response=wrong)] * 2, options=AnalysisOptions(password=b"secret")), "cached-login-never-hits"
    )[0]
    assert said.confidence == "certain"
    assert "two parts of the nonce the wrong way round" in said.message
    right = last([full(response=scramble(b"secret"))] * 3, options=AnalysisOptions(password=b"secret"))
    assert "with the right scramble" in found(right, "cached-login-never-hits")[0].message


def test_churn_is_told_at_doubling_numbers() -> None:
    connections = several([fast()] * 201, 20 * MS)
    assert [c.stream + 1 for c in connections if "connection-churn" in codes(c)] == [50, 100, 200]
    message = found(connections[49], "connection-churn")[0].message
    assert "opened 50 connections to this server within" in message


def test_churn_needs_haste_and_shortness() -> None:
    assert "connection-churn" not in codes(last([fast()] * 60, 3 * SECOND))
    busy: Script = [
        *ACCEPTED,
        *(step for _ in range(5) for step in (("c", query("SELECT a FROM t")), ("s", ok(1)))),
        *GOODBYE,
    ]
    assert not any("connection-churn" in codes(c) for c in several([busy] * 60, 20 * MS))


@pytest.mark.parametrize(
    ("version", "known"),
    [("10.11.19-MariaDB", False), ("11.4.4-MariaDB", False), ("11.4.5-MariaDB", True), (MARIADB, True)],
)
def test_a_collation_that_only_mysql_has(version: str, known: bool) -> None:
    connection = accepted(any_login(collation=255), greeting(version=version))()
    assert ("collation-mismatch" in codes(connection)) is not known


def test_two_byte_collations_are_cut() -> None:
    said = found(EACH["collation-mismatch"][0](), "collation-mismatch")[0]
    assert "utf8mb4_0900_bin (309)" in said.message
    assert "reads 53 and uses macroman_bin (53)" in said.message


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (bytes.fromhex("0000000804d2162f"), "PostgreSQL"),
        (b"*1\r\n$4\r\nPING\r\n", "Redis"),
        (b"EHLO mail.example\r\n", "SMTP"),
        (b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", "RDP"),
    ],
)
def test_foreign_clients_are_named(first: bytes, name: str) -> None:
    connection = one([("s", greeting()), ("c", first), ("s", err(1, 1156, "Got packets out of order")), *SERVER_CLOSES])
    said = found(connection, "foreign-client")[0]
    assert f"spoke {name}" in said.message
    assert said.confidence == "certain"


def test_tls_at_once_is_no_mysql_client() -> None:
    connection = one([("s", greeting()), ("c", CLIENT_HELLO), *CLOSE])
    assert "began with TLS at once" in found(connection, "tls-first")[0].message
    assert "foreign-client" not in codes(connection)
    assert "tls-handshake-failed" not in codes(connection)


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (b"220 mail.example ESMTP\r\n", "SMTP"),
        (b"* OK IMAP4rev1 ready\r\n", "IMAP"),
        (b"-ERR unknown command\r\n", "Redis"),
    ],
)
def test_foreign_servers_are_named(first: bytes, name: str) -> None:
    said = found(one([("s", first), *CLOSE]), "foreign-server")[0]
    assert f"it speaks {name}" in said.message


def test_no_greeting_in_its_forms() -> None:
    syn = Say("c", flags=SYN, wait_ns=SECOND)
    cases: dict[str, Script] = {
        "said nothing for 5.0 s": [Say("c", flags=FIN, wait_ns=5 * SECOND), *CLOSE[1:]],
        "before the server had said anything": CLOSE,
        "without a greeting": SERVER_CLOSES,
    }
    for words, script in cases.items():
        assert words in found(one(script), "no-greeting")[0].message
    silent = one([syn, syn], handshake=False, only="c")
    assert "did not answer at all" in found(silent, "no-greeting")[0].message
    assert found(silent, "no-greeting")[0].confidence == "possible"


def test_access_denied_says_what_the_password_tells() -> None:
    denied = err(2, 1045, "Access denied for user 'app'@'10.0.0.1' (using password: YES)", "28000")
    right = refused(any_login(response=scramble(b"secret")), denied, AnalysisOptions(password=b"secret"))()
    assert "makes exactly the captured response" in found(right, "access-denied")[0].message
    wrong = refused(any_login(response=scramble(b"other")), denied, AnalysisOptions(password=b"secret"))()
    assert "does not make the captured response" in found(wrong, "access-denied")[0].message
    cut = refused(any_login(response=scramble(b"secret\n")), denied, AnalysisOptions(password=b"secret"))()
    assert "newline at the end" in found(cut, "access-denied")[0].message
    unknown = refused(any_login(response=scramble(b"secret")), denied)()
    assert "with a password" in found(unknown, "access-denied")[0].message
    assert any("REQUIRE SSL" in cause for cause in found(unknown, "access-denied")[0].alternatives)
    empty = refused(any_login(response=b""), err(2, 1045, "Access denied (using password: NO)", "28000"))()
    assert "sent no password at all" in found(empty, "access-denied")[0].message


def test_mariadb_10_wants_tls_behind_1045() -> None:
    denied = err(2, 1045, "Access denied for user 'app'@'10.0.0.1' (using password: YES)", "28000")
    said = any_login(response=scramble(b"secret"))
    script: Script = [("s", greeting(version="10.11.19-MariaDB")), ("c", said), ("s", denied), *SERVER_CLOSES]
    proved = one(script, AnalysisOptions(password=b"secret"))
    assert "it likely wants TLS" in found(proved, "tls-required")[0].message
    assert "tls-required" not in codes(one(script))
    assert "tls-required" not in codes(one(script, AnalysisOptions(password=b"other")))


def test_advice_is_for_the_driver_at_hand() -> None:
    def left(attributes: dict[str, str] | None) -> Finding:
        said = any_login(attributes=attributes)
        return found(one([("s", greeting()), ("c", said), ("s", more(2, b"\x04")), *CLOSE]), "full-auth-refused")[0]

    assert (
        "allowPublicKeyRetrieval=true, or serverRSAPublicKeyFile=FILE"
        in left({"_client_name": "MySQL Connector/J"}).advice
    )
    assert "--get-server-public-key or --server-public-key-path" in left({"_client_name": "libmysql"}).advice
    assert "server_public_key=" in left({"_client_name": "pymysql"}).advice
    nobody = left(None)
    assert "--get-server-public-key" in nobody.advice
    assert "allowPublicKeyRetrieval=true" in nobody.advice


def test_a_password_in_clear_where_rsa_is_due() -> None:
    script: Script = [
        ("s", greeting()),
        ("c", login()),
        ("s", more(2, b"\x04")),
        ("c", packet(3, b"secret\0")),
        ("s", err(4, 1045, "Access denied for user 'app'@'10.0.0.1' (using password: YES)", "28000")),
        *SERVER_CLOSES,
    ]
    connection = one(script)
    assert {"cleartext-password", "access-denied"} <= codes(connection)
    assert "has to be encrypted with the server's RSA key" in found(connection, "access-denied")[0].message


def test_the_general_word_steps_back() -> None:
    connection = EACH["truncated-login"][0]()
    assert found(connection, "truncated-login")[0].severity == "error"
    assert found(connection, "bad-handshake")[0].severity == "info"
    assert found(connection, "malformed-packet")[0].severity == "info"
    alone = EACH["truncated-login"][1]()
    assert found(alone, "bad-handshake")[0].severity == "error"


def test_a_switch_says_what_it_costs() -> None:
    said = found(EACH["plugin-switch"][0](), "plugin-switch")[0]
    assert "an extra round trip of 1.0 ms" in said.message
    assert said.severity == "info"


def test_reset_says_how_long_after_what() -> None:
    connection = one([*ACCEPTED, Say("s", flags=RST, wait_ns=3 * SECOND)])
    said = found(connection, "connection-reset")[0]
    assert "3.0 s after the last byte" in said.message
    assert said.severity == "warning"


def test_text_from_the_wire_is_never_a_template() -> None:
    hostile = "{user} {0} {} %s {x!r}"
    denied = err(2, 1045, hostile, "28000")
    connection = one([("s", greeting()), ("c", login(user=hostile)), ("s", denied), *SERVER_CLOSES])
    assert hostile in found(connection, "access-denied")[0].message


def test_ssl_request_alone_is_a_failed_handshake() -> None:
    connection = one([("s", greeting()), ("c", ssl_request()), *CLOSE])
    assert "before any TLS was seen" in found(connection, "tls-handshake-failed")[0].message
    assert SHA2 in (connection.greeting.auth_plugin or "" if connection.greeting else "")


def test_tls_that_never_came_about_is_no_failed_decryption() -> None:
    """A server that hears no ClientHello says so in TLS, and in the clear: no key could open anything."""
    alert = b"\x15\x03\x03\x00\x02\x02\x32"
    script: Script = [
        ("s", greeting()),
        ("c", ssl_request()),
        ("s", alert + err(2, 1043, "Bad handshake", "08S01")),
        *CLOSE,
    ]
    keys = f"CLIENT_RANDOM {'11' * 32} {'22' * 48}\n".encode()
    for options in (None, AnalysisOptions(keylogs=(keys,))):
        said = codes(one(script, options=options))
        assert "decryption-failed" not in said
        assert "tls-handshake-failed" in said


def test_a_probe_that_resets_is_a_probe() -> None:
    connection = one([("s", greeting()), Say("c", flags=RST)])
    assert [finding.severity for finding in connection.findings] == ["info", "info"]
    assert codes(connection) == {"probe-connection", "connection-reset"}


def test_sessions_that_end_after_the_same_time_were_ended_by_a_clock() -> None:
    connections = several([idle(47.3, *SERVER_CLOSES)] * 3, SECOND)
    messages = [found(c, "server-ended-session")[0].message for c in connections]
    assert "not alone" not in messages[0]
    assert "1 session before it ended so after the same time" in messages[1]
    assert "2 sessions before it" in messages[2]
    apart = several([idle(seconds, *SERVER_CLOSES) for seconds in (17.3, 47.3, 90.1)], SECOND)
    assert not any("not alone" in found(c, "server-ended-session")[0].message for c in apart)


def test_mysql_sessions_with_the_same_round_idle_time() -> None:
    first, second = several([idle(60.2, *SERVER_CLOSES, version="9.1.0")] * 2, SECOND)
    assert found(first, "server-ended-session")[0].confidence == "possible"
    assert found(second, "server-ended-session")[0].confidence == "likely"


def test_an_error_put_between_greeting_and_tls_hides_nothing() -> None:
    forged = err(1, 1045, "Access denied")
    script = [("s", greeting() + forged), ("c", ssl_request()), ("c", CLIENT_HELLO), ("s", SERVER_HELLO), *CLOSE]
    connection = one(script)
    assert connection.tls is not None
    assert found(connection, "plaintext-before-tls")[0].frames == [4, 6]


def test_what_the_client_says_past_tls_is_why_the_server_ends_the_session() -> None:
    connection = one(tls(("s", SERVER_HELLO), ("c", SEALED), ("c", QUIT), *SERVER_CLOSES))
    (said,) = found(connection, "plaintext-in-tls")
    assert said.message.startswith("The client sent COM_QUIT past TLS, in plain text (frame 9)")
    assert "server-ended-session" not in codes(connection)


def test_an_error_on_its_way_while_the_client_asks_for_tls() -> None:
    """A server that refuses the PROXY header of a box in between; the client had read the greeting only."""
    refusal = err(1, 1156, "Got packets out of order", "08S01")
    script = [("s", greeting()), ("s", refusal), ("c", ssl_request(1)), ("c", CLIENT_HELLO), *CLOSE]
    connection = one(script)
    assert (connection.outcome, connection.phase_reached, connection.commands) == ("rejected", "tls", {})
    assert connection.tls is not None
    said = codes(connection)
    assert "packet-refused" in said
    assert not {"sequence-error", "tls-first", "plaintext-before-tls"} & set(said)


@pytest.mark.parametrize("rest", [b"", b"\x05\x00\x00", ok(2)])
def test_bytes_between_greeting_and_tls_however_whole(rest: bytes) -> None:
    """One packet, or a part of one that only TLS would complete: told once, and by nothing else."""
    script = [("s", greeting() + ok(1) + rest), ("c", ssl_request()), ("c", CLIENT_HELLO), ("s", SERVER_HELLO), *CLOSE]
    connection = one(script)
    (said,) = found(connection, "plaintext-before-tls")
    assert said.message.startswith(f"{len(ok(1) + rest)} bytes came from the server's side")
    assert said.frames == [4, 6]
    assert not codes(connection) & {"malformed-packet", "sequence-error"}


def test_a_file_that_was_sent() -> None:
    sent = [("c", packet(2, b"root:x:0:0")), ("c", packet(3, b"")), ("s", ok(4)), *GOODBYE]
    asked = [*ACCEPTED, ("c", query("SELECT 1")), ("s", ASKS_FOR_FILE)]
    (said,) = found(one([*asked, *sent]), "unexpected-local-infile")
    assert (
        said.message
        == "In answer to SELECT the server asks for the client's file '/etc/passwd', and the client sends it."
    )
    assert (said.severity, said.confidence, said.frames) == ("error", "certain", [8])
    assert "the client sent 10 bytes of files" in said.evidence
    (maybe,) = found(
        one([*ACCEPTED, ("c", query("call p()")), ("s", ASKS_FOR_FILE), *CLOSE]), "unexpected-local-infile"
    )
    assert (maybe.severity, maybe.confidence) == ("warning", "possible")
