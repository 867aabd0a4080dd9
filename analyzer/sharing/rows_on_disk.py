"""Rows of numbers that wait on disk, and are read in the order of their first column."""

from __future__ import annotations

import mmap
import os
import tempfile
from array import array
from typing import Final

from analyzer.sharing.appended_file import AppendedFile

# Rows that are sorted in memory; others by NumPy, which is loaded for them.
MOST_IN_MEMORY: Final = 1 << 16
_NUMBER: Final = 8


class RowsOnDisk:
    """Takes rows of `width` numbers. Several processes may add to `file`."""

    def __init__(self, width: int) -> None:
        self.file = AppendedFile()
        self._width = width

    def add(self, rows: array[int]) -> None:
        """Rows one behind the other, in any order."""
        self.file.add(rows)

    def sorted(self) -> list[memoryview]:
        """The columns, on disk still where they are long; behind the last row stands one of -1."""
        width = self._width
        count = self.file.size // (_NUMBER * width)
        try:
            columns = self._ordered(count) if count <= MOST_IN_MEMORY else self._ordered_on_disk(count)
        finally:
            self.close()
        return [columns[(count + 1) * column : (count + 1) * (column + 1)] for column in range(width)]

    def _ordered(self, count: int) -> memoryview:
        rows, columns = array("q", bytes(_NUMBER * self._width * count)), array("q")
        os.preadv(self.file.fileno(), (memoryview(rows).cast("B"),), 0)
        order = sorted(range(count), key=rows[:: self._width].__getitem__)
        for column in range(self._width):
            columns.extend(map(rows[column :: self._width].__getitem__, order))
            columns.append(-1)
        return memoryview(columns)

    def _ordered_on_disk(self, count: int) -> memoryview:
        import numpy as np

        with tempfile.TemporaryFile(prefix="handshark-") as file:
            columns = np.memmap(file, np.int64, "w+", shape=(self._width, count + 1))
            columns[:, count] = -1
            with mmap.mmap(self.file.fileno(), 0, prot=mmap.PROT_READ) as whole:
                rows = np.frombuffer(whole, np.int64).reshape(count, self._width)
                order = np.argsort(rows[:, 0], kind="stable")
                for column in range(self._width):
                    for at in range(0, count, MOST_IN_MEMORY):
                        part = order[at : at + MOST_IN_MEMORY]
                        columns[column, at : at + len(part)] = rows[part, column]
                del rows
            columns.flush()
            return memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    def close(self) -> None:
        """Gives the disk's room back, as far as nobody reads from it."""
        self.file.close()
