"""Both ends of each MySQL connection, on disk: few are asked for again."""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable
from typing import IO

from analyzer.net.tcp.grouping import KEY_SIZE, packed_endpoints
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.opened import PackedEnds


class ConnectionEnds:
    """Takes connections, in any order; `addressed` says what becomes of an address."""

    def __init__(self, addressed: Callable[[bytes], bytes]) -> None:
        self._addressed = addressed
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this
        self._numbers = array("q")
        # In order, and where each stands among those above.
        self._sorted, self._order = array("q"), array("q")
        self.closed = 0  # connections whose TLS could not be opened

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, tcp: TcpConnection, closed: bool) -> None:
        """A connection that is over. `closed`: it is in TLS and could not be opened."""
        self._file.write(tcp.key[:KEY_SIZE])
        self._numbers.append(tcp.number)
        self.closed += closed

    def read(self) -> bytes:
        """Whether a number is that of a connection, by number; from now on each can be asked for."""
        self._file.flush()
        self._order = array("q", sorted(range(len(self._numbers)), key=self._numbers.__getitem__))
        self._sorted = array("q", map(self._numbers.__getitem__, self._order))
        known = bytearray(self._sorted[-1] + 1 if self._sorted else 0)
        for number in self._sorted:
            known[number] = 1
        return bytes(known)

    def of(self, number: int) -> PackedEnds:
        """Both ends of a connection as they are written. Raises KeyError."""
        place = bisect_left(self._sorted, number)
        if place == len(self._sorted) or self._sorted[place] != number:
            raise KeyError(number)
        key = os.pread(self._file.fileno(), KEY_SIZE, self._order[place] * KEY_SIZE)
        (low, first), (high, second) = packed_endpoints(key)
        return (self._addressed(low), first), (self._addressed(high), second)

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()
