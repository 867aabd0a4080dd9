"""client_ed25519, MariaDB's ed25519 plugin: the client signs the nonce, the password is the secret key.

Source: MariaDB manual, "Authentication Plugin - ed25519" and "Connecting", plugin list.
"""

from __future__ import annotations

from analyzer.protocol.auth import ed25519
from analyzer.protocol.auth.base import AuthRecord, ClientOptions, ClientSide, Exchange, Plugin, Proof, ProofExchange
from analyzer.protocol.wire.reader import Reader, Writer

NONCE_LENGTH = 32
SIGNATURE_LENGTH = 64


class Ed25519Signature(AuthRecord, frozen=True):
    """The nonce's signature: 64 bytes."""

    signature: bytes

    def summary(self) -> str:
        return "Ed25519 signature of the server's nonce, with the password as the key"

    @classmethod
    def decode(cls, r: Reader) -> Ed25519Signature:
        signature = r.take("signature", SIGNATURE_LENGTH)
        r.finish()
        return cls(signature)

    def encode(self, w: Writer) -> None:
        w.raw(self.signature)


class ClientEd25519(Plugin):
    name = "client_ed25519"
    short_name = "ed25519"
    random_data = True
    proof = Proof(
        computed="The client signs the server's 32 bytes of nonce with Ed25519; the key is made from the password.",
        proves=(
            "The signature fits the public key that the server stores: the client knows the password. The stored key "
            "can not be used to log in."
        ),
    )
    nonce_length = NONCE_LENGTH

    def cut(self, nonce: bytes) -> bytes:
        # A random nonce ends with a NUL now and then, which a caller may have taken for a terminator.
        return nonce[:NONCE_LENGTH].ljust(NONCE_LENGTH, b"\x00")

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return ProofExchange(self.cut(nonce), secure, Ed25519Signature.decode, any_bytes=True)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return ClientSide(self, password, self.cut(nonce), secure, options)

    def scramble(self, password: bytes, nonce: bytes) -> bytes:
        return ed25519.sign(password, self.cut(nonce))
