"""right-password: the given password makes the captured response."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_password
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    password = case.evidence.password
    if password is None:
        return
    for frame, plugin, nonce, response in case.facts.auth.proofs:
        if plugin.verify(password, nonce, response):
            evidence = [f"frame {frame}: {len(response)} bytes of {plugin.name}, from a nonce of {len(nonce)} bytes"]
            yield RULE.says([frame], evidence=evidence)


RULE = Rule(
    "right-password",
    INFO,
    "The given password makes the captured response",
    (has_password,),
    check,
    looks_at="with --password-file: the captured nonce and response, and what the given password makes of that nonce",
    about=(
        "A scramble is computed from the password and a number that the server makes up for each connection. "
        "Both numbers are in the capture, so a password can be checked against them without asking the server. "
        "This one fits: the client had it."
    ),
    message="The given password is right: it makes exactly the response that was captured. The client had it.",
    advice=(
        "If the server refused it all the same, it has another password for the account, or refuses the account for "
        "another reason."
    ),
    sources=(
        "MySQL Source Documentation: Authentication Methods",
        "MariaDB Knowledge Base: Authentication Plugins",
    ),
)
