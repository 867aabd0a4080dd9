"""Commands without arguments, and those with a few numbers or one name.

Sources: MySQL source documentation, "Command Phase" (COM_PING, COM_FIELD_LIST, COM_PROCESS_KILL ...) and, for those
that servers have forgotten, the MySQL Internals Manual, "Text Protocol"; MariaDB Server documentation, "2 - Text
Protocol".
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record, expect
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.reader import Reader, Writer

# COM_REFRESH: what is flushed.
REFRESH_FLAGS: Final[dict[int, str]] = {
    0x01: "REFRESH_GRANT",
    0x02: "REFRESH_LOG",
    0x04: "REFRESH_TABLES",
    0x08: "REFRESH_HOSTS",
    0x10: "REFRESH_STATUS",
    0x20: "REFRESH_THREADS",
    0x40: "REFRESH_SLAVE",
    0x80: "REFRESH_MASTER",
}
# COM_SHUTDOWN: the levels of mysql_com.h; servers know the default only.
SHUTDOWN_TYPES: Final[dict[int, str]] = {
    0x00: "SHUTDOWN_DEFAULT",
    0x01: "SHUTDOWN_WAIT_CONNECTIONS",
    0x02: "SHUTDOWN_WAIT_TRANSACTIONS",
    0x08: "SHUTDOWN_WAIT_UPDATES",
    0x10: "SHUTDOWN_WAIT_ALL_BUFFERS",
    0x11: "SHUTDOWN_WAIT_CRITICAL_BUFFERS",
    0xFE: "KILL_QUERY",
    0xFF: "KILL_CONNECTION",
}
# COM_SET_OPTION.
OPTIONS: Final[dict[int, str]] = {0: "MYSQL_OPTION_MULTI_STATEMENTS_ON", 1: "MYSQL_OPTION_MULTI_STATEMENTS_OFF"}


class Bare(Record, frozen=True):
    """A command that is its byte alone. `ignored` is what stands behind it all the same: servers do not look at it."""

    code: ClassVar[int] = -1
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, cls.__name__, cls.code)
        return cls(r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.code)
        w.raw(self.ignored)

    def summary(self) -> str:
        return f"COM_{com.COMMANDS[self.code].upper()}"


class ComSleep(Bare, frozen=True):
    """COM_SLEEP: the server's own name for doing nothing. Answered with an error."""

    code = com.COM_SLEEP


class ComQuit(Bare, frozen=True):
    """COM_QUIT: servers close the connection without a word, some proxies say OK first."""

    code = com.COM_QUIT


class ComStatistics(Bare, frozen=True):
    """COM_STATISTICS: answered with one line of text."""

    code = com.COM_STATISTICS


class ComProcessInfo(Bare, frozen=True):
    """COM_PROCESS_INFO: SHOW PROCESSLIST."""

    code = com.COM_PROCESS_INFO


class ComConnect(Bare, frozen=True):
    """COM_CONNECT: the server's own name for a login. Answered with an error."""

    code = com.COM_CONNECT


class ComDebug(Bare, frozen=True):
    """COM_DEBUG: the server writes its state into its error log."""

    code = com.COM_DEBUG


class ComPing(Bare, frozen=True):
    """COM_PING: are you there?"""

    code = com.COM_PING


class ComTime(Bare, frozen=True):
    """COM_TIME: the server's own. Answered with an error."""

    code = com.COM_TIME


class ComDelayedInsert(Bare, frozen=True):
    """COM_DELAYED_INSERT: the server's own. Answered with an error."""

    code = com.COM_DELAYED_INSERT


class ComConnectOut(Bare, frozen=True):
    """COM_CONNECT_OUT: a replica's own name for its connection to the source. Answered with an error."""

    code = com.COM_CONNECT_OUT


class ComDaemon(Bare, frozen=True):
    """COM_DAEMON: the server's own name for its background threads. Answered with an error."""

    code = com.COM_DAEMON


class ComResetConnection(Bare, frozen=True):
    """COM_RESET_CONNECTION: session variables, temporary tables and prepared statements are gone."""

    code = com.COM_RESET_CONNECTION


class ComClone(Bare, frozen=True):
    """COM_CLONE: the connection goes over to MySQL's clone protocol once the server has said OK."""

    code = com.COM_CLONE


class ComSubscribeGroupReplicationStream(Bare, frozen=True):
    """COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: the connection becomes one of group replication."""

    code = com.COM_SUBSCRIBE_GROUP_REPLICATION_STREAM


class SchemaCommand(Record, frozen=True):
    """A command with the name of a schema."""

    code: ClassVar[int] = -1
    schema_name: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, cls.__name__, cls.code)
        return cls(r.rest_text("schema_name"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.code)
        w.raw(self.schema_name)

    def summary(self) -> str:
        return self.schema_name


class ComCreateDb(SchemaCommand, frozen=True):
    """COM_CREATE_DB, of servers before 5.7."""

    code = com.COM_CREATE_DB


class ComDropDb(SchemaCommand, frozen=True):
    """COM_DROP_DB, of servers before 5.7."""

    code = com.COM_DROP_DB


class ComFieldList(Record, frozen=True):
    """COM_FIELD_LIST: the columns of a table whose names fit a pattern."""

    table: str
    wildcard: str = ""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComFieldList", com.COM_FIELD_LIST)
        return cls(r.nul_text("table"), r.rest_text("wildcard"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_FIELD_LIST)
        w.nul(self.table)
        w.raw(self.wildcard)

    def summary(self) -> str:
        return f"columns of {self.table!r}" + (f" like {self.wildcard!r}" if self.wildcard else "")


class ComRefresh(Record, frozen=True):
    """COM_REFRESH: FLUSH, by the bits of `sub_command` (REFRESH_FLAGS)."""

    sub_command: int
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComRefresh", com.COM_REFRESH)
        return cls(r.u8("sub_command"), r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_REFRESH)
        w.u8(self.sub_command)
        w.raw(self.ignored)

    def summary(self) -> str:
        names = [name for bit, name in REFRESH_FLAGS.items() if self.sub_command & bit]
        return ", ".join(names) or "refreshes nothing"


class ComShutdown(Record, frozen=True):
    """COM_SHUTDOWN, of servers before MySQL 5.7.9, and of MariaDB. Old clients send no type."""

    shutdown_type: int | None = None
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComShutdown", com.COM_SHUTDOWN)
        return cls(r.u8("shutdown_type") if r.left else None, r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_SHUTDOWN)
        if self.shutdown_type is not None:
            w.u8(self.shutdown_type)
            w.raw(self.ignored)

    def summary(self) -> str:
        kind = self.shutdown_type or 0
        return SHUTDOWN_TYPES.get(kind, f"shutdown type {kind}")


class ComProcessKill(Record, frozen=True):
    """COM_PROCESS_KILL: KILL of another connection."""

    connection_id: int
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComProcessKill", com.COM_PROCESS_KILL)
        return cls(r.uint("connection_id", 4), r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_PROCESS_KILL)
        w.uint(self.connection_id, 4)
        w.raw(self.ignored)

    def summary(self) -> str:
        return f"connection {self.connection_id}"


class ComSetOption(Record, frozen=True):
    """COM_SET_OPTION: multi statements on or off."""

    operation: int
    ignored: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComSetOption", com.COM_SET_OPTION)
        return cls(r.uint("operation", 2), r.rest("ignored"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_SET_OPTION)
        w.uint(self.operation, 2)
        w.raw(self.ignored)

    def summary(self) -> str:
        return OPTIONS.get(self.operation, f"option {self.operation}")
