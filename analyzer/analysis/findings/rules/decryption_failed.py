"""decryption-failed: TLS that the given keys do not open."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.rule import INFO, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.tls_rules import failure, outside_tls


def check(case: Case) -> Iterator[Verdict]:
    tls = case.tls
    session = case.connection.tls
    if tls is None or session is None or not tls.secrets or tls.problem is None:
        return
    if session.version is None and case.connection.tcp.syn and not case.connection.tcp.gaps:
        return  # TLS never came about: there was nothing to open
    if outside_tls(case) is not None:
        return  # no key opens what is plain text
    failed = failure(case)
    if failed is not None and failed.sealed is None:
        return  # nor was anything said inside
    frame = case.facts.login.tls_frame
    yield RULE.says(
        [frame] if frame else [],
        {
            "part": "A part of the connection" if tls.decrypted else "What was said inside TLS",
            "problem": tls.problem,
            "random": tls.wanted_random or "not in the capture",
        },
        severity=INFO if tls.decrypted else None,
        evidence=[
            f"{tls.secrets} secrets were given",
            *([f"{session.version}, {session.cipher_suite or 'cipher suite not known'}"] if session.version else []),
        ],
    )


RULE = Rule(
    "decryption-failed",
    WARNING,
    "TLS that the given keys do not open",
    (has_tls,),
    check,
    looks_at=("a connection in TLS, a key log that was given, and why it does not open the session (or a part of it)"),
    about=(
        "A key log was given and does not open this session: it lacks its client random, holds a wrong "
        "secret, or the part of the handshake that names the session is not in the capture."
    ),
    message="{part} can not be read with the keys that were given: {problem}.",
    advice="The key log has to come from this very session: its client random is {random}.",
    causes=("the log was written by another process, or after the connection had begun",),
    sources=(
        "RFC 9850 (SSLKEYLOGFILE)",
        "RFC 8446, section 7.1",
    ),
)
