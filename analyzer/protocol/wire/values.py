"""Values of the binary protocol, both ways: parameters, query attributes and binary rows share this one codec.

Source: MySQL source documentation, "Binary Protocol Value" (group: Prepared Statements, "Binary Protocol Resultset");
MariaDB Server documentation, "Result Set Packets" (binary resultset row).

A value is decoded to a `Value`: its bytes as they stood on the wire, length in front included, beside what they mean in
Python. Writing `raw` back gives the wire again, whatever way its sender chose to write it.

    integers, YEAR                   int
    FLOAT, DOUBLE                    float; str where it is no number: nan, inf, -inf
    DECIMAL, NEWDECIMAL              str, the decimal text
    DATE, DATETIME, TIMESTAMP, TIME  str, as SQL writes it: 2024-05-06, 2024-05-06 07:08:09.25, -838:59:59
    strings, JSON, ENUM, SET         str; bytes where they are not UTF-8
    blobs                            str where the caller says they are text, else bytes
    BIT, GEOMETRY, VECTOR            bytes
    NULL                             None
"""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from struct import Struct
from typing import Final, NamedTuple

from analyzer.errors import BadValue
from analyzer.protocol.tables.column_types import (
    MYSQL_TYPE_BIT,
    MYSQL_TYPE_BLOB,
    MYSQL_TYPE_DATE,
    MYSQL_TYPE_DATETIME,
    MYSQL_TYPE_DOUBLE,
    MYSQL_TYPE_FLOAT,
    MYSQL_TYPE_GEOMETRY,
    MYSQL_TYPE_LONG_BLOB,
    MYSQL_TYPE_LONGLONG,
    MYSQL_TYPE_MEDIUM_BLOB,
    MYSQL_TYPE_NEWDECIMAL,
    MYSQL_TYPE_NULL,
    MYSQL_TYPE_TIME,
    MYSQL_TYPE_TIMESTAMP,
    MYSQL_TYPE_TINY_BLOB,
    MYSQL_TYPE_VAR_STRING,
    MYSQL_TYPE_VECTOR,
    MYSQL_TYPE_YEAR,
)
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer

Plain = int | float | str | bytes | None
# What the raw client may hand in beside it.
Bindable = Plain | bool | Decimal | datetime.date | datetime.time | datetime.timedelta

# Column type -> bytes of its integer.
INTEGER_SIZES: Final[dict[int, int]] = {0x01: 1, 0x02: 2, 0x03: 4, 0x08: 8, 0x09: 4, 0x0D: 2}
# Column types whose values have one size; all others have a length in front.
FIXED_SIZES: Final[dict[int, int]] = INTEGER_SIZES | {MYSQL_TYPE_FLOAT: 4, MYSQL_TYPE_DOUBLE: 8, MYSQL_TYPE_NULL: 0}
DATES: Final = frozenset({MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME, MYSQL_TYPE_TIMESTAMP})
# Never text, whatever the character set.
BINARY: Final = frozenset({MYSQL_TYPE_BIT, MYSQL_TYPE_GEOMETRY, MYSQL_TYPE_VECTOR})
# Text or not: a column's character set says which, a parameter has none.
BLOBS: Final = frozenset({MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BLOB})
# "No fixed number of decimals": as many as were sent.
NOT_FIXED_DECIMALS: Final = 31
LONGEST_FRACTION: Final = 6

_FLOAT: Final = Struct("<f")
_DOUBLE: Final = Struct("<d")
_DATETIME: Final = Struct("<HBBBBBI")
_TIME_PARTS: Final = Struct("<BIBBBI")
_DATE_SIZES: Final = frozenset({0, 4, 7, 11})
_TIME_SIZES: Final = frozenset({0, 8, 12})
# Where the servers' text of a DOUBLE goes over to an exponent (dtoa.c: MAX_DECPT_FOR_F_FORMAT is DBL_DIG).
_LONGEST_POINT: Final = 15

_DATE_TEXT: Final = re.compile(r"(\d{1,5})-(\d{1,3})-(\d{1,3})(?:[ T](\d{1,3}):(\d{1,3}):(\d{1,3})(?:\.(\d{1,6}))?)?\Z")
_TIME_TEXT: Final = re.compile(r"(-?)(?:(\d{1,10}) )?(\d{1,11}):(\d{1,3}):(\d{1,3})(?:\.(\d{1,6}))?\Z")


class Value(NamedTuple):
    """A value: its bytes on the wire, and what they mean. NULL is (b"", None)."""

    raw: bytes
    value: Plain


NULL: Final = Value(b"", None)


def decode_value(
    r: Reader, type: int, unsigned: bool, name: str, *, decimals: int | None = None, text: bool | None = None
) -> Value:
    """Reads one value that is not NULL; `name` is its field's.

    `decimals` is a column definition's: so many digits behind the seconds; None (a parameter): as many as were sent.
    `text` says whether a string is text (the column's character set is not `binary`); None: as its type suggests.
    Raises Truncated, and BadValue for a date or time of a length that none has.
    """
    size = INTEGER_SIZES.get(type)
    if size is not None:
        raw = r.take(name, size)
        return Value(raw, int.from_bytes(raw, "little", signed=not (unsigned or type == MYSQL_TYPE_YEAR)))
    if type == MYSQL_TYPE_DOUBLE:
        raw = r.take(name, 8)
        number: float = _DOUBLE.unpack(raw)[0]
        return Value(raw, number if math.isfinite(number) else repr(number))
    if type == MYSQL_TYPE_FLOAT:
        raw = r.take(name, 4)
        return Value(raw, _single(_FLOAT.unpack(raw)[0], raw))
    if type in DATES:
        raw = _sized(r, name, _DATE_SIZES, "date")
        return Value(raw, _date_text(raw[1:], type, decimals))
    if type == MYSQL_TYPE_TIME:
        raw = _sized(r, name, _TIME_SIZES, "time")
        return Value(raw, _time_text(raw[1:], decimals))
    if type == MYSQL_TYPE_NULL:
        return NULL
    start = r.pos
    content = r.lenenc_bytes(name)
    raw = r.data[start : r.pos]
    if text is None:
        text = type not in BINARY and type not in BLOBS
    return Value(raw, _text_or_bytes(content) if text and type not in BINARY else content)


def text_of(value: Plain, type: int) -> bytes | None:
    """The bytes with which the text protocol writes a decoded value; None for NULL.

    A FLOAT has as many digits as tell it from its neighbours, where the text protocol stops at six.
    """
    if value is None:
        return None
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", ENCODING_ERRORS)
    if isinstance(value, float):
        return _float_text(value).encode()
    return (f"{value:04d}" if type == MYSQL_TYPE_YEAR else str(value)).encode()


def type_of(value: Bindable) -> tuple[int, bool]:
    """The column type that a Python value is sent as, and whether it is unsigned."""
    if value is None:
        return MYSQL_TYPE_NULL, False
    if isinstance(value, int):
        return MYSQL_TYPE_LONGLONG, value >= 1 << 63
    if isinstance(value, float):
        return MYSQL_TYPE_DOUBLE, False
    if isinstance(value, bytes):
        return MYSQL_TYPE_BLOB, False
    if isinstance(value, Decimal):
        return MYSQL_TYPE_NEWDECIMAL, False
    if isinstance(value, datetime.datetime):
        return MYSQL_TYPE_DATETIME, False
    if isinstance(value, datetime.date):
        return MYSQL_TYPE_DATE, False
    if isinstance(value, datetime.time | datetime.timedelta):
        return MYSQL_TYPE_TIME, False
    return MYSQL_TYPE_VAR_STRING, False


def encode_value(value: Bindable, type: int, unsigned: bool = False) -> Value:
    """A Python value as `type` is sent, in the shortest form the manual gives. Raises ValueError where it does not fit.

    A date or time may be text as SQL writes it, or of `datetime`.
    """
    w = Writer()
    if value is None or type == MYSQL_TYPE_NULL:
        return NULL
    if type in INTEGER_SIZES:
        w.raw(_integer(value, INTEGER_SIZES[type], unsigned or type == MYSQL_TYPE_YEAR))
    elif type in (MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE):
        if not isinstance(value, int | float | Decimal | str):
            raise ValueError(f"{value!r} is no number")
        try:
            w.raw((_FLOAT if type == MYSQL_TYPE_FLOAT else _DOUBLE).pack(float(value)))
        except OverflowError as error:
            raise ValueError(f"{value!r} is too large for its type") from error
    elif type in DATES:
        content = _date_bytes(_sql_text(value), type)
        w.u8(len(content))
        w.raw(content)
    elif type == MYSQL_TYPE_TIME:
        content = _time_bytes(_sql_text(value))
        w.u8(len(content))
        w.raw(content)
    else:
        w.lenenc_bytes(value if isinstance(value, bytes) else _sql_text(value))
    raw = w.getvalue()
    text = None if not isinstance(value, bytes) else False
    if type in BLOBS and not isinstance(value, bytes):
        text = True
    return decode_value(Reader(raw), type, unsigned, "value", text=text)


# -- numbers -----------------------------------------------------------------------------------------------------------


def _integer(value: Bindable, size: int, unsigned: bool) -> bytes:
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is no integer")
    try:
        return value.to_bytes(size, "little", signed=not unsigned)
    except OverflowError as error:
        raise ValueError(f"{value} does not fit into {size} bytes{' unsigned' if unsigned else ''}") from error


def _single(value: float, raw: bytes) -> float | str:
    """The number with the fewest digits that is this FLOAT: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return repr(value)
    for digits in (6, 7, 8):
        shorter = float(f"{value:.{digits}g}")
        try:
            if _FLOAT.pack(shorter) == raw:
                return shorter
        except OverflowError:
            continue
    return value


def _float_text(value: float) -> str:
    """As the servers write a DOUBLE: no point where there is no fraction, an exponent beyond 15 digits."""
    if not math.isfinite(value):
        return repr(value)
    sign, figures, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, figures)).rstrip("0") or "0"
    point = len(figures) + exponent  # digits before the point
    minus = "-" if sign else ""
    if digits == "0":
        return f"{minus}0"
    if -_LONGEST_POINT < point <= _LONGEST_POINT:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{digits}"
        if len(digits) <= point:
            return minus + digits.ljust(point, "0")
        return f"{minus}{digits[:point]}.{digits[point:]}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{minus}{digits[0]}{fraction}e{point - 1}"


# -- strings -----------------------------------------------------------------------------------------------------------


def _text_or_bytes(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _sql_text(value: Bindable) -> str:
    """Anything that can be bound, as SQL writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", ENCODING_ERRORS)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, datetime.timedelta):
        micros = value // datetime.timedelta(microseconds=1)
        seconds, micros, sign = abs(micros) // 10**6, abs(micros) % 10**6, "-" if micros < 0 else ""
        fraction = f".{micros:06d}" if micros else ""
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"
    if isinstance(value, float):
        return _float_text(value)
    return format(value, "f") if isinstance(value, Decimal) else str(int(value or 0))


# -- dates and times ---------------------------------------------------------------------------------------------------


def _sized(r: Reader, name: str, sizes: frozenset[int], what: str) -> bytes:
    """A length byte and so many bytes, both in what is given back: one field."""
    if r.pos < r.end and r.data[r.pos] not in sizes:
        raise BadValue(r.record, name, r.pos, f"a {what} of {r.data[r.pos]} bytes")
    # At the end of the data the length is what is missing.
    return r.take(name, 1 + max(r.peek(), 0))


def _fraction(micros: int, decimals: int | None, sent: bool) -> str:
    if decimals is None or decimals >= NOT_FIXED_DECIMALS:
        return f".{micros:06d}" if sent else ""
    if not decimals:
        return ""
    # Never more than there are, also where a definition says so; more than a microsecond's six digits where one lies.
    return f".{micros:06d}"[: 1 + min(decimals, LONGEST_FRACTION)] if micros < 10**6 else f".{micros}"


def _date_text(content: bytes, type: int, decimals: int | None) -> str:
    size = len(content)
    year, month, day, hour, minute, second, micros = _DATETIME.unpack(content.ljust(11, b"\x00"))
    date = f"{year:04d}-{month:02d}-{day:02d}"
    if type == MYSQL_TYPE_DATE and (size <= 4 or not any(content[4:])):
        return date
    return f"{date} {hour:02d}:{minute:02d}:{second:02d}{_fraction(micros, decimals, size == 11)}"


def _time_text(content: bytes, decimals: int | None) -> str:
    negative, days, hour, minute, second, micros = _TIME_PARTS.unpack(content.ljust(12, b"\x00"))
    sign = "-" if negative else ""
    fraction = _fraction(micros, decimals, len(content) == 12)
    return f"{sign}{days * 24 + hour:02d}:{minute:02d}:{second:02d}{fraction}"


def _numbers(found: re.Match[str]) -> list[int]:
    """The groups of a match as numbers, the fraction as microseconds."""
    groups = list(found.groups())
    fraction = (groups.pop() or "").ljust(LONGEST_FRACTION, "0")
    return [*(int(group or 0) for group in groups), int(fraction)]


def _date_bytes(text: str, type: int) -> bytes:
    found = _DATE_TEXT.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no date")
    numbers = _numbers(found)
    if numbers[0] > 0xFFFF or max(numbers[1:6]) > 0xFF:
        raise ValueError(f"{text!r} is no date")
    content = _DATETIME.pack(*numbers)
    if not any(content):
        return b""
    if not any(content[4:]) and (type == MYSQL_TYPE_DATE or found[4] is None or not any(numbers[3:])):
        return content[:4]
    return content[:7] if not numbers[6] else content


def _time_bytes(text: str) -> bytes:
    found = _TIME_TEXT.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    total = int(days or 0) * 24 + int(hours)
    micros = int((fraction or "").ljust(LONGEST_FRACTION, "0"))
    if total // 24 > 0xFFFF_FFFF or int(minutes) > 0xFF or int(seconds) > 0xFF:
        raise ValueError(f"{text!r} is no time")
    content = _TIME_PARTS.pack(bool(sign), total // 24, total % 24, int(minutes), int(seconds), micros)
    if not any(content[1:]):
        return b""
    return content if micros else content[:8]
