"""sequence-error: a packet with the wrong sequence id."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_faults
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.rules.plaintext_before_tls import injected
from analyzer.analysis.findings.rules.proxy_header_refused import is_refused
from analyzer.protocol.machine.machine import CLIENT


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    if not facts.faults.sequence_errors or facts.faults.gaps or facts.faults.assumed:
        return
    if injected(case):
        return  # what was put in between shifts the numbers of what follows
    if is_refused(case):
        return  # the header is what was out of order; what answers it counts from there
    error = facts.faults.sequence_errors[0][0]
    side = "client" if error.sender == CLIENT else "server"
    more = len(facts.faults.sequence_errors) - 1
    frames = [frame for _, frame in facts.faults.sequence_errors]
    evidence = [
        f"frame {frame}: sequence id {each.found}, {each.expected} was due"
        for each, frame in facts.faults.sequence_errors[:5]
    ]
    refused = case.connection.error
    if refused is not None and refused.code == OUT_OF_ORDER:
        evidence.append(f"frame {refused.frame}: ERR {OUT_OF_ORDER}, {refused.message!r}")
    filling: dict[str, object] = {"side": side, "found": error.found, "expected": error.expected}
    filling["more"] = f" ({more} more such packets follow)" if more else ""
    yield RULE.says(frames, filling, evidence=evidence)


OUT_OF_ORDER = 1156


RULE = Rule(
    "sequence-error",
    ERROR,
    "A packet with the wrong sequence id",
    (has_faults,),
    check,
    looks_at=(
        "the fourth byte of each packet, which counts from 0 within a command and through the login; the "
        "server's ERR 1156"
    ),
    about=(
        "Each packet has a sequence id that goes up by one within an exchange, whoever sends. A wrong one "
        "means that a side lost track: the two no longer agree what is answered by what. Clients say 'Packets"
        " out of order', 'Packet sequence number wrong'; servers say error 1156."
    ),
    message="The {side} sent a packet with sequence id {found} where {expected} was due{more}.",
    advice=(
        "The fault is with the {side}, or with a proxy in between that adds or drops packets. With a driver: "
        "two threads that share one connection do this, and so does a connection that goes on after an error "
        "or a timeout in the middle of a response; close such connections."
    ),
    causes=(
        "one connection used by two threads at the same time",
        "a proxy that multiplexes connections",
    ),
    sources=(
        "MySQL Source Documentation: MySQL Packets, Sequence ID",
        "MySQL Error Reference: ER_NET_PACKETS_OUT_OF_ORDER",
    ),
)
