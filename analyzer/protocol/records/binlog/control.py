"""Events that say something of the log itself: where it goes on, how it is written, that the server is alive.

Sources: MySQL source documentation, "Rotate_event", "Format_description_event", "Heartbeat_event",
"Heartbeat_event_v2", "Stop_event", "Incident_event", "Ignorable_event", "Rows_query_event"; MariaDB Server
documentation, "Replication Protocol" (BINLOG_CHECKPOINT_EVENT, START_ENCRYPTION_EVENT, ANNOTATE_ROWS_EVENT).
"""

from __future__ import annotations

import re
from typing import Final, Self

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.records.binlog.base import EventBody, EventHeader, counted
from analyzer.protocol.tables.binlog import CHECKSUM_ALGORITHMS, INCIDENTS
from analyzer.protocol.wire.reader import Reader, Writer

_VERSION_SIZE: Final = 50
_NUMBERS: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Rotate(EventBody, frozen=True, tag="rotate"):
    """The log goes on in another file. The first event of a stream is one too, made up by the server."""

    position: int
    file: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.uint("position", 8), r.rest_text("file"))

    def write(self, w: Writer) -> None:
        w.uint(self.position, 8)
        w.raw(self.file)

    def summary(self) -> str:
        return f"{self.file} from byte {self.position} on"


class FormatDescription(EventBody, frozen=True, tag="format_description"):
    """How the events that follow are written.

    `post_header_lengths` holds one byte for each type of event from 1 on. `checksum_algorithm` is None for servers
    that knew of none (MySQL before 5.6.1, MariaDB before 5.3.0).
    """

    binlog_version: int
    server_version: bytes  # 50 bytes, filled up with NULs
    create_timestamp: int
    event_header_length: int
    post_header_lengths: bytes
    checksum_algorithm: int | None

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        version = r.uint("binlog_version", 2)
        server = r.take("server_version", _VERSION_SIZE)
        created, length = r.uint("create_timestamp", 4), r.u8("event_header_length")
        if not knows_checksums(server):
            return cls(version, server, created, length, r.rest("post_header_lengths"), None)
        lengths = r.take("post_header_lengths", max(r.left - 1, 0))
        return cls(version, server, created, length, lengths, r.u8("checksum_algorithm"))

    def write(self, w: Writer) -> None:
        w.uint(self.binlog_version, 2)
        w.raw(self.server_version)
        w.uint(self.create_timestamp, 4)
        w.u8(self.event_header_length)
        w.raw(self.post_header_lengths)
        if self.checksum_algorithm is not None:
            w.u8(self.checksum_algorithm)

    @property
    def version_text(self) -> str:
        return self.server_version.partition(b"\x00")[0].decode("utf-8", "backslashreplace")

    def summary(self) -> str:
        name = CHECKSUM_ALGORITHMS.get(self.checksum_algorithm or 0, str(self.checksum_algorithm))
        return f"version {self.binlog_version} of {self.version_text}, checksum {name}"


def knows_checksums(server_version: bytes) -> bool:
    """Whether a server of this version writes the algorithm and a checksum behind its format description."""
    text = server_version.partition(b"\x00")[0].decode("ascii", "replace")
    found = _NUMBERS.match(text)
    if found is None:
        return False
    numbers = tuple(map(int, found.groups()))
    return numbers >= ((5, 3, 0) if "MariaDB" in text else (5, 6, 1))


class Stop(EventBody, frozen=True, tag="stop"):
    """The server was shut down."""

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls()

    def write(self, w: Writer) -> None:
        pass  # it is empty

    def summary(self) -> str:
        return "the server stopped"


class Heartbeat(EventBody, frozen=True, tag="heartbeat"):
    """Nothing new; the position is the header's."""

    file: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.rest_text("file"))

    def write(self, w: Writer) -> None:
        w.raw(self.file)

    def summary(self) -> str:
        return f"nothing new in {self.file}"


class HeartbeatField(msgspec.Struct, frozen=True):
    """One field of a heartbeat of version 2: 1 is the file, 2 the position (int<lenenc>), 0 the end of the list."""

    type: int
    data: bytes


class HeartbeatV2(EventBody, frozen=True, tag="heartbeat_v2"):
    """The same for positions beyond 4 GiB: a list of fields."""

    fields: tuple[HeartbeatField, ...]

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        fields = []
        while r.pos < r.end:
            type_ = r.lenenc("field_type")
            if not type_:
                fields.append(HeartbeatField(0, r.rest("field_data")))
            else:
                fields.append(HeartbeatField(type_, r.lenenc_bytes("field_data")))
        return cls(tuple(fields))

    def write(self, w: Writer) -> None:
        for field in self.fields:
            w.lenenc(field.type)
            if field.type:
                w.lenenc_bytes(field.data)
            else:
                w.raw(field.data)

    @property
    def file(self) -> str:
        return next((f.data.decode("utf-8", "backslashreplace") for f in self.fields if f.type == 1), "")

    def summary(self) -> str:
        return f"nothing new in {self.file}"


class Incident(EventBody, frozen=True, tag="incident"):
    """Something happened on the server that the log does not hold."""

    incident: int
    message: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.uint("incident", 2), counted(r, "message"))

    def write(self, w: Writer) -> None:
        w.uint(self.incident, 2)
        text = Writer()
        text.raw(self.message)
        w.u8(len(text.data))
        w.raw(bytes(text.data))

    def summary(self) -> str:
        return f"{INCIDENTS.get(self.incident, self.incident)}: {self.message}"


class RowsQuery(EventBody, frozen=True, tag="rows_query"):
    """The statement behind the rows events that follow (MySQL). The length byte in front says nothing: it is cut."""

    length: int
    query: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.u8("query_length"), r.rest_text("query"))

    def write(self, w: Writer) -> None:
        w.u8(self.length)
        w.raw(self.query)

    def summary(self) -> str:
        return self.query


class AnnotateRows(EventBody, frozen=True, tag="annotate_rows"):
    """The statement behind the rows events that follow (MariaDB)."""

    query: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.rest_text("query"))

    def write(self, w: Writer) -> None:
        w.raw(self.query)

    def summary(self) -> str:
        return self.query


class BinlogCheckpoint(EventBody, frozen=True, tag="binlog_checkpoint"):
    """Files before this one are not needed to recover from a crash (MariaDB)."""

    file: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(counted(r, "file", 4))

    def write(self, w: Writer) -> None:
        text = Writer()
        text.raw(self.file)
        w.uint(len(text.data), 4)
        w.raw(bytes(text.data))

    def summary(self) -> str:
        return self.file


class StartEncryption(EventBody, frozen=True, tag="start_encryption"):
    """The rest of the file is encrypted (MariaDB); what is sent is not."""

    scheme: int
    key_version: int
    nonce: bytes

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        at = r.pos
        scheme = r.u8("scheme")
        if scheme != 1:
            raise BadValue(r.record, "scheme", at, f"1 expected, {scheme} found")
        return cls(scheme, r.uint("key_version", 4), r.take("nonce", 12))

    def write(self, w: Writer) -> None:
        w.u8(self.scheme)
        w.uint(self.key_version, 4)
        w.raw(self.nonce)

    def summary(self) -> str:
        return f"key version {self.key_version}"
