"""Headers between the addresses of an Ethernet frame and its payload, and frames in frames. See TYPED and FIXED for
those that are a size and an EtherType.

Sources: RFC 3032 and RFC 4448 (MPLS), RFC 6325 (TRILL), RFC 8300 (NSH), IEEE 802.1AE (MACsec), Linux
<uapi/linux/batadv_packet.h>.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dpkt

from analyzer.batches import TagKind
from analyzer.net.link.linktypes import ETHERTYPES, NSH_PROTOCOLS, HeaderType
from analyzer.net.link.step import Here, NoSegment, Step, by_number, by_type_or_length, fields, u16, u24
from analyzer.net.link.unfollowed import QUIET_ETHERTYPES, Kind, Unfollowed

# Labels below are reserved (RFC 3032); after 7 a label only spreads load (RFC 6790).
FIRST_LABEL: Final = 16
ENTROPY: Final = 7

# Bits of MACsec's first byte: a channel identifier is there; encrypted; changed.
CHANNEL, ENCRYPTED, CHANGED = 0x20, 0x08, 0x04

# Switch chips put tags without an EtherType of their own between the addresses and the EtherType of a frame; libpcap
# before 1.10 calls such a capture Ethernet (Linux net/dsa: 4 bytes of Marvell and Broadcom, 8 of Marvell's older ones).
SWITCH_TAGS: Final = (4, 8)

BATMAN_VERSION: Final = 15
BATMAN_SIZES: Final[Mapping[int, int]] = {0x01: 14, 0x40: 10, 0x42: 18}  # broadcast, unicast, with four addresses


def ethernet(buffer: memoryview, here: Here) -> Step:
    """Addresses and EtherType; where that says nothing, IP behind a switch's tag, if its header's checksum is right."""
    if not here.holds(14):
        return NoSegment.UNDECODABLE
    value = u16(buffer, here.start + 12)
    step = by_type_or_length(here, value, 14)
    if value in ETHERTYPES or value in QUIET_ETHERTYPES:
        return step
    for size in SWITCH_TAGS:
        at = here.start + 14 + size
        if here.end - at >= 20 and u16(buffer, at - 2) == 0x0800 and _is_ipv4(buffer, at, here.wire - at):
            return here.then(HeaderType.IPV4, 14 + size)
    return step


def _is_ipv4(buffer: memoryview, at: int, left: int) -> bool:
    """Whether a whole IPv4 header of 20 bytes stands there, with the checksum that it has to have."""
    if buffer[at] != 0x45 or not 20 <= u16(buffer, at + 2) <= left:
        return False
    total = sum(u16(buffer, at + index) for index in range(0, 20, 2))
    return total % 0xFFFF == 0


def mpls(buffer: memoryview, here: Here) -> Step:
    """A label stack (RFC 3032). Nothing names what it carries, only the first nibble tells IP from a pseudo-wire.

    The innermost label names the network (RFC 4364); those around it are the way there.
    """
    start = here.start
    network = before = 0
    while True:
        if here.end - start < 4:
            return NoSegment.UNDECODABLE
        header = fields(dpkt.ethernet.MPLSlabel, buffer, start)
        start += 4
        if header.val >= FIRST_LABEL and before != ENTROPY:
            network = header.val
        before = header.val
        if header.s:
            break
    if here.end - start < 1:
        return NoSegment.UNDECODABLE
    if network:
        here = here.labelled(TagKind.MPLS, network)
    version = buffer[start] >> 4
    if version in (4, 6):
        return here.then(HeaderType.IPV4 if version == 4 else HeaderType.IPV6, start - here.start)
    if version == 0 and here.end - start >= 18 and u16(buffer, start + 16) in ETHERTYPES:
        start += 4  # the control word of RFC 4448, unless the bytes after it are no Ethernet header
    return here.then(HeaderType.ETHERNET, start - here.start)


def nsh(buffer: memoryview, here: Here) -> Step:
    """Base header, service path, context headers: the length counts all of them, in 4 bytes (RFC 8300 section 2.2)."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    length = (buffer[here.start + 1] & 0x3F) * 4
    if buffer[here.start] >> 6 or length < 8:
        return NoSegment.UNDECODABLE
    path = here.labelled(TagKind.PATH, u24(buffer, here.start + 4))
    return by_number(NSH_PROTOCOLS, Kind.NSH, buffer[here.start + 3], path, length)


def trill(buffer: memoryview, here: Here) -> Step:
    """Version, length of the options in 4 bytes, hop count, two nicknames; then Ethernet (RFC 6325 section 3.2)."""
    if not here.holds(6):
        return NoSegment.UNDECODABLE
    first = u16(buffer, here.start)
    if first >> 14:
        return NoSegment.UNDECODABLE
    return here.then(HeaderType.ETHERNET, 6 + (first >> 6 & 0x1F) * 4)


def macsec(buffer: memoryview, here: Here) -> Step:
    """What is only authenticated stands in clear between the header and the check value (IEEE 802.1AE clause 9)."""
    if not here.holds(6):
        return NoSegment.UNDECODABLE
    flags = buffer[here.start]
    if flags & 0x80:
        return NoSegment.UNDECODABLE
    if flags & (ENCRYPTED | CHANGED):
        return Unfollowed(Kind.MACSEC_ENCRYPTED)
    size = 14 if flags & CHANNEL else 6
    if not here.holds(size + 2):
        return NoSegment.UNDECODABLE
    # The check value behind it is no part of what IP says it is long.
    return by_type_or_length(here, u16(buffer, here.start + size), size + 2)


def batman(buffer: memoryview, here: Here) -> Step:
    """Type, version and what the type has; then Ethernet."""
    if not here.holds(2):
        return NoSegment.UNDECODABLE
    kind = buffer[here.start]
    size = BATMAN_SIZES.get(kind)
    if size is None or buffer[here.start + 1] != BATMAN_VERSION:
        return Unfollowed(Kind.MESH, kind)
    return here.then(HeaderType.ETHERNET, size)
