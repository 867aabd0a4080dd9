"""What a result set is made of: column definitions, text rows, binary rows.

Sources: MySQL source documentation, "Column Definition" (41 and 320), "Text Resultset Row", "Binary Protocol Resultset
Row"; MariaDB Server documentation, "Result Set Packets" (extended metadata). The values of binary rows: `values`.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Final, Self

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.columns import Columns, ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.nested import enter
from analyzer.protocol.tables.capabilities import CLIENT_LONG_FLAG, MARIADB_CLIENT_EXTENDED_METADATA
from analyzer.protocol.tables.collations import codec_of
from analyzer.protocol.tables.column_flags import COLUMN_FLAGS, EXTENDED_METADATA, UNSIGNED_FLAG
from analyzer.protocol.tables.column_types import (
    COLUMN_TYPES,
    MYSQL_TYPE_DOUBLE,
    MYSQL_TYPE_FLOAT,
    MYSQL_TYPE_TIME,
)
from analyzer.protocol.wire.reader import Reader, Writer
from analyzer.protocol.wire.text import MULTIBYTE, bytes_in_charset
from analyzer.protocol.wire.values import BINARY, DATES, INTEGER_SIZES, NULL, Plain, Value, decode_value, text_of

UNSIGNED: Final = UNSIGNED_FLAG
NULL_MARK: Final = 0xFB
# Numbers as the servers write them: ZEROFILL fills up to 255 digits, a DOUBLE has some 330 at most.
_INTEGER: Final = re.compile(rb"-?\d{1,255}")
_REAL: Final = re.compile(rb"-?\d{1,400}(?:\.\d{1,400})?(?:e[-+]?\d{1,3})?")
# Text whatever their character set.
_TIMES: Final = DATES | {MYSQL_TYPE_TIME}
_FIXED_FIELDS: Final = 12  # bytes of the fixed fields of ColumnDefinition41, filler included


class ExtendedMetadata(msgspec.Struct, frozen=True):
    """One chunk of MariaDB's extended metadata: `kind` 0 names the column's real type, 1 the format of its text."""

    kind: int
    value: str

    def summary(self) -> str:
        return f"{EXTENDED_METADATA.get(self.kind, self.kind)} {self.value}"


class ColumnDefinition41(Record, frozen=True):
    """One column. The default value stands only in the answer to COM_FIELD_LIST (`has_default`; None is NULL)."""

    catalog: str
    schema: str
    table: str
    org_table: str
    name: str
    org_name: str
    extended_metadata: tuple[ExtendedMetadata, ...] | None
    length_of_fixed_fields: int
    character_set: int
    column_length: int
    type: int
    flags: int
    decimals: int
    filler: bytes = bytes(2)
    has_default: bool = False
    default_value: bytes | None = None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ColumnDefinition41"
        catalog, schema, table = r.lenenc_text("catalog"), r.lenenc_text("schema"), r.lenenc_text("table")
        org_table, name, org_name = r.lenenc_text("org_table"), r.lenenc_text("name"), r.lenenc_text("org_name")
        extended: tuple[ExtendedMetadata, ...] | None = None
        if ctx.in_force & MARIADB_CLIENT_EXTENDED_METADATA:
            extended = _extended(r)
        fixed = (
            r.lenenc("length_of_fixed_fields"),
            r.uint("character_set", 2),
            r.uint("column_length", 4),
            r.u8("type"),
            r.uint("flags", 2),
            r.u8("decimals"),
            r.take("filler", 2),
        )
        has_default, default = _default(r)
        return cls(catalog, schema, table, org_table, name, org_name, extended, *fixed, has_default, default)

    def encode(self, w: Writer, ctx: Context) -> None:
        for name in (self.catalog, self.schema, self.table, self.org_table, self.name, self.org_name):
            w.lenenc_bytes(name)
        if self.extended_metadata is not None:
            chunks = Writer()
            for chunk in self.extended_metadata:
                chunks.u8(chunk.kind)
                chunks.lenenc_bytes(chunk.value)
            w.lenenc_bytes(chunks.getvalue())
        w.lenenc(self.length_of_fixed_fields)
        w.uint(self.character_set, 2)
        w.uint(self.column_length, 4)
        w.u8(self.type)
        w.uint(self.flags, 2)
        w.u8(self.decimals)
        w.raw(self.filler)
        if self.has_default:
            _write_value(w, self.default_value)

    @property
    def column(self) -> ResultColumn:
        """What its rows are read with."""
        other = self.org_name if self.org_name != self.name else ""
        return ResultColumn(self.name, self.type, self.flags, self.character_set, self.decimals, other)

    def summary(self) -> str:
        extended = "".join(f", {chunk.summary()}" for chunk in self.extended_metadata or ())
        return f"column {self.name!r}, {type_name(self.type)}{extended}"


def type_name(type: int) -> str:
    """The name of a column type; its byte where it has none."""
    return COLUMN_TYPES.get(type) or f"type 0x{type:02x}"


def column_flags(flags: int) -> list[str]:
    """The names of a definition's flags, lowest first."""
    return [name for bit, name in COLUMN_FLAGS.items() if flags & bit]


def shows_extended(payload: bytes) -> bool | None:
    """Whether a definition carries extended metadata: what stands where the length of the fixed fields would be.

    For connections whose login was not captured. None where it is no definition at all.
    """
    r = Reader(payload, "ColumnDefinition41")
    for _ in range(6):
        r.lenenc_bytes("name")
    if r.peek() == _FIXED_FIELDS and r.left == 1 + _FIXED_FIELDS:
        return False
    r.lenenc_bytes("extended_metadata")
    return True if r.peek() == _FIXED_FIELDS and r.left >= 1 + _FIXED_FIELDS else None


def _extended(r: Reader) -> tuple[ExtendedMetadata, ...]:
    outer = enter(r, "extended_metadata_length")
    chunks = []
    while r.pos < r.end:
        chunks.append(ExtendedMetadata(r.u8("extended_metadata_type"), r.lenenc_text("extended_metadata_value")))
    r.end = outer
    return tuple(chunks)


def _default(r: Reader) -> tuple[bool, bytes | None]:
    if r.pos == r.end:
        return False, None
    return True, _read_value(r, "default_value", "default_value")


def _read_value(r: Reader, name: str, null: str) -> bytes | None:
    """A counted string, or 0xFB for NULL."""
    if r.peek() == NULL_MARK:
        r.u8(null)
        return None
    return r.lenenc_bytes(name)


def _write_value(w: Writer, value: bytes | None) -> None:
    if value is None:
        w.u8(NULL_MARK)
    else:
        w.lenenc_bytes(value)


class ColumnDefinition320(Record, frozen=True):
    """One column before protocol 4.1. The flags take two bytes with CLIENT_LONG_FLAG, else one (`long_flags`)."""

    table: str
    name: str
    column_length: int
    type: int
    flags: int
    decimals: int
    long_flags: bool = True
    has_default: bool = False
    default_value: bytes | None = None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ColumnDefinition320"
        table, name = r.lenenc_text("table"), r.lenenc_text("name")
        _size(r, "length_of_column_length", (3,))
        length = r.uint("column_length", 3)
        _size(r, "length_of_type", (1,))
        type_ = r.u8("type")
        # What was agreed on says how long they are; the length is on the wire all the same.
        size = _size(r, "length_of_flags", (2, 3))
        flags = r.uint("flags", size - 1)
        decimals = r.u8("decimals")
        return cls(table, name, length, type_, flags, decimals, size == 3, *_default(r))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.lenenc_bytes(self.table)
        w.lenenc_bytes(self.name)
        w.u8(3)
        w.uint(self.column_length, 3)
        w.u8(1)
        w.u8(self.type)
        w.u8(3 if self.long_flags else 2)
        w.uint(self.flags, 2 if self.long_flags else 1)
        w.u8(self.decimals)
        if self.has_default:
            _write_value(w, self.default_value)

    @classmethod
    def of(cls, table: str, name: str, type: int, ctx: Context) -> Self:
        """A definition with the flags as long as what is in force says."""
        return cls(table, name, 0, type, 0, 0, bool(ctx.in_force & CLIENT_LONG_FLAG))

    @property
    def column(self) -> ResultColumn:
        """What its rows are read with."""
        return ResultColumn(self.name, self.type, self.flags, None, self.decimals)

    def summary(self) -> str:
        return f"column {self.name!r}, {type_name(self.type)}"


def _size(r: Reader, name: str, sizes: tuple[int, ...]) -> int:
    at = r.pos
    size = r.u8(name)
    if size not in sizes:
        raise BadValue(r.record, name, at, f"{' or '.join(map(str, sizes))} expected, {size} found")
    return size


def of_text(value: bytes | None, column: ResultColumn) -> Plain:
    """What a value of a text row means: the same as `values` makes of it in a binary row.

    A number that is none stays text.
    """
    if value is None:
        return None
    kind = column.type
    if kind in BINARY:
        return value
    if kind in INTEGER_SIZES and _INTEGER.fullmatch(value):
        return int(value)
    if kind in (MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE) and _REAL.fullmatch(value):
        number = float(value)
        if isfinite(number):
            return number
    if not column.is_text and kind not in _TIMES:
        return value
    codec = codec_of(column.character_set)
    if codec is not None and not value.isascii():
        text = bytes_in_charset(value, codec)
        return text if text.isprintable() or codec in MULTIBYTE else value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


class TextRow(Record, frozen=True):
    """One row of the text protocol: each value a counted string, or 0xFB for NULL.

    Where the definitions are known (`ctx.columns`), their number is checked.
    """

    values: tuple[bytes | None, ...]

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "TextRow"
        values: list[bytes | None] = []
        while r.pos < r.end:
            index = len(values)
            values.append(_read_value(r, f"value[{index}]", f"null[{index}]"))
        due = len(ctx.columns)
        if due and len(values) != due:
            raise BadValue("TextRow", "values", r.pos, f"{len(values)} values for {due} columns")
        return cls(tuple(values))

    def encode(self, w: Writer, ctx: Context) -> None:
        for value in self.values:
            _write_value(w, value)

    def plain(self, columns: Columns) -> tuple[Plain, ...]:
        """What the values mean, as the definitions say. Raises ValueError where there are more or fewer of them."""
        return tuple(of_text(value, column) for value, column in zip(self.values, columns, strict=True))

    @classmethod
    def of(cls, values: tuple[Plain, ...], columns: Columns) -> Self:
        """A row of these values, written as the servers write them in text."""
        return cls(tuple(text_of(value, column.type) for value, column in zip(values, columns, strict=True)))

    def summary(self) -> str:
        return f"row of {len(self.values)} value{'' if len(self.values) == 1 else 's'}"


class BinaryRow(Record, frozen=True):
    """One row of the binary protocol. Its columns (`ctx.columns`) say how long each value is and what it means."""

    values: tuple[Value, ...]

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "BinaryRow"
        header = r.u8("header")
        if header != 0:
            raise BadValue("BinaryRow", "header", 0, f"0x00 expected, 0x{header:02x} found")
        columns = ctx.columns
        # The bitmap begins at bit 2: the first two are reserved.
        nulls = r.take("null_bitmap", (len(columns) + 9) // 8)
        values = []
        for index, column in enumerate(columns):
            if nulls[(index + 2) // 8] >> (index + 2) % 8 & 1:
                values.append(NULL)
                continue
            unsigned = bool(column.flags & UNSIGNED)
            name = f"value[{index}]"
            values.append(decode_value(r, column.type, unsigned, name, decimals=column.decimals, text=column.is_text))
        return cls(tuple(values))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0)
        nulls = bytearray((len(self.values) + 9) // 8)
        for index, value in enumerate(self.values):
            if value.value is None:
                nulls[(index + 2) // 8] |= 1 << (index + 2) % 8
        w.raw(bytes(nulls))
        for value in self.values:
            w.raw(value.raw)

    def plain(self, columns: Columns) -> tuple[Plain, ...]:
        """What the values mean; the definitions were needed to read them."""
        return tuple(value.value for value in self.values)

    def summary(self) -> str:
        return f"row of {len(self.values)} value{'' if len(self.values) == 1 else 's'}"


def decode_binary_row(r: Reader, columns: Columns) -> tuple[bytes | None, ...]:
    """One row of the binary protocol, each value as the text protocol would write it. Raises DecodeError."""
    ctx = Context()
    ctx.columns = columns
    row = BinaryRow.decode(r, ctx)
    r.finish()
    return tuple(text_of(value.value, column.type) for value, column in zip(row.values, columns, strict=True))
