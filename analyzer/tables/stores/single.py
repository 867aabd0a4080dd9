"""One table in one file: Parquet or CSV. It appears when it is whole, and takes the place of what was there."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from analyzer.analysis.model.connection import Source
from analyzer.capture.outputs import replaced
from analyzer.capture.places import FileIdentity, filesystem, is_url, telling
from analyzer.report.escape import csv_cell
from analyzer.tables.arrays import arrow, arrow_schema, plain_columns, safe
from analyzer.tables.rows import Batches, capture_row
from analyzer.tables.schema import CAPTURES, TABLES
from analyzer.tables.stores.parquet import GROUP_BYTES, GROUP_ROWS, TableFile
from analyzer.tables.stores.store import CaptureWriter, Files

if TYPE_CHECKING:
    import pyarrow


class SingleFile:
    """A file that holds one table of all captures of a run."""

    def __init__(self, output: str, table: str, make: Any, private: bool) -> None:
        arrow(f"writing {output}")
        self.table = table
        self._stack = ExitStack()
        out = self._stack.enter_context(_Remote(output) if is_url(output) else replaced(output, private=private))
        self.encoder: CsvFile | ParquetFile = make(out, table)

    def files(self, key: str) -> list[FileIdentity] | None:
        return None

    def writer(self, key: str) -> CaptureWriter:
        return _SingleWriter(self)

    def close(self) -> None:
        """Gives the file its name."""
        self.encoder.close()
        self._stack.close()

    def abandon(self, error: BaseException) -> None:
        """Leaves what was there."""
        with suppress(OSError):  # what could not be written can not be written now
            self._stack.__exit__(type(error), error, error.__traceback__)


class _Remote:
    """A file on this machine that is put at a URL when the block ends well."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._system, self._path = filesystem(url)
        self._file = tempfile.NamedTemporaryFile(prefix="handshark-")  # noqa: SIM115 - closed at the end

    def __enter__(self) -> BinaryIO:
        return self._file  # type: ignore[return-value]

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._file.flush()
            with telling(self._url):
                self._system.put_file(self._file.name, self._path)
        self._file.close()


class _SingleWriter:
    """Rows of a capture wait in a file of their own until it is whole: one that fails in the middle leaves none."""

    def __init__(self, target: SingleFile) -> None:
        self._target = target
        self._spool = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - closed by give_up
        self._stream: Any = None

    def write(self, rows: Batches) -> None:
        batch = rows.get(self._target.table)
        if batch is None:
            return
        pa = arrow("a table")
        if self._stream is None:
            options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=False)
            self._stream = pa.ipc.new_stream(self._spool, batch.schema, options=options)
        self._stream.write_batch(batch)

    def commit(self, source: Source, files: Files) -> None:
        encoder = self._target.encoder
        if self._stream is not None:
            self._stream.close()
            self._spool.seek(0)
            for batch in arrow("a table").ipc.open_stream(self._spool):
                encoder.write(batch)
        if self._target.table == CAPTURES.name:
            encoder.write(capture_row(source, files, []))
        self.give_up()

    def give_up(self) -> None:
        self._spool.close()


class ParquetFile:
    """Writes batches as Parquet."""

    def __init__(self, out: BinaryIO, table: str) -> None:
        self._file = TableFile(out, arrow_schema(TABLES[table]))
        self._waiting: list[pyarrow.RecordBatch] = []

    def write(self, batch: pyarrow.RecordBatch) -> None:
        self._waiting.append(batch)
        if sum(map(len, self._waiting)) >= GROUP_ROWS or sum(one.nbytes for one in self._waiting) >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            self._file.write(self._waiting)
            self._waiting.clear()


class CsvFile:
    """Writes batches as CSV (RFC 4180): lists and structs are JSON, times integer nanoseconds, no cell a formula."""

    def __init__(self, out: BinaryIO, table: str) -> None:
        self._out = out
        out.write(csv_line([column.name for column in TABLES[table].columns]).encode())

    def write(self, batch: pyarrow.RecordBatch) -> None:
        self._out.writelines(line.encode() for line in csv_lines(batch))

    def close(self) -> None:
        self._out.flush()


def csv_lines(batch: Any) -> Iterator[str]:
    """The rows of a batch or a table as lines of CSV."""
    columns = [[csv_value(value) for value in column] for column in plain_columns(batch)]
    for row in zip(*columns, strict=True):
        yield csv_line(row)


def csv_value(value: Any) -> Any:
    """A value as a cell that is one line and no formula."""
    if isinstance(value, str):
        return csv_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float):
        return value
    return csv_cell(json_text(value))


def csv_line(cells: Any) -> str:
    """Cells as a line with its CRLF."""
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def json_text(value: Any) -> str:
    """A value as JSON; what JSON has no type for is text."""
    return msgspec.json.encode(safe(value), enc_hook=str).decode()
