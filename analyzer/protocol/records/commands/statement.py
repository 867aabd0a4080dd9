"""The commands of prepared statements.

Sources: MySQL source documentation, "COM_STMT_EXECUTE", "COM_STMT_SEND_LONG_DATA", "COM_STMT_FETCH" and their
neighbours; MySQL source, protocol_classic.cc (parse_query_bind_params: with CLIENT_QUERY_ATTRIBUTES the number of
parameters is on the wire wherever there can be some, whatever the flags say); MariaDB Server documentation,
"COM_STMT_EXECUTE", "COM_STMT_BULK_EXECUTE".

How many parameters a statement has, and of which types they are when an execute leaves them out, only the connection
knows (`Context.bound`). Where it does not, what can not be read is kept as it is in `undecoded`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, Self

import msgspec

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.prepared import LAST_PREPARED
from analyzer.protocol.records.base import Record, expect
from analyzer.protocol.records.commands.parameters import (
    MOST_GUESSED,
    MOST_PARAMETERS,
    Parameter,
    decode_block,
    encode_block,
    guess_count,
    null_bitmap,
)
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.column_types import COLUMN_TYPES, TYPE, UNSIGNED
from analyzer.protocol.wire.reader import Reader, Writer
from analyzer.protocol.wire.values import Bindable, Plain, decode_value, encode_value, type_of

CURSOR_TYPE_READ_ONLY: Final = 0x01
CURSOR_TYPE_FOR_UPDATE: Final = 0x02
CURSOR_TYPE_SCROLLABLE: Final = 0x04
PARAMETER_COUNT_AVAILABLE: Final = 0x08
EXECUTE_FLAGS: Final[dict[int, str]] = {
    0x01: "CURSOR_TYPE_READ_ONLY",
    0x02: "CURSOR_TYPE_FOR_UPDATE",
    0x04: "CURSOR_TYPE_SCROLLABLE",
    0x08: "PARAMETER_COUNT_AVAILABLE",
}

SEND_UNIT_RESULTS: Final = 64
SEND_TYPES_TO_SERVER: Final = 128
BULK_FLAGS: Final[dict[int, str]] = {64: "SEND_UNIT_RESULTS", 128: "SEND_TYPES_TO_SERVER"}
# What a value of a bulk execute is; 4 is the client library's own, which it sends in no known version.
INDICATORS: Final[dict[int, str]] = {0: "NONE", 1: "NULL", 2: "DEFAULT", 3: "IGNORE", 4: "IGNORE_ROW"}
# Values of one bulk execute that are decoded; a mebibyte may hold as many NULLs.
MOST_BULK_VALUES: Final = 1 << 15


def _name(statement_id: int) -> str:
    return "the statement prepared last" if statement_id == LAST_PREPARED else f"statement {statement_id}"


def _undecoded(rest: bytes, fault: str | None) -> str:
    if not rest:
        return ""
    return f", {len(rest)} bytes undecoded" + (f": {fault}" if fault else "")


class ComStmtExecute(Record, frozen=True):
    """COM_STMT_EXECUTE. `parameter_count` to `new_params_bind_flag` are None where the packet does not hold them.

    With CLIENT_QUERY_ATTRIBUTES the parameters behind the statement's own are query attributes, with names.
    `undecoded` is what could not be read: the prepare, or an earlier execute with the types, was not captured; or it
    is broken, and `fault` says how. `assumed` says that the number of parameters was found out from these bytes alone.
    """

    statement_id: int
    flags: int = 0
    iteration_count: int = 1
    parameter_count: int | None = None
    null_bitmap: bytes | None = None
    new_params_bind_flag: int | None = None
    parameters: tuple[Parameter, ...] = ()
    undecoded: bytes = b""
    assumed: bool = False
    fault: str | None = None

    @classmethod
    def bind(
        cls,
        statement_id: int,
        parameters: Sequence[Parameter],
        ctx: Context,
        *,
        flags: int = 0,
        types: bool = True,
    ) -> Self:
        """An execute with `parameters`, attributes last. Without `types` the server remembers those sent before."""
        count: int | None = None
        if ctx.in_force & CLIENT_QUERY_ATTRIBUTES:
            flags |= PARAMETER_COUNT_AVAILABLE
            count = len(parameters)
        if not parameters:
            return cls(statement_id, flags, 1, count)
        return cls(statement_id, flags, 1, count, null_bitmap(parameters), int(types), tuple(parameters))

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComStmtExecute", com.COM_STMT_EXECUTE)
        head = r.uint("statement_id", 4), r.u8("flags"), r.uint("iteration_count", 4)
        start = r.pos
        try:
            return cls._bound(r, ctx, head)
        except DecodeError as error:
            r.rewind(start)
            return cls(*head, undecoded=r.rest("undecoded"), fault=str(error))

    @classmethod
    def _bound(cls, r: Reader, ctx: Context, head: tuple[int, int, int]) -> Self:
        """What stands behind the head."""
        known = ctx.bound
        expected = known.num_params if known is not None else None
        named = bool(ctx.in_force & CLIENT_QUERY_ATTRIBUTES)
        assumed = False
        count: int | None = None
        if expected == 0 and not (named and head[1] & PARAMETER_COUNT_AVAILABLE):
            # Servers do not look at what may stand here.
            return cls(*head, undecoded=r.rest("undecoded"))
        if named and (expected is not None or head[1] & PARAMETER_COUNT_AVAILABLE or r.left):
            at = r.pos
            count = r.lenenc("parameter_count")
            if count > MOST_PARAMETERS:
                raise BadValue("ComStmtExecute", "parameter_count", at, f"{count}, at most {MOST_PARAMETERS}")
            total: int | None = count
        elif expected is not None:
            total = expected
        else:
            total = guess_count(r.data, r.pos) if r.end == len(r.data) else None
            assumed = bool(total)
        if total is None:
            return cls(*head, undecoded=r.rest("undecoded"))
        if not total:
            r.finish()
            return cls(*head, count)
        long_data = known.long_data if known is not None else {}
        block = decode_block(r, total, named, known.types if known is not None else None, long_data)
        r.finish()
        return cls(
            *head, count, block.null_bitmap, block.new_params_bind_flag, block.parameters, block.undecoded, assumed
        )

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_STMT_EXECUTE)
        w.uint(self.statement_id, 4)
        w.u8(self.flags)
        w.uint(self.iteration_count, 4)
        if self.parameter_count is not None:
            w.lenenc(self.parameter_count)
        if self.null_bitmap is None or self.new_params_bind_flag is None:
            w.raw(self.undecoded)
            return
        named = self.parameter_count is not None
        encode_block(w, self.null_bitmap, self.new_params_bind_flag, self.parameters, named, self.undecoded)

    def summary(self) -> str:
        text = _name(self.statement_id)
        if self.parameters:
            text += f", {len(self.parameters)} parameters"
        return text + _undecoded(self.undecoded, self.fault)


class ComStmtSendLongData(Record, frozen=True):
    """COM_STMT_SEND_LONG_DATA: a piece of one parameter, ahead of the execute. No server answers it."""

    statement_id: int
    param_id: int
    data: bytes

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComStmtSendLongData", com.COM_STMT_SEND_LONG_DATA)
        return cls(r.uint("statement_id", 4), r.uint("param_id", 2), r.rest("data"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_STMT_SEND_LONG_DATA)
        w.uint(self.statement_id, 4)
        w.uint(self.param_id, 2)
        w.raw(self.data)

    def summary(self) -> str:
        return f"{_name(self.statement_id)}, parameter {self.param_id}: {len(self.data)} bytes"


class StatementCommand(Record, frozen=True):
    """A command with a statement's number."""

    code: ClassVar[int] = -1
    statement_id: int
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, cls.__name__, cls.code)
        return cls(r.uint("statement_id", 4), r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.code)
        w.uint(self.statement_id, 4)
        w.raw(self.ignored)

    def summary(self) -> str:
        return _name(self.statement_id)


class ComStmtClose(StatementCommand, frozen=True):
    """COM_STMT_CLOSE: no server answers it."""

    code = com.COM_STMT_CLOSE


class ComStmtReset(StatementCommand, frozen=True):
    """COM_STMT_RESET: the cursor is closed, long data is forgotten."""

    code = com.COM_STMT_RESET


class ComStmtFetch(Record, frozen=True):
    """COM_STMT_FETCH: so many rows of the cursor that an execute opened."""

    statement_id: int
    num_rows: int
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComStmtFetch", com.COM_STMT_FETCH)
        return cls(r.uint("statement_id", 4), r.uint("num_rows", 4), r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_STMT_FETCH)
        w.uint(self.statement_id, 4)
        w.uint(self.num_rows, 4)
        w.raw(self.ignored)

    def summary(self) -> str:
        return f"{_name(self.statement_id)}, {self.num_rows} rows"


class BulkValue(msgspec.Struct, frozen=True):
    """One value of a bulk execute: the indicator says whether one is there (0), else what stands for it."""

    indicator: int
    raw: bytes | None = None
    value: Plain = None


class ComStmtBulkExecute(Record, frozen=True):
    """COM_STMT_BULK_EXECUTE, of MariaDB: a prepared statement once for each row of values.

    `undecoded` is what could not be read, or stands behind the first MOST_BULK_VALUES values; where it is broken,
    `fault` says how.
    """

    statement_id: int
    bulk_flags: int
    types: tuple[int, ...] = ()
    rows: tuple[tuple[BulkValue, ...], ...] = ()
    undecoded: bytes = b""
    assumed: bool = False
    fault: str | None = None

    @classmethod
    def bind(cls, statement_id: int, rows: Sequence[Sequence[Bindable]], *, flags: int = SEND_TYPES_TO_SERVER) -> Self:
        """An execute of `rows`, each a value for every parameter; a type is that of its column's first value."""
        types = []
        for column in zip(*rows, strict=True):
            first = next((value for value in column if value is not None), None)
            kind, unsigned = type_of(first)
            types.append(kind | (UNSIGNED if unsigned else 0))
        bound = []
        for row in rows:
            values = []
            for kind, value in zip(types, row, strict=True):
                encoded = encode_value(value, kind & TYPE, bool(kind & UNSIGNED))
                values.append(BulkValue(1) if value is None else BulkValue(0, encoded.raw, encoded.value))
            bound.append(tuple(values))
        return cls(statement_id, flags, tuple(types) if flags & SEND_TYPES_TO_SERVER else (), tuple(bound))

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComStmtBulkExecute", com.COM_STMT_BULK_EXECUTE)
        head = r.uint("statement_id", 4), r.uint("bulk_flags", 2)
        start = r.pos
        try:
            return cls._bound(r, ctx, head)
        except DecodeError as error:
            r.rewind(start)
            return cls(*head, undecoded=r.rest("undecoded"), fault=str(error))

    @classmethod
    def _bound(cls, r: Reader, ctx: Context, head: tuple[int, int]) -> Self:
        """What stands behind the head."""
        known = ctx.bound
        count = known.num_params if known is not None else None
        with_types = bool(head[1] & SEND_TYPES_TO_SERVER)
        assumed = False
        if count is None and with_types and r.end == len(r.data):
            count = _guess_bulk(r)
            assumed = count is not None
        if not count:
            return cls(*head, undecoded=r.rest("undecoded"))
        if with_types:
            if 2 * count > r.left:
                raise BadValue("ComStmtBulkExecute", "parameter_type", r.pos, f"{count} types in {r.left} bytes")
            types = tuple(r.uint("parameter_type", 2) for _ in range(count))
        elif known is not None and known.types is not None and len(known.types) >= count:
            types = known.types[:count]
        else:
            return cls(*head, undecoded=r.rest("undecoded"))
        rows: list[tuple[BulkValue, ...]] = []
        most = MOST_BULK_VALUES // count
        while r.left and len(rows) < most:
            rows.append(tuple(_bulk_value(r, kind) for kind in types))
        rest = r.rest("undecoded") if r.left else b""
        return cls(*head, types if with_types else (), tuple(rows), rest, assumed)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_STMT_BULK_EXECUTE)
        w.uint(self.statement_id, 4)
        w.uint(self.bulk_flags, 2)
        for kind in self.types:
            w.uint(kind, 2)
        for row in self.rows:
            for value in row:
                w.u8(value.indicator)
                w.raw(value.raw or b"")
        w.raw(self.undecoded)

    def summary(self) -> str:
        return f"{_name(self.statement_id)}, {len(self.rows)} rows" + _undecoded(self.undecoded, self.fault)


def _bulk_value(r: Reader, kind: int) -> BulkValue:
    at = r.pos
    indicator = r.u8("parameter_indicator")
    if indicator:
        if indicator not in INDICATORS:
            raise BadValue(r.record, "parameter_indicator", at, f"{indicator} is no indicator")
        return BulkValue(indicator)
    raw, value = decode_value(r, kind & TYPE, bool(kind & UNSIGNED), "parameter_value")
    return BulkValue(0, raw, value)


def _guess_bulk(r: Reader) -> int | None:
    """How many parameters a bulk execute with types has; None where no number fits, or more than one."""
    fitting: int | None = None
    for count in range(1, MOST_GUESSED + 1):
        at = r.pos + 2 * (count - 1)
        if at + 2 > r.end or r.data[at] not in COLUMN_TYPES or r.data[at + 1] not in (0, UNSIGNED >> 8):
            break
        trial = Reader(r.data, r.record, r.pos)
        types = [trial.uint("parameter_type", 2) for _ in range(count)]
        try:
            for _ in range(MOST_BULK_VALUES // count):
                for kind in types:
                    _bulk_value(trial, kind)
                if not trial.left:
                    break
        except DecodeError:
            continue
        if fitting is not None:
            return None
        fitting = count
    return fitting
