"""Both paths say the same of any frame, and neither ever raises."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.link.linktypes import LINK_TYPES
from tests.net.link.frames import rows_of
from tests.wire.frames import Frame, batch_of, ethernet, fragment6, ipv4, ipv6, tcp, udp

LINKS = [*LINK_TYPES, 147]


@st.composite
def transports(draw: st.DrawFn) -> tuple[bytes, int]:
    """Upper-layer bytes and their protocol number."""
    payload = draw(st.binary(max_size=30))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return udp(payload, draw(st.sampled_from([53, 4789, 6081, 6635, 8472]))), 17
    if kind == 1:
        inner = ethernet(ipv4(tcp(payload)))
        return udp(draw(st.sampled_from([b"\x08", b"\0"])) + bytes(7) + inner, draw(st.sampled_from([4789, 8472]))), 17
    if kind == 2:
        return ipv4(tcp(payload)), 4
    if kind == 3:
        return payload, draw(st.integers(0, 255))
    options = bytes(4 * draw(st.integers(0, 10)))
    offset = draw(st.sampled_from([0, 0, 0, 0, 4, 5, 15]))
    flags = draw(st.integers(0, 255))
    return tcp(payload, options, seq=draw(st.integers(0, 0xFFFFFFFF)), flags=flags, offset=offset), 6


@st.composite
def packets(draw: st.DrawFn) -> tuple[bytes, int]:
    """An IP packet and its EtherType."""
    upper, protocol = draw(transports())
    lengths = st.one_of(st.none(), st.none(), st.sampled_from([0, 10, 39, 41, 60, 1500]))
    if draw(st.booleans()):
        if draw(st.integers(0, 5)) == 0:
            cut = min(8 * draw(st.integers(0, 4)), len(upper) // 8 * 8)
            return fragment6(upper[cut:], cut, draw(st.booleans()), protocol), 0x86DD
        return ipv6(upper, protocol, length=draw(lengths), version=draw(st.sampled_from([6, 6, 6, 4]))), 0x86DD
    packet = ipv4(
        upper,
        protocol,
        total=draw(lengths),
        options=bytes(4 * draw(st.sampled_from([0, 0, 1, 10]))),
        fragment=draw(st.sampled_from([0, 0, 0x4000, 0x2000, 1])),
        version=draw(st.sampled_from([4, 4, 4, 4, 6])),
        words=draw(st.sampled_from([0, 0, 0, 0, 4])),
    )
    return packet, 0x0800


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    packet, ethertype = draw(packets())
    ethertype = draw(st.sampled_from([ethertype] * 6 + [0x0806, 0x002E, 0x8847]))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
        packet, ethertype = b"\0\x05" + ethertype.to_bytes(2, "big") + packet, draw(st.sampled_from([0x8100, 0x88A8]))
    link = draw(st.sampled_from(LINKS))
    type_bytes = ethertype.to_bytes(2, "big")
    family = b"\x02" if ethertype == 0x0800 else b"\x1e"
    head = {
        0: draw(st.sampled_from([family + bytes(3), bytes(3) + family, b"\x07\0\0\0"])),
        1: bytes(12) + type_bytes,
        9: b"\xff\x03\x00" + (b"\x21" if ethertype == 0x0800 else b"\x57"),
        108: bytes(3) + family,
        113: bytes(14) + type_bytes,
        276: type_bytes + bytes(18),
    }.get(link, b"")
    whole = head + packet + draw(st.sampled_from([b"", b"", b"\0" * 6, b"\xee" * 7]))
    if draw(st.integers(0, 2)) == 0:
        changed = bytearray(whole)
        for _ in range(draw(st.integers(1, 3))):
            changed[draw(st.integers(0, min(len(changed) - 1, 80)))] = draw(st.integers(0, 255))
        whole = bytes(changed)
    size = draw(st.one_of(st.none(), st.none(), st.integers(0, len(whole))))
    return Frame(whole[:size], link, len(whole), draw(st.integers(0, 40)) * 1_000_000_000)


def both(batch_frames: list[list[Frame]]) -> None:
    fast, slow = SegmentDecoder(), SegmentDecoder(fast=False)
    number = 1
    for some in batch_frames:
        batch = batch_of(some, number)
        number += len(some)
        assert rows_of(fast.decode(batch)) == rows_of(slow.decode(batch))
    for name in (
        "frames",
        "segments",
        "unfollowed",
        "undecodable",
        "fragment_frames",
        "fragments_pending",
        "fragments_dropped",
        "unknown_link_types",
    ):
        assert getattr(fast, name) == getattr(slow, name), name
    unknown = sum(fast.unknown_link_types.values())
    assert fast.frames == fast.segments + fast.not_ip_tcp + fast.undecodable + fast.fragment_frames + unknown
    assert fast.frames == number - 1


@settings(max_examples=250, deadline=None)
@given(st.lists(st.lists(frames(), max_size=6), max_size=2))
def test_both_paths_agree(batch_frames: list[list[Frame]]) -> None:
    both(batch_frames)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=120), st.sampled_from(LINKS), st.integers(0, 2000)), max_size=8))
def test_both_paths_agree_on_noise(noise: list[tuple[bytes, int, int]]) -> None:
    both([[Frame(*values) for values in noise]])


def test_both_paths_agree_on_many_mutated_frames() -> None:
    """More than Hypothesis has time for: each byte of plain frames, set to values that mean something somewhere."""
    plain = [
        Frame(ethernet(ipv4(tcp(b"payload", bytes(12))))),
        Frame(ethernet(b"\0\x05\x08\x00" + ipv4(tcp(b"payload")), 0x8100)),
        Frame(ethernet(ipv6(tcp(b"payload")), 0x86DD)),
        Frame(ethernet(ipv4(udp(b"\x08" + bytes(7) + ethernet(ipv4(tcp(b"payload"))), 4789), 17))),
    ]
    values = np.array([0, 1, 4, 5, 6, 8, 17, 41, 43, 44, 47, 50, 51, 59, 60, 0x45, 0x60, 0x81, 0x88, 0xFF]).tolist()
    mutated = [
        frame._replace(data=frame.data[:at] + bytes([value]) + frame.data[at + 1 :])
        for frame in plain
        for at in range(len(frame.data))
        for value in values
    ]
    both([mutated, [frame._replace(data=frame.data[:60], original=len(frame.data)) for frame in mutated]])
