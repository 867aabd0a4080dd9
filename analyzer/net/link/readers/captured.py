"""Headers that capturing programs put before frames, and those of point-to-point links.

Sources: https://www.tcpdump.org/linktypes.html, RFC 1661, RFC 1662, RFC 2427, RFC 2516.
"""

from __future__ import annotations

from collections.abc import Callable

import dpkt

from analyzer.net.link.linktypes import (
    FRAME_RELAY_PROTOCOLS,
    LINK_TYPES,
    NULL_FAMILIES,
    PPP_PROTOCOLS,
    HeaderType,
)
from analyzer.net.link.step import (
    Here,
    NoSegment,
    Step,
    by_ethertype,
    by_number,
    fields,
    u16,
    u16le,
    u24,
    u32le,
)
from analyzer.net.link.unfollowed import Kind, Unfollowed

SNAP = b"\xaa\xaa\x03"
# Attributes in one NFLOG header; Linux has about twenty kinds of them.
MAX_ATTRIBUTES = 64
NFLOG_PAYLOAD = 9


def llc(buffer: memoryview, here: Here) -> Step:
    """IEEE 802.2. With SNAP and organisation code 0 an EtherType follows (RFC 1042); service access point 6 is IP."""
    if here.wire - here.start < 3:
        return Unfollowed(Kind.LLC)
    if not here.holds(3):
        return NoSegment.UNDECODABLE
    points = u16(buffer, here.start)
    if points == 0x0606 and buffer[here.start + 2] == 0x03:
        return here.then(HeaderType.IPV4, 3)
    if buffer[here.start : here.start + 3].tobytes() != SNAP:
        return Unfollowed(Kind.LLC, points)
    if not here.holds(8):
        return Unfollowed(Kind.LLC, points) if here.wire - here.start < 8 else NoSegment.UNDECODABLE
    organisation = u24(buffer, here.start + 3)
    if organisation:
        return Unfollowed(Kind.SNAP, organisation)
    return by_ethertype(here, u16(buffer, here.start + 6), 8)


def null(buffer: memoryview, here: Here) -> Step:
    """BSD loopback: the address family, in the byte order of the host that captured."""
    if not here.holds(4):
        return NoSegment.UNDECODABLE
    family = int.from_bytes(buffer[here.start : here.start + 4], "big")
    if family & 0xFFFFFF == 0:
        family >>= 24
    return by_number(NULL_FAMILIES, Kind.ADDRESS_FAMILY, family, here, 4)


def raw_ip(buffer: memoryview, here: Here) -> Step:
    if not here.holds(1):
        return NoSegment.UNDECODABLE
    version = buffer[here.start] >> 4
    if version not in (4, 6):
        return NoSegment.UNDECODABLE
    return here._replace(layer=HeaderType.IPV4 if version == 4 else HeaderType.IPV6)


def nflog(buffer: memoryview, here: Here) -> Step:
    """Attributes in the byte order of the host that captured; one of them is the packet, without its link header."""
    if not here.holds(4):
        return NoSegment.UNDECODABLE
    for number in (u16le, u16):
        found = _attribute(buffer, here, number)
        if found is not None:
            return found
    return NoSegment.UNDECODABLE


def _attribute(buffer: memoryview, here: Here, number: Callable[[memoryview, int], int]) -> Here | None:
    """The packet among the attributes, if they make sense when numbers are read so."""
    at = here.start + 4
    for _ in range(MAX_ATTRIBUTES):
        if here.end - at < 4:
            return None
        length, kind = number(buffer, at), number(buffer, at + 2)
        if length < 4 or length > here.wire - at:
            return None
        if kind == NFLOG_PAYLOAD:
            return here.then(HeaderType.RAW_IP, at + 4 - here.start).within(length - 4)
        at += length + 3 & ~3
    return None


def pktap(buffer: memoryview, here: Here) -> Step:
    """Apple's header: its length, the kind of record, the link type of what follows."""
    if not here.holds(12):
        return NoSegment.UNDECODABLE
    length, link_type = u32le(buffer, here.start), u32le(buffer, here.start + 8)
    if length < 12:
        return NoSegment.UNDECODABLE
    return by_number(LINK_TYPES, Kind.LINK_TYPE, link_type, here, length)


def ppi(buffer: memoryview, here: Here) -> Step:
    """Per-packet information: version, flags, length, the link type of what follows, fields."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    length, link_type = u16le(buffer, here.start + 2), u32le(buffer, here.start + 4)
    if buffer[here.start] != 0 or length < 8:
        return NoSegment.UNDECODABLE
    return by_number(LINK_TYPES, Kind.LINK_TYPE, link_type, here, length)


def pflog(buffer: memoryview, here: Here) -> Step:
    """The length counts all but the padding to four bytes."""
    if not here.holds(4):
        return NoSegment.UNDECODABLE
    length = buffer[here.start]
    if length < 4:
        return NoSegment.UNDECODABLE
    return here.then(HeaderType.RAW_IP, length + 3 & ~3)


def ppp(buffer: memoryview, here: Here) -> Step:
    """PPP, with or without address and control, the protocol number whole or compressed (RFC 1661, RFC 1662)."""
    start = here.start
    if here.end - start >= 2 and buffer[start : start + 2].tobytes() == b"\xff\x03":
        start += 2
    if here.end - start < 2:
        return NoSegment.UNDECODABLE
    if buffer[start] & 1:
        protocol, start = buffer[start], start + 1
    else:
        protocol, start = u16(buffer, start), start + 2
    return by_number(PPP_PROTOCOLS, Kind.PPP_PROTOCOL, protocol, here, start - here.start)


def ppp_hdlc(buffer: memoryview, here: Here) -> Step:
    """PPP in frames of HDLC (RFC 1662), or Cisco's framing: their address bytes differ."""
    if not here.holds(1):
        return NoSegment.UNDECODABLE
    cisco = buffer[here.start] in (0x0F, 0x8F)
    return here._replace(layer=HeaderType.CHDLC if cisco else HeaderType.PPP)


def pppoe(buffer: memoryview, here: Here) -> Step:
    """PPPoE session stage (RFC 2516 section 4)."""
    if not here.holds(6):
        return NoSegment.UNDECODABLE
    header = fields(dpkt.pppoe.PPPoE, buffer, here.start)
    if header.v != 1 or header.type != 1 or header.code != 0:
        return Unfollowed(Kind.ETHERTYPE, 0x8863)
    return here.then(HeaderType.PPP, 6).within(header.len)


def frame_relay(buffer: memoryview, here: Here) -> Step:
    """Address of two to four bytes, control, protocol (RFC 2427 section 3)."""
    if not here.holds(7):
        return NoSegment.UNDECODABLE
    size = 1
    while not buffer[here.start + size - 1] & 1:
        size += 1
        if size > 4:
            return NoSegment.UNDECODABLE
    if buffer[here.start + size] != 0x03:
        # Cisco's form: an EtherType after the address.
        return by_ethertype(here, u16(buffer, here.start + size), size + 2)
    size += 1
    if buffer[here.start + size] == 0:
        size += 1  # padding
    protocol = buffer[here.start + size]
    if protocol == 0x80 and here.holds(size + 6) and not u24(buffer, here.start + size + 1):
        return by_ethertype(here, u16(buffer, here.start + size + 4), size + 6)
    return by_number(FRAME_RELAY_PROTOCOLS, Kind.FRAME_RELAY, protocol, here, size + 1)
