"""Reads pcapng (draft-ietf-opsawg-pcapng): sections in both byte orders, packet blocks of all three kinds, secrets."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator

from analyzer.batches import FrameBatch
from analyzer.capture.inputs import Chunks
from analyzer.capture.pcapng_blocks import (
    ENHANCED_PACKET,
    INTERFACE,
    LEAST,
    LEAST_BLOCK,
    MAX_BLOCK,
    MAX_INTERFACES,
    NUMBERED,
    OLD_PACKET,
    SECRETS,
    SECTION_HEADER,
    SIMPLE_PACKET,
    STATISTICS,
    TLS_KEY_LOG,
    parse_interface,
    parse_statistics,
    section_order,
)
from analyzer.capture.pcapng_interfaces import Interfaces
from analyzer.capture.record_chain import PacketColumns, first_damaged, frames_lost, packet_blocks
from analyzer.capture.state import ReadState

# Type and length, with which each block begins.
HEAD = 8


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
        self._places = array("q")
        self._secrets: list[tuple[int, bytes]] = []
        self._interfaces = Interfaces()
        # Blocks whose length is no multiple of four: those that are not padded, and those that are all the same.
        self._unpadded = False
        self._rounded = False
        self._lost = 0  # frames, as packet blocks say

    def batches(self) -> Iterator[FrameBatch]:
        """Batches in file order; ends at the end of the file, or where it is cut or damaged."""
        chunks, state = self._chunks, self._state
        while True:
            yield from self._window()
            if self._stopped or chunks.ended:
                break
            chunks.advance(self._place, self._need)
            self._place = 0
        left = chunks.used - self._place
        offset, frame = chunks.base + self._place, state.frames + 1
        if chunks.problem is not None and not self._stopped:
            state.stop(chunks.problem, offset, frame)
        elif left > 0 and not self._stopped:
            state.stop(f"the file ends inside a block: {left} bytes of {self._need} are there", offset, frame)
        self._tell_drops()

    def _tell_drops(self) -> None:
        for text in self._interfaces.told():
            self._state.tell(text)
        if self._lost:
            self._state.tell(f"the file says that {self._lost:,} frames are missing between those it holds")

    def _window(self) -> Iterator[FrameBatch]:
        """All complete blocks of the window."""
        while (block := self._next_block()) is not None:
            kind, length = block
            if kind == SECTION_HEADER and section_order(self._chunks.view[self._place :]) != self._order:
                # The packet blocks before it are read in their byte order.
                batch = self._flush()
                if batch is not None:
                    yield batch
                if self._stopped:
                    return
            self._take(kind, length)
            self._place += self._taken(length)
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
        chunks, used = self._chunks, self._chunks.used
        view = chunks.view[:used]
        found_block = self._chain(view)
        if self._places and self._is_rounded(view, self._places[-1]):
            self._place = self._places.pop()
            found_block = self._chain(view)
        if found_block is None:
            return None
        kind, length = found_block
        place, order = self._place, self._order
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
        if length < least or length > MAX_BLOCK:
            self._error = f"a block of type 0x{kind:x} and {length} bytes; expected is a multiple of 4, {least} or more"
            return None
        if place + length <= used:
            self._is_rounded(view, place)
        if place + self._taken(length) > used:
            self._need = self._taken(length)
            return None
        trailer = struct.unpack_from(order + "I", view, place + self._taken(length) - 4)[0]
        if trailer != length:
            self._error = f"a block of {length} bytes that says {trailer} at its end"
            return None
        if length & 3:
            self._warn_of_padding(place)
        return kind, length

    def _chain(self, view: memoryview) -> tuple[int, int] | None:
        """Follow enhanced packet blocks from `_place` on; type and length of the block that is none, or not whole.

        None where the window ends before that: `_need` is set.
        """
        place, used = self._place, len(view)
        if not self._rounded:
            # Only the chain is followed here, checks are made on whole columns by _flush: this loop is the hot path.
            place = packet_blocks(view, place, used, self._order == ">", self._places)
        if place + HEAD > used:
            if place <= used:
                self._place, self._need = place, LEAST_BLOCK
                return None
            place = self._places.pop()
        kind, length = struct.unpack_from(self._order + "II", view, place)
        self._place = place
        return kind, length

    def _taken(self, length: int) -> int:
        """Bytes that a block of this length takes in the file."""
        return length + 3 & ~3 if self._rounded else length

    def _is_rounded(self, view: memoryview, place: int) -> bool:
        """Whether a block's length is no multiple of four and leaves out its padding, met here for the first time."""
        if self._rounded:
            return False
        length = struct.unpack_from(self._order + "I", view, place + 4)[0]
        if not length & 3 or length < LEAST_BLOCK or place + length > len(view):
            return False
        self._rounded = bool(struct.unpack_from(self._order + "I", view, place + length - 4)[0] != length)
        return self._rounded

    def _warn_of_padding(self, place: int) -> None:
        if not self._unpadded:
            self._unpadded = True
            how = "its length leaves the padding out" if self._rounded else "blocks are not padded"
            message = f"a block's length is no multiple of 4, {how}: such blocks are read as they stand"
            self._state.warn(message, self._chunks.base + place)

    def _take(self, kind: int, length: int) -> None:
        """Act on a complete block at `_place` that is no enhanced packet block."""
        place, state = self._place, self._state
        body = self._chunks.view[place + 8 : place + length - 4]
        if kind in (ENHANCED_PACKET, OLD_PACKET, SIMPLE_PACKET) or kind in NUMBERED:
            self._places.append(place)
        elif kind == SECTION_HEADER:
            order = self._order = section_order(self._chunks.view[place:]) or self._order
            self._interfaces.new_section(len(self._places))
            major, minor = struct.unpack_from(order + "HH", body, 4)
            if major != 1:
                state.warn(f"pcapng version {major}.{minor}, 1.0 is expected", self._chunks.base + place)
        elif kind == INTERFACE:
            if not self._interfaces.add(parse_interface(self._order, body), len(self._places)):
                state.warn(f"more than {MAX_INTERFACES} interfaces: left out", self._chunks.base + place)
        elif kind == STATISTICS and len(body) >= 12:
            self._interfaces.add_drops(parse_statistics(self._order, body))
        elif kind == SECRETS:
            secret_type, size = struct.unpack_from(self._order + "II", body)
            if size > len(body) - 8:
                message = f"a decryption secrets block claims {size} bytes, more than it has: left out"
                state.warn(message, self._chunks.base + place)
            elif secret_type == TLS_KEY_LOG:
                self._secrets.append((len(self._places), bytes(body[8 : 8 + size])))

    def _flush(self) -> FrameBatch | None:
        """The frames of the collected blocks, None where there are none; hands on the secrets met with them."""
        places, secrets, chunks, state = self._places, self._secrets, self._chunks, self._state
        self._places, self._secrets = array("q"), []
        good = len(places)
        if not good:
            for _, payload in secrets:
                state.add_secret(payload)
            self._interfaces.forget()
            return None
        big, view = self._order == ">", chunks.view
        damaged, uneven = first_damaged(view, places, big, self._rounded)
        if uneven >= 0 and uneven != damaged:
            self._warn_of_padding(places[uneven])
        if damaged >= 0:
            good, place = damaged, places[damaged]
            length, trailer = (self._word(place + at) for at in (4, self._taken(self._word(place + 4)) - 4))
            message = f"a packet block of {length} bytes that says {trailer} at its end"
            self._stop(message, place, state.frames + good + 1)
        for before, payload in secrets:
            if before <= good:
                state.add_secret(payload)
        first = state.frames + 1
        state.frames += good
        batch = None
        if good:
            self._lost += frames_lost(view, places, good, big)
            batch = self._columns(places, good, first, big)
        self._interfaces.forget()
        return batch

    def _word(self, place: int) -> int:
        number: int = struct.unpack_from(self._order + "I", self._chunks.view, place)[0]
        return number

    def _columns(self, places: array[int], good: int, first: int, big: bool) -> FrameBatch | None:
        """The batch of the first `good` of these blocks; `first` is the number of the first frame."""
        view, interfaces = self._chunks.view, self._interfaces
        found = PacketColumns(good)
        for begin, stop, described in interfaces.of_frames(good):
            found.add(view, places, begin, stop, first, big, described.base, described.number, described.snaplen)
        named = "names an interface that the section does not describe"
        self._explain(found.unknown, places[found.first_unknown], first + found.first_unknown, named)
        claims = "claims more captured bytes than its block has"
        self._explain(found.unfit, places[found.first_unfit], first + found.first_unfit, claims)
        if not found.count:
            return None
        columns = found.written()
        described_by = columns.pop("described")
        times = columns["timestamp_ns"] = interfaces.times(columns.pop("ticks"), described_by)
        timed = columns.pop("timed").tobytes()
        if 0 in timed:
            # Simple packet blocks have no time: the last known one keeps them in order.
            for row, known in enumerate(timed):
                if not known:
                    times[row] = times[row - 1] if row else self._last_ns
        self._last_ns = times[-1]
        columns["link_type"] = interfaces.links(described_by)
        if not interfaces.several:
            del columns["interface"]
        return FrameBatch.of(self._chunks.buffer, columns)

    def _explain(self, count: int, place: int, frame: int, what: str) -> None:
        """Warn once of all frames of a batch that have the same fault."""
        if count:
            self._state.warn(
                f"{what}: left out, and {count - 1} more in what follows", self._chunks.base + place, frame
            )
