"""What a number in one header says about the header that follows it: one row per number.

Sources: link types https://www.tcpdump.org/linktypes.html; EtherTypes, protocol numbers, PPP protocol numbers and
ports https://www.iana.org/protocols; address families of the BSDs and Linux <sys/socket.h>.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


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


LINK_TYPES: Final[Mapping[int, HeaderType]] = {
    0x00: HeaderType.NULL,
    0x01: HeaderType.ETHERNET,
    0x09: HeaderType.PPP,
    0x0C: HeaderType.RAW_IP,  # DLT_RAW of most systems, in files written by old programs
    0x0E: HeaderType.RAW_IP,  # DLT_RAW of OpenBSD
    0x65: HeaderType.RAW_IP,
    0x6C: HeaderType.NULL,  # LOOP: NULL in network byte order
    0x71: HeaderType.SLL,
    0xE4: HeaderType.IPV4,
    0xE5: HeaderType.IPV6,
    0x114: HeaderType.SLL2,
}

ETHERTYPES: Final[Mapping[int, HeaderType]] = {
    0x0800: HeaderType.IPV4,
    0x22EB: HeaderType.ERSPAN3,
    0x6558: HeaderType.ETHERNET,  # Transparent Ethernet Bridging
    0x8100: HeaderType.VLAN,
    0x86DD: HeaderType.IPV6,
    0x880B: HeaderType.PPP,
    0x8847: HeaderType.MPLS,
    0x8848: HeaderType.MPLS,  # with upstream-assigned label (once: multicast)
    0x8864: HeaderType.PPPOE,  # session stage
    0x88A8: HeaderType.VLAN,  # 802.1ad service tag
    0x88BE: HeaderType.ERSPAN2,
    0x9100: HeaderType.VLAN,  # QinQ before 802.1ad
    0x9200: HeaderType.VLAN,  # QinQ before 802.1ad
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
    0x89: HeaderType.MPLS,
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

UDP_PORTS: Final[Mapping[int, HeaderType]] = {
    0x12B5: HeaderType.VXLAN,  # 4789
    0x17C1: HeaderType.GENEVE,  # 6081
    0x19EB: HeaderType.MPLS,  # 6635, RFC 7510
    0x2118: HeaderType.VXLAN,  # 8472, the Linux kernel's default, so flannel's
}

PPP_PROTOCOLS: Final[Mapping[int, HeaderType]] = {
    0x0021: HeaderType.IPV4,
    0x0057: HeaderType.IPV6,
    0x0281: HeaderType.MPLS,
}

# AF_INET is 2 everywhere; AF_INET6 differs between systems.
NULL_FAMILIES: Final[Mapping[int, HeaderType]] = {
    0x02: HeaderType.IPV4,
    0x0A: HeaderType.IPV6,  # Linux
    0x18: HeaderType.IPV6,  # NetBSD, OpenBSD
    0x1C: HeaderType.IPV6,  # FreeBSD
    0x1E: HeaderType.IPV6,  # Darwin
}
