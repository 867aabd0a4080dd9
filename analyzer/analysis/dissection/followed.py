"""Packets as who follows a session reads them: statements, values, errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.model.connection import CLIENT
from analyzer.analysis.model.packet import FollowedPacket
from analyzer.analysis.packets.masking import MASKED, hides_attribute
from analyzer.protocol.records.commands.statement import ComStmtBulkExecute, ComStmtExecute
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.wire.values import Value

HEADER: Final = 4  # bytes of a packet in front of its payload
LONGEST_BYTES: Final = 64  # of a value that is no text
_CONTROLS: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")  # not in text


def followed(group: Sequence[Dissection], *, data: bool = False) -> FollowedPacket:
    """The packet, with its bytes where `data` asks for them: they have to be there (RowRequest.raw)."""
    (one,) = group
    record = one.record
    number = getattr(record, "statement_id", None)
    found = FollowedPacket(one.frame, one.time_ns, str(one.values("handshark.sender")[0]), one.name, one.summary)
    hidden = one.packet is not None and one.data[HEADER:] != one.packet.payload[: len(one.data) - HEADER]
    if data and one.packet is not None:
        found.data = one.data[HEADER:]
    if found.sender == CLIENT:
        _asked(one, found)
    elif isinstance(record, TextRow | BinaryRow):
        found.row = _row(one, record, hidden)
    elif isinstance(record, OKPacket):
        found.rows_affected = record.affected_rows
    elif isinstance(record, ErrPacket):
        shown = one.shown_values("mysql.error.message")
        message = str(shown[0]) if shown else record.error_message
        found.error = (record.error_code, record.sql_state, message)
    elif one.name == "ColumnDefinition41":
        names = one.shown_values("mysql.field.name")
        found.column = str(names[0]) if names else ""
    found.statement_id = number if isinstance(number, int) else None
    return found


def _asked(one: Dissection, found: FollowedPacket) -> None:
    """What a packet of the client asks."""
    if not one.name.startswith("Com"):
        return
    found.command = one.name
    texts = one.shown_values("mysql.query")
    found.statement = str(texts[0]) if texts else None
    record = one.record
    mask = one.scene.mask
    text = one.around.statement
    shown: list[str | None] = []
    if isinstance(record, ComStmtExecute):
        for number, each in enumerate(record.parameters):
            if mask is None:
                secret = False
            elif each.name:
                secret = hides_attribute(each)
            else:
                secret = mask.statements.hides_parameter(text, number, each.value)
            shown.append(MASKED if secret and each.value is not None else _text(each.value))
    elif isinstance(record, ComStmtBulkExecute):
        for row in record.rows:
            for number, value in enumerate(row):
                secret = mask is not None and mask.statements.hides_parameter(text, number, value.value)
                shown.append(MASKED if secret and value.value is not None else _text(value.value))
    else:
        return
    found.parameters = shown


def _row(one: Dissection, record: TextRow | BinaryRow, hidden: bool) -> list[str | None]:
    values: list[object] = [value.value if isinstance(value, Value) else value for value in record.values]
    if not hidden:
        return [_text(value, one if isinstance(record, TextRow) else None) for value in values]
    # Which of the values are secret is known where each has a field of its own.
    shown = list(one.shown_values("mysql.row.text"))
    if len(shown) != sum(value is not None for value in values):
        return [None if value is None else MASKED for value in values]
    each = iter(shown)
    return [None if value is None else str(next(each)) for value in values]


def _text(value: object, one: Dissection | None = None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, bytes):
        return str(value)
    text = value.decode("utf-8", "surrogateescape")
    text = text if one is None else one.text(text)
    if text.isprintable() or (text.isascii() and not _CONTROLS.search(text)):
        return text
    more = f"… ({len(value)} bytes)" if len(value) > LONGEST_BYTES else ""
    return f"0x{value[:LONGEST_BYTES].hex()}{more}"
