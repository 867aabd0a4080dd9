"""Every record as bytes that can be read: the manuals' examples, and what real servers and clients send."""

from __future__ import annotations

import pytest

from analyzer.errors import BadValue, Truncated
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, begins_greeting, flavor_of, plain_version
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    SSLRequest,
)
from analyzer.protocol.records.session_track import Schema
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.wire.reader import Reader
from tests.protocol.records.vectors import BASE, VECTORS, context


@pytest.mark.parametrize(("record", "in_force", "raw"), [row[1:] for row in VECTORS], ids=[row[0] for row in VECTORS])
def test_vector(record: Record, in_force: int, raw: str) -> None:
    payload = bytes.fromhex(raw)
    ctx = context(in_force)
    assert type(record).from_bytes(payload, ctx) == record
    assert record.to_bytes(ctx) == payload
    assert record.summary()


def test_nonce_of_a_greeting() -> None:
    new = HandshakeV10.from_bytes(bytes.fromhex(VECTORS[1][3]), context())
    assert new.auth_plugin_data == bytes.fromhex("524233767a264772 2b7944262f5a5a3330355a47")
    assert (new.capability_flags, flavor_of(new)) == (0xC00FFFFF, "mysql")


def test_extended_capabilities_of_mariadb() -> None:
    """They stand in the last four reserved bytes, and only where CLIENT_LONG_PASSWORD is clear."""
    reserved = bytes(6) + bytes.fromhex("1d 00 00 00")
    maria = HandshakeV10("11.8.6-x", 1, bytes(8), 0, 0xFFFE, 45, 2, 0x81FF, 21, reserved, bytes(13), "x")
    assert maria.capability_flags >> 32 == 0x1D
    assert flavor_of(maria) == "mariadb"
    clear = HandshakeV10("11.8.6-x", 1, bytes(8), 0, 0xFFFF, 45, 2, 0x81FF, 21, reserved, bytes(13), "x")
    assert clear.capability_flags >> 32 == 0
    assert flavor_of(clear) == "mysql"
    request = SSLRequest(cap.CLIENT_SSL, 0, 45, bytes(19) + b"\x1c\x00\x00\x00")
    assert request.capability_flags == cap.CLIENT_SSL | 0x1C << 32
    assert SSLRequest(cap.CLIENT_SSL | 1, 0, 45, request.filler).capability_flags == cap.CLIENT_SSL | 1


HEAD = b"\x0a5.5.5-10.0.31-MariaDB\x00" + b"\x0b\x00\x00\x00" + b"abcdefgh\x00"
FIXED = b"\xff\xf7\x2d\x02\x00\xff\x80"  # PLUGIN_AUTH and SECURE_CONNECTION are among the flags


@pytest.mark.parametrize(
    ("tail", "nonce", "plugin", "trailing"),
    [
        (FIXED + b"\x15" + bytes(10) + b"ijklmnopqrst\x00mysql_native_password\x00", b"ijklmnopqrst", "native", b""),
        # MariaDB 10.0 ends with two NULs.
        (
            FIXED + b"\x15" + bytes(10) + b"ijklmnopqrst\x00mysql_native_password\x00\x00",
            b"ijklmnopqrst",
            "native",
            b"\x00",
        ),
        # No NUL behind the name (bug 59453), and none behind the nonce.
        (FIXED + b"\x15" + bytes(10) + b"ijklmnopqrst\x00mysql_native_password", b"ijklmnopqrst", "native", b""),
        (FIXED + b"\x14" + bytes(10) + b"ijklmnopqrstmysql_native_password\x00", b"ijklmnopqrst", "native", b""),
        (FIXED + b"\x14" + bytes(10) + b"ijklmnopqrst\x00mysql_native_password\x00", b"ijklmnopqrst", "native", b""),
        (FIXED + b"\x15" + bytes(10) + b"ijklmnopqrst", b"ijklmnopqrst", None, b""),
        (FIXED + b"\x15" + bytes(10) + b"ijklmnopqrs\x00", b"ijklmnopqrs\x00", None, b""),
        # Those that end early.
        (b"\xff\xf7", b"", None, b""),
        (b"\xff\xf7\x2d", b"", None, b""),
        (b"\xff\xf7\x2d\x02\x00", b"", None, b""),
        (b"\xff\xf7\x2d\x02\x00\x07", b"", None, b"\x07"),
    ],
)
def test_near_misses_of_a_greeting(tail: bytes, nonce: bytes, plugin: str | None, trailing: bytes) -> None:
    """Read as far as they go, and written back as they were; the nonce is the one that the client used."""
    ctx = Context()
    greeting = HandshakeV10.from_bytes(HEAD + tail, ctx)
    assert greeting.to_bytes(ctx) == HEAD + tail
    assert greeting.auth_plugin_data == b"abcdefgh" + nonce
    assert greeting.auth_plugin_name == (plugin and f"mysql_{plugin}_password")
    assert greeting.trailing == trailing
    assert begins_greeting(HEAD + tail)


@pytest.mark.parametrize(
    ("version", "flags", "flavor"),
    [
        ("6.2.12 dc5144d35@230822 (columnar 2.2.4 5aec342@230822)", 0x8208, "manticore"),
        ("4.2.0 15e927b@211223 release", 0x8208, "manticore"),
        ("2.2.11-id64-release (95ae9a6)", 0x8208, "sphinx"),
        ("3.5.1 (commit 82c60cb)", 0x8208, "sphinx"),
        ("8.0.mysql_aurora.3.04.1", 0xFF_FFFF, "aurora"),
        ("node.js rocks", 0xFF_FFFF, "mysql2"),
        ("8.0.29-mysql-mimic", 0xFF_FFFF, "mysql-mimic"),
        ("8.0.33-Dolt", 0xFF_FFFF, "dolt"),
        ("5.7.25-TiDB-v7.5.0", 0xFF_FFFF, "tidb"),
        ("8.0.30-Vitess", 0xFF_FFFF, "vitess"),
        ("5.1.0", cap.CLIENT_PLUGIN_AUTH, "starrocks"),
        ("5.1.0", 0xF7FF, "mysql"),
        ("5.7.99", cap.CLIENT_PLUGIN_AUTH, "doris"),
        ("8.0.36", 0xFF_FFFF, "mysql"),
        ("5.6.51-log", 0xFF_FFFF, "mysql"),
    ],
)
def test_who_speaks(version: str, flags: int, flavor: str) -> None:
    greeting = HandshakeV10(version, 1, bytes(8), 0, flags & 0xFFFF | 1, 45, 2, flags >> 16, 21, bytes(10), bytes(13))
    assert flavor_of(greeting) == flavor


def test_a_collation_of_two_bytes() -> None:
    request = SSLRequest(cap.CLIENT_SSL, 0, 0x08, b"\x08" + bytes(22))
    assert request.collation_id == 2056


@pytest.mark.parametrize(
    ("version", "flavor", "plain"),
    [
        ("8.4.5", "mysql", "8.4.5"),
        ("5.5.5-10.11.19-MariaDB-log", "mariadb", "10.11.19-MariaDB-log"),
        ("5.5.5-", "mysql", "5.5.5-"),
        ("8.0.11-TiDB-v7.5.0", "tidb", "8.0.11-TiDB-v7.5.0"),
        ("8.0.30-Vitess", "vitess", "8.0.30-Vitess"),
    ],
)
def test_flavor(version: str, flavor: str, plain: str) -> None:
    assert flavor_of(HandshakeV9(version, 1, b"")) == flavor
    assert plain_version(version) == plain


def login_of(flags: int, tail: bytes) -> bytes:
    return flags.to_bytes(4, "little") + bytes(28) + tail


def test_a_flag_that_the_server_never_offered() -> None:
    """Some clients leave such a field out, some send it: the layout that leaves nothing over is taken."""
    flags = BASE | cap.CLIENT_PLUGIN_AUTH | cap.CLIENT_CONNECT_ATTRS
    server = flags & ~cap.CLIENT_CONNECT_ATTRS
    tail = b"app\x00\x00mysql_native_password\x00"
    left_out = HandshakeResponse41.from_bytes(login_of(flags, tail), context(server=server))
    assert (left_out.layout, left_out.attributes, left_out.trailing) == (server, None, b"")
    sent = HandshakeResponse41.from_bytes(login_of(flags, tail + b"\x04\x01a\x01b"), context(server=server))
    assert (sent.layout, sent.attributes, sent.trailing) == (flags, (("a", "b"),), b"")


def test_a_last_string_without_its_nul() -> None:
    """Refused, unless the caller knows that the packet is whole."""
    flags = BASE | cap.CLIENT_CONNECT_WITH_DB | cap.CLIENT_PLUGIN_AUTH
    for tail, database, plugin in (
        (b"app\x00\x00test", "test", None),
        (b"app\x00\x00test\x00mysql_nat", "test", "mysql_nat"),
    ):
        payload = login_of(flags, tail)
        with pytest.raises(Truncated):
            HandshakeResponse41.from_bytes(payload, context())
        record = HandshakeResponse41.decode(Reader(payload), context(), open_end=True)
        assert (record.database, record.client_plugin_name, record.last_has_nul) == (database, plugin, False)
        assert record.to_bytes(context()) == payload


def test_attributes_of_every_size() -> None:
    """The block's length takes 1, 3 (0xFC) or 4 bytes (0xFD)."""
    flags = BASE | cap.CLIENT_CONNECT_ATTRS
    for size in (1, 250, 251, 0xFFFF, 0x1_0000):
        record = HandshakeResponse41(flags, 0, 45, bytes(23), "u", b"", None, None, (("k", "v" * size),), None, flags)
        assert HandshakeResponse41.from_bytes(record.to_bytes(context()), context()) == record


def test_a_response_that_does_not_fit() -> None:
    with pytest.raises(BadValue, match="over 255 bytes"):
        HandshakeResponse41(BASE, 0, 45, bytes(23), "u", bytes(256), None, None, None, None, BASE).to_bytes(context())


def test_session_state_shows_itself() -> None:
    """Mid-stream nobody knows that session tracking is on, but the status and the lengths do."""
    payload = bytes.fromhex("00 00 00 02 40 00 00 00 05 01 03 02 64 62")
    record = OKPacket.from_bytes(payload, context(cap.CLIENT_PROTOCOL_41))
    assert (record.info, record.session_state_info) == ("", (Schema("db"),))
    assert record.to_bytes(context(cap.CLIENT_PROTOCOL_41)) == payload


def test_an_error_message_that_begins_with_a_hash() -> None:
    assert ErrPacket.from_bytes(b"\xff\x10\x04#abc", context()) == ErrPacket(1040, None, "#abc")
