"""Commands and their responses, over a connection that is logged in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from analyzer.errors import ProtocolError, ServerError
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import AnyRecord
from analyzer.protocol.records.authentication import AuthResponse
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.admin import ComFieldList, ComQuit, ComStatistics
from analyzer.protocol.records.commands.local_infile import asks_for_file
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.table import COMMAND_RECORDS
from analyzer.protocol.records.commands.text import ComChangeUser, ComInitDb, ComQuery
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import Attributes
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest, Statistics, StmtPrepareOK
from analyzer.protocol.records.resultset import BinaryRow, ColumnDefinition41, ColumnDefinition320, TextRow
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_SECURE_CONNECTION,
    SERVER_STATUS_CURSOR_EXISTS,
    SERVER_STATUS_LAST_ROW_SENT,
)
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.protocol.wire.values import Bindable
from live_client import faults
from live_client.authentication import AuthenticationRun
from live_client.command_log import CommandLogEntry
from live_client.fault_injection import FaultInjector
from live_client.listener import Listener
from live_client.options import Options
from live_client.packet_channel import Channel
from live_client.results import Result, shown
from live_client.truth import SessionNotes

__all__ = ["CommandPhase", "Result", "shown"]

# Bytes of a file that go into one packet of LOCAL INFILE.
FILE_BLOCK: Final = 1 << 14
# Commands that servers do not answer, so that nothing is awaited.
SILENT: Final = st.UNANSWERED

Files = Mapping[str, bytes | Path]


class CommandPhase:
    """Sends commands and takes their whole responses. Raises ServerError for an error of the server."""

    def __init__(
        self, channel: Channel, options: Options, listener: Listener, known: SessionNotes, strike: FaultInjector
    ) -> None:
        self.channel = channel
        self.listener = listener
        self._options = options
        self._known = known
        self._strike = strike
        # How often the server has forgotten all prepared statements.
        self.epoch = 0
        # Rows and definitions come as records.
        channel.machine.decode_rows = True

    def command(self, code: int, record: Record, **what: Any) -> CommandLogEntry:
        """Sends a command. `what`: fields of the CommandLogEntry that the caller knows, for the truth."""
        channel, strike = self.channel, self._strike
        strike.wire(faults.COMMAND, channel)
        self._known.commands[code] += 1
        said = CommandLogEntry(code, **what)
        self._known.said.append(said)
        if code in SILENT:
            said.response = "none"
        channel.send(record, 0)
        strike.at(faults.COMMAND_SENT, channel)
        return said

    # -- statements -------------------------------------------------------------------------------------------------

    def query(
        self, sql: str, attributes: Mapping[str, Bindable] | None = None, files: Files | None = None
    ) -> list[Result]:
        """The results of a statement, one or more. `files` are those that LOCAL INFILE may send, by the name asked for.

        Query attributes go where both sides agreed on them, else nowhere.
        """
        return self.results(self._ask(sql, attributes), files=files)

    def _ask(self, sql: str, attributes: Mapping[str, Bindable] | None) -> CommandLogEntry:
        self.listener.step(f"statement: {sql}")
        named = [Parameter.of(value, name) for name, value in (attributes or {}).items()]
        record = ComQuery.of(sql, self.channel.machine.context, named)
        given = {each.name: each.value for each in record.attributes}
        return self.command(com.COM_QUERY, record, statement=sql, attributes=given)

    def next(self, said: CommandLogEntry) -> AnyRecord:
        """The next record of the response to `said`."""
        record = self.channel.receive()
        if isinstance(record, ErrPacket):
            self.listener.step(f"the server says: {record.summary()}")
            error = ServerError(record.error_code, record.sql_state, record.error_message)
            said.failed(error)
            raise error
        return record

    def results(self, said: CommandLogEntry, files: Files | None = None, columns: Sequence[str] = ()) -> list[Result]:
        """The whole response, one result or more. `columns` are the names where their definitions are left out."""
        results: list[Result] = []
        for result, ended in self._steps(said, files, columns):
            if ended:
                said.result(result)
                results.append(result)
        return results

    def rows(self, sql: str) -> Iterator[tuple[str | None, ...]]:
        """The rows of a statement one by one: none is kept, however many there are."""
        for result, ended in self.stream(sql):
            if not ended:
                yield result.rows[-1]

    def stream(
        self, sql: str, attributes: Mapping[str, Bindable] | None = None, files: Files | None = None
    ) -> Iterator[tuple[Result, bool]]:
        """A statement's results as they come: each with its last row alone, and whether this is its end."""
        said = self._ask(sql, attributes)
        for result, ended in self._steps(said, files, ()):
            yield result, ended
            if ended:
                said.result(result)
            else:
                result.hand_on()

    def _steps(
        self, said: CommandLogEntry, files: Files | None, columns: Sequence[str]
    ) -> Iterator[tuple[Result, bool]]:
        """Each row that comes, in the result that it belongs to, and each result's end."""
        machine = self.channel.machine
        result = Result(list(columns))
        while True:
            record = self.next(said)
            if isinstance(record, ColumnCount):
                left_out = record.metadata_follows == 0
                result.columns = [column.name for column in machine.context.columns] if left_out else []
            elif isinstance(record, LocalInfileRequest):
                said.response = "local_infile"
                self._send_file(said, record.filename, files or {})
            elif isinstance(record, ColumnDefinition41 | ColumnDefinition320):
                result.columns.append(record.name)
            elif isinstance(record, TextRow | BinaryRow | Data):
                result.add(record, machine.context.columns)
                yield result, False
            elif isinstance(record, OKPacket | EOFPacket) and (
                machine.state != st.ROWS or machine.finished is not None
            ):
                # In the middle of a result it is the EOF behind the definitions.
                self._end(result, record)
                over = machine.finished is not None
                yield result, True
                result = Result()
                if over:
                    return
            if machine.finished is not None:
                return

    def _end(self, result: Result, record: OKPacket | EOFPacket) -> None:
        result.close(record)
        flags = record.status_flags or 0
        result.cursor = bool(flags & SERVER_STATUS_CURSOR_EXISTS)
        result.last = bool(flags & SERVER_STATUS_LAST_ROW_SENT)
        self.listener.step(str(result))

    def _send_file(self, said: CommandLogEntry, name: str, files: Files) -> None:
        """The client's file; only one that the caller has named is ever sent, whatever the server asks for.

        Raises ProtocolError where the statement is none that loads a file.
        """
        if not asks_for_file((said.statement or "").encode("utf-8", ENCODING_ERRORS)):
            raise ProtocolError(
                f"the server asks for the file {name!r} in answer to what is no LOAD DATA LOCAL: refused. "
                "Take it for hostile, or for somebody in between"
            )
        content = files.get(name)
        if content is None:
            self.listener.step(f"the server asks for the file {name!r}: it gets none")
        else:
            data = content if isinstance(content, bytes) else content.read_bytes()
            self.listener.step(f"the server asks for the file {name!r}: {len(data)} bytes")
            for start in range(0, len(data), FILE_BLOCK):
                self.channel.send(AuthResponse(data[start : start + FILE_BLOCK]))
        self.channel.send(AuthResponse(b""))

    # -- the rest ---------------------------------------------------------------------------------------------------

    def simple(self, code: int, name: str, record: Record | None = None) -> OKPacket | EOFPacket:
        """A command that is answered with OK, EOF or an error; without arguments where no record is given."""
        self.listener.step(name)
        if code == com.COM_RESET_CONNECTION:
            self.epoch += 1
        said = self.command(code, record if record is not None else COMMAND_RECORDS[code]())
        return self.verdict(said)

    def use(self, database: str) -> None:
        """Another default database (COM_INIT_DB)."""
        self.listener.step(f"database {database}")
        self.verdict(self.command(com.COM_INIT_DB, ComInitDb(database)))

    def field_list(self, table: str, wildcard: str = "") -> list[str]:
        """The names of a table's columns (COM_FIELD_LIST)."""
        self.listener.step(f"columns of {table}")
        said = self.command(com.COM_FIELD_LIST, ComFieldList(table, wildcard))
        names = []
        while self.channel.machine.finished is None:
            record = self.next(said)
            if isinstance(record, ColumnDefinition41 | ColumnDefinition320):
                names.append(record.name)
        said.response, said.columns = ("resultset", len(names)) if names else (said.response, None)
        return names

    def statistics(self) -> str:
        """The server's own line about itself (COM_STATISTICS)."""
        self.listener.step("statistics")
        said = self.command(com.COM_STATISTICS, ComStatistics())
        record = self.next(said)
        if not isinstance(record, Statistics):
            raise ProtocolError(f"a {type(record).__name__} in place of the answer to COM_STATISTICS")
        said.response = "statistics"
        return record.message

    def rows_of(self, code: int, name: str) -> list[Result]:
        """A command without arguments that is answered with a result set: COM_PROCESS_INFO."""
        self.listener.step(name)
        return self.results(self.command(code, COMMAND_RECORDS[code]()))

    def verdict(self, said: CommandLogEntry) -> OKPacket | EOFPacket:
        record = self.next(said)
        if not isinstance(record, OKPacket | EOFPacket):
            raise ProtocolError(f"a {type(record).__name__} where OK or an error is due")
        self.listener.step("OK")
        if isinstance(record, OKPacket):
            said.response = "ok"
            said.affected_rows, said.last_insert_id = record.affected_rows, record.last_insert_id
        else:
            said.response = "eof"
        return record

    def prepared_ok(self, said: CommandLogEntry) -> StmtPrepareOK:
        """The answer to COM_STMT_PREPARE, and the definitions behind it."""
        head = self.next(said)
        if not isinstance(head, StmtPrepareOK):
            raise ProtocolError(f"a {type(head).__name__} in place of the answer to COM_STMT_PREPARE")
        while self.channel.machine.finished is None:
            self.next(said)
        said.response, said.columns = "prepare_ok", head.num_columns
        return head

    def change_user(self, options: Options, attributes: Attributes) -> None:
        """Logs in again over the same connection (COM_CHANGE_USER), as `options` say."""
        channel = self.channel
        context = channel.machine.context
        self.listener.step(f"change user to {options.user!r}")
        # The greeting's default is what the server's own account most likely has.
        greeting = self._known.greeting
        name = options.default_auth or (greeting.auth_plugin_name if isinstance(greeting, HandshakeV10) else None)
        if name not in PLUGINS or not context.in_force & CLIENT_PLUGIN_AUTH:
            name = "mysql_native_password"
        # What this exchange does is not what the login did.
        run = AuthenticationRun(channel, options, self.listener, SessionNotes(), self._strike)
        record = ComChangeUser(
            options.user,
            run.begin(name, context.nonce),
            bool(context.in_force & CLIENT_SECURE_CONNECTION),
            options.database or "",
            options.collation or (45 if context.mariadb else 255),
            name if context.in_force & CLIENT_PLUGIN_AUTH else None,
            attributes if context.in_force & CLIENT_CONNECT_ATTRS else None,
        )
        said = self.command(com.COM_CHANGE_USER, record)
        self.epoch += 1
        try:
            ok = run.verdict()
        except ServerError as error:
            said.failed(error)
            raise
        said.response = "ok"
        said.affected_rows, said.last_insert_id = ok.affected_rows, ok.last_insert_id
        self.listener.step(f"the server accepts the user {options.user!r}")

    def quit(self) -> None:
        self.listener.step("quit")
        self.command(com.COM_QUIT, ComQuit())
