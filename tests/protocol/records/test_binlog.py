"""Binlog events: streams of real servers packet by packet, values, bounds."""

from __future__ import annotations

import uuid
import zlib
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.errors import DecodeError
from analyzer.protocol.binlog_stream import MOST_COLUMNS, MOST_TABLES, BinlogStream, MappedColumn, MappedTable
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.binlog import control, gtid, payload, rows, statement
from analyzer.protocol.records.binlog.base import EventHeader, RawBody
from analyzer.protocol.records.binlog.cells import decimal_size, decimal_text, read_cell
from analyzer.protocol.records.binlog.event import BODIES, UNSUPPORTED, BinlogEvent, Event, after
from analyzer.protocol.records.binlog.packed import LONGEST, open_mariadb, open_zstd, pack_mariadb
from analyzer.protocol.records.commands.replication import ComBinlogDump
from analyzer.protocol.tables import binlog as tb
from analyzer.protocol.tables import column_types as ct
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41
from analyzer.protocol.wire.reader import Reader, TracingReader, Writer
from analyzer.protocol.wire.values import NULL, Value
from tests.protocol.machine.playbook import in_command_phase, name_of, packet
from tests.protocol.records.binlog_streams import STREAMS

# -- streams of real servers -------------------------------------------------------------------------------------------


def dumping(decode_rows: bool = True) -> Machine:
    """A machine that awaits the events of a dump."""
    machine = in_command_phase(CLIENT_PROTOCOL_41)
    machine.decode_rows = decode_rows
    machine.feed(CLIENT, packet(ComBinlogDump(4, 1, 77, "binlog.000001").to_bytes(machine.context)))
    assert machine.state == st.STREAM
    return machine


def heard(name: str) -> list[tuple[bytes, AnyRecord, Context]]:
    """The payloads of a stream, their records, and the context each was decoded in."""
    machine = dumping()
    found = []
    for number, text in enumerate(STREAMS[name]):
        raw = bytes.fromhex(text)
        before = Context(in_force=CLIENT_PROTOCOL_41, binlog=machine.context.binlog)
        found.append((raw, machine.feed(SERVER, packet(raw, number + 1 & 0xFF)), before))
    return found


def events(name: str) -> list[Event]:
    records = [record for _, record, _ in heard(name)]
    assert all(isinstance(record, BinlogEvent) for record in records), [r.summary() for r in records]
    return [record.event for record in records if isinstance(record, BinlogEvent)]


@pytest.mark.parametrize("name", STREAMS)
def test_a_real_stream(name: str) -> None:
    """Every event is decoded, encoded back to its bytes, traced without a hole, and its checksum is right."""
    for raw, record, context in heard(name):
        assert isinstance(record, BinlogEvent), record.summary()
        assert not isinstance(record.event.body, RawBody)
        assert record.to_bytes(context) == raw
        assert record.event.checksum_valid is not False
        assert record.event.name in record.summary()
        reader = TracingReader(raw)
        assert BinlogEvent.decode(reader, context) == record
        reader.finish()
        at = 0
        for span in reader.spans:
            assert span.start == at <= span.end, (record.summary(), span)
            at = span.end
        assert at == len(raw)


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_byte(name: str) -> None:
    for raw, _, context in heard(name):
        for size in range(len(raw)):
            with pytest.raises(DecodeError):
                BinlogEvent.from_bytes(raw[:size], context)


def test_without_decoding_events_are_passed_over() -> None:
    machine = dumping(decode_rows=False)
    record = machine.feed(SERVER, packet(bytes.fromhex(STREAMS["mysql"][0]), 1))
    assert name_of(record) == "Data:event"
    assert machine.context.binlog is None


def test_checksums() -> None:
    """Where the format description says so; before it, where they fit. A wrong one is told."""
    for name in STREAMS:
        # The made-up rotate in front of MySQL's and MariaDB's format description has none.
        assert [event.checksum is not None for event in events(name)][1:] == [True] * (len(STREAMS[name]) - 1)
    raw, _, context = heard("mysql")[3]
    for place in (6, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        event = BinlogEvent.from_bytes(bytes(changed), context).event
        assert event.checksum_valid is False
        assert "wrong checksum" in event.summary()


def test_no_checksums() -> None:
    """The format description says that none follow; its own is there all the same."""
    machine = dumping()
    description = control.FormatDescription(4, b"10.11.6-MariaDB-log".ljust(50, b"\0"), 0, 19, bytes(164), 0)
    header = EventHeader(1, tb.FORMAT_DESCRIPTION_EVENT, 1, 0, 4, 0)
    record = machine.feed(SERVER, packet(BinlogEvent(Event.build(header, description, True)).to_bytes(Context()), 1))
    assert isinstance(record, BinlogEvent)
    assert record.event.checksum_valid is True
    header = EventHeader(1, tb.XID_EVENT, 1, 0, 4, 0)
    record = machine.feed(
        SERVER, packet(BinlogEvent(Event.build(header, statement.Xid(5), False)).to_bytes(Context()), 2)
    )
    assert isinstance(record, BinlogEvent)
    assert (record.event.body, record.event.checksum) == (statement.Xid(5), None)


KINDS = (
    *(1, -128, 255, -1, 2**64 - 1, 0.1, -2.5, "-12345.6789", "2024-02-29", "-01:02:03.500"),
    *("2024-02-29 23:59:59.000001", "981173106.78", 2024, "größe", b"\x00\xff", "ñ", "text", b"blob", 2, 3),
    *(b"\x02\x01", "[1]", b"\x00\x00\x00\x00\x01\x01\x00\x00\x00" + bytes(6) + b"\xf0?" + bytes(7) + b"@", "w"),
)


def images(name: str, table: str = "bl.kinds") -> list[tuple[str, list[tuple[Any, ...]]]]:
    found = [(event.name, event.body) for event in events(name)]
    return [
        (kind, [image.plain for image in body.images])
        for kind, body in found
        if isinstance(body, rows.Rows) and body.table == table
    ]


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_rows(name: str) -> None:
    """What was inserted, as SQL wrote it: values of every kind, NULL, both images of an update, minimal images."""
    found = images(name)
    kinds = tuple(b"\x02\x01\x00\x07\x00\x05\x01\x00" if name == "mysql" and v == "[1]" else v for v in KINDS)
    changed = (1, 5, *kinds[2:13], None, *kinds[14:])
    assert [values for _, values in found] == [
        [kinds],
        [(2, *[None] * 23)],
        [kinds, changed],
        [(1,)],
        [(2,), ("z",)],
    ]
    assert [kind.partition("_")[0] for kind, _ in found] == ["WRITE", "WRITE", "UPDATE", "DELETE", "UPDATE"]
    mapped = next(body for event in events(name) if isinstance(body := event.body, rows.TableMap))
    names = [column.name for column in mapped.mapped(name == "mariadb").columns]
    assert names == ["id", *"abcdefghijklmnopqrstuvw"]
    assert {field.name for field in mapped.optional_metadata} >= {"SIGNEDNESS", "COLUMN_NAME"}


def test_rows_without_metadata() -> None:
    """Nobody says which numbers are unsigned and what characters are: these stay bytes."""
    (_, (values,)) = images("mariadb_no_metadata")[0]
    assert values[:7] == (1, b"\x80", b"\xff", b"\xff" * 3, b"\xff" * 8, 0.1, -2.5)
    assert values[7:14] == (*KINDS[7:13], "größe".encode())


def test_compressed_events() -> None:
    """MariaDB's compressed rows and statements, MySQL's compressed transaction."""
    bodies = [event.body for event in events("mariadb")]
    packed = [body for body in bodies if isinstance(body, rows.Rows) and body.packed is not None]
    assert [(body.rows, body.undecoded) for body in packed] == [(5, b""), (1, b""), (2, b"")]
    assert packed[0].images[0].plain == (1, "abcabcabcabcabcabc", "5.00000")
    query = next(body for body in bodies if isinstance(body, statement.Query) and body.packed is not None)
    assert query.query == "insert into t(a) values('zzzzzzzzzzzzzzz')"
    for _, record, context in heard("mysql"):
        if isinstance(record, BinlogEvent) and isinstance(record.event.body, payload.TransactionPayload):
            inner = record.inner(context)
            assert [event.name for event in inner] == [
                *("QUERY_EVENT", "ROWS_QUERY_EVENT", "TABLE_MAP_EVENT", "WRITE_ROWS_EVENT", "XID_EVENT"),
            ]
            body = inner[3].body
            assert isinstance(body, rows.Rows)
            assert [image.plain[1:] for image in body.images] == [("p", "1.00000"), ("q", "2.00000")]
            break
    else:
        pytest.fail("no compressed transaction in the stream")


def test_gtids() -> None:
    found = [event.body for event in events("mysql")]
    tagged = next(body for body in found if isinstance(body, gtid.GtidTagged))
    assert (tagged.sid, tagged.gtid_tag, tagged.immediate_server_version) == (
        "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
        "mytag",
        90704,
    )
    plain = next(body for body in found if isinstance(body, gtid.Gtid))
    assert (plain.lt_type, plain.immediate_server_version, plain.original_server_version) == (2, 90704, None)
    before = next(body for body in found if isinstance(body, gtid.PreviousGtids))
    assert {source.tag for source in before.gtids} == {"", "mytag"}
    maria = [event.body for event in events("mariadb") if isinstance(event.body, gtid.MariadbGtid)]
    assert {body.flags_extra for body in maria} == {16, 17}
    assert all(body.thread_id for body in maria)
    prepared = next(body for body in maria if body.flags & tb.FL_PREPARED_XA)
    assert (prepared.xa_format_id, prepared.xa_gtrid, prepared.xa_bqual, prepared.extra_engines) == (7, b"g", b"b", 255)


def test_statements_and_what_they_need() -> None:
    for name in ("mysql", "mariadb"):
        bodies = [event.body for event in events(name)]
        variables = {body.name: body.plain for body in bodies if isinstance(body, statement.UserVar)}
        # MySQL does not look at what comes behind a NULL.
        more = {"f": 1.0, "u": 2**64 - 1} if name == "mariadb" else {}
        assert variables == {"v": b"str", "i": -5, "d": "2.5", "n": None} | more
        xa = next(body for body in bodies if isinstance(body, statement.XaPrepare))
        assert (xa.format_id, xa.gtrid, xa.bqual) == (7, b"g", b"b")
        load = next(body for body in bodies if isinstance(body, statement.ExecuteLoadQuery))
        assert load.query[load.name_start : load.name_end] == " LOCAL INFILE '/x' IGNORE INTO"
        assert any(isinstance(body, statement.FileBlock) and body.data == b"1\tfoo\n" for body in bodies)
        numbers = [(body.type, body.value) for body in bodies if isinstance(body, statement.Intvar)]
        assert {(2, 1), (1, 1)} <= set(numbers)
        query = next(body for body in bodies if isinstance(body, statement.Query))
        named = {variable.name: variable.data for variable in query.status_variables}
        assert len(named["Q_SQL_MODE"]) == 8
        assert named["Q_CATALOG_NZ"] == b"\x03std"


def test_semi_sync_and_heartbeats() -> None:
    """The two bytes in front, the acknowledgement, both heartbeats; then COM_QUIT."""
    for name in ("mysql_semi_sync", "mysql_heartbeat_v2", "mariadb_semi_sync"):
        records = [record for _, record, _ in heard(name)]
        asked = [record.semi_sync for record in records if isinstance(record, BinlogEvent)]
        assert set(asked[:-1]) == {0}
        assert asked[-1] == 1
        assert records[-1].summary().endswith("asks for an acknowledgement")
    beat = next(e.body for e in events("mysql_heartbeat_v2") if isinstance(e.body, control.HeartbeatV2))
    assert beat.file.startswith("binlog.0000")
    assert [field.type for field in beat.fields] == [1, 2, 0] or [field.type for field in beat.fields] == [1, 2]
    machine = dumping()
    for number, text in enumerate(STREAMS["mysql_semi_sync"]):
        machine.feed(SERVER, packet(bytes.fromhex(text), number + 1))
    ack = machine.feed(CLIENT, packet(b"\xef" + (500).to_bytes(8, "little") + b"binlog.000001", 0))
    assert (type(ack).__name__, machine.state) == ("SemiSyncAck", st.STREAM)
    assert machine.sequence_error is None
    assert type(machine.feed(CLIENT, packet(b"\x01", 0))).__name__ == "ComQuit"


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_source_counts_from_1_after_an_event_that_asks(asks: bool, acknowledged: bool) -> None:
    """MariaDB's does, whether it has read the acknowledgement or not; MySQL's goes on: both are right."""
    quiet, asking = (bytes.fromhex(STREAMS["mysql_semi_sync"][which]) for which in (0, -1))
    for following in (1, 4):
        machine = dumping()
        for number, event in enumerate([quiet, quiet, asking if asks else quiet], 1):
            machine.feed(SERVER, packet(event, number))
        if acknowledged:
            machine.feed(CLIENT, packet(b"\xef" + (500).to_bytes(8, "little") + b"binlog.000001", 0))
        machine.feed(SERVER, packet(quiet, following))
        assert (machine.sequence_error is None) is (asks or following == 4)
        machine.feed(SERVER, packet(quiet, following + 1))
        assert machine.sequence_error is None
        machine.feed(SERVER, packet(quiet, 1))
        assert machine.sequence_error is not None


def test_a_timestamp_that_looks_like_semi_sync() -> None:
    """An event whose first byte is 0xEF, without the two bytes of semi-synchronous replication."""
    event = Event.build(EventHeader(0x6B02_00EF, tb.STOP_EVENT, 1, 0, 4, 0), control.Stop(), summed=True)
    for semi_sync in (None, 0, 1):
        record = BinlogEvent(event, semi_sync)
        assert BinlogEvent.from_bytes(record.to_bytes(Context()), Context()) == record


def test_a_dump_is_forgotten_with_the_next() -> None:
    machine = dumping()
    for number, text in enumerate(STREAMS["mysql"][:2]):
        machine.feed(SERVER, packet(bytes.fromhex(text), number + 1))
    assert machine.context.binlog is not None
    machine.feed(SERVER, packet(b"\xfe\x00\x00\x02\x00", 3))
    assert machine.state == st.COMMAND
    machine.feed(CLIENT, packet(ComBinlogDump(4, 1, 77, "").to_bytes(machine.context)))
    assert machine.context.binlog is None


def test_a_broken_event_breaks_nothing_else() -> None:
    """It is malformed, keeps what was read of it, and the events behind it are decoded."""
    machine = dumping()
    first, second = (bytes.fromhex(text) for text in STREAMS["mysql"][:2])
    record = machine.feed(SERVER, packet(first[:-9], 1))
    assert isinstance(record, Malformed)
    assert dict(record.partial)["event_type"] == tb.ROTATE_EVENT
    assert (record.field, machine.state) == ("event_size", st.STREAM)
    assert isinstance(machine.feed(SERVER, packet(second, 2)), BinlogEvent)


u8 = some.integers(0, 0xFF)
u64 = some.integers(0, 2**64 - 1)
i64 = some.integers(-(2**63), 2**63 - 1)


# -- tables ------------------------------------------------------------------------------------------------------------


def test_every_type_has_a_body_or_is_named() -> None:
    assert set(BODIES) | UNSUPPORTED == set(tb.EVENT_TYPES)
    assert not set(BODIES) & UNSUPPORTED
    for name, value in vars(tb).items():
        if name.endswith(("_EVENT", "_EVENT_V1", "_EVENT_V2")) and isinstance(value, int):
            assert tb.EVENT_TYPES[value] == name
    assert set(tb.STATUS_SIZES) <= set(tb.STATUS_VARIABLES)


@settings(max_examples=300)
@given(some.data())
def test_mutated(draw: some.DataObject) -> None:
    """Real events with bytes changed: an event or a DecodeError, nothing else; what is read is written back."""
    name = draw.draw(some.sampled_from(sorted(STREAMS)))
    number = draw.draw(some.integers(0, len(STREAMS[name]) - 1))
    raw, _, context = CASES[name][number]
    changed = bytearray(raw)
    # The size in front is left alone mostly: nothing behind it would be looked at.
    for _ in range(draw.draw(some.integers(1, 3))):
        changed[draw.draw(some.integers(min(20, len(raw) - 1), len(raw) - 1))] = draw.draw(u8)
    error = record = None
    try:
        record = BinlogEvent.from_bytes(bytes(changed), context)
    except DecodeError as found:
        error = found
    if error is not None or record is None:
        assert error is not None
        assert 0 <= error.offset <= len(raw)
        return
    assert isinstance(record.summary(), str)
    record.to_bytes(context)
    state = after(context.binlog or BinlogStream(), record.event)
    assert len(state.tables) <= MOST_TABLES
    try:
        record.inner(context)
    except DecodeError:
        return


CASES = {name: heard(name) for name in STREAMS}


# -- values ------------------------------------------------------------------------------------------------------------


def packed_decimal(value: Decimal, precision: int, scale: int) -> bytes:
    """As the manual's words have it: nine digits in four bytes, what is left over in fewer, the sign flips bits."""
    sizes = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
    digits = f"{value.copy_abs():0{precision + (2 if scale else 1)}.{scale}f}".replace(".", "")[-precision:]
    whole, fraction = digits[: precision - scale], digits[precision - scale :]
    first = len(whole) % 9
    groups = [whole[:first], *(whole[i : i + 9] for i in range(first, len(whole), 9))]
    groups += [fraction[i : i + 9] for i in range(0, len(fraction), 9)]
    raw = b"".join(int(group).to_bytes(sizes[len(group)], "big") for group in groups if group)
    raw = bytes([raw[0] ^ 0x80]) + raw[1:]
    return bytes(byte ^ 0xFF for byte in raw) if value < 0 else raw


@given(some.integers(1, 65).flatmap(lambda p: some.tuples(some.just(p), some.integers(0, min(p, 30)))), some.data())
def test_decimals(shape: tuple[int, int], draw: some.DataObject) -> None:
    precision, scale = shape
    number = draw.draw(some.integers(-(10**precision) + 1, 10**precision - 1))
    value = Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))
    raw = packed_decimal(value, precision, scale)
    assert len(raw) == decimal_size(precision, scale)
    assert decimal_text(raw, precision, scale) == format(value, "f")


def test_decimals_that_are_none() -> None:
    assert decimal_text(b"\xff\xff\xff\xff", 9, 0) is None
    assert decimal_text(b"\x80", 9, 0) is None
    assert decimal_text(b"", 0, 0) is None


@pytest.mark.parametrize(
    ("column", "raw", "value"),
    [
        (MappedColumn(ct.MYSQL_TYPE_TINY, b""), b"\x7f", 127),
        (MappedColumn(ct.MYSQL_TYPE_TINY, b""), b"\x80", b"\x80"),
        (MappedColumn(ct.MYSQL_TYPE_INT24, b"", False), b"\xff\xff\xff", -1),
        (MappedColumn(ct.MYSQL_TYPE_YEAR, b""), b"\x00", 0),
        (MappedColumn(ct.MYSQL_TYPE_DATE, b""), (2024 << 9 | 2 << 5 | 29).to_bytes(3, "little"), "2024-02-29"),
        (MappedColumn(ct.MYSQL_TYPE_TIME, b""), (-8385959).to_bytes(3, "little", signed=True), "-838:59:59"),
        (MappedColumn(ct.MYSQL_TYPE_DATETIME, b""), (20240229235958).to_bytes(8, "little"), "2024-02-29 23:59:58"),
        (MappedColumn(ct.MYSQL_TYPE_TIME2, b"\x01"), b"\x7f\xff\xff\xf6", "-00:00:00.1"),
        (MappedColumn(ct.MYSQL_TYPE_TIME2, b"\x00"), b"\x80\x10\x83", "01:02:03"),
        (MappedColumn(ct.MYSQL_TYPE_TIMESTAMP2, b"\x03"), b"\x00\x00\x00\x01\x26\xac", "1.990"),
        (MappedColumn(ct.MYSQL_TYPE_DATETIME2, b"\x07"), bytes(9), bytes(9)),
        (MappedColumn(ct.MARIADB_TYPE_VARCHAR_COMPRESSED, b"\x14\x00", None, "utf_8"), b"\x02\x00a", b"\x00a"),
        (MappedColumn(ct.MYSQL_TYPE_VARCHAR, b"\x14\x00", None, "utf_8"), b"\x02\xff\xfe", b"\xff\xfe"),
        (MappedColumn(ct.MYSQL_TYPE_STRING, b"\xce\x2c"), b"\x01\x00x", b"x"),  # CHAR of 812 bytes: two of length
    ],
)
def test_values(column: MappedColumn, raw: bytes, value: object) -> None:
    assert read_cell(Reader(raw), column, "value") == Value(raw, value)  # type: ignore[arg-type]
    with pytest.raises(DecodeError):
        read_cell(Reader(raw[:-1]), column, "value")


def test_a_type_without_a_known_length() -> None:
    with pytest.raises(DecodeError, match="its length is not known"):
        read_cell(Reader(b"abc"), MappedColumn(ct.MYSQL_TYPE_TYPED_ARRAY, b""), "value")
    assert read_cell(Reader(b""), MappedColumn(ct.MYSQL_TYPE_NULL, b""), "value") == NULL


@given(u64, i64)
def test_variable_length_integers(unsigned: int, signed: int) -> None:
    w = Writer()
    gtid.write_varint(w, unsigned)
    size = len(w.data)
    assert size == gtid.varint_size(unsigned)
    gtid.write_varint(w, signed, signed=True)
    r = Reader(bytes(w.data))
    assert (gtid.read_varint(r, "a"), gtid.read_varint(r, "b", signed=True)) == (unsigned, signed)
    assert r.left == 0


def test_variable_length_integers_of_the_manual() -> None:
    for text, value in (("fb ff 07", 65535),):
        assert gtid.read_varint(Reader(bytes.fromhex(text)), "n") == value
    for text, value in (("f3 ff 0f", 65535), ("eb ff 0f", -65535), ("fb ff 0f", -65536)):
        assert gtid.read_varint(Reader(bytes.fromhex(text)), "n", signed=True) == value


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_table_maps_are_bounded() -> None:
    stream = BinlogStream()
    wide = MappedTable("d", "t", (MappedColumn(1, b""),) * 1000)
    for number in range(3 * MOST_TABLES):
        stream = stream.with_table(number, wide)
        assert len(stream.tables) <= MOST_TABLES
        assert sum(len(table.columns) for table in stream.tables.values()) <= MOST_COLUMNS
    assert max(stream.tables) == 3 * MOST_TABLES - 1
    huge = MappedTable("d", "t", (MappedColumn(1, b""),) * (MOST_COLUMNS + 1))
    assert 5 not in stream.with_table(5, huge).tables


@pytest.mark.parametrize("kind", [tb.WRITE_ROWS_EVENT, tb.UPDATE_ROWS_EVENT, tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT])
def test_values_of_an_event_are_bounded(kind: int) -> None:
    """A megabyte of rows is not taken apart as a whole; what is not is there all the same."""
    table = MappedTable("d", "t", (MappedColumn(ct.MYSQL_TYPE_TINY, b"", False),) * 3)
    stream = BinlogStream(tb.CHECKSUM_OFF).with_table(7, table)
    values = Random(4).randbytes(90_000)  # what compresses too well is a bomb
    raw = b"".join(b"\x00" + values[i : i + 3] for i in range(0, len(values), 3))
    packed = pack_mariadb(raw) if kind == tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT else None
    double = kind == tb.UPDATE_ROWS_EVENT
    body = rows.Rows(7, 1, b"", 3, b"\x07", b"\x07" if double else None, (), raw, packed)
    sent = BinlogEvent(Event.build(EventHeader(0, kind, 1, 0, 0, 0), body, False)).to_bytes(Context())
    record = BinlogEvent.from_bytes(sent, Context(binlog=stream))
    read = record.event.body
    assert isinstance(read, rows.Rows)
    assert rows.MOST_VALUES - 6 < sum(len(image.values) for image in read.images) <= rows.MOST_VALUES
    left = len(raw) - len(read.images) * 4
    assert len(read.undecoded) == (left if packed is None else rows.MOST_LEFT)
    assert record.to_bytes(Context()) == sent
    assert "not decoded" in record.summary()


def test_compressed_rows_that_do_not_open() -> None:
    body = rows.Rows(7, 1, b"", 3, b"\x07", None, (), b"", b"\x81\x09damaged")
    header = EventHeader(0, tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT, 1, 0, 0, 0)
    sent = BinlogEvent(Event.build(header, body, True)).to_bytes(Context())
    record = BinlogEvent.from_bytes(sent, Context())
    assert isinstance(record.event.body, rows.Rows)
    assert (record.event.body.images, record.event.body.undecoded) == ((), b"\x81\x09damaged")
    assert "9 bytes not decoded" in record.summary()


def test_bombs_stay_closed() -> None:
    zeros = bytes(LONGEST + 1)
    assert open_mariadb(pack_mariadb(zeros)) is None
    assert open_zstd(zstandard.compress(zeros), len(zeros)) is None
    # It opens to more than it says, or says more than its size allows.
    assert open_mariadb(b"\x81\x05" + zlib.compress(bytes(1000))) is None
    assert open_zstd(zstandard.compress(bytes(1000)), 999) is None
    assert open_zstd(zstandard.compress(bytes(LONGEST)), LONGEST) is None
    for broken in (b"", b"\x00", b"\x81", b"\x81\x05abc", b"\x91\x05" + zlib.compress(b"hello"), b"\x87" + bytes(9)):
        assert open_mariadb(broken) is None
    assert open_zstd(b"abc", 5) is None
    assert open_mariadb(pack_mariadb(b"hello")) == b"hello"


def test_inner_events_that_are_none() -> None:
    for content in (b"abc", bytes(19), b"\xff" * 40):
        fields = (payload.PayloadField(payload.COMPRESSION, payload.UNCOMPRESSED, 3),)
        body = payload.TransactionPayload(fields, content)
        record = BinlogEvent(Event.build(EventHeader(0, tb.TRANSACTION_PAYLOAD_EVENT, 1, 0, 0, 0), body, True))
        with pytest.raises(DecodeError):
            record.inner(Context())


def test_source_ids_are_uuids() -> None:
    record = next(body for body in (e.body for e in events("mysql")) if isinstance(body, gtid.Gtid))
    assert str(uuid.UUID(record.sid)) == record.sid
