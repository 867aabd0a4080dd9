"""weak-tls: tLS that is old, weak, or about to expire."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.rule import INFO, WARNING, Case, Rule, Verdict
from analyzer.analysis.model.connection import Certificate, Tls

OLD = {"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"}
# Parts of suite names -> why they are weak (RFC 7465, RFC 9155, RFC 9325 section 4.1).
SUITES = (
    ("_NULL_", "it does not encrypt"),
    ("_EXPORT", "its keys were made to be broken"),
    ("_anon_", "nobody proves who he is"),
    ("_RC4_", "RC4 is broken"),
    ("_3DES_", "blocks of 64 bits"),
    ("_DES_", "keys of 56 bits"),
    ("_IDEA_", "blocks of 64 bits"),
    ("_MD5", "MD5"),
)
KEY_EXCHANGE = "TLS_RSA_WITH_"
SHORTEST = {"RSA": 2048, "DSA": 2048, "ECDSA": 224}
WEAK_HASHES = ("MD5", "SHA-1")
SOON = 30


def check(case: Case) -> Iterator[Verdict]:
    tls = case.connection.tls
    if tls is None or tls.version is None:
        return
    frame = case.facts.login.tls_frame or tls.requested_frame or 0
    weak = session_faults(tls)
    for owner, chain in (("server", tls.certificates[:1]), ("client", tls.client_certificates[:1])):
        for certificate in chain:
            weak += certificate_faults(owner, certificate)
    if weak:
        evidence = [f"{tls.version}, {tls.cipher_suite}", *weak]
        yield RULE.says([frame], {"weak": "; ".join(weak)}, evidence=evidence)
        return
    for certificate in tls.certificates[:1]:
        days = certificate.days_left
        if days is not None and 0 <= days < SOON and not certificate.expired:
            filling: dict[str, object] = {"days": days, "date": certificate.not_after}
            yield RULE.says([frame], filling, variant="soon", severity=INFO)


def session_faults(tls: Tls) -> list[str]:
    weak = [f"{tls.version} is given up since RFC 8996"] if tls.version in OLD else []
    suite = tls.cipher_suite or ""
    weak += [f"{suite}: {why}" for part, why in SUITES if part in suite]
    if suite.startswith(KEY_EXCHANGE):
        weak.append(f"{suite}: who gets the server's key later can read this connection (no forward secrecy)")
    return weak


def certificate_faults(owner: str, certificate: Certificate) -> list[str]:
    weak = []
    if certificate.expired:
        weak.append(f"the {owner}'s certificate expired on {certificate.not_after}")
    if certificate.not_yet_valid:
        weak.append(f"the {owner}'s certificate is valid from {certificate.not_before} only")
    least = SHORTEST.get(certificate.key_type, 0)
    if 0 < certificate.key_size < least:
        weak.append(f"the {owner}'s certificate has a key of {certificate.key} (at least {least} bits are due)")
    if not certificate.self_signed and certificate.signature_algorithm.endswith(WEAK_HASHES):
        weak.append(f"the {owner}'s certificate is signed with {certificate.signature_algorithm}")
    return weak


RULE = Rule(
    "weak-tls",
    WARNING,
    "TLS that is old, weak, or about to expire",
    (has_tls,),
    check,
    looks_at="TLS version, cipher suite, the server's (and the client's) certificate: key, signature, dates",
    about=(
        "TLS is in use, and does not protect as it should: versions 1.0 and 1.1, suites with RC4, 3DES or "
        "without forward secrecy, keys under 2048 bits, a certificate that has expired. A client that "
        "verifies would refuse some of this, so it likely does not verify. Certificates that expire within 30"
        " days are told at the time of the capture, as info."
    ),
    message="TLS does not protect as it should: {weak}.",
    advice=(
        "On the server: tls_version='TLSv1.2,TLSv1.3', suites with ECDHE and AES-GCM or ChaCha20 (ssl_cipher,"
        " tls_ciphersuites), a new certificate with an RSA key of at least 2048 bits or an ECDSA one (ALTER "
        "INSTANCE RELOAD TLS takes it without a restart)."
    ),
    variants=(
        (
            "soon",
            "The server's certificate expires in {days} days, on {date}.",
            ("Renew it in time; ALTER INSTANCE RELOAD TLS (FLUSH SSL on MariaDB) takes the new one without a restart."),
        ),
    ),
    sources=(
        "RFC 8996 (TLS 1.0 and 1.1)",
        "RFC 9325, sections 3.1, 4.1 and 4.5",
        "MySQL Reference Manual: Encrypted Connection TLS Protocols and Ciphers",
    ),
)
