"""Headers in front of a TCP payload, rewritten in their place: addresses go, lengths and numbers stay.

Known are Ethernet with VLAN tags, Linux cooked captures, loopback and raw IP, with IPv4 or IPv6 without extension
headers behind them. A frame of any other form is given up: whoever writes it makes one anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.net.link.linktypes import LINK_TYPES, HeaderType
from analyzer.sharing.frames import checksum, ones_sum
from analyzer.sharing.redaction.addresses import AddressMap
from analyzer.sharing.redaction.envelopes import Envelope, copy_options

_TCP: Final = 6
_VLANS: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
_IP: Final = {0x0800: 4, 0x86DD: 6}
_MOST_TAGS: Final = 4
_NOP: Final = 1
_STAMPS: Final = b"\x08\x0a"
_LOOPBACKS: Final = frozenset({HeaderType.NULL})


class IpPlace(NamedTuple):
    """Where an IP header stands, and what it is."""

    at: int
    version: int


class HeaderRedactor:
    """Rewrites headers. `keep`: addresses stay."""

    def __init__(self, addresses: AddressMap, keep: bool) -> None:
        self._addresses = addresses
        self._keep = keep

    def rewrite(self, frame: bytes, link_type: int, at: int, payload: bytes) -> bytes | None:
        """The frame with another payload of the same length from `at` on, and nothing of what was behind it.

        None where its headers are of a form that is not known.
        """
        out = bytearray(len(frame))
        place = self._link(frame, out, link_type)
        if place is None or at + len(payload) > len(frame):
            return None
        out[at : at + len(payload)] = payload
        return bytes(out) if self._network(frame, out, place, at, len(payload)) else None

    def envelope(self, frame: bytes, link_type: int) -> Envelope | None:
        """What is around the payload of this frame and of others of its sender; None where it is not plain."""
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
        if layer == HeaderType.ETHERNET and len(frame) >= 14:
            out[:12] = self._mac(frame[:6]) + self._mac(frame[6:12])
            return self._tags(frame, out, 12)
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

    def _address(self, raw: bytes) -> bytes:
        return raw if self._keep else self._addresses.packed(raw)

    def _network(self, frame: bytes, out: bytearray, place: IpPlace, at: int, size: int) -> bool:
        ip = place.at
        header = self._ip(frame, out, place)
        if header is None or frame[ip + (9 if place.version == 4 else 6)] != _TCP:
            return False
        tcp = ip + header
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
        addresses = out[ip + 12 : ip + 20] if place.version == 4 else out[ip + 8 : ip + 40]
        pseudo = bytes(addresses) + wire.to_bytes(4, "big") + bytes([0, 0, 0, _TCP])
        total = checksum(ones_sum(pseudo), ones_sum(bytes(out[tcp : at + size])))
        out[tcp + 16 : tcp + 18] = total.to_bytes(2, "big")
        return True

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
