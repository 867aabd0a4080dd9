"""IEEE 802.11 and what capturing programs put before it.

Sources: IEEE 802.11-2020 section 9.2 and 9.3.2, https://www.radiotap.org, https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from analyzer.net.link.linktypes import HeaderType
from analyzer.net.link.step import Here, NoSegment, Step, u16le, u32, u32le
from analyzer.net.link.unfollowed import Kind, Unfollowed

DATA = 2
NO_DATA = 0x4  # of a subtype
QOS = 0x8
TO_DS, FROM_DS, MORE_FRAGMENTS, PROTECTED, ORDER = 0x01, 0x02, 0x04, 0x40, 0x80
AGGREGATE = 0x80
# LLC with SNAP: where it stands at once, or behind an initialisation vector of WEP, of TKIP and CCMP, a frame that is
# marked as protected was decrypted by who captured it.
SNAP = b"\xaa\xaa\x03"
VECTORS = (0, 4, 8)
MAX_BITMAPS = 32
PADDED = 0x20
# Prism headers have 144 bytes; those of AVS are told by their magic number.
MAX_PRISM = 4096
AVS_MAGIC = 0x80211000


def radiotap(buffer: memoryview, here: Here) -> Step:
    """Version, padding, length, bitmaps of the fields present; of the fields only the flags matter here."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    length = u16le(buffer, here.start + 2)
    if buffer[here.start] != 0 or length < 8:
        return NoSegment.UNDECODABLE
    padded = _radiotap_flags(buffer, here, length) & PADDED
    return here.then(HeaderType.WLAN_PADDED if padded else HeaderType.WLAN, length)


def _radiotap_flags(buffer: memoryview, here: Here, length: int) -> int:
    end = min(here.end, here.start + length)
    present = u32le(buffer, here.start + 4)
    at, bitmap = here.start + 8, present
    for _ in range(MAX_BITMAPS):
        if not bitmap & 0x8000_0000 or end - at < 4:
            break
        bitmap = u32le(buffer, at)
        at += 4
    if present & 1:  # the time, aligned to eight bytes from the start of the header
        at = here.start + (at - here.start + 7 & ~7) + 8
    return buffer[at] if present & 2 and at < end else 0


def prism(buffer: memoryview, here: Here) -> Step:
    """Prism: message code and length in the byte order of who captured; AVS: magic number and length, big-endian."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    if u32(buffer, here.start) & 0xFFFF_F000 == AVS_MAGIC:
        length = u32(buffer, here.start + 4)
    else:
        length = u32le(buffer, here.start + 4)
        if length > MAX_PRISM:
            length = u32(buffer, here.start + 4)
    if not 8 <= length <= MAX_PRISM:
        return NoSegment.UNDECODABLE
    return here.then(HeaderType.WLAN, length)


def wlan(buffer: memoryview, here: Here) -> Step:
    return _wlan(buffer, here, 1)


def wlan_padded(buffer: memoryview, here: Here) -> Step:
    """With padding between header and payload, to four bytes."""
    return _wlan(buffer, here, 4)


def _wlan(buffer: memoryview, here: Here, align: int) -> Step:
    if not here.holds(2):
        return NoSegment.UNDECODABLE
    first, flags = buffer[here.start], buffer[here.start + 1]
    kind, subtype = first >> 2 & 3, first >> 4
    if first & 3:
        return NoSegment.UNDECODABLE
    if kind != DATA or subtype & NO_DATA:
        return Unfollowed(Kind.WLAN, kind)
    size = 30 if flags & TO_DS and flags & FROM_DS else 24
    quality = size if subtype & QOS else None
    if quality is not None:
        size += 6 if flags & ORDER else 2
    if not here.holds(size):
        return NoSegment.UNDECODABLE
    in_parts = flags & MORE_FRAGMENTS or buffer[here.start + 22] & 0x0F
    if in_parts or (quality is not None and buffer[here.start + quality] & AGGREGATE):
        return Unfollowed(Kind.WLAN_PARTS)
    size = -(-size // align) * align
    if not flags & PROTECTED:
        return here.then(HeaderType.LLC, size)
    for vector in VECTORS:
        start = here.start + size + vector
        if here.end - start >= 3 and buffer[start : start + 3].tobytes() == SNAP:
            return here.then(HeaderType.LLC, size + vector)
    return Unfollowed(Kind.WLAN_ENCRYPTED)
