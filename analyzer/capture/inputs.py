"""Bytes of a file, a pipe or a file object, and the chunks that the format readers walk over."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO, Protocol, cast

# Buffers up to this size are not worth a copy to give memory back.
SMALL = 64 << 10


class ByteInput(Protocol):
    """A stream of bytes that can be asked what it has at present."""

    @property
    def consumed(self) -> int:
        """Bytes read from the underlying file."""

    @property
    def problem(self) -> str | None:
        """Why the stream ended before its time; None where it did not."""

    def read_some(self, target: memoryview, wait: bool) -> int | None:
        """Read at least one byte into `target` (not empty); 0 at the end, None if nothing is there and not `wait`."""


def _reader_of(file: BinaryIO) -> Callable[[memoryview], int | None]:
    """The way to read that returns what is there instead of waiting until the target is full."""
    for name in ("readinto1", "readinto"):
        method = getattr(file, name, None)
        if method is not None:
            return cast("Callable[[memoryview], int | None]", method)

    def read(target: memoryview) -> int | None:
        data = file.read(len(target))
        target[: len(data)] = data
        return len(data)

    return read


class RawInput:
    """An open binary file. `size` is the length in bytes of a regular file, None for all else."""

    def __init__(self, file: BinaryIO, size: int | None = None) -> None:
        """`size`: of a file that is elsewhere, whose bytes come when they are asked for."""
        self._read = _reader_of(file)
        self.consumed = 0
        self.problem: str | None = None
        self.size = size
        self._always_ready = size is not None or isinstance(file, BytesIO)
        self._poll: select.poll | None = None
        try:
            number = file.fileno()
        except OSError:  # io.UnsupportedOperation is one: an object in memory
            return
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            self.size = status.st_size
            self._always_ready = True
        else:
            self._poll = select.poll()
            self._poll.register(number, select.POLLIN)

    def read_some(self, target: memoryview, wait: bool) -> int | None:
        """See ByteInput. A read error ends the stream and becomes its problem."""
        if not (wait or self._always_ready or (self._poll is not None and self._poll.poll(0))):
            return None
        try:
            count = self._read(target)
            while count is None:  # a descriptor in non-blocking mode that has nothing
                if not wait:
                    return None
                if self._poll is not None:
                    self._poll.poll()
                count = self._read(target)
        except OSError as error:
            self.problem = f"reading failed: {error.strerror or error}"
            return 0
        self.consumed += count
        return count


class Chunks:
    """A window on the stream that a format reader moves forward.

    view   memoryview of the window; its first `used` bytes are valid
    base   offset in the stream of the window's first byte
    ended  the stream has no more than what is in the window

    Every window is new memory: batches made of an earlier one stay valid.
    """

    def __init__(self, source: ByteInput, head: bytes, batch_bytes: int) -> None:
        self._source = source
        self._batch_bytes = max(batch_bytes, 1)
        self.base = 0
        self.ended = False
        self.used = len(head)
        self.view = memoryview(head)

    @property
    def problem(self) -> str | None:
        """Why the stream ended before its time, as far as that has been met."""
        return self._source.problem

    @property
    def buffer(self) -> bytes | bytearray:
        """All of the window: what is behind its `used` bytes means nothing."""
        return cast("bytearray", self.view.obj)

    def require(self, count: int) -> bool:
        """Read until the window holds `count` bytes; False if the stream ends before."""
        if self.used < count and not self.ended:
            self.advance(0, count)
        return self.used >= count

    def advance(self, consumed: int, need: int) -> None:
        """Drop the first `consumed` bytes and read on: `need` bytes if the stream has them, more if there is no wait.

        Memory grows with what arrives, not with what a length field promises.
        """
        keep = self.view[consumed : self.used]
        have = len(keep)
        self.base += consumed
        size = max(self._batch_bytes, min(need, 2 * have), have + 1)
        view = memoryview(bytearray(size))
        view[:have] = keep
        while have < size:
            count = self._source.read_some(view[have:size], have < need)
            if count is None:
                break
            if count == 0:
                self.ended = True
                break
            have += count
            if have == size and have < need:
                size = min(need, 2 * size)
                grown = memoryview(bytearray(size))
                grown[:have] = view[:have]
                view = grown
        if size > SMALL and 4 * have < size:
            view = memoryview(bytes(view[:have]))
        self.view, self.used = view, have
