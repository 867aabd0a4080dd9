"""The basic types: both ways, cut at every place, and with the tracing reader."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.errors import BadValue, DecodeError, TrailingBytes, Truncated
from analyzer.protocol.wire.reader import Reader, TracingReader, Writer

# The manual's examples and the borders between the forms ("Protocol::LengthEncodedInteger").
LENENC = [
    (0, "00"),
    (0xFA, "fa"),
    (0xFB, "fc fb 00"),
    (0xFFFF, "fc ff ff"),
    (0x1_0000, "fd 00 00 01"),
    (0xFF_FFFF, "fd ff ff ff"),
    (0x100_0000, "fe 00 00 00 01 00 00 00 00"),
    (0xFFFF_FFFF_FFFF_FFFF, "fe ff ff ff ff ff ff ff ff"),
]


@pytest.mark.parametrize(("value", "raw"), LENENC)
def test_lenenc(value: int, raw: str) -> None:
    w = Writer()
    w.lenenc(value)
    assert w.getvalue() == bytes.fromhex(raw)
    r = Reader(bytes.fromhex(raw), "Test")
    assert r.lenenc("n") == value
    r.finish()


@pytest.mark.parametrize("first", [0xFB, 0xFF])
def test_what_begins_no_length(first: int) -> None:
    with pytest.raises(BadValue) as caught:
        Reader(bytes([0, first]) + bytes(8), "Test", 1).lenenc("n")
    assert (caught.value.record, caught.value.field, caught.value.offset) == ("Test", "n", 1)


@given(some.integers(0, 2**64 - 1))
def test_lenenc_round_trip(value: int) -> None:
    w = Writer()
    w.lenenc(value)
    r = Reader(w.getvalue())
    assert r.lenenc("n") == value
    assert r.left == 0


@given(some.binary(max_size=400), some.binary(max_size=20), some.integers(0, 2**32 - 1))
def test_everything_in_a_row(data: bytes, name: bytes, number: int) -> None:
    name = name.replace(b"\x00", b"x")
    w = Writer()
    w.u8(number & 0xFF)
    w.uint(number, 4)
    w.nul(name)
    w.lenenc_bytes(data)
    w.raw(data)
    r = Reader(w.getvalue())
    assert (r.u8("a"), r.uint("b", 4), r.nul("c")) == (number & 0xFF, number, name)
    assert (r.lenenc_bytes("d"), r.rest("e")) == (data, data)
    r.finish()


@given(some.binary(max_size=60))
def test_text_that_is_not_utf8_survives(data: bytes) -> None:
    w = Writer()
    w.lenenc_bytes(Reader(data).rest_text("t"))
    assert Reader(w.getvalue()).lenenc_bytes("t") == data


READS: dict[str, Callable[[Reader], object]] = {
    "u8": lambda r: r.u8("f"),
    "uint": lambda r: r.uint("f", 3),
    "take": lambda r: r.take("f", 3),
    "text": lambda r: r.text("f", 3),
    "nul": lambda r: r.nul("f"),
    "nul_text": lambda r: r.nul_text("f"),
    "lenenc": lambda r: r.lenenc("f"),
    "lenenc_bytes": lambda r: r.lenenc_bytes("f"),
    "lenenc_text": lambda r: r.lenenc_text("f"),
    "rest": lambda r: r.rest("f"),
    "rest_text": lambda r: r.rest_text("f"),
}


@given(some.sampled_from(sorted(READS)), some.binary(max_size=20), some.integers(0, 20))
def test_short_data_is_never_handed_out(method: str, data: bytes, pos: int) -> None:
    """What is read is there in full, or an error says where it is missing, and the reader has not moved."""
    pos = min(pos, len(data))
    r, tracing = Reader(data, "Test", pos), TracingReader(data, "Test", pos)
    value = error = None
    try:
        value = READS[method](r)
    except DecodeError as found:
        error = found
    if error is not None:
        assert pos <= error.offset <= len(data)
        assert (r.pos, error.record, error.field) == (pos, "Test", "f")
        with pytest.raises(type(error)):
            READS[method](tracing)
        assert tracing.spans == []
        return
    assert pos <= r.pos <= len(data)
    assert READS[method](tracing) == value
    assert [(s.name, s.start, s.end, s.value) for s in tracing.spans] == [("f", pos, r.pos, value)]


def test_a_size_larger_than_memory_is_truncated() -> None:
    with pytest.raises(Truncated, match="announced"):
        Reader(b"\xfe" + b"\xff" * 8 + b"abc").lenenc_bytes("data")


def test_finish() -> None:
    r = Reader(b"ab", "Test")
    r.u8("a")
    assert (r.left, r.peek()) == (1, 0x62)
    with pytest.raises(TrailingBytes, match="1 bytes after the last field"):
        r.finish()
    r.u8("b")
    r.finish()
    assert r.peek() == -1


def test_a_field_without_a_name_is_not_traced() -> None:
    r = TracingReader(b"\x01\x02")
    r.u8("")
    r.u8("shown")
    assert [span.name for span in r.spans] == ["shown"]
