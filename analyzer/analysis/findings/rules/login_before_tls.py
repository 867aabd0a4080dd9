"""login-before-tls: a login in plain text, and TLS only after it."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    login = facts.login.before_tls
    if login is None or case.connection.tls is None:
        return
    evidence = [f"frame {login[1]}: a whole login", f"frame {facts.login.tls_frame}: TLS begins only here"]
    yield RULE.says([login[1]], {"user": case.name(login[0])}, evidence=evidence)


RULE = Rule(
    "login-before-tls",
    ERROR,
    "A login in plain text, and TLS only after it",
    (has_tls,),
    check,
    looks_at="a whole login with CLIENT_SSL set in plain text, and a TLS handshake only after it",
    about=(
        "The client sent its login, user name and scramble, where the short SSLRequest belongs, and began TLS"
        " after that. Servers take it, so nobody notices; but what TLS was to protect was sent before it."
    ),
    message="The client sent its login (user {user!r}) in plain text, and TLS only after it.",
    advice=(
        "A fault of the client: an SSLRequest (the first 32 bytes of the login alone) has to come first, so "
        "that the login is inside TLS."
    ),
    sources=("MySQL Source Documentation: SSL Handshake; Protocol::SSLRequest",),
)
