"""Replacements of streams by their places: on disk, found again for whatever segment asks."""

from __future__ import annotations

import os
import tempfile
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I64
from analyzer.net.tcp.reassembly import TcpConnection

_CHUNK: Final = np.dtype([("side", "<i8"), ("place", "<i8"), ("length", "<i8"), ("offset", "<i8")])
# Places have 41 bits in a key, sides the rest.
_PLACE_BITS: Final = 41


class StreamSpool:
    """Takes pieces of streams in order; `settle` after each batch, when connections have their numbers."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this
        self._pending: dict[tuple[int, int], tuple[TcpConnection, list[tuple[int, bytearray]]]] = {}
        self._index: list[NDArray[np.void]] = []
        self._at = 0

    def add(self, tcp: TcpConnection, sender: int, place: int, data: bytes) -> None:
        """What stands at a place from now on."""
        if not data:
            return
        found = self._pending.get((id(tcp), sender))
        if found is None:
            self._pending[id(tcp), sender] = (tcp, [(place, bytearray(data))])
            return
        last_place, last = found[1][-1]
        if last_place + len(last) == place:
            last += data
        else:
            found[1].append((place, bytearray(data)))

    def settle(self) -> None:
        """A batch is over."""
        rows: list[tuple[int, int, int, int]] = []
        for (_, sender), (tcp, pieces) in self._pending.items():
            for place, data in pieces:
                self._file.write(data)
                rows.append((2 * tcp.number + sender, place, len(data), self._at))
                self._at += len(data)
        self._pending.clear()
        if rows:
            self._index.append(np.array(rows, _CHUNK))

    def read(self) -> StreamReader:
        """All of it."""
        self._file.flush()
        index = np.concatenate(self._index) if self._index else np.zeros(0, _CHUNK)
        self._index.clear()
        return StreamReader(self._file, index)

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()


class StreamReader:
    """Gives what stands at places; zeros where nothing does."""

    def __init__(self, file: IO[bytes], index: NDArray[np.void]) -> None:
        self._number = file.fileno()
        keys = index["side"] << _PLACE_BITS | index["place"]
        order = np.argsort(keys, kind="stable")
        self._keys: I64 = keys[order]
        self._index = index[order]

    def first(self, sides: I64, places: I64) -> list[int]:
        """For each the chunk that stands there or before, -1 for none: what `bytes_at` wants."""
        found = np.searchsorted(self._keys, sides << _PLACE_BITS | places, side="right") - 1
        numbers: list[int] = found.tolist()
        return numbers

    def _goes_on(self, first: int, side: int, end: int) -> bool:
        """Whether a later piece stands in front of this end too: it was known better then."""
        index = self._index
        following = first + 1
        return following < len(index) and index["side"][following] == side and bool(index["place"][following] < end)

    def bytes_at(self, first: int, side: int, place: int, length: int) -> bytes:
        """The `length` bytes of a side's stream from a place on."""
        index = self._index
        if first >= 0 and index["side"][first] == side:
            start = place - int(index["place"][first])
            whole = start >= 0 and start + length <= index["length"][first]
            if whole and not self._goes_on(first, side, place + length):
                offset = int(index["offset"][first]) + start
                return os.pread(self._number, length, offset)
        out = bytearray(length)
        for number in range(max(first, 0), len(index)):
            row = index[number]
            begin = int(row["place"]) - place
            if row["side"] > side or (row["side"] == side and begin >= length):
                break
            if row["side"] != side:
                continue
            end = min(begin + int(row["length"]), length)
            skip = max(-begin, 0)
            if end > max(begin, 0):
                offset = int(row["offset"])
                out[max(begin, 0) : end] = os.pread(self._number, end - max(begin, 0), offset + skip)
        return bytes(out)
