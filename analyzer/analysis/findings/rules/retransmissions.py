"""retransmissions: segments were sent more than once."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE

# Share of retransmitted segments is not known; a few are normal.
MANY = 3


def applies(case: Case) -> bool:
    return case.connection.tcp.retransmissions >= MANY


def check(case: Case) -> Iterator[Verdict]:
    tcp = case.connection.tcp
    if tcp.retransmissions >= MANY:
        evidence = [f"{tcp.retransmissions} segments again, {tcp.out_of_order} out of order"]
        yield RULE.says([], {"count": tcp.retransmissions}, evidence=evidence)


RULE = Rule(
    "retransmissions",
    INFO,
    "Segments were sent more than once",
    (applies,),
    check,
    given=TROUBLE,
    looks_at="segments whose bytes were in the capture already: at least 3 of a connection",
    about=(
        "A segment that was not acknowledged in time is sent again. A few are normal; many make a connection "
        "slow in jumps of 200 ms and more."
    ),
    message=(
        "{count} segments carry bytes that were in the capture already: the network lost some, or the capture"
        " saw them twice."
    ),
    advice=(
        "Compare the times: copies microseconds apart are made by the capture (-i any shows a segment once "
        "for each interface it passes); copies 200 ms apart are loss on the network."
    ),
    causes=("a capture on all interfaces, or a mirror port that copies both directions twice",),
    sources=("RFC 6298",),
)
