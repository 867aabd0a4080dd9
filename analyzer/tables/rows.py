"""Connections, commands and captures as rows of their tables: column by column, straight from the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.analysis.model.connection import Connection, Endpoint, Source
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
from analyzer.tables.turn_rows import OWN, EndSays, Row

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


def command_rows(rows: Sequence[tuple[int, Row]], wanted: Wanted) -> Batches:
    """Commands, with their streams, as rows of their table."""
    if not rows:
        return {}
    streams, found = zip(*rows, strict=True)
    kinds, said, ends, *own = zip(*found, strict=True)
    columns = _chosen(COMMANDS, wanted[COMMANDS.name])
    values: dict[str, Values] = {"stream": streams, **dict(zip(OWN, own, strict=True))}
    for name in _OF_RESPONSES:
        without = {id(kind) for kind in kinds if getattr(kind, name) is None}
        if without:
            pairs = zip(kinds, values[name], strict=True)
            values[name] = [None if id(kind) in without else value for kind, value in pairs]
    groups = {
        "said": [one for one in columns if one.path in EndSays._fields],
        "ends": [one for one in columns if one.name.startswith(("client_", "server_"))],
    }
    known = {*values, *(one.name for several in groups.values() for one in several)}
    arrays = _shared(groups["said"], said, Gathered)
    arrays |= _shared(groups["ends"], ends, _of_ends)
    arrays |= _shared([one for one in columns if one.name not in known], kinds, Gathered)
    return {COMMANDS.name: record_batch(columns, values, arrays)}


def _of_ends(ends: Sequence[tuple[Endpoint, Endpoint]]) -> Gathered:
    client, server = zip(*ends, strict=True)
    return Gathered(ends, client=client, server=server)


def _shared(
    columns: Sequence[TableColumn], owners: Sequence[Any], gather: Callable[[Sequence[Any]], Gathered]
) -> dict[str, pyarrow.Array]:
    """Columns of what rows have in common: made once for each owner, and taken by the rows."""
    if not columns:
        return {}
    distinct = {id(owner): owner for owner in owners}
    made = _arrays(columns, gather([*distinct.values()]))
    if len(distinct) == len(owners):
        return made
    numbers = dict(zip(distinct, range(len(distinct)), strict=True))
    places = places_array([numbers[id(owner)] for owner in owners])
    return {name: array.take(places) for name, array in made.items()}


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
    return record_batch(columns, {}, _arrays(columns, gathered))


def _arrays(columns: Sequence[TableColumn], gathered: Gathered) -> dict[str, pyarrow.Array]:
    found = {}
    for column in columns:
        if column.path:
            values = gathered.values(column.path)
        else:  # client_address_key
            path = column.name.removesuffix("_address_key") + ".address"
            values = address_keys(gathered.values(path))
        found[column.name] = array_of(column.kind, values)
    return found


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


_OF_RESPONSES = ("response_frame", "latency_ns", "duration_ns", "rows")
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
