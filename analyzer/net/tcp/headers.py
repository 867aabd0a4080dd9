"""What a segment's headers say that is no column: read from the bytes before its payload, where it is asked for.

Source: RFC 9293 (3.1, 3.2: header, options), RFC 7323 (2: window scale), RFC 2018 (3: SACK), RFC 791 (3.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

# The longest TCP header, and the IPv4 header without options before it.
TCP_HEADER: Final = 60
HEADERS: Final = TCP_HEADER + 20

MSS: Final = 2
SCALE: Final = 3
SACK: Final = 5


class SynOptions(msgspec.Struct):
    """What a SYN announces: the largest segment its sender takes, and the shift of its windows; None: not said."""

    mss: int | None = None
    scale: int | None = None


def tcp_header_size(headers: bytes, seq: int, ack: int) -> int:
    """The size of the TCP header that `headers` end with; 0 where none with these numbers is there."""
    numbers = struct.pack(">II", seq, ack)
    for size in range(20, min(TCP_HEADER, len(headers)) + 1, 4):
        start = len(headers) - size
        if headers[start + 12] >> 4 == size // 4 and headers[start + 4 : start + 12] == numbers:
            return size
    return 0


def identification(headers: bytes, seq: int, ack: int) -> int:
    """The number an IPv4 header without options carries; 0 where it has none, or there is no such header."""
    start = len(headers) - tcp_header_size(headers, seq, ack) - 20
    if start < 0 or start > len(headers) - 40 or headers[start] != 0x45 or headers[start + 9] != 6:
        return 0
    return int.from_bytes(headers[start + 4 : start + 6], "big")


def hops_left(headers: bytes, seq: int, ack: int) -> int:
    """How many routers a packet may pass (time to live, hop limit), where its IP header has no options; else 0."""
    start = len(headers) - tcp_header_size(headers, seq, ack)
    if start == len(headers):
        return 0
    if start >= 20 and headers[start - 20] == 0x45 and headers[start - 11] == 6:
        return headers[start - 12]
    if start >= 40 and headers[start - 40] >> 4 == 6 and headers[start - 34] == 6:
        return headers[start - 33]
    return 0


def syn_options(headers: bytes, seq: int, ack: int) -> SynOptions:
    """The options of a SYN; what is cut or malformed is not said."""
    found = SynOptions()
    for kind, content in _options(headers, seq, ack):
        if kind == MSS and len(content) == 2:
            found.mss = int.from_bytes(content, "big")
        elif kind == SCALE and len(content) == 1:
            found.scale = min(content[0], 14)
    return found


def selectively_acknowledged(headers: bytes, seq: int, ack: int) -> int:
    """Bytes of the first block behind a hole that a receiver has; 0 where it names none."""
    for kind, content in _options(headers, seq, ack):
        if kind == SACK and len(content) >= 8:
            return (int.from_bytes(content[4:8], "big") - int.from_bytes(content[:4], "big")) & 0xFFFF_FFFF
    return 0


def _options(headers: bytes, seq: int, ack: int) -> Iterator[tuple[int, bytes]]:
    """(kind, content) of each option of the TCP header, up to one that is cut or malformed."""
    size = tcp_header_size(headers, seq, ack)
    options = headers[len(headers) - size + 20 :] if size else b""
    at = 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return
        yield options[at], options[at + 2 : at + length]
        at += length
