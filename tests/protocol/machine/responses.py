"""Whole responses, byte for byte, for what takes them in one go."""

from __future__ import annotations

from hypothesis import strategies as some

from analyzer.protocol.tables.capabilities import CLIENT_OPTIONAL_RESULTSET_METADATA, MARIADB_CLIENT_CACHE_METADATA
from analyzer.protocol.wire.framing import encode_packet

COLUMN = b"\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00"
ROW = some.binary(max_size=40).map(lambda data: bytes([len(data)]) + data)


# With neither, no byte behind the number of columns says whether definitions follow.
METADATA = some.sampled_from([0, MARIADB_CLIENT_CACHE_METADATA, CLIENT_OPTIONAL_RESULTSET_METADATA])


def response(
    columns: int, rows: list[bytes], deprecate_eof: bool, status: int = 2, *, follows: int | None = None
) -> bytes:
    """`follows`: the byte that says whether definitions follow, None where there is none."""
    head = bytes([columns]) if follows is None else bytes([columns, follows])
    definitions = [] if follows == 0 else [COLUMN] * columns
    flags = status.to_bytes(2, "little")
    eof = b"\xfe\x00\x00" + flags
    end = b"\xfe\x00\x00" + flags + b"\x00\x00" if deprecate_eof else eof
    payloads = [head, *definitions, *([] if deprecate_eof else [eof]), *rows, end]
    return b"".join(encode_packet(payload, (number + 1) & 0xFF) for number, payload in enumerate(payloads))
