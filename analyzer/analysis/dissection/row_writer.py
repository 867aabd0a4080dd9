"""What is shown of rows of result sets, written from their bytes: of whole rows, in which nothing is hidden.

`RowWriter` goes through the values of a row, and tells them one by one: who makes text of them says in what form.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.dissection.fields import FIELDS, FieldInfo
from analyzer.analysis.dissection.fields.extract import Node, value_nodes
from analyzer.analysis.line_buffer import LineBuffer
from analyzer.batches import copied
from analyzer.protocol.columns import Columns, ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.records.resultset import UNSIGNED
from analyzer.protocol.tables.column_types import MYSQL_TYPE_NULL, MYSQL_TYPE_TIME
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.row_values import counted_end, length_size
from analyzer.protocol.wire.text import bytes_in_charset
from analyzer.protocol.wire.values import BINARY, BLOBS, DATES, FIXED_SIZES, INTEGER_SIZES

# How values are told: as a number, as text, as a date, or as the fields that they are. Some types have no value.
NUMBER: Final = 0
TEXT: Final = 1
DATE: Final = 2
OTHER: Final = 3
NOTHING: Final = 4
# Columns of rows that are told so: as many as have a bitmap that is shown whole.
MOST_COLUMNS: Final = 900
# The fields in front of the values.
_HEADS: Final = ("mysql.packet_length", "mysql.packet_number", "handshark.field.header", "mysql.row.nullbuffer")
_NULL_TEXT: Final = b"NULL"
# Bits of a row's bitmap in front of its first column's.
_RESERVED: Final = 2
# Bytes of the parts of a date, one behind the other.
_PARTS: Final = bytes([2, 1, 1, 1, 1, 1, 4])
_LONGEST_DATE: Final = bytes([sum(_PARTS), *bytes(sum(_PARTS))])
# In the place of a size: there is a byte with it in front of the value, or a length-encoded integer.
_SIZED: Final = -1
_COUNTED: Final = -2
# The first byte of a value of the text protocol that is NULL.
_NULL: Final = 0xFB
# Once more: here they are numbers of C.
_HEADER: Final = HEADER
_NUMBER: Final = NUMBER
_TEXT: Final = TEXT
_DATE: Final = DATE
_NOTHING: Final = NOTHING
_ONES: Final = (1 << 64) - 1


class ColumnKind:
    """How binary values of a column are told.

    size    bytes of a value, or how they are known
    signed  of a number
    labels  what stands in front of each field of a value
    """

    __slots__ = ("column", "kind", "labels", "signed", "size")

    def __init__(self, column: ResultColumn) -> None:
        type = column.type
        self.column = column
        self.size = FIXED_SIZES.get(type, _SIZED if type in DATES or type == MYSQL_TYPE_TIME else _COUNTED)
        self.kind = OTHER
        self.labels: list[bytes] = []
        self.signed = False
        if type in INTEGER_SIZES:
            self.kind = NUMBER
        elif type in DATES:
            self.kind = DATE
        elif type == MYSQL_TYPE_NULL:
            self.kind = NOTHING
        elif self.size == _COUNTED and type not in BINARY and type not in BLOBS:
            self.kind = TEXT

    def sample(self) -> list[Node]:
        """The fields of a value that has all of them; of a number one that is below zero, where it can be."""
        if self.kind in (OTHER, NOTHING):
            return []
        value = b"\xff" * self.size if self.kind == NUMBER else _LONGEST_DATE if self.kind == DATE else b"\x00"
        return value_nodes(self.column, value, 0, None)


class RowWriter:
    """Tells the fields of rows. Places of fields count from the row's header on.

    encrypted, assumed  as they are of the packets that come
    """

    __slots__ = ("_codec", "_columns", "_heads", "_kinds", "_known", "_value", "assumed", "encrypted")

    def __init__(self) -> None:
        self._heads = [self.label(FIELDS[name]) for name in _HEADS]
        self._value = self.label(FIELDS["mysql.row.text"])
        self.encrypted = self.assumed = False
        self._columns: Columns = ()
        self._codec: str | None = None
        self._kinds: list[ColumnKind] = []
        self._known: dict[tuple[int, int, bool], ColumnKind] = {}

    def take(self, columns: Columns, context: Context) -> None:
        """Has the columns in hand of which rows come, and what was agreed on."""
        self._codec, self.encrypted, self.assumed = context.results_codec, context.secure, context.assumed
        if columns is self._columns:
            return
        self._columns, self._kinds = columns, []
        known = self._known
        for column in columns:
            alike = (column.type, column.flags & UNSIGNED, column.is_text)
            found = known.get(alike)
            if found is None:
                found = known[alike] = self._kind(column)
            self._kinds.append(found)

    def _kind(self, column: ResultColumn) -> ColumnKind:
        found = ColumnKind(column)
        nodes = found.sample()
        found.labels = [self.label(node.info) for node in nodes]
        value = nodes[0].value if nodes else 0
        found.signed = isinstance(value, int) and value < 0
        return found

    def said(self, content: bytes) -> str:
        """What text says."""
        return bytes_in_charset(content, self._codec)

    def row(self, lines: LineBuffer, data: bytes, begin: int, stop: int, binary: bool) -> None:
        """Tells a whole row, its header first."""
        heads = self._heads
        self.start(lines, binary)
        self.number(lines, heads[0], 0, _HEADER - 1, stop - begin - _HEADER, False)
        self.number(lines, heads[1], _HEADER - 1, _HEADER, data[begin + _HEADER - 1], False)
        if binary:
            self._binary(lines, data, begin, stop)
        else:
            self._text(lines, data, begin, stop)

    def _text(self, lines: LineBuffer, data: bytes, begin: int, stop: int) -> None:
        """The values of a row of the text protocol."""
        place, count = begin + _HEADER, 0
        while place < stop:
            count += 1
            if data[place] == _NULL:
                self.text(lines, self._value, place - begin, place - begin + 1, _NULL_TEXT, 0, len(_NULL_TEXT))
                place += 1
            else:
                behind = counted_end(data, place, stop)
                size = behind - place - length_size(data[place])
                self.text(lines, self._value, place - begin, behind - begin, data, behind - size, size)
                place = behind
        self.stop(lines, count, 0)

    def _binary(self, lines: LineBuffer, data: bytes, begin: int, stop: int) -> None:
        """The values of a row of the binary protocol."""
        kinds = self._kinds
        count, nulls, bitmap = len(kinds), 0, begin + _HEADER + 1
        size = (count + 7 + _RESERVED) >> 3
        behind = place = bitmap + size
        self.number(lines, self._heads[2], _HEADER, _HEADER + 1, 0, False)
        self.raw(lines, self._heads[3], _HEADER + 1, _HEADER + 1 + size, data, bitmap, size)
        for index in range(count):
            bit = index + _RESERVED
            if data[bitmap + (bit >> 3)] >> (bit & 7) & 1:
                nulls += 1
                continue
            kind = kinds[index]
            if kind.kind == _NUMBER:
                behind = place + kind.size
                self._number(lines, kind, place - begin, data, place)
            elif kind.kind == _TEXT:
                behind = counted_end(data, place, stop)
                size = behind - place - length_size(data[place])
                self.number(lines, kind.labels[0], place - begin, behind - begin, size, False)
                self.text(lines, kind.labels[1], place - begin, behind - begin, data, behind - size, size)
            elif kind.kind == _DATE:
                behind = place + 1 + data[place]
                self._parts(lines, kind.labels, place - begin, data, place)
            elif kind.kind == _NOTHING:
                nulls += 1
            else:
                size = kind.size
                behind = counted_end(data, place, stop) if size == _COUNTED else place + size
                if size == _SIZED:
                    behind = place + 1 + data[place]
                value = copied(data, place, behind)
                self.fields(lines, value_nodes(kind.column, value, place - begin, self._codec))
            place = behind
        self.stop(lines, count, nulls)

    def _number(self, lines: LineBuffer, kind: ColumnKind, start: int, data: bytes, place: int) -> None:
        size = kind.size
        number = _number_at(data, place, size)
        below = kind.signed and number >> (8 * size - 1) != 0
        if below:
            number = (_ONES >> (64 - 8 * size)) - number + 1
        self.number(lines, kind.labels[0], start, start + size, number, below)

    def _parts(self, lines: LineBuffer, labels: list[bytes], start: int, data: bytes, place: int) -> None:
        """A date, part by part."""
        size, used = data[place], 1
        end = start + 1 + size
        self.number(lines, labels[0], start, end, size, False)
        for index in range(len(_PARTS)):
            if used > size:
                break
            self.number(lines, labels[index + 1], start, end, _number_at(data, place + used, _PARTS[index]), False)
            used += _PARTS[index]

    # -- what is told --------------------------------------------------------------------------------------------------

    def label(self, info: FieldInfo) -> bytes:
        """What stands in front of a field's value."""
        raise NotImplementedError

    def start(self, lines: LineBuffer, binary: bool) -> None:
        """A row begins."""
        raise NotImplementedError

    def number(self, lines: LineBuffer, label: bytes, start: int, end: int, number: int, below: bool) -> None:
        """A number, `below` zero or not."""
        raise NotImplementedError

    def raw(self, lines: LineBuffer, label: bytes, start: int, end: int, data: bytes, place: int, size: int) -> None:
        """So many bytes, from `place` on."""
        raise NotImplementedError

    def text(self, lines: LineBuffer, label: bytes, start: int, end: int, data: bytes, place: int, size: int) -> None:
        """The text in so many bytes."""
        raise NotImplementedError

    def fields(self, lines: LineBuffer, nodes: list[Node]) -> None:
        """Fields of another kind."""
        raise NotImplementedError

    def stop(self, lines: LineBuffer, count: int, nulls: int) -> None:
        """The row of so many values is over: so many were NULL in the binary protocol."""
        raise NotImplementedError


def _number_at(data: bytes, place: int, size: int) -> int:
    """The number of so many bytes, at most eight."""
    number = byte = 0
    for at in range(size):
        byte = data[place + at]
        number |= byte << 8 * at
    return number
