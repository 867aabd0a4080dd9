"""Who looks on while a conversation is decoded: the ladder, display filters, the list of commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from analyzer.net.tcp.payload_runs import Runs
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.wire.framing import RawPacket

# Why bytes are missing: the rest of a packet that its sender had not sent when it was answered.
GAP_UNSENT: Final = "unsent"


class Observer(Protocol):
    """Is told of all that happens on one connection, in order for each direction.

    `role` is CLIENT or SERVER (protocol.machine); frames are numbers from 1, times nanoseconds.
    """

    @property
    def full(self) -> bool:
        """Whether rows and definitions may be passed over from here on, without a call for each."""

    def begin(self, client: int) -> None:
        """The connection is MySQL's; `client` is the index of the client's endpoint. Called before all others."""

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        """A packet as the machine decoded it; `before` is the state it came in. Called after the machine moved."""

    def passed(self, before: str, count: int, length: int, frame: int, time_ns: int) -> None:
        """`count` packets of the server were passed over: rows or definitions, as the state `before` awaited them.

        They had `length` payload bytes; frame and time are those of the last byte.
        """

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """Something that is no MySQL packet: a TLS message."""

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """Bytes that are not in the capture. `frame` is the one behind them."""

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        """FIN or RST."""

    def close(self) -> None:
        """The connection is over."""


class BaseObserver:
    """An Observer that takes nothing: subclasses take what they have a use for."""

    __slots__ = ()

    @property
    def full(self) -> bool:
        return True

    def begin(self, client: int) -> None:
        """Which end the client is."""

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        """A packet."""

    def passed(self, before: str, count: int, length: int, frame: int, time_ns: int) -> None:
        """Rows or definitions without a call for each."""

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """A TLS message."""

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """Missing bytes."""

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        """FIN or RST."""

    def close(self) -> None:
        """The connection is over."""


class Skimmer(BaseObserver):
    """An BaseObserver that most packets are nothing to: it takes turns (see `turns`), and rows frame by frame.

    frames     `passed` is told of each frame in which packets end
    turns      plain commands and their plain responses may be taken in one go; `executes`: executes too
    """

    __slots__ = ()

    frames: bool
    turns: bool
    executes: bool

    def turn(self, code: int, request: bytes, response: bytes, runs: Runs, run: int, machine: Machine) -> None:
        """A plain command, the run `run`, and its plain response, the one behind it."""


class ObserverGroup:
    """Observers that look on together."""

    __slots__ = ("observers",)

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.observers = observers

    @property
    def full(self) -> bool:
        return all(observer.full for observer in self.observers)

    def begin(self, client: int) -> None:
        for observer in self.observers:
            observer.begin(client)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        for observer in self.observers:
            observer.packet(role, packet, record, machine, before)

    def passed(self, before: str, count: int, length: int, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.passed(before, count, length, frame, time_ns)

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.event(role, record, summary, length, frame, time_ns)

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.gap(role, length, reason, frame, time_ns)

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.end(role, kind, frame, time_ns)

    def close(self) -> None:
        for observer in self.observers:
            observer.close()
