"""What a number in one header says about the header that follows it: one row per number.

Sources: link types https://www.tcpdump.org/linktypes.html; EtherTypes, protocol numbers, PPP protocol numbers and
ports https://www.iana.org/protocols; address families of the BSDs and Linux <sys/socket.h>. What has another source has
it in its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import msgspec

from analyzer.batches import TagKind


class HeaderType(IntEnum):
    """The headers that can stand between the start of a frame and a TCP payload."""

    ETHERNET = 1
    SLL = 2
    SLL2 = 3
    NULL = 4
    PPP = 5
    RAW_IP = 6
    LLC = 7
    VLAN = 8
    MPLS = 9
    PPPOE = 10
    IPV4 = 11
    IPV6 = 12
    IPV6_EXTENSION = 13
    IPV6_FRAGMENT = 14
    AH = 15
    GRE = 16
    ERSPAN2 = 17
    ERSPAN3 = 18
    UDP = 19
    VXLAN = 20
    GENEVE = 21
    TCP = 22
    NFLOG = 23
    PKTAP = 24
    RADIOTAP = 25
    WLAN = 26
    WLAN_PADDED = 27
    PRISM = 28
    PPI = 29
    ENC = 30
    PFLOG = 31
    CHDLC = 32
    PPP_HDLC = 33
    PPP_DIRECTION = 34
    CHDLC_DIRECTION = 35
    PPP_PPPD = 36
    IPNET = 37
    FRAME_RELAY = 38
    FIREWIRE = 39
    NETANALYZER = 40
    NETANALYZER_TRANSPARENT = 41
    DSA = 42
    EDSA = 43
    DSA_TAG = 44
    BROADCOM = 45
    BROADCOM_FIRST = 46
    VNTAG = 47
    ETAG = 48
    CMD = 49
    PBB = 50
    NSH = 51
    TRILL = 52
    HSR = 53
    BATMAN = 54
    MACSEC = 55
    FABRICPATH = 56
    ETHERIP = 57
    VXLAN_GPE = 58
    GTPU = 59
    TZSP = 60
    TEREDO = 61
    LISP = 62
    L2TP = 63
    L2TPV3 = 64


class Fixed(msgspec.Struct, frozen=True):
    """A header of `size` bytes of which nothing matters: it is `next` that follows."""

    size: int
    next: HeaderType


class Typed(msgspec.Struct, frozen=True):
    """A header of `size` bytes with an EtherType (or an IEEE 802.3 length) `type_at` bytes into it.

    `label` says where in it a number of how many bytes stands, of which the bits of `mask` name the network.
    """

    type_at: int
    size: int
    label: Label | None = None


class Label(msgspec.Struct, frozen=True):
    """See Typed. A number that is 0 is no label."""

    kind: TagKind
    at: int
    size: int
    mask: int


LINK_TYPES: Final[Mapping[int, HeaderType]] = {
    0x00: HeaderType.NULL,
    0x01: HeaderType.ETHERNET,
    0x09: HeaderType.PPP,
    0x0C: HeaderType.RAW_IP,  # DLT_RAW of most systems, in files written by old programs
    0x0E: HeaderType.RAW_IP,  # DLT_RAW of OpenBSD
    0x32: HeaderType.PPP_HDLC,
    0x33: HeaderType.PPPOE,
    0x64: HeaderType.LLC,  # ATM_RFC1483
    0x65: HeaderType.RAW_IP,
    0x68: HeaderType.CHDLC,
    0x69: HeaderType.WLAN,
    0x6B: HeaderType.FRAME_RELAY,
    0x6C: HeaderType.NULL,  # LOOP: NULL in network byte order
    0x6D: HeaderType.ENC,
    0x71: HeaderType.SLL,
    0x75: HeaderType.PFLOG,
    0x77: HeaderType.PRISM,
    0x7F: HeaderType.RADIOTAP,
    0x8A: HeaderType.FIREWIRE,  # APPLE_IP_OVER_IEEE1394
    0x95: HeaderType.PKTAP,  # DLT_USER2, as macOS 10.7 to 10.9 wrote it
    0xA3: HeaderType.PRISM,  # IEEE802_11_AVS: the first four bytes tell the two apart
    0xA6: HeaderType.PPP_PPPD,
    0xC0: HeaderType.PPI,
    0xCC: HeaderType.PPP_DIRECTION,
    0xCD: HeaderType.CHDLC_DIRECTION,
    0xDB: HeaderType.MPLS,
    0xE2: HeaderType.IPNET,
    0xE4: HeaderType.IPV4,
    0xE5: HeaderType.IPV6,
    0xEF: HeaderType.NFLOG,
    0xF0: HeaderType.NETANALYZER,
    0xF1: HeaderType.NETANALYZER_TRANSPARENT,
    0x102: HeaderType.PKTAP,
    0x114: HeaderType.SLL2,
    0x119: HeaderType.BROADCOM,
    0x11A: HeaderType.BROADCOM_FIRST,
    0x11C: HeaderType.DSA,
    0x11D: HeaderType.EDSA,
}

# What only has to be passed over.
FIXED: Final[Mapping[HeaderType, Fixed]] = {
    HeaderType.ENC: Fixed(12, HeaderType.RAW_IP),  # address family, SPI, flags
    HeaderType.PPP_DIRECTION: Fixed(1, HeaderType.PPP_HDLC),
    HeaderType.CHDLC_DIRECTION: Fixed(1, HeaderType.CHDLC),
    HeaderType.PPP_PPPD: Fixed(2, HeaderType.PPP),  # the direction in place of the address, then control
    HeaderType.IPNET: Fixed(24, HeaderType.RAW_IP),
    HeaderType.NETANALYZER: Fixed(4, HeaderType.ETHERNET),
    HeaderType.NETANALYZER_TRANSPARENT: Fixed(12, HeaderType.ETHERNET),  # with the preamble
    HeaderType.BROADCOM_FIRST: Fixed(4, HeaderType.ETHERNET),
    HeaderType.FABRICPATH: Fixed(2, HeaderType.ETHERNET),  # tag and TTL (Wireshark's packet-cisco-fp-mim.c)
    HeaderType.ETHERIP: Fixed(2, HeaderType.ETHERNET),  # RFC 3378
    HeaderType.LISP: Fixed(8, HeaderType.RAW_IP),  # RFC 9300 section 5
}

TYPED: Final[Mapping[HeaderType, Typed]] = {
    HeaderType.SLL: Typed(14, 16),
    HeaderType.SLL2: Typed(0, 20),
    HeaderType.VLAN: Typed(2, 4, Label(TagKind.VLAN, 0, 2, 0x0FFF)),
    HeaderType.CHDLC: Typed(2, 4),
    HeaderType.FIREWIRE: Typed(16, 18),
    # Switch tags between the addresses and the EtherType; their VLAN may be the port's own, in one direction only.
    HeaderType.DSA: Typed(16, 18),
    HeaderType.EDSA: Typed(20, 22),
    HeaderType.DSA_TAG: Typed(6, 8),
    HeaderType.BROADCOM: Typed(16, 18),
    HeaderType.VNTAG: Typed(4, 6),  # Wireshark's packet-vntag.c
    HeaderType.ETAG: Typed(6, 8),  # IEEE 802.1BR section 7.5
    HeaderType.CMD: Typed(6, 8),  # Wireshark's packet-cisco-metadata.c
    HeaderType.PBB: Typed(16, 18, Label(TagKind.SERVICE, 1, 3, 0xFFFFFF)),  # IEEE 802.1Q section 9.7
    HeaderType.HSR: Typed(4, 6),  # IEC 62439-3
}

ETHERTYPES: Final[Mapping[int, HeaderType]] = {
    0x0800: HeaderType.IPV4,
    0x22EB: HeaderType.ERSPAN3,
    0x22F3: HeaderType.TRILL,
    0x4305: HeaderType.BATMAN,
    0x6558: HeaderType.ETHERNET,  # Transparent Ethernet Bridging
    0x8100: HeaderType.VLAN,
    0x86DD: HeaderType.IPV6,
    0x880B: HeaderType.PPP,
    0x8847: HeaderType.MPLS,
    0x8848: HeaderType.MPLS,  # with upstream-assigned label (once: multicast)
    0x8864: HeaderType.PPPOE,  # session stage
    0x88A8: HeaderType.VLAN,  # 802.1ad service tag
    0x88BE: HeaderType.ERSPAN2,
    0x88E5: HeaderType.MACSEC,
    0x88E7: HeaderType.PBB,
    0x8903: HeaderType.FABRICPATH,
    0x8909: HeaderType.CMD,
    0x8926: HeaderType.VNTAG,
    0x892F: HeaderType.HSR,
    0x893F: HeaderType.ETAG,
    0x894F: HeaderType.NSH,
    0x9100: HeaderType.VLAN,  # QinQ before 802.1ad
    0x9200: HeaderType.VLAN,  # QinQ before 802.1ad
    0xDADA: HeaderType.DSA_TAG,  # Linux <linux/if_ether.h>, ETH_P_EDSA
}

# Up to here the field is the length of an IEEE 802.3 frame, from 0x0600 on it is an EtherType (IEEE 802.3, 3.2.6).
LENGTH_MAX: Final = 0x05DC

IPV4_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x04: HeaderType.IPV4,
    0x06: HeaderType.TCP,
    0x11: HeaderType.UDP,
    0x29: HeaderType.IPV6,
    0x2F: HeaderType.GRE,
    0x33: HeaderType.AH,
    0x61: HeaderType.ETHERIP,
    0x73: HeaderType.L2TPV3,
    0x89: HeaderType.MPLS,
    0x8F: HeaderType.ETHERNET,  # RFC 8986
}

IPV6_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    **IPV4_PROTOCOLS,
    0x00: HeaderType.IPV6_EXTENSION,  # hop-by-hop options
    0x2B: HeaderType.IPV6_EXTENSION,  # routing
    0x2C: HeaderType.IPV6_FRAGMENT,
    0x3C: HeaderType.IPV6_EXTENSION,  # destination options
    0x87: HeaderType.IPV6_EXTENSION,  # mobility
    0x8B: HeaderType.IPV6_EXTENSION,  # host identity
    0x8C: HeaderType.IPV6_EXTENSION,  # shim6
}

# By destination; of UDP_BOTH_PORTS by source too.
UDP_PORTS: Final[Mapping[int, HeaderType]] = {
    0x06A5: HeaderType.L2TP,  # 1701
    0x0868: HeaderType.GTPU,  # 2152
    0x0DD8: HeaderType.TEREDO,  # 3544
    0x10F5: HeaderType.LISP,  # 4341
    0x1292: HeaderType.GRE,  # 4754, RFC 8086
    0x12B5: HeaderType.VXLAN,  # 4789
    0x12B6: HeaderType.VXLAN_GPE,  # 4790
    0x17C1: HeaderType.GENEVE,  # 6081
    0x19EB: HeaderType.MPLS,  # 6635, RFC 7510
    0x2118: HeaderType.VXLAN,  # 8472, the Linux kernel's default, so flannel's
    0x9090: HeaderType.TZSP,  # 37008
}

# Servers that answer from this port to whatever port their clients have.
UDP_BOTH_PORTS: Final[Mapping[int, HeaderType]] = {
    0x06A5: HeaderType.L2TP,
    0x0DD8: HeaderType.TEREDO,
}

PPP_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x0021: HeaderType.IPV4,
    0x0057: HeaderType.IPV6,
    0x0281: HeaderType.MPLS,
    0x0283: HeaderType.MPLS,  # multicast
}

# Network layer protocol identifiers of frame relay (RFC 2427, ISO/IEC TR 9577).
FRAME_RELAY_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x8E: HeaderType.IPV6,
    0xCC: HeaderType.IPV4,
    0xCF: HeaderType.PPP,  # RFC 1973
}

# RFC 8300 section 2.2
NSH_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x01: HeaderType.IPV4,
    0x02: HeaderType.IPV6,
    0x03: HeaderType.ETHERNET,
    0x04: HeaderType.NSH,
    0x05: HeaderType.MPLS,
}

# draft-ietf-nvo3-vxlan-gpe-12 section 4.2; 5 is MPLS in its versions up to 3
VXLAN_GPE_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x01: HeaderType.IPV4,
    0x02: HeaderType.IPV6,
    0x03: HeaderType.ETHERNET,
    0x04: HeaderType.NSH,
    0x05: HeaderType.MPLS,
}

# Wireshark's packet-tzsp.c
TZSP_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x01: HeaderType.ETHERNET,
    0x04: HeaderType.PPP,
    0x07: HeaderType.RAW_IP,
    0x12: HeaderType.WLAN,
    0x77: HeaderType.PRISM,
    0x7F: HeaderType.PRISM,  # AVS
}

# AF_INET is 2 everywhere; AF_INET6 differs between systems.
NULL_FAMILIES: Final[Mapping[int, HeaderType]] = {
    0x02: HeaderType.IPV4,
    0x0A: HeaderType.IPV6,  # Linux
    0x18: HeaderType.IPV6,  # NetBSD, OpenBSD
    0x1C: HeaderType.IPV6,  # FreeBSD
    0x1E: HeaderType.IPV6,  # Darwin
}
