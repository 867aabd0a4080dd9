"""The sample captures, one row each: what is run, and what must then be in the capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PEOPLE = "SELECT 1; SELECT id, name, born, score FROM people ORDER BY id"
PLAIN = "--ssl-mode=DISABLED"
MARIADB_PLAIN = "--skip-ssl"
# The server answers the scramble with "fast authentication succeeded", or asks for full authentication.
FAST = "tcp.payload[0:6] == 02:00:00:02:01:03"
FULL = "tcp.payload[0:6] == 02:00:00:02:01:04"
ROWS = 'mysql.query contains "FROM people"'
CLIENT_HELLO = "tls.handshake.type == 1"


def error(code: int) -> str:
    """The filter for an error packet; TShark does not decode one in place of the greeting."""
    return f"mysql.error_code == {code} || tcp.payload[4:3] == ff:{code & 0xFF:02x}:{code >> 8:02x}"


@dataclass(frozen=True)
class Case:
    """One capture of one connection."""

    file: str
    server: str
    # Program and options; host and port are added. `client` is sample_clients.py with an action.
    program: Literal["mysql", "mariadb", "client"]
    options: tuple[str, ...]
    what: str
    truth: str
    # Display filters that must each match a frame.
    holds: tuple[str, ...]
    # Statements of the administrator, before and after.
    before: str = ""
    after: str = ""
    # Whether app and sha2 log in beforehand, so that the server has their passwords in its cache.
    warm: bool = False
    keys: Literal["none", "beside", "inside"] = "none"
    host: str = ""
    # The exit code of the command line client: 1 where it is refused.
    exit_code: int = 0
    # Whether the server must look up names: only then does it count the errors of an address.
    resolving: bool = False


def login(user: str, *more: str, database: str = "labdb", password: str = "") -> tuple[str, ...]:
    """The options of a command line client that logs in and reads a table."""
    words = (f"--user={user}", f"--password={password or user + '-pw'}", *more, f"--execute={PEOPLE}")
    return (*words, database)


CASES: tuple[Case, ...] = (
    Case(
        "mysql97_cli_fast-auth.pcap", "mysql97", "mysql", login("app", PLAIN),
        "caching_sha2_password, fast path, without TLS",
        "app, labdb; accepted by the fast path (01 03); SELECT 1 and 4 rows of people; COM_QUIT",
        (FAST, ROWS), warm=True,
    ),
    Case(
        "mysql97_cli_full-auth-rsa.pcapng", "mysql97", "mysql", login("app", PLAIN, "--get-server-public-key"),
        "caching_sha2_password, full authentication with the server's RSA key",
        "app, labdb; full (01 04), key asked for (02), password sent RSA encrypted, accepted",
        (FULL, 'tcp contains "BEGIN PUBLIC KEY"', ROWS), before="FLUSH PRIVILEGES",
    ),
    Case(
        "mysql97_cli_tls13-full-auth.pcap", "mysql97", "mysql",
        login("app", "--ssl-mode=REQUIRED", "--tls-version=TLSv1.3"),
        "caching_sha2_password, full authentication inside TLS 1.3",
        "app, labdb; TLS 1.3; full authentication, password in clear inside TLS, accepted",
        (CLIENT_HELLO, "tls.handshake.extensions.supported_version == 0x0304", ROWS),
        before="FLUSH PRIVILEGES", keys="beside",
    ),
    Case(
        "mysql97_cli_tls12.pcapng", "mysql97", "mysql",
        login("app", "--ssl-mode=REQUIRED", "--tls-version=TLSv1.2"),
        "login inside TLS 1.2; the certificates are readable",
        "app, labdb; TLS 1.2; fast authentication, accepted; key log inside the capture",
        (CLIENT_HELLO, "tls.handshake.certificate", ROWS), warm=True, keys="inside",
    ),
    Case(
        "mysql97_cli_wrong-password.pcap", "mysql97", "mysql",
        login("app", PLAIN, "--get-server-public-key", password="not-it"),
        "wrong password", "app, labdb; rejected with 1045 28000 (using password: YES)", (error(1045),), exit_code=1,
    ),
    Case(
        "mysql97_pymysql_expired.pcap", "mysql97", "client", ("expired",),
        "expired password, and a client that can not handle it",
        "expired; password right; rejected with 1862 HY000", (error(1862),),
    ),
    Case(
        "mysql97_pymysql_too-many-connections.pcap", "mysql97", "client", ("too-many",),
        "no connection is free", "no greeting: 1040 in its place, sequence 0, no SQL state",
        ("tcp.payload[3:4] == 00:ff:10:04",), warm=True,
    ),
    Case(
        "mysql97_socket_host-blocked.pcapng", "mysql97", "client", ("host-blocked",),
        "the client's address 127.0.0.5 is blocked after broken-off handshakes (by a server that looks up names)",
        "no greeting: 1129 in its place, sequence 0, no SQL state", (error(1129),),
        before="SET GLOBAL max_connect_errors = 3", resolving=True,
    ),
    Case(
        "mysql97_cli_zlib.pcap", "mysql97", "mysql",
        (*login("app", PLAIN, "--compression-algorithms=zlib")[:-2],
         "--execute=SELECT REPEAT('compress ', 200) AS t; SELECT 1", "labdb"),
        "zlib compression", "app, labdb; zlib; SELECT of a string of 1800 bytes, and SELECT 1",
        ("tcp contains 78:9c",), warm=True,
    ),
    Case(
        "mysql97_cli_zstd.pcapng", "mysql97", "mysql",
        (*login("app", PLAIN, "--compression-algorithms=zstd", "--zstd-compression-level=7")[:-2],
         "--execute=SELECT REPEAT('compress ', 200) AS t; SELECT 1", "labdb"),
        "zstd compression", "app, labdb; zstd, level 7 asked for; SELECT of a string of 1800 bytes, and SELECT 1",
        ("tcp contains 28:b5:2f:fd",), warm=True,
    ),
    Case(
        "mysql97_connector_change-user.pcap", "mysql97", "client", ("change-user",),
        "COM_CHANGE_USER to another account, then COM_RESET_CONNECTION",
        "app, then sha2, both accepted by the fast path; @a is NULL after the change; 4 rows of people",
        ("mysql.command == 17", "mysql.command == 31", ROWS), warm=True,
    ),
    Case(
        "mysql97_connector_prepared.pcapng", "mysql97", "client", ("prepared",),
        "prepared statements with parameters, NULLs and nearly every column type",
        "app, labdb; three COM_STMT_PREPARE, the third refused with 1054; executions with 4, 1 and 3 rows",
        ("mysql.command == 22", "mysql.command == 23", error(1054)), warm=True,
    ),
    Case(
        "mariadb1011_cli_native.pcap", "mariadb1011", "mariadb", login("app", MARIADB_PLAIN),
        "mysql_native_password", "app, labdb; accepted without a switch; SELECT 1 and 4 rows of people", (ROWS,),
    ),
    Case(
        "mariadb1011_cli_ed25519.pcapng", "mariadb1011", "mariadb", login("ed", MARIADB_PLAIN),
        "switch to client_ed25519", "ed, labdb; switched to client_ed25519, a signature of 64 bytes, accepted",
        ('tcp contains "client_ed25519"', "tcp.payload[0:4] == 40:00:00:03", ROWS),
    ),
    Case(
        "mariadb1011_cli_unknown-user.pcap", "mariadb1011", "mariadb", login("nobody_here", MARIADB_PLAIN),
        "a user that does not exist", "nobody_here, labdb; rejected with 1045 28000", (error(1045),), exit_code=1,
    ),
    Case(
        "mariadb118_cli_parsec.pcapng", "mariadb118", "mariadb", login("parsec", MARIADB_PLAIN),
        "switch to parsec", "parsec, labdb; switched to parsec, salt, signature, accepted",
        ('tcp.payload[4:1] == fe && tcp contains "parsec"', ROWS),
    ),
    Case(
        "mariadb118_cli_tls13.pcapng", "mariadb118", "mariadb", login("app"),
        "login inside TLS 1.3 (the client asks for it by default)",
        "app, labdb; TLS 1.3; mysql_native_password, accepted; key log inside the capture",
        (CLIENT_HELLO, "tls.handshake.extensions.supported_version == 0x0304", ROWS), keys="inside",
    ),
    Case(
        "bulk-resultset.pcap.zst", "mysql97", "client", ("bulk",),
        "a large result set, for measuring speed: pcap compressed with zstd",
        "app, labdb; accepted by the fast path; one large result set, 5 columns, 16000 rows, about 2.3 MB",
        ("mysql.query contains \"RECURSIVE\"",), warm=True,
    ),
)  # fmt: skip
