"""Rows of tables as the JSON contract has them, for comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from analyzer.tables.arrays import plain_rows
from analyzer.tables.schema import TABLES, TableColumn

Row = dict[str, Any]


def stored(folder: Path, name: str) -> list[Row]:
    """All rows of a table in a folder of Parquet files, in the order of their keys."""
    captures = [row for file in sorted(folder.glob("captures/*.parquet")) for row in plain_rows(_read(file))]
    if name == "captures":
        return captures
    parts = [part for row in captures for part in row["parts"] if part.startswith(f"{name}/")]
    rows = [row for part in parts for row in plain_rows(_read(folder / part))]
    return in_order(rows)


def in_order(rows: list[Row]) -> list[Row]:
    """Rows in the order of their keys."""
    return sorted(rows, key=lambda row: (row["capture"], row["stream"], row.get("number", 0), row.get("name", "")))


def _read(file: Path) -> pa.Table:
    return parquet.ParquetFile(file).read()


def expected(record: Row, table: str) -> Row:
    """The row of a record of `--format jsonl`, by the paths of the schema."""
    return {column.name: _at(record, column) for column in TABLES[table].columns if column.path}


def _at(record: Any, column: TableColumn) -> Any:
    for key in column.path.split("."):
        if record is None:
            return None
        record = record[key]
    if column.kind == "json" or record is None:
        return record
    if isinstance(record, list) and record and isinstance(record[0], dict):
        assert not isinstance(column.kind, str)
        names = [name for name, _ in column.kind.fields]
        return [{name: item[name] for name in names} for item in record]
    return record
