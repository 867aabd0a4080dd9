"""Every record as bytes that can be read: the manuals' examples, and what real servers and clients send."""

from __future__ import annotations

import pytest

from analyzer.errors import BadValue, Truncated
from analyzer.protocol.context import Context
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.text import (
    ComChangeUser,
    ComInitDb,
    ComOther,
    ComQuery,
    ComStmtPrepare,
)
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, begins_greeting, flavor_of, plain_version
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.response import ColumnCount, LocalInfileRequest, Statistics, StmtPrepareOK
from analyzer.protocol.records.session_track import Schema, SystemVariable
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.wire.reader import Reader

BASE = cap.CLIENT_PROTOCOL_41 | cap.CLIENT_SECURE_CONNECTION


def context(in_force: int = BASE, server: int | None = None) -> Context:
    ctx = Context()
    ctx.in_force = in_force
    ctx.server = server
    return ctx


# Record, capabilities in force, bytes. Those of the MySQL manual are its examples, byte for byte.
VECTORS: list[tuple[str, Record, int, str]] = [
    (
        "HandshakeV10 of 5.5.2 (manual)",
        HandshakeV10(
            "5.5.2-m2",
            11,
            bytes.fromhex("64 76 48 40 49 2d 43 4a"),
            0,
            0xF7FF,
            8,
            2,
            0,
            0,
            bytes(10),
            bytes.fromhex("2a 34 64 7c 63 5a 77 6b 34 5e 5d 3a 00"),
        ),
        0,
        "0a 35 2e 35 2e 32 2d 6d 32 00 0b 00 00 00 64 76 48 40 49 2d 43 4a 00 ff f7 08 02 00 00 00 00 00 00 00 00 00 "
        "00 00 00 00 00 2a 34 64 7c 63 5a 77 6b 34 5e 5d 3a 00",
    ),
    (
        "HandshakeV10 of 5.6.4 (manual)",
        HandshakeV10(
            "5.6.4-m7-log",
            2646,
            bytes.fromhex("52 42 33 76 7a 26 47 72"),
            0,
            0xFFFF,
            8,
            2,
            0xC00F,
            21,
            bytes(10),
            bytes.fromhex("2b 79 44 26 2f 5a 5a 33 30 35 5a 47 00"),
            "mysql_native_password",
        ),
        0,
        "0a 35 2e 36 2e 34 2d 6d 37 2d 6c 6f 67 00 56 0a 00 00 52 42 33 76 7a 26 47 72 00 ff ff 08 02 00 0f c0 15 00 "
        "00 00 00 00 00 00 00 00 00 2b 79 44 26 2f 5a 5a 33 30 35 5a 47 00 6d 79 73 71 6c 5f 6e 61 74 69 76 65 5f 70 "
        "61 73 73 77 6f 72 64 00",
    ),
    (
        "HandshakeV10 before 4.1",
        HandshakeV10("3.23.58", 1, b"ABCDEFGH", 0, 0x2C),
        0,
        "0a 33 2e 32 33 2e 35 38 00 01 00 00 00 41 42 43 44 45 46 47 48 00 2c 00",
    ),
    (
        "HandshakeV9",
        HandshakeV9("3.20.32", 7, b"abcdefgh"),
        0,
        "09 33 2e 32 30 2e 33 32 00 07 00 00 00 6162636465666768 00",
    ),
    (
        "SSLRequest (manual)",
        SSLRequest(0x0003AE05, 0x1000000, 8, bytes(23)),
        0,
        "05 ae 03 00 00 00 00 01 08" + " 00" * 23,
    ),
    ("SSLRequest320", SSLRequest320(0x0885, 0xFFFFFF), 0, "85 08 ff ff ff"),
    (
        "HandshakeResponse41 of 5.5 (manual)",
        HandshakeResponse41(
            0x000FA68D,
            0x1000000,
            8,
            bytes(23),
            "pam",
            bytes.fromhex("ab 09 ee f6 bc b1 32 3e 61 14 38 65 c0 99 1d 95 7d 75 d4 47"),
            "test",
            "mysql_native_password",
            None,
            None,
            0x000FA68D,
        ),
        0,
        "8d a6 0f 00 00 00 00 01 08"
        + " 00" * 23
        + "70 61 6d 00 14 ab 09 ee f6 bc b1 32 3e 61 14 38 65 c0 99 1d 95 7d 75 "
        "d4 47 74 65 73 74 00 6d 79 73 71 6c 5f 6e 61 74 69 76 65 5f 70 61 73 73 77 6f 72 64 00",
    ),
    (
        "HandshakeResponse41 of 5.6.6 with attributes (manual)",
        HandshakeResponse41(
            0x001EA285,
            0x40000000,
            8,
            bytes(23),
            "root",
            bytes.fromhex("22 50 79 a2 12 d4 e8 82 e5 b3 f4 1a 97 75 6b c8 be db 9f 80"),
            None,
            "mysql_native_password",
            (
                ("_os", "debian6.0"),
                ("_client_name", "libmysql"),
                ("_pid", "22344"),
                ("_client_version", "5.6.6-m9"),
                ("_platform", "x86_64"),
                ("foo", "bar"),
            ),
            None,
            0x001EA285,
        ),
        0,
        "85 a2 1e 00 00 00 00 40 08"
        + " 00" * 23
        + "72 6f 6f 74 00 14 22 50 79 a2 12 d4 e8 82 e5 b3 f4 1a 97 75 6b c8 be db 9f 80 6d 79 73 71 6c 5f "
        "6e 61 74 69 76 65 5f 70 61 73 73 77 6f 72 64 00 61 03 5f 6f 73 09 64 65 62 69 61 6e 36 2e 30 0c "
        "5f 63 6c 69 65 6e 74 5f 6e 61 6d 65 08 6c 69 62 6d 79 73 71 6c 04 5f 70 69 64 05 32 32 33 34 34 "
        "0f 5f 63 6c 69 65 6e 74 5f 76 65 72 73 69 6f 6e 08 35 2e 36 2e 36 2d 6d 39 09 5f 70 6c 61 74 66 "
        "6f 72 6d 06 78 38 36 5f 36 34 03 66 6f 6f 03 62 61 72",
    ),
    (
        "HandshakeResponse320 (manual)",
        HandshakeResponse320(0x2485, 0, "old", b"GDSCQYR_", None, False),
        0,
        "85 24 00 00 00 6f 6c 64 00 47 44 53 43 51 59 52 5f",
    ),
    (
        "HandshakeResponse320 whose database has no NUL",
        HandshakeResponse320(0x248D, 0, "old", b"GDSCQYR_", "test", False),
        0,
        "8d 24 00 00 00 6f 6c 64 00 47 44 53 43 51 59 52 5f 00 74 65 73 74",
    ),
    (
        "AuthSwitchRequest (manual)",
        AuthSwitchRequest(
            "mysql_native_password", bytes.fromhex("7a 51 67 34 69 36 6f 4e 79 36 3d 72 48 4e 2f 3e 2d 62 29 41 00")
        ),
        BASE,
        "fe 6d 79 73 71 6c 5f 6e 61 74 69 76 65 5f 70 61 73 73 77 6f 72 64 00 7a 51 67 34 69 36 6f 4e 79 36 3d 72 48 "
        "4e 2f 3e 2d 62 29 41 00",
    ),
    ("AuthSwitchRequest without data", AuthSwitchRequest("dialog", b"", False), BASE, "fe 64 69 61 6c 6f 67"),
    ("OldAuthSwitchRequest (manual)", OldAuthSwitchRequest(), BASE, "fe"),
    ("AuthMoreData", AuthMoreData(b"\x04"), BASE, "01 04"),
    ("AuthMoreData without its mark", AuthMoreData(b"Password: ", False), BASE, b"Password: ".hex()),
    ("AuthNextFactor", AuthNextFactor("dialog", b"\x00x"), BASE, "02 64 69 61 6c 6f 67 00 00 78"),
    ("AuthResponse (manual)", AuthResponse(b"pw\x00"), BASE, "70 77 00"),
    (
        "OK (manual)",
        OKPacket(0, 0, 0, 2, 0, None, True, None),
        BASE | cap.CLIENT_TRANSACTIONS,
        "00 00 00 02 00 00 00",
    ),
    (
        "OK before 4.1 with CLIENT_TRANSACTIONS",
        OKPacket(0, 1, 0, 2, None, None, True, None),
        cap.CLIENT_TRANSACTIONS,
        "00 01 00 02 00",
    ),
    ("OK before 4.1", OKPacket(0, 1, 0, None, None, "hi", True, None), 0, "00 01 00 02 68 69"),
    (
        "OK with session state (manual)",
        OKPacket(0, 0, 0, 0x4002, 0, "", True, (SystemVariable("autocommit", "OFF"),)),
        BASE | cap.CLIENT_SESSION_TRACK,
        "00 00 00 02 40 00 00 00 11 00 0f 0a 61 75 74 6f 63 6f 6d 6d 69 74 03 4f 46 46",
    ),
    (
        "OK in place of EOF",
        OKPacket(0xFE, 0, 0, 0x22, 1, None, True, None),
        BASE | cap.CLIENT_DEPRECATE_EOF,
        "fe 00 00 22 00 01 00",
    ),
    (
        "OK whose info has no length",
        OKPacket(0, 0, 0, 2, 0, "Rows matched: 1", False, None),
        BASE,
        "00 00 00 02 00 00 00" + b"Rows matched: 1".hex(),
    ),
    (
        "ERR (manual)",
        ErrPacket(1096, "HY000", "No tables used"),
        BASE,
        "ff 48 04 23 48 59 30 30 30 4e 6f 20 74 61 62 6c 65 73 20 75 73 65 64",
    ),
    (
        "ERR in place of the greeting",
        ErrPacket(1040, None, "Too many connections"),
        BASE,
        "ff 10 04" + b"Too many connections".hex(),
    ),
    ("EOF (manual)", EOFPacket(0, 2), BASE, "fe 00 00 02 00"),
    ("EOF before 4.1", EOFPacket(None, None), 0, "fe"),
    (
        "progress report",
        ProgressReport(1, 1, 2, 50_000, "copy to tmp table"),
        BASE | cap.MARIADB_CLIENT_PROGRESS,
        "ff ff ff 01 01 02 50 c3 00 11" + b"copy to tmp table".hex(),
    ),
    (
        "COM_QUERY (manual)",
        ComQuery("select @@version_comment limit 1"),
        BASE,
        "03" + b"select @@version_comment limit 1".hex(),
    ),
    (
        "COM_QUERY with query attributes, none given",
        ComQuery("select 1", 0, 1),
        BASE | cap.CLIENT_QUERY_ATTRIBUTES,
        "03 00 01" + b"select 1".hex(),
    ),
    (
        "COM_QUERY with three query attributes, the second NULL",
        ComQuery(
            "do 1",
            3,
            1,
            (
                Parameter(0xFE, "n1", b"\x02v1", "v1"),
                Parameter(0x06, "n2"),
                Parameter(0x8003, "n3", b"\x01\x00\x00\x00", 1),
            ),
            b"\x02",
            1,
        ),
        BASE | cap.CLIENT_QUERY_ATTRIBUTES,
        "03 03 01 02 01 fe 00 02 6e 31 06 00 02 6e 32 03 80 02 6e 33 02 76 31 01 00 00 00" + b"do 1".hex(),
    ),
    ("COM_INIT_DB (manual)", ComInitDb("test"), BASE, "02 74 65 73 74"),
    (
        "COM_STMT_PREPARE (manual)",
        ComStmtPrepare("SELECT CONCAT(?, ?) AS col1"),
        BASE,
        "16 53 45 4c 45 43 54 20 43 4f 4e 43 41 54 28 3f 2c 20 3f 29 20 41 53 20 63 6f 6c 31",
    ),
    (
        "COM_CHANGE_USER",
        ComChangeUser("app", b"\x01\x02", True, "db", 45, "mysql_native_password", (("a", "b"),)),
        BASE | cap.CLIENT_PLUGIN_AUTH | cap.CLIENT_CONNECT_ATTRS,
        "11 61 70 70 00 02 01 02 64 62 00 2d 00" + b"mysql_native_password\x00".hex() + "04 01 61 01 62",
    ),
    (
        "COM_CHANGE_USER before 4.1",
        ComChangeUser("app", b"ABCDEFGH", False, "db"),
        0,
        "11 61 70 70 00 4142434445464748 00 64 62 00",
    ),
    (
        "COM_CHANGE_USER whose database has no NUL",
        ComChangeUser("app", b"", True, "db", database_has_nul=False),
        BASE,
        "11 61 70 70 00 00 64 62",
    ),
    ("COM_STATISTICS (manual)", ComOther(9, b""), BASE, "09"),
    ("COM_PROCESS_KILL", ComOther(0x0C, b"\x07\x00\x00\x00"), BASE, "0c 07 00 00 00"),
    ("column count", ColumnCount(1), BASE, "01"),
    ("column count of 300", ColumnCount(300), BASE, "fc 2c 01"),
    # As MySQL 9.7 and MariaDB 11.8 send them.
    ("optional metadata", ColumnCount(2, 0), BASE | cap.CLIENT_OPTIONAL_RESULTSET_METADATA, "02 00"),
    ("cached metadata", ColumnCount(2, 1), BASE | cap.MARIADB_CLIENT_CACHE_METADATA, "02 01"),
    ("COM_STATISTICS' answer", Statistics("Uptime: 5"), BASE, "55 70 74 69 6d 65 3a 20 35"),
    ("LOCAL INFILE (manual)", LocalInfileRequest("/etc/passwd"), BASE, "fb 2f 65 74 63 2f 70 61 73 73 77 64"),
    ("COM_STMT_PREPARE OK (manual)", StmtPrepareOK(1, 1, 2, 0, 0), BASE, "00 01 00 00 00 01 00 02 00 00 00 00"),
    ("COM_STMT_PREPARE OK of 4.1", StmtPrepareOK(1, 1, 2), BASE, "00 01 00 00 00 01 00 02 00"),
    (
        "COM_STMT_PREPARE OK without metadata",
        StmtPrepareOK(1, 2, 1, 0, 0, 0),
        BASE | cap.CLIENT_OPTIONAL_RESULTSET_METADATA,
        "00 01 00 00 00 02 00 01 00 00 00 00 00",
    ),
]


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
