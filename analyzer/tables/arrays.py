"""Columns as Arrow arrays: the types of the schema's kinds, and how values become arrays of them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from analyzer.errors import AnalyzerError
from analyzer.report.escape import json_safe
from analyzer.tables import schema
from analyzer.tables.schema import Fields, TableColumn, TableSchema, ValueKind

if TYPE_CHECKING:
    import pyarrow

Values = Sequence[Any]


class LibraryMissing(AnalyzerError, ImportError):
    """Something needs a library that is not installed; the message names it."""


def arrow(what: str) -> Any:
    """pyarrow. Raises LibraryMissing where it is not installed; `what` needs it."""
    try:
        import pyarrow
    except ImportError:
        raise LibraryMissing(f"{what} needs pyarrow: pip install 'handshark[sql]'") from None
    return pyarrow


def type_of(kind: str | ValueKind) -> Any:
    """The Arrow type of a kind of values."""
    pa = arrow("a table")
    if isinstance(kind, ValueKind):
        struct = pa.struct([(name, type_of(word)) for name, word in kind.fields])
        return pa.list_(struct) if kind.many else struct
    return {
        schema.TEXT: pa.string(),
        schema.ENUM: pa.dictionary(pa.int32(), pa.string()),
        schema.INT: pa.int64(),
        schema.UINT: pa.uint64(),
        schema.BOOL: pa.bool_(),
        schema.TIME: pa.timestamp("ns", tz="UTC"),
        schema.TEXTS: pa.list_(pa.string()),
        schema.INTS: pa.list_(pa.int64()),
        schema.TEXT_MAP: pa.map_(pa.string(), pa.string()),
        schema.INT_MAP: pa.map_(pa.string(), pa.int64()),
        schema.JSON: pa.string(),
    }[kind]


def arrow_schema(table: TableSchema) -> pyarrow.Schema:
    """The Arrow schema of a table."""
    pa = arrow("a table")
    return pa.schema([(column.name, type_of(column.kind)) for column in table.columns])


def array_of(kind: str | ValueKind, values: Values) -> pyarrow.Array:
    """Values of a column as an array. Text that is no Unicode (bytes of the wire) is escaped."""
    if _alike(values) and values[0] is None:
        return arrow("a table").nulls(len(values), type_of(kind))
    make = _MAKERS["struct"] if isinstance(kind, ValueKind) else _MAKERS[kind]
    try:
        return make(kind, values)
    except UnicodeEncodeError:  # rare, so only then is every text looked at
        return make(kind, [safe(value) for value in values])


def _alike(values: Values) -> bool:
    """Whether all values are the same one."""
    return len(values) > 0 and values[-1] is values[0] and values.count(values[0]) == len(values)


def record_batch(
    columns: Sequence[TableColumn],
    values: Mapping[str, Values],
    arrays: Mapping[str, pyarrow.Array] = MappingProxyType({}),
) -> pyarrow.RecordBatch:
    """A batch of rows from the values of its columns, by their names, of which some may be `arrays` already."""
    made = [arrays[one.name] if one.name in arrays else array_of(one.kind, values[one.name]) for one in columns]
    return arrow("a table").RecordBatch.from_arrays(made, names=[column.name for column in columns])


def plain_columns(batch: pyarrow.RecordBatch | pyarrow.Table) -> list[list[Any]]:
    """The columns as lists of Python's values: times are integer nanoseconds, maps dictionaries."""
    pa = arrow("a table")
    columns = []
    for array in batch.columns:
        timed = pa.types.is_timestamp(array.type)
        values = (array.cast(pa.timestamp("ns", tz=array.type.tz)).cast(pa.int64()) if timed else array).to_pylist()
        if pa.types.is_map(array.type):
            values = [None if value is None else dict(value) for value in values]
        columns.append(values)
    return columns


def plain_rows(batch: pyarrow.RecordBatch | pyarrow.Table) -> list[dict[str, Any]]:
    """The rows as dictionaries of such values. Arrow's own way needs pandas where a time has nanoseconds."""
    columns = plain_columns(batch)
    return [dict(zip(batch.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]


def address_keys(addresses: Values) -> list[str | None]:
    """Addresses as text that sorts by number: 4: or 6:, and the address in hexadecimal."""
    keys: dict[str | None, str | None] = {None: None}
    for address in set(addresses):
        if address is not None:
            keys[address] = _address_key(address)
    return [keys[address] for address in addresses]


def _address_key(address: str) -> str:
    family, word = (socket.AF_INET6, "6") if ":" in address else (socket.AF_INET, "4")
    try:
        return f"{word}:{socket.inet_pton(family, address).hex()}"
    except OSError:
        return f"x:{address}"


def safe(value: Any) -> Any:
    """A value as JSON has it: structs are dictionaries, bytes hexadecimal, text valid Unicode."""
    if isinstance(value, str):
        return json_safe(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return safe(msgspec.to_builtins(value, builtin_types=(bytes,)))
    if isinstance(value, dict):
        return {safe(key): safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [safe(item) for item in value]
    return value


def _plain(kind: Any, values: Values) -> Any:
    return arrow("a table").array(values, type_of(kind))


def _enum(kind: Any, values: Values) -> Any:
    pa = arrow("a table")
    if _alike(values):
        places = pa.nulls(len(values), pa.int32()).fill_null(0)
        return pa.array(values[:1], pa.string()).dictionary_encode().take(places)
    return pa.array(values, pa.string()).dictionary_encode()


def _distinct(kind: Any, values: Values) -> Any:
    """Lists that are mostly the same ones: each is converted once."""
    pa = arrow("a table")
    seen: dict[tuple[Any, ...], int] = {}
    places = [None if value is None else seen.setdefault(tuple(value), len(seen)) for value in values]
    form = type_of(kind)
    if len(seen) * 2 > len(values):
        return pa.array(values, form)
    return pa.array(list(seen), form).take(pa.array(places, pa.int32()))


def _map(kind: Any, values: Values) -> Any:
    pa = arrow("a table")
    form = type_of(kind)
    starts: list[int | None] = []
    keys: list[Any] = []
    items: list[Any] = []
    for value in values:
        starts.append(None if value is None else len(keys))  # None: there is no map
        if value:
            keys += value
            items += value.values()
    starts.append(len(keys))
    offsets = pa.array(starts, pa.int32())
    return pa.MapArray.from_arrays(offsets, pa.array(keys, form.key_type), pa.array(items, form.item_type))


def _json(_: Any, values: Values) -> Any:
    pa = arrow("a table")
    texts = [None if value is None else msgspec.json.encode(value).decode() for value in values]
    return pa.array(texts, pa.string())


def _struct(kind: ValueKind, values: Values) -> Any:
    made: list[Any] = []
    for value in values:
        if value is None or not kind.many:
            made.append(None if value is None else _fields(kind.fields, value))
        else:
            made.append([_fields(kind.fields, item) for item in value])
    return arrow("a table").array(made, type_of(kind))


def _fields(fields: Fields, value: Any) -> dict[str, Any]:
    """The fields of a struct, of which a name that Python keeps for itself ends in "_"."""
    if isinstance(value, dict):
        return value
    return {name: getattr(value, f"{name}_" if name == "from" else name) for name, _ in fields}


_MAKERS: Final[dict[str, Callable[[Any, Values], Any]]] = {
    **dict.fromkeys((schema.TEXT, schema.INT, schema.UINT, schema.BOOL, schema.TIME, schema.INTS), _plain),
    schema.ENUM: _enum,
    schema.TEXTS: _distinct,
    schema.TEXT_MAP: _map,
    schema.INT_MAP: _map,
    schema.JSON: _json,
    "struct": _struct,
}
