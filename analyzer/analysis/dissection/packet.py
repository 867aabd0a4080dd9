"""One MySQL packet as filters ask it and as it is shown: it works out what it is asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Final

from msgspec.structs import replace

from analyzer.analysis.commands.pending import Request
from analyzer.analysis.dissection.computed_fields import GETTERS, OF_FRAME, FrameView, known
from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.fields.base import Value
from analyzer.analysis.dissection.fields.connection import ConnectionFields
from analyzer.analysis.dissection.fields.direct import DIRECT
from analyzer.analysis.dissection.fields.extract import HEADERS, MAKERS, NOTES, Node, nodes_of, recoded
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.packets.field_spans import record_name, spans_of
from analyzer.analysis.packets.masking import (
    CARRIERS,
    MASKED,
    STATEMENTS,
    PacketSurroundings,
    masked,
    masked_value,
)
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.wire.framing import HEADER, LONGEST, RawPacket
from analyzer.protocol.wire.reader import Span
from analyzer.protocol.wire.text import in_charset

# Fields that hold secrets in some packets of which they are read without decoding them.
GUARDED: Final = frozenset({"mysql.query", "mysql.error.message"})
_LENGTHS: Final = (".length", ".length_ext")


class PacketReading:
    """What was worked out of one packet's bytes, each None until it is asked for: bytes and fields, with secrets masked
    where they are shown, where fields stand, and values by field. `codec` is that of its text, None for UTF-8."""

    __slots__ = ("codec", "data", "nodes", "shown", "spans", "values")

    def __init__(self) -> None:
        self.codec: str | None = None
        self.data: bytes | None = None
        self.nodes: list[Node] | None = None
        self.spans: list[Span] | None = None
        self.shown: list[Node] | None = None
        self.values: dict[str, list[Value]] | None = None


class Dissection(FrameView):
    """One packet. While its connection goes on it reads what is negotiated from the machine; `settle` ends that.

    `packet` is None for what is no MySQL packet (a TLS message): then `event` says what it is.
    """

    __slots__ = (
        "_read",
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
        "packet",
        "record",
        "request",
        "unread",
    )

    def __init__(self, scene: RequestTracker, role: int, frame: int, time_ns: int) -> None:
        super().__init__(scene, role, frame, time_ns)
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
        self._read = PacketReading()

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
        made.speak(machine.context.codec_of(role))
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

    def again(self, view: FrameView) -> Dissection:
        """The same packet once more, in another frame: fields and bytes that were worked out are those of this one."""
        made = copy(self)
        made.move(view)
        return made

    def other(self, payload: bytes, context: Context) -> Dissection:
        """A packet that is like this one, but for bytes that may be any. Raises DecodeError where it is not."""
        made = copy(self)
        made._read = PacketReading()
        made.speak(self._read.codec)
        assert self.packet is not None
        made.packet = replace(self.packet, payload=payload)
        kind: Any = type(self.record)
        made.record, made.context = kind.from_bytes(payload, context), context
        return made

    def speak(self, codec: str | None) -> None:
        """The packet's text is of this codec; None is UTF-8."""
        self._read.codec = codec

    def text(self, value: str) -> str:
        """A text of the packet in its character set."""
        return in_charset(value, self._read.codec)

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
            return in_charset(mask.summary(self.record, self.detail, self.around), self._read.codec)
        text = self.record.summary()
        if self.detail is not None:
            text = f"{text}: {self.detail.summary()}" if isinstance(self.record, CARRIERS) else self.detail.summary()
        return in_charset(text, self._read.codec)

    @property
    def data(self) -> bytes:
        """The packet's bytes, header in front, secrets masked: before `settle`, or where that was told to keep them."""
        if self._read.data is None:
            self._read.data = b"" if self.packet is None else self._head() + self._shown_payload()
        return self._read.data

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
        spans = self._read.spans
        return mask.hidden(self.packet.payload, self.record, self.detail, self.context, self.around, spans)

    # -- fields --------------------------------------------------------------------------------------------------------

    def _spans(self) -> list[Span]:
        """Where they stand in the payload: the packet is decoded once more for it."""
        read = self._read
        if read.spans is None:
            assert self.packet is not None
            assert self.record is not None
            assert self.context is not None
            read.spans = spans_of(self.packet.payload, self.record, self.detail, self.context)
        return read.spans

    @property
    def nodes(self) -> list[Node]:
        """All fields of the packet's bytes, as they are on the wire."""
        if self._read.nodes is None:
            if self.packet is None or self.record is None or self.context is None:
                return []
            nodes = nodes_of(self.role, self.packet, self.record, self.detail, self.context, self._spans)
            self._read.nodes = recoded(nodes, self._read.codec)
        return self._read.nodes

    @property
    def shown(self) -> list[Node]:
        """The same with secrets masked."""
        if self._read.shown is None:
            self._read.shown = self._masked_nodes()
        return self._read.shown

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
        first, last = min(hidden)[0] + HEADER, max(stop for _, stop in hidden) + HEADER
        return [_without(node, payload, hidden) if node.start < last and node.end > first else node for node in nodes]

    def settle(self, decode: bool, raw: bool = False) -> None:
        """The machine goes on: what is wanted of the packet's own fields and bytes is worked out now, or never."""
        if self.context is None:
            return
        if decode:
            self._read.shown = self.shown
        if raw:
            self._read.data = self.data
        if self._read.nodes is None:
            self._read.nodes = []
        self._read.spans = None
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
            value = take(self.record)
            return known(in_charset(value, self._read.codec) if isinstance(value, str) else value)
        if name in NOTES or self.may_hold(name):
            return self._of_nodes().get(name, ())
        if self.connection is not None:
            return ConnectionFields(self.connection).values(name)
        return ()

    def _of_nodes(self) -> dict[str, list[Value]]:
        if self._read.values is None:
            self._read.values = {}
            for node in self.nodes:
                self._read.values.setdefault(node.info.name, []).append(node.value)
        return self._read.values

    def shown_values(self, name: str) -> Sequence[Value]:
        """The same as they are shown: with secrets masked."""
        if name == "mysql" and self.packet is not None:
            return (self.data[HEADER:],)
        if self._read.shown is None or self._read.shown is self._read.nodes or name in GETTERS:
            return self.values(name)
        if name in NOTES or self.may_hold(name):
            return [node.value for node in self._read.shown if node.info.name == name]
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
