"""Rows of real servers: every column type, in text and binary, with and without definitions; cursors, procedures."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Final

import pytest

from analyzer.protocol.machine import state as st
from analyzer.protocol.records.generic import EOFPacket, OKPacket, ProgressReport
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest, Statistics, StmtPrepareOK
from analyzer.protocol.records.resultset import BinaryRow, ColumnDefinition41, TextRow
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_PROTOCOL_41,
    MARIADB_CLIENT_CACHE_METADATA,
    MARIADB_CLIENT_EXTENDED_METADATA,
    SERVER_STATUS_CURSOR_EXISTS,
    SERVER_STATUS_LAST_ROW_SENT,
)
from analyzer.protocol.tables.column_types import MYSQL_TYPE_FLOAT
from analyzer.protocol.wire.values import Plain
from tests.protocol.machine.playbook import in_command_phase, name_of
from tests.protocol.records.column_types import OWN, SERVERS, TYPES
from tests.protocol.server_session import Heard, Wire, columns_of, rows_of
from tests.servers import require_servers

pytestmark = pytest.mark.server

SERVER_PS_OUT_PARAMS: Final = 0x1000
WAYS: Final[dict[str, tuple[tuple[str, bool], ...]]] = {
    "plain": (),
    "eof": (("DEPRECATE_EOF", False),),
    "extended": (
        ("LONG_PASSWORD", False),
        ("MARIADB_CLIENT_EXTENDED_METADATA", True),
        ("MARIADB_CLIENT_CACHE_METADATA", True),
    ),
    "optional": (("OPTIONAL_RESULTSET_METADATA", True),),
}


@pytest.fixture(scope="module", params=SERVERS)
def table(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[str]]]:
    """A table with every column type: rows of the largest, smallest, other values, and of NULL."""
    name = request.param
    types = TYPES | OWN[name]
    with Wire(require_servers(name)[0]) as wire:
        wire.query("set sql_mode = ''")
        wire.query("drop table if exists every_type")
        columns = ", ".join(f"c{index} {kind}" for index, kind in enumerate(types))
        # utf8mb4 text of 300 characters, and many blobs: beyond what a row may hold in place otherwise.
        wire.query(f"create table every_type (id int primary key, {columns}) row_format=dynamic")
        for place in range(3):
            wire.query(f"insert into every_type values ({place}, {', '.join(v[place] for v in types.values())})")
        wire.query(f"insert into every_type values (3, {', '.join(['null'] * len(types))})")
        yield name, list(types)
        wire.query("drop table every_type")


def prepare(wire: Wire, sql: str) -> StmtPrepareOK:
    found = wire.run(b"\x16" + sql.encode())
    assert isinstance(found[0].record, StmtPrepareOK), found[0].record.summary()
    return found[0].record


def execute(wire: Wire, statement: int, cursor: int = 0) -> list[Heard]:
    return wire.run(b"\x17" + statement.to_bytes(4, "little") + bytes([cursor]) + b"\x01\x00\x00\x00")


def same(text: Plain, binary: Plain, kind: int) -> bool:
    """Text of a FLOAT has six digits, the binary value all of them."""
    if kind == MYSQL_TYPE_FLOAT and isinstance(text, float) and isinstance(binary, float):
        return math.isclose(text, binary, rel_tol=1e-5)
    return type(text) is type(binary) and text == binary


@pytest.mark.parametrize("way", WAYS)
def test_text_and_binary_agree(table: tuple[str, list[str]], way: str) -> None:
    """The same rows both ways: the same values, of the same Python types; encoded back to the same bytes."""
    name, types = table
    with Wire(require_servers(name)[0], *WAYS[way]) as wire:
        sql = "select * from every_type order by id"
        by_text = wire.query(sql)
        statement = prepare(wire, sql).statement_id
        by_binary = execute(wire, statement)
        again = execute(wire, statement)
        for heard in (*by_text, *by_binary, *again):
            assert heard.record.to_bytes(heard.context) == heard.packet.payload, heard.record.summary()
        assert sum(isinstance(heard.record, TextRow) for heard in by_text) == 4
        assert sum(isinstance(heard.record, BinaryRow) for heard in by_binary) == 4
        columns = columns_of(by_text)
        assert len(columns) == len(types) + 1
        kinds = ["int", *types]
        text, binary = rows_of(by_text), rows_of(by_binary)
        for left, right in zip(text, binary, strict=True):
            for kind, column, one, other in zip(kinds, columns, left, right, strict=True):
                assert same(one, other, column.type), (kind, one, other)
        # What the server did not send again is taken from before.
        assert rows_of(again) == binary
        head = again[0].record
        assert isinstance(head, ColumnCount)
        if way == "extended" and name.startswith("mariadb"):
            assert head.metadata_follows == 0
        # A row made of the values is the row the server sent, but for FLOAT, whose digits are cut in text.
        for heard in by_text:
            if isinstance(heard.record, TextRow):
                made = TextRow.of(heard.record.plain(columns), columns).values
                differ = [
                    (kind, one, other)
                    for kind, one, other in zip(kinds, heard.record.values, made, strict=True)
                    if one != other and kind not in ("float", "int(10) unsigned zerofill")
                ]
                assert [row for row in differ if row[0] != "double"] == []
                assert all(float(one or b"") == float(other or b"") for _, one, other in differ)


def test_values_are_what_was_put_in(table: tuple[str, list[str]]) -> None:
    """A few of the values as Python has them."""
    name, types = table
    with Wire(require_servers(name)[0]) as wire:
        statement = prepare(wire, "select * from every_type order by id").statement_id
        largest, smallest, _, nulls = rows_of(execute(wire, statement))
    value = dict(zip(["id", *types], largest, strict=True))
    least = dict(zip(["id", *types], smallest, strict=True))
    assert set(nulls[1:]) == {None}
    assert value["bigint unsigned"] == 2**64 - 1
    assert (value["bigint"], least["bigint"]) == (2**63 - 1, -(2**63))
    assert value["decimal(65,30)"] == "9" * 35 + "." + "9" * 30
    assert (least["date"], least["datetime"]) == ("0000-00-00", "0000-00-00 00:00:00")
    assert (least["time"], least["time(6)"], value["time"]) == ("-838:59:59", "-00:00:00.000001", "838:59:59")
    assert value["char(20)"] == "größe \U0001f600"
    assert (value["bit(64)"], value["bit(1)"]) == (b"\xff" * 8, b"\x01")
    assert value["varbinary(300)"] == b"\xff\xfe" * 150
    assert value["set('a','b','c')"] == "a,b,c"
    point = value["point"]
    assert isinstance(point, bytes)
    assert struct.unpack("<dd", point[-16:]) == (1.0, 2.0)
    if "vector(3)" in value:
        assert value["vector(3)"] == struct.pack("<fff", 1, 2.5, -3)


@pytest.mark.parametrize("name", SERVERS[1:])
def test_extended_metadata(name: str) -> None:
    """What MariaDB says beside the column type."""
    ways = WAYS["extended"]
    with Wire(require_servers(name)[0], *ways) as wire:
        found = wire.query("select json_object('a', 1), st_geomfromtext('point(1 2)'), cast('::' as inet6)")
    said = [h.record.extended_metadata for h in found if isinstance(h.record, ColumnDefinition41)]
    assert [[(chunk.kind, chunk.value) for chunk in chunks or ()] for chunks in said] == [
        [(1, "json")],
        [],
        [(0, "inet6")],
    ]


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("way", ["plain", "eof"])
def test_cursor(name: str, way: str) -> None:
    """Definitions come with the execute, rows with each fetch, to the flag that says it was the last."""
    with Wire(require_servers(name)[0], *WAYS[way]) as wire:
        union = " union all ".join(f"select {n} n, 'row {n}' t" for n in range(5))
        statement = prepare(wire, union).statement_id
        opened = execute(wire, statement, cursor=1)
        end = opened[-1].record
        assert isinstance(end, OKPacket | EOFPacket)
        assert (end.status_flags or 0) & SERVER_STATUS_CURSOR_EXISTS
        assert rows_of(opened) == []
        fetched: list[tuple[Plain, ...]] = []
        for _ in range(4):
            part = wire.run(b"\x1c" + statement.to_bytes(4, "little") + b"\x02\x00\x00\x00")
            fetched += rows_of(part)
            end = part[-1].record
            assert isinstance(end, OKPacket | EOFPacket)
            if (end.status_flags or 0) & SERVER_STATUS_LAST_ROW_SENT:
                break
    assert fetched == [(n, f"row {n}") for n in range(5)]


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("way", ["plain", "eof"])
def test_several_results_and_out_parameters(name: str, way: str) -> None:
    """A procedure that gives two results and an OUT parameter, called in text and as a prepared statement."""
    with Wire(require_servers(name)[0], *WAYS[way], ("QUERY_ATTRIBUTES", False)) as wire:
        wire.query("drop procedure if exists two_results")
        wire.query(
            "create procedure two_results(in a int, out b int) begin select a, 'x'; select a + 1.5; set b = a * 2; end"
        )
        text = wire.query("call two_results(20, @b)")
        assert rows_of(text) == [(20, "x"), ("21.5",)]
        prepared = prepare(wire, "call two_results(20, ?)")
        null = b"\x17" + prepared.statement_id.to_bytes(4, "little") + b"\x00\x01\x00\x00\x00\x01\x01\x06\x00"
        found = wire.run(null)
        wire.query("drop procedure two_results")
    assert rows_of(found) == [(20, "x"), ("21.5",), (40,)]
    heads = [heard for heard in found if isinstance(heard.record, ColumnCount)]
    ends = [heard.record for heard in found if isinstance(heard.record, OKPacket | EOFPacket)]
    assert len(heads) == 3
    flagged = [bool((end.status_flags or 0) & SERVER_PS_OUT_PARAMS) for end in ends]
    # The flag stands in every EOF of the result that holds the parameters, and only there.
    assert any(flagged)
    assert flagged[-1] is False
    for heard in found:
        assert heard.record.to_bytes(heard.context) == heard.packet.payload


@pytest.mark.parametrize("name", SERVERS)
def test_field_list(name: str) -> None:
    """Definitions with default values."""
    with Wire(require_servers(name)[0]) as wire:
        wire.query("drop table if exists defaults")
        wire.query("create table defaults (a int default 5, b varchar(9) default 'x', c int)")
        found = wire.run(b"\x04defaults\x00")
        wire.query("drop table defaults")
    columns = [heard.record for heard in found if isinstance(heard.record, ColumnDefinition41)]
    assert [(c.name, c.has_default, c.default_value) for c in columns] == [
        ("a", True, b"5"),
        ("b", True, b"x"),
        ("c", True, None),
    ]
    for heard in found:
        assert heard.record.to_bytes(heard.context) == heard.packet.payload


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("way", ["plain", "eof"])
def test_other_answers(name: str, way: str) -> None:
    """COM_STATISTICS, COM_PROCESS_INFO, COM_SET_OPTION, COM_DEBUG, COM_PING, COM_TIME: each ends where it does."""
    with Wire(require_servers(name)[0], *WAYS[way]) as wire:
        (heard,) = wire.run(b"\x09")
        assert isinstance(heard.record, Statistics)
        assert heard.record.message.startswith("Uptime: ")
        listed = wire.run(b"\x0a")
        assert any("admin" in row for row in rows_of(listed)) or name == "mysql97"
        for command in (b"\x1b\x01\x00", b"\x1b\x00\x00", b"\x0d", b"\x0e", b"\x0f", b"\x00", b"\x1f"):
            found = wire.run(command)
            assert len(found) == 1, command
            assert wire.machine.state == st.COMMAND
            assert not isinstance(found[0].record, Data)
            assert found[0].record.to_bytes(found[0].context) == found[0].packet.payload


@pytest.mark.parametrize("name", SERVERS)
def test_local_infile(name: str) -> None:
    """A file in two packets; then one the client has none of."""
    with Wire(require_servers(name)[0], ("LOCAL_FILES", True)) as wire:
        wire.query("drop table if exists loaded")
        wire.query("create table loaded (a int, b varchar(20))")
        load = b"load data local infile '/x/y.csv' into table loaded"
        head = b"\x03\x00\x01" if wire.machine.context.in_force & 1 << 27 else b"\x03"
        wire.send(head + load)
        asked = wire.receive()
        assert asked.record == LocalInfileRequest("/x/y.csv")
        for part in (b"1\tone\n2\t", b"two\n", b""):
            wire.channel.send_payload(part)
        done = wire.receive()
        while isinstance(done.record, ProgressReport):
            done = wire.receive()
        assert isinstance(done.record, OKPacket)
        assert (done.record.affected_rows, done.record.info) == (2, "Records: 2  Deleted: 0  Skipped: 0  Warnings: 0")
        assert wire.machine.state == st.COMMAND
        assert rows_of(wire.query("select * from loaded order by a")) == [(1, "one"), (2, "two")]
        wire.query("drop table loaded")


@pytest.mark.parametrize("name", SERVERS[1:])
@pytest.mark.parametrize("way", ["plain", "eof"])
def test_bulk_results(name: str, way: str) -> None:
    """What MariaDB gives back of a bulk execute: binary rows, one for each set of parameters where it offers that."""
    own = (
        ("LONG_PASSWORD", False),
        ("MARIADB_CLIENT_STMT_BULK_OPERATIONS", True),
        ("MARIADB_CLIENT_BULK_UNIT_RESULTS", name == "mariadb118"),
    )
    with Wire(require_servers(name)[0], *own, *WAYS[way]) as wire:
        wire.query("drop table if exists in_bulk")
        wire.query("create table in_bulk (a int auto_increment primary key, b varchar(9))")
        sets = b"\xfd\x00" + b"\x00\x01x" + b"\x00\x01y" + b"\x00\x01z"
        if name == "mariadb118":
            statement = prepare(wire, "insert into in_bulk (b) values (?)").statement_id
            found = wire.run(b"\xfa" + statement.to_bytes(4, "little") + b"\xc0\x00" + sets)
            assert rows_of(found) == [(1, 1), (2, 1), (3, 1)]
            wire.query("truncate table in_bulk")
        statement = prepare(wire, "insert into in_bulk (b) values (?) returning a, b").statement_id
        found = wire.run(b"\xfa" + statement.to_bytes(4, "little") + b"\x80\x00" + sets)
        wire.query("drop table in_bulk")
    assert rows_of(found) == [(1, "x"), (2, "y"), (3, "z")]
    assert all(isinstance(heard.record, BinaryRow) for heard in found[-4:-1])


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("way", WAYS)
def test_joining_in_the_middle(name: str, way: str) -> None:
    """A machine that has not seen the login makes the same of all packets, and works out what is in force."""
    with Wire(require_servers(name)[0], *WAYS[way], ("QUERY_ATTRIBUTES", False)) as wire:
        before = len(wire.all)
        wire.query("select 1, 'x' union select 2, null")
        wire.query("do 1")
        wire.query("select 1 where 1 = 0")
        statement = prepare(wire, "select ?, 'y'").statement_id
        wire.run(b"\x17" + statement.to_bytes(4, "little") + b"\x00\x01\x00\x00\x00\x00\x01\xfd\x00\x01z")
        wire.run(b"\x17" + statement.to_bytes(4, "little") + b"\x00\x01\x00\x00\x00\x00\x01\xfd\x00\x01w")
        wire.run(b"\x1a" + statement.to_bytes(4, "little"))
        wire.query("select 3")
        wire.run(b"\x09")
        wire.run(b"\x0e")
        told = wire.machine.context.in_force
        said = wire.all[before:]
    machine = in_command_phase(CLIENT_PROTOCOL_41, assumed=True)
    machine.decode_rows = True
    for sender, heard, record in said:
        found = machine.feed(sender, heard)
        assert name_of(found) == name_of(record), (record.summary(), found.summary())
        assert machine.sequence_error is None
        if isinstance(record, TextRow | BinaryRow):
            assert found == record
    settings = CLIENT_DEPRECATE_EOF | MARIADB_CLIENT_EXTENDED_METADATA
    assert machine.context.in_force & settings == told & settings
    assert machine.context.worked_out & settings == settings
    follows = CLIENT_OPTIONAL_RESULTSET_METADATA | MARIADB_CLIENT_CACHE_METADATA
    assert bool(machine.context.in_force & follows) == bool(told & follows)
    assert machine.context.assumed


@pytest.mark.parametrize("name", SERVERS)
def test_a_row_that_begins_with_0xfe(name: str) -> None:
    """A value of 16 MiB takes eight bytes to count, behind 0xFE: a row all the same, and the packet goes on."""
    size = (1 << 24) + 5
    for way in ("plain", "eof"):
        with Wire(require_servers(name)[0], *WAYS[way]) as wire:
            wire.channel.framer.keep = 1 << 25
            found = wire.query(f"select repeat('a', {size}), 'end'")
            rows = rows_of(found)
            assert [(len(str(big)), end) for big, end in rows] == [(size, "end")]
            assert wire.machine.state == st.COMMAND
            assert wire.query("select 1")[-1].record.summary() in ("OK", "end of the packets before it")
