"""The packets of a connection as ladder and panes show them: fields with their byte ranges, secrets masked."""

from __future__ import annotations

from typing import Any, Final

from analyzer.analysis.model import CLIENT as CLIENT_NAME
from analyzer.analysis.model import SERVER as SERVER_NAME
from analyzer.analysis.model import Field
from analyzer.analysis.model import Packet as PacketView
from analyzer.errors import DecodeError
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.capabilities import CAPABILITIES, STATUS_FLAGS, flag_names
from analyzer.protocol.commands import COMMANDS
from analyzer.protocol.context import Context
from analyzer.protocol.framing import Packet
from analyzer.protocol.machine import CLIENT, AnyRecord, Machine
from analyzer.protocol.reader import Span, TracingReader
from analyzer.protocol.records.authentication import AuthMoreData, AuthResponse
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.command import ComChangeUser, ComOther
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.records.response import Data

# Bytes of one packet that a page shows.
SHOWN_BYTES: Final = 1024
LONGEST_VALUE: Final = 256
MASK: Final = 0x2A  # *
# Fields of auth records that hold a password as it is.
SECRET_FIELDS: Final = frozenset({"password", "answer"})
CARRIERS: Final = (HandshakeResponse41, HandshakeResponse320, ComChangeUser)
_FLAG_FIELDS: Final[dict[str, int]] = {"client_flag": 0, "capability_flags_1": 0, "capability_flags_2": 16}


class PacketList:
    """Up to `limit` packets of one connection; what comes after is counted."""

    __slots__ = ("left_out", "limit", "packets", "show_secrets", "start_ns")

    def __init__(self, limit: int, show_secrets: bool, start_ns: int) -> None:
        self.limit = limit
        self.show_secrets = show_secrets
        self.start_ns = start_ns
        self.packets: list[PacketView] = []
        self.left_out = 0

    @property
    def full(self) -> bool:
        return len(self.packets) >= self.limit

    def packet(self, role: int, packet: Packet, record: AnyRecord, machine: Machine, before: str) -> None:
        """Adds a packet and its record, as the machine decoded it."""
        if self.full:
            self.left_out += 1
            return
        detail = machine.detail
        payload = packet.payload[:SHOWN_BYTES]
        fields = self._fields(packet.payload, record, detail, machine.context)
        secret = [field for field in fields if field.name in SECRET_FIELDS or field.name == "auth_response"]
        if not self.show_secrets and detail is not None and _holds_password(detail):
            payload = _masked(payload, secret)
            for field in secret:
                field.value = "(masked)"
        name = type(record).__name__ if not isinstance(record, Malformed) else f"Malformed {record.record_type}"
        if isinstance(record, Data):
            name = f"Data ({record.kind})"
        elif isinstance(record, ComOther):
            name = "COM_" + COMMANDS.get(record.command, hex(record.command)).upper()
        summary = record.summary()
        if detail is not None:
            summary = f"{summary}: {detail.summary()}" if isinstance(record, CARRIERS) else detail.summary()
        self._add(
            PacketView(
                packet.frame,
                packet.time_ns - self.start_ns,
                _sender(role),
                packet.sequence_id,
                name,
                summary[: LONGEST_VALUE * 2],
                packet.length,
                payload,
                fields,
                record.reason if isinstance(record, Malformed) else None,
            )
        )

    def passed(self, role: int, count: int, length: int, frame: int, time_ns: int) -> None:
        """Counts packets that were passed over, after the last that is shown."""
        self.left_out += count

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """Adds something that is no packet: a gap, a FIN, a TLS record."""
        if self.full:
            self.left_out += 1
            return
        self._add(PacketView(frame, time_ns - self.start_ns, _sender(role), None, record, summary, length, b"", []))

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        why = "cut by the snap length" if reason == "snap" else "not in the capture"
        self.event(role, "gap", f"{length} bytes {why}", length, frame, time_ns)

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        words = {"fin": "closes its side of the connection", "rst": "resets the connection"}
        self.event(role, kind.upper(), words.get(kind, kind), 0, frame, time_ns)

    def _add(self, view: PacketView) -> None:
        self.packets.append(view)

    def _fields(self, payload: bytes, record: AnyRecord, detail: AuthRecord | None, ctx: Context) -> list[Field]:
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


def _sender(role: int) -> str:
    return CLIENT_NAME if role == CLIENT else SERVER_NAME


def _holds_password(detail: AuthRecord) -> bool:
    return any(name in SECRET_FIELDS for name in detail.__struct_fields__)


def _masked(payload: bytes, fields: list[Field]) -> bytes:
    masked = bytearray(payload)
    for field in fields:
        stop = min(field.end, len(masked))
        if field.start < stop:
            masked[field.start : stop] = bytes([MASK]) * (stop - field.start)
    return bytes(masked)


def _value(name: str, value: Any) -> str:
    """A field's value as a person reads it."""
    if isinstance(value, bytes):
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
