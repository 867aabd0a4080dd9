"""Rows of result sets, and bound values, in text and binary: most of what there is to replace.

A value that is plain is written anew in its place, in loops that are compiled; all others go through `ValueRedactor`.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from typing import Final

from analyzer.batches import copied
from analyzer.protocol.columns import Columns
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.tables.column_flags import UNSIGNED_FLAG
from analyzer.protocol.tables.column_types import (
    MYSQL_TYPE_DOUBLE,
    MYSQL_TYPE_FLOAT,
    MYSQL_TYPE_JSON,
    MYSQL_TYPE_TIME,
    MYSQL_TYPE_YEAR,
    TYPE,
    UNSIGNED,
)
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.values import BINARY, DATES, FIXED_SIZES, INTEGER_SIZES
from analyzer.sharing.redaction.drawing import Bytes
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.values import ValueRedactor

# What values of a column, or of a parameter, are.
_TEXT: Final = 0  # with a length in front; a text whatever is in it
_STRING: Final = 1  # with a length in front; a text where it looks like one
_JSON: Final = 2
_SIGNED: Final = 3
_UNSIGNED: Final = 4
_OTHER: Final = 5
_REAL: Final = 6
_DATED: Final = 7
_SPAN: Final = 8
# Bytes of a value where it has no fixed size: a length in front, one byte or an int<lenenc>.
_COUNTED: Final = -1
_SHORT: Final = -2
_HEADER: Final = HEADER
_NULL: Final = 0xFB
_NO_LENGTH: Final = 0xFF
_ZERO: Final = 0x30
# Lists of columns whose forms are kept, and columns of each at most.
_MOST_KNOWN: Final = 512
_MOST_COLUMNS: Final = 128
# Rows that are kept with what they became: bytes of the longest, and of all of them with what is around each. Where
# little comes of it, so many times as many are not looked for.
_LONGEST_ROW: Final = 1 << 11
_MOST_ROWS: Final = 16 << 20
_ROW: Final = 256
_LEFT_ALONE: Final = 8
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
# Digits of a number that is never over 63 bits.
_DIGITS: Final = 18


class ValueForms:
    """How the values of some columns or parameters are read: for each what it is, its type, and its size.

    in_text             what it is in the text protocol
    of_text, of_binary  rows that are kept of columns that are read like these, where somebody has asked for them
    """

    __slots__ = ("count", "in_text", "kinds", "of_binary", "of_text", "sizes", "texts", "types", "unsigned")

    def __init__(self, types: Sequence[int], unsigned: Sequence[bool], texts: Sequence[bool | None]) -> None:
        self.types, self.unsigned, self.texts = list(types), list(unsigned), list(texts)
        self.count = len(self.types)
        self.kinds = array("q", map(_kind_of, self.types, self.unsigned))
        self.sizes = array("q", map(_size_of, self.types))
        said = zip(self.types, self.texts, strict=True)
        self.in_text = array(
            "q", [_JSON if kind == MYSQL_TYPE_JSON else _TEXT if text else _STRING for kind, text in said]
        )
        self.of_text: dict[bytes, KeptRow] | None = None
        self.of_binary: dict[bytes, KeptRow] | None = None


def _kind_of(kind: int, unsigned: bool) -> int:
    if kind in INTEGER_SIZES and kind != MYSQL_TYPE_YEAR:
        return _UNSIGNED if unsigned else _SIGNED
    if kind in (MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE):
        return _REAL
    if kind in DATES or kind == MYSQL_TYPE_TIME:
        return _SPAN if kind == MYSQL_TYPE_TIME else _DATED
    if kind in FIXED_SIZES or kind in BINARY or kind == MYSQL_TYPE_JSON:
        return _OTHER
    return _STRING


def _size_of(kind: int) -> int:
    return FIXED_SIZES.get(kind, _SHORT if kind in DATES or kind == MYSQL_TYPE_TIME else _COUNTED)


class KeptRow:
    """What a row became, and how many values were replaced in it."""

    __slots__ = ("count", "made")

    def __init__(self, made: bytearray, count: int) -> None:
        self.made = made
        self.count = count


class KeptRows:
    """Rows that may come again: by how their columns are read (`of`), and by their bytes."""

    __slots__ = ("_asked", "_found", "_of", "_size", "rest")

    def __init__(self) -> None:
        self._of: dict[Hashable, dict[bytes, KeptRow]] = {}
        self._size = self._asked = self._found = 0
        self.rest = 0  # rows that are not looked for

    def of(self, reading: Hashable) -> dict[bytes, KeptRow]:
        """Those of columns that are read alike."""
        return self._of.setdefault(reading, {})

    def get(self, rows: dict[bytes, KeptRow], row: bytes) -> KeptRow | None:
        """What is known of a row."""
        self._asked += 1
        kept = rows.get(row)
        if kept is not None:
            self._found += 1
        return kept

    def put(self, rows: dict[bytes, KeptRow], row: bytes, made: bytearray, count: int) -> None:
        """Notes what a row became. Where there is no more room, all are forgotten."""
        rows[row] = KeptRow(made, count)
        self._size += 2 * len(row) + _ROW
        if self._size > _MOST_ROWS:
            if 4 * self._found < self._asked:
                self.rest = _LEFT_ALONE * self._asked
            self._size = self._asked = self._found = 0
            for one in self._of.values():
                one.clear()


class RowRedactor:
    """Replaces the values of rows. `keep`: they stay."""

    __slots__ = (
        *(
            "_columns",
            "_counts",
            "_drawing",
            "_keep",
            "_kept",
            "_known",
            "_listed",
            "_readings",
            "_replaced",
            "_replacements",
            "_scratch",
            "_values",
        ),
        *("forms",),
    )

    def __init__(self, replacements: Replacements, values: ValueRedactor, keep: bool) -> None:
        self._replacements = replacements
        self._counts = replacements.counts
        self._drawing = replacements.drawing
        # Who lists what was replaced is told of each value.
        self._listed = replacements.listed is not None
        self._values = values
        self._keep = keep
        self._replaced = 0
        self._scratch = bytearray(_DIGITS + 2)
        # The columns that were asked about last.
        self._columns: Columns = ()
        self._known: dict[int, tuple[Columns, ValueForms]] = {}
        self._readings: dict[Hashable, ValueForms] = {}
        self.forms = ValueForms((), (), ())
        self._kept = KeptRows()

    def packets(self, data: bytes, count: int, machine: Machine) -> bytearray | None:
        """`count` packets that are rows, with their heads; None where the bytes are not exactly that."""
        out = bytearray(data)
        end = self.rows(data, 0, count, out, machine.context.columns, machine.connection.binary_rows)
        return out if end == len(data) else None

    def row(self, payload: bytes, machine: Machine) -> bytes:
        """A row as long as it was; of one that is cut or broken what can be told, and zeros."""
        if self._keep:
            return payload
        out = bytearray(payload)
        self._look_at(machine.context.columns)
        if machine.connection.binary_rows:
            self._binary(payload, 0, len(payload), out)
        else:
            self._text(payload, 0, len(payload), out)
        self._count()
        return bytes(out)

    def rows(self, data: bytes, at: int, count: int, out: bytearray, columns: Columns, binary: bool) -> int:
        """Replaces `count` packets that are rows, from `at` on, in `out`, a copy of `data`; where they end.

        -1: they are not whole.
        """
        self._look_at(columns)
        found = self._rows(data, data, at, len(data), count, out, out, binary)
        self._count()
        return found

    def bound(self, data: bytes, plan: ExecutePlan, forms: ValueForms) -> bytes | None:
        """A plain execute, its whole packet, with other values; None where its values are not whole."""
        out = bytearray(data)
        flag = plan.flag
        if self._keep or not plan.types:
            return data
        at = flag + 1 + len(plan.block) if data[flag] else flag + 1
        end = self._laid_out(data, at, len(data), out, forms, data, plan.start, 0)
        self._count()
        return bytes(out) if end == len(data) else None

    # -- loops ---------------------------------------------------------------------------------------------------------

    def _look_at(self, columns: Columns) -> None:
        if columns is self._columns:
            return
        self._columns = columns
        # As long as the columns are kept here, no others are at their place.
        found = self._known.get(id(columns))
        if found is None:
            found = columns, self._reading(columns)
            if len(columns) <= _MOST_COLUMNS:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[id(columns)] = found
        self.forms = found[1]

    def _reading(self, columns: Columns) -> ValueForms:
        """How columns are read; those of the same types are read alike."""
        texts = [one.is_text for one in columns]
        types = tuple([one.type << 6 | one.flags & UNSIGNED_FLAG for one in columns])
        forms = self._readings.get((types, *texts))
        if forms is None:
            unsigned = [bool(one.flags & UNSIGNED_FLAG) for one in columns]
            forms = ValueForms([one.type for one in columns], unsigned, texts)
            if len(columns) <= _MOST_COLUMNS:
                if len(self._readings) >= _MOST_KNOWN:
                    self._readings.clear()
                self._readings[types, *texts] = forms
        return forms

    def _rows_alike(self, binary: bool) -> dict[bytes, KeptRow]:
        """The rows that are kept of columns that are read like those that were asked about last."""
        forms = self.forms
        found = forms.of_binary if binary else forms.of_text
        if found is None and binary:
            found = forms.of_binary = self._kept.of((*forms.types, *forms.unsigned, *forms.texts))
        elif found is None:
            found = forms.of_text = self._kept.of(bytes(forms.in_text))
        return found

    def _count(self) -> None:
        if self._replaced:
            self._counts["values"] = self._in_all()
            self._replaced = 0

    def _in_all(self) -> int:
        """How many values were replaced so far."""
        return self._replaced + self._counts.get("values", 0)

    def _rows(
        self, raw: bytes, data: Bytes, at: int, end: int, count: int, whole: bytearray, out: bytearray, binary: bool
    ) -> int:
        """`raw` and `data` are the same, and so are `whole` and `out`."""
        kept = self._kept
        alike = None if self._keep or self._listed else self._rows_alike(binary)
        for _ in range(count):
            if at + _HEADER > end:
                return -1
            start = at + _HEADER
            stop = start + (data[at] | data[at + 1] << 8 | data[at + 2] << 16)
            if stop > end:
                return -1
            at = stop
            if self._keep:
                continue
            row = None
            if alike is not None and stop - start <= _LONGEST_ROW:
                if kept.rest:
                    kept.rest -= 1
                else:
                    row = copied(raw, start, stop)
                    known = kept.get(alike, row)
                    if known is not None:
                        whole[start:stop] = known.made
                        self._replaced += known.count
                        continue
            before = self._in_all() if row is not None else 0
            if binary:
                self._binary(data, start, stop, out)
            else:
                self._text(data, start, stop, out)
            if row is not None and alike is not None:
                kept.put(alike, row, whole[start:stop], self._in_all() - before)
        return at

    def _text(self, data: Bytes, at: int, end: int, out: bytearray) -> None:
        """A row of the text protocol."""
        kinds = self.forms.in_text
        known = len(kinds)
        index = 0
        while at < end:
            first = data[at]
            if first == _NULL:
                at += 1
                index += 1
                continue
            start = at + _head(first)
            if first == _NO_LENGTH or start > end:
                break
            size = first if start == at + 1 else _number(data, at + 1, start)
            if size < 0 or size > end - start:
                break
            stop = start + size
            kind = kinds[index] if index < known else _TEXT
            if size:
                self._value(data, start, stop, out, kind)
            at = stop
            index += 1
        for place in range(at, end):
            out[place] = 0

    def _value(self, data: Bytes, start: int, stop: int, out: bytearray, kind: int) -> None:
        """A value in text, without its length."""
        if kind != _JSON and not self._listed and self._drawing.fill(data, start, stop, out, start, kind == _STRING):
            self._replaced += 1
            return
        raw = bytes(data[start:stop])
        if kind == _JSON:
            made = self._values.json(raw)
        elif kind == _TEXT:
            made = self._replacements.text("values", raw)
        else:
            made = self._values.text(raw)
        _put(out, start, made, stop - start)

    def _binary(self, data: Bytes, start: int, end: int, out: bytearray) -> None:
        """A row of the binary protocol: a byte, which values are NULL (two bits are not used), the others."""
        forms = self.forms
        at = start + 1 + (forms.count + 9) // 8
        if not forms.count or at > end:
            at = start
        else:
            at = self._laid_out(data, at, end, out, forms, data, start + 1, 2)
        for place in range(at, end):
            out[place] = 0

    def _laid_out(
        self, data: Bytes, at: int, end: int, out: bytearray, forms: ValueForms, nulls: Bytes, bits: int, spare: int
    ) -> int:
        """Values one behind the other, from `at` on; where they end, or what is whole of them does.

        `nulls` has a bit for each that is NULL, from the byte `bits` on, behind `spare` others.
        """
        kinds, sizes = forms.kinds, forms.sizes
        for index in range(forms.count):
            bit = index + spare
            if nulls[bits + (bit >> 3)] >> (bit & 7) & 1:
                continue
            size = sizes[index]
            head = 0
            if size < 0:
                if at >= end:
                    break
                first = data[at]
                head = 1 if size == _SHORT else _head(first)
                if at + head > end or (size == _COUNTED and first in (_NULL, _NO_LENGTH)):
                    break
                size = first if head == 1 else _number(data, at + 1, at + head)
                if size < 0:
                    break
            if size > end - at - head:
                break
            stop = at + head + size
            kind = kinds[index]
            if self._listed or stop == at:
                kind = _OTHER
            if kind == _STRING and self._drawing.fill(data, at + head, stop, out, at + head, True):
                self._replaced += 1 if size else 0
            elif kind in (_SIGNED, _UNSIGNED):
                self._integer(data, at, stop, out, kind == _SIGNED)
            elif kind == _REAL:
                self._replaced += self._drawing.real(data, at, stop, out, at)
            elif kind == _DATED:
                self._replaced += size and self._drawing.date(data, at + head, stop, out, at + head)
            elif kind == _SPAN:
                self._replaced += size and self._drawing.span(data, at + head, stop, out, at + head)
            else:
                self._other(data, at, stop, out, forms, index)
            at = stop
        return at

    def _other(self, data: Bytes, at: int, stop: int, out: bytearray, forms: ValueForms, index: int) -> None:
        """A value that is not plain, with its length."""
        if at == stop:
            return
        made = self._values.binary(bytes(data[at:stop]), forms.types[index], forms.unsigned[index], forms.texts[index])
        _put(out, at, made, stop - at)

    def _integer(self, data: Bytes, at: int, stop: int, out: bytearray, signed: bool) -> None:
        """An integer, little-endian, as its decimal text becomes, if that fits."""
        size = stop - at
        value = 0
        for place in range(size):
            byte = data[at + place]
            value |= byte << 8 * place
        byte = 1
        most = (byte << (8 * size - 1)) - 1 if signed or size == 8 else (byte << 8 * size) - 1
        found = -1 if value > most else self._in_text(value)
        if found < 0 or found > most:
            byte = ((byte << (8 * size - 1)) << 1) & _MASK  # one more than any value has; of eight bytes it is zero
            negative = signed and value > most
            if negative:
                value = self._drawing.integer((byte - value) & _MASK, True, 1, most + 1)
                value = (byte - value) & _MASK
            else:
                value = self._drawing.integer(value, False, 0, most if signed else (byte - 1) & _MASK)
        else:
            value = found
        for place in range(size):
            out[at + place] = value >> 8 * place & 0xFF
        self._replaced += 1

    def _in_text(self, value: int) -> int:
        """What the decimal text of a number becomes; -1: it has too many digits."""
        scratch = self._scratch
        begin = _DIGITS
        while begin > 0 and (value or begin == _DIGITS):
            begin -= 1
            scratch[begin] = _ZERO + value % 10
            value //= 10
        if value:
            return -1
        self._drawing.fill(scratch, begin, _DIGITS, scratch, begin, True)
        for place in range(begin, _DIGITS):
            value = 10 * value + (scratch[place] - _ZERO)
        return value


def _head(first: int) -> int:
    """Bytes of an int<lenenc>."""
    return 1 if first < 0xFC else first - 0xF9 if first < 0xFE else 9


def _number(data: Bytes, at: int, stop: int) -> int:
    """The number behind the first byte of an int<lenenc>, little-endian; -1: more than any length."""
    value = 0
    for place in range(stop - 1, at - 1, -1):
        if value > 0xFFFF_FFFF:
            return -1
        value = value << 8 | data[place]
    return value


def _put(out: bytearray, at: int, made: bytes, size: int) -> None:
    """Writes what has to be as long as what it stands for; zeros where it is not."""
    fits = len(made) == size
    for place in range(size):
        out[at + place] = made[place] if fits else 0


def forms_of(plan: ExecutePlan) -> ValueForms:
    """How the values of executes are read that a plan fits."""
    types = [own & TYPE for own in plan.types]
    return ValueForms(types, [own >= UNSIGNED for own in plan.types], [None] * len(types))
