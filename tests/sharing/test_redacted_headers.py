"""Tunnels and fragments keep their headers: frames, lengths and checksums are right, nothing planted is left."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.sharing.frames import ones_sum
from analyzer.sharing.redact import RedactRequest
from analyzer.sharing.redaction.keep import KeptKinds
from tests.reading import connections_of
from tests.sharing.reading import KEY, holds, redacted
from tests.wire.files import frames_in, pcapng
from tests.wire.frames import Frame, ethernet, ipv4, ipv6, udp
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation

SECRET = b"Pl4intSecret!"
ALL = RedactRequest(KEY, KeptKinds(frozenset()))
SAID: list[Step] = [*ACCEPTED, ("c", query(f"SELECT '{SECRET.decode()}' FROM t")), ("s", ok(1)), *GOODBYE]
OUTER = bytes([172, 16, 3, 4, 172, 16, 5, 6])
HIDDEN = SECRET.ljust(16, b"x")


def tagged(frame: bytes) -> bytes:
    return frame[:12] + b"\x88\xa8\x00\x65\x81\x00\x00\x07" + frame[12:]


def over(payload: bytes, protocol: int) -> bytes:
    return ethernet(ipv4(payload, protocol, addresses=OUTER))


def checked(datagram: bytes) -> bytes:
    """A UDP datagram over OUTER with some checksum."""
    return datagram[:6] + b"\x12\x34" + datagram[8:]


def gre(kind: int, payload: bytes, flags: int = 0, fields: bytes = b"") -> bytes:
    return struct.pack(">HH", flags, kind) + fields + payload


WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "vlan": tagged,
    "vxlan": lambda frame: over(udp(b"\x08Pla\x00\x00\x2aI" + frame, 4789), 17),
    "vxlan-checksum": lambda frame: over(checked(udp(b"\x08\0\0\0\x00\x00\x2a\0" + tagged(frame), 8472)), 17),
    "vxlan-v6": lambda frame: ethernet(ipv6(udp(b"\x08\0\0\0\x00\x00\x2a\0" + frame, 4789), 17), 0x86DD),
    "geneve": lambda frame: over(udp(b"\x04\0\x65\x58\x00\x00\x2a\0" + HIDDEN + frame, 6081), 17),
    "gre": lambda frame: over(gre(0x0800, frame[14:]), 47),
    "gre-all": lambda frame: over(gre(0x6558, frame, 0xB000, b"\1\2\0\0\0\0\0\x2a\0\0\0\x07"), 47),
    "ip-in-ip": lambda frame: over(frame[14:], 4),
    "gre-in-vxlan": lambda frame: over(udp(b"\x08\0\0\0\0\0\2\0" + over(gre(0x0800, frame[14:]), 47), 4789), 17),
    "trailer": lambda frame: over(frame[14:], 4) + SECRET,
}


def valid(packet: bytes) -> None:
    """Checks the sums of an IP packet, and of what is in it."""
    if packet[0] >> 4 == 4:
        size = (packet[0] & 15) * 4
        assert ones_sum(packet[:size]) == 0xFFFF
        protocol, ends = packet[9], packet[12:20]
        inside = packet[size : int.from_bytes(packet[2:4], "big")]
        if int.from_bytes(packet[6:8], "big") & 0x3FFF:
            return
    else:
        protocol, ends, inside = packet[6], packet[8:40], packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
    pseudo = ends + struct.pack(">II", len(inside), protocol)
    if protocol == 6:
        assert ones_sum(pseudo + inside) == 0xFFFF
    elif protocol == 4:
        valid(inside)
    elif protocol == 17:
        if any(inside[6:8]):
            assert ones_sum(pseudo + inside) == 0xFFFF
        bridged(inside[16 + 4 * (inside[8] & 0x3F if inside[2:4] == b"\x17\xc1" else 0) :])
    elif protocol == 47:
        flags = int.from_bytes(inside[:2], "big")
        if flags & 0x8000:
            assert ones_sum(inside) == 0xFFFF
        start = 4 + 4 * sum(flags & bit != 0 for bit in (0x8000, 0x2000, 0x1000))
        (bridged if inside[2:4] == b"\x65\x58" else valid)(inside[start:])


def bridged(frame: bytes) -> None:
    """The same of an Ethernet frame."""
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    valid(frame[at + 2 :])


def made_of(frames: list[Frame], folder: Path) -> Path:
    file = folder / "made.pcapng"
    file.write_bytes(pcapng(frames))
    return file


def alike(frames: list[Frame], folder: Path) -> list[Frame]:
    """What becomes of frames, which are as many, as long and as late, and tell the same."""
    source = made_of(frames, folder)
    content, summary, _ = redacted(source, ALL)
    assert (summary.plainer, summary.made, summary.frames) == (0, 0, len(frames))
    assert not holds(content, SECRET)
    found = frames_in(content)
    assert [(len(one.data), one.original, one.timestamp_ns) for one in found] == [
        (len(one.data), max(one.original, len(one.data)), one.timestamp_ns) for one in frames
    ]
    before, after = connections_of(source)[0], connections_of(content)[0]
    assert (after.outcome, after.commands, after.tcp) == (before.outcome, before.commands, before.tcp)
    return found


@pytest.mark.parametrize("name", WRAPPED)
def test_tunnels(name: str, tmp_path: Path) -> None:
    frames = [one._replace(data=WRAPPED[name](one.data), original=0) for one in conversation(SAID, split=40)]
    for old, new in zip(frames, alike(frames, tmp_path), strict=True):
        bridged(new.data)
        assert new.data[:14] != old.data[:14]
        assert OUTER not in new.data


def in_fragments(frame: Frame, size: int) -> list[Frame]:
    """The frames of one whose IP packet was cut."""
    head, payload = frame.data[:34], frame.data[34:]
    found = []
    for at in range(0, len(payload), size):
        more = 0x2000 if at + size < len(payload) else 0
        part = payload[at : at + size]
        number = frame.timestamp_ns >> 10 & 0xFFFF
        packet = ipv4(part, fragment=more | at // 8, addresses=head[26:34], identification=number)
        found.append(frame._replace(data=head[:14] + packet, original=0))
    return found


def test_fragments(tmp_path: Path) -> None:
    frames = [part for one in conversation(SAID) for part in in_fragments(one, 32)]
    made = alike(frames, tmp_path)
    whole: dict[bytes, bytes] = {}
    for old, new in zip(frames, made, strict=True):
        bridged(new.data)
        assert new.data[18:22] == old.data[18:22]
        known = whole.get(new.data[18:20], b"")
        whole[new.data[18:20]] = known + new.data[34:]
        if not new.data[20] & 0x20:
            segment = whole.pop(new.data[18:20])
            assert ones_sum(new.data[26:34] + struct.pack(">II", len(segment), 6) + segment) == 0xFFFF


def test_fragments_in_another_order_come_out_as_one_frame(tmp_path: Path) -> None:
    frames = [part for one in conversation(SAID) for part in reversed(in_fragments(one, 32))]
    content, summary, _ = redacted(made_of(frames, tmp_path), ALL)
    assert not holds(content, SECRET)
    assert summary.plainer == summary.made > 0
    assert connections_of(content)[0].outcome == "accepted"


def test_a_capture_of_other_protocols_alone(tmp_path: Path) -> None:
    frames = [Frame(ethernet(ipv4(udp(SECRET, 53), 17)), 1, 0, 5)]
    for other, kept in (("drop", 0), ("headers", 1), ("keep", 1)):
        content, summary, _ = redacted(made_of(frames, tmp_path), RedactRequest(KEY, KeptKinds(frozenset()), other))
        assert summary.frames == summary.others == kept
        assert holds(content, SECRET) == (other == "keep")
