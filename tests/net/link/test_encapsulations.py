"""Link layers and tunnels: each as its source describes it, cut at every byte, with every length telling lies."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.batches import TagKind
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.link.linktypes import LINK_TYPES
from analyzer.net.link.scalar import MAX_HEADERS
from analyzer.net.link.unfollowed import Kind, Unfollowed
from tests.net.link.frames import Row, rows_of
from tests.wire.encapsulation import (
    WRAPPINGS,
    Wrapping,
    after,
    between,
    checked,
    frame_after,
    label,
    long,
    over_ip,
    over_udp,
    tag,
    typed,
    wlan,
)
from tests.wire.files import pcapng
from tests.wire.frames import Frame, batch_of, ethernet, ipv4, tcp, udp

PAYLOAD = b"\x09\0\0\0\x03SELECT 1"
PACKET = ipv4(tcp(PAYLOAD))

every_wrapping = pytest.mark.parametrize("wrapping", WRAPPINGS, ids=[wrapping.name for wrapping in WRAPPINGS])
fast_and_slow = pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])


def decode(frames: list[Frame], fast: bool = True) -> tuple[list[Row], SegmentDecoder]:
    decoder = SegmentDecoder(fast=fast)
    rows = rows_of(decoder.decode(batch_of(frames)))
    unknown = sum(decoder.unknown_link_types.values())
    accounted = len(rows) + decoder.not_ip_tcp + decoder.undecodable + decoder.fragment_frames + unknown
    assert accounted == decoder.frames == len(frames)
    return rows, decoder


def expected(number: int, missing: int = 0) -> Row:
    payload = PAYLOAD[: len(PAYLOAD) - missing]
    return Row(1, 0, 4, 0x0A000001, 0x0A000002, 40000, 3306, 1000, 2000, 0x18, 512, payload, missing, number)


@fast_and_slow
@every_wrapping
def test_the_segment_and_its_network(wrapping: Wrapping, fast: bool) -> None:
    assert decode([Frame(wrapping.wrap(PACKET), wrapping.link)], fast)[0] == [expected(wrapping.tag)]


@every_wrapping
def test_cut_at_every_byte(wrapping: Wrapping) -> None:
    """Whatever the snap length: no segment, or the whole one with what is missing counted."""
    whole = wrapping.wrap(PACKET)
    frames = [Frame(whole[:size], wrapping.link, len(whole)) for size in range(len(whole) + 1)]
    fast, slow = decode(frames), decode(frames, fast=False)
    assert fast[0] == slow[0]
    ends = whole.rindex(PAYLOAD) + len(PAYLOAD)
    for row in fast[0]:
        missing = max(0, ends - (row.frame - 1))
        if missing <= len(PAYLOAD) and row.window:
            assert row._replace(frame=1) == expected(wrapping.tag, missing)
    assert fast[0][-1] == expected(wrapping.tag)._replace(frame=len(frames))


VALUES = (0, 1, 2, 3, 4, 5, 6, 8, 9, 15, 16, 20, 40, 0x41, 0x45, 0x60, 0x7F, 0x80, 0x81, 0x88, 0xAA, 0xFE, 0xFF)


@every_wrapping
def test_every_byte_another(wrapping: Wrapping) -> None:
    """Lengths that lie, numbers that lead elsewhere: nothing raises, both paths agree, no byte of a neighbour."""
    whole = wrapping.wrap(PACKET)
    head = whole.rindex(PAYLOAD)
    frames = [
        Frame(whole[:at] + bytes([value]) + whole[at + 1 :], wrapping.link) for at in range(head) for value in VALUES
    ]
    fast, slow = decode(frames), decode(frames, fast=False)
    assert fast[0] == slow[0]
    assert fast[1].unfollowed == slow[1].unfollowed
    assert not any(b"\xee\xee" in row.payload for row in fast[0])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_tunnels_in_tunnels(data: st.DataObject) -> None:
    """Any of them within any others, cut and with bytes changed: both paths agree and nothing raises."""
    inner = [wrapping for wrapping in WRAPPINGS if wrapping.link == 1]
    frames = []
    for _ in range(data.draw(st.integers(1, 5))):
        packet = PACKET
        for wrapping in data.draw(st.lists(st.sampled_from(inner), max_size=3)):
            # An Ethernet frame within an IP packet.
            packet = ipv4(wrapping.wrap(packet), 143)
        last = data.draw(st.sampled_from(WRAPPINGS))
        whole = bytearray(last.wrap(packet))
        for _ in range(data.draw(st.integers(0, 3))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        size = data.draw(st.one_of(st.none(), st.integers(0, len(whole))))
        frames.append(Frame(bytes(whole[:size]), last.link, len(whole)))
    fast, slow = decode(frames), decode(frames, fast=False)
    assert fast[0] == slow[0]
    for name in ("unfollowed", "undecodable", "fragment_frames", "segments"):
        assert getattr(fast[1], name) == getattr(slow[1], name), name


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=200), st.sampled_from(sorted(LINK_TYPES))), max_size=6))
def test_noise_of_every_link_type(noise: list[tuple[bytes, int]]) -> None:
    frames = [Frame(*values) for values in noise]
    assert decode(frames)[0] == decode(frames, fast=False)[0]


LOOPS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "pktap": (258, lambda depth: (long(12)[::-1] + long(1) + long(258)[::-1]) * depth),
    "vlan": (1, lambda depth: bytes(12) + b"\x81\0\0\x01" * depth),
    "nsh": (1, lambda depth: ethernet((b"\x0f\xc2\x02\x04" + long(1)) * depth, 0x894F)),
    "fabricpath": (1, lambda depth: ethernet(b"", 0x8903) + (b"\0\x20" + ethernet(b"", 0x8903)) * depth),
    "ppi": (192, lambda depth: b"\0\0\x08\0\xc0\0\0\0" * depth),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops_of_headers_are_bounded(name: str) -> None:
    link, build = LOOPS[name]
    rows, decoder = decode([Frame(build(100), link)])
    assert rows == []
    assert decoder.undecodable == 1


def test_nested_up_to_the_limit_and_no_further() -> None:
    for depth, found in ((MAX_HEADERS - 5, 1), (MAX_HEADERS, 0)):
        frame = bytes(12) + b"\x81\0\0\x01" * depth + b"\x08\0" + PACKET
        assert len(decode([Frame(frame)])[0]) == found


@pytest.mark.tool
def test_the_same_as_tshark(tmp_path: Path) -> None:
    """In one file, an interface for each link type."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    wrappings = [wrapping for wrapping in WRAPPINGS if wrapping.tshark]
    capture = tmp_path / "all.pcapng"
    capture.write_bytes(pcapng([Frame(wrapping.wrap(PACKET), wrapping.link) for wrapping in wrappings]))
    names = ("frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.payload")
    command = [tshark, "-r", str(capture), "-T", "fields", *(word for name in names for word in ("-e", name))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    differing = [
        (wrapping.name, theirs[str(number)])
        for number, wrapping in enumerate(wrappings, 1)
        if theirs[str(number)] != f"40000\t3306\t1000\t{PAYLOAD.hex()}"
    ]
    assert differing == []


UNFOLLOWED = [
    (Unfollowed(Kind.ETHERTYPE, 0x8947), 1, ethernet(bytes(40), 0x8947)),
    (Unfollowed(Kind.ETHERTYPE, 0x0806), 1, ethernet(bytes(28), 0x0806)),
    (Unfollowed(Kind.ETHERTYPE, 0x1234), 1, between(b"\x81\0\0\x05\x12\x34")(PACKET)),
    (Unfollowed(Kind.IP_PROTOCOL, 50), 1, ethernet(ipv4(bytes(40), 50))),
    (Unfollowed(Kind.UDP_PORT, 53), 1, ethernet(ipv4(udp(bytes(40), 53), 17))),
    (Unfollowed(Kind.UDP_PORT, 12345), 1, ethernet(ipv4(udp(bytes(40), 12345), 17))),
    (Unfollowed(Kind.UDP_PORT, 53), 1, over_udp(4789, frame_after(b"\x08" + bytes(7)))(ipv4(udp(b"x", 53), 17))),
    (Unfollowed(Kind.LLC, 0x4242), 1, ethernet(b"\x42\x42\x03" + bytes(35), 38)),
    (Unfollowed(Kind.SNAP, 0x00000C), 1, ethernet(b"\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(30), 38)),
    (Unfollowed(Kind.PPP_PROTOCOL, 0xC021), 9, b"\xff\x03\xc0\x21" + bytes(8)),
    (Unfollowed(Kind.ADDRESS_FAMILY, 7), 0, b"\x07\0\0\0" + bytes(20)),
    (Unfollowed(Kind.FRAME_RELAY, 0x81), 107, b"\x18\x41\x03\x81" + bytes(20)),
    (Unfollowed(Kind.LINK_TYPE, 147), 192, b"\0\0\x08\0\x93\0\0\0" + bytes(20)),
    (Unfollowed(Kind.WLAN, 0), 105, b"\x80\0" + bytes(40)),
    (Unfollowed(Kind.WLAN, 2), 105, b"\x48\x01" + bytes(40)),
    (Unfollowed(Kind.WLAN_ENCRYPTED), 105, wlan(0x41, vector=b"\x11" * 9)(PACKET)),
    (Unfollowed(Kind.WLAN_PARTS), 105, wlan(0x05)(PACKET)),
    (Unfollowed(Kind.MACSEC_ENCRYPTED), 1, typed(0x88E5, after(b"\x2c\0" + bytes(12)))(PACKET)),
    (Unfollowed(Kind.MESH, 0x41), 1, ethernet(b"\x41\x0f" + bytes(40), 0x4305)),
    (Unfollowed(Kind.NSH, 9), 1, ethernet(b"\x0f\xc2\x02\x09" + bytes(40), 0x894F)),
    (Unfollowed(Kind.VXLAN, 9), 1, over_udp(4790, after(b"\x0c\0\0\x09" + bytes(4)))(PACKET)),
    (Unfollowed(Kind.VXLAN), 1, over_udp(4789, after(bytes(8)))(PACKET)),
    (Unfollowed(Kind.TZSP, 9), 1, over_udp(37008, after(b"\x01\0\0\x09\x01"))(PACKET)),
    (Unfollowed(Kind.TUNNEL_CONTROL, 2152), 1, over_udp(2152, after(b"\x32\x01" + bytes(10)))(b"")),
    (Unfollowed(Kind.TUNNEL_CONTROL, 1701), 1, over_udp(1701, after(b"\xc8\x02" + bytes(10)))(b"")),
    (Unfollowed(Kind.TUNNEL_CONTROL, 115), 1, over_ip(115, after(bytes(12)))(b"")),
    (Unfollowed(Kind.TUNNEL_PAYLOAD, 7), 1, over_ip(115, after(long(7), b"x" * 40))(b"")),
    (Unfollowed(Kind.GRE_VERSION, 0), 1, over_ip(47, after(b"\x40\0\x08\0"))(PACKET)),
]  # fmt: skip


@fast_and_slow
@pytest.mark.parametrize(("what", "link", "frame"), UNFOLLOWED, ids=[str(index) for index in range(len(UNFOLLOWED))])
def test_what_is_not_followed_is_counted_by_kind(what: Unfollowed, link: int, frame: bytes, fast: bool) -> None:
    rows, decoder = decode([Frame(frame, link)] * 3, fast)
    assert rows == []
    assert decoder.unfollowed == {what: 3}


def test_a_hostile_capture_has_no_end_of_kinds() -> None:
    """SNAP organisations have 24 bits: what is counted is bounded, and nothing is lost from the sum."""
    frames = [Frame(b"\xaa\xaa\x03" + (n + 1).to_bytes(3, "big") + bytes(10), 100) for n in range(10_000)]
    decoder = decode(frames)[1]
    assert len(decoder.unfollowed) < 5000
    assert decoder.not_ip_tcp == 10_000


def test_interfaces_are_the_outermost_label_where_there_is_room() -> None:
    frames = [PACKET, PACKET, between(b"\x81\0\0\x64")(PACKET)[14 - 2 :], between(b"\x81\0\0\x64\x81\0\0\x65")(PACKET)]
    batch = batch_of(
        [
            Frame(ethernet(frames[0])),
            Frame(ethernet(frames[1])),
            Frame(between(b"\x81\0\0\x64")(PACKET)),
            Frame(frames[3]),
        ]
    )
    batch.interface = np.array([0, 3, 3, 3], np.int32)
    one, vlan = (TagKind.INTERFACE, 3), (TagKind.VLAN, 100)
    found = [row.tag for row in rows_of(SegmentDecoder().decode(batch))]
    assert found == [0, tag(one), tag(one, vlan), tag(vlan, (TagKind.VLAN, 101))]


def test_fragments_of_two_networks_are_two_datagrams() -> None:
    """The same addresses and IP identification in two VLANs."""
    upper = tcp(b"x" * 40)
    parts = [ipv4(upper[:24], fragment=0x2000), ipv4(upper[24:], fragment=3)]
    other = tcp(b"y" * 40)
    others = [ipv4(other[:24], fragment=0x2000), ipv4(other[24:], fragment=3)]
    order = [(10, parts[0]), (20, others[0]), (10, parts[1]), (20, others[1])]
    frames = [Frame(between(b"\x81\0" + vlan.to_bytes(2, "big"))(part)) for vlan, part in order]
    rows = decode(frames)[0]
    assert [(row.payload[:1], row.tag & 0xFFF) for row in rows] == [(b"x", 10), (b"y", 20)]


def test_labels_that_are_reserved_name_no_network() -> None:
    rows = decode([Frame(typed(0x8847, after(label(0)))(PACKET))])[0]
    assert rows == [expected(0)]


def test_a_switch_tag_is_believed_only_with_the_checksum_of_what_follows() -> None:
    whole = between(b"\xc0\x08\0\x01")(checked(PACKET))
    assert len(decode([Frame(whole)])[0]) == 1
    for at in range(18, 38):
        wrong = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        rows, decoder = decode([Frame(wrong)])
        assert rows == []
        assert decoder.unfollowed == {Unfollowed(Kind.ETHERTYPE, 0xC008): 1}
