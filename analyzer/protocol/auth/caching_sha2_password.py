"""caching_sha2_password, MySQL's default since 8.0.

Source: MySQL source documentation, "Caching_sha2_password information" (page_caching_sha2_authentication_exchanges).
The client answers the nonce with a scramble; the server says 3 (fast: found in its cache) or 4 (full). Full over TLS:
the password and a NUL, as they are. Full without TLS: the client asks for the server's RSA key with a byte 2 (or has it
in a file) and sends the password, XORed with the nonce, encrypted with RSA-OAEP.
"""

from __future__ import annotations

from analyzer.errors import BadValue, DecodeError, ProtocolError
from analyzer.protocol.auth.base import (
    EMPTY,
    RSA,
    SCRAMBLE,
    AuthRecord,
    CleartextPassword,
    ClientOptions,
    ClientSide,
    Empty,
    Exchange,
    NoPassword,
    Plugin,
    Proof,
    encoded,
)
from analyzer.protocol.auth.rsa import (
    EncryptedPassword,
    PublicKey,
    RequestPublicKey,
    encrypt_password,
    looks_encrypted,
)
from analyzer.protocol.wire.reader import Reader, Writer

REQUEST_PUBLIC_KEY = 2
FAST_AUTH_SUCCESS = 3
PERFORM_FULL_AUTHENTICATION = 4
SCRAMBLE_LENGTH = 32


class Sha2Scramble(AuthRecord, frozen=True):
    """XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce)): 32 bytes."""

    scramble: bytes

    def summary(self) -> str:
        return "SHA-256 scramble of the password and the server's nonce"

    @classmethod
    def decode(cls, r: Reader) -> Sha2Scramble:
        scramble = r.take("scramble", SCRAMBLE_LENGTH)
        r.finish()
        return cls(scramble)

    def encode(self, w: Writer) -> None:
        w.raw(self.scramble)


class FastAuthResult(AuthRecord, frozen=True):
    """The server's word on its cache: 3 fast_auth_success, 4 perform_full_authentication."""

    status: int

    def summary(self) -> str:
        if self.status == FAST_AUTH_SUCCESS:
            return "fast_auth_success: the password was in the server's cache"
        return "perform_full_authentication: the server asks for the password itself"

    @classmethod
    def decode(cls, r: Reader) -> FastAuthResult:
        at = r.pos
        status = r.u8("status")
        if status not in (FAST_AUTH_SUCCESS, PERFORM_FULL_AUTHENTICATION):
            raise BadValue("FastAuthResult", "status", at, f"3 or 4 expected, {status} found")
        r.finish()
        return cls(status)

    def encode(self, w: Writer) -> None:
        w.u8(self.status)


class CachingSha2Exchange(Exchange):
    """Scramble, verdict of the cache, then (full) the password over TLS or under RSA."""

    __slots__ = ("_full", "_key_asked")

    def __init__(self, nonce: bytes, secure: bool) -> None:
        super().__init__(nonce, secure)
        self._full = False
        self._key_asked = False

    def client(self, r: Reader) -> AuthRecord:
        self.opaque = False
        if not self._full:
            self.response = r.data[r.pos : r.end]
            if self.response in (b"", b"\x00"):
                self.protection = EMPTY
                return NoPassword.decode(r)
            scramble = Sha2Scramble.decode(r)
            self.protection = SCRAMBLE
            self.opaque = True
            return scramble
        if r.left == 0:
            # MySQL Router does so: the password that was asked for is not sent.
            return Empty.decode(r)
        if self._key_asked:
            self.protection = RSA
            self.opaque = True
            return EncryptedPassword.decode(r)
        # One byte is no password: that would have its NUL.
        if r.left == 1 and r.peek() == REQUEST_PUBLIC_KEY:
            self._key_asked = True
            return RequestPublicKey.decode(r)
        if not self.secure and looks_encrypted(r.data[r.pos : r.end]):
            self.protection = RSA
            return EncryptedPassword.decode(r)
        password = CleartextPassword.decode(r)
        self.protection = self.cleartext_protection()
        return password

    def server(self, r: Reader) -> AuthRecord:
        # Only a key is longer than a byte: the request for it may not have been captured.
        if self._key_asked or (self._full and r.left > 1):
            return PublicKey.decode(r)
        result = FastAuthResult.decode(r)
        self._full = result.status == PERFORM_FULL_AUTHENTICATION
        self.path = "full" if self._full else "fast"
        return result


class CachingSha2Client(ClientSide):
    """Scramble; on 4 the password by the best way there is: TLS, the key in a file, the server's key, clear text."""

    __slots__ = ("_full", "_key_asked", "_started")

    def __init__(self, plugin: Plugin, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> None:
        super().__init__(plugin, password, nonce, secure, options)
        self._started = False
        self._full = False
        self._key_asked = False

    def respond(self, server_data: bytes | None) -> bytes | None:
        if server_data is None and not self._started:
            self._started = True
            return self.plugin.scramble(self.password, self.nonce)
        if server_data is None:
            raise ProtocolError(f"{self.plugin.name}: begun twice")
        try:
            if self._key_asked:
                return encrypt_password(self.password, self.nonce, PublicKey.decode(Reader(server_data)).pem)
            if self._full:
                raise self.unexpected(server_data)
            if FastAuthResult.decode(Reader(server_data)).status == FAST_AUTH_SUCCESS:
                return None
            return self._perform_full()
        except DecodeError as error:
            raise ProtocolError(f"{self.plugin.name}: {error}") from error

    def _perform_full(self) -> bytes:
        self._full = True
        if self.secure:
            return self.cleartext()
        if self.options.server_public_key is not None:
            return encrypt_password(self.password, self.nonce, self.options.server_public_key)
        if self.options.get_server_public_key:
            self._key_asked = True
            return encoded(RequestPublicKey(REQUEST_PUBLIC_KEY))
        if self.options.allow_cleartext:
            return self.cleartext()
        raise ProtocolError(
            "caching_sha2_password: the server asks for the password itself on a connection without TLS: refused. "
            "Use TLS, give the server's RSA public key, or allow asking the server for it"
        )


class CachingSha2Password(Plugin):
    name = "caching_sha2_password"
    short_name = "caching_sha2"
    random_data = True
    open_fields = frozenset({"request", "nul"})
    proof = Proof(
        computed=(
            "The client computes XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce)): 32 bytes made from "
            "the password and the server's nonce. They do not show the password itself."
        ),
        proves=(
            "Who holds SHA256(SHA256(password)) in its cache can undo the XOR and compare: the client knows the "
            "password."
        ),
    )

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return CachingSha2Exchange(self.cut(nonce), secure)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return CachingSha2Client(self, password, self.cut(nonce), secure, options)

    def scramble(self, password: bytes, nonce: bytes) -> bytes:
        if not password:
            return b""
        import hashlib

        first = hashlib.sha256(password).digest()
        stored = hashlib.sha256(hashlib.sha256(first).digest() + self.cut(nonce)).digest()
        return bytes(a ^ b for a, b in zip(first, stored, strict=True))

    def verify(self, password: bytes, nonce: bytes, response: bytes) -> bool | None:
        if not password:
            return response in (b"", b"\x00")
        return self.scramble(password, nonce) == response
