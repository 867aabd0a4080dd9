"""sha256_password, MySQL 5.6 and later.

Source: MariaDB manual, "Connecting via sha256_password"; MySQL reference manual, "SHA-256 Pluggable Authentication".
Over TLS the client sends the password and a NUL. Without TLS it sends the password, XORed with the nonce, encrypted
with RSA-OAEP: at once where it has the server's key in a file, else after asking for the key with a byte 1.
A single NUL says that there is no password.
"""

from __future__ import annotations

from analyzer.errors import DecodeError, ProtocolError
from analyzer.protocol.auth.base import (
    EMPTY,
    RSA,
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
from analyzer.protocol.wire.reader import Reader

REQUEST_PUBLIC_KEY = 1


class Sha256Exchange(Exchange):
    """The password over TLS or under RSA, before which the client may ask for the key."""

    __slots__ = ("_key_asked",)

    def __init__(self, nonce: bytes, secure: bool) -> None:
        super().__init__(nonce, secure)
        self._key_asked = False

    def client(self, r: Reader) -> AuthRecord:
        self.opaque = False
        if r.left == 0:
            self.protection = EMPTY
            return Empty.decode(r)
        if self._key_asked:
            self.protection = RSA
            self.opaque = True
            return EncryptedPassword.decode(r)
        if r.left == 1 and r.peek() == 0:
            self.protection = EMPTY
            return NoPassword.decode(r)
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
        return PublicKey.decode(r)


class Sha256Client(ClientSide):
    """The password by the best way there is: TLS, the key in a file, the server's key, clear text."""

    __slots__ = ("_key_asked",)

    def __init__(self, plugin: Plugin, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> None:
        super().__init__(plugin, password, nonce, secure, options)
        self._key_asked = False

    def respond(self, server_data: bytes | None) -> bytes | None:
        try:
            if server_data is None:
                return self._first()
            if not self._key_asked:
                raise self.unexpected(server_data)
            return encrypt_password(self.password, self.nonce, PublicKey.decode(Reader(server_data)).pem)
        except DecodeError as error:
            raise ProtocolError(f"{self.plugin.name}: {error}") from error

    def _first(self) -> bytes:
        if not self.password:
            return encoded(NoPassword(b"\x00"))
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
            "sha256_password needs the password itself on a connection without TLS: refused. "
            "Use TLS, give the server's RSA public key, or allow asking the server for it"
        )


class Sha256Password(Plugin):
    name = "sha256_password"
    random_data = True
    short_name = "sha256"
    open_fields = frozenset({"request", "nul"})
    proof = Proof(
        computed=(
            "The client sends the password itself: inside TLS as it is, otherwise XORed with the nonce and encrypted "
            "with the server's RSA key."
        ),
        proves="The server hashes what it received and compares it with the stored hash.",
    )

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return Sha256Exchange(self.cut(nonce), secure)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return Sha256Client(self, password, self.cut(nonce), secure, options)
