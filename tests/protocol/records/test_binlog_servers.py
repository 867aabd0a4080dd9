"""Binlogs of real servers: what the events say beside what the tables hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from analyzer.protocol.machine.machine import AnyRecord
from analyzer.protocol.records.binlog import control, rows, statement
from analyzer.protocol.records.binlog.base import RawBody
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.commands.replication import ComBinlogDump
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.wire.values import Plain
from tests.protocol.records.column_types import OWN, SERVERS, TYPES
from tests.protocol.server_session import Heard, Wire, rows_of
from tests.servers import Server, require_servers

pytestmark = pytest.mark.server

NON_BLOCK: Final = 1
# A server ends the dump of a replica when another one comes with the same number.
REPLICA: Final = 100_000 + os.getpid()


def position(wire: Wire) -> tuple[str, int]:
    """The file that is written to, and its end."""
    if not wire.try_query("show binary log status"):
        (row,) = rows_of(wire.query("show master status"))
    else:
        (row,) = rows_of(wire.query("show binary log status"))
    return str(row[0]), int(str(row[1]))


def dump(where: Server, file: str, start: int) -> list[Heard]:
    """All packets of a dump from there to the end."""
    with Wire(where) as wire:
        wire.query("set @source_binlog_checksum = 'CRC32', @master_binlog_checksum = 'CRC32'")
        if where.flavor == "mariadb":
            wire.query("set @mariadb_slave_capability = 4")
        return wire.run(ComBinlogDump(start, NON_BLOCK, REPLICA, file))


@contextmanager
def metadata(wire: Wire, wanted: str) -> Iterator[None]:
    """So much is written of each table's columns."""
    ((before,),) = rows_of(wire.query("select @@global.binlog_row_metadata"))
    assert isinstance(before, str)
    wire.query(f"set global binlog_row_metadata = {wanted}")
    try:
        yield
    finally:
        wire.query(f"set global binlog_row_metadata = {before}")


def same(kind: str, logged: Plain, selected: Plain, how_much: str) -> bool:
    """Whether a value of the log is the one the table holds, as far as the log can tell."""
    if logged is None or selected is None:
        return logged is selected
    if kind.startswith(("enum", "set")):
        return isinstance(logged, int)
    if kind.startswith("timestamp"):
        return str(logged).partition(".")[2] == str(selected).partition(".")[2]
    if kind == "float":
        return abs(float(str(logged)) - float(str(selected))) <= 1e-5 * abs(float(str(logged)))
    if kind in ("uuid", "inet6", "inet4", "json"):
        return isinstance(logged, bytes | str)  # in their inner forms
    if kind == "binary(4)" and isinstance(logged, bytes) and isinstance(selected, bytes):
        return logged == selected.rstrip(b"\x00")
    if isinstance(logged, bytes) and isinstance(selected, int):
        return how_much == "no_log" and int.from_bytes(logged, "little", signed=selected < 0) == selected
    if isinstance(logged, bytes) and isinstance(selected, str):
        return how_much == "no_log" and logged == selected.encode()
    return type(logged) is type(selected) and logged == selected


CASES: Final = [
    *((name, "full") for name in SERVERS),
    *(("mysql97", "minimal"), ("mariadb118", "minimal"), ("mariadb118", "no_log"), ("mariadb1011", "no_log")),
]


@pytest.mark.parametrize(("name", "how_much"), CASES)
def test_rows_are_those_of_the_table(name: str, how_much: str) -> None:
    """Inserted, changed and deleted rows of every column type: each value as SELECT gives it."""
    where = require_servers(name)[0]
    types = TYPES | OWN[name]
    with Wire(where) as wire, metadata(wire, how_much):
        wire.query("set sql_mode = ''")
        wire.query("set binlog_format = row")
        table = f"logged_{how_much}"
        wire.query(f"drop table if exists {table}")
        columns = ", ".join(f"c{index} {kind}" for index, kind in enumerate(types))
        wire.query(f"create table {table} (id int primary key, {columns})")
        file, start = position(wire)
        for place in range(3):
            wire.query(f"insert into {table} values ({place}, {', '.join(v[place] for v in types.values())})")
        wire.query(f"insert into {table} values (3, {', '.join(['null'] * len(types))})")
        held = rows_of(wire.query(f"select * from {table} order by id"))
        wire.query(f"update {table} set id = 9 where id = 0")
        wire.query(f"delete from {table} where id = 1")
        wire.query(f"drop table {table}")
        found = dump(where, file, start)
    images: list[tuple[Plain, ...]] = []
    for heard in found:
        check(heard)
        body = body_of(heard.record)
        if isinstance(body, rows.Rows) and body.table == f"labdb.{table}":
            assert body.undecoded == b""
            images += [image.plain for image in body.images]
        if isinstance(body, rows.TableMap) and body.table == table and how_much == "full":
            assert [c.name for c in body.mapped(where.flavor == "mariadb").columns][:3] == ["id", "c0", "c1"]
    assert len(images) == 4 + 2 + 1
    kinds = ["int", *types]
    for image, selected in zip([*images[:4], images[4], images[6]], [*held, held[0], held[1]], strict=True):
        for kind, logged, value in zip(kinds, image, selected, strict=True):
            assert same(kind, logged, value, how_much), (kind, logged, value)
    assert images[5][0] == 9
    assert images[5][1:] == images[4][1:]


def body_of(record: AnyRecord) -> Any:
    return record.event.body if isinstance(record, BinlogEvent) else None


def check(heard: Heard) -> None:
    """Nothing raw, the checksum right, the same bytes again."""
    record = heard.record
    assert heard.record.to_bytes(heard.context) == heard.packet.payload
    if isinstance(record, BinlogEvent):
        assert not isinstance(record.event.body, RawBody), record.summary()
        assert record.event.checksum_valid is not False
    else:
        assert isinstance(record, EOFPacket | OKPacket)


@pytest.mark.parametrize("name", SERVERS)
def test_statements(name: str) -> None:
    """What was run is what the log says was run, by the connection that ran it."""
    where = require_servers(name)[0]
    with Wire(where) as wire:
        wire.query("set binlog_format = statement")
        ((thread,),) = rows_of(wire.query("select connection_id()"))
        file, start = position(wire)
        wire.query("drop table if exists said")
        said = ["create table said (a int auto_increment primary key, b double)", "insert into said (b) values (2.5)"]
        for sql in said:
            wire.query(sql)
        wire.query("drop table said")
        found = dump(where, file, start)
    queries = [body for heard in found if isinstance(body := body_of(heard.record), statement.Query)]
    mine = [body for body in queries if body.thread_id == thread]
    assert [body.query for body in mine if body.query in said] == said
    assert {body.schema for body in mine if body.query in said} == {"labdb"}
    for heard in found:
        check(heard)
    kinds = {type(body_of(heard.record)) for heard in found}
    assert {control.Rotate, control.FormatDescription, statement.Query} <= kinds
    assert isinstance(found[-1].record, EOFPacket | OKPacket)
