"""foreign-client: the client's first bytes are no MySQL login."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls, without_login
from analyzer.analysis.findings.foreign_protocols import client_protocol, shown
from analyzer.analysis.findings.helpers import is_whole
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict

CLIENT = 0
# Errors that tell of bytes which are no packet; 1043 is of those that are (truncated-login).
REFUSALS = (1153, 1156)


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    if (
        facts.login.record is not None
        or (facts.greeting.record is None and not facts.greeting.early_error)
        or not is_whole(case)
    ):
        return
    if c.tls is not None:
        yield from _tls_at_once(case)
        return
    bad = [m for m in facts.faults.malformed if m[0] == CLIENT and m[1].startswith("Handshake")]
    if not bad and not c.tcp.bytes_from_client:
        return
    if facts.faults.cut_records.get("HandshakeResponse41"):
        return
    first = facts.greeting.client_first
    name = client_protocol(first)
    frames = [bad[0][5] if bad else facts.greeting.frame]
    evidence = [f"the client's first bytes: {shown(first)}"] if first else []
    if c.error is not None:
        evidence.append(f"frame {c.error.frame}: ERR {c.error.code}, {c.error.message!r}")
    if name:
        evidence.append(f"they are {name}")
        yield RULE.says(frames, {"name": name, "source": c.client.address}, variant="known", evidence=evidence)
    elif c.error.code in REFUSALS if c.error is not None else not facts.faults.cut_packets:
        yield RULE.says(
            frames,
            {"source": c.client.address},
            confidence=LIKELY,
            evidence=evidence,
            doubt="they are no protocol that is known here, so it may be a broken MySQL client too",
        )


def _tls_at_once(case: Case) -> Iterator[Verdict]:
    """A ClientHello where the login, or the SSLRequest before TLS, is due."""
    facts = case.facts
    tls = case.tls
    done = tls is None or tls.handshake_done_frame is not None or tls.decrypted
    if facts.login.ssl_request is not None or done or case.connection.outcome == "accepted":
        return
    yield RULE.says(
        [facts.login.tls_frame or 0],
        {"source": case.connection.client.address},
        variant="tls",
        confidence=LIKELY,
        evidence=[f"frame {facts.login.tls_frame}: a TLS ClientHello, without an SSLRequest before it"],
        doubt="a broken MySQL driver could do this too",
    )


RULE = Rule(
    "foreign-client",
    WARNING,
    "The client's first bytes are no MySQL login",
    (without_login, has_tls),
    check,
    looks_at=(
        "what the client sends in place of the login: HTTP, TLS, SSH, PostgreSQL, Redis ...; the server's ERR"
        " 1156 or 1043"
    ),
    about=(
        "A program of another protocol connected to the MySQL port: a browser, a monitoring system that tries"
        " HTTP, a scanner, or a program with a wrong port in its configuration. The server reads the first "
        "bytes as a packet's length and sequence id, and answers 'Got packets out of order'."
    ),
    message="What {source} sent in place of a login is none: it speaks another protocol, or a broken one.",
    advice=(
        "Find the program on the client's machine (by its port: ss -tnp) and correct its address or port. If "
        "it is meant to be a MySQL client, its driver is broken."
    ),
    variants=(
        (
            "known",
            "{source} spoke {name} to the MySQL port.",
            "",
        ),
        (
            "tls",
            (
                "{source} began TLS at once, where MySQL wants an SSLRequest first: it takes the port for one"
                " of HTTPS or another protocol inside TLS."
            ),
            (
                "Correct the program's address or port. A MySQL client begins TLS only after the greeting and"
                " an SSLRequest."
            ),
        ),
    ),
    causes=(
        "a scanner that tries protocols",
        "a proxy that adds a PROXY header which the server does not expect (proxy_protocol_networks)",
    ),
    sources=(
        "MySQL Source Documentation: MySQL Packets; Connection Phase",
        "MySQL Error Reference: ER_NET_PACKETS_OUT_OF_ORDER",
    ),
)
