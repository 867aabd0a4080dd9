"""The payloads of a batch, for connections in which nothing but data is sent: most of the traffic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, SegmentBatch


class SortedRows:
    """Some rows of a batch that is sorted by connection, the columns as lists."""

    __slots__ = ("ack", "direction", "flags", "frame", "length", "missing", "offset", "seq", "time", "window")

    def __init__(self, batch: SegmentBatch, direction: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """`rows` are row numbers of the batch, `direction` their senders."""
        self.direction: list[int] = direction.tolist()
        self.frame: list[int] = batch.frame[rows].tolist()
        self.time: list[int] = batch.timestamp_ns[rows].tolist()
        self.flags: list[int] = batch.flags[rows].tolist()
        self.seq: list[int] = batch.seq[rows].tolist()
        self.ack: list[int] = batch.ack[rows].tolist()
        self.offset: list[int] = batch.offset[rows].tolist()
        self.length: list[int] = batch.length[rows].tolist()
        self.missing: list[int] = batch.missing[rows].tolist()
        self.window: list[int] = batch.window[rows].tolist()


class Runs:
    """Runs of payloads of one connection and direction: with no data of the other in between, and no FIN or RST.

    For each run: `sender`, the index of the endpoint that sent it, `longest`, the bytes of its largest payload, and
    `start`, its first payload; `start` has one more item, the number of payloads. For each payload: `ends`, the bytes
    of its run up to its own end, `frame` and `time`.
    """

    __slots__ = (
        "_batch",
        "_before",
        "_data",
        "_flagged",
        "_length",
        "_offset",
        "_passed",
        "_picked",
        "_run",
        "ends",
        "frame",
        "longest",
        "sender",
        "start",
        "time",
    )

    def __init__(
        self,
        batch: SegmentBatch,
        direction: NDArray[np.int64],
        group: NDArray[np.int64],
        rows: NDArray[np.int64],
        data: memoryview,
    ) -> None:
        """`rows` are row numbers of the batch sorted by connection, `group` numbers those, `direction` the senders."""
        length = batch.length[rows]
        filled = length > 0
        flagged = batch.flags[rows] & (TCP_SYN | TCP_FIN | TCP_RST) != 0
        # For each row, and the end: how many rows before it open or end something, and how many hold data.
        passed = np.cumsum(flagged)
        self._passed: list[int] = [0, *passed.tolist()]
        self._flagged: list[int] = [*np.flatnonzero(flagged).tolist(), len(rows)]
        self._before: list[int] = [0, *np.cumsum(filled).tolist()]
        picked, length = rows[filled], length[filled]
        self._batch, self._picked = batch, picked
        side = group[filled] * 2 + direction[filled]
        head = np.ones(len(picked), dtype=bool)
        head[1:] = side[1:] != side[:-1]
        # One that ends something is the last of its run.
        count = (passed - flagged)[filled]
        head[1:] |= count[1:] != count[:-1]
        start = np.flatnonzero(head)
        run = np.cumsum(head) - 1
        stop = np.cumsum(length)
        self._run: list[int] = [*run.tolist(), len(start)]
        self.ends: list[int] = (stop - (stop - length)[start][run]).tolist()
        self.frame: list[int] = batch.frame[picked].tolist()
        self.time: list[int] = batch.timestamp_ns[picked].tolist()
        self._offset: list[int] = batch.offset[picked].tolist()
        self._length: list[int] = length.tolist()
        self.longest: list[int] = np.maximum.reduceat(length, start).tolist() if len(start) else []
        self.sender: list[int] = (side[start] & 1).tolist()
        self.start: list[int] = [*start.tolist(), len(picked)]
        self._data = data

    def next_flagged(self, row: int) -> int:
        """The first row from `row` on that opens or ends a connection, of any connection; behind the last: none."""
        return self._flagged[self._passed[row]]

    def between(self, begin: int, stop: int) -> tuple[int, int]:
        """The first run of the rows from `begin` to `stop`, all of one connection, and the one behind them."""
        return self._run[self._before[begin]], self._run[self._before[stop]]

    def size(self, run: int) -> int:
        """Bytes of a run."""
        return self.ends[self.start[run + 1] - 1]

    def sizes(self, run: int) -> list[int]:
        """Bytes of each payload of a run."""
        return self._length[self.start[run] : self.start[run + 1]]

    def content(self, run: int) -> bytes:
        """A run's bytes."""
        begin, stop = self.start[run], self.start[run + 1]
        data = self._data
        if stop == begin + 1:
            offset = self._offset[begin]
            return bytes(data[offset : offset + self._length[begin]])
        pieces = zip(self._offset[begin:stop], self._length[begin:stop], strict=True)
        return b"".join([data[offset : offset + length] for offset, length in pieces])

    def piece(self, run: int) -> tuple[int, bytes, list[int], list[int], list[int]]:
        """A run as `StreamHandler.data` takes it."""
        begin, stop = self.start[run], self.start[run + 1]
        ends, frames, times = self.ends[begin:stop], self.frame[begin:stop], self.time[begin:stop]
        return self.sender[run], self.content(run), ends, frames, times

    def numbers(self, run: int) -> tuple[int, list[int]]:
        """(sequence number of a run's first byte, what each of its segments acknowledges; -1: nothing)."""
        rows = self._picked[self.start[run] : self.start[run + 1]]
        acks = np.where(self._batch.flags[rows] & TCP_ACK != 0, self._batch.ack[rows].astype(np.int64), -1)
        return int(self._batch.seq[rows[0]]), acks.tolist()


class RunsHandler:
    """A StreamHandler that takes many runs of its connection at once."""

    __slots__ = ()

    def runs(self, runs: Runs, first: int, last: int) -> None:
        """Takes the runs from `first` up to `last` without it, as `data` would take each of them."""
        raise NotImplementedError
