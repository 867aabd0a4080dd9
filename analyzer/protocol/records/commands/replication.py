"""What a replica says: it registers, asks for a binary log, acknowledges what it has.

Sources: MySQL source documentation, "COM_BINLOG_DUMP", "COM_BINLOG_DUMP_GTID", "COM_REGISTER_SLAVE"; MySQL Internals
Manual, "COM_TABLE_DUMP"; MySQL source, semisync_replica.cc (acknowledgement); MariaDB Server documentation,
"COM_BINLOG_DUMP", "COM_REGISTER_SLAVE". MariaDB has no COM_BINLOG_DUMP_GTID: its replicas set @slave_connect_state
and send COM_BINLOG_DUMP.
"""

from __future__ import annotations

from typing import Final, Self

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record, expect
from analyzer.protocol.records.binlog.gtids import decode_gtid_set, gtid_set_text
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.reader import Reader, Writer

# The stream ends with an EOF at the end of the last file. MariaDB gives bit 1 another meaning than MySQL.
BINLOG_DUMP_NON_BLOCK: Final = 0x01
BINLOG_SEND_ANNOTATE_ROWS_EVENT: Final = 0x02
BINLOG_THROUGH_POSITION: Final = 0x02
BINLOG_THROUGH_GTID: Final = 0x04

SEMI_SYNC_MAGIC: Final = 0xEF


class ComBinlogDump(Record, frozen=True):
    """COM_BINLOG_DUMP: the events of a binary log from a position on. Without a name: from the first file on."""

    binlog_pos: int
    flags: int
    server_id: int
    binlog_filename: str = ""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComBinlogDump", com.COM_BINLOG_DUMP)
        return cls(r.uint("binlog_pos", 4), r.uint("flags", 2), r.uint("server_id", 4), r.rest_text("binlog_filename"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_BINLOG_DUMP)
        w.uint(self.binlog_pos, 4)
        w.uint(self.flags, 2)
        w.uint(self.server_id, 4)
        w.raw(self.binlog_filename)

    def summary(self) -> str:
        return f"{self.binlog_filename or 'the first file'} from byte {self.binlog_pos} on, as server {self.server_id}"


class ComBinlogDumpGtid(Record, frozen=True):
    """COM_BINLOG_DUMP_GTID, of MySQL: all events but those of a set of GTIDs (`data`, see `gtids`).

    The manual makes the set depend on BINLOG_THROUGH_GTID; clients send it whatever the flags are. `rest` is what
    stands behind it.
    """

    flags: int
    server_id: int
    binlog_filename: str
    binlog_pos: int
    data: bytes | None = None
    rest: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComBinlogDumpGtid", com.COM_BINLOG_DUMP_GTID)
        flags, server_id = r.uint("flags", 2), r.uint("server_id", 4)
        name = r.text("binlog_filename", r.uint("binlog_filename_len", 4))
        position = r.uint("binlog_pos", 8)
        data = r.take("data", r.uint("data_size", 4)) if r.left else None
        return cls(flags, server_id, name, position, data, r.rest("rest"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_BINLOG_DUMP_GTID)
        w.uint(self.flags, 2)
        w.uint(self.server_id, 4)
        name = Writer()
        name.raw(self.binlog_filename)
        w.uint(len(name.data), 4)
        w.raw(name.getvalue())
        w.uint(self.binlog_pos, 8)
        if self.data is not None:
            w.uint(len(self.data), 4)
            w.raw(self.data)
            w.raw(self.rest)

    @property
    def gtid_set(self) -> str | None:
        """The set as SQL writes it; None where `data` is no set."""
        try:
            return gtid_set_text(decode_gtid_set(Reader(self.data or b"", "ComBinlogDumpGtid")))
        except DecodeError:
            return None

    def summary(self) -> str:
        return f"all but {self.gtid_set or 'nothing'}, as server {self.server_id}"


class ComTableDump(Record, frozen=True):
    """COM_TABLE_DUMP, of MySQL before 5.5: a whole table, for LOAD DATA FROM MASTER."""

    database_name: str
    table_name: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComTableDump", com.COM_TABLE_DUMP)
        return cls(r.text("database_name", r.u8("database_len")), r.text("table_name", r.u8("table_len")))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_TABLE_DUMP)
        _short(w, self.database_name)
        _short(w, self.table_name)

    def summary(self) -> str:
        return f"{self.database_name}.{self.table_name}"


class ComRegisterSlave(Record, frozen=True):
    """COM_REGISTER_SLAVE: what SHOW REPLICAS is to say of this replica. All of it may be empty."""

    server_id: int
    slaves_hostname: str = ""
    slaves_user: str = ""
    slaves_password: str = ""
    slaves_mysql_port: int = 0
    replication_rank: int = 0
    master_id: int = 0

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComRegisterSlave", com.COM_REGISTER_SLAVE)
        return cls(
            r.uint("server_id", 4),
            r.text("slaves_hostname", r.u8("slaves_hostname_len")),
            r.text("slaves_user", r.u8("slaves_user_len")),
            r.text("slaves_password", r.u8("slaves_password_len")),
            r.uint("slaves_mysql_port", 2),
            r.uint("replication_rank", 4),
            r.uint("master_id", 4),
        )

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_REGISTER_SLAVE)
        w.uint(self.server_id, 4)
        _short(w, self.slaves_hostname)
        _short(w, self.slaves_user)
        _short(w, self.slaves_password)
        w.uint(self.slaves_mysql_port, 2)
        w.uint(self.replication_rank, 4)
        w.uint(self.master_id, 4)

    def summary(self) -> str:
        where = f" at {self.slaves_hostname}:{self.slaves_mysql_port}" if self.slaves_hostname else ""
        return f"server {self.server_id}{where}"


class SemiSyncAck(Record, frozen=True):
    """A semi-synchronous replica's word that it has the binary log up to a position. No command: it has no answer."""

    log_pos: int
    log_filename: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "SemiSyncAck", SEMI_SYNC_MAGIC)
        return cls(r.uint("log_pos", 8), r.rest_text("log_filename"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(SEMI_SYNC_MAGIC)
        w.uint(self.log_pos, 8)
        w.raw(self.log_filename)

    def summary(self) -> str:
        return f"has {self.log_filename} up to byte {self.log_pos}"


def _short(w: Writer, text: str) -> None:
    """A string with its length in one byte. Raises ValueError over 255 bytes."""
    content = Writer()
    content.raw(text)
    if len(content.data) > 0xFF:
        raise ValueError(f"{len(content.data)} bytes in a field of at most 255")
    w.u8(len(content.data))
    w.raw(content.getvalue())
