"""Commands and their responses, over a connection that is logged in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzer.errors import DecodeError, ProtocolError, ServerError
from analyzer.protocol import commands as com
from analyzer.protocol import state as st
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
)
from analyzer.protocol.machine import AnyRecord
from analyzer.protocol.reader import Reader
from analyzer.protocol.records.authentication import AuthResponse
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.command import ComChangeUser, ComInitDb, ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import Attributes
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest, StmtPrepareOK
from analyzer.protocol.records.resultset import (
    BINARY_CHARSET,
    ColumnDefinition41,
    ColumnDefinition320,
    TextRow,
    decode_binary_row,
)
from analyzer.protocol.records.statement import ComStmtClose, ComStmtExecute
from live_client import faults
from live_client.authentication import Authentication
from live_client.channel import Channel
from live_client.listener import Listener
from live_client.options import Options
from live_client.striking import Strike
from live_client.truth import Known

Columns = Sequence[ColumnDefinition41 | ColumnDefinition320]


@dataclass
class Result:
    """One result of a statement. `columns` is empty where it has no rows to give. NULL is None."""

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    affected_rows: int = 0
    last_insert_id: int = 0
    warnings: int = 0
    info: str | None = None


def shown(value: bytes | None, binary: bool) -> str | None:
    """A value as text; bytes of a binary column that are none as 0x and digits."""
    if value is None:
        return None
    text = value.decode("utf-8", "backslashreplace")
    # Numbers are of the binary character set too: it is the bytes that decide.
    return "0x" + value.hex() if binary and not text.isprintable() else text


class Statements:
    """Sends commands and takes their whole responses. Raises ServerError for an error of the server."""

    def __init__(self, channel: Channel, options: Options, listener: Listener, known: Known, strike: Strike) -> None:
        self._channel = channel
        self._options = options
        self._listener = listener
        self._known = known
        self._strike = strike

    def command(self, code: int, record: Record) -> None:
        """Sends a command."""
        channel, strike = self._channel, self._strike
        strike.wire(faults.COMMAND, channel)
        self._known.commands[code] += 1
        channel.send(record, 0)
        strike.at(faults.COMMAND_SENT, channel)

    # -- statements -------------------------------------------------------------------------------------------------

    def query(self, sql: str) -> list[Result]:
        """The results of a statement, one or more."""
        self._listener.step(f"statement: {sql}")
        # Both counts stand in front where query attributes were agreed on, without any too.
        with_attributes = self._channel.machine.context.in_force & CLIENT_QUERY_ATTRIBUTES
        self.command(com.COM_QUERY, ComQuery(sql, 0, 1) if with_attributes else ComQuery(sql))
        return self._results(binary=False)

    def prepare(self, sql: str) -> list[Result]:
        """Prepares a statement, executes it if it has no parameters, closes it."""
        self._listener.step(f"prepare: {sql}")
        channel = self._channel
        self.command(com.COM_STMT_PREPARE, ComStmtPrepare(sql))
        prepared = self._next()
        if not isinstance(prepared, StmtPrepareOK):
            raise ProtocolError(f"a {type(prepared).__name__} in place of the answer to COM_STMT_PREPARE")
        columns = []
        while channel.machine.finished is None:
            definition = self._next()
            if isinstance(definition, Data) and definition.kind == "column":
                columns.append(self._column(definition.data))
        results = []
        if prepared.num_params:
            self._listener.step(f"the statement has {prepared.num_params} parameters: it is not executed")
        else:
            execute = ComStmtExecute.without_parameters(prepared.statement_id, channel.machine.context)
            self._listener.step(f"execute statement {prepared.statement_id}")
            self.command(com.COM_STMT_EXECUTE, execute)
            # MariaDB leaves definitions out that it has sent with the prepare (MARIADB_CLIENT_CACHE_METADATA).
            results = self._results(binary=True, prepared=columns)
        self.command(com.COM_STMT_CLOSE, ComStmtClose(prepared.statement_id))
        return results

    def _next(self) -> AnyRecord:
        record = self._channel.receive()
        if isinstance(record, ErrPacket):
            self._listener.step(f"the server says: {record.summary()}")
            raise ServerError(record.error_code, record.sql_state, record.error_message)
        return record

    def _results(self, *, binary: bool, prepared: Columns = ()) -> list[Result]:
        machine = self._channel.machine
        results: list[Result] = []
        columns: list[ColumnDefinition41 | ColumnDefinition320] = []
        result = Result()
        while machine.finished is None:
            record = self._next()
            if isinstance(record, ColumnCount):
                columns = list(prepared) if record.metadata_follows == 0 else []
                result.columns = [column.name for column in columns]
            elif isinstance(record, LocalInfileRequest):
                self._listener.step(f"the server asks for the file {record.filename!r}: it gets none")
                self._channel.send(AuthResponse(b""))
            elif isinstance(record, Data) and record.kind == "column":
                columns.append(self._column(record.data))
                result.columns.append(columns[-1].name)
            elif isinstance(record, Data) and record.kind == "row":
                result.rows.append(self._row(record.data, columns, binary))
            elif isinstance(record, EOFPacket) and machine.state == st.ROWS and machine.finished is None:
                continue
            elif isinstance(record, OKPacket | EOFPacket):
                self._close(result, record)
                results.append(result)
                result = Result()
        return results

    def _close(self, result: Result, record: OKPacket | EOFPacket) -> None:
        result.warnings = record.warnings or 0
        if isinstance(record, OKPacket):
            result.affected_rows = record.affected_rows
            result.last_insert_id = record.last_insert_id
            result.info = record.info
        what = f"{len(result.rows)} rows" if result.columns else f"OK, {result.affected_rows} rows affected"
        self._listener.step(f"{what}{f', {result.warnings} warnings' if result.warnings else ''}")

    def _column(self, data: bytes) -> ColumnDefinition41 | ColumnDefinition320:
        if self._channel.machine.context.in_force & CLIENT_PROTOCOL_41:
            return self._channel.decode(ColumnDefinition41, data)
        return self._channel.decode(ColumnDefinition320, data)

    def _row(self, data: bytes, columns: Columns, binary: bool) -> tuple[str | None, ...]:
        definitions = tuple(columns)
        if binary:
            known = tuple(column for column in definitions if isinstance(column, ColumnDefinition41))
            try:
                values = decode_binary_row(Reader(data), known)
            except DecodeError as error:
                raise self._channel.broken(error) from error
        else:
            values = self._channel.decode(TextRow, data).values
        if len(values) != len(definitions):
            raise ProtocolError(f"a row of {len(values)} values where {len(definitions)} columns were announced")
        raw = [getattr(column, "character_set", 0) == BINARY_CHARSET for column in definitions]
        return tuple(shown(value, is_raw) for value, is_raw in zip(values, raw, strict=True))

    # -- the rest ---------------------------------------------------------------------------------------------------

    def simple(self, code: int, name: str) -> OKPacket | EOFPacket:
        """A command without arguments that is answered with OK: ping, reset."""
        self._listener.step(name)
        self.command(code, ComOther(code, b""))
        return self._verdict()

    def use(self, database: str) -> None:
        """Another default database (COM_INIT_DB)."""
        self._listener.step(f"database {database}")
        self.command(com.COM_INIT_DB, ComInitDb(database))
        self._verdict()

    def _verdict(self) -> OKPacket | EOFPacket:
        record = self._next()
        if not isinstance(record, OKPacket | EOFPacket):
            raise ProtocolError(f"a {type(record).__name__} where OK or an error is due")
        self._listener.step("OK")
        return record

    def change_user(self, options: Options, attributes: Attributes) -> None:
        """Logs in again over the same connection (COM_CHANGE_USER), as `options` say."""
        channel = self._channel
        context = channel.machine.context
        self._listener.step(f"change user to {options.user!r}")
        # The greeting's default is what the server's own account most likely has.
        greeting = self._known.greeting
        name = options.default_auth or (greeting.auth_plugin_name if isinstance(greeting, HandshakeV10) else None)
        if name not in PLUGINS or not context.in_force & CLIENT_PLUGIN_AUTH:
            name = "mysql_native_password"
        # What this exchange does is not what the login did.
        run = Authentication(channel, options, self._listener, Known(), self._strike)
        record = ComChangeUser(
            options.user,
            run.begin(name, context.nonce),
            bool(context.in_force & CLIENT_SECURE_CONNECTION),
            options.database or "",
            options.collation or (45 if context.mariadb else 255),
            name if context.in_force & CLIENT_PLUGIN_AUTH else None,
            attributes if context.in_force & CLIENT_CONNECT_ATTRS else None,
        )
        self.command(com.COM_CHANGE_USER, record)
        run.verdict()
        self._listener.step(f"the server accepts the user {options.user!r}")

    def quit(self) -> None:
        self._listener.step("quit")
        self.command(com.COM_QUIT, ComOther(com.COM_QUIT, b""))
