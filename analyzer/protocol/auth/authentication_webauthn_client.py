"""authentication_webauthn_client, MySQL Enterprise's plugin for security keys (8.2 and later).

Source: MySQL source documentation, "authentication_webauthn information" (page_webauthn_authentication_exchanges).
The server sends a challenge and its relying party id. A client whose key holds no resident credentials asks for the
credential id with a byte 1. It answers with a byte 2, the assertions of the key and the client data they signed.
"""

from __future__ import annotations

from analyzer.errors import BadValue
from analyzer.protocol.auth.base import AuthRecord, Empty, Exchange, Plugin, Proof
from analyzer.protocol.auth.security_key import Assertion, SecurityKeyExchange
from analyzer.protocol.wire.reader import Reader, Writer

REQUEST_CREDENTIAL_ID = 1
ASSERTIONS = 2
# An assertion is two length-encoded strings: two bytes at least.
_SMALLEST_ASSERTION = 2


class WebauthnChallenge(AuthRecord, frozen=True):
    """Capability byte, 32 random bytes, the relying party's name; `rest` is what later versions add."""

    capability: int
    challenge: bytes
    relying_party_id: str
    rest: bytes

    def summary(self) -> str:
        return f"challenge of the relying party {self.relying_party_id!r}"

    @classmethod
    def decode(cls, r: Reader) -> WebauthnChallenge:
        return cls(
            r.u8("capability"),
            r.lenenc_bytes("challenge"),
            r.lenenc_text("relying_party_id"),
            r.rest("rest"),
        )

    def encode(self, w: Writer) -> None:
        w.u8(self.capability)
        w.lenenc_bytes(self.challenge)
        w.lenenc_bytes(self.relying_party_id)
        w.raw(self.rest)


class CredentialIdRequest(AuthRecord, frozen=True):
    """A byte 1: the key needs the id of the credential to sign with."""

    request: int

    def summary(self) -> str:
        return "asks for the credential id"

    @classmethod
    def decode(cls, r: Reader) -> CredentialIdRequest:
        request = r.u8("request")
        r.finish()
        return cls(request)

    def encode(self, w: Writer) -> None:
        w.u8(self.request)


class CredentialId(AuthRecord, frozen=True):
    """The id of the account's credential."""

    credential_id: bytes
    rest: bytes

    def summary(self) -> str:
        return f"credential id of {len(self.credential_id)} bytes"

    @classmethod
    def decode(cls, r: Reader) -> CredentialId:
        return cls(r.lenenc_bytes("credential_id"), r.rest("rest"))

    def encode(self, w: Writer) -> None:
        w.lenenc_bytes(self.credential_id)
        w.raw(self.rest)


class WebauthnAssertions(AuthRecord, frozen=True):
    """A byte 2, the number of assertions, each of them, and the client data (JSON) that was signed."""

    tag: int
    assertions: tuple[Assertion, ...]
    client_data_json: str

    def summary(self) -> str:
        return f"{len(self.assertions)} signed assertions of a security key"

    @classmethod
    def decode(cls, r: Reader) -> WebauthnAssertions:
        at = r.pos
        tag = r.u8("tag")
        if tag != ASSERTIONS:
            raise BadValue("WebauthnAssertions", "tag", at, f"1 or 2 expected, {tag} found")
        at = r.pos
        count = r.lenenc("number_of_assertions")
        if count * _SMALLEST_ASSERTION > r.left:
            raise BadValue("WebauthnAssertions", "number_of_assertions", at, f"{count} can not be in {r.left} bytes")
        assertions = tuple(Assertion.decode(r) for _ in range(count))
        client_data = r.lenenc_text("client_data_json")
        r.finish()
        return cls(tag, assertions, client_data)

    def encode(self, w: Writer) -> None:
        w.u8(self.tag)
        w.lenenc(len(self.assertions))
        for assertion in self.assertions:
            assertion.encode(w)
        w.lenenc_bytes(self.client_data_json)


class WebauthnExchange(SecurityKeyExchange):
    """Assertions, before which the client may ask for the credential id."""

    __slots__ = ()

    def client(self, r: Reader) -> AuthRecord:
        if r.left and r.peek() == REQUEST_CREDENTIAL_ID:
            return CredentialIdRequest.decode(r)
        return super().client(r)

    def server(self, r: Reader) -> AuthRecord:
        return CredentialId.decode(r)


class AuthenticationWebauthnClient(Plugin):
    name = "authentication_webauthn_client"
    short_name = "webauthn"
    open_fields = frozenset({"request", "tag", "number_of_assertions"})
    proof = Proof(
        computed="A security key signs the server's challenge after someone touched it.",
        proves="The registered security key is present.",
    )
    nonce_length = None

    def data(self, r: Reader) -> AuthRecord:
        return WebauthnChallenge.decode(r) if r.left else Empty.decode(r)

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return WebauthnExchange(self.cut(nonce), secure, WebauthnAssertions.decode)
