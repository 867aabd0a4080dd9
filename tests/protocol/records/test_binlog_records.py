"""Every body of a binlog event both ways, with any values."""

from __future__ import annotations

from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.errors import DecodeError
from analyzer.protocol.binlog_stream import BinlogStream, MappedColumn, MappedTable
from analyzer.protocol.context import Context
from analyzer.protocol.records.binlog import control, gtid, payload, rows, statement
from analyzer.protocol.records.binlog.base import EventBody, EventHeader, RawBody
from analyzer.protocol.records.binlog.cells import BLOBS, VARCHARS, decimal_size
from analyzer.protocol.records.binlog.event import BODIES, BinlogEvent, Event
from analyzer.protocol.records.binlog.gtids import GtidSource
from analyzer.protocol.records.binlog.packed import pack_mariadb
from analyzer.protocol.tables import binlog as tb
from analyzer.protocol.tables import column_types as ct
from analyzer.protocol.wire.reader import Writer

u8, u16, u32 = some.integers(0, 0xFF), some.integers(0, 0xFFFF), some.integers(0, 0xFFFF_FFFF)
u64 = some.integers(0, 2**64 - 1)
i64 = some.integers(-(2**63), 2**63 - 1)
data = some.binary(max_size=20)
texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)
short = some.text("abcö", max_size=20)
sids = some.uuids().map(str)
positive = some.integers(1, 2**62)


def _status(draw: some.DrawFn) -> tuple[statement.StatusVariable, ...]:
    found = []
    for code in draw(some.lists(some.sampled_from(sorted(tb.STATUS_VARIABLES)), max_size=6)):
        size = tb.STATUS_SIZES.get(code)
        name = draw(some.binary(max_size=9))
        counted = bytes([len(name)]) + name
        own = {
            tb.Q_CATALOG: counted + b"\x00",
            tb.Q_TIME_ZONE: counted,
            tb.Q_CATALOG_NZ: counted,
            tb.Q_INVOKER: counted * 2,
            tb.Q_UPDATED_DB_NAMES: draw(some.sampled_from([b"\x02a\x00bc\x00", b"\xfe", b"\x00"])),
            tb.Q_CHARACTER_SET_COLLATIONS: b"\x02" + bytes(8),
        }
        if size is None and code not in own:
            continue  # of these the length is not known: they take what is left
        raw = own[code] if size is None else draw(some.binary(min_size=size, max_size=size))
        found.append(statement.StatusVariable(code, raw))
    if draw(some.booleans()):
        found.append(statement.StatusVariable(0x60, draw(some.binary(min_size=1, max_size=9))))
    return tuple(found)


@some.composite
def queries(draw: some.DrawFn) -> statement.Query:
    return statement.Query(draw(u32), draw(u32), draw(u16), _status(draw), draw(short), draw(texts))


@some.composite
def packed_queries(draw: some.DrawFn) -> statement.Query:
    text = draw(texts)
    query = statement.Query(draw(u32), draw(u32), draw(u16), _status(draw), draw(short), text)
    return statement.Query(
        *(query.thread_id, query.execution_time, query.error_code, query.status_variables, query.schema, text),
        pack_mariadb(text.encode()),
    )


@some.composite
def loads(draw: some.DrawFn) -> statement.ExecuteLoadQuery:
    numbers = draw(u32), draw(u32), draw(u16), draw(u32), draw(u32), draw(u32), draw(u8)
    return statement.ExecuteLoadQuery(*numbers, _status(draw), draw(short), draw(texts))


@some.composite
def gtid_events(draw: some.DrawFn) -> gtid.Gtid:
    head = draw(u8), draw(sids), draw(u64), False
    much = draw(some.integers(0, 5))
    rest: list[int | None] = []
    if much > 0:
        rest += [draw(u8), draw(u64), draw(u64)]
    if much > 1:
        rest += [draw(some.integers(0, 2**55 - 1)), draw(some.none() | some.integers(0, 2**56 - 1))]
    if much > 2:
        rest.append(draw(u64))
    if much > 3:
        rest += [draw(some.integers(0, 2**31 - 1)), draw(some.none() | u32)]
    if much > 4:
        rest.append(draw(u64))
    return gtid.Gtid(*head, *rest)


@some.composite
def tagged_gtids(draw: some.DrawFn) -> gtid.GtidTagged:
    optional = some.none() | u64
    return gtid.GtidTagged(
        draw(some.none() | u8),
        draw(some.none() | sids),
        draw(some.none() | i64),
        draw(some.none() | short),
        draw(some.none() | i64),
        draw(some.none() | i64),
        draw(optional),
        draw(optional),
        draw(optional),
        draw(optional),
        draw(optional),
        draw(optional),
        draw(some.integers(0, 3)),
        draw(some.integers(0, 12)),
        draw(some.sampled_from([b"", b"\x1a\x02"])),
    )


@some.composite
def mariadb_gtids(draw: some.DrawFn) -> gtid.MariadbGtid:
    flags = draw(u8)
    commit = draw(u64) if flags & tb.FL_GROUP_COMMIT_ID else None
    has_xa = flags & (tb.FL_PREPARED_XA | tb.FL_COMPLETED_XA)
    xa: tuple[int | None, bytes, bytes] = (draw(u32), draw(data), draw(data)) if has_xa else (None, b"", b"")
    extra = draw(some.none() | some.integers(1, 255))
    bits = extra or 0
    return gtid.MariadbGtid(
        draw(u64),
        draw(u32),
        HEADER.server_id,
        flags,
        commit,
        *xa,
        extra,
        draw(u8) if bits & 1 else None,
        draw(u64) if bits & 0x0C else None,
        draw(u32) if bits & 0x10 else None,
        b"\x00" * draw(some.integers(0, 6)),
    )


@some.composite
def gtid_sets(draw: some.DrawFn) -> gtid.PreviousGtids:
    tags = draw(some.booleans())
    sources = []
    for _ in range(draw(some.integers(0, 4))):
        pairs = draw(some.lists(some.tuples(positive, positive), max_size=3))
        sources.append(GtidSource(draw(sids), tuple(pairs), draw(some.text("abc_", max_size=32)) if tags else ""))
    return gtid.PreviousGtids(tuple(sources))


@some.composite
def gtid_lists(draw: some.DrawFn) -> gtid.MariadbGtidList:
    entries = draw(some.lists(some.builds(gtid.MariadbGtidEntry, u32, u32, u64), max_size=4))
    return gtid.MariadbGtidList(draw(some.integers(0, 15)), tuple(entries), b"" if entries else b"\x00\x00")


@some.composite
def payloads(draw: some.DrawFn) -> payload.TransactionPayload:
    content = draw(some.binary(max_size=200))
    packed = zstandard.compress(content)
    fields = (
        payload.PayloadField(payload.COMPRESSION, payload.ZSTD, 1),
        payload.PayloadField(payload.UNCOMPRESSED_SIZE, len(content), 1),
        payload.PayloadField(payload.PAYLOAD_SIZE, len(packed), 1),
    )
    return payload.TransactionPayload(fields, packed)


@some.composite
def table_maps(draw: some.DrawFn) -> rows.TableMap:
    kinds = draw(some.binary(max_size=20))
    optional = draw(some.lists(some.builds(rows.OptionalMetadata, some.integers(1, 14), data), max_size=4))
    nulls = draw(some.binary(min_size=(len(kinds) + 7) // 8, max_size=(len(kinds) + 7) // 8))
    return rows.TableMap(
        *(draw(some.integers(0, 2**48 - 1)), draw(u16), draw(short), draw(short), kinds, draw(data), nulls),
        tuple(optional),
    )


# Columns of every type and metadata, and how to make their cells.
def _counted(size: int, longest: int = 30) -> some.SearchStrategy[bytes]:
    return some.binary(max_size=longest).map(lambda raw: len(raw).to_bytes(size, "little") + raw)


def _cells(column: MappedColumn) -> some.SearchStrategy[bytes]:
    kind, meta = column.real_type, column.metadata
    sizes = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1}
    if kind in sizes:
        return some.binary(min_size=sizes[kind], max_size=sizes[kind])
    fixed = {ct.MYSQL_TYPE_TIMESTAMP2: 4, ct.MYSQL_TYPE_DATETIME2: 5, ct.MYSQL_TYPE_TIME2: 3}.get(kind)
    if fixed is not None:
        size = fixed + (meta[0] + 1) // 2
    elif kind == ct.MYSQL_TYPE_NEWDECIMAL:
        size = decimal_size(meta[0], meta[1])
    elif kind == ct.MYSQL_TYPE_BIT:
        size = meta[1] + (meta[0] > 0)
    elif kind in (ct.MYSQL_TYPE_ENUM, ct.MYSQL_TYPE_SET):
        size = meta[1]
    elif kind == ct.MYSQL_TYPE_STRING:
        return _counted(2 if (meta[1] | ((meta[0] & 0x30) ^ 0x30) << 4) > 255 else 1)
    elif kind in VARCHARS:
        return _counted(2 if int.from_bytes(meta, "little") > 255 else 1)
    else:
        return _counted(meta[0])
    return some.binary(min_size=size, max_size=size)


COLUMNS = [
    *(MappedColumn(kind, b"", unsigned) for kind in (1, 2, 3, 8, 9) for unsigned in (None, True, False)),
    *(MappedColumn(kind, b"") for kind in (7, 10, 11, 12, 13)),
    *(MappedColumn(4, b"\x04"), MappedColumn(5, b"\x08")),
    *(MappedColumn(kind, bytes([decimals])) for kind in (17, 18, 19) for decimals in range(7)),
    *(MappedColumn(ct.MYSQL_TYPE_NEWDECIMAL, bytes(pair)) for pair in ((65, 30), (10, 0), (5, 5), (18, 9), (1, 0))),
    *(MappedColumn(ct.MYSQL_TYPE_BIT, bytes(pair)) for pair in ((1, 0), (0, 8), (2, 1))),
    *(MappedColumn(ct.MYSQL_TYPE_STRING, bytes(pair)) for pair in ((0xF7, 1), (0xF8, 8), (0xFE, 20), (0xEE, 252))),
    *(MappedColumn(kind, meta) for kind in sorted(VARCHARS) for meta in (b"\x14\x00", b"\x2c\x01")),
    *(MappedColumn(kind, bytes([size])) for kind in sorted(BLOBS) for size in (1, 2, 3, 4)),
    *(MappedColumn(ct.MYSQL_TYPE_VARCHAR, b"\x14\x00", None, codec) for codec in ("utf_8", "latin_1")),
]


@some.composite
def row_events(draw: some.DrawFn) -> tuple[int, rows.Rows, BinlogStream]:
    kind = draw(some.sampled_from(sorted(number for number, body in BODIES.items() if body is rows.Rows)))
    columns = tuple(draw(some.lists(some.sampled_from(COLUMNS), min_size=1, max_size=12)))
    stream = BinlogStream(tb.CHECKSUM_CRC32).with_table(7, MappedTable("db", "t", columns))
    bits = (len(columns) + 7) // 8
    present = [draw(some.binary(min_size=bits, max_size=bits)) for _ in range(2)]
    double = kind in rows.UPDATES
    w = Writer()
    for _ in range(draw(some.integers(0, 3))):
        for held in present if double else present[:1]:
            chosen = [column for i, column in enumerate(columns) if held[i // 8] >> i % 8 & 1]
            nulls = draw(some.binary(min_size=(len(chosen) + 7) // 8, max_size=(len(chosen) + 7) // 8))
            w.raw(nulls)
            for i, column in enumerate(chosen):
                if not nulls[i // 8] >> i % 8 & 1:
                    w.raw(draw(_cells(column)))
    raw = w.getvalue()
    packed = pack_mariadb(raw) if kind in rows.COMPRESSED else None
    extra = draw(data) if kind in rows.VERSION_2 else None
    body = rows.Rows(
        *(7, draw(u16), extra, len(columns), present[0], present[1] if double else None),
        *((), raw, packed, "db.t"),
    )
    return kind, body, stream


BUILT: list[tuple[int, some.SearchStrategy[Any]]] = [
    (tb.QUERY_EVENT, queries()),
    (tb.MARIADB_QUERY_COMPRESSED_EVENT, packed_queries()),
    (tb.STOP_EVENT, some.builds(control.Stop)),
    (tb.ROTATE_EVENT, some.builds(control.Rotate, u64, texts)),
    (tb.INTVAR_EVENT, some.builds(statement.Intvar, u8, u64)),
    (tb.APPEND_BLOCK_EVENT, some.builds(statement.FileBlock, u32, data)),
    (tb.BEGIN_LOAD_QUERY_EVENT, some.builds(statement.FileBlock, u32, data)),
    (tb.DELETE_FILE_EVENT, some.builds(statement.DeleteFile, u32)),
    (tb.RAND_EVENT, some.builds(statement.Rand, u64, u64)),
    (tb.USER_VAR_EVENT, some.builds(statement.UserVar, texts, u8, u32, data, some.none() | u8)),
    (tb.USER_VAR_EVENT, some.builds(statement.UserVar, texts, some.just(0), some.just(0), some.none())),
    (
        tb.FORMAT_DESCRIPTION_EVENT,
        some.builds(
            control.FormatDescription,
            *(u16, some.sampled_from([b"8.4.0", b"10.11.6-MariaDB-log", b"5.6.1"]).map(lambda v: v.ljust(50, b"\0"))),
            *(u32, u8, data, u8),
        ),
    ),
    (tb.XID_EVENT, some.builds(statement.Xid, u64)),
    (tb.EXECUTE_LOAD_QUERY_EVENT, loads()),
    (tb.TABLE_MAP_EVENT, table_maps()),
    (tb.INCIDENT_EVENT, some.builds(control.Incident, u16, short)),
    (tb.HEARTBEAT_EVENT, some.builds(control.Heartbeat, texts)),
    (
        tb.HEARTBEAT_EVENT_V2,
        some.builds(
            control.HeartbeatV2,
            some.lists(some.builds(control.HeartbeatField, some.integers(1, 9), data), max_size=3).map(tuple),
        ),
    ),
    (tb.ROWS_QUERY_EVENT, some.builds(control.RowsQuery, u8, texts)),
    (tb.GTID_EVENT, gtid_events()),
    (tb.PREVIOUS_GTIDS_EVENT, gtid_sets()),
    (tb.XA_PREPARE_EVENT, some.builds(statement.XaPrepare, u8, u32, data, data)),
    (tb.TRANSACTION_PAYLOAD_EVENT, payloads()),
    (tb.GTID_TAGGED_EVENT, tagged_gtids()),
    (tb.MARIADB_ANNOTATE_ROWS_EVENT, some.builds(control.AnnotateRows, texts)),
    (tb.MARIADB_BINLOG_CHECKPOINT_EVENT, some.builds(control.BinlogCheckpoint, texts)),
    (tb.MARIADB_GTID_EVENT, mariadb_gtids()),
    (tb.MARIADB_GTID_LIST_EVENT, gtid_lists()),
    (
        tb.MARIADB_START_ENCRYPTION_EVENT,
        some.builds(control.StartEncryption, some.just(1), u32, some.binary(min_size=12, max_size=12)),
    ),
    (200, some.builds(RawBody, data)),
]
HEADER = EventHeader(1_732_000_000, 0, 33, 0, 1234, 0)


def test_every_body_is_built_somewhere() -> None:
    kinds = {BODIES[kind] for kind, _ in BUILT if kind in BODIES} | {rows.Rows}
    assert kinds == set(BODIES.values())


@pytest.mark.parametrize(("kind", "strategy"), BUILT, ids=[str(kind) for kind, _ in BUILT])
@settings(max_examples=40)
@given(draw=some.data(), summed=some.booleans(), semi_sync=some.none() | some.integers(0, 1))
def test_round_trip(
    kind: int, strategy: some.SearchStrategy[EventBody], draw: some.DataObject, summed: bool, semi_sync: int | None
) -> None:
    """The same event comes back, whether checksums are known to be there or have to be found."""
    body = draw.draw(strategy)
    summed = summed or kind == tb.FORMAT_DESCRIPTION_EVENT
    header = EventHeader(*(1_732_000_000, kind, 33, 0, 1234, draw.draw(u16) & ~1))
    record = BinlogEvent(Event.build(header, body, summed), semi_sync)
    context = Context(binlog=draw.draw(some.sampled_from([None, BinlogStream(int(summed))])))
    raw = record.to_bytes(context)
    assert BinlogEvent.from_bytes(raw, context) == record
    assert isinstance(record.summary(), str)


@settings(max_examples=150)
@given(row_events())
def test_rows_round_trip(drawn: tuple[int, rows.Rows, BinlogStream]) -> None:
    """Whatever the columns: all rows are split into values, whose bytes are those of the event."""
    kind, body, stream = drawn
    header = EventHeader(1_732_000_000, kind, 33, 0, 1234, 0)
    raw = BinlogEvent(Event.build(header, body, True)).to_bytes(Context())
    found = BinlogEvent.from_bytes(raw, Context(binlog=stream))
    assert found.to_bytes(Context()) == raw
    read = found.event.body
    assert isinstance(read, rows.Rows)
    partial = kind == tb.PARTIAL_UPDATE_ROWS_EVENT
    nothing = not any(body.present) and not any(body.present_after or b"")
    held = [i for bits in (body.present, body.present_after or b"") for i in range(body.column_count)
            if bits and bits[i // 8] >> i % 8 & 1]  # fmt: skip
    if partial or nothing or not held:
        assert read.images == ()
    else:
        assert read.undecoded == b""
    # Without the map of the table nothing is split.
    alone = BinlogEvent.from_bytes(raw, Context(binlog=BinlogStream(tb.CHECKSUM_CRC32))).event.body
    assert isinstance(alone, rows.Rows)
    assert (alone.images, alone.undecoded) == ((), body.undecoded)


@given(some.binary(max_size=120), some.sampled_from(sorted(BODIES)))
def test_random_bodies(body: bytes, kind: int) -> None:
    header = EventHeader(0, kind, 1, 19 + len(body), 0, 0)
    w = Writer()
    header.write(w)
    raw = b"\x00" + bytes(w.data) + body
    table = MappedTable("d", "t", tuple(COLUMNS[:8]))
    stream = BinlogStream(tb.CHECKSUM_OFF, False, 6, {int.from_bytes(body[:6], "little"): table})
    error = record = None
    try:
        record = BinlogEvent.from_bytes(raw, Context(binlog=stream))
    except DecodeError as found:
        error = found
    if error is not None or record is None:
        assert error is not None
        assert error.record == "BinlogEvent"
        return
    record.to_bytes(Context())
