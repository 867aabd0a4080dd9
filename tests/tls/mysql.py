"""MySQL sessions inside TLS, made here and now: OpenSSL on both sides, frames around what they said."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.tls.records import CLIENT, SERVER
from tests.analysis.traffic import analyse
from tests.tls.live import Bench, Pair
from tests.tls.support import Flight
from tests.wire.frames import FIN
from tests.wire.mysql import QUIT, greeting, login, more, ok, packet, query, ssl_request
from tests.wire.script import Say, Step, conversation

V12 = ssl.TLSVersion.TLSv1_2
V13 = ssl.TLSVersion.TLSv1_3
CLOSE: tuple[Step, ...] = (Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))


@dataclass
class Session:
    """What both sides sent after the SSLRequest, and the key log."""

    flights: list[Flight]
    log: bytes

    @property
    def steps(self) -> list[Step]:
        return [("cs"[sender], data) for sender, data in self.flights]

    def script(self, *, request: bool = True, hello: bool = True) -> list[Step]:
        """The whole connection; without its greeting, or without the SSLRequest, where they are not captured."""
        begin: list[Step] = []
        if hello:
            begin.append(("s", greeting()))
        if request:
            begin.append(("c", ssl_request()))
        return [*begin, *self.steps, *CLOSE]

    def connection(self, *, keys: bool = True, log: bytes | None = None, **how: object) -> Connection:
        """The connection as it is analysed."""
        logs = (self.log if log is None else log,) if keys else ()
        (found,) = analyse(conversation(self.script(), **how), AnalysisOptions(keylogs=logs))  # type: ignore[arg-type]
        return found


def result(size: int) -> bytes:
    """A result set of one column and one value of `size` bytes, in packets as a server sends them."""
    column = b"\x03def\0\0\0\x01v\0\x0c\xff\0\0\0\x10\0\xfc\0\0\0\0\0"
    value = b"\xfd" + size.to_bytes(3, "little") + b"x" * size
    return packet(1, b"\x01") + packet(2, column) + packet(3, value) + packet(4, b"\xfe\0\0\x02\0\0\0")


def session(
    bench: Bench,
    version: ssl.TLSVersion = V13,
    suites: str | None = None,
    *,
    bulk: int = 200,
    queries: int = 3,
    options: int = 0,
    ecdsa: bool = False,
) -> Session:
    """A login that is accepted, and some queries with answers of `bulk` bytes. Raises ssl.SSLError."""
    pair = Pair(bench.contexts(version, suites, options=options, ecdsa=ecdsa))
    pair.handshake()
    pair.send(CLIENT, login(sequence=2))
    pair.send(SERVER, more(3, b"\x03"))
    pair.send(SERVER, ok(4))
    for number in range(queries):
        pair.send(CLIENT, query(f"SELECT {number}"))
        pair.send(SERVER, result(bulk))
    pair.send(CLIENT, QUIT)
    return Session(pair.flights, bench.take_log())
