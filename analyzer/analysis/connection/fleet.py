"""All connections of a run together: who speaks how to what, what fails, how long logins take, what an upgrade breaks.

Memory depends on the number of different users, drivers, servers ..., each of which is bounded.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from analyzer.analysis.commands.statistics import Durations
from analyzer.analysis.model.connection import Connection

MOST: Final = 10_000
OTHERS: Final = "(others)"
NOT_SEEN: Final = "(not seen)"

# What is counted, in the order in which it is shown.
KINDS: Final = (
    *("outcome", "server", "user", "client", "driver", "plugin", "password_protection", "tls", "cipher_suite"),
    *("compression", "cause"),
)
PHASES: Final = ("tcp_connect_ns", "greeting_ns", "tls_ns", "login_ns", "authentication_ns", "total_ns")


class UpgradeRule(NamedTuple):
    """What a server version no longer takes. `kind` and `values` are what is counted above.

    It is asked of servers that are not of the flavor `apart`: their upgrade is another.
    """

    target: str
    apart: str | None
    kind: str
    values: tuple[str, ...]
    why: str
    # What the manual says; where the servers of the project's own matrix show it too, that is noted.
    source: str


# Seen on real servers: MySQL 9.7 has caching_sha2_password and sha256_password, no mysql_native_password; MariaDB 10.11
# and 11.8 load no caching_sha2_password by themselves; all three take TLS 1.2 and 1.3 only.
RULES: Final[tuple[UpgradeRule, ...]] = (
    UpgradeRule(
        "MySQL 8.4",
        "mariadb",
        "plugin",
        ("mysql_native_password",),
        "mysql_native_password is not loaded unless the server is started with --mysql-native-password=ON",
        "MySQL 8.4 Reference Manual, 'What Is New in MySQL 8.4'",
    ),
    UpgradeRule(
        "MySQL 9.x",
        "mariadb",
        "plugin",
        ("mysql_native_password",),
        "mysql_native_password was removed in 9.0: its accounts can not log in; ALTER USER ... IDENTIFIED WITH "
        "caching_sha2_password before the upgrade",
        "MySQL 9.0 Release Notes",
    ),
    UpgradeRule(
        "MySQL 8.4 and 9.x",
        "mariadb",
        "plugin",
        ("mysql_old_password",),
        "mysql_old_password was removed in 5.7.5",
        "MySQL 5.7 Reference Manual, 'What Is New in MySQL 5.7'",
    ),
    UpgradeRule(
        "MySQL 9.x",
        "mariadb",
        "plugin",
        ("sha256_password",),
        "sha256_password is deprecated, and to be removed; caching_sha2_password takes its place",
        "MySQL Reference Manual, 'SHA-256 Pluggable Authentication'",
    ),
    UpgradeRule(
        "MySQL 8.4, 9.x and MariaDB 11.8",
        None,
        "tls",
        ("TLSv1.0", "TLSv1.1", "TLSv1", "SSLv3"),
        "the server takes TLS 1.2 and 1.3 only",
        "MySQL Reference Manual, 'Encrypted Connection TLS Protocols and Ciphers'; MariaDB, 'tls_version'",
    ),
    UpgradeRule(
        "MariaDB 11.8",
        None,
        "plugin",
        ("sha256_password",),
        "MariaDB has no such plugin: accounts that move there need another (parsec, ed25519)",
        "MariaDB Server documentation, 'Authentication Plugin - SHA-256'",
    ),
    UpgradeRule(
        "MariaDB 11.8",
        "mariadb",
        "plugin",
        ("caching_sha2_password",),
        "MariaDB has caching_sha2_password from 11.4.9, 11.8.4 and 12.1 on, as a plugin that has to be installed "
        "(INSTALL SONAME 'auth_mysql_sha2'); before that accounts need another (parsec, ed25519)",
        "MariaDB Server documentation, 'Authentication Plugin - caching_sha2_password'",
    ),
)


class Breakage(msgspec.Struct):
    """What would break, and how many connections (and which users) do it today."""

    target: str
    what: str
    why: str
    connections: int
    users: list[str]
    source: str


class Fleet(msgspec.Struct):
    """Counts by kind and name, login times by phase; `users_of` (target, name) -> users whom it would lock out."""

    connections: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    counts: dict[str, dict[str, int]] = {}
    times: dict[str, Durations] = {}
    users_of: dict[tuple[str, str], dict[str, int]] = {}
    unencrypted: int = 0
    findings: dict[str, int] = {}

    def add(self, connection: Connection) -> None:
        if connection.is_copy:
            return
        self.connections += 1
        start, end = connection.start_time_ns, connection.end_time_ns
        self.first_ns = start if self.first_ns is None else min(self.first_ns, start)
        self.last_ns = end if self.last_ns is None else max(self.last_ns, end)
        names = _names(connection)
        flavor = connection.greeting.flavor if connection.greeting is not None else None
        for kind in KINDS:
            name = names.get(kind)
            if name is not None:
                _count(self.counts.setdefault(kind, {}), name)
        self.unencrypted += connection.login is not None and connection.tls is None
        for code in {finding.code for finding in connection.findings}:
            _count(self.findings, code)
        for rule in RULES:
            name = names.get(rule.kind)
            if name in rule.values and connection.login is not None and flavor != rule.apart:
                _count(self.users_of.setdefault((rule.target, name), {}), connection.login.user)
        if connection.outcome == "accepted":
            for phase in PHASES:
                ns = getattr(connection.timing, phase)
                if ns is not None:
                    self.times.setdefault(phase, Durations()).add(ns)

    def merge(self, other: Fleet) -> None:
        """Adds what another process, or another capture, has seen."""
        self.connections += other.connections
        self.unencrypted += other.unencrypted
        if other.first_ns is not None and (self.first_ns is None or other.first_ns < self.first_ns):
            self.first_ns = other.first_ns
        if other.last_ns is not None and (self.last_ns is None or other.last_ns > self.last_ns):
            self.last_ns = other.last_ns
        for kind, counts in other.counts.items():
            _merge(self.counts.setdefault(kind, {}), counts)
        for key, users in other.users_of.items():
            _merge(self.users_of.setdefault(key, {}), users)
        _merge(self.findings, other.findings)
        for phase, times in other.times.items():
            self.times.setdefault(phase, Durations()).merge(times)

    def most(self, kind: str) -> list[tuple[str, int]]:
        """(name, count) of a kind, the most frequent first."""
        return sorted(self.counts.get(kind, {}).items(), key=lambda item: (-item[1], item[0]))

    def breakages(self) -> list[Breakage]:
        """What an upgrade would break of what was seen."""
        found = []
        for rule in RULES:
            for name in rule.values:
                users = self.users_of.get((rule.target, name))
                if users is not None:
                    ranked = sorted(users, key=lambda user: (-users[user], user))
                    found.append(Breakage(rule.target, name, rule.why, sum(users.values()), ranked[:20], rule.source))
        return found


def _names(connection: Connection) -> dict[str, str]:
    """What a connection counts as, of each kind."""
    server = f"{connection.server.address}:{connection.server.port}"
    greeting, login, tls = connection.greeting, connection.login, connection.tls
    names = {"outcome": connection.outcome, "client": connection.client.address, "compression": connection.compression}
    names["server"] = f"{server} ({greeting.flavor} {greeting.server_version})" if greeting is not None else server
    if login is not None:
        names["user"] = login.user
    driver = connection.driver
    if driver is not None and driver.name:
        names["driver"] = f"{driver.name} {driver.version}" if driver.version else driver.name
    authentication = connection.authentication
    if authentication is not None and authentication.plugin:
        names["plugin"] = authentication.plugin
    if authentication is not None and authentication.password_protection:
        names["password_protection"] = authentication.password_protection
    names["tls"] = "none" if tls is None else tls.version or NOT_SEEN
    if tls is not None and tls.cipher_suite:
        names["cipher_suite"] = tls.cipher_suite
    if connection.outcome in ("rejected", "aborted"):
        names["cause"] = _cause(connection)
    return names


def _cause(connection: Connection) -> str:
    """Why a login failed: the gravest finding, else the server's error, else what is known."""
    worst = next((f for grade in ("error", "warning") for f in connection.findings if f.severity == grade), None)
    if worst is not None:
        return worst.code
    if connection.error is not None:
        return f"error {connection.error.code}"
    return f"{connection.outcome} in the phase {connection.phase_reached}"


def _count(counts: dict[str, int], name: str, times: int = 1) -> None:
    if name not in counts and len(counts) >= MOST:
        name = OTHERS
    counts[name] = counts.get(name, 0) + times


def _merge(counts: dict[str, int], others: dict[str, int]) -> None:
    for name, times in others.items():
        _count(counts, name, times)
