"""Binary values both ways: every column type, the values that are hard to read, text as the text protocol writes it."""

from __future__ import annotations

import datetime
import math
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.protocol.tables import column_types as types
from analyzer.protocol.tables.column_types import COLUMN_TYPES
from analyzer.protocol.wire.reader import Reader, TracingReader
from analyzer.protocol.wire.values import (
    BINARY,
    BLOBS,
    DATES,
    FIXED_SIZES,
    Bindable,
    Plain,
    Value,
    decode_value,
    encode_value,
    text_of,
    type_of,
)
from tests.protocol.records.requests import raw_values

TINY, SHORT, LONG, LONGLONG, INT24, YEAR = 1, 2, 3, 8, 9, 13
DATE, TIME, DATETIME, TIMESTAMP = 0x0A, 0x0B, 0x0C, 0x07


def decode(raw: str, kind: int, unsigned: bool = False, decimals: int | None = None) -> Plain:
    reader = Reader(bytes.fromhex(raw))
    found = decode_value(reader, kind, unsigned, "value", decimals=decimals)
    reader.finish()
    assert found.raw == bytes.fromhex(raw)
    return found.value


# (bytes, type, unsigned, decimals of a column, value, text)
HARD: list[tuple[str, int, bool, int | None, Plain, bytes | None]] = [
    ("ff", TINY, False, 0, -1, b"-1"),
    ("ff", TINY, True, 0, 255, b"255"),
    ("00 80", SHORT, False, 0, -32768, b"-32768"),
    ("d0 07", YEAR, False, 0, 2000, b"2000"),
    ("00 00", YEAR, False, 0, 0, b"0000"),
    ("ff ff ff ff", INT24, False, 0, -1, b"-1"),
    ("ff ff ff ff ff ff ff ff", LONGLONG, True, 0, 2**64 - 1, b"18446744073709551615"),
    ("00 00 00 00 00 00 00 80", LONGLONG, False, 0, -(2**63), b"-9223372036854775808"),
    ("cd cc cc 3d", 0x04, False, 31, 0.1, b"0.1"),
    ("00 00 20 41", 0x04, False, 31, 10.0, b"10"),
    ("ff ff 7f 7f", 0x04, False, 31, 3.4028235e38, b"3.4028235e38"),
    ("00 00 00 00 00 00 00 80", 0x05, False, 31, -0.0, b"-0"),
    ("00 00 00 00 00 00 f8 7f", 0x05, False, 31, "nan", b"nan"),
    ("", 0x06, False, None, None, None),
    ("00", DATE, False, 0, "0000-00-00", b"0000-00-00"),
    ("04 e8 07 02 1d", DATE, False, 0, "2024-02-29", b"2024-02-29"),
    ("00", DATETIME, False, 0, "0000-00-00 00:00:00", b"0000-00-00 00:00:00"),
    ("00", TIMESTAMP, False, 3, "0000-00-00 00:00:00.000", b"0000-00-00 00:00:00.000"),
    ("04 e8 07 02 1d", DATETIME, False, None, "2024-02-29 00:00:00", b"2024-02-29 00:00:00"),
    ("07 e8 07 02 1d 01 02 03", DATETIME, False, 0, "2024-02-29 01:02:03", b"2024-02-29 01:02:03"),
    ("07 e8 07 02 1d 01 02 03", DATETIME, False, 6, "2024-02-29 01:02:03.000000", b"2024-02-29 01:02:03.000000"),
    ("0b e8 07 02 1d 01 02 03 40 e2 01 00", DATETIME, False, 3, "2024-02-29 01:02:03.123", b"2024-02-29 01:02:03.123"),
    ("0b e8 07 02 1d 01 02 03 01 00 00 00", DATETIME, False, None, "2024-02-29 01:02:03.000001", None),
    ("0b e8 07 02 1d 00 00 00 00 00 00 00", DATE, False, None, "2024-02-29", None),
    ("07 e8 07 02 1d 01 02 03", DATE, False, None, "2024-02-29 01:02:03", None),
    ("0b 6f 27 0c 1f 17 3b 3b 3f 42 0f 00", DATETIME, False, 6, "10095-12-31 23:59:59.999999", None),
    ("00", TIME, False, 0, "00:00:00", b"00:00:00"),
    ("00", TIME, False, 2, "00:00:00.00", b"00:00:00.00"),
    ("08 01 22 00 00 00 16 3b 3b", TIME, False, 0, "-838:59:59", b"-838:59:59"),
    ("0c 01 22 00 00 00 16 3b 3b 01 00 00 00", TIME, False, 6, "-838:59:59.000001", None),
    ("08 00 00 00 00 00 01 02 03", TIME, False, 31, "01:02:03", None),
    ("04 33 2e 31 34", 0xF6, False, 2, "3.14", b"3.14"),
    ("03 00 00 05", 0x10, False, 0, b"\x00\x00\x05", b"\x00\x00\x05"),
    ("02 7b 7d", 0xF5, False, 0, "{}", b"{}"),
    ("08 00 00 80 3f 00 00 00 40", 0xF2, False, 0, struct.pack("<2f", 1, 2), None),
    ("00", 0xFD, False, 0, "", b""),
    ("02 c3 a4", 0xFD, False, 0, "ä", "ä".encode()),
    ("02 ff fe", 0xFE, False, 0, b"\xff\xfe", b"\xff\xfe"),
    ("fc 01 00 61", 0xFD, False, 0, "a", b"a"),
    ("01 61", 0xFC, False, 0, b"a", b"a"),
]


@pytest.mark.parametrize(("raw", "kind", "unsigned", "decimals", "value", "text"), HARD)
def test_hard_values(
    raw: str, kind: int, unsigned: bool, decimals: int | None, value: Plain, text: bytes | None
) -> None:
    found = decode(raw, kind, unsigned, decimals)
    assert found == value
    assert type(found) is type(value)
    if text is not None or value is None:
        assert text_of(found, kind) == text


def test_text_or_not_is_the_columns_business() -> None:
    reader = Reader(bytes.fromhex("01 61 01 61 02 7b 7d"))
    assert decode_value(reader, 0xFC, False, "text", text=True).value == "a"
    assert decode_value(reader, 0xFD, False, "varbinary", text=False).value == b"a"
    assert decode_value(reader, 0xFF, False, "point", text=True).value == b"{}"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, b"1"), (-2.5, b"-2.5"), (1e14, b"100000000000000"), (123456789012345.0, b"123456789012345"),
        (1e15, b"1e15"), (1.5e300, b"1.5e300"), (1e-5, b"0.00001"), (1e-20, b"1e-20"), (0.1, b"0.1"), (0.0, b"0"),
        (1 / 3, b"0.3333333333333333"), (-1e20, b"-1e20"),
    ],
)  # fmt: skip
def test_doubles_as_text(number: float, text: bytes) -> None:
    assert text_of(number, 0x05) == text


@given(kind=some.sampled_from(sorted(COLUMN_TYPES)), unsigned=some.booleans(), draw=some.data())
def test_every_type_keeps_its_bytes(kind: int, unsigned: bool, draw: some.DataObject) -> None:
    raw = draw.draw(raw_values(kind))
    tracing = TracingReader(raw + b"rest")
    found = decode_value(tracing, kind, unsigned, "value")
    assert (found.raw, tracing.left) == (raw, 4)
    assert [(span.start, span.end) for span in tracing.spans] in ([(0, len(raw))], [])
    assert not isinstance(found.value, float) or math.isfinite(found.value)
    text = text_of(found.value, kind)
    assert text is None or isinstance(text, bytes)
    assert (found.value is None) == (kind == 0x06)


@given(kind=some.sampled_from(sorted(COLUMN_TYPES)), unsigned=some.booleans(), draw=some.data())
def test_a_decoded_value_is_encoded_to_the_same_meaning(kind: int, unsigned: bool, draw: some.DataObject) -> None:
    """Not to the same bytes: some senders write zeros that the shortest form leaves out."""
    value = decode_value(Reader(draw.draw(raw_values(kind))), kind, unsigned, "value").value
    if kind in DATES or kind == TIME or value == "nan":
        return
    again = encode_value(value, kind, unsigned)
    assert again.value == value or kind in BLOBS | BINARY
    assert text_of(again.value, kind) == text_of(value, kind)


@given(when=some.datetimes(), kind=some.sampled_from([DATETIME, TIMESTAMP]))
def test_datetimes(when: datetime.datetime, kind: int) -> None:
    found = encode_value(when, kind)
    assert found.raw[0] == len(found.raw) - 1 == (11 if when.microsecond else 7 if any(when.timetuple()[3:6]) else 4)
    text = str(found.value)
    assert datetime.datetime.fromisoformat(text if len(text.split("-", maxsplit=1)[0]) == 4 else text.zfill(4)) == when
    assert encode_value(text, kind) == found


@given(when=some.dates())
def test_dates(when: datetime.date) -> None:
    found = encode_value(when, DATE)
    assert (found.value, len(found.raw)) == (f"{when.year:04d}-{when.month:02d}-{when.day:02d}", 5)


@given(span=some.timedeltas(datetime.timedelta(days=-400), datetime.timedelta(days=400)))
def test_times(span: datetime.timedelta) -> None:
    found = encode_value(span, TIME)
    sign, hours, minutes, seconds = found.value[:1], *str(found.value).lstrip("-").split(":")  # type: ignore[index]
    again = datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    assert abs((-again if sign == "-" else again) - span) < datetime.timedelta(microseconds=2)
    assert encode_value(found.value, TIME) == found


SENT: list[tuple[Bindable, tuple[int, bool], Value]] = [
    (None, (0x06, False), Value(b"", None)),
    (True, (LONGLONG, False), Value(b"\x01" + bytes(7), 1)),
    (2**64 - 1, (LONGLONG, True), Value(b"\xff" * 8, 2**64 - 1)),
    (1.5, (0x05, False), Value(struct.pack("<d", 1.5), 1.5)),
    (b"\x00\xff", (0xFC, False), Value(b"\x02\x00\xff", b"\x00\xff")),
    ("ä", (0xFD, False), Value(b"\x02\xc3\xa4", "ä")),
    (Decimal("1.50"), (0xF6, False), Value(b"\x041.50", "1.50")),
    (datetime.date(2024, 2, 29), (DATE, False), Value(b"\x04\xe8\x07\x02\x1d", "2024-02-29")),
    (datetime.time(1, 2, 3), (TIME, False), Value(b"\x08" + bytes(5) + b"\x01\x02\x03", "01:02:03")),
    (datetime.datetime(2024, 2, 29), (DATETIME, False), Value(b"\x04\xe8\x07\x02\x1d", "2024-02-29 00:00:00")),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "encoded"), SENT, ids=lambda value: str(value)[:20])
def test_what_python_values_are_sent_as(value: Bindable, kind: tuple[int, bool], encoded: Value) -> None:
    assert type_of(value) == kind
    assert encode_value(value, *kind) == encoded


def test_texts_of_dates() -> None:
    assert encode_value("0000-00-00", DATE).raw == b"\x00"
    assert encode_value("0000-00-00 00:00:00", DATETIME).raw == b"\x00"
    assert encode_value("2024-02-29T01:02:03.5", DATETIME).value == "2024-02-29 01:02:03.500000"
    assert encode_value("-00:00:00", TIME).raw == b"\x00"
    assert encode_value("34 22:59:59", TIME).value == "838:59:59"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (300, TINY), (-1, YEAR), ("x", LONG), (1.5, LONG), ("yesterday", DATE), ("70000-01-01", DATE), (b"x", 0x05),
        ("2024-300-01", DATE), ("1:2", TIME), ("1:2:999", TIME), (1e300, 0x04),
        ("2024-02-29 25", DATETIME), ("999999999999 00:00:00", TIME),
    ],
)  # fmt: skip
def test_what_does_not_fit(value: Bindable, kind: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are for people
        encode_value(value, kind)


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
def test_cut_values(kind: int) -> None:
    raw = {**{kind: bytes(size) for kind, size in FIXED_SIZES.items()}, TIME: b"\x08" + bytes(8)}.get(
        kind, b"\x04" + bytes(4)
    )
    for size in range(len(raw)):
        with pytest.raises(Truncated):
            decode_value(Reader(raw[:size]), kind, False, "value")


@pytest.mark.parametrize(("kind", "size"), [(DATE, 1), (DATETIME, 5), (TIMESTAMP, 0xFB), (TIME, 4), (TIME, 13)])
def test_dates_of_other_lengths(kind: int, size: int) -> None:
    with pytest.raises(BadValue):
        decode_value(Reader(bytes([size]) + bytes(255)), kind, False, "value")


@given(raw=some.binary(max_size=20), kind=some.integers(0, 255), unsigned=some.booleans())
def test_any_bytes(raw: bytes, kind: int, unsigned: bool) -> None:
    try:
        found = decode_value(Reader(raw), kind, unsigned, "value")
    except DecodeError:
        return
    assert raw.startswith(found.raw)


def test_the_table_of_types_is_whole() -> None:
    constants = {
        value: name.removeprefix("MYSQL_TYPE_").removeprefix("MARIADB_TYPE_")
        for name, value in vars(types).items()
        if "_TYPE_" in name
    }
    assert constants == COLUMN_TYPES
