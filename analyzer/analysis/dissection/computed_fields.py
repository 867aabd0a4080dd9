"""Display fields of a packet that are not in its bytes: of its frame, its connection, and what was worked out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from analyzer.analysis.commands.pending import Request
from analyzer.analysis.dissection.fields.base import Value
from analyzer.analysis.dissection.frame_index import Frame
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.model.connection import CLIENT as CLIENT_NAME
from analyzer.analysis.model.connection import SERVER as SERVER_NAME
from analyzer.analysis.model.connection import elapsed
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.machine.machine import CLIENT, AnyRecord
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.tables.commands import COMMANDS
from analyzer.protocol.wire.framing import RawPacket


class FrameView:
    """A frame of one side of a connection: all that is asked of it but the packets that it holds."""

    __slots__ = ("_frame", "frame", "role", "scene", "time_ns")

    def __init__(self, scene: RequestTracker, role: int, frame: int, time_ns: int) -> None:
        self.scene: RequestTracker = scene
        self.role: int = role
        self.frame: int = frame
        self.time_ns: int = time_ns
        self._frame: Frame | None = None

    def move(self, view: FrameView) -> None:
        """Stands in another frame from here on."""
        self.scene, self.frame, self.time_ns = view.scene, view.frame, view.time_ns
        self._frame = None

    @property
    def source(self) -> tuple[str, int]:
        """(address, port) of the sender."""
        return self.scene.tcp.endpoints[self.scene.client if self.role == CLIENT else 1 - self.scene.client]

    @property
    def destination(self) -> tuple[str, int]:
        return self.scene.tcp.endpoints[1 - self.scene.client if self.role == CLIENT else self.scene.client]

    @property
    def length(self) -> int:
        """The frame's bytes on the wire; 0 where it is too long ago."""
        return self.scene.frames.length(self.frame)

    @property
    def facts(self) -> Frame | None:
        """The frame's lengths and numbers; None where it is too long ago."""
        if self._frame is None:
            self._frame = self.scene.frames.find(self.frame)
        return self._frame


class DissectedPacket(Protocol):
    """What is asked of a packet: a `Dissection`, or what is made to look like one."""

    @property
    def scene(self) -> RequestTracker: ...
    @property
    def facts(self) -> Frame | None: ...
    @property
    def frame(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def role(self) -> int: ...
    @property
    def source(self) -> tuple[str, int]: ...
    @property
    def destination(self) -> tuple[str, int]: ...
    @property
    def packet(self) -> RawPacket | None: ...
    @property
    def record(self) -> AnyRecord | None: ...
    @property
    def detail(self) -> AuthRecord | None: ...
    @property
    def request(self) -> Request | None: ...
    @property
    def first_answer(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def expected(self) -> int | None: ...
    @property
    def assumed(self) -> bool: ...
    @property
    def encrypted(self) -> bool: ...
    @property
    def unread(self) -> bool: ...


def known(value: Value | None) -> Sequence[Value]:
    return () if value is None else (value,)


def _address(version: int, *texts: str) -> Sequence[Value]:
    return [text for text in texts if (":" in text) == (version == 6)]


def _protocol(name: str) -> Sequence[Value]:
    return (name.encode(),)


def _frame_field(index: int) -> Callable[[DissectedPacket], Sequence[Value]]:
    def get(d: DissectedPacket) -> Sequence[Value]:
        facts = d.facts
        return () if facts is None or facts[index] is None else (facts[index],)  # type: ignore[return-value]

    return get


def _flag(mask: int) -> Callable[[DissectedPacket], Sequence[Value]]:
    def get(d: DissectedPacket) -> Sequence[Value]:
        facts = d.facts
        return () if facts is None or facts.flags is None else (bool(facts.flags & mask),)

    return get


def _since_first(d: DissectedPacket) -> Sequence[Value]:
    first = d.scene.frames.first_ns
    return () if first is None else (d.time_ns - first,)


def _latency(d: DissectedPacket) -> Sequence[Value]:
    if not d.first_answer or d.request is None:
        return ()
    took = elapsed(d.request.time_ns, d.time_ns)
    return () if took is None else (took,)


def _request_name(d: DissectedPacket) -> Sequence[Value]:
    return () if d.request is None else (COMMANDS.get(d.request.code, hex(d.request.code)),)


def _request_statement(d: DissectedPacket) -> Sequence[Value]:
    if d.request is None or d.request.statement is None:
        return ()
    text, mask = d.request.statement, d.scene.mask
    return (text if mask is None else mask.statements.statement(text),)


Getter = Callable[[DissectedPacket], Sequence[Value]]

GETTERS: Final[dict[str, Getter]] = {
    "frame": lambda d: _protocol("frame"),
    "frame.number": lambda d: (d.frame,),
    "frame.time": lambda d: (d.time_ns,),
    "frame.time_epoch": lambda d: (d.time_ns,),
    "frame.time_relative": _since_first,
    "frame.time_delta": _frame_field(2),
    "frame.len": _frame_field(0),
    "frame.cap_len": _frame_field(1),
    "ip": lambda d: _protocol("ip") if ":" not in d.source[0] else (),
    "ip.src": lambda d: _address(4, d.source[0]),
    "ip.dst": lambda d: _address(4, d.destination[0]),
    "ip.addr": lambda d: _address(4, d.source[0], d.destination[0]),
    "ip.src_host": lambda d: _address(4, d.source[0]),
    "ip.dst_host": lambda d: _address(4, d.destination[0]),
    "ip.host": lambda d: _address(4, d.source[0], d.destination[0]),
    "ipv6": lambda d: _protocol("ipv6") if ":" in d.source[0] else (),
    "ipv6.src": lambda d: _address(6, d.source[0]),
    "ipv6.dst": lambda d: _address(6, d.destination[0]),
    "ipv6.addr": lambda d: _address(6, d.source[0], d.destination[0]),
    "ipv6.src_host": lambda d: _address(6, d.source[0]),
    "ipv6.dst_host": lambda d: _address(6, d.destination[0]),
    "ipv6.host": lambda d: _address(6, d.source[0], d.destination[0]),
    "tcp": lambda d: _protocol("tcp"),
    "tcp.stream": lambda d: (d.scene.tcp.number,),
    "tcp.port": lambda d: (d.source[1], d.destination[1]),
    "tcp.srcport": lambda d: (d.source[1],),
    "tcp.dstport": lambda d: (d.destination[1],),
    "tcp.len": _frame_field(3),
    "tcp.seq_raw": _frame_field(4),
    "tcp.ack_raw": _frame_field(5),
    "tcp.flags": _frame_field(6),
    "tcp.window_size_value": _frame_field(7),
    "tcp.flags.cwr": _flag(0x80),
    "tcp.flags.ece": _flag(0x40),
    "tcp.flags.urg": _flag(0x20),
    "tcp.flags.ack": _flag(0x10),
    "tcp.flags.push": _flag(0x08),
    "tcp.flags.reset": _flag(0x04),
    "tcp.flags.syn": _flag(0x02),
    "tcp.flags.fin": _flag(0x01),
    "tcp.time_relative": lambda d: (d.time_ns - d.scene.tcp.first_ns,),
    "tls": lambda d: _protocol("tls") if d.encrypted else (),
    "mysql": lambda d: (d.packet.payload,) if d.packet is not None else (b"",) if d.unread else (),
    "handshark": lambda d: _protocol("handshark"),
    "handshark.record": lambda d: (d.name,),
    "handshark.detail": lambda d: known(type(d.detail).__name__ if d.detail is not None else None),
    "handshark.summary": lambda d: (d.summary,),
    "handshark.sender": lambda d: (CLIENT_NAME if d.role == CLIENT else SERVER_NAME,),
    "handshark.state": lambda d: known(d.before or None),
    "handshark.malformed": lambda d: known(d.record.reason if isinstance(d.record, Malformed) else None),
    "handshark.sequence_expected": lambda d: known(d.expected),
    "handshark.assumed": lambda d: (d.assumed,),
    "handshark.encrypted": lambda d: (d.encrypted,),
    "handshark.start_frame": lambda d: known(d.packet.start_frame if d.packet is not None else None),
    "handshark.latency": _latency,
    "handshark.request_frame": lambda d: known(d.request.frame if d.request is not None else None),
    "handshark.request": _request_name,
    "handshark.statement": _request_statement,
}
# Fields of the frame, not of the packet.
OF_FRAME: Final = frozenset(name for name in GETTERS if name.startswith(("frame", "ip", "tcp"))) | {
    "handshark",
    "handshark.capture",
    "handshark.sender",
    "handshark.encrypted",
    "tls",
}
# Those of them that differ from frame to frame of one connection, or from connection to connection.
OF_EACH_FRAME: Final = frozenset(name for name in OF_FRAME if name.startswith(("frame", "ip", "tcp")))
# Those that rest on what was asked before.
REQUEST_FIELDS: Final = frozenset(
    {"handshark.latency", "handshark.request", "handshark.request_frame", "handshark.statement"}
)
# Those that are looked up by the frame's number.
FRAME_FIELDS: Final = frozenset(
    {"frame.len", "frame.cap_len", "frame.time_delta", "frame.time_relative", "tcp.len", "tcp.seq_raw", "tcp.ack_raw"}
    | {"tcp.window_size_value"}
    | {name for name in GETTERS if name.startswith("tcp.flags")}
)
