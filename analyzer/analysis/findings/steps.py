"""The steps of an auth exchange."""

from __future__ import annotations

from analyzer.analysis.conversation.facts import Facts, StepSeen
from analyzer.analysis.findings.rule import NETWORK_ERRORS


def last_step(facts: Facts) -> StepSeen:
    """The last step before a side left; the server's error about that is no step."""
    echo = facts.closing.error is not None and facts.closing.error.error_code in NETWORK_ERRORS
    return facts.auth.steps[-2] if echo and len(facts.auth.steps) > 1 else facts.auth.steps[-1]
