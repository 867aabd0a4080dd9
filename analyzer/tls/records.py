"""The TLS record layer as anyone on the way sees it: records, plain-text handshake messages, alerts.

Sources: RFC 8446 (TLS 1.3: sections 4, 5, 6), RFC 5246 (TLS 1.2), RFC 6066 (server_name), RFC 8447 (registries).
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from analyzer.tls.tables import ALERTS, CIPHER_SUITES, VERSIONS

CLIENT: Final = 0
SERVER: Final = 1

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23

RECORD_HEADER: Final = 5
# RFC 8446, 5.2: at most 2**14 + 256; RFC 5246 allows 2**14 + 2048.
LONGEST_RECORD: Final = (1 << 14) + 2048
LONGEST_MESSAGE: Final = 1 << 18

CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
CERTIFICATE: Final = 11
# RFC 8446, 4.1.3: a ServerHello with this random is a HelloRetryRequest.
HELLO_RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
EXT_SERVER_NAME: Final = 0
EXT_PRE_SHARED_KEY: Final = 41
EXT_SUPPORTED_VERSIONS: Final = 43
# RFC 8701: values a client makes up to keep servers tolerant.
GREASE: Final = frozenset(0x0A0A + 0x1010 * i for i in range(16))


class AlertSeen(msgspec.Struct, frozen=True):
    sender: int
    level: str | None
    description: str | None
    encrypted: bool
    frame: int


class CertificateSeen(msgspec.Struct, frozen=True):
    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    sha256: str


def looks_like_record(data: bytes | bytearray) -> bool:
    """Whether `data` (3 bytes or more) begins with a TLS record header."""
    return len(data) >= 3 and 20 <= data[0] <= 23 and data[1] == 3 and data[2] <= 4


def begins_tls(data: bytes) -> bool:
    """Whether `data` begins TLS. A MySQL packet of under 64 KiB has a 0 for third byte, TLS records a 1 and up."""
    return looks_like_record(data) and data[2] >= 1


class TlsObserver:
    """Reads both directions' records without keys. `feed` gives back plain bytes that follow where no record does.

    What it knows is in its attributes; None is not known. Hello messages that do not parse leave `error` behind.
    """

    __slots__ = (
        "_buffers",
        "_ciphered",
        "_handshakes",
        "_session_id",
        "alerts",
        "broken",
        "certificates",
        "cipher_suite",
        "client_records",
        "error",
        "offered_versions",
        "resumed",
        "server_name",
        "server_records",
        "started",
        "version",
    )

    def __init__(self) -> None:
        self._buffers = (bytearray(), bytearray())
        self._handshakes = (bytearray(), bytearray())
        self._ciphered = [False, False]
        self._session_id = b""
        self.broken = [False, False]
        self.started = False
        self.version: str | None = None
        self.cipher_suite: str | None = None
        self.server_name: str | None = None
        self.resumed: bool | None = None
        self.offered_versions: list[str] = []
        self.alerts: list[AlertSeen] = []
        self.certificates: list[CertificateSeen] = []
        self.client_records = 0
        self.server_records = 0
        self.error: str | None = None

    def feed(self, sender: int, data: bytes, frame: int) -> bytes:
        """Takes bytes of one direction; returns those that are no TLS (and all after them), mostly none."""
        if self.broken[sender]:
            return b""
        buffer = self._buffers[sender]
        buffer += data
        pos = 0
        size = len(buffer)
        while size - pos >= RECORD_HEADER:
            if not looks_like_record(buffer[pos : pos + 3]):
                rest = bytes(buffer[pos:])
                buffer.clear()
                self.broken[sender] = True
                return rest
            length = buffer[pos + 3] << 8 | buffer[pos + 4]
            if length > LONGEST_RECORD:
                self.error = f"a record of {length} bytes"
                self.broken[sender] = True
                buffer.clear()
                return b""
            stop = pos + RECORD_HEADER + length
            if stop > size:
                break
            self._record(sender, buffer[pos], bytes(buffer[pos + RECORD_HEADER : stop]), frame)
            pos = stop
        del buffer[:pos]
        return b""

    def gap(self, sender: int) -> None:
        """Bytes are missing: the direction's records can no longer be told apart."""
        self.broken[sender] = True
        self._buffers[sender].clear()

    def _record(self, sender: int, kind: int, body: bytes, frame: int) -> None:
        if sender == CLIENT:
            self.client_records += 1
        else:
            self.server_records += 1
        if kind == CHANGE_CIPHER_SPEC:
            self._ciphered[sender] = True
        elif kind == ALERT:
            if len(body) == 2 and not self._ciphered[sender]:
                level = {1: "warning", 2: "fatal"}.get(body[0])
                self.alerts.append(AlertSeen(sender, level, ALERTS.get(body[1], str(body[1])), False, frame))
            else:
                self.alerts.append(AlertSeen(sender, None, None, True, frame))
        elif kind == HANDSHAKE and not self._ciphered[sender]:
            self._handshake(sender, body)

    def _handshake(self, sender: int, body: bytes) -> None:
        buffer = self._handshakes[sender]
        if len(buffer) > LONGEST_MESSAGE:
            return
        buffer += body
        while len(buffer) >= 4:
            stop = 4 + int.from_bytes(buffer[1:4], "big")
            if stop > len(buffer):
                return
            message = bytes(buffer[4:stop])
            kind = buffer[0]
            del buffer[:stop]
            try:
                self._message(sender, kind, message)
            except (IndexError, ValueError) as error:
                self.error = f"handshake message {kind}: {error}"

    def _message(self, sender: int, kind: int, message: bytes) -> None:
        if kind == CLIENT_HELLO and sender == CLIENT:
            self._client_hello(message)
        elif kind == SERVER_HELLO and sender == SERVER:
            self._server_hello(message)
        elif kind == CERTIFICATE and sender == SERVER and self.version != "TLSv1.3":
            self._certificate(message)

    def _client_hello(self, message: bytes) -> None:
        self.started = True
        versions = [int.from_bytes(message[:2], "big")]
        pos = 34
        size = message[pos]
        self._session_id = message[pos + 1 : pos + 1 + size]
        pos += 1 + size
        pos += 2 + int.from_bytes(message[pos : pos + 2], "big")
        pos += 1 + message[pos]
        for kind, body in _extensions(message, pos):
            if kind == EXT_SERVER_NAME and len(body) >= 5 and body[2] == 0:
                length = int.from_bytes(body[3:5], "big")
                self.server_name = body[5 : 5 + length].decode("ascii", "backslashreplace")
            elif kind == EXT_SUPPORTED_VERSIONS:
                versions = [int.from_bytes(body[i : i + 2], "big") for i in range(1, len(body) - 1, 2)]
        self.offered_versions = [VERSIONS.get(v, f"0x{v:04x}") for v in versions if v not in GREASE]

    def _server_hello(self, message: bytes) -> None:
        self.started = True
        if message[2:34] == HELLO_RETRY:
            return
        version = int.from_bytes(message[:2], "big")
        pos = 34
        size = message[pos]
        session_id = message[pos + 1 : pos + 1 + size]
        pos += 1 + size
        suite = int.from_bytes(message[pos : pos + 2], "big")
        pos += 3
        resumed = bool(session_id) and session_id == self._session_id
        for kind, body in _extensions(message, pos):
            if kind == EXT_SUPPORTED_VERSIONS and len(body) == 2:
                version = int.from_bytes(body, "big")
                resumed = False
        if version == 0x0304:
            resumed = any(kind == EXT_PRE_SHARED_KEY for kind, _ in _extensions(message, pos))
        self.version = VERSIONS.get(version, f"0x{version:04x}")
        self.cipher_suite = CIPHER_SUITES.get(suite, f"0x{suite:04x}")
        self.resumed = resumed

    def _certificate(self, message: bytes) -> None:
        total = int.from_bytes(message[:3], "big")
        pos = 3
        # A chain longer than this is no chain.
        while pos + 3 <= min(len(message), 3 + total) and len(self.certificates) < 10:
            size = int.from_bytes(message[pos : pos + 3], "big")
            der = message[pos + 3 : pos + 3 + size]
            pos += 3 + size
            self.certificates.append(describe_certificate(der))


def _extensions(message: bytes, pos: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    if pos + 2 > len(message):
        return found
    stop = min(len(message), pos + 2 + int.from_bytes(message[pos : pos + 2], "big"))
    pos += 2
    while pos + 4 <= stop:
        kind = int.from_bytes(message[pos : pos + 2], "big")
        size = int.from_bytes(message[pos + 2 : pos + 4], "big")
        found.append((kind, message[pos + 4 : pos + 4 + size]))
        pos += 4 + size
    return found


def describe_certificate(der: bytes) -> CertificateSeen:
    """What a certificate says of itself. Raises ValueError where it is none."""
    certificate = x509.load_der_x509_certificate(der)
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        key = f"RSA {public.key_size}"
    elif isinstance(public, ec.EllipticCurvePublicKey):
        key = f"ECDSA {public.curve.name}"
    elif isinstance(public, dsa.DSAPublicKey):
        key = f"DSA {public.key_size}"
    elif isinstance(public, ed25519.Ed25519PublicKey):
        key = "Ed25519"
    elif isinstance(public, ed448.Ed448PublicKey):
        key = "Ed448"
    else:
        key = type(public).__name__
    return CertificateSeen(
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_before_utc.isoformat(),
        certificate.not_valid_after_utc.isoformat(),
        key,
        hashlib.sha256(der).hexdigest(),
    )
