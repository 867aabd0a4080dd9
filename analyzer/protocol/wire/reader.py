"""Reading and writing of the protocol's basic types, every length checked.

Types as the MySQL manual names them ("Protocol Data Types"): int<1>..int<8> and int<lenenc>, little-endian;
string<fix>, string<NUL>, string<lenenc>, string<EOF>. Each method takes the name of the field: the plain reader ignores
it, the tracing reader notes where the field stood, so that a field tree comes out of the same decode.

Text is UTF-8 with "surrogateescape": bytes that are not UTF-8 survive a round trip.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from analyzer.errors import BadValue, TrailingBytes, Truncated

ENCODING_ERRORS = "surrogateescape"


class Reader:
    """Reads fields from `data`, from `pos` on. Raises `Truncated` instead of ever returning short data.

    A method that reads through another calls that of this class: what traces notes the outer one alone.
    """

    __slots__ = ("data", "end", "pos", "record")

    def __init__(self, data: bytes, record: str = "", pos: int = 0) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data)
        self.record = record

    def _short(self, name: str, need: int) -> Truncated:
        left = self.end - self.pos
        return Truncated(self.record, name, self.pos, f"{need} bytes expected, {left} left")

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return self.end - self.pos

    def peek(self) -> int:
        """The next byte, or -1 at the end."""
        return self.data[self.pos] if self.pos < self.end else -1

    def u8(self, name: str) -> int:
        """int<1>."""
        pos = self.pos
        if pos >= self.end:
            raise self._short(name, 1)
        self.pos = pos + 1
        return self.data[pos]

    def uint(self, name: str, size: int) -> int:
        """int<size>, little-endian, unsigned."""
        pos = self.pos
        stop = pos + size
        if stop > self.end:
            raise self._short(name, size)
        self.pos = stop
        return int.from_bytes(self.data[pos:stop], "little")

    def take(self, name: str, size: int) -> bytes:
        """string<fix>: exactly `size` bytes."""
        pos = self.pos
        stop = pos + size
        if stop > self.end:
            raise self._short(name, size)
        self.pos = stop
        return self.data[pos:stop]

    def rest(self, name: str) -> bytes:
        """string<EOF>: all that is left."""
        pos = self.pos
        self.pos = self.end
        return self.data[pos : self.end]

    def nul(self, name: str) -> bytes:
        """string<NUL>, without the NUL. Raises Truncated where there is none."""
        pos = self.pos
        stop = self.data.find(0, pos, self.end)
        if stop < 0:
            raise Truncated(self.record, name, pos, "no NUL before the end of the packet")
        self.pos = stop + 1
        return self.data[pos:stop]

    def lenenc(self, name: str) -> int:
        """int<lenenc>. Raises BadValue for 0xFB (NULL) and 0xFF (an error packet's mark), which are no numbers."""
        pos = self.pos
        if pos >= self.end:
            raise self._short(name, 1)
        first = self.data[pos]
        if first < 0xFB:
            self.pos = pos + 1
            return first
        if first in (0xFB, 0xFF):
            raise BadValue(self.record, name, pos, f"0x{first:02x} begins no length-encoded integer")
        size = 2 if first == 0xFC else 3 if first == 0xFD else 8
        stop = pos + 1 + size
        if stop > self.end:
            raise self._short(name, 1 + size)
        self.pos = stop
        return int.from_bytes(self.data[pos + 1 : stop], "little")

    def lenenc_bytes(self, name: str) -> bytes:
        """string<lenenc>."""
        start = self.pos
        size = Reader.lenenc(self, name)
        pos = self.pos
        stop = pos + size
        if stop > self.end:
            self.pos = start
            raise Truncated(self.record, name, start, f"{size} bytes announced, {self.end - pos} left")
        self.pos = stop
        return self.data[pos:stop]

    def text(self, name: str, size: int) -> str:
        """string<fix> as text."""
        return Reader.take(self, name, size).decode("utf-8", ENCODING_ERRORS)

    def nul_text(self, name: str) -> str:
        """string<NUL> as text."""
        return Reader.nul(self, name).decode("utf-8", ENCODING_ERRORS)

    def lenenc_text(self, name: str) -> str:
        """string<lenenc> as text."""
        return Reader.lenenc_bytes(self, name).decode("utf-8", ENCODING_ERRORS)

    def rest_text(self, name: str) -> str:
        """string<EOF> as text."""
        return Reader.rest(self, name).decode("utf-8", ENCODING_ERRORS)

    def rewind(self, pos: int) -> None:
        """Goes back to `pos`: what was read from there on is as if it had not been."""
        self.pos = pos

    def finish(self) -> None:
        """Raises TrailingBytes where the payload goes on after the last field."""
        if self.pos != self.end:
            raise TrailingBytes(self.record, "end", self.pos, f"{self.end - self.pos} bytes after the last field")


class Span(NamedTuple):
    """Where a field stood: `data[start:end]`."""

    name: str
    start: int
    end: int
    value: Any


class TracingReader(Reader):
    """A Reader that notes a Span for every field it reads, in order."""

    __slots__ = ("spans",)

    def __init__(self, data: bytes, record: str = "", pos: int = 0) -> None:
        super().__init__(data, record, pos)
        self.spans: list[Span] = []

    def rewind(self, pos: int) -> None:
        self.pos = pos
        self.spans = [span for span in self.spans if span.end <= pos]

    def u8(self, name: str) -> int:
        start = self.pos
        value = Reader.u8(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def uint(self, name: str, size: int) -> int:
        start = self.pos
        value = Reader.uint(self, name, size)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def take(self, name: str, size: int) -> bytes:
        start = self.pos
        value = Reader.take(self, name, size)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def rest(self, name: str) -> bytes:
        start = self.pos
        value = Reader.rest(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def nul(self, name: str) -> bytes:
        start = self.pos
        value = Reader.nul(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def lenenc(self, name: str) -> int:
        start = self.pos
        value = Reader.lenenc(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def lenenc_bytes(self, name: str) -> bytes:
        start = self.pos
        value = Reader.lenenc_bytes(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def text(self, name: str, size: int) -> str:
        start = self.pos
        value = Reader.text(self, name, size)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def nul_text(self, name: str) -> str:
        start = self.pos
        value = Reader.nul_text(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def lenenc_text(self, name: str) -> str:
        start = self.pos
        value = Reader.lenenc_text(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value

    def rest_text(self, name: str) -> str:
        start = self.pos
        value = Reader.rest_text(self, name)
        if name:
            self.spans.append(Span(name, start, self.pos, value))
        return value


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8", ENCODING_ERRORS) if isinstance(value, str) else value


class Writer:
    """The other way: every method of Reader has its twin, and the same field written gives the same bytes."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = bytearray()

    def u8(self, value: int) -> None:
        self.data.append(value)

    def uint(self, value: int, size: int) -> None:
        self.data += value.to_bytes(size, "little")

    def raw(self, value: bytes | str) -> None:
        """string<fix> and string<EOF>."""
        self.data += _bytes(value)

    def nul(self, value: bytes | str) -> None:
        self.data += _bytes(value)
        self.data.append(0)

    def lenenc(self, value: int) -> None:
        if value < 0xFB:
            self.data.append(value)
        elif value < 1 << 16:
            self.data.append(0xFC)
            self.uint(value, 2)
        elif value < 1 << 24:
            self.data.append(0xFD)
            self.uint(value, 3)
        else:
            self.data.append(0xFE)
            self.uint(value, 8)

    def lenenc_bytes(self, value: bytes | str) -> None:
        raw = _bytes(value)
        self.lenenc(len(raw))
        self.data += raw

    def getvalue(self) -> bytes:
        return bytes(self.data)
