"""What frames hold that are not followed to a TCP segment: counted by kind and number, and put into words.

Sources of the names: https://www.iana.org/protocols (EtherTypes, protocol numbers, ports), IEEE 802.11 section 9.2.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

import msgspec


class Kind(Enum):
    """Which header said so; the value is how a frame with a number of that kind is told."""

    LINK_TYPE = "of link type {} inside"
    ETHERTYPE = "of EtherType 0x{:04x}"
    LLC = "of LLC service access points 0x{:04x}"
    SNAP = "of SNAP organisation 0x{:06x}"
    PPP_PROTOCOL = "of PPP protocol 0x{:04x}"
    FRAME_RELAY = "of frame relay protocol 0x{:02x}"
    ADDRESS_FAMILY = "of address family {}"
    IP_PROTOCOL = "of IP protocol {}"
    UDP_PORT = "of UDP port {}"
    GRE_VERSION = "of GRE version {}"
    MESH = "of batman-adv type 0x{:02x}"
    NSH = "of NSH next protocol {}"
    VXLAN = "of VXLAN next protocol {}"
    ERSPAN = "of ERSPAN frame type {}"
    TZSP = "of TZSP protocol {}"
    WLAN = "of 802.11 frame type {}"
    WLAN_ENCRYPTED = "of 802.11, encrypted,"
    WLAN_PARTS = "of 802.11, several in one or one in several,"
    MACSEC_ENCRYPTED = "of MACsec, encrypted,"
    TUNNEL_CONTROL = "of a tunnel's own messages (UDP port or IP protocol {})"
    TUNNEL_PAYLOAD = "of L2TPv3 session {}"


class Unfollowed(msgspec.Struct, frozen=True):
    """What stands in the way of finding TCP: `number` is 0 where the kind says all."""

    kind: Kind
    number: int = 0


# What never holds TCP and is in every capture: said only where no TCP was found at all.
QUIET: Final[Mapping[Kind, Mapping[int, str]]] = {
    Kind.ETHERTYPE: {
        0x0806: "ARP",
        0x0842: "wake-on-LAN",
        0x2000: "CDP",
        0x2004: "DTP",
        0x8035: "RARP",
        0x8808: "flow control",
        0x8809: "LACP and other slow protocols",
        0x8863: "PPPoE discovery",
        0x888E: "802.1X",
        0x8899: "Realtek",
        0x88CC: "LLDP",
        0x88F5: "MVRP",
        0x88F7: "PTP",
        0x8902: "CFM",
        0x9000: "loopback",
    },
    Kind.IP_PROTOCOL: {
        1: "ICMP",
        2: "IGMP",
        58: "ICMPv6",
        59: "no next header",
        88: "EIGRP",
        89: "OSPF",
        103: "PIM",
        112: "VRRP",
        132: "SCTP",
        136: "UDP-Lite",
    },
    Kind.UDP_PORT: {
        53: "DNS",
        67: "DHCP",
        68: "DHCP",
        69: "TFTP",
        88: "Kerberos",
        123: "NTP",
        137: "NetBIOS",
        138: "NetBIOS",
        161: "SNMP",
        162: "SNMP",
        389: "CLDAP",
        443: "QUIC",
        514: "syslog",
        546: "DHCPv6",
        547: "DHCPv6",
        1900: "SSDP",
        3702: "WS-Discovery",
        5353: "mDNS",
        5355: "LLMNR",
    },
    Kind.LLC: {0x4242: "spanning tree", 0xF0F0: "NetBIOS", 0xFEFE: "IS-IS", 0xE0E0: "IPX", 0xFFFF: "IPX"},
    Kind.SNAP: {0x00000C: "Cisco"},
    Kind.PPP_PROTOCOL: {
        0x8021: "IPCP",
        0x8057: "IPV6CP",
        0x80FD: "CCP",
        0xC021: "LCP",
        0xC023: "PAP",
        0xC025: "LQR",
        0xC223: "CHAP",
    },
    Kind.WLAN: {0: "management", 1: "control", 2: "data without data"},
    Kind.TUNNEL_CONTROL: {},
    Kind.MESH: {0x00: "OGM", 0x03: "ELP", 0x04: "OGM2", 0x43: "ICMP", 0x44: "TVLV"},
}

QUIET_ETHERTYPES: Final = frozenset(QUIET[Kind.ETHERTYPE])

# What may hold TCP but can not be read, by its name.
NAMES: Final[Mapping[Kind, Mapping[int, str]]] = {
    Kind.ETHERTYPE: {
        0x8906: "FCoE",
        0x8915: "RoCE",
        0x8947: "GeoNetworking",
    },
    Kind.IP_PROTOCOL: {50: "ESP, encrypted", 94: "IPIP", 108: "IPComp"},
    Kind.UDP_PORT: {
        500: "IKE",
        1194: "OpenVPN, encrypted",
        4500: "IPsec, encrypted",
        4791: "RoCE",
        5246: "CAPWAP",
        5247: "CAPWAP",
        51820: "WireGuard, encrypted",
    },
}

MOST_SAID: Final = 5
# Of frames with an unknown UDP port fewer than one in so many go without a word: every capture has some.
UDP_SHARE: Final = 100

Counts = Mapping[Unfollowed, int]


def _is_said(what: Unfollowed, count: int, frames: int) -> bool:
    if what.kind is Kind.TUNNEL_CONTROL or what.number in QUIET.get(what.kind, {}):
        return False
    return what.kind is not Kind.UDP_PORT or count * UDP_SHARE >= frames


def _described(what: Unfollowed) -> str:
    text = what.kind.value.format(what.number)
    name = QUIET.get(what.kind, {}).get(what.number) or NAMES.get(what.kind, {}).get(what.number)
    return f"{text} ({name})" if name else text


def sentences(counts: Counts, frames: int, segments: int) -> Iterator[str]:
    """What to say of the frames that were not followed, most frequent kinds first.

    frames    frames of the capture
    segments  TCP segments found in them: where there is none every kind is told, otherwise only those that may hold TCP
    """
    told = [(count, what) for what, count in counts.items() if not segments or _is_said(what, count, frames)]
    told.sort(key=lambda item: (-item[0], item[1].kind.name, item[1].number))
    for count, what in told[:MOST_SAID]:
        noun, verb = ("frame", "holds") if count == 1 else ("frames", "hold")
        yield f"{count:,} {noun} {_described(what)} {verb} no TCP that can be found"
    rest = sum(count for count, _ in told[MOST_SAID:])
    if rest:
        yield f"{rest:,} more frames of {len(told) - MOST_SAID} other kinds hold no TCP that can be found"
