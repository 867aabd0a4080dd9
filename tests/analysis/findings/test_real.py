"""Findings in recordings of real servers: what is meant to be there is, and what is healthy stays silent."""

from __future__ import annotations

from typing import Final

import pytest

from analyzer.analysis.findings.catalog import TABLE
from tests.analysis.support import analyse_file, codes
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"

# finding -> recordings of real servers (samples/README.md) in which it has to be
RECORDED: Final[dict[str, tuple[str, ...]]] = {
    "client-gave-up": ("mysql97_raw_fault-ssl-flag-without-tls",),
    "access-denied": ("mysql97_raw_wrong-password", "mariadb118_raw_wrong-password", "mysql97_raw_ssl-required"),
    "account-locked": ("mysql97_raw_locked", "mariadb118_raw_locked"),
    "attributes-too-large": ("mysql97_raw_fault-attributes-over-64k", "mysql97_raw_attributes-600"),
    "bad-handshake": ("mysql97_raw_fault-truncated-response",),
    "cleartext-password": ("mariadb118_raw_pam-dialog",),
    "collation-mismatch": ("mysql97_raw_two-byte-collation",),
    "group-replication": ("mysql97_group-replication",),
    "connection-reset": ("mysql97_raw_fault-reset-after-login",),
    "database-access-denied": ("mysql97_raw_database-denied",),
    "deprecated-plugin": ("mysql97_raw_sha256-rsa", "mariadb118_raw_old-password"),
    "encrypted-login": ("mysql97_raw_tls13",),
    "foreign-client": ("mysql97_raw_fault-http-request", "mysql97_raw_fault-speaks-first"),
    "full-auth-refused": ("mysql97_raw_fault-drop-after-full-auth-request",),
    "host-blocked": ("mysql97_socket_host-blocked",),
    "keys-missing": ("mysql97_raw_tls12",),
    "left-without-quit": ("mysql97_raw_fault-close-after-login",),
    "login-before-tls": ("mysql97_raw_fault-login-before-tls",),
    "login-timeout": ("mysql97_raw_fault-silence-after-greeting",),
    "malformed-packet": ("mysql97_raw_fault-empty-command",),
    "network-error-reported": ("mysql97_raw_fault-silence-after-greeting",),
    "packet-refused": ("mysql97_raw_fault-wrong-sequence-id",),
    "password-expired": ("mysql97_raw_expired", "mysql97_pymysql_expired"),
    "plugin-switch": ("mysql97_raw_switch-from-native", "mariadb118_raw_parsec"),
    "plugin-unsupported": ("mysql97_raw_fault-drop-after-switch",),
    "probe-connection": ("mysql97_raw_fault-close-after-greeting", "mysql97_raw_fault-close-before-greeting"),
    "protocol-41-missing": ("mysql97_raw_fault-no-protocol-41",),
    "sequence-error": ("mysql97_raw_fault-wrong-sequence-id", "mysql97_raw_fault-command-sequence-id"),
    "server-stalled": ("mysql97_raw_fault-ssl-flag-without-tls",),
    "tls-flag-without-tls": (
        "mysql97_raw_fault-ssl-flag-without-tls",
        "mariadb118_raw_fault-ssl-flag-without-tls",
    ),
    "tls-handshake-failed": ("mysql97_raw_fault-close-in-tls", "mysql97_raw_fault-plain-text-in-tls"),
    "tls-login-mismatch": ("mysql97_raw_fault-collation-differs-in-tls",),
    "tls-required": ("mysql97_raw_secure-transport",),
    "tls-untrusted-certificate": ("mysql97_raw_tls12-untrusted", "mysql97_raw_tls13-untrusted"),
    "tls-version-refused": ("mysql97_raw_tls11-refused",),
    "too-many-connections": ("mysql97_pymysql_too-many-connections",),
    "truncated-login": ("mysql97_raw_fault-truncated-response", "mysql97_raw_fault-cut-packet"),
    "unknown-database": ("mysql97_raw_unknown-database",),
    "user-limit-reached": ("mysql97_raw_user-limit",),
}
# Sessions with nothing to say of them at all.
HEALTHY: Final = (
    *("mysql97_raw_fast-auth", "mysql97_raw_full-auth-rsa", "mysql97_raw_prepared", "mysql97_raw_several-results"),
    *("mysql97_raw_ipv6", "mysql97_raw_zstd", "mysql97_cli_zlib", "mysql97_connector_prepared"),
    *("mariadb118_raw_native", "mariadb118_raw_extended", "mariadb1011_cli_native", "mariadb118_raw_proxy-v2"),
)
# Neither samples/ nor a server here makes these; test_each.py does. Of some, the corpus has one (test_corpus.py).
MADE: Final = frozenset(
    {"change-user-refused", "replication-refused"}
    | {"account-temporarily-locked", "cached-login-never-hits", "capability-not-offered", "capture-gap"}
    | {"capture-mid-stream", "capture-one-sided", "capture-truncated", "connection-churn", "decryption-failed"}
    | {"foreign-server", "host-not-allowed", "login-refused", "no-greeting", "retransmissions"}
    | {"backend-unavailable", "command-after-quit", "command-cut-off", "duplicate-replica", "health-check"}
    | {"eof-packets-mismatch"}
    | {"init-connect-failed", "overlapping-commands", "packet-too-large", "proxy-header-refused", "statement-leak"}
    | {
        "plaintext-before-tls",
        "plaintext-in-tls",
        "tls-first",
        "unanswered-commands",
        "unexpected-local-infile",
        "unknown-statement",
    }
    | {"answer-lost", "clock-step", "idle-connection-dropped", "path-mtu", "seen-twice", "server-went-down"}
    | {"retransmission-differs", "slow-reader", "server-ended-session", "session-killed", "slow-login"}
    | {"tls-not-offered", "unencrypted-login", "weak-tls"}
    | {"wrong-password", "right-password"}
)


def recorded(name: str) -> list[set[str]]:
    """The findings of each connection of a sample, without its keys."""
    (path,) = (p for p in SAMPLES.glob(f"{name}.pcap*") if "golden" not in p.name)
    return [codes(connection) for connection, _ in analyse_file(path)]


@pytest.mark.parametrize(("code", "name"), [(code, name) for code, names in RECORDED.items() for name in names])
def test_real_servers_make_it(code: str, name: str) -> None:
    assert any(code in found for found in recorded(name))


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_sessions_are_silent(name: str) -> None:
    assert recorded(name) == [set()]


def test_it_is_known_of_each_where_it_comes_from() -> None:
    assert RECORDED.keys() | MADE == {rule.code for rule in TABLE}
    assert not RECORDED.keys() & MADE
