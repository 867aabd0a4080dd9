"""The packets of a connection as ladder and panes show them: fields with their byte ranges, secrets masked.

While the connection goes on, packets are only noted: what they hold is worked out when it is asked for (`packets`), so
that connections which nobody looks at cost little.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

from analyzer.analysis.conversation.observer import BaseObserver
from analyzer.analysis.model.connection import CLIENT as CLIENT_NAME
from analyzer.analysis.model.connection import SERVER as SERVER_NAME
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import Field, Layer, PacketExcerpt
from analyzer.analysis.packets.field_spans import detail_spans, record_title, spans_of
from analyzer.analysis.packets.masking import (
    CARRIERS,
    PacketMask,
    PacketSurroundings,
    masked,
    masked_partial,
    masked_value,
)
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import CLIENT, AnyRecord, Machine
from analyzer.protocol.machine.resultset import LOOKED_AT
from analyzer.protocol.records.authentication import AuthMoreData, AuthResponse
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.response import Data
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.tables.capabilities import CAPABILITIES, STATUS_FLAGS, flag_names
from analyzer.protocol.tables.commands import COMMANDS
from analyzer.protocol.wire.framing import PacketFramer, RawPacket
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Span
from analyzer.protocol.wire.text import in_charset
from analyzer.protocol.wire.values import Value

# Bytes of one packet that a page shows.
SHOWN_BYTES: Final = 1024
LONGEST_VALUE: Final = 256
# A payload over this is worked out at once instead of being kept.
KEPT_BYTES: Final = 4096
# What a packet takes beside its bytes: its record, its fields.
PACKET: Final = 1024
MOST_REMEMBERED: Final = 2048
# Bytes that are text.
_TEXT_FIELDS: Final = frozenset({"attribute_name", "attribute_value", "pem"})
_NO_TEXT: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FLAG_FIELDS: Final[dict[str, int]] = {"client_flag": 0, "capability_flags_1": 0, "capability_flags_2": 16}


# Why bytes are missing, in words.
_GAPS: Final = {
    "snap": "cut by the snap length",
    "unsent": "of the packet were not sent when it was answered",
    "memory": "given up, there was no room for them",
}


class _Noted(NamedTuple):
    """A packet, as it was when the machine had taken it."""

    packet: RawPacket
    record: AnyRecord
    detail: AuthRecord | None
    context: Context
    around: PacketSurroundings
    outer: tuple[Layer, ...]


class _Worked(NamedTuple):
    """What of a packet does not depend on when it came; `record` and `detail` are what it was worked out of."""

    record: AnyRecord
    detail: AuthRecord | None
    name: str
    summary: str
    payload: bytes
    fields: list[Field]
    error: str | None
    secret: bool  # a part of it is masked


class PacketMemo:
    """What was worked out of packets, for those that are the same: of all connections that show secrets alike."""

    __slots__ = ("mask", "worked")

    def __init__(self) -> None:
        self.mask = PacketMask()
        self.worked: dict[tuple[object, ...], _Worked] = {}


class PacketList(BaseObserver):
    """Up to `limit` packets of one connection; what comes after is counted."""

    __slots__ = ("_context", "_items", "_outer", "left_out", "limit", "memo", "show_secrets", "start_ns")

    def __init__(self, limit: int, show_secrets: bool, start_ns: int, memo: PacketMemo | None = None) -> None:
        """`memo` may be shared by the lists of all connections that show secrets alike."""
        self.limit = limit
        self.show_secrets = show_secrets
        self.start_ns = start_ns
        self.left_out = 0
        # Worked out already: with whether a part of it is masked.
        self._items: list[_Noted | tuple[PacketExcerpt, bool]] = []
        self.memo = PacketMemo() if memo is None else memo
        self._context: Context | None = None  # a copy of what was negotiated when the last packet came
        # What the bytes of each side came in: layers from the wire inwards.
        self._outer: tuple[dict[str, Layer], dict[str, Layer]] = ({}, {})

    @property
    def full(self) -> bool:
        return len(self._items) >= self.limit

    @property
    def held(self) -> int:
        items = self._items
        return sum(PACKET + len(item.packet.payload if isinstance(item, _Noted) else item[0].data) for item in items)

    @property
    def layers(self) -> bool:
        return True

    @property
    def packets(self) -> list[PacketExcerpt]:
        """The packets, worked out now."""
        views: list[PacketExcerpt] = []
        closed: dict[str, list[tuple[int, int]]] = {}  # sender -> first and last frame of packets with secrets
        # Records that waited for their key come late.
        for item in sorted(self._items, key=_frame_of):
            view, secret = self._view(item) if isinstance(item, _Noted) else item
            views.append(view)
            if secret:
                closed.setdefault(view.sender, []).append((view.start_frame or view.frame, view.frame))
        if closed:
            _open_layers_go(views, closed)
        return views

    def detail(self) -> ConnectionDetail:
        """What was kept. The connection is over."""
        return ConnectionDetail(self.packets, self.left_out)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        """Adds a packet and its record, as the machine decoded it."""
        if len(self._items) >= self.limit:
            self.left_out += 1
            return
        context = self._context
        if context is None or context != machine.context:
            context = self._context = copy.copy(machine.context)
        outer = tuple(self._outer[role].values()) if self._outer[role] else ()
        around = PacketSurroundings.of(role, packet, record, machine, before)
        noted = _Noted(packet, record, machine.detail, context, around, outer)
        self._items.append(noted if len(packet.payload) <= KEPT_BYTES else self._view(noted))

    def outer(self, role: int, name: str, data: bytes) -> None:
        """Notes the bytes that the next packets of a side come in: `tls` or `compressed`. None: they are not known."""
        if data:
            self._outer[role][name] = Layer(name, data[:SHOWN_BYTES], len(data))
        else:
            self._outer[role].pop(name, None)

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        """Counts packets that were passed over, after the last that is shown."""
        self.left_out += count

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """Adds something that is no packet: a gap, a FIN, a TLS record."""
        if self.full:
            self.left_out += 1
            return
        view = PacketExcerpt(
            frame, max(time_ns - self.start_ns, 0), _sender(role), None, record, summary, length, b"", []
        )
        self._items.append((view, False))

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        why = _GAPS.get(reason, "not in the capture")
        self.event(role, "gap", f"{length} bytes {why}", length, frame, time_ns)

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        words = {"fin": "closes its side of the connection", "rst": "resets the connection"}
        self.event(role, kind.upper(), words.get(kind, kind), 0, frame, time_ns)

    def _view(self, noted: _Noted) -> tuple[PacketExcerpt, bool]:
        """The packet as it is shown, and whether a part of it is masked."""
        packet, record, detail, context, around, outer = noted
        # Many packets of a capture are the same, byte for byte: greetings of results, plain answers. What is meant by
        # bytes that went before may say: a row's columns, a binlog's table maps, types of an execute that names none.
        memo = self.memo.worked
        worked: _Worked | None = None
        key: tuple[object, ...] | None = None
        if context.binlog is None and not isinstance(record, TextRow | BinaryRow):
            key = (
                *(type(record), type(detail), packet.payload),
                *(context.in_force, context.secure, context.codec_of(around.role)),
                *self.memo.mask.decided_by(around),
            )
            worked = memo.get(key)
        if worked is None or worked.record != record or worked.detail != detail:
            worked = self._worked_out(noted)
            if key is not None and len(memo) < MOST_REMEMBERED:
                memo[key] = worked
        view = PacketExcerpt(
            packet.frame,
            max(packet.time_ns - self.start_ns, 0),
            _sender(around.role),
            packet.sequence_id,
            worked.name,
            worked.summary,
            packet.length,
            worked.payload,
            worked.fields,
            worked.error,
            list(outer),
            packet.start_frame,
        )
        return view, worked.secret

    def _worked_out(self, noted: _Noted) -> _Worked:
        packet, record, detail, context, around, _ = noted
        payload = packet.payload
        spans = spans_of(payload, record, detail, context)
        mask = self.memo.mask
        if self.show_secrets:
            hidden: list[tuple[int, int]] = []
            summary = record.summary()
            if detail is not None:
                summary = f"{summary}: {detail.summary()}" if isinstance(record, CARRIERS) else detail.summary()
        else:
            hidden = mask.hidden(payload, record, detail, context, around, spans)
            summary = mask.summary(record, detail, around)
        fields = _fields(payload, record, detail, spans, hidden)
        codec = context.codec_of(around.role)
        if codec is not None:
            summary = in_charset(summary, codec)
            for field in fields:
                field.value = in_charset(field.value, codec)
        # What only this list looks at has no finding to go with it.
        error = record.reason if isinstance(record, Malformed) and record.record_type not in LOOKED_AT else None
        shown = masked(payload, hidden)[:SHOWN_BYTES] if hidden else payload[:SHOWN_BYTES]
        return _Worked(
            record, detail, record_title(record), summary[: LONGEST_VALUE * 2], shown, fields, error, bool(hidden)
        )


def _open_layers_go(views: Sequence[PacketExcerpt], closed: dict[str, list[tuple[int, int]]]) -> None:
    """Takes away what can be opened by anyone, as TLS can not, where a part of a packet with secrets may be in it."""
    for sender, frames in closed.items():
        frames.sort()
        # The furthest frame so far: a packet may span those of others.
        reach = list(accumulate((last for _, last in frames), max))
        for view in views:
            if view.sender == sender and any(layer.name != "tls" for layer in view.layers):
                before = bisect_right(frames, view.frame, key=_first) - 1
                if before >= 0 and reach[before] >= (view.start_frame or view.frame):
                    view.layers = [layer for layer in view.layers if layer.name == "tls"]


def _first(frames: tuple[int, int]) -> int:
    return frames[0]


def _frame_of(item: _Noted | tuple[PacketExcerpt, bool]) -> int:
    return item.packet.frame if isinstance(item, _Noted) else item[0].frame


def _sender(role: int) -> str:
    return CLIENT_NAME if role == CLIENT else SERVER_NAME


def _fields(
    payload: bytes,
    record: AnyRecord,
    detail: AuthRecord | None,
    spans: Sequence[Span],
    hidden: Sequence[tuple[int, int]],
) -> list[Field]:
    """The fields as they are shown. Those of a broken packet have no place: all may stand in what is hidden."""
    if isinstance(record, Data):
        return []
    if isinstance(record, Malformed):
        return [
            Field(span.name, _value(span.name, masked_partial(span.name, span.value) if hidden else span.value), 0, 0)
            for span in spans
        ]
    if isinstance(record, AuthResponse | AuthMoreData) and detail is not None:
        # The plugin's own fields stand in the place of the one that holds all of them.
        own = detail_spans(payload, record, detail)
        spans = [*(span for span in spans if span.name == "header" and span.end == 1), *own] if own else spans
    fields = []
    for span in spans:
        value = masked_value(span.value, payload, span.start, span.end, hidden) if hidden else span.value
        if value is span.value and isinstance(record, TextRow | BinaryRow) and span.name.startswith("value["):
            value = _in_row(record, int(span.name[6:-1]))
        fields.append(Field(span.name, _value(span.name, value), span.start, span.end))
    return fields


def _in_row(record: TextRow | BinaryRow, number: int) -> Any:
    """What a value of a row means: text where it is text, else its bytes."""
    value = record.values[number]
    meant = value.value if isinstance(value, Value) else value
    if not isinstance(meant, bytes):
        return meant
    text = meant.decode("utf-8", ENCODING_ERRORS)
    return text if not _NO_TEXT.search(text) else meant


def _value(name: str, value: Any) -> str:
    """A field's value as a person reads it."""
    if isinstance(value, bytes):
        if name in _TEXT_FIELDS:
            return _value("", value.decode("utf-8", ENCODING_ERRORS))
        text = value[: LONGEST_VALUE // 2].hex(" ")
        return text + (" ..." if len(value) > LONGEST_VALUE // 2 else "")
    if isinstance(value, int):
        shift = _FLAG_FIELDS.get(name)
        if shift is not None:
            return f"0x{value:x} ({', '.join(flag_names(value << shift, CAPABILITIES))})"
        if name == "status_flags":
            return f"0x{value:04x} ({', '.join(flag_names(value, STATUS_FLAGS))})"
        if name == "command":
            return f"{value} (COM_{COMMANDS.get(value, '?').upper()})"
        return str(value)
    text = str(value)
    return text[:LONGEST_VALUE] + (" ..." if len(text) > LONGEST_VALUE else "")
