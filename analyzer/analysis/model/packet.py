"""One packet, as the ladder and the three panes show it."""

from __future__ import annotations

import msgspec


class Field(msgspec.Struct):
    """One field of a record: its bytes are `data[start:end]` of the packet's payload."""

    name: str
    value: str
    start: int
    end: int


class Layer(msgspec.Struct):
    """Bytes that a packet came in: `tls` (still encrypted) or `compressed`. The first of them, and how many there are.

    They are those of the segment that ended the packet, so other packets may share them.
    """

    name: str
    data: bytes
    length: int


class Packet(msgspec.Struct):
    """One MySQL packet (or TLS record) as the ladder and the three panes show it."""

    frame: int
    time_ns: int  # since the first frame of the connection
    sender: str
    sequence_id: int | None
    record: str
    summary: str
    length: int  # payload bytes on the wire
    data: bytes  # the payload's first bytes (bounded); secrets masked unless asked for
    fields: list[Field]
    error: str | None = None  # why the record is Malformed
    layers: list[Layer] = []  # from the wire inwards
    start_frame: int | None = None  # of its first byte, where `frame` is that of its last
