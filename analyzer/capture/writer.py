"""Writes pcapng and pcap."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO, Literal

from analyzer.capture.pcapng_blocks import (
    BYTE_ORDER_MAGIC,
    ENHANCED_PACKET,
    INTERFACE,
    SECRETS,
    SECTION_HEADER,
    TLS_KEY_LOG,
)

ETHERNET = 1
SNAPLEN = 262144

# An option that every block may have (section 3.5).
COMMENT = 1
LONGEST_OPTION = 0xFFFF
# Options of the interface description and the interface statistics block (sections 4.2 and 4.6).
IF_NAME = 2
IF_TSRESOL = 9
IF_FILTER = 11
INTERFACE_STATISTICS = 5
ISB_STARTTIME = 2
ISB_ENDTIME = 3
ISB_IFRECV = 4
ISB_IFDROP = 5
ISB_FILTERACCEPT = 6
ISB_OSDROP = 7
ISB_USRDELIV = 8


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _comments(comments: Iterable[str]) -> bytes:
    """Comments as options, and the end of all options; empty where there are none."""
    found = b"".join(_option(COMMENT, _cut(text)) for text in comments)
    return found + bytes(4) if found else b""


def _cut(text: str) -> bytes:
    """A text as an option holds it: UTF-8, no longer than an option may be."""
    raw = text.encode("utf-8", "replace")
    return raw if len(raw) <= LONGEST_OPTION else raw[:LONGEST_OPTION].decode("utf-8", "ignore").encode()


def _ticks(ticks: int) -> bytes:
    """A time stamp: its upper 32 bits come first, in either byte order."""
    return struct.pack("<II", ticks >> 32 & 0xFFFFFFFF, ticks & 0xFFFFFFFF)


class PcapngWriter:
    """Writes one section in little-endian byte order (draft-ietf-opsawg-pcapng); interface 0 has `link_type`.

    Nothing is buffered here: each call makes one write to `fileobj`.
    """

    def __init__(
        self,
        fileobj: BinaryIO,
        *,
        link_type: int = ETHERNET,
        snaplen: int = SNAPLEN,
        nanoseconds: bool = True,
        name: str | None = None,
        capture_filter: str | None = None,
        comment: str | None = None,
    ) -> None:
        """`name` and `capture_filter` (libpcap's language) describe interface 0, `comment` the whole section."""
        self._file = fileobj
        self._snaplen = snaplen
        self._exponent = 9 if nanoseconds else 6
        self._interfaces = 0
        self._block(
            SECTION_HEADER, struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1) + _comments([comment] if comment else [])
        )
        self.interface(link_type, name, capture_filter)

    def _block(self, kind: int, body: bytes) -> None:
        padding = -len(body) % 4
        length = struct.pack("<I", 12 + len(body) + padding)
        self._file.write(b"".join((struct.pack("<I", kind), length, body, bytes(padding), length)))

    def interface(self, link_type: int, name: str | None = None, capture_filter: str | None = None) -> int:
        """Describe one more interface (section 4.2); returns its number for `write`."""
        options = b""
        if name is not None:
            options += _option(IF_NAME, name.encode())
        if capture_filter:
            options += _option(IF_FILTER, b"\0" + capture_filter.encode())
        options += _option(IF_TSRESOL, bytes([self._exponent])) + bytes(4)
        self._block(INTERFACE, struct.pack("<HHI", link_type, 0, self._snaplen) + options)
        self._interfaces += 1
        return self._interfaces - 1

    def statistics(self, interface: int, start_ns: int, end_ns: int, received: int, dropped: int, given: int) -> None:
        """Write an interface's counters (section 4.6) from `start_ns` to `end_ns`.

        received  frames that passed the capture filter, those that were dropped included
        dropped   those of them that the system had no room for; as dumpcap does, also told as the interface's drops
        given     those that were handed on
        """
        tick_ns = 10 ** (9 - self._exponent)
        times = [_ticks(time_ns // tick_ns) for time_ns in (start_ns, end_ns)]
        options = _option(ISB_STARTTIME, times[0]) + _option(ISB_ENDTIME, times[1])
        counters = ((ISB_IFRECV, received), (ISB_IFDROP, dropped), (ISB_FILTERACCEPT, received))
        for code, number in (*counters, (ISB_OSDROP, dropped), (ISB_USRDELIV, given)):
            options += _option(code, struct.pack("<Q", number))
        self._block(INTERFACE_STATISTICS, struct.pack("<I", interface) + times[1] + options + bytes(4))

    def secrets(self, keylog: bytes) -> None:
        """Write TLS key log lines as a decryption secrets block; must come before the frames that need them."""
        self._block(SECRETS, struct.pack("<II", TLS_KEY_LOG, len(keylog)) + keylog)

    def blocks(self, data: memoryview) -> None:
        """Write whole blocks that somebody else made."""
        self._file.write(data)

    def write(
        self,
        frame: bytes,
        timestamp_ns: int,
        original_length: int | None = None,
        *,
        interface: int = 0,
        comments: Iterable[str] = (),
    ) -> None:
        """Write a frame as an enhanced packet block (section 4.3), with comments; without nanoseconds its time is cut.

        Raises ValueError for a time before 1970 or an interface that was not described.
        """
        if timestamp_ns < 0 or not 0 <= interface < self._interfaces:
            raise ValueError(f"no frame can be written at {timestamp_ns} ns on interface {interface}")
        ticks = timestamp_ns // 10 ** (9 - self._exponent)
        original = len(frame) if original_length is None else original_length
        head = struct.pack("<IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), original)
        options = _comments(comments)
        self._block(ENHANCED_PACKET, head + frame + (bytes(-len(frame) % 4) + options if options else b""))


class PcapWriter:
    """Writes pcap (draft-ietf-opsawg-pcap) in either byte order, with microseconds or nanoseconds."""

    def __init__(
        self,
        fileobj: BinaryIO,
        *,
        link_type: int = ETHERNET,
        snaplen: int = SNAPLEN,
        nanoseconds: bool = True,
        byteorder: Literal["little", "big"] = "little",
    ) -> None:
        self._file = fileobj
        self._order = "<" if byteorder == "little" else ">"
        self._tick_ns = 1 if nanoseconds else 1000
        magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
        fileobj.write(struct.pack(self._order + "IHHIIII", magic, 2, 4, 0, 0, snaplen, link_type))

    def write(self, frame: bytes, timestamp_ns: int, original_length: int | None = None) -> None:
        """Write a frame; without nanoseconds its time is cut. Raises ValueError for a time outside 1970 to 2106."""
        seconds, rest = divmod(timestamp_ns, 1_000_000_000)
        if not 0 <= seconds < 1 << 32:
            raise ValueError(f"pcap can not hold the time {timestamp_ns} ns")
        original = len(frame) if original_length is None else original_length
        head = struct.pack(self._order + "IIII", seconds, rest // self._tick_ns, len(frame), original)
        self._file.write(head + frame)
