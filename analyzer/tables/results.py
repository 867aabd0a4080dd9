"""The rows that a query gave, as text, CSV, JSON or Parquet: batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from analyzer.report.escape import terminal
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.tables.arrays import arrow, plain_columns
from analyzer.tables.stores.single import csv_line, csv_value, json_text

if TYPE_CHECKING:
    import pyarrow

# Rows that decide how wide the columns of a text are, and the widest column, which is also a terminal's widest cell.
LOOKED_AT: Final = 1000
WIDEST: Final = 60
SECOND: Final = 1_000_000_000


def text(reader: pyarrow.RecordBatchReader, out: BinaryIO, widest: int | None, clock: WallClock = UTC_CLOCK) -> int:
    """Rows in columns, times of `clock`; returns how many rows there are.

    A cell wider than `widest` is cut; where there is no such, it stands out of its column.
    """
    names = [terminal(name) for name in reader.schema.names]
    right = [_is_number(field.type) for field in reader.schema]
    rows = (tuple(_cell(value, widest) for value in row) for row in rows_of(reader, clock))
    first = [row for _, row in zip(range(LOOKED_AT), rows, strict=False)]
    most = WIDEST if widest is None else widest
    sizes = [max((len(row[at]) for row in first), default=0) for at in range(len(names))]
    widths = [max(len(name), min(size, most)) for name, size in zip(names, sizes, strict=True)]

    def line(cells: tuple[str, ...] | list[str]) -> bytes:
        parts = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, right, strict=True)
        )
        return ("  ".join(parts).rstrip() + "\n").encode()

    out.write(line(names))
    out.write(line(["-" * width for width in widths]))
    count = 0
    for row in chain(first, rows):
        out.write(line(row))
        count += 1
    return count


def as_csv(reader: pyarrow.RecordBatchReader, out: BinaryIO, widest: int | None) -> int:
    """CSV (RFC 4180): one line a row, no cell a formula."""
    out.write(csv_line([csv_value(name) for name in reader.schema.names]).encode())
    count = 0
    for row in rows_of(reader):
        out.write(csv_line([csv_value(value) for value in row]).encode())
        count += 1
    return count


def as_json(reader: pyarrow.RecordBatchReader, out: BinaryIO, widest: int | None) -> int:
    """An array of objects, one a line."""
    names = reader.schema.names
    before, count = "[\n", 0
    for row in rows_of(reader):
        out.write((before + json_text(dict(zip(names, row, strict=True)))).encode())
        before = ",\n"
        count += 1
    out.write(b"\n]\n" if count else b"[]\n")
    return count


def as_parquet(reader: pyarrow.RecordBatchReader, out: BinaryIO, widest: int | None) -> int:
    """A Parquet file."""
    arrow("--format parquet")
    from pyarrow import parquet

    count = 0
    with parquet.ParquetWriter(out, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            count += len(batch)
    return count


FORMATS: Final[dict[str, Callable[[pyarrow.RecordBatchReader, BinaryIO, int | None], int]]] = {
    "text": text,
    "csv": as_csv,
    "json": as_json,
    "parquet": as_parquet,
}


def rows_of(reader: pyarrow.RecordBatchReader, clock: WallClock = UTC_CLOCK) -> Iterator[tuple[Any, ...]]:
    """Rows with values that JSON knows: times are ISO 8601."""
    pa = arrow("a query")
    for batch in reader:
        columns = plain_columns(batch)
        for at, field in enumerate(batch.schema):
            if pa.types.is_timestamp(field.type):
                zone = UTC_CLOCK if field.type.tz is None else clock
                columns[at] = [None if value is None else iso(value, zone) for value in columns[at]]
            elif pa.types.is_decimal(field.type):
                columns[at] = [_number(value) for value in columns[at]]
        yield from zip(*columns, strict=True)


def iso(ns: int, clock: WallClock = UTC_CLOCK) -> str:
    """Nanoseconds since 1970 as ISO 8601, without zeros behind."""
    seconds, rest = divmod(ns, SECOND)
    try:
        whole = datetime.fromtimestamp(seconds, UTC).astimezone(clock.zone)
    except (ValueError, OverflowError, OSError):
        return str(ns)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    zone = "Z" if clock is UTC_CLOCK else whole.isoformat()[19:]
    return f"{whole:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"


def _number(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _is_number(form: Any) -> bool:
    types = arrow("a query").types
    return bool(types.is_integer(form) or types.is_floating(form) or types.is_decimal(form))


def _cell(value: Any, widest: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    shown = terminal(value, None) if isinstance(value, str) else str(value)
    if isinstance(value, dict | list):
        shown = terminal(json_text(value), None)
    if widest is not None and len(shown) > widest:
        return shown[: widest - 1] + "…"
    return shown
