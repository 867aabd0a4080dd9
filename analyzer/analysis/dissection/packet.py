"""One MySQL packet as filters ask it and as it is shown: it works out what it is asked for, and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from analyzer.analysis.dissection.computed_fields import GETTERS, OF_FRAME, known
from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.fields.base import Value
from analyzer.analysis.dissection.fields.connection import ConnectionFields
from analyzer.analysis.dissection.fields.direct import DIRECT
from analyzer.analysis.dissection.fields.extract import HEADERS, MAKERS, NOTES, Node, nodes_of
from analyzer.analysis.dissection.frame_index import Frame, FrameIndex
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.packets.field_spans import record_name
from analyzer.analysis.packets.masking import (
    CARRIERS,
    MASKED,
    STATEMENTS,
    PacketMask,
    PacketSurroundings,
    masked,
    masked_value,
)
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, AnyRecord, Machine
from analyzer.protocol.machine.state import MAX_PIPELINED
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.commands.text import ComChangeUser
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.wire.framing import HEADER, LONGEST, RawPacket

# Fields that hold secrets in some packets of which they are read without decoding them.
GUARDED: Final = frozenset({"mysql.query", "mysql.error.message"})
_LENGTHS: Final = (".length", ".length_ext")


class Request(NamedTuple):
    """A command that is answered: its last frame and that frame's time."""

    frame: int
    time_ns: int
    code: int
    statement: str | None


class _Asked:
    """A command that waits for its answer, and whether that has begun."""

    __slots__ = ("answered", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answered = False


class RequestTracker:
    """One connection while it goes on: who speaks to whom, and which command is being answered."""

    __slots__ = ("asked", "client", "frames", "mask", "tcp")

    def __init__(self, tcp: TcpConnection, frames: FrameIndex, mask: PacketMask | None) -> None:
        """`mask` is None where secrets are shown."""
        self.tcp: TcpConnection = tcp
        self.frames = frames
        self.mask = mask
        self.client = 0
        self.asked: deque[_Asked] = deque(maxlen=MAX_PIPELINED)

    def request(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine) -> tuple[Request | None, bool]:
        """The command that a packet is or answers, and whether the packet is its first answer."""
        if role == CLIENT:
            return self._ask(packet, record, machine), False
        if not self.asked:
            return None, False
        asked = self.asked[0]
        first, asked.answered = not asked.answered, True
        if machine.finished is not None or machine.state == st.COMMAND:
            self.asked.popleft()
        return asked.request, first

    def _ask(self, packet: RawPacket, record: AnyRecord, machine: Machine) -> Request | None:
        payload = packet.payload
        if not payload or packet.first_sequence_id != 0 or machine.state == st.LOCAL_INFILE:
            return None
        if machine.state in st.CONNECTION_PHASE and not isinstance(record, ComChangeUser):
            return None
        request = Request(packet.frame, packet.time_ns, payload[0], _statement(record, machine.context))
        if payload[0] not in st.UNANSWERED:
            if not machine.queue:
                self.asked.clear()
            self.asked.append(_Asked(request))
        return request


def _statement(record: AnyRecord, context: Context) -> str | None:
    """SQL text of a command: its own, or that of the statement it executes."""
    query = getattr(record, "query", None)
    if isinstance(query, str):
        return query
    statement_id = getattr(record, "statement_id", None)
    statements = getattr(context, "statements", None)
    if statement_id is None or statements is None:
        return None
    found = statements.get(statement_id)
    text = getattr(found, "query", None)
    return text if isinstance(text, str) else None


class Dissection:
    """One packet. While its connection goes on it reads what is negotiated from the machine; `settle` ends that.

    `packet` is None for what is no MySQL packet (a TLS message): then `event` says what it is.
    """

    __slots__ = (
        "_data",
        "_frame",
        "_nodes",
        "_shown",
        "_values",
        "around",
        "assumed",
        "before",
        "connection",
        "context",
        "detail",
        "encrypted",
        "event",
        "expected",
        "first_answer",
        "frame",
        "packet",
        "record",
        "request",
        "role",
        "scene",
        "time_ns",
        "unread",
    )

    def __init__(self, scene: RequestTracker, role: int, frame: int, time_ns: int) -> None:
        self.scene: RequestTracker = scene
        self.role: int = role
        self.frame: int = frame
        self.time_ns: int = time_ns
        self.packet: RawPacket | None = None
        self.record: AnyRecord | None = None
        self.detail: AuthRecord | None = None
        self.context: Context | None = None
        self.before: str = ""
        self.around = PacketSurroundings(role, "")
        self.expected: int | None = None
        self.request: Request | None = None
        self.first_answer = False
        self.encrypted: bool = False
        self.event: tuple[str, str, int] | None = None
        self.connection: Connection | None = None
        self.assumed: bool = False
        self.unread: bool = False
        self._data: bytes | None = None
        self._nodes: list[Node] | None = None
        self._shown: list[Node] | None = None
        self._values: dict[str, list[Value]] | None = None
        self._frame: Frame | None = None

    @classmethod
    def of(
        cls,
        scene: RequestTracker,
        role: int,
        packet: RawPacket,
        record: AnyRecord,
        machine: Machine,
        before: str,
        tracks: bool = True,
    ) -> Dissection:
        """A packet as the machine decoded it. `tracks`: what it answers is noted."""
        made = cls(scene, role, packet.frame, packet.time_ns)
        made.packet, made.record, made.detail = packet, record, machine.detail
        made.context, made.before = machine.context, before
        if scene.mask is not None:
            made.around = PacketSurroundings.of(role, packet, record, machine, before)
        made.encrypted, made.assumed = machine.context.secure, machine.context.assumed
        wrong = machine.sequence_error
        made.expected = wrong.expected if wrong is not None else None
        if tracks:
            made.request, made.first_answer = scene.request(role, packet, record, machine)
        return made

    @classmethod
    def passed(cls, scene: RequestTracker, role: int, frame: int, time_ns: int) -> Dissection:
        """Packets of a frame of which nothing is asked but that they are there."""
        made = cls(scene, role, frame, time_ns)
        made.unread = True
        return made

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the record."""
        if self.record is not None:
            return record_name(self.record)
        return self.event[0] if self.event is not None else ""

    @property
    def summary(self) -> str:
        """One line in plain words, without secrets."""
        if self.record is None:
            return self.event[1] if self.event is not None else ""
        mask = self.scene.mask
        if mask is not None:
            return mask.summary(self.record, self.detail, self.around)
        text = self.record.summary()
        if self.detail is not None:
            text = f"{text}: {self.detail.summary()}" if isinstance(self.record, CARRIERS) else self.detail.summary()
        return text

    @property
    def source(self) -> tuple[str, int]:
        """(address, port) of the sender."""
        return self.scene.tcp.endpoints[self.scene.client if self.role == CLIENT else 1 - self.scene.client]

    @property
    def destination(self) -> tuple[str, int]:
        return self.scene.tcp.endpoints[1 - self.scene.client if self.role == CLIENT else self.scene.client]

    @property
    def facts(self) -> Frame | None:
        """The frame that completed the packet."""
        if self._frame is None:
            self._frame = self.scene.frames.find(self.frame)
        return self._frame

    @property
    def data(self) -> bytes:
        """The packet's bytes, header in front, secrets masked: before `settle`, or where that was told to keep them."""
        if self._data is None:
            self._data = b"" if self.packet is None else self._head() + self._shown_payload()
        return self._data

    def _head(self) -> bytes:
        assert self.packet is not None
        return min(self.packet.length, LONGEST).to_bytes(3, "little") + bytes([self.packet.sequence_id])

    def _shown_payload(self) -> bytes:
        assert self.packet is not None
        return masked(self.packet.payload, self._hidden())

    def _hidden(self) -> list[tuple[int, int]]:
        """What of the payload must not be shown."""
        mask = self.scene.mask
        if mask is None or self.record is None or self.packet is None:
            return []
        if self.context is None:
            return [(0, len(self.packet.payload))]
        return mask.hidden(self.packet.payload, self.record, self.detail, self.context, self.around)

    # -- fields --------------------------------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Node]:
        """All fields of the packet's bytes, as they are on the wire."""
        if self._nodes is None:
            if self.packet is None or self.record is None or self.context is None:
                return []
            self._nodes = nodes_of(self.role, self.packet, self.record, self.detail, self.context)
        return self._nodes

    @property
    def shown(self) -> list[Node]:
        """The same with secrets masked."""
        if self._shown is None:
            self._shown = self._masked_nodes()
        return self._shown

    def _masked_nodes(self) -> list[Node]:
        nodes = self.nodes
        if self.packet is None or self.scene.mask is None or not nodes:
            return nodes
        hidden = self._hidden()
        if not hidden:
            return nodes
        if isinstance(self.record, Malformed):
            return [_partial(node) for node in nodes]
        payload = self.packet.payload
        return [_without(node, payload, hidden) for node in nodes]

    def settle(self, decode: bool, raw: bool = False) -> None:
        """The machine goes on: what is wanted of the packet's own fields and bytes is worked out now, or never."""
        if self.context is None:
            return
        if decode:
            self._shown = self.shown
        if raw:
            self._data = self.data
        if self._nodes is None:
            self._nodes = []
        self.context = None

    def may_hold(self, name: str) -> bool:
        """Whether the packet can have that field of its bytes, as far as that is known without decoding."""
        if name in HEADERS:
            return self.packet is not None
        record = self.record
        if isinstance(record, Malformed):
            return True
        makers = MAKERS.get(name)
        if makers is None or record is None:
            return False
        return record_name(record) in makers or ("BinlogEvent" in makers and "binlog" in type(record).__module__)

    def must_decode(self, name: str) -> bool:
        """Whether the field may be there, and only decoding the packet's bytes once more tells."""
        if name in HEADERS or type(self.record) in DIRECT.get(name, ()):
            return False
        return self.may_hold(name)

    @property
    def holds_secret(self) -> bool:
        """Whether a part of a field that is read without decoding the packet must not be shown."""
        mask, record = self.scene.mask, self.record
        if mask is None or record is None:
            return False
        if isinstance(record, STATEMENTS):
            return self.around.stray or bool(mask.statements.secrets(record.query))
        return isinstance(record, ErrPacket) and mask.summary(record, None, self.around) != record.summary()

    def values(self, name: str) -> Sequence[Value]:
        """All values of a field, in order: what display filters ask."""
        get = GETTERS.get(name)
        if get is not None:
            return get(self)
        if name in HEADERS and self.packet is not None:
            return [self.packet.length if name == HEADERS[0] else self.packet.sequence_id]
        direct = DIRECT.get(name)
        take = direct.get(type(self.record)) if direct is not None else None
        if take is not None:
            return known(take(self.record))
        if name in NOTES or self.may_hold(name):
            return self._of_nodes().get(name, ())
        if self.connection is not None:
            return ConnectionFields(self.connection).values(name)
        return ()

    def _of_nodes(self) -> dict[str, list[Value]]:
        if self._values is None:
            self._values = {}
            for node in self.nodes:
                self._values.setdefault(node.info.name, []).append(node.value)
        return self._values

    def shown_values(self, name: str) -> Sequence[Value]:
        """The same as they are shown: with secrets masked."""
        if self._shown is None or self._shown is self._nodes or name in GETTERS:
            return self.values(name)
        if name in NOTES or self.may_hold(name):
            return [node.value for node in self._shown if node.info.name == name]
        return self.values(name)


def _without(node: Node, payload: bytes, hidden: list[tuple[int, int]]) -> Node:
    """The node without what it must not show; flags, lengths and labels show nothing."""
    start, stop = node.start - HEADER, node.end - HEADER
    if start < 0 or not _is_shown(node):
        return node
    value = masked_value(node.value, payload, start, stop, hidden)
    return node if value is node.value else node._replace(value=value)


def _partial(node: Node) -> Node:
    """A field of a broken packet, whose place in it is not known."""
    if node.start < HEADER or node.info.name == "mysql.user" or not _is_shown(node):
        return node
    return node._replace(value=MASKED)


def _is_shown(node: Node) -> bool:
    """Whether the node's value is what stands in its bytes: numbers are only where they are a bound value."""
    if not isinstance(node.value, int):
        return True
    name = node.info.name
    return name.startswith("mysql.exec.field.") and not isinstance(node.value, bool) and not name.endswith(_LENGTHS)


class FrameGroup:
    """Packets of one frame, asked as one, as Wireshark does."""

    __slots__ = ("group",)

    def __init__(self, group: Sequence[Dissection]) -> None:
        self.group = group

    def values(self, name: str) -> Sequence[Value]:
        group = self.group
        info = FIELDS.get(name)
        # What belongs to the frame is there once, however many packets it holds.
        if len(group) == 1 or name in OF_FRAME or (info is not None and info.scope != "packet"):
            return group[0].values(name)
        return [value for one in group for value in one.values(name)]

    def shown_values(self, name: str) -> Sequence[Value]:
        """The same with secrets masked."""
        group = self.group
        info = FIELDS.get(name)
        if len(group) == 1 or name in OF_FRAME or (info is not None and info.scope != "packet"):
            return group[0].shown_values(name)
        return [value for one in group for value in one.shown_values(name)]
