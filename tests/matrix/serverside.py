"""What the server itself knows of a connection, in the keys of a truth, so that it is compared as one."""

from __future__ import annotations

import re
import ssl
from collections import Counter
from typing import Any, Final

from analyzer.errors import ServerError
from live_client import Session

# Words of the general log: the commands it writes down, under the contract's names.
LOGGED: Final = {
    "Query": "query",
    "Prepare": "stmt_prepare",
    "Execute": "stmt_execute",
    "Close stmt": "stmt_close",
    "Init DB": "init_db",
    "Quit": "quit",
    "Change user": "change_user",
}
_CONNECT: Final = re.compile(r"(?P<user>.*)@(?P<host>[^@ ]*) on (?P<database>.*?)(?: using (?P<way>\S+))?")
# It keeps attributes of so many bytes by default.
KEPT_BYTES: Final = 512

Json = dict[str, Any]


def session_view(session: Session) -> Json:
    """Asked over the connection itself, as far as the account may know."""
    ((number, user, database, collation),) = session.query(
        "SELECT CONNECTION_ID(), SUBSTRING_INDEX(USER(), '@', 1), DATABASE(), "
        "(SELECT MAX(ID) FROM information_schema.COLLATIONS WHERE COLLATION_NAME = @@collation_connection)"
    )[0].rows
    status = _status(session, "Ssl\\_%") | _status(session, "Compression%")
    login: Json = {"user": user, "database": database}
    if collation is not None and session.options.collation is not None:
        # Where none is chosen, MariaDB 11.4 and later take another default for the character set that is sent.
        login["collation_id"] = int(collation)
    stored = session.stored_attributes()
    if stored.rows and all(kept is not None for _, _, kept in stored.rows):
        login["attributes"] = {name: kept for name, _, kept in stored.rows}
    compression = "none"
    if status["Compression"] == "ON":
        # MariaDB has only one.
        compression = status.get("Compression_algorithm") or "zlib"
    return {
        "connection_id": int(number or 0),
        "user": user,
        "database": database,
        "outcome": "accepted",
        "login": login,
        "tls": _tls(status),
        "compression": compression,
    }


def _status(session: Session, like: str) -> dict[str, str]:
    rows = session.query(f"SHOW SESSION STATUS LIKE '{like}'")[0].rows
    return {name or "": value or "" for name, value in rows}


def _tls(status: dict[str, str]) -> Json | None:
    if not status["Ssl_version"]:
        return None
    tls: Json = {"version": status["Ssl_version"], "cipher_suite_id": CIPHERS[status["Ssl_cipher"]]}
    if "Ssl_session_cache_timeout" in status:
        # MySQL counts within the session; MariaDB, which lacks this variable, shows 0 whatever was resumed.
        tls["resumed"] = status["Ssl_sessions_reused"] == "1"
    return tls


def _numbers() -> dict[str, int]:
    """The registered numbers of OpenSSL's cipher suites: servers say their names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {suite["name"]: int(suite["id"]) & 0xFFFF for suite in context.get_ciphers()}


CIPHERS: Final = _numbers()


def log_views(admin: Session, first: int, since: str) -> dict[int, Json]:
    """What the general log has of connections from number `first` on, by number. Empty where it is off."""
    try:
        rows = admin.query(
            "SELECT thread_id, command_type, CONVERT(argument USING utf8mb4) FROM mysql.general_log "
            f"WHERE thread_id >= {first} AND event_time >= '{since}'"
        )[0].rows
    except ServerError:
        return {}
    views: dict[int, Json] = {}
    commands: dict[int, Counter[str]] = {}
    for thread, kind, argument in rows:
        number = int(thread or 0)
        if kind != "Connect":
            if kind in LOGGED:
                commands.setdefault(number, Counter())[LOGGED[kind]] += 1
        elif number not in views and (found := _CONNECT.fullmatch(argument or "")):
            database = found["database"] or None
            views[number] = {
                "connection_id": number,
                "user": found["user"],
                "database": database,
                # Not compared as it stands: the log says only whether.
                "encrypted": found["way"] == "SSL/TLS",
            }
    for number, view in views.items():
        view["commands"] = dict(commands.get(number, Counter()))
    return views


def compare_log(connection: Json, view: Json) -> list[str]:
    """Where the analyzer says otherwise than the general log."""
    differences = []
    if view["encrypted"] != (connection["tls"] is not None):
        differences.append(f"tls: the server's log says {view['encrypted']}, the analyzer {connection['tls']}")
    if connection["outcome"] == "encrypted":
        return differences
    login = connection["login"] or {}
    for key in ("user", "database"):
        if (login.get(key) or None) != (view[key] or None):
            differences.append(f"{key}: the server's log has {view[key]!r}, the analyzer {login.get(key)!r}")
    if connection["outcome"] == "accepted":
        # What the log does not write down (ping, reset) can not be compared.
        seen = {name: count for name, count in connection["commands"].items() if name in LOGGED.values()}
        if seen != view["commands"]:
            differences.append(f"commands: the server's log has {view['commands']}, the analyzer {seen}")
    return differences
