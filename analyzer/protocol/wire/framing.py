"""MySQL packets out of a byte stream: 4-byte headers split off, packets of 16 MiB and over joined.

Source: MySQL source documentation, "MySQL Packets": int<3> payload length, int<1> sequence id; a payload of 0xFFFFFF
bytes goes on in the next packet.
"""

from __future__ import annotations

from bisect import bisect_left
from struct import Struct

import msgspec

from analyzer.protocol.wire.rows import rows_end

HEADER = 4
LONGEST = 0xFF_FFFF
# Bytes of one payload that are kept; what is over is counted, not stored.
DEFAULT_KEEP = 1 << 20
# And of one that is given up before it is whole.
HEAD_KEPT = 256

_U32 = Struct("<I").unpack_from


class RawPacket(msgspec.Struct, frozen=True, gc=False):
    """One MySQL packet.

    `sequence_id` is that of its last part, `first_sequence_id` of its first (they differ only in packets of 16 MiB and
    over). `length` counts all payload bytes; `payload` holds them up to the framer's bound, or to the first that is
    missing: `missing` of them are not in the capture. `frame` and `time_ns` are those of its last byte, `start_frame`
    and `start_ns` of its first.
    """

    sequence_id: int
    payload: bytes
    length: int
    frame: int
    time_ns: int
    start_frame: int
    start_ns: int
    first_sequence_id: int
    missing: int = 0


class PacketFramer(msgspec.Struct):
    """Splits one direction of a connection into packets.

    `push` bytes as they come, then call `next` until it says None; between two calls `skip_rows` may pass over rows
    without making packets of them. Bytes are joined at most once; a payload over `keep` bytes is cut to that.
    """

    keep: int = DEFAULT_KEEP
    _buffer: bytes = b""
    _pos: int = 0
    _skipped: int = 0  # where those begin that `skip_rows` passed over last
    # Bytes that wait for more: `_parts` in order, `_have` in all, until `_need` are there.
    _parts: list[bytes] = []
    _have: int = 0
    _need: int = HEADER
    _start: tuple[int, int] | None = None  # frame and time of the first byte of the packet that waits
    _long: _LongPacket | None = None
    _ends: list[int] = []
    _frames: list[int] = []
    _times: list[int] = []

    @property
    def pending(self) -> int:
        """Bytes of a packet that has begun and is not complete."""
        return self._have + len(self._buffer) - self._pos + (self._long.length if self._long else 0)

    @property
    def held(self) -> int:
        """Bytes of memory that a packet takes which has begun and is not complete."""
        return self._have + (sum(map(len, self._long.parts)) if self._long else 0)

    @property
    def idle(self) -> bool:
        """Whether nothing has begun: the next byte is the first of a packet."""
        return not self._have and self._long is None and self._pos == len(self._buffer)

    @property
    def begun(self) -> tuple[int, int, int, int] | None:
        """(payload bytes that are there, payload bytes announced, frame and time of its first) of a packet that has
        begun and is not complete; None where there is none. Of one of 16 MiB and over, its last part is announced.
        """
        long = self._long
        if long is not None:
            return long.length + self._have, long.length + long.left, *long.start
        if not self._have:
            return None
        head = self.peek(HEADER)
        start = self._start or (0, 0)
        announced = int.from_bytes(head[:3], "little") if len(head) == HEADER else 0
        return max(self._have - HEADER, 0), announced, *start

    def partial(self) -> RawPacket | None:
        """What has come of a packet that is not complete, as a packet that is cut: its `length` is the announced one.

        None where not even its first byte has come. The framer goes on: the whole may follow.
        """
        begun = self.begun
        if begun is None or not begun[0]:
            return None
        have, announced, frame, time_ns = begun
        long = self._long
        if long is not None:
            payload, sequence, first = b"".join(long.parts), long.sequence, long.first_sequence
        else:
            whole = self.peek(HEADER + self.keep)
            payload, sequence, first = whole[HEADER:], whole[3], whole[3]
        return RawPacket(sequence, payload, max(have, announced), frame, time_ns, frame, time_ns, first)

    def push(self, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Adds `data`, whose bytes up to ends[i] came in frame frames[i] at times[i]."""
        have = self._have
        if not have:
            self._buffer = data
            self._pos = 0
            self._ends = ends
            self._frames = frames
            self._times = times
            return
        self._parts.append(data)
        self._have = have + len(data)
        if self._have < self._need:
            return
        self._buffer = b"".join(self._parts)
        self._pos = 0
        self._ends = [end + have for end in ends]
        self._frames = frames
        self._times = times
        self._parts = []
        self._have = 0

    def shed(self) -> int:
        """Of a packet that is under way only the head is kept from now on; returns the bytes that were given up.

        The packet is counted to its end all the same: what follows it is not lost.
        """
        if self._long is None:
            if self._have <= HEADER + HEAD_KEPT:
                return 0
            # `_need` is known: a header that is not whole holds nothing back.
            whole = b"".join(self._parts)
            self._buffer, self._pos = whole, 0
            self._parts, self._have = [], 0
            start = self._start or (0, 0)
            self._ends, self._frames, self._times = [len(whole)], [start[0]], [start[1]]
            self._begin_part(int.from_bytes(whole[:3], "little"), whole[3])
            if self._long is not None:
                self._continue_long(self._long)
            self._buffer, self._pos = b"", 0
        return self._long.shed(self.keep) if self._long is not None else 0

    def packets_in(self, data: bytes, most: int) -> int:
        """How many packets `data` would complete or begin if it were pushed now; at most one more than `most`."""
        pos, count = 0, 0
        if self._long is not None and self._long.left:
            pos = self._long.left
        elif self._have >= HEADER:
            pos = self._need - self._have
        elif self._have:
            head = self.peek(HEADER) + data[: HEADER - self._have]
            pos = HEADER - self._have + int.from_bytes(head[:3], "little")
        count += pos > 0
        while pos < len(data) and count <= most:
            pos += HEADER + int.from_bytes(data[pos : pos + 3], "little")
            count += 1
        return count

    def peek(self, size: int) -> bytes:
        """Up to `size` of the bytes that are not yet part of a packet."""
        if self._have:
            # Only as many parts as are needed: the whole may be a megabyte, and this is asked for every segment.
            found = b""
            for part in self._parts:
                found += part[: size - len(found)]
                if len(found) == size:
                    break
            return found
        return self._buffer[self._pos : self._pos + size]

    def drop(self, size: int) -> None:
        """Passes over `size` bytes that are no packet (a PROXY header)."""
        data, ends, frames, times = self.take_rest()
        if len(data) > size:
            self.push(data[size:], [end - size for end in ends], frames, times)

    def take_rest(self) -> tuple[bytes, list[int], list[int], list[int]]:
        """Takes all bytes that are not yet part of a packet, with their marks: what comes next is no MySQL packet."""
        if self._have:
            rest, base = b"".join(self._parts), 0
            start = self._start or (0, 0)
            ends, frames, times = [len(rest)], [start[0]], [start[1]]
        else:
            base = self._pos
            rest = self._buffer[base:]
            kept = [i for i, end in enumerate(self._ends) if end > base]
            ends = [self._ends[i] - base for i in kept]
            frames = [self._frames[i] for i in kept]
            times = [self._times[i] for i in kept]
        self.reset()
        return rest, ends, frames, times

    def hole(self, length: int, frame: int, time_ns: int) -> bool:
        """`length` bytes are missing. True where all of them are payload of the packet that has begun: it goes on.

        Nothing changes where they are not: where the next packet begins is not known then. At least a byte of the
        payload has to be there, and nothing of it is kept behind a hole. The bytes were to come with this frame.
        """
        long = self._long
        if long is None:
            head, have = self.peek(HEADER), self.pending
            size = int.from_bytes(head[:3], "little")
            if have <= HEADER or length > HEADER + size - have:
                return False
            start = self._start or self._at(self._pos + 1)
            payload = self.take_rest()[0][HEADER:]
            long = self._long = _LongPacket(head[3], start)
            long.parts, long.length, long.left = [payload], len(payload), size - len(payload)
        elif length > long.left or not long.kept:
            return False
        long.kept = max(long.kept, self.keep)
        long.length += length
        long.missing += length
        long.left -= length
        long.last = (frame, time_ns)
        return True

    def reset(self) -> None:
        """Forgets everything: what follows begins a packet (after a gap)."""
        self._buffer = b""
        self._pos = 0
        self._parts = []
        self._have = 0
        self._need = HEADER
        self._start = None
        self._long = None

    def _at(self, end: int) -> tuple[int, int]:
        """Frame and time of the byte before `end` of the buffer."""
        index = bisect_left(self._ends, end) if len(self._ends) > 1 else 0
        return self._frames[index], self._times[index]

    @property
    def mark(self) -> tuple[int, int]:
        """Frame and time of the last byte that was taken."""
        return self._at(self._pos)

    def next(self) -> RawPacket | None:
        """The next packet, or None until more bytes are pushed."""
        if self._have:
            return None
        while True:
            if self._long is not None:
                if self._long.left and not self._continue_long(self._long):
                    return None
                if not self._long.continues:
                    return self._finish_long(self._long)
            buffer = self._buffer
            pos = self._pos
            left = len(buffer) - pos
            if left < HEADER:
                self._wait(HEADER)
                return None
            word: int = _U32(buffer, pos)[0]
            length = word & LONGEST
            stop = pos + HEADER + length
            if self._long is not None or length == LONGEST or length > self.keep:
                self._begin_part(length, word >> 24)
                continue
            if stop > len(buffer):
                self._wait(HEADER + length)
                return None
            self._pos = stop
            start = self._start
            if len(self._ends) == 1:
                frame = self._frames[0]
                time_ns = self._times[0]
                if start is None:
                    return RawPacket(
                        word >> 24, buffer[pos + 4 : stop], length, frame, time_ns, frame, time_ns, word >> 24
                    )
            else:
                frame, time_ns = self._at(stop)
                if start is None:
                    start = self._at(pos + 1)
            self._start = None
            return RawPacket(word >> 24, buffer[pos + 4 : stop], length, frame, time_ns, start[0], start[1], word >> 24)

    def _wait(self, need: int) -> None:
        """Keeps the rest of the buffer until `need` bytes of it are there."""
        pos = self._pos
        buffer = self._buffer
        if pos < len(buffer):
            if self._start is None:
                self._start = self._at(pos + 1)
            rest = buffer[pos:] if pos else buffer
            self._parts = [rest]
            self._have = len(rest)
        self._need = need
        self._buffer = b""
        self._pos = 0

    def _begin_part(self, length: int, sequence: int) -> None:
        """Takes the header of a part of a long packet; its payload is taken as it comes."""
        start = self._start or self._at(self._pos + 1)
        self._start = None
        if self._long is None:
            self._long = _LongPacket(sequence, start)
        long = self._long
        self._pos += HEADER
        long.sequence = sequence
        long.left = length
        long.continues = length == LONGEST
        long.last = self._at(self._pos)

    def _continue_long(self, long: _LongPacket) -> bool:
        """Takes what the buffer has of the part's payload; True when the part is complete."""
        pos = self._pos
        step = min(len(self._buffer) - pos, long.left)
        if step:
            room = self.keep - long.kept
            if room > 0:
                part = self._buffer[pos : pos + min(step, room)]
                long.parts.append(part)
                long.kept += len(part)
            long.length += step
            long.left -= step
            self._pos = pos + step
            long.last = self._at(self._pos)
        return long.left == 0

    def _finish_long(self, long: _LongPacket) -> RawPacket:
        self._long = None
        frame, time_ns = long.last
        start = long.start
        payload = b"".join(long.parts)
        first = long.first_sequence
        return RawPacket(long.sequence, payload, long.length, frame, time_ns, start[0], start[1], first, long.missing)

    @property
    def start(self) -> tuple[int, int]:
        """Of the first packet that `skip_rows` passed over: frame of its last byte, and time of its first."""
        begin = self._skipped
        first: int = _U32(self._buffer, begin)[0]
        return self._at(begin + HEADER + (first & LONGEST))[0], self._at(begin + 1)[1]

    def passed(self, size: int) -> bytes:
        """The last `size` bytes that `skip_rows` passed over, heads included."""
        return self._buffer[self._pos - size : self._pos]

    def skip_rows(self, sequence: int, most: int = 1 << 62, one_frame: bool = False) -> tuple[int, int, int]:
        """Passes over up to `most` complete packets that can only be rows or definitions, from id `sequence` on.

        Stops before any packet whose first byte may begin something else (0xFE, 0xFF), which is empty, of 16 MiB, out
        of sequence or not complete; with `one_frame` before the first that ends in a later frame than the byte it
        begins with. Returns (rows, next sequence id, payload bytes).
        """
        if self._have or self._long is not None or self._start is not None:
            return 0, sequence, 0
        buffer = self._buffer
        begin = pos = self._skipped = self._pos
        end = len(buffer)
        if one_frame and pos < end and len(self._ends) > 1:
            end = self._ends[bisect_left(self._ends, pos + 1)]
        rows, self._pos = rows_end(buffer, pos, end, sequence, most)
        return rows, (sequence + rows) & 0xFF, self._pos - begin - rows * HEADER


class _LongPacket:
    """A packet that is collected part by part: over 16 MiB, or over the framer's bound."""

    __slots__ = (
        *("continues", "first_sequence", "kept", "last", "left", "length", "missing", "parts", "sequence", "start"),
    )

    def __init__(self, sequence: int, start: tuple[int, int]) -> None:
        self.first_sequence = sequence
        self.sequence = sequence
        self.start = start
        self.last = start
        self.parts: list[bytes] = []
        self.kept = 0
        self.length = 0
        self.left = 0
        self.missing = 0
        self.continues = False

    def shed(self, keep: int) -> int:
        """Keeps the head, and takes nothing more; returns the bytes that were given up."""
        whole = b"".join(self.parts)
        if len(whole) <= HEAD_KEPT:
            return 0
        self.parts = [whole[:HEAD_KEPT]]
        self.kept = keep
        return len(whole) - HEAD_KEPT


class ClosedFramer(PacketFramer):
    """Of a direction in which no packets follow: it takes bytes, and gives nothing."""

    @property
    def idle(self) -> bool:
        return False

    def push(self, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Passes `data` over."""


def encode_packet(payload: bytes, sequence_id: int) -> bytes:
    """`payload` as it goes over the wire, split where it is 16 MiB or longer."""
    parts = []
    for start in range(0, len(payload) + 1, LONGEST):
        part = payload[start : start + LONGEST]
        parts.append(len(part).to_bytes(3, "little") + bytes([sequence_id & 0xFF]) + part)
        sequence_id += 1
    return b"".join(parts)
