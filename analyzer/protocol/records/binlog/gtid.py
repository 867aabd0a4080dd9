"""GTID events of both families.

Sources: MySQL source documentation, "Gtid_event" (its tagged form: "MySQL Serialization Library"),
"Previous_gtids_event"; MariaDB Server documentation, "GTID_EVENT", "GTID_LIST_EVENT".
"""

from __future__ import annotations

import uuid
from typing import Final, Self

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.records.binlog.base import EventBody, EventHeader
from analyzer.protocol.records.binlog.gtids import GtidSource, decode_gtid_set, encode_gtid_set, gtid_set_text
from analyzer.protocol.tables.binlog import (
    ANONYMOUS_GTID_EVENT,
    FL_COMPLETED_XA,
    FL_EXTRA_COMMIT_ALTER,
    FL_EXTRA_MULTI_ENGINE,
    FL_EXTRA_ROLLBACK_ALTER,
    FL_EXTRA_THREAD_ID,
    FL_GROUP_COMMIT_ID,
    FL_PREPARED_XA,
)
from analyzer.protocol.wire.reader import Reader, Writer

LOGICAL_TIMESTAMPS: Final = 2
_ORIGINAL_TIME: Final = 1 << 55  # set in the first timestamp where a second one follows
_ORIGINAL_VERSION: Final = 1 << 31
_MICROSECONDS: Final = 7


class Gtid(EventBody, frozen=True, tag="gtid"):
    """A transaction begins (MySQL). Times are microseconds; fields from `lt_type` on are newer and may be missing.

    `original_*` are None where they are the same as the immediate ones. Of an anonymous transaction `gno` is 0.
    """

    flags: int
    sid: str
    gno: int
    anonymous: bool
    lt_type: int | None = None
    last_committed: int | None = None
    sequence_number: int | None = None
    immediate_commit_timestamp: int | None = None
    original_commit_timestamp: int | None = None
    transaction_length: int | None = None
    immediate_server_version: int | None = None
    original_server_version: int | None = None
    commit_group_ticket: int | None = None

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        flags, sid, gno = r.u8("gtid_flags"), str(uuid.UUID(bytes=r.take("sid", 16))), r.uint("gno", 8)
        anonymous = header.event_type == ANONYMOUS_GTID_EVENT
        rest: list[int | None] = []
        if r.left:
            rest = [r.u8("lt_type"), r.uint("last_committed", 8), r.uint("sequence_number", 8)]
        if r.left:
            immediate = r.uint("immediate_commit_timestamp", _MICROSECONDS)
            original = r.uint("original_commit_timestamp", _MICROSECONDS) if immediate & _ORIGINAL_TIME else None
            rest += [immediate & ~_ORIGINAL_TIME, original]
        if r.left:
            rest.append(r.lenenc("transaction_length"))
        if r.left:
            version = r.uint("immediate_server_version", 4)
            before = r.uint("original_server_version", 4) if version & _ORIGINAL_VERSION else None
            rest += [version & ~_ORIGINAL_VERSION, before]
        if r.left:
            rest.append(r.uint("commit_group_ticket", 8))
        return cls(flags, sid, gno, anonymous, *rest)

    def write(self, w: Writer) -> None:
        w.u8(self.flags)
        w.raw(uuid.UUID(self.sid).bytes)
        w.uint(self.gno, 8)
        if self.lt_type is not None:
            w.u8(self.lt_type)
            w.uint(self.last_committed or 0, 8)
            w.uint(self.sequence_number or 0, 8)
        if self.immediate_commit_timestamp is not None:
            mark = 0 if self.original_commit_timestamp is None else _ORIGINAL_TIME
            w.uint(self.immediate_commit_timestamp | mark, _MICROSECONDS)
            if self.original_commit_timestamp is not None:
                w.uint(self.original_commit_timestamp, _MICROSECONDS)
        if self.transaction_length is not None:
            w.lenenc(self.transaction_length)
        if self.immediate_server_version is not None:
            mark = 0 if self.original_server_version is None else _ORIGINAL_VERSION
            w.uint(self.immediate_server_version | mark, 4)
            if self.original_server_version is not None:
                w.uint(self.original_server_version, 4)
        if self.commit_group_ticket is not None:
            w.uint(self.commit_group_ticket, 8)

    def summary(self) -> str:
        return "anonymous" if self.anonymous else f"{self.sid}:{self.gno}"


# Fields of the tagged form in the order of their numbers: name, whether it is signed. 1 is the UUID, 3 the tag.
_FIELDS: Final[tuple[tuple[str, bool], ...]] = (
    ("flags", False),
    ("sid", False),
    ("gno", True),
    ("tag", False),
    ("last_committed", True),
    ("sequence_number", True),
    ("immediate_commit_timestamp", False),
    ("original_commit_timestamp", False),
    ("transaction_length", False),
    ("immediate_server_version", False),
    ("original_server_version", False),
    ("commit_group_ticket", False),
)
_SID: Final = 1
_TAG: Final = 3


class GtidTagged(EventBody, frozen=True, tag="gtid_tagged"):
    """A transaction begins, its GTID has a tag (MySQL from 8.3 on). Fields that were not sent are None.

    `rest` is what newer servers put behind the fields known here.
    """

    flags: int | None = None
    sid: str | None = None
    gno: int | None = None
    gtid_tag: str | None = None
    last_committed: int | None = None
    sequence_number: int | None = None
    immediate_commit_timestamp: int | None = None
    original_commit_timestamp: int | None = None
    transaction_length: int | None = None
    immediate_server_version: int | None = None
    original_server_version: int | None = None
    commit_group_ticket: int | None = None
    serialization_version: int = 1
    last_non_ignorable_field_id: int = 0
    rest: bytes = b""

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        start = r.pos
        version = read_varint(r, "serialization_version")
        at = r.pos
        size = read_varint(r, "serializable_size")
        # The size counts the whole message, its own bytes included.
        if size != r.end - start:
            raise BadValue(r.record, "serializable_size", at, f"{size} in a body of {r.end - start} bytes")
        last = read_varint(r, "last_non_ignorable_field_id")
        sid: str | None = None
        tag: str | None = None
        numbers: dict[str, int] = {}
        before = -1
        while r.pos < r.end:
            number = Reader(r.data, r.record, r.pos)
            number.end = r.end
            field = read_varint(number, "field_id")
            if not before < field < len(_FIELDS):
                break
            before = field
            read_varint(r, "field_id")
            name, signed = _FIELDS[field]
            if field == _SID:
                octets = [read_varint(r, name) for _ in range(16)]
                if max(octets) > 0xFF:
                    raise BadValue(r.record, name, r.pos, "a byte over 255")
                sid = str(uuid.UUID(bytes=bytes(octets)))
            elif field == _TAG:
                tag = r.text(name, read_varint(r, "tag_length"))
            else:
                numbers[name] = read_varint(r, name, signed)
        rest = r.rest("unknown_fields") if r.left else b""
        get = numbers.get
        return cls(
            get("flags"),
            sid,
            get("gno"),
            tag,
            get("last_committed"),
            get("sequence_number"),
            get("immediate_commit_timestamp"),
            get("original_commit_timestamp"),
            get("transaction_length"),
            get("immediate_server_version"),
            get("original_server_version"),
            get("commit_group_ticket"),
            version,
            last,
            rest,
        )

    def write(self, w: Writer) -> None:
        inside = Writer()
        values = (
            *(self.flags, self.sid, self.gno, self.gtid_tag, self.last_committed, self.sequence_number),
            *(self.immediate_commit_timestamp, self.original_commit_timestamp, self.transaction_length),
            *(self.immediate_server_version, self.original_server_version, self.commit_group_ticket),
        )
        for field, ((_, signed), value) in enumerate(zip(_FIELDS, values, strict=True)):
            if value is None:
                continue
            write_varint(inside, field)
            if field == _SID:
                for octet in uuid.UUID(str(value)).bytes:
                    write_varint(inside, octet)
            elif field == _TAG:
                text = Writer()
                text.raw(str(value))
                write_varint(inside, len(text.data))
                inside.raw(bytes(text.data))
            elif isinstance(value, int):
                write_varint(inside, value, signed)
        inside.raw(self.rest)
        head = Writer()
        write_varint(head, self.serialization_version)
        tail = Writer()
        write_varint(tail, self.last_non_ignorable_field_id)
        fixed = len(head.data) + len(tail.data) + len(inside.data)
        # The size counts its own bytes.
        size = next(n for n in range(fixed + 1, fixed + 10) if varint_size(n) == n - fixed)
        write_varint(head, size)
        w.raw(bytes(head.data + tail.data + inside.data))

    def summary(self) -> str:
        return f"{self.sid}:{self.gtid_tag}:{self.gno}" if self.gtid_tag else f"{self.sid}:{self.gno}"


def read_varint(r: Reader, name: str, signed: bool = False) -> int:
    """An integer of as many bytes more as low bits are set. The lowest bit of a signed value is its sign."""
    first = r.peek()
    more = 0
    while first >> more & 1 and more < 8:
        more += 1
    raw = r.uint(name, 1 + more) if first >= 0 else r.u8(name)
    value = raw >> (1 + more) if more < 8 else raw >> 8
    if not signed:
        return value
    return -(value >> 1) - 1 if value & 1 else value >> 1


def varint_size(value: int) -> int:
    """Bytes of an unsigned variable-length integer."""
    return next((size for size in range(1, 9) if value < 1 << 7 * size), 9)


def write_varint(w: Writer, value: int, signed: bool = False) -> None:
    if signed:
        value = (-(value + 1) << 1 | 1) if value < 0 else value << 1
    size = varint_size(value)
    if size == 9:
        w.u8(0xFF)
        w.uint(value, 8)
    else:
        w.uint(value << size | (1 << size - 1) - 1, size)


class PreviousGtids(EventBody, frozen=True, tag="previous_gtids"):
    """What all files before this one hold (MySQL)."""

    gtids: tuple[GtidSource, ...]

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(decode_gtid_set(r))

    def write(self, w: Writer) -> None:
        encode_gtid_set(w, self.gtids)

    def summary(self) -> str:
        return gtid_set_text(self.gtids) or "none"


class MariadbGtid(EventBody, frozen=True, tag="mariadb_gtid"):
    """A transaction begins (MariaDB): domain-server-sequence. `flags` decide what follows; `padding` fills 19 bytes."""

    sequence_number: int
    domain_id: int
    server_id: int  # the header's
    flags: int
    commit_id: int | None = None
    xa_format_id: int | None = None
    xa_gtrid: bytes = b""
    xa_bqual: bytes = b""
    flags_extra: int | None = None
    extra_engines: int | None = None
    start_alter_sequence: int | None = None
    thread_id: int | None = None
    padding: bytes = b""

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        head = r.uint("sequence_number", 8), r.uint("domain_id", 4), header.server_id
        flags = r.u8("gtid_flags")
        commit = r.uint("commit_id", 8) if flags & FL_GROUP_COMMIT_ID else None
        xa: tuple[int | None, bytes, bytes] = (None, b"", b"")
        if flags & (FL_PREPARED_XA | FL_COMPLETED_XA):
            format_id, sizes = r.uint("xa_format_id", 4), (r.u8("xa_gtrid_length"), r.u8("xa_bqual_length"))
            xa = format_id, r.take("xa_gtrid", sizes[0]), r.take("xa_bqual", sizes[1])
        bits = r.u8("flags_extra") if r.peek() > 0 else None
        engines = r.u8("extra_engines") if (bits or 0) & FL_EXTRA_MULTI_ENGINE else None
        altered = (bits or 0) & (FL_EXTRA_COMMIT_ALTER | FL_EXTRA_ROLLBACK_ALTER)
        alter = r.uint("start_alter_sequence", 8) if altered else None
        thread = r.uint("thread_id", 4) if (bits or 0) & FL_EXTRA_THREAD_ID else None
        padding = r.rest("padding") if r.left else b""
        return cls(*head, flags, commit, *xa, bits, engines, alter, thread, padding)

    def write(self, w: Writer) -> None:
        w.uint(self.sequence_number, 8)
        w.uint(self.domain_id, 4)
        w.u8(self.flags)
        if self.commit_id is not None:
            w.uint(self.commit_id, 8)
        if self.xa_format_id is not None:
            w.uint(self.xa_format_id, 4)
            w.u8(len(self.xa_gtrid))
            w.u8(len(self.xa_bqual))
            w.raw(self.xa_gtrid)
            w.raw(self.xa_bqual)
        if self.flags_extra is not None:
            w.u8(self.flags_extra)
        if self.extra_engines is not None:
            w.u8(self.extra_engines)
        if self.start_alter_sequence is not None:
            w.uint(self.start_alter_sequence, 8)
        if self.thread_id is not None:
            w.uint(self.thread_id, 4)
        w.raw(self.padding)

    def summary(self) -> str:
        return f"{self.domain_id}-{self.server_id}-{self.sequence_number}"


class MariadbGtidEntry(msgspec.Struct, frozen=True):
    domain_id: int
    server_id: int
    sequence_number: int


class MariadbGtidList(EventBody, frozen=True, tag="mariadb_gtid_list"):
    """The last GTID of each domain and server before this file (MariaDB). `flags` are the count's highest four bits.

    An empty list is filled up with two bytes (`padding`).
    """

    flags: int
    gtids: tuple[MariadbGtidEntry, ...]
    padding: bytes = b""

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        at = r.pos
        count = r.uint("gtid_count", 4)
        flags, count = count >> 28, count & 0x0FFF_FFFF
        if count * 16 > r.left:
            raise BadValue(r.record, "gtid_count", at, f"{count} GTIDs in {r.left} bytes")
        found = [
            MariadbGtidEntry(r.uint("domain_id", 4), r.uint("gtid_server_id", 4), r.uint("sequence_number", 8))
            for _ in range(count)
        ]
        return cls(flags, tuple(found), r.rest("padding") if r.left else b"")

    def write(self, w: Writer) -> None:
        w.uint(self.flags << 28 | len(self.gtids), 4)
        for entry in self.gtids:
            w.uint(entry.domain_id, 4)
            w.uint(entry.server_id, 4)
            w.uint(entry.sequence_number, 8)
        w.raw(self.padding)

    def summary(self) -> str:
        return ", ".join(f"{g.domain_id}-{g.server_id}-{g.sequence_number}" for g in self.gtids) or "none"
