"""bad-handshake: the server could not read the login."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    if case.connection.outcome != "aborted":  # the client had left before it sent a byte
        yield from refusal(case, RULE)


RULE = Rule(
    "bad-handshake",
    ERROR,
    "The server could not read the login",
    (has_error,),
    check,
    looks_at="ERR 1043",
    about=(
        "The server says that what came in place of a login is none, and no more than that. What was wrong is"
        " mostly another finding of the same connection: truncated-login, protocol-41-missing, tls-login-"
        "mismatch, tls-flag-without-tls, attributes-too-large, or a failed TLS handshake."
    ),
    message="The server could not read the login: error {code}{state}, {text!r}, {place}.",
    advice=(
        "Look at the other findings of this connection first; else compare the login's capabilities with its "
        "fields (handshark dissect -V), and look for a proxy that rewrites it."
    ),
    causes=(
        "a client that is broken or very old",
        "a proxy in between that changes packets",
        "TLS that failed: MySQL says 1043 in plain text after it",
    ),
    sources=(
        "MySQL Source Documentation: Connection Phase, Protocol::HandshakeResponse41",
        "MySQL Error Reference: ER_HANDSHAKE_ERROR",
    ),
    errors=frozenset({1043}),
)
