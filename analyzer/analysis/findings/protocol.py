"""Findings about packets that break the protocol."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.base import LIKELY, Case, Said
from analyzer.protocol.machine import CLIENT


def sequence_error(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    if not facts.sequence_errors or facts.gaps or facts.assumed:
        return
    error = facts.sequence_errors[0][0]
    side = "client" if error.sender == CLIENT else "server"
    more = len(facts.sequence_errors) - 1
    yield Said(
        f"The {side} sent a packet with sequence id {error.found} where {error.expected} was due"
        + (f" ({more} more such packets follow)." if more else "."),
        f"The fault is with the {side}, or with a proxy in between that rewrites packets.",
        [f for _, f in facts.sequence_errors],
    )


def malformed_packet(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    for role, record, field, offset, reason, frame in facts.malformed[:5]:
        side = "client" if role == CLIENT else "server"
        yield Said(
            f"The {side}'s packet is no {record}: field {field} at byte {offset}, {reason}.",
            f"The fault is with the {side}, with a proxy in between, or the port is used by something else.",
            [frame],
            LIKELY if facts.gaps or facts.assumed else "certain",
            "warning" if facts.gaps or facts.assumed else None,
        )
