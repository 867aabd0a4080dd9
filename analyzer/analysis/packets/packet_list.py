"""The packets of a connection as ladder and panes show them: fields with their byte ranges, secrets masked.

While the connection goes on, packets are only noted: what they hold is worked out when it is asked for (`packets`), so
that connections which nobody looks at cost little.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Final, NamedTuple

from analyzer.analysis.conversation.observer import BaseObserver
from analyzer.analysis.model.connection import CLIENT as CLIENT_NAME
from analyzer.analysis.model.connection import SERVER as SERVER_NAME
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import Field, Layer, PacketExcerpt
from analyzer.errors import DecodeError
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, AnyRecord, Machine
from analyzer.protocol.machine.resultset import LOOKED_AT
from analyzer.protocol.records.authentication import AuthMoreData, AuthResponse
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.commands.text import ComChangeUser, ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables.capabilities import CAPABILITIES, STATUS_FLAGS, flag_names
from analyzer.protocol.tables.commands import COMMANDS
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Span, TracingReader

# Bytes of one packet that a page shows.
SHOWN_BYTES: Final = 1024
LONGEST_VALUE: Final = 256
# A payload over this is worked out at once instead of being kept.
KEPT_BYTES: Final = 4096
MOST_REMEMBERED: Final = 2048
MASK: Final = 0x2A  # *
MASKED: Final = "(masked)"
CARRIERS: Final = (HandshakeResponse41, HandshakeResponse320, ComChangeUser)
# What a client's part of an auth exchange may show: the rest is a password, or lets one be guessed offline.
OPEN_FIELDS: Final = frozenset(
    {"request", "nul", "capability", "tag", "mechanism", "client_nonce", "auth_response_len", "count"}
)
# Bytes of a login that come before its user, and so before any secret.
LOGIN_HEAD: Final = 32
# Bytes that are text.
_TEXT_FIELDS: Final = frozenset({"attribute_name", "attribute_value", "pem"})
_FLAG_FIELDS: Final[dict[str, int]] = {"client_flag": 0, "capability_flags_1": 0, "capability_flags_2": 16}
# Passwords and their hashes in statements, as the server's own logs mask them ("Password Logging" in the manual).
_SQL_SECRET: Final = re.compile(
    r"""(?isx)
    (?: \bIDENTIFIED \s+ (?: (?:WITH|VIA) \s+ \S+ \s+ )? (?:BY|AS|USING) \s+ (?:PASSWORD \s*)? \(? \s*
      | \bREPLACE \s+ (?=['"])
      | \bPASSWORD \s* (?: FOR \s+ \S+ \s* )? (?: = \s* (?: (?:OLD_)?PASSWORD \s* \( \s* )? | \( \s* )
      | \b(?:MASTER|SOURCE)_PASSWORD \s* = \s*
    )
    (?: '(?P<a>(?:[^'\\]|\\.|'')*)(?:'|\\?\Z) | "(?P<b>(?:[^"\\]|\\.|"")*)(?:"|\\?\Z) )
    """
)


# Why bytes are missing, in words.
_GAPS: Final = {"snap": "cut by the snap length", "unsent": "of the packet were not sent when it was answered"}


class _Noted(NamedTuple):
    """A packet, as it was when the machine had taken it."""

    role: int
    packet: RawPacket
    record: AnyRecord
    detail: AuthRecord | None
    context: Context
    before: str
    outer: tuple[Layer, ...]


# Name, summary, payload, fields, error of a packet: what does not depend on when it came.
_Worked = tuple[str, str, bytes, list[Field], str | None]
Memo = dict[tuple[object, ...], _Worked]


class PacketList(BaseObserver):
    """Up to `limit` packets of one connection; what comes after is counted."""

    __slots__ = ("_context", "_items", "_memo", "_outer", "left_out", "limit", "show_secrets", "start_ns")

    def __init__(self, limit: int, show_secrets: bool, start_ns: int, memo: Memo | None = None) -> None:
        """`memo` may be shared by the lists of all connections that show secrets alike."""
        self.limit = limit
        self.show_secrets = show_secrets
        self.start_ns = start_ns
        self.left_out = 0
        self._items: list[_Noted | PacketExcerpt] = []
        self._memo: Memo = {} if memo is None else memo
        self._context: Context | None = None  # a copy of what was negotiated when the last packet came
        # What the bytes of each side came in: layers from the wire inwards.
        self._outer: tuple[dict[str, Layer], dict[str, Layer]] = ({}, {})

    @property
    def full(self) -> bool:
        return len(self._items) >= self.limit

    @property
    def layers(self) -> bool:
        return True

    @property
    def packets(self) -> list[PacketExcerpt]:
        """The packets, worked out now."""
        # Records that waited for their key come late.
        items = sorted(self._items, key=lambda item: item.packet.frame if isinstance(item, _Noted) else item.frame)
        return [self._view(item) if isinstance(item, _Noted) else item for item in items]

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
        noted = _Noted(role, packet, record, machine.detail, context, before, outer)
        self._items.append(noted if len(packet.payload) <= KEPT_BYTES else self._view(noted))

    def outer(self, role: int, name: str, data: bytes) -> None:
        """Notes the bytes that the next packets of a side come in: `tls` or `compressed`. None: they are not known."""
        if data:
            self._outer[role][name] = Layer(name, data[:SHOWN_BYTES], len(data))
        else:
            self._outer[role].pop(name, None)

    def passed(self, before: str, count: int, length: int, frame: int, time_ns: int) -> None:
        """Counts packets that were passed over, after the last that is shown."""
        self.left_out += count

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """Adds something that is no packet: a gap, a FIN, a TLS record."""
        if self.full:
            self.left_out += 1
            return
        self._items.append(
            PacketExcerpt(frame, time_ns - self.start_ns, _sender(role), None, record, summary, length, b"", [])
        )

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        why = _GAPS.get(reason, "not in the capture")
        self.event(role, "gap", f"{length} bytes {why}", length, frame, time_ns)

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        words = {"fin": "closes its side of the connection", "rst": "resets the connection"}
        self.event(role, kind.upper(), words.get(kind, kind), 0, frame, time_ns)

    def _view(self, noted: _Noted) -> PacketExcerpt:
        role, packet, record, detail, context, before, outer = noted
        # Many packets of a capture are the same, byte for byte: greetings of results, plain answers.
        key = (role, type(record), type(detail), packet.payload, context.in_force, context.secure, before)
        worked = self._memo.get(key)
        if worked is None:
            worked = self._worked_out(noted)
            if len(self._memo) < MOST_REMEMBERED:
                self._memo[key] = worked
        name, summary, payload, fields, error = worked
        if outer and payload != packet.payload[:SHOWN_BYTES]:
            # What was compressed can be opened by anyone; TLS can not.
            outer = tuple(layer for layer in outer if layer.name == "tls")
        return PacketExcerpt(
            packet.frame,
            packet.time_ns - self.start_ns,
            _sender(role),
            packet.sequence_id,
            name,
            summary,
            packet.length,
            payload,
            fields,
            error,
            list(outer),
            packet.start_frame,
        )

    def _worked_out(self, noted: _Noted) -> _Worked:
        role, packet, record, detail, context, before, _ = noted
        payload = packet.payload[:SHOWN_BYTES]
        fields = _fields(packet.payload, record, detail, context)
        summary = record.summary()
        if detail is not None:
            summary = f"{summary}: {detail.summary()}" if isinstance(record, CARRIERS) else detail.summary()
        if not self.show_secrets and role == CLIENT:
            payload = _masked(payload, record, detail, fields, before)
            if isinstance(record, ComQuery | ComStmtPrepare):
                summary = masked_sql(summary)
        # What only this list looks at has no finding to go with it.
        error = record.reason if isinstance(record, Malformed) and record.record_type not in LOOKED_AT else None
        return _name(record), summary[: LONGEST_VALUE * 2], payload, fields, error


def masked_sql(statement: str) -> str:
    """A statement without the passwords and hashes that stand in it."""
    for start, stop in reversed(_secrets_of(statement)):
        statement = statement[:start] + "***" + statement[stop:]
    return statement


def _secrets_of(statement: str) -> list[tuple[int, int]]:
    """Where passwords stand in a statement, as (start, stop)."""
    return [found.span(found.lastgroup or 0) for found in _SQL_SECRET.finditer(statement)]


def _name(record: AnyRecord) -> str:
    if isinstance(record, Malformed):
        return f"Malformed {record.record_type}"
    if isinstance(record, Data):
        return f"Data ({record.kind})"
    if isinstance(record, ComOther):
        return "COM_" + COMMANDS.get(record.command, hex(record.command)).upper()
    return type(record).__name__


def _sender(role: int) -> str:
    return CLIENT_NAME if role == CLIENT else SERVER_NAME


def _fields(payload: bytes, record: AnyRecord, detail: AuthRecord | None, ctx: Context) -> list[Field]:
    """The record's fields, by decoding it once more with a reader that notes where they stand."""
    if isinstance(record, Malformed):
        return [Field(name, _value(name, value), 0, 0) for name, value in record.partial]
    if isinstance(record, Data):
        return []
    base = 0
    kind: type[Record | AuthRecord] = type(record)
    spans: list[Span] = []
    if isinstance(record, AuthResponse | AuthMoreData) and detail is not None:
        kind = type(detail)
        if isinstance(record, AuthMoreData) and record.has_mark:
            base = 1
            spans.append(Span("header", 0, 1, 1))
    reader = TracingReader(payload[base:], kind.__name__)
    try:
        if base or (isinstance(record, AuthResponse | AuthMoreData) and detail is not None):
            decode: Any = kind.decode  # type: ignore[union-attr]
            decode(reader)
        else:
            type(record).decode(reader, ctx)
    except DecodeError as error:
        return [Field(error.field, str(error), 0, 0)]
    spans.extend(Span(s.name, s.start + base, s.end + base, s.value) for s in reader.spans)
    return [Field(s.name, _value(s.name, s.value), s.start, s.end) for s in spans]


def _masked(payload: bytes, record: AnyRecord, detail: AuthRecord | None, fields: list[Field], before: str) -> bytes:
    """A client's bytes without its secrets, and the fields' values changed in place; `payload` itself if it has none.

    Secret is what proves a password: the password, but also a scramble, a signature, a token, from which it can be
    guessed. Where bytes could not be decoded, all that may hold such a thing is masked.
    """
    connecting = before in st.CONNECTION_PHASE or before == st.AUTHENTICATION
    ranges: list[tuple[int, int]] = []
    if isinstance(record, CARRIERS):
        ranges = [_mask(field) for field in fields if field.name == "auth_response" and field.end > field.start]
    elif isinstance(record, AuthResponse):
        if detail is None:
            ranges = [(0, len(payload))]
            for field in fields:
                _mask(field)
        else:
            ranges = [_mask(field) for field in fields if field.name not in OPEN_FIELDS]
    elif isinstance(record, Malformed):
        if connecting or record.record_type == "ComChangeUser":
            kept = LOGIN_HEAD if record.record_type == "HandshakeResponse41" else 1
            ranges = [(kept, len(payload))]
            for field in fields:
                if field.name in ("auth_response", "password", "data"):
                    _mask(field)
    elif isinstance(record, Data):
        if connecting:
            ranges = [(0, len(payload))]
    elif isinstance(record, ComQuery | ComStmtPrepare):
        for field in fields:
            if field.name in ("query", "statement"):
                text = payload[field.start : field.end].decode("utf-8", ENCODING_ERRORS)
                for start, stop in _secrets_of(text):
                    # Positions in bytes: a statement may hold other than ASCII.
                    begin = field.start + len(text[:start].encode("utf-8", ENCODING_ERRORS))
                    ranges.append((begin, begin + len(text[start:stop].encode("utf-8", ENCODING_ERRORS))))
                field.value = masked_sql(field.value)
    if not any(stop > start for start, stop in ranges):
        return payload
    masked = bytearray(payload)
    for start, stop in ranges:
        end = min(stop, len(masked))
        if start < end:
            masked[start:end] = bytes([MASK]) * (end - start)
    return bytes(masked)


def _mask(field: Field) -> tuple[int, int]:
    field.value = MASKED
    return field.start, field.end


def without_secrets(
    payload: bytes, record: AnyRecord, detail: AuthRecord | None, context: Context, before: str
) -> bytes:
    """A client's payload with its secrets masked, byte for byte; `payload` itself where it has none."""
    return _masked(payload, record, detail, _fields(payload, record, detail, context), before)


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
