"""A whole transaction as one event, mostly compressed.

Source: MySQL source documentation, "Transaction_payload_event" (binlog_transaction_compression).
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.records.binlog.base import EventBody, EventHeader
from analyzer.protocol.records.binlog.packed import open_zstd
from analyzer.protocol.wire.reader import Reader, Writer

PAYLOAD_SIZE: Final = 1
COMPRESSION: Final = 2
UNCOMPRESSED_SIZE: Final = 3
ZSTD: Final = 0
UNCOMPRESSED: Final = 255


class PayloadField(msgspec.Struct, frozen=True):
    """One field of the head: 1 is the payload's size, 2 the algorithm (0 zstd, 255 none), 3 the size it opens to."""

    type: int
    value: int
    size: int  # bytes of the value on the wire


class TransactionPayload(EventBody, frozen=True, tag="transaction_payload"):
    """The events of a transaction, without checksums. They are opened by who looks into it, and not kept here."""

    fields: tuple[PayloadField, ...]
    payload: bytes

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        fields = []
        while kind := r.lenenc("field_type"):
            size = r.lenenc("field_length")
            start = r.pos
            value = r.lenenc("field_value")
            # A field may be longer than what is known of it.
            read = r.pos - start
            if size > read:
                r.take("field_rest", size - read)
            fields.append(PayloadField(kind, value, read))
        return cls(tuple(fields), r.rest("payload"))

    def write(self, w: Writer) -> None:
        for field in self.fields:
            w.lenenc(field.type)
            w.lenenc(field.size)
            w.lenenc(field.value)
        w.u8(0)
        w.raw(self.payload)

    def field(self, kind: int) -> int | None:
        """The value of a field of the head, None where it is not there."""
        return next((field.value for field in self.fields if field.type == kind), None)

    def opened(self) -> bytes | None:
        """The events; None where they can not be opened within bounds."""
        algorithm, size = self.field(COMPRESSION), self.field(UNCOMPRESSED_SIZE)
        if algorithm in (None, UNCOMPRESSED):
            return self.payload
        if algorithm != ZSTD or size is None:
            return None
        return open_zstd(self.payload, size)

    def summary(self) -> str:
        size = self.field(UNCOMPRESSED_SIZE)
        return f"{len(self.payload)} bytes{f', {size} before compression' if size is not None else ''}"
