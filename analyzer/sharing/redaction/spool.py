"""Replacements of streams by their places: on disk, found again for whatever segment asks."""

from __future__ import annotations

import os
import tempfile
from array import array
from typing import IO, Final

import numpy as np

from analyzer.batches import I64
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.places import Places
from analyzer.sharing.redaction.envelopes import NOTHING, SCATTERED
from analyzer.sharing.redaction.streams import RedactedStream, settle
from analyzer.sharing.rows_on_disk import RowsOnDisk

# Places have 41 bits in a key, sides the rest.
_PLACE_BITS: Final = 41
_PLACE: Final = (1 << _PLACE_BITS) - 1
# Bytes between two payloads that are read with them.
_NEAR: Final = 1 << 14


class StreamSpool:
    """Takes pieces of streams in order; `settle` after each batch, when connections have their numbers."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this
        self._due: list[RedactedStream] = []
        self._index = RowsOnDisk(3)  # key, length, offset
        self._at = 0

    def stream(self, tcp: TcpConnection, sender: int, places: Places) -> RedactedStream:
        """One direction of a connection, whose pieces are taken."""
        return RedactedStream(tcp, sender, places, self._due)

    def settle(self) -> None:
        """A batch is over."""
        rows, parts = array("q"), list[bytearray]()
        self._at = settle(self._due, parts, rows, _PLACE_BITS, self._at)
        self._file.writelines(parts)
        self._index.add(rows)

    def read(self) -> StreamReader:
        """All of it."""
        self._file.flush()
        return StreamReader(self._file, self._index.sorted())

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()


class StreamReader:
    """Gives what stands at places; zeros where nothing does."""

    def __init__(self, file: IO[bytes], index: I64) -> None:
        self._number = file.fileno()
        self._all, self._length, self._offset = index
        self._keys = self._all[:-1]
        self._room = bytearray()

    def first(self, sides: I64, places: I64) -> I64:
        """For each the chunk that stands there or before, -1 for none: what `bytes_at` wants."""
        return np.searchsorted(self._keys, sides << _PLACE_BITS | places, side="right") - 1

    def payloads(self, firsts: I64, sides: I64, places: I64, lengths: I64) -> tuple[bytearray, I64]:
        """(bytes, where each payload begins in them; NOTHING: it is zeros, SCATTERED: `bytes_at` has it).

        The bytes are there until it is called again.
        """
        this, behind = self._all[firsts], self._all[firsts + 1]
        begin = places - (this & _PLACE)
        mine = (this >> _PLACE_BITS == sides) & (begin < self._length[firsts])
        # A later piece in front of a payload's end: it was known better then.
        goes_on = (behind >> _PLACE_BITS == sides) & (behind & _PLACE < places + lengths)
        whole = mine & ~goes_on & (begin + lengths <= self._length[firsts]) & (lengths > 0)
        found = np.where((mine | goes_on) & (lengths > 0), SCATTERED, NOTHING)
        rows = np.flatnonzero(whole)
        if not len(rows):
            return self._room, found
        starts = self._offset[firsts[rows]] + begin[rows]
        order = np.argsort(starts, kind="stable")
        ordered = starts[order]
        ends = np.maximum.accumulate(ordered + lengths[rows][order])
        # What is near one another is read at once.
        heads = np.append(0, np.flatnonzero(ordered[1:] > ends[:-1] + _NEAR) + 1)
        tails = np.append(heads[1:], len(ordered)) - 1
        sizes = ends[tails] - ordered[heads]
        bases = np.append(0, np.cumsum(sizes)[:-1]) - ordered[heads]
        found[rows[order]] = ordered + np.repeat(bases, tails - heads + 1)
        count = int(sizes.sum())
        if count > len(self._room):
            self._room = bytearray(count)
        room, at = memoryview(self._room), 0
        for size, start in zip(sizes.tolist(), ordered[heads].tolist(), strict=True):
            os.preadv(self._number, (room[at : at + size],), start)
            at += size
        return self._room, found

    def bytes_at(self, first: int, side: int, place: int, length: int) -> bytes:
        """The `length` bytes of a side's stream from a place on."""
        out = bytearray(length)
        for number in range(max(first, 0), len(self._keys)):
            key = int(self._keys[number])
            begin, other = (key & _PLACE) - place, key >> _PLACE_BITS
            if other > side or (other == side and begin >= length):
                break
            if other != side:
                continue
            end = min(begin + int(self._length[number]), length)
            skip = max(-begin, 0)
            if end > max(begin, 0):
                offset = int(self._offset[number])
                out[max(begin, 0) : end] = os.pread(self._number, end - max(begin, 0), offset + skip)
        return bytes(out)
