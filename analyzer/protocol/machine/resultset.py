"""Definitions, rows and binlog events, for those who want to see them (`decode_rows`).

Without that flag each of them is `Data`, told by its place alone, and nothing here costs anything. With it the machine
keeps the definitions of the result set that comes, and those of prepared statements, within bounds: of what is over
them, rows stay `Data`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from analyzer.errors import DecodeError
from analyzer.protocol.columns import Columns
from analyzer.protocol.context import Context
from analyzer.protocol.machine.connection_state import DUMPS, ConnectionState
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.base import Record, malformed
from analyzer.protocol.records.commands.replication import SEMI_SYNC_MAGIC
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


def begin_result(c: ConnectionState, head: ColumnCount) -> None:
    """A result set begins; where its definitions are left out, they are those sent before."""
    c.context.columns = ()
    if not c.decode_rows:
        return
    c.result.begin_definitions()
    statement = c.statement
    if head.metadata_follows == 0 and statement is not None and len(statement.columns) == head.column_count:
        c.context.columns = statement.columns


def definition(c: ConnectionState, payload: bytes, length: int, kind: str) -> Record:
    """A column definition of any response."""
    if not c.decode_rows:
        return Data(kind, payload)
    if length > len(payload):
        c.result.definition_bytes += MOST_BYTES  # not whole: none of the rows can be read
        return Data(kind, payload)
    context = c.context
    form = definition_of(context)
    if form is ColumnDefinition41 and context.assumed and not context.worked_out & MARIADB_CLIENT_EXTENDED_METADATA:
        extended_shows(c, payload)
    record = decoded(form, payload, context)
    c.result.definition_bytes += len(payload)
    if isinstance(record, ColumnDefinition41 | ColumnDefinition320):
        if len(c.result.definitions) < MOST_COLUMNS and c.result.definition_bytes <= MOST_BYTES:
            c.result.definitions.append(record.column)
    else:
        c.result.definition_bytes += MOST_BYTES
    return record


def definition_of(context: Context) -> type[ColumnDefinition41 | ColumnDefinition320]:
    """The record of a column's definition."""
    return ColumnDefinition41 if context.in_force & CLIENT_PROTOCOL_41 else ColumnDefinition320


def extended_shows(c: ConnectionState, payload: bytes) -> None:
    """Whether MARIADB_CLIENT_EXTENDED_METADATA is in force shows itself in the first definition."""
    with suppress(DecodeError):
        found = shows_extended(payload)
        if found is not None:
            c.context.found(MARIADB_CLIENT_EXTENDED_METADATA, found)


def definitions_done(c: ConnectionState, count: int, *, parameters: bool = False) -> None:
    """All `count` definitions of a list have come; rows are read with them if all of them are known."""
    if not c.decode_rows:
        return
    size = c.result.definition_bytes
    whole = len(c.result.definitions) == count and size <= MOST_BYTES
    definitions = tuple(c.result.definitions) if whole else ()
    c.result.begin_definitions()
    statement = c.statement
    if parameters:
        if statement is not None and may_keep(c, definitions, statement.parameters, size):
            statement.parameters = definitions
        return
    if c.at.command is None or c.at.command.code != com.COM_STMT_PREPARE:
        c.context.columns = definitions
    if statement is not None:
        keep_columns(c, statement, definitions, count, size)


def keep_columns(c: ConnectionState, statement: PreparedStatement, definitions: Columns, count: int, size: int) -> None:
    """Has a statement hold the definitions of its results, which may be left out from here on: `count` of them, with
    `size` bytes; none where one of them is not known."""
    # A CALL may give results of other columns than those it was prepared with.
    if statement.columns and len(statement.columns) != count:
        return
    if may_keep(c, definitions, statement.columns, size):
        statement.columns = definitions


def may_keep(c: ConnectionState, definitions: Columns, before: Columns, size: int) -> bool:
    """Whether a statement is to hold these definitions in place of those before.

    When all statements together hold too many, all are forgotten: most come again with the next execute.
    """
    if definitions == before:
        return False
    if c.prepared.kept_columns + len(definitions) > MOST_KEPT or c.prepared.kept_bytes + size > MOST_KEPT_BYTES:
        c.prepared.kept_columns = c.prepared.kept_bytes = 0
        if c.prepared.statements is not None:
            c.prepared.statements.forget_definitions()
    c.prepared.kept_columns += len(definitions)
    c.prepared.kept_bytes += size
    return True


def row_record(c: ConnectionState, payload: bytes, length: int) -> Record:
    """A row of the current result set."""
    context = c.context
    if not c.decode_rows or length > len(payload):
        return Data("row", payload)
    if not c.binary_rows:
        return decoded(TextRow, payload, context)
    # Without the definitions nobody knows where a value ends.
    return decoded(BinaryRow, payload, context) if context.columns else Data("row", payload)


def statistics_record(c: ConnectionState, payload: bytes, length: int) -> Record:
    if not c.decode_rows or length > len(payload):
        return Data("statistics", payload)
    return decoded(Statistics, payload, c.context)


# Semi-synchronous replication: its magic, and that an acknowledgement is asked for.
_ASKS: Final = bytes([SEMI_SYNC_MAGIC, 1])


def binlog_event(c: ConnectionState, payload: bytes, length: int) -> Record:
    """An event of a binlog dump; what other commands stream is nothing known here."""
    command = c.at.command
    if command is None or command.code not in DUMPS:
        return Data("event", payload)
    c.at.streamed(asks=payload[1:3] == _ASKS)
    if not c.decode_rows or length > len(payload):
        return Data("event", payload)
    from analyzer.protocol.binlog_stream import BinlogStream
    from analyzer.protocol.records.binlog.event import BinlogEvent, after

    record = decoded(BinlogEvent, payload, c.context)
    if isinstance(record, BinlogEvent):
        c.context.binlog = after(c.context.binlog or BinlogStream(), record.event)
    return record


def decoded(kind: type[Record], payload: bytes, context: Context) -> Record:
    """The record, or what is broken in it: its place in the response is right all the same."""
    try:
        return kind.from_bytes(payload, context)
    except DecodeError as found:
        error = found
    reader = TracingReader(payload, kind.__name__)
    with suppress(DecodeError):
        kind.decode(reader, context)
    return malformed(kind.__name__, error, payload, reader)
