"""A file of DuckDB or of SQLite as a store: what a capture brings is one transaction."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

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
        self._path, self._errors = path, duckdb.Error
        with _told_of(path, duckdb.Error):
            with _creating(private):
                self.connection = duckdb.connect(path)
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
        return DuckDBWriter(self._path, self.connection, key, self._errors)

    def close(self) -> None:
        self.connection.close()

    def abandon(self, error: BaseException) -> None:
        self.connection.close()


class DatabaseWriter:
    """The rows of a capture, in one transaction. Raises StoreError where they can not be written."""

    begin: ClassVar[str] = "BEGIN"
    known: ClassVar[str]  # asks for the captures of a key

    def __init__(self, path: str, connection: Any, key: str, errors: type[Exception]) -> None:
        self._path = path
        self._connection = connection
        self._key = key
        self._errors = errors
        with self._telling():
            connection.execute(self.begin)
            for (name,) in connection.execute(self.known, [self.told(key)]).fetchall():
                for table in TABLES:
                    connection.execute(f'DELETE FROM "{table}" WHERE capture = ?', [name])

    def told(self, key: str) -> str:
        """A key as it is asked for."""
        return key

    def write(self, rows: Batches) -> None:
        with self._telling():
            for name, batch in rows.items():
                self.insert(name, batch)

    def insert(self, name: str, batch: pyarrow.RecordBatch) -> None:
        raise NotImplementedError

    def commit(self, source: Source, files: Files) -> None:
        with self._telling():
            self.insert(CAPTURES.name, capture_row(source, files, [self._key]))
            self._connection.execute("COMMIT")

    def give_up(self) -> None:
        with contextlib.suppress(self._errors):  # what failed may have ended the transaction
            self._connection.execute("ROLLBACK")

    def _telling(self) -> contextlib.AbstractContextManager[None]:
        return _told_of(self._path, self._errors)


class DuckDBWriter(DatabaseWriter):
    known = "SELECT capture FROM captures WHERE list_contains(parts, ?)"

    def insert(self, name: str, batch: pyarrow.RecordBatch) -> None:
        self._connection.register("rows_to_add", arrow("a table").Table.from_batches([batch]))
        self._connection.execute(f'INSERT INTO "{name}" SELECT * FROM rows_to_add')
        self._connection.unregister("rows_to_add")


class SQLiteStore:
    """A SQLite file with a table for each of ours: times are integer nanoseconds, lists and structs JSON texts."""

    def __init__(self, path: str, private: bool) -> None:
        arrow(f"writing {path}")
        self._path = path
        with _told_of(path, sqlite3.Error):
            with _creating(private):
                self.connection = sqlite3.connect(path, isolation_level=None)
                self.connection.execute("PRAGMA journal_mode")
            for table in TABLES.values():
                columns = ", ".join(f'"{column.name}" {_sqlite_type(column)}' for column in table.columns)
                self.connection.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})')
            self.connection.execute('CREATE INDEX IF NOT EXISTS "captures_parts" ON "captures" ("parts")')

    def files(self, key: str) -> list[FileIdentity] | None:
        import json

        row = self.connection.execute("SELECT files FROM captures WHERE parts = ?", [json_text([key])]).fetchone()
        return None if row is None else identities(json.loads(row[0]))

    def writer(self, key: str) -> CaptureWriter:
        return SQLiteWriter(self._path, self.connection, key, sqlite3.Error)

    def close(self) -> None:
        self.connection.close()

    def abandon(self, error: BaseException) -> None:
        self.connection.close()


class SQLiteWriter(DatabaseWriter):
    begin = "BEGIN IMMEDIATE"
    known = "SELECT capture FROM captures WHERE parts = ?"

    def told(self, key: str) -> str:
        return json_text([key])

    def insert(self, name: str, batch: pyarrow.RecordBatch) -> None:
        marks = ", ".join("?" * batch.num_columns)
        self._connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', _sqlite_rows(batch))


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
def _told_of(path: str, errors: type[Exception]) -> Iterator[None]:
    """What a library says of a file is said with its name. Raises StoreError."""
    try:
        yield
    except errors as error:
        raise StoreError(f"{path}: {error}") from None


@contextlib.contextmanager
def _creating(private: bool) -> Iterator[None]:
    """A new file that may hold secrets is readable by its owner alone."""
    before = os.umask(0o077) if private else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)
