"""Columns as Arrow arrays: the types of the schema's kinds, and how values become arrays of them."""

from __future__ import annotations

import socket
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate, count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from analyzer.errors import AnalyzerError
from analyzer.report.escape import json_safe
from analyzer.tables import schema
from analyzer.tables.schema import TableColumn, TableSchema, ValueKind

if TYPE_CHECKING:
    import pyarrow

Values = Sequence[Any]
Kind = str | ValueKind

# What stands in a column of numbers where there is none.
NOTHING: Final = -1 << 63


class LibraryMissing(AnalyzerError, ImportError):
    """Something needs a library that is not installed; the message names it."""


def arrow(what: str) -> Any:
    """pyarrow. Raises LibraryMissing where it is not installed; `what` needs it."""
    try:
        import pyarrow
    except ImportError:
        raise LibraryMissing(f"{what} needs pyarrow: pip install 'handshark[sql]'") from None
    return pyarrow


def load_alone() -> None:
    """Loads pyarrow without NumPy, which takes longer than it: for a process that asks Arrow for none of its arrays."""
    if "numpy" in sys.modules or "pyarrow" in sys.modules:
        return
    sys.modules["numpy"] = None  # type: ignore[assignment]  # so it can not be imported
    try:
        with suppress(ImportError):  # `arrow` says what needs it
            import pyarrow._compute
            import pyarrow.parquet  # noqa: F401
    finally:
        del sys.modules["numpy"]


@lru_cache(64)
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
    """Values of a column as an array. Text that is no Unicode (bytes of the wire) is escaped.

    Arrays are made of buffers: Arrow's own way from lists (`pyarrow.array`) loads pandas where it is installed.
    """
    if not values or (values[0] is None and values.count(None) == len(values)):
        return arrow("a table").nulls(len(values), type_of(kind))
    make = _MAKERS["struct"] if isinstance(kind, ValueKind) else _MAKERS[kind]
    try:
        return make(kind, values)
    except UnicodeEncodeError:  # rare, so only then is every text looked at
        return make(kind, [safe(value) for value in values])


def places_array(places: Sequence[int | None] | array[int]) -> pyarrow.Array:
    """Places of rows, to take them by; None: there is none."""
    if isinstance(places, array) and places.typecode == "q":
        return _made(arrow("a table").int64(), len(places), places)
    return _integers(arrow("a table").int32(), "i", places)


def numbers_array(values: array[int], kind: str = schema.INT) -> pyarrow.Array:
    """Numbers of 64 bits; null where NOTHING stands. They may be places of rows, to take them by."""
    from pyarrow._compute import call_function

    pa = arrow("a table")
    made = _made(pa.int64(), len(values), values)
    nothing = _made(pa.int64(), 1, array("q", [NOTHING]))[0]  # pyarrow.scalar loads pandas where it is installed
    there = call_function("not_equal", [made, nothing])
    valid = None if there.true_count == len(values) else there.buffers()[1]
    return pa.Array.from_buffers(type_of(kind), len(values), [valid, made.buffers()[1]])


def where(there: pyarrow.Array, values: pyarrow.Array) -> pyarrow.Array:
    """The values that are there; null for the others."""
    from pyarrow._compute import call_function

    return call_function("if_else", [there, values, arrow("a table").nulls(1, values.type)[0]])


def taken(values: pyarrow.Array, places: Sequence[int | None] | array[int] | pyarrow.Array) -> pyarrow.Array:
    """The rows at these places; null where one is None."""
    from pyarrow._compute import call_function  # pyarrow.compute makes documented functions first: all of them

    pa = arrow("a table")
    if values.null_count == len(values):
        return pa.nulls(len(places), values.type)
    return call_function("take", [values, places if isinstance(places, pa.Array) else places_array(places)])


def lists_of(kind: str | ValueKind, sizes: Sequence[int | None], *items: pyarrow.Array) -> pyarrow.Array:
    """Lists of so many items each, null where that is None; maps where the items are keys and values."""
    form = type_of(kind)
    children = [*items]
    if len(items) > 1:
        pair = arrow("a table").struct([form.key_field, form.item_field])
        children = [_made(pair, len(items[0]), children=children)]
    valid = _validity(sizes)
    offsets = _offsets(sizes if valid is None else [size or 0 for size in sizes])  # type: ignore[arg-type]
    return _made(form, len(sizes), offsets, valid=valid, children=children)


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
    for column in batch.columns:
        timed = pa.types.is_timestamp(column.type)
        values = (column.cast(pa.timestamp("ns", tz=column.type.tz)).cast(pa.int64()) if timed else column).to_pylist()
        if pa.types.is_map(column.type):
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


def _bitmap(flags: Iterable[bool]) -> Any:
    digits = bytes(flags).translate(_DIGITS)
    return arrow("a table").py_buffer(int(digits[::-1] or b"0", 2).to_bytes(len(digits) + 7 >> 3, "little"))


def _made(form: Any, length: int, *buffers: Any, valid: Any = None, children: Sequence[Any] | None = None) -> Any:
    """An array of such a form."""
    pa = arrow("a table")
    return pa.Array.from_buffers(form, length, [valid, *map(pa.py_buffer, buffers)], children=children)


def _validity(values: Values) -> Any:
    """Which values are there; None: all."""
    return _bitmap([value is not None for value in values]) if None in values else None


def _numbers(kind: Any, values: Values) -> Any:
    return _integers(type_of(kind), "Q" if kind == schema.UINT else "q", values)


def _integers(form: Any, code: str, values: Any) -> Any:
    try:
        return _made(form, len(values), array(code, values))
    except TypeError:  # some are None
        return _made(form, len(values), array(code, [value or 0 for value in values]), valid=_validity(values))


def _bools(kind: Any, values: Values) -> Any:
    flags = _bitmap([value is True for value in values])
    return _made(type_of(kind), len(values), flags, valid=_validity(values))


def _texts(kind: Any, values: Values) -> Any:
    """Raises UnicodeEncodeError."""
    texts, valid = values, None
    try:
        joined = "".join(texts)
    except TypeError:  # some are None
        texts, valid = [value or "" for value in values], _validity(values)
        joined = "".join(texts)
    octets = joined.encode()
    sizes = map(len, texts) if len(octets) == len(joined) else [len(text.encode()) for text in texts]
    return _made(type_of(schema.TEXT), len(values), _offsets(sizes), octets, valid=valid)


def _offsets(sizes: Iterable[int]) -> array[int]:
    return array("i", accumulate(sizes, initial=0))


def _enum(kind: Any, values: Values) -> Any:
    words, places = _distinct(values)
    return arrow("a table").DictionaryArray.from_arrays(places_array(places), _texts(kind, words))


def _distinct(values: Iterable[Any]) -> tuple[list[Any], list[int | None]]:
    """What different values there are, and at which place of these each is."""
    values = list(values)
    seen = dict.fromkeys(values)
    nothing = None in seen
    seen.pop(None, None)
    place: dict[Any, int | None] = dict(zip(seen, count()))
    if nothing:
        place[None] = None
    return list(seen), list(map(place.__getitem__, values))


def _listed(kind: Any, values: Values) -> Any:
    items = [item for value in values for item in value or ()]
    inner = kind._replace(many=False) if isinstance(kind, ValueKind) else _ITEMS[kind]
    made = _MAKERS["struct" if isinstance(inner, ValueKind) else inner](inner, items)
    return lists_of(kind, [None if value is None else len(value) for value in values], made)


def _maps(kind: Any, values: Values) -> Any:
    """Maps that are mostly the same ones: each is converted once."""
    maps, places = _distinct(None if value is None else tuple(value.items()) for value in values)
    keys = _texts(None, [key for one in maps for key, _ in one])
    items = _MAKERS[_ITEMS[kind]](_ITEMS[kind], [item for one in maps for _, item in one])
    return taken(lists_of(kind, [*map(len, maps)], keys, items), places)


def _json(kind: Any, values: Values) -> Any:
    return _texts(kind, [None if value is None else msgspec.json.encode(value).decode() for value in values])


def _struct(kind: ValueKind, values: Values) -> Any:
    if kind.many:
        return _listed(kind, values)
    columns = [[_field(value, name) for value in values] for name, _ in kind.fields]
    children = [array_of(word, column) for (_, word), column in zip(kind.fields, columns, strict=True)]
    return _made(type_of(kind), len(values), valid=_validity(values), children=children)


def _field(value: Any, name: str) -> Any:
    """A field of a struct, where a name that Python keeps for itself ends in "_"."""
    if isinstance(value, dict):
        return value[name]
    return None if value is None else getattr(value, f"{name}_" if name == "from" else name)


_DIGITS: Final = b"01".ljust(256, b"1")
_ITEMS: Final = {
    schema.TEXTS: schema.TEXT,
    schema.INTS: schema.INT,
    schema.TEXT_MAP: schema.TEXT,
    schema.INT_MAP: schema.INT,
}
_MAKERS: Final[dict[str, Callable[[Any, Values], Any]]] = {
    **dict.fromkeys((schema.INT, schema.UINT, schema.TIME), _numbers),
    schema.BOOL: _bools,
    schema.TEXT: _texts,
    schema.ENUM: _enum,
    schema.TEXTS: _listed,
    schema.INTS: _listed,
    schema.TEXT_MAP: _maps,
    schema.INT_MAP: _maps,
    schema.JSON: _json,
    "struct": _struct,
}
