"""Connections, commands and captures as rows of their tables: column by column, straight from the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import Connection, Source
from analyzer.capture.places import FileIdentity
from analyzer.tables.arrays import Values, address_keys, array_of, places_array, record_batch
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import (
    ATTRIBUTES,
    CAPTURES,
    COMMANDS,
    CONNECTIONS,
    FINDINGS,
    STEPS,
    TABLES,
    TableColumn,
    TableSchema,
)

if TYPE_CHECKING:
    import pyarrow

# Batches of rows, by the names of their tables.
Batches = dict[str, "pyarrow.RecordBatch"]

# The columns that are made, by the names of their tables.
Wanted = Mapping[str, frozenset[str]]

OF_CONNECTIONS = frozenset({CONNECTIONS.name, FINDINGS.name, STEPS.name, ATTRIBUTES.name})


def everything(tables: Iterable[str]) -> Wanted:
    """All columns of tables."""
    return {name: frozenset(column.name for column in TABLES[name].columns) for name in tables}


def connection_rows(connections: Sequence[Connection], wanted: Wanted) -> Batches:
    """The rows of connections, as far as they are wanted; a table without rows is left out."""
    if not connections:
        return {}
    found: Batches = {}
    gathered = Gathered(connections)
    if CONNECTIONS.name in wanted:
        found[CONNECTIONS.name] = _whole(CONNECTIONS, gathered, wanted[CONNECTIONS.name])
    if FINDINGS.name in wanted:
        _add_items(found, FINDINGS, gathered, gathered.values("findings"), wanted[FINDINGS.name])
    if STEPS.name in wanted:
        _add_items(found, STEPS, gathered, gathered.values("authentication.steps"), wanted[STEPS.name])
    if ATTRIBUTES.name in wanted:
        _add_attributes(found, gathered, gathered.values("login.attributes"), wanted[ATTRIBUTES.name])
    return found


def command_rows(commands: Sequence[Command], wanted: Wanted) -> Batches:
    """The rows of commands."""
    return {COMMANDS.name: _whole(COMMANDS, Gathered(commands), wanted[COMMANDS.name])} if commands else {}


def capture_row(source: Source, files: Sequence[FileIdentity], parts: Sequence[str]) -> pyarrow.RecordBatch:
    """The one row of a capture that was read."""
    gathered = Gathered([source])
    values: dict[str, Values] = {
        column.name: gathered.values(column.path) for column in CAPTURES.columns if column.path
    }
    values |= {"capture": [source.name], "files": [[file._asdict() for file in files]], "parts": [list(parts)]}
    return record_batch(CAPTURES.columns, values)


def _chosen(table: TableSchema, names: frozenset[str]) -> list[TableColumn]:
    return [column for column in table.columns if column.name in names]


def _whole(table: TableSchema, gathered: Gathered, names: frozenset[str]) -> pyarrow.RecordBatch:
    columns = _chosen(table, names)
    values: dict[str, Values] = {}
    for column in columns:
        if column.path:
            values[column.name] = gathered.values(column.path)
        else:  # client_address_key
            path = column.name.removesuffix("_address_key") + ".address"
            values[column.name] = address_keys(gathered.values(path))
    return record_batch(columns, values)


def _add_items(found: Batches, table: TableSchema, whose: Gathered, lists: Values, names: frozenset[str]) -> None:
    """A row for each item of a list that connections have: with the connection's key, and its own number."""
    owners: list[int] = []
    numbers: list[int] = []
    items: list[Any] = []
    for place, several in enumerate(lists):
        if several:
            owners += [place] * len(several)
            numbers += range(len(several))
            items += several
    if items:
        columns = _chosen(table, names)
        own = Gathered(items)
        values: dict[str, Values] = {"number": numbers}
        values |= {one.name: own.values(one.path) for one in columns if one.path and one.path not in _OWNERS}
        found[table.name] = record_batch(columns, values, _of_owners(columns, whose, owners))


_OWNERS = ("capture", "stream", "start_time_ns")


def _of_owners(columns: Sequence[TableColumn], whose: Gathered, owners: Sequence[int]) -> dict[str, pyarrow.Array]:
    """Columns that say of which connection each row is; `owners` are the connections' places."""
    places = places_array(owners)
    return {one.name: array_of(one.kind, whose.values(one.path)).take(places) for one in columns if one.path in _OWNERS}


def _add_attributes(found: Batches, whose: Gathered, lists: Values, wanted: frozenset[str]) -> None:
    owners: list[int] = []
    names: list[str] = []
    texts: list[str] = []
    for place, attributes in enumerate(lists):
        if attributes:
            owners += [place] * len(attributes)
            names += attributes
            texts += attributes.values()
    if owners:
        columns = _chosen(ATTRIBUTES, wanted)
        values = {"name": names, "value": texts}
        found[ATTRIBUTES.name] = record_batch(columns, values, _of_owners(columns, whose, owners))
