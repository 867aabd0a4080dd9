"""Values in binary form: replaced within what their type can hold."""

from __future__ import annotations

import re
from typing import Final

from analyzer.protocol.binlog_stream import MappedColumn
from analyzer.protocol.records.binlog.cells import BLOBS, VARCHARS, decimal_size
from analyzer.protocol.tables import column_types as ct
from analyzer.protocol.wire.values import BINARY, DATES, INTEGER_SIZES
from analyzer.sharing.redaction.replacements import Replacements

_PRINTABLE: Final = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")
_JSON: Final = re.compile(
    rb'"((?:[^"\\]|\\.)*)"|true|false|null|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|([^\s{}\[\],:"]+)', re.S
)
_ESCAPE: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.S)
_DIGIT_BYTES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_BINLOG_INTEGERS: Final = {
    ct.MYSQL_TYPE_TINY: 1,
    ct.MYSQL_TYPE_SHORT: 2,
    ct.MYSQL_TYPE_INT24: 3,
    ct.MYSQL_TYPE_LONG: 4,
    ct.MYSQL_TYPE_LONGLONG: 8,
}


class ValueRedactor:
    """Replaces values of binary rows, of parameters and of binlog rows."""

    def __init__(self, replacements: Replacements) -> None:
        self._replacements = replacements
        self._drawing = replacements.drawing

    def text(self, raw: bytes, kind: str = "values") -> bytes:
        """A string that is text, as far as it looks like it."""
        return self._replacements.text(kind, raw) if is_text(raw) else self._replacements.noise(kind, raw)

    def json(self, raw: bytes) -> bytes:
        """JSON: its strings and numbers go, its form stays."""
        replacements = self._replacements

        def other(found: re.Match[bytes]) -> bytes:
            whole = found.group()
            if found[1] is not None:
                content, pieces, at = found[1], [b'"'], 0
                for escape in _ESCAPE.finditer(content):
                    pieces += [replacements.text("values", content[at : escape.start()]), b"\\n"]
                    pieces.append(b"n" * (len(escape.group()) - 2))
                    at = escape.end()
                return b"".join([*pieces, replacements.text("values", content[at:]), b'"'])
            if found[2] is not None or found[3] is not None:
                return replacements.text("values", whole)
            return whole

        return _JSON.sub(other, raw)

    def binary(self, raw: bytes, kind: int, unsigned: bool, text: bool | None) -> bytes:
        """A value of the binary protocol as it stands on the wire, its length included. See `decode_value`."""
        size = INTEGER_SIZES.get(kind)
        if size is not None and len(raw) == size:
            if kind == ct.MYSQL_TYPE_YEAR:
                year = int.from_bytes(raw, "little")
                return self._replacements.integer("values", year, 1901, 2155).to_bytes(2, "little") if year else raw
            return self.integer(raw, unsigned)
        if kind == ct.MYSQL_TYPE_DOUBLE and len(raw) == 8:
            return self._real(raw)
        if kind == ct.MYSQL_TYPE_FLOAT and len(raw) == 4:
            return self._real(raw)
        if kind in DATES:
            return raw[:1] + self._date(raw[1:])
        if kind == ct.MYSQL_TYPE_TIME:
            return raw[:1] + self._time(raw[1:])
        head = counted_head(raw)
        content = raw[head:]
        if kind == ct.MYSQL_TYPE_JSON:
            return raw[:head] + self.json(content)
        noise = kind in BINARY or (text is False and not is_text(content))
        return raw[:head] + (self._replacements.noise("values", content) if noise else self.text(content))

    def integer(self, raw: bytes, unsigned: bool, kind: str = "values") -> bytes:
        """An integer, little-endian."""
        size = len(raw)
        least, most = (0, (1 << 8 * size) - 1) if unsigned else (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1)
        value = int.from_bytes(raw, "little", signed=not unsigned)
        found = self._replacements.integer(kind, value, least, most)
        return found.to_bytes(size, "little", signed=not unsigned)

    def _real(self, raw: bytes) -> bytes:
        out = bytearray(raw)
        if self._drawing.real(raw, 0, len(raw), out, 0):
            self._replacements.count("values")
        return bytes(out)

    def _date(self, raw: bytes) -> bytes:
        """year(2), month, day, hour, minute, second, microseconds(4), as far as they are there."""
        out = bytearray(raw)
        if self._drawing.date(raw, 0, len(raw), out, 0):
            self._replacements.count("values")
        return bytes(out)

    def _time(self, raw: bytes) -> bytes:
        """sign, days(4), hours, minutes, seconds, microseconds(4), as far as they are there."""
        out = bytearray(raw)
        if self._drawing.span(raw, 0, len(raw), out, 0):
            self._replacements.count("values")
        return bytes(out)

    # -- binlog --------------------------------------------------------------------------------------------------------

    def cell(self, raw: bytes, column: MappedColumn) -> bytes:
        """A value of a rows event. What has a form of its own and is not known here becomes zero."""
        kind, meta = column.real_type, column.metadata
        size = _BINLOG_INTEGERS.get(kind)
        if size is not None and len(raw) == size:
            return self.integer(raw, column.unsigned is not False)
        if kind == ct.MYSQL_TYPE_DOUBLE and len(raw) == 8:
            return self._real(raw)
        if kind == ct.MYSQL_TYPE_FLOAT and len(raw) == 4:
            return self._real(raw)
        if kind in (ct.MYSQL_TYPE_JSON, ct.MYSQL_TYPE_GEOMETRY, ct.MYSQL_TYPE_VECTOR) and len(meta) == 1:
            return raw[: meta[0]] + bytes(len(raw) - meta[0])
        if kind in BLOBS and len(meta) == 1:
            return raw[: meta[0]] + self.text(raw[meta[0] :])
        if kind in VARCHARS and len(meta) == 2:
            head = 2 if int.from_bytes(meta, "little") > 0xFF else 1
            return raw[:head] + self.text(raw[head:])
        if kind == ct.MYSQL_TYPE_STRING and len(meta) == 2:
            longest = ((meta[0] & 0x30) ^ 0x30) << 4 | meta[1]
            head = 2 if longest > 0xFF else 1
            return raw[:head] + self.text(raw[head:])
        if kind == ct.MYSQL_TYPE_NEWDECIMAL and len(meta) == 2:
            return self._decimal(raw, meta[0], meta[1])
        return bytes(len(raw))

    def _decimal(self, raw: bytes, precision: int, scale: int) -> bytes:
        """Groups of nine digits, each with as many bytes as it needs; the sign stays."""
        if precision < scale or not raw or len(raw) != decimal_size(precision, scale):
            return bytes(len(raw))
        self._replacements.count("values")
        before = precision - scale
        groups = [before % 9, *[9] * (before // 9), *[9] * (scale // 9), scale % 9]
        drawn = self._replacements.stream(b"decimal", raw, 8 * len(groups))
        out = bytearray()
        for index, digits in enumerate(groups):
            number = int.from_bytes(drawn[8 * index : 8 * index + 8], "big") % 10**digits
            out += number.to_bytes(_DIGIT_BYTES[digits], "big")
        if raw[0] & 0x80:
            out[0] |= 0x80
        else:
            out = bytearray(byte ^ 0xFF for byte in out)
            out[0] &= 0x7F
        return bytes(out)


def is_text(raw: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters."""
    try:
        return _PRINTABLE.fullmatch(raw.decode()) is not None
    except UnicodeDecodeError:
        return False


def counted_head(raw: bytes) -> int:
    """Bytes of the int<lenenc> in front."""
    first = raw[0] if raw else 0
    return {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(first, 1)
