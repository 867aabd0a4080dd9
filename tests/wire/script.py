"""Conversations: a script of who says what becomes the frames of one connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.wire.frames import ACK, FIN, SYN, Address, Frame, segment
from tests.wire.mysql import FAST, QUIT, greeting, login, ok

MS = 1_000_000
SECOND = 1000 * MS
START = 1_700_000_000 * SECOND


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


def conversation(
    script: Script,
    *,
    client: Address = ("10.0.0.1", 50000),
    server: Address = ("10.0.0.2", 3306),
    start_ns: int = START,
    handshake: bool = True,
    only: str = "cs",
    split: int = 0,
    numbers: tuple[int, int] = (1000, 900_000),
) -> list[Frame]:
    """The frames of one connection. `only` keeps one direction; `split` cuts payloads into pieces of that size.
    `numbers` are the sequence numbers of both SYNs."""
    names = {"c": client, "s": server}
    other = {"c": "s", "s": "c"}
    seq = dict(zip("cs", numbers, strict=True))
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


# A login that is accepted, in the three steps everybody begins with.
ACCEPTED: tuple[Step, ...] = (("s", greeting()), ("c", login()), ("s", FAST + ok(3)))
GOODBYE: tuple[Step, ...] = (("c", QUIT), Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))
