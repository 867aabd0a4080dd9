"""TLS sessions made here and now with Python's ssl module, every byte of both directions recorded."""

from __future__ import annotations

import contextlib
import datetime
import ssl
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.x509.oid import NameOID

from analyzer.tls.records import CLIENT, SERVER
from tests.tls.support import Flight

# OpenSSL's options that the ssl module has no names for.
OP_NO_ENCRYPT_THEN_MAC = 1 << 19
OP_NO_EXTENDED_MASTER_SECRET = 1 << 0


def make_certificate(folder: Path, name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    """A self-signed certificate and its key, in one PEM file."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36500))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("db.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class Bench:
    """Certificates, contexts and a key log to make sessions with."""

    def __init__(self, folder: Path) -> None:
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.rsa = make_certificate(folder, "rsa.example", self.rsa_key)
        self.ecdsa = make_certificate(folder, "ecdsa.example", ec.generate_private_key(ec.SECP256R1()))
        self.user = make_certificate(folder, "user", ec.generate_private_key(ec.SECP256R1()))
        self._log = folder / "keys.txt"

    def contexts(
        self,
        version: ssl.TLSVersion,
        suites: str | None = None,
        *,
        ecdsa: bool = False,
        options: int = 0,
        client_certificate: bool = False,
        verify: bool = True,
    ) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """(client, server)."""
        own = self.ecdsa if ecdsa else self.rsa
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(own)
        client.check_hostname = False
        if verify:
            client.load_verify_locations(own)
        for context in (client, server):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
            context.options |= options
            if suites is not None:
                context.set_ciphers(f"{suites}:@SECLEVEL=0")
        if client_certificate:
            client.load_cert_chain(self.user)
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(self.user)
        client.keylog_filename = str(self._log)
        return client, server

    def take_log(self) -> bytes:
        """The key log lines since the last call."""
        if not self._log.exists():
            return b""
        text = self._log.read_bytes()
        with self._log.open("wb"):
            return text


class Pair:
    """A client and a server that talk through memory."""

    def __init__(self, contexts: tuple[ssl.SSLContext, ssl.SSLContext], session: ssl.SSLSession | None = None) -> None:
        self.flights: list[Flight] = []
        self._in = (ssl.MemoryBIO(), ssl.MemoryBIO())
        self._out = (ssl.MemoryBIO(), ssl.MemoryBIO())
        client, server = contexts
        self.client = client.wrap_bio(self._in[0], self._out[0], server_hostname="db.example", session=session)
        self.server = server.wrap_bio(self._in[1], self._out[1], server_side=True)
        self.sides = (self.client, self.server)

    def flush(self, sender: int) -> None:
        data = self._out[sender].read()
        if data:
            self.flights.append((sender, data))
            self._in[1 - sender].write(data)

    def handshake(self) -> None:
        done = [False, False]
        for _ in range(10):
            for sender in (CLIENT, SERVER):
                if not done[sender]:
                    try:
                        self.sides[sender].do_handshake()
                        done[sender] = True
                    except ssl.SSLWantReadError:
                        pass
                    finally:
                        self.flush(sender)
            if all(done):
                return
        raise AssertionError("the handshake does not end")

    def send(self, sender: int, data: bytes) -> None:
        """Writes, and has the other side read it."""
        self.sides[sender].write(data)
        self.flush(sender)
        taken = b""
        while len(taken) < len(data):
            taken += self.sides[1 - sender].read(1 << 20)
        assert taken == data
        self.flush(1 - sender)

    def pump(self, sender: int) -> None:
        """Has a side read what it got, where that is no application data."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.sides[sender].read(1)
        self.flush(sender)

    def close(self, sender: int) -> None:
        with contextlib.suppress(ssl.SSLError):
            self.sides[sender].unwrap()
        self.flush(sender)


QUESTION = b"\x03select 1" * 40
ANSWER = b"\x01\x00one" * 4000


def conversation(pair: Pair) -> Pair:
    """A handshake, some of everything, and an end in order."""
    pair.handshake()
    pair.send(CLIENT, QUESTION)
    pair.send(SERVER, ANSWER)
    pair.send(CLIENT, b"quit")
    pair.close(CLIENT)
    pair.close(SERVER)
    return pair


class Writer13:
    """Writes records of TLS 1.3 under AES-128-GCM, with nothing of the code under test (RFC 8446, 5 and 7)."""

    def __init__(self, secret: bytes) -> None:
        self._rekey(secret)

    def _expand(self, label: bytes, length: int) -> bytes:
        info = length.to_bytes(2, "big") + bytes([6 + len(label)]) + b"tls13 " + label + b"\0"
        return HKDFExpand(hashes.SHA256(), length, info).derive(self._secret)

    def _rekey(self, secret: bytes) -> None:
        self._secret = secret
        self._aead = AESGCM(self._expand(b"key", 16))
        self._iv = self._expand(b"iv", 12)
        self.sequence = 0

    def record(self, data: bytes, kind: int = 23, padding: int = 0) -> bytes:
        inner = data + bytes([kind]) + bytes(padding)
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        number = self.sequence.to_bytes(12, "big")
        self.sequence += 1
        nonce = bytes(a ^ b for a, b in zip(number, self._iv, strict=True))
        return header + self._aead.encrypt(nonce, inner, header)

    def key_update(self) -> bytes:
        record = self.record(b"\x18\x00\x00\x01\x00", kind=22)
        self.update()
        return record

    def update(self) -> None:
        """What follows is under the keys after the present ones."""
        self._rekey(self._expand(b"traffic upd", 32))
