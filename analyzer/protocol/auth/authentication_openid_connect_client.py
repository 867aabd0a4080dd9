"""authentication_openid_connect_client, MySQL Enterprise's plugin for identity tokens (9.1 and later).

Source: MySQL reference manual, "OpenID Connect Pluggable Authentication". The client sends a capability byte and its
identity token (a JSON Web Token), which admits whoever has it: the manual demands TLS.
"""

from __future__ import annotations

from analyzer.protocol.auth.base import EMPTY, AuthRecord, Empty, Exchange, Plugin, Proof
from analyzer.protocol.wire.reader import Reader, Writer


class IdToken(AuthRecord, frozen=True):
    """The identity token; it stands for a password, and so is the field called."""

    capability: int
    password: bytes

    def summary(self) -> str:
        return f"identity token of {len(self.password)} bytes, in clear text"

    @classmethod
    def decode(cls, r: Reader) -> IdToken:
        capability = r.u8("capability")
        password = r.lenenc_bytes("password")
        r.finish()
        return cls(capability, password)

    def encode(self, w: Writer) -> None:
        w.u8(self.capability)
        w.lenenc_bytes(self.password)


class OpenidConnectExchange(Exchange):
    """One step: the token."""

    __slots__ = ()

    def client(self, r: Reader) -> AuthRecord:
        if r.left == 0:
            self.protection = EMPTY
            return Empty.decode(r)
        record = IdToken.decode(r)
        self.protection = self.cleartext_protection()
        return record


class AuthenticationOpenidConnectClient(Plugin):
    name = "authentication_openid_connect_client"
    short_name = "openid"
    open_fields = frozenset({"capability"})
    proof = Proof(
        computed="The client sends an identity token that an OpenID provider has signed.",
        proves="The provider vouches for the client.",
    )
    nonce_length = None

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return OpenidConnectExchange(self.cut(nonce), secure)
