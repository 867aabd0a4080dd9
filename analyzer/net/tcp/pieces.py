"""Segments and payloads of a batch, in columns that are read one by one: what flows hand to conversations."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from analyzer.batches import I64, TCP_ACK, SegmentBatch, copied
from analyzer.net.tcp.headers import HEADERS

# A constant of others, once more: here it is a number of C.
_HEADERS: Final = HEADERS


class Segments:
    """The segments of a batch. `order` sorts them by connection; `sender` is the index of the endpoint that sent each.

    `one_by_one`: none is taken to be in order, each goes the long way.
    """

    __slots__ = (
        "_batch",
        "_buffer",
        "_rows",
        "_senders",
        "ack",
        "data",
        "flags",
        "frame",
        "length",
        "missing",
        "octets",
        "offset",
        "one_by_one",
        "order",
        "sender",
        "seq",
        "time_ns",
        "window",
    )

    def __init__(self, batch: SegmentBatch, sender: memoryview, order: memoryview, one_by_one: bool) -> None:
        self._batch = batch
        self._rows: memoryview | I64 = order
        self._senders: memoryview | I64 = sender
        data = batch.data
        self._buffer = data if isinstance(data, (bytes, bytearray)) else bytes(data)
        self.data = self.octets = memoryview(self._buffer)
        self.order = order
        self.sender = sender
        self.frame, self.time_ns = batch.column("frame"), batch.column("timestamp_ns")
        self.seq, self.ack = batch.column("seq"), batch.column("ack")
        self.flags, self.window = batch.column("flags"), batch.column("window")
        self.offset, self.length, self.missing = batch.column("offset"), batch.column("length"), batch.column("missing")
        self.one_by_one = one_by_one

    def headers(self, offset: int) -> bytes:
        """The bytes before a payload that may be its headers."""
        return self.cut(max(0, offset - _HEADERS), offset)

    def cut(self, begin: int, end: int) -> bytes:
        """The bytes from `begin` up to `end`."""
        if not 0 <= begin <= end <= len(self.octets):
            raise IndexError(f"bytes {begin} to {end} of {len(self.octets)}")
        return copied(self._buffer, begin, end)

    def part(self, begin: int, stop: int) -> tuple[SegmentBatch, I64, I64]:
        """The batch, its rows at the places from `begin` to `stop` of the order, and who sent each of all its rows."""
        import numpy as np

        # Arrays from the first time on.
        self._rows, self._senders = rows, senders = np.asarray(self._rows), np.asarray(self._senders)
        return self._batch, rows[begin:stop], senders


class Pieces:
    """Payloads that are in their place, connection by connection: `row` says of each which segment it came in.

    A run is pieces of one side with nothing of the other, and no end, in between.
    """

    __slots__ = ("count", "row", "segments")

    def __init__(self, segments: Segments) -> None:
        self.segments = segments
        self.row = array("q", bytes(8 * len(self.segments.order)))
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
        frames: list[int] = []
        times: list[int] = []
        end = 0
        for piece in range(first, stop):
            row = self.row[piece]
            end += segments.length[row]
            ends.append(end)
            frames.append(segments.frame[row])
            times.append(segments.time_ns[row])
        return segments.sender[self.row[first]], self.content(first, stop), ends, frames, times

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


def pieces_of(contents: Sequence[bytes], senders: Sequence[int], frames: Sequence[int], times: Sequence[int]) -> Pieces:
    """What segments held inside of something else, each in its place: a row for each of `contents`."""
    count = len(contents)
    lengths, none = array("q", map(len, contents)), memoryview(bytes(8 * count))
    numbers = none[: 4 * count].cast("I")
    rows = array("q", range(count))
    batch = SegmentBatch.of(b"".join(contents), {})
    for name, column in (
        ("frame", memoryview(array("q", frames))),
        ("timestamp_ns", memoryview(array("q", times))),
        ("seq", numbers),
        ("ack", numbers),
        ("flags", none[:count]),
        ("window", none[: 2 * count].cast("H")),
        ("offset", memoryview(array("q", accumulate(lengths[:-1], initial=0)))),
        ("length", memoryview(lengths)),
        ("missing", none.cast("q")),
    ):
        setattr(batch, name, column)  # where columns are looked for first
    pieces = Pieces(Segments(batch, memoryview(bytes(senders)), memoryview(rows), False))
    for row in rows:
        pieces.add(row)
    return pieces


class PiecesHandler:
    """A StreamHandler that takes many pieces of its connection at once."""

    __slots__ = ()

    def pieces(self, pieces: Pieces, first: int, last: int) -> None:
        """Takes the pieces from `first` up to `last` without it, as `data` would take each run of them."""
        raise NotImplementedError

    def opens(self, data: bytes) -> bool:
        """Whether a segment with these bytes can only be the first of a connection."""
        raise NotImplementedError

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        """As `StreamHandler.end`."""
        raise NotImplementedError
