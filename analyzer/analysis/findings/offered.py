"""Capabilities that a client set and its server never offered."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import (
    CLIENT_LONG_PASSWORD,
    CLIENT_REMEMBER_OPTIONS,
    CLIENT_SSL_VERIFY_SERVER_CERT,
)

# Flags that say something of the client alone. CLIENT_LONG_PASSWORD is MariaDB's CLIENT_MYSQL: its servers clear it.
CLIENTS_OWN: Final = CLIENT_LONG_PASSWORD | CLIENT_SSL_VERIFY_SERVER_CERT | CLIENT_REMEMBER_OPTIONS


def not_offered(greeting: HandshakeV10 | HandshakeV9 | None, login: HandshakeResponse41) -> int:
    """The flags; 0 where the greeting was not seen or has none."""
    if not isinstance(greeting, HandshakeV10):
        return 0
    offered = greeting.capability_flags
    return login.capability_flags & ~(offered | CLIENTS_OWN) if offered else 0
