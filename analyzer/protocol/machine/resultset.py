"""Definitions, rows and binlog events, for those who want to see them (`decode_rows`).

Without that flag each of them is `Data`, told by its place alone, and nothing here costs anything. With it the machine
keeps the definitions of the result set that comes, and those of prepared statements, within bounds: of what is over
them, rows stay `Data`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from analyzer.errors import DecodeError
from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.columns import Columns
from analyzer.protocol.context import Context
from analyzer.protocol.machine.connection_state import AwaitedCommand, Moves
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.base import Record, malformed
from analyzer.protocol.records.binlog.event import BinlogEvent, after
from analyzer.protocol.records.response import ColumnCount, Data, Statistics
from analyzer.protocol.records.resultset import (
    BinaryRow,
    ColumnDefinition41,
    ColumnDefinition320,
    TextRow,
    shows_extended,
)
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41, MARIADB_CLIENT_EXTENDED_METADATA
from analyzer.protocol.wire.reader import TracingReader

# Servers allow 4,096 columns; a definition is some hundred bytes.
MOST_COLUMNS: Final = 4096
MOST_BYTES: Final = 4 << 20  # of the definitions of one result, as they stand on the wire
# Definitions that prepared statements hold, all of them together.
MOST_KEPT: Final = 1 << 16
MOST_KEPT_BYTES: Final = 16 << 20

# Records that are made only where somebody looks: whether one of them is broken must not change what is known.
LOOKED_AT: Final = frozenset(
    {"ColumnDefinition41", "ColumnDefinition320", "TextRow", "BinaryRow", "BinlogEvent", "Statistics"}
)

_BINARY: Final = frozenset({com.COM_STMT_EXECUTE, com.COM_STMT_BULK_EXECUTE, com.COM_STMT_FETCH})
_DUMPS: Final = frozenset({com.COM_BINLOG_DUMP, com.COM_BINLOG_DUMP_GTID})


class Results(Moves):
    """What the machine does with the parts of a result when somebody looks at them."""

    @property
    def binary_rows(self) -> bool:
        """Whether the rows of the current command are of the binary protocol."""
        return self.command is not None and self.command.code in _BINARY

    @property
    def _statement(self) -> PreparedStatement | None:
        return self.command.statement if self.command is not None else None

    def _await(self, command: AwaitedCommand) -> None:
        Moves._await(self, command)
        if not self.decode_rows:
            return
        if command.code == com.COM_STMT_FETCH:
            # Answered with rows alone: their definitions came with the execute.
            self.context.columns = command.statement.columns if command.statement is not None else ()
        elif command.code in _DUMPS:
            self.context.binlog = None

    def _begin_result(self, head: ColumnCount) -> None:
        """A result set begins; where its definitions are left out, they are those sent before."""
        self.context.columns = ()
        if not self.decode_rows:
            return
        self._begin_definitions()
        statement = self._statement
        if head.metadata_follows == 0 and statement is not None and len(statement.columns) == head.column_count:
            self.context.columns = statement.columns

    def _begin_definitions(self) -> None:
        self.definitions = []
        self.definition_bytes = 0

    def _definition(self, payload: bytes, length: int, kind: str) -> Record:
        """A column definition of any response."""
        if not self.decode_rows:
            return Data(kind, payload)
        if length > len(payload):
            self.definition_bytes += MOST_BYTES  # not whole: none of the rows can be read
            return Data(kind, payload)
        context = self.context
        if not context.in_force & CLIENT_PROTOCOL_41:
            record = _decoded(ColumnDefinition320, payload, context)
        else:
            if context.assumed and not context.worked_out & MARIADB_CLIENT_EXTENDED_METADATA:
                self._extended_shows(payload)
            record = _decoded(ColumnDefinition41, payload, context)
        self.definition_bytes += len(payload)
        if isinstance(record, ColumnDefinition41 | ColumnDefinition320):
            if len(self.definitions) < MOST_COLUMNS and self.definition_bytes <= MOST_BYTES:
                self.definitions.append(record.column)
        else:
            self.definition_bytes += MOST_BYTES
        return record

    def _extended_shows(self, payload: bytes) -> None:
        """Whether MARIADB_CLIENT_EXTENDED_METADATA is in force shows itself in the first definition."""
        with suppress(DecodeError):
            found = shows_extended(payload)
            if found is not None:
                self.context.found(MARIADB_CLIENT_EXTENDED_METADATA, found)

    def _definitions_done(self, count: int, *, parameters: bool = False) -> None:
        """All `count` definitions of a list have come; rows are read with them if all of them are known."""
        if not self.decode_rows:
            return
        size = self.definition_bytes
        whole = len(self.definitions) == count and size <= MOST_BYTES
        definitions = tuple(self.definitions) if whole else ()
        self._begin_definitions()
        statement = self._statement
        if parameters:
            if statement is not None and self._may_keep(definitions, statement.parameters, size):
                statement.parameters = definitions
            return
        if self.command is None or self.command.code != com.COM_STMT_PREPARE:
            self.context.columns = definitions
        # A CALL may give results of other columns than those it was prepared with.
        if statement is None or (statement.columns and len(statement.columns) != count):
            return
        if self._may_keep(definitions, statement.columns, size):
            statement.columns = definitions

    def _may_keep(self, definitions: Columns, before: Columns, size: int) -> bool:
        """Whether a statement is to hold these definitions in place of those before.

        When all statements together hold too many, all are forgotten: most come again with the next execute.
        """
        if definitions == before:
            return False
        if self.kept_columns + len(definitions) > MOST_KEPT or self.kept_bytes + size > MOST_KEPT_BYTES:
            self.kept_columns = self.kept_bytes = 0
            if self.statements is not None:
                self.statements.forget_definitions()
        self.kept_columns += len(definitions)
        self.kept_bytes += size
        return True

    def _row_record(self, payload: bytes, length: int) -> Record:
        """A row of the current result set."""
        context = self.context
        if not self.decode_rows or length > len(payload):
            return Data("row", payload)
        if not self.binary_rows:
            return _decoded(TextRow, payload, context)
        # Without the definitions nobody knows where a value ends.
        return _decoded(BinaryRow, payload, context) if context.columns else Data("row", payload)

    def _statistics_record(self, payload: bytes, length: int) -> Record:
        if not self.decode_rows or length > len(payload):
            return Data("statistics", payload)
        return _decoded(Statistics, payload, self.context)

    def _event(self, payload: bytes, length: int) -> Record:
        """An event of a binlog dump; what other commands stream is nothing known here."""
        command = self.command
        if not self.decode_rows or length > len(payload) or command is None or command.code not in _DUMPS:
            return Data("event", payload)
        record = _decoded(BinlogEvent, payload, self.context)
        if isinstance(record, BinlogEvent):
            self.context.binlog = after(self.context.binlog or BinlogStream(), record.event)
        return record


def _decoded(kind: type[Record], payload: bytes, context: Context) -> Record:
    """The record, or what is broken in it: its place in the response is right all the same."""
    try:
        return kind.from_bytes(payload, context)
    except DecodeError as found:
        error = found
    reader = TracingReader(payload, kind.__name__)
    with suppress(DecodeError):
        kind.decode(reader, context)
    return malformed(kind.__name__, error, payload, reader)
