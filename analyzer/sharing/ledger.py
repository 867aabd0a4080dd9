"""Which frame is of which connection: noted on disk during the first reading of a capture, read again in the second."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Container
from itertools import groupby
from operator import itemgetter
from typing import IO, Final, NamedTuple

from analyzer.batches import FrameBatch, SegmentBatch, zeros
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.places import Places


class LedgerRow(NamedTuple):
    """One row for each TCP segment that was followed.

    frame   its number; for IP fragments that of the frame that completed the datagram
    side    2 * number of the connection + index of the endpoint that sent it
    place   its sequence number, counted on beyond 2**32 where the connection's handler has `places`
    at      first byte of the payload within the frame; -1 where it is not in there as it stands (fragments)
    length  captured bytes of the payload, missing those that were not
    tag     the network that the addresses are of (see TagKind)
    """

    frame: int
    side: int
    place: int
    at: int
    length: int
    missing: int
    ack: int
    tag: int
    flags: int
    window: int


WIDTH: Final = len(LedgerRow._fields)
_WIDTH: Final = WIDTH
_TAG: Final = 7
_TAGS: Final = (1 << 64) - 1
_MOST: Final = (1 << 63) - 1  # that a number with a sign can be
# Segments of a connection that were followed: their places in the columns, and who sent each of all in these.
_Followed = tuple[TcpConnection, Places | None, SegmentBatch, memoryview, memoryview]
# Rows read at once.
_BLOCK: Final = 1 << 14
# Frames with fragments that are known by heart; those over it are left out like frames of no connection.
MOST_FRAGMENTS: Final = 1 << 18


class LedgerRows:
    """Rows one behind the other: `WIDTH` numbers each, `tag` among them as if it had a sign."""

    __slots__ = ("count", "numbers")

    def __init__(self, numbers: memoryview) -> None:
        self.numbers = numbers
        self.count = len(numbers) // _WIDTH

    def row(self, index: int) -> LedgerRow:
        """A row."""
        return _row_of(self.numbers[_WIDTH * index : _WIDTH * (index + 1)].tolist())

    def of(self, streams: Container[int]) -> list[LedgerRow]:
        """Those of these connections."""
        numbers, width = self.numbers.tolist(), WIDTH
        places = range(0, len(numbers), width)
        return [_row_of(numbers[at : at + width]) for at in places if numbers[at + 1] >> 1 in streams]

    def place(self, frame: int) -> int:
        """The first row whose frame is no earlier."""
        numbers = self.numbers
        first, stop = 0, self.count
        while first < stop:
            middle = (first + stop) // 2
            if numbers[_WIDTH * middle] < frame:
                first = middle + 1
            else:
                stop = middle
        return first


def _row_of(numbers: list[int]) -> LedgerRow:
    numbers[_TAG] &= _TAGS
    return LedgerRow._make(numbers)


class Ledger:
    """Takes `frames` and `rows` from an analysis (`on_frames`, `on_rows`), and `settle` after each batch."""

    def __init__(self) -> None:
        self._file = _new_file()
        self._files = [self._file]  # those of other processes behind it
        self._pending: list[_Followed] = []
        self._batch: FrameBatch | None = None
        self._whole = 0  # bytes of the frames in the batch's data: what is behind them was reassembled
        # Frame of a fragment -> row of its datagram, of those that did not complete theirs.
        self.fragments: dict[int, LedgerRow] = {}

    def frames(self, batch: FrameBatch, segments: SegmentBatch) -> None:
        """A batch, before it is followed."""
        self._batch = batch
        self._whole = len(batch.data)

    def rows(self, connection: TcpConnection, segments: SegmentBatch, rows: memoryview, senders: memoryview) -> None:
        """Segments of the batch that were followed, and who sent each of all of it. Others have no handler."""
        if self._batch is not None and connection.handler is not None:
            places = getattr(connection.handler, "places", None)
            self._pending.append((connection, places if isinstance(places, Places) else None, segments, rows, senders))

    def settle(self, fragments: dict[int, tuple[int, ...]]) -> None:
        """A batch is over, and its connections have their numbers."""
        if self._batch is None or not self._pending:
            return
        # Nearly always all of them are of the same columns.
        parts = [self._found(self._batch, list(ones)) for _, ones in groupby(self._pending, key=lambda one: id(one[4]))]
        self._pending.clear()
        found = parts[0]
        if len(parts) > 1:
            each = [part[at : at + WIDTH] for part in parts for at in range(0, len(part), WIDTH)]
            each.sort(key=itemgetter(0))
            found = array("q")
            for one in each:
                found += one
        self._file.write(found)
        rows = LedgerRows(memoryview(found))
        for frame, others in fragments.items():
            index = rows.place(frame)
            if index < rows.count and rows.row(index).frame == frame and len(self.fragments) < MOST_FRAGMENTS:
                self.fragments.update(dict.fromkeys(others, rows.row(index)))

    def _found(self, batch: FrameBatch, followed: list[_Followed]) -> array[int]:
        """The rows of segments that have the same columns, in the order of the frames."""
        segments, sender = followed[0][2], followed[0][4]
        size = len(sender)
        # By the row of the columns: whose it is, and its place; -1: nobody's.
        sides, numbers = array("q", bytes(8 * size)), array("q", bytes(8 * size))
        owners, places = zeros("q", size), zeros("q", size)
        seq, count = segments.column("seq"), 0
        for row in range(size):
            owners[row] = -1
        for tcp, known, _, rows, _ in followed:
            own, more = 2 * tcp.number, len(rows)
            for index in range(more):
                row = rows[index]
                sides[index], numbers[index] = sender[row], seq[row]
            if known is not None:
                known.of_rows(numbers, sides, 0, more)
            for index in range(more):
                row = rows[index]
                owners[row], places[row] = own + sides[index], numbers[index]
            count += more
        return self._written(batch, segments, owners, places, count)

    def _written(
        self, batch: FrameBatch, segments: SegmentBatch, owners: memoryview, places: memoryview, count: int
    ) -> array[int]:
        made = array("q", bytes(8 * _WIDTH * count))
        out = memoryview(made)
        frame, offset, length = segments.column("frame"), segments.column("offset"), segments.column("length")
        missing, ack, tag = segments.column("missing"), segments.column("ack"), segments.column("tag")
        flags, window = segments.column("flags"), segments.column("window")
        number, begins = batch.column("number"), batch.column("offset")
        at = place = 0
        for row in range(len(owners)):
            if owners[row] < 0:
                continue
            if place and number[place - 1] >= frame[row]:
                place = 0
            while number[place] < frame[row]:
                place += 1
            out[at], out[at + 1], out[at + 2] = frame[row], owners[row], places[row]
            out[at + 3] = offset[row] - begins[place] if offset[row] <= self._whole else -1
            out[at + 4], out[at + 5], out[at + 6] = length[row], missing[row], ack[row]
            out[at + 7] = tag[row] if tag[row] <= _MOST else tag[row] - _MOST - 1 - _MOST - 1
            out[at + 8], out[at + 9] = flags[row], window[row]
            at += _WIDTH
        return made

    def read(self) -> LedgerReader:
        """All rows, in the order of their frames."""
        for file in self._files:
            file.flush()
        return LedgerReader(self._files)

    # -- in several processes ------------------------------------------------------------------------------------------

    def share(self, processes: int) -> None:
        """Has a file for each of so many processes."""
        self._file.flush()
        self._files = [self._file, *(_new_file() for _ in range(processes))]

    def begin_share(self, index: int) -> None:
        """This process is one of them: its rows go to its file."""
        self._file = self._files[1 + index]

    def end_share(self) -> dict[int, LedgerRow]:
        """All its rows are there. The fragments that it knows of."""
        self._file.flush()
        return self.fragments

    def forget_others(self) -> None:
        """What other processes wrote is of no use."""
        for file in self._files[1:]:
            file.close()
        self._files = self._files[:1]

    def close(self) -> None:
        """Gives the disk's room back."""
        for file in self._files:
            file.close()


def _new_file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="handshark-")  # lives as long as the ledger


class LedgerReader:
    """Gives the rows of all files again, as far as they are asked for."""

    def __init__(self, files: list[IO[bytes]]) -> None:
        self._each = [_FileReader(file) for file in files]

    def up_to(self, frame: int) -> LedgerRows:
        """The rows of the frames up to this one that were not given before."""
        found = self._each[0].up_to(frame)
        for other in self._each[1:]:
            more = other.up_to(frame)
            found = _merged(found, more) if len(found) and len(more) else found if len(found) else more
        return LedgerRows(found)


class _FileReader:
    """Gives the rows of one file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._number = file.fileno()
        self._at = 0
        self._rows = LedgerRows(memoryview(array("q")))

    def up_to(self, frame: int) -> memoryview:
        """The rows of the frames up to this one that were not given before."""
        parts: list[memoryview] = []
        while True:
            rows = self._rows
            end = rows.place(frame + 1)
            parts.append(rows.numbers[: WIDTH * end])
            self._rows = LedgerRows(rows.numbers[WIDTH * end :])
            if end < rows.count:
                break
            raw = os.pread(self._number, _BLOCK * 8 * WIDTH, self._at)  # others may read it too
            raw = raw[: len(raw) - len(raw) % (8 * WIDTH)]
            if not raw:
                break
            self._at += len(raw)
            self._rows = LedgerRows(memoryview(raw).cast("q"))
        return memoryview(b"".join(parts)).cast("q")


def _merged(one: memoryview, other: memoryview) -> memoryview:
    """Rows of both in the order of their frames."""
    made = array("q", bytes(8 * (len(one) + len(other))))
    out, rows = memoryview(made), one
    first = second = at = 0
    while at < len(out):
        if second == len(other) or (first < len(one) and one[first] <= other[second]):
            rows, place = one, first
            first += _WIDTH
        else:
            rows, place = other, second
            second += _WIDTH
        for index in range(_WIDTH):
            out[at + index] = rows[place + index]
        at += _WIDTH
    return memoryview(made)
