"""Rows of numbers that wait on disk, and are read in the order of their first column."""

from __future__ import annotations

import tempfile
from array import array
from typing import IO, Final

import numpy as np

from analyzer.batches import I64

_AT_ONCE: Final = 1 << 16


class RowsOnDisk:
    """Takes rows of `width` numbers."""

    def __init__(self, width: int) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this
        self._width = width
        self._count = 0

    def add(self, rows: array[int]) -> None:
        """Rows one behind the other, in any order."""
        self._file.write(rows)
        self._count += len(rows) // self._width

    def sorted(self) -> I64:
        """The columns, shape (width, rows + 1), on disk still; behind the last row stands one of -1."""
        count, shape = self._count, (self._width, self._count + 1)
        with self._file, tempfile.TemporaryFile(prefix="handshark-") as file:
            self._file.flush()
            columns = np.memmap(file, np.int64, "w+", shape=shape)
            columns[:, count] = -1
            if count:
                rows = np.memmap(self._file, np.int64, "r", shape=(count, self._width))
                order = np.argsort(rows[:, 0], kind="stable")
                for column in range(self._width):
                    for at in range(0, count, _AT_ONCE):
                        part = order[at : at + _AT_ONCE]
                        columns[column, at : at + len(part)] = rows[part, column]
        return columns.view(np.ndarray)  # which is quicker to ask than a map
