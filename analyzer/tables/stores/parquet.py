"""A folder of Parquet files, here or in a bucket: TABLE/[date=.../[hour=.../]]CAPTURE-RUN-N.parquet.

A capture is in the store when its file in captures/ is, which is written last and names the others. So a run that dies
leaves the store as it was. What it may leave beside, no capture names, and no query reads; the next run that writes the
same capture removes it.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import call
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from analyzer.analysis.model.connection import Source
from analyzer.capture.places import FileIdentity, filesystem, is_url
from analyzer.tables.arrays import arrow, arrow_schema, as_type, plain_rows, require_arrow
from analyzer.tables.rows import Batches, capture_row
from analyzer.tables.schema import CAPTURES, TABLES
from analyzer.tables.stores.store import CaptureWriter, Files, identities

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    import pyarrow

PENDING: Final = ".pending-"
PARTITIONS: Final = {"day": ("date=%Y-%m-%d",), "hour": ("date=%Y-%m-%d", "hour=%H")}
# A row group is written when so many rows or bytes have come: while others work, and little is left behind them.
# Files of partitions that are open at a time.
GROUP_ROWS: Final = 1 << 16
GROUP_BYTES: Final = 8 << 20
ALL_BYTES: Final = 64 << 20
MOST_OPEN: Final = 64
# Bytes of a column's different texts that are written as a dictionary in any case.
MOST_WORDS: Final = 1 << 16


class ParquetFolder:
    """The files of a folder, by their names in it."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or root
        self.system: Any = None
        self._path = self.root
        if is_url(root):
            self.system, self._path = filesystem(self.root)
        else:
            os.makedirs(self.root, exist_ok=True)

    def path(self, name: str) -> str:
        """A file's path in its file system."""
        return f"{self._path}/{name}"

    def url(self, name: str) -> str:
        """A file's name as users write it."""
        return f"{self.root}/{name}"

    def temporary(self) -> str:
        """A folder on this machine, beside the store where that is here."""
        where = None if self.system is not None else self.root
        return tempfile.mkdtemp(prefix=PENDING if where else "handshark-", dir=where)

    def place(self, source: str, name: str) -> None:
        """Makes a file on this machine one of the folder: it is there as a whole or not at all."""
        if self.system is not None:
            self.system.put_file(source, self.path(name))
            return
        target = self.path(name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(source, target)

    def names(self, folder: str) -> list[str]:
        """Parquet files under a folder, in order."""
        if self.system is not None:
            self.system.invalidate_cache()
            try:
                found = self.system.find(self.path(folder))
            except FileNotFoundError:
                return []
            prefix = len(self.path(""))
            return sorted(str(one)[prefix:] for one in found if str(one).endswith(".parquet"))
        top = self.path(folder)
        inside = (os.path.join(place, one) for place, _, files in os.walk(top) for one in files)
        return sorted(os.path.relpath(one, self._path) for one in inside if one.endswith(".parquet"))

    def exists(self, name: str) -> bool:
        if self.system is not None:
            self.system.invalidate_cache()
            return bool(self.system.exists(self.path(name)))
        return os.path.exists(self.path(name))

    def read(self, name: str) -> pyarrow.Table:
        """A whole small file."""
        from pyarrow import parquet

        arrow("a store of Parquet files")
        if self.system is None:
            return parquet.ParquetFile(self.path(name)).read()
        with self.system.open(self.path(name), "rb") as file:
            return parquet.ParquetFile(file).read()

    def remove(self, name: str) -> None:
        if self.system is not None:
            self.system.rm_file(self.path(name))
        elif os.path.exists(self.path(name)):
            os.unlink(self.path(name))


class ParquetStore:
    """A folder as a store. `partition`: None, day or hour."""

    def __init__(self, root: str, partition: str | None = None) -> None:
        require_arrow("a store of Parquet files")
        self.folder = ParquetFolder(root)
        self._partition = () if partition is None else PARTITIONS[partition]
        # Parts of the captures that were written, by their keys.
        self.kept: dict[str, frozenset[str]] = {}

    def files(self, key: str) -> list[FileIdentity] | None:
        row = self.capture(key)
        return None if row is None else identities(row["files"])

    def capture(self, key: str) -> dict[str, Any] | None:
        """The row of a capture."""
        name = capture_file(key)
        if not self.folder.exists(name):
            return None
        (row,) = plain_rows(self.folder.read(name))
        return row

    def writer(self, key: str) -> CaptureWriter:
        return _PartsWriter(self, key, self._partition)

    def close(self) -> None:
        """Removes parts that captures had before they were written anew, or of runs that died."""
        if not self.kept:
            return
        for table in TABLES:
            for name in self.folder.names(table) if table != CAPTURES.name else ():
                key = os.path.basename(name).partition("-")[0]
                if key in self.kept and name not in self.kept[key]:
                    self.folder.remove(name)

    def abandon(self, error: BaseException) -> None:
        self.close()


def capture_file(key: str) -> str:
    """The file that says that a capture is in the store."""
    return f"{CAPTURES.name}/{key}.parquet"


class _GroupRows:
    """Rows of a file that are to become a row group."""

    def __init__(self) -> None:
        self.parts: list[pyarrow.RecordBatch] = []
        self.rows = 0
        self.bytes = 0

    def add(self, part: pyarrow.RecordBatch, size: int) -> None:
        self.parts.append(part)
        self.rows += len(part)
        self.bytes += size


class _Behind:
    """Does one work at a time in a thread of its own: Arrow lets others work while it writes.

    `do` and `wait` raise what the work before raised.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Begins a work when the one before it is done."""
        from concurrent.futures import ThreadPoolExecutor  # what it loads is loaded while others work (`load_alone`)

        self.wait()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        self._last = self._pool.submit(work)

    def wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def stop(self) -> None:
        """The thread has ended when this is through, however its work did."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


class PartFiles:
    """Parquet files of one capture, one for each table and partition, written on this machine."""

    def __init__(self, folder: str, prefix: str, partition: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._prefix = prefix
        self._partition = partition
        self._waiting: dict[tuple[str, str], _GroupRows] = {}
        self._open: dict[tuple[str, str], TableFile] = {}
        self._bytes = 0
        self._behind = _Behind()
        self.parts: list[str] = []

    def write(self, rows: Batches) -> None:
        """Takes batches; whole row groups are written, while others come."""
        for name, batch in rows.items():
            for partition, part in self._divided(name, batch):
                place = (name, partition)
                size = part.nbytes
                waiting = self._waiting.setdefault(place, _GroupRows())
                waiting.add(part, size)
                self._bytes += size
                if waiting.rows >= GROUP_ROWS or waiting.bytes >= GROUP_BYTES:
                    self._group(place)
        if self._bytes > ALL_BYTES:
            for place in list(self._waiting):
                self._group(place)

    def close(self) -> None:
        if self._partition:  # there may be more than can be open
            for place in list(self._waiting):
                self._group(place)
        self._behind.wait()
        self.stop()
        due = sorted(self._waiting, key=lambda place: -self._waiting[place].bytes)
        rests = [(self._file(place), self._taken(place).parts) for place in due]
        files = [self._open.pop(place) for place in list(self._open) if place not in due]
        in_two(partial(_finish, file, rest) for file, rest in [*rests, *((file, []) for file in files)])
        self._open.clear()

    def stop(self) -> None:
        """Nothing is written any more when this is through."""
        self._behind.stop()

    def _divided(self, name: str, batch: pyarrow.RecordBatch) -> Iterator[tuple[str, pyarrow.RecordBatch]]:
        if not self._partition:
            yield "", batch
            return
        from pyarrow import compute

        texts = compute.strftime(batch.column(TABLES[name].time), "/".join((*self._partition, "")))
        for text in texts.unique().to_pylist():
            yield text or "", batch.filter(compute.equal(texts, text))

    def _group(self, place: tuple[str, str]) -> None:
        file = self._file(place)
        self._behind.do(partial(file.write, self._taken(place).parts))

    def _taken(self, place: tuple[str, str]) -> _GroupRows:
        waiting = self._waiting.pop(place)
        self._bytes -= waiting.bytes
        return waiting

    def _file(self, place: tuple[str, str]) -> TableFile:
        """The file of rows that wait."""
        file = self._open.get(place)
        if file is None:
            if len(self._open) >= MOST_OPEN:
                self._behind.wait()
                self._open.pop(next(iter(self._open))).close()
            name = f"{place[0]}/{place[1]}{self._prefix}-{len(self.parts)}.parquet"
            path = os.path.join(self._folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            file = TableFile(path, arrow_schema(TABLES[place[0]], self._waiting[place].parts[0].schema.names))
            self._open[place] = file
            self.parts.append(name)
        return file


def _finish(file: TableFile, rest: Sequence[pyarrow.RecordBatch]) -> None:
    if rest:
        file.write(rest)
    file.close()


def in_two(works: Iterable[Callable[[], None]]) -> None:
    """Does these in two threads: Arrow lets others work while it writes. Raises what the first raised that failed."""
    from concurrent.futures import ThreadPoolExecutor  # what it loads is loaded while others work (`load_alone`)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, works))


class TableFile:
    """A file of Parquet that takes a table, a row group at a time.

    Texts come by their places among those that there are, and are written so, except where there are many, most of them
    different ones: the first row group decides it. Who reads the file sees texts.
    """

    def __init__(self, out: str | BinaryIO, schema: pyarrow.Schema) -> None:
        """`schema`: as who reads the file sees it."""
        self._out = out
        self._schema = schema
        self.forms: list[Any] = []
        self._writer: Any = None

    def write(self, batches: Sequence[pyarrow.RecordBatch]) -> None:
        """Writes these rows as a row group, or several."""
        if self._writer is None:
            shown = [self._form(place, batches) for place in range(len(self._schema))]
            self._open(arrow("a table").schema(list(zip(self._schema.names, shown, strict=True))))
        table = arrow("a table").Table.from_batches([self._formed(batch) for batch in batches])
        # What came last may have made them more.
        self._writer.write_table(table.unify_dictionaries(), row_group_size=2 * GROUP_ROWS)

    def close(self) -> None:
        if self._writer is None:
            self._open(self._schema)
        # Else the file would say that these texts are dictionaries.
        seen = base64.b64encode(self._schema.serialize().to_pybytes())
        self._writer.add_key_value_metadata({"ARROW:schema": seen})
        self._writer.close()

    def _open(self, schema: pyarrow.Schema) -> None:
        from pyarrow import parquet

        self.forms = list(schema.types)
        self._writer = parquet.ParquetWriter(
            self._out, schema, compression="zstd", store_schema=False, **encodings(schema)
        )

    def _form(self, place: int, batches: Sequence[pyarrow.RecordBatch]) -> Any:
        """Of which type a column is written."""
        seen = self._schema.field(place).type
        given = batches[0].column(place).type
        if given == seen:
            return seen
        leaves = [leaf for batch in batches for leaf in _leaves(batch.column(place))]
        there = sum(len(leaf) - leaf.null_count for leaf in leaves)
        words = sum(len(leaf.dictionary) for leaf in leaves)
        size = sum(leaf.dictionary.nbytes for leaf in leaves)
        return seen if size > MOST_WORDS and 2 * words > there else given

    def _formed(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        columns = [as_type(column, form) for column, form in zip(batch.columns, self.forms, strict=True)]
        return batch.from_arrays(columns, names=batch.schema.names)


def _leaves(values: pyarrow.Array) -> Iterator[pyarrow.Array]:
    """What tells texts by their places, in a column."""
    from pyarrow import types

    form = values.type
    if types.is_dictionary(form):
        yield values
    elif types.is_struct(form):
        for place in range(form.num_fields):
            yield from _leaves(values.field(place))
    elif types.is_list(form) or types.is_map(form):
        yield from _leaves(values.values)


def encodings(schema: pyarrow.Schema) -> dict[str, Any]:
    """How columns are written: text by its place in a dictionary, whole numbers by how far each is from the one before.

    What is least and most in a row group says much of numbers alone.
    """
    from pyarrow import types

    leaves = [leaf for field in schema for leaf in _paths(field.name, field.type)]
    numbers = [name for name, form in leaves if types.is_primitive(form)]
    whole = [name for name, form in leaves if types.is_int64(form) or types.is_timestamp(form)]
    return {
        "use_dictionary": [name for name, form in leaves if not types.is_primitive(form)],
        "write_statistics": numbers,
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
    }


def _paths(name: str, form: Any) -> list[tuple[str, Any]]:
    """The columns of a file that hold values of a type, by their names there."""
    from pyarrow import types

    if types.is_map(form):
        inside = [("key_value.key", form.key_type), ("key_value.value", form.item_type)]
    elif types.is_list(form):
        inside = [("list.element", form.value_type)]
    elif types.is_struct(form):
        inside = [(field.name, field.type) for field in form]
    else:
        return [(name, form)]
    return [path for part, inner in inside for path in _paths(f"{name}.{part}", inner)]


class _PartsWriter:
    def __init__(self, store: ParquetStore, key: str, partition: tuple[str, ...]) -> None:
        self._store = store
        self._key = key
        self._temporary = store.folder.temporary()
        self._files = PartFiles(self._temporary, f"{key}-{secrets.token_hex(4)}", partition)

    def write(self, rows: Batches) -> None:
        self._files.write(rows)

    def commit(self, source: Source, files: Files) -> None:
        self._files.close()
        parts = self._files.parts
        for name in parts:
            self._store.folder.place(os.path.join(self._temporary, name), name)
        place_capture(self._store, self._key, source, files, parts, self._temporary)
        self.give_up()

    def give_up(self) -> None:
        self._files.stop()
        shutil.rmtree(self._temporary, ignore_errors=True)


def place_capture(
    store: ParquetStore, key: str, source: Source, files: Files, parts: list[str], temporary: str
) -> None:
    """Says that a capture is in the store, now that its parts are."""
    whole = os.path.join(temporary, "capture.parquet")
    file = TableFile(whole, arrow_schema(CAPTURES))
    file.write([capture_row(source, files, parts)])
    file.close()
    store.folder.place(whole, capture_file(key))
    store.kept[key] = frozenset(parts)
