"""What the slow path hands from one header to the next, and what readers of headers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

import dpkt

from analyzer.batches import TagKind, tagged
from analyzer.net.link.fragments import Fragment, Network
from analyzer.net.link.linktypes import ETHERTYPES, LENGTH_MAX, HeaderType
from analyzer.net.link.unfollowed import Kind, Unfollowed


class NoSegment(Enum):
    """Why a frame gave no segment, where it is not Unfollowed."""

    UNDECODABLE = "a header is cut or makes no sense"
    FRAGMENT = "a fragment of a datagram that is not complete"


class Here(NamedTuple):
    """A header to read next: it begins at `start`; captured bytes end at `end`, those on the wire at `wire`.

    `network` are the addresses of the last IP header before it, `tag` the labels so far (see TagKind).
    """

    layer: HeaderType
    start: int
    end: int
    wire: int
    network: Network | None = None
    tag: int = 0

    def holds(self, size: int) -> bool:
        """Whether `size` bytes of the header were captured."""
        return self.end - self.start >= size

    def then(self, layer: HeaderType, size: int) -> Here:
        """The header of `layer` behind one of `size` bytes; addresses before it are those of a tunnel, if any."""
        return Here(layer, self.start + size, self.end, self.wire, None, self.tag)

    def within(self, length: int) -> Here:
        """The same, where a length field says that what begins here ends `length` bytes further on."""
        wire = min(self.wire, self.start + length)
        return self._replace(end=min(self.end, wire), wire=wire)

    def labelled(self, kind: TagKind, number: int) -> Here:
        """The same, within one more label."""
        return self._replace(tag=tagged(self.tag, kind, number))


class Segment(NamedTuple):
    """A TCP header and where its payload is: `offset` and `length` in `reassembled`, or in the batch where None.

    `frames` are those of the datagram's other fragments.
    """

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
    tag: int
    reassembled: bytes | None = None
    frames: tuple[int, ...] = ()


Step = Here | Fragment | Segment | Unfollowed | NoSegment


def fields(header: Any, buffer: memoryview, at: int) -> Any:
    """The fixed fields of a dpkt class. The caller knows that the buffer holds them."""
    values = header.__new__(header)
    dpkt.Packet.unpack(values, buffer[at : at + header.__hdr_len__])
    return values


def u16(buffer: memoryview, at: int) -> int:
    return buffer[at] << 8 | buffer[at + 1]


def u16le(buffer: memoryview, at: int) -> int:
    return buffer[at + 1] << 8 | buffer[at]


def u24(buffer: memoryview, at: int) -> int:
    return int.from_bytes(buffer[at : at + 3], "big")


def u32(buffer: memoryview, at: int) -> int:
    return int.from_bytes(buffer[at : at + 4], "big")


def u32le(buffer: memoryview, at: int) -> int:
    return int.from_bytes(buffer[at : at + 4], "little")


def by_number(table: Mapping[int, HeaderType], kind: Kind, number: int, here: Here, size: int) -> Step:
    """The header that `table` has for the number, behind one of `size` bytes."""
    layer = table.get(number)
    return Unfollowed(kind, number) if layer is None else here.then(layer, size)


def by_ethertype(here: Here, ethertype: int, size: int) -> Step:
    return by_number(ETHERTYPES, Kind.ETHERTYPE, ethertype, here, size)


def by_type_or_length(here: Here, value: int, size: int) -> Step:
    if value <= LENGTH_MAX:
        return here.then(HeaderType.LLC, size)
    return by_ethertype(here, value, size)
