"""Text of character sets other than UTF-8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.protocol.wire.text import MULTIBYTE, bytes_in_charset, in_charset


def read(raw: bytes) -> str:
    """As a record reads it."""
    return raw.decode("utf-8", ENCODING_ERRORS)


def test_text_in_the_clients_character_set() -> None:
    assert in_charset("plain", "cp1252") == "plain"
    assert in_charset(read(b"caf\xe9"), "cp1252") == "café"
    # A client that says latin1 and sends UTF-8: common, and no chance.
    assert in_charset("café", "cp1252") == "café"
    assert in_charset(read(b"caf\xe9"), None) == "caf\udce9"
    assert in_charset(read(b"caf\xe9\x81"), "ascii") == "caf\udce9\udc81"


@pytest.mark.parametrize(("codec", "text"), [("gbk", "誠"), ("shift_jis", "表ソ"), ("big5", "功許"), ("cp932", "能")])
def test_a_backslash_as_second_byte(codec: str, text: str) -> None:
    raw = f"'{text}'".encode(codec)
    assert b"\\" in raw
    assert bytes_in_charset(raw, codec) == f"'{text}'"


def test_bytes_that_make_utf_8_by_chance() -> None:
    raw = "模".encode("gbk")
    assert raw.decode("utf-8") != "模"
    assert bytes_in_charset(raw, "gbk") == "模"


@given(some.binary(max_size=40), some.sampled_from([*sorted(MULTIBYTE), "cp1252", "koi8_r", None]))
def test_any_bytes(raw: bytes, codec: str | None) -> None:
    assert isinstance(bytes_in_charset(raw, codec), str)
