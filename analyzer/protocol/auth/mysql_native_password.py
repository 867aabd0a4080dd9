"""mysql_native_password, MySQL 4.1 to 8.4 and MariaDB's default.

Source: MySQL source documentation, "Native Authentication" (page_protocol_connection_phase_authentication_methods);
MariaDB manual, "Connecting", plugin list.
"""

from __future__ import annotations

from analyzer.protocol.auth.base import AuthRecord, ClientOptions, ClientSide, Exchange, Plugin, Proof, ProofExchange
from analyzer.protocol.wire.reader import Reader, Writer

SCRAMBLE_LENGTH = 20


class NativeScramble(AuthRecord, frozen=True):
    """XOR(SHA1(password), SHA1(nonce, SHA1(SHA1(password)))): 20 bytes."""

    scramble: bytes

    def summary(self) -> str:
        return "SHA-1 scramble of the password and the server's nonce"

    @classmethod
    def decode(cls, r: Reader) -> NativeScramble:
        scramble = r.take("scramble", SCRAMBLE_LENGTH)
        r.finish()
        return cls(scramble)

    def encode(self, w: Writer) -> None:
        w.raw(self.scramble)


class MysqlNativePassword(Plugin):
    name = "mysql_native_password"
    short_name = "native"
    random_data = True
    proof = Proof(
        computed=(
            "The client computes XOR(SHA1(password), SHA1(nonce, SHA1(SHA1(password)))): 20 bytes made from the "
            "password and the server's nonce. They do not show the password itself."
        ),
        proves=(
            "The server holds SHA1(SHA1(password)), undoes the XOR and hashes once more: equal means that the client "
            "knows SHA1(password)."
        ),
    )

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return ProofExchange(self.cut(nonce), secure, NativeScramble.decode, any_bytes=True)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return ClientSide(self, password, self.cut(nonce), secure, options)

    def scramble(self, password: bytes, nonce: bytes) -> bytes:
        if not password:
            return b""
        import hashlib

        first = hashlib.sha1(password).digest()
        stored = hashlib.sha1(self.cut(nonce) + hashlib.sha1(first).digest()).digest()
        return bytes(a ^ b for a, b in zip(first, stored, strict=True))
