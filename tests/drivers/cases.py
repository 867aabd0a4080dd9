"""What every client is told to do, as plain data that goes to it as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.drivers import Driver
from tests.servers import Server
from tests.servers.accounts import Account, account

ATTRIBUTES: Final = {"program_name": "handshark-drivers"}
PEOPLE: Final = "SELECT id, name, score, note FROM people ORDER BY id"
BROKEN: Final = "SELEC 1"
PREPARED: Final = "SELECT id, name, born FROM people WHERE id >= ? AND name <> ? ORDER BY id"

# MySQL logs a statement that it prepares anew by itself as one more prepare.
STATUS: Final = "SHOW SESSION STATUS LIKE 'Com_stmt_reprepare'"

Step = list[Any]
# The client asks the server who it is: connection id, version, attributes, TLS. The same words in every client.
IDENTIFY: Final = (
    "SELECT CONNECTION_ID(), VERSION()",
    "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs"
    " WHERE PROCESSLIST_ID = CONNECTION_ID()",
    "SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_cipher', 'Ssl_version')",
)
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
}
# The error that has to end the login.
ERRORS: Final = {"wrong password": 1045, "wrong password, TLS": 1045, "unknown database": 1049}
TLS_CASES: Final = frozenset({"TLS", "wrong password, TLS"})


@dataclass
class Told:
    """One connection: what the driver was told, and what came of it."""

    driver: Driver
    case: dict[str, Any]
    result: dict[str, Any]


# Only MySQL keeps a cache of passwords that makes the first login another one.
MYSQL_ONLY: Final = frozenset({"first login"})


def cases_of(driver: Driver, server: Server, who: Account) -> list[dict[str, Any]]:
    """What a driver is told to do with a server, as that account."""
    left_out = dict(driver.not_on_mysql) if server.flavor == "mysql" else MYSQL_ONLY
    return [case_for(name, server, who, driver.lacks) for name in driver.cases if name not in left_out]


def case_for(name: str, server: Server, who: Account, lacks: Sequence[str]) -> dict[str, Any]:
    """The case of that name, for one server, without the steps that the driver lacks."""
    # Only who may use every database is told that there is no such database.
    user = account("admin") if name == "unknown database" else who
    return {
        "name": name,
        "host": server.quiet_host,
        "port": server.port,
        "flavor": server.flavor,
        "user": user.name,
        "password": "wrong" if name.startswith("wrong password") else user.password,
        "database": "no_such_db" if name == "unknown database" else "labdb",
        "tls": name in TLS_CASES,
        "ca": str(server.ca),
        "compress": name == "compressed",
        "attributes": ATTRIBUTES,
        "identify": list(IDENTIFY),
        "steps": [list(step) for step in STEPS[name] if step[0] not in lacks],
    }
