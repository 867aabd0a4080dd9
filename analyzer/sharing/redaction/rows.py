"""Rows of result sets, in text and binary: most of what servers send."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.columns import Columns
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.records.resultset import NULL_MARK
from analyzer.protocol.tables.column_flags import UNSIGNED_FLAG
from analyzer.protocol.tables.column_types import MYSQL_TYPE_JSON, MYSQL_TYPE_TIME
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.values import DATES, FIXED_SIZES
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.values import ValueRedactor

_TEXT, _JSON, _BYTES = 0, 1, 2
_SIZES: Final = {0xFC: 2, 0xFD: 3, 0xFE: 8}


class RowRedactor:
    """Replaces the values of rows. `keep`: they stay."""

    def __init__(self, replacements: Replacements, values: ValueRedactor, keep: bool) -> None:
        self._replacements = replacements
        self._values = values
        self._keep = keep
        # The columns that were asked about last, and what their values are in text.
        self._columns: Columns = ()
        self._kinds: list[int] = []

    def packets(self, data: bytes, count: int, machine: Machine) -> bytes | None:
        """`count` packets that are rows, with their heads; None where the bytes are not exactly that."""
        out: list[bytes] = []
        at, end = 0, len(data)
        for _ in range(count):
            if at + HEADER > end:
                return None
            start = at + HEADER
            stop = start + (data[at] | data[at + 1] << 8 | data[at + 2] << 16)
            out.append(data[at:start])
            out.append(self.row(data[start:stop], machine))
            at = stop
        return b"".join(out) if at == end else None

    def row(self, payload: bytes, machine: Machine) -> bytes:
        """A row as long as it was; of one that is cut or broken what can be told, and zeros."""
        if self._keep:
            return payload
        columns = machine.context.columns
        if columns is not self._columns:
            self._columns = columns
            self._kinds = [
                _JSON if one.type == MYSQL_TYPE_JSON else _TEXT if one.is_text else _BYTES for one in columns
            ]
        return self._binary(payload, columns) if machine.connection.binary_rows else self._text(payload)

    def _text(self, payload: bytes) -> bytes:
        out: list[bytes] = []
        kinds, replace = self._kinds, self._replacements.text
        known = len(kinds)
        at, end, index = 0, len(payload), 0
        while at < end:
            first = payload[at]
            start = at + 1
            if first < NULL_MARK:
                stop = start + first
            elif first == NULL_MARK:
                out.append(b"\xfb")
                at = start
                index += 1
                continue
            else:
                start += _SIZES.get(first, end)
                stop = start + int.from_bytes(payload[at + 1 : start], "little")
            if stop > end:
                break
            value = payload[start:stop]
            out.append(payload[at:start])
            kind = kinds[index] if index < known else _TEXT
            if kind == _TEXT:
                out.append(replace("values", value))
            else:
                out.append(self._values.json(value) if kind == _JSON else self._values.text(value))
            at = stop
            index += 1
        if at < end:
            out.append(bytes(end - at))
        return b"".join(out)

    def _binary(self, payload: bytes, columns: Columns) -> bytes:
        at = 1 + (len(columns) + 9) // 8
        end = len(payload)
        if not columns or at > end:
            return bytes(end)
        nulls = int.from_bytes(payload[1:at], "little") >> 2
        out = [payload[:at]]
        for index, column in enumerate(columns):
            if nulls >> index & 1:
                continue
            kind = column.type
            size = FIXED_SIZES.get(kind)
            if size is None:
                if at >= end:
                    break
                size = self._counted(payload, at, kind)
            stop = at + size
            if stop > end:
                break
            if size:
                raw = payload[at:stop]
                out.append(self._values.binary(raw, kind, bool(column.flags & UNSIGNED_FLAG), column.is_text))
            at = stop
        if at < end:
            out.append(bytes(end - at))
        return b"".join(out)

    @staticmethod
    def _counted(payload: bytes, at: int, kind: int) -> int:
        """Bytes of a value with its length in front."""
        first = payload[at]
        if kind in DATES or kind == MYSQL_TYPE_TIME or first < NULL_MARK:
            return 1 + first
        width = _SIZES.get(first)
        if width is None:
            return len(payload) + 1  # no length at all
        return 1 + width + int.from_bytes(payload[at + 1 : at + 1 + width], "little")
