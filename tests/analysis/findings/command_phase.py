"""Traffic of the command phase, and of what comes in front of a login, for the findings about them."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.analysis import Connection
from tests.analysis.findings.making import CLOSE, SERVER_CLOSES, last, several
from tests.analysis.traffic import one
from tests.wire.frames import FIN, RST
from tests.wire.mysql import CLIENT_HELLO, FAST, QUIT, err, greeting, login, ok, packet, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, Say, Script, Step, wait

Made = Callable[[], Connection]

SHUT = "Got a packet bigger than 'max_allowed_packet' bytes"
PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 3306\r\n"
UNKNOWN = err(1, 1243, "Unknown prepared statement handler (3) given to mysqld_stmt_execute")
SELECT = query("SELECT * FROM orders WHERE id = 7 FOR UPDATE")
# A packet of 3 MB of which 40,000 bytes are sent.
LARGE = (3_000_034).to_bytes(3, "little") + b"\x00\x03INSERT INTO loaded VALUES (1,'" + b"x" * 39_900


def prepare(sql: str) -> bytes:
    return packet(0, b"\x16" + sql.encode())


def prepared(number: int) -> bytes:
    return packet(1, b"\x00" + number.to_bytes(4, "little") + bytes(5) + b"\x00\x00")


def execute(number: int) -> bytes:
    return packet(0, b"\x17" + number.to_bytes(4, "little") + b"\x00\x01\x00\x00\x00")


def close_statement(number: int) -> bytes:
    return packet(0, b"\x19" + number.to_bytes(4, "little"))


def leak(closes: bool) -> list[Step]:
    """30 statements are prepared, and each is closed or not, until the server has no room."""
    steps: list[Step] = [*ACCEPTED]
    for number in range(1, 31):
        steps += [("c", prepare(f"SELECT {number}")), ("s", prepared(number))]
        if closes:
            steps.append(("c", close_statement(number)))
    refused = err(1, 1461, "Can't create more than max_prepared_stmt_count statements (current value: 30)", "42000")
    return [*steps, ("c", prepare("SELECT 31")), ("s", refused), *GOODBYE]


def dump(server_id: int, *answer: Step) -> list[Step]:
    """A replica that reads the binlog."""
    asked = packet(
        0, b"\x12" + (4).to_bytes(4, "little") + bytes(2) + server_id.to_bytes(4, "little") + b"binlog.000001"
    )
    return [*ACCEPTED, ("c", asked), *answer]


CHANGE = packet(0, b"\x11bob\0\x14" + b"x" * 20 + b"shop\0\x2d\0mysql_native_password\0")
SAME = err(1, 1236, "A replica with the same server_uuid/server_id as this replica has connected to the source")


def threads(driver: str = "pymysql") -> list[Step]:
    """A query before the answer to the one before it."""
    from tests.analysis.findings.making import any_login

    said = any_login(attributes={"_client_name": driver, "_client_version": "1.0"})
    return [
        ("s", greeting()),
        ("c", said),
        ("s", FAST + ok(3)),
        ("c", query("SELECT a FROM t")),
        ("c", query("SELECT b FROM u")),
        ("s", ok(1)),
        ("s", ok(1)),
        *GOODBYE,
    ]


def answered_with(code: int, text: str, times: int = 2) -> list[Step]:
    turn: list[Step] = [("c", SELECT), ("s", err(1, code, text, "08S01"))]
    return [*ACCEPTED, *turn * times, *GOODBYE]


def checks(user: str, times: int = 4, pause_ns: int = 2 * SECOND) -> list[Connection]:
    """Logins of a user who does nothing else, at regular times."""
    return several([[("s", greeting()), ("c", login(user=user)), ("s", FAST + ok(3)), *GOODBYE]] * times, pause_ns)


WAITING: Script = [*ACCEPTED, ("c", SELECT)]
LATER: Script = [*ACCEPTED, wait("c", QUIT, 5), *CLOSE]


def pile(commands: int) -> list[Connection]:
    """So many connections wait for their answers; another goes on for a while."""
    return several([WAITING] * commands + [LATER])


# code -> (traffic that makes it, traffic that comes close)
COMMAND_PHASE: dict[str, tuple[Made, Made]] = {
    "unanswered-commands": (
        lambda: pile(3)[0],
        lambda: several([[*WAITING[:-1], ("c", SELECT), ("s", ok(1))], LATER])[0],
    ),
    "overlapping-commands": (lambda: one(threads()), lambda: one(threads("MariaDB Connector/J"))),
    "command-after-quit": (
        lambda: one([*ACCEPTED, ("c", QUIT), ("c", SELECT), *SERVER_CLOSES]),
        lambda: one([*ACCEPTED, ("c", SELECT), ("s", ok(1)), ("c", QUIT), *SERVER_CLOSES]),
    ),
    "packet-too-large": (
        lambda: one([*ACCEPTED, ("c", LARGE), ("s", err(1, 1153, SHUT, "08S01")), *SERVER_CLOSES]),
        lambda: one([*ACCEPTED, ("c", LARGE), *CLOSE]),
    ),
    "command-cut-off": (
        lambda: one([*ACCEPTED, ("c", SELECT), Say("s", flags=FIN, wait_ns=2 * SECOND), Say("c", flags=FIN)]),
        # The server had closed before the command was sent.
        lambda: one([*ACCEPTED, Say("s", flags=FIN, wait_ns=2 * SECOND), ("c", SELECT), Say("s", flags=RST)]),
    ),
    "init-connect-failed": (
        lambda: one(
            [
                *ACCEPTED,
                ("c", query("SET NAMES utf8mb4")),
                ("s", err(1, 1184, "Aborted connection 7 to db: 'shop' (init_connect command failed)", "08S01")),
                *SERVER_CLOSES,
            ]
        ),
        lambda: one(answered_with(1184, "Aborted connection 7 to db: 'shop' (Got timeout)", 3)),
    ),
    "duplicate-replica": (
        lambda: several([dump(11, ("s", SAME), *SERVER_CLOSES), dump(11)])[0],
        lambda: several([dump(11), dump(12)])[0],
    ),
    "change-user-refused": (
        lambda: one([*ACCEPTED, ("c", CHANGE), ("s", err(1, 1045, "Access denied", "28000")), *SERVER_CLOSES]),
        lambda: one([*ACCEPTED, ("c", CHANGE), ("s", ok(1)), ("c", SELECT), ("s", err(1, 1045, "x")), *GOODBYE]),
    ),
    "replication-refused": (
        lambda: one(dump(11, ("s", err(1, 1236, "Could not find first log file name in binary log index file")))),
        lambda: one(dump(11, ("s", SAME), *SERVER_CLOSES)),
    ),
    "statement-leak": (
        lambda: one(leak(closes=False)),
        lambda: one([*leak(closes=False)[:60], *GOODBYE]),
    ),
    "unknown-statement": (
        lambda: one([*ACCEPTED, ("c", execute(3)), ("s", UNKNOWN), *GOODBYE]),
        lambda: one(
            [*ACCEPTED, ("c", prepare("SELECT 1")), ("s", prepared(3)), ("c", execute(3)), ("s", ok(1)), *GOODBYE]
        ),
    ),
    "backend-unavailable": (
        lambda: one(answered_with(1047, "WSREP has not yet prepared node for application use")),
        lambda: one(answered_with(1047, "Unknown command")),
    ),
    "health-check": (lambda: checks("haproxy")[0], lambda: checks("app")[0]),
    "proxy-header-refused": (
        lambda: one([("s", greeting()), ("c", PROXY), ("s", err(1, 1156, "Got packets out of order")), *SERVER_CLOSES]),
        lambda: one([("c", PROXY), *ACCEPTED, *GOODBYE]),
    ),
    "tls-first": (
        lambda: one([("s", greeting()), ("c", CLIENT_HELLO), ("s", err(1, 1156, "Got packets out of order")), *CLOSE]),
        lambda: last([[("s", greeting()), ("c", b"GET / HTTP/1.1\r\n\r\n"), *CLOSE]]),
    ),
}
