"""A server that is a script: what it says in turn, and how it ends. No socket, no thread, no clock."""

from __future__ import annotations

from collections import deque
from typing import Literal

from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.tables.capabilities import CAPABILITIES, CLIENT_COMPRESS, CLIENT_SSL
from live_client.errors import ClosedByServer, TimedOut
from live_client.transport import Address
from tests.wire import mysql

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
    """A record of the project, or a payload, as a packet."""
    payload = record if isinstance(record, bytes) else record.to_bytes(context(flags))
    return mysql.packet(sequence, payload)


def greeting(
    plugin: str | None = mysql.NATIVE, offered: int = OFFERED, version: str = "8.4.0", sequence: int = 0
) -> bytes:
    """The script's first piece."""
    return mysql.greeting(version, plugin=plugin, flags=offered, nonce=NONCE, collation=45, sequence=sequence)


def mariadb_greeting(offered: int = OFFERED) -> bytes:
    return greeting(offered=offered & ~1, version="11.8.2-MariaDB")


def end_of_rows(sequence: int, status: int = 2) -> bytes:
    """The OK that ends rows where CLIENT_DEPRECATE_EOF is in force."""
    return mysql.ok(sequence, header=0xFE, status=status)


def switch(sequence: int, plugin: str, data: bytes = NONCE[::-1] + b"\x00") -> bytes:
    """AuthSwitchRequest, with another nonce than the greeting's."""
    return mysql.switch(sequence, plugin, data)


def factor(sequence: int, plugin: str, data: bytes = NONCE + b"\x00") -> bytes:
    """AuthNextFactor."""
    return mysql.packet(sequence, b"\x02" + plugin.encode() + b"\x00" + data)
