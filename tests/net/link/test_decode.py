"""Each link type, tunnel and header on the way to TCP, and each way it can be cut or senseless, on both paths."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import pytest
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import GRE, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from analyzer.batches import FrameBatch
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.link.linktypes import (
    ETHERTYPES,
    IPV4_PROTOCOLS,
    IPV6_PROTOCOLS,
    LINK_TYPES,
    NULL_FAMILIES,
    PPP_PROTOCOLS,
    UDP_PORTS,
    HeaderType,
)
from analyzer.net.link.scalar import MAX_HEADERS, READERS
from tests.net.link.frames import Row, rows_of
from tests.wire.frames import Frame, batch_of, ethernet, ipv4, ipv6, tcp, udp

PAYLOAD = b"\x03SELECT 1"
OPTIONS = b"\x01\x01\x08\x0a" + bytes(8)

V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
OUTER = IP(src="192.0.2.1", dst="192.0.2.2")
T = TCP(sport=40000, dport=3306, seq=1000, ack=2000, flags="PA", window=512) / Raw(PAYLOAD)
E = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
INNER = E / V4 / T

fast_and_slow = pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])


def decode(frames: list[Frame], fast: bool = True) -> tuple[list[Row], SegmentDecoder]:
    """Without tags, which have tests of their own."""
    decoder = SegmentDecoder(fast=fast)
    rows = [row._replace(tag=0) for row in rows_of(decoder.decode(batch_of(frames)))]
    assert decoder.frames == len(frames)
    assert decoder.segments == len(rows)
    accounted = decoder.segments + decoder.not_ip_tcp + decoder.undecodable + decoder.fragment_frames
    assert accounted + sum(decoder.unknown_link_types.values()) == len(frames)
    return rows, decoder


def expected(version: int = 4, payload: bytes = PAYLOAD, missing: int = 0) -> Row:
    net = 0x0A000000 if version == 4 else 0xFD << 120
    return Row(1, 0, version, net | 1, net | 2, 40000, 3306, 1000, 2000, 0x18, 512, payload, missing)


class Case(NamedTuple):
    """A way of wrapping T, the IP version next to it, and whether the fast path has to open it."""

    name: str
    link: int
    packet: Packet
    version: int
    is_fast: bool


CASES = [
    Case("ethernet-ipv4", 1, E / V4 / T, 4, True),
    Case("ethernet-ipv6", 1, E / V6 / T, 6, True),
    Case("vlan", 1, E / Dot1Q(vlan=100) / V4 / T, 4, True),
    Case("vlan-ipv6", 1, E / Dot1Q(vlan=100) / V6 / T, 6, True),
    Case("qinq", 1, E / Dot1AD(vlan=200) / Dot1Q(vlan=100) / V4 / T, 4, True),
    Case("qinq-9100", 1, Ether(type=0x9100) / Dot1Q(vlan=1) / V4 / T, 4, True),
    Case("four-tags", 1, E / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / Dot1Q(vlan=4) / V4 / T, 4, False),
    Case(
        "llc-snap", 1, Ether(type=46) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0800) / V4 / T, 4, False
    ),
    Case("mpls", 1, E / MPLS(label=1000, s=1) / V4 / T, 4, False),
    Case("mpls-stack", 1, E / MPLS(label=1, s=0) / MPLS(label=2, s=0) / MPLS(label=3, s=1) / V6 / T, 6, False),
    Case("mpls-pseudo-wire", 1, E / MPLS(label=9, s=1) / EoMCW() / INNER, 4, False),
    Case("mpls-pseudo-wire-bare", 1, E / MPLS(label=9, s=1) / Raw(bytes(INNER)), 4, False),
    Case("pppoe", 1, E / PPPoE(sessionid=1) / PPP(proto=0x0021) / V4 / T, 4, False),
    Case("pppoe-ipv6", 1, E / PPPoE(sessionid=1) / PPP(proto=0x0057) / V6 / T, 6, False),
    Case("gre", 1, E / OUTER / GRE() / V4 / T, 4, False),
    Case("gre-ipv6", 1, E / OUTER / GRE(proto=0x86DD) / V6 / T, 6, False),
    Case("gre-all-flags", 1, E / OUTER / GRE(chksum_present=1, key_present=1, seqnum_present=1) / V4 / T, 4, False),
    Case("gre-ethernet", 1, E / OUTER / GRE(key_present=1, key=7, proto=0x6558) / INNER, 4, False),
    Case("gre-in-ipv6", 1, E / V6 / GRE() / V4 / T, 4, False),
    Case("erspan-1", 1, E / OUTER / GRE(proto=0x88BE) / Raw(bytes(INNER)), 4, False),
    Case("erspan-2", 1, E / OUTER / GRE(seqnum_present=1, proto=0x88BE) / ERSPAN_II() / INNER, 4, False),
    Case("erspan-3", 1, E / OUTER / GRE(seqnum_present=1, proto=0x22EB) / ERSPAN_III() / INNER, 4, False),
    Case(
        "erspan-3-platform",
        1,
        E / OUTER / GRE(seqnum_present=1, proto=0x22EB) / ERSPAN_III(o=1) / ERSPAN_PlatformSpecific() / INNER,
        4,
        False,
    ),
    Case("ip-in-ip", 1, E / OUTER / V4 / T, 4, False),
    Case("ipv6-in-ip", 1, E / OUTER / V6 / T, 6, False),
    Case("ip-in-ipv6", 1, E / V6 / V4 / T, 4, False),
    Case("mpls-in-ip", 1, E / IP(proto=137) / MPLS(label=5, s=1) / V4 / T, 4, False),
    Case("mpls-in-udp", 1, E / OUTER / UDP(dport=6635) / MPLS(label=5, s=1) / V4 / T, 4, False),
    Case("vxlan", 1, E / OUTER / UDP(dport=4789) / VXLAN(vni=42) / INNER, 4, True),
    Case("vxlan-8472", 1, E / OUTER / UDP(dport=8472) / VXLAN(vni=42) / E / V6 / T, 6, True),
    Case("vxlan-over-ipv6", 1, E / V6 / UDP(dport=4789) / VXLAN(vni=42) / E / Dot1Q(vlan=1) / V4 / T, 4, True),
    Case(
        "vxlan-twice",
        1,
        E / OUTER / UDP(dport=4789) / VXLAN() / E / OUTER / UDP(dport=4789) / VXLAN() / INNER,
        4,
        False,
    ),
    Case("geneve", 1, E / OUTER / UDP(dport=6081) / GENEVE(vni=42) / INNER, 4, False),
    Case(
        "geneve-options",
        1,
        E / OUTER / UDP(dport=6081) / GENEVE(options=[GeneveOptions(data=bytes(8))], proto=0x0800) / V4 / T,
        4,
        False,
    ),
    Case("sll", 113, CookedLinux(proto=0x0800) / V4 / T, 4, True),
    Case("sll-vlan", 113, CookedLinux(proto=0x8100) / Dot1Q(vlan=3) / V6 / T, 6, True),
    Case("sll2", 276, CookedLinuxV2(proto=0x0800) / V4 / T, 4, True),
    Case("sll2-ipv6", 276, CookedLinuxV2(proto=0x86DD) / V6 / T, 6, True),
    Case("null-little", 0, Raw(b"\x02\0\0\0") / V4 / T, 4, True),
    Case("null-big", 0, Raw(b"\0\0\0\x02") / V4 / T, 4, True),
    Case("null-linux-ipv6", 0, Raw(b"\x0a\0\0\0") / V6 / T, 6, True),
    Case("null-netbsd-ipv6", 0, Raw(b"\x18\0\0\0") / V6 / T, 6, True),
    Case("null-freebsd-ipv6", 0, Raw(b"\0\0\0\x1c") / V6 / T, 6, True),
    Case("null-darwin-ipv6", 0, Raw(b"\x1e\0\0\0") / V6 / T, 6, True),
    Case("loop", 108, Loopback(type=2) / V4 / T, 4, True),
    Case("raw-ipv4", 101, V4 / T, 4, True),
    Case("raw-ipv6", 101, V6 / T, 6, True),
    Case("raw-12", 12, V4 / T, 4, True),
    Case("raw-14", 14, V6 / T, 6, True),
    Case("ipv4", 228, V4 / T, 4, True),
    Case("ipv6", 229, V6 / T, 6, True),
    Case("ppp", 9, HDLC() / PPP(proto=0x0021) / V4 / T, 4, False),
    Case("ppp-bare", 9, PPP(proto=0x0057) / V6 / T, 6, False),
    Case("ppp-compressed", 9, Raw(b"\x21") / V4 / T, 4, False),
    Case("ipv4-options", 1, E / IP(src="10.0.0.1", dst="10.0.0.2", options=b"\x94\x04\0\0") / T, 4, True),
    Case("ipv4-ah", 1, E / V4 / AH(nh=6, payloadlen=4, icv=bytes(12)) / T, 4, False),
    Case("hop-by-hop", 1, E / V6 / IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(12))]) / T, 6, False),
    Case("routing", 1, E / V6 / IPv6ExtHdrRouting(type=2, addresses=["fd00::9"], segleft=0) / T, 6, False),
    Case("dest-options", 1, E / V6 / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / T, 6, False),
    Case("ipv6-ah", 1, E / V6 / AH(nh=6, payloadlen=4, icv=bytes(12)) / T, 6, False),
    Case("mobility", 1, E / IPv6(src="fd00::1", dst="fd00::2", nh=135) / Raw(b"\x06\0" + bytes(6)) / T, 6, False),
    Case("hop-and-dest", 1, E / V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / T, 6, False),
]


every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@fast_and_slow
@every_case
def test_encapsulation(case: Case, fast: bool) -> None:
    rows, decoder = decode([Frame(bytes(case.packet), case.link)], fast)
    assert rows == [expected(case.version)]
    if fast:
        assert decoder.slow_frames == (0 if case.is_fast else 1)


@fast_and_slow
@every_case
def test_encapsulation_cut_at_every_byte(case: Case, fast: bool) -> None:
    """Whatever the snap length: undecodable, or the whole segment with what is missing counted."""
    whole = bytes(case.packet)
    end_of_payload = whole.rindex(PAYLOAD) + len(PAYLOAD)
    for size in range(len(whole)):
        rows, _ = decode([Frame(whole[:size], case.link, len(whole))], fast)
        captured = max(0, size - (end_of_payload - len(PAYLOAD)))
        header = end_of_payload - len(PAYLOAD) - 20
        if size < header + 14:
            assert rows == []
        else:
            want = expected(case.version, PAYLOAD[:captured], max(0, len(PAYLOAD) - captured))
            assert rows == [want if size >= header + 16 else want._replace(window=0)]


@fast_and_slow
@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ethernet(bytes(28), 0x0806)),
        (1, ethernet(bytes(46), 0x88CC)),
        (1, ethernet(ipv4(udp(PAYLOAD, 53), 17))),
        (1, ethernet(ipv4(udp(PAYLOAD, 53), 17, options=b"\x94\x04\0\0"))),
        (1, ethernet(ipv4(bytes(8), 1))),
        (1, ethernet(ipv4(bytes(8), 1, fragment=0x2000))),
        (1, ethernet(ipv6(udp(PAYLOAD, 53), 17), 0x86DD)),
        (1, ethernet(ipv6(bytes(8), 58), 0x86DD)),
        (1, ethernet(ipv6(bytes(8), 50), 0x86DD)),
        (1, ethernet(b"\0\x05\x08\x06" + bytes(28), 0x8100)),
        (113, bytes(14) + b"\x08\x06" + bytes(28)),
        (276, b"\x08\x06" + bytes(46)),
        (0, b"\x07\0\0\0" + bytes(20)),
        (0, b"\x02\x02\0\0" + bytes(20)),
        (108, b"\0\0\x02\x02" + bytes(20)),
    ],
)
def test_frames_of_other_protocols_are_ruled_out_at_once(link: int, frame: bytes, fast: bool) -> None:
    rows, decoder = decode([Frame(frame, link)], fast)
    assert (rows, decoder.not_ip_tcp) == ([], 1)
    assert decoder.slow_frames == (0 if fast else 1)


@fast_and_slow
@pytest.mark.parametrize(
    "frame",
    [
        ethernet(b"\x42\x42\x03" + bytes(43), 38),  # spanning tree
        ethernet(b"\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(30), 38),  # SNAP of a vendor
        ethernet(b"\x11\x09\0\0\0\x04" + bytes(40), 0x8864),  # PPPoE with a code of the discovery stage
        ethernet(b"\x11\0\0\x01\0\x0a\xc0\x21" + bytes(40), 0x8864),  # PPPoE LCP
        ethernet(ipv4(struct.pack(">HHHHI", 0x3001, 0x880B, 40, 1, 2) + bytes(40), 47)),  # GRE version 1
        ethernet(ipv4(struct.pack(">HH", 0x4000, 0x0800) + bytes(40), 47)),  # GRE with routing
        ethernet(ipv4(struct.pack(">HH", 0, 0x0806) + bytes(40), 47)),
        ethernet(ipv4(udp(bytes(60), 4789), 17)),  # VXLAN port, flag I not set
        ethernet(ipv4(udp(b"\x40" + bytes(60), 6081), 17)),  # Geneve version 1
        ethernet(ipv6(b"\x3a\0" + bytes(6) + bytes(20), 60), 0x86DD),  # ICMPv6 after an extension header
    ],
)
def test_frames_of_other_protocols_after_a_closer_look(frame: bytes, fast: bool) -> None:
    rows, decoder = decode([Frame(frame)], fast)
    assert (rows, decoder.not_ip_tcp) == ([], 1)


@fast_and_slow
@pytest.mark.parametrize(
    "packet",
    [
        b"",
        ipv4(tcp(), version=5),
        ipv4(tcp(), version=6),
        ipv4(tcp(), words=4),
        ipv4(tcp(), total=19),
        ipv4(tcp(PAYLOAD), total=39),
        ipv4(tcp(PAYLOAD), total=24, options=bytes(8)),
        ipv4(tcp(PAYLOAD, offset=4)),
        ipv4(tcp(PAYLOAD, offset=8)),
        ipv4(tcp(offset=15)),
        ipv4(udp(PAYLOAD, 53)[:6], 17),
    ],
)
def test_fields_that_make_no_sense_are_undecodable(packet: bytes, fast: bool) -> None:
    rows, decoder = decode([Frame(ethernet(packet))], fast)
    assert (rows, decoder.undecodable) == ([], 1)


@fast_and_slow
@pytest.mark.parametrize("packet", [ipv6(tcp(), version=4), ipv6(tcp(), length=19), ipv6(tcp(offset=1)), b"\x60"])
def test_fields_of_ipv6_that_make_no_sense_are_undecodable(packet: bytes, fast: bool) -> None:
    rows, decoder = decode([Frame(ethernet(packet, 0x86DD))], fast)
    assert (rows, decoder.undecodable) == ([], 1)


def test_raw_ip_of_no_known_version_is_undecodable() -> None:
    _, decoder = decode([Frame(b"\x50" + bytes(60), 101), Frame(b"", 101)])
    assert decoder.undecodable == 2


@fast_and_slow
@pytest.mark.parametrize("trailer", [b"\0" * 6, b"\xee" * 7, b"\xaa" * 300])
def test_padding_and_trailers_are_no_payload(trailer: bytes, fast: bool) -> None:
    frames = [
        Frame(ethernet(ipv4(tcp())) + trailer),
        Frame(ethernet(ipv4(tcp(PAYLOAD))) + trailer),
        Frame(ethernet(ipv6(tcp(PAYLOAD)), 0x86DD) + trailer),
        Frame(ethernet(ipv6(b"\x06\0" + bytes(6) + tcp(PAYLOAD), 60), 0x86DD) + trailer),
    ]
    rows, _ = decode(frames, fast)
    assert [(row.payload, row.missing) for row in rows] == [(b"", 0), (PAYLOAD, 0), (PAYLOAD, 0), (PAYLOAD, 0)]


@fast_and_slow
def test_total_length_zero_means_that_the_frame_decides(fast: bool) -> None:
    body = PAYLOAD * 10
    v4, v6 = ethernet(ipv4(tcp(body), total=0)), ethernet(ipv6(tcp(body), length=0), 0x86DD)
    rows, _ = decode([Frame(v4), Frame(v6), Frame(v4[:60], original=len(v4)), Frame(v6, original=len(v6) + 5)], fast)
    assert [(row.payload, row.missing) for row in rows] == [
        (body, 0),
        (body, 0),
        (body[:6], len(body) - 6),
        (body, 5),
    ]


@fast_and_slow
def test_total_length_beyond_the_captured_bytes_is_missing(fast: bool) -> None:
    rows, _ = decode([Frame(ethernet(ipv4(tcp(PAYLOAD), total=1500)))], fast)
    assert [(row.payload, row.missing) for row in rows] == [(PAYLOAD, 1500 - 40 - len(PAYLOAD))]


@fast_and_slow
@pytest.mark.parametrize(("size", "window"), [(14, 0), (15, 0), (16, 512), (20, 512), (31, 512), (32, 512)])
def test_cut_tcp_header_still_has_its_numbers(size: int, window: int, fast: bool) -> None:
    whole = ethernet(ipv4(tcp(PAYLOAD, OPTIONS)))
    rows, _ = decode([Frame(whole[: 34 + size], original=len(whole))], fast)
    assert rows == [expected(payload=b"", missing=len(PAYLOAD))._replace(window=window)]


@fast_and_slow
def test_tcp_header_without_its_flags_is_undecodable(fast: bool) -> None:
    whole = ethernet(ipv4(tcp(PAYLOAD)))
    _, decoder = decode([Frame(whole[:47], original=len(whole))], fast)
    assert decoder.undecodable == 1


@fast_and_slow
def test_options_and_flags(fast: bool) -> None:
    rows, _ = decode([Frame(ethernet(ipv4(tcp(PAYLOAD, OPTIONS, seq=0xFFFFFFFF, flags=0xC2))))], fast)
    assert rows == [expected()._replace(seq=0xFFFFFFFF, flags=0xC2)]


@fast_and_slow
def test_rows_stay_in_frame_order_with_the_number_and_time_of_their_frame(fast: bool) -> None:
    kinds = [
        Frame(ethernet(ipv4(tcp(b"a")))),
        Frame(ethernet(ipv6(tcp(b"b")), 0x86DD)),
        Frame(ethernet(bytes(28), 0x0806)),
        Frame(bytes(E / OUTER / GRE() / IP(bytes(ipv4(tcp(b"c")))))),
        Frame(ipv4(tcp(b"d")), 101),
        Frame(b"?" * 50, 147),
    ]
    frames = [frame._replace(timestamp_ns=1000 + index) for index, frame in enumerate(kinds * 3)]
    decoder = SegmentDecoder(fast=fast)
    rows = rows_of(decoder.decode(batch_of(frames, first_number=101)))
    assert [(row.frame, row.payload) for row in rows] == [
        (101 + 6 * turn + index, body)
        for turn in range(3)
        for index, body in ((0, b"a"), (1, b"b"), (3, b"c"), (4, b"d"))
    ]
    assert all(row.timestamp_ns == row.frame + 899 for row in rows)
    assert decoder.unknown_link_types == {147: 3}


@fast_and_slow
def test_nesting_is_bounded(fast: bool) -> None:
    packet = ipv4(tcp(PAYLOAD))
    for _ in range(MAX_HEADERS - 3):
        packet = ipv4(packet, 4)
    rows, _ = decode([Frame(packet, 228)], fast)
    assert len(rows) == 1
    _, decoder = decode([Frame(ipv4(packet, 4), 228)], fast)
    assert decoder.undecodable == 1


@fast_and_slow
def test_nothing_in_nothing_out(fast: bool) -> None:
    assert decode([], fast)[0] == []
    rows, decoder = decode([Frame(b""), Frame(b"", 113), Frame(b"", 0), Frame(b"", 9), Frame(b"", 229)], fast)
    assert (rows, decoder.undecodable) == ([], 5)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_payload_points_into_the_batch_itself(kind: type) -> None:
    batch = batch_of([Frame(ethernet(ipv4(tcp(PAYLOAD))))])
    batch.data = kind(batch.data)
    segments = SegmentDecoder().decode(batch)
    assert segments.data is batch.data
    assert rows_of(segments) == [expected()]


def test_column_types() -> None:
    one = batch_of([Frame(ethernet(ipv4(tcp(PAYLOAD)))), Frame(ethernet(ipv6(tcp(PAYLOAD)), 0x86DD))])
    for fast in (True, False):
        for batch in (one, batch_of([])):
            segments = SegmentDecoder(fast=fast).decode(batch)
            columns = {name: getattr(segments, name).dtype for name in segments.__slots__ if name != "data"}
            assert columns == {
                **dict.fromkeys(("frame", "timestamp_ns", "offset", "length", "missing"), np.dtype(np.int64)),
                **dict.fromkeys(("src_hi", "src_lo", "dst_hi", "dst_lo", "tag"), np.dtype(np.uint64)),
                **dict.fromkeys(("seq", "ack"), np.dtype(np.uint32)),
                **dict.fromkeys(("sport", "dport", "window"), np.dtype(np.uint16)),
                **dict.fromkeys(("flags", "ip_version"), np.dtype(np.uint8)),
            }


def test_every_layer_has_a_reader_and_a_row_that_leads_to_it() -> None:
    tables = (LINK_TYPES, ETHERTYPES, IPV4_PROTOCOLS, IPV6_PROTOCOLS, UDP_PORTS, PPP_PROTOCOLS, NULL_FAMILIES)
    named = {layer for table in tables for layer in table.values()}
    assert set(READERS) == set(HeaderType)
    # Named by a flag of the header before it, not by a number.
    assert named | {HeaderType.WLAN_PADDED} == set(HeaderType)


def test_frame_batch_helper_keeps_frames_apart() -> None:
    batch: FrameBatch = batch_of([Frame(b"ab"), Frame(b"cde", original=9)])
    ends = batch.offset + batch.captured
    data = bytes(batch.data)
    assert [data[a:b] for a, b in zip(batch.offset.tolist(), ends.tolist(), strict=True)] == [b"ab", b"cde"]
    assert batch.original.tolist() == [2, 9]
