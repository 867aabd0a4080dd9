"""A server that is a script: what it says in turn, and how it ends. No socket, no thread, no clock."""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from analyzer.protocol.context import Context
from analyzer.protocol.records.authentication import AuthMoreData, AuthNextFactor, AuthSwitchRequest
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.tables.capabilities import CAPABILITIES, CLIENT_COMPRESS, CLIENT_SSL
from analyzer.protocol.wire.framing import encode_packet
from live_client.errors import ClosedByServer, TimedOut
from live_client.transport import Address

Ending = Literal["close", "reset", "silence"]

NONCE = b"12345678abcdefghijkl"
# All that a classic server offers, but TLS and MariaDB's own.
OFFERED = sum(bit for bit in CAPABILITIES if bit < 1 << 32) & ~CLIENT_SSL & ~CLIENT_COMPRESS


class ScriptedTransport:
    """Gives the script's pieces one `receive` each, then ends as told. What the client sends is in `sent`."""

    def __init__(self, *script: bytes, ending: Ending = "close") -> None:
        self.script = deque(script)
        self.ending = ending
        self.sent = b""
        self.state = "open"
        self.timeout = 0.0
        self.private = False
        self.local: Address = ("192.0.2.1", 40000)
        self.peer: Address = ("192.0.2.2", 3306)

    def send(self, data: bytes) -> None:
        if self.state != "open":
            raise ClosedByServer("the connection is gone")
        self.sent += data

    def receive(self) -> bytes:
        if self.state == "aborted":
            raise ClosedByServer("the connection is gone")
        if self.script:
            return self.script.popleft()
        if self.ending == "close":
            return b""
        if self.ending == "reset":
            raise ClosedByServer("the server reset the connection (RST)")
        raise TimedOut("nothing came from the server")

    def set_timeout(self, seconds: float) -> None:
        self.timeout = seconds

    def end(self) -> None:
        self.state = "ended" if self.state == "open" else self.state

    def close(self) -> None:
        self.state = "closed" if self.state == "ended" else self.state

    def abort(self) -> None:
        self.state = "aborted"

    def packets(self) -> list[tuple[int, bytes]]:
        """(sequence id, payload) of each packet the client sent."""
        found, data = [], self.sent
        while data:
            length = int.from_bytes(data[:3], "little")
            found.append((data[3], data[4 : 4 + length]))
            data = data[4 + length :]
        return found


def context(flags: int = OFFERED) -> Context:
    """A context in which `flags` are in force."""
    ctx = Context()
    ctx.server = ctx.client = ctx.in_force = flags
    return ctx


def packet(record: Record | bytes, sequence: int, flags: int = OFFERED) -> bytes:
    payload = record if isinstance(record, bytes) else record.to_bytes(context(flags))
    return encode_packet(payload, sequence)


def greeting(
    plugin: str | None = "mysql_native_password", offered: int = OFFERED, version: str = "8.4.0", sequence: int = 0
) -> bytes:
    """The script's first piece."""
    record = HandshakeV10(
        version,
        7,
        NONCE[:8],
        0,
        offered & 0xFFFF,
        45,
        2,
        offered >> 16 & 0xFFFF,
        21,
        bytes(10),
        NONCE[8:] + b"\x00",
        plugin,
    )
    return packet(record, sequence)


def mariadb_greeting(offered: int = OFFERED) -> bytes:
    return greeting(offered=offered & ~1, version="11.8.2-MariaDB")


def ok(sequence: int, **changes: int) -> bytes:
    record = msgspec.structs.replace(OKPacket(0, 0, 0, 2, 0, None, True, None), **changes)
    return packet(record, sequence)


def end_of_rows(sequence: int, status: int = 2) -> bytes:
    """The OK that ends rows where CLIENT_DEPRECATE_EOF is in force."""
    return ok(sequence, header=0xFE, status_flags=status)


def eof(sequence: int, status: int = 2) -> bytes:
    return packet(EOFPacket(0, status), sequence)


def err(sequence: int, code: int = 1045, state: str | None = "28000", message: str = "Access denied") -> bytes:
    return packet(ErrPacket(code, state, message), sequence)


def switch(sequence: int, plugin: str, data: bytes = NONCE[::-1] + b"\x00") -> bytes:
    return packet(AuthSwitchRequest(plugin, data), sequence)


def more(sequence: int, data: bytes) -> bytes:
    return packet(AuthMoreData(data), sequence)


def factor(sequence: int, plugin: str, data: bytes = NONCE + b"\x00") -> bytes:
    return packet(AuthNextFactor(plugin, data), sequence)
