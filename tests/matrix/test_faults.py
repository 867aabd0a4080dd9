"""Every deliberate fault of the raw client is seen by the analyzer as what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from live_client.faults import FAULTS
from tests.matrix.samples import analysed, stem, truth
from tests.servers.sample_sessions import SESSIONS


@dataclass(frozen=True)
class Seen:
    """What the analyzer has to say of a fault: outcome, the server's error, findings."""

    outcome: str
    error: int | None
    findings: tuple[str, ...]


# As MySQL 9.7 answers them. 1158 and 1159 are the server's note that the client is gone, or silent.
EXPECTED: Final[dict[str, Seen]] = {
    "speaks-first": Seen("rejected", 1156, ("foreign-client",)),
    "close-before-greeting": Seen("aborted", 1158, ("probe-connection",)),
    "close-after-greeting": Seen("aborted", 1158, ("probe-connection",)),
    "reset-after-greeting": Seen("aborted", None, ("connection-reset", "probe-connection")),
    "silence-after-greeting": Seen("aborted", 1159, ("login-timeout",)),
    "http-request": Seen("rejected", 1156, ("foreign-client",)),
    "query-without-login": Seen("rejected", 1156, ("foreign-client", "sequence-error")),
    "login-before-tls": Seen("accepted", None, ("login-before-tls",)),
    "plain-text-in-tls": Seen("rejected", 1043, ("bad-handshake", "tls-handshake-failed")),
    "close-in-tls": Seen("rejected", 1043, ("bad-handshake", "tls-handshake-failed")),
    "collation-differs-in-tls": Seen("rejected", 1043, ("bad-handshake", "tls-login-mismatch")),
    "capabilities-differ-in-tls": Seen("accepted", None, ("tls-login-mismatch",)),
    "ssl-flag-without-tls": Seen("aborted", None, ("server-stalled", "tls-flag-without-tls")),
    "no-protocol-41": Seen("rejected", 1251, ("plugin-unsupported", "protocol-41-missing")),
    "attributes-over-64k": Seen("rejected", 1043, ("bad-handshake", "attributes-too-large")),
    "unknown-plugin": Seen("accepted", None, ("plugin-switch",)),
    "short-auth-response": Seen("rejected", 1045, ("access-denied",)),
    "wrong-scramble-order": Seen("rejected", 1045, ("access-denied",)),
    "wrong-sequence-id": Seen("rejected", 1156, ("sequence-error",)),
    "truncated-response": Seen("rejected", 1043, ("bad-handshake", "truncated-login")),
    "cut-packet": Seen("aborted", 1158, ("truncated-login",)),
    "empty-login": Seen("rejected", 1043, ("bad-handshake", "malformed-packet", "truncated-login")),
    "drop-after-login": Seen("accepted", 1158, ("left-without-quit",)),
    "drop-after-switch": Seen("aborted", 1158, ("plugin-unsupported",)),
    "drop-after-full-auth-request": Seen("aborted", 1158, ("full-auth-refused",)),
    "reset-after-login": Seen("accepted", None, ("connection-reset",)),
    "close-after-login": Seen("accepted", 1158, ("left-without-quit",)),
    "command-sequence-id": Seen("accepted", None, ("sequence-error",)),
    "empty-command": Seen("accepted", 1158, ("malformed-packet",)),
    "drop-after-command": Seen("accepted", 1158, ("left-without-quit",)),
}


def test_every_fault_is_here() -> None:
    assert set(EXPECTED) == set(FAULTS)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_fault_is_seen(name: str) -> None:
    expected = EXPECTED[name]
    connection = analysed(f"mysql97_raw_fault-{name}")
    codes = {finding["code"] for finding in connection["findings"]}
    assert set(expected.findings) <= codes


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_outcome_and_error(name: str) -> None:
    expected = EXPECTED[name]
    connection = analysed(f"mysql97_raw_fault-{name}")
    assert truth(f"mysql97_raw_fault-{name}")["fault"] == name
    assert connection["outcome"] == expected.outcome
    assert (connection["error"] or {}).get("code") == expected.error


def test_tls_flag_without_tls_on_mariadb() -> None:
    connection = analysed("mariadb118_raw_fault-ssl-flag-without-tls")
    assert (connection["outcome"], connection["error"]["code"]) == ("rejected", 1043)


# What only a fault may lead to; a switch, or a program that just ends, is nothing wrong.
GRAVE: Final = frozenset(code for seen in EXPECTED.values() for code in seen.findings) - {
    "plugin-switch",
    "left-without-quit",
    "access-denied",
    "connection-reset",
}


@pytest.mark.parametrize(
    "name", [stem(each.file) for each in SESSIONS if not each.exit_code and "fault" not in each.file]
)
def test_no_fault_is_seen_where_there_is_none(name: str) -> None:
    connection = analysed(name)
    assert connection["outcome"] == "accepted"
    assert not GRAVE & {finding["code"] for finding in connection["findings"] if finding["severity"] != "info"}
