"""encrypted-login: what sizes and times of TLS tell of the login."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict

# What is inferred of the login -> how it is said.
_WORDS: Final = {
    "accepted": "was {how} accepted",
    "rejected": "was {how} refused",
    "sent": "was {how} sent; its outcome does not show",
}
_HOW: Final = {"likely": "probably", "possible": "perhaps"}
_KEYS: Final = "Give a key log (--keylog FILE) to know instead of inferring."


def check(case: Case) -> Iterator[Verdict]:
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


RULE = Rule(
    "encrypted-login",
    INFO,
    "What sizes and times of TLS tell of the login",
    (has_tls,),
    check,
    looks_at="sizes, order and times of encrypted records, where no keys were given",
    about=(
        "TLS hides what is said, not how much and when. A refused login has another rhythm than an accepted one: one "
        "record of the client, one of the server, and the connection ends. This is inferred, and never certain."
    ),
    message="Going by sizes and times, the login inside TLS was accepted, refused, or only sent.",
    advice="Give a key log (--keylog FILE) to know instead of inferring.",
    causes=("a plugin, or messages of lengths, that are not foreseen here",),
    sources=("RFC 8446, section 5.4", "MySQL Source Documentation: Connection Phase"),
)
