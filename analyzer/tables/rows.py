"""Connections, commands and captures as rows of their tables: column by column, straight from the records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import Connection, Source
from analyzer.capture.places import FileIdentity
from analyzer.tables.arrays import Values, address_keys, record_batch
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import ATTRIBUTES, CAPTURES, COMMANDS, CONNECTIONS, FINDINGS, STEPS, TableSchema

if TYPE_CHECKING:
    import pyarrow

# Batches of rows, by the names of their tables.
Batches = dict[str, "pyarrow.RecordBatch"]

OF_CONNECTIONS = frozenset({CONNECTIONS.name, FINDINGS.name, STEPS.name, ATTRIBUTES.name})


def connection_rows(connections: Sequence[Connection], wanted: Collection[str]) -> Batches:
    """The rows of connections in those of the tables that are wanted; a table without rows is left out."""
    if not connections:
        return {}
    found: Batches = {}
    gathered = Gathered(connections)
    if CONNECTIONS.name in wanted:
        found[CONNECTIONS.name] = _whole(CONNECTIONS, gathered)
    if FINDINGS.name in wanted:
        _add_items(found, FINDINGS, connections, gathered.values("findings"))
    if STEPS.name in wanted:
        _add_items(found, STEPS, connections, gathered.values("authentication.steps"))
    if ATTRIBUTES.name in wanted:
        _add_attributes(found, connections, gathered.values("login.attributes"))
    return found


def command_rows(commands: Sequence[Command]) -> Batches:
    """The rows of commands."""
    return {COMMANDS.name: _whole(COMMANDS, Gathered(commands))} if commands else {}


def capture_row(source: Source, files: Sequence[FileIdentity], parts: Sequence[str]) -> pyarrow.RecordBatch:
    """The one row of a capture that was read."""
    gathered = Gathered([source])
    values: dict[str, Values] = {
        column.name: gathered.values(column.path) for column in CAPTURES.columns if column.path
    }
    values |= {"capture": [source.name], "files": [[file._asdict() for file in files]], "parts": [list(parts)]}
    return record_batch(CAPTURES.columns, values)


def _whole(table: TableSchema, gathered: Gathered) -> pyarrow.RecordBatch:
    values: dict[str, Values] = {}
    for column in table.columns:
        if column.path:
            values[column.name] = gathered.values(column.path)
        else:  # client_address_key
            values[column.name] = address_keys(values[column.name.removesuffix("_key")])
    return record_batch(table.columns, values)


def _add_items(found: Batches, table: TableSchema, connections: Sequence[Connection], lists: Values) -> None:
    """A row for each item of a list that connections have: with the connection's key, and its own number."""
    owners: list[Connection] = []
    numbers: list[int] = []
    items: list[Any] = []
    for connection, several in zip(connections, lists, strict=True):
        if several:
            owners += [connection] * len(several)
            numbers += range(len(several))
            items += several
    if items:
        whose, own = Gathered(owners), Gathered(items)
        values: dict[str, Values] = {"number": numbers}
        for column in table.columns:
            if column.path:
                values[column.name] = (whose if column.path in _OWNERS else own).values(column.path)
        found[table.name] = record_batch(table.columns, values)


_OWNERS = ("capture", "stream", "start_time_ns")


def _add_attributes(found: Batches, connections: Sequence[Connection], lists: Values) -> None:
    owners: list[Connection] = []
    values: dict[str, Values] = {}
    names: list[str] = []
    texts: list[str] = []
    for connection, attributes in zip(connections, lists, strict=True):
        if attributes:
            owners += [connection] * len(attributes)
            names += attributes.keys()
            texts += attributes.values()
    if owners:
        whose = Gathered(owners)
        values = {path: whose.values(path) for path in _OWNERS}
        found[ATTRIBUTES.name] = record_batch(ATTRIBUTES.columns, {**values, "name": names, "value": texts})
