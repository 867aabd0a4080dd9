"""Packets that are not what their state awaits: the record that broke, and its fields up to there."""

from __future__ import annotations

from functools import lru_cache

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Malformed, Record, malformed
from analyzer.protocol.wire.reader import TracingReader


@lru_cache(1)
def _record_types() -> dict[str, type[Record]]:
    """All records by their names. Most captures have no broken packet, and need none of this."""
    from analyzer.protocol.records.authentication import AuthNextFactor, AuthSwitchRequest
    from analyzer.protocol.records.binlog.event import BinlogEvent
    from analyzer.protocol.records.commands.clone import CloneError
    from analyzer.protocol.records.commands.replication import SemiSyncAck
    from analyzer.protocol.records.commands.table import COMMAND_RECORDS
    from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
    from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
    from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320, SSLRequest, SSLRequest320
    from analyzer.protocol.records.response import ColumnCount, Statistics, StmtPrepareOK
    from analyzer.protocol.records.resultset import BinaryRow, ColumnDefinition41, ColumnDefinition320, TextRow

    others: tuple[type[Record], ...] = (
        HandshakeV10,
        HandshakeV9,
        SSLRequest,
        SSLRequest320,
        HandshakeResponse41,
        HandshakeResponse320,
        AuthSwitchRequest,
        AuthNextFactor,
        OKPacket,
        ErrPacket,
        ProgressReport,
        EOFPacket,
        ColumnCount,
        StmtPrepareOK,
        SemiSyncAck,
        CloneError,
        Statistics,
        ColumnDefinition41,
        ColumnDefinition320,
        TextRow,
        BinaryRow,
        BinlogEvent,
    )
    return {kind.__name__: kind for kind in (*others, *COMMAND_RECORDS.values())}


def malformed_record(error: DecodeError, payload: bytes, context: Context) -> Malformed:
    """What could be read of a payload whose record broke.

    Decoded a second time with a reader that notes the fields: only bad packets pay for it.
    """
    record_type = error.record or "Packet"
    kind = _record_types().get(record_type)
    if kind is None:
        return malformed(record_type, error, payload)
    reader = TracingReader(payload, record_type)
    try:
        kind.decode(reader, context)
    except DecodeError as again:
        return malformed(record_type, again, payload, reader)
    return malformed(record_type, error, payload, reader)
