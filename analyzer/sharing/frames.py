"""Frames that are made: plain TCP over Ethernet, numbers, lengths and checksums right."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Final

from analyzer.batches import TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN

# Bytes of one segment: what fits into an IP datagram, with room for all headers.
LONGEST_SEGMENT: Final = 32 << 10
_ETHERTYPES: Final = {4: b"\x08\x00", 6: b"\x86\xdd"}
# Locally administered: no device has them.
_MACS: Final = (b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02")
_WINDOW: Final = 0xFFFF
Addresses = tuple[tuple[str, int], tuple[str, int]]


def ones_sum(data: bytes) -> int:
    """The ones' complement sum of 16-bit words, big-endian, the last filled with zeros (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    if not number:
        return 0
    # 2**16 is 1 modulo 2**16 - 1; a sum that is not zero never becomes it.
    return number % 0xFFFF or 0xFFFF


def checksum(*parts: int) -> int:
    """The checksum of data whose parts have these sums."""
    total = sum(parts)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def made_frame(
    source: tuple[bytes, int],
    target: tuple[bytes, int],
    side: int,
    numbers: tuple[int, int],
    flags: int,
    window: int,
    data: bytes,
) -> bytes:
    """A TCP segment in IP in Ethernet. `numbers` are its sequence and its acknowledgement number."""
    head = (source[1], target[1], *numbers, 5 << 4, flags & 0xFF, window)
    tcp = struct.pack(">HHIIBBHHH", *head, 0, 0)
    size = len(tcp) + len(data)
    pseudo = source[0] + target[0] + struct.pack(">II", size, 6)
    sums = checksum(ones_sum(pseudo), ones_sum(tcp), ones_sum(data))
    segment = tcp[:16] + sums.to_bytes(2, "big") + tcp[18:] + data
    version = 4 if len(source[0]) == 4 else 6
    if version == 4:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, 6, 0) + source[0] + target[0]
        ip = ip[:10] + checksum(ones_sum(ip)).to_bytes(2, "big") + ip[12:]
    else:
        ip = struct.pack(">IHBB", 6 << 28, size, 6, 64) + source[0] + target[0]
    return _MACS[1 - side] + _MACS[side] + _ETHERTYPES[version] + ip + segment


def in_vlan(frame: bytes, number: int) -> bytes:
    """An Ethernet frame with a tag: of 4094 networks each has a number of its own."""
    return frame[:12] + b"\x81\x00" + (1 + (number - 1) % 4094).to_bytes(2, "big") + frame[12:]


def packed_ends(endpoints: Addresses) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
    """Addresses as they stand in headers."""
    (one, first), (other, second) = endpoints
    return (ipaddress.ip_address(one).packed, first), (ipaddress.ip_address(other).packed, second)


class MadeConnection:
    """Writes the frames of one connection anew. `ends` in the order of its sides."""

    __slots__ = ("_begun", "_ends", "_next")

    def __init__(self, ends: tuple[tuple[bytes, int], tuple[bytes, int]]) -> None:
        self._ends = ends
        self._next = [0, 0]
        self._begun = [False, False]

    def begin(self, side: int, number: int) -> None:
        """The first number of a direction, if it has none yet."""
        if not self._begun[side]:
            self._begun[side] = True
            self._next[side] = number & 0xFFFF_FFFF

    def lose(self, side: int, size: int) -> None:
        """So many bytes are not there."""
        self._next[side] = (self._next[side] + size) & 0xFFFF_FFFF

    def frames(self, side: int, flags: int, data: bytes = b"", window: int = _WINDOW) -> Iterator[bytes]:
        """Data, and the flags (SYN, FIN, RST) of its frame, as frames; an acknowledgement where there is neither."""
        ends = flags & (TCP_FIN | TCP_RST)
        if flags & TCP_SYN:
            yield self._frame(side, TCP_SYN | (flags & TCP_ACK), b"", window)
            self.lose(side, 1)
        for at in range(0, len(data), LONGEST_SEGMENT):
            yield self._frame(side, TCP_PSH | TCP_ACK, data[at : at + LONGEST_SEGMENT], window)
            self.lose(side, min(LONGEST_SEGMENT, len(data) - at))
        if ends:
            yield self._frame(side, ends | (flags & TCP_ACK), b"", window)
            self.lose(side, 1 if ends & TCP_FIN else 0)
        elif not data and not flags & TCP_SYN:
            yield self._frame(side, TCP_ACK, b"", window)

    def _frame(self, side: int, flags: int, data: bytes, window: int) -> bytes:
        if not self._begun[1 - side]:
            flags &= ~TCP_ACK
        numbers = (self._next[side], self._next[1 - side] if flags & TCP_ACK else 0)
        return made_frame(self._ends[side], self._ends[1 - side], side, numbers, flags, window, data)
