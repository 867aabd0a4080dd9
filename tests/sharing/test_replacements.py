"""Replacements: as long, of the same kind, the same for the same, and no way back but the key."""

from __future__ import annotations

import ipaddress
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.compiled import is_compiled
from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.wire.reader import Reader
from analyzer.protocol.wire.values import decode_value
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.rows import RowRedactor
from analyzer.sharing.redaction.values import ValueRedactor
from tests.sharing.reading import KEY

MADE = Replacements(KEY)
COMPILED = pytest.mark.skipif(not is_compiled(), reason="takes long where it is not compiled")
CLASSES = (
    (re.compile(rb"[0-9]"), b"0"),
    (re.compile(rb"[a-z]"), b"a"),
    (re.compile(rb"[A-Z]"), b"A"),
)


def form(value: bytes) -> bytes:
    for pattern, sign in CLASSES:
        value = pattern.sub(sign, value)
    return value


@given(st.binary(max_size=200))
def test_any_bytes_keep_their_length(value: bytes) -> None:
    assert len(MADE.text("sql", value)) == len(value)
    assert len(MADE.noise("sql", value)) == len(value)
    assert len(MADE.nonce("sql", value)) == len(value)
    assert len(MADE.digits("sql", value)) == len(value)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_ascii_keeps_its_form(text: str) -> None:
    assert form(MADE.text("sql", text.encode())) == form(text.encode())


@given(st.text(max_size=60))
def test_utf8_stays_utf8(text: str) -> None:
    value = text.encode("utf-8", "ignore")
    assert len(MADE.text("sql", value).decode()) == len(value.decode())


@given(st.binary(max_size=60))
def test_the_same_becomes_the_same_under_one_key_alone(value: bytes) -> None:
    assert Replacements(KEY).text("users", value) == MADE.text("values", value)
    if len(set(value)) > 8 and value.isalnum():
        assert Replacements(b"another key").text("users", value) != MADE.text("users", value)


def test_short_values_stay_different() -> None:
    words = [bytes((a, b, c)) for a in range(97, 123) for b in range(97, 123) for c in b"xyz"]
    assert len({MADE.text("users", word) for word in words}) == len(words)
    numbers = [b"%d" % number for number in range(2000)]
    assert len({MADE.text("sql", number) for number in numbers}) == len(numbers)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_stay_in_range(value: int) -> None:
    for bits in (8, 16, 32, 64):
        least, most = -(1 << bits - 1), (1 << bits - 1) - 1
        if least <= value <= most:
            made = MADE.integer("values", value, least, most)
            assert least <= made <= most
            assert len(str(made)) == len(str(value))


@given(st.dates(min_value=__import__("datetime").date(1000, 1, 1)), st.times())
def test_dates_stay_dates(date: object, time: object) -> None:
    value = f"{date} {str(time)[:8]}".encode()
    made = MADE.text("sql", value).decode()
    assert re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d", made)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_ipv4_keeps_prefixes_octet_by_octet(one: ipaddress.IPv4Address, other: ipaddress.IPv4Address) -> None:
    first, second = MADE.addresses.packed(one.packed), MADE.addresses.packed(other.packed)
    common = next((i for i in range(4) if one.packed[i] != other.packed[i]), 4)
    assert first[:common] == second[:common]
    assert (first == second) == (one == other)
    assert len(str(ipaddress.ip_address(first))) == len(str(one))
    assert MADE.text("addresses", str(one).encode()) == str(ipaddress.ip_address(first)).encode()


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_ipv6_keeps_prefixes_nibble_by_nibble(one: ipaddress.IPv6Address, other: ipaddress.IPv6Address) -> None:
    first, second = (MADE.addresses.packed(address.packed).hex() for address in (one, other))
    common = next((i for i in range(32) if one.packed.hex()[i] != other.packed.hex()[i]), 32)
    assert first[:common] == second[:common]
    assert (first == second) == (one == other)


def test_addresses_that_say_nothing_stay() -> None:
    for text in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "::1", "::", "ff02::1"):
        assert MADE.addresses.packed(ipaddress.ip_address(text).packed) == ipaddress.ip_address(text).packed
    assert MADE.text("addresses", b"fe80::1").startswith(b"fe80::")


@given(st.binary(min_size=6, max_size=6))
def test_macs_keep_group_and_local_bits(address: bytes) -> None:
    made = MADE.addresses.mac(address)
    assert made[0] & 3 == address[0] & 3
    assert MADE.addresses.mac(address) == made


def test_long_values_are_other_to_their_end() -> None:
    """What is hashed and drawn in pieces: a change anywhere changes all of it, and the form stays."""
    for size in (4095, 4096, 4097, 8192, 10_001):
        value = (b"Some text, 123 words long; " * 400)[:size]
        made = MADE.text("values", value)
        assert form(made) == form(value)
        changed = MADE.text("values", value[:-1] + b"Q")
        for begin in range(0, size - 64, 512):
            assert made[begin : begin + 64] != value[begin : begin + 64]
            assert made[begin : begin + 64] != changed[begin : begin + 64]
        digits = b"1234567890" * (size // 10)
        assert MADE.text("values", digits).isdigit()


def test_what_rows_have_in_them_is_what_texts_become() -> None:
    """In rows values are written in their places, in a compiled loop: the same as one by one."""
    values = [
        b"",
        b"0",
        b"007",
        b"-5",
        b"1.50",
        b"12345678901234567890",
        b"abc",
        b"x" * 250,
        b"2024-01-02",
        b"1e5",
        b"a b",
    ]
    values += [
        b"2024-01-02T03:04:05.600",
        b"2024-00-02",
        b"23:59:59.5",
        b"-01:02:03",
        b"1-2",
        b"handshark-bench",
        b"::1",
    ]
    values += [b"10.0.0.7", b"\x01\x02", b"9" * 46, b"e" * 32, b"12:30:00", b"\xc3\xa9t\xc3\xa9", b"---", b"Ab1" * 30]
    column = ResultColumn("c", 0xFD, 0, 255, 0)
    row = b"".join(bytes([len(value)]) + value for value in values)
    data = len(row).to_bytes(3, "little") + b"\1" + row
    out = bytearray(data)
    rows = RowRedactor(MADE, ValueRedactor(MADE), False)
    assert rows.rows(out, 0, 1, (column,) * len(values), False) == len(data)
    assert out[4:] == b"".join(bytes([len(value)]) + MADE.text("values", value) for value in values)


@given(st.data(), st.sampled_from([(0x01, 1), (0x02, 2), (0x03, 4), (0x08, 8)]), st.booleans())
def test_integers_of_rows_are_what_their_texts_become(
    data: st.DataObject, kind: tuple[int, int], unsigned: bool
) -> None:
    own, size = kind
    raw = data.draw(st.binary(min_size=size, max_size=size))
    column = ResultColumn("c", own, 0x20 if unsigned else 0, 63, 0)
    packet = (2 + size).to_bytes(3, "little") + b"\1\0\0" + raw
    out = bytearray(packet)
    values = ValueRedactor(MADE)
    assert RowRedactor(MADE, values, False).rows(out, 0, 1, (column,), True) == len(packet)
    assert out[6:] == values.binary(raw, own, unsigned, False)


@pytest.mark.parametrize(("count", "size"), [(300, 40), (3000, 3), pytest.param(5000, 1900, marks=COMPILED)])
def test_rows_that_come_again_become_the_same(count: int, size: int) -> None:
    """As many as are kept, and more: each becomes what it became, and counts as much."""
    column = ResultColumn("c", 0xFD, 0, 33, 0)
    draw = random.Random(count)
    texts = [b"%d %s" % (number, draw.randbytes(size // 2).hex().encode()) for number in range(count)]
    heads = [b"\xfc" + len(text).to_bytes(2, "little") for text in texts]
    packets = [
        (len(head + text)).to_bytes(3, "little") + b"\1" + head + text for head, text in zip(heads, texts, strict=True)
    ]
    made = Replacements(KEY)
    rows = RowRedactor(made, ValueRedactor(made), False)
    for again in range(3):
        out = bytearray(b"".join(packets))
        assert rows.rows(out, 0, count, (column,), False) == len(out)
        at = 0
        for packet, text in zip(packets, texts, strict=True):
            at += len(packet)
            assert out[at - len(text) : at] == MADE.text("values", text)
        assert made.counts["values"] == (again + 1) * count
        order = list(range(count))
        draw.shuffle(order)
        packets, texts = [packets[index] for index in order], [texts[index] for index in order]


def test_a_moment_is_the_same_in_text_and_binary() -> None:
    """A DATETIME and a DATE, with microseconds and without; what is zero of them stays zero."""
    values = ValueRedactor(MADE)
    for text, raw in (
        (b"2024-05-06", b"\x04\xe8\x07\x05\x06"),
        (b"2024-05-06 07:08:09", b"\x07\xe8\x07\x05\x06\x07\x08\x09"),
        (b"2024-05-06 07:08:09.250000", b"\x0b\xe8\x07\x05\x06\x07\x08\x09\x90\xd0\x03\x00"),
        (b"2024-05-06 00:00:00", b"\x07\xe8\x07\x05\x06\x00\x00\x00"),
        (b"0000-00-00", b"\x04\x00\x00\x00\x00"),
    ):
        kind = 0x0A if len(raw) == 5 else 0x0C
        made = Reader(values.binary(raw, kind, False, None), "value")
        assert decode_value(made, kind, False, "value").value == MADE.text("values", text).decode()
    assert MADE.text("values", b"2024-05-06 07:08:09.000")[:19] == MADE.text("values", b"2024-05-06T07:08:09")[
        :19
    ].replace(b"T", b" ")
    assert MADE.text("values", b"2024-00-06")[5:7] == b"00"
    assert MADE.text("values", b"2024-00-06") != b"2024-00-06"


@given(st.binary(min_size=1, max_size=40), st.integers(0, 1 << 40), st.integers(0, 20_000))
def test_what_stands_for_encrypted_records(seed: bytes, number: int, size: int) -> None:
    """As many bytes, of each record others, and the same again."""
    made = MADE.drawing.sealed(seed, number, size)
    assert len(made) == size
    assert made == Replacements(KEY).drawing.sealed(seed, number, size)
    if size >= 16:
        assert made != MADE.drawing.sealed(seed, number + 1, size)
        assert made != Replacements(KEY + b"x").drawing.sealed(seed, number, size)
