"""Every record of the request side: round trips, any bytes, the manuals' examples, and which command is which."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.prepared import LAST_PREPARED, Bound, LongData
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.binlog.gtids import (
    GtidSource,
    decode_gtid_set,
    encode_gtid_set,
    gtid_set_text,
    parse_gtid_set,
)
from analyzer.protocol.records.commands import admin as simple
from analyzer.protocol.records.commands import clone, replication, statement
from analyzer.protocol.records.commands import table as requests
from analyzer.protocol.records.commands.parameters import MOST_GUESSED, Parameter
from analyzer.protocol.records.commands.text import ComInitDb, ComOther, ComQuery
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.reader import Reader, TracingReader, Writer
from tests.protocol.records.in_force import in_force_sets
from tests.protocol.records.requests import CODES, REQUESTS, executes
from tests.protocol.records.vectors import context

# Codes that no client may send: MariaDB's own names for its threads, and the ends of its ranges (mysql_com.h).
UNSUPPORTED = frozenset({0x3F, 0xF9, 0xFB, 0xFC, 0xFD, 0xFF})


def test_every_command_has_its_record() -> None:
    assert set(requests.COMMAND_RECORDS) == set(com.COMMANDS)
    assert not UNSUPPORTED & set(com.COMMANDS)
    named = {value: name for name, value in vars(com).items() if name.startswith("COM_")}
    assert {code: name.removeprefix("COM_").lower() for code, name in named.items()} == com.COMMANDS
    for code, kind in requests.COMMAND_RECORDS.items():
        words = com.COMMANDS[code].split("_")
        assert kind.__name__ == "Com" + "".join(word.capitalize() for word in words)
    assert set(com.COMMANDS) >= set(st.AWAITED) | st.UNANSWERED


def test_every_record_has_a_strategy() -> None:
    modules = (simple, statement, replication, clone, requests)
    members = (kind for module in modules for _, kind in inspect.getmembers(module, inspect.isclass))
    kinds = {kind for kind in members if issubclass(kind, Record) and kind.__module__ in {m.__name__ for m in modules}}
    bases = {simple.Bare, simple.SchemaCommand, statement.StatementCommand}
    assert kinds - bases == set(REQUESTS)


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
@settings(max_examples=60)
@given(draw=some.data(), in_force=in_force_sets)
def test_round_trip(kind: type[Record], draw: some.DataObject, in_force: int) -> None:
    """The same record comes back; its spans lie in order, one behind the other, and its bytes are the same again."""
    ctx = context(in_force)
    record = draw.draw(REQUESTS[kind](ctx))
    payload = record.to_bytes(ctx)
    assert kind.from_bytes(payload, ctx) == record
    tracing = TracingReader(payload)
    again = kind.decode(tracing, ctx)
    assert again == record
    assert again.to_bytes(ctx) == payload
    tracing.finish()
    at = 0
    for span in tracing.spans:
        assert span.start == at <= span.end
        at = span.end
    assert at == len(payload)
    assert isinstance(record.summary(), str)


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
@settings(max_examples=60)
@given(draw=some.data(), in_force=in_force_sets, at=some.integers(0, 400), byte=some.integers(0, 255))
def test_mutations(kind: type[Record], draw: some.DataObject, in_force: int, at: int, byte: int) -> None:
    """A byte changed, or the end cut off: a record or a DecodeError, and what is decoded is what is encoded."""
    ctx = context(in_force)
    payload = draw.draw(REQUESTS[kind](ctx)).to_bytes(ctx)
    at %= len(payload)
    offsets = [0]
    for broken in (payload[:at] + bytes([byte]) + payload[at + 1 :], payload[:at]):
        try:
            record = kind.from_bytes(broken, ctx)
        except DecodeError as error:
            offsets.append(error.offset)
            continue
        assert kind.decode(TracingReader(broken), ctx) == record
        assert isinstance(record.summary(), str)
        again = kind.from_bytes(record.to_bytes(ctx), ctx)
        assert again == record
    assert 0 <= min(offsets) <= max(offsets) <= len(payload)


bounds = some.none() | some.builds(Bound, some.integers(0, 9))


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
@settings(max_examples=60)
@given(
    rest=some.binary(max_size=80), in_force=in_force_sets, bound=some.none() | some.builds(Bound, some.integers(0, 9))
)
def test_random_bytes(kind: type[Record], rest: bytes, in_force: int, bound: Bound | None) -> None:
    ctx = context(in_force)
    ctx.bound = bound
    raw = bytes([CODES[kind]]) + rest
    try:
        record = kind.from_bytes(raw, ctx)
    except DecodeError:
        return
    assert kind.from_bytes(record.to_bytes(ctx), ctx) == record
    with pytest.raises(DecodeError):
        kind.from_bytes(bytes([CODES[kind] ^ 0x40]) + rest, ctx)


QA = cap.CLIENT_QUERY_ATTRIBUTES
# What the manuals show, and what real clients sent: (record, capabilities in force, what is known, bytes).
VECTORS: list[tuple[Record, int, Bound | None, str]] = [
    (simple.ComQuit(), 0, None, "01"),
    (simple.ComFieldList("user", "%"), 0, None, "04 75 73 65 72 00 25"),
    (simple.ComRefresh(0x2E), 0, None, "07 2e"),
    (simple.ComShutdown(), 0, None, "08"),
    (simple.ComShutdown(0), 0, None, "08 00"),
    (simple.ComProcessKill(7), 0, None, "0c 07 00 00 00"),
    (simple.ComSetOption(1), 0, None, "1b 01 00"),
    (simple.ComCreateDb("test"), 0, None, "05 74 65 73 74"),
    (
        statement.ComStmtExecute(1, 0, 1, None, b"\x00", 1, (Parameter(0x0F, "", b"\x03foo", "foo"),)),
        0,
        Bound(1),
        "17 01 00 00 00 00 01 00 00 00 00 01 0f 00 03 66 6f 6f",  # the manual's
    ),
    (
        statement.ComStmtExecute(8, 8, 1, 0),
        QA,
        Bound(0),
        "17 08 00 00 00 08 01 00 00 00 00",  # libmysqlclient, a statement without parameters
    ),
    (
        statement.ComStmtExecute(
            1,
            8,
            1,
            2,
            b"\x02",
            1,
            (Parameter(0x08, "", b"\xff" * 8, -1), Parameter(0x06)),
        ),
        QA,
        Bound(2),
        "17 01 00 00 00 08 01 00 00 00 02 02 01 08 00 00 06 00 00 ff ff ff ff ff ff ff ff",  # libmysqlclient
    ),
    (
        statement.ComStmtExecute(
            LAST_PREPARED,
            0,
            1,
            None,
            b"\x00",
            1,
            _FIVE := (
                Parameter(0x03, "", b"\x05\x00\x00\x00", 5),
                Parameter(0xFD, "", b"\x04five", "five"),
            ),
            b"",
            True,
        ),
        0,
        None,
        "17 ff ff ff ff 00 01 00 00 00 00 01 03 00 fd 00 05 00 00 00 04 66 69 76 65",  # node's mariadb
    ),
    (
        statement.ComStmtExecute(1, 1, 1, None, b"\x00", 1, (Parameter(0xFC, "", None, b"part one two", 12),)),
        0,
        Bound(1, None, {0: LongData(b"part one two", 12)}),
        "17 01 00 00 00 01 01 00 00 00 00 01 fc 00",
    ),
    (statement.ComStmtSendLongData(1, 0, b"part "), 0, None, "18 01 00 00 00 00 00 70 61 72 74 20"),
    (statement.ComStmtClose(1), 0, None, "19 01 00 00 00"),
    (statement.ComStmtReset(1), 0, None, "1a 01 00 00 00"),
    (statement.ComStmtFetch(1, 2), 0, None, "1c 01 00 00 00 02 00 00 00"),
    (
        statement.ComStmtBulkExecute(
            5,
            128,
            (0x03, 0x0F),
            (
                (statement.BulkValue(0, b"\x00\x00\x00\x00", 0), statement.BulkValue(0, b"\x02r0", "r0")),
                (statement.BulkValue(0, b"\x01\x00\x00\x00", 1), statement.BulkValue(1)),
            ),
        ),
        0,
        Bound(2),
        "fa 05 00 00 00 80 00 03 00 0f 00 00 00 00 00 00 00 02 72 30 00 01 00 00 00 01",  # JDBC
    ),
    (
        replication.ComBinlogDump(4, 3, 0, "binlog.000001"),
        0,
        None,
        "12 04 00 00 00 03 00 00 00 00 00" + b"binlog.000001".hex(),
    ),
    (
        replication.ComRegisterSlave(2, "h", "u", "", 3306, 0, 0),
        0,
        None,
        "15 02 00 00 00 01 68 01 75 00 ea 0c 00 00 00 00 00 00 00 00",
    ),
    (replication.ComTableDump("test", "t"), 0, None, "13 04 74 65 73 74 01 74"),
    (replication.SemiSyncAck(0x1A0, "b.1"), 0, None, "ef a0 01 00 00 00 00 00 00 62 2e 31"),
    (requests.ComMulti((b"\x03do 1", b"\x0e")), 0, None, "fe 05 00 00 03 64 6f 20 31 01 00 00 0e"),
]


@pytest.mark.parametrize(("record", "in_force", "bound", "raw"), VECTORS, ids=lambda value: type(value).__name__)
def test_vectors(record: Record, in_force: int, bound: Bound | None, raw: str) -> None:
    ctx = context(in_force)
    ctx.bound = bound
    payload = bytes.fromhex(raw)
    assert type(record).from_bytes(payload, ctx) == record
    assert record.to_bytes(ctx) == payload


# -- what can not be known ---------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(draw=some.data())
def test_an_unknown_statement_is_read_only_where_one_number_fits(draw: some.DataObject) -> None:
    """With its types an execute tells how many parameters it has; where it does not, its bytes are kept."""
    ctx = Context()
    record = draw.draw(executes(ctx))
    payload = record.to_bytes(ctx)
    ctx.bound = None
    found = statement.ComStmtExecute.from_bytes(payload, ctx)
    assert found.to_bytes(ctx) == payload
    assert (found.statement_id, found.flags) == (record.statement_id, record.flags)
    if found.parameters:
        assert found.assumed
        assert not found.undecoded


def test_types_that_were_not_captured() -> None:
    """new_params_bind_flag 0, and the execute that sent the types is not in the capture."""
    raw = bytes.fromhex("17 01 00 00 00 00 01 00 00 00 00 00 05 00 00 00")
    ctx = Context()
    ctx.bound = Bound(1)
    record = statement.ComStmtExecute.from_bytes(raw, ctx)
    assert (record.parameters, record.undecoded, record.null_bitmap) == ((), b"\x05\x00\x00\x00", b"\x00")
    ctx.bound = Bound(1, (0x03,))
    record = statement.ComStmtExecute.from_bytes(raw, ctx)
    assert record.parameters == (Parameter(0x03, "", b"\x05\x00\x00\x00", 5),)
    ctx.bound = None
    record = statement.ComStmtExecute.from_bytes(raw, ctx)
    assert (record.parameters, record.undecoded, record.assumed) == ((), raw[10:], False)
    assert record.to_bytes(ctx) == raw


def test_a_number_that_is_not_certain_is_not_taken() -> None:
    """Two parameters of no bytes at all, or ten: nothing tells them apart."""
    for count in (1, 2, 9, MOST_GUESSED):
        ctx = Context()
        record = statement.ComStmtExecute.bind(1, [Parameter.of(7)] * count, ctx)
        found = statement.ComStmtExecute.from_bytes(record.to_bytes(ctx), ctx)
        assert len(found.parameters) == count
        assert found.assumed
    record = statement.ComStmtExecute.bind(1, [Parameter.of(7)] * (MOST_GUESSED + 1), Context())
    found = statement.ComStmtExecute.from_bytes(record.to_bytes(Context()), Context())
    assert found.undecoded
    assert not found.parameters


def test_bulk_of_an_unknown_statement() -> None:
    bulk = statement.ComStmtBulkExecute.bind(3, [(1, "a"), (2, None), (None, "c")])
    ctx = Context()
    found = statement.ComStmtBulkExecute.from_bytes(bulk.to_bytes(ctx), ctx)
    assert found.assumed
    assert [[value.value for value in row] for row in found.rows] == [[1, "a"], [2, None], [None, "c"]]
    ctx.bound = Bound(2)
    assert statement.ComStmtBulkExecute.from_bytes(bulk.to_bytes(ctx), ctx) == bulk


def test_a_bulk_execute_of_many_values_is_bounded() -> None:
    payload = bytes.fromhex("fa 05 00 00 00 80 00 03 00") + b"\x01" * 100_000
    ctx = Context()
    ctx.bound = Bound(1)
    record = statement.ComStmtBulkExecute.from_bytes(payload, ctx)
    assert len(record.rows) == statement.MOST_BULK_VALUES
    assert len(record.undecoded) == 100_000 - statement.MOST_BULK_VALUES
    assert record.to_bytes(ctx) == payload


@pytest.mark.parametrize("size", range(10, 33))
def test_broken_parameters(size: int) -> None:
    """The head is right all the same; what stands behind it is kept, and why it is no parameters."""
    whole = statement.ComStmtExecute.bind(1, [Parameter.of(5), Parameter.of("five")], Context()).to_bytes(Context())
    ctx = Context()
    ctx.bound = Bound(2)
    raw = whole[:size] if size < len(whole) else whole + b"x"
    reader = TracingReader(raw)
    record = statement.ComStmtExecute.decode(reader, ctx)
    assert (record.statement_id, record.parameters, record.undecoded) == (1, (), raw[10:])
    assert record.fault
    assert [span.name for span in reader.spans][4:] == ["undecoded"]
    assert record.to_bytes(ctx) == raw
    bulk = statement.ComStmtBulkExecute.from_bytes(bytes.fromhex("fa 01 00 00 00 80 00 03 00 0f 00 00 00"), ctx)
    assert (bulk.rows, bulk.undecoded) == ((), bytes.fromhex("03 00 0f 00 00 00"))
    assert bulk.summary().endswith(
        "bytes undecoded: ComStmtBulkExecute.parameter_value at byte 12: 4 bytes expected, 1 left"
    )


def test_more_parameters_than_there_can_be() -> None:
    ctx = context(QA)
    ctx.bound = Bound(1)
    for count in (b"\xfd\xff\xff\x01" + bytes(99), b"\xfc\xff\xff\x00\x01"):
        raw = b"\x17\x01\x00\x00\x00\x08\x01\x00\x00\x00" + count
        record = statement.ComStmtExecute.from_bytes(raw, ctx)
        assert (record.undecoded, record.parameters) == (count, ())
        assert "ComStmtExecute.parameter_count" in (record.fault or "")
        assert record.to_bytes(ctx) == raw
    for raw in (b"\x03\xfd\xff\xff\x01\x01" + bytes(99), b"\x03\xfe" + b"\xff" * 8 + b"\x01", b"\x03\x01\x01\x00\x00"):
        with pytest.raises(DecodeError):
            ComQuery.from_bytes(raw, ctx)


def test_the_head_of_a_long_command() -> None:
    ctx = Context()
    payload = b"\x18\x07\x00\x00\x00\x02\x00" + b"x" * 50
    cut = requests.CutCommand.of(statement.ComStmtSendLongData, payload, 20_000_000, ctx)
    assert dict(cut.partial) == {"command": 0x18, "statement_id": 7, "param_id": 2}
    assert cut.summary() == "COM_STMT_SEND_LONG_DATA of 20000000 bytes, 57 of them kept"
    assert cut.to_bytes(ctx) == payload


def test_commands_in_one_packet() -> None:
    multi = requests.ComMulti((b"\x02db", b"\x04broken", b"", b"\x77"))
    ctx = Context()
    assert multi.records(ctx) == (ComInitDb("db"), ComOther(4, b"broken"), ComOther(-1, b""), ComOther(0x77, b""))
    with pytest.raises(DecodeError):
        requests.ComMulti.from_bytes(b"\xfe\x05\x00\x00\x03", ctx)


# -- sets of GTIDs -----------------------------------------------------------------------------------------------------

GTID_SETS = [
    "",
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,4e11fa47-71ca-11e1-9e33-c80aa9429562:9",
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,3e11fa47-71ca-11e1-9e33-c80aa9429562:blue:2-3",
]


@pytest.mark.parametrize("text", GTID_SETS)
def test_gtid_sets(text: str) -> None:
    sources = parse_gtid_set(text)
    assert gtid_set_text(sources) == text
    w = Writer()
    encode_gtid_set(w, sources)
    reader = TracingReader(w.getvalue(), "set")
    assert decode_gtid_set(reader) == sources
    reader.finish()
    record = replication.ComBinlogDumpGtid(4, 9, "", 4, w.getvalue())
    assert replication.ComBinlogDumpGtid.from_bytes(record.to_bytes(Context()), Context()).gtid_set == text


def test_a_gtid_set_as_mysql_writes_it() -> None:
    """Two tagged sources; from the Previous_gtids event of a MySQL 9.7."""
    assert str(GtidSource("3e11fa47-71ca-11e1-9e33-c80aa9429562", ((1, 1), (4, 9)), "t")) == (
        "3e11fa47-71ca-11e1-9e33-c80aa9429562:t:1:4-9"
    )
    assert replication.ComBinlogDumpGtid(0, 1, "", 4, b"\x01").gtid_set is None


@settings(max_examples=200)
@given(raw=some.binary(max_size=90), count=some.integers(0, 3), tagged=some.booleans())
def test_broken_gtid_sets(raw: bytes, count: int, tagged: bool) -> None:
    head = (1 << 56 | count << 8 | 1 if tagged else count).to_bytes(8, "little")
    for payload in (raw, head + raw):
        try:
            sources = decode_gtid_set(Reader(payload, "set"))
        except DecodeError:
            continue
        w = Writer()
        if all(last >= 0 and first >= 0 for source in sources for first, last in source.intervals):
            encode_gtid_set(w, sources)
