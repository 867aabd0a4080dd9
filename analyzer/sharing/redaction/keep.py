"""What may stay, by the names that the command line knows."""

from __future__ import annotations

from typing import Final

import msgspec

# Kinds of content, and what they are. Each is replaced unless it is kept.
KINDS: Final[dict[str, str]] = {
    "addresses": "IP and MAC addresses, in headers and as text",
    "users": "names of accounts and their hosts",
    "databases": "names of schemas",
    "attributes": "connection attributes and query attributes, but those of the driver",
    "sql": "literals and comments of statements",
    "identifiers": "names of tables, columns and variables (replaced with --identifiers only)",
    "values": "bound values, rows, binlog rows",
    "files": "contents of files and names of files",
    "errors": "texts of errors and status",
    "names": "server names, names in certificates, realms",
    "nonces": "nonces, scrambles, signatures, tickets, session ids, random numbers",
    "gtids": "UUIDs of GTIDs",
}
# Never kept: what a password can be made from.
SECRET: Final = "nonces"


class KeptKinds(msgspec.Struct, frozen=True):
    """`kinds` of content that stay as they are."""

    kinds: frozenset[str] = frozenset({"identifiers"})


DEFAULT: Final = KeptKinds()
