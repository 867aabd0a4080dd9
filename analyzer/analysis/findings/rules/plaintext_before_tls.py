"""plaintext-before-tls: the server's side sent bytes behind the greeting, in plain text, and TLS began after them."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TLS


def injected(case: Case) -> bool:
    """Bytes where none are due, and a TLS handshake that the server took part in behind them."""
    early, tls = case.facts.hostile.before_tls, case.connection.tls
    if early is None or tls is None or tls.version is None:
        return False
    return case.facts.login.tls_frame is None or early[0] <= case.facts.login.tls_frame


def check(case: Case) -> Iterator[Verdict]:
    early = case.facts.hostile.before_tls
    if early is None or not injected(case):
        return
    frame, size = early
    tls_frame = case.facts.login.tls_frame
    evidence = [f"frame {frame}: {size} bytes of the server behind its greeting, in plain text"]
    if tls_frame is not None:
        evidence.append(f"frame {tls_frame}: TLS begins only here")
    yield RULE.says([frame, tls_frame or 0], {"size": size}, evidence=evidence)


RULE = Rule(
    "plaintext-before-tls",
    ERROR,
    "Bytes of the server in plain text between its greeting and TLS",
    (injected,),
    check,
    given=TLS,
    looks_at="bytes of the server's direction behind the greeting, before the TLS handshake that follows",
    about=(
        "Between its greeting and the TLS handshake a server has nothing to say. Whoever can write into the connection"
        " puts packets there (STARTTLS injection): a client that reads them after TLS has begun takes them for the"
        " server's, as if they had come through TLS. That is how a login or a result is forged without a certificate."
    ),
    message="{size} bytes came from the server's side in plain text, between the greeting and TLS.",
    advice=(
        "Take it for an attack until something else is proved: look for a proxy or a device between client and server"
        " that writes into connections. A client has to end such a connection; its TLS mode has to verify the"
        " server's certificate (VERIFY_IDENTITY)."
    ),
    causes=("a proxy that speaks the protocol wrongly",),
    sources=("MySQL Source Documentation: SSL Handshake; NO STARTTLS (USENIX Security 2021)",),
)
