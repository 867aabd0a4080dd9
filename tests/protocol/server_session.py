"""A connection to a real server whose machine decodes rows: each packet of a response, and what it became."""

from __future__ import annotations

from copy import copy
from types import TracebackType
from typing import Any, NamedTuple, Self

from analyzer.protocol.columns import Columns
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import SERVER, AnyRecord
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.commands.text import ComQuery
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.values import Plain
from live_client import Listener, Options, Session
from tests.servers import Server
from tests.servers.accounts import ADMIN


class Heard(NamedTuple):
    """One packet of the server. `context` is what was in force and known when it had been decoded."""

    packet: RawPacket
    record: AnyRecord
    context: Context


class _Ear(Listener):
    def __init__(self) -> None:
        self.heard: list[RawPacket] = []
        self.all: list[tuple[int, RawPacket, AnyRecord]] = []

    def packet(self, sender: int, packet: RawPacket, record: AnyRecord, detail: Any) -> None:
        self.all.append((sender, packet, record))
        if sender == SERVER:
            self.heard.append(packet)


class Wire:
    """Logs in as the administrator, in plain text. `capabilities` are (name, on) as the raw client takes them."""

    def __init__(self, where: Server, *capabilities: tuple[str, bool]) -> None:
        self._ear = _Ear()
        options = Options(
            host=where.host,
            port=where.port,
            user=ADMIN.name,
            passwords=(ADMIN.password.encode(),),
            database="labdb",
            ssl_mode="disabled",
            get_server_public_key=True,
            capabilities=capabilities,
        )
        self._session = Session(options, listener=self._ear).open()
        channel = self._session.channel
        assert channel is not None
        self.channel = channel
        self.machine = channel.machine
        self.machine.decode_rows = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.channel.transport.close()

    @property
    def all(self) -> list[tuple[int, RawPacket, AnyRecord]]:
        """Every packet of both sides, and what it became."""
        return self._ear.all

    def send(self, command: Record | bytes) -> None:
        """Sends a command; `receive` gives what comes."""
        self._ear.heard.clear()
        payload = command if isinstance(command, bytes) else command.to_bytes(self.machine.context)
        self.channel.send_payload(payload, 0)

    def receive(self) -> Heard:
        record = self.channel.receive()
        assert not isinstance(record, Malformed), record.summary()
        return Heard(self._ear.heard[-1], record, copy(self.machine.context))

    def run(self, command: Record | bytes) -> list[Heard]:
        """The whole response to a command."""
        self.send(command)
        found = [self.receive()]
        while self.machine.finished is None:
            found.append(self.receive())
        return found

    def query(self, sql: str) -> list[Heard]:
        """The whole response to a statement; an error fails the test."""
        found = self.run(ComQuery(sql, 0, 1) if self.machine.context.in_force & 1 << 27 else ComQuery(sql))
        failed = [heard.record for heard in found if isinstance(heard.record, ErrPacket)]
        assert not failed, f"{sql}: {failed[0].summary()}"
        return found

    def try_query(self, sql: str) -> bool:
        """Whether the server knows the statement."""
        found = self.run(ComQuery(sql, 0, 1) if self.machine.context.in_force & 1 << 27 else ComQuery(sql))
        return not isinstance(found[-1].record, ErrPacket)


def rows_of(found: list[Heard]) -> list[tuple[Plain, ...]]:
    """What the values of all rows mean."""
    return [
        heard.record.plain(heard.context.columns) for heard in found if isinstance(heard.record, TextRow | BinaryRow)
    ]


def columns_of(found: list[Heard]) -> Columns:
    """The definitions of the (last) result set."""
    return next((heard.context.columns for heard in reversed(found) if heard.context.columns), ())
