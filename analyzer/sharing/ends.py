"""Both ends of each MySQL connection, on disk: few are asked for again."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from analyzer.net.tcp.grouping import KEY_SIZE, packed_endpoints
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.opened import PackedEnds
from analyzer.sharing.rows_on_disk import RowsOnDisk

# Numbers of a row: that of the connection, and its key.
_WORDS: Final = KEY_SIZE // 8


class ConnectionEnds:
    """Takes connections, in any order, and `settle` after each batch; `addressed` says what becomes of an address."""

    def __init__(self, addressed: Callable[[bytes], bytes]) -> None:
        self._addressed = addressed
        self.rows = RowsOnDisk(1 + _WORDS)
        self._new = array("q")
        self._columns: list[memoryview] = []
        self.count = 0
        self.closed = 0  # connections whose TLS could not be opened

    def add(self, tcp: TcpConnection, closed: bool) -> None:
        """A connection that is over. `closed`: it is in TLS and could not be opened."""
        self._new.append(tcp.number)
        self._new.frombytes(tcp.key[:KEY_SIZE])
        self.count += 1
        self.closed += closed

    def settle(self) -> None:
        """A batch is over."""
        self.rows.add(self._new)
        del self._new[:]

    def read(self) -> bytes:
        """Whether a number is that of a connection, by number; from now on each can be asked for."""
        self._columns = self.rows.sorted()
        numbers = self._columns[0][:-1]
        known = bytearray(numbers[-1] + 1 if numbers else 0)
        for number in numbers:
            known[number] = 1
        return bytes(known)

    def of(self, number: int) -> PackedEnds:
        """Both ends of a connection as they are written. Raises KeyError."""
        numbers, *words = self._columns
        place = bisect_left(numbers, number, 0, len(numbers) - 1)
        if numbers[place] != number:
            raise KeyError(number)
        key = array("q", [one[place] for one in words]).tobytes()
        (low, first), (high, second) = packed_endpoints(key)
        return (self._addressed(low), first), (self._addressed(high), second)

    def close(self) -> None:
        """Gives the disk's room back."""
        self.rows.close()
