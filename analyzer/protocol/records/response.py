"""Responses to commands, as far as the state machine needs them to stay in step.

Sources: MySQL source documentation, "COM_QUERY Response", "COM_STMT_PREPARE Response"; MariaDB Server documentation,
"Result Set Packets" (metadata caching).
"""

from __future__ import annotations

from typing import Self

from analyzer.errors import BadValue
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.tables.capabilities import CLIENT_OPTIONAL_RESULTSET_METADATA, MARIADB_CLIENT_CACHE_METADATA
from analyzer.protocol.wire.reader import Reader, Writer

# Either makes the head of a result set say whether column definitions follow.
METADATA_FLAG = CLIENT_OPTIONAL_RESULTSET_METADATA | MARIADB_CLIENT_CACHE_METADATA


class ColumnCount(Record, frozen=True):
    """The head of a result set: how many columns, and whether their definitions follow.

    MySQL's manual puts the flag of CLIENT_OPTIONAL_RESULTSET_METADATA in front of the count; its server writes it
    behind, as MariaDB does for its metadata cache.
    """

    column_count: int
    metadata_follows: int | None = None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ColumnCount"
        count = r.lenenc("column_count")
        follows: int | None = None
        if ctx.in_force & METADATA_FLAG and r.left:
            follows = r.u8("metadata_follows")
        return cls(count, follows)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.lenenc(self.column_count)
        if self.metadata_follows is not None:
            w.u8(self.metadata_follows)

    def summary(self) -> str:
        return f"result set of {self.column_count} columns"


class LocalInfileRequest(Record, frozen=True):
    """0xFB and a file name: LOAD DATA LOCAL, the client is to send the file."""

    filename: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "LocalInfileRequest"
        header = r.u8("header")
        if header != 0xFB:
            raise BadValue("LocalInfileRequest", "header", 0, f"0xfb expected, 0x{header:02x} found")
        return cls(r.rest_text("filename"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0xFB)
        w.raw(self.filename)

    def summary(self) -> str:
        return f"asks the client for the file {self.filename!r}"


class StmtPrepareOK(Record, frozen=True):
    """0x00, statement id, number of columns and parameters, filler, warnings, whether metadata follows."""

    statement_id: int
    num_columns: int
    num_params: int
    filler: int | None = None
    warning_count: int | None = None
    metadata_follows: int | None = None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "StmtPrepareOK"
        header = r.u8("status")
        if header != 0:
            raise BadValue("StmtPrepareOK", "status", 0, f"0x00 expected, 0x{header:02x} found")
        statement, columns, params = r.uint("statement_id", 4), r.uint("num_columns", 2), r.uint("num_params", 2)
        filler = r.u8("filler") if r.left else None
        warnings = r.uint("warning_count", 2) if r.left >= 2 else None
        follows: int | None = None
        if ctx.in_force & CLIENT_OPTIONAL_RESULTSET_METADATA and r.left:
            follows = r.u8("metadata_follows")
        return cls(statement, columns, params, filler, warnings, follows)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0)
        w.uint(self.statement_id, 4)
        w.uint(self.num_columns, 2)
        w.uint(self.num_params, 2)
        if self.filler is not None:
            w.u8(self.filler)
        if self.warning_count is not None:
            w.uint(self.warning_count, 2)
        if self.metadata_follows is not None:
            w.u8(self.metadata_follows)

    def summary(self) -> str:
        return f"statement {self.statement_id}: {self.num_params} parameters, {self.num_columns} columns"


class Statistics(Record, frozen=True):
    """The answer to COM_STATISTICS: one line of text."""

    message: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "Statistics"
        return cls(r.rest_text("message"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.raw(self.message)

    def summary(self) -> str:
        return self.message


class Data(Record, frozen=True):
    """A payload that is passed over by its place alone: a column definition, a row, a block of a file, an event."""

    kind: str
    data: bytes

    def encode(self, w: Writer, ctx: Context) -> None:
        w.raw(self.data)

    def summary(self) -> str:
        return f"{len(self.data)} bytes"
