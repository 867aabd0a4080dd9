"""mysql_clear_password: the password as it is (LDAP simple bind, PAM).

Source: MySQL source documentation, "Clear text client plugin"
(page_protocol_connection_phase_authentication_methods_clear_text_password).
"""

from __future__ import annotations

from analyzer.protocol.auth.base import (
    EMPTY,
    AuthRecord,
    CleartextPassword,
    ClientOptions,
    ClientSide,
    Empty,
    Exchange,
    Plugin,
    Proof,
)
from analyzer.protocol.wire.reader import Reader


class ClearPasswordExchange(Exchange):
    """One step: the password and a NUL."""

    __slots__ = ()

    def client(self, r: Reader) -> AuthRecord:
        self.response = r.data[r.pos : r.end]
        if not self.response:
            self.protection = EMPTY
            return Empty.decode(r)
        record = CleartextPassword.decode(r)
        self.protection = self.cleartext_protection() if record.password else EMPTY
        return record


class ClearPasswordClient(ClientSide):
    """Sends the password, where it may."""

    __slots__ = ()

    def respond(self, server_data: bytes | None) -> bytes | None:
        if server_data is not None:
            raise self.unexpected(server_data)
        return self.asked_cleartext()


class MysqlClearPassword(Plugin):
    name = "mysql_clear_password"
    short_name = "cleartext"
    proof = Proof(
        computed="The client sends the password as it is.",
        proves="The server, or the directory behind it, checks the password itself. Only TLS keeps it from others.",
    )

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return ClearPasswordExchange(self.cut(nonce), secure)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return ClearPasswordClient(self, password, self.cut(nonce), secure, options)

    def verify(self, password: bytes, nonce: bytes, response: bytes) -> bool | None:
        return response.removesuffix(b"\x00") == password
