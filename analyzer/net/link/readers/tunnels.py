"""Tunnels over IP and UDP.

Sources: RFC 2784 and RFC 2890 (GRE), RFC 2637 (PPTP), RFC 7637 (NVGRE), draft-foschiano-erspan-03, RFC 7348 (VXLAN),
draft-ietf-nvo3-vxlan-gpe-12, RFC 8926 (Geneve), 3GPP TS 29.281 (GTP-U), RFC 4380 (Teredo), RFC 2661 and RFC 3931
(L2TP), Wireshark's packet-tzsp.c.
"""

from __future__ import annotations

import dpkt

from analyzer.batches import TagKind
from analyzer.net.link.linktypes import ETHERTYPES, TZSP_PROTOCOLS, VXLAN_GPE_PROTOCOLS, HeaderType
from analyzer.net.link.step import Here, NoSegment, Step, by_ethertype, by_number, fields, u16, u24, u32
from analyzer.net.link.unfollowed import Kind, Unfollowed

# IP protocol number of L2TPv3, and its UDP port; the port of GTP-U.
L2TP_PROTOCOL = 115
L2TP_PORT = 1701
GTP_PORT = 2152
GTP_PDU = 255
# Extension headers of GTP-U, and tags of TZSP, in one frame.
MAX_EXTENSIONS = 16
MAX_TAGS = 64
ERSPAN_1 = 0x88BE
# Where the frame of an L2TPv3 data message may begin: cookies of 0, 4 or 8 bytes and a sublayer of 0 or 4 (RFC 3931
# section 4.1 and 4.6) are agreed on elsewhere. Linux has a sublayer and no cookie unless told otherwise.
L2TPV3_STARTS = (4, 0, 8, 12)


def gre(buffer: memoryview, here: Here) -> Step:
    """GRE (RFC 2784, RFC 2890), and PPTP's, which is version 1 (RFC 2637); routing (RFC 1701) is not in use."""
    if not here.holds(4):
        return NoSegment.UNDECODABLE
    header = fields(dpkt.gre.GRE, buffer, here.start)
    flags = header.flags
    checksum, key, sequence = (bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    version = flags & 7
    if version > 1 or flags & 0x4000:
        return Unfollowed(Kind.GRE_VERSION, version)
    if version == 1:
        if not key or checksum:
            return Unfollowed(Kind.GRE_VERSION, version)
        return by_ethertype(here, header.p, 8 + 4 * (sequence + bool(flags & 0x0080)))
    if key:
        if not here.holds(8 + 4 * checksum):
            return NoSegment.UNDECODABLE
        here = here.labelled(TagKind.GRE, u32(buffer, here.start + 4 + 4 * checksum))
    size = 4 + 4 * (checksum + key + sequence)
    if header.p == ERSPAN_1 and not sequence:  # ERSPAN type I has neither sequence number nor header of its own
        return here.then(HeaderType.ETHERNET, size)
    return by_ethertype(here, header.p, size)


def erspan2(buffer: memoryview, here: Here) -> Step:
    """ERSPAN type II: 8 bytes with the VLAN of the mirrored frame, then Ethernet (the draft's section 4.2)."""
    if not here.holds(2):
        return NoSegment.UNDECODABLE
    return _mirrored(buffer, here).then(HeaderType.ETHERNET, 8)


def _mirrored(buffer: memoryview, here: Here) -> Here:
    vlan = u16(buffer, here.start) & 0x0FFF
    return here.labelled(TagKind.VLAN, vlan) if vlan else here


def erspan3(buffer: memoryview, here: Here) -> Step:
    """ERSPAN type III: 12 bytes, 8 more with bit O, then frame type 0 Ethernet or 2 IP (the same draft, 4.3)."""
    if not here.holds(12):
        return NoSegment.UNDECODABLE
    last = u16(buffer, here.start + 10)
    frame_type = last >> 10 & 0x1F
    if frame_type not in (0, 2):
        return Unfollowed(Kind.ERSPAN, frame_type)
    layer = HeaderType.RAW_IP if frame_type else HeaderType.ETHERNET
    return _mirrored(buffer, here).then(layer, 20 if last & 1 else 12)


def vxlan(buffer: memoryview, here: Here) -> Step:
    """VXLAN: 8 bytes with flag I, then Ethernet (RFC 7348 section 5)."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    if not buffer[here.start] & 0x08:
        return Unfollowed(Kind.VXLAN)
    return here.labelled(TagKind.VNI, u24(buffer, here.start + 4)).then(HeaderType.ETHERNET, 8)


def vxlan_gpe(buffer: memoryview, here: Here) -> Step:
    """The same with a next protocol where flag P says so (the draft's section 3)."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    flags = buffer[here.start]
    if flags & 0x08:
        here = here.labelled(TagKind.VNI, u24(buffer, here.start + 4))
    if not flags & 0x04:
        return here.then(HeaderType.ETHERNET, 8)
    return by_number(VXLAN_GPE_PROTOCOLS, Kind.VXLAN, buffer[here.start + 3], here, 8)


def geneve(buffer: memoryview, here: Here) -> Step:
    """Geneve: 8 bytes and options, length in 4 bytes, then what the EtherType says (RFC 8926 section 3.4)."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    if buffer[here.start] >> 6:
        return Unfollowed(Kind.UDP_PORT, 6081)
    size = 8 + (buffer[here.start] & 0x3F) * 4
    inside = here.labelled(TagKind.VNI, u24(buffer, here.start + 4))
    return by_ethertype(inside, u16(buffer, here.start + 2), size)


def gtpu(buffer: memoryview, here: Here) -> Step:
    """Eight bytes, four more with any of three flags, extension headers; then IP (TS 29.281 section 5)."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    flags = buffer[here.start]
    if flags >> 4 != 3 or buffer[here.start + 1] != GTP_PDU:
        return Unfollowed(Kind.TUNNEL_CONTROL, GTP_PORT)
    inside = here.labelled(TagKind.TUNNEL, u32(buffer, here.start + 4))
    size = 8
    if flags & 0x07:
        size = 12
        if not here.holds(size):
            return NoSegment.UNDECODABLE
        following = buffer[here.start + 11] if flags & 0x04 else 0
        for _ in range(MAX_EXTENSIONS):
            if not following:
                break
            length = buffer[here.start + size] * 4 if here.holds(size + 1) else 0
            if not length or not here.holds(size + length):
                return NoSegment.UNDECODABLE
            size += length
            following = buffer[here.start + size - 1]
        if following:
            return NoSegment.UNDECODABLE
    return inside.within(8 + u16(buffer, here.start + 2)).then(HeaderType.RAW_IP, size)


def tzsp(buffer: memoryview, here: Here) -> Step:
    """Version, type, protocol, tags up to the one that ends them, then what the protocol says."""
    if not here.holds(5):
        return NoSegment.UNDECODABLE
    if buffer[here.start] != 1 or buffer[here.start + 1] > 1:
        return Unfollowed(Kind.TUNNEL_CONTROL, 0x9090)
    size = 4
    for _ in range(MAX_TAGS):
        if not here.holds(size + 1):
            return NoSegment.UNDECODABLE
        tag = buffer[here.start + size]
        size += 1
        if tag == 1:
            return by_number(TZSP_PROTOCOLS, Kind.TZSP, u16(buffer, here.start + 2), here, size)
        if tag:
            if not here.holds(size + 1):
                return NoSegment.UNDECODABLE
            size += 1 + buffer[here.start + size]
    return NoSegment.UNDECODABLE


def teredo(buffer: memoryview, here: Here) -> Step:
    """IPv6, behind an authentication and an origin indication where these are there (RFC 4380 section 5.1.1)."""
    size = 0
    if here.holds(4) and u16(buffer, here.start) == 1:
        size = 13 + buffer[here.start + 2] + buffer[here.start + 3]
    if here.holds(size + 2) and u16(buffer, here.start + size) == 0:
        size += 8
    if not here.holds(size + 1):
        return NoSegment.UNDECODABLE
    if buffer[here.start + size] >> 4 != 6:
        return Unfollowed(Kind.TUNNEL_CONTROL, 3544)
    return here.then(HeaderType.IPV6, size)


def l2tp(buffer: memoryview, here: Here) -> Step:
    """L2TP over UDP, version 2 with PPP inside (RFC 2661 section 3.1) and version 3 (RFC 3931 section 4.1.2)."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    flags = u16(buffer, here.start)
    if flags & 0x8000:
        return Unfollowed(Kind.TUNNEL_CONTROL, L2TP_PORT)
    version = flags & 0x0F
    if version == 3:
        return _l2tpv3(buffer, here, 4)
    if version != 2:
        return Unfollowed(Kind.TUNNEL_CONTROL, L2TP_PORT)
    size = 2 + 2 * bool(flags & 0x4000)
    if not here.holds(size + 4):
        return NoSegment.UNDECODABLE
    inside = here.labelled(TagKind.TUNNEL, u32(buffer, here.start + size))
    size += 4 + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        if not here.holds(size + 2):
            return NoSegment.UNDECODABLE
        size += 2 + u16(buffer, here.start + size)
    if flags & 0x4000:
        inside = inside.within(u16(buffer, here.start + 2))
    return inside.then(HeaderType.PPP, size)


def l2tpv3(buffer: memoryview, here: Here) -> Step:
    """L2TPv3 over IP (RFC 3931 section 4.1.1). Session 0 is the tunnel's own."""
    if not here.holds(4):
        return NoSegment.UNDECODABLE
    if not u32(buffer, here.start):
        return Unfollowed(Kind.TUNNEL_CONTROL, L2TP_PROTOCOL)
    return _l2tpv3(buffer, here, 0)


def _l2tpv3(buffer: memoryview, here: Here, size: int) -> Step:
    """A data message from its session on, `size` bytes into the header. What has no frame that can be told has none."""
    session = u32(buffer, here.start + size)
    inside = here.labelled(TagKind.TUNNEL, session)
    for begin in L2TPV3_STARTS:
        at = size + 4 + begin
        if _is_ethernet(buffer, here, at):
            return inside.then(HeaderType.ETHERNET, at)
        if here.holds(at + 4) and u16(buffer, here.start + at) == 0xFF03:
            return inside.then(HeaderType.PPP, at)
    return Unfollowed(Kind.TUNNEL_PAYLOAD, session)


def _is_ethernet(buffer: memoryview, here: Here, size: int) -> bool:
    """Whether an Ethernet header that leads to IP or a tag may begin `size` bytes into the header."""
    if not here.holds(size + 18):
        return False
    ethertype = u16(buffer, here.start + size + 12)
    layer = ETHERTYPES.get(ethertype)
    at = here.start + size + 14
    if layer is HeaderType.VLAN:
        layer, at = ETHERTYPES.get(u16(buffer, at + 2)), at + 4
        if at >= here.end:
            return False
    if layer is HeaderType.IPV4:
        return buffer[at] >> 4 == 4
    if layer is HeaderType.IPV6:
        return buffer[at] >> 4 == 6
    return layer is not None
