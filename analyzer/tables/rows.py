"""Connections, commands and captures as rows of their tables: column by column, straight from the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from analyzer.analysis import Alike, Connection
from analyzer.analysis.model.connection import Source
from analyzer.capture.places import FileIdentity
from analyzer.tables.arrays import RowsTaken, Values, address_keys, array_of, numbers_array, record_batch, texts_at
from analyzer.tables.finding_cells import FindingCells
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
from analyzer.tables.told_cells import ToldCells, numbered
from analyzer.tables.told_rows import Arrays, ToldRows
from analyzer.tables.turn_rows import NUMBERS, EndSays, TurnPart

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


def told_cells(wanted: Wanted) -> ToldCells:
    """What connections are added to whose rows `batches_of` makes."""
    return ToldCells(FindingCells() if FINDINGS.name in wanted else None)


def connection_rows(told: Iterable[Connection | Alike], wanted: Wanted) -> Batches:
    """The rows of connections, as far as they are wanted; a table without rows is left out."""
    cells = told_cells(wanted)
    for one in told:
        cells.add(one)
    return batches_of(cells, wanted)


def batches_of(cells: ToldCells | TurnPart, wanted: Wanted) -> Batches:
    """The rows of the connections that were added, or of commands."""
    if isinstance(cells, TurnPart):
        return command_rows(cells, wanted)
    if not cells.room:
        return {}
    rows = ToldRows(cells)
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
            if "number" in wanted[table.name]:
                arrays["number"] = numbers_array(numbered(sizes))
            found[table.name] = record_batch(columns, {}, arrays)
    return found


def command_rows(turns: TurnPart, wanted: Wanted) -> Batches:
    """Commands as rows of their table."""
    cells, addresses, bound = turns.cells, turns.addresses, turns.bound
    if not cells["stream"]:
        return {}
    servers = [address for address, _ in turns.servers]
    listed: dict[str, tuple[str, Values]] = {
        "statement": ("statement", turns.statements),
        "server_address": ("server", servers),
        "server_address_key": ("server", address_keys(servers)),
        "server_port": ("server", [port for _, port in turns.servers]),
    }
    kinds, said = Gathered(turns.kinds), Gathered(turns.said)
    rows = {name: RowsTaken(cells[name]) for name in ("kind", "said", "statement", "server")}
    arrays: Arrays = {}
    for column in (columns := _chosen(COMMANDS, wanted[COMMANDS.name])):
        name = column.name
        if name in NUMBERS:
            arrays[name] = numbers_array(cells[name], str(column.kind))
        elif name == "parameters":
            arrays[name] = array_of(column.kind, bound or [None] * len(cells["stream"]))
        elif name in ("client_address", "client_address_key"):  # there may be many
            words = addresses if name == "client_address" else address_keys(addresses)
            arrays[name] = texts_at(words, cells["client_address"])
        else:
            cell, values = listed.get(name) or (
                ("said", said.values(name)) if name in EndSays._fields else ("kind", kinds.values(column.path))
            )
            arrays[name] = rows[cell].column(column.kind, values)
    return {COMMANDS.name: record_batch(columns, {}, arrays)}


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


_OWNERS = ("capture", "stream", "start_time_ns")
