"""Connections, commands, packets and findings as tables of other libraries, and as JSON.

A column is a path of keys of the contract, joined by dots: `client.address`, `greeting.server_version`. It is there
also where no row has a value. Integers stay integers (times are nanoseconds), a value that is not known is null.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from analyzer.analysis.model.packet import Packet
from analyzer.report.jsonl import encode
from analyzer.tables import schema
from analyzer.tables.arrays import LibraryMissing, array_of, arrow, safe
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import TableColumn

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Record = msgspec.Struct

OTHER: Final = schema.JSON  # lists and dictionaries
_SCALARS: Final[dict[type, str]] = {int: schema.INT, bool: schema.BOOL, str: schema.TEXT}
_PANDAS: Final = {schema.INT: "Int64", schema.UINT: "UInt64", schema.BOOL: "boolean", schema.TEXT: "string"}
LARGEST_SIGNED: Final = (1 << 63) - 1


@lru_cache(16)
def columns_of(kind: type[Record]) -> tuple[TableColumn, ...]:
    """Every column of a record type."""
    hints = get_type_hints(kind)
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    found: list[TableColumn] = []
    for name in kind.__struct_fields__:
        inner = _without_none(hints[name])
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            found += [
                TableColumn(f"{encoded[name]}.{column.name}", column.kind, "", f"{name}.{column.path}")
                for column in columns_of(inner)
            ]
        else:
            word = _SCALARS.get(inner, OTHER) if isinstance(inner, type) else OTHER
            found.append(TableColumn(encoded[name], word, "", name))
    return tuple(found)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        left = [one for one in get_args(hint) if one is not type(None)]
        if len(left) == 1:
            return left[0]
    return hint


def _gathered(items: Iterable[Record]) -> tuple[tuple[TableColumn, ...], Gathered]:
    """(columns, their values). Raises TypeError where the records are of different types, or none."""
    kind: type[Record] | None = None
    rows: list[Record] = []
    for item in items:
        if not isinstance(item, msgspec.Struct):
            raise TypeError(f"a connection, command, packet or finding is wanted, not {type(item).__name__}")
        if kind is None:
            kind = type(item)
        elif type(item) is not kind:
            raise TypeError(f"a table has rows of one type: {kind.__name__} and {type(item).__name__} are two")
        rows.append(item)
    return (() if kind is None else columns_of(kind)), Gathered(rows)


def _kind(column: TableColumn, values: Iterable[Any]) -> str:
    """The kind of a column: some counters of the protocol have 64 bits without a sign."""
    word = str(column.kind)
    large = word == schema.INT and any(value is not None and value > LARGEST_SIGNED for value in values)
    return schema.UINT if large else word


def to_pandas(items: Iterable[Record]) -> pandas.DataFrame:
    """A DataFrame with a row for each record. Raises LibraryMissing where pandas is not installed.

    Columns are `Int64` (or `UInt64`), `boolean`, `string`, or objects: lists and dictionaries stay what they are. Of
    packets each display field has a column of its own: its value, a list where there are several, None where there is
    none.
    """
    try:
        import pandas
    except ImportError:
        raise LibraryMissing("to_pandas needs pandas: pip install pandas") from None
    columns, gathered = _gathered(items)
    made: dict[str, Any] = {}
    for column in columns:
        values = gathered.values(column.path)
        if column.path == "fields":
            made.update(_field_columns(pandas, [safe(value) for value in values]))
            continue
        kind = _kind(column, values)
        if kind in (schema.TEXT, OTHER):
            values = [safe(value) for value in values]
        made[column.name] = pandas.Series(values, dtype=_PANDAS.get(kind, "object"))
    return pandas.DataFrame(made)


def _field_columns(library: Any, fields: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name in dict.fromkeys(name for one in fields for name in one):
        values = [one.get(name) for one in fields]
        single = [one[0] if one is not None and len(one) == 1 else one for one in values]
        yield name, library.Series(single, dtype="object")


def to_arrow(items: Iterable[Record]) -> pyarrow.Table:
    """A table with a row for each record. Raises LibraryMissing where pyarrow is not installed.

    Columns are int64 (or uint64), bool or string; lists and dictionaries are JSON texts.
    """
    library = arrow("to_arrow")
    columns, gathered = _gathered(items)
    arrays = []
    for column in columns:
        values = gathered.values(column.path)
        kind = _kind(column, values)
        arrays.append(array_of(kind, [safe(value) for value in values] if kind == OTHER else values))
    return library.table(arrays, names=[column.name for column in columns])


def to_polars(items: Iterable[Record]) -> polars.DataFrame:
    """The same as a polars DataFrame. Raises LibraryMissing where polars or pyarrow is not installed."""
    try:
        import polars
    except ImportError:
        raise LibraryMissing("to_polars needs polars: pip install polars") from None
    table = to_arrow(items)
    return polars.from_arrow(table) if table.num_columns else polars.DataFrame()  # type: ignore[return-value]


def to_json(items: Record | Iterable[Record]) -> str:
    """JSON text with the keys of the contract: an object of one record, else an array of objects, one a line."""
    if isinstance(items, msgspec.Struct):
        return _json(items)
    lines = ",\n".join(_json(item) for item in items)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def _json(item: Record) -> str:
    raw = msgspec.json.encode(safe(item)) if isinstance(item, Packet) else encode(item).rstrip(b"\n")
    return raw.decode()
