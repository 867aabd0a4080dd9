"""A certificate authority, a server and a client certificate; MySQL makes its own, which are RSA."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.servers.addresses import HOST, IPV6_HOST, QUIET_HOSTS

ADDRESSES = (HOST, *QUIET_HOSTS, IPV6_HOST)
YEARS = 10

RSA = "rsa"
ECDSA = "ecdsa"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _key(kind: str) -> Key:
    if kind == ECDSA:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name: str, issuer: str, key: Key) -> x509.CertificateBuilder:
    # A day back: clocks of containers differ.
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(_subject(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * YEARS))
    )


def _write(certificate: x509.Certificate, key: Key, path: Path, key_path: Path) -> None:
    pem = serialization.Encoding.PEM
    path.write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    key_path.touch(mode=0o600)
    key_path.write_bytes(private)


def make_certificates(directory: Path, kind: str = RSA) -> None:
    """Write ca.pem, server-cert.pem, client-cert.pem and their keys into `directory`, named as MySQL names its own.

    All with keys of one kind: RSA of 2048 bits, or ECDSA on P-256.
    """
    authority = "Handshark test CA"
    ca_key = _key(kind)
    ca = (
        _builder(authority, authority, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    _write(ca, ca_key, directory / "ca.pem", directory / "ca-key.pem")
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    for role, purpose in (("server", ExtendedKeyUsageOID.SERVER_AUTH), ("client", ExtendedKeyUsageOID.CLIENT_AUTH)):
        key = _key(kind)
        builder = _builder(f"handshark test {role}", authority, key)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if role == "server":
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(ca_key, hashes.SHA256())
        _write(signed, key, directory / f"{role}-cert.pem", directory / f"{role}-key.pem")
