"""Rows on their way: batches one after the other in a file, as Arrow's streams have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from analyzer.tables.arrays import array_of, arrow, coded
from analyzer.tables.schema import FINDINGS

if TYPE_CHECKING:
    import pyarrow

_STREAM: Final = re.compile(r"\bstream (\d+)")
# The finding whose words name another connection by its number.
_NAMING: Final = "seen-twice"


def open_writer(file: BinaryIO, schema: pyarrow.Schema) -> Any:
    """Writes batches to a file; each may have enums of its own."""
    pa = arrow("a table")
    return pa.ipc.new_stream(file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))


def read_batches(file: BinaryIO) -> Iterator[pyarrow.RecordBatch]:
    """The batches of a file."""
    yield from arrow("a table").ipc.open_stream(file)


def renumbered(table: str, batch: pyarrow.RecordBatch, numbers: Any) -> pyarrow.RecordBatch:
    """Rows whose streams are numbers of a share, with those that they have in the whole. `numbers`: by theirs."""
    pa = arrow("a table")
    at = batch.schema.get_field_index("stream")
    streams = numbers[batch.column(at).to_numpy(zero_copy_only=False)]
    batch = batch.set_column(at, "stream", pa.array(streams, pa.int64()))
    if table != FINDINGS.name or _NAMING not in batch.column("code").unique().to_pylist():
        return batch
    codes = batch.column("code").to_pylist()

    def said(text: str) -> str:
        return _STREAM.sub(lambda found: f"stream {int(numbers[int(found.group(1))])}", text)

    messages = [
        said(text) if code == _NAMING else text
        for code, text in zip(codes, batch.column("message").to_pylist(), strict=True)
    ]
    evidence = [
        [said(text) for text in texts] if code == _NAMING else texts
        for code, texts in zip(codes, batch.column("evidence").to_pylist(), strict=True)
    ]
    for name, kind, values in (("message", "text", messages), ("evidence", "texts", evidence)):
        batch = batch.set_column(batch.schema.get_field_index(name), name, coded(array_of(kind, values)))
    return batch
