"""What the client asks for: its defaults, the user's changes, what the server offers."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.tables.capabilities import (
    CAPABILITIES,
    CLIENT_COMPRESS,
    CLIENT_CONNECT_ATTRS,
    CLIENT_CONNECT_WITH_DB,
    CLIENT_DEPRECATE_EOF,
    CLIENT_LONG_FLAG,
    CLIENT_LONG_PASSWORD,
    CLIENT_MULTI_RESULTS,
    CLIENT_MULTI_STATEMENTS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA,
    CLIENT_PROTOCOL_41,
    CLIENT_PS_MULTI_RESULTS,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SESSION_TRACK,
    CLIENT_SSL,
    CLIENT_TRANSACTIONS,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    MULTI_FACTOR_AUTHENTICATION,
)
from live_client.errors import ConnectionFailed
from live_client.options import Options

DEFAULT: Final = (
    CLIENT_LONG_PASSWORD
    | CLIENT_LONG_FLAG
    | CLIENT_PROTOCOL_41
    | CLIENT_TRANSACTIONS
    | CLIENT_SECURE_CONNECTION
    | CLIENT_MULTI_STATEMENTS
    | CLIENT_MULTI_RESULTS
    | CLIENT_PS_MULTI_RESULTS
    | CLIENT_PLUGIN_AUTH
    | CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
    | CLIENT_SESSION_TRACK
    | CLIENT_DEPRECATE_EOF
    | CLIENT_QUERY_ATTRIBUTES
    | MULTI_FACTOR_AUTHENTICATION
)
# All that the two bytes of the old login hold.
PROTOCOL_320: Final = CLIENT_LONG_PASSWORD | CLIENT_LONG_FLAG | CLIENT_TRANSACTIONS

_NUMBERS: Final[dict[str, int]] = {name: bit for bit, name in CAPABILITIES.items()}


def capability_number(name: str) -> int | None:
    """The bit of a capability, with or without its CLIENT_ or MARIADB_CLIENT_ prefix; None for an unknown name."""
    word = name.upper()
    for candidate in (word, f"CLIENT_{word}", f"MARIADB_CLIENT_{word}"):
        if candidate in _NUMBERS:
            return _NUMBERS[candidate]
    return None


def asked_for(options: Options, offered: int, tls: bool) -> int:
    """The flags of the login. What the user names is set or left out whatever the server offers."""
    flags = PROTOCOL_320 if options.protocol == 320 else DEFAULT
    if options.database is not None:
        flags |= CLIENT_CONNECT_WITH_DB
    if options.send_attributes and options.protocol != 320:
        flags |= CLIENT_CONNECT_ATTRS
    if options.compression is not None:
        bit = CLIENT_COMPRESS if options.compression == "zlib" else CLIENT_ZSTD_COMPRESSION_ALGORITHM
        if not offered & bit:
            raise ConnectionFailed(f"the server does not offer {options.compression} compression")
        flags |= bit
    if tls:
        flags |= CLIENT_SSL
    # CONNECT_WITH_DB is this login's own layout: servers before 4.1 did not even have a bit to offer it.
    flags &= offered | CLIENT_CONNECT_WITH_DB
    for name, on in options.capabilities:
        bit = capability_number(name) or 0
        flags = flags | bit if on else flags & ~bit
    return flags
