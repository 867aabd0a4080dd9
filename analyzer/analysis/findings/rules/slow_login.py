"""slow-login: the login took long."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import SECOND, span
from analyzer.analysis.findings.rule import INFO, LIKELY, ON_SLOW, WARNING, Case, Rule, Verdict
from analyzer.analysis.model.connection import Timing

# What a resolver waits before it asks the next DNS server: less may be a busy machine, and is only noted. From 1 s on a
# login is slow by itself, before only against others (findings/across.py).
GRAVE_NS = 5 * SECOND
PARTS = {
    "TCP connect": "the network, or a listen queue that is full (back_log)",
    "greeting": "the server before its greeting: a DNS look-up of the client (skip_name_resolve), no free thread, a "
    "proxy that connects to its back end only now",
    "TLS": "the TLS handshake: a client that starts up (a JVM's first TLS connection), certificate checks that ask a "
    "server (OCSP, CRL)",
    "client": "the client before its login: it starts up, resolves something, or is overloaded",
    "authentication": "the authentication: a backend such as PAM or LDAP, a slow key exchange, an overloaded server",
}
# Plugins that may wait for a person.
ASKING = ("dialog", "authentication_webauthn_client", "authentication_fido_client")


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    total = c.timing.total_ns
    if total is None or c.outcome != "accepted":
        return
    parts = parts_of(c.timing)
    if not parts:
        return
    name, most = max(parts.items(), key=lambda part: part[1])
    facts = case.conversation.facts
    asks = facts.auth.plugin in ASKING and name == "authentication"
    filling: dict[str, object] = {"total": span(total), "part": name, "most": span(most), "where": PARTS[name]}
    yield RULE.says(
        [facts.greeting.frame, facts.login.frame, facts.auth.verdict_frame],
        filling,
        confidence=LIKELY,
        severity=INFO if asks or total < GRAVE_NS else None,
        evidence=[f"{what}: {span(ns)}" for what, ns in parts.items()],
        doubt="the times are those of the place where the capture was made"
        + ("; a person may have typed the password" if asks else ""),
    )


def parts_of(timing: Timing) -> dict[str, int]:
    """Where the time of a login went, in ns; parts that were not seen are left out."""
    client = None if timing.login_ns is None else timing.login_ns - (timing.tls_ns or 0)
    parts = {
        "TCP connect": timing.tcp_connect_ns,
        "greeting": timing.greeting_ns,
        "TLS": timing.tls_ns,
        "client": client,
        "authentication": timing.authentication_ns,
    }
    return {name: ns for name, ns in parts.items() if ns is not None}


RULE = Rule(
    "slow-login",
    WARNING,
    "The login took long",
    ON_SLOW,
    check,
    looks_at=(
        "the time from the first SYN to the server's OK, in its parts; 1 s (a warning from 5 s on), or five "
        "times the median of the other logins to the same server and more than 200 ms"
    ),
    about=(
        "How long a login takes is decided by five parts: TCP, the server's greeting, TLS, the client, the "
        "authentication. The largest one says where to look."
    ),
    message="The login took {total}; {most} of it were {part}.",
    advice="Look at {where}.",
    causes=("the network's own delay, if each part is slow",),
    sources=("MySQL Reference Manual: DNS Lookups and the Host Cache; Server System Variables, back_log",),
)
