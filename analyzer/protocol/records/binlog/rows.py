"""Table maps and rows events.

Sources: MySQL source documentation, "Table_map_event", "Rows_event"; MariaDB Server documentation, "TABLE_MAP_EVENT",
"Rows events" (also compressed).
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.binlog_stream import BinlogStream, MappedColumn, MappedTable
from analyzer.protocol.records.binlog.base import EventBody, EventHeader
from analyzer.protocol.records.binlog.cells import BLOBS, METADATA_SIZES, VARCHARS, read_cell
from analyzer.protocol.records.binlog.packed import open_mariadb
from analyzer.protocol.tables import binlog as tb
from analyzer.protocol.tables import column_types as ct
from analyzer.protocol.tables.collations import CODECS, collation
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer
from analyzer.protocol.wire.values import NULL, Plain, Value

# Types that SIGNEDNESS has a bit for; YEAR too, which the source does not say. What character sets are listed of.
_NUMERIC: Final = frozenset(
    {
        *(ct.MYSQL_TYPE_TINY, ct.MYSQL_TYPE_SHORT, ct.MYSQL_TYPE_INT24, ct.MYSQL_TYPE_LONG, ct.MYSQL_TYPE_LONGLONG),
        *(ct.MYSQL_TYPE_NEWDECIMAL, ct.MYSQL_TYPE_FLOAT, ct.MYSQL_TYPE_DOUBLE),
    }
)
_TEXTS: Final = (
    (VARCHARS | BLOBS | {ct.MYSQL_TYPE_STRING})
    - {ct.MYSQL_TYPE_GEOMETRY, ct.MYSQL_TYPE_JSON, ct.MYSQL_TYPE_VECTOR}
)  # fmt: skip
UPDATES: Final = frozenset(
    {
        *(tb.UPDATE_ROWS_EVENT_V1, tb.UPDATE_ROWS_EVENT, tb.PARTIAL_UPDATE_ROWS_EVENT),
        *(tb.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1, tb.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT),
    }
)
VERSION_2: Final = frozenset(
    {
        *(tb.WRITE_ROWS_EVENT, tb.UPDATE_ROWS_EVENT, tb.DELETE_ROWS_EVENT, tb.PARTIAL_UPDATE_ROWS_EVENT),
        tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT,
        tb.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT,
        tb.MARIADB_DELETE_ROWS_COMPRESSED_EVENT,
    }
)
COMPRESSED: Final = frozenset(
    range(tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, tb.MARIADB_DELETE_ROWS_COMPRESSED_EVENT + 1)
)
# Values of one event that are taken apart: a megabyte of TINYINTs, or a bomb, would be hundreds of megabytes of them.
MOST_VALUES: Final = 1 << 14
MOST_LEFT: Final = 1 << 16  # bytes of opened rows that are kept beside their compressed form


class OptionalMetadata(msgspec.Struct, frozen=True):
    """One field of a table map's optional metadata, undecoded."""

    type: int
    data: bytes

    @property
    def name(self) -> str:
        return tb.OPTIONAL_METADATA.get(self.type, f"type {self.type}")


class TableMap(EventBody, frozen=True, tag="table_map"):
    """The columns of a table, under the number that rows events name it by.

    `null_bits` has a set bit for each column that may be NULL.
    """

    table_id: int
    flags: int
    schema: str
    table: str
    column_types: bytes
    column_metadata: bytes
    null_bits: bytes
    optional_metadata: tuple[OptionalMetadata, ...] = ()
    table_id_size: int = 6

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        size = stream.table_id_size
        table_id, flags = r.uint("table_id", size), r.uint("table_flags", 2)
        schema, table = _name(r, "schema"), _name(r, "table")
        at = r.pos
        count = r.lenenc("column_count")
        if count > r.left:
            raise BadValue(r.record, "column_count", at, f"{count} columns in {r.left} bytes")
        types = r.take("column_types", count)
        metadata = r.lenenc_bytes("column_metadata")
        nulls = r.take("null_bits", (count + 7) // 8)
        optional = []
        while r.pos < r.end:
            optional.append(OptionalMetadata(r.u8("metadata_type"), r.lenenc_bytes("metadata_value")))
        return cls(table_id, flags, schema, table, types, metadata, nulls, tuple(optional), size)

    def write(self, w: Writer) -> None:
        w.uint(self.table_id, self.table_id_size)
        w.uint(self.flags, 2)
        for name in (self.schema, self.table):
            raw = name.encode("utf-8", ENCODING_ERRORS)
            w.u8(len(raw))
            w.nul(raw)
        w.lenenc(len(self.column_types))
        w.raw(self.column_types)
        w.lenenc_bytes(self.column_metadata)
        w.raw(self.null_bits)
        for field in self.optional_metadata:
            w.u8(field.type)
            w.lenenc_bytes(field.data)

    def mapped(self, mariadb: bool) -> MappedTable:
        """What rows events need of it. Columns whose metadata is missing have none, and their values no length."""
        kinds: list[tuple[int, bytes]] = []
        at = 0
        for kind in self.column_types:
            size = METADATA_SIZES.get(kind, 0)
            kinds.append((kind, self.column_metadata[at : at + size]))
            at += size
        unsigned, codecs, names = self._said(kinds, mariadb)
        columns = (
            MappedColumn(kind, metadata, unsigned.get(index), codecs.get(index), names.get(index))
            for index, (kind, metadata) in enumerate(kinds)
        )
        return MappedTable(self.schema, self.table, tuple(columns))

    def _said(
        self, kinds: list[tuple[int, bytes]], mariadb: bool
    ) -> tuple[dict[int, bool], dict[int, str], dict[int, str]]:
        """Column -> what the optional metadata says of it: unsigned, codec, name. What is damaged says nothing."""
        unsigned: dict[int, bool] = {}
        codecs: dict[int, str] = {}
        names: dict[int, str] = {}
        texts = [index for index, (kind, metadata) in enumerate(kinds) if _is_text(kind, metadata, mariadb)]
        for field in self.optional_metadata:
            try:
                if field.type == tb.SIGNEDNESS:
                    unsigned |= _unsigned(field.data, [kind for kind, _ in kinds])
                elif field.type in (tb.DEFAULT_CHARSET, tb.COLUMN_CHARSET):
                    codecs |= _codecs(field, texts, mariadb)
                elif field.type == tb.COLUMN_NAME:
                    r = Reader(field.data, "TableMap")
                    for index in range(len(kinds)):
                        names[index] = r.lenenc_text("column_name")
            except DecodeError:
                continue
        return unsigned, codecs, names

    def summary(self) -> str:
        return f"table {self.table_id} is {self.schema}.{self.table}, {len(self.column_types)} columns"


def _name(r: Reader, field: str) -> str:
    text = r.text(field, r.u8(f"{field}_length"))
    if r.u8(f"{field}_end"):
        raise BadValue(r.record, f"{field}_end", r.pos - 1, "a NUL expected behind the name")
    return text


def _is_text(kind: int, metadata: bytes, mariadb: bool) -> bool:
    if kind == ct.MYSQL_TYPE_STRING:
        return MappedColumn(kind, metadata).real_type == ct.MYSQL_TYPE_STRING
    return kind in _TEXTS or (mariadb and kind == ct.MYSQL_TYPE_GEOMETRY)


def _unsigned(bits: bytes, kinds: list[int]) -> dict[int, bool]:
    """Column -> whether it is unsigned, from the bits of SIGNEDNESS, the highest of each byte first.

    MySQL 9.7 and MariaDB 11.8 have a bit for a YEAR column too, always set: where it is not, none is for it.
    """
    with_year = [index for index, kind in enumerate(kinds) if kind in _NUMERIC or kind == ct.MYSQL_TYPE_YEAR]
    for columns in (with_year, [index for index in with_year if kinds[index] in _NUMERIC]):
        if len(bits) != (len(columns) + 7) // 8:
            continue
        found = {index: bool(bits[place // 8] << place % 8 & 0x80) for place, index in enumerate(columns)}
        if all(unsigned for index, unsigned in found.items() if kinds[index] == ct.MYSQL_TYPE_YEAR):
            return found
    return {}


def _codecs(field: OptionalMetadata, texts: list[int], mariadb: bool) -> dict[int, str]:
    """Column -> Python codec, where its collation is text that Python knows."""
    r = Reader(field.data, "TableMap")
    if field.type == tb.DEFAULT_CHARSET:
        numbers = dict.fromkeys(texts, r.lenenc("default_charset"))
        while r.left:
            place = r.lenenc("column")
            number = r.lenenc("charset")
            if place < len(texts):
                numbers[texts[place]] = number
    else:
        numbers = {index: r.lenenc("charset") for index in texts}
    found = {}
    for index, number in numbers.items():
        known = collation(number, mariadb)
        codec = CODECS.get(known[1]) if known is not None else None
        if codec is not None:
            found[index] = codec
    return found


class RowImage(msgspec.Struct, frozen=True):
    """A row before or after a change: its NULL bits, and a value for each column that is present."""

    null_bits: bytes
    values: tuple[Value, ...]

    def write(self, w: Writer) -> None:
        w.raw(self.null_bits)
        for value in self.values:
            w.raw(value.raw)

    @property
    def plain(self) -> tuple[Plain, ...]:
        return tuple(value.value for value in self.values)


class Rows(EventBody, frozen=True, tag="rows"):
    """Rows that were written, changed (each two images: before, after) or deleted.

    `present` has a set bit for each column that the images hold, `present_after` the same for the second of a pair.
    `undecoded` is what was not split into values: all of it where the table's map is not known, the end of it where
    there are more than MOST_VALUES, the compressed form where that does not open. `packed` holds
    MariaDB's compressed form.
    """

    table_id: int
    flags: int
    extra_data: bytes | None
    column_count: int
    present: bytes
    present_after: bytes | None
    images: tuple[RowImage, ...]
    undecoded: bytes = b""
    packed: bytes | None = None
    table: str | None = None
    table_id_size: int = 6

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        kind = header.event_type
        size = stream.table_id_size
        table_id, flags = r.uint("table_id", size), r.uint("rows_flags", 2)
        extra: bytes | None = None
        if kind in VERSION_2:
            at = r.pos
            length = r.uint("extra_data_length", 2)
            if length < 2:
                raise BadValue(r.record, "extra_data_length", at, f"{length}, its own two bytes included")
            extra = r.take("extra_data", length - 2)
        at = r.pos
        count = r.lenenc("column_count")
        if count > 8 * r.left:
            raise BadValue(r.record, "column_count", at, f"{count} columns in {r.left} bytes")
        bits = (count + 7) // 8
        present = r.take("columns_present", bits)
        after = r.take("columns_present_after", bits) if kind in UPDATES else None
        table = stream.tables.get(table_id)
        name = f"{table.schema}.{table.table}" if table is not None else None
        packed: bytes | None = None
        inside = r
        if kind in COMPRESSED:
            packed = r.rest("compressed_rows")
            opened = open_mariadb(packed)
            if opened is None:
                return cls(table_id, flags, extra, count, present, after, (), packed, packed, name, size)
            inside = Reader(opened, r.record)
        images, undecoded = _images(inside, table, count, (present, after or present), kind)
        if packed is not None:
            undecoded = undecoded[:MOST_LEFT]
        return cls(table_id, flags, extra, count, present, after, images, undecoded, packed, name, size)

    def write(self, w: Writer) -> None:
        w.uint(self.table_id, self.table_id_size)
        w.uint(self.flags, 2)
        if self.extra_data is not None:
            w.uint(len(self.extra_data) + 2, 2)
            w.raw(self.extra_data)
        w.lenenc(self.column_count)
        w.raw(self.present)
        if self.present_after is not None:
            w.raw(self.present_after)
        if self.packed is not None:
            w.raw(self.packed)
            return
        for image in self.images:
            image.write(w)
        w.raw(self.undecoded)

    @property
    def rows(self) -> int:
        """How many rows were written, changed or deleted."""
        return len(self.images) // (2 if self.present_after is not None else 1)

    def summary(self) -> str:
        left = f", {len(self.undecoded)} bytes not decoded" if self.undecoded else ""
        return f"{self.rows} rows of {self.table or f'table {self.table_id}'}{left}"


def _images(
    r: Reader, table: MappedTable | None, count: int, present: tuple[bytes, bytes], kind: int
) -> tuple[tuple[RowImage, ...], bytes]:
    """The images, and what is left of the rows where a value can not be told from the next."""
    images: list[RowImage] = []
    columns = table.columns if table is not None else ()
    # What PARTIAL_UPDATE_ROWS_EVENT puts between the images is not split.
    if len(columns) == count and count and kind != tb.PARTIAL_UPDATE_ROWS_EVENT:
        held = tuple([c for i, c in enumerate(columns) if bits[i // 8] >> i % 8 & 1] for bits in present)
        step = 2 if kind in UPDATES else 1
        width = sum(len(columns) for columns in held[:step])
        while r.pos < r.end and width and (len(images) // step + 1) * width <= MOST_VALUES:
            ahead = Reader(r.data, r.record, r.pos)
            ahead.end = r.end
            try:
                for number in range(step):
                    _image(ahead, held[number])
            except DecodeError:
                break
            images.extend(_image(r, held[number]) for number in range(step))
    return tuple(images), r.rest("rows") if r.left else b""


def _image(r: Reader, columns: list[MappedColumn]) -> RowImage:
    nulls = r.take("null_bits", (len(columns) + 7) // 8)
    values = []
    for index, column in enumerate(columns):
        null = nulls[index // 8] >> index % 8 & 1
        values.append(NULL if null else read_cell(r, column, f"value[{index}]"))
    return RowImage(nulls, tuple(values))
