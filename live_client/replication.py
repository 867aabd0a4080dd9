"""A replica's part: it registers, asks for a binary log, and hears so many of its events."""

from __future__ import annotations

from analyzer.protocol.records.base import Record
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.binlog.gtids import encode_gtid_set, parse_gtid_set
from analyzer.protocol.records.commands.replication import (
    BINLOG_DUMP_NON_BLOCK,
    BINLOG_THROUGH_GTID,
    ComBinlogDump,
    ComBinlogDumpGtid,
    ComRegisterSlave,
)
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.reader import Writer
from live_client.command_phase import CommandPhase

# The first event of a file stands behind its four magic bytes.
FIRST_POSITION = 4


def register(statements: CommandPhase, record: ComRegisterSlave) -> None:
    """Tells the server who this replica is (COM_REGISTER_SLAVE)."""
    statements.simple(com.COM_REGISTER_SLAVE, f"register as {record.summary()}", record)


def dump(
    statements: CommandPhase,
    file: str,
    *,
    position: int = FIRST_POSITION,
    server_id: int = 0,
    flags: int = BINLOG_DUMP_NON_BLOCK,
) -> list[BinlogEvent]:
    """The events of a binary log from a position on (COM_BINLOG_DUMP), to its end where `flags` do not say to wait.

    Raises TimedOut where they do: the server then only says that it is there.
    """
    record = ComBinlogDump(position, flags, server_id, file)
    statements.listener.step(f"binary log: {record.summary()}")
    return _events(statements, com.COM_BINLOG_DUMP, record)


def dump_gtid(
    statements: CommandPhase, gtid_set: str, *, server_id: int = 0, flags: int = BINLOG_DUMP_NON_BLOCK
) -> list[BinlogEvent]:
    """All events but those of a set of GTIDs (MySQL's COM_BINLOG_DUMP_GTID)."""
    w = Writer()
    encode_gtid_set(w, parse_gtid_set(gtid_set))
    record = ComBinlogDumpGtid(flags | BINLOG_THROUGH_GTID, server_id, "", FIRST_POSITION, w.getvalue())
    statements.listener.step(f"binary log: {record.summary()}")
    return _events(statements, com.COM_BINLOG_DUMP_GTID, record)


def _events(statements: CommandPhase, code: int, record: Record) -> list[BinlogEvent]:
    said = statements.command(code, record)
    machine = statements.channel.machine
    events = []
    while machine.finished is None:
        found = statements.next(said)
        if isinstance(found, BinlogEvent):
            events.append(found)
    said.response, said.rows = "binlog", len(events)
    statements.listener.step(f"{len(events)} events")
    return events
