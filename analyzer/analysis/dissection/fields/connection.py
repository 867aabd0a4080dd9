"""Display fields of a connection as a whole, out of what the analysis says of it when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Final

from analyzer.analysis.dissection.fields.base import Value
from analyzer.analysis.model.connection import Connection


def _known(*values: Value | None) -> Sequence[Value]:
    return [value for value in values if value is not None]


def _addresses(c: Connection, version: int) -> Sequence[Value]:
    return [text for text in (c.client.address, c.server.address) if ip_address(text).version == version]


def _attributes(c: Connection) -> Iterable[str]:
    attributes = c.login.attributes if c.login is not None else None
    return (f"{name}={value}" for name, value in (attributes or {}).items())


Get = Callable[[Connection], Sequence[Value]]

# Known before the connection is over.
EARLY: Final = frozenset(
    {"tcp", "tcp.stream", "tcp.port", "ip", "ip.addr", "ip.host", "ipv6", "ipv6.addr", "ipv6.host"}
)

GETTERS: Final[dict[str, Get]] = {
    "tcp": lambda c: [b"tcp"],
    "tcp.stream": lambda c: [c.stream],
    "tcp.port": lambda c: [c.client.port, c.server.port],
    "ip": lambda c: [b"ip"] if _addresses(c, 4) else [],
    "ip.addr": lambda c: _addresses(c, 4),
    "ip.host": lambda c: _addresses(c, 4),
    "ipv6": lambda c: [b"ipv6"] if _addresses(c, 6) else [],
    "ipv6.addr": lambda c: _addresses(c, 6),
    "ipv6.host": lambda c: _addresses(c, 6),
    "tls.handshake.extensions_server_name": lambda c: _known(c.tls.server_name if c.tls else None),
    "tls.handshake.ja3": lambda c: _known(c.tls.ja3 if c.tls else None),
    "handshark.capture": lambda c: [c.capture],
    "handshark.client": lambda c: [c.client.address],
    "handshark.client_port": lambda c: [c.client.port],
    "handshark.server": lambda c: [c.server.address],
    "handshark.server_port": lambda c: [c.server.port],
    "handshark.user": lambda c: _known(c.login.user if c.login else None),
    "handshark.database": lambda c: _known(c.login.database if c.login else None),
    "handshark.attribute": lambda c: list(_attributes(c)),
    "handshark.phase": lambda c: [c.phase_reached],
    "handshark.outcome": lambda c: [c.outcome],
    "handshark.error_code": lambda c: _known(c.error.code if c.error else None),
    "handshark.sqlstate": lambda c: _known(c.error.sqlstate if c.error else None),
    "handshark.error_message": lambda c: _known(c.error.message if c.error else None),
    "handshark.server_version": lambda c: _known(c.greeting.server_version if c.greeting else None),
    "handshark.flavor": lambda c: _known(c.greeting.flavor if c.greeting else None),
    "handshark.connection_id": lambda c: _known(c.greeting.connection_id if c.greeting else None),
    "handshark.plugin": lambda c: _known(c.authentication.plugin if c.authentication else None),
    "handshark.path": lambda c: _known(c.authentication.path if c.authentication else None),
    "handshark.password_protection": lambda c: _known(
        c.authentication.password_protection if c.authentication else None
    ),
    "handshark.tls": lambda c: [c.tls is not None],
    "handshark.tls_version": lambda c: _known(c.tls.version if c.tls else None),
    "handshark.cipher_suite": lambda c: _known(c.tls.cipher_suite if c.tls else None),
    "handshark.decrypted": lambda c: _known(c.tls.decrypted if c.tls else None),
    "handshark.compression": lambda c: [c.compression],
    "handshark.command": lambda c: list(c.commands),
    "handshark.commands": lambda c: [sum(c.commands.values())],
    "handshark.driver": lambda c: _known(c.driver.name if c.driver else None),
    "handshark.driver_version": lambda c: _known(c.driver.version if c.driver else None),
    "handshark.fingerprint": lambda c: _known(c.fingerprint),
    "handshark.finding": lambda c: [finding.code for finding in c.findings],
    "handshark.severity": lambda c: [finding.severity for finding in c.findings],
    "handshark.syn": lambda c: [c.tcp.syn],
    "handshark.fin_from": lambda c: _known(c.tcp.fin_from),
    "handshark.rst_from": lambda c: _known(c.tcp.rst_from),
    "handshark.retransmissions": lambda c: [c.tcp.retransmissions],
    "handshark.gaps": lambda c: [c.tcp.gaps],
    "handshark.tcp_connect_time": lambda c: _known(c.timing.tcp_connect_ns),
    "handshark.authentication_time": lambda c: _known(c.timing.authentication_ns),
    "handshark.total_time": lambda c: _known(c.timing.total_ns),
}


class ConnectionFields:
    """A connection as a filter asks it: its own fields, and none of a packet's."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def values(self, name: str) -> Sequence[Value]:
        get = GETTERS.get(name)
        return get(self.connection) if get is not None else ()
