"""Columns, rows and the commands of prepared statements: both ways, and every kind of binary value."""

from __future__ import annotations

import struct

import pytest

from analyzer.errors import DecodeError
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.statement import ComStmtClose, ComStmtExecute
from analyzer.protocol.records.resultset import (
    UNSIGNED,
    ColumnDefinition41,
    ColumnDefinition320,
    ExtendedMetadata,
    TextRow,
    decode_binary_row,
)
from analyzer.protocol.tables.capabilities import (
    CLIENT_PROTOCOL_41,
    CLIENT_QUERY_ATTRIBUTES,
    MARIADB_CLIENT_EXTENDED_METADATA,
)
from analyzer.protocol.wire.reader import Reader
from tests.live_client.scripted import context


def column(kind: int, flags: int = 0, decimals: int = 0) -> ColumnDefinition41:
    return ColumnDefinition41("def", "db", "t", "t", "c", "c", None, 12, 63, 10, kind, flags, decimals)


@pytest.mark.parametrize(
    ("record", "flags"),
    [
        (column(8), CLIENT_PROTOCOL_41),
        (
            ColumnDefinition41("def", "", "", "", "ü", "", (ExtendedMetadata(1, "json"),), 12, 45, 1, 252, 16, 0),
            MARIADB_CLIENT_EXTENDED_METADATA,
        ),
        (ColumnDefinition320("t", "c", 1, 3, 1, 0), 0),
        (TextRow((b"a", None, b"", b"x" * 300)), 0),
        (ComStmtExecute(7), 0),
        (ComStmtExecute.bind(7, (), context(CLIENT_QUERY_ATTRIBUTES)), CLIENT_QUERY_ATTRIBUTES),
        (ComStmtClose(7), 0),
    ],
)
def test_round_trip(record: Record, flags: int) -> None:
    ctx = context(flags)
    data = record.to_bytes(ctx)
    assert type(record).from_bytes(data, ctx) == record
    for length in range(1, len(data)):
        try:
            assert type(record).from_bytes(data[:length], ctx).to_bytes(ctx) == data[:length]
        except DecodeError:
            continue


@pytest.mark.parametrize(
    ("kind", "raw", "text"),
    [
        (column(0x01), b"\x80", b"-128"),
        (column(0x01, UNSIGNED), b"\xff", b"255"),
        (column(0x02), b"\x00\x80", b"-32768"),
        (column(0x09), b"\xff\xff\x7f\x00", b"8388607"),
        (column(0x08, UNSIGNED), b"\xff" * 8, b"18446744073709551615"),
        (column(0x0D, UNSIGNED), b"\xe8\x07", b"2024"),
        (column(0x04), struct.pack("<f", 1.5), b"1.5"),
        (column(0x05), struct.pack("<d", -2.25e100), b"-2.25e100"),
        (column(0x0A), b"\x00", b"0000-00-00"),
        (column(0x0A), b"\x04\xe8\x07\x02\x1d", b"2024-02-29"),
        (column(0x0C, 0, 6), b"\x00", b"0000-00-00 00:00:00.000000"),
        (column(0x07), b"\x07\xe8\x07\x06\x01\x0c\x00\x00", b"2024-06-01 12:00:00"),
        (
            column(0x0C, 0, 3),
            b"\x0b\xe8\x07\x0c\x1f\x17\x3b\x3b" + struct.pack("<I", 999000),
            b"2024-12-31 23:59:59.999",
        ),
        (column(0x0B), b"\x00", b"00:00:00"),
        (column(0x0B), b"\x08\x01\x22\x00\x00\x00\x16\x3b\x3b", b"-838:59:59"),
        (column(0x0B, 0, 3), b"\x0c\x00\x00\x00\x00\x00\x01\x02\x03" + struct.pack("<I", 4000), b"01:02:03.004"),
        (column(0xFD), b"\x03abc", b"abc"),
    ],
)
def test_binary_values(kind: ColumnDefinition41, raw: bytes, text: bytes) -> None:
    assert decode_binary_row(Reader(b"\x00\x00" + raw), (kind.column,)) == (text,)
    assert decode_binary_row(Reader(b"\x00\x04"), (kind.column,)) == (None,)
    with pytest.raises(DecodeError):
        decode_binary_row(Reader(b"\x00\x00" + raw[:-1]), (kind.column,))
    with pytest.raises(DecodeError):
        decode_binary_row(Reader(b"\x00\x00" + raw + b"x"), (kind.column,))


def test_binary_rows_that_are_none() -> None:
    with pytest.raises(DecodeError, match="0x00 expected"):
        decode_binary_row(Reader(b"\x01\x00"), ())
    with pytest.raises(DecodeError, match="a date of 5 bytes"):
        decode_binary_row(Reader(b"\x00\x00\x05abcde"), (column(0x0A).column,))
    with pytest.raises(DecodeError, match="a time of 5 bytes"):
        decode_binary_row(Reader(b"\x00\x00\x05abcde"), (column(0x0B).column,))
