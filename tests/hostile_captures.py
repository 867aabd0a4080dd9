"""Captures made to do harm: sessions up to the login whose sides say anything, and mutations of real captures."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.wire import files, frames
from tests.wire.frames import Address, Frame
from tests.wire.mysql import NATIVE, greeting, ok
from tests.wire.mysql import login as wire_login
from tests.wire.script import MS, START
from tests.wire.script import conversation as wire_conversation

CLIENT, SERVER = 0, 1
# Protocol 4.1 with a counted auth response: each case adds what it needs.
BASE = 0x8200

Said = tuple[int, bytes]


def ends(port: int = 3306, host: int = 0) -> tuple[Address, Address]:
    """(client, server); `host` tells clients apart."""
    client = "10.0.0.1" if not host else ".".join(map(str, (0x0B000000 + host).to_bytes(4, "big")))
    return (client, 40000), ("10.0.0.2", port)


def segment(sender: int, seq: int, ack: int, flags: int, data: bytes = b"", port: int = 3306, host: int = 0) -> bytes:
    """An Ethernet frame from one of `ends` to the other."""
    both = ends(port, host)
    return frames.segment(both[sender], both[1 - sender], seq, ack, flags, data)


def handshake(port: int = 3306, host: int = 0) -> list[bytes]:
    """SYN, SYN-ACK, ACK; the first byte of both directions is number 1."""
    return conversation((), port=port, host=host)


def pcap(content: Iterable[bytes]) -> bytes:
    """A pcap file of Ethernet frames, a millisecond apart."""
    return files.pcap(Frame(data, 1, 0, START + index * MS) for index, data in enumerate(content))


def conversation(said: Iterable[Said], mss: int = 1400, port: int = 3306, host: int = 0) -> list[bytes]:
    """Frames of a connection in which client and server say these bytes, one after the other."""
    client, server = ends(port, host)
    script = [("cs"[sender], data) for sender, data in said if data]
    made = wire_conversation(script, client=client, server=server, split=mss, numbers=(0, 0))
    return [frame.data for frame in made]


def login(flags: int = 0, user: bytes = b"app", rest: bytes = b"") -> bytes:
    """A login with BASE and these capabilities; `rest` is all behind the auth response."""
    return wire_login(user, response=b"r" * 20, flags=BASE | flags, tail=rest)


def session(flags: int, *said: Said, mss: int = 1400) -> bytes:
    """A capture in which a login with these capabilities is accepted, and what follows."""
    start = [(SERVER, greeting(plugin=NATIVE, flags=0xFFFF_FFFF)), (CLIENT, login(flags)), (SERVER, ok())]
    return pcap(conversation([*start, *said], mss))


# -- real captures changed -------------------------------------------------------------------------------------------


def _payload(frame: Frame) -> tuple[int, int] | None:
    """Where the IPv4 header and the TCP payload begin in a plain frame; None in another."""
    ip = {1: 14, 101: 0, 113: 16, 276: 20, 0: 4}.get(frame.link_type)
    data = frame.data
    if ip is None or len(data) < ip + 40 or data[ip] != 0x45 or data[ip + 9] != 6:
        return None
    start = ip + 20 + (data[ip + 32] >> 4) * 4
    return (ip, start) if start <= len(data) else None


def _chunks(frame: Frame, chance: random.Random) -> list[Frame]:
    """A segment as several: the same bytes, cut elsewhere."""
    places = _payload(frame)
    if places is None or len(frame.data) - places[1] < 2:
        return [frame]
    ip, start = places
    head, payload = frame.data[:start], frame.data[start:]
    seq = int.from_bytes(head[ip + 24 : ip + 28], "big")
    size = chance.choice((1, 2, 3, 4, 5, 7, 30))
    out = []
    for at in range(0, min(len(payload), 40 * size), size):
        last = at + size >= 40 * size
        part = payload[at:] if last else payload[at : at + size]
        total = (start - ip + len(part)).to_bytes(2, "big")
        number = ((seq + at) & 0xFFFFFFFF).to_bytes(4, "big")
        new = head[: ip + 2] + total + head[ip + 4 : ip + 24] + number + head[ip + 28 :]
        out.append(frame._replace(data=new + part, original=0))
    return out


def _flipped(data: bytes, chance: random.Random, start: int = 0) -> bytes:
    """A few bytes from `start` on set to others, mostly to such as mean something."""
    if start >= len(data):
        return data
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
        at = chance.randrange(start, len(changed))
        changed[at] = chance.choice(
            (0, 1, 2, 3, 9, 0x0A, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF, chance.randrange(256))
        )
    return bytes(changed)


def changed_file(content: bytes, chance: random.Random) -> bytes:
    """The file's bytes changed, cut, cut out or repeated somewhere."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(content) + 1)
        kind = chance.randrange(5)
        if kind < 2:
            content = _flipped(content, chance)
        elif kind == 2:
            content = content[:at]
        elif kind == 3:
            content = content[:at] + content[at + chance.randrange(40) :]
        else:
            content = content[:at] + content[at : at + chance.randrange(200)] + content[at:]
    return content


def changed_frames(frames: list[Frame], chance: random.Random) -> list[Frame]:
    """Frames dropped, repeated, moved, cut, re-chunked, or changed in their payload or their lengths."""
    frames = list(frames)
    for _ in range(chance.choice((1, 2, 3, 6))):
        if not frames:
            return frames
        at = chance.randrange(len(frames))
        frame = frames[at]
        kind = chance.randrange(10)
        if kind == 0:
            del frames[at]
        elif kind == 1:
            frames.insert(chance.randrange(len(frames) + 1), frame)
        elif kind == 2:
            other = chance.randrange(len(frames))
            frames[at], frames[other] = frames[other], frame
        elif kind == 3:
            some = frames[at : at + chance.randrange(2, 9)]
            chance.shuffle(some)
            frames[at : at + len(some)] = some
        elif kind == 4:
            frames[at : at + 1] = _chunks(frame, chance)
        elif kind == 5:
            size = chance.choice((0, 14, 20, 34, 54, 60, 66, 68, 96, 128))
            begin, stop = (0, len(frames)) if chance.random() < 0.3 else (at, at + 3)
            cut = [f._replace(data=f.data[:size], original=max(f.original, len(f.data))) for f in frames[begin:stop]]
            frames[begin:stop] = cut
        elif kind == 6:
            frames[at] = frame._replace(data=frame.data, original=len(frame.data) + chance.choice((1, 100, 1 << 20)))
        elif kind == 7:
            frames[at] = frame._replace(data=_flipped(frame.data, chance))
        else:
            places = _payload(frame)
            frames[at] = frame._replace(data=_flipped(frame.data, chance, places[1] if places else 0))
    return frames
