"""A file of DuckDB or of SQLite as a store: what a capture brings is one transaction."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from analyzer.analysis.model.connection import Source
from analyzer.capture.places import FileIdentity
from analyzer.errors import AnalyzerError
from analyzer.tables import schema
from analyzer.tables.arrays import LibraryMissing, arrow, arrow_schema, plain_columns
from analyzer.tables.rows import Batches, capture_row
from analyzer.tables.schema import CAPTURES, TABLES, TableColumn
from analyzer.tables.stores.single import json_text
from analyzer.tables.stores.store import CaptureWriter, Files, identities

if TYPE_CHECKING:
    import pyarrow

LARGEST: Final = (1 << 63) - 1
SQLITE_TYPES: Final = {schema.INT: "INTEGER", schema.UINT: "INTEGER", schema.BOOL: "INTEGER", schema.TIME: "INTEGER"}


class StoreError(AnalyzerError):
    """A database file that is none, or not one of these tables."""


def duckdb_module(what: str) -> Any:
    """duckdb. Raises LibraryMissing where it is not installed; `what` needs it."""
    try:
        import duckdb
    except ImportError:
        raise LibraryMissing(f"{what} needs duckdb: pip install 'handshark[sql]'") from None
    arrow(what)
    return duckdb


class DuckDBStore:
    """A DuckDB file with a table for each of ours."""

    def __init__(self, path: str, private: bool) -> None:
        duckdb = duckdb_module(f"writing {path}")
        try:
            with _creating(private):
                self.connection = duckdb.connect(path)
        except duckdb.Error as error:
            raise StoreError(f"{path}: {error}") from None
        self.connection.execute("SET TimeZone = 'UTC'")
        for table in TABLES.values():
            empty = arrow_schema(table).empty_table()
            self.connection.register("empty", empty)
            self.connection.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" AS SELECT * FROM empty')
            self.connection.unregister("empty")

    def files(self, key: str) -> list[FileIdentity] | None:
        row = self.connection.execute("SELECT files FROM captures WHERE list_contains(parts, ?)", [key]).fetchone()
        return None if row is None else identities(row[0])

    def writer(self, key: str) -> CaptureWriter:
        return _DuckDBWriter(self.connection, key)

    def close(self) -> None:
        self.connection.close()

    def abandon(self, error: BaseException) -> None:
        self.connection.close()


class _DuckDBWriter:
    def __init__(self, connection: Any, key: str) -> None:
        self._connection = connection
        self._key = key
        connection.execute("BEGIN")
        for (name,) in connection.execute(
            "SELECT capture FROM captures WHERE list_contains(parts, ?)", [key]
        ).fetchall():
            for table in TABLES:
                connection.execute(f'DELETE FROM "{table}" WHERE capture = ?', [name])

    def write(self, rows: Batches) -> None:
        for name, batch in rows.items():
            self._insert(name, batch)

    def _insert(self, name: str, batch: pyarrow.RecordBatch) -> None:
        self._connection.register("rows_to_add", arrow("a table").Table.from_batches([batch]))
        self._connection.execute(f'INSERT INTO "{name}" SELECT * FROM rows_to_add')
        self._connection.unregister("rows_to_add")

    def commit(self, source: Source, files: Files) -> None:
        self._insert(CAPTURES.name, capture_row(source, files, [self._key]))
        self._connection.execute("COMMIT")

    def give_up(self) -> None:
        self._connection.execute("ROLLBACK")


class SQLiteStore:
    """A SQLite file with a table for each of ours: times are integer nanoseconds, lists and structs JSON texts."""

    def __init__(self, path: str, private: bool) -> None:
        arrow(f"writing {path}")
        try:
            with _creating(private):
                self.connection = sqlite3.connect(path, isolation_level=None)
                self.connection.execute("PRAGMA journal_mode")
            for table in TABLES.values():
                columns = ", ".join(f'"{column.name}" {_sqlite_type(column)}' for column in table.columns)
                self.connection.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})')
            self.connection.execute('CREATE INDEX IF NOT EXISTS "captures_parts" ON "captures" ("parts")')
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from None

    def files(self, key: str) -> list[FileIdentity] | None:
        import json

        row = self.connection.execute("SELECT files FROM captures WHERE parts = ?", [json_text([key])]).fetchone()
        return None if row is None else identities(json.loads(row[0]))

    def writer(self, key: str) -> CaptureWriter:
        return _SQLiteWriter(self.connection, key)

    def close(self) -> None:
        self.connection.close()

    def abandon(self, error: BaseException) -> None:
        self.connection.close()


class _SQLiteWriter:
    def __init__(self, connection: sqlite3.Connection, key: str) -> None:
        self._connection = connection
        self._key = key
        connection.execute("BEGIN IMMEDIATE")
        known = connection.execute("SELECT capture FROM captures WHERE parts = ?", [json_text([key])]).fetchall()
        for (name,) in known:
            for table in TABLES:
                connection.execute(f'DELETE FROM "{table}" WHERE capture = ?', [name])

    def write(self, rows: Batches) -> None:
        for name, batch in rows.items():
            self._insert(name, batch)

    def _insert(self, name: str, batch: pyarrow.RecordBatch) -> None:
        marks = ", ".join("?" * batch.num_columns)
        self._connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', _sqlite_rows(batch))

    def commit(self, source: Source, files: Files) -> None:
        self._insert(CAPTURES.name, capture_row(source, files, [self._key]))
        self._connection.execute("COMMIT")

    def give_up(self) -> None:
        self._connection.execute("ROLLBACK")


def _sqlite_type(column: TableColumn) -> str:
    return SQLITE_TYPES.get(column.kind, "TEXT") if isinstance(column.kind, str) else "TEXT"


def _sqlite_rows(batch: pyarrow.RecordBatch) -> Iterator[tuple[Any, ...]]:
    columns = [[_sqlite_value(value) for value in column] for column in plain_columns(batch)]
    return zip(*columns, strict=True)


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, int) and value > LARGEST:
        return str(value)  # SQLite has no unsigned integers of 64 bits
    return value if value is None or isinstance(value, int | str) else json_text(value)


@contextlib.contextmanager
def _creating(private: bool) -> Iterator[None]:
    """A new file that may hold secrets is readable by its owner alone."""
    before = os.umask(0o077) if private else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)
