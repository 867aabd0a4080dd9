"""Every way of carrying an IPv4 packet that the decoder knows, built by hand from the sources that its tables name."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from analyzer.batches import TagKind, tagged
from tests.wire.frames import ethernet, ipv4, udp

Wrap = Callable[[bytes], bytes]
OUTER = bytes([192, 0, 2, 1, 192, 0, 2, 2])
ADDRESSES = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"


class Wrapping(NamedTuple):
    """`wrap` makes a frame of link type `link` of an IPv4 packet.

    tag     what the decoder has to say of the networks named on the way
    tshark  whether tshark 4.0 finds the same segment, with its settings as they come and no frame check sequence
    """

    name: str
    link: int
    wrap: Wrap
    tag: int = 0
    tshark: bool = True


def tag(*labels: tuple[TagKind, int]) -> int:
    """The tag of labels from the outermost to the innermost."""
    value = 0
    for kind, number in labels:
        value = tagged(value, kind, number)
    return value


def after(*parts: bytes) -> Wrap:
    """The packet behind these bytes."""
    return lambda packet: b"".join(parts) + packet


def frame_after(*parts: bytes) -> Wrap:
    """An Ethernet frame with the packet behind these bytes."""
    return lambda packet: b"".join(parts) + ethernet(packet)


def over_udp(port: int, inner: Wrap) -> Wrap:
    return lambda packet: ethernet(ipv4(udp(inner(packet), port), 17, addresses=OUTER))


def over_ip(protocol: int, inner: Wrap) -> Wrap:
    return lambda packet: ethernet(ipv4(inner(packet), protocol, addresses=OUTER))


def typed(ethertype: int, inner: Wrap) -> Wrap:
    return lambda packet: ethernet(inner(packet), ethertype)


def nflog(order: str, family: int = 2) -> Wrap:
    def wrap(packet: bytes) -> bytes:
        def attribute(kind: int, value: bytes) -> bytes:
            return struct.pack(order + "HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

        others = attribute(1, b"\x08\0\x03\0") + attribute(10, b"log\0") + attribute(4, struct.pack(">I", 2))
        return struct.pack(">BBH", family, 0, 5) + others + attribute(9, packet)

    return wrap


def pktap(link: int, inner: Wrap, size: int = 108) -> Wrap:
    head = struct.pack("<III", size, 1, link) + b"en0".ljust(24, b"\0")
    return lambda packet: head.ljust(size, b"\0") + inner(packet)


def radiotap(fields: bytes, present: int, inner: Wrap, extended: bytes = b"") -> Wrap:
    head = struct.pack("<BBHI", 0, 0, 8 + len(extended) + len(fields), present) + extended + fields
    return lambda packet: head + inner(packet)


def wlan(flags: int = 0x01, *, quality: bool = False, extra: bytes = b"", vector: bytes = b"") -> Wrap:
    """A data frame; `extra` stands behind its header, `vector` before what LLC begins."""
    addresses = ADDRESSES + ADDRESSES[:6]
    head = bytes([0x88 if quality else 0x08, flags, 0, 0]) + addresses + b"\x10\0"
    if flags & 3 == 3:
        head += ADDRESSES[6:]
    if quality:
        head += bytes(2) + (bytes(4) if flags & 0x80 else b"")
    return lambda packet: head + extra + vector + SNAP + packet


def ppi(link: int, inner: Wrap) -> Wrap:
    return lambda packet: struct.pack("<BBHI", 0, 0, 8, link) + inner(packet)


def prism(size: int = 144, order: str = "<") -> Wrap:
    head = struct.pack(order + "II", 0x44, size) + b"wlan0".ljust(16, b"\0")
    inner = wlan()
    return lambda packet: head.ljust(size, b"\0") + inner(packet)


def between(tag_bytes: bytes) -> Wrap:
    """A switch tag between the addresses and the EtherType."""
    return lambda packet: ADDRESSES + tag_bytes + b"\x08\0" + packet


def checked(packet: bytes) -> bytes:
    """An IPv4 packet with the checksum of its header."""
    head = packet[:10] + b"\0\0" + packet[12:20]
    total = sum(int.from_bytes(head[at : at + 2], "big") for at in range(0, 20, 2))
    return head[:10] + (0xFFFF - total % 0xFFFF).to_bytes(2, "big") + head[12:] + packet[20:]


def gtpu(flags: int = 0x30, extra: bytes = b"") -> Wrap:
    return lambda packet: struct.pack(">BBHI", flags, 255, len(extra) + len(packet), 0x1234) + extra + packet


def l2tp2(flags: int, head: bytes) -> Wrap:
    return lambda packet: struct.pack(">H", flags | 2) + head + b"\xff\x03\x00\x21" + packet


def macsec(flags: int, channel: bytes = b"") -> Wrap:
    return lambda packet: bytes([flags, 0]) + b"\0\0\0\x05" + channel + b"\x08\0" + packet + bytes(16)


def gre(flags: int, protocol: int, *fields: bytes) -> bytes:
    return struct.pack(">HH", flags, protocol) + b"".join(fields)


def long(number: int) -> bytes:
    return struct.pack(">I", number)


def label(number: int, bottom: bool = True) -> bytes:
    return long(number << 12 | bottom << 8 | 64)


V, N, M, G, S, T, P = (
    TagKind.VLAN,
    TagKind.VNI,
    TagKind.MPLS,
    TagKind.GRE,
    TagKind.SERVICE,
    TagKind.TUNNEL,
    TagKind.PATH,
)
VNI = (N, 0x1389)
VXLAN = b"\x08\0\0\0\0\x13\x89\0"
GPE = b"\x0c\0\0%c\0\x13\x89\0"
TZSP = b"\x01\0\0\x01"
ERSPAN2 = long(0x1000_0000 | 0x0064_0000 | 7) + long(3)
ERSPAN3 = long(0x2000_0000 | 0x0064_0000 | 7) + long(99) + bytes(2)
TEREDO_AUTH = b"\0\x01\0\0" + bytes(8) + b"\0"
TEREDO_ORIGIN = b"\0\0" + bytes(6)


def in_ipv6(packet: bytes) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(packet), 4, 64) + bytes(15) + b"\x01" + bytes(15) + b"\x02" + packet


WRAPPINGS = [
    Wrapping("nflog", 239, nflog("<")),
    Wrapping("nflog-big-endian", 239, nflog(">"), tshark=False),  # the file says the byte order; ours here is little
    Wrapping("pktap", 258, pktap(1, ethernet)),
    Wrapping("pktap-user2", 149, pktap(1, ethernet)),
    Wrapping("pktap-raw", 258, pktap(12, after(), 156)),
    Wrapping("wlan", 105, wlan()),
    Wrapping("wlan-from-ds", 105, wlan(0x02)),
    Wrapping("wlan-four-addresses", 105, wlan(0x03)),
    Wrapping("wlan-quality", 105, wlan(quality=True)),
    Wrapping("wlan-quality-order", 105, wlan(0x81, quality=True)),
    Wrapping("wlan-decrypted", 105, wlan(0x41, vector=bytes(8)), tshark=False),
    Wrapping("radiotap", 127, radiotap(b"", 0, wlan())),
    Wrapping("radiotap-padded", 127, radiotap(b"\x20", 2, wlan(quality=True, extra=bytes(2)))),
    Wrapping("radiotap-time-padded", 127, radiotap(bytes(8) + b"\x20", 3, wlan(quality=True, extra=bytes(2)))),
    Wrapping(
        "radiotap-bitmaps",
        127,
        radiotap(bytes(4) + bytes(8) + b"\x20", 0x8000_0003, wlan(quality=True, extra=bytes(2)), bytes(4)),
    ),
    Wrapping("prism", 119, prism()),
    Wrapping("prism-big-endian", 119, prism(order=">")),
    Wrapping("avs", 163, lambda p: (long(0x80211001) + long(64)).ljust(64, b"\0") + wlan()(p)),
    Wrapping("ppi", 192, ppi(105, wlan())),
    Wrapping("ppi-ethernet", 192, ppi(1, ethernet)),
    Wrapping("enc", 109, after(struct.pack("<III", 2, 0x1234, 3))),
    Wrapping("pflog-openbsd", 117, after((bytes([61, 2, 0, 0]) + b"em0").ljust(64, b"\0"))),
    Wrapping("pflog-freebsd", 117, after((bytes([69, 2, 0, 0]) + b"em0").ljust(72, b"\0"))),
    Wrapping("c-hdlc", 104, after(b"\x0f\0\x08\0")),
    Wrapping("c-hdlc-mpls", 104, after(b"\x0f\0\x88\x47", label(77)), tag((M, 77))),
    Wrapping("c-hdlc-direction", 205, after(b"\0\x0f\0\x08\0"), tshark=False),
    Wrapping("ppp-hdlc", 50, after(b"\xff\x03\0\x21")),
    Wrapping("ppp-hdlc-cisco", 50, after(b"\x0f\0\x08\0")),
    Wrapping("ppp-direction", 204, after(b"\x01\xff\x03\0\x21")),
    Wrapping("ppp-pppd", 166, after(b"\x01\x03\0\x21"), tshark=False),
    Wrapping("ppp-ether", 51, lambda p: struct.pack(">BBHHH", 0x11, 0, 1, 2 + len(p), 0x21) + p),
    Wrapping("ipnet", 226, lambda p: struct.pack(">BBHIIIII", 2, 2, 0, len(p), 1, 0, 0, 0) + p),
    Wrapping("mpls-link", 219, after(label(77)), tag((M, 77)), tshark=False),
    Wrapping("frame-relay", 107, after(b"\x18\x41\x03\xcc")),
    Wrapping("frame-relay-snap", 107, after(b"\x18\x41\x03\0\x80\0\0\0\x08\0")),
    Wrapping("frame-relay-cisco", 107, after(b"\x18\x41\x08\0")),
    Wrapping("atm-llc", 100, after(SNAP)),
    Wrapping("llc-ip", 100, after(b"\x06\x06\x03")),
    Wrapping("firewire", 138, after(bytes(16), b"\x08\0")),
    Wrapping("netanalyzer", 240, lambda p: bytes(4) + ethernet(p) + bytes(4), tshark=False),
    Wrapping("dsa", 284, between(b"\xc0\x08\0\x01"), tshark=False),
    Wrapping("edsa", 285, between(b"\xda\xda\0\0\xc0\x08\0\x01"), tshark=False),
    Wrapping("broadcom", 281, between(b"\0\0\0\x03"), tshark=False),
    Wrapping("broadcom-first", 282, frame_after(b"\0\0\0\x03"), tshark=False),
    Wrapping("edsa-ethernet", 1, between(b"\xda\xda\0\0\xc0\x08\0\x01"), tshark=False),
    Wrapping("dsa-ethernet", 1, lambda p: between(b"\xc0\x08\0\x01")(checked(p)), tshark=False),
    Wrapping("dsa-ethernet-to-cpu", 1, lambda p: between(b"\0\x18\0\x01")(checked(p)), tshark=False),
    Wrapping("edsa-ethernet-other-type", 1, lambda p: between(b"\x91\x33\0\0\xc0\x08\0\x01")(checked(p)), tshark=False),
    Wrapping("vlan", 1, between(b"\x81\0\x60\x64"), tag((V, 100))),
    Wrapping("vlan-priority-only", 1, between(b"\x81\0\x60\0")),
    Wrapping("qinq", 1, between(b"\x88\xa8\0\xc8\x81\0\0\x64"), tag((V, 200), (V, 100))),
    Wrapping("vn-tag", 1, between(b"\x89\x26\0\x02\x40\0\x81\0\0\x64"), tag((V, 100))),
    Wrapping("e-tag", 1, between(b"\x89\x3f\0\0\0\x05\0\0")),
    Wrapping("cisco-metadata", 1, between(b"\x89\x09\x01\x01\0\x01\0\x10")),
    Wrapping("802.1ah", 1, typed(0x88E7, after(long(100) + ADDRESSES + b"\x08\0")), tag((S, 100))),
    Wrapping("802.1ah-tagged", 1, between(b"\x88\xa8\0\x0a\x88\xe7" + long(100) + ADDRESSES), tag((V, 10), (S, 100))),
    Wrapping("nsh", 1, typed(0x894F, after(b"\x0f\xc2\x02\x01" + long(0x2AFF))), tag((P, 0x2A))),
    Wrapping(
        "nsh-ethernet", 1, typed(0x894F, frame_after(b"\x0f\xc6\x01\x03" + long(0x2AFF) + bytes(16))), tag((P, 42))
    ),
    Wrapping("trill", 1, typed(0x22F3, frame_after(b"\0\x3f\0\x01\0\x02"))),
    Wrapping("trill-options", 1, typed(0x22F3, frame_after(b"\0\x7f\0\x01\0\x02" + bytes(4)))),
    Wrapping("hsr", 1, between(b"\x89\x2f\x10\x34\0\x01")),
    Wrapping("prp", 1, lambda p: ethernet(p + b"\0\x01\xa0\x34\x88\xfb")),
    Wrapping("batman-unicast", 1, typed(0x4305, frame_after(b"\x40\x0f\x32\x01" + ADDRESSES[:6]))),
    Wrapping("batman-4addr", 1, typed(0x4305, frame_after(b"\x42\x0f\x32\x01" + ADDRESSES + b"\x01\0"))),
    Wrapping("batman-broadcast", 1, typed(0x4305, frame_after(b"\x01\x0f\x32\0" + long(9) + ADDRESSES[:6]))),
    Wrapping("macsec", 1, typed(0x88E5, macsec(0x00))),
    Wrapping("macsec-channel", 1, typed(0x88E5, macsec(0x20, bytes(8)))),
    Wrapping("fabricpath", 1, typed(0x8903, frame_after(b"\0\x20")), tshark=False),
    Wrapping("mpls-vpn", 1, typed(0x8847, after(label(16001, False) + label(77))), tag((M, 77))),
    Wrapping("mpls-entropy", 1, typed(0x8847, after(label(77, False) + label(7, False) + label(999))), tag((M, 77))),
    Wrapping("vxlan", 1, over_udp(4789, frame_after(VXLAN)), tag(VNI)),
    Wrapping(
        "vxlan-in-vlan",
        1,
        lambda p: between(b"\x81\0\0\x05")(over_udp(4789, frame_after(VXLAN))(p)[14:]),
        tag((V, 5), VNI),
    ),
    Wrapping(
        "vxlan-twice",
        1,
        over_udp(4789, lambda p: VXLAN + over_udp(4789, frame_after(VXLAN[:6] + b"\x8a\0"))(p)),
        tag(VNI, (N, 0x138A)),
    ),
    Wrapping("vxlan-gpe", 1, over_udp(4790, frame_after(GPE % 3)), tag(VNI)),
    Wrapping("vxlan-gpe-ipv4", 1, over_udp(4790, after(GPE % 1)), tag(VNI)),
    Wrapping(
        "vxlan-gpe-nsh", 1, over_udp(4790, after(GPE % 4 + b"\x0f\xc2\x02\x01" + long(0x2AFF))), tag(VNI, (P, 42))
    ),
    Wrapping("vxlan-gpe-plain", 1, over_udp(4790, frame_after(VXLAN)), tag(VNI), tshark=False),
    Wrapping("geneve", 1, over_udp(6081, frame_after(b"\0\0\x65\x58\0\x13\x89\0")), tag(VNI)),
    Wrapping(
        "geneve-options",
        1,
        over_udp(6081, frame_after(b"\x04\0\x65\x58\0\x13\x89\0" + b"\x01\x02\x80\x03" + bytes(12))),
        tag(VNI),
    ),
    Wrapping("gtp-u", 1, over_udp(2152, gtpu()), tag((T, 0x1234))),
    Wrapping("gtp-u-sequence", 1, over_udp(2152, gtpu(0x32, b"\0\x05\0\0")), tag((T, 0x1234))),
    Wrapping("gtp-u-extension", 1, over_udp(2152, gtpu(0x34, b"\0\0\0\x85\x01\0\x09\0")), tag((T, 0x1234))),
    Wrapping("tzsp", 1, over_udp(37008, frame_after(TZSP + b"\x01"))),
    Wrapping("tzsp-tags", 1, over_udp(37008, frame_after(TZSP + b"\0\x0a\x01\xd0\x29\x02\0\x60\x01"))),
    Wrapping("tzsp-wlan", 1, over_udp(37008, lambda p: b"\x01\0\0\x12\x01" + wlan()(p))),
    Wrapping("teredo", 1, over_udp(3544, in_ipv6)),
    Wrapping("teredo-authenticated", 1, over_udp(3544, lambda p: TEREDO_AUTH + TEREDO_ORIGIN + in_ipv6(p))),
    Wrapping("lisp", 1, over_udp(4341, after(bytes(8)))),
    Wrapping("l2tp-2", 1, over_udp(1701, l2tp2(0, struct.pack(">HH", 5, 6))), tag((T, 0x50006))),
    Wrapping(
        "l2tp-2-all",
        1,
        over_udp(1701, lambda p: l2tp2(0x4A00, struct.pack(">HHHHHH", 20 + len(p), 5, 6, 1, 2, 2) + bytes(2))(p)),
        tag((T, 0x50006)),
    ),
    Wrapping("l2tp-3-ip", 1, over_ip(115, frame_after(long(7), bytes(4))), tag((T, 7)), tshark=False),
    Wrapping("l2tp-3-ip-bare", 1, over_ip(115, frame_after(long(7))), tag((T, 7)), tshark=False),
    Wrapping("l2tp-3-ip-cookie", 1, over_ip(115, frame_after(long(7), b"c" * 8, bytes(4))), tag((T, 7)), tshark=False),
    Wrapping("l2tp-3-udp", 1, over_udp(1701, frame_after(b"\0\x03\0\0", long(7), bytes(4))), tag((T, 7)), tshark=False),
    Wrapping("gre", 1, over_ip(47, after(gre(0, 0x800)))),
    Wrapping("gre-key", 1, over_ip(47, after(gre(0x2000, 0x800, long(0xBEE)))), tag((G, 0xBEE))),
    Wrapping("gre-all", 1, over_ip(47, after(gre(0xB000, 0x800, bytes(4), long(0xBEE), bytes(4)))), tag((G, 0xBEE))),
    Wrapping("nvgre", 1, over_ip(47, frame_after(gre(0x2000, 0x6558, long(0x138900)))), tag((G, 0x138900))),
    Wrapping("gre-in-udp", 1, over_udp(4754, after(gre(0x2000, 0x800, long(5)))), tag((G, 5))),
    Wrapping(
        "pptp",
        1,
        lambda p: over_ip(
            47, after(gre(0x3081, 0x880B, struct.pack(">HH", len(p) + 4, 9), bytes(8), b"\xff\x03\0\x21"))
        )(p),
    ),
    Wrapping("erspan-1", 1, over_ip(47, frame_after(gre(0, 0x88BE)))),
    Wrapping("erspan-2", 1, over_ip(47, frame_after(gre(0x1000, 0x88BE, long(1)), ERSPAN2)), tag((V, 100))),
    Wrapping("erspan-3", 1, over_ip(47, frame_after(gre(0x1000, 0x22EB, long(1)), ERSPAN3, b"\0\0")), tag((V, 100))),
    Wrapping(
        "erspan-3-platform",
        1,
        over_ip(47, frame_after(gre(0x1000, 0x22EB, long(1)), ERSPAN3, b"\0\x01", bytes(8))),
        tag((V, 100)),
    ),
    Wrapping("ether-ip", 1, over_ip(97, frame_after(b"\x30\0"))),
    Wrapping("ethernet-in-ip", 1, over_ip(143, ethernet)),
    Wrapping("ip-in-ip", 1, over_ip(4, after())),
]
