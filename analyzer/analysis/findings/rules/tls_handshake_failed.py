"""tls-handshake-failed: tLS was asked for and did not come to be."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.helpers import by_client, ended
from analyzer.analysis.findings.rule import ERROR, LIKELY, POSSIBLE, Case, Rule, Verdict
from analyzer.analysis.findings.tls_rules import MEANINGS, OTHER, error_after, failure


def check(case: Case) -> Iterator[Verdict]:
    """TLS was asked for and never came to be: by an alert, or because a side left or said something else."""
    found = failure(case)
    if found is None or found.kind != OTHER:
        return
    alert = found.alert
    if alert is not None:
        filling: dict[str, object] = {"side": alert.sender, "alert": alert.description}
        filling["meaning"] = MEANINGS.get(alert.description or "", "see RFC 8446, section 6.2")
        evidence = [f"frame {alert.frame}: alert {alert.description} of the {alert.sender}", *error_after(case)]
        yield RULE.says([*found.frames, alert.frame], filling, evidence=evidence)
        return
    if found.unused:
        yield RULE.says(
            found.frames,
            variant="unused",
            confidence=POSSIBLE,
            evidence=["the client sent nothing inside TLS", ended(case), *error_after(case)],
            doubt="no alert says why",
        )
        return
    if found.sealed is not None:
        yield RULE.says(
            [*found.frames, found.sealed.frame],
            {"side": found.sealed.sender},
            variant="sealed",
            confidence=POSSIBLE,
            evidence=[f"frame {found.sealed.frame}: an encrypted alert of the {found.sealed.sender}", ended(case)],
            doubt="what the alert says is encrypted",
        )
        return
    tls = case.tls
    if tls is not None and tls.tls13 and by_client(case):
        yield RULE.says(
            found.frames,
            variant="left",
            confidence=POSSIBLE,
            evidence=["TLS 1.3: all but the two hellos is encrypted", ended(case), *error_after(case)],
            doubt="the alert that says why, if there was one, is encrypted",
        )
        return
    what = "before any TLS was seen" if case.tls is None else "in the middle of the TLS handshake"
    yield RULE.says(
        found.frames,
        {"what": what},
        variant="silent",
        confidence=LIKELY,
        evidence=[ended(case), *error_after(case)],
        doubt="no alert says why",
    )


RULE = Rule(
    "tls-handshake-failed",
    ERROR,
    "TLS was asked for and did not come to be",
    (has_tls,),
    check,
    looks_at=(
        "an alert of either side in the handshake other than those about versions and certificates; or a side"
        " that leaves in the middle of it, or a client that leaves right after it"
    ),
    about=(
        "Both sides agreed to use TLS, and could not. The alert says who gave up and why: no cipher suite in "
        "common, a broken message, a name nobody knows."
    ),
    message="The {side} ended the TLS handshake with the alert {alert}: {meaning}.",
    advice=(
        "Compare TLS versions, cipher suites (ssl_cipher, tls_ciphersuites on the server) and certificates of"
        " the two sides; the client's own error message mostly says more."
    ),
    variants=(
        (
            "silent",
            "The client asked for TLS, and the connection ended {what}.",
            "Look at the client's own error message: it gave up, or sent something that is no TLS.",
        ),
        (
            "left",
            (
                "The client left in the middle of the TLS 1.3 handshake, in which alerts are encrypted: perhaps it "
                "does not accept the server's certificate."
            ),
            "Look at the client's own error message; give it the CA that signed the server's certificate (--ssl-ca).",
        ),
        (
            "sealed",
            (
                "The {side} ended the TLS handshake with an alert that is encrypted: perhaps it does not "
                "accept the other's certificate."
            ),
            "Give a key log (--keylog) to read the alert, or look at the client's own error message.",
        ),
        (
            "unused",
            (
                "The client left as soon as TLS had come about, and sent no login: perhaps it does not accept the "
                "server's certificate, which some clients look at only then (libmariadb, and what is built on it)."
            ),
            "Look at the client's own error message; give it the CA that signed the server's certificate (--ssl-ca).",
        ),
    ),
    causes=(
        "a crypto policy of the operating system",
        "a proxy in between that does not pass TLS on",
    ),
    sources=(
        "RFC 8446, section 6.2",
        "MySQL Reference Manual: Encrypted Connection TLS Protocols and Ciphers",
    ),
)
