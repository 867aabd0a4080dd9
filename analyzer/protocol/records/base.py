"""The base of all wire records: one class a record, its fields named as the manuals name them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.wire.reader import Reader, TracingReader, Writer

NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


class Record(msgspec.Struct, frozen=True):
    """A decoded payload. `decode` and `encode` are each other's inverse; the summary is one line in plain words."""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        """Reads the record from `r`. Raises DecodeError with record, field and offset."""
        raise NotImplementedError

    def encode(self, w: Writer, ctx: Context) -> None:
        raise NotImplementedError

    def summary(self) -> str:
        return ""

    def free(self, ctx: Context) -> Mapping[str, int]:
        """Fields of which other bytes, as many, change nothing else of what is decoded, and nothing of what follows.

        Numbers of connections are such, and nonces. Each with how many bytes at its end are not free.
        """
        return NOTHING

    def to_bytes(self, ctx: Context) -> bytes:
        w = Writer()
        self.encode(w, ctx)
        return w.getvalue()

    @classmethod
    def from_bytes(cls, payload: bytes, ctx: Context) -> Self:
        """Decodes a whole payload. Raises TrailingBytes where it goes on after the record."""
        r = Reader(payload, cls.__name__)
        record = cls.decode(r, ctx)
        r.finish()
        return record


class Malformed(Record, frozen=True):
    """Bytes that had to be a record and are none: what was decoded before the error, where it broke, and why.

    `partial` holds (field name, value) of the fields read before `offset`; nothing after it is trusted.
    """

    record_type: str
    field: str
    partial: tuple[tuple[str, Any], ...]
    offset: int
    reason: str
    data: bytes

    def summary(self) -> str:
        return f"malformed {self.record_type}: {self.field} at byte {self.offset}: {self.reason}"


def malformed(record_type: str, error: DecodeError, payload: bytes, reader: TracingReader | None = None) -> Malformed:
    """The record of a failed decode. `reader` is the traced second attempt, from which `partial` comes."""
    partial = tuple((span.name, span.value) for span in reader.spans) if reader is not None else ()
    return Malformed(record_type, error.field, partial, error.offset, error.reason, payload)


def expect(r: Reader, record: str, command: int) -> None:
    """Reads the byte that begins a command. Raises BadValue where it is another one."""
    r.record = record
    found = r.u8("command")
    if found != command:
        raise BadValue(record, "command", 0, f"0x{command:02x} expected, 0x{found:02x} found")
