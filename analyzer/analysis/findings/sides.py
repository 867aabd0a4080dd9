"""Which directions of a connection the capture holds."""

from __future__ import annotations

from analyzer.analysis.findings.rule import Case


def one_sided(case: Case) -> bool:
    """Whether one side's segments are in the capture, and none of the other's."""
    halves = case.conversation.tcp.halves
    return not (halves[0].next >= 0 and halves[1].next >= 0) and any(half.bytes for half in halves)
