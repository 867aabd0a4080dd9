"""Frames whose headers are plain, written with other addresses and another payload: most frames of a capture.

Plain is a whole TCP segment in IPv4 or IPv6 without options or extension headers, behind a link layer that is known.
What is around the payloads of one side of a connection is worked out once, by `HeaderRedactor`, which also writes all
frames that are not plain.
"""

from __future__ import annotations

import sys
from typing import Final

from analyzer.sharing.redaction.columns import FrameColumns
from analyzer.sharing.redaction.drawing import copy_octets

# In place of an offset in the spool: the payload is zeros, or it stands in several pieces.
NOTHING: Final = -1
SCATTERED: Final = -2
_SCATTERED: Final = SCATTERED

_TCP: Final = 6
_TCP_HEADER: Final = 20
_ENHANCED_PACKET: Final = 6
_BLOCK: Final = 32  # bytes of a block beside the frame and what fills it up
# Options of TCP: their kinds, and how long those are that may be seen.
_END: Final = 0
_NOP: Final = 1
_MSS: Final = 2
_SCALE: Final = 3
_SACK_PERMITTED: Final = 4
_SACK: Final = 5
_STAMPS: Final = 8
_STAMPS_SIZE: Final = 10
_NEAR: Final = 1 << 26
_SPAN: Final = 2 * _NEAR
_WORD: Final = 0xFFFF_FFFF
# Bytes whose sum is made at once, and whether this machine has their low ones first.
_CHUNK: Final = 1 << 12
_SWAPPED: Final = sys.byteorder == "little"


class Envelope:
    """What is around the payloads of one side of a connection.

    before, after  the frame up to the IP header, as it stands there and as it is to be written
    ends, made     both addresses, likewise; `sums` is the sum of the latter
    version        of IP
    stamps         what is added to the time stamps of the sender and of its peer
    """

    __slots__ = ("after", "before", "ends", "made", "peer_stamp", "stamp", "sums", "version")

    def __init__(
        self, before: bytes, after: bytes, ends: bytes, made: bytes, version: int, stamps: tuple[int, int]
    ) -> None:
        self.before = before
        self.after = after
        self.ends = ends
        self.made = made
        self.version = version
        self.stamp, self.peer_stamp = stamps
        self.sums = _sum(made, 0, len(made))


class FrameCopier:
    """Writes blocks of pcapng into `room`; `used` bytes of it are full."""

    __slots__ = ("_chunk", "_words", "frames", "room", "used")

    def __init__(self, size: int) -> None:
        self.room = bytearray(size)
        self.used = 0
        self.frames = 0
        # The same memory twice.
        self._chunk = bytearray(_CHUNK)
        self._words = memoryview(self._chunk).cast("Q")

    def copy(
        self,
        columns: FrameColumns,
        first: int,
        data: bytes | bytearray,
        payloads: bytearray,
        envelopes: list[Envelope],
    ) -> int:
        """Writes frames from `first` on; the number of the first that is not plain, or for which no room is left."""
        room = self.room
        end, most = len(self.room), len(data)
        for number in range(first, columns.count):
            which = columns.envelope[number]
            if which < 0 or columns.payload[number] == _SCATTERED:
                return number
            offset, size = columns.offset[number], columns.captured[number]
            if size < 0 or offset < 0 or size > most - offset:
                return number
            if end - self.used < size + (-size & 3) + _BLOCK:
                return number
            start = self.used + 28
            if not self._frame(columns, number, data, payloads, envelopes[which], room, start):
                return number
            for index in range(start + size, start + size + (-size & 3)):
                room[index] = 0
            self._block(room, columns.interface[number], columns.time_ns[number], size, columns.original[number])
        return columns.count

    def add(self, frame: bytes, time_ns: int, interface: int) -> bool:
        """Writes a frame that was made; False: there is no room for it."""
        size = len(frame)
        fill = -size & 3
        start = self.used + 28
        if len(self.room) - self.used < size + fill + _BLOCK:
            return False
        self.room[start : start + size + fill] = frame + bytes(fill)
        self._block(self.room, interface, time_ns, size, size)
        return True

    def _block(self, room: bytearray, interface: int, time_ns: int, size: int, original: int) -> None:
        """Writes what is around a frame in its block, for which there is room."""
        block = size + (-size & 3) + _BLOCK
        at = self.used
        _put(room, at, _ENHANCED_PACKET)
        _put(room, at + 4, block)
        _put(room, at + 8, interface)
        _put(room, at + 12, time_ns >> 32)
        _put(room, at + 16, time_ns)
        _put(room, at + 20, size)
        _put(room, at + 24, original)
        _put(room, at + block - 4, block)
        self.used += block
        self.frames += 1

    def _frame(
        self,
        columns: FrameColumns,
        number: int,
        data: bytes | bytearray,
        payloads: bytearray,
        envelope: Envelope,
        room: bytearray,
        start: int,
    ) -> bool:
        """Writes a frame, which lies inside of `data`, to `start`, where there is room for it; False: it is not plain.

        No byte is looked at that is not in front of `at`, or in the payload.
        """
        offset, size = columns.offset[number], columns.captured[number]
        at, length, payload = columns.at[number], columns.length[number], columns.payload[number]
        before, ends = envelope.before, envelope.ends
        ip, width = len(envelope.before), len(envelope.ends)
        first = 12 if width == 8 else 8
        tcp = ip + first + width
        if at < tcp + _TCP_HEADER or length < 0 or at + length > size:
            return False
        if payload >= 0 and payload + length > len(payloads):
            return False
        for index in range(ip):
            if data[offset + index] != before[index]:
                return False
        begin = offset + ip
        if width == 8:
            if data[begin] != 0x45 or data[begin + 9] != _TCP:
                return False
            wire = data[begin + 2] << 8 | data[begin + 3]
            wire = wire - 20 if wire else at + length - tcp
        else:
            if data[begin] >> 4 != 6 or data[begin + 6] != _TCP:
                return False
            wire = data[begin + 4] << 8 | data[begin + 5]
            wire = wire if wire else at + length - tcp
        for index in range(width):
            if data[begin + first + index] != ends[index]:
                return False
        if at != tcp + (data[offset + tcp + 12] >> 4) * 4:
            return False
        copy_octets(envelope.after, 0, ip, room, start)
        copy_octets(data, begin, first, room, start + ip)
        copy_octets(envelope.made, 0, width, room, start + ip + first)
        if width == 8:
            room[start + ip + 10] = room[start + ip + 11] = 0
            _put_sum(room, start + ip + 10, _sum(room, start + ip, 10) + envelope.sums)
        copy_octets(data, offset + tcp, _TCP_HEADER, room, start + tcp)
        room[start + tcp + 12] &= 0xF1  # reserved bits are zero
        room[start + tcp + 16] = room[start + tcp + 17] = 0
        if at > tcp + _TCP_HEADER:
            self._options(data, offset + tcp, at - tcp, start + tcp, envelope)
        sums = envelope.sums + wire + _TCP + _sum(room, start + tcp, at - tcp)
        if payload >= 0:
            copy_octets(payloads, payload, length, room, start + at)
            sums += self._sum_of(payloads, payload, length)
            at += length
        _put_sum(room, start + tcp + 16, sums)
        for index in range(start + at, start + size):
            room[index] = 0
        return True

    def _sum_of(self, payloads: bytearray, payload: int, length: int) -> int:
        """The sum of a payload, which lies inside."""
        words, total, begin = self._words, 0, 0
        while begin < length:
            size = min(length - begin, _CHUNK)
            count = (size + 7) // 8
            words[count - 1] = 0
            copy_octets(payloads, payload + begin, size, self._chunk, 0)
            for number in range(count):
                word = words[number]
                total += (word & _WORD) + (word >> 32)
            begin += size
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        # The sum of words whose bytes are swapped is the sum with its bytes swapped (RFC 1071).
        return (total & 0xFF) << 8 | total >> 8 if _SWAPPED else total

    def _options(self, data: bytes | bytearray, tcp: int, size: int, at: int, envelope: Envelope) -> None:
        """The options behind a TCP header, time stamps moved."""
        room = self.room
        copy_options(data, tcp + _TCP_HEADER, tcp + size, room, at + _TCP_HEADER, _big(data, tcp + 8))
        index = at + _TCP_HEADER
        end = at + size
        while index + _STAMPS_SIZE <= end:
            kind = room[index]
            if kind == _END:
                return
            if kind == _STAMPS:
                _move(room, index + 2, envelope.stamp)
                _move(room, index + 6, envelope.peer_stamp)
                return
            index += 1 if kind == _NOP else room[index + 1]


def _put(out: bytearray, at: int, number: int) -> None:
    """A number of 32 bits, little-endian."""
    out[at] = number & 0xFF
    out[at + 1] = number >> 8 & 0xFF
    out[at + 2] = number >> 16 & 0xFF
    out[at + 3] = number >> 24 & 0xFF


def _sum(octets: bytes | bytearray, at: int, size: int) -> int:
    """The sum of 16-bit words (RFC 1071); the bytes are an even number."""
    total = 0
    for index in range(at, at + size, 2):
        total += octets[index] << 8 | octets[index + 1]
    return total


def _put_sum(out: bytearray, at: int, total: int) -> None:
    """Writes the checksum."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    total = ~total & 0xFFFF
    out[at] = total >> 8
    out[at + 1] = total & 0xFF


def _move(out: bytearray, at: int, by: int) -> None:
    """Moves a time stamp that is not zero."""
    number = _big(out, at)
    if number:
        number = (number + by) & _WORD
        out[at] = number >> 24
        out[at + 1] = number >> 16 & 0xFF
        out[at + 2] = number >> 8 & 0xFF
        out[at + 3] = number & 0xFF


def _big(data: bytes | bytearray, at: int) -> int:
    """A number of 32 bits, big-endian."""
    number = data[at]
    return number << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def copy_options(data: bytes | bytearray, start: int, stop: int, out: bytearray, at: int, ack: int) -> None:
    """TCP options as they are where they say nothing of anybody; in the place of all others stands "no operation".

    What is acknowledged selectively lies behind, or just before, what is acknowledged (RFC 2018, RFC 2883).
    """
    for index in range(stop - start):
        out[at + index] = _NOP
    place = start
    while place < stop:
        kind = data[place]
        if kind == _END:
            for index in range(place, stop):
                out[at + index - start] = 0
            return
        if kind == _NOP:
            place += 1
            continue
        size = data[place + 1] if place + 1 < stop else 0
        if size < 2 or place + size > stop:
            return
        seen = (
            (kind == _MSS and size == 4)
            or (kind == _SCALE and size == 3)
            or (kind == _SACK_PERMITTED and size == 2)
            or (kind == _STAMPS and size == _STAMPS_SIZE)
        )
        if kind == _SACK and size in (10, 18, 26, 34):
            seen = True
            for index in range(place + 2, place + size, 4):
                if (_big(data, index) - ack + _NEAR) & _WORD >= _SPAN:
                    seen = False
        if seen:
            for index in range(size):
                out[at + place - start + index] = data[place + index]
        place += size
