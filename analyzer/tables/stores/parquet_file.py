"""Files of Parquet, written a row group at a time: a page of each column, and in the footer where they stand.

Many columns of tables are one text or one number for most rows, and texts come by their places in a dictionary: Parquet
has both as they are, so that little is done for each row. https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from analyzer.tables.arrays import arrow
from analyzer.tables.column_loops import picked, picked_bits
from analyzer.tables.stores.page_loops import (
    bitmap,
    constant,
    differences,
    extremes,
    hybrid,
    list_levels,
    next_levels,
    prefixed,
)
from analyzer.tables.stores.thrift import EMPTY, ThriftValue, binary, byte, flag, i32, i64, many, struct

if TYPE_CHECKING:
    import pyarrow

MAGIC: Final = b"PAR1"
# Bytes of a column's different texts that are written as a dictionary in any case.
MOST_WORDS: Final = 1 << 16
# A column that takes fewer bytes is not compressed.
LEAST_COMPRESSED: Final = 1 << 10
# Numbers of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
BOOLEAN, INT64, BYTE_ARRAY = 0, 2, 6
REQUIRED, OPTIONAL, REPEATED = 0, 1, 2
PLAIN, RLE, DELTA_BINARY_PACKED, RLE_DICTIONARY = 0, 3, 5, 8
UNCOMPRESSED, ZSTD = 0, 6
DATA_PAGE, DICTIONARY_PAGE = 0, 2
UTF8, MAP, LIST, UINT_64 = 0, 1, 3, 14
_NANOSECONDS: Final = struct({1: flag(True), 2: struct({3: EMPTY})})
_UNSIGNED: Final = struct({1: byte(64), 2: flag(False)})


class LeafColumn(NamedTuple):
    """A column of the file: where it stands, its type, and its greatest level; whether it stands in lists."""

    path: tuple[str, ...]
    kind: int
    depth: int
    listed: bool


class Levels(NamedTuple):
    """How much is there of each value of a column: see `page_loops`.

    size    how many there are; `least` the level from which on one has a place in its array, `inside` the level where
            what it stands in is there
    levels  None: all are `inside`
    begins  bits that are set where no list begins, of what stands in lists; None: a list begins with each
    """

    size: int
    least: int = 0
    inside: int = 0
    levels: array[int] | None = None
    begins: bytearray | None = None


class WrittenPage(NamedTuple):
    """Values of a column: (encoding, content, words of its dictionary, number of these), and what statistics say."""

    encoding: int
    content: Any
    words: Any = None
    word_count: int = 0
    statistics: ThriftValue | None = None


class TableFile:
    """A file of Parquet that takes a table, a row group at a time.

    Texts come by their places among those that there are, and are written so, except where there are many, most of them
    different ones. Who reads the file sees texts.
    """

    def __init__(self, out: str | BinaryIO, schema: pyarrow.Schema) -> None:
        """`schema`: as who reads the file sees it."""
        self._file: Any = out if not isinstance(out, str) else open(out, "wb")  # noqa: SIM115 - closed by `close`
        self._owned = isinstance(out, str)
        self._schema = schema
        self._leaves = [list(_leaves((field.name,), field.type, 0)) for field in schema]
        self._codec = arrow("a table").Codec("zstd")
        self._place = 0
        self._groups: list[ThriftValue] = []
        self._rows = 0
        self._put(MAGIC)

    def write(self, batches: Sequence[pyarrow.RecordBatch]) -> None:
        """Writes these rows as a row group."""
        first = batches[0]
        columns = first.columns
        if len(batches) > 1:
            whole = arrow("a table").Table.from_batches(batches).combine_chunks()
            columns = [column.chunk(0) for column in whole.columns]
        rows = sum(map(len, batches))
        if not rows:
            return
        begin, plain = self._place, 0
        chunks = []
        for leaves, column in zip(self._leaves, columns, strict=True):
            for leaf, (page, levels) in zip(leaves, _pages(column, Levels(len(column))), strict=True):
                written, size = self._column(leaf, page, levels)
                chunks.append(written)
                plain += size
        about = {1: many(chunks), 2: i64(plain), 3: i64(rows), 5: i64(begin), 6: i64(self._place - begin)}
        self._groups.append(struct(about))
        self._rows += rows

    def close(self) -> None:
        """Writes where all stands."""
        schema = self._schema
        seen = base64.b64encode(schema.serialize().to_pybytes())
        elements = [struct({4: binary(b"schema"), 5: i32(len(schema))})]
        for field in schema:
            elements += _elements(field.name, field.type)
        footer = {1: i32(2), 2: many(elements), 3: i64(self._rows)}
        if self._groups:
            footer[4] = many(self._groups)
        else:
            footer[4] = (9, b"\x0c")
        leaves = sum(map(len, self._leaves))
        footer |= {
            5: many([struct({1: binary(b"ARROW:schema"), 2: binary(seen)})]),
            6: binary(b"handshark"),
            7: many([struct({1: EMPTY})] * leaves),
        }
        content = struct(footer)[1]
        self._put(content + len(content).to_bytes(4, "little") + MAGIC)
        if self._owned:
            self._file.close()

    def _put(self, content: bytes) -> None:
        self._file.write(content)
        self._place += len(content)

    def _column(self, leaf: LeafColumn, page: WrittenPage, levels: Levels) -> tuple[ThriftValue, int]:
        """Writes a column of a row group; what the footer says of it, and how many bytes it takes uncompressed."""
        begin = self._place
        content = b"".join((*_level_bytes(leaf, levels), page.content))
        squeezed = len(content) + (0 if page.words is None else len(page.words)) >= LEAST_COMPRESSED
        plain, found = 0, {}
        encodings = [page.encoding, RLE]
        if page.words is not None:
            encodings.append(PLAIN)
            head = {7: struct({1: i32(page.word_count), 2: i32(PLAIN)})}
            plain += self._page(DICTIONARY_PAGE, page.words, head, squeezed)
            found = {11: i64(begin)}
        data = self._place
        described = struct({1: i32(levels.size), 2: i32(page.encoding), 3: i32(RLE), 4: i32(RLE)})
        plain += self._page(DATA_PAGE, content, {5: described}, squeezed)
        about = {
            1: i32(leaf.kind),
            2: many([i32(one) for one in encodings]),
            3: many([binary(part.encode()) for part in leaf.path]),
            4: i32(ZSTD if squeezed else UNCOMPRESSED),
            5: i64(levels.size),
            6: i64(plain),
            7: i64(self._place - begin),
            9: i64(data),
            **found,
        }
        if page.statistics is not None:
            about[12] = page.statistics
        return struct({2: i64(0), 3: struct(about)}), plain

    def _page(self, kind: int, content: Any, head: dict[int, ThriftValue], squeezed: bool) -> int:
        """Writes a page; how many bytes it takes uncompressed."""
        written = self._codec.compress(content, asbytes=True) if squeezed else content
        begins = struct({1: i32(kind), 2: i32(len(content)), 3: i32(len(written)), **head})[1]
        self._put(begins)
        self._put(written)
        return len(begins) + len(content)


def _elements(name: str, form: Any, repetition: int = OPTIONAL) -> list[ThriftValue]:
    """What the footer says of a column of the table, and of what it is made of."""
    from pyarrow import types

    about = {3: i32(repetition), 4: binary(name.encode())}
    if _is_map(form):
        inside = _elements("key", form.key_type, REQUIRED) + _elements("value", form.item_type)
        about |= {5: i32(1), 6: i32(MAP), 10: struct({2: EMPTY})}
        return [struct(about), struct({3: i32(REPEATED), 4: binary(b"key_value"), 5: i32(2)}), *inside]
    if types.is_list(form):
        about |= {5: i32(1), 6: i32(LIST), 10: struct({3: EMPTY})}
        inside = _elements("element", form.value_type)
        return [struct(about), struct({3: i32(REPEATED), 4: binary(b"list"), 5: i32(1)}), *inside]
    if types.is_struct(form):
        about[5] = i32(form.num_fields)
        return [struct(about), *(one for field in form for one in _elements(field.name, field.type))]
    said = {1: i32(_physical(form)), **about}
    if types.is_timestamp(form):
        said[10] = struct({8: _NANOSECONDS})
    elif types.is_uint64(form):
        said |= {6: i32(UINT_64), 10: struct({10: _UNSIGNED})}
    elif said[1] == i32(BYTE_ARRAY):
        said |= {6: i32(UTF8), 10: struct({1: EMPTY})}
    return [struct(said)]


def _physical(form: Any) -> int:
    from pyarrow import types

    if types.is_boolean(form):
        return BOOLEAN
    return INT64 if types.is_primitive(form) else BYTE_ARRAY


def _leaves(path: tuple[str, ...], form: Any, depth: int, listed: bool = False) -> Iterator[LeafColumn]:
    """The columns of the file that hold a column of the table."""
    from pyarrow import types

    if _is_map(form):
        inside = (*path, "key_value")
        yield LeafColumn((*inside, "key"), _physical(form.key_type), depth + 2, True)
        yield from _leaves((*inside, "value"), form.item_type, depth + 2, True)
    elif types.is_list(form):
        yield from _leaves((*path, "list", "element"), form.value_type, depth + 2, True)
    elif types.is_struct(form):
        for field in form:
            yield from _leaves((*path, field.name), field.type, depth + 1, listed)
    else:
        yield LeafColumn(path, _physical(form), depth + 1, listed)


def _pages(values: pyarrow.Array, levels: Levels, optional: bool = True) -> Iterator[tuple[WrittenPage, Levels]]:
    """The pages of an array whose values stand at these levels, and the levels of these."""
    from pyarrow import types

    form, count = values.type, len(values)
    if not count or (optional and levels.levels is None and values.null_count == count):
        yield from ((WrittenPage(PLAIN, b""), levels) for _ in _leaves((), form, 0))
        return
    if values.offset:
        values = arrow("a table").concat_arrays([values, values[:0]])
    if types.is_list(form) or types.is_map(form):
        yield from _listed_pages(values)
        return
    places = None
    if optional:
        levels, places = _entered(values, levels)
    if types.is_struct(form):
        for number in range(form.num_fields):
            yield from _pages(values.field(number)[:count], levels)
    else:
        yield _page_of(values, places, levels.size), levels


def _listed_pages(values: pyarrow.Array) -> Iterator[tuple[WrittenPage, Levels]]:
    """The same of lists, or of maps; they stand in nothing else."""
    offsets = _numbers(values, 1, "i")[: len(values) + 1]
    found, begins, count = list_levels(offsets, _bits(values))
    inside = Levels(count, 2, 2, found, begins)
    parts = (values.keys, values.items) if _is_map(values.type) else (values.values,)
    for number, part in enumerate(parts):
        yield from _pages(part[offsets[0] : offsets[-1]], inside, optional=len(parts) - number == 1)


def _is_map(form: Any) -> bool:
    from pyarrow import types

    return bool(types.is_map(form))


def _entered(values: pyarrow.Array, levels: Levels) -> tuple[Levels, array[int] | None]:
    """The levels of values that may be null, and the places of those that are there; None: all are."""
    inside, before = levels.inside, levels.levels
    if before is None and not values.null_count:
        return levels._replace(inside=inside + 1), None
    if before is None:
        before = array("i", [inside]) * levels.size
    found, places = next_levels(before, levels.least, inside, _bits(values))
    return levels._replace(inside=inside + 1, levels=found), places


def _page_of(values: pyarrow.Array, places: array[int] | None, count: int) -> WrittenPage:
    """The values of a column that are at these places, of so many that could be there."""
    from pyarrow import types

    form = values.type
    if types.is_dictionary(form):
        return _coded_page(values, places)
    if types.is_string(form):
        where = array("q", range(len(values))) if places is None else places
        return WrittenPage(PLAIN, prefixed(_numbers(values, 1, "i"), _content(values), where))
    if types.is_boolean(form):
        bits = _numbers(values, 1)
        return WrittenPage(PLAIN, picked_bits(bits, places) if places is not None else bits[: len(values) + 7 >> 3])
    numbers: Any = _numbers(values, 1, "q")[: len(values)]
    if places is not None:
        numbers = picked(numbers, "q", places)
    if types.is_uint64(form):
        return WrittenPage(PLAIN, memoryview(numbers).cast("B"))
    if not len(numbers):
        return WrittenPage(PLAIN, b"")
    least, most = (number.to_bytes(8, "little", signed=True) for number in extremes(numbers))
    said = struct({3: i64(count - len(numbers)), 5: binary(most), 6: binary(least)})
    return WrittenPage(DELTA_BINARY_PACKED, differences(numbers), statistics=said)


def _coded_page(values: pyarrow.Array, places: array[int] | None) -> WrittenPage:
    """Texts that are told by their places in a dictionary."""
    words = values.dictionary
    count = len(words)
    indices: Any = _numbers(values.indices, 1, "i")[: len(values)]
    if places is not None:
        indices = picked(indices, "i", places)
    if not len(indices):
        return WrittenPage(PLAIN, b"")
    offsets, content = _numbers(words, 1, "i"), _content(words)
    if len(content) > MOST_WORDS and 2 * count > len(indices):
        return WrittenPage(PLAIN, prefixed(offsets, content, array("q", indices)))
    width = max(1, (count - 1).bit_length())
    written = prefixed(offsets, content, array("q", range(count)))
    return WrittenPage(RLE_DICTIONARY, bytes([width]) + hybrid(indices, width), written, count)


def _level_bytes(leaf: LeafColumn, levels: Levels) -> Iterator[bytes]:
    """Levels as a page begins with them: whether a value goes on a list, and how much of it is there."""
    if leaf.listed:
        begun = levels.begins
        begins = bytes(constant(0, 1, levels.size)) if begun is None else bitmap(begun, levels.size)
        yield from (len(begins).to_bytes(4, "little"), begins)
    width = leaf.depth.bit_length()
    found = constant(levels.inside, width, levels.size) if levels.levels is None else hybrid(levels.levels, width)
    yield from (len(found).to_bytes(4, "little"), bytes(found))


def _numbers(values: pyarrow.Array, number: int, code: str = "B") -> memoryview:
    """A buffer of a column as numbers."""
    content = values.buffers()[number]
    return memoryview(b"" if content is None else content).cast("B").cast(code)  # type: ignore[call-overload,no-any-return]


def _bits(values: pyarrow.Array) -> memoryview:
    """Which values are there; nothing: all are."""
    return _numbers(values, 0) if values.null_count else memoryview(b"")


def _content(texts: pyarrow.Array) -> bytes:
    content = texts.buffers()[2]
    return b"" if content is None else content.to_pybytes()
