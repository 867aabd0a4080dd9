"""Segments and payloads of a batch, in columns that are read one by one: what flows hand to conversations."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Final

from analyzer.batches import TCP_ACK, Data, SegmentBatch, copied, zeros
from analyzer.net.tcp.headers import HEADERS

# A constant of others, once more: here it is a number of C.
_HEADERS: Final = HEADERS

Opens = Callable[[bytes], bool]


class Segments:
    """The segments of a batch. `order` sorts them by connection; `sender` is the index of the endpoint that sent each.

    `one_by_one`: none is taken to be in order, each goes the long way. `opens`: whether bytes can only be the first of
    a connection; None where nobody can tell.
    """

    __slots__ = (
        "_batch",
        "_rows",
        "_senders",
        "ack",
        "buffer",
        "flags",
        "frame",
        "length",
        "missing",
        "octets",
        "offset",
        "one_by_one",
        "opens",
        "order",
        "sender",
        "seq",
        "time_ns",
        "window",
    )

    def __init__(
        self, batch: SegmentBatch, sender: memoryview, order: memoryview, one_by_one: bool, opens: Opens | None = None
    ) -> None:
        self._batch = batch
        self._rows, self._senders = order, sender
        self.keep(batch.data)
        self.order = order
        self.sender = sender
        self.frame, self.time_ns = batch.column("frame"), batch.column("timestamp_ns")
        self.seq, self.ack = batch.column("seq"), batch.column("ack")
        self.flags, self.window = batch.column("flags"), batch.column("window")
        self.offset, self.length, self.missing = batch.column("offset"), batch.column("length"), batch.column("missing")
        self.one_by_one = one_by_one
        self.opens = opens

    def keep(self, data: Data) -> None:
        """The bytes that payloads are in."""
        self.buffer = data if isinstance(data, (bytes, bytearray)) else bytes(data)
        self.octets = memoryview(self.buffer)

    def headers(self, offset: int) -> bytes:
        """The bytes before a payload that may be its headers."""
        return self.cut(max(0, offset - _HEADERS), offset)

    def cut(self, begin: int, end: int) -> bytes:
        """The bytes from `begin` up to `end`."""
        if not 0 <= begin <= end <= len(self.octets):
            raise IndexError(f"bytes {begin} to {end} of {len(self.octets)}")
        return copied(self.buffer, begin, end)

    def part(self, begin: int, stop: int) -> tuple[SegmentBatch, memoryview, memoryview]:
        """The batch, its rows at the places from `begin` to `stop` of the order, and who sent each of all its rows."""
        return self._batch, self._rows[begin:stop], self._senders


class Pieces:
    """Payloads that are in their place, connection by connection: `row` says of each which segment it came in.

    A run is pieces of one side with nothing of the other, and no end, in between.
    """

    __slots__ = ("count", "row", "segments")

    def __init__(self, segments: Segments, most: int) -> None:
        self.segments = segments
        self.row = array("q", bytes(8 * most))
        self.count = 0

    def add(self, row: int) -> None:
        """The next piece is the payload of this segment."""
        self.row[self.count] = row
        self.count += 1

    def run_end(self, first: int, last: int) -> int:
        """Where the run that begins with the piece `first` ends, at `last` at most."""
        segments = self.segments
        sender = segments.sender[self.row[first]]
        stop = first + 1
        while stop < last and segments.sender[self.row[stop]] == sender:
            stop += 1
        return stop

    def holding(self, first: int, size: int) -> int:
        """The piece that holds the last of the `size` bytes from the piece `first` on."""
        while (size := size - self.segments.length[self.row[first]]) > 0:
            first += 1
        return first

    def content(self, first: int, stop: int) -> bytes:
        """The bytes of a run."""
        segments, row = self.segments, self.row[first]
        offset = segments.offset[row]
        if stop == first + 1:
            return segments.cut(offset, offset + segments.length[row])
        parts = []
        for piece in range(first, stop):
            row = self.row[piece]
            offset = segments.offset[row]
            parts.append(segments.cut(offset, offset + segments.length[row]))
        return b"".join(parts)

    def run(self, first: int, stop: int) -> tuple[int, bytes, list[int], list[int], list[int]]:
        """A run as `StreamHandler.data` takes it."""
        segments = self.segments
        ends: list[int] = []
        end = 0
        for piece in range(first, stop):
            end += segments.length[self.row[piece]]
            ends.append(end)
        return segments.sender[self.row[first]], self.content(first, stop), ends, *self.times(first, stop)

    def times(self, first: int, stop: int) -> tuple[list[int], list[int]]:
        """The frames in which pieces came, and when."""
        segments = self.segments
        frames: list[int] = []
        times: list[int] = []
        for piece in range(first, stop):
            row = self.row[piece]
            frames.append(segments.frame[row])
            times.append(segments.time_ns[row])
        return frames, times

    def numbers(self, first: int, stop: int) -> tuple[int, list[int]]:
        """(sequence number of a run's first byte, what each of its segments acknowledges; -1: nothing)."""
        segments = self.segments
        acks: list[int] = []
        for piece in range(first, stop):
            row = self.row[piece]
            acks.append(segments.ack[row] if segments.flags[row] & TCP_ACK else -1)
        return segments.seq[self.row[first]], acks

    def first_number(self, sender: int, first: int, last: int) -> int:
        """Sequence number of a sender's first piece from `first` up to `last`; -1: there is none."""
        segments = self.segments
        for piece in range(first, last):
            row = self.row[piece]
            if segments.sender[row] == sender:
                return segments.seq[row]
        return -1


def pieces_of(said: list[tuple[bytes, int, int, int]]) -> Pieces:
    """What segments held inside of something else, each in its place: bytes, sender, frame and time of each."""
    count = len(said)
    blank = _BLANK if count <= _ROOM else _blank(count)
    columns, senders = zeros("q", 4 * count), zeros("B", count)
    contents: list[bytes] = []
    offset = 0
    for row in range(count):
        data, sender, frame, time_ns = said[row]
        contents.append(data)
        senders[row], columns[row], columns[count + row] = sender, frame, time_ns
        columns[2 * count + row], columns[3 * count + row] = offset, len(data)
        offset += len(data)
    like, segments = blank.segments, Segments.__new__(Segments)
    segments.seq, segments.ack, segments.flags = like.seq, like.ack, like.flags
    segments.window, segments.missing, segments.order = like.window, like.missing, like.order
    segments.frame, segments.time_ns = columns[:count], columns[count : 2 * count]
    segments.offset, segments.length = columns[2 * count : 3 * count], columns[3 * count :]
    segments.sender, segments.one_by_one = senders, False
    segments.keep(b"".join(contents))
    pieces = Pieces.__new__(Pieces)
    pieces.segments, pieces.row, pieces.count = segments, blank.row, count
    return pieces


def _blank(count: int) -> Pieces:
    """So many pieces of nothing, in their order."""
    segments, rows, none = Segments.__new__(Segments), array("q", range(count)), memoryview(bytes(8 * count))
    segments.seq = segments.ack = none[: 4 * count].cast("I")
    segments.flags, segments.window = none[:count], none[: 2 * count].cast("H")
    segments.missing, segments.order = none.cast("q"), memoryview(rows)
    pieces = Pieces(segments, 0)
    pieces.row, pieces.count = rows, count
    return pieces


# Most pieces that are made share what is the same of all.
_ROOM: Final = 64
_BLANK: Final = _blank(_ROOM)


class PiecesHandler:
    """A StreamHandler that takes many pieces of its connection at once."""

    __slots__ = ()

    def pieces(self, pieces: Pieces, first: int, last: int) -> None:
        """Takes the pieces from `first` up to `last` without it, as `data` would take each run of them."""
        raise NotImplementedError

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        """As `StreamHandler.end`."""
        raise NotImplementedError
