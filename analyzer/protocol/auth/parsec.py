"""parsec (Password Authentication using Response Signed with Elliptic Curve), MariaDB 11.6 and later.

Source: MariaDB manual, "Authentication Plugin - PARSEC" and "Connecting", plugin list. The server sends a nonce; the
client asks for the extended salt with an empty packet; the server sends it; the client answers with a nonce of its own
and the Ed25519 signature of both nonces, under a key made from password and salt with PBKDF2. Some clients remember the
extended salt of an account and leave the middle two packets out.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from analyzer.errors import BadValue, DecodeError, ProtocolError
from analyzer.protocol.auth.base import (
    SCRAMBLE,
    AuthRecord,
    ClientOptions,
    ClientSide,
    Exchange,
    Plugin,
    Proof,
    encoded,
)
from analyzer.protocol.wire.reader import Reader, Writer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NONCE_LENGTH = 32
SIGNATURE_LENGTH = 64
KDF_PBKDF2 = ord("P")
# 1024 << 10 iterations take about a second; servers use 0 to 3. More would be a way to keep a reader busy.
LARGEST_FACTOR = 10


class ExtSaltRequest(AuthRecord, frozen=True):
    """No bytes: the client asks for the extended salt of the account."""

    def summary(self) -> str:
        return "asks for the account's extended salt"

    @classmethod
    def decode(cls, r: Reader) -> ExtSaltRequest:
        r.finish()
        return cls()

    def encode(self, w: Writer) -> None:
        return None


class ExtSalt(AuthRecord, frozen=True):
    """How the account's key is made from its password: 'P' for PBKDF2, 1024 << iteration_factor rounds, the salt."""

    kdf: int
    iteration_factor: int
    salt: bytes

    def summary(self) -> str:
        return f"extended salt: PBKDF2, 1024 << {self.iteration_factor} iterations, {len(self.salt)} bytes of salt"

    @classmethod
    def decode(cls, r: Reader) -> ExtSalt:
        at = r.pos
        kdf = r.u8("kdf")
        if kdf != KDF_PBKDF2:
            raise BadValue("ExtSalt", "kdf", at, f"'P' expected, 0x{kdf:02x} found")
        return cls(kdf, r.u8("iteration_factor"), r.rest("salt"))

    def encode(self, w: Writer) -> None:
        w.u8(self.kdf)
        w.u8(self.iteration_factor)
        w.raw(self.salt)

    def key(self, password: bytes) -> Ed25519PrivateKey | None:
        """The key of the account; None where making it would take too long."""
        if self.iteration_factor > LARGEST_FACTOR:
            return None
        import hashlib

        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        seed = hashlib.pbkdf2_hmac("sha512", password, self.salt, 1024 << self.iteration_factor, 32)
        return Ed25519PrivateKey.from_private_bytes(seed)


class ParsecResponse(AuthRecord, frozen=True):
    """The client's nonce, and the signature of the server's nonce and it."""

    client_nonce: bytes
    signature: bytes

    def summary(self) -> str:
        return "Ed25519 signature of both nonces, with a key made from the password"

    @classmethod
    def decode(cls, r: Reader) -> ParsecResponse:
        client_nonce = r.take("client_nonce", NONCE_LENGTH)
        signature = r.take("signature", SIGNATURE_LENGTH)
        r.finish()
        return cls(client_nonce, signature)

    def encode(self, w: Writer) -> None:
        w.raw(self.client_nonce)
        w.raw(self.signature)


class ParsecExchange(Exchange):
    """After the extended salt has come, `nonce` is the server's nonce and the extended salt, one after the other: all
    that the server gave the proof to work on."""

    __slots__ = ()

    def client(self, r: Reader) -> AuthRecord:
        self.opaque = False
        if r.left == 0:
            return ExtSaltRequest.decode(r)
        self.response = r.data[r.pos : r.end]
        record = ParsecResponse.decode(r)
        self.protection = SCRAMBLE
        self.opaque = True
        return record

    def server(self, r: Reader) -> AuthRecord:
        payload = r.data[r.pos : r.end]
        record = ExtSalt.decode(r)
        self.nonce = self.nonce[:NONCE_LENGTH] + payload
        return record


class ParsecClient(ClientSide):
    """Asks for the extended salt, then signs."""

    __slots__ = ("_signed",)

    def __init__(self, plugin: Plugin, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> None:
        super().__init__(plugin, password, nonce, secure, options)
        self._signed = False

    def respond(self, server_data: bytes | None) -> bytes | None:
        if server_data is None:
            return encoded(ExtSaltRequest())
        if self._signed:
            raise self.unexpected(server_data)
        try:
            salt = ExtSalt.decode(Reader(server_data))
        except DecodeError as error:
            raise ProtocolError(f"parsec: {error}") from error
        key = salt.key(self.password)
        if key is None:
            raise ProtocolError(f"parsec: the server asks for 1024 << {salt.iteration_factor} iterations: refused")
        self._signed = True
        client_nonce = self.options.client_nonce or os.urandom(NONCE_LENGTH)
        return encoded(ParsecResponse(client_nonce, key.sign(self.nonce + client_nonce)))


class Parsec(Plugin):
    name = "parsec"
    short_name = "parsec"
    random_data = True
    open_fields = frozenset({"client_nonce"})
    proof = Proof(
        computed=(
            "The client makes an Ed25519 key from the password and the account's salt with PBKDF2, and signs the "
            "server's nonce together with one of its own."
        ),
        proves=(
            "The signature fits the public key that the server stores: the client knows the password. The stored key "
            "can not be used to log in, and guessing is slow."
        ),
    )
    nonce_length = NONCE_LENGTH

    def cut(self, nonce: bytes) -> bytes:
        # A random nonce ends with a NUL now and then, which a caller may have taken for a terminator.
        return nonce[:NONCE_LENGTH].ljust(NONCE_LENGTH, b"\x00")

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return ParsecExchange(self.cut(nonce), secure)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return ParsecClient(self, password, self.cut(nonce), secure, options)

    def verify(self, password: bytes, nonce: bytes, response: bytes) -> bool | None:
        """`nonce` as ParsecExchange leaves it. None where the extended salt was not seen."""
        if len(nonce) <= NONCE_LENGTH:
            return None
        try:
            salt = ExtSalt.decode(Reader(nonce[NONCE_LENGTH:]))
            proof = ParsecResponse.decode(Reader(response))
        except DecodeError:
            return None
        key = salt.key(password)
        if key is None:
            return None
        return key.sign(nonce[:NONCE_LENGTH] + proof.client_nonce) == proof.signature
