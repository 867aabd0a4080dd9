"""The path for nearly all frames: one loop over a batch, from the link header to the TCP payload.

No byte is read that is not the frame's own. What is not plain (tunnels but VXLAN, fragments, extension headers, cut or
senseless fields) is left to the slow path, row by row.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from analyzer.batches import FrameBatch, SegmentBatch, TagKind, zeros
from analyzer.net.link.linktypes import (
    ETHERTYPES,
    IPV4_PROTOCOLS,
    IPV6_PROTOCOLS,
    LENGTH_MAX,
    LINK_TYPES,
    NULL_FAMILIES,
    UDP_BOTH_PORTS,
    UDP_PORTS,
    HeaderType,
)
from analyzer.net.link.unfollowed import QUIET_ETHERTYPES, Kind, Unfollowed

# What becomes of a frame: codes of the lookup tables below, and what `PlainPath.walk` says.
_REJECT: Final = 0
_SLOW: Final = 1
_IPV4: Final = 2
_IPV6: Final = 3
_VLAN: Final = 4
_TCP: Final = 5
_UDP: Final = 6
_VXLAN: Final = 7
# Link headers.
_ETHERNET: Final = 8
_SLL: Final = 9
_SLL2: Final = 10
_NULL: Final = 11
_RAW_IP: Final = 12
_UNKNOWN: Final = 13

# Tags taken off here; a frame with more of them is left to the slow path.
_MAX_TAGS: Final = 2
# Of a TCP header up to the window: the rest of the fixed part is of no use here, and may be cut.
_TCP_HEADER: Final = 16

_CODES: Final[Mapping[HeaderType, int]] = {
    HeaderType.IPV4: _IPV4,
    HeaderType.IPV6: _IPV6,
    HeaderType.VLAN: _VLAN,
    HeaderType.TCP: _TCP,
    HeaderType.UDP: _UDP,
    HeaderType.VXLAN: _VXLAN,
}
_LINKS: Final[Mapping[HeaderType, int]] = {
    HeaderType.ETHERNET: _ETHERNET,
    HeaderType.SLL: _SLL,
    HeaderType.SLL2: _SLL2,
    HeaderType.NULL: _NULL,
    HeaderType.RAW_IP: _RAW_IP,
    HeaderType.IPV4: _IPV4,
    HeaderType.IPV6: _IPV6,
}
# What `PlainPath.reason` is an index of.
_KINDS: Final = (Kind.ETHERTYPE, Kind.ADDRESS_FAMILY, Kind.IP_PROTOCOL, Kind.UDP_PORT)
_BY_ETHERTYPE: Final = 0
_BY_FAMILY: Final = 1
_BY_PROTOCOL: Final = 2
_BY_PORT: Final = 3
# Labels without their numbers, as a tag holds them.
_VLAN_LABEL: Final = int(TagKind.VLAN) << 28
_VNI_LABEL: Final = int(TagKind.VNI) << 28
_INTERFACE_LABEL: Final = int(TagKind.INTERFACE) << 28
_HALF: Final = 0xFFFF_FFFF

# Columns of SegmentBatch.
_FORMS: Final = {
    **dict.fromkeys(("frame", "timestamp_ns", "offset", "length", "missing"), "q"),
    **dict.fromkeys(("src_hi", "src_lo", "dst_hi", "dst_lo", "tag"), "Q"),
    **dict.fromkeys(("seq", "ack"), "I"),
    **dict.fromkeys(("sport", "dport", "window"), "H"),
    **dict.fromkeys(("ip_version", "flags"), "B"),
}
_NOTHING: Final = memoryview(array("i"))
_NO_BYTES: Final = memoryview(b"")


class Rest(Protocol):
    """Takes what is not plain, frame by frame."""

    def unknown(self, link_type: int) -> None:
        """A frame of a link type that nobody can read."""

    def empty(self) -> None:
        """A frame of no bytes."""

    def unfollowed(self, what: Unfollowed) -> None:
        """A frame without TCP."""

    def slow(self, row: int) -> None:
        """A frame that is to be read header by header; its segment is written where it has one."""


def _table(layers: Mapping[int, HeaderType], size: int, unknown: int = _REJECT) -> bytearray:
    """Codes by number: layers that only the slow path reads are _SLOW."""
    table = bytearray([unknown]) * size
    for number, layer in layers.items():
        table[number] = _CODES.get(layer, _SLOW)
    return table


def _protocols(layers: Mapping[int, HeaderType]) -> bytearray:
    """Codes of IP protocols; packets in packets are tunnels."""
    table = _table(layers, 0x100)
    return bytearray(_SLOW if code in (_IPV4, _IPV6) else code for code in table)


class SegmentColumns:
    """Columns that segments are written to, one after the other: `columns`, of which `count` are there."""

    __slots__ = (
        "ack",
        "columns",
        "count",
        "dport",
        "dst_hi",
        "dst_lo",
        "flags",
        "frame",
        "ip_version",
        "length",
        "missing",
        "offset",
        "seq",
        "sport",
        "src_hi",
        "src_lo",
        "tag",
        "time_ns",
        "window",
    )

    def __init__(self, size: int) -> None:
        self.columns = columns = {name: zeros(form, size) for name, form in _FORMS.items()}
        self.count = 0
        self.frame, self.time_ns = columns["frame"], columns["timestamp_ns"]
        self.ip_version = columns["ip_version"]
        self.src_hi, self.src_lo = columns["src_hi"], columns["src_lo"]
        self.dst_hi, self.dst_lo = columns["dst_hi"], columns["dst_lo"]
        self.sport, self.dport = columns["sport"], columns["dport"]
        self.seq, self.ack = columns["seq"], columns["ack"]
        self.flags, self.window = columns["flags"], columns["window"]
        self.offset, self.length, self.missing = columns["offset"], columns["length"], columns["missing"]
        self.tag = columns["tag"]

    def put(self, segment: Sequence[int], source: bytes, destination: bytes, version: int, tag: int) -> None:
        """Writes one of the slow path: ports, numbers, flags, window, payload as in SegmentBatch; addresses of 16
        bytes."""
        count = self.count
        sport, dport, seq, ack, flags, window, offset, length, missing = segment
        self.ip_version[count], self.tag[count] = version, tag
        self.src_hi[count] = int.from_bytes(source[:8], "big")
        self.src_lo[count] = int.from_bytes(source[8:], "big")
        self.dst_hi[count] = int.from_bytes(destination[:8], "big")
        self.dst_lo[count] = int.from_bytes(destination[8:], "big")
        self.sport[count], self.dport[count], self.seq[count], self.ack[count] = sport, dport, seq, ack
        self.flags[count], self.window[count] = flags, window
        self.offset[count], self.length[count], self.missing[count] = offset, length, missing
        self.count = count + 1

    def place(self, frame: int, time_ns: int, interface: int) -> None:
        """Says where the last segment is from; its interface is the outermost label, where there is room for one."""
        last = self.count - 1
        self.frame[last], self.time_ns[last] = frame, time_ns
        tag = self.tag[last]
        if interface and not tag >> 32:
            label = _INTERFACE_LABEL | interface
            # Without another label it is the only one, and so in the low half.
            self.tag[last] = tag | label << 32 if tag else label

    def batch(self, data: bytes | bytearray | memoryview) -> SegmentBatch:
        """The segments that are there."""
        return SegmentBatch(data, **{name: column[: self.count] for name, column in self.columns.items()})


class PlainPath:
    """Lookup tables made from the literal ones, and the loop that uses them. Keeps nothing between batches.

    `reason` and `number` say why a frame that was walked has no TCP.
    """

    def __init__(self) -> None:
        # What is not known may be a switch's tag, which the slow path looks at.
        ethertypes = _table({}, 0x10000, _SLOW)
        for number in QUIET_ETHERTYPES:
            ethertypes[number] = _REJECT
        for number, layer in ETHERTYPES.items():
            ethertypes[number] = _CODES.get(layer, _SLOW)
        ethertypes[: LENGTH_MAX + 1] = bytes([_SLOW]) * (LENGTH_MAX + 1)
        self._ethertypes = memoryview(ethertypes)
        self._ipv4_protocols = memoryview(_protocols(IPV4_PROTOCOLS))
        self._ipv6_protocols = memoryview(_protocols(IPV6_PROTOCOLS))
        self._null_families = memoryview(_table(NULL_FAMILIES, 0x100))
        self._ports = memoryview(_table(UDP_PORTS, 0x10000))
        self._source_ports = memoryview(_table(UDP_BOTH_PORTS, 0x10000))
        self._data = _NO_BYTES  # of the batch, while it is walked
        self.reason = 0
        self.number = 0

    def walk(self, batch: FrameBatch, out: SegmentColumns, rest: Rest) -> None:
        """Writes the segments of a batch; `rest` takes the frames that hold none, and what this path leaves over."""
        interface = batch.find("interface")
        self._data = memoryview(batch.data)
        self._frames(
            out,
            rest,
            batch.column("number"),
            batch.column("timestamp_ns"),
            batch.column("link_type"),
            batch.column("offset"),
            batch.column("captured"),
            batch.column("original"),
            interface is not None,
            _NOTHING if interface is None else interface,
        )
        self._data = _NO_BYTES

    def _frames(
        self,
        out: SegmentColumns,
        rest: Rest,
        number: memoryview,
        time_ns: memoryview,
        link_type: memoryview,
        offset: memoryview,
        captured: memoryview,
        original: memoryview,
        labelled: bool,
        interface: memoryview,
    ) -> None:
        last, link = -1, _SLOW
        for row in range(len(number)):
            if link_type[row] != last:
                last = link_type[row]
                link = _LINKS.get(LINK_TYPES[last], _SLOW) if last in LINK_TYPES else _UNKNOWN
            if link == _UNKNOWN:
                rest.unknown(last)
                continue
            # Zeros that compress to nothing make millions of empty frames.
            if not captured[row]:
                rest.empty()
                continue
            at, count = offset[row], out.count
            found = self._link(out, link, at, at + captured[row], at + original[row])
            if found == _SLOW:
                rest.slow(row)
            elif found == _REJECT:
                rest.unfollowed(Unfollowed(_KINDS[self.reason], self.number))
            if out.count > count:
                out.place(number[row], time_ns[row], interface[row] if labelled else 0)

    def _rejected(self, reason: int, number: int) -> int:
        self.reason, self.number = reason, number
        return _REJECT

    def _link(self, out: SegmentColumns, link: int, at: int, end: int, wire: int) -> int:
        """From the link header on: _TCP where the segment was written, _SLOW, or _REJECT."""
        if link == _ETHERNET:
            return self._ethernet(out, at + 12, at + 14, end, wire, 0, False)
        if link == _SLL:
            return self._ethernet(out, at + 14, at + 16, end, wire, 0, False)
        if link == _SLL2:
            return self._ethernet(out, at, at + 20, end, wire, 0, False)
        if link == _NULL:
            if end - at < 4:
                return _SLOW
            family = self._be32(at)
            # Either byte order; 0, which no row of the table has, for what is no small number in any.
            if not family & 0xFF_FFFF:
                family >>= 24
            code = self._null_families[family if family < 0x100 else 0]
            if code == _REJECT:
                return self._rejected(_BY_FAMILY, family)
            return self._ip(out, code, at + 4, end, wire, 0, False)
        if link == _RAW_IP:
            if end - at < 1:
                return _SLOW
            version = self._data[at] >> 4
            link = _IPV4 if version == 4 else _IPV6 if version == 6 else _SLOW
        return self._ip(out, link, at, end, wire, 0, False)

    def _ethernet(
        self,
        out: SegmentColumns,
        type_at: int,
        at: int,
        end: int,
        wire: int,
        tag: int,
        inner: bool,
    ) -> int:
        """Past a link header that ends before `at`, with an EtherType in it; VLAN tags are taken off."""
        if at > end:
            return _SLOW
        ethertype = self._be16(type_at)
        code = self._ethertypes[ethertype]
        for _ in range(_MAX_TAGS):
            if code != _VLAN:
                break
            if end - at < 4:
                return _SLOW
            vlan = (self._data[at] & 0x0F) << 8 | self._data[at + 1]
            if vlan:
                tag = (tag & _HALF) << 32 | _VLAN_LABEL | vlan
            ethertype = self._be16(at + 2)
            code = self._ethertypes[ethertype]
            at += 4
        if code == _REJECT:
            return self._rejected(_BY_ETHERTYPE, ethertype)
        return self._ip(out, code, at, end, wire, tag, inner)

    def _ip(
        self,
        out: SegmentColumns,
        code: int,
        at: int,
        end: int,
        wire: int,
        tag: int,
        inner: bool,
    ) -> int:
        """An IP header, version 4 or 6 as `code` says, and what it holds."""
        if code == _IPV4:
            if end - at < 20:
                return _SLOW
            size = (self._data[at] & 0x0F) * 4
            total = self._be16(at + 2)
            if total == 0:
                total = wire - at
            protocol = self._data[at + 9]
            code = self._ipv4_protocols[protocol]
            if self._data[at] >> 4 != 4 or size < 20 or total < size:
                return _SLOW
            if code != _REJECT and (self._data[at + 6] & 0x3F or self._data[at + 7]):
                return _SLOW
            wire = at + total
        elif code == _IPV6:
            if end - at < 40:
                return _SLOW
            size = 40
            payload = self._be16(at + 4)
            protocol = self._data[at + 6]
            code = self._ipv6_protocols[protocol]
            if payload:
                wire = at + 40 + payload
            if self._data[at] >> 4 != 6 or wire < at + 40:
                return _SLOW
        else:
            return _SLOW
        if code == _REJECT:
            return self._rejected(_BY_PROTOCOL, protocol)
        header = at
        at += size
        end = min(end, wire)
        if code == _UDP:
            return self._udp(out, at, end, wire, tag, inner)
        if code != _TCP or end - at < _TCP_HEADER:
            return _SLOW
        count = out.count
        if size == 40 and self._data[header] >> 4 == 6:
            out.ip_version[count] = 6
            out.src_hi[count] = self._be32(header + 8) << 32 | self._be32(header + 12)
            out.src_lo[count] = self._be32(header + 16) << 32 | self._be32(header + 20)
            out.dst_hi[count] = self._be32(header + 24) << 32 | self._be32(header + 28)
            out.dst_lo[count] = self._be32(header + 32) << 32 | self._be32(header + 36)
        else:
            out.ip_version[count] = 4
            out.src_hi[count] = out.dst_hi[count] = 0
            out.src_lo[count] = self._be32(header + 12)
            out.dst_lo[count] = self._be32(header + 16)
        return self._tcp(out, at, end, wire, tag)

    def _udp(self, out: SegmentColumns, at: int, end: int, wire: int, tag: int, inner: bool) -> int:
        """VXLAN is opened here, because mirrored traffic of clouds is nothing else; other tunnels are for the slow
        path, and what is no tunnel is of no use."""
        if end - at < 8:
            return _SLOW
        sport = self._be16(at)
        dport = self._be16(at + 2)
        code = self._ports[dport]
        if code == _REJECT:
            code = self._source_ports[sport]
        if code == _REJECT:
            return self._rejected(_BY_PORT, min(sport, dport))
        # Of tunnels in tunnels the slow path takes care.
        if code != _VXLAN or inner or end - at < 16 or not self._data[at + 8] & 0x08:
            return _SLOW
        length = self._be16(at + 4)
        if length:
            wire = min(wire, at + length)
        # Of the network identifier the last byte is reserved.
        tag = (tag & _HALF) << 32 | _VNI_LABEL | self._be32(at + 12) >> 8
        return self._ethernet(out, at + 28, at + 30, min(end, wire), wire, tag, True)

    def _tcp(self, out: SegmentColumns, at: int, end: int, wire: int, tag: int) -> int:
        """Writes the segment, of which the addresses are written."""
        size = (self._data[at + 12] >> 4) * 4
        if size < 20 or size > wire - at:
            return _SLOW
        count = out.count
        begin = at + size
        offset = min(begin, end)
        out.sport[count] = self._be16(at)
        out.dport[count] = self._be16(at + 2)
        out.seq[count] = self._be32(at + 4)
        out.ack[count] = self._be32(at + 8)
        out.flags[count] = self._data[at + 13]
        out.window[count] = self._be16(at + 14)
        out.offset[count] = offset
        out.length[count] = end - offset
        out.missing[count] = wire - begin - (end - offset)
        out.tag[count] = tag
        out.count = count + 1
        return _TCP

    def _be16(self, at: int) -> int:
        """Two bytes, the highest first."""
        return self._data[at] << 8 | self._data[at + 1]

    def _be32(self, at: int) -> int:
        """Four bytes, the highest first."""
        high = self._data[at]
        return high << 24 | self._data[at + 1] << 16 | self._data[at + 2] << 8 | self._data[at + 3]
