"""One packet: dissected into display fields, or as an excerpt that a page shows."""

from __future__ import annotations

import msgspec

from analyzer.analysis.model.connection import Endpoint

# A value of a display field: number, truth, text, bytes, an address as text; times and durations are nanoseconds.
FieldValue = int | float | bool | str | bytes


class Packet(msgspec.Struct):
    """One MySQL packet (or TLS message) of a capture, dissected.

    capture      name of the capture as given
    stream       number of the TCP connection within its capture, from 0
    frame        number of the frame that completed the packet, as Wireshark shows it, from 1
    time_ns      nanoseconds since 1970 (UTC): the frame's time stamp
    sender       client | server
    source       address and port of who sent it
    destination  address and port of who it was sent to
    record       name of the record, as in `handshark.record`
    summary      one line in plain words; secrets masked unless asked for
    length       bytes of the payload on the wire, without the header; None for a TLS message
    encrypted    whether it came inside TLS
    fields       values by display field (Wireshark's names, `handshark fields` lists them), in the order of the bytes;
                 a field that is not there has no key. Times and durations are nanoseconds, addresses text
    """

    capture: str
    stream: int
    frame: int
    time_ns: int
    sender: str
    source: Endpoint
    destination: Endpoint
    record: str
    summary: str
    length: int | None
    encrypted: bool
    fields: dict[str, list[FieldValue]]


class FollowedPacket(msgspec.Struct):
    """One packet (or TLS message) of a session that is followed.

    record, summary  as of a Packet; secrets are masked unless asked for in all that follows
    command          name of the command that the packet begins, None where it begins none
    statement        SQL text of that command
    parameters       values bound to it, as text; None for NULL
    statement_id     of the prepared statement that a command names, or an answer makes
    column           name that a column definition gives
    row              values of a row as text: None for NULL, 0x... for bytes that are no text
    rows_affected    of an OK packet
    error            (code, sqlstate, message) of an error packet
    data             bytes of the payload where they were asked for
    """

    frame: int
    time_ns: int
    sender: str
    record: str
    summary: str
    command: str | None = None
    statement: str | None = None
    parameters: list[str | None] | None = None
    statement_id: int | None = None
    column: str | None = None
    row: list[str | None] | None = None
    rows_affected: int | None = None
    error: tuple[int, str | None, str] | None = None
    data: bytes | None = None


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


class PacketExcerpt(msgspec.Struct):
    """A packet (or TLS record) as the ladder and the three panes show it."""

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
