"""Who looks on while a conversation is decoded: the ladder, display filters, the list of commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine.fast_path import Scanned
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.wire.framing import PacketFramer, RawPacket

# Why bytes are missing: the rest of a packet that its sender had not sent when it was answered.
GAP_UNSENT: Final = "unsent"
# They are in the capture, but there was no room to keep them.
GAP_MEMORY: Final = "memory"


class KnownLogin(Protocol):
    """A whole login of a known shape: its packets, for who looks on and knows the shape, or looks at all of them.

    shape          the same object for all logins of the shape
    contents       its pieces
    free           by piece, the names of the fields that are this login's own
    frames, times  of its segments, from 1: the first piece may have several, each other has one
    """

    @property
    def shape(self) -> object: ...

    contents: list[bytes]
    free: list[frozenset[str]]
    frames: list[int]
    times: list[int]

    def show(self, observer: Observer, *, places: bool = False) -> None:
        """Has another observer look at its packets, as they are decoded; `places`: with places of segments for frames
        and times."""


class Observer(Protocol):
    """Is told of all that happens on one connection, in order for each direction.

    `role` is CLIENT or SERVER (protocol.machine); frames are numbers from 1, times nanoseconds.

    What it wants to be told may change with every call:

    full      rows and definitions may be passed over from here on, without a call for each
    plain     plain commands and plain responses may come as `request` and `response`, without a record for each packet
    turns     a plain COM_QUERY and its plain response may come together, as `turn`; `executes`: executes too
    all_turns so may all other plain commands (prepares, pings, resets, closes), and executes that send other types
    failures  so may a plain COM_QUERY that fails, with its error, and a COM_QUIT
    frames    `passed` is told of each frame in which packets end
    layers    `outer` is told what the packets came in
    logins    it looks at packets of logins; else `known` and `login` may be told of one in their place (asked once, at
              first)
    """

    @property
    def full(self) -> bool: ...

    @property
    def plain(self) -> bool: ...

    @property
    def turns(self) -> bool: ...

    @property
    def executes(self) -> bool: ...

    @property
    def all_turns(self) -> bool: ...

    @property
    def failures(self) -> bool: ...

    @property
    def frames(self) -> bool: ...

    @property
    def layers(self) -> bool: ...

    @property
    def logins(self) -> bool: ...

    @property
    def held(self) -> int:
        """Bytes of memory that it keeps of the connection."""

    def begin(self, client: int) -> None:
        """The connection is MySQL's; `client` is the index of the client's endpoint. Called before all others."""

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        """In place of the packets of a login: what the client sent (None: TLS comes before it), and who is behind it.

        It is called when something comes behind the login; of its fields those that are free may be another's. It is
        called again, with None, where another machine stands there from now on.
        """

    def known(self, login: KnownLogin) -> None:
        """A login of a known shape is whole: called behind `begin`, before anything that comes behind it."""

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        """A packet as the machine decoded it; `before` is the state it came in. Called after the machine moved."""

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        """`count` packets of the server were passed over: rows or definitions, as the state `before` awaited them.

        They had `length` payload bytes; `mark` of the framer says when their last byte came, and its `start` when the
        first of them did.
        """

    def request(
        self,
        data: bytes,
        statement: PreparedStatement | None,
        plan: ExecutePlan | None,
        in_force: int,
        frame: int,
        time_ns: int,
    ) -> None:
        """A plain command, its whole packet: COM_QUERY without attributes, COM_QUIT, or an execute of `statement`."""

    def response(
        self,
        found: Scanned,
        end: OKPacket | EOFPacket,
        length: int,
        ends: list[int],
        frames: list[int],
        times: list[int],
    ) -> None:
        """The plain response, `length` bytes, of the command that is awaited; `end` is what is in its last packet."""

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        """A plain command and its plain response; what is in `turn.pieces` is gone when this returns."""

    def outer(self, role: int, name: str, data: bytes) -> None:
        """The bytes that the next packets of a side came in: `tls` or `compressed`."""

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """Something that is no MySQL packet: a TLS message."""

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """Bytes that are not in the capture. `frame` is the one behind them."""

    def skipped(self, role: int, data: bytes, frame: int, time_ns: int) -> None:
        """Bytes that belong to no packet whose beginning is known: they come after bytes that are missing."""

    def desynchronised(self) -> None:
        """What the commands that wait were answered with can not be told from the answers of others.

        The same is true of those that were answered since `taken_up`, if `proven` has not been called.
        """

    def taken_up(self) -> None:
        """The command that comes is paired with the answer that comes next, until something speaks against it."""

    def proven(self) -> None:
        """It was its answer."""

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

    @property
    def plain(self) -> bool:
        return False

    @property
    def turns(self) -> bool:
        return False

    @property
    def executes(self) -> bool:
        return False

    @property
    def all_turns(self) -> bool:
        return False

    @property
    def failures(self) -> bool:
        return False

    @property
    def frames(self) -> bool:
        return False

    @property
    def layers(self) -> bool:
        return False

    @property
    def logins(self) -> bool:
        return True

    @property
    def held(self) -> int:
        return 0

    def begin(self, client: int) -> None:
        """Which end the client is."""

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        """A login."""

    def known(self, login: KnownLogin) -> None:
        """A login of a known shape."""

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        """A packet."""

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        """Rows or definitions without a call for each."""

    def request(
        self,
        data: bytes,
        statement: PreparedStatement | None,
        plan: ExecutePlan | None,
        in_force: int,
        frame: int,
        time_ns: int,
    ) -> None:
        """A plain command."""

    def response(
        self,
        found: Scanned,
        end: OKPacket | EOFPacket,
        length: int,
        ends: list[int],
        frames: list[int],
        times: list[int],
    ) -> None:
        """A plain response."""

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        """Both."""

    def outer(self, role: int, name: str, data: bytes) -> None:
        """What packets came in."""

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """A TLS message."""

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """Missing bytes."""

    def skipped(self, role: int, data: bytes, frame: int, time_ns: int) -> None:
        """Bytes after missing ones."""

    def desynchronised(self) -> None:
        """Answers that are nobody's."""

    def taken_up(self) -> None:
        """Answers that may be somebody's."""

    def proven(self) -> None:
        """They are."""

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        """FIN or RST."""

    def close(self) -> None:
        """The connection is over."""


class TurnObserver(BaseObserver):
    """A BaseObserver that takes turns above all: they are told to it without a search for its method, as is whose they
    are. The pieces of a login of a known shape are nothing to it: `known` is not called."""

    __slots__ = ()

    def begin(self, client: int) -> None:
        """Which end the client is."""

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        """A login."""

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        """Both."""

    @property
    def seals(self) -> bool:
        """Whether no session need be made of TLS: nothing is told where nobody opens it, and where it is opened `login`
        and `turn` may come in the place of packets. Where something else turns out to be inside, it comes all once
        more, behind `rewind`."""
        return False

    def rewind(self) -> None:
        """What came inside of TLS comes once more, from the first on."""

    def whole(self) -> bool:
        """Whether it takes sessions that are known as a whole."""
        return False

    def session(self, plain: object, ends: Ends) -> bool:
        """Takes a PlainSession that is known as a whole, behind `begin` and `login`, in place of its turns; False: it
        wants to be told of these."""
        return False


class ObserverGroup(BaseObserver):
    """Observers that look on together: each packet goes to all of them."""

    __slots__ = ("observers",)

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.observers = observers

    @property
    def full(self) -> bool:
        return all(observer.full for observer in self.observers)

    @property
    def layers(self) -> bool:
        return any(observer.layers for observer in self.observers)

    @property
    def logins(self) -> bool:
        return any(observer.logins for observer in self.observers)

    @property
    def held(self) -> int:
        return sum(observer.held for observer in self.observers)

    def begin(self, client: int) -> None:
        for observer in self.observers:
            observer.begin(client)

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        for observer in self.observers:
            observer.login(record, machine)

    def known(self, login: KnownLogin) -> None:
        for observer in self.observers:
            observer.known(login)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        for observer in self.observers:
            observer.packet(role, packet, record, machine, before)

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        for observer in self.observers:
            observer.passed(before, count, length, framer)

    def outer(self, role: int, name: str, data: bytes) -> None:
        for observer in self.observers:
            observer.outer(role, name, data)

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.event(role, record, summary, length, frame, time_ns)

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.gap(role, length, reason, frame, time_ns)

    def skipped(self, role: int, data: bytes, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.skipped(role, data, frame, time_ns)

    def desynchronised(self) -> None:
        for observer in self.observers:
            observer.desynchronised()

    def taken_up(self) -> None:
        for observer in self.observers:
            observer.taken_up()

    def proven(self) -> None:
        for observer in self.observers:
            observer.proven()

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        for observer in self.observers:
            observer.end(role, kind, frame, time_ns)

    def close(self) -> None:
        for observer in self.observers:
            observer.close()
