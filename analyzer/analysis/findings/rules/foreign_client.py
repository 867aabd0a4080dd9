"""foreign-client: the client's first bytes are no MySQL login."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls, without_login
from analyzer.analysis.findings.foreign_protocols import client_protocol, shown
from analyzer.analysis.findings.helpers import is_whole
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.rules.proxy_header_refused import is_refused

CLIENT = 0
# Errors that tell of bytes which are no packet; 1043 is of those that are (truncated-login).
REFUSALS = (1153, 1156)


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    if is_refused(case):
        return  # what came was a PROXY header: proxy-header-refused
    if (
        facts.login.record is not None
        or (facts.greeting.record is None and not facts.greeting.early_error)
        or not is_whole(case)
    ):
        return
    if c.tls is not None:
        return  # tls-first
    bad = [m for m in facts.faults.malformed if m[0] == CLIENT and m[1].startswith("Handshake")]
    if not bad and not facts.greeting.client_first:
        return
    if facts.faults.cut_records.get("HandshakeResponse41"):
        return
    first = facts.greeting.client_first
    if is_login(first):
        return  # the error came before it, from a proxy in between
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


def is_login(first: bytes) -> bool:
    """Whether the client's first bytes begin a login of 4.1 and later: sequence id 1, its flags, a filler of zeros."""
    return len(first) >= 32 and first[3] == 1 and first[5] & 0x02 == 0x02 and not any(first[13:28])


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
