"""One TCP session frame by frame, where what arrives, what is sent again and what a window says matters."""

from __future__ import annotations

import ipaddress
import struct

from tests.wire.frames import ACK, FIN, RST, SYN, Address, Frame, ethernet
from tests.wire.mysql import FAST, QUIT, greeting, login, ok
from tests.wire.script import SECOND, START

MSS = 1460
OTHER = {"c": "s", "s": "c"}


def sack(left: int, right: int) -> bytes:
    """The option that names what is there behind a hole (RFC 2018)."""
    return b"\x01\x01\x05\x0a" + struct.pack(">II", left, right)


class Session:
    """Writes the frames of one connection into `frames`.

    `sent` is the next sequence number of each side, `got` what it has of the other; a segment that does not arrive is
    captured and moves nothing but `sent`.
    """

    def __init__(
        self, client: Address = ("10.0.0.1", 50_000), server: Address = ("10.0.0.2", 3306), start_ns: int = START
    ) -> None:
        self.frames: list[Frame] = []
        self.now = start_ns
        self.names = {"c": client, "s": server}
        self.sent = {"c": 1000, "s": 900_000}
        self.got = {"c": 0, "s": 0}
        self.ip_id = 1

    def put(
        self,
        who: str,
        data: bytes = b"",
        flags: int = ACK,
        *,
        seq: int | None = None,
        wait: float = 0.001,
        window: int = 502,
        options: bytes = b"",
        ip_id: int | None = None,
    ) -> Session:
        """A segment with these numbers; `wait` seconds pass before it."""
        self.now += int(wait * SECOND)
        source, target = self.names[who], self.names[OTHER[who]]
        size = 20 + len(options)
        number = self.sent[who] if seq is None else seq
        ack = self.got[who] if flags & ACK else 0
        tcp = struct.pack(">HHIIBBHHH", source[1], target[1], number, ack, size // 4 << 4, flags, window, 0, 0)
        if ip_id is None:
            ip_id, self.ip_id = self.ip_id, self.ip_id + 1
        total = 20 + size + len(data)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, total, ip_id, 0x4000, 64, 6, 0)
        addresses = ipaddress.ip_address(source[0]).packed + ipaddress.ip_address(target[0]).packed
        self.frames.append(Frame(ethernet(ip + addresses + tcp + options + data), 1, 0, self.now))
        return self

    def open(self, syns: int = 1, mss: int = MSS, retry: float = 1.0) -> Session:
        """The handshake; the SYN is sent so often, and doubles its time each time."""
        options = b"\x02\x04" + struct.pack(">H", mss)
        for attempt in range(syns):
            self.put("c", flags=SYN, options=options, wait=retry * (1 << attempt) / 2 if attempt else 0.001)
        self.sent["c"] += 1
        self.got["s"] = self.sent["c"]
        self.put("s", flags=SYN | ACK, options=options)
        self.sent["s"] += 1
        self.got["c"] = self.sent["s"]
        self.put("c")
        return self

    def log_in(self, thread: int = 7) -> Session:
        """Handshake and a login that is accepted."""
        self.open()
        for who, data in (("s", greeting(thread=thread)), ("c", login()), ("s", FAST + ok(3))):
            self.send(who, data)
        return self

    def send(
        self,
        who: str,
        data: bytes,
        *,
        wait: float = 0.001,
        arrives: bool = True,
        captured: bool = True,
        size: int = MSS,
    ) -> Session:
        """Data in segments of at most `size` bytes."""
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            if captured:
                self.put(who, piece, wait=wait)
            self.sent[who] += len(piece)
            if arrives:
                self.got[OTHER[who]] = self.sent[who]
            wait = 0.0001
        return self

    def again(self, who: str, data: bytes, times: int, *, seq: int | None = None, first: float = 0.2) -> Session:
        """The last bytes (or those from `seq` on) once more, with times that double."""
        for attempt in range(times):
            self.put(who, data, seq=self.sent[who] - len(data) if seq is None else seq, wait=first * (1 << attempt))
        return self

    def close(self, who: str, *, wait: float = 0.001, arrives: bool = True) -> Session:
        self.put(who, flags=FIN, wait=wait)
        self.sent[who] += 1
        if arrives:
            self.got[OTHER[who]] = self.sent[who]
        return self

    def reset(self, who: str, *, wait: float = 0.001) -> Session:
        self.put(who, flags=RST, wait=wait, window=0)
        return self

    def goodbye(self) -> Session:
        self.send("c", QUIT)
        return self.close("c").close("s")

    def later(self, seconds: float) -> Session:
        self.now += int(seconds * SECOND)
        return self
