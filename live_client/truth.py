"""What the client knows to be true of a connection, in the keys of `handshark analyze --format jsonl`.

Shape of a truth file, one JSON object. A key that is missing says nothing, null says that there is none:

    fault            name of the deliberate fault, or null
    client, server   {address, port}
    connection_id    the server's number of this connection
    user, database   as sent
    outcome          accepted | rejected | aborted
    error            {code, sqlstate, message, phase} of the server's error that ended the connection phase
    greeting         {protocol_version, server_version, flavor, connection_id, auth_plugin, capabilities, collation_id,
                     status_flags}
    login            {user, database, auth_plugin, capabilities, max_packet_size, collation_id, attributes, zstd_level}
    tls              {version, cipher, cipher_suite_id, resumed}: the cipher suite as OpenSSL names it, and its
                     registered number; null where TLS was not asked for, empty where it did not come about
    authentication   {plugin, switches: [{from, to}], path, password_protection}
    compression      none | zlib | zstd
    commands         {name: count} of the commands that were sent
    exchanges        [{command, statement, parameters, attributes, response, columns, rows, affected_rows,
                     last_insert_id, error}], one for each command, in the words of `handshark commands`
                     (login, authentication and commands are missing where a fault sent less, or something else)
    proxy            {version} of the PROXY header that was sent

`analyzer.analysis.connection.truth.compare` holds it against what the analyzer says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from analyzer.errors import ServerError
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import AnyRecord
from analyzer.protocol.records.authentication import AuthMoreData
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, flavor_of, plain_version
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.tables.capabilities import CAPABILITIES, STATUS_FLAGS, flag_names
from analyzer.protocol.tables.commands import COMMANDS
from live_client.command_log import CommandLogEntry
from live_client.transport import Address

# Keys that a fault in the login, and one in a command, make worthless.
OF_LOGIN = frozenset({"user", "database", "login", "authentication", "commands", "exchanges"})
OF_COMMAND = frozenset({"commands", "exchanges"})

# ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED.
NETWORK_ERRORS = frozenset({1158, 1159, 1160, 1161})
# caching_sha2_password's word on its cache.
FAST = b"\x03"
FULL = b"\x04"

_PHASES = {
    st.GREETING: "greeting",
    st.LOGIN: "login",
    st.TLS_HANDSHAKE: "tls",
    st.SECURE_LOGIN: "login",
    st.AUTHENTICATION: "authentication",
}

ACCEPTED = "accepted"
REJECTED = "rejected"
ABORTED = "aborted"


@dataclass
class TlsNotes:
    """What is known of TLS: `version` is None where it did not come about, `cipher` is as OpenSSL names it."""

    asked: bool = False
    version: str | None = None
    cipher: str | None = None
    cipher_number: int | None = None
    resumed: bool = False
    verified: bool = False


@dataclass
class SessionNotes:
    """Notes of one connection, made as it goes, from what the client did and was told."""

    fault: str | None = None
    local: Address | None = None
    peer: Address | None = None
    greeting: HandshakeV10 | HandshakeV9 | None = None
    login: HandshakeResponse41 | HandshakeResponse320 | None = None
    tls: TlsNotes = field(default_factory=TlsNotes)
    plugin: str | None = None
    switches: list[tuple[str | None, str]] = field(default_factory=list)
    path: str = "direct"
    protection: str | None = None
    outcome: str | None = None
    error: ServerError | None = None
    error_phase: str | None = None
    compression: str | None = None
    unsaid: set[str] = field(default_factory=set)  # keys of which a fault made something else than was meant
    commands: Counter[int] = field(default_factory=Counter)
    said: list[CommandLogEntry] = field(default_factory=list)
    proxy_version: int | None = None

    def note(self, record: AnyRecord, state: str) -> None:
        """A record of the server, and the state it came in, also where it comes too late to be acted on."""
        if isinstance(record, HandshakeV10 | HandshakeV9):
            self.greeting = record
        elif isinstance(record, ErrPacket):
            if state in st.CONNECTION_PHASE and self.outcome is None:
                self.error, self.error_phase = error_of(record), phase_of(state)
                # These say that the connection broke: the echo of a client that left, and no refusal.
                self.outcome = ABORTED if record.error_code in NETWORK_ERRORS else REJECTED
            elif state == st.COMMAND:
                self.error, self.error_phase = error_of(record), "command"
        elif state == st.AUTHENTICATION and self.outcome is None:
            if isinstance(record, OKPacket):
                self.outcome = ACCEPTED
            elif isinstance(record, AuthMoreData) and self.plugin == "caching_sha2_password":
                self.path = {FAST: "fast", FULL: "full"}.get(record.authentication_method_data, self.path)

    def switched(self, plugin: str) -> None:
        """The server asked for another plugin: its exchange begins anew."""
        self.switches.append((self.plugin, plugin))
        self.plugin = plugin
        self.path = "direct"
        self.protection = None

    def truth(self) -> dict[str, Any]:
        """The truth as plain data, ready for JSON."""
        greeting, login = self.greeting, self.login
        truth: dict[str, Any] = {"fault": self.fault}
        if self.local is not None and self.peer is not None:
            truth |= {"client": _endpoint(self.local), "server": _endpoint(self.peer)}
        truth["connection_id"] = greeting.thread_id if greeting is not None else None
        if self.outcome is not None:
            truth["outcome"] = self.outcome
        truth |= {
            "error": self._error(),
            "greeting": _greeting(greeting),
            "tls": self._tls(),
            "compression": self.compression or "none",
            "proxy": {"version": self.proxy_version} if self.proxy_version is not None else None,
        }
        truth |= {
            "user": login.username if login is not None else None,
            "database": (login.database or None) if login is not None else None,
            "login": _login(login),
            "authentication": self._authentication(),
            "commands": {COMMANDS.get(code, f"0x{code:02x}"): count for code, count in sorted(self.commands.items())},
            "exchanges": [said.truth() for said in self.said],
        }
        return {key: value for key, value in truth.items() if key not in self.unsaid}

    def _error(self) -> dict[str, Any] | None:
        error = self.error
        if error is None:
            return None
        return {"code": error.code, "sqlstate": error.sqlstate, "message": error.message, "phase": self.error_phase}

    def _tls(self) -> dict[str, Any] | None:
        if not self.tls.asked:
            return None
        if self.tls.version is None:
            return {}
        tls: dict[str, Any] = {"version": self.tls.version, "cipher": self.tls.cipher, "resumed": self.tls.resumed}
        return tls if self.tls.cipher_number is None else tls | {"cipher_suite_id": self.tls.cipher_number}

    def _authentication(self) -> dict[str, Any] | None:
        if self.login is None:
            return None
        return {
            "plugin": self.plugin,
            "switches": [{"from": before, "to": after} for before, after in self.switches],
            "path": self.path,
            "password_protection": self.protection,
        }


def phase_of(state: str) -> str:
    """The contract's word for the part of the conversation that a state belongs to."""
    return _PHASES.get(state, "command")


def error_of(record: ErrPacket) -> ServerError:
    return ServerError(record.error_code, record.sql_state, record.error_message)


def _endpoint(address: Address) -> dict[str, Any]:
    return {"address": address[0], "port": address[1]}


def _greeting(greeting: HandshakeV10 | HandshakeV9 | None) -> dict[str, Any] | None:
    if greeting is None:
        return None
    common = {
        "server_version": plain_version(greeting.server_version),
        "flavor": flavor_of(greeting),
        "connection_id": greeting.thread_id,
    }
    if isinstance(greeting, HandshakeV9):
        return {"protocol_version": 9, **common}
    return {
        "protocol_version": 10,
        **common,
        "auth_plugin": greeting.auth_plugin_name,
        "capabilities": flag_names(greeting.capability_flags, CAPABILITIES),
        "collation_id": greeting.character_set,
        "status_flags": flag_names(greeting.status_flags or 0, STATUS_FLAGS),
    }


def _login(login: HandshakeResponse41 | HandshakeResponse320 | None) -> dict[str, Any] | None:
    if login is None:
        return None
    common = {
        "user": login.username,
        "database": login.database or None,
        "capabilities": flag_names(login.capability_flags, CAPABILITIES),
        "max_packet_size": login.max_packet_size,
    }
    if isinstance(login, HandshakeResponse320):
        return common
    return {
        **common,
        "auth_plugin": login.client_plugin_name,
        "collation_id": login.collation_id,
        "attributes": None if login.attributes is None else dict(login.attributes),
        "zstd_level": login.zstd_compression_level,
    }
