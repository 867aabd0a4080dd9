"""A mutation that keeps the capture readable: without it, most mutants end at the first length field."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Final

Mutate = Callable[[bytes, int], bytes]

HEADER: Final = 24
RECORD: Final = 16
_MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}


def frames_of(data: bytes) -> tuple[str, list[tuple[int, int, int, bytes]]] | None:
    """(byte order, [(seconds, fraction, original length, frame)]) of a pcap; None where it is none."""
    order = _MAGICS.get(data[:4])
    if order is None or len(data) < HEADER:
        return None
    found = []
    at = HEADER
    while at + RECORD <= len(data):
        seconds, fraction, captured, original = struct.unpack_from(order + "4I", data, at)
        at += RECORD
        if captured > len(data) - at:
            break
        found.append((seconds, fraction, original, data[at : at + captured]))
        at += captured
    return order, found


def rebuilt(head: bytes, order: str, frames: list[tuple[int, int, int, bytes]]) -> bytes:
    """The pcap of these frames."""
    out = [head]
    for seconds, fraction, original, frame in frames:
        out += [struct.pack(order + "4I", seconds, fraction, len(frame), original), frame]
    return b"".join(out)


def payload_start(frame: bytes, link: int) -> int | None:
    """Where the TCP payload of a plain IPv4 frame begins; None where the frame is another kind."""
    ip = {1: 14, 101: 0, 113: 16, 276: 20, 0: 4}.get(link)
    if ip is None or len(frame) < ip + 40 or frame[ip] >> 4 != 4 or frame[ip + 9] != 6:
        return None
    tcp = ip + (frame[ip] & 15) * 4
    if tcp + 20 > len(frame):
        return None
    start = tcp + (frame[tcp + 12] >> 4) * 4
    return start if start <= len(frame) else None


def custom(data: bytes, max_size: int, seed: int, mutate: Mutate) -> bytes:
    """Half of the time any mutation of the bytes; otherwise frames are moved, or the payload of one is mutated."""
    choose = random.Random(seed)
    parsed = frames_of(data)
    if parsed is None or not parsed[1] or choose.random() < 0.3:
        return mutate(data, max_size)
    order, frames = parsed
    head = data[:HEADER]
    link = int(struct.unpack_from(order + "I", data, 20)[0]) & 0xFFFF
    index = choose.randrange(len(frames))
    kind = choose.random()
    if kind < 0.1:
        del frames[index]
    elif kind < 0.2:
        frames.insert(choose.randrange(len(frames) + 1), frames[index])
    elif kind < 0.3:
        other = choose.randrange(len(frames))
        frames[index], frames[other] = frames[other], frames[index]
    elif kind < 0.35:
        seconds, fraction, original, frame = frames[index]
        frames[index] = (seconds, fraction, original, frame[: choose.randrange(len(frame) + 1)])
    else:
        frames[index] = _payload_changed(frames[index], link, choose, mutate)
    return rebuilt(head, order, frames)[:max_size]


def _payload_changed(
    entry: tuple[int, int, int, bytes], link: int, choose: random.Random, mutate: Mutate
) -> tuple[int, int, int, bytes]:
    """The payload mutated, and the lengths around it put right (with luck also the MySQL packet's)."""
    seconds, fraction, _, frame = entry
    start = payload_start(frame, link)
    if start is None or start == len(frame):
        changed = mutate(frame, len(frame) + 64)
        return seconds, fraction, len(changed), changed
    payload = mutate(frame[start:], len(frame) - start + 256)
    if len(payload) > 4 and choose.random() < 0.5:
        payload = (len(payload) - 4).to_bytes(3, "little") + payload[3:]
    ip = {1: 14, 101: 0, 113: 16, 276: 20, 0: 4}[link]
    total = (start - ip + len(payload)).to_bytes(2, "big")
    changed = frame[: ip + 2] + total + frame[ip + 4 : start] + payload
    return seconds, fraction, len(changed), changed
