"""IP, its extension headers, UDP and TCP.

Sources: RFC 791, RFC 8200, RFC 4302, RFC 768, RFC 9293.
"""

from __future__ import annotations

import dpkt

from analyzer.net.link.fragments import Fragment, FragmentKey, Network
from analyzer.net.link.linktypes import IPV4_PROTOCOLS, IPV6_PROTOCOLS, UDP_BOTH_PORTS, UDP_PORTS
from analyzer.net.link.step import Here, NoSegment, Segment, Step, fields
from analyzer.net.link.unfollowed import Kind, Unfollowed


def ipv4(buffer: memoryview, here: Here) -> Step:
    """IPv4 (RFC 791 section 3.1). Total length 0 means that the sender's network card was to split the segment."""
    if not here.holds(20):
        return NoSegment.UNDECODABLE
    header = fields(dpkt.ip.IP, buffer, here.start)
    length = header.hl * 4
    total = header.len or here.wire - here.start
    if header.v != 4 or length < 20 or total < length:
        return NoSegment.UNDECODABLE
    layer = IPV4_PROTOCOLS.get(header.p)
    if layer is None:
        return Unfollowed(Kind.IP_PROTOCOL, header.p)
    start, wire = here.start + length, here.start + total
    end = min(here.end, wire)
    network = Network(4, header.src, header.dst)
    if header.offset or header.mf:
        return Fragment(
            FragmentKey(network, header.id, header.p, here.tag),
            header.p,
            header.offset * 8,
            wire - start,
            bool(header.mf),
            bytes(buffer[start : max(start, end)]),
        )
    return Here(layer, start, end, wire, network, here.tag)


def ipv6(buffer: memoryview, here: Here) -> Step:
    """IPv6 (RFC 8200 section 3). Payload length 0 is a jumbogram (RFC 2675) or left to the network card."""
    if not here.holds(40):
        return NoSegment.UNDECODABLE
    header = fields(dpkt.ip6.IP6, buffer, here.start)
    start = here.start + 40
    wire = start + header.plen if header.plen else here.wire
    if header.v != 6 or wire < start:
        return NoSegment.UNDECODABLE
    layer = IPV6_PROTOCOLS.get(header.nxt)
    if layer is None:
        return Unfollowed(Kind.IP_PROTOCOL, header.nxt)
    return Here(layer, start, min(here.end, wire), wire, Network(6, header.src, header.dst), here.tag)


def _upper_layer(here: Here, protocol: int, start: int) -> Step:
    """What an extension header names as the next one."""
    version = here.network.version if here.network else 4
    layer = (IPV6_PROTOCOLS if version == 6 else IPV4_PROTOCOLS).get(protocol)
    if layer is None:
        return Unfollowed(Kind.IP_PROTOCOL, protocol)
    return here._replace(layer=layer, start=start)


def ipv6_extension(buffer: memoryview, here: Here) -> Step:
    """The form that all extension headers share: next header, length in 8 bytes less one (RFC 8200 section 4)."""
    if not here.holds(2):
        return NoSegment.UNDECODABLE
    return _upper_layer(here, buffer[here.start], here.start + (buffer[here.start + 1] + 1) * 8)


def ah(buffer: memoryview, here: Here) -> Step:
    """Authentication header: length in 4 bytes less two (RFC 4302 section 2.2)."""
    if not here.holds(2):
        return NoSegment.UNDECODABLE
    return _upper_layer(here, buffer[here.start], here.start + (buffer[here.start + 1] + 2) * 4)


def ipv6_fragment(buffer: memoryview, here: Here) -> Step:
    """Fragment header (RFC 8200 section 4.5). One that is first and last is no fragment at all (RFC 6946)."""
    if not here.holds(8) or here.network is None:
        return NoSegment.UNDECODABLE
    header = fields(dpkt.ip6.IP6FragmentHeader, buffer, here.start)
    start = here.start + 8
    upper = _upper_layer(here, header.nxt, start)
    if not isinstance(upper, Here) or not (header.frag_off or header.m_flag):
        return upper
    return Fragment(
        FragmentKey(here.network, header.id, 0, here.tag),
        header.nxt,
        header.frag_off * 8,
        here.wire - start,
        bool(header.m_flag),
        bytes(buffer[start : here.end]),
    )


def udp(buffer: memoryview, here: Here) -> Step:
    """The port says what a datagram holds; of one that is not followed the lower port is counted, the service's."""
    if not here.holds(8):
        return NoSegment.UNDECODABLE
    header = fields(dpkt.udp.UDP, buffer, here.start)
    layer = UDP_PORTS.get(header.dport) or UDP_BOTH_PORTS.get(header.sport)
    if layer is None:
        return Unfollowed(Kind.UDP_PORT, min(header.sport, header.dport))
    inner = here.then(layer, 8)
    return inner.within(header.ulen - 8) if header.ulen else inner


def tcp(buffer: memoryview, here: Here) -> Step:
    """TCP (RFC 9293 section 3.1). The flags are the last field that has to be there: a snap length may cut the rest."""
    captured = here.end - here.start
    if captured < 14 or here.network is None:
        return NoSegment.UNDECODABLE
    padded = buffer[here.start : here.start + min(captured, 20)].tobytes().ljust(20, b"\0")
    header = fields(dpkt.tcp.TCP, memoryview(padded), 0)
    length = header.off * 4
    if length < 20 or length > here.wire - here.start:
        return NoSegment.UNDECODABLE
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
        here.tag,
    )
