"""Captures made to do harm: frames by hand, sessions up to the login, and mutations of real captures."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import zstandard

from analyzer.capture import PcapngWriter, open_stream
from analyzer.errors import CaptureError
from analyzer.protocol.wire.framing import encode_packet

ACK, SYN, SYNACK, PUSH = 0x10, 0x02, 0x12, 0x18
CLIENT, SERVER = 0, 1
CLIENT_IP, SERVER_IP = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"
START_NS: Final = 1_700_000_000_000_000_000

# Capabilities of the sessions made here: protocol 4.1 with a counted auth response, and what a case adds.
BASE = 0x8200
CONNECT_WITH_DB, COMPRESS, SSL, PLUGIN_AUTH = 0x8, 0x20, 0x800, 0x8_0000
CONNECT_ATTRS, DEPRECATE_EOF, ZSTD = 0x10_0000, 0x100_0000, 0x400_0000
ALL_BUT_MARIADB = 0xFFFF_FFFF

Said = tuple[int, bytes]


class Frame(NamedTuple):
    """A frame with what the capture says of it."""

    data: bytes
    link_type: int = 1
    original: int = 0  # 0: as many bytes as there are
    time_ns: int = START_NS


def segment(sender: int, seq: int, ack: int, flags: int, data: bytes = b"", port: int = 3306, host: int = 0) -> bytes:
    """An Ethernet frame; `host` tells clients apart."""
    client = (CLIENT_IP if not host else struct.pack(">I", 0x0B000000 + host), 40000)
    ends = (client, (SERVER_IP, port))
    source, target = ends if sender == CLIENT else ends[::-1]
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 512, 0, 0)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 7, 0, 64, 6, 0) + source[0] + target[0]
    return b"\x02" * 12 + b"\x08\x00" + head + tcp + data


def handshake(port: int = 3306, host: int = 0) -> list[bytes]:
    """SYN, SYN-ACK, ACK; the first byte of both directions is number 1."""
    return [
        segment(CLIENT, 0, 0, SYN, port=port, host=host),
        segment(SERVER, 0, 1, SYNACK, port=port, host=host),
        segment(CLIENT, 1, 1, ACK, port=port, host=host),
    ]


def pcap(frames: Iterable[bytes]) -> bytes:
    """A pcap file, the frames a millisecond apart."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for index, frame in enumerate(frames):
        stamp = 1_700_000_000 + index // 1000, index % 1000 * 1000
        out += [struct.pack("<4I", *stamp, len(frame), len(frame)), frame]
    return b"".join(out)


def conversation(said: Iterable[Said], mss: int = 1400, port: int = 3306, host: int = 0) -> list[bytes]:
    """Frames of a connection in which client and server say these bytes, one after the other."""
    frames = handshake(port, host)
    at = [1, 1]
    for sender, data in said:
        for start in range(0, len(data), mss):
            part = data[start : start + mss]
            frames.append(segment(sender, at[sender], at[1 - sender], PUSH, part, port, host))
            at[sender] += len(part)
    return frames


def greeting(version: bytes = b"8.0.44", plugin: bytes = b"mysql_native_password", flags: int = 0xFFFF_FFFF) -> bytes:
    """HandshakeV10."""
    head = b"\x0a" + version + b"\x00" + struct.pack("<I", 7) + b"12345678\x00"
    rest = struct.pack("<HBHH", flags & 0xFFFF, 45, 2, flags >> 16) + b"\x15" + bytes(10) + b"123456789012\x00"
    return encode_packet(head + rest + plugin + b"\x00", 0)


def login(flags: int = 0, user: bytes = b"app", rest: bytes = b"") -> bytes:
    """HandshakeResponse41; `rest` is all behind the auth response."""
    head = struct.pack("<IIB", BASE | flags, 1 << 24, 45) + bytes(23)
    return encode_packet(head + user + b"\x00\x14" + b"r" * 20 + rest, 1)


def ok(sequence: int = 2) -> bytes:
    return encode_packet(b"\x00\x00\x00\x02\x00\x00\x00", sequence)


def error(message: bytes, sequence: int = 2, code: int = 1045) -> bytes:
    return encode_packet(b"\xff" + struct.pack("<H", code) + b"#28000" + message, sequence)


def session(flags: int, *said: Said, mss: int = 1400) -> bytes:
    """A capture in which a login with these capabilities is accepted, and what follows."""
    start = [(SERVER, greeting()), (CLIENT, login(flags)), (SERVER, ok())]
    return pcap(conversation([*start, *said], mss))


def query(text: bytes = b"select 1") -> bytes:
    return encode_packet(b"\x03" + text, 0)


def compressed(payload: bytes, announced: int, sequence: int = 0) -> bytes:
    """A frame of the compressed protocol that announces `announced` bytes, whatever is in it."""
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + announced.to_bytes(3, "little") + payload


def bomb(content: bytes, algorithm: int) -> bytes:
    """`content` in as few bytes as can be, as one compressed frame."""
    if algorithm == ZSTD:
        return compressed(zstandard.ZstdCompressor(level=19).compress(content), len(content))
    return compressed(zlib.compress(content, 9), len(content))


# -- real captures changed -------------------------------------------------------------------------------------------


def frames_of(content: bytes) -> list[Frame]:
    """All frames of a capture; none where it can not be read."""
    found: list[Frame] = []
    try:
        with open_stream(io.BytesIO(content), "source") as source:
            for batch in source:
                data = bytes(batch.data)
                columns = (batch.offset, batch.captured, batch.original, batch.link_type, batch.timestamp_ns)
                for at, size, original, link, time_ns in zip(*(c.tolist() for c in columns), strict=True):
                    found.append(Frame(data[at : at + size], link, original, time_ns))
    except CaptureError:
        pass
    return found


def pcapng(frames: Sequence[Frame]) -> bytes:
    """A pcapng with one interface for each link type."""
    out = io.BytesIO()
    links = sorted({frame.link_type for frame in frames}) or [1]
    writer = PcapngWriter(out, link_type=links[0])
    numbers = {links[0]: 0} | {link: writer.interface(link) for link in links[1:]}
    for frame in frames:
        original = max(frame.original, len(frame.data))
        writer.write(frame.data, max(frame.time_ns, 0), original, interface=numbers[frame.link_type])
    return out.getvalue()


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
