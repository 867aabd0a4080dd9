"""The schema as text and as docs/tables.md: made from the one literal table."""

from __future__ import annotations

from typing import Final

from analyzer.tables.queries import queries
from analyzer.tables.schema import TABLES, TableColumn

_WORDS: Final = {
    "text": "text",
    "enum": "text",
    "int": "integer",
    "uint": "integer, unsigned",
    "bool": "true or false",
    "time": "timestamp (ns, UTC)",
    "texts": "list of texts",
    "ints": "list of integers",
    "text map": "map of texts",
    "int map": "map of integers",
    "json": "JSON text",
}
HEAD: Final = """# Tables

Made by `handshark sql --schema --format md > docs/tables.md`.

`handshark export` writes these tables, and `handshark sql` asks them. Columns are named as the keys of
`handshark analyze --format jsonl` and `handshark commands --format jsonl`, with `_` for `.`. Columns whose names end in
`_ns` are timestamps or durations in nanoseconds; a value that is not known is null.

A folder that `export` wrote has a folder for each table, and in it Parquet files (zstd) for each capture; with
`--partition` one level more for the day, and one for the hour. A capture belongs to the store when its file in
`captures/` is there, which names the others (`parts`). In SQLite times are integers and lists JSON texts, as in CSV.
"""
BESIDE: Final = """## Beside the tables

`handshark sql` knows three more names:

- `distinct_connections`: `connections` without those that a capture holds a second time (finding `seen-twice`);
- `upgrade_rules` (target, apart, kind, value, why, source): what a newer server refuses, as for `analyze --summary`;
- `digest(statement)`: the statement with `?` for its literals.
"""


def type_words(column: TableColumn) -> str:
    """The type of a column in words."""
    kind = column.kind
    if isinstance(kind, str):
        return _WORDS[kind]
    fields = ", ".join(name for name, _ in kind.fields)
    return f"{'list of structs' if kind.many else 'struct'} ({fields})"


def markdown() -> str:
    """docs/tables.md."""
    parts = [HEAD]
    for table in TABLES.values():
        rows = "".join(f"| `{one.name}` | {type_words(one)} | {one.about} |\n" for one in table.columns)
        parts.append(f"## {table.name}\n\n{table.about}\n\n| column | type | what it holds |\n|---|---|---|\n{rows}")
    parts.append(BESIDE)
    listed = [f"- `{one.name}`: {one.title[0].lower()}{one.title[1:]}. {one.about}\n" for one in queries()]
    usage = "`handshark sql NAME SOURCE...` asks one, `handshark sql --show NAME` prints it."
    parts.append(f"## Queries that ship\n\n{usage}\n\n{''.join(listed)}")
    return "\n".join(parts)


def schema_text() -> str:
    """Tables and columns for a terminal."""
    lines = []
    for table in TABLES.values():
        lines.append(f"{table.name}: {table.about}")
        lines += [f"  {one.name:34} {type_words(one).partition(' (')[0]:18} {one.about}" for one in table.columns]
        lines.append("")
    return "\n".join(lines)
