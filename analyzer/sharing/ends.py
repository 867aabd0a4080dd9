"""Both ends of each MySQL connection, on disk: few are asked for again."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Callable
from typing import IO

import numpy as np

from analyzer.batches import I64
from analyzer.net.tcp.grouping import KEY_SIZE, packed_endpoints
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.opened import PackedEnds


class ConnectionEnds:
    """Takes connections, in any order; `addressed` says what becomes of an address."""

    def __init__(self, addressed: Callable[[bytes], bytes]) -> None:
        self._addressed = addressed
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this
        self._numbers = array("q")
        self._order: I64 = np.zeros(0, np.int64)
        self.closed = 0  # connections whose TLS could not be opened

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, tcp: TcpConnection, closed: bool) -> None:
        """A connection that is over. `closed`: it is in TLS and could not be opened."""
        self._file.write(tcp.key[:KEY_SIZE])
        self._numbers.append(tcp.number)
        self.closed += closed

    def read(self) -> I64:
        """The numbers of all connections, in order; from now on each can be asked for."""
        self._file.flush()
        self._order = np.argsort(np.frombuffer(self._numbers, np.int64))
        return np.array(self._numbers, np.int64)[self._order]

    def of(self, number: int) -> PackedEnds:
        """Both ends of a connection as they are written. Raises KeyError."""
        numbers = np.frombuffer(self._numbers, np.int64)
        place = int(np.searchsorted(numbers, number, sorter=self._order))
        if place == len(numbers) or numbers[self._order[place]] != number:
            raise KeyError(number)
        key = os.pread(self._file.fileno(), KEY_SIZE, int(self._order[place]) * KEY_SIZE)
        (low, first), (high, second) = packed_endpoints(key)
        return (self._addressed(low), first), (self._addressed(high), second)

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()
