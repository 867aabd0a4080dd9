"""Commands of which no two are alike: other statements, columns, rows and errors each time, half of them prepared.

What remembers the last answer, or one of each kind, gains nothing here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.response import ColumnCount, StmtPrepareOK
from analyzer.protocol.records.resultset import ColumnDefinition41
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.framing import encode_packet
from analyzer.protocol.wire.reader import Writer
from tests.bench import oltp, replay

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
VARCHAR: Final = 0xFD
LONGLONG: Final = 0x08
AUTOCOMMIT: Final = 0x0002


class _Session:
    """One connection that never says the same twice."""

    def __init__(self, ctx: Context, rng: random.Random) -> None:
        self.ctx = ctx
        self.rng = rng
        self.prepared = 0

    def word(self, shortest: int = 3, longest: int = 12) -> str:
        return "".join(self.rng.choices(LETTERS, k=self.rng.randint(shortest, longest)))

    def request(self, payload: bytes) -> replay.Turn:
        return True, encode_packet(payload, 0)

    def answer(self, payloads: list[bytes]) -> replay.Turn:
        return False, b"".join(encode_packet(payload, number & 0xFF) for number, payload in enumerate(payloads, 1))

    def column(self, table: str, kind: int = VARCHAR) -> bytes:
        name, size = self.word(), self.rng.randint(1, 4000)
        return ColumnDefinition41("def", "shop", table, table, name, name, None, 12, 255, size, kind, 0, 0).to_bytes(
            self.ctx
        )

    def ok(self, header: int = 0) -> bytes:
        rng = self.rng
        affected, last = (rng.randrange(300), rng.randrange(1 << 20)) if header == 0 else (0, 0)
        return OKPacket(header, affected, last, AUTOCOMMIT, rng.randrange(50), None, True, None).to_bytes(self.ctx)

    def rows(self, table: str, binary: bool) -> replay.Turn:
        rng = self.rng
        kinds = [rng.choice((VARCHAR, LONGLONG)) for _ in range(rng.randint(1, 12))]
        columns = [self.column(table, kind) for kind in kinds]
        rows = []
        for _ in range(rng.randint(0, 20)):
            w = Writer()
            if binary:
                w.raw(bytes(1 + (len(columns) + 9) // 8))
            for kind in kinds:
                if kind == VARCHAR:
                    w.lenenc_bytes(self.word(1, 40))
                elif binary:
                    w.uint(rng.getrandbits(63), 8)
                else:
                    w.lenenc_bytes(str(rng.getrandbits(rng.randint(1, 63))))
            rows.append(w.getvalue())
        return self.answer([ColumnCount(len(columns)).to_bytes(self.ctx), *columns, *rows, self.ok(0xFE)])

    def statement(self) -> Iterator[replay.Turn]:
        """A query and what comes of it."""
        w = Writer()
        w.u8(com.COM_QUERY)
        w.lenenc(0)
        w.lenenc(1)
        table = self.word()
        which = self.rng.random()
        if which < 0.6:
            w.raw(f"SELECT {self.word()}, {self.word()} FROM {table} WHERE {self.word()} = '{self.word(1, 60)}'")
            answer = self.rows(table, binary=False)
        elif which < 0.9:
            w.raw(f"UPDATE {table} SET {self.word()} = '{self.word(1, 200)}' WHERE {self.word()} < {self.rng.random()}")
            answer = self.answer([self.ok()])
        else:
            w.raw(f"{self.word()} {table}")
            text = f"You have an error in your SQL syntax near '{table}'"
            answer = self.answer([ErrPacket(1064, "42000", text).to_bytes(self.ctx)])
        yield self.request(w.getvalue())
        yield answer

    def once_prepared(self) -> Iterator[replay.Turn]:
        """A statement that is prepared, executed once and closed."""
        table, number = self.word(), self.prepared + 1
        self.prepared = number
        yield self.request(bytes([com.COM_STMT_PREPARE]) + f"SELECT * FROM {table} WHERE {self.word()} = ?".encode())
        head = StmtPrepareOK(number, 1, 1, 0, 0).to_bytes(self.ctx)
        yield self.answer([head, self.column(table), self.column(table)])
        w = Writer()
        w.u8(com.COM_STMT_EXECUTE)
        w.uint(number, 4)
        w.u8(0x08)  # PARAMETER_COUNT_AVAILABLE
        w.uint(1, 4)
        w.lenenc(1)
        w.raw(b"\x00\x01")
        w.uint(VARCHAR, 2)
        w.lenenc_bytes("")
        w.lenenc_bytes(self.word(1, 80))
        yield self.request(w.getvalue())
        yield self.rows(table, binary=True)
        yield self.request(bytes([com.COM_STMT_CLOSE]) + number.to_bytes(4, "little"))


COMMANDS: Final = 4  # that one step of a connection has: a query, and a prepared statement with its end


def turns(samples: Path, steps: int, seed: int) -> Iterator[replay.Turn]:
    """One connection."""
    login, ctx = oltp.login(samples)
    session = _Session(ctx, random.Random(seed))
    yield from login
    for _ in range(steps):
        yield from session.statement()
        yield from session.once_prepared()
    yield session.request(bytes([com.COM_QUIT]))


def different(samples: Path, path: Path, steps: int, connections: int = 16) -> int:
    """Writes the capture. Returns the number of frames."""
    rng = random.Random(6)
    streams = (
        replay.frames_of(turns(samples, steps, number), number, replay.START_NS + number * 7_000, rng)
        for number in range(connections)
    )
    return replay.write_pcap(path, replay.by_time(streams))


def commands_of(steps: int, connections: int = 16) -> int:
    """How many commands such a capture holds."""
    return connections * (COMMANDS * steps + 1)
