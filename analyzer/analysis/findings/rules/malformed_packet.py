"""malformed-packet: bytes that are not the record they have to be."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_faults
from analyzer.analysis.findings.rule import CERTAIN, ERROR, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.rules.plaintext_before_tls import injected
from analyzer.protocol.machine.machine import CLIENT

MOST = 5


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    unsure = bool(facts.faults.gaps) or facts.faults.assumed
    early = facts.hostile.before_tls if injected(case) else None
    for role, record, field, offset, reason, frame in facts.faults.malformed[:MOST]:
        if early is not None and role != CLIENT and early[0] <= frame <= (facts.login.tls_frame or 0):
            continue  # plaintext-before-tls says what it is
        side = "client" if role == CLIENT else "server"
        yield RULE.says(
            [frame],
            {"side": side, "record": record, "field": field, "offset": offset, "reason": reason},
            confidence=LIKELY if unsure else CERTAIN,
            severity=WARNING if unsure else None,
            evidence=[f"frame {frame}: {record}.{field} at byte {offset} of the payload: {reason}"],
            doubt="a part of the connection is not in the capture, so what this packet has to be is assumed"
            if unsure
            else None,
        )


RULE = Rule(
    "malformed-packet",
    ERROR,
    "Bytes that are not the record they have to be",
    (has_faults,),
    check,
    looks_at=(
        "every packet that does not decode as the record that sender and state demand: record, field, offset, reason"
    ),
    about=(
        "What a packet is follows from who sends it and what came before. This one can not be that. Nothing "
        "behind the place where it breaks is trusted."
    ),
    message="The {side}'s packet is no {record}: field {field} at byte {offset}, {reason}.",
    advice=(
        "The fault is with the {side}, with a proxy in between, or the port is used by something else. With "
        "-vvv handshark analyze shows the bytes."
    ),
    causes=(
        "a protocol extension that is not known here (please report it, with the capture)",
        "a proxy that rewrites packets",
    ),
    sources=(
        "MySQL Source Documentation: Client/Server Protocol",
        "MariaDB Knowledge Base: Client/Server Protocol",
    ),
)
