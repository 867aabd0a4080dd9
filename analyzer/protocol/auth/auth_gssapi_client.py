"""auth_gssapi_client, MariaDB's GSSAPI plugin (Kerberos, SPNEGO, NTLM).

Source: MariaDB manual, "Connecting", plugin list, and "Authentication Plugin - GSSAPI". The server names its principal
and mechanism; then GSSAPI tokens go both ways until both sides trust one another (RFC 2743, section 1.2).
"""

from __future__ import annotations

from analyzer.protocol.auth.base import AuthRecord, Empty, Exchange, Plugin, Proof
from analyzer.protocol.auth.token import GssapiToken, TokenExchange
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer


class ServicePrincipal(AuthRecord, frozen=True):
    """The server's principal and the mechanism it wants, both may be empty."""

    server_principal_name: str
    mechanism: str

    def summary(self) -> str:
        return f"service principal {self.server_principal_name!r}, mechanism {self.mechanism!r}"

    @classmethod
    def decode(cls, r: Reader) -> ServicePrincipal:
        principal = r.nul_text("server_principal_name")
        # The last NUL is missing where the reader of the switch request took it for that packet's own.
        mechanism = r.rest("mechanism").removesuffix(b"\x00")
        return cls(principal, mechanism.decode("utf-8", ENCODING_ERRORS))

    def encode(self, w: Writer) -> None:
        w.nul(self.server_principal_name)
        w.nul(self.mechanism)


class AuthGssapiClient(Plugin):
    name = "auth_gssapi_client"
    short_name = "gssapi"
    proof = Proof(
        computed="The client sends a Kerberos (GSSAPI) token for the service that the server names.",
        proves="A key distribution centre that both trust vouches for the client; no password is involved here.",
    )
    nonce_length = None

    def data(self, r: Reader) -> AuthRecord:
        return ServicePrincipal.decode(r) if r.left else Empty.decode(r)

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return TokenExchange(self.cut(nonce), secure, GssapiToken.decode)
