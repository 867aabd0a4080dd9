"""All commands: which record is which, several of them in one packet, and those of which only the head was kept."""

from __future__ import annotations

from typing import Any, Final, Self

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record, expect
from analyzer.protocol.records.commands import admin as simple
from analyzer.protocol.records.commands import replication, statement
from analyzer.protocol.records.commands.text import ComChangeUser, ComInitDb, ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.reader import Reader, TracingReader, Writer

# Commands in one COM_MULTI: each has four bytes or more.
MOST_TOGETHER: Final = 1 << 14


class ComMulti(Record, frozen=True):
    """COM_MULTI, of MariaDB 10.2's beginnings only: several commands in one packet, each with its length in front.

    Source: MDEV-9058 (int<3> length, command, and so on to the end of the packet).
    """

    commands: tuple[bytes, ...]

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComMulti", com.COM_MULTI)
        found: list[bytes] = []
        while r.left:
            if len(found) == MOST_TOGETHER:
                raise BadValue("ComMulti", "length", r.pos, f"more than {MOST_TOGETHER} commands")
            found.append(r.take("command", r.uint("length", 3)))
        return cls(tuple(found))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_MULTI)
        for command in self.commands:
            w.uint(len(command), 3)
            w.raw(command)

    def summary(self) -> str:
        names = (com.COMMANDS.get(command[0], hex(command[0])) for command in self.commands[:8] if command)
        return f"{len(self.commands)} commands: {', '.join(names)}"

    def records(self, ctx: Context) -> tuple[Record, ...]:
        """The commands as records; one that is broken as ComOther."""
        return tuple(_inner(command, ctx) for command in self.commands)


def _inner(payload: bytes, ctx: Context) -> Record:
    kind = COMMAND_RECORDS.get(payload[0] if payload else -1, ComOther)
    try:
        return (kind if kind is not ComMulti else ComOther).from_bytes(payload, ctx)
    except DecodeError:
        return ComOther(payload[0] if payload else -1, payload[1:])


class CutCommand(Record, frozen=True):
    """A command of which only the head was kept, for it is too long: `partial` are the fields before the cut.

    `length` is that of the whole payload, `data` what was kept of it.
    """

    command: int
    length: int
    partial: tuple[tuple[str, Any], ...]
    data: bytes

    @classmethod
    def of(cls, kind: type[Record], payload: bytes, length: int, ctx: Context) -> Self:
        reader = TracingReader(payload, kind.__name__)
        try:
            kind.decode(reader, ctx)
        except DecodeError:
            partial = reader.spans
        else:
            # The last field reaches up to the cut.
            partial = reader.spans[:-1]
        return cls(payload[0], length, tuple((span.name, span.value) for span in partial), payload)

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "CutCommand"
        start = r.pos
        command = r.u8("command")
        r.rest("data")
        return cls(command, r.end - start, (), r.data[start : r.end])

    def encode(self, w: Writer, ctx: Context) -> None:
        """Writes what was kept of it."""
        w.raw(self.data)

    def summary(self) -> str:
        name = com.COMMANDS.get(self.command, hex(self.command)).upper()
        return f"COM_{name} of {self.length} bytes, {len(self.data)} of them kept"


COMMAND_RECORDS: Final[dict[int, type[Record]]] = {
    com.COM_SLEEP: simple.ComSleep,
    com.COM_QUIT: simple.ComQuit,
    com.COM_INIT_DB: ComInitDb,
    com.COM_QUERY: ComQuery,
    com.COM_FIELD_LIST: simple.ComFieldList,
    com.COM_CREATE_DB: simple.ComCreateDb,
    com.COM_DROP_DB: simple.ComDropDb,
    com.COM_REFRESH: simple.ComRefresh,
    com.COM_SHUTDOWN: simple.ComShutdown,
    com.COM_STATISTICS: simple.ComStatistics,
    com.COM_PROCESS_INFO: simple.ComProcessInfo,
    com.COM_CONNECT: simple.ComConnect,
    com.COM_PROCESS_KILL: simple.ComProcessKill,
    com.COM_DEBUG: simple.ComDebug,
    com.COM_PING: simple.ComPing,
    com.COM_TIME: simple.ComTime,
    com.COM_DELAYED_INSERT: simple.ComDelayedInsert,
    com.COM_CHANGE_USER: ComChangeUser,
    com.COM_BINLOG_DUMP: replication.ComBinlogDump,
    com.COM_TABLE_DUMP: replication.ComTableDump,
    com.COM_CONNECT_OUT: simple.ComConnectOut,
    com.COM_REGISTER_SLAVE: replication.ComRegisterSlave,
    com.COM_STMT_PREPARE: ComStmtPrepare,
    com.COM_STMT_EXECUTE: statement.ComStmtExecute,
    com.COM_STMT_SEND_LONG_DATA: statement.ComStmtSendLongData,
    com.COM_STMT_CLOSE: statement.ComStmtClose,
    com.COM_STMT_RESET: statement.ComStmtReset,
    com.COM_SET_OPTION: simple.ComSetOption,
    com.COM_STMT_FETCH: statement.ComStmtFetch,
    com.COM_DAEMON: simple.ComDaemon,
    com.COM_BINLOG_DUMP_GTID: replication.ComBinlogDumpGtid,
    com.COM_RESET_CONNECTION: simple.ComResetConnection,
    com.COM_CLONE: simple.ComClone,
    com.COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: simple.ComSubscribeGroupReplicationStream,
    com.COM_STMT_BULK_EXECUTE: statement.ComStmtBulkExecute,
    com.COM_MULTI: ComMulti,
}
