"""gzip, zstd and lz4 frames, recognised by content and opened as a stream.

Sources: RFC 1952 (gzip), RFC 8878 (zstd), https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

from analyzer.capture.inputs import ByteInput

READ_SIZE = 64 << 10
# What a codec is given at once. The zstd binding can not bound its output: four bytes of input may become 128 KiB
# (a run-length block), so one slice becomes 64 MiB at the very most.
SLICE = 2 << 10
OUTPUT_LIMIT = 256 << 10
# The window a zstd frame may ask for; `zstd --long` goes up to this without asking for the same on the other side.
MAX_WINDOW = 128 << 20


class _Codec(Protocol):
    """One gzip member, zstd frame or lz4 frame."""

    @property
    def done(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What `decode` raises for bad data."""

    @property
    def rest(self) -> int:
        """Bytes of the last input that lie behind the end of the member."""

    def decode(self, data: bytes) -> bytes: ...


class _Gzip:
    errors = (zlib.error,)

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._more = False

    @property
    def done(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not (self._more or self._stream.unconsumed_tail)

    @property
    def rest(self) -> int:
        return len(self._stream.unused_data)

    def decode(self, data: bytes) -> bytes:
        result = self._stream.decompress(self._stream.unconsumed_tail + data, OUTPUT_LIMIT)
        self._more = len(result) == OUTPUT_LIMIT
        return result


class _Zstd:
    needs_input = True

    def __init__(self) -> None:
        import zstandard

        self.errors: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        self._stream = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()

    @property
    def done(self) -> bool:
        return self._stream.eof

    @property
    def rest(self) -> int:
        return len(self._stream.unused_data)

    def decode(self, data: bytes) -> bytes:
        return self._stream.decompress(data)


class _Lz4:
    errors = (RuntimeError, EOFError)  # for bad data; where a frame ended

    def __init__(self) -> None:
        import lz4.frame

        self._stream = lz4.frame.LZ4FrameDecompressor()
        self._more = False

    @property
    def done(self) -> bool:
        return bool(self._stream.eof)

    @property
    def needs_input(self) -> bool:
        return not self._more

    @property
    def rest(self) -> int:
        return len(self._stream.unused_data or b"")

    def decode(self, data: bytes) -> bytes:
        result: bytes = self._stream.decompress(data, OUTPUT_LIMIT)
        # Without output there is nothing to wait for but input, whatever the binding says.
        self._more = bool(result) and not self._stream.needs_input
        return result


_CODECS: dict[str, Callable[[], _Codec]] = {"gzip": _Gzip, "zstd": _Zstd, "lz4": _Lz4}


def compression_of(head: bytes) -> str | None:
    """ "gzip", "zstd" or "lz4" if `head` (four bytes or more) begins so, None otherwise."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return "zstd"  # the second: a skippable frame, which pzstd puts first
    if head[:4] == b"\x04\x22\x4d\x18":
        return "lz4"
    return None


class CompressedInput:
    """The decompressed bytes of `inner`, whose first bytes `head` have been read; see ByteInput.

    Several members or frames after one another are one stream. Bad or missing compressed data end it: what came before
    is delivered, and `problem` says what was wrong.
    """

    def __init__(self, inner: ByteInput, head: bytes, kind: str) -> None:
        self._inner = inner
        self._kind = kind
        self._codec = _CODECS[kind]()
        self._members = 0
        self._started = False
        self._yielded = False
        self._buffer = bytearray(READ_SIZE)
        self._buffer[: len(head)] = head
        self._start, self._end = 0, len(head)
        self._output = memoryview(b"")
        self._ended = False
        self.problem: str | None = None

    @property
    def consumed(self) -> int:
        """Compressed bytes read so far."""
        return self._inner.consumed

    def read_some(self, target: memoryview, wait: bool) -> int | None:
        """See ByteInput."""
        while not self._output:
            if self._ended:
                return 0
            if self._codec.needs_input and self._start == self._end:
                count = self._refill(wait)
                if not count:
                    return count
            self._step()
        count = min(len(target), len(self._output))
        target[:count] = self._output[:count]
        self._output = self._output[count:]
        return count

    def _refill(self, wait: bool) -> int | None:
        """Read compressed bytes; see read_some."""
        count = self._inner.read_some(memoryview(self._buffer), wait)
        if count is None:
            return None
        if count == 0:
            self._ended = True
            self.problem = self._inner.problem
            if self.problem is None and self._started:
                self.problem = f"the {self._kind} data is cut short"
        self._start, self._end = 0, count
        return count

    def _step(self) -> None:
        """Give the codec its next slice."""
        data = b""
        if self._codec.needs_input:
            if not self._started and self._members:
                while self._start < self._end and self._buffer[self._start] == 0:
                    self._start += 1  # zeros that pad the file to a block size
                if self._start == self._end:
                    return
            data = bytes(self._buffer[self._start : min(self._start + SLICE, self._end)])
            self._start += len(data)
            self._started = True
        try:
            result = self._codec.decode(data)
        except self._codec.errors as error:
            self._ended = True
            if self._members and not self._yielded:
                self.problem = f"bytes that are not {self._kind} follow the compressed data"
            else:
                self.problem = f"the {self._kind} data is damaged: {error}"
            return
        self._output = memoryview(result)
        self._yielded = self._yielded or bool(result)
        if self._codec.done:
            self._start -= self._codec.rest
            self._codec = _CODECS[self._kind]()
            self._members += 1
            self._started = self._yielded = False
