"""wrong-password: the given password does not make the captured response."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_password
from analyzer.analysis.findings.password_mistakes import known_mistake
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    password = case.evidence.password
    if password is None:
        return
    for frame, plugin, nonce, response in case.facts.auth.proofs:
        right = plugin.verify(password, nonce, response)
        if right is None or right:
            continue
        evidence = [f"frame {frame}: {len(response)} bytes of {plugin.name}, from a nonce of {len(nonce)} bytes"]
        mistake = known_mistake(plugin, password, nonce, response)
        if mistake:
            yield RULE.says([frame], {"mistake": mistake}, variant="mistake", evidence=evidence)
        else:
            yield RULE.says([frame], evidence=evidence)


RULE = Rule(
    "wrong-password",
    WARNING,
    "The given password does not make the captured response",
    (has_password,),
    check,
    looks_at=("with --password-file: the captured nonce and response, and what the given password makes of that nonce"),
    about=(
        "A scramble is computed from the password and a number that the server makes up for each connection. "
        "Both numbers are in the capture, so a password can be checked against them without asking the "
        "server. Where it does not fit, the mistakes of known drivers are tried: halves of the nonce swapped,"
        " the nonce cut at a zero byte or used with the one after it, the parts of the hash in the wrong "
        "order."
    ),
    message=(
        "The given password is wrong: it does not make the captured response. The client used another password, or "
        "computed its response in a way nobody here knows."
    ),
    advice=(
        "Compare the client's configuration with the password given here (a newline or space at the end, "
        "characters outside ASCII)."
    ),
    variants=(
        (
            "mistake",
            "The given password is right, and the client computed its response wrongly: {mistake}.",
            (
                "This is a fault of the driver (or of how its password is configured): use another version, "
                "or correct the setting."
            ),
        ),
    ),
    sources=(
        "MySQL Source Documentation: Authentication Methods",
        "MariaDB Knowledge Base: Authentication Plugins",
    ),
)
