"""Which bytes of a packet are which field: the one place that says so, and what its record is called.

A record is decoded once more with a reader that notes where each field stood. Positions count from the first byte of
the packet's payload. What is shown of a packet, and what is masked of it, both start here.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from analyzer.errors import DecodeError
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import AnyRecord
from analyzer.protocol.records.authentication import AuthMoreData, AuthResponse
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.commands.text import ComOther
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables.commands import COMMANDS
from analyzer.protocol.wire.reader import Span, TracingReader


def record_name(record: AnyRecord) -> str:
    """The record's name, as display fields know it (`handshark.record`)."""
    if isinstance(record, Malformed):
        return f"Malformed {record.record_type}"
    if isinstance(record, Data):
        return f"Data {record.kind}"
    return type(record).__name__


def record_title(record: AnyRecord) -> str:
    """The record's name as a ladder and its panes have it."""
    if isinstance(record, Data):
        return f"Data ({record.kind})"
    if isinstance(record, ComOther):
        return "COM_" + COMMANDS.get(record.command, hex(record.command)).upper()
    return record_name(record)


def spans_of(payload: bytes, record: AnyRecord, detail: AuthRecord | None, context: Context) -> list[Span]:
    """The fields of a packet's payload with their places, in the order of its bytes.

    Fields of a malformed record have no place: all are (0, 0). What an auth plugin makes of its bytes (`detail`) stands
    behind the one field that holds all of them.
    """
    if isinstance(record, Malformed):
        return [Span(name, 0, 0, value) for name, value in record.partial]
    if isinstance(record, Data):
        return [Span("data", 0, len(payload), payload)]
    reader = TracingReader(payload, type(record).__name__)
    try:
        type(record).decode(reader, context)
    except DecodeError:
        # A login that ends early is taken by the machine, and so is what came before the end.
        return _open_end(payload, context) if isinstance(record, HandshakeResponse41) else reader.spans
    return reader.spans + detail_spans(payload, record, detail)


def detail_spans(payload: bytes, record: AnyRecord, detail: AuthRecord | None) -> list[Span]:
    """The fields of an auth plugin's own packet; none where it can not be read as what it was taken for."""
    if detail is None or not isinstance(record, AuthResponse | AuthMoreData):
        return []
    base = 1 if isinstance(record, AuthMoreData) and record.has_mark else 0
    inner = TracingReader(payload[base:], type(detail).__name__)
    decode: Any = type(detail).decode  # type: ignore[attr-defined]
    try:
        decode(inner)
    except DecodeError:
        return []
    return [Span(span.name, span.start + base, span.end + base, span.value) for span in inner.spans]


def _open_end(payload: bytes, context: Context) -> list[Span]:
    reader = TracingReader(payload, "HandshakeResponse41")
    # What was read before another error stands.
    with suppress(DecodeError):
        HandshakeResponse41.decode(reader, context, open_end=True)
    return reader.spans
