"""Compressed parts of events, opened within bounds: a capture may hold bombs.

Sources: MariaDB Server documentation, "QUERY_COMPRESSED_EVENT" (the same head stands before compressed rows); MySQL
source documentation, "Transaction_payload_event".
"""

from __future__ import annotations

import zlib
from typing import Final

from analyzer.protocol.wire.compression import opened_zstd

# A part opens to this many times its size, and this much more, at most; and to no more than LONGEST in all.
PLAUSIBLE: Final = 100
SLACK: Final = 1 << 16
LONGEST: Final = 8 << 20


def allowed(packed: int, opened: int) -> bool:
    """Whether `packed` bytes may open to `opened`."""
    return opened <= min(LONGEST, packed * PLAUSIBLE + SLACK)


def open_mariadb(data: bytes) -> bytes | None:
    """What MariaDB packed: a head byte (0x80, algorithm, size of the length), the length big-endian, then zlib.

    None where it is packed in another way, is damaged or opens to more than it may.
    """
    if not data or not data[0] & 0x80 or data[0] & 0x70:
        return None
    size = data[0] & 7
    length = int.from_bytes(data[1 : 1 + size], "big")
    if not 1 <= size <= 4 or len(data) <= 1 + size or not allowed(len(data), length):
        return None
    try:
        # One byte more than announced is let through, to see that there is more.
        content = zlib.decompressobj().decompress(data[1 + size :], length + 1)
    except zlib.error:
        return None
    return content if len(content) == length else None


def pack_mariadb(content: bytes) -> bytes:
    """The other way, as MariaDB does it."""
    size = max(1, (len(content).bit_length() + 7) // 8)
    return bytes([0x80 | size]) + len(content).to_bytes(size, "big") + zlib.compress(content)


def open_zstd(data: bytes, length: int) -> bytes | None:
    """`data` opened to `length` bytes; None where it opens to more or fewer, is damaged, or may not."""
    if not allowed(len(data), length):
        return None
    content = opened_zstd(data, length)
    return content if content is not None and len(content) == length else None
