"""What the events of a binlog stream say of those that come after them.

The format description says whether checksums follow, the table maps what the columns of rows events are. It is replaced
with each event that changes it, never changed: a decode with the context of its time stays right. Bounded: the oldest
table maps go first.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.protocol.tables import column_types as ct

MOST_TABLES: Final = 256
MOST_COLUMNS: Final = 1 << 15  # of all tables together


class MappedColumn(msgspec.Struct, frozen=True):
    """One column of a table map. `unsigned` and `codec` (of Python) are None where the log does not say."""

    type: int
    metadata: bytes
    unsigned: bool | None = None
    codec: str | None = None
    name: str | None = None

    @property
    def real_type(self) -> int:
        """The type behind MYSQL_TYPE_STRING: CHAR, ENUM and SET are written as that."""
        if self.type == ct.MYSQL_TYPE_STRING and len(self.metadata) == 2:
            return self.metadata[0] | 0x30
        return self.type


class MappedTable(msgspec.Struct, frozen=True):
    """A table as its map describes it."""

    schema: str
    table: str
    columns: tuple[MappedColumn, ...]


class BinlogStream(msgspec.Struct, frozen=True):
    """`checksum` is the algorithm of the format description, None before one was seen: then each event shows it."""

    checksum: int | None = None
    mariadb: bool = False
    table_id_size: int = 6
    tables: dict[int, MappedTable] = {}

    def with_table(self, table_id: int, table: MappedTable) -> BinlogStream:
        """The same with one more table."""
        tables = {key: known for key, known in self.tables.items() if key != table_id}
        tables[table_id] = table
        columns = sum(len(known.columns) for known in tables.values())
        while len(tables) > 1 and (len(tables) > MOST_TABLES or columns > MOST_COLUMNS):
            oldest = next(iter(tables))
            columns -= len(tables.pop(oldest).columns)
        if columns > MOST_COLUMNS:
            del tables[table_id]
        return msgspec.structs.replace(self, tables=tables)
