"""Findings: traffic that makes them, and traffic that comes close and does not. The others are in findings/."""

from __future__ import annotations

from hashlib import sha1

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.rule import SEVERITIES
from tests.analysis.support import codes
from tests.analysis.traffic import analyse, one
from tests.wire.frames import FIN, RST, Frame, segment
from tests.wire.mysql import (
    CLIENT_HELLO,
    FAST,
    NATIVE,
    NONCE,
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
from tests.wire.script import ACCEPTED, GOODBYE, Say, Step, conversation, wait

CLOSE: tuple[Step, ...] = (Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))
BEGUN: tuple[Step, ...] = (("s", greeting()), ("c", login()))
LOCAL = ("127.0.0.1", 50000), ("127.0.0.1", 3306)


def scramble(password: bytes) -> bytes:
    """mysql_native_password's response to NONCE."""
    first = sha1(password).digest()
    mask = sha1(NONCE + sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, mask, strict=True))


def native(password: bytes = b"secret", verdict: bytes | None = None) -> list[Step]:
    response = scramble(password)
    return [
        ("s", greeting(plugin=NATIVE)),
        ("c", login(response=response, plugin=NATIVE)),
        ("s", verdict or ok(2)),
        *GOODBYE,
    ]


class Near:
    """A script that makes a finding, and one that nearly does."""

    def __init__(self, yes: list[Step], no: list[Step], **how: object) -> None:
        self.yes = yes
        self.no = no
        self.how = how


MORE_THAN_ERRORS = ("tls-required", "protocol-41-missing")
# Findings that one error of the server is enough for: error code -> finding.
ERRORS = [
    *sorted((code, rule.code) for rule in TABLE for code in rule.errors if rule.code not in MORE_THAN_ERRORS),
    # Those two look at 1043 and 1045 too, which need more than the error.
    (3159, "tls-required"),
    (1251, "plugin-unsupported"),
    (1524, "plugin-unsupported"),
]

CASES: dict[str, Near] = {
    "cleartext-password": Near(
        [*BEGUN, ("s", switch(2, "mysql_clear_password", b"")), ("c", packet(3, b"secret\0")), ("s", ok(4))],
        [*BEGUN, ("s", switch(2, NATIVE)), ("c", packet(3, b"\x77" * 20)), ("s", ok(4))],
    ),
    "full-auth-refused": Near(
        [*BEGUN, ("s", more(2, b"\x04")), *CLOSE],
        [*BEGUN, ("s", more(2, b"\x04")), ("c", packet(3, b"\x02")), *CLOSE],
    ),
    "plugin-unsupported": Near(
        [*BEGUN, ("s", switch(2, "client_ed25519")), *CLOSE],
        [*BEGUN, ("s", switch(2, "client_ed25519")), ("c", packet(3, b"\x77" * 64)), ("s", ok(4))],
    ),
    "probe-connection": Near([("s", greeting()), *CLOSE], [*BEGUN, *CLOSE]),
    "no-greeting": Near([Say("c"), *CLOSE], [("s", greeting()), *CLOSE]),
    "foreign-server": Near(
        [("s", b"220 mail.example ESMTP\r\n"), *CLOSE], [("s", err(0, 1040, "Too many connections"))]
    ),
    "foreign-client": Near(
        [("s", greeting()), ("c", b"GET / HTTP/1.1\r\n\r\n"), *CLOSE],
        [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)],
    ),
    "login-timeout": Near(
        [("s", greeting()), Say("s", flags=FIN, wait_ns=10 * 10**9)],
        [("s", greeting()), Say("c", flags=FIN, wait_ns=10 * 10**9)],
    ),
    "server-stalled": Near(
        [*BEGUN, Say("c", flags=FIN, wait_ns=5 * 10**9), Say("s", flags=FIN)],
        [*BEGUN, wait("s", FAST + ok(3), 5), *GOODBYE],
    ),
    "sequence-error": Near(
        [*BEGUN, ("s", more(2, b"\x03") + ok(5)), *GOODBYE],
        [*BEGUN, ("s", more(2, b"\x03") + ok(3)), *GOODBYE],
    ),
    "malformed-packet": Near(
        [*ACCEPTED, ("c", packet(0, b"")), *CLOSE],
        [*BEGUN, ("s", err(2, 1045, "Access denied")), *CLOSE],
    ),
    "server-ended-session": Near(
        [*ACCEPTED, wait("s", err(0, 4031, "inactivity"), 2), Say("s", flags=FIN)],
        # The client had gone already: the server only notes it.
        [*ACCEPTED, Say("c", flags=FIN), ("s", err(2, 1158, "Got an error reading")), Say("c", flags=RST)],
    ),
    "connection-reset": Near([*ACCEPTED, Say("s", flags=RST)], [*ACCEPTED, ("c", QUIT), Say("s", flags=RST)]),
    "keys-missing": Near(
        [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)],
        [("s", greeting()), ("c", ssl_request()), *CLOSE],
    ),
    "deprecated-plugin": Near(native(), native(verdict=err(2, 1045, "Access denied", "28000"))),
    "capture-gap": Near(
        [*ACCEPTED, Say("c", query("SELECT 1"), lost=True), ("s", ok(1)), *GOODBYE],
        [*ACCEPTED, ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE],
    ),
    "capture-truncated": Near(
        [Say("s", greeting(), cut=50), *ACCEPTED[1:], *GOODBYE],
        [Say("s", greeting(), cut=len(greeting())), *ACCEPTED[1:], *GOODBYE],
    ),
    "retransmissions": Near([*ACCEPTED, *GOODBYE], [*ACCEPTED, *GOODBYE]),
    "unencrypted-login": Near([*ACCEPTED], [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)]),
    "capture-one-sided": Near([*ACCEPTED], [*ACCEPTED]),
    "capture-mid-stream": Near([("c", query("SELECT 1")), ("s", ok(1)), ("c", QUIT)], [*ACCEPTED]),
    "wrong-password": Near(native(b"other"), native(b"secret")),
}


def yes_of(code: str) -> Connection:
    case = CASES[code]
    if code == "retransmissions":
        return again(3)
    if code == "capture-one-sided":
        return one(case.yes, only="s")
    if code == "capture-mid-stream":
        return one(case.yes, handshake=False)
    return one(case.yes, AnalysisOptions(password=b"secret") if code == "wrong-password" else None)


def no_of(code: str) -> Connection:
    case = CASES[code]
    if code == "retransmissions":
        return again(2)
    if code == "capture-mid-stream":
        return one(case.no, handshake=False)
    if code == "wrong-password":
        connection = one(case.no, AnalysisOptions(password=b"secret"))
        right = [finding for finding in connection.findings if finding.code == code]
        # The right password is said too, and is no fault.
        assert [finding.severity for finding in right] == ["info"]
        connection.findings = [finding for finding in connection.findings if finding.code != code]
        return connection
    return one(case.no)


def again(count: int) -> Connection:
    """A connection in which a segment comes `count` times more."""
    frames = conversation([*ACCEPTED, *GOODBYE])
    (connection,) = analyse([*frames[:5], *[frames[4]] * count, *frames[5:]])
    assert connection.tcp.retransmissions == count
    return connection


@pytest.mark.parametrize("code", CASES)
def test_what_makes_the_finding(code: str) -> None:
    connection = yes_of(code)
    found = [finding for finding in connection.findings if finding.code == code]
    assert found, codes(connection)
    rule = next(rule for rule in TABLE if rule.code == code and rule.title)
    for finding in found:
        assert finding.severity in SEVERITIES
        assert finding.message
        assert not finding.message[0].islower()
        assert finding.advice.endswith((".", ")", ".)"))
        assert finding.confidence in ("certain", "likely", "possible")
        assert all(connection.first_frame <= frame <= connection.last_frame for frame in finding.frames)
    if code not in ("connection-reset", "wrong-password", "plugin-unsupported"):
        assert found[0].severity == rule.severity


@pytest.mark.parametrize("code", CASES)
def test_what_only_comes_close(code: str) -> None:
    assert code not in codes(no_of(code))


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_errors_of_a_refused_login(error: int, code: str) -> None:
    refused = one([*BEGUN, ("s", err(2, error, "some words")), Say("s", flags=FIN)])
    found = [finding for finding in refused.findings if finding.code == code]
    assert len(found) == 1
    assert str(error) in found[0].message
    assert (refused.error.frame if refused.error else 0) in found[0].frames
    # The same error as the answer of a statement says nothing of the login.
    later = one([*ACCEPTED, ("c", query("SELECT 1")), ("s", err(1, error, "some words")), *GOODBYE])
    assert code not in codes(later)


def test_error_with_another_code() -> None:
    refused = one([*BEGUN, ("s", err(2, 4242, "never heard of")), Say("s", flags=FIN)])
    assert "login-refused" in codes(refused)
    assert "login-refused" not in codes(one([*BEGUN, ("s", err(2, 1045, "Access denied")), Say("s", flags=FIN)]))


def test_refused_port() -> None:
    ends = ("10.0.0.1", 50000), ("10.0.0.2", 3306)
    frames = [
        Frame(segment(ends[0], ends[1], 5, 0, 2, b""), 1, 0, 10**18),
        Frame(segment(ends[1], ends[0], 0, 6, 0x14, b""), 1, 0, 10**18 + 1000),
    ]
    (connection,) = analyse(frames)
    assert connection.outcome == "aborted"
    assert connection.tcp.rst_from == "server"


def test_wrong_password_says_nothing_without_a_password() -> None:
    assert "wrong-password" not in codes(one(native(b"other")))


def test_loopback_login_is_not_called_unencrypted() -> None:
    assert "unencrypted-login" not in codes(one([*ACCEPTED], client=LOCAL[0], server=LOCAL[1]))


def test_gravest_come_first() -> None:
    connection = one([*BEGUN, ("s", err(2, 1045, "Access denied", "28000")), Say("s", flags=FIN)])
    ranks = [SEVERITIES.index(finding.severity) for finding in connection.findings]
    assert ranks == sorted(ranks, reverse=True)
    assert len(ranks) > 1


def test_healthy_connection_has_no_finding_above_info() -> None:
    connection = one([*ACCEPTED, ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE], client=LOCAL[0], server=LOCAL[1])
    assert connection.findings == []
