"""The payloads of a batch, for connections in which nothing but data is sent: most of the traffic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import TCP_FIN, TCP_RST, TCP_SYN, SegmentBatch


class Runs:
    """Runs of payloads of one connection and direction, with nothing of the other in between.

    For each run: `sender`, the index of the endpoint that sent it, and `start`, its first payload; `start` has one more
    item, the number of payloads. For each payload: `ends`, the bytes of its run up to its own end, `frame` and `time`.
    """

    __slots__ = (
        "_before",
        "_data",
        "_flagged",
        "_length",
        "_offset",
        "_run",
        "ends",
        "frame",
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
        self._flagged: list[int] = [0, *np.cumsum(flagged).tolist()]
        self._before: list[int] = [0, *np.cumsum(filled).tolist()]
        picked, length = rows[filled], length[filled]
        side = group[filled] * 2 + direction[filled]
        head = np.ones(len(picked), dtype=bool)
        head[1:] = side[1:] != side[:-1]
        start = np.flatnonzero(head)
        run = np.cumsum(head) - 1
        stop = np.cumsum(length)
        self._run: list[int] = [*run.tolist(), len(start)]
        self.ends: list[int] = (stop - (stop - length)[start][run]).tolist()
        self.frame: list[int] = batch.frame[picked].tolist()
        self.time: list[int] = batch.timestamp_ns[picked].tolist()
        self._offset: list[int] = batch.offset[picked].tolist()
        self._length: list[int] = length.tolist()
        self.sender: list[int] = (side[start] & 1).tolist()
        self.start: list[int] = [*start.tolist(), len(picked)]
        self._data = data

    def only_data(self, begin: int, stop: int) -> bool:
        """Whether the rows from `begin` to `stop` neither open nor end a connection."""
        return self._flagged[begin] == self._flagged[stop]

    def between(self, begin: int, stop: int) -> tuple[int, int]:
        """The first run of the rows from `begin` to `stop`, all of one connection, and the one behind them."""
        return self._run[self._before[begin]], self._run[self._before[stop]]

    def size(self, run: int) -> int:
        """Bytes of a run."""
        return self.ends[self.start[run + 1] - 1]

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


class RunsHandler:
    """A StreamHandler that takes many runs of its connection at once."""

    __slots__ = ()

    def runs(self, runs: Runs, first: int, last: int) -> None:
        """Takes the runs from `first` up to `last` without it, as `data` would take each of them."""
        raise NotImplementedError
