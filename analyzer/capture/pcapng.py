"""Reads pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packet blocks of all three kinds, secrets."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I32, I64, U32, U64, FrameBatch
from analyzer.capture.clocks import Clock
from analyzer.capture.inputs import Chunks
from analyzer.capture.state import ReadState

SECTION_HEADER = 0x0A0D0D0A
INTERFACE = 1
OLD_PACKET = 2
SIMPLE_PACKET = 3
ENHANCED_PACKET = 6
SECRETS = 10
# Journal entries, system calls and custom blocks are no packets, but Wireshark gives them frame numbers.
NUMBERED = frozenset({9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD})
TLS_KEY_LOG = 0x544C534B

BYTE_ORDER_MAGIC = 0x1A2B3C4D
# Bytes of the smallest block, and of the smallest of its type.
LEAST_BLOCK = 12
LEAST = {SECTION_HEADER: 28, INTERFACE: 20, OLD_PACKET: 32, SIMPLE_PACKET: 16, ENHANCED_PACKET: 32, SECRETS: 20}
# Frames have at most 256 MiB, and there may be options.
MAX_BLOCK = (256 << 20) + (1 << 20)
MAX_INTERFACES = 1 << 16
# Bytes before the frame: 28 in enhanced and old packet blocks, 12 in simple ones.
PACKET_HEADER = 28
SIMPLE_HEADER = 12


class InterfaceDescription(msgspec.Struct, frozen=True):
    """An interface description block; `snaplen` 0 means no limit."""

    link_type: int
    snaplen: int
    clock: Clock


def section_order(head: memoryview) -> str | None:
    """struct's sign for the byte order of the section header block that begins at `head` (12 bytes), None if broken."""
    for order in "<>":
        if struct.unpack_from(order + "I", head, 8)[0] == BYTE_ORDER_MAGIC:
            return order
    return None


def parse_interface(order: str, body: memoryview) -> InterfaceDescription:
    """An interface description block (section 4.2) from what is between its two lengths (8 bytes or more).

    Options that are not well-formed end the list of options.
    """
    link_type, _, snaplen = struct.unpack_from(order + "HHI", body)
    base, exponent, offset = 10, 6, 0
    place = 8
    while place + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, place)
        value = body[place + 4 : place + 4 + length]
        if code == 0 or len(value) < length:
            break
        if code == 9 and length == 1:
            base, exponent = (2 if value[0] & 0x80 else 10), value[0] & 0x7F
        elif code == 14 and length == 8:
            offset = struct.unpack(order + "q", value)[0]
        place += 4 + (length + 3 & ~3)
    return InterfaceDescription(link_type, snaplen, Clock(base, exponent, offset))


class PcapngReader:
    """Frames of a pcapng file, from the chunks whose window begins with the first section header block."""

    def __init__(self, chunks: Chunks, state: ReadState) -> None:
        self._chunks = chunks
        self._state = state
        self.format = "pcapng"
        self._order = "<"
        self._last_ns = 0
        # The window: where the next block starts, the bytes needed to go on there, what is wrong with it.
        self._place = 0
        self._need = LEAST_BLOCK
        self._error: str | None = None
        self._stopped = False
        # Starts of the blocks that count as frames, and secrets: (number of such blocks before, payload).
        self._places: list[int] = []
        self._secrets: list[tuple[int, bytes]] = []
        self._new_section("<")

    def _new_section(self, order: str) -> None:
        self._order = order
        # One row for each interface; longer than that, for appending without a copy each time.
        self._links: I32 = np.zeros(8, dtype=np.int32)
        self._clock_of: I64 = np.zeros(8, dtype=np.int64)
        self._interfaces = 0
        self._first_snaplen = 0
        self._clocks: dict[Clock, int] = {}

    def batches(self) -> Iterator[FrameBatch]:
        """Batches in file order; ends at the end of the file, or where it is cut or damaged."""
        chunks, state = self._chunks, self._state
        while True:
            yield from self._window()
            if self._stopped:
                return
            if chunks.ended:
                break
            chunks.advance(self._place, self._need)
            self._place = 0
        left = chunks.used - self._place
        offset, frame = chunks.base + self._place, state.frames + 1
        if chunks.problem is not None:
            state.stop(chunks.problem, offset, frame)
        elif left > 0:
            state.stop(f"the file ends inside a block: {left} bytes of {self._need} are there", offset, frame)

    def _window(self) -> Iterator[FrameBatch]:
        """All complete blocks of the window."""
        while (block := self._next_block()) is not None:
            kind, length = block
            if kind in (SECTION_HEADER, INTERFACE):
                # These change what packet blocks mean: those before them go first.
                batch = self._flush()
                if batch is not None:
                    yield batch
                if self._stopped:
                    return
            self._take(kind, length)
            self._place += length
        batch = self._flush()
        if self._error is not None and not self._stopped:
            self._stop(self._error, self._place, self._state.frames + 1)
        if batch is not None:
            yield batch

    def _stop(self, message: str, place: int, frame: int) -> None:
        self._stopped = True
        self._state.stop(f"damaged: {message}; nothing after it can be read", self._chunks.base + place, frame)

    def _next_block(self) -> tuple[int, int] | None:
        """Collect enhanced packet blocks up to a block that is not one: its type and length, at `_place`.

        None where the window has no further complete block (`_need` is set), or `_error` is set.
        """
        chunks, used, place = self._chunks, self._chunks.used, self._place
        view = chunks.view[:used]
        append, head_at = self._places.append, struct.Struct(self._order + "II").unpack_from
        try:
            # Only the chain is followed here, checks are made on whole columns by _flush: this loop is the hot path.
            while True:
                kind, length = head_at(view, place)
                if kind != ENHANCED_PACKET or length < 32:
                    break
                append(place)
                place += length
        except struct.error:
            if place <= used:
                self._place, self._need = place, LEAST_BLOCK
                return None
            place = self._places.pop()
            kind, length = head_at(view, place)
        self._place = place
        order = self._order
        if kind == SECTION_HEADER:
            if used - place < LEAST_BLOCK:
                self._need = LEAST_BLOCK
                return None
            found = section_order(view[place:])
            if found is None:
                self._error = "a section header block without its byte-order magic"
                return None
            order = found
            length = struct.unpack_from(order + "I", view, place + 4)[0]
        least = LEAST.get(kind, LEAST_BLOCK)
        if length < least or length & 3 or length > MAX_BLOCK:
            self._error = f"a block of type 0x{kind:x} and {length} bytes; expected is a multiple of 4, {least} or more"
            return None
        if place + length > used:
            self._need = length
            return None
        trailer = struct.unpack_from(order + "I", view, place + length - 4)[0]
        if trailer != length:
            self._error = f"a block of {length} bytes that says {trailer} at its end"
            return None
        return kind, length

    def _take(self, kind: int, length: int) -> None:
        """Act on a complete block at `_place` that is no enhanced packet block."""
        place, state = self._place, self._state
        body = self._chunks.view[place + 8 : place + length - 4]
        if kind in (OLD_PACKET, SIMPLE_PACKET) or kind in NUMBERED:
            self._places.append(place)
        elif kind == SECTION_HEADER:
            order = section_order(self._chunks.view[place:]) or self._order
            self._new_section(order)
            major, minor = struct.unpack_from(order + "HH", body, 4)
            if major != 1:
                state.warn(f"pcapng version {major}.{minor}, 1.0 is expected", self._chunks.base + place)
        elif kind == INTERFACE:
            self._add_interface(parse_interface(self._order, body))
        elif kind == SECRETS:
            secret_type, size = struct.unpack_from(self._order + "II", body)
            if size > len(body) - 8:
                message = f"a decryption secrets block claims {size} bytes, more than it has: left out"
                state.warn(message, self._chunks.base + place)
            elif secret_type == TLS_KEY_LOG:
                self._secrets.append((len(self._places), bytes(body[8 : 8 + size])))

    def _add_interface(self, interface: InterfaceDescription) -> None:
        row = self._interfaces
        if row == MAX_INTERFACES:
            self._state.warn(f"more than {MAX_INTERFACES} interfaces: left out", self._chunks.base + self._place)
            return
        if row == len(self._links):
            self._links = np.concatenate([self._links, np.zeros_like(self._links)])
            self._clock_of = np.concatenate([self._clock_of, np.zeros_like(self._clock_of)])
        if row == 0:
            self._first_snaplen = interface.snaplen
        self._links[row] = interface.link_type
        self._clock_of[row] = self._clocks.setdefault(interface.clock, len(self._clocks))
        self._interfaces += 1

    def _flush(self) -> FrameBatch | None:
        """The frames of the collected blocks, None where there are none; hands on the secrets met with them."""
        places, secrets, chunks, state = self._places, self._secrets, self._chunks, self._state
        self._places, self._secrets = [], []
        good = len(places)
        if not good:
            for _, payload in secrets:
                state.add_secret(payload)
            return None
        where = np.array(places, dtype=np.int64)
        words = self._gather(where, PACKET_HEADER)
        length = words[:, 1].astype(np.int64)
        trailer = self._gather(where + length - 4, 4)[:, 0]
        damaged = np.flatnonzero((trailer != words[:, 1]) | (length & 3 != 0))
        if len(damaged):
            good = int(damaged[0])
            message = f"a packet block of {length[good]} bytes that says {trailer[good]} at its end"
            self._stop(message, places[good], state.frames + good + 1)
        for before, payload in secrets:
            if before <= good:
                state.add_secret(payload)
        if good == 0:
            return None
        first = state.frames + 1
        state.frames += good
        return self._columns(where[:good], words[:good], length[:good], first, chunks.view[: chunks.used])

    def _gather(self, where: I64, width: int) -> U32:
        """`width` bytes at each place of the window, as 32-bit numbers in the section's byte order: (n, width / 4)."""
        array = self._chunks.array
        items: NDArray[np.void] = np.ndarray(
            (len(array) - width + 1,), dtype=f"V{width}", buffer=array.data, strides=(1,)
        )
        numbers: U32 = items[where].view(self._order + "u4").reshape(-1, width // 4)
        return numbers

    def _columns(self, where: I64, words: U32, length: I64, first: int, data: memoryview) -> FrameBatch | None:
        """The batch of the packet blocks at `where`: their first 28 bytes as numbers, lengths, first frame number."""
        kind, interface = words[:, 0], words[:, 2].astype(np.int64)
        captured, original = words[:, 5].astype(np.int64), words[:, 6].astype(np.int64)
        offset, room = where + PACKET_HEADER, length - PACKET_HEADER - 4
        packet = kind == ENHANCED_PACKET
        simple = kind == SIMPLE_PACKET
        if not packet.all():
            old = kind == OLD_PACKET
            packet |= old | simple
            # Old packet blocks have 16 bits of interface and 16 of drops where others have 32 bits of interface.
            sixteen = interface & 0xFFFF if self._order == "<" else interface >> 16
            interface = np.where(old, sixteen, np.where(simple, 0, interface))
            original = np.where(simple, words[:, 2], original).astype(np.int64)
            offset = np.where(simple, where + SIMPLE_HEADER, offset)
            room = np.where(simple, length - SIMPLE_HEADER - 4, room)
            most = np.minimum(room, self._first_snaplen) if self._first_snaplen else room
            captured = np.where(simple, np.minimum(original, most), captured)
        known = interface < self._interfaces
        fits = captured <= room
        keep = packet & known & fits
        if not keep.all():
            self._explain(packet & ~known, where, first, "names an interface that the section does not describe")
            self._explain(packet & known & ~fits, where, first, "claims more captured bytes than its block has")
        rows: I64 = np.flatnonzero(keep)
        if not len(rows):
            return None
        interface, captured, simple = interface[rows], captured[rows], simple[rows]
        ticks = words[rows, 3].astype(np.uint64) << np.uint64(32) | words[rows, 4].astype(np.uint64)
        timestamp_ns = self._times(ticks, interface)
        if simple.any():
            # Simple packet blocks have no time: the last known one keeps them in order.
            source = np.maximum.accumulate(np.where(simple, -1, np.arange(len(rows))))
            timestamp_ns = np.where(source < 0, self._last_ns, timestamp_ns[source])
        self._last_ns = int(timestamp_ns[-1])
        return FrameBatch(
            data=data,
            number=rows + first,
            timestamp_ns=timestamp_ns,
            link_type=self._links[interface],
            offset=offset[rows],
            captured=captured,
            original=np.maximum(original[rows], captured),
            interface=interface.astype(np.int32) if self._interfaces > 1 else None,
        )

    def _explain(self, wrong: NDArray[np.bool_], where: I64, first: int, what: str) -> None:
        """Warn once of all frames of a batch that have the same fault."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            row = int(rows[0])
            offset = self._chunks.base + int(where[row])
            self._state.warn(f"{what}: left out, and {len(rows) - 1} more in what follows", offset, first + row)

    def _times(self, ticks: U64, interface: I64) -> I64:
        """Nanoseconds of time stamps, each in the ticks of its interface."""
        clocks = list(self._clocks)
        if len(clocks) == 1:
            return clocks[0].to_ns(ticks)
        which = self._clock_of[interface]
        result: I64 = np.zeros(len(ticks), dtype=np.int64)
        for index in np.unique(which).tolist():
            rows = which == index
            result[rows] = clocks[index].to_ns(ticks[rows])
        return result
