"""tls-not-offered: the client left at once, and the server offers no TLS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.analysis.findings.conditions import is_aborted
from analyzer.analysis.findings.helpers import by_client, ended
from analyzer.analysis.findings.history import History, pair_of
from analyzer.analysis.findings.rule import A_BIT_AHEAD, POSSIBLE, WARNING, Case, Found, Rule, Verdict
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.tables.capabilities import CLIENT_SSL

# So many connections without a login are no client's that insists on TLS.
OFTEN = 3


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    greeting = facts.greeting.record
    if not isinstance(greeting, HandshakeV10) or greeting.capability_flags & CLIENT_SSL:
        return
    if c.tcp.bytes_from_client or c.tls or facts.faults.gaps or c.outcome != "aborted" or not by_client(case):
        return
    yield RULE.says(
        [facts.greeting.frame, facts.closing.end[2] if facts.closing.end else 0],
        confidence=POSSIBLE,
        evidence=[f"frame {facts.greeting.frame}: the greeting lacks CLIENT_SSL", "no byte of the client", ended(case)],
        doubt="health checks and scanners leave in the same way; only the client's own message tells",
    )


def conclude(found: Sequence[Found], history: History) -> None:
    """Who opens and closes connections again and again is a check, and never meant to log in."""
    for connection, finding in found:
        ended = history.ended.get(pair_of(connection))
        if ended is not None and ended.count >= OFTEN and finding in connection.findings:
            connection.findings.remove(finding)


RULE = Rule(
    "tls-not-offered",
    WARNING,
    "The client left at once, and the server offers no TLS",
    (is_aborted,),
    check,
    looks_at="a greeting without CLIENT_SSL, no byte of the client, and the client closes",
    about=(
        "A client that is told to use TLS looks for CLIENT_SSL in the greeting. If it is not there, it closes"
        " and tells its user ('SSL connection is required but the server doesn't support it', error 2026), "
        "and nothing of that is on the wire."
    ),
    message="The server offers no TLS, and the client left without a word: it may insist on TLS.",
    advice=(
        "If the client is told to require TLS: give the server a certificate (ssl_cert, ssl_key; SHOW "
        "VARIABLES LIKE '%ssl%'; look in its error log), or look for a proxy in between that takes TLS away."
    ),
    causes=("a health check or a scanner (probe-connection)",),
    conclude=conclude,
    ahead=A_BIT_AHEAD,
    sources=(
        "MySQL Reference Manual: Configuring MySQL to Use Encrypted Connections",
        "MySQL Source Documentation: Protocol::HandshakeV10",
    ),
)
