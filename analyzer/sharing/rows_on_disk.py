"""Rows of numbers that wait on disk, and are read in the order of their first column."""

from __future__ import annotations

import mmap
import tempfile
from array import array
from typing import IO, Final

# Rows that are sorted in memory; others by NumPy, which is loaded for them.
MOST_IN_MEMORY: Final = 1 << 16


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

    def sorted(self) -> list[memoryview]:
        """The columns, on disk still where they are long; behind the last row stands one of -1."""
        count, width = self._count, self._width
        with self._file:
            self._file.flush()
            columns = self._ordered() if count <= MOST_IN_MEMORY else self._ordered_on_disk()
        return [columns[(count + 1) * column : (count + 1) * (column + 1)] for column in range(width)]

    def _ordered(self) -> memoryview:
        rows, columns = array("q"), array("q")
        self._file.seek(0)
        rows.frombytes(self._file.read())
        order = sorted(range(self._count), key=rows[:: self._width].__getitem__)
        for column in range(self._width):
            columns.extend(map(rows[column :: self._width].__getitem__, order))
            columns.append(-1)
        return memoryview(columns)

    def _ordered_on_disk(self) -> memoryview:
        import numpy as np

        count, shape = self._count, (self._width, self._count + 1)
        with tempfile.TemporaryFile(prefix="handshark-") as file:
            columns = np.memmap(file, np.int64, "w+", shape=shape)
            columns[:, count] = -1
            rows = np.memmap(self._file, np.int64, "r", shape=(count, self._width))
            order = np.argsort(rows[:, 0], kind="stable")
            for column in range(self._width):
                for at in range(0, count, MOST_IN_MEMORY):
                    part = order[at : at + MOST_IN_MEMORY]
                    columns[column, at : at + len(part)] = rows[part, column]
            columns.flush()
            return memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
