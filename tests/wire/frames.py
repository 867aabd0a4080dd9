"""Frames: headers by hand, whole segments, and the batch that a source would make of them."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analyzer.batches import FrameBatch

SYN, FIN, RST, ACK, PUSH = 0x02, 0x11, 0x04, 0x10, 0x18
GAP = b"\xee" * 16  # between frames: what a decoder that reads beyond its frame would find

Address = tuple[str, int]  # IP address, port


class Frame(NamedTuple):
    """`original` and `timestamp_ns` as in FrameBatch; original 0 stands for the length of `data`."""

    data: bytes
    link_type: int = 1
    original: int = 0
    timestamp_ns: int = 0


def batch_of(frames: Sequence[Frame], first_number: int = 1) -> FrameBatch:
    """A batch with GAP before each frame."""
    captured = np.array([len(frame.data) for frame in frames], np.int64)
    return FrameBatch(
        data=b"".join(GAP + frame.data for frame in frames),
        number=np.arange(first_number, first_number + len(frames), dtype=np.int64),
        timestamp_ns=np.array([frame.timestamp_ns for frame in frames], np.int64),
        link_type=np.array([frame.link_type for frame in frames], np.int32),
        offset=np.cumsum(captured + len(GAP)) - captured,
        captured=captured,
        original=np.array([max(frame.original, len(frame.data)) for frame in frames], np.int64),
    )


def batches(frames: Sequence[Frame], size: int = 0) -> list[FrameBatch]:
    """Batches of `size` frames; one batch where `size` is 0."""
    step = size or max(1, len(frames))
    return [batch_of(frames[at : at + step], at + 1) for at in range(0, len(frames), step)]


def tcp(
    payload: bytes = b"",
    options: bytes = b"",
    *,
    ports: tuple[int, int] = (40000, 3306),
    seq: int = 1000,
    ack: int = 2000,
    flags: int = PUSH,
    offset: int = 0,
) -> bytes:
    """A segment with window 512. `ports` are (from, to)."""
    words = offset or (20 + len(options)) // 4
    numbers = *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF
    return struct.pack(">HHIIBBHHH", *numbers, words << 4, flags, 512, 0, 0) + options + payload


def udp(payload: bytes, dport: int) -> bytes:
    return struct.pack(">HHHH", 50000, dport, 8 + len(payload), 0) + payload


def ipv4(
    payload: bytes,
    protocol: int = 6,
    *,
    addresses: bytes = bytes([10, 0, 0, 1, 10, 0, 0, 2]),
    total: int | None = None,
    options: bytes = b"",
    fragment: int = 0,
    identification: int = 7,
    version: int = 4,
    words: int = 0,
) -> bytes:
    """From 10.0.0.1 to 10.0.0.2 where `addresses` does not say otherwise. `fragment` is the whole field, with its
    flags."""
    words = words or 5 + len(options) // 4
    length = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", version << 4 | words, 0, length, identification, fragment, 64, protocol, 0)
    return head + addresses + options + payload


def ipv6(
    payload: bytes, following: int = 6, *, addresses: bytes = b"", length: int | None = None, version: int = 6
) -> bytes:
    """From fd00::1 to fd00::2 where `addresses` does not say otherwise."""
    size = len(payload) if length is None else length
    addresses = addresses or b"".join(b"\xfd" + bytes(14) + bytes([host]) for host in (1, 2))
    return struct.pack(">IHBB", version << 28, size, following, 64) + addresses + payload


def fragment6(payload: bytes, at: int, more: bool, following: int = 6, identification: int = 9) -> bytes:
    """An IPv6 packet with one fragment; `at` in bytes."""
    header = struct.pack(">BBHI", following, 0, at | more, identification)
    return ipv6(header + payload, 44)


def ethernet(payload: bytes, ethertype: int = 0x0800) -> bytes:
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack(">H", ethertype) + payload


def segment(src: Address, dst: Address, seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
    """An Ethernet frame with one TCP segment, over IPv4 or IPv6 as the addresses are."""
    source, target = ipaddress.ip_address(src[0]), ipaddress.ip_address(dst[0])
    inside = tcp(data, ports=(src[1], dst[1]), seq=seq, ack=ack, flags=flags)
    addresses = source.packed + target.packed
    if source.version == 4:
        return ethernet(ipv4(inside, addresses=addresses, fragment=0x4000))
    return ethernet(ipv6(inside, addresses=addresses), 0x86DD)
