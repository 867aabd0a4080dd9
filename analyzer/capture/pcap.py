"""Reads pcap (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds, Kuznetzov's variant."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator

import msgspec

from analyzer.batches import FrameBatch
from analyzer.capture.inputs import Chunks
from analyzer.capture.record_chain import record_columns, records
from analyzer.capture.state import ReadState

FILE_HEADER = 24
# No link has frames near this size; a length beyond it is damage.
MAX_FRAME = 256 << 20
# libpcap's largest snap length: longer frames are possible, but have to look right.
USUAL_FRAME = 262144


class PcapHeader(msgspec.Struct, frozen=True):
    """The file header. `order` is struct's sign for the byte order, `tick_ns` 1000 or 1."""

    order: str
    tick_ns: int
    record_header: int
    version: tuple[int, int]
    snaplen: int
    link_type: int


# Magic number: nanoseconds of a tick, size of a record header.
_MAGICS = {
    0xA1B2C3D4: (1000, 16),
    0xA1B23C4D: (1, 16),
    0xA1B2CD34: (1000, 24),
}


def is_pcap(head: bytes) -> bool:
    """Whether the first four bytes are a magic number of pcap, in either byte order."""
    return int.from_bytes(head[:4], "little") in _MAGICS or int.from_bytes(head[:4], "big") in _MAGICS


def parse_header(head: bytes) -> PcapHeader:
    """The file header (section 4 of the draft) from its 24 bytes; `is_pcap(head)` must hold."""
    order = "<" if int.from_bytes(head[:4], "little") in _MAGICS else ">"
    magic, major, minor, _, _, snaplen, link = struct.unpack(order + "IHHIIII", head[:FILE_HEADER])
    tick_ns, record_header = _MAGICS[magic]
    # The upper half of the last field is the length of the frame check sequence and reserved bits.
    return PcapHeader(order, tick_ns, record_header, (major, minor), snaplen, link & 0xFFFF)


class PcapReader:
    """Frames of a pcap file, from the chunks whose window begins with the file header (all of it)."""

    def __init__(self, chunks: Chunks, state: ReadState) -> None:
        self._chunks = chunks
        self._state = state
        self.header = header = parse_header(bytes(chunks.view[:FILE_HEADER]))
        self.format = "pcap" if header.tick_ns == 1000 else "pcap with nanoseconds"
        if header.record_header != 16:
            self.format = "pcap, modified"
        self._limit = max(USUAL_FRAME, header.snaplen if header.snaplen <= MAX_FRAME else 0)

    def batches(self) -> Iterator[FrameBatch]:
        """Batches in file order; ends at the end of the file, or where it is cut or damaged."""
        chunks, state, size = self._chunks, self._state, self.header.record_header
        major, minor = self.header.version
        if (major, minor) != (2, 4):
            state.warn(f"version {major}.{minor} in the file header, 2.4 is expected: read as 2.4", 4)
        start, need = FILE_HEADER, size
        while True:
            batch, start, need = self._walk(start)
            if batch is not None:
                state.frames += len(batch)
                yield batch
            if need == 0:
                return
            if chunks.ended:
                break
            chunks.advance(start, need)
            start = 0
        left = chunks.used - start
        offset, frame = chunks.base + start, state.frames + 1
        if chunks.problem is not None:
            state.stop(chunks.problem, offset, frame)
        elif left > 0:
            part = "header" if left < size else "data"
            state.stop(f"the file ends inside a record's {part}: {left} bytes of {need} are there", offset, frame)

    def _walk(self, start: int) -> tuple[FrameBatch | None, int, int]:
        """The complete frames of the window from `start` on, where the next record starts, and the bytes it needs.

        Zero bytes are needed where the file is damaged and nothing after it can be trusted.
        """
        chunks, header, state = self._chunks, self.header, self._state
        view, big, size = chunks.view, header.order == ">", header.record_header
        count, position, need = records(view, start, chunks.used, size, header.tick_ns, big, self._limit, MAX_FRAME)
        if not need:
            length = struct.unpack_from(header.order + "I", view, position + 8)[0]
            state.stop(
                f"damaged: a record claims {length} captured bytes, at most {self._limit} are expected here; "
                "nothing after it can be read",
                chunks.base + position,
                state.frames + count + 1,
            )
        if not count:
            return None, position, need
        columns = record_columns(view, start, count, size, header.tick_ns, big, state.frames + 1)
        columns["link_type"] = memoryview(array("i", [header.link_type]) * count)
        return FrameBatch.of(chunks.buffer, columns), position, need
