"""The path for frames that the fast path does not know: one frame at a time, one header at a time, read with dpkt.

Of each dpkt class only the fixed header is used: left to itself dpkt goes on into the payload at once and is lenient
about lengths, while here three ends have to be kept apart (header, captured bytes, bytes on the wire).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

import dpkt

from analyzer.net.link.fragments import Fragment, FragmentKey, FragmentTable, Network
from analyzer.net.link.linktypes import (
    ETHERTYPES,
    IPV4_PROTOCOLS,
    IPV6_PROTOCOLS,
    LENGTH_MAX,
    NULL_FAMILIES,
    PPP_PROTOCOLS,
    UDP_PORTS,
    HeaderType,
)

# Headers in one frame, options and labels included: what is nested deeper is made up.
MAX_HEADERS: Final = 32


class Verdict(Enum):
    """Why a frame gave no segment."""

    NOT_TCP = "not TCP over IP"
    UNDECODABLE = "a header is cut or makes no sense"
    FRAGMENT = "a fragment of a datagram that is not complete"


class Here(NamedTuple):
    """A header to read next: it begins at `start`; captured bytes end at `end`, those on the wire at `wire`."""

    layer: HeaderType
    start: int
    end: int
    wire: int
    network: Network | None = None


class Segment(NamedTuple):
    """A TCP header and where its payload is: `offset` and `length` in `reassembled`, or in the batch where None."""

    network: Network
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    offset: int
    length: int
    missing: int
    reassembled: bytes | None = None


Step = Here | Fragment | Segment | Verdict


def _read(header: Any, buffer: memoryview, at: int) -> Any:
    """The fixed fields of a dpkt class. The caller knows that the buffer holds them."""
    fields = header.__new__(header)
    dpkt.Packet.unpack(fields, buffer[at : at + header.__hdr_len__])
    return fields


def _u16(buffer: memoryview, at: int) -> int:
    return buffer[at] << 8 | buffer[at + 1]


def _by_ethertype(here: Here, ethertype: int, start: int) -> Step:
    layer = ETHERTYPES.get(ethertype)
    return Verdict.NOT_TCP if layer is None else Here(layer, start, here.end, here.wire)


def _by_type_or_length(here: Here, value: int, start: int) -> Step:
    if value <= LENGTH_MAX:
        return Here(HeaderType.LLC, start, here.end, here.wire)
    return _by_ethertype(here, value, start)


def _ethernet(buffer: memoryview, here: Here) -> Step:
    if here.end - here.start < 14:
        return Verdict.UNDECODABLE
    return _by_type_or_length(here, _read(dpkt.ethernet.Ethernet, buffer, here.start).type, here.start + 14)


def _sll(buffer: memoryview, here: Here) -> Step:
    if here.end - here.start < 16:
        return Verdict.UNDECODABLE
    return _by_type_or_length(here, _read(dpkt.sll.SLL, buffer, here.start).ethtype, here.start + 16)


def _sll2(buffer: memoryview, here: Here) -> Step:
    if here.end - here.start < 20:
        return Verdict.UNDECODABLE
    return _by_type_or_length(here, _read(dpkt.sll2.SLL2, buffer, here.start).ethtype, here.start + 20)


def _vlan(buffer: memoryview, here: Here) -> Step:
    if here.end - here.start < 4:
        return Verdict.UNDECODABLE
    return _by_type_or_length(here, _read(dpkt.ethernet.VLANtag8021Q, buffer, here.start).type, here.start + 4)


def _llc(buffer: memoryview, here: Here) -> Step:
    """IEEE 802.2 with SNAP, organisation code 0: an EtherType follows (RFC 1042)."""
    if here.end - here.start < 8:
        return Verdict.NOT_TCP if here.wire - here.start < 8 else Verdict.UNDECODABLE
    if buffer[here.start : here.start + 6].tobytes() != b"\xaa\xaa\x03\x00\x00\x00":
        return Verdict.NOT_TCP
    return _by_ethertype(here, _u16(buffer, here.start + 6), here.start + 8)


def _null(buffer: memoryview, here: Here) -> Step:
    """BSD loopback: the address family, in the byte order of the host that captured."""
    if here.end - here.start < 4:
        return Verdict.UNDECODABLE
    family = int.from_bytes(buffer[here.start : here.start + 4], "big")
    if family & 0xFFFFFF == 0:
        family >>= 24
    layer = NULL_FAMILIES.get(family)
    return Verdict.NOT_TCP if layer is None else Here(layer, here.start + 4, here.end, here.wire)


def _ppp(buffer: memoryview, here: Here) -> Step:
    """PPP, with or without address and control, the protocol number whole or compressed (RFC 1661, RFC 1662)."""
    start = here.start
    if here.end - start >= 2 and buffer[start : start + 2].tobytes() == b"\xff\x03":
        start += 2
    if here.end - start < 2:
        return Verdict.UNDECODABLE
    if buffer[start] & 1:
        protocol, start = buffer[start], start + 1
    else:
        protocol, start = _u16(buffer, start), start + 2
    layer = PPP_PROTOCOLS.get(protocol)
    return Verdict.NOT_TCP if layer is None else Here(layer, start, here.end, here.wire)


def _pppoe(buffer: memoryview, here: Here) -> Step:
    """PPPoE session stage (RFC 2516 section 4)."""
    if here.end - here.start < 6:
        return Verdict.UNDECODABLE
    header = _read(dpkt.pppoe.PPPoE, buffer, here.start)
    if header.v != 1 or header.type != 1 or header.code != 0:
        return Verdict.NOT_TCP
    start = here.start + 6
    wire = min(here.wire, start + header.len)
    return Here(HeaderType.PPP, start, min(here.end, wire), wire)


def _mpls(buffer: memoryview, here: Here) -> Step:
    """A label stack (RFC 3032). Nothing names what it carries, only the first nibble tells IP from a pseudo-wire."""
    start = here.start
    while True:
        if here.end - start < 4:
            return Verdict.UNDECODABLE
        bottom = _read(dpkt.ethernet.MPLSlabel, buffer, start).s
        start += 4
        if bottom:
            break
    if here.end - start < 1:
        return Verdict.UNDECODABLE
    version = buffer[start] >> 4
    if version in (4, 6):
        return Here(HeaderType.IPV4 if version == 4 else HeaderType.IPV6, start, here.end, here.wire)
    if version == 0 and here.end - start >= 18 and _u16(buffer, start + 16) in ETHERTYPES:
        start += 4  # the control word of RFC 4448, unless the bytes after it are no Ethernet header
    return Here(HeaderType.ETHERNET, start, here.end, here.wire)


def _raw_ip(buffer: memoryview, here: Here) -> Step:
    if here.end - here.start < 1:
        return Verdict.UNDECODABLE
    version = buffer[here.start] >> 4
    if version not in (4, 6):
        return Verdict.UNDECODABLE
    return here._replace(layer=HeaderType.IPV4 if version == 4 else HeaderType.IPV6)


def _ipv4(buffer: memoryview, here: Here) -> Step:
    """IPv4 (RFC 791 section 3.1). Total length 0 means that the sender's network card was to split the segment."""
    if here.end - here.start < 20:
        return Verdict.UNDECODABLE
    header = _read(dpkt.ip.IP, buffer, here.start)
    length = header.hl * 4
    total = header.len or here.wire - here.start
    if header.v != 4 or length < 20 or total < length:
        return Verdict.UNDECODABLE
    layer = IPV4_PROTOCOLS.get(header.p)
    if layer is None:
        return Verdict.NOT_TCP
    start, wire = here.start + length, here.start + total
    end = min(here.end, wire)
    network = Network(4, header.src, header.dst)
    if header.offset or header.mf:
        return Fragment(
            FragmentKey(network, header.id, header.p),
            header.p,
            header.offset * 8,
            wire - start,
            bool(header.mf),
            bytes(buffer[start : max(start, end)]),
        )
    return Here(layer, start, end, wire, network)


def _ipv6(buffer: memoryview, here: Here) -> Step:
    """IPv6 (RFC 8200 section 3). Payload length 0 is a jumbogram (RFC 2675) or left to the network card."""
    if here.end - here.start < 40:
        return Verdict.UNDECODABLE
    header = _read(dpkt.ip6.IP6, buffer, here.start)
    start = here.start + 40
    wire = start + header.plen if header.plen else here.wire
    if header.v != 6 or wire < start:
        return Verdict.UNDECODABLE
    layer = IPV6_PROTOCOLS.get(header.nxt)
    if layer is None:
        return Verdict.NOT_TCP
    return Here(layer, start, min(here.end, wire), wire, Network(6, header.src, header.dst))


def _upper_layer(here: Here, protocol: int, start: int) -> Step:
    """What an extension header names as the next one."""
    version = here.network.version if here.network else 4
    layer = (IPV6_PROTOCOLS if version == 6 else IPV4_PROTOCOLS).get(protocol)
    return Verdict.NOT_TCP if layer is None else here._replace(layer=layer, start=start)


def _ipv6_extension(buffer: memoryview, here: Here) -> Step:
    """The form that all extension headers share: next header, length in 8 bytes less one (RFC 8200 section 4)."""
    if here.end - here.start < 2:
        return Verdict.UNDECODABLE
    return _upper_layer(here, buffer[here.start], here.start + (buffer[here.start + 1] + 1) * 8)


def _ah(buffer: memoryview, here: Here) -> Step:
    """Authentication header: length in 4 bytes less two (RFC 4302 section 2.2)."""
    if here.end - here.start < 2:
        return Verdict.UNDECODABLE
    return _upper_layer(here, buffer[here.start], here.start + (buffer[here.start + 1] + 2) * 4)


def _ipv6_fragment(buffer: memoryview, here: Here) -> Step:
    """Fragment header (RFC 8200 section 4.5). One that is first and last is no fragment at all (RFC 6946)."""
    if here.end - here.start < 8 or here.network is None:
        return Verdict.UNDECODABLE
    header = _read(dpkt.ip6.IP6FragmentHeader, buffer, here.start)
    start = here.start + 8
    upper = _upper_layer(here, header.nxt, start)
    if not isinstance(upper, Here) or not (header.frag_off or header.m_flag):
        return upper
    return Fragment(
        FragmentKey(here.network, header.id, 0),
        header.nxt,
        header.frag_off * 8,
        here.wire - start,
        bool(header.m_flag),
        bytes(buffer[start : here.end]),
    )


def _gre(buffer: memoryview, here: Here) -> Step:
    """GRE (RFC 2784, RFC 2890). Version 1 is PPTP's (RFC 2637); routing (RFC 1701) is not in use."""
    if here.end - here.start < 4:
        return Verdict.UNDECODABLE
    header = _read(dpkt.gre.GRE, buffer, here.start)
    if header.flags & 0x4007:
        return Verdict.NOT_TCP
    checksum, key, sequence = (bool(header.flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    start = here.start + 4 + 4 * (checksum + key + sequence)
    if header.p == 0x88BE and not sequence:  # ERSPAN type I has neither sequence number nor header of its own
        return Here(HeaderType.ETHERNET, start, here.end, here.wire)
    return _by_ethertype(here, header.p, start)


def _erspan2(buffer: memoryview, here: Here) -> Step:
    """ERSPAN type II: 8 bytes, then Ethernet (draft-foschiano-erspan-03 section 4.2)."""
    return Here(HeaderType.ETHERNET, here.start + 8, here.end, here.wire)


def _erspan3(buffer: memoryview, here: Here) -> Step:
    """ERSPAN type III: 12 bytes, 8 more with bit O, then frame type 0 Ethernet or 2 IP (the same draft, 4.3)."""
    if here.end - here.start < 12:
        return Verdict.UNDECODABLE
    last = _u16(buffer, here.start + 10)
    frame_type = last >> 10 & 0x1F
    start = here.start + (20 if last & 1 else 12)
    if frame_type not in (0, 2):
        return Verdict.NOT_TCP
    return Here(HeaderType.RAW_IP if frame_type else HeaderType.ETHERNET, start, here.end, here.wire)


def _udp(buffer: memoryview, here: Here) -> Step:
    if here.end - here.start < 8:
        return Verdict.UNDECODABLE
    header = _read(dpkt.udp.UDP, buffer, here.start)
    layer = UDP_PORTS.get(header.dport)
    if layer is None:
        return Verdict.NOT_TCP
    wire = min(here.wire, here.start + header.ulen) if header.ulen else here.wire
    return Here(layer, here.start + 8, min(here.end, wire), wire)


def _vxlan(buffer: memoryview, here: Here) -> Step:
    """VXLAN: 8 bytes with flag I, then Ethernet (RFC 7348 section 5)."""
    if here.end - here.start < 8:
        return Verdict.UNDECODABLE
    if not buffer[here.start] & 0x08:
        return Verdict.NOT_TCP
    return Here(HeaderType.ETHERNET, here.start + 8, here.end, here.wire)


def _geneve(buffer: memoryview, here: Here) -> Step:
    """Geneve: 8 bytes and options, length in 4 bytes, then what the EtherType says (RFC 8926 section 3.4)."""
    if here.end - here.start < 8:
        return Verdict.UNDECODABLE
    if buffer[here.start] >> 6:
        return Verdict.NOT_TCP
    options = (buffer[here.start] & 0x3F) * 4
    return _by_ethertype(here, _u16(buffer, here.start + 2), here.start + 8 + options)


def _tcp(buffer: memoryview, here: Here) -> Step:
    """TCP (RFC 9293 section 3.1). The flags are the last field that has to be there: a snap length may cut the rest."""
    captured = here.end - here.start
    if captured < 14 or here.network is None:
        return Verdict.UNDECODABLE
    padded = buffer[here.start : here.start + min(captured, 20)].tobytes().ljust(20, b"\0")
    header = _read(dpkt.tcp.TCP, memoryview(padded), 0)
    length = header.off * 4
    if length < 20 or length > here.wire - here.start:
        return Verdict.UNDECODABLE
    offset = min(here.start + length, here.end)
    return Segment(
        here.network,
        header.sport,
        header.dport,
        header.seq,
        header.ack,
        header.flags & 0xFF,
        header.win if captured >= 16 else 0,
        offset,
        here.end - offset,
        here.wire - here.start - length - (here.end - offset),
    )


READERS: Final[Mapping[HeaderType, Callable[[memoryview, Here], Step]]] = {
    HeaderType.ETHERNET: _ethernet,
    HeaderType.SLL: _sll,
    HeaderType.SLL2: _sll2,
    HeaderType.NULL: _null,
    HeaderType.PPP: _ppp,
    HeaderType.RAW_IP: _raw_ip,
    HeaderType.LLC: _llc,
    HeaderType.VLAN: _vlan,
    HeaderType.MPLS: _mpls,
    HeaderType.PPPOE: _pppoe,
    HeaderType.IPV4: _ipv4,
    HeaderType.IPV6: _ipv6,
    HeaderType.IPV6_EXTENSION: _ipv6_extension,
    HeaderType.IPV6_FRAGMENT: _ipv6_fragment,
    HeaderType.AH: _ah,
    HeaderType.GRE: _gre,
    HeaderType.ERSPAN2: _erspan2,
    HeaderType.ERSPAN3: _erspan3,
    HeaderType.UDP: _udp,
    HeaderType.VXLAN: _vxlan,
    HeaderType.GENEVE: _geneve,
    HeaderType.TCP: _tcp,
}


def dissect(buffer: memoryview, frame: Here, timestamp_ns: int, fragments: FragmentTable) -> Segment | Verdict:
    """The TCP segment of one frame, or why there is none. Never raises on what a frame holds."""
    reassembled: bytes | None = None
    step: Step = frame
    for _ in range(MAX_HEADERS):
        if isinstance(step, Here):
            step = READERS[step.layer](buffer, step)
        elif isinstance(step, Fragment):
            if not step.fits():
                return Verdict.UNDECODABLE
            datagram = fragments.add(step, timestamp_ns)
            if datagram is None:
                return Verdict.FRAGMENT
            protocols = IPV6_PROTOCOLS if datagram.network.version == 6 else IPV4_PROTOCOLS
            reassembled, buffer = datagram.data, memoryview(datagram.data)
            layer = protocols[datagram.protocol]
            step = Here(layer, 0, len(datagram.data), datagram.length, datagram.network)
        elif isinstance(step, Segment):
            return step if reassembled is None else step._replace(reassembled=reassembled)
        else:
            return step
    return Verdict.UNDECODABLE
