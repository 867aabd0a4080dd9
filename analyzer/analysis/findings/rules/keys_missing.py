"""keys-missing: tLS without keys: the login can not be read."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    tls = case.tls
    if case.connection.outcome == "encrypted" and tls is not None and not tls.secrets:
        frame = case.facts.login.tls_frame
        wanted = tls.wanted_random
        evidence = [f"the session's client random: {wanted}"] if wanted else []
        yield RULE.says([frame] if frame else [], evidence=evidence)


RULE = Rule(
    "keys-missing",
    INFO,
    "TLS without keys: the login can not be read",
    (has_tls,),
    check,
    looks_at="a connection that goes on in TLS, and no key log",
    about=(
        "Everything after the TLS handshake is encrypted, the login too. With the session's secrets it can be"
        " read: clients built on OpenSSL, Java or Go can write them while they run."
    ),
    message="The connection went on in TLS, and no keys were given: user, verdict and commands can not be read.",
    advice=(
        "Give a key log of the client or the server (--keylog FILE, NSS format), or put it into the pcapng "
        "(handshark inject-keys). Many clients write one: SSLKEYLOGFILE for Python "
        "(SSLContext.keylog_filename), node --tls-keylog, KeyLogWriter in Go."
    ),
    sources=("RFC 9850 (SSLKEYLOGFILE)",),
)
