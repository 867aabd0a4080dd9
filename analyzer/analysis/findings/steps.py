"""The steps of an auth exchange."""

from __future__ import annotations

from analyzer.analysis.conversation.facts import Facts, StepSeen
from analyzer.analysis.findings.rule import NETWORK_ERRORS


def last_step(facts: Facts) -> StepSeen:
    """The last step before a side left; the server's error about that is no step."""
    echo = facts.error is not None and facts.error.error_code in NETWORK_ERRORS
    return facts.steps[-2] if echo and len(facts.steps) > 1 else facts.steps[-1]
