"""Values of rows events: how long each is, and what it means where that is certain.

A column's type and metadata come from the table map. Integers are decoded where the log says whether they are unsigned,
or where both readings are the same; strings where it says their collation. All else is bytes: JSON in its binary form,
spatial values, vectors, compressed columns.

    integers, YEAR, ENUM (its index), SET (its bits)     int
    FLOAT, DOUBLE                                        float
    DECIMAL, DATE, TIME, DATETIME                        str, as SQL writes it
    TIMESTAMP                                            int, seconds since 1970 UTC; str where it has a fraction
    strings of a known collation                         str
    all else                                             bytes

Sources: MySQL source documentation, "Table_map_event" (metadata), "Rows_event"; MySQL source, my_time.cc (packed
temporal types), decimal.cc (bin2decimal).
"""

from __future__ import annotations

from typing import Final

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.binlog_stream import MappedColumn
from analyzer.protocol.tables import column_types as ct
from analyzer.protocol.wire.reader import Reader
from analyzer.protocol.wire.values import NULL, Plain, Value, decode_value

_INTEGERS: Final[dict[int, int]] = {
    ct.MYSQL_TYPE_TINY: 1,
    ct.MYSQL_TYPE_SHORT: 2,
    ct.MYSQL_TYPE_INT24: 3,
    ct.MYSQL_TYPE_LONG: 4,
    ct.MYSQL_TYPE_LONGLONG: 8,
}
_SIZES: Final[dict[int, int]] = {
    ct.MYSQL_TYPE_NULL: 0,
    ct.MYSQL_TYPE_YEAR: 1,
    ct.MYSQL_TYPE_DATE: 3,
    ct.MYSQL_TYPE_NEWDATE: 3,
    ct.MYSQL_TYPE_TIME: 3,
    ct.MYSQL_TYPE_TIMESTAMP: 4,
    ct.MYSQL_TYPE_DATETIME: 8,
    ct.MYSQL_TYPE_FLOAT: 4,
    ct.MYSQL_TYPE_DOUBLE: 8,
} | _INTEGERS
# Packed temporal types: bytes before the fraction.
_TEMPORAL: Final[dict[int, int]] = {
    ct.MYSQL_TYPE_TIMESTAMP2: 4,
    ct.MYSQL_TYPE_DATETIME2: 5,
    ct.MYSQL_TYPE_TIME2: 3,
}
# The metadata is the number of bytes of their length.
BLOBS: Final = frozenset(
    {
        *(ct.MYSQL_TYPE_TINY_BLOB, ct.MYSQL_TYPE_MEDIUM_BLOB, ct.MYSQL_TYPE_LONG_BLOB, ct.MYSQL_TYPE_BLOB),
        *(ct.MYSQL_TYPE_GEOMETRY, ct.MYSQL_TYPE_JSON, ct.MYSQL_TYPE_VECTOR, ct.MARIADB_TYPE_BLOB_COMPRESSED),
    }
)
VARCHARS: Final = frozenset({ct.MYSQL_TYPE_VARCHAR, ct.MYSQL_TYPE_VAR_STRING, ct.MARIADB_TYPE_VARCHAR_COMPRESSED})
_COMPRESSED: Final = frozenset({ct.MARIADB_TYPE_BLOB_COMPRESSED, ct.MARIADB_TYPE_VARCHAR_COMPRESSED})
# Bytes of metadata of each type; 0 for all that is not here.
METADATA_SIZES: Final[dict[int, int]] = (
    dict.fromkeys(BLOBS, 1)
    | dict.fromkeys(_TEMPORAL, 1)
    | dict.fromkeys((ct.MYSQL_TYPE_FLOAT, ct.MYSQL_TYPE_DOUBLE), 1)
    | dict.fromkeys((*VARCHARS, ct.MYSQL_TYPE_STRING, ct.MYSQL_TYPE_ENUM, ct.MYSQL_TYPE_SET), 2)
    | dict.fromkeys((ct.MYSQL_TYPE_NEWDECIMAL, ct.MYSQL_TYPE_BIT), 2)
)
KNOWN: Final = frozenset(
    _SIZES.keys() | _TEMPORAL.keys() | BLOBS | VARCHARS
    | {ct.MYSQL_TYPE_STRING, ct.MYSQL_TYPE_ENUM, ct.MYSQL_TYPE_SET, ct.MYSQL_TYPE_NEWDECIMAL, ct.MYSQL_TYPE_BIT}
)  # fmt: skip

_DIGITS: Final = 9  # decimal digits in each four bytes
_DIGIT_BYTES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_TIME_ZERO: Final = 0x80_0000
_DATETIME_ZERO: Final = 0x80_0000_0000


def read_cell(r: Reader, column: MappedColumn, name: str) -> Value:
    """One value that is not NULL. Raises DecodeError, BadValue for a column whose values have no known length."""
    start = r.pos
    kind = column.real_type
    size = _SIZES.get(kind)
    if size is not None:
        raw = r.take(name, size)
        return Value(raw, _fixed(raw, kind, column)) if size else NULL
    meta = column.metadata
    if kind in _TEMPORAL and len(meta) == 1:
        raw = r.take(name, _TEMPORAL[kind] + (meta[0] + 1) // 2)
        return Value(raw, _temporal(raw, kind, meta[0]))
    if kind in BLOBS and len(meta) == 1 and 1 <= meta[0] <= 4:
        return _counted(r, column, name, meta[0])
    if kind in VARCHARS and len(meta) == 2:
        return _counted(r, column, name, 2 if int.from_bytes(meta, "little") > 0xFF else 1)
    if kind == ct.MYSQL_TYPE_STRING and len(meta) == 2:
        # Lengths over 255 borrow two bits of the type.
        longest = meta[1] | ((meta[0] & 0x30) ^ 0x30) << 4
        return _counted(r, column, name, 2 if longest > 0xFF else 1)
    if kind in (ct.MYSQL_TYPE_ENUM, ct.MYSQL_TYPE_SET) and len(meta) == 2 and 1 <= meta[1] <= 8:
        raw = r.take(name, meta[1])
        return Value(raw, int.from_bytes(raw, "little"))
    if kind == ct.MYSQL_TYPE_NEWDECIMAL and len(meta) == 2 and meta[0] >= meta[1]:
        raw = r.take(name, decimal_size(meta[0], meta[1]))
        text = decimal_text(raw, meta[0], meta[1])
        return Value(raw, raw if text is None else text)
    if kind == ct.MYSQL_TYPE_BIT and len(meta) == 2:
        raw = r.take(name, meta[1] + (meta[0] > 0))
        return Value(raw, raw)
    raise BadValue(r.record, name, start, f"column type {kind} with metadata {meta.hex()}: its length is not known")


def _counted(r: Reader, column: MappedColumn, name: str, size: int) -> Value:
    ahead = Reader(r.data, r.record, r.pos)
    ahead.end = r.end
    length = ahead.uint(name, size)
    raw = r.take(name, size + length)
    content = raw[size:]
    if column.codec is None or column.type in _COMPRESSED:
        return Value(raw, content)
    try:
        return Value(raw, content.decode(column.codec))
    except UnicodeDecodeError:
        return Value(raw, content)


def _fixed(raw: bytes, kind: int, column: MappedColumn) -> Plain:
    if kind in _INTEGERS:
        high = raw[-1] & 0x80
        if high and column.unsigned is None:
            return raw  # negative, or large: nobody says
        return int.from_bytes(raw, "little", signed=bool(high and not column.unsigned))
    if kind == ct.MYSQL_TYPE_YEAR:
        return raw[0] + 1900 if raw[0] else 0
    if kind in (ct.MYSQL_TYPE_FLOAT, ct.MYSQL_TYPE_DOUBLE):
        return decode_value(Reader(raw), kind, False, "value").value
    number = int.from_bytes(raw, "little")
    if kind in (ct.MYSQL_TYPE_DATE, ct.MYSQL_TYPE_NEWDATE):
        return f"{number >> 9:04d}-{number >> 5 & 15:02d}-{number & 31:02d}"
    if kind == ct.MYSQL_TYPE_TIME:
        number = int.from_bytes(raw, "little", signed=True)
        sign, number = "-" if number < 0 else "", abs(number)
        return f"{sign}{number // 10000:02d}:{number // 100 % 100:02d}:{number % 100:02d}"
    if kind == ct.MYSQL_TYPE_DATETIME:
        date, time = divmod(number, 10**6)
        return (
            f"{date // 10000:04d}-{date // 100 % 100:02d}-{date % 100:02d} "
            f"{time // 10000:02d}:{time // 100 % 100:02d}:{time % 100:02d}"
        )
    return number  # TIMESTAMP


def _temporal(raw: bytes, kind: int, decimals: int) -> Plain:
    """The packed types of MySQL 5.6 and MariaDB 10.1: big-endian, offset so that they sort, the fraction behind."""
    if decimals > 6:
        return raw
    size = len(raw) - _TEMPORAL[kind]
    bits = 8 * size
    number = int.from_bytes(raw, "big")
    if kind == ct.MYSQL_TYPE_TIMESTAMP2:
        seconds, fraction = number >> bits, number & (1 << bits) - 1
        return f"{seconds}{_digits(fraction, decimals)}" if decimals else seconds
    number -= (_TIME_ZERO if kind == ct.MYSQL_TYPE_TIME2 else _DATETIME_ZERO) << bits
    sign, number = "-" if number < 0 else "", abs(number)
    whole, fraction = number >> bits, number & (1 << bits) - 1
    tail = _digits(fraction, decimals)
    if kind == ct.MYSQL_TYPE_TIME2:
        return f"{sign}{whole >> 12 & 0x3FF:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}{tail}"
    year, month = divmod(whole >> 22, 13)
    time = f"{whole >> 12 & 31:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}{tail}"
    return f"{sign}{year:04d}-{month:02d}-{whole >> 17 & 31:02d} {time}"


def _digits(fraction: int, decimals: int) -> str:
    """A fraction is written in units of its bytes: hundredths, ten thousandths, microseconds."""
    if not decimals:
        return ""
    even = (decimals + 1) // 2 * 2
    return f".{fraction:0{even}d}"[: decimals + 1]


def decimal_size(precision: int, scale: int) -> int:
    """Bytes of a DECIMAL(precision, scale)."""
    before, after = precision - scale, scale
    return before // _DIGITS * 4 + _DIGIT_BYTES[before % _DIGITS] + after // _DIGITS * 4 + _DIGIT_BYTES[after % _DIGITS]


def decimal_text(raw: bytes, precision: int, scale: int) -> str | None:
    """The text of a packed DECIMAL; None where the bytes are none."""
    if precision < scale or precision > 255 or len(raw) != decimal_size(precision, scale) or not raw:
        return None
    negative = not raw[0] & 0x80
    flipped = bytes([raw[0] ^ 0x80]) + raw[1:]
    if negative:
        flipped = bytes(byte ^ 0xFF for byte in flipped)
    r = Reader(flipped)
    before, after = precision - scale, scale
    groups = [before % _DIGITS, *[_DIGITS] * (before // _DIGITS)]
    fractions = [*[_DIGITS] * (after // _DIGITS), after % _DIGITS]
    try:
        whole = "".join(_group(r, digits) for digits in groups)
        fraction = "".join(_group(r, digits) for digits in fractions)
    except DecodeError:
        return None
    text = whole.lstrip("0") or "0"
    return f"{'-' if negative else ''}{text}{'.' if scale else ''}{fraction}"


def _group(r: Reader, digits: int) -> str:
    """So many digits, big-endian. Raises BadValue where they would be more."""
    if not digits:
        return ""
    number = int.from_bytes(r.take("digits", _DIGIT_BYTES[digits]), "big")
    if number >= 10**digits:
        raise BadValue("", "digits", r.pos, f"{number} is more than {digits} digits")
    return f"{number:0{digits}d}"
