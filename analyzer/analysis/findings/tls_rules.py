"""Findings about TLS that nobody can read: what its sizes tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.findings.rule import Case, Verdict

# What is inferred of the login -> how it is said.
_WORDS: Final = {
    "accepted": "was {how} accepted",
    "rejected": "was {how} refused",
    "sent": "was {how} sent; its outcome does not show",
}
_HOW: Final = {"likely": "probably", "possible": "perhaps"}
_KEYS: Final = "Give a key log (--keylog FILE) to know instead of inferring."


def encrypted_login(case: Case) -> Iterator[Verdict]:
    """What the sizes and the order of encrypted records tell of a login."""
    tls = case.connection.tls
    inferred = tls.inferred if tls is not None else None
    if inferred is None:
        return
    what = _WORDS[inferred.login].format(how=_HOW[inferred.confidence])
    message = f"Going by sizes and times, the login inside TLS {what}"
    if inferred.commands:
        message += f", and about {inferred.commands} command{'s' if inferred.commands > 1 else ''} followed"
    advice = _KEYS
    if inferred.login == "rejected":
        advice = f"Look at the server's error log, or at what the client was told. {_KEYS}"
    yield Verdict(f"{message}: {inferred.why}.", advice, [inferred.frame], inferred.confidence)
