"""Events that carry a statement, and those that a statement needs beside it.

Sources: MySQL source documentation, "Query_event", "Intvar_event", "Rand_event", "User_var_event", "Xid_event",
"XA_prepare_event", "Begin_load_query_event", "Append_block_event", "Delete_file_event", "Execute_load_query_event";
MariaDB Server documentation, "QUERY_COMPRESSED_EVENT".
"""

from __future__ import annotations

from struct import unpack
from typing import Final, Self

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.records.binlog.base import EventBody, EventHeader
from analyzer.protocol.records.binlog.cells import decimal_text
from analyzer.protocol.records.binlog.packed import open_mariadb
from analyzer.protocol.records.nested import narrow
from analyzer.protocol.tables.binlog import (
    INTVARS,
    MARIADB_QUERY_COMPRESSED_EVENT,
    Q_CATALOG,
    Q_CATALOG_NZ,
    Q_CHARACTER_SET_COLLATIONS,
    Q_INVOKER,
    Q_TIME_ZONE,
    Q_UPDATED_DB_NAMES,
    STATUS_SIZES,
    STATUS_VARIABLES,
)
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer
from analyzer.protocol.wire.values import Plain

_NO_NAMES: Final = 254  # Q_UPDATED_DB_NAMES: too many databases, none is named


class StatusVariable(msgspec.Struct, frozen=True):
    """One status variable: its code, and its bytes as they stand (length bytes included)."""

    code: int
    data: bytes

    @property
    def name(self) -> str:
        return STATUS_VARIABLES.get(self.code, f"code {self.code}")


def _read_status(r: Reader, size: int) -> tuple[StatusVariable, ...]:
    outer = narrow(r, "status_variables_length", size)
    found = []
    while r.pos < r.end:
        code = r.u8("status_variable")
        length = _status_size(r, code)
        found.append(StatusVariable(code, r.rest("status_value") if length is None else r.take("status_value", length)))
    r.end = outer
    return tuple(found)


def _status_size(r: Reader, code: int) -> int | None:
    """Bytes of the value that begins here; None for a code nobody knows: all that is left belongs to it."""
    size = STATUS_SIZES.get(code)
    if size is not None:
        return size
    first = r.peek()
    if first < 0:
        return None
    if code in (Q_TIME_ZONE, Q_CATALOG_NZ):
        return 1 + first
    if code == Q_CATALOG:
        return 2 + first  # with a NUL behind it
    if code == Q_CHARACTER_SET_COLLATIONS:
        return 1 + 4 * first
    if code == Q_INVOKER:
        at = r.pos + 1 + first
        return 2 + first + r.data[at] if at < r.end else None
    if code == Q_UPDATED_DB_NAMES:
        at = r.pos + 1
        for _ in range(first if first != _NO_NAMES else 0):
            at = r.data.find(0, at, r.end) + 1
            if not at:
                return None
        return at - r.pos
    return None


def _write_status(w: Writer, variables: tuple[StatusVariable, ...]) -> None:
    for variable in variables:
        w.u8(variable.code)
        w.raw(variable.data)


def _status_length(variables: tuple[StatusVariable, ...]) -> int:
    return sum(1 + len(variable.data) for variable in variables)


class Query(EventBody, frozen=True, tag="query"):
    """A statement. `packed` holds MariaDB's compressed form; the statement is None where that could not be opened."""

    thread_id: int
    execution_time: int
    error_code: int
    status_variables: tuple[StatusVariable, ...]
    schema: str
    query: str | None
    packed: bytes | None = None

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        thread, seconds = r.uint("thread_id", 4), r.uint("execution_time", 4)
        schema_size, error, size = r.u8("schema_length"), r.uint("error_code", 2), r.uint("status_variables_length", 2)
        status = _read_status(r, size)
        schema = r.text("schema", schema_size)
        _nul(r)
        if header.event_type != MARIADB_QUERY_COMPRESSED_EVENT:
            return cls(thread, seconds, error, status, schema, r.rest_text("query"))
        packed = r.rest("compressed_query")
        opened = open_mariadb(packed)
        query = None if opened is None else opened.decode("utf-8", ENCODING_ERRORS)
        return cls(thread, seconds, error, status, schema, query, packed)

    def write(self, w: Writer) -> None:
        w.uint(self.thread_id, 4)
        w.uint(self.execution_time, 4)
        schema = self.schema.encode("utf-8", ENCODING_ERRORS)
        w.u8(len(schema))
        w.uint(self.error_code, 2)
        w.uint(_status_length(self.status_variables), 2)
        _write_status(w, self.status_variables)
        w.nul(schema)
        w.raw(self.packed if self.packed is not None else self.query or "")

    def summary(self) -> str:
        return self.query if self.query is not None else f"{len(self.packed or b'')} compressed bytes"


def _nul(r: Reader) -> None:
    at = r.pos
    if r.u8("schema_end"):
        raise BadValue(r.record, "schema_end", at, "a NUL expected behind the schema's name")


class Intvar(EventBody, frozen=True, tag="intvar"):
    """The number a statement uses: LAST_INSERT_ID() or the next AUTO_INCREMENT."""

    type: int
    value: int

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.u8("intvar_type"), r.uint("intvar_value", 8))

    def write(self, w: Writer) -> None:
        w.u8(self.type)
        w.uint(self.value, 8)

    def summary(self) -> str:
        return f"{INTVARS.get(self.type, self.type)} {self.value}"


class Rand(EventBody, frozen=True, tag="rand"):
    """The seeds of RAND()."""

    seed1: int
    seed2: int

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.uint("seed1", 8), r.uint("seed2", 8))

    def write(self, w: Writer) -> None:
        w.uint(self.seed1, 8)
        w.uint(self.seed2, 8)

    def summary(self) -> str:
        return f"seeds {self.seed1}, {self.seed2}"


_STRING, _REAL, _INT, _DECIMAL = 0, 1, 2, 4  # Item_result


class UserVar(EventBody, frozen=True, tag="user_var"):
    """A user variable that a statement reads. Its bytes are None for NULL; `flags` (1: unsigned) newer servers send."""

    name: str
    type: int
    collation: int
    value: bytes | None
    flags: int | None = None

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        name = r.text("name", r.uint("name_length", 4))
        if r.u8("is_null"):
            return cls(name, _STRING, 0, None)
        type_, collation = r.u8("value_type"), r.uint("collation", 4)
        value = r.take("value", r.uint("value_length", 4))
        return cls(name, type_, collation, value, r.u8("flags") if r.left else None)

    def write(self, w: Writer) -> None:
        name = self.name.encode("utf-8", ENCODING_ERRORS)
        w.uint(len(name), 4)
        w.raw(name)
        w.u8(self.value is None)
        if self.value is None:
            return
        w.u8(self.type)
        w.uint(self.collation, 4)
        w.uint(len(self.value), 4)
        w.raw(self.value)
        if self.flags is not None:
            w.u8(self.flags)

    @property
    def plain(self) -> Plain:
        """What the value means; its bytes where they are not what the type says."""
        value = self.value
        if value is None or self.type == _STRING:
            return value
        if self.type == _REAL and len(value) == 8:
            return float(unpack("<d", value)[0])
        if self.type == _INT and len(value) == 8:
            return int.from_bytes(value, "little", signed=not (self.flags or 0) & 1)
        if self.type == _DECIMAL and len(value) > 2:
            text = decimal_text(value[2:], value[0], value[1])
            return value if text is None else text
        return value

    def summary(self) -> str:
        return f"@{self.name} = {self.plain!r}"


class Xid(EventBody, frozen=True, tag="xid"):
    """The transaction was committed."""

    xid: int

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.uint("xid", 8))

    def write(self, w: Writer) -> None:
        w.uint(self.xid, 8)

    def summary(self) -> str:
        return f"commit, xid {self.xid}"


class XaPrepare(EventBody, frozen=True, tag="xa_prepare"):
    """XA PREPARE, or XA COMMIT ... ONE PHASE."""

    one_phase: int
    format_id: int
    gtrid: bytes
    bqual: bytes

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        one_phase, format_id = r.u8("one_phase"), r.uint("format_id", 4)
        sizes = r.uint("gtrid_length", 4), r.uint("bqual_length", 4)
        return cls(one_phase, format_id, r.take("gtrid", sizes[0]), r.take("bqual", sizes[1]))

    def write(self, w: Writer) -> None:
        w.u8(self.one_phase)
        w.uint(self.format_id, 4)
        w.uint(len(self.gtrid), 4)
        w.uint(len(self.bqual), 4)
        w.raw(self.gtrid)
        w.raw(self.bqual)

    def summary(self) -> str:
        return f"XA {'COMMIT ONE PHASE' if self.one_phase else 'PREPARE'} {self.gtrid!r}, {self.bqual!r}"


class FileBlock(EventBody, frozen=True, tag="file_block"):
    """A part of a file of LOAD DATA: the first (Begin_load_query) or a later one (Append_block)."""

    file_id: int
    data: bytes

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.uint("file_id", 4), r.rest("file_data"))

    def write(self, w: Writer) -> None:
        w.uint(self.file_id, 4)
        w.raw(self.data)

    def summary(self) -> str:
        return f"file {self.file_id}: {len(self.data)} bytes"


class DeleteFile(EventBody, frozen=True, tag="delete_file"):
    """A file of LOAD DATA is not needed: the statement failed."""

    file_id: int

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.uint("file_id", 4))

    def write(self, w: Writer) -> None:
        w.uint(self.file_id, 4)

    def summary(self) -> str:
        return f"file {self.file_id}"


class ExecuteLoadQuery(EventBody, frozen=True, tag="execute_load_query"):
    """LOAD DATA of a file that was sent. The file's name stands in the query from `name_start` to `name_end`."""

    thread_id: int
    execution_time: int
    error_code: int
    file_id: int
    name_start: int
    name_end: int
    duplicates: int
    status_variables: tuple[StatusVariable, ...]
    schema: str
    query: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        thread, seconds = r.uint("thread_id", 4), r.uint("execution_time", 4)
        schema_size, error, size = r.u8("schema_length"), r.uint("error_code", 2), r.uint("status_variables_length", 2)
        file = r.uint("file_id", 4), r.uint("name_start", 4), r.uint("name_end", 4), r.u8("duplicates")
        status = _read_status(r, size)
        schema = r.text("schema", schema_size)
        _nul(r)
        return cls(thread, seconds, error, *file, status, schema, r.rest_text("query"))

    def write(self, w: Writer) -> None:
        w.uint(self.thread_id, 4)
        w.uint(self.execution_time, 4)
        schema = self.schema.encode("utf-8", ENCODING_ERRORS)
        w.u8(len(schema))
        w.uint(self.error_code, 2)
        w.uint(_status_length(self.status_variables), 2)
        for number in (self.file_id, self.name_start, self.name_end):
            w.uint(number, 4)
        w.u8(self.duplicates)
        _write_status(w, self.status_variables)
        w.nul(schema)
        w.raw(self.query)

    def summary(self) -> str:
        return self.query
