"""The connections that are listed: what their rows show in columns, the connections themselves in memory or on disk.

Memory is bounded: of so many connections as stay whole, and a row of text and numbers of each of the others.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from typing import IO, Final

from analyzer.analysis.model.connection import Connection
from analyzer.report.escape import terminal
from analyzer.report.prose import labels

# Connections that stay in memory; those after them wait in a temporary file.
WHOLE: Final = 20_000
# Rows; connections after them are counted.
MOST_LISTED: Final = 200_000
# Characters of one cell.
LONGEST_CELL: Final = 300

# What a connection is known by: its capture's name and the number of its first frame.
RowKey = tuple[str, int]
Value = int | str

NUMBER, TIME, CLIENT, SERVER, ACCOUNT, AUTH, TLS, OUTCOME, TOOK, WHAT, CAPTURE, RANK = range(12)


def cells_of(connection: Connection, final: bool = True) -> tuple[Value, ...]:
    """What a row shows and is sorted by: a value of each column. Text of the wire is made safe."""
    worst = labels.by_severity(connection.findings)
    what = labels.error_text(connection) or (worst[0].message if worst and worst[0].severity != "info" else "")
    texts = (
        labels.product(connection.greeting),
        labels.account(connection),
        labels.plugin(connection.authentication),
        labels.tls(connection.tls),
        connection.outcome,
    )
    server, account, auth, tls, outcome = (sys.intern(terminal(text, LONGEST_CELL)) for text in texts)
    return (
        connection.stream,
        connection.start_time_ns,
        terminal(labels.client(connection), LONGEST_CELL),
        server,
        account,
        auth,
        tls,
        outcome,
        connection.lasted_ns if final else -1,
        sys.intern(terminal(what, LONGEST_CELL)),
        sys.intern(terminal(connection.capture)),
        labels.worst(connection),
    )


class ConnectionStore:
    """Rows have numbers, which they keep. `most`: when there are more the oldest go; None: later ones are left out.

    left_out  connections that there was no room to list
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._base = 0  # number of the first row that is there
        self._columns: list[list[Value]] = [[] for _ in range(RANK + 1)]
        self._keys: dict[RowKey, int] = {}
        self._row_keys: list[RowKey] = []
        self._whole: OrderedDict[int, Connection] = OrderedDict()
        self._places: dict[int, tuple[int, int]] = {}
        self._spool: IO[bytes] | None = None
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._row_keys)

    def rows(self) -> range:
        """The numbers of all rows, the oldest first."""
        return range(self._base, self._base + len(self._row_keys))

    def __contains__(self, row: int) -> bool:
        return self._base <= row < self._base + len(self._row_keys)

    def put(self, connection: Connection, final: bool = True) -> int | None:
        """The row of a connection that is new, or of which there is news; None where it is not listed."""
        key = connection.capture, connection.first_frame
        row = self._keys.get(key)
        values = cells_of(connection, final)
        if row is None:
            if self._most is None and len(self._row_keys) >= MOST_LISTED:
                self.left_out += 1
                return None
            row = self._base + len(self._row_keys)
            self._keys[key] = row
            self._row_keys.append(key)
            for column, value in zip(self._columns, values, strict=True):
                column.append(value)
        else:
            for column, value in zip(self._columns, values, strict=True):
                column[row - self._base] = value
        self._keep(row, connection)
        return row

    def _keep(self, row: int, connection: Connection) -> None:
        if row in self._whole or len(self._whole) < WHOLE:
            self._whole[row] = connection
            return
        if self._spool is None:
            self._spool = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - it lives as long as this does
        self._spool.seek(0, 2)
        data = pickle.dumps(connection)
        self._places[row] = self._spool.tell(), len(data)
        self._spool.write(data)

    def trim(self) -> list[int]:
        """Lets the oldest rows go where there are too many; their numbers."""
        gone = 0 if self._most is None else len(self._row_keys) - self._most
        if gone <= 0:
            return []
        rows = list(range(self._base, self._base + gone))
        for key in self._row_keys[:gone]:
            del self._keys[key]
        for row in rows:
            self._whole.pop(row, None)
            self._places.pop(row, None)
        del self._row_keys[:gone]
        for column in self._columns:
            del column[:gone]
        self._base += gone
        return rows

    def value(self, row: int, column: int) -> Value:
        """What a row has in a column."""
        return self._columns[column][row - self._base]

    def key(self, row: int) -> RowKey:
        """What the row's connection is known by."""
        return self._row_keys[row - self._base]

    def row_of(self, key: RowKey) -> int | None:
        """The row of a connection, where it is listed."""
        return self._keys.get(key)

    def connection(self, row: int) -> Connection:
        """The row's connection."""
        found = self._whole.get(row)
        if found is not None:
            return found
        start, length = self._places[row]
        assert self._spool is not None
        self._spool.seek(start)
        found = pickle.loads(self._spool.read(length))
        assert isinstance(found, Connection)
        return found

    def sorted(self, rows: list[int], column: int, reverse: bool) -> list[int]:
        """The rows in the order of a column; those that are equal stay as they are."""
        values, base = self._columns[column], self._base
        return sorted(rows, key=lambda row: values[row - base], reverse=reverse)

    def found(self, word: str, row: int) -> bool:
        """Whether a row shows a word; it is in lower case."""
        at = row - self._base
        return any(word in str(self._columns[column][at]).lower() for column in SEARCHED)

    def some(self, most: int) -> Iterator[Connection]:
        """The first connections, of those that are in memory."""
        for row in list(self._whole)[:most]:
            yield self._whole[row]


SEARCHED: Final = (CLIENT, SERVER, ACCOUNT, AUTH, TLS, OUTCOME, WHAT, NUMBER)
