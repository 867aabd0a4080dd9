"""The path for nearly all frames: whole batches at once, one NumPy gather for each header.

A header is gathered only for rows whose captured bytes hold all of it, so that no byte of a neighbour is read. What
is not plain (tunnels, fragments, extension headers, cut or senseless fields) is left to the slow path, row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I64, TAG_BITS, U8, U16, U32, U64, FrameBatch, TagKind
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

Mask = NDArray[np.bool_]

# What becomes of a row: codes of the lookup tables below.
_REJECT: Final = 0
_SLOW: Final = 1
_IPV4: Final = 2
_IPV6: Final = 3
_VLAN: Final = 4
_TCP: Final = 5
_UDP: Final = 6
_VXLAN: Final = 7

# Tags taken off here; a frame with more of them is left to the slow path.
_MAX_TAGS: Final = 2

_CODES: Final[Mapping[HeaderType, int]] = {
    HeaderType.IPV4: _IPV4,
    HeaderType.IPV6: _IPV6,
    HeaderType.VLAN: _VLAN,
    HeaderType.TCP: _TCP,
    HeaderType.UDP: _UDP,
    HeaderType.VXLAN: _VXLAN,
}

_IPV4_HEADER: Final = np.dtype(
    {
        "names": ["version_length", "total", "fragment", "protocol", "src", "dst"],
        "formats": ["u1", ">u2", ">u2", "u1", ">u4", ">u4"],
        "offsets": [0, 2, 6, 9, 12, 16],
        "itemsize": 20,
    }
)
_IPV6_HEADER: Final = np.dtype(
    {
        "names": ["version", "payload", "next", "src_hi", "src_lo", "dst_hi", "dst_lo"],
        "formats": ["u1", ">u2", "u1", ">u8", ">u8", ">u8", ">u8"],
        "offsets": [0, 4, 6, 8, 16, 24, 32],
        "itemsize": 40,
    }
)
# Up to the window: the rest of the fixed header is of no use here, and may be cut.
_TCP_HEADER: Final = np.dtype(
    {
        "names": ["sport", "dport", "seq", "ack", "offset", "flags", "window"],
        "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1", ">u2"],
        "offsets": [0, 2, 4, 8, 12, 13, 14],
        "itemsize": 16,
    }
)


@dataclass(slots=True)
class SegmentColumns:
    """Segments in columns, as in SegmentBatch, with `row` (index into the frame batch) for the frame."""

    row: I64
    ip_version: U8
    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    sport: U16
    dport: U16
    seq: U32
    ack: U32
    flags: U8
    window: U16
    offset: I64
    length: I64
    missing: I64
    tag: U64


# With the VXLAN header behind it; of its network identifier the last byte is reserved.
_UDP_HEADER: Final = np.dtype(
    {
        "names": ["dport", "length", "vxlan_flags", "vni"],
        "formats": [">u2", ">u2", "u1", ">u4"],
        "offsets": [2, 4, 8, 12],
        "itemsize": 16,
    }
)


@dataclass(slots=True)
class _Rows:
    """Frames on their way through the headers: `at` is where the next one begins, `end` and `wire` where the captured
    bytes and those on the wire stop. `inner` once a tunnel was opened: of tunnels in tunnels the slow path takes care.
    `tag` as in SegmentBatch, None where no row has one.
    """

    row: I64
    at: I64
    end: I64
    wire: I64
    inner: bool = False
    tag: U64 | None = None

    def __len__(self) -> int:
        return len(self.row)

    def where(self, mask: Mask) -> _Rows:
        tag = None if self.tag is None else self.tag[mask]
        return _Rows(self.row[mask], self.at[mask], self.end[mask], self.wire[mask], self.inner, tag)

    def label(self, index: I64, kind: TagKind, numbers: I64) -> None:
        """One more label for the rows of `index`, each with its number."""
        if self.tag is None:
            self.tag = np.zeros(len(self.row), np.uint64)
        label = numbers.astype(np.uint64) | np.uint64(kind << 28)
        self.tag[index] = self.tag[index] << np.uint64(TAG_BITS) | label


def _gather(data: bytes | bytearray | memoryview, at: I64, dtype: np.dtype[Any]) -> NDArray[Any]:
    """One `dtype` at each byte position of `at`, shape (len(at),); all of them have to lie inside the data."""
    size = dtype.itemsize
    if not len(at):
        return np.empty(0, dtype)
    # As opaque bytes: NumPy copies these in one piece, and structures field by field.
    everywhere: NDArray[Any] = np.ndarray((len(data) - size + 1,), f"V{size}", data, 0, (1,))
    return everywhere[at].view(dtype)


def _table(layers: Mapping[int, HeaderType], size: int) -> U8:
    """Codes by number, shape (size,): layers that only the slow path reads are _SLOW, unknown numbers _REJECT."""
    table = np.full(size, _REJECT, np.uint8)
    for number, layer in layers.items():
        table[number] = _CODES.get(layer, _SLOW)
    return table


@dataclass(slots=True)
class Sorted:
    """What became of a batch: segments in no order, rows for the slow path in no order, counts of what has no TCP."""

    data: bytes | bytearray | memoryview
    parts: list[SegmentColumns] = field(default_factory=list)
    slow: list[I64] = field(default_factory=list)
    unfollowed: dict[Unfollowed, int] = field(default_factory=dict)

    def split(self, rows: _Rows, code: U8, kind: Kind, numbers: NDArray[Any]) -> None:
        """Put away the rows whose code is _SLOW or _REJECT; the latter are counted by their number of that kind."""
        self.defer(rows, code == _SLOW)
        rejected = code == _REJECT
        if rejected.any():
            found, counts = np.unique(numbers[rejected], return_counts=True)
            for number, count in zip(found.tolist(), counts.tolist(), strict=True):
                what = Unfollowed(kind, number)
                self.unfollowed[what] = self.unfollowed.get(what, 0) + count

    def defer(self, rows: _Rows, mask: Mask) -> None:
        """Leave the masked rows to the slow path."""
        if mask.any():
            self.slow.append(rows.row[mask])

    def holding(self, rows: _Rows, size: int) -> _Rows:
        """The rows with `size` captured bytes to read; the others are deferred."""
        short = rows.end - rows.at < size
        if not short.any():
            return rows
        self.defer(rows, short)
        return rows.where(~short)


class FastPath:
    """Lookup tables made from the literal ones, and the gathers that use them. Keeps nothing between batches."""

    def __init__(self) -> None:
        # What is not known may be a switch's tag, which the slow path looks at.
        self._ethertypes = np.full(0x10000, _SLOW, np.uint8)
        self._ethertypes[sorted(QUIET_ETHERTYPES)] = _REJECT
        for number, layer in ETHERTYPES.items():
            self._ethertypes[number] = _CODES.get(layer, _SLOW)
        self._ethertypes[: LENGTH_MAX + 1] = _SLOW
        self._ipv4_protocols = _table(IPV4_PROTOCOLS, 0x100)
        self._ipv6_protocols = _table(IPV6_PROTOCOLS, 0x100)
        for table in (self._ipv4_protocols, self._ipv6_protocols):
            table[(table == _IPV4) | (table == _IPV6)] = _SLOW  # tunnels
        self._null_families = _table(NULL_FAMILIES, 0x100)
        self._ports = _table(UDP_PORTS, 0x10000)
        self._source_ports = _table(UDP_BOTH_PORTS, 0x10000)

    def decode(self, batch: FrameBatch, known: Mapping[int, I64]) -> Sorted:
        """Sort the rows of `known` (by link type, all of them in LINK_TYPES)."""
        out = Sorted(batch.data)
        for link_type, row in known.items():
            at = batch.offset[row]
            rows = _Rows(row, at, at + batch.captured[row], at + batch.original[row])
            self._link(out, LINK_TYPES[link_type], rows)
        return out

    def _link(self, out: Sorted, layer: HeaderType, rows: _Rows) -> None:
        """Past the link header: every row with its code, then to IP."""
        if layer is HeaderType.ETHERNET:
            self._ethertype(out, out.holding(rows, 14), 12, 14)
        elif layer is HeaderType.SLL:
            self._ethertype(out, out.holding(rows, 16), 14, 16)
        elif layer is HeaderType.SLL2:
            self._ethertype(out, out.holding(rows, 20), 0, 20)
        elif layer is HeaderType.NULL:
            rows = out.holding(rows, 4)
            family = _gather(out.data, rows.at, np.dtype(">u4")).astype(np.uint32)
            # Either byte order; 0, which no row of the table has, for what is no small number in any.
            family = np.where(family & 0xFFFFFF, family, family >> 24)
            code = self._null_families[np.where(family < 0x100, family, 0)]
            rows.at = rows.at + 4
            self._ip(out, rows, code, Kind.ADDRESS_FAMILY, family)
        elif layer is HeaderType.RAW_IP:
            rows = out.holding(rows, 1)
            version = _gather(out.data, rows.at, np.dtype("u1")) >> 4
            code = np.where(version == 4, _IPV4, np.where(version == 6, _IPV6, _SLOW)).astype(np.uint8)
            self._ip(out, rows, code, Kind.ETHERTYPE, version)
        elif layer in (HeaderType.IPV4, HeaderType.IPV6):
            code = np.full(len(rows), _CODES[layer], np.uint8)
            self._ip(out, rows, code, Kind.ETHERTYPE, code)
        else:
            out.defer(rows, np.ones(len(rows), np.bool_))

    def _ethertype(self, out: Sorted, rows: _Rows, type_at: int, size: int) -> None:
        """A link header of `size` bytes with an EtherType in it; VLAN tags are taken off."""
        ethertype = _gather(out.data, rows.at + type_at, np.dtype(">u2"))
        code = self._ethertypes[ethertype]
        rows.at = rows.at + size
        for _ in range(_MAX_TAGS):
            tagged = np.flatnonzero(code == _VLAN)
            if not len(tagged):
                break
            whole = rows.end[tagged] - rows.at[tagged] >= 4
            code[tagged[~whole]] = _SLOW
            tagged = tagged[whole]
            tags = _gather(out.data, rows.at[tagged], np.dtype(">u4")).astype(np.int64)
            vlan = tags >> 16 & 0x0FFF
            rows.label(tagged[vlan != 0], TagKind.VLAN, vlan[vlan != 0])
            ethertype[tagged] = tags & 0xFFFF
            code[tagged] = self._ethertypes[ethertype[tagged]]
            rows.at[tagged] += 4
        code[code == _VLAN] = _SLOW
        self._ip(out, rows, code, Kind.ETHERTYPE, ethertype)

    def _ip(self, out: Sorted, rows: _Rows, code: U8, kind: Kind, numbers: NDArray[Any]) -> None:
        out.split(rows, code, kind, numbers)
        for wanted, read in ((_IPV4, self._ipv4), (_IPV6, self._ipv6)):
            mask = code == wanted
            if mask.any():
                read(out, rows.where(mask))

    def _ipv4(self, out: Sorted, rows: _Rows) -> None:
        rows = out.holding(rows, 20)
        header = _gather(out.data, rows.at, _IPV4_HEADER)
        version_length = header["version_length"]
        length = (version_length & 0x0F).astype(np.int64) * 4
        total = header["total"].astype(np.int64)
        total = np.where(total == 0, rows.wire - rows.at, total)
        code = self._ipv4_protocols[header["protocol"]]
        code[(code != _REJECT) & (header["fragment"] & 0x3FFF != 0)] = _SLOW
        code[(version_length >> 4 != 4) | (length < 20) | (total < length)] = _SLOW
        out.split(rows, code, Kind.IP_PROTOCOL, header["protocol"])
        wire = rows.at + total
        upper = _Rows(rows.row, rows.at + length, np.minimum(rows.end, wire), wire, rows.inner, rows.tag)
        self._udp(out, upper.where(code == _UDP))
        is_tcp = code == _TCP
        zeros = np.zeros(np.count_nonzero(is_tcp), np.uint64)
        src, dst = (header[name][is_tcp].astype(np.uint64) for name in ("src", "dst"))
        self._tcp(out, upper.where(is_tcp), 4, [zeros, src, zeros, dst])

    def _ipv6(self, out: Sorted, rows: _Rows) -> None:
        rows = out.holding(rows, 40)
        header = _gather(out.data, rows.at, _IPV6_HEADER)
        payload = header["payload"].astype(np.int64)
        at = rows.at + 40
        wire = np.where(payload == 0, rows.wire, at + payload)
        code = self._ipv6_protocols[header["next"]]
        code[(header["version"] >> 4 != 6) | (wire < at)] = _SLOW
        out.split(rows, code, Kind.IP_PROTOCOL, header["next"])
        upper = _Rows(rows.row, at, np.minimum(rows.end, wire), wire, rows.inner, rows.tag)
        self._udp(out, upper.where(code == _UDP))
        is_tcp = code == _TCP
        names = ("src_hi", "src_lo", "dst_hi", "dst_lo")
        self._tcp(out, upper.where(is_tcp), 6, [header[name][is_tcp].astype(np.uint64) for name in names])

    def _udp(self, out: Sorted, rows: _Rows) -> None:
        """VXLAN is opened here, because mirrored traffic of clouds is nothing else; other tunnels are for the slow
        path, and what is no tunnel is of no use."""
        rows = out.holding(rows, 8)
        ports = _gather(out.data, rows.at, np.dtype(">u4")).astype(np.int64)
        sport, dport = ports >> 16, ports & 0xFFFF
        code = self._ports[dport]
        code = np.where(code == _REJECT, self._source_ports[sport], code)
        out.split(rows, code, Kind.UDP_PORT, np.minimum(sport, dport))
        rows = rows.where(code == _VXLAN)
        if not len(rows):
            return
        if rows.inner:
            out.defer(rows, np.ones(len(rows), np.bool_))
            return
        rows = out.holding(rows, _UDP_HEADER.itemsize)
        header = _gather(out.data, rows.at, _UDP_HEADER)
        length = header["length"].astype(np.int64)
        wire = np.where(length == 0, rows.wire, np.minimum(rows.wire, rows.at + length))
        code = np.where(header["vxlan_flags"] & 0x08, _VXLAN, _SLOW).astype(np.uint8)
        out.defer(rows, code == _SLOW)
        frame = _Rows(rows.row, rows.at + 16, np.minimum(rows.end, wire), wire, True, rows.tag)
        frame.label(np.arange(len(rows)), TagKind.VNI, header["vni"].astype(np.int64) >> 8)
        self._ethertype(out, out.holding(frame.where(code == _VXLAN), 14), 12, 14)

    def _tcp(self, out: Sorted, rows: _Rows, version: int, addresses: list[U64]) -> None:
        """`addresses`: the four halves, each of shape (len(rows),)."""
        short = rows.end - rows.at < _TCP_HEADER.itemsize
        if short.any():
            out.defer(rows, short)
            rows = rows.where(~short)
            addresses = [half[~short] for half in addresses]
        header = _gather(out.data, rows.at, _TCP_HEADER)
        size = (header["offset"] >> 4).astype(np.int64) * 4
        bad = (size < 20) | (size > rows.wire - rows.at)
        if bad.any():
            out.defer(rows, bad)
            rows, header, size = rows.where(~bad), header[~bad], size[~bad]
            addresses = [half[~bad] for half in addresses]
        src_hi, src_lo, dst_hi, dst_lo = addresses
        begin = rows.at + size
        offset = np.minimum(begin, rows.end)
        length = rows.end - offset
        out.parts.append(
            SegmentColumns(
                rows.row,
                np.full(len(rows), version, np.uint8),
                src_hi,
                src_lo,
                dst_hi,
                dst_lo,
                header["sport"].astype(np.uint16),
                header["dport"].astype(np.uint16),
                header["seq"].astype(np.uint32),
                header["ack"].astype(np.uint32),
                header["flags"].copy(),
                header["window"].astype(np.uint16),
                offset,
                length,
                rows.wire - begin - length,
                np.zeros(len(rows), np.uint64) if rows.tag is None else rows.tag,
            )
        )
