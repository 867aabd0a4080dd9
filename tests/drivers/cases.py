"""What every client is told to do, as plain data that goes to it as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.drivers import Driver
from tests.servers import Server
from tests.servers.accounts import Account, account

Step = list[Any]
ATTRIBUTES: Final = {"program_name": "handshark-drivers"}
PEOPLE: Final = "SELECT id, name, score, note FROM people ORDER BY id"
BROKEN: Final = "SELEC 1"
PREPARED: Final = "SELECT id, name, born FROM people WHERE id >= ? AND name <> ? ORDER BY id"

ALL_TYPES: Final = "SELECT * FROM all_types WHERE id >= ? ORDER BY id"
# A table and a procedure of these cases; the procedure is one statement, which the servers do not log.
SETUP: Final = (
    "SET SESSION sql_log_bin = 0",
    "CREATE TABLE IF NOT EXISTS labdb.deeds (id INT AUTO_INCREMENT PRIMARY KEY, label VARCHAR(100),"
    " big BIGINT UNSIGNED, amount DECIMAL(20,6), ratio DOUBLE, day DATE, moment DATETIME(6), span TIME(3), raw BLOB,"
    " doc JSON, made YEAR, bits BIT(10), flag BOOL, lacking INT)",
    "CREATE PROCEDURE IF NOT EXISTS labdb.doubled (IN given INT, INOUT total INT, OUT said VARCHAR(40))"
    " SET total = total + given, said = CONCAT('doubled ', given * 2)",
)
TYPED: Final = (
    "INSERT INTO deeds (label, big, amount, ratio, day, moment, span, raw, doc, made, bits, flag, lacking)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# (type, text): each client makes of it what its language has for that type.
VALUES: Final = (
    ["text", "it's naïve – 日本"],
    ["unsigned", "18446744073709551615"],
    ["decimal", "-12345678901234.567890"],
    ["double", "-2.25"],
    ["date", "2024-02-29"],
    ["datetime", "2024-12-31 23:59:58.250000"],
    ["time", "-101:02:03.500"],
    ["blob", "00ff27225c0a80"],
    ["text", '{"k": [1, "x"]}'],
    ["int", "1999"],
    ["int", "513"],
    ["bool", "1"],
    ["null", ""],
)
BATCH: Final = "INSERT INTO deeds (label, big) VALUES (?, ?)"
ROWS: Final = (["one", 1], ["two", 2], ["three", 3])
SEVERAL: Final = "SELECT 1; SELECT id, name FROM people ORDER BY id; SELECT id FROM people WHERE id > 9"
# Nobody waits so long: what ends it is the server's own limit, or the administrator (`run.Killer`).
LIMITED: Final[dict[str, Step]] = {
    "mysql": ["fails", "SELECT /*+ MAX_EXECUTION_TIME(30) */ id FROM people WHERE SLEEP(9)", 3024],
    "mariadb": ["fails", "SET STATEMENT max_statement_time=0.03 FOR SELECT id FROM people WHERE SLEEP(9)", 1969],
}
TO_BE_KILLED: Final = "SELECT id FROM people WHERE SLEEP(30)"

LEFT_ALONE: Final = "SET SESSION wait_timeout = 1"

# MySQL logs a statement that it prepares anew by itself as one more prepare.
STATUS: Final = "SHOW SESSION STATUS LIKE 'Com_stmt_reprepare'"

# The client asks the server who it is: connection id, version, attributes, TLS. The same words in every client.
IDENTIFY: Final = (
    "SELECT CONNECTION_ID(), VERSION()",
    "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs"
    " WHERE PROCESSLIST_ID = CONNECTION_ID()",
    "SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_cipher', 'Ssl_version')",
)
# MySQL stores no attributes before 5.6.
OLDEST: Final = "5.5."
OLD: Final = "5."
NO_ATTRIBUTES: Final = (IDENTIFY[0], "SELECT 1, 2 FROM (SELECT 1) AS t WHERE 0", IDENTIFY[2])
STATEMENTS: Final[tuple[Step, ...]] = (
    ["query", PEOPLE, 4],
    ["query", "SELECT REPEAT('x', 5000)", 1],
    ["fails", BROKEN, 1064],
    ["query", "DO 1", 0],
)

STEPS: Final[dict[str, tuple[Step, ...]]] = {
    "first login": (),
    "accepted": (*STATEMENTS, ["ping"]),
    "wrong password": (),
    "unknown database": (),
    "TLS": STATEMENTS,
    "wrong password, TLS": (),
    "prepared": (
        ["prepared", PREPARED, [2, "Edsger"], 2],
        ["prepared", PREPARED, [1, "Bärbel"], 4],
        ["status", STATUS],
    ),
    "change user": (
        ["change_user", "admin", "admin-pw", "labdb"],
        ["query", PEOPLE, 4],
        ["reset"],
        ["query", "DO 1", 0],
    ),
    "compressed": STATEMENTS,
    "zstd": STATEMENTS,
    "TLS, verified": STATEMENTS,
    "TLS, not trusted": (),
    # The driver's own limit: it asks the server, over another connection, to cancel the statement.
    "patience": (["patience", "SELECT id FROM people WHERE SLEEP(8)", "cancelled"], ["query", "DO 1", 0]),
    # The server's limit for a client that asks nothing.
    "idle": (["query", LEFT_ALONE, 0], ["idle", "DO 1", 1500, "lost"]),
    "pool": (["ping"], *STATEMENTS, ["ping"], ["query", "DO 1", 0]),
    "results": (
        ["multi", SEVERAL, [1, 4, 0]],
        ["call", 20, 22, ["42", "doubled 40"]],
        ["cursor", PEOPLE, 2, 4],
    ),
    "pipelined": (["together", ["SELECT 1", "SELECT name FROM people", "DO 2"], [1, 4, 0]],),
    "values": (
        ["typed", TYPED, list(VALUES), 1],
        ["everything"],
        ["batch", BATCH, list(ROWS), 3],
        ["status", STATUS],
    ),
    "ended": (
        ["load", "LOAD DATA LOCAL INFILE '{rows}' INTO TABLE deeds (label)", 3],
        ["limited"],
        ["fails", TO_BE_KILLED, 1317],
        ["query", "DO 1", 0],
    ),
}
# The error that has to end the login.
ERRORS: Final = {"wrong password": 1045, "wrong password, TLS": 1045, "unknown database": 1049}
TLS_CASES: Final = frozenset({"TLS", "wrong password, TLS", "TLS, verified", "TLS, not trusted"})
COMPRESSED: Final = {"compressed": "zlib", "zstd": "zstd"}


@dataclass
class Told:
    """One connection: what the driver was told, and what came of it."""

    driver: Driver
    case: dict[str, Any]
    result: dict[str, Any]


# Only MySQL keeps a cache of passwords that makes the first login another one, and knows zstd.
MYSQL_ONLY: Final = frozenset({"first login", "zstd"})


def cases_of(driver: Driver, server: Server, who: Account, rows: Path) -> list[dict[str, Any]]:
    """What a driver is told to do with a server, as that account; `rows` is a file that it loads."""
    if server.flavor not in driver.only:
        return []
    left_out = dict(driver.not_on_mysql) if server.flavor == "mysql" else MYSQL_ONLY
    lacks = (*driver.lacks, *(driver.lacks_on_mysql if server.flavor == "mysql" else ()))
    return [case_for(name, server, who, lacks, rows) for name in driver.cases if name not in left_out]


def _step(step: Step, server: Server, rows: Path) -> Step:
    if step[0] == "limited":
        return list(LIMITED[server.flavor])
    if step[0] == "everything":
        return ["prepared", ALL_TYPES, [1], 3]
    return ["load", step[1].format(rows=rows), *step[2:]] if step[0] == "load" else list(step)


def case_for(name: str, server: Server, who: Account, lacks: Sequence[str], rows: Path) -> dict[str, Any]:
    """The case of that name, for one server, without the steps that the driver lacks."""
    # Only who may use every database is told that there is no such database.
    user = account("admin") if name == "unknown database" else who
    return {
        "name": name,
        "host": server.quiet_host,
        "port": server.port,
        "flavor": server.flavor,
        "old": server.version.startswith(OLD),
        # MySQL of today logs no statement that it can not parse.
        "logs_broken": server.flavor == "mariadb" or server.version.startswith(OLDEST),
        "user": user.name,
        "password": "wrong" if name.startswith("wrong password") else user.password,
        "database": "no_such_db" if name == "unknown database" else "labdb",
        "tls": name in TLS_CASES,
        "verify": name in ("TLS, verified", "TLS, not trusted"),
        # A certificate that has signed nothing.
        "ca": str(server.client_certificate if name == "TLS, not trusted" else server.ca),
        "compress": name == "compressed",
        "zstd": name == "zstd",
        "multi": name == "results",
        "pipelined": name == "pipelined",
        "infile": name == "ended",
        "pool": name == "pool",
        "attributes": ATTRIBUTES,
        "identify": list(NO_ATTRIBUTES if server.version.startswith(OLDEST) else IDENTIFY),
        "steps": [_step(step, server, rows) for step in STEPS[name] if step[0] not in lacks],
    }
