"""The connection phase from the greeting to the server's verdict, step by step, each said in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.errors import DecodeError, ProtocolError
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.machine import state as st
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, flavor_of, plain_version
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.proxy import ProxyHeader, encode_proxy
from analyzer.protocol.tables.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_CONNECT_WITH_DB,
    CLIENT_LONG_PASSWORD,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SSL,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
)
from live_client import faults
from live_client.attributes import make_attributes, size_of
from live_client.authentication import AuthenticationRun
from live_client.capabilities import asked_for
from live_client.errors import ConnectionFailed, TlsFailed
from live_client.fault_injection import FaultInjector
from live_client.listener import Listener
from live_client.options import DISABLED, PREFERRED, UTF8MB4_MARIADB, UTF8MB4_MYSQL, Options
from live_client.packet_channel import Channel
from live_client.truth import SessionNotes, error_of

EXTENDED_AT: Final = 19  # of the login's filler: where MariaDB's capabilities stand
MAX_PACKET_320: Final = 0xFF_FFFF


class ConnectionPhase:
    """Runs the connection phase. `start_tls` puts TLS under the channel."""

    def __init__(
        self, channel: Channel, options: Options, listener: Listener, known: SessionNotes, strike: FaultInjector
    ) -> None:
        self._channel = channel
        self._options = options
        self._step = listener.step
        self._known = known
        self._strike = strike
        self._auth = AuthenticationRun(channel, options, listener, known, strike)

    def run(self, start_tls: Callable[[], None]) -> None:
        """Raises ServerError, ProtocolError or ConnectionFailed where the login does not succeed."""
        channel, strike = self._channel, self._strike
        self._proxy()
        strike.at(faults.CONNECTED, channel)
        greeting = self._greeting()
        strike.at(faults.GREETED, channel)
        offered = greeting.capability_flags if isinstance(greeting, HandshakeV10) else 0
        tls = self._wants_tls(offered)
        flags = asked_for(self._options, offered, tls)
        if tls:
            self._begin_tls(flags, start_tls)
        self._send_login(flags)
        strike.at(faults.LOGIN_SENT, channel)
        self._auth.verdict()
        self._known.compression = channel.machine.compression
        self._step("the server accepts the login")
        if channel.machine.compression is not None:
            self._step(f"everything from here on is compressed with {channel.machine.compression}")
        strike.at(faults.ACCEPTED, channel)

    def _proxy(self) -> None:
        if self._options.proxy_header is None:
            return
        version = 1 if self._options.proxy_header == "v1" else 2
        transport = self._channel.transport
        self._known.proxy_version = version
        self._step(f"PROXY header of version {version}, naming {transport.local[0]} as the client")
        self._channel.send_raw(encode_proxy(ProxyHeader(version, 0, transport.local, transport.peer)))

    def _greeting(self) -> HandshakeV10 | HandshakeV9:
        record = self._channel.receive()
        if isinstance(record, ErrPacket):
            self._step(f"the server refuses: {record.summary()}")
            raise error_of(record)
        if not isinstance(record, HandshakeV10 | HandshakeV9):
            raise ProtocolError(f"a {type(record).__name__} where the greeting is due")
        plugin = getattr(record, "auth_plugin_name", None)
        self._step(
            f"greeting: {flavor_of(record)} {plain_version(record.server_version)}, connection {record.thread_id}, "
            f"default plugin {plugin or 'of before 4.1'}"
        )
        return record

    # -- TLS ----------------------------------------------------------------------------------------------------------

    def _wants_tls(self, offered: int) -> bool:
        mode = self._options.ssl_mode
        if mode == DISABLED:
            return False
        if offered & CLIENT_SSL:
            return True
        if mode == PREFERRED:
            self._step("the server does not offer TLS: go on without it")
            return False
        raise TlsFailed(f"the server does not offer TLS, and --ssl-mode is {mode}")

    def _begin_tls(self, flags: int, start_tls: Callable[[], None]) -> None:
        channel, strike, options = self._channel, self._strike, self._options
        self._known.tls.asked = True
        channel.nothing_behind()
        if options.protocol == 320:
            channel.send(SSLRequest320(flags & 0xFFFF, min(options.max_packet_size, MAX_PACKET_320)))
        elif strike.fault is not None and strike.fault.plain_login_first:
            strike.at(faults.SSL_REQUEST, channel)
            channel.send(self._login_41(flags))
            channel.machine.assume(st.TLS_HANDSHAKE)
        else:
            self._step("ask for TLS")
            head = flags & 0xFFFF_FFFF
            channel.send(SSLRequest(head, options.max_packet_size, self._collation & 0xFF, self._filler(flags)))
        strike.at(faults.TLS, channel)
        start_tls()

    # -- the login ----------------------------------------------------------------------------------------------------

    @property
    def _collation(self) -> int:
        if self._options.collation is not None:
            return self._options.collation
        return UTF8MB4_MARIADB if self._channel.machine.context.mariadb else UTF8MB4_MYSQL

    def _filler(self, flags: int) -> bytes:
        """23 bytes: the collation's second byte, if it has one; MariaDB's capabilities, if they are asked for."""
        filler = bytearray(23)
        filler[0] = self._collation >> 8
        if not flags & CLIENT_LONG_PASSWORD:
            filler[EXTENDED_AT:] = (flags >> 32).to_bytes(4, "little")
        return bytes(filler)

    def _first_plugin(self, flags: int) -> str:
        if not flags & CLIENT_SECURE_CONNECTION:
            return "mysql_old_password"
        if not flags & CLIENT_PLUGIN_AUTH:
            return "mysql_native_password"
        if self._options.default_auth is not None:
            return self._options.default_auth
        offered = getattr(self._known.greeting, "auth_plugin_name", None)
        return offered if offered in PLUGINS else "mysql_native_password"

    def _login_41(self, flags: int) -> HandshakeResponse41:
        options = self._options
        name = self._first_plugin(flags)
        response = self._auth.begin(name, self._channel.machine.context.nonce)
        if not flags & (CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA | CLIENT_SECURE_CONNECTION):
            # Not counted: a NUL ends it, which the record adds.
            response = response.rstrip(b"\x00")
        with_db = flags & CLIENT_CONNECT_WITH_DB
        return HandshakeResponse41(
            flags & 0xFFFF_FFFF,
            options.max_packet_size,
            self._collation & 0xFF,
            self._filler(flags),
            options.user,
            response,
            (options.database or "") if with_db else None,
            name if flags & CLIENT_PLUGIN_AUTH else None,
            make_attributes(options) if flags & CLIENT_CONNECT_ATTRS else None,
            options.zstd_level if flags & CLIENT_ZSTD_COMPRESSION_ALGORITHM else None,
            flags & 0xFFFF_FFFF,
        )

    def _login_320(self, flags: int) -> HandshakeResponse320:
        options = self._options
        response = self._auth.begin("mysql_old_password", self._channel.machine.context.nonce).rstrip(b"\x00")
        size = min(options.max_packet_size, MAX_PACKET_320)
        return HandshakeResponse320(flags & 0xFFFF, size, options.user, response, options.database)

    def _send_login(self, flags: int) -> None:
        channel, strike = self._channel, self._strike
        login = strike.login(self._login_320(flags) if self._options.protocol == 320 else self._login_41(flags))
        self._known.login = login
        if isinstance(login, HandshakeResponse41) and login.client_plugin_name is not None:
            self._known.plugin = login.client_plugin_name
        self._say(login)
        leaves = strike.wire(faults.LOGIN, channel)
        try:
            channel.send(login)
        except DecodeError as error:
            raise ConnectionFailed(f"the login can not be written with these capabilities: {error}") from error
        if leaves:
            strike.leave(channel)

    def _say(self, login: HandshakeResponse41 | HandshakeResponse320) -> None:
        parts = [f"log in as {login.username!r}"]
        if login.database:
            parts.append(f"database {login.database!r}")
        if isinstance(login, HandshakeResponse41):
            parts.append(f"plugin {login.client_plugin_name or 'not named'}")
            parts.append(f"collation {login.collation_id}")
            if login.attributes is not None:
                parts.append(f"{len(login.attributes)} attributes of {size_of(login.attributes)} bytes")
        else:
            parts.append("in the protocol before 4.1")
        self._step(", ".join(parts))
