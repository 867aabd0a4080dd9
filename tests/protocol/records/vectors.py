"""Records as bytes that can be read, and the context that each is in."""

from __future__ import annotations

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
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.response import ColumnCount, LocalInfileRequest, Statistics, StmtPrepareOK
from analyzer.protocol.records.session_track import SystemVariable
from analyzer.protocol.tables import capabilities as cap

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
