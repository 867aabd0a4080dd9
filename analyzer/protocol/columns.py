"""What rows are read with: of each column definition, what says how its values are read."""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.protocol.tables.column_types import MYSQL_TYPE_DECIMAL, MYSQL_TYPE_JSON, MYSQL_TYPE_NEWDECIMAL

BINARY_CHARSET: Final = 63
# Text though their definitions say `binary`.
_TEXTS: Final = frozenset({MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_JSON})


class ResultColumn(msgspec.Struct, frozen=True, gc=False):
    """A column of a result set, or a parameter of a prepared statement.

    `type`, `flags` and `decimals` are the definition's; `character_set` is the number of its collation, None before
    protocol 4.1, where all strings are text. `org_name` is the column's name in its table, where it has another here.
    """

    name: str
    type: int
    flags: int
    character_set: int | None
    decimals: int
    org_name: str = ""

    @property
    def is_text(self) -> bool:
        """Whether a string of this column is text: its character set is not `binary`, or its type is always text."""
        return self.character_set != BINARY_CHARSET or self.type in _TEXTS


Columns = tuple[ResultColumn, ...]
