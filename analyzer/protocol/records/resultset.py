"""What a result set is made of: column definitions, text rows, binary rows.

Sources: MySQL source documentation, "Column Definition" (41 and 320), "Text Resultset Row", "Binary Protocol Resultset
Row", "Binary Protocol Value"; MariaDB Server documentation, "Result Set Packets" (extended metadata).
"""

from __future__ import annotations

from struct import unpack
from typing import Final, Self

from analyzer.errors import BadValue
from analyzer.protocol.capabilities import MARIADB_CLIENT_EXTENDED_METADATA
from analyzer.protocol.context import Context
from analyzer.protocol.reader import Reader, Writer
from analyzer.protocol.records.base import Record

UNSIGNED: Final = 0x20
BINARY_CHARSET: Final = 63

# Column type -> bytes of its integer.
_INTEGERS: Final[dict[int, int]] = {0x01: 1, 0x02: 2, 0x03: 4, 0x08: 8, 0x09: 4, 0x0D: 2}
_FLOATS: Final[dict[int, tuple[str, int]]] = {0x04: ("<f", 4), 0x05: ("<d", 8)}
_DATES: Final = frozenset({0x07, 0x0A, 0x0C})  # MYSQL_TYPE_TIMESTAMP, _DATE, _DATETIME
_TIME: Final = 0x0B


class ColumnDefinition41(Record, frozen=True):
    """One column. `extended_metadata` is MariaDB's: pairs that name its real type and format."""

    catalog: str
    schema: str
    table: str
    org_table: str
    name: str
    org_name: str
    extended_metadata: bytes | None
    length_of_fixed_fields: int
    character_set: int
    column_length: int
    type: int
    flags: int
    decimals: int
    filler: bytes = bytes(2)

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ColumnDefinition41"
        catalog, schema, table = r.lenenc_text("catalog"), r.lenenc_text("schema"), r.lenenc_text("table")
        org_table, name, org_name = r.lenenc_text("org_table"), r.lenenc_text("name"), r.lenenc_text("org_name")
        extended: bytes | None = None
        if ctx.in_force & MARIADB_CLIENT_EXTENDED_METADATA:
            extended = r.lenenc_bytes("extended_metadata")
        return cls(
            catalog,
            schema,
            table,
            org_table,
            name,
            org_name,
            extended,
            r.lenenc("length_of_fixed_fields"),
            r.uint("character_set", 2),
            r.uint("column_length", 4),
            r.u8("type"),
            r.uint("flags", 2),
            r.u8("decimals"),
            r.take("filler", 2),
        )

    def encode(self, w: Writer, ctx: Context) -> None:
        for name in (self.catalog, self.schema, self.table, self.org_table, self.name, self.org_name):
            w.lenenc_bytes(name)
        if self.extended_metadata is not None:
            w.lenenc_bytes(self.extended_metadata)
        w.lenenc(self.length_of_fixed_fields)
        w.uint(self.character_set, 2)
        w.uint(self.column_length, 4)
        w.u8(self.type)
        w.uint(self.flags, 2)
        w.u8(self.decimals)
        w.raw(self.filler)

    def summary(self) -> str:
        return f"column {self.name!r}, type 0x{self.type:02x}"


class ColumnDefinition320(Record, frozen=True):
    """One column before protocol 4.1: its table, its name, then counted integers of three, one and three bytes."""

    table: str
    name: str
    column_length: bytes
    type: bytes
    flags_and_decimals: bytes

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ColumnDefinition320"
        return cls(
            r.lenenc_text("table"),
            r.lenenc_text("name"),
            r.lenenc_bytes("column_length"),
            r.lenenc_bytes("type"),
            r.lenenc_bytes("flags_and_decimals"),
        )

    def encode(self, w: Writer, ctx: Context) -> None:
        w.lenenc_bytes(self.table)
        w.lenenc_bytes(self.name)
        w.lenenc_bytes(self.column_length)
        w.lenenc_bytes(self.type)
        w.lenenc_bytes(self.flags_and_decimals)

    def summary(self) -> str:
        return f"column {self.name!r}"


class TextRow(Record, frozen=True):
    """One row of the text protocol: each value a counted string, or 0xFB for NULL."""

    values: tuple[bytes | None, ...]

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "TextRow"
        values: list[bytes | None] = []
        while r.pos < r.end:
            if r.peek() == 0xFB:
                r.u8("null")
                values.append(None)
            else:
                values.append(r.lenenc_bytes("value"))
        return cls(tuple(values))

    def encode(self, w: Writer, ctx: Context) -> None:
        for value in self.values:
            if value is None:
                w.u8(0xFB)
            else:
                w.lenenc_bytes(value)


def decode_binary_row(r: Reader, columns: tuple[ColumnDefinition41, ...]) -> tuple[bytes | None, ...]:
    """One row of the binary protocol, each value as the text protocol would write it. Raises DecodeError."""
    r.record = "BinaryRow"
    header = r.u8("header")
    if header != 0:
        raise BadValue("BinaryRow", "header", 0, f"0x00 expected, 0x{header:02x} found")
    # The bitmap begins at bit 2: the first two are reserved.
    nulls = r.take("null_bitmap", (len(columns) + 9) // 8)
    values: list[bytes | None] = []
    for index, column in enumerate(columns):
        null = nulls[(index + 2) // 8] >> (index + 2) % 8 & 1
        values.append(None if null else _binary_text(r, column))
    r.finish()
    return tuple(values)


def _binary_text(r: Reader, column: ColumnDefinition41) -> bytes:
    size = _INTEGERS.get(column.type)
    if size is not None:
        raw = r.take(column.name, size)
        return str(int.from_bytes(raw, "little", signed=not column.flags & UNSIGNED)).encode()
    if column.type in _FLOATS:
        layout, size = _FLOATS[column.type]
        return repr(unpack(layout, r.take(column.name, size))[0]).encode()
    if column.type in _DATES:
        return _date(r, column)
    if column.type == _TIME:
        return _time(r, column)
    return r.lenenc_bytes(column.name)


def _fraction(micros: int, decimals: int) -> str:
    return f".{micros:06d}"[: decimals + 1] if 0 < decimals <= 6 else ""


def _date(r: Reader, column: ColumnDefinition41) -> bytes:
    size = r.u8(column.name)
    if size not in (0, 4, 7, 11):
        raise BadValue("BinaryRow", column.name, r.pos - 1, f"a date of {size} bytes")
    raw = r.take(column.name, size).ljust(11, b"\x00")
    year, month, day, hour, minute, second, micros = unpack("<HBBBBBI", raw)
    date = f"{year:04d}-{month:02d}-{day:02d}"
    if column.type == 0x0A:
        return date.encode()
    return f"{date} {hour:02d}:{minute:02d}:{second:02d}{_fraction(micros, column.decimals)}".encode()


def _time(r: Reader, column: ColumnDefinition41) -> bytes:
    size = r.u8(column.name)
    if size not in (0, 8, 12):
        raise BadValue("BinaryRow", column.name, r.pos - 1, f"a time of {size} bytes")
    raw = r.take(column.name, size).ljust(12, b"\x00")
    negative, days, hour, minute, second, micros = unpack("<BIBBBI", raw)
    sign = "-" if negative else ""
    return f"{sign}{days * 24 + hour:02d}:{minute:02d}:{second:02d}{_fraction(micros, column.decimals)}".encode()
