"""Columns as Arrow arrays: the types of the schema's kinds, and how values become arrays of them."""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from analyzer.errors import AnalyzerError
from analyzer.report.escape import json_safe
from analyzer.tables import schema
from analyzer.tables.column_loops import (
    NOTHING,
    begins_of,
    bits_of,
    ipv4_keys,
    item_places,
    narrowed,
    offsets,
    offsets_of,
    picked,
    picked_bits,
    placed,
    text_offsets,
)
from analyzer.tables.schema import TableColumn, TableSchema, ValueKind

if TYPE_CHECKING:
    import pyarrow

# What `load_alone` leaves out.
_LEFT_OUT: Final = (*("numpy", "cloudpickle", "pyarrow._azurefs", "pyarrow._gcsfs", "pyarrow._hdfs", "pyarrow._s3fs"),)

Values = Sequence[Any]
Kind = str | ValueKind


class LibraryMissing(AnalyzerError, ImportError):
    """Something needs a library that is not installed; the message names it."""


def arrow(what: str) -> Any:
    """pyarrow. Raises LibraryMissing where it is not installed; `what` needs it."""
    try:
        import pyarrow
    except ImportError:
        raise _missing(what) from None
    return pyarrow


def require_arrow(what: str) -> None:
    """Raises LibraryMissing where pyarrow is not installed, which is loaded when rows are there."""
    if find_spec("pyarrow") is None:
        raise _missing(what)


def _missing(what: str) -> LibraryMissing:
    return LibraryMissing(f"{what} needs pyarrow: pip install 'handshark[sql]'")


def load_alone() -> None:
    """Loads what writes Parquet without what takes as long as it, for a process that asks Arrow for none of that:
    NumPy's arrays, pickles of functions, and file systems of others, which fsspec opens."""
    if "pyarrow" in sys.modules:
        return
    # Its own way to get memory asks for huge pages: clearing them takes longer than writing what is in them.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    left_out = {name for name in _LEFT_OUT if name not in sys.modules}
    if "numpy" not in left_out:
        return
    sys.modules |= dict.fromkeys(left_out)  # type: ignore[arg-type]  # so they can not be imported
    try:
        with suppress(ImportError):  # `arrow` says what needs it
            import concurrent.futures.thread  # noqa: F401

            import pyarrow.parquet  # noqa: F401
    finally:
        for name in left_out:
            del sys.modules[name]


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


def arrow_schema(table: TableSchema, names: Collection[str] | None = None) -> pyarrow.Schema:
    """The Arrow schema of a table, or of the columns of these names."""
    pa = arrow("a table")
    chosen = [column for column in table.columns if names is None or column.name in names]
    return pa.schema([(column.name, type_of(column.kind)) for column in chosen])


def coded_type(form: Any) -> Any:
    """The type of columns whose texts are told by their places among those that there are, where it was `form`."""
    pa = arrow("a table")
    if pa.types.is_string(form):
        return pa.dictionary(pa.int32(), form)
    if pa.types.is_map(form):
        return pa.map_(coded_type(form.key_type), coded_type(form.item_type))
    if pa.types.is_list(form):
        return pa.list_(coded_type(form.value_type))
    if pa.types.is_struct(form):
        return pa.struct([(field.name, coded_type(field.type)) for field in form])
    return form


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


def numbers_array(values: Sequence[int], kind: str = schema.INT) -> pyarrow.Array:
    """Numbers of 64 bits (an array of them, or a part of it); null where NOTHING stands."""
    return _made(type_of(kind), len(values), values, valid=_buffer(bits_of(values)))


def coded(values: pyarrow.Array) -> pyarrow.Array:
    """The same values, with each text told by its place among those that there are: no two of these are the same."""
    return as_type(values, coded_type(values.type))


def as_type(values: pyarrow.Array, form: Any) -> pyarrow.Array:
    """The same values with texts as this type has them: by their places, or as they are.

    Arrow can do so too, in a library that takes a while to load.
    """
    pa, count = arrow("a table"), len(values)
    if values.type == form:
        return values
    if values.null_count == count:
        return pa.nulls(count, form)
    if pa.types.is_dictionary(form):
        return _by_place(*_distinct(_octets(values)))
    valid = values.buffers()[0]
    if pa.types.is_string(form):
        words = [*_octets(values.dictionary), b""]  # the last one where there is none at all
        texts = [words[place] for place in _part(values.indices, 1, "i")[:count]]
        return _made(form, count, text_offsets(texts), b"".join(texts), valid=valid)
    if pa.types.is_struct(form):
        children = [as_type(values.field(place), field.type) for place, field in enumerate(form)]
        return _made(form, count, valid=valid, children=children)
    inner = pa.struct([form.key_field, form.item_field]) if pa.types.is_map(form) else form.value_type
    return _made(form, count, values.buffers()[1], valid=valid, children=[as_type(values.values, inner)])


def _octets(texts: pyarrow.Array) -> list[Any]:
    """Texts as they are encoded; None for what is null."""
    data, at = _part(texts, 2), _part(texts, 1, "i")
    found: list[Any] = [bytes(data[at[place] : at[place + 1]]) for place in range(len(texts))]
    if texts.null_count:
        valid = _part(texts, 0)
        found = [text if valid[place >> 3] >> (place & 7) & 1 else None for place, text in enumerate(found)]
    return found


def texts_at(words: Values, places: Sequence[int]) -> pyarrow.Array:
    """Texts by their places among these words, coded; null where one is NOTHING."""
    try:
        texts = _texts(None, words) if len({*words}) == len(words) else None
    except UnicodeEncodeError:
        texts = None
    return taken(array_of(schema.TEXT, words), places) if texts is None else _at(texts, places)


def _by_place(words: list[bytes], places: Sequence[int]) -> pyarrow.Array:
    """The same of words that are encoded, and of which no two are the same."""
    return _at(_made(type_of(schema.TEXT), len(words), text_offsets(words), b"".join(words)), places)


def _at(texts: pyarrow.Array, places: Sequence[int]) -> pyarrow.Array:
    pa = arrow("a table")
    indices = _made(pa.int32(), len(places), narrowed(places), valid=_buffer(bits_of(places)))
    return pa.DictionaryArray.from_arrays(indices, texts, safe=False)


class Heads(NamedTuple):
    """Which items rows take from others (see `column_loops`), and the places of these."""

    begins: array[int]
    counts: array[int]
    places: Sequence[int]
    items: array[int]


def taken(values: pyarrow.Array, places: Sequence[int]) -> pyarrow.Array:
    """The rows at these places, with coded texts; null where one is NOTHING.

    Arrow can do so too, in a library that takes a while to load.
    """
    values = coded(values)
    if values.null_count == len(values):
        return arrow("a table").nulls(len(places), values.type)
    code = _code(values.type)
    if code:
        return _numbered(values, picked(_part(values, 1, code), code, places), _valid(values, places))
    heads = len(values)
    begins, counts = array("q", range(heads + 1)), array("q", [1]) * (heads + 1)
    begins[heads] = -1
    return _taken(values, _heads(begins, counts, placed(places, heads)))


class RowsTaken:
    """Columns of the rows at these places: what several columns have in common is made once."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = places
        self._made: dict[Hashable, pyarrow.Array] = {}

    def column(self, kind: Kind, values: Values) -> pyarrow.Array:
        """A column, by what there is to take."""
        if kind in (schema.TEXT, schema.ENUM):
            return self._texts(kind, values)
        if kind not in _SINGLE:
            return taken(array_of(kind, values), self._places)
        alike = (kind, *values)
        known = self._made.get(alike)
        if known is None:
            known = self._made[alike] = taken(array_of(kind, values), self._places)
        return known

    def _texts(self, kind: Kind, values: Values) -> pyarrow.Array:
        """Most columns have the same text in all rows, or another one where others have another one."""
        words, places = _distinct(values)
        alike = bytes(places)
        known = self._made.get(alike)
        try:
            texts = _texts(None, words)
        except UnicodeEncodeError:
            return taken(array_of(kind, values), self._places)
        if known is None:
            made = taken(_at(texts, places), self._places)
            self._made[alike] = made.indices if words else made
            return made
        return arrow("a table").DictionaryArray.from_arrays(known, texts, safe=False) if words else known


def heads_of(counts: array[int], places: Sequence[int]) -> Heads:
    """Of heads that have so many items each, which stand one behind the other."""
    return _heads(begins_of(counts), counts, places)


def items_taken(values: pyarrow.Array, heads: Heads) -> pyarrow.Array:
    """Of values, which are the items of heads, those of each row's head, with coded texts."""
    return _taken(coded(values), heads)


def _heads(begins: array[int], counts: array[int], places: Sequence[int]) -> Heads:
    return Heads(begins, counts, places, item_places(begins, counts, places))


def _code(form: Any) -> str:
    """What numbers of an array a column holds; "": none."""
    pa = arrow("a table")
    if pa.types.is_dictionary(form):
        return "i"
    return "q" if pa.types.is_primitive(form) and not pa.types.is_boolean(form) else ""


def _part(values: pyarrow.Array, number: int, code: str = "B") -> memoryview:
    """A buffer of a column as numbers."""
    content = values.buffers()[number]
    return memoryview(b"" if content is None else content).cast("B").cast(code)  # type: ignore[call-overload,no-any-return]


def _valid(values: pyarrow.Array, places: Sequence[int]) -> Any:
    """Which of the rows at these places are there."""
    return _buffer(picked_bits(_part(values, 0), places) if values.null_count else bits_of(places))


def _numbered(like: pyarrow.Array, numbers: array[int], valid: Any) -> pyarrow.Array:
    """A column of numbers, of the form of another, whose dictionary is theirs too."""
    pa, form = arrow("a table"), like.type
    if not pa.types.is_dictionary(form):
        return _made(form, len(numbers), numbers, valid=valid)
    indices = _made(form.index_type, len(numbers), numbers, valid=valid)
    return pa.DictionaryArray.from_arrays(indices, like.dictionary, safe=False)


def _taken(values: pyarrow.Array, heads: Heads) -> pyarrow.Array:
    """The items of all rows."""
    pa = arrow("a table")
    begins, counts, places, items = heads
    form, code = values.type, _code(values.type)
    if values.null_count == len(values):
        return pa.nulls(len(items), form)
    valid = _valid(values, items)
    if pa.types.is_struct(form):
        children = [_taken(values.field(place), heads) for place in range(form.num_fields)]
        return _made(form, len(children[0]), valid=valid, children=children)
    if code:
        return _numbered(values, picked(_part(values, 1, code), code, items), valid)
    if pa.types.is_boolean(form):
        return _made(form, len(items), picked_bits(_part(values, 1), items), valid=valid)
    at = _part(values, 1, "i")
    found = offsets(at, begins, counts, places)
    # Items of these stand one behind the other, too.
    inner = [at[max(begin, 0)] for begin in begins]
    stops = [at[max(begin, 0) + (count if begin >= 0 else 0)] for begin, count in zip(begins, counts, strict=True)]
    sizes = array("q", [stop - begin for begin, stop in zip(inner, stops, strict=True)])
    children = [_taken(values.values, _heads(array("q", inner), sizes, places))]
    return _made(form, len(found) - 1, found, valid=valid, children=children)


def lists_of(sizes: Sequence[int], *items: pyarrow.Array) -> pyarrow.Array:
    """Lists of so many items each, null where that is NOTHING; maps where the items are keys and values."""
    pa, children = arrow("a table"), [*items]
    if len(items) > 1:
        form = pa.map_(items[0].type, items[1].type)
        children = [_made(pa.struct([form.key_field, form.item_field]), len(items[0]), children=children)]
    else:
        form = pa.list_(items[0].type)
    return _made(form, len(sizes), offsets_of(sizes), valid=_buffer(bits_of(sizes)), children=children)


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


def sizes_of(lists: Iterable[Collection[Any] | None]) -> array[int]:
    """How many items each has; NOTHING where it is None."""
    return array("q", [NOTHING if one is None else len(one) for one in lists])


def address_keys(addresses: Values) -> list[str | None]:
    """Addresses as text that sorts by number: 4: or 6:, and the address in hexadecimal."""
    keys = ipv4_keys([*addresses])
    if None not in keys:
        return keys
    return [
        key if key is not None or address is None else _address_key(address)
        for key, address in zip(keys, addresses, strict=True)
    ]


@lru_cache(4096)
def _address_key(address: str) -> str:
    import socket  # few captures need it

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


def _buffer(content: Any) -> Any:
    return None if content is None else arrow("a table").py_buffer(content)


def _bitmap(flags: Iterable[bool]) -> Any:
    digits = bytes(flags).translate(_DIGITS)
    return _buffer(int(digits[::-1] or b"0", 2).to_bytes(len(digits) + 7 >> 3, "little"))


def _made(form: Any, length: int, *buffers: Any, valid: Any = None, children: Sequence[Any] | None = None) -> Any:
    """An array of such a form."""
    pa = arrow("a table")
    return pa.Array.from_buffers(form, length, [valid, *map(_buffer, buffers)], children=children)


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
    return _made(type_of(schema.TEXT), len(values), offsets_of(array("q", sizes)), octets, valid=valid)


def _enum(kind: Any, values: Values) -> Any:
    """Raises UnicodeEncodeError."""
    words, places = _distinct(values)
    return _by_place([word.encode() for word in words], places)


def _distinct(values: Iterable[Any]) -> tuple[list[Any], array[int]]:
    """What different values there are, and at which place of these each is; NOTHING where it is None."""
    values = list(values)
    seen = dict.fromkeys(values)
    nothing = None in seen
    seen.pop(None, None)
    place: dict[Any, int] = dict(zip(seen, count()))
    if nothing:
        place[None] = NOTHING
    return list(seen), array("q", map(place.__getitem__, values))


def _listed(kind: Any, values: Values) -> Any:
    items = [item for value in values for item in value or ()]
    inner = kind._replace(many=False) if isinstance(kind, ValueKind) else _ITEMS[kind]
    made = _MAKERS["struct" if isinstance(inner, ValueKind) else inner](inner, items)
    return lists_of(sizes_of(values), made)


def _maps(kind: Any, values: Values) -> Any:
    keys = _texts(None, [key for one in values for key in one or ()])
    items = _MAKERS[_ITEMS[kind]](_ITEMS[kind], [item for one in values for item in (one or {}).values()])
    return lists_of(sizes_of(values), keys, items)


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
_SINGLE: Final = (schema.INT, schema.UINT, schema.TIME, schema.BOOL)
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
