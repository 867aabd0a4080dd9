"""Sets of GTIDs as MySQL encodes them: in COM_BINLOG_DUMP_GTID and in the Previous_gtids event.

Layout: int<8> number of sources, then for each its UUID (16 bytes), in the tagged format its tag, int<8> number of
intervals, and for each interval int<8> first and int<8> end, which is one past the last. From MySQL 8.3 on the highest
byte of the first number is a format: 1 means that each UUID is followed by a tag (its length doubled, for it is a
variable-length integer, and its text) and that the number stands in the middle six bytes.
Source: MySQL source, rpl_gtid_set.cc (Gtid_set::encode), tag.cpp (Tag::encode_tag).
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.wire.reader import Reader, Writer

TAGGED: Final = 1
LONGEST_TAG: Final = 32
_SOURCE: Final = 24  # bytes of the shortest source: its UUID, and no interval


class GtidSource(msgspec.Struct, frozen=True):
    """What of one source is in the set: intervals (first, last), both in it."""

    source_id: str
    intervals: tuple[tuple[int, int], ...]
    tag: str = ""

    def __str__(self) -> str:
        name = f"{self.source_id}:{self.tag}" if self.tag else self.source_id
        return ":".join([name, *(f"{a}-{b}" if a != b else str(a) for a, b in self.intervals)])


def decode_gtid_set(r: Reader) -> tuple[GtidSource, ...]:
    """Reads a set. Raises DecodeError."""
    at = r.pos
    count = r.uint("n_sids", 8)
    tagged = count >> 56
    if tagged:
        if tagged != TAGGED or count & 0xFF != TAGGED:
            raise BadValue(r.record, "n_sids", at, f"0x{count:016x} is of no known format")
        count = count >> 8 & 0xFFFF_FFFF_FFFF
    if count * _SOURCE > r.left:
        raise BadValue(r.record, "n_sids", at, f"{count} sources in {r.left} bytes")
    sources = []
    for _ in range(count):
        name = str(uuid.UUID(bytes=r.take("sid", 16)))
        tag = ""
        if tagged:
            size = r.u8("tag_length")
            if size & 1 or size >> 1 > LONGEST_TAG:
                raise BadValue(r.record, "tag_length", r.pos - 1, f"0x{size:02x} is the length of no tag")
            tag = r.text("tag", size >> 1)
        intervals = r.uint("n_intervals", 8)
        if intervals * 16 > r.left:
            raise BadValue(r.record, "n_intervals", r.pos - 8, f"{intervals} intervals in {r.left} bytes")
        pairs = [(r.uint("start", 8), r.uint("end", 8)) for _ in range(intervals)]
        sources.append(GtidSource(name, tuple((start, end - 1) for start, end in pairs), tag))
    return tuple(sources)


def encode_gtid_set(w: Writer, sources: tuple[GtidSource, ...]) -> None:
    """Writes a set, in the tagged format where one of its sources has a tag."""
    tagged = any(source.tag for source in sources)
    w.uint(TAGGED << 56 | len(sources) << 8 | TAGGED if tagged else len(sources), 8)
    for source in sources:
        w.raw(uuid.UUID(source.source_id).bytes)
        if tagged:
            w.u8(len(source.tag) << 1)
            w.raw(source.tag)
        w.uint(len(source.intervals), 8)
        for first, last in source.intervals:
            w.uint(first, 8)
            w.uint(last + 1, 8)


def parse_gtid_set(text: str) -> tuple[GtidSource, ...]:
    """A set as SQL writes it: `uuid:1-5:7,uuid:tag:1`. Raises ValueError."""
    sources = []
    for part in text.replace("\n", "").split(","):
        if not part.strip():
            continue
        name, *rest = (word.strip() for word in part.split(":"))
        tag = ""
        found: dict[str, list[tuple[int, int]]] = {}
        for word in rest:
            first, dash, last = word.partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()):
                tag = word.lower()
                continue
            found.setdefault(tag, []).append((int(first), int(last) if dash else int(first)))
        for which, intervals in found.items():
            sources.append(GtidSource(str(uuid.UUID(name)), tuple(intervals), which))
    return tuple(sources)


def gtid_set_text(sources: tuple[GtidSource, ...]) -> str:
    return ",".join(map(str, sources))
