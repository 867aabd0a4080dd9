"""What the server sends back: results as text and as values, and how a response is taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.errors import ProtocolError
from analyzer.protocol.columns import Columns
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.records.response import Data
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.wire.values import Plain, text_of


@dataclass
class Result:
    """One result of a statement. `columns` is empty where it has no rows to give. NULL is None.

    `rows` are texts, `values` the same as numbers, texts and bytes; `handed` counts rows that were handed on one by one
    and not kept. `cursor` says that the rows wait on the server, `last` that the cursor has no more.
    """

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    affected_rows: int = 0
    last_insert_id: int = 0
    warnings: int = 0
    info: str | None = None
    values: list[tuple[Plain, ...]] = field(default_factory=list)
    cursor: bool = False
    last: bool = False
    handed: int = 0

    @property
    def count(self) -> int:
        """How many rows it has, kept or not."""
        return len(self.rows) + self.handed

    def hand_on(self) -> None:
        """The row in hand is another's to keep."""
        self.handed += len(self.rows)
        self.rows.clear()
        self.values.clear()

    def add(self, record: Record, columns: Columns) -> None:
        """Adds a row. Raises ProtocolError where it does not fit the columns."""
        if isinstance(record, Data):
            raise ProtocolError("a row whose columns the server has not defined")
        if not isinstance(record, TextRow | BinaryRow) or len(record.values) != len(columns):
            count = len(record.values) if isinstance(record, TextRow | BinaryRow) else 0
            raise ProtocolError(f"a row of {count} values where {len(columns)} columns were announced")
        self.values.append(record.plain(columns))
        if isinstance(record, TextRow):
            raw = record.values
        else:
            raw = tuple(text_of(value.value, column.type) for value, column in zip(record.values, columns, strict=True))
        self.rows.append(tuple(shown(text, not column.is_text) for text, column in zip(raw, columns, strict=True)))

    def close(self, record: OKPacket | EOFPacket) -> None:
        """Takes what the packet says that ends it."""
        self.warnings = record.warnings or 0
        if isinstance(record, OKPacket):
            self.affected_rows = record.affected_rows
            self.last_insert_id = record.last_insert_id
            self.info = record.info

    def __str__(self) -> str:
        what = f"{self.count} rows" if self.columns else f"OK, {self.affected_rows} rows affected"
        return f"{what}{f', {self.warnings} warnings' if self.warnings else ''}"


def shown(value: bytes | None, binary: bool) -> str | None:
    """A value as text; bytes of a binary column that are none as 0x and digits."""
    if value is None:
        return None
    text = value.decode("utf-8", "backslashreplace")
    # Numbers are of the binary character set too: it is the bytes that decide.
    return "0x" + value.hex() if binary and not text.isprintable() else text
