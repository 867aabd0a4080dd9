"""The exchange after the login: switches of plugin, their questions, further factors, the verdict."""

from __future__ import annotations

from typing import Final

from analyzer.errors import ProtocolError
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.auth import plugin as find_plugin
from analyzer.protocol.auth.base import CLEARTEXT, EMPTY, RSA, SCRAMBLE, TLS, ClientOptions, ClientSide
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from live_client import faults
from live_client.fault_injection import FaultInjector
from live_client.listener import Listener
from live_client.options import Options
from live_client.packet_channel import Channel
from live_client.truth import FAST, FULL, SessionNotes, error_of

# A login of three factors with switches and questions takes about ten; a server that goes on for ever is stopped.
MOST_PACKETS: Final = 64
ASKS_FOR_KEY: Final = (b"\x01", b"\x02")
RSA_PLUGINS: Final = frozenset({"caching_sha2_password", "sha256_password"})
CLEARTEXT_PLUGINS: Final = frozenset({"mysql_clear_password", "dialog"})


class AuthenticationRun:
    """One run, of a login or of COM_CHANGE_USER. `known` is told what was done."""

    def __init__(
        self, channel: Channel, options: Options, listener: Listener, known: SessionNotes, strike: FaultInjector
    ) -> None:
        self._channel = channel
        self._options = options
        self._step = listener.step
        self._known = known
        self._strike = strike
        self._factor = 0
        self._side: ClientSide | None = None

    @property
    def _password(self) -> bytes:
        passwords = self._options.passwords
        return passwords[self._factor] if self._factor < len(passwords) else b""

    @property
    def _secure(self) -> bool:
        """Whether a password may be sent as it is: inside TLS, or where nobody else can listen."""
        return self._channel.machine.context.secure or self._channel.transport.private

    def begin(self, name: str, nonce: bytes) -> bytes:
        """The response that goes with the login, for the plugin that the client begins with."""
        self._known.plugin = name
        if name not in PLUGINS:
            # Nobody here can do it: the server will have to ask for another.
            self._side = None
            response = b""
        else:
            self._side = self._client_side(name, nonce)
            response = self._side.respond(None) or b""
        self._note(response)
        return response

    def _client_side(self, name: str, nonce: bytes) -> ClientSide:
        options = self._options
        wanted = options.old_password or options.protocol == 320 or options.default_auth == name
        if find_plugin(name).broken and not wanted:
            raise ProtocolError(
                f"the server asks for {name}, which gives the password away to whoever listens: refused. "
                "Allow it (--enable-old-password) where it has to be"
            )
        channel = self._channel
        allowed = ClientOptions(
            allow_cleartext=options.cleartext,
            verified=channel.transport.private or (channel.machine.context.secure and self._known.tls.verified),
            server_public_key=options.server_public_key,
            get_server_public_key=options.get_server_public_key,
            client_nonce=options.client_nonce,
            prompt=options.prompt,
        )
        return find_plugin(name).client(self._password, self._strike.nonce(nonce), self._secure, allowed)

    def verdict(self) -> OKPacket:
        """Goes through the exchange to its end. Raises ServerError, ProtocolError, ConnectionFailed."""
        for _ in range(MOST_PACKETS):
            record = self._channel.receive()
            if isinstance(record, OKPacket):
                return record
            if isinstance(record, ErrPacket):
                self._step(f"the server refuses: {record.summary()}")
                raise error_of(record)
            if isinstance(record, AuthSwitchRequest):
                self._switch(record.plugin_name, record.plugin_provided_data)
            elif isinstance(record, OldAuthSwitchRequest):
                self._switch("mysql_old_password", self._channel.machine.context.nonce)
            elif isinstance(record, AuthNextFactor):
                self._factor += 1
                self._step(f"the server accepted factor {self._factor} and asks for the next")
                self._switch(record.plugin_name, record.plugin_provided_data)
            elif isinstance(record, AuthMoreData):
                self._more(record.authentication_method_data)
            else:
                raise ProtocolError(f"a {type(record).__name__} in the middle of an authentication")
        raise ProtocolError(f"the server has not come to a verdict in {MOST_PACKETS} packets")

    def _switch(self, name: str, data: bytes) -> None:
        self._known.switched(name)
        self._step(f"the server asks for the auth plugin {name}")
        self._strike.at(faults.SWITCH, self._channel)
        self._side = self._client_side(name, data)
        self._answer(self._side.respond(None))

    def _more(self, data: bytes) -> None:
        plugin = self._known.plugin
        if plugin == "caching_sha2_password" and data == FAST:
            self._step("the server found the password in its cache")
        elif plugin == "caching_sha2_password" and data == FULL:
            self._step("the server does not have the password in its cache and asks for the password itself")
            self._strike.at(faults.FULL_AUTH, self._channel)
        if self._side is None:
            raise ProtocolError(f"the server goes on with the plugin {plugin!r}, which nobody here can do")
        self._answer(self._side.respond(data))

    def _answer(self, payload: bytes | None) -> None:
        if payload is None:
            return
        self._note(payload)
        words = {RSA: "the password under the server's RSA key", TLS: "the password, protected by TLS"}
        words |= {CLEARTEXT: "the password in clear text", EMPTY: "that there is no password", SCRAMBLE: "a proof"}
        asks = payload in ASKS_FOR_KEY and self._known.plugin in RSA_PLUGINS
        what = "a request for the server's RSA key" if asks else words.get(self._known.protection or "", "a request")
        self._step(f"answer with {what}")
        self._channel.send(AuthResponse(payload))

    def _note(self, payload: bytes) -> None:
        """Works out from what is sent what protects the password in it."""
        known = self._known
        plugin = known.plugin or ""
        if plugin in RSA_PLUGINS and payload in ASKS_FOR_KEY:
            return
        if plugin == "parsec" and not payload:
            return
        if payload in (b"", b"\x00"):
            known.protection = known.protection or EMPTY
        elif plugin in CLEARTEXT_PLUGINS or payload == self._password + b"\x00":
            known.protection = TLS if self._channel.machine.context.secure else CLEARTEXT
        elif plugin in RSA_PLUGINS and len(payload) >= 64:
            known.protection = RSA
        else:
            known.protection = SCRAMBLE
