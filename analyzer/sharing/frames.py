"""Frames that are made: plain TCP over Ethernet, numbers, lengths and checksums right."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from analyzer.batches import TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN

# Bytes of one segment: what fits into an IP datagram, with room for all headers.
LONGEST_SEGMENT: Final = 32 << 10
_TCP: Final = 6
_TCP_HEADER: Final = 20
# Locally administered: no device has them.
_MACS: Final = (b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02")
# By the side that sends: to whom, and from whom.
_HEADS: Final = (_MACS[1] + _MACS[0], _MACS[0] + _MACS[1])
# The type of Ethernet, and IP's header up to its addresses, lengths and checksums zero.
_IPV4: Final = b"\x08\x00" + struct.pack(">BBHHHBBH", 0x45, 0, 0, 0, 0x4000, 64, _TCP, 0)
_IPV6: Final = b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, 0, _TCP, 64)
WINDOW: Final = 0xFFFF  # of a frame that nobody sent
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
    (sender, port), (receiver, other_port) = source, target
    width, size = len(sender), len(data)
    # Behind the addresses of Ethernet, its type, and what stands in front of the addresses of IP.
    first = 14 + (12 if width == 4 else 8)
    tcp = first + 2 * width
    head = _HEADS[side] + (_IPV4 if width == 4 else _IPV6) + sender + receiver
    made = bytearray(head + bytes(_TCP_HEADER) + data)
    put_number(made, tcp, port, 2)
    put_number(made, tcp + 2, other_port, 2)
    put_number(made, tcp + 4, numbers[0], 4)
    put_number(made, tcp + 8, numbers[1], 4)
    made[tcp + 12], made[tcp + 13] = 5 << 4, flags & 0xFF
    put_number(made, tcp + 14, window, 2)
    sums = sum_of(made, first, len(made)) + _TCP_HEADER + size + _TCP
    put_number(made, tcp + 16, checksum(sums), 2)
    if width == 4:
        put_number(made, 16, 20 + _TCP_HEADER + size, 2)
        put_number(made, 24, checksum(sum_of(made, 14, tcp)), 2)
    else:
        put_number(made, 18, _TCP_HEADER + size, 2)
    return bytes(made)


def put_number(out: bytearray, at: int, number: int, size: int) -> None:
    """A number in so many bytes, big-endian."""
    for index in range(size - 1, -1, -1):
        out[at + index] = number & 0xFF
        number >>= 8


def sum_of(octets: bytearray, start: int, stop: int) -> int:
    """The sum of 16-bit words, big-endian, the last filled with zeros, from an even place on."""
    total = 0
    for index in range(start, stop - 1, 2):
        total += octets[index] << 8 | octets[index + 1]
    return total + (octets[stop - 1] << 8 if (stop - start) & 1 else 0)


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

    def frames(self, side: int, flags: int, data: bytes, window: int, out: list[bytes]) -> None:
        """Data, and the flags (SYN, FIN, RST) of its frame, as frames; an acknowledgement where there is neither."""
        ends = flags & (TCP_FIN | TCP_RST)
        if flags & TCP_SYN:
            out.append(self._frame(side, TCP_SYN | (flags & TCP_ACK), b"", window))
            self.lose(side, 1)
        for at in range(0, len(data), LONGEST_SEGMENT):
            part = data[at : at + LONGEST_SEGMENT]
            out.append(self._frame(side, TCP_PSH | TCP_ACK, part, window))
            self.lose(side, len(part))
        if ends:
            out.append(self._frame(side, ends | (flags & TCP_ACK), b"", window))
            self.lose(side, 1 if ends & TCP_FIN else 0)
        elif not data and not flags & TCP_SYN:
            out.append(self._frame(side, TCP_ACK, b"", window))

    def _frame(self, side: int, flags: int, data: bytes, window: int) -> bytes:
        if not self._begun[1 - side]:
            flags &= ~TCP_ACK
        numbers = (self._next[side], self._next[1 - side] if flags & TCP_ACK else 0)
        return made_frame(self._ends[side], self._ends[1 - side], side, numbers, flags, window, data)
