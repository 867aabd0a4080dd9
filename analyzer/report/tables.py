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
from analyzer.errors import AnalyzerError
from analyzer.report.escape import json_safe
from analyzer.report.jsonl import encode

if TYPE_CHECKING:
    import pandas
    import pyarrow

Record = msgspec.Struct
Column = tuple[tuple[str, ...], str]

INT: Final = "int"
BOOL: Final = "bool"
TEXT: Final = "text"
OTHER: Final = "other"  # lists and dictionaries
_SCALARS: Final[dict[type, str]] = {int: INT, bool: BOOL, str: TEXT}
LARGEST_SIGNED: Final = (1 << 63) - 1


class LibraryMissing(AnalyzerError, ImportError):
    """A table needs a library that is not installed; the message names it."""


@lru_cache(16)
def columns_of(kind: type[Record]) -> tuple[Column, ...]:
    """(path, kind of value) of every column of a record type."""
    hints = get_type_hints(kind)
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    found: list[Column] = []
    for name in kind.__struct_fields__:
        inner = _without_none(hints[name])
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            found += [((encoded[name], *path), value) for path, value in columns_of(inner)]
        else:
            found.append(((encoded[name],), _SCALARS.get(inner, OTHER) if isinstance(inner, type) else OTHER))
    return tuple(found)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        left = [one for one in get_args(hint) if one is not type(None)]
        if len(left) == 1:
            return left[0]
    return hint


def _plain(value: Any) -> Any:
    """A value as JSON has it: structs are dictionaries, bytes hexadecimal, text valid Unicode."""
    if isinstance(value, str):
        return json_safe(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.to_builtins(value, builtin_types=(bytes,)))
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _at(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = record
    for key in path:
        if value is None:
            return None
        value = value.get(key)
    return value


def _gathered(items: Iterable[Record]) -> tuple[tuple[Column, ...], list[dict[str, Any]]]:
    """(columns, records as dictionaries). Raises TypeError where the records are of different types, or none."""
    kind: type[Record] | None = None
    rows: list[dict[str, Any]] = []
    for item in items:
        if not isinstance(item, msgspec.Struct):
            raise TypeError(f"a connection, command, packet or finding is wanted, not {type(item).__name__}")
        if kind is None:
            kind = type(item)
        elif type(item) is not kind:
            raise TypeError(f"a table has rows of one type: {kind.__name__} and {type(item).__name__} are two")
        rows.append(_plain(item))
    return (() if kind is None else columns_of(kind)), rows


def _integers(values: list[int | None]) -> str:
    """The type of a column of integers: some counters of the protocol have 64 bits without a sign."""
    return "UInt64" if any(value is not None and value > LARGEST_SIGNED for value in values) else "Int64"


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
    columns, rows = _gathered(items)
    made: dict[str, Any] = {}
    for path, kind in columns:
        if path == ("fields",):
            made.update(_field_columns(pandas, rows))
            continue
        values = [_at(row, path) for row in rows]
        dtype = {INT: _integers(values) if kind == INT else "", BOOL: "boolean", TEXT: "string", OTHER: "object"}[kind]
        made[".".join(path)] = pandas.Series(values, dtype=dtype)
    return pandas.DataFrame(made)


def _field_columns(library: Any, rows: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name in dict.fromkeys(name for row in rows for name in row["fields"]):
        values = [row["fields"].get(name) for row in rows]
        single = [one[0] if one is not None and len(one) == 1 else one for one in values]
        yield name, library.Series(single, dtype="object")


def to_arrow(items: Iterable[Record]) -> pyarrow.Table:
    """A table with a row for each record. Raises LibraryMissing where pyarrow is not installed.

    Columns are int64 (or uint64), bool or string; lists and dictionaries are JSON texts.
    """
    try:
        import pyarrow
    except ImportError:
        raise LibraryMissing("to_arrow needs pyarrow: pip install pyarrow") from None
    columns, rows = _gathered(items)
    names, arrays = [], []
    for path, kind in columns:
        values = [_at(row, path) for row in rows]
        if kind == INT:
            form = pyarrow.uint64() if _integers(values) == "UInt64" else pyarrow.int64()
        elif kind == BOOL:
            form = pyarrow.bool_()
        else:
            form = pyarrow.string()
            if kind == OTHER:
                values = [None if value is None else msgspec.json.encode(value).decode() for value in values]
        names.append(".".join(path))
        arrays.append(pyarrow.array(values, form))
    return pyarrow.table(arrays, names=names)


def to_json(items: Record | Iterable[Record]) -> str:
    """JSON text with the keys of the contract: an object of one record, else an array of objects, one a line."""
    if isinstance(items, msgspec.Struct):
        return _json(items)
    lines = ",\n".join(_json(item) for item in items)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def _json(item: Record) -> str:
    raw = msgspec.json.encode(_plain(item)) if isinstance(item, Packet) else encode(item).rstrip(b"\n")
    return raw.decode()
