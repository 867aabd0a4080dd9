"""Traffic made by hand: a script of who says what becomes Ethernet frames, a batch, or a pcap file.

The MySQL packets are written out here byte by byte, not with the project's records: the tests are a second opinion.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import NamedTuple

from analyzer.analysis import Analysis, AnalysisOptions, Connection
from analyzer.analysis.pipeline import Result
from analyzer.batches import FrameBatch
from analyzer.capture import PcapWriter
from tests.net.link.frames import Frame, batch_of

MS = 1_000_000
SECOND = 1000 * MS
START = 1_700_000_000 * SECOND

SYN, FIN, RST, ACK = 0x02, 0x11, 0x04, 0x10
NONCE = bytes(range(0x21, 0x35))


class Say(NamedTuple):
    """A step of a script. `who` is "c" or "s"; FIN and RST carry no bytes; `wait_ns` passes before it.

    lost: sent, acknowledged, and not in the capture. cut: bytes of the payload that the snap length leaves.
    """

    who: str
    data: bytes = b""
    flags: int = ACK
    wait_ns: int = MS
    lost: bool = False
    cut: int | None = None


Step = Say | tuple[str, bytes]
Script = Sequence[Step]


def wait(who: str, data: bytes, seconds: float) -> Say:
    return Say(who, data, wait_ns=int(seconds * SECOND))


def segment(src: tuple[str, int], dst: tuple[str, int], seq: int, ack: int, flags: int, data: bytes) -> bytes:
    """An Ethernet frame."""
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq % 2**32, ack % 2**32, 0x50, flags, 512, 0, 0) + data
    source, target = ipaddress.ip_address(src[0]), ipaddress.ip_address(dst[0])
    if source.version == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + source.packed + target.packed
        return b"\x02" * 12 + b"\x08\x00" + ip + tcp
    ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + source.packed + target.packed
    return b"\x02" * 12 + b"\x86\xdd" + ip + tcp


def conversation(
    script: Script,
    *,
    client: tuple[str, int] = ("10.0.0.1", 50000),
    server: tuple[str, int] = ("10.0.0.2", 3306),
    start_ns: int = START,
    handshake: bool = True,
    only: str = "cs",
    split: int = 0,
) -> list[Frame]:
    """The frames of one connection. `only` keeps one direction; `split` cuts payloads into pieces of that size."""
    names = {"c": client, "s": server}
    other = {"c": "s", "s": "c"}
    seq = {"c": 1000, "s": 900_000}
    frames: list[Frame] = []
    now = start_ns

    def put(who: str, flags: int, data: bytes = b"", cut: int | None = None) -> None:
        raw = segment(names[who], names[other[who]], seq[who], seq[other[who]] if flags != SYN else 0, flags, data)
        size = len(raw)
        if cut is not None:
            raw = raw[: size - len(data) + cut]
        if who in only:
            frames.append(Frame(raw, 1, size, now))

    if handshake:
        put("c", SYN)
        seq["c"] += 1
        now += MS // 10
        put("s", SYN | ACK)
        seq["s"] += 1
        now += MS // 10
        put("c", ACK)
    for step in script:
        say = step if isinstance(step, Say) else Say(*step)
        now += say.wait_ns
        if say.lost:
            seq[say.who] += len(say.data)
            put(other[say.who], ACK)
            continue
        if say.flags != ACK or not say.data:
            put(say.who, say.flags)
            seq[say.who] += say.flags & 1
            continue
        width = split or len(say.data)
        for at in range(0, len(say.data), width):
            piece = say.data[at : at + width]
            put(say.who, ACK, piece, say.cut)
            seq[say.who] += len(piece)
            now += 1000
    return frames


def in_time_order(*connections: Iterable[Frame]) -> list[Frame]:
    return sorted((frame for frames in connections for frame in frames), key=lambda frame: frame.timestamp_ns)


def pcap(frames: Sequence[Frame], link_type: int = 1) -> bytes:
    """A pcap file with nanoseconds."""
    out = BytesIO()
    writer = PcapWriter(out, link_type=link_type)
    for frame in frames:
        writer.write(frame.data, frame.timestamp_ns, frame.original or len(frame.data))
    return out.getvalue()


def batches(frames: Sequence[Frame], size: int = 0) -> list[FrameBatch]:
    step = size or max(1, len(frames))
    return [batch_of(frames[at : at + step], at + 1) for at in range(0, len(frames), step)]


def results_of(
    frames: Sequence[Frame], options: AnalysisOptions | None = None, *, batch: int = 0, cut_short: bool = False
) -> tuple[list[Result], Analysis]:
    """All results of a capture with these frames, fed in batches of `batch` frames."""
    analysis = Analysis("made.pcap", options or AnalysisOptions())
    results: list[Result] = []
    for part in batches(frames, batch):
        results += analysis.feed(part)
    results += analysis.finish(cut_short)
    return results, analysis


def analyse(
    frames: Sequence[Frame], options: AnalysisOptions | None = None, *, cut_short: bool = False
) -> list[Connection]:
    """The MySQL connections of a capture; the same whether it comes at once or frame by frame."""
    whole = [connection for connection, _ in results_of(frames, options, cut_short=cut_short)[0]]
    pieces = [connection for connection, _ in results_of(frames, options, batch=1, cut_short=cut_short)[0]]
    assert pieces == whole
    return whole


def one(script: Script, options: AnalysisOptions | None = None, **how: object) -> Connection:
    """The only MySQL connection of a script."""
    (connection,) = analyse(conversation(script, **how), options)  # type: ignore[arg-type]
    return connection


# -- MySQL packets -----------------------------------------------------------------------------------------------------


def packet(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


SERVER_FLAGS = 0xDFFF_FFFF
# LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH, ..._LENENC_CLIENT_DATA,
# DEPRECATE_EOF
CLIENT_FLAGS = 0x0128_A209
SSL = 0x0800


def greeting(
    version: str = "9.1.0", thread: int = 7, plugin: str = "caching_sha2_password", flags: int = SERVER_FLAGS
) -> bytes:
    payload = b"\x0a" + version.encode() + b"\0" + struct.pack("<I", thread) + NONCE[:8] + b"\0"
    payload += struct.pack("<HBHHB", flags & 0xFFFF, 255, 2, flags >> 16, 21) + bytes(10)
    return packet(0, payload + NONCE[8:] + b"\0" + plugin.encode() + b"\0")


def login(
    user: str = "app",
    database: str = "shop",
    response: bytes = b"\x55" * 32,
    plugin: str = "caching_sha2_password",
    *,
    sequence: int = 1,
    attributes: dict[str, str] | None = None,
) -> bytes:
    flags = CLIENT_FLAGS | (0x0010_0000 if attributes is not None else 0)
    payload = struct.pack("<IIB", flags, 1 << 24, 255) + bytes(23) + user.encode() + b"\0"
    payload += bytes([len(response)]) + response + database.encode() + b"\0" + plugin.encode() + b"\0"
    if attributes is not None:
        pairs = b"".join(bytes([len(part)]) + part.encode() for pair in attributes.items() for part in pair)
        payload += bytes([len(pairs)]) + pairs
    return packet(sequence, payload)


def ssl_request(sequence: int = 1) -> bytes:
    return packet(sequence, struct.pack("<IIB", CLIENT_FLAGS | SSL, 1 << 24, 255) + bytes(23))


def ok(sequence: int) -> bytes:
    return packet(sequence, b"\0\0\0\x02\0\0\0")


def err(sequence: int, code: int, message: str, state: str | None = "HY000") -> bytes:
    mark = b"#" + state.encode() if state else b""
    return packet(sequence, b"\xff" + struct.pack("<H", code) + mark + message.encode())


def switch(sequence: int, plugin: str, data: bytes = NONCE + b"\0") -> bytes:
    return packet(sequence, b"\xfe" + plugin.encode() + b"\0" + data)


def more(sequence: int, data: bytes) -> bytes:
    return packet(sequence, b"\x01" + data)


def query(sql: str) -> bytes:
    return packet(0, b"\x03" + sql.encode())


PING = packet(0, b"\x0e")
QUIT = packet(0, b"\x01")
FAST = more(2, b"\x03")
NATIVE = "mysql_native_password"

# A login that is accepted, in the three steps everybody begins with.
ACCEPTED: tuple[Step, ...] = (("s", greeting()), ("c", login()), ("s", FAST + ok(3)))
GOODBYE: tuple[Step, ...] = (("c", QUIT), Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))
CLIENT_HELLO = bytes.fromhex("160301002d010000290303") + bytes(32) + bytes.fromhex("00000213010100")
