"""Values that are bound to a prepared statement, written from the bytes of a plain execute."""

from __future__ import annotations

from struct import Struct
from typing import Final

from analyzer.analysis.conversation.plain_turn import DOUBLE, TEXT
from analyzer.analysis.conversation.plain_turn import ExecutePlan as Plan  # the .pxd has its type by its name
from analyzer.analysis.line_buffer import is_plain_json, put_bytes, put_number, put_part
from analyzer.report.jsonl import value

# Bytes that a value which is no text takes at most, with what stands between two.
VALUE: Final = 28
_NULL: Final = b"null"
_NAMED_NULL: Final = b"NULL"
_QUOTE: Final = 0x22
_ZERO: Final = 0x30
_COMMA: Final = b","
_LIST, _END, _MINUS, _POINT = b"[]-."
# Kinds of parameters: integers have even places where they are signed, and their sizes are in order.
_TEXT: Final = TEXT
_DOUBLE: Final = DOUBLE
# All bits of eight bytes.
_FULL: Final = 0xFFFF_FFFF_FFFF_FFFF
# Of a double: what its exponent is where it is no number, and of whole numbers where no bit stands for a fraction.
_NO_NUMBER: Final = 0x7FF
_WHOLE: Final = 1023 + 52
_FRACTION: Final = (1 << 52) - 1
_READ_DOUBLE: Final = Struct("<d").unpack_from
# A length that takes more than its byte.
_LONG: Final = 0xFB


def put_json(line: bytearray, plan: Plan, data: bytes, end: int) -> int:
    """Writes the values as JSON has them; how many bytes they take, -1 where they are not plain, or not whole.

    Plain are integers, text without escapes, and doubles. The packet has `end` bytes.
    """
    line[0] = _LIST
    written = _put(line, 1, plan, data, end, _COMMA, True)
    if written < 0:
        return -1
    line[written] = _END
    return written + 1


def put_listed(line: bytearray, begin: int, plan: Plan, data: bytes, end: int, between: bytes) -> int:
    """The same for who reads, from `begin` on, without quotes; where they end, -1 where they are not plain."""
    return _put(line, begin, plan, data, end, between, False)


def _put(line: bytearray, begin: int, plan: Plan, data: bytes, end: int, between: bytes, quoted: bool) -> int:
    kinds, apart = plan.kinds, len(between)
    count, written = len(kinds), begin
    null = _NULL if quoted else _NAMED_NULL
    place = plan.flag + 1
    if count and data[plan.flag]:
        place += len(plan.block)
    for index in range(count):
        if index:
            written = put_bytes(line, written, between, apart)
        kind = kinds[index]
        if data[plan.start + (index >> 3)] >> (index & 7) & 1:
            written = put_bytes(line, written, null, 4)
        elif kind == _TEXT:
            size = data[place] if place < end else _LONG
            stop = place + 1 + size
            if size >= _LONG or stop > end or not is_plain_json(data, place + 1, stop):
                return -1
            if quoted:
                line[written] = line[written + size + 1] = _QUOTE
                written = put_part(line, written + 1, data, place + 1, size) + 1
            else:
                written = put_part(line, written, data, place + 1, size)
            place = stop
        elif kind == _DOUBLE:
            if place + 8 > end:
                return -1
            written = _put_double(line, written, data, place, quoted)
            if written < 0:
                return -1
            place += 8
        else:
            size = 1 << (kind >> 1)
            if place + size > end:
                return -1
            number = _number_in(data, place, size)
            if number >> (8 * size - 1) and not kind & 1:
                line[written] = _MINUS
                written += 1
                number = (_FULL >> (64 - 8 * size)) - number + 1
            written = put_number(line, written, number)
            place += size
    return written if place == end or not count else -1


def _number_in(data: bytes, place: int, size: int) -> int:
    """The number of so many bytes, at most eight: they lie inside."""
    number = byte = 0
    for at in range(size):
        byte = data[place + at]
        number |= byte << 8 * at
    return number


def _put_double(line: bytearray, end: int, data: bytes, place: int, as_json: bool) -> int:
    """Writes a double; returns where it ends, -1 where it is no number."""
    bits = _number_in(data, place, 8)
    exponent = bits >> 52 & _NO_NUMBER
    whole = bits & _FRACTION | _FRACTION + 1
    if exponent == _NO_NUMBER:
        return -1
    # Most are whole numbers: of drivers that know no others.
    shift = _WHOLE - exponent
    if 0 <= shift <= 52 and whole >> shift << shift == whole:
        if bits >> 63:
            line[end] = _MINUS
            end += 1
        end = put_number(line, end, whole >> shift)
        line[end], line[end + 1] = _POINT, _ZERO
        return end + 2
    double = _READ_DOUBLE(data, place)[0]
    text = value(double) if as_json else repr(double).encode()
    return put_bytes(line, end, text, len(text))
