"""Rows of result sets, and bound values, in text and binary: most of what there is to replace.

A value that is plain is written anew in its place, in loops that are compiled; all others go through `ValueRedactor`.
"""

from __future__ import annotations

from array import array
from typing import Final

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
from analyzer.sharing.redaction.drawing import Bytes, copy_octets
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
# In place of a size where none is fixed: a length in front, an int<lenenc> or one byte.
_COUNTED: Final = 0xFE
_SHORT: Final = 0xFF
_UNKNOWN: Final = 2
_HEADER: Final = HEADER
# Bytes that say how a column is read.
_READING: Final = 3
_NULL: Final = 0xFB
_NO_LENGTH: Final = 0xFF
_ZERO: Final = 0x30
# Lists of columns whose forms are kept, and columns of each at most.
_MOST_KNOWN: Final = 512
_MOST_COLUMNS: Final = 128
# Rows that are kept with what they became: bytes of the longest, and of all of them, at most and to begin with. Where
# little comes of it, so many times as many are not looked for.
_LONGEST_ROW: Final = 1 << 11
_MOST_ROWS: Final = 16 << 20
_LEAST_ROWS: Final = 1 << 16
_LEFT_ALONE: Final = 8
_MOST_READINGS: Final = 1 << 12
# A row is in one of so many slots from that on which its hash says: what is left of the hash, and its place.
_SLOTS: Final = 1 << 16
_SLOT_SHIFT: Final = 48
_PROBES: Final = 8
_PLACE: Final = 0xFF_FFFF
# Bytes in front of a row that is kept, and of what it became, each filled up to words: its hash, its size and how it is
# read, how many values were replaced in it.
_KEPT_HEAD: Final = 24
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_SPREAD: Final = 0x9E37_79B9_7F4A_7C15
# Digits of a number that is never over 63 bits.
_DIGITS: Final = 18


def _kind_of(kind: int) -> int:
    if kind in INTEGER_SIZES and kind != MYSQL_TYPE_YEAR:
        return _SIGNED
    if kind in (MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE):
        return _REAL
    if kind in DATES or kind == MYSQL_TYPE_TIME:
        return _SPAN if kind == MYSQL_TYPE_TIME else _DATED
    if kind in FIXED_SIZES or kind in BINARY or kind == MYSQL_TYPE_JSON:
        return _OTHER
    return _STRING


def _size_of(kind: int) -> int:
    return FIXED_SIZES.get(kind, _SHORT if kind in DATES or kind == MYSQL_TYPE_TIME else _COUNTED)


# By type.
_KINDS: Final = bytes(map(_kind_of, range(256)))
_SIZES: Final = bytes(map(_size_of, range(256)))
_IN_TEXT: Final = bytes(_JSON if kind == MYSQL_TYPE_JSON else _STRING for kind in range(256))


class ValueForms:
    """How the values of some columns or parameters are read: for each what it is, its type, and its size.

    texts               whether a string is text: 0, 1, _UNKNOWN
    in_text             what it is in the text protocol
    of_text, of_binary  the number that rows are kept under of columns that are read like these; 0: it has none yet
    """

    __slots__ = ("count", "in_text", "kinds", "of_binary", "of_text", "sizes", "texts", "types", "unsigned")

    def __init__(self, types: bytes, unsigned: bytes, texts: bytes) -> None:
        self.types, self.unsigned, self.texts = types, unsigned, texts
        self.count = len(types)
        self.sizes = types.translate(_SIZES)
        self.kinds, self.in_text = bytearray(types.translate(_KINDS)), bytearray(types.translate(_IN_TEXT))
        self.of_text = self.of_binary = 0
        self._refine()

    def _refine(self) -> None:
        kinds, in_text, unsigned, texts = self.kinds, self.in_text, self.unsigned, self.texts
        for index in range(self.count):
            if unsigned[index] and kinds[index] == _SIGNED:
                kinds[index] = _UNSIGNED
            if texts[index] == 1 and in_text[index] == _STRING:
                in_text[index] = _TEXT


class KeptRows:
    """Rows that may come again: one behind the other in one memory, by how their columns are read and by their bytes.

    A row is looked for (`find`), and where it is not known noted before (`begin`) and after (`put`) it is redacted.
    """

    __slots__ = (
        *("_asked", "_found", "_hash", "_known", "_readings", "_room", "_row", "_row_words", "_slot", "_slots"),
        *("_used", "_words", "rest"),
    )

    def __init__(self) -> None:
        self._readings: dict[bytes, int] = {}
        self._known = 0  # numbers of readings that were given
        # The same memory twice each: of the rows that are kept, and of the one that was asked about last.
        self._room = bytearray()
        self._words = memoryview(self._room).cast("Q")
        self._row = bytearray(_LONGEST_ROW + 8)
        self._row_words = memoryview(self._row).cast("Q")
        self._slots = array("Q")
        self._used = self._asked = self._found = self._slot = self._hash = 0
        self.rest = 0  # rows that are not looked for

    def of(self, reading: bytes) -> int:
        """The number of columns that are read alike."""
        found = self._readings.get(reading, 0)
        if not found:
            if len(self._readings) >= _MOST_READINGS:
                self._readings.clear()
            self._known += 1  # no number comes again
            found = self._readings[reading] = self._known
        return found

    def find(self, reading: int, data: bytearray, start: int, stop: int) -> int:
        """Writes what is known of a row in its place, and says how many values that are; -1: it is not known."""
        self._asked += 1
        size = stop - start
        count = size // 8 + 1
        row, words = self._row_words, self._words
        row[count - 1] = 0
        copy_octets(data, start, size, self._row, 0)
        hashed = (reading << 32 | size) * _SPREAD & _MASK
        for index in range(count):
            hashed = (hashed ^ row[index]) * _SPREAD & _MASK
            hashed ^= hashed >> 32
        hashed = (hashed ^ hashed >> 29) * _SPREAD & _MASK
        self._hash, self._slot = hashed, hashed >> _SLOT_SHIFT
        place = _PLACE
        if self._used:
            slot = self._slot
            for index in range(slot, slot + _PROBES):
                # Where all are taken, the last goes.
                self._slot = index % _SLOTS
                word = self._slots[self._slot]
                place = word & _PLACE
                if place == _PLACE or (word ^ hashed) & ~_PLACE & _MASK == 0:
                    break
                place = _PLACE
        if place == _PLACE:
            return -1
        at = place // 8
        if words[at] != hashed or words[at + 1] != (reading << 32 | size):
            return -1
        differ = 0
        for index in range(count):
            differ |= words[at + 3 + index] ^ row[index]
        if differ:
            return -1
        copy_octets(self._room, place + _KEPT_HEAD + 8 * count, size, data, start)
        self._found += 1
        return words[at + 2]

    def begin(self, size: int) -> None:
        """Notes a row of this size that was not found. Where there is no more room, all are forgotten."""
        whole = 8 * (size // 8 + 1)
        if self._used + _KEPT_HEAD + 2 * whole > len(self._room):
            if not self._room:
                self._slots = array("Q", bytes(8 * _SLOTS))
                self._grow(_LEAST_ROWS)
                self._forget()
                self._slot = self._hash >> _SLOT_SHIFT
            elif 2 * len(self._room) <= _MOST_ROWS:
                self._grow(2 * len(self._room))
            else:
                if 4 * self._found < self._asked:
                    self.rest = _LEFT_ALONE * self._asked
                self._asked = self._found = 0
                self._forget()
                self._slot = self._hash >> _SLOT_SHIFT
        copy_octets(self._row, 0, whole, self._room, self._used + _KEPT_HEAD)

    def put(self, reading: int, made: bytearray, start: int, stop: int, count: int) -> None:
        """Notes what the row became that was noted last."""
        words, size = self._words, stop - start
        at, whole = self._used // 8, 8 * (size // 8 + 1)
        words[at], words[at + 1], words[at + 2] = self._hash, reading << 32 | size, count
        copy_octets(made, start, size, self._room, self._used + _KEPT_HEAD + whole)
        self._slots[self._slot] = (self._hash & ~_PLACE) | self._used
        self._used += _KEPT_HEAD + 2 * whole

    def _grow(self, size: int) -> None:
        room = bytearray(size)
        copy_octets(self._room, 0, self._used, room, 0)
        self._room, self._words = room, memoryview(room).cast("Q")

    def _forget(self) -> None:
        self._used = 0
        for index in range(_SLOTS):
            self._slots[index] = _PLACE


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
            "_others",
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
        # Values that were replaced since they were counted, and those that `values` counted, from the beginning.
        self._replaced = self._others = 0
        self._scratch = bytearray(_DIGITS + 2)
        # The columns that were asked about last.
        self._columns: Columns | None = ()
        self._known: dict[int, tuple[Columns, ValueForms]] = {}
        self._readings: dict[bytes, ValueForms] = {}
        self.forms = ValueForms(b"", b"", b"")
        self._kept = KeptRows()

    def packets(self, data: bytearray, count: int, machine: Machine) -> bool:
        """Replaces `count` packets that are rows, with their heads; False where the bytes are not exactly that."""
        return self.rows(data, 0, count, machine.context.columns, machine.connection.binary_rows) == len(data)

    def row(self, payload: bytes, machine: Machine) -> bytes:
        """A row as long as it was; of one that is cut or broken what can be told, and zeros."""
        if self._keep:
            return payload
        out = bytearray(payload)
        self._look_at(machine.context.columns)
        if machine.connection.binary_rows:
            self._binary(out, 0, len(payload))
        else:
            self._text(out, 0, len(payload))
        self._count()
        return bytes(out)

    def rows(self, data: bytearray, at: int, count: int, columns: Columns, binary: bool) -> int:
        """Replaces `count` packets that are rows, from `at` on, in their place; where they end.

        -1: they are not whole.
        """
        self._look_at(columns)
        found = self._rows(data, max(at, 0), len(data), count, binary)
        self._count()
        return found

    def read(self, data: bytearray, at: int, count: int, reading: bytes, binary: bool) -> int:
        """The same of columns of which nothing is known but how they are read (`reading_of`)."""
        self._columns, self.forms = None, self._read_as(reading)
        found = self._rows(data, max(at, 0), len(data), count, binary)
        self._count()
        return found

    def bound(self, data: bytes, plan: ExecutePlan, forms: ValueForms) -> bytes | None:
        """A plain execute, its whole packet, with other values; None where its values are not whole."""
        flag = plan.flag
        if self._keep or not plan.types:
            return data
        if plan.start < 0 or plan.start + (forms.count + 7) // 8 > flag or flag >= len(data):
            return None
        out = bytearray(data)
        at = flag + 1 + len(plan.block) if data[flag] else flag + 1
        end = self._laid_out(out, at, len(out), forms, plan.start, 0)
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
            found = columns, self._read_as(reading_of(columns))
            if len(columns) <= _MOST_COLUMNS:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[id(columns)] = found
        self.forms = found[1]

    def _read_as(self, reading: bytes) -> ValueForms:
        """How columns are read; those of the same types are read alike."""
        forms = self._readings.get(reading)
        if forms is None:
            forms = ValueForms(reading[::_READING], reading[1::_READING], reading[2::_READING])
            if forms.count <= _MOST_COLUMNS:
                if len(self._readings) >= _MOST_KNOWN:
                    self._readings.clear()
                self._readings[reading] = forms
        return forms

    def _rows_alike(self, binary: bool) -> int:
        """The number that rows of the columns that were asked about last are kept under."""
        forms = self.forms
        found = forms.of_binary if binary else forms.of_text
        if not found and binary:
            found = forms.of_binary = self._kept.of(b"b" + forms.types + forms.unsigned + forms.texts)
        elif not found:
            found = forms.of_text = self._kept.of(bytes(forms.in_text))
        return found

    def _count(self) -> None:
        if self._replaced:
            self._counts["values"] = self._replaced + self._counts.get("values", 0)
            self._replaced = 0

    def _rows(self, data: bytearray, at: int, end: int, count: int, binary: bool) -> int:
        """All loops below look at no byte outside of a row, which lies inside of `end`."""
        kept = self._kept
        alike = 0 if self._keep or self._listed else self._rows_alike(binary)
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
            keeps = False
            if alike and stop - start <= _LONGEST_ROW:
                if kept.rest:
                    kept.rest -= 1
                else:
                    known = kept.find(alike, data, start, stop)
                    if known >= 0:
                        self._replaced += known
                        continue
                    kept.begin(stop - start)
                    keeps = True
            before = self._replaced + self._others
            if binary:
                self._binary(data, start, stop)
            else:
                self._text(data, start, stop)
            if keeps:
                kept.put(alike, data, start, stop, self._replaced + self._others - before)
        return at

    def _text(self, data: bytearray, at: int, end: int) -> None:
        """A row of the text protocol."""
        kinds = self.forms.in_text
        known = self.forms.count
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
                self._value(data, start, stop, kind)
            at = stop
            index += 1
        for place in range(at, end):
            data[place] = 0

    def _value(self, data: bytearray, start: int, stop: int, kind: int) -> None:
        """A value in text, without its length."""
        if kind != _JSON and not self._listed and self._drawing.fill(data, start, stop, data, start, kind == _STRING):
            self._replaced += 1
        else:
            raw = bytes(data[start:stop])
            before = self._counts.get("values", 0)
            if kind == _JSON:
                made = self._values.json(raw)
            elif kind == _TEXT:
                made = self._replacements.text("values", raw)
            else:
                made = self._values.text(raw)
            self._others += self._counts.get("values", 0) - before
            _put(data, start, made, stop - start)

    def _binary(self, data: bytearray, start: int, end: int) -> None:
        """A row of the binary protocol: a byte, which values are NULL (two bits are not used), the others."""
        forms = self.forms
        at = start + 1 + (forms.count + 9) // 8
        if not forms.count or at > end:
            at = start
        else:
            at = self._laid_out(data, at, end, forms, start + 1, 2)
        for place in range(at, end):
            data[place] = 0

    def _laid_out(self, data: bytearray, at: int, end: int, forms: ValueForms, bits: int, spare: int) -> int:
        """Values one behind the other, from `at` on; where they end, or what is whole of them does.

        Each that is NULL has a bit, from the byte `bits` on, behind `spare` others.
        """
        kinds, sizes = forms.kinds, forms.sizes
        for index in range(forms.count):
            bit = index + spare
            if data[bits + (bit >> 3)] >> (bit & 7) & 1:
                continue
            size = sizes[index]
            head = 0
            if size >= _COUNTED:
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
            if kind == _STRING and self._drawing.fill(data, at + head, stop, data, at + head, True):
                self._replaced += 1 if size else 0
            elif kind in (_SIGNED, _UNSIGNED):
                self._integer(data, at, stop, kind == _SIGNED)
            elif kind == _REAL:
                self._replaced += self._drawing.real(data, at, stop, data, at)
            elif kind == _DATED:
                self._replaced += size and self._drawing.date(data, at + head, stop, data, at + head)
            elif kind == _SPAN:
                self._replaced += size and self._drawing.span(data, at + head, stop, data, at + head)
            else:
                self._other(data, at, stop, forms, index)
            at = stop
        return at

    def _other(self, data: bytearray, at: int, stop: int, forms: ValueForms, index: int) -> None:
        """A value that is not plain, with its length."""
        if at < stop:
            before = self._counts.get("values", 0)
            text = None if forms.texts[index] == _UNKNOWN else forms.texts[index] != 0
            made = self._values.binary(bytes(data[at:stop]), forms.types[index], forms.unsigned[index] != 0, text)
            self._others += self._counts.get("values", 0) - before
            _put(data, at, made, stop - at)

    def _integer(self, data: bytearray, at: int, stop: int, signed: bool) -> None:
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
            elif found >= 0:
                value = self._drawing.in_range(value, False, 0, most)
            else:
                value = self._drawing.integer(value, False, 0, most if signed else (byte - 1) & _MASK)
        else:
            value = found
        for place in range(size):
            data[at + place] = value >> 8 * place & 0xFF
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


def reading_of(columns: Columns) -> bytes:
    """How columns are read, three bytes for each: its type, whether it is unsigned, whether its strings are text."""
    reading = bytearray()
    for one in columns:
        reading += bytes((one.type, one.flags & UNSIGNED_FLAG != 0, one.is_text))
    return bytes(reading)


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
    types = bytes(own & TYPE for own in plan.types)
    return ValueForms(types, bytes(own >= UNSIGNED for own in plan.types), bytes([_UNKNOWN]) * len(types))
