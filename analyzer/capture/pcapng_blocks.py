"""Blocks of pcapng and what stands in them (draft-ietf-opsawg-pcapng sections 4 and 10.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from analyzer.capture.clocks import Clock

SECTION_HEADER = 0x0A0D0D0A
INTERFACE = 1
OLD_PACKET = 2
SIMPLE_PACKET = 3
STATISTICS = 5
ENHANCED_PACKET = 6
SECRETS = 10
# Journal entries, system calls and custom blocks are no packets, but Wireshark gives them frame numbers.
NUMBERED = frozenset({9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD})
TLS_KEY_LOG = 0x544C534B

# Options that are read here.
IF_TSRESOL = 9
IF_TSOFFSET = 14
ISB_IFDROP = 5
ISB_OSDROP = 7
EPB_DROPCOUNT = 4

BYTE_ORDER_MAGIC = 0x1A2B3C4D
# Bytes of the smallest block, and of the smallest of its type.
LEAST_BLOCK = 12
LEAST = {SECTION_HEADER: 28, INTERFACE: 20, OLD_PACKET: 32, SIMPLE_PACKET: 16, ENHANCED_PACKET: 32, SECRETS: 20}
# Frames have at most 256 MiB, and there may be options.
MAX_BLOCK = (256 << 20) + (1 << 20)
MAX_INTERFACES = 1 << 16
# Bytes before the frame: 28 in enhanced and old packet blocks, 12 in simple ones.
PACKET_HEADER = 28
SIMPLE_HEADER = 12


class InterfaceDescription(msgspec.Struct, frozen=True):
    """An interface description block; `snaplen` 0 means no limit."""

    link_type: int
    snaplen: int
    clock: Clock


def section_order(head: memoryview) -> str | None:
    """struct's sign for the byte order of the section header block that begins at `head` (12 bytes), None if broken."""
    for order in "<>":
        if struct.unpack_from(order + "I", head, 8)[0] == BYTE_ORDER_MAGIC:
            return order
    return None


def options(order: str, body: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Code and value of each option; those that are not well-formed end the list."""
    place = 0
    while place + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, place)
        value = body[place + 4 : place + 4 + length]
        if code == 0 or len(value) < length:
            return
        yield code, value
        place += 4 + (length + 3 & ~3)


def parse_interface(order: str, body: memoryview) -> InterfaceDescription:
    """An interface description block (section 4.2) from what is between its two lengths (8 bytes or more)."""
    link_type, _, snaplen = struct.unpack_from(order + "HHI", body)
    base, exponent, offset = 10, 6, 0
    for code, value in options(order, body[8:]):
        if code == IF_TSRESOL and len(value) == 1:
            base, exponent = (2 if value[0] & 0x80 else 10), value[0] & 0x7F
        elif code == IF_TSOFFSET and len(value) == 8:
            offset = struct.unpack(order + "q", value)[0]
    return InterfaceDescription(link_type, snaplen, Clock(base, exponent, offset))


class Drops(msgspec.Struct, frozen=True):
    """Frames that an interface and its system say they dropped, from when the capture began."""

    interface: int
    dropped: int
    system: int


def parse_statistics(order: str, body: memoryview) -> Drops:
    """An interface statistics block (section 4.6) from what is between its two lengths (12 bytes or more)."""
    dropped = system = 0
    for code, value in options(order, body[12:]):
        if code == ISB_IFDROP and len(value) == 8:
            dropped = struct.unpack(order + "Q", value)[0]
        elif code == ISB_OSDROP and len(value) == 8:
            system = struct.unpack(order + "Q", value)[0]
    return Drops(struct.unpack_from(order + "I", body)[0], dropped, system)
