"""Findings: traffic that makes them, and traffic that comes close and does not. The others are in findings/."""

from __future__ import annotations

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.rule import SEVERITIES
from tests.analysis.findings.cases import BEGUN, CASES, ERRORS, OF_COMMANDS, native
from tests.analysis.support import codes
from tests.analysis.traffic import analyse, one
from tests.wire.frames import FIN, Frame, segment
from tests.wire.mysql import (
    err,
    ok,
    query,
)
from tests.wire.script import ACCEPTED, GOODBYE, Say, conversation

GIVEN = AnalysisOptions(password=b"secret")
OF_PASSWORDS = ("wrong-password", "right-password")
LOCAL = ("127.0.0.1", 50000), ("127.0.0.1", 3306)


def yes_of(code: str) -> Connection:
    case = CASES[code]
    if code == "retransmissions":
        return again(3)
    if code == "capture-one-sided":
        return one(case.yes, only="s")
    if code == "capture-mid-stream":
        return one(case.yes, handshake=False)
    return one(case.yes, GIVEN if code in OF_PASSWORDS else None)


def no_of(code: str) -> Connection:
    case = CASES[code]
    if code == "retransmissions":
        return again(2)
    if code == "capture-mid-stream":
        return one(case.no, handshake=False)
    return one(case.no, GIVEN if code in OF_PASSWORDS else None)


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
    assert code not in codes(later) or code in OF_COMMANDS


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
    for sent in (b"other", b"secret"):
        assert not codes(one(native(sent))) & set(OF_PASSWORDS)


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
