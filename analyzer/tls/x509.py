"""X.509, parsed by `cryptography` only (RFC 5280). Imported when a certificate is seen: it is a large library."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from analyzer.tls.certificates import CertificateSeen

# Names by the signature algorithms' object identifiers (RFC 4055, RFC 5758, RFC 8410); others show as dotted numbers.
SIGNATURES: Final[dict[str, str]] = {
    "1.2.840.113549.1.1.4": "RSA with MD5",
    "1.2.840.113549.1.1.5": "RSA with SHA-1",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "RSA with SHA-256",
    "1.2.840.113549.1.1.12": "RSA with SHA-384",
    "1.2.840.113549.1.1.13": "RSA with SHA-512",
    "1.2.840.113549.1.1.14": "RSA with SHA-224",
    "1.2.840.10040.4.3": "DSA with SHA-1",
    "2.16.840.1.101.3.4.3.2": "DSA with SHA-256",
    "1.2.840.10045.4.1": "ECDSA with SHA-1",
    "1.2.840.10045.4.3.1": "ECDSA with SHA-224",
    "1.2.840.10045.4.3.2": "ECDSA with SHA-256",
    "1.2.840.10045.4.3.3": "ECDSA with SHA-384",
    "1.2.840.10045.4.3.4": "ECDSA with SHA-512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}


def describe_certificate(der: bytes) -> CertificateSeen:
    """Raises ValueError where `der` is no certificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        kind, size, key = _key(certificate)
        return CertificateSeen(
            certificate.subject.rfc4514_string(),
            certificate.issuer.rfc4514_string(),
            certificate.not_valid_before_utc.isoformat(),
            certificate.not_valid_after_utc.isoformat(),
            key,
            hashlib.sha256(der).hexdigest(),
            kind,
            size,
            _signature(certificate),
            _is_self_signed(certificate),
        )
    except (TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error


def _key(certificate: x509.Certificate) -> tuple[str, int, str]:
    try:
        public = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown", 0, "unknown"
    if isinstance(public, rsa.RSAPublicKey):
        return "RSA", public.key_size, f"RSA {public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return "ECDSA", public.key_size, f"ECDSA {public.curve.name}"
    if isinstance(public, dsa.DSAPublicKey):
        return "DSA", public.key_size, f"DSA {public.key_size}"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "Ed25519", 256, "Ed25519"
    if isinstance(public, ed448.Ed448PublicKey):
        return "Ed448", 456, "Ed448"
    name = type(public).__name__
    return name, 0, name


def _signature(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid.dotted_string
    name = SIGNATURES.get(oid, oid)
    if name == "RSASSA-PSS":
        try:
            algorithm = certificate.signature_hash_algorithm
        except UnsupportedAlgorithm:
            return name
        if algorithm is not None:
            return f"{name} with {algorithm.name.upper().replace('SHA', 'SHA-')}"
    return name


def _is_self_signed(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
