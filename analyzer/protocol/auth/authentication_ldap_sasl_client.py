"""authentication_ldap_sasl_client, MySQL Enterprise's and Percona's LDAP plugin with SASL.

Source: MySQL reference manual, "LDAP Pluggable Authentication"; MySQL source documentation, class
auth_ldap_sasl_client::Sasl_client. The server names the mechanism (SCRAM-SHA-1, SCRAM-SHA-256, GSSAPI) in the data of
its switch request; then messages of that mechanism go both ways, for SCRAM those of RFC 5802, section 7.
"""

from __future__ import annotations

from analyzer.protocol.auth.base import AuthRecord, Empty, Exchange, Plugin, Proof
from analyzer.protocol.auth.token import TokenExchange
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer


class SaslMechanism(AuthRecord, frozen=True):
    """The name of the mechanism, and the NUL that may end it."""

    mechanism: str
    nul: bytes

    def summary(self) -> str:
        return f"SASL mechanism {self.mechanism}"

    @classmethod
    def decode(cls, r: Reader) -> SaslMechanism:
        end = r.data.find(0, r.pos, r.end)
        length = (r.end if end < 0 else end) - r.pos
        return cls(r.text("mechanism", length), r.rest("nul"))

    def encode(self, w: Writer) -> None:
        w.raw(self.mechanism.encode("utf-8", ENCODING_ERRORS))
        w.raw(self.nul)


class SaslMessage(AuthRecord, frozen=True):
    """A message of the mechanism."""

    message: bytes

    def summary(self) -> str:
        return f"SASL message of {len(self.message)} bytes"

    @classmethod
    def decode(cls, r: Reader) -> SaslMessage:
        return cls(r.rest("message"))

    def encode(self, w: Writer) -> None:
        w.raw(self.message)


class AuthenticationLdapSaslClient(Plugin):
    name = "authentication_ldap_sasl_client"
    short_name = "ldap_sasl"
    proof = Proof(
        computed="Client and server pass SASL messages (SCRAM or GSSAPI) to and from an LDAP server.",
        proves="The LDAP server has checked the password, or the ticket.",
    )
    nonce_length = None

    def data(self, r: Reader) -> AuthRecord:
        return SaslMechanism.decode(r) if r.left else Empty.decode(r)

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return TokenExchange(self.cut(nonce), secure, SaslMessage.decode)
