"""A temporary file that several processes may add to."""

from __future__ import annotations

import os
import tempfile
from array import array
from typing import IO


class AppendedFile:
    """Takes data, and says where it stands. After `share` those that this process forks may add to it too."""

    __slots__ = ("_file", "_shared", "_size")

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-", buffering=0)  # noqa: SIM115 - lives on
        self._size = 0
        self._shared = False

    def fileno(self) -> int:
        """Its number for the system."""
        return self._file.fileno()

    @property
    def size(self) -> int:
        """Bytes of it."""
        return os.fstat(self.fileno()).st_size if self._shared else self._size

    def add(self, data: bytes | bytearray | array[int]) -> int:
        """Writes data behind all that is there; where it begins."""
        rest = memoryview(data).cast("B")
        at = begin = self._reserved(len(rest))
        while rest:
            written = os.pwrite(self.fileno(), rest, at)
            at += written
            rest = rest[written:]
        return begin

    def _reserved(self, size: int) -> int:
        """Where so many bytes have their place."""
        at = self._size
        if not self._shared:
            self._size += size
            return at
        import fcntl  # what has no such module does not fork either

        number = self.fileno()
        fcntl.lockf(number, fcntl.LOCK_EX)
        try:
            at = os.fstat(number).st_size
            os.ftruncate(number, at + size)
        finally:
            fcntl.lockf(number, fcntl.LOCK_UN)
        return at

    def share(self) -> None:
        """From here on others may add to it."""
        self._shared = True

    def forget_others(self) -> None:
        """Nobody else adds to it any more, and what they added is of no use."""
        os.ftruncate(self.fileno(), self._size)
        self._shared = False

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()
