"""tls-flag-without-tls: cLIENT_SSL is set and no TLS follows."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error, is_aborted
from analyzer.analysis.findings.helpers import ended, span
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.protocol.tables.capabilities import CLIENT_SSL


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    login = facts.login.record
    if login is None or c.tls is not None or not login.capability_flags & CLIENT_SSL:
        return
    if c.outcome in ("accepted", "unknown"):
        return
    evidence = [f"frame {facts.login.frame}: a whole login with CLIENT_SSL (0x0800) set"]
    if c.error is not None:
        evidence.append(f"frame {c.error.frame}: ERR {c.error.code}, {c.error.message!r}")
    else:
        evidence += [f"silence of the server for {span(c.end_time_ns - facts.login.time_ns)}", ended(case)]
    yield RULE.says([facts.login.frame], evidence=evidence)


RULE = Rule(
    "tls-flag-without-tls",
    ERROR,
    "CLIENT_SSL is set and no TLS follows",
    (has_error, is_aborted),
    check,
    of_login=True,
    looks_at="CLIENT_SSL in a full login, and no ClientHello: MySQL is silent, MariaDB answers ERR 1043",
    about=(
        "CLIENT_SSL belongs into the SSLRequest, the first 32 bytes of a login sent alone, after which TLS "
        "has to begin. A client that sets it in a login without TLS makes the server wait for a TLS handshake"
        " that never comes."
    ),
    message=("The login sets CLIENT_SSL, and no TLS follows: MySQL waits for it in silence, MariaDB refuses (1043)."),
    advice="A fault of the client: set CLIENT_SSL only if TLS is to begin, and send an SSLRequest first.",
    causes=("a proxy that ends TLS itself and passes the client's flags on",),
    sources=("MySQL Source Documentation: Protocol::SSLRequest; SSL Handshake",),
)
