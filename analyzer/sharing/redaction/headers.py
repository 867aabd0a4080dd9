"""Headers in front of a TCP payload, rewritten in their place: addresses go, lengths and numbers stay.

Known are Ethernet with VLAN tags, Linux cooked captures, loopback and raw IP, with IPv4 or IPv6 without extension
headers behind them, and inside of these IP, GRE, VXLAN and Geneve with the same in them; IP fragments, where the first
comes first. A frame of any other form is given up: whoever writes it makes one anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.net.link.linktypes import LINK_TYPES, UDP_PORTS, HeaderType
from analyzer.sharing.frames import checksum, ones_sum
from analyzer.sharing.redaction.addresses import AddressMap
from analyzer.sharing.redaction.envelopes import Envelope, copy_options

_TCP: Final = 6
_UDP: Final = 17
_GRE: Final = 47
_FRAGMENT: Final = 44
_INNER_IP: Final = {4: 4, 41: 6}
_BRIDGED: Final = 0x6558  # Transparent Ethernet Bridging
# Flags of GRE: the fields that they say are there; and those that nobody follows (routing, a version).
_GRE_FIELDS: Final = (0x8000, 0x2000, 0x1000)
_GRE_UNKNOWN: Final = 0x4007
# Link layers, and addresses, that are kept.
_MOST_KEPT: Final = 20_000
# Tunnels inside of one another.
_DEEPEST: Final = 4
_VLANS: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
_IP: Final = {0x0800: 4, 0x86DD: 6}
# An EtherType, and the first byte of a header without options.
_PLAIN_V4: Final = b"\x08\x00\x45"
_MOST_TAGS: Final = 4
_NOP: Final = 1
_STAMPS: Final = b"\x08\x0a"
_LOOPBACKS: Final = frozenset({HeaderType.NULL})


class IpPlace(NamedTuple):
    """Where an IP header stands, and what it is."""

    at: int
    version: int


class FragmentedSegment:
    """A TCP segment that came in IP fragments: what stands in its place, known from its first fragment on.

    `payload` is its new content, of which `missing` bytes more were on the wire.
    """

    __slots__ = ("content", "missing", "payload", "seen")

    def __init__(self, payload: bytes, missing: int) -> None:
        self.payload = payload
        self.missing = missing
        self.content: bytes | None = None
        self.seen = False


class HeaderRedactor:
    """Rewrites headers. `keep`: addresses stay."""

    __slots__ = ("_addresses", "_ends", "_keep", "_links")

    def __init__(self, addresses: AddressMap, keep: bool) -> None:
        self._addresses = addresses
        self._keep = keep
        # Link layers and addresses, and what becomes of them: few or many sides have the same.
        self._links: dict[bytes, bytes] = {}
        self._ends: dict[bytes, tuple[bytes, int]] = {}

    def rewrite(self, frame: bytes, link_type: int, at: int, payload: bytes) -> bytes | None:
        """The frame with another payload of the same length from `at` on, and nothing of what was behind it.

        None where its headers are of a form that is not known.
        """
        out = bytearray(len(frame))
        place = self._link(frame, out, link_type)
        if place is None or at + len(payload) > len(frame):
            return None
        out[at : at + len(payload)] = payload
        return bytes(out) if self._network(frame, out, place, (at, len(payload)), _DEEPEST) else None

    def fragment(self, frame: bytes, link_type: int, datagram: FragmentedSegment) -> bytes | None:
        """A fragment of a segment in its place; None where the first of them was not the first, or is cut."""
        begins, datagram.seen = not datagram.seen, True
        out = bytearray(len(frame))
        place = self._link(frame, out, link_type)
        header = None if place is None else self._ip(frame, out, place)
        if place is None or header is None:
            return None
        ip = place.at
        if place.version == 4:
            at, start = int.from_bytes(frame[ip + 6 : ip + 8], "big") & 0x1FFF, ip + header
            protocol, end = frame[ip + 9], ip + int.from_bytes(frame[ip + 2 : ip + 4], "big")
        else:
            start = ip + header + 8
            if frame[ip + 6] != _FRAGMENT or len(frame) < start:
                return None
            out[ip + header : start] = frame[ip + header : start]
            out[ip + header + 1] = 0
            at, protocol = int.from_bytes(frame[start - 6 : start - 4], "big") >> 3, frame[ip + header]
            end = ip + header + int.from_bytes(frame[ip + 4 : ip + 6], "big")
        if begins and not at and protocol == _TCP:
            datagram.content = self._whole(frame[start:end], out, place, datagram, self._sources(frame, place))
        if datagram.content is None:
            return None
        content = datagram.content[8 * at : 8 * at + max(min(end, len(frame)) - start, 0)]
        out[start : start + len(content)] = content
        return bytes(out)

    def _whole(
        self, head: bytes, out: bytearray, place: IpPlace, datagram: FragmentedSegment, ends: tuple[bytes, bytes]
    ) -> bytes | None:
        """A segment of which the first fragment begins so."""
        size = (head[12] >> 4) * 4 if len(head) > 12 else 0
        if not 20 <= size <= len(head):
            return None
        tcp = bytearray(head[:20])
        tcp[12] &= 0xF1
        tcp[16:18] = b"\0\0"
        tcp += self._options(head[20:size], int.from_bytes(head[8:12], "big"), ends)
        wire = size + len(datagram.payload) + datagram.missing
        total = checksum(
            ones_sum(self._pseudo(out, place, wire, _TCP)), ones_sum(bytes(tcp)), ones_sum(datagram.payload)
        )
        tcp[16:18] = total.to_bytes(2, "big")
        return bytes(tcp) + datagram.payload

    def envelope(self, frame: bytes, link_type: int) -> Envelope | None:
        """What is around the payload of this frame and of others of its sender; None where it is not plain."""
        if LINK_TYPES.get(link_type) == HeaderType.ETHERNET and frame[12:15] == _PLAIN_V4 and len(frame) >= 34:
            before = frame[:14]
            after = self._links.get(before)
            if after is None:
                if len(self._links) >= _MOST_KEPT:
                    self._links.clear()
                after = self._links[before] = self._mac(frame[:6]) + self._mac(frame[6:12]) + frame[12:14]
            (one, stamp), (other, peer) = self._end(frame[26:30]), self._end(frame[30:34])
            return Envelope(before, after, frame[26:34], one + other, 4, (stamp, peer))
        out = bytearray(len(frame))
        place = self._link(frame, out, link_type)
        size = None if place is None else self._ip(frame, out, place)
        if place is None or size not in (20, 40) or (size == 40) != (place.version == 6):
            return None
        begin, end = place.at + (12 if place.version == 4 else 8), place.at + size
        ends = self._sources(frame, place)
        stamps = self._addresses.offset(ends[0]), self._addresses.offset(ends[1])
        head = slice(0, place.at)
        return Envelope(frame[head], bytes(out[head]), frame[begin:end], bytes(out[begin:end]), place.version, stamps)

    def bare(self, frame: bytes, link_type: int) -> bytes | None:
        """A frame of another protocol: its headers up to the transport's ports, and zeros. None where it has no IP."""
        out = bytearray(len(frame))
        place = self._link(frame, out, link_type)
        if place is None:
            return None
        size = self._ip(frame, out, place)
        if size is None:
            return None
        at = place.at + size
        protocol = frame[place.at + (9 if place.version == 4 else 6)]
        if protocol == _TCP and len(frame) >= at + 20:
            out[at : at + 18] = frame[at : at + 18]
            out[at + 12] = 5 << 4
            out[at + 16 : at + 18] = b"\0\0"
        elif len(frame) >= at + 8:
            out[at : at + 6] = frame[at : at + 6]
        return bytes(out)

    def readdressed(self, frame: bytes, link_type: int) -> bytes:
        """A frame as it is, but for the addresses in headers that are known."""
        out = bytearray(frame)
        copy = bytearray(len(frame))
        place = self._link(frame, copy, link_type)
        if place is None:
            return frame
        size = self._ip(frame, copy, place)
        if size is None:
            return frame
        end = place.at + size
        out[:end] = copy[:end]
        return bytes(out)

    # -- link layer ----------------------------------------------------------------------------------------------------

    def _link(self, frame: bytes, out: bytearray, link_type: int) -> IpPlace | None:
        """Writes the link layer's header; where IP begins behind it."""
        layer = LINK_TYPES.get(link_type)
        if layer == HeaderType.ETHERNET:
            return self._ethernet(frame, out, 0)
        if layer == HeaderType.SLL and len(frame) >= 16:
            out[:6] = frame[:6]
            out[6:14] = self._padded_mac(frame[6:14], int.from_bytes(frame[4:6], "big"))
            return self._tags(frame, out, 14)
        if layer == HeaderType.SLL2 and len(frame) >= 20:
            out[:12] = frame[:12]
            out[2:4] = b"\0\0"
            out[12:20] = self._padded_mac(frame[12:20], frame[11])
            version = _IP.get(int.from_bytes(frame[:2], "big"))
            return None if version is None else self._at(frame, 20)
        if layer in _LOOPBACKS and len(frame) > 4:
            out[:4] = frame[:4]
            return self._at(frame, 4)
        if layer in (HeaderType.RAW_IP, HeaderType.IPV4, HeaderType.IPV6):
            return self._at(frame, 0)
        return None

    def _ethernet(self, frame: bytes, out: bytearray, at: int) -> IpPlace | None:
        if len(frame) < at + 14:
            return None
        out[at : at + 12] = self._mac(frame[at : at + 6]) + self._mac(frame[at + 6 : at + 12])
        return self._tags(frame, out, at + 12)

    def _tags(self, frame: bytes, out: bytearray, at: int) -> IpPlace | None:
        for _ in range(_MOST_TAGS):
            if at + 2 > len(frame):
                return None
            kind = int.from_bytes(frame[at : at + 2], "big")
            if kind in _IP:
                out[at : at + 2] = frame[at : at + 2]
                return self._at(frame, at + 2)
            if kind not in _VLANS:
                return None
            out[at : at + 4] = frame[at : at + 4]
            at += 4
        return None

    @staticmethod
    def _at(frame: bytes, at: int) -> IpPlace | None:
        version = frame[at] >> 4 if at < len(frame) else 0
        return IpPlace(at, version) if version in (4, 6) else None

    def _mac(self, raw: bytes) -> bytes:
        return raw if self._keep else self._addresses.mac(raw)

    def _padded_mac(self, raw: bytes, size: int) -> bytes:
        return self._mac(raw[:6]) + b"\0\0" if size == 6 else bytes(8)

    # -- IP and TCP ----------------------------------------------------------------------------------------------------

    def _ip(self, frame: bytes, out: bytearray, place: IpPlace) -> int | None:
        """Writes the IP header with a right checksum; its length."""
        at = place.at
        if len(frame) < at + 20:
            return None
        if place.version == 6:
            if len(frame) < at + 40:
                return None
            out[at : at + 8] = frame[at : at + 8]
            out[at + 8 : at + 24] = self._address(frame[at + 8 : at + 24])
            out[at + 24 : at + 40] = self._address(frame[at + 24 : at + 40])
            return 40
        size = (frame[at] & 15) * 4
        if size < 20 or len(frame) < at + size:
            return None
        out[at : at + 12] = frame[at : at + 12]
        out[at + 10 : at + 12] = b"\0\0"
        out[at + 12 : at + 16] = self._address(frame[at + 12 : at + 16])
        out[at + 16 : at + 20] = self._address(frame[at + 16 : at + 20])
        out[at + 20 : at + size] = bytes([_NOP]) * (size - 20)
        out[at + 10 : at + 12] = checksum(ones_sum(bytes(out[at : at + size]))).to_bytes(2, "big")
        return size

    def _end(self, raw: bytes) -> tuple[bytes, int]:
        """An address in its place, and what is added to its time stamps."""
        found = self._ends.get(raw)
        if found is None:
            if len(self._ends) >= _MOST_KEPT:
                self._ends.clear()
            found = self._ends[raw] = self._address(raw), self._addresses.offset(raw)
        return found

    def _address(self, raw: bytes) -> bytes:
        return raw if self._keep else self._addresses.packed(raw)

    def _network(self, frame: bytes, out: bytearray, place: IpPlace, payload: tuple[int, int], depth: int) -> bool:
        """Writes all headers from an IP header up to the payload: its place, and its size."""
        ip = place.at
        header = self._ip(frame, out, place)
        if header is None or (place.version == 4 and int.from_bytes(frame[ip + 6 : ip + 8], "big") & 0x3FFF):
            return False
        protocol = frame[ip + (9 if place.version == 4 else 6)]
        start = ip + header
        if protocol == _TCP:
            return self._segment(frame, out, place, start, payload)
        if not depth:
            return False
        if protocol in _INNER_IP:
            inner = self._at(frame, start)
            known = inner is not None and inner.version == _INNER_IP[protocol]
            return known and inner is not None and self._network(frame, out, inner, payload, depth - 1)
        if protocol == _GRE:
            return self._gre(frame, out, start, payload, depth)
        return protocol == _UDP and self._udp(frame, out, place, start, payload, depth)

    def _gre(self, frame: bytes, out: bytearray, at: int, payload: tuple[int, int], depth: int) -> bool:
        """GRE (RFC 2784, RFC 2890): its key says which network, as a VLAN's number does."""
        flags = int.from_bytes(frame[at : at + 2], "big")
        start = at + 4 + 4 * sum(flags & field != 0 for field in _GRE_FIELDS)
        if flags & _GRE_UNKNOWN or len(frame) < start:
            return False
        out[at:start] = frame[at:start]
        out[at : at + 2] = (flags & sum(_GRE_FIELDS)).to_bytes(2, "big")
        inner = self._ethertype(frame, out, int.from_bytes(frame[at + 2 : at + 4], "big"), start)
        if inner is None or not self._network(frame, out, inner, payload, depth - 1):
            return False
        if flags & _GRE_FIELDS[0]:
            out[at + 4 : at + 8] = bytes(4)
            out[at + 4 : at + 6] = checksum(ones_sum(bytes(out[at:]))).to_bytes(2, "big")
        return True

    def _udp(self, frame: bytes, out: bytearray, place: IpPlace, at: int, payload: tuple[int, int], depth: int) -> bool:
        """VXLAN (RFC 7348) and Geneve (RFC 8926), whose options become zeros."""
        start = at + 16
        layer = UDP_PORTS.get(int.from_bytes(frame[at + 2 : at + 4], "big"))
        if len(frame) < start or layer not in (HeaderType.VXLAN, HeaderType.GENEVE):
            return False
        out[at : at + 6] = frame[at : at + 6]
        out[at + 12 : at + 15] = frame[at + 12 : at + 15]
        if layer == HeaderType.VXLAN:
            out[at + 8] = frame[at + 8] & 0x08
            inner = self._ethernet(frame, out, start) if out[at + 8] else None
        else:
            out[at + 8] = frame[at + 8] & 0x3F
            out[at + 10 : at + 12] = frame[at + 10 : at + 12]
            start += 4 * out[at + 8]
            inner = self._ethertype(frame, out, int.from_bytes(frame[at + 10 : at + 12], "big"), start)
        if inner is None or not self._network(frame, out, inner, payload, depth - 1):
            return False
        if any(frame[at + 6 : at + 8]):
            size = int.from_bytes(frame[at + 4 : at + 6], "big")
            data = bytes(out[at : at + size])
            total = checksum(ones_sum(self._pseudo(out, place, size, _UDP)), ones_sum(data))
            out[at + 6 : at + 8] = (total or 0xFFFF).to_bytes(2, "big")
        return True

    def _ethertype(self, frame: bytes, out: bytearray, kind: int, at: int) -> IpPlace | None:
        """What an EtherType names at a place."""
        if kind == _BRIDGED:
            return self._ethernet(frame, out, at)
        found = self._at(frame, at)
        return found if found is not None and _IP.get(kind) == found.version else None

    def _segment(self, frame: bytes, out: bytearray, place: IpPlace, tcp: int, payload: tuple[int, int]) -> bool:
        """Writes a TCP header with a right checksum."""
        at, size = payload
        if at != tcp + (frame[tcp + 12] >> 4) * 4 if len(frame) > tcp + 12 else True:
            # It is cut within its header, or the payload is of another.
            return self._cut(frame, out, tcp, at, size, self._sources(frame, place))
        out[tcp : tcp + 20] = frame[tcp : tcp + 20]
        out[tcp + 12] = frame[tcp + 12] & 0xF1  # reserved bits are zero
        ack = int.from_bytes(frame[tcp + 8 : tcp + 12], "big")
        out[tcp + 20 : at] = self._options(frame[tcp + 20 : at], ack, self._sources(frame, place))
        out[tcp + 16 : tcp + 18] = b"\0\0"
        # Bytes that were not captured count as zeros.
        wire = self._wire(frame, place, tcp, at + size)
        pseudo = self._pseudo(out, place, wire, _TCP)
        total = checksum(ones_sum(pseudo), ones_sum(bytes(out[tcp : at + size])))
        out[tcp + 16 : tcp + 18] = total.to_bytes(2, "big")
        return True

    @staticmethod
    def _pseudo(out: bytearray, place: IpPlace, wire: int, protocol: int) -> bytes:
        """What a checksum counts beside the segment (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
        begin, end = (12, 20) if place.version == 4 else (8, 40)
        addresses = bytes(out[place.at + begin : place.at + end])
        return addresses + wire.to_bytes(4, "big") + bytes([0, 0, 0, protocol])

    @staticmethod
    def _sources(frame: bytes, place: IpPlace) -> tuple[bytes, bytes]:
        at = place.at
        if place.version == 4:
            return frame[at + 12 : at + 16], frame[at + 16 : at + 20]
        return frame[at + 8 : at + 24], frame[at + 24 : at + 40]

    def _options(self, raw: bytes, ack: int, ends: tuple[bytes, bytes]) -> bytes:
        """TCP options. Time stamps say how long a host has been up: each host's move by a number of its own."""
        found = tcp_options(raw, ack)
        stamps = found.find(_STAMPS)
        if stamps < 0 or stamps + 10 > len(found):
            return found
        out = bytearray(found)
        for start, end in zip((stamps + 2, stamps + 6), ends, strict=True):
            number = int.from_bytes(out[start : start + 4], "big")
            if number:
                moved = (number + self._addresses.offset(end)) & 0xFFFF_FFFF
                out[start : start + 4] = moved.to_bytes(4, "big")
        return bytes(out)

    def _cut(self, frame: bytes, out: bytearray, tcp: int, at: int, size: int, ends: tuple[bytes, bytes]) -> bool:
        """A TCP header of which only the first fields were captured: no payload was."""
        if size or at < len(frame) or len(frame) < tcp + 14:
            return False
        fixed = frame[tcp : tcp + 20]
        out[tcp : tcp + len(fixed)] = fixed
        if len(fixed) > 12:
            out[tcp + 12] = fixed[12] & 0xF1
        options = self._options(frame[tcp + 20 :], int.from_bytes(fixed[8:12], "big"), ends)
        out[tcp + 20 : len(frame)] = options
        return True

    @staticmethod
    def _wire(frame: bytes, place: IpPlace, tcp: int, end: int) -> int:
        """Bytes of the segment on the wire, as IP has them."""
        at = place.at
        if place.version == 4:
            total = int.from_bytes(frame[at + 2 : at + 4], "big")
            return at + total - tcp if total else end - tcp
        return int.from_bytes(frame[at + 4 : at + 6], "big") or end - tcp


def tcp_options(raw: bytes, ack: int) -> bytes:
    """Options as they are where they say nothing of anybody; in the place of all others stands "no operation"."""
    out = bytearray(len(raw))
    copy_options(raw, 0, len(raw), out, 0, ack)
    return bytes(out)
