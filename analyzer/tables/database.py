"""DuckDB over stores, files and captures: views named as the tables, of what a question needs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.connection.fleet import RULES
from analyzer.capture.places import filesystem, is_url, telling
from analyzer.engine.listener import RunListener
from analyzer.errors import AnalyzerError
from analyzer.tables.arrays import arrow_schema, plain_rows
from analyzer.tables.export import Exporter
from analyzer.tables.rows import Wanted, everything
from analyzer.tables.schema import CAPTURES, TABLES, TableSchema
from analyzer.tables.stores.database import duckdb_module
from analyzer.tables.stores.parquet import ParquetStore
from analyzer.tables.stores.store import ending_of

if TYPE_CHECKING:
    import pyarrow

# The optimizer that finds out which columns a query needs; the others would take tables without rows for granted.
COLUMNS_NEEDED: Final = "unused_columns"
# Reads captures into a folder, of tables those columns: whether one of them could not be read.
Elsewhere = Callable[[list[str], str, Wanted], bool]
COPY: Final = "a copy of stream %"
# Literals become ?, lists of them one, white space one space.
DIGEST: Final = r"""
CREATE OR REPLACE MACRO digest(statement) AS
trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(statement, '/\*.*?\*/', ' ', 'gs'),
    '''(?:[^''\\]|\\.|'''')*''|"(?:[^"\\]|\\.|"")*"', '?', 'g'),
    '\b(?:0x[0-9A-Fa-f]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\b', '?', 'g'),
    '\(\s*\?(?:\s*,\s*\?)+\s*\)', '(?, ...)', 'g'),
    '\s+', ' ', 'g'))
"""
# Connections that a capture does not hold a second time.
DISTINCT: Final = f"""
CREATE OR REPLACE VIEW distinct_connections AS
SELECT * FROM connections
WHERE NOT EXISTS (
    FROM findings
    WHERE findings.capture = connections.capture AND findings.stream = connections.stream
      AND code = 'seen-twice' AND evidence[1] LIKE '{COPY}'
)
"""


# Where statements come from outside: no files but the allowed ones, none for what does not fit into memory, no objects
# of this program by their names, one thread, and no way back.
CONFINED: Final = (
    *("memory_limit = '512MB'", "threads = 1", "temp_directory = ''", "secret_directory = ''"),
    *("python_enable_replacements = false", "enable_external_access = false", "lock_configuration = true"),
)


class SqlError(AnalyzerError):
    """A query that can not be run: why, in DuckDB's words."""


class Sources(NamedTuple):
    """What is asked: folders that `export` wrote, files of tables, and captures."""

    stores: list[str]
    files: list[str]
    captures: list[str]


def sources_of(names: Iterable[str]) -> Sources:
    """Which of the names are stores, which files of tables; all else are captures."""
    found = Sources([], [], [])
    for name in names:
        if ending_of(name):
            found.files.append(name)
        elif _is_store(name):
            found.stores.append(name)
        else:
            found.captures.append(name)
    return found


def _is_store(name: str) -> bool:
    if is_url(name):
        system, path = filesystem(name)
        with telling(name):
            return bool(system.isdir(f"{path.rstrip('/')}/{CAPTURES.name}"))
    return os.path.isdir(os.path.join(name, CAPTURES.name))


class Database:
    """A DuckDB in memory with a view for each table. What it reads on the way stands in a folder that goes with it.

    failed       whether a capture could not be read
    interrupted  whether Ctrl-C ended the reading of one
    """

    def __init__(self, confined_to: str | None = None) -> None:
        """confined_to: the caller's folder for what is read on the way; statements reach no file outside of it."""
        self._duckdb = duckdb_module("handshark sql")
        self.connection: Any = self._connected()
        self._folder = confined_to
        self._confined = confined_to is not None
        self.failed = False
        self.interrupted = False

    def close(self) -> None:
        self.connection.close()
        if self._folder is not None and not self._confined:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connected(self) -> Any:
        connection = self._duckdb.connect(config={"autoinstall_known_extensions": "false"})
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def _confine(self, connection: Any) -> None:
        """What comes now reaches nothing but the folder, and can not change that."""
        if self._confined:
            connection.execute("SET allowed_directories = $1", [[self._folder]])
            for setting in CONFINED:
                connection.execute(f"SET {setting}")

    def is_question(self, sql: str) -> bool:
        """Whether it is one SELECT, which changes nothing. Raises SqlError where it can not be understood."""
        with self._telling():
            statements = self._duckdb.extract_statements(sql)
        return len(statements) == 1 and statements[0].type == self._duckdb.StatementType.SELECT

    def needs(self, sql: str) -> Wanted:
        """The columns of the tables that a query reads. Raises SqlError where it can not be understood."""
        if not self.is_question(sql):
            return everything(TABLES)
        trial = self._connected()
        try:
            with self._telling():
                for table in TABLES.values():
                    _empty(trial, table)
                _additions(trial)
                names = [name for (name,) in trial.execute("SELECT name FROM duckdb_optimizers()").fetchall()]
                others = ",".join(name for name in names if name != COLUMNS_NEEDED)
                trial.execute(f"SET disabled_optimizers = '{others}'")
                self._confine(trial)
                trial.sql(sql)  # what is wrong with it is said now, in its own words
                plan = trial.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()[0][1]
        finally:
            trial.close()
        found: dict[str, frozenset[str]] = {}
        _scanned(msgspec.json.decode(plan), found)
        return found

    def read(
        self,
        names: Sources,
        wanted: Wanted,
        options: AnalysisOptions,
        jobs: int | None,
        listener: RunListener,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Makes the views over what the sources hold; captures are read now, as far as `wanted` says.

        elsewhere  reads captures into a folder instead of this process; returns whether one could not be read
        """
        parts: dict[str, list[str]] = {table: [] for table in TABLES}
        for store in names.stores:
            self._add_store(ParquetStore(store), parts)
        if names.captures and wanted:
            self._folder = self._folder or tempfile.mkdtemp(prefix="handshark-")
            passing = ParquetStore(self._folder)
            if elsewhere is not None:
                self.failed |= elsewhere(names.captures, self._folder, wanted)
            else:
                exporter = Exporter(passing, options, wanted, jobs, listener, places=not self._confined)
                exporter.export(names.captures, merge=False)
                self.failed |= exporter.run.failed
                self.interrupted |= exporter.run.interrupted
            self._add_store(passing, parts)
        with self._telling():
            attached = [self._attached(name, index) for index, name in enumerate(names.files)]
            for table in TABLES.values():
                self._view(table, parts[table.name], [one for each in attached for one in each.get(table.name, ())])
            _additions(self.connection)
            self._confine(self.connection)

    def _add_store(self, store: ParquetStore, parts: dict[str, list[str]]) -> None:
        if store.folder.system is not None:
            self.connection.register_filesystem(store.folder.system)
        for name in store.folder.names(CAPTURES.name):
            parts[CAPTURES.name].append(store.folder.url(name))
            for row in plain_rows(store.folder.read(name)):
                for part in row["parts"]:
                    parts[part.partition("/")[0]].append(store.folder.url(part))

    def _attached(self, name: str, index: int) -> dict[str, list[str]]:
        """The relations of a file, by the tables that they are."""
        ending = ending_of(name)
        quoted = name.replace("'", "''")
        if ending == ".duckdb":
            self.connection.execute(f"ATTACH '{quoted}' AS store{index} (READ_ONLY)")
            return {table: [f'store{index}."{table}"'] for table in TABLES}
        if ending == ".sqlite":
            return self._from_sqlite(name, index)
        relation = f"read_parquet('{quoted}')" if ending == ".parquet" else f"read_csv('{quoted}', header = true)"
        columns = {row[0] for row in self.connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
        for table in TABLES.values():
            if columns == {column.name for column in table.columns}:
                if ending == ".parquet":
                    return {table.name: [relation]}
                return {table.name: [_typed(table, f"read_csv('{quoted}', header = true, all_varchar = true)")]}
        raise SqlError(f"{name}: its columns are those of no table ({', '.join(TABLES)})")

    def _from_sqlite(self, name: str, index: int) -> dict[str, list[str]]:
        """DuckDB reads SQLite by an extension that it would have to fetch: so rows go through this program."""
        import sqlite3

        import pyarrow

        found: dict[str, list[str]] = {}
        source = sqlite3.connect(f"file:{name}?mode=ro", uri=True)
        try:
            for table in TABLES.values():
                rows = source.execute(f'SELECT * FROM "{table.name}"').fetchall()
                texts = [[None if cell is None else str(cell) for cell in row] for row in rows]
                columns = list(zip(*texts, strict=True)) or [()] * len(table.columns)
                arrays = [pyarrow.array(column, pyarrow.string()) for column in columns]
                known = f"sqlite{index}_{table.name}"
                self.connection.register(known, pyarrow.table(arrays, names=[column.name for column in table.columns]))
                found[table.name] = [_typed(table, known, "'1'")]
        except sqlite3.Error as error:
            raise SqlError(f"{name}: {error}") from None
        finally:
            source.close()
        return found

    def _view(self, table: TableSchema, parts: Sequence[str], relations: Sequence[str]) -> None:
        if not parts and not relations:
            _empty(self.connection, table)
            return
        several = list(relations)
        if parts:
            listed = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
            several.append(f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)")
        # What was read on the fly has only the columns that are asked for: the others are null.
        _empty(self.connection, table, f"no_{table.name}")
        union = " UNION ALL BY NAME ".join(f"SELECT * FROM {one}" for one in (f"no_{table.name}", *several))
        self.connection.execute(f'CREATE VIEW "{table.name}" AS {union}')

    def run(self, sql: str) -> pyarrow.RecordBatchReader | None:
        """The result of the last statement, batch by batch; None where it has none. Raises SqlError."""
        with self._telling():
            relation = None
            for statement in self._duckdb.extract_statements(sql):
                relation = self.connection.sql(statement.query)
            return None if relation is None else relation.to_arrow_reader(10_000)

    def _telling(self) -> _Telling:
        return _Telling(self._duckdb.Error)


class _Telling:
    """Makes DuckDB's errors ours."""

    def __init__(self, kind: type[Exception]) -> None:
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, self._kind):
            raise SqlError(str(error)) from None


def _empty(connection: Any, table: TableSchema, name: str = "") -> None:
    """A table without rows."""
    connection.register("nothing", arrow_schema(table).empty_table())
    connection.execute(f'CREATE TABLE "{name or table.name}" AS SELECT * FROM nothing')
    connection.unregister("nothing")


def _additions(connection: Any) -> None:
    """What queries may use beside the tables."""
    connection.execute(DIGEST)
    connection.execute(DISTINCT)
    columns = "target VARCHAR, apart VARCHAR, kind VARCHAR, value VARCHAR, why VARCHAR, source VARCHAR"
    connection.execute(f"CREATE TABLE upgrade_rules ({columns})")
    rows = [
        (rule.target, rule.apart, rule.kind, value, rule.why, rule.source) for rule in RULES for value in rule.values
    ]
    connection.executemany("INSERT INTO upgrade_rules VALUES (?, ?, ?, ?, ?, ?)", rows)


def _scanned(plan: Any, found: dict[str, frozenset[str]]) -> None:
    """The columns of each table that a plan reads."""
    for node in plan if isinstance(plan, list) else [plan]:
        about = node.get("extra_info", {})
        name = str(about.get("Table", "")).rpartition(".")[2]
        if name in TABLES:
            columns = about.get("Projections") or []
            columns = [columns] if isinstance(columns, str) else columns
            whole = [column.name for column in TABLES[name].columns]
            read = frozenset(columns) if "Projections" in about else frozenset(whole)
            found[name] = found.get(name, frozenset()) | (read or frozenset(whole[:1]))
        _scanned(node.get("children", []), found)


def _typed(table: TableSchema, relation: str, true: str = "'true'") -> str:
    """A relation of texts with the types of a table: lists and structs are JSON in it."""
    casts = []
    for column in table.columns:
        name = f'"{column.name}"'
        kind = column.kind if isinstance(column.kind, str) else ""
        if kind in ("text", "enum", "json"):
            casts.append(name)
        elif kind == "time":
            casts.append(f"make_timestamp_ns({name}::BIGINT) AS {name}")
        elif kind == "bool":
            casts.append(f"{name} = {true} AS {name}")
        elif kind in ("int", "uint"):
            casts.append(f"{name}::{'BIGINT' if kind == 'int' else 'UBIGINT'} AS {name}")
        else:
            casts.append(f"CAST({name}::JSON AS {_structure(column.kind)}) AS {name}")
    return f"(SELECT {', '.join(casts)} FROM {relation})"


def _structure(kind: Any) -> str:
    """DuckDB's type of lists, maps and structs."""
    words = {"text": "VARCHAR", "int": "BIGINT", "uint": "UBIGINT", "bool": "BOOLEAN"}
    if isinstance(kind, str):
        simple = {"texts": "VARCHAR[]", "ints": "BIGINT[]", "text map": "MAP(VARCHAR, VARCHAR)"}
        return simple.get(kind, "MAP(VARCHAR, BIGINT)")
    struct = "STRUCT(" + ", ".join(f'"{name}" {words[word]}' for name, word in kind.fields) + ")"
    return f"{struct}[]" if kind.many else struct
