"""The compressed protocol: 7-byte headers, then zlib or zstd, inside which the MySQL packets go on.

Source: MySQL source documentation, "Compressed Packet": int<3> length of the compressed payload, int<1> compressed
sequence id, int<3> length before compression, 0 where the payload is not compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from analyzer.errors import BadValue

HEADER = 7
ZLIB = "zlib"
ZSTD = "zstd"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# A frame says how long its content is in three bytes: nothing opens to more than this.
LONGEST = 0xFF_FFFF
# The window of level 22, the highest a client can ask for. It bounds an allocation, of which only what is opened is
# used.
ZSTD_MAX_WINDOW = 1 << 27


# What results compress to at best; frames that open to more than this many times their size draw on an allowance.
PLAUSIBLE = 100
ALLOWANCE = 32 << 20


class Allowance:
    """Bytes that implausibly small frames may still open to, those of a whole capture together.

    520 bytes of zstd open to 16 MiB: without a bound on the sum, a capture of a megabyte keeps the analysis busy for a
    day. What costs is the number of packets: who finds few in a frame gives back most of what it took.
    """

    __slots__ = ("left", "refused")

    def __init__(self, left: int = ALLOWANCE) -> None:
        self.left = left
        self.refused = False  # whether there was not enough once

    def take(self, packed: int, opened: int) -> bool:
        """Whether a frame of `packed` bytes may be opened to `opened`."""
        excess = opened - PLAUSIBLE * packed
        if excess > self.left:
            self.refused = True
            return False
        self.left -= max(excess, 0)
        return True

    def give_back(self, count: int) -> None:
        """What was opened was less work than its size let fear."""
        self.left += count


class CompressedFramer:
    """Opens the compressed frames of one direction. `push` gives back the packet bytes that have become complete.

    Every frame is bounded by the length its header announces, all frames by `allowance`, which framers may share.
    Raises BadValue for a frame that does not open, after which nothing of the direction can be trusted.
    """

    __slots__ = ("_allowance", "_broken", "_data", "_offset", "_skip", "algorithm", "excess", "sequence_id")

    def __init__(self, algorithm: str, allowance: Allowance | None = None) -> None:
        self.algorithm = algorithm
        self._allowance = allowance or Allowance()
        self.sequence_id: int | None = None  # of the last frame that is complete
        self.excess = 0  # bytes that this frame took from the allowance
        self._broken = False
        self._data = bytearray()
        self._offset = 0
        self._skip = 0  # bytes still to come of a frame that can not be opened

    @property
    def pending(self) -> int:
        """Bytes of a frame that has begun and is not complete."""
        return len(self._data)

    def push(self, data: bytes) -> bytes:
        """Adds bytes; returns the opened content of all frames that are complete with them."""
        return b"".join(self.frames(data))

    def frames(self, data: bytes) -> Iterator[bytes]:
        """The same frame by frame: thousands of bombs may be complete at once, and only one is to be in memory."""
        if self._broken:
            return
        if self._skip:
            skip = min(self._skip, len(data))
            self._skip -= skip
            data = data[skip:]
        buffer = self._data
        buffer += data
        pos = 0
        try:
            while len(buffer) - pos >= HEADER:  # asked anew each time: whoever takes a frame may call `reset`
                length = int.from_bytes(buffer[pos : pos + 3], "little")
                stop = pos + HEADER + length
                if stop > len(buffer):
                    break
                self.sequence_id = buffer[pos + 3]
                full = int.from_bytes(buffer[pos + 4 : pos + 7], "little")
                payload = bytes(buffer[pos + HEADER : stop])
                self._broken = bool(full)  # until it has opened
                self.excess = max(full - PLAUSIBLE * length, 0)
                content = self._open(payload, full) if full else payload
                self._broken = False
                self._offset += stop - pos
                pos = stop
                yield content
        finally:
            del buffer[:pos]

    def reset(self) -> None:
        """Forgets a frame that has begun: after a gap. A frame that did not open ends the direction for good."""
        self._data.clear()
        self._skip = 0

    def lose(self, length: int) -> int | None:
        """`length` bytes are missing: how many bytes of content are gone with the frame in hand, which will not open.

        None where they are not all of that frame: what comes next begins a frame only if it looks like one.
        """
        if self._skip and self._skip >= length:
            self._skip -= length
            return 0
        head, have = bytes(self._data[:HEADER]), len(self._data)
        self.reset()
        if have < HEADER:
            return None
        size = int.from_bytes(head[:3], "little")
        left = HEADER + size - have
        if length > left:
            return None
        self._skip = left - length
        return int.from_bytes(head[4:], "little") or size

    def _open(self, payload: bytes, full: int) -> bytes:
        if not self._allowance.take(len(payload), full):
            reason = f"{len(payload)} bytes open to {full}, as many before them did: a decompression bomb"
            raise BadValue("CompressedPacket", "payload", self._offset, reason)
        # The magic is looked at too: a capture that lacks the login can not tell the two apart otherwise.
        if payload.startswith(ZSTD_MAGIC):
            self.algorithm = ZSTD
            return self._zstd(payload, full)
        self.algorithm = ZLIB
        try:
            # One byte more than announced is let through, to see that there is more.
            content = zlib.decompressobj().decompress(payload, full + 1)
        except zlib.error as error:
            raise BadValue("CompressedPacket", "payload", self._offset, f"zlib: {error}") from error
        return self._checked(content, full)

    def _zstd(self, payload: bytes, full: int) -> bytes:
        import zstandard

        try:
            content = _open_zstd(payload, full)
        except zstandard.ZstdError as error:
            raise BadValue("CompressedPacket", "payload", self._offset, f"zstd: {error}") from error
        return self._checked(content, full)

    def _checked(self, content: bytes, full: int) -> bytes:
        if len(content) != full:
            more = "more" if len(content) > full else str(len(content))
            raise BadValue("CompressedPacket", "payload", self._offset, f"opens to {more} bytes, {full} announced")
        return content


def opened_frame(data: bytes) -> tuple[bytes, str] | None:
    """(content, algorithm) of the compressed frame that `data` begins with and that opens; None where it does not.

    Of a frame whose content is not compressed nobody can say the algorithm: it is empty.
    """
    size, full = int.from_bytes(data[:3], "little"), int.from_bytes(data[4:HEADER], "little")
    payload = data[HEADER : HEADER + size]
    if not size or len(payload) < size:
        return None
    if not full:
        return payload, ""
    framer = CompressedFramer(ZLIB)
    try:
        return framer.push(data[: HEADER + size]), framer.algorithm
    except BadValue:
        return None


def _open_zstd(payload: bytes, length: int) -> bytes:
    """What a zstd frame opens to. One byte more than `length` is let through, to see that there is more."""
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW).stream_reader(payload).read(length + 1)


def _packed_zstd(content: bytes, level: int) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=level).compress(content)


def opened_zstd(payload: bytes, length: int) -> bytes | None:
    """What a zstd frame opens to, at most a byte more than `length`; None where it is damaged."""
    import zstandard

    try:
        return _open_zstd(payload, length)
    except zstandard.ZstdError:
        return None


def encode_compressed(content: bytes, sequence_id: int, algorithm: str, level: int = 3, minimum: int = 50) -> bytes:
    """`content` as one compressed frame; under `minimum` bytes, or where it would grow, it goes as it is.

    `content` is under 16 MiB.
    """
    packed = content
    if len(content) >= max(minimum, 1):
        packed = _packed_zstd(content, level) if algorithm == ZSTD else zlib.compress(content)
    plain = len(packed) >= len(content)
    if plain:
        packed = content
    head = len(packed).to_bytes(3, "little") + bytes([sequence_id & 0xFF])
    return head + (0 if plain else len(content)).to_bytes(3, "little") + packed
