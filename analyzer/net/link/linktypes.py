"""What a number in one header says about the header that follows it: one row per number.

Sources: link types https://www.tcpdump.org/linktypes.html; EtherTypes, protocol numbers, PPP protocol numbers and
ports https://www.iana.org/protocols; address families of the BSDs and Linux <sys/socket.h>.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class Layer(IntEnum):
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


LINK_TYPES: Final[Mapping[int, Layer]] = {
    0x00: Layer.NULL,
    0x01: Layer.ETHERNET,
    0x09: Layer.PPP,
    0x0C: Layer.RAW_IP,  # DLT_RAW of most systems, in files written by old programs
    0x0E: Layer.RAW_IP,  # DLT_RAW of OpenBSD
    0x65: Layer.RAW_IP,
    0x6C: Layer.NULL,  # LOOP: NULL in network byte order
    0x71: Layer.SLL,
    0xE4: Layer.IPV4,
    0xE5: Layer.IPV6,
    0x114: Layer.SLL2,
}

ETHERTYPES: Final[Mapping[int, Layer]] = {
    0x0800: Layer.IPV4,
    0x22EB: Layer.ERSPAN3,
    0x6558: Layer.ETHERNET,  # Transparent Ethernet Bridging
    0x8100: Layer.VLAN,
    0x86DD: Layer.IPV6,
    0x880B: Layer.PPP,
    0x8847: Layer.MPLS,
    0x8848: Layer.MPLS,  # with upstream-assigned label (once: multicast)
    0x8864: Layer.PPPOE,  # session stage
    0x88A8: Layer.VLAN,  # 802.1ad service tag
    0x88BE: Layer.ERSPAN2,
    0x9100: Layer.VLAN,  # QinQ before 802.1ad
    0x9200: Layer.VLAN,  # QinQ before 802.1ad
}

# Up to here the field is the length of an IEEE 802.3 frame, from 0x0600 on it is an EtherType (IEEE 802.3, 3.2.6).
LENGTH_MAX: Final = 0x05DC

IPV4_PROTOCOLS: Final[Mapping[int, Layer]] = {
    0x04: Layer.IPV4,
    0x06: Layer.TCP,
    0x11: Layer.UDP,
    0x29: Layer.IPV6,
    0x2F: Layer.GRE,
    0x33: Layer.AH,
    0x89: Layer.MPLS,
}

IPV6_PROTOCOLS: Final[Mapping[int, Layer]] = {
    **IPV4_PROTOCOLS,
    0x00: Layer.IPV6_EXTENSION,  # hop-by-hop options
    0x2B: Layer.IPV6_EXTENSION,  # routing
    0x2C: Layer.IPV6_FRAGMENT,
    0x3C: Layer.IPV6_EXTENSION,  # destination options
    0x87: Layer.IPV6_EXTENSION,  # mobility
    0x8B: Layer.IPV6_EXTENSION,  # host identity
    0x8C: Layer.IPV6_EXTENSION,  # shim6
}

UDP_PORTS: Final[Mapping[int, Layer]] = {
    0x12B5: Layer.VXLAN,  # 4789
    0x17C1: Layer.GENEVE,  # 6081
    0x19EB: Layer.MPLS,  # 6635, RFC 7510
    0x2118: Layer.VXLAN,  # 8472, the Linux kernel's default, so flannel's
}

PPP_PROTOCOLS: Final[Mapping[int, Layer]] = {
    0x0021: Layer.IPV4,
    0x0057: Layer.IPV6,
    0x0281: Layer.MPLS,
}

# AF_INET is 2 everywhere; AF_INET6 differs between systems.
NULL_FAMILIES: Final[Mapping[int, Layer]] = {
    0x02: Layer.IPV4,
    0x0A: Layer.IPV6,  # Linux
    0x18: Layer.IPV6,  # NetBSD, OpenBSD
    0x1C: Layer.IPV6,  # FreeBSD
    0x1E: Layer.IPV6,  # Darwin
}
