"""One event as it comes over the network: the packet's head, the event's header, its body, its checksum.

Sources: MySQL source documentation, "COM_BINLOG_DUMP" and "Binlog Network Stream"; MySQL source, semisync_source.cc
(the two bytes of semi-synchronous replication); MariaDB Server documentation, "Replication Protocol".
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final, Self
from zlib import crc32

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.binlog import control, gtid, payload, rows, statement
from analyzer.protocol.records.binlog.base import HEADER_SIZE, EventBody, EventHeader, RawBody
from analyzer.protocol.tables import binlog as tb
from analyzer.protocol.wire.reader import Reader, Writer

SEMI_SYNC_MAGIC: Final = 0xEF
ACK_REQUESTED: Final = 0x01
_CHECKSUM_SIZE: Final = 4
_SIZE_AT: Final = 9  # of the event's size in its header
_FLAGS_AT: Final = 17
_VERSION_AT: Final = HEADER_SIZE + 2  # of the server's version in a format description
_IN_USE: Final = 0x01
MOST_INNER_EVENTS: Final = 1 << 12

BODIES: Final[dict[int, type[EventBody]]] = {
    tb.QUERY_EVENT: statement.Query,
    tb.STOP_EVENT: control.Stop,
    tb.ROTATE_EVENT: control.Rotate,
    tb.INTVAR_EVENT: statement.Intvar,
    tb.APPEND_BLOCK_EVENT: statement.FileBlock,
    tb.DELETE_FILE_EVENT: statement.DeleteFile,
    tb.RAND_EVENT: statement.Rand,
    tb.USER_VAR_EVENT: statement.UserVar,
    tb.FORMAT_DESCRIPTION_EVENT: control.FormatDescription,
    tb.XID_EVENT: statement.Xid,
    tb.BEGIN_LOAD_QUERY_EVENT: statement.FileBlock,
    tb.EXECUTE_LOAD_QUERY_EVENT: statement.ExecuteLoadQuery,
    tb.TABLE_MAP_EVENT: rows.TableMap,
    tb.WRITE_ROWS_EVENT_V1: rows.Rows,
    tb.UPDATE_ROWS_EVENT_V1: rows.Rows,
    tb.DELETE_ROWS_EVENT_V1: rows.Rows,
    tb.INCIDENT_EVENT: control.Incident,
    tb.HEARTBEAT_EVENT: control.Heartbeat,
    tb.ROWS_QUERY_EVENT: control.RowsQuery,
    tb.WRITE_ROWS_EVENT: rows.Rows,
    tb.UPDATE_ROWS_EVENT: rows.Rows,
    tb.DELETE_ROWS_EVENT: rows.Rows,
    tb.GTID_EVENT: gtid.Gtid,
    tb.ANONYMOUS_GTID_EVENT: gtid.Gtid,
    tb.PREVIOUS_GTIDS_EVENT: gtid.PreviousGtids,
    tb.XA_PREPARE_EVENT: statement.XaPrepare,
    tb.PARTIAL_UPDATE_ROWS_EVENT: rows.Rows,
    tb.TRANSACTION_PAYLOAD_EVENT: payload.TransactionPayload,
    tb.HEARTBEAT_EVENT_V2: control.HeartbeatV2,
    tb.GTID_TAGGED_EVENT: gtid.GtidTagged,
    tb.MARIADB_ANNOTATE_ROWS_EVENT: control.AnnotateRows,
    tb.MARIADB_BINLOG_CHECKPOINT_EVENT: control.BinlogCheckpoint,
    tb.MARIADB_GTID_EVENT: gtid.MariadbGtid,
    tb.MARIADB_GTID_LIST_EVENT: gtid.MariadbGtidList,
    tb.MARIADB_START_ENCRYPTION_EVENT: control.StartEncryption,
    tb.MARIADB_QUERY_COMPRESSED_EVENT: statement.Query,
    tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1: rows.Rows,
    tb.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1: rows.Rows,
    tb.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1: rows.Rows,
    tb.MARIADB_WRITE_ROWS_COMPRESSED_EVENT: rows.Rows,
    tb.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT: rows.Rows,
    tb.MARIADB_DELETE_ROWS_COMPRESSED_EVENT: rows.Rows,
}
# Kept as they stand: no server writes them any more, group replication's own, or no body at all.
UNSUPPORTED: Final = frozenset({0, 1, 6, 7, 8, 10, 12, 20, 21, 22, tb.IGNORABLE_EVENT, 36, 37})


class Event(msgspec.Struct, frozen=True):
    """A whole event. `checksum_valid` says whether the checksum is that of the bytes before it; None without one."""

    header: EventHeader
    body: EventBody
    checksum: int | None = None
    checksum_valid: bool | None = None

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream) -> Self:
        """Reads an event that ends with the reader. Raises DecodeError."""
        start = r.pos
        header = EventHeader.read(r)
        if header.event_size != r.end - start:
            reason = f"{header.event_size} bytes announced, {r.end - start} are there"
            raise BadValue(r.record, "event_size", start + _SIZE_AT, reason)
        outer = r.end
        summed = _has_checksum(r.data, start, outer, header, stream)
        if summed:
            if r.left < _CHECKSUM_SIZE:
                raise BadValue(r.record, "checksum", r.pos, f"{_CHECKSUM_SIZE} bytes expected, {r.left} left")
            r.end = outer - _CHECKSUM_SIZE
        at = r.pos
        body: EventBody = BODIES.get(header.event_type, RawBody).read(r, stream, header)
        r.finish()
        w = Writer()
        body.write(w)
        if w.data != r.data[at : r.end]:
            # Not as servers write it (a number longer than it has to be): kept as it stands, for its size is said.
            body = RawBody(r.data[at : r.end])
        if not summed:
            return cls(header, body)
        right = _checks(r.data, start, r.end, header)
        r.end = outer
        return cls(header, body, r.uint("checksum", _CHECKSUM_SIZE), right)

    def write(self, w: Writer) -> None:
        self.header.write(w)
        self.body.write(w)
        if self.checksum is not None:
            w.uint(self.checksum, _CHECKSUM_SIZE)

    @classmethod
    def build(cls, header: EventHeader, body: EventBody, summed: bool) -> Self:
        """An event of these parts, with its size and its checksum worked out."""
        inside = Writer()
        body.write(inside)
        size = HEADER_SIZE + len(inside.data) + (_CHECKSUM_SIZE if summed else 0)
        header = msgspec.structs.replace(header, event_size=size)
        if not summed:
            return cls(header, body)
        w = Writer()
        header.write(w)
        return cls(header, body, crc32(bytes(w.data + inside.data)), True)

    @property
    def name(self) -> str:
        number = self.header.event_type
        return tb.EVENT_TYPES.get(number, f"event {number}")

    def summary(self) -> str:
        wrong = ", wrong checksum" if self.checksum_valid is False else ""
        text = self.body.summary()
        return f"{self.name}{': ' if text else ''}{text}{wrong}"


def _checks(data: bytes, start: int, end: int, header: EventHeader) -> bool:
    """Whether the checksum at `end` is right. Of a file in use the flag is left out when it is worked out."""
    due = int.from_bytes(data[end : end + _CHECKSUM_SIZE], "little")
    if crc32(data[start:end]) == due:
        return True
    if not header.flags & _IN_USE:
        return False
    plain = bytearray(data[start:end])
    plain[_FLAGS_AT] &= ~_IN_USE
    return crc32(bytes(plain)) == due


def _has_checksum(data: bytes, start: int, end: int, header: EventHeader, stream: BinlogStream) -> bool:
    if header.event_type == tb.FORMAT_DESCRIPTION_EVENT:
        return control.knows_checksums(data[start + _VERSION_AT : start + _VERSION_AT + 50])
    if stream.checksum is not None:
        return stream.checksum == tb.CHECKSUM_CRC32
    # Before the format description: by chance the last four bytes fit once in four thousand million events.
    end -= _CHECKSUM_SIZE
    return end - start >= HEADER_SIZE and _checks(data, start, end, header)


def after(stream: BinlogStream, event: Event) -> BinlogStream:
    """What is known of the stream when the event is over."""
    body = event.body
    if isinstance(body, control.FormatDescription):
        lengths = body.post_header_lengths
        # The post-header of a table map is six bytes where table numbers have four.
        short = len(lengths) >= tb.TABLE_MAP_EVENT and lengths[tb.TABLE_MAP_EVENT - 1] == 6
        algorithm = body.checksum_algorithm if body.checksum_algorithm is not None else tb.CHECKSUM_OFF
        return BinlogStream(algorithm, "MariaDB" in body.version_text, 4 if short else 6)
    if isinstance(body, rows.TableMap):
        return stream.with_table(body.table_id, body.mapped(stream.mariadb))
    return stream


def inner_events(body: payload.TransactionPayload, stream: BinlogStream) -> tuple[Event, ...]:
    """The events of a transaction's payload, at most MOST_INNER_EVENTS. Raises DecodeError."""
    stream = msgspec.structs.replace(stream, checksum=tb.CHECKSUM_OFF)
    r = Reader(body.opened() or b"", "BinlogEvent")
    found: list[Event] = []
    while r.pos < len(r.data) and len(found) < MOST_INNER_EVENTS:
        start = r.pos
        if r.left < HEADER_SIZE:
            raise BadValue("BinlogEvent", "event_size", start, f"{r.left} bytes are no event")
        size = unpack_from("<I", r.data, start + _SIZE_AT)[0]
        if not HEADER_SIZE <= size <= r.left:
            raise BadValue("BinlogEvent", "event_size", start + _SIZE_AT, f"{size} bytes announced, {r.left} left")
        r.end = start + size
        event = Event.read(r, stream)
        stream = after(stream, event)
        found.append(event)
        r.end = len(r.data)
    return tuple(found)


class BinlogEvent(Record, frozen=True):
    """A packet of a binlog stream: 0x00, then, in semi-synchronous replication, 0xEF and whether an ack is asked for.

    Whether the two bytes are there is decided by the event's size, which its header says: sources leave them out
    while semi-synchronous replication is switched off.
    """

    event: Event
    semi_sync: int | None = None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "BinlogEvent"
        header = r.u8("header")
        if header:
            raise BadValue("BinlogEvent", "header", r.pos - 1, f"0x00 expected, 0x{header:02x} found")
        semi_sync: int | None = None
        if _semi_sync(r):
            r.u8("semi_sync_magic")
            semi_sync = r.u8("semi_sync_flags")
        return cls(Event.read(r, ctx.binlog or BinlogStream()), semi_sync)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0)
        if self.semi_sync is not None:
            w.u8(SEMI_SYNC_MAGIC)
            w.u8(self.semi_sync)
        self.event.write(w)

    def inner(self, ctx: Context) -> tuple[Event, ...]:
        """The events of a compressed transaction, none for all others. Raises DecodeError."""
        body = self.event.body
        if not isinstance(body, payload.TransactionPayload):
            return ()
        return inner_events(body, ctx.binlog or BinlogStream())

    def summary(self) -> str:
        ack = ", asks for an acknowledgement" if (self.semi_sync or 0) & ACK_REQUESTED else ""
        return self.event.summary() + ack


def _semi_sync(r: Reader) -> bool:
    if r.peek() != SEMI_SYNC_MAGIC or r.left < HEADER_SIZE + 2:
        return False
    plain = unpack_from("<I", r.data, r.pos + _SIZE_AT)[0]
    behind = unpack_from("<I", r.data, r.pos + 2 + _SIZE_AT)[0]
    return bool(behind == r.left - 2 and plain != r.left)
