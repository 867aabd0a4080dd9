"""What all events of a binlog have in common: the header, and what a body is.

Source: MySQL source documentation, "Binlog Event Header" (Log_event_header).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from analyzer.protocol.wire.reader import Reader, Writer

if TYPE_CHECKING:
    from analyzer.protocol.binlog_stream import BinlogStream

HEADER_SIZE = 19


class EventHeader(msgspec.Struct, frozen=True):
    """Header of version 4. `timestamp` is in seconds, `log_pos` where the next event begins in the file."""

    timestamp: int
    event_type: int
    server_id: int
    event_size: int
    log_pos: int
    flags: int

    @classmethod
    def read(cls, r: Reader) -> Self:
        return cls(
            r.uint("timestamp", 4),
            r.u8("event_type"),
            r.uint("server_id", 4),
            r.uint("event_size", 4),
            r.uint("log_pos", 4),
            r.uint("event_flags", 2),
        )

    def write(self, w: Writer) -> None:
        w.uint(self.timestamp, 4)
        w.u8(self.event_type)
        w.uint(self.server_id, 4)
        w.uint(self.event_size, 4)
        w.uint(self.log_pos, 4)
        w.uint(self.flags, 2)


class EventBody(msgspec.Struct, frozen=True, tag_field="event"):
    """What stands between the header and the checksum. `write` gives the bytes that `read` has read."""

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        """Reads the body, which ends with the reader. Raises DecodeError."""
        raise NotImplementedError

    def write(self, w: Writer) -> None:
        raise NotImplementedError

    def summary(self) -> str:
        return ""


class RawBody(EventBody, frozen=True, tag="raw"):
    """An event that nothing is known of, or whose body is of no interest."""

    data: bytes

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.rest("data"))

    def write(self, w: Writer) -> None:
        w.raw(self.data)

    def summary(self) -> str:
        return f"{len(self.data)} bytes"


def counted(r: Reader, name: str, size: int = 1) -> str:
    """Text with its length (of `size` bytes, no int<lenenc>) in front of it."""
    return r.text(name, r.uint(f"{name}_length", size))
