"""auth_socket (MySQL) and unix_socket (MariaDB): the server asks the operating system who is at the other end.

Source: MySQL reference manual, "Socket Peer-Credential Pluggable Authentication"; MariaDB manual,
"Authentication Plugin - Unix Socket". Nothing of the protocol is used: what the client sends is not looked at.
"""

from __future__ import annotations

from analyzer.protocol.auth.base import ClientOptions, ClientSide, Plugin, Proof


class SocketClient(ClientSide):
    """Sends nothing that could be of use to anyone."""

    __slots__ = ()

    def respond(self, server_data: bytes | None) -> bytes | None:
        if server_data is not None:
            raise self.unexpected(server_data)
        return b""


class AuthSocket(Plugin):
    name = "auth_socket"
    short_name = "auth_socket"
    proof = Proof(
        computed=(
            "The client sends nothing: the server asks the operating system who is at the other end of the local "
            "socket."
        ),
        proves="The operating system's user has the account's name.",
    )

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return SocketClient(self, password, self.cut(nonce), secure, options)


class UnixSocket(AuthSocket):
    name = "unix_socket"
    short_name = "unix_socket"
