"""Flags of a column definition.

Sources: MySQL source documentation, "Column Definition Flags" (mysql_com.h); MariaDB Server documentation,
"Result Set Packets" (field details flags). Flags from bit 16 up are the servers' own and never on the wire.
"""

from __future__ import annotations

from typing import Final

NOT_NULL_FLAG: Final = 0x0001
UNSIGNED_FLAG: Final = 0x0020
BINARY_FLAG: Final = 0x0080

COLUMN_FLAGS: Final[dict[int, str]] = {
    0x0001: "NOT_NULL_FLAG",
    0x0002: "PRI_KEY_FLAG",
    0x0004: "UNIQUE_KEY_FLAG",
    0x0008: "MULTIPLE_KEY_FLAG",
    0x0010: "BLOB_FLAG",
    0x0020: "UNSIGNED_FLAG",
    0x0040: "ZEROFILL_FLAG",
    0x0080: "BINARY_FLAG",
    0x0100: "ENUM_FLAG",
    0x0200: "AUTO_INCREMENT_FLAG",
    0x0400: "TIMESTAMP_FLAG",
    0x0800: "SET_FLAG",
    0x1000: "NO_DEFAULT_VALUE_FLAG",
    0x2000: "ON_UPDATE_NOW_FLAG",
    0x4000: "PART_KEY_FLAG",
    0x8000: "NUM_FLAG",
}

# What MariaDB's extended metadata says of a column (MARIADB_CLIENT_EXTENDED_METADATA).
EXTENDED_TYPE: Final = 0
EXTENDED_FORMAT: Final = 1
EXTENDED_METADATA: Final[dict[int, str]] = {
    0: "type",  # point, inet6, uuid ...: the type behind a string or a geometry
    1: "format",  # json
}
