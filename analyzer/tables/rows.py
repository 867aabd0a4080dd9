"""Connections, commands and captures as rows of their tables: column by column, straight from the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from analyzer.analysis import Alike, Connection
from analyzer.analysis.model.connection import Endpoint, Source
from analyzer.capture.places import FileIdentity
from analyzer.tables.arrays import Values, array_of, record_batch
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import (
    ATTRIBUTES,
    CAPTURES,
    COMMANDS,
    CONNECTIONS,
    FINDINGS,
    INT,
    STEPS,
    TABLES,
    TableColumn,
    TableSchema,
)
from analyzer.tables.told_rows import Arrays, Shared, ToldRows, arrays_of
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


def connection_rows(told: Sequence[Connection | Alike], wanted: Wanted) -> Batches:
    """The rows of connections, as far as they are wanted; a table without rows is left out."""
    if not told:
        return {}
    rows = ToldRows(told)
    found: Batches = {}
    if CONNECTIONS.name in wanted:
        columns = _chosen(CONNECTIONS, wanted[CONNECTIONS.name])
        found[CONNECTIONS.name] = record_batch(columns, {}, rows.columns(columns))
    for table, items in ((FINDINGS, rows.findings), (STEPS, rows.steps), (ATTRIBUTES, rows.attributes)):
        if table.name not in wanted:
            continue
        columns = _chosen(table, wanted[table.name])
        sizes, arrays = items([one for one in columns if one.name not in ("number", *_OWNERS)])
        if any(sizes):
            arrays |= rows.of_owners([one for one in columns if one.path in _OWNERS], sizes)
            arrays["number"] = array_of(INT, [*chain.from_iterable(map(range, sizes))])
            found[table.name] = record_batch(columns, {}, arrays)
    return found


def command_rows(rows: Sequence[tuple[int, Row]], wanted: Wanted) -> Batches:
    """Commands, with their streams, as rows of their table."""
    if not rows:
        return {}
    streams, found = zip(*rows, strict=True)
    kinds, said, ends, *own = zip(*found, strict=True)
    columns = _chosen(COMMANDS, wanted[COMMANDS.name])
    values: dict[str, Values] = {"stream": streams, **dict(zip(OWN, own, strict=True))}
    alike = Shared(kinds)
    for name in _OF_RESPONSES:
        heads = [getattr(kind, name) for kind in alike.owners]
        if None in heads:
            pairs = zip(alike.each(heads), values[name], strict=True)
            values[name] = [None if head is None else value for head, value in pairs]
    of_said = [one for one in columns if one.path in EndSays._fields]
    of_ends = [one for one in columns if one.name.startswith(("client_", "server_"))]
    known = {*values, *(one.name for one in (*of_said, *of_ends))}
    rest = [one for one in columns if one.name not in known]
    arrays: Arrays = {}
    for several, shared, gather in (
        (of_said, Shared(said), Gathered),
        (of_ends, Shared(ends), _of_ends),
        (rest, alike, Gathered),
    ):
        arrays |= shared.taken(arrays_of(several, gather(shared.owners)))
    return {COMMANDS.name: record_batch(columns, values, arrays)}


def _of_ends(ends: Sequence[tuple[Endpoint, Endpoint]]) -> Gathered:
    client, server = zip(*ends, strict=True)
    return Gathered(ends, client=client, server=server)


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


_OF_RESPONSES = ("response_frame", "latency_ns", "duration_ns", "rows")
_OWNERS = ("capture", "stream", "start_time_ns")
