"""Errors that a server answers a login with: what they mean and what to do.

Sources: MySQL 9.7 "Server Error Message Reference"; MariaDB "MariaDB Error Codes".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analyzer.analysis.findings.base import CERTAIN, ERROR, NETWORK_ERRORS, ON_ERROR, WARNING, Case, Rule, Said

# error codes, finding code, severity, title, advice
_ROWS: tuple[tuple[frozenset[int], str, str, str, str], ...] = (
    (
        frozenset({1040}),
        "too-many-connections",
        ERROR,
        "The server has no connection left",
        "Look for clients that open more than they close (SHOW PROCESSLIST); pool connections; raise max_connections.",
    ),
    (
        frozenset({1129}),
        "host-blocked",
        ERROR,
        "The server blocks this host after too many broken connections",
        "Find what connects and leaves without logging in (health checks, scanners); unblock with FLUSH HOSTS or "
        "TRUNCATE TABLE performance_schema.host_cache; raise max_connect_errors.",
    ),
    (
        frozenset({1130}),
        "host-not-allowed",
        ERROR,
        "No account may connect from this host",
        "Create an account for the client's address as the server sees it (behind NAT or a proxy: theirs).",
    ),
    (
        frozenset({1044}),
        "database-access-denied",
        ERROR,
        "The account has no rights on the database it asked for",
        "GRANT rights on the database to the account, or connect without naming it.",
    ),
    (
        frozenset({1045, 1698}),
        "access-denied",
        ERROR,
        "User, password, host or a required TLS property do not match",
        "Check user name, password and the host part of the account. REQUIRE SSL and REQUIRE X509 look the same on the "
        "wire when they are not met. With --password-file the captured response can be checked.",
    ),
    (
        frozenset({1049}),
        "unknown-database",
        ERROR,
        "The database named in the login does not exist",
        "Correct the database name (case matters on most servers), create it, or connect without naming one.",
    ),
    (
        frozenset({3118, 4151}),
        "account-locked",
        ERROR,
        "The account is locked",
        "ALTER USER ... ACCOUNT UNLOCK.",
    ),
    (
        frozenset({1862, 1820}),
        "password-expired",
        ERROR,
        "The account's password has expired",
        "Set a new one with ALTER USER; a client that sets CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS may log in to do so.",
    ),
    (
        frozenset({3955, 4150}),
        "account-temporarily-locked",
        ERROR,
        "The account is locked for a time after failed logins",
        "Wait, or ALTER USER ... ACCOUNT UNLOCK; find the client with the old password.",
    ),
    (
        frozenset({1203, 1226}),
        "user-limit-reached",
        ERROR,
        "The account has reached one of its limits",
        "Close idle connections, or raise MAX_USER_CONNECTIONS (or the limit named in the message) of the account.",
    ),
    (
        frozenset({3159}),
        "tls-required",
        ERROR,
        "The server takes no login without TLS",
        "Turn TLS on in the client (ssl-mode REQUIRED or its driver's option): require_secure_transport is ON.",
    ),
    (
        frozenset({1251}),
        "plugin-unsupported",
        ERROR,
        "The client can not do the authentication that the account needs",
        "Use a newer client library, or give the account a plugin that the client has.",
    ),
    (
        frozenset({1524}),
        "plugin-not-loaded",
        ERROR,
        "The account's authentication plugin is not loaded in the server",
        "Load the plugin, or ALTER USER ... IDENTIFIED WITH another one (mysql_native_password is gone from MySQL 9).",
    ),
    (
        frozenset({1043}),
        "bad-handshake",
        ERROR,
        "The server could not read the login",
        "The client's handshake response is short, has too large attributes, or differs from its SSLRequest.",
    ),
    (
        NETWORK_ERRORS,
        "network-error-reported",
        WARNING,
        "The server reports that it could not read from or write to the client",
        "An echo of a client that left or went silent; look at the client and the network, not at the server.",
    ),
    (
        frozenset({1156, 1153, 1157}),
        "packet-refused",
        ERROR,
        "The server refused a packet",
        "Out of order, too large or not MySQL at all: look at what the client sent just before.",
    ),
)
_NAMED = frozenset().union(*(row[0] for row in _ROWS))


def _by_code(codes: frozenset[int], title: str, advice: str, case: Case) -> Iterator[Said]:
    error = case.connection.error
    if error is None or error.code not in codes or error.phase == "command":
        return
    end = case.talk.facts.end
    if error.code in NETWORK_ERRORS and end is not None and end[0] == case.talk.client and end[2] < error.frame:
        return  # the echo of a client that had closed already: other findings say why it did
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    yield Said(f"{title}: error {error.code}{state}, {error.message!r}.", advice, [error.frame], CERTAIN)


def _other(case: Case) -> Iterator[Said]:
    error = case.connection.error
    if error is None or error.code in _NAMED or error.phase == "command":
        return
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    yield Said(
        f"The server ended the login with error {error.code}{state}, {error.message!r}.",
        "Look the code up in the server's error message reference.",
        [error.frame],
        CERTAIN,
    )


RULES: tuple[Rule, ...] = (
    *(
        Rule(code, severity, title, ON_ERROR, partial(_by_code, codes, title, advice))
        for codes, code, severity, title, advice in _ROWS
    ),
    Rule("login-refused", ERROR, "The server refused the login", ON_ERROR, _other),
)
