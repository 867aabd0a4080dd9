"""Replacements of streams by their places: on disk, found again for whatever segment asks."""

from __future__ import annotations

import os
from array import array
from typing import Final

from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.appended_file import AppendedFile
from analyzer.sharing.places import Places
from analyzer.sharing.redaction.columns import FrameColumns
from analyzer.sharing.redaction.envelopes import NOTHING, SCATTERED
from analyzer.sharing.redaction.streams import RedactedStream, moved, settle
from analyzer.sharing.rows_on_disk import RowsOnDisk

# Places have 41 bits in a key, sides the rest.
_PLACE_BITS: Final = 41
_PLACE: Final = 0x1FF_FFFF_FFFF
# Bytes that are read at once, at least; of payloads that are further apart in the file each is read by itself.
_READ: Final = 1 << 14
_MOST_APART: Final = 1 << 34
# Constants of others, once more: here they are numbers of C.
_NOTHING: Final = NOTHING
_SCATTERED: Final = SCATTERED


class StreamSpool:
    """Takes pieces of streams in order; `settle` after each batch, when connections have their numbers."""

    def __init__(self) -> None:
        self._file = AppendedFile()
        self._due: list[RedactedStream] = []
        self._index = RowsOnDisk(3)  # key, length, offset

    def stream(self, tcp: TcpConnection, sender: int, places: Places) -> RedactedStream:
        """One direction of a connection, whose pieces are taken."""
        return RedactedStream(tcp, sender, places, self._due)

    def settle(self) -> None:
        """A batch is over."""
        rows, parts = array("q"), list[bytes | bytearray]()
        settle(self._due, parts, rows, _PLACE_BITS)
        moved(rows, self._file.add(b"".join(parts)))  # most are short
        self._index.add(rows)

    def read(self) -> StreamReader:
        """All of it."""
        return StreamReader(self._file, self._index.sorted())

    @property
    def files(self) -> tuple[AppendedFile, ...]:
        """What several processes may add to."""
        return self._file, self._index.file

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()
        self._index.close()


class StreamReader:
    """Gives what stands at places; zeros where nothing does."""

    __slots__ = ("_count", "_keys", "_length", "_number", "_offset", "_room")

    def __init__(self, file: AppendedFile, index: list[memoryview]) -> None:
        self._number = file.fileno()
        self._keys, self._length, self._offset = index
        self._count = len(index[0]) - 1
        self._room = bytearray()

    def first(self, side: int, place: int) -> int:
        """The piece that stands there or before, -1 for none: what `bytes_at` wants."""
        key = side << _PLACE_BITS | place
        first, stop = 0, self._count
        while first < stop:
            middle = (first + stop) // 2
            if self._keys[middle] <= key:
                first = middle + 1
            else:
                stop = middle
        return first - 1

    def payloads(self, columns: FrameColumns) -> bytearray:
        """Says of all frames where their payloads stand (`first`, `payload`), among the bytes that it gives.

        These are there until it is called again.
        """
        least, most = self._find(columns)
        if least < 0:
            return self._room
        begin = least // _READ
        marks = bytearray((most - 1) // _READ - begin + 1) if most - least <= _MOST_APART else None
        if marks is not None:
            places = array("q", bytes(8 * len(marks)))
            self._mark(columns, begin, marks)
            count = marks.count(1) * _READ
            if count > len(self._room):
                self._room = bytearray(count)
            room, at, block = memoryview(self._room), 0, marks.find(1)
            # What is near one another is read at once.
            while block >= 0:
                stop = marks.find(0, block)
                stop = len(marks) if stop < 0 else stop
                start = (begin + block) * _READ
                size = min((stop - block) * _READ, most - start)
                os.preadv(self._number, (room[at : at + size],), start)
                for one in range(block, stop):
                    places[one] = at - start
                at += size
                block = marks.find(1, stop)
            self._settle(columns, begin, places)
        else:
            self._settle(columns, begin, array("q"))
        return self._room

    def _find(self, columns: FrameColumns) -> tuple[int, int]:
        """Notes where in the file payloads stand that are whole there; (where the first begins, where the last ends).

        (-1, -1): there is none.
        """
        least = most = -1
        for index in range(columns.count):
            side, place, length = columns.side[index], columns.place[index], columns.length[index]
            columns.payload[index] = _NOTHING
            if side < 0:
                continue
            first = columns.first[index] = self.first(side, place)
            if length <= 0:
                continue
            this = self._keys[first] if first >= 0 else -1
            behind = self._keys[first + 1]
            begin = place - (this & _PLACE)
            mine = this >> _PLACE_BITS == side and begin < self._length[first]
            # A later piece in front of a payload's end: it was known better then.
            goes_on = behind >> _PLACE_BITS == side and behind & _PLACE < place + length
            if mine or goes_on:
                columns.payload[index] = _SCATTERED
            if mine and not goes_on and begin + length <= self._length[first]:
                start = columns.payload[index] = self._offset[first] + begin
                if least < 0 or start < least:
                    least = start
                most = max(most, start + length)
        return least, most

    def _mark(self, columns: FrameColumns, begin: int, marks: bytearray) -> None:
        """Marks what has to be read."""
        for index in range(columns.count):
            start = columns.payload[index]
            if start >= 0:
                stop = (start + columns.length[index] - 1) // _READ
                for block in range(start // _READ, stop + 1):
                    marks[block - begin] = 1

    def _settle(self, columns: FrameColumns, begin: int, places: array[int]) -> None:
        """From where payloads stand in the file to where they were read to; without `places` each is read by itself."""
        for index in range(columns.count):
            start = columns.payload[index]
            if start >= 0:
                columns.payload[index] = start + places[start // _READ - begin] if len(places) else _SCATTERED

    def bytes_at(self, first: int, side: int, place: int, length: int) -> bytes:
        """The `length` bytes of a side's stream from a place on."""
        out = bytearray(length)
        for number in range(max(first, 0), self._count):
            key = self._keys[number]
            begin, other = (key & _PLACE) - place, key >> _PLACE_BITS
            if other > side or (other == side and begin >= length):
                break
            if other != side:
                continue
            end = min(begin + self._length[number], length)
            skip = max(-begin, 0)
            if end > max(begin, 0):
                offset = self._offset[number]
                out[max(begin, 0) : end] = os.pread(self._number, end - max(begin, 0), offset + skip)
        return bytes(out)
