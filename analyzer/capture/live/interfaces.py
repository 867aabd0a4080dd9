"""Which interfaces there are, and what their frames begin with.

Sources: netdevice(7) (SIOCGIFFLAGS, SIOCGIFHWADDR), <linux/if_arp.h>, https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from typing import Final

import msgspec

from analyzer.capture.live.errors import UnknownInterface

ANY: Final = "any"
LINUX: Final = sys.platform.startswith("linux")

SIOCGIFFLAGS: Final = 0x8913
SIOCGIFHWADDR: Final = 0x8927
IFF_UP: Final = 0x1
IFF_LOOPBACK: Final = 0x8
IFF_RUNNING: Final = 0x40

ETHERNET: Final = 1
RAW_IP: Final = 101
COOKED: Final = 276  # LINKTYPE_LINUX_SLL2
LINK_NAMES: Final = {ETHERNET: "Ethernet", RAW_IP: "raw IP", COOKED: "Linux cooked v2"}

# ARPHRD_ number of an interface: link type. All others are captured cooked: the kernel takes their header off.
_LINK_TYPES: Final = {1: ETHERNET, 772: ETHERNET, 0xFFFE: RAW_IP, 519: RAW_IP}


class Port(msgspec.Struct, frozen=True):
    """What is needed to capture an interface. `index` is 0 for all of them; `cooked`: without its link header."""

    name: str
    index: int
    link_type: int
    cooked: bool
    loopback: bool
    up: bool


class Interface(msgspec.Struct):
    """One row of `handshark interfaces`. `why_not`: what keeps it from being captured now, None for nothing."""

    name: str
    addresses: list[str]
    link_type: str
    up: bool
    running: bool
    capturable: bool
    why_not: str | None


def names() -> list[str]:
    """Every interface of this network namespace, in the system's order, and `any` where there is such a thing."""
    found = [name for _, name in socket.if_nameindex()]
    return [*found, ANY] if LINUX else found


def port_of(name: str) -> Port:
    """Raises UnknownInterface."""
    known = names()
    if name not in known:
        raise UnknownInterface(name, known)
    if name == ANY:
        return Port(ANY, 0, COOKED, cooked=True, loopback=False, up=True)
    try:
        index = socket.if_nametoindex(name)
        flags, kind = _flags(name)
    except OSError as error:  # it has gone in between
        raise UnknownInterface(name, [one for one in known if one != name]) from error
    link_type = _LINK_TYPES.get(kind, COOKED)
    return Port(name, index, link_type, link_type == COOKED, bool(flags & IFF_LOOPBACK), bool(flags & IFF_UP))


def _flags(name: str) -> tuple[int, int]:
    """(IFF_ flags, ARPHRD_ number) of an interface."""
    if not LINUX:
        return IFF_UP | (IFF_LOOPBACK if name.startswith("lo") else 0), 1
    request = struct.pack("16s24x", name.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags = struct.unpack_from("=H", fcntl.ioctl(sock, SIOCGIFFLAGS, request), 16)[0]
        kind = struct.unpack_from("=H", fcntl.ioctl(sock, SIOCGIFHWADDR, request), 16)[0]
    return flags, kind


def loopback_index() -> int | None:
    """The index of the loopback interface, None where there is none."""
    for index, name in socket.if_nameindex():
        try:
            if _flags(name)[0] & IFF_LOOPBACK:
                return index
        except OSError:  # it has gone in between
            continue
    return None


def permitted() -> bool:
    """Whether this process may capture."""
    if not LINUX:
        return True
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return False
    except OSError:
        return True  # for another reason, which opening the interface will name
    return True


def interfaces() -> list[Interface]:
    """All of them, with their addresses."""
    import scapy.arch  # noqa: F401 - finds out how this system lists them
    from scapy.config import conf
    from scapy.interfaces import IFACES

    conf.logLevel = 40  # its warnings about interfaces without an address are of no use here
    IFACES.reload()
    may = permitted()
    found = []
    for name in names():
        try:
            port = port_of(name)
            flags = IFF_UP | IFF_RUNNING if name == ANY else _flags(name)[0]
        except (UnknownInterface, OSError):
            continue
        known = next((one for one in IFACES.values() if one.name == name), None)
        addresses = [] if known is None else [address for ips in known.ips.values() for address in ips]
        why = None if may else "needs privileges"
        if why is None and not port.up:
            why = "is down"
        kind = LINK_NAMES[port.link_type] + (" (loopback)" if port.loopback else "")
        found.append(Interface(name, addresses, kind, port.up, bool(flags & IFF_RUNNING), why is None, why))
    return found
