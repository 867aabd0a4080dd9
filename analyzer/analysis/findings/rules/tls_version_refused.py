"""tls-version-refused: the two sides have no TLS version in common."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.tls_rules import VERSION, error_after, failure


def check(case: Case) -> Iterator[Verdict]:
    found = failure(case)
    alert = found.alert if found is not None else None
    if found is None or alert is None or found.kind != VERSION:
        return
    offered = ", ".join(case.connection.tls.offered_versions) if case.connection.tls else ""
    filling: dict[str, object] = {"side": alert.sender, "alert": alert.description}
    filling["offered"] = f" (the client offers {offered})" if offered else ""
    evidence = [f"frame {alert.frame}: alert {alert.description} of the {alert.sender}", *error_after(case)]
    if case.tls is not None and offered:
        evidence.insert(0, f"frame {case.facts.login.tls_frame}: the client offers {offered}")
    yield RULE.says([*found.frames, alert.frame], filling, evidence=evidence)


RULE = Rule(
    "tls-version-refused",
    ERROR,
    "The two sides have no TLS version in common",
    (has_tls,),
    check,
    looks_at="an alert protocol_version (or inappropriate_fallback), perhaps followed by ERR 1043 in plain text",
    about=(
        "Client and server each allow some TLS versions, and none of them is allowed by both. MySQL "
        "from 8.0.28 on takes TLS 1.2 and 1.3 only, and so does OpenSSL 3 as it is set up by default; clients "
        "on old Java, Python or OpenSSL may know only 1.0 and 1.1."
    ),
    message="The {side} ended the TLS handshake because no TLS version suits both sides: alert {alert}{offered}.",
    advice=(
        "Compare tls_version of the server (SHOW VARIABLES LIKE 'tls_version') with the client's (--tls-"
        "version, tlsVersions in JDBC); update the client's TLS library rather than turning TLS 1.0 or 1.1 on"
        " again."
    ),
    causes=("a crypto policy of the operating system on one of the two sides",),
    sources=(
        "RFC 8446, section 6.2 (protocol_version)",
        "MySQL Reference Manual: Encrypted Connection TLS Protocols and Ciphers",
    ),
)
