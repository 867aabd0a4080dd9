"""authentication_fido_client, the plugin for security keys of MySQL 8.0.27 to 8.3.

Source: MySQL source documentation (8.0), "authentication_fido information" (page_fido_authentication_exchanges).
The server sends salt, relying party id and credential id; the client answers with what the key signed.
"""

from __future__ import annotations

from analyzer.protocol.auth.base import AuthRecord, Empty, Exchange, Plugin, Proof
from analyzer.protocol.auth.security_key import Assertion, SecurityKeyExchange
from analyzer.protocol.wire.reader import Reader, Writer


class FidoChallenge(AuthRecord, frozen=True):
    """32 random bytes, the relying party's name, the account's credential. Empty where no key was registered."""

    salt: bytes
    relying_party_id: str
    credential_id: bytes
    rest: bytes

    def summary(self) -> str:
        return f"challenge of the relying party {self.relying_party_id!r}"

    @classmethod
    def decode(cls, r: Reader) -> FidoChallenge:
        return cls(
            r.lenenc_bytes("salt"),
            r.lenenc_text("relying_party_id"),
            r.lenenc_bytes("credential_id"),
            r.rest("rest"),
        )

    def encode(self, w: Writer) -> None:
        w.lenenc_bytes(self.salt)
        w.lenenc_bytes(self.relying_party_id)
        w.lenenc_bytes(self.credential_id)
        w.raw(self.rest)


class FidoAssertion(AuthRecord, frozen=True):
    """The key's authenticator data, and its signature."""

    assertion: Assertion

    def summary(self) -> str:
        return "signed assertion of a security key"

    @classmethod
    def decode(cls, r: Reader) -> FidoAssertion:
        assertion = Assertion.decode(r)
        r.finish()
        return cls(assertion)

    def encode(self, w: Writer) -> None:
        self.assertion.encode(w)


class AuthenticationFidoClient(Plugin):
    name = "authentication_fido_client"
    short_name = "fido"
    proof = Proof(
        computed="A security key signs the server's challenge after someone touched it.",
        proves="The registered security key is present.",
    )
    nonce_length = None

    def data(self, r: Reader) -> AuthRecord:
        return FidoChallenge.decode(r) if r.left else Empty.decode(r)

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return SecurityKeyExchange(self.cut(nonce), secure, FidoAssertion.decode)
