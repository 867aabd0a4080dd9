"""The commands of sysbench's oltp_read_write, half of the connections with prepared statements and half without.

What a transaction asks and answers is laid out with the project's own records; all values differ, as in real traffic.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.records.response import ColumnCount, StmtPrepareOK
from analyzer.protocol.records.resultset import ColumnDefinition41
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.framing import encode_packet
from analyzer.protocol.wire.reader import Writer
from tests.bench import replay

AUTOCOMMIT = 0x0002
IN_TRANSACTION = 0x0003
CHAR = 0xFE
LONGLONG = 0x08
DIGITS = "0123456789"

# Name, SQL with a `?` for each value, what it answers with.
POINT = "SELECT c FROM sbtest1 WHERE id=?"
RANGES = (
    "SELECT c FROM sbtest1 WHERE id BETWEEN ? AND ?",
    "SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN ? AND ?",
    "SELECT c FROM sbtest1 WHERE id BETWEEN ? AND ? ORDER BY c",
    "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN ? AND ? ORDER BY c",
)
WRITES = (
    ("UPDATE sbtest1 SET k=k+1 WHERE id=?", False),
    ("UPDATE sbtest1 SET c=? WHERE id=?", True),
    ("DELETE FROM sbtest1 WHERE id=?", False),
)
INSERT = "INSERT INTO sbtest1 (id, k, c, pad) VALUES (?, ?, ?, ?)"
ROWS = 100


class _Session:
    """Encodes one connection's packets."""

    def __init__(self, ctx: Context, rng: random.Random, prepared: bool) -> None:
        self.ctx = ctx
        self.rng = rng
        self.prepared = prepared
        self.statements: dict[str, int] = {}
        column = ColumnDefinition41("def", "sbtest", "sbtest1", "sbtest1", "c", "c", None, 12, 255, 480, CHAR, 0, 0)
        number = ColumnDefinition41("def", "", "", "", "SUM(k)", "", None, 12, 63, 20, LONGLONG, 0, 0)
        self.columns = {False: column.to_bytes(ctx), True: number.to_bytes(ctx)}

    def text(self, size: int) -> str:
        return "".join(self.rng.choices(DIGITS, k=size))

    def request(self, payload: bytes) -> replay.Turn:
        return True, encode_packet(payload, 0)

    def answer(self, payloads: list[bytes]) -> replay.Turn:
        return False, b"".join(encode_packet(payload, number & 0xFF) for number, payload in enumerate(payloads, 1))

    def ok(self, affected: int = 0, header: int = 0, status: int = IN_TRANSACTION) -> bytes:
        return OKPacket(header, affected, 0, status, 0, None, True, None).to_bytes(self.ctx)

    def prepare(self, sql: str) -> Iterator[replay.Turn]:
        number = self.statements[sql] = len(self.statements) + 1
        yield self.request(bytes([com.COM_STMT_PREPARE]) + sql.encode())
        params = sql.count("?")
        columns = int(sql.startswith("SELECT"))
        definition = self.columns["SUM" in sql]
        head = StmtPrepareOK(number, columns, params, 0, 0).to_bytes(self.ctx)
        yield self.answer([head] + [self.columns[True]] * params + [definition] * columns)

    def ask(self, sql: str, values: list[int | str]) -> Iterator[replay.Turn]:
        """A statement's request: an execute, or the statement with its values in it."""
        w = Writer()
        if self.prepared and sql in self.statements:
            w.u8(com.COM_STMT_EXECUTE)
            w.uint(self.statements[sql], 4)
            w.u8(0x08)  # PARAMETER_COUNT_AVAILABLE, as libmysqlclient sets it
            w.uint(1, 4)
            w.lenenc(len(values))
            if values:
                w.raw(bytes((len(values) + 7) // 8))
                w.u8(1)
            for value in values:
                w.uint(LONGLONG if isinstance(value, int) else CHAR, 2)
                w.lenenc_bytes("")
            for value in values:
                if isinstance(value, int):
                    w.uint(value, 8)
                else:
                    w.lenenc_bytes(value)
        else:
            parts = sql.split("?")
            text = parts[0]
            for value, part in zip(values, parts[1:], strict=True):
                text += (str(value) if isinstance(value, int) else f"'{value}'") + part
            w.u8(com.COM_QUERY)
            w.lenenc(0)
            w.lenenc(1)
            w.raw(text)
        yield self.request(w.getvalue())

    def rows(self, count: int, number: bool) -> replay.Turn:
        """A result set of one column."""
        rows = []
        for _ in range(count):
            w = Writer()
            if self.prepared:
                w.raw(b"\x00\x00")
            if number and self.prepared:
                w.uint(self.rng.randrange(1 << 40), 8)
            else:
                w.lenenc_bytes(self.text(9 if number else 119))
            rows.append(w.getvalue())
        return self.answer([ColumnCount(1).to_bytes(self.ctx), self.columns[number], *rows, self.ok(0, 0xFE)])

    def transaction(self) -> Iterator[replay.Turn]:
        rng = self.rng
        yield from self.ask("BEGIN", [])
        yield self.answer([self.ok()])
        for _ in range(10):
            yield from self.ask(POINT, [rng.randrange(100_000)])
            yield self.rows(1, False)
        for sql in RANGES:
            start = rng.randrange(100_000)
            yield from self.ask(sql, [start, start + ROWS - 1])
            yield self.rows(1 if "SUM" in sql else ROWS, "SUM" in sql)
        for sql, text in WRITES:
            yield from self.ask(sql, ([self.text(119)] if text else []) + [rng.randrange(100_000)])
            yield self.answer([self.ok(1)])
        yield from self.ask(INSERT, [rng.randrange(100_000), rng.randrange(100_000), self.text(119), self.text(59)])
        yield self.answer([self.ok(1)])
        yield from self.ask("COMMIT", [])
        yield self.answer([self.ok(status=AUTOCOMMIT)])


def login(samples: Path) -> tuple[list[replay.Turn], Context]:
    """The login of a sample, and what it negotiates."""
    turns = replay.turns_of(samples / "mysql97_cli_fast-auth.pcap")
    ctx = Context()
    greeting = HandshakeV10.from_bytes(turns[0][1][4:], ctx)
    ctx.server = greeting.capability_flags
    ctx.client = HandshakeResponse41.from_bytes(turns[1][1][4:], ctx).capability_flags
    ctx.negotiate()
    first = next(i for i, (client, data) in enumerate(turns) if client and data[3] == 0)
    return turns[:first], ctx


def turns(samples: Path, transactions: int, seed: int) -> Iterator[replay.Turn]:
    """One connection; every second seed uses prepared statements."""
    begin, ctx = login(samples)
    session = _Session(ctx, random.Random(seed), prepared=seed % 2 == 0)
    yield from begin
    if session.prepared:
        for sql in ("BEGIN", POINT, *RANGES, *(sql for sql, _ in WRITES), INSERT, "COMMIT"):
            yield from session.prepare(sql)
    for _ in range(transactions):
        yield from session.transaction()
    yield session.request(bytes([com.COM_QUIT]))


def oltp(samples: Path, path: Path, transactions: int, connections: int = 16) -> int:
    """Writes the capture: `transactions` of each connection, all at the same time. Returns the number of frames."""
    rng = random.Random(4)
    streams = (
        replay.frames_of(turns(samples, transactions, number), number, replay.START_NS + number * 7_000, rng)
        for number in range(connections)
    )
    return replay.write_pcap(path, replay.by_time(streams))


def commands_of(transactions: int, connections: int = 16) -> int:
    """How many commands such a capture holds."""
    prepares = 3 + len(RANGES) + len(WRITES) + 1
    each = 1 + 10 + len(RANGES) + len(WRITES) + 1 + 1
    return connections * (transactions * each + 1) + (connections + 1) // 2 * prepares
