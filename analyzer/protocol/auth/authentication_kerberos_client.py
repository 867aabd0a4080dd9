"""authentication_kerberos_client, MySQL Enterprise's Kerberos plugin.

Source: MySQL reference manual, "Kerberos Pluggable Authentication"; MySQL source documentation, class
Kerberos_client_io (read_spn_realm_from_server). The server names its service principal and the users' realm, each with
its length in two bytes; then GSSAPI tokens go both ways.
"""

from __future__ import annotations

from analyzer.protocol.auth.base import AuthRecord, Empty, Exchange, Plugin, Proof
from analyzer.protocol.auth.token import GssapiToken, TokenExchange
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer


class KerberosPrincipal(AuthRecord, frozen=True):
    """The server's principal (SPN) and the realm of its users (UPN realm)."""

    service_principal_name: str
    realm: str
    # The NUL that ends the data of a switch request.
    rest: bytes = b""

    def summary(self) -> str:
        return f"service principal {self.service_principal_name!r}, realm {self.realm!r}"

    @classmethod
    def decode(cls, r: Reader) -> KerberosPrincipal:
        principal = r.text("service_principal_name", r.uint("service_principal_name_length", 2))
        realm = r.text("realm", r.uint("realm_length", 2))
        return cls(principal, realm, r.rest("rest"))

    def encode(self, w: Writer) -> None:
        for text in (self.service_principal_name, self.realm):
            raw = text.encode("utf-8", ENCODING_ERRORS)
            w.uint(len(raw), 2)
            w.raw(raw)
        w.raw(self.rest)


class AuthenticationKerberosClient(Plugin):
    name = "authentication_kerberos_client"
    short_name = "kerberos"
    proof = Proof(
        computed="The client sends a Kerberos ticket for the service that the server names.",
        proves="A key distribution centre that both trust vouches for the client; no password is involved here.",
    )
    nonce_length = None

    def data(self, r: Reader) -> AuthRecord:
        return KerberosPrincipal.decode(r) if r.left else Empty.decode(r)

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return TokenExchange(self.cut(nonce), secure, GssapiToken.decode)
