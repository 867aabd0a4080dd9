"""tls-untrusted-certificate: one side does not accept the other's certificate."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.driver_options import TRUST, option
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.tls_rules import CERTIFICATE, error_after, failure

# alert -> what is meant by it (RFC 8446, 6.2).
MEANINGS = {
    "unknown_ca": "no CA that it trusts signed it",
    "bad_certificate": "it is damaged, or its signature or name is wrong",
    "certificate_expired": "it has expired, or is not valid yet",
    "certificate_revoked": "it has been revoked",
    "certificate_unknown": "something about it is not acceptable",
    "unsupported_certificate": "it is of a kind that is not supported",
    "certificate_required": "none was sent, and one is required",
    "no_certificate": "none was sent",
}


def check(case: Case) -> Iterator[Verdict]:
    found = failure(case)
    alert = found.alert if found is not None else None
    if found is None or alert is None or found.kind != CERTIFICATE:
        return
    other = "server" if alert.sender == "client" else "client"
    tls = case.connection.tls
    chain = (tls.certificates if other == "server" else tls.client_certificates) if tls is not None else []
    evidence = [f"frame {alert.frame}: alert {alert.description} of the {alert.sender}", *error_after(case)]
    for each in chain[:3]:
        signed = "self-signed" if each.self_signed else f"signed by {each.issuer}"
        evidence.append(f"certificate of {each.subject}: {signed}, valid from {each.not_before} to {each.not_after}")
    filling: dict[str, object] = {
        "side": alert.sender,
        "other": other,
        "alert": alert.description,
        "meaning": MEANINGS.get(alert.description or "", "something about it is not acceptable"),
        "option": option(case, TRUST),
    }
    variant = "" if alert.sender == "client" else "client"
    if chain and chain[0].self_signed and alert.sender == "client":
        variant = "self-signed"
    yield RULE.says([*found.frames, alert.frame], filling, variant=variant, evidence=evidence)


RULE = Rule(
    "tls-untrusted-certificate",
    ERROR,
    "One side does not accept the other's certificate",
    (has_tls,),
    check,
    looks_at=(
        "a client's alert unknown_ca, bad_certificate, certificate_expired ... and, up to TLS 1.2 or with "
        "keys, the certificate chain; a server's about the client's certificate"
    ),
    about=(
        "One side checked the other's certificate and did not accept it. Mostly the client was not given the "
        "CA that signed the server's certificate (servers make one of their own at their first start), or the"
        " certificate has expired, or its name is not the host's."
    ),
    message="The {side} does not accept the {other}'s certificate: {meaning} (alert {alert}).",
    advice=(
        "Give the client the CA: {option}. Check the certificate's dates and that its names hold the host "
        "name the client connects to (openssl s_client -starttls mysql -connect HOST:PORT shows it)."
    ),
    variants=(
        (
            "self-signed",
            ("The client does not accept the server's certificate, which is self-signed: {meaning} (alert {alert})."),
            (
                "Give the client this certificate as CA: {option}. Or sign the server's certificate with a CA"
                " that the client trusts."
            ),
        ),
        (
            "client",
            "The server does not accept the client's certificate: {meaning} (alert {alert}).",
            (
                "Give the client a certificate and key signed by the CA in the server's ssl_ca (--ssl-cert, "
                "--ssl-key, or the driver's options), and check its dates."
            ),
        ),
    ),
    causes=(
        "a clock that is wrong on the client's machine",
        "a proxy in between with a certificate of its own",
    ),
    sources=(
        "RFC 8446, sections 4.4.2 and 6.2",
        (
            "MySQL Reference Manual: Creating SSL and RSA Certificates and Keys; Configuring MySQL to Use "
            "Encrypted Connections"
        ),
    ),
)
