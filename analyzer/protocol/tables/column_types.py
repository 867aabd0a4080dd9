"""Column types: the byte of a column definition and of a parameter.

Sources: MySQL source documentation, "Column types" (field_types.h: enum_field_types); MariaDB Server documentation,
"Result Set Packets" (field types; the compressed ones stand only in its binlog).
"""

from __future__ import annotations

from typing import Final

# Of a parameter's two bytes of type: the column type, and the bit that says unsigned.
TYPE: Final = 0xFF
UNSIGNED: Final = 0x8000

MYSQL_TYPE_DECIMAL: Final = 0x00
MYSQL_TYPE_TINY: Final = 0x01
MYSQL_TYPE_SHORT: Final = 0x02
MYSQL_TYPE_LONG: Final = 0x03
MYSQL_TYPE_FLOAT: Final = 0x04
MYSQL_TYPE_DOUBLE: Final = 0x05
MYSQL_TYPE_NULL: Final = 0x06
MYSQL_TYPE_TIMESTAMP: Final = 0x07
MYSQL_TYPE_LONGLONG: Final = 0x08
MYSQL_TYPE_INT24: Final = 0x09
MYSQL_TYPE_DATE: Final = 0x0A
MYSQL_TYPE_TIME: Final = 0x0B
MYSQL_TYPE_DATETIME: Final = 0x0C
MYSQL_TYPE_YEAR: Final = 0x0D
MYSQL_TYPE_NEWDATE: Final = 0x0E
MYSQL_TYPE_VARCHAR: Final = 0x0F
MYSQL_TYPE_BIT: Final = 0x10
MYSQL_TYPE_TIMESTAMP2: Final = 0x11
MYSQL_TYPE_DATETIME2: Final = 0x12
MYSQL_TYPE_TIME2: Final = 0x13
MYSQL_TYPE_TYPED_ARRAY: Final = 0x14
MARIADB_TYPE_BLOB_COMPRESSED: Final = 0x8C
MARIADB_TYPE_VARCHAR_COMPRESSED: Final = 0x8D
MYSQL_TYPE_VECTOR: Final = 0xF2
MYSQL_TYPE_INVALID: Final = 0xF3
MYSQL_TYPE_BOOL: Final = 0xF4
MYSQL_TYPE_JSON: Final = 0xF5
MYSQL_TYPE_NEWDECIMAL: Final = 0xF6
MYSQL_TYPE_ENUM: Final = 0xF7
MYSQL_TYPE_SET: Final = 0xF8
MYSQL_TYPE_TINY_BLOB: Final = 0xF9
MYSQL_TYPE_MEDIUM_BLOB: Final = 0xFA
MYSQL_TYPE_LONG_BLOB: Final = 0xFB
MYSQL_TYPE_BLOB: Final = 0xFC
MYSQL_TYPE_VAR_STRING: Final = 0xFD
MYSQL_TYPE_STRING: Final = 0xFE
MYSQL_TYPE_GEOMETRY: Final = 0xFF

# byte -> name as the manuals write it, without MYSQL_TYPE_
COLUMN_TYPES: Final[dict[int, str]] = {
    0x00: "DECIMAL",
    0x01: "TINY",
    0x02: "SHORT",
    0x03: "LONG",
    0x04: "FLOAT",
    0x05: "DOUBLE",
    0x06: "NULL",
    0x07: "TIMESTAMP",
    0x08: "LONGLONG",
    0x09: "INT24",
    0x0A: "DATE",
    0x0B: "TIME",
    0x0C: "DATETIME",
    0x0D: "YEAR",
    0x0E: "NEWDATE",
    0x0F: "VARCHAR",
    0x10: "BIT",
    0x11: "TIMESTAMP2",
    0x12: "DATETIME2",
    0x13: "TIME2",
    0x14: "TYPED_ARRAY",
    0x8C: "BLOB_COMPRESSED",
    0x8D: "VARCHAR_COMPRESSED",
    0xF2: "VECTOR",
    0xF3: "INVALID",
    0xF4: "BOOL",
    0xF5: "JSON",
    0xF6: "NEWDECIMAL",
    0xF7: "ENUM",
    0xF8: "SET",
    0xF9: "TINY_BLOB",
    0xFA: "MEDIUM_BLOB",
    0xFB: "LONG_BLOB",
    0xFC: "BLOB",
    0xFD: "VAR_STRING",
    0xFE: "STRING",
    0xFF: "GEOMETRY",
}
