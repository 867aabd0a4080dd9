"""Strategies for what clients send: values as any sender may write them, parameters, every command's record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as some

from analyzer.protocol.context import Context
from analyzer.protocol.prepared import Bound, LongData
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands import admin as simple
from analyzer.protocol.records.commands import clone, replication, statement
from analyzer.protocol.records.commands import table as requests
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.text import ComQuery
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.column_types import COLUMN_TYPES
from analyzer.protocol.wire.reader import Reader, Writer
from analyzer.protocol.wire.values import DATES, FIXED_SIZES, Plain, Value, decode_value

texts = some.text(max_size=12)
no_nul = some.text(some.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
data = some.binary(max_size=20) | some.binary(min_size=240, max_size=300)
u8, u16 = some.integers(0, 0xFF), some.integers(0, 0xFFFF)
u32, u64 = some.integers(0, 0xFFFF_FFFF), some.integers(0, 2**64 - 1)
kinds = some.sampled_from(sorted(COLUMN_TYPES))
signs = some.sampled_from([0, 0x8000])


def _counted(content: bytes, wide: bool) -> bytes:
    """A string with its length, in the shortest form or in one that no server writes and all read."""
    w = Writer()
    if wide and len(content) < 1 << 16:
        w.u8(0xFC)
        w.uint(len(content), 2)
        w.raw(content)
    else:
        w.lenenc_bytes(content)
    return w.getvalue()


@some.composite
def raw_values(draw: some.DrawFn, kind: int) -> bytes:
    """The bytes of a value, as the wire may hold it."""
    size = FIXED_SIZES.get(kind)
    if size is not None:
        return draw(some.binary(min_size=size, max_size=size))
    if kind in DATES or kind == 0x0B:
        size = draw(some.sampled_from([0, 4, 7, 11] if kind in DATES else [0, 8, 12]))
        return bytes([size]) + draw(some.binary(min_size=size, max_size=size))
    return _counted(draw(data), draw(some.booleans()))


@some.composite
def values(draw: some.DrawFn) -> tuple[int, Value]:
    """A type with its sign, and a value of it."""
    kind = draw(kinds) | draw(signs)
    return kind, decode_value(Reader(draw(raw_values(kind & 0xFF))), kind & 0xFF, bool(kind & 0x8000), "value")


@some.composite
def blocks(
    draw: some.DrawFn, named: bool, long: dict[int, LongData], count: int
) -> tuple[bytes, tuple[Parameter, ...]]:
    """NULL bitmap and parameters. The bits of the bitmap behind the last parameter are anyone's."""
    found = []
    nulls = bytearray((count + 7) // 8)
    for index in range(count):
        kind, value = draw(values())
        name = draw(texts) if named else ""
        if draw(some.integers(0, 3)) == 0:
            nulls[index // 8] |= 1 << index % 8
            found.append(Parameter(kind, name))
        elif index in long:
            head, length = long[index].head, long[index].length
            meant: Plain = head
            if 0xF2 < kind & 0xFF < 0xF9 or kind & 0xFF in (0xFD, 0xFE):
                meant = decode_value(Reader(_counted(head, False)), kind & 0xFF, False, "head").value
            found.append(Parameter(kind, name, None, meant if head or not length else None, length))
        else:
            found.append(Parameter(kind, name, *value))
    if count % 8:
        nulls[-1] |= draw(u8) << count % 8 & 0xFF
    return bytes(nulls), tuple(found)


@some.composite
def queries(draw: some.DrawFn, ctx: Context) -> ComQuery:
    if not ctx.in_force & CLIENT_QUERY_ATTRIBUTES:
        return ComQuery(draw(texts))
    count = draw(some.integers(0, 10))
    if not count:
        return ComQuery(draw(texts), 0, draw(u8))
    nulls, found = draw(blocks(True, {}, count))
    return ComQuery(draw(texts), count, draw(u8), found, nulls, draw(some.integers(1, 255)))


@some.composite
def executes(draw: some.DrawFn, ctx: Context) -> statement.ComStmtExecute:
    """An execute, and in `ctx.bound` what the connection knows of its statement."""
    head = draw(u32), draw(u8), draw(u32)
    named = bool(ctx.in_force & CLIENT_QUERY_ATTRIBUTES)
    own = draw(some.integers(0, 10))
    ctx.bound = Bound(own)
    if not own and not (named and head[1] & statement.PARAMETER_COUNT_AVAILABLE):
        return statement.ComStmtExecute(*head, undecoded=draw(data))
    count = own + draw(some.integers(0, 3)) if named else own
    if not count:
        return statement.ComStmtExecute(*head, 0)
    long = {index: LongData(draw(data), 400) for index in draw(some.sets(some.integers(0, 10), max_size=2))}
    nulls, found = draw(blocks(named, long, count))
    on_wire = count if named else None
    what = draw(some.integers(0, 2))
    if what == 0:
        ctx.bound = Bound(own, None, long)
        return statement.ComStmtExecute(*head, on_wire, nulls, draw(some.integers(1, 255)), found)
    if what == 1:
        # Types that an earlier execute sent.
        ctx.bound = Bound(own, tuple(parameter.type for parameter in found), long)
        unnamed = tuple(Parameter(p.type, "", p.raw, p.value, p.long_data) for p in found)
        return statement.ComStmtExecute(*head, on_wire, nulls, 0, unnamed)
    return statement.ComStmtExecute(*head, on_wire, nulls, 0, (), draw(data))


@some.composite
def bulks(draw: some.DrawFn, ctx: Context) -> statement.ComStmtBulkExecute:
    count = draw(some.integers(1, 4))
    types = tuple(draw(kinds) | draw(signs) for _ in range(count))
    rows = []
    for _ in range(draw(some.integers(0, 4))):
        row = []
        for kind in types:
            indicator = draw(some.sampled_from([0, 0, 0, 1, 2, 3]))
            if indicator:
                row.append(statement.BulkValue(indicator))
                continue
            raw = draw(raw_values(kind & 0xFF))
            found = decode_value(Reader(raw), kind & 0xFF, bool(kind & 0x8000), "value")
            row.append(statement.BulkValue(0, *found))
        rows.append(tuple(row))
    flags = draw(u16)
    sent = bool(flags & statement.SEND_TYPES_TO_SERVER)
    ctx.bound = Bound(count, None if sent else types)
    return statement.ComStmtBulkExecute(draw(u32), flags, types if sent else (), tuple(rows))


def of(kind: Any, *fields: Any) -> Callable[[Context], some.SearchStrategy[Any]]:
    return lambda _: some.builds(kind, *fields)


def _bare(kind: type[Record]) -> Callable[[Context], some.SearchStrategy[Any]]:
    return of(kind, data)


short = some.text(max_size=60)
gtids = of(replication.ComBinlogDumpGtid, u16, u32, texts, u64, data, data)

# Every record of the request side but those of `records.command`, which test_records has.
REQUESTS: dict[type[Record], Callable[[Context], some.SearchStrategy[Any]]] = {
    **{kind: _bare(kind) for kind in simple.Bare.__subclasses__()},
    simple.ComCreateDb: of(simple.ComCreateDb, texts),
    simple.ComDropDb: of(simple.ComDropDb, texts),
    simple.ComFieldList: of(simple.ComFieldList, no_nul, texts),
    simple.ComRefresh: of(simple.ComRefresh, u8, data),
    simple.ComShutdown: lambda _: some.just(simple.ComShutdown()) | some.builds(simple.ComShutdown, u8, data),
    simple.ComProcessKill: of(simple.ComProcessKill, u32, data),
    simple.ComSetOption: of(simple.ComSetOption, u16, data),
    statement.ComStmtExecute: executes,
    statement.ComStmtBulkExecute: bulks,
    statement.ComStmtSendLongData: of(statement.ComStmtSendLongData, u32, u16, data),
    statement.ComStmtClose: of(statement.ComStmtClose, u32, data),
    statement.ComStmtReset: of(statement.ComStmtReset, u32, data),
    statement.ComStmtFetch: of(statement.ComStmtFetch, u32, u32, data),
    replication.ComBinlogDump: of(replication.ComBinlogDump, u32, u16, u32, texts),
    replication.ComBinlogDumpGtid: gtids,
    replication.ComTableDump: of(replication.ComTableDump, short, short),
    replication.ComRegisterSlave: of(replication.ComRegisterSlave, u32, short, short, short, u16, u32, u32),
    replication.SemiSyncAck: of(replication.SemiSyncAck, u64, texts),
    clone.CloneCommand: of(clone.CloneCommand, u8, data),
    clone.CloneResponse: lambda _: some.builds(clone.CloneResponse, u8, data).map(
        lambda record: clone.CloneResponse(record.response_code, record.data, len(record.data))
    ),
    clone.CloneError: of(clone.CloneError, u32, texts),
    requests.ComMulti: of(requests.ComMulti, some.lists(data, max_size=4).map(tuple)),
    requests.CutCommand: lambda _: some.binary(min_size=1, max_size=40).map(
        lambda raw: requests.CutCommand(raw[0], len(raw), (), raw)
    ),
}
CODES = {kind: code for code, kind in requests.COMMAND_RECORDS.items()} | {
    replication.SemiSyncAck: replication.SEMI_SYNC_MAGIC
}
