"""Short names and units, the same in the text and in the page."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from analyzer.analysis.model.connection import Authentication, Connection, Endpoint, Finding, Greeting, Tls
from analyzer.protocol.auth import plugin as plugin_of
from analyzer.report.prose.clock import UTC_CLOCK

SEVERITIES = ("error", "warning", "info")  # worst first
OUTCOMES = ("accepted", "rejected", "aborted", "encrypted", "unknown")
TIMES = (
    ("tcp_connect_ns", "TCP connect"),
    ("greeting_ns", "Greeting"),
    ("tls_ns", "TLS"),
    ("login_ns", "Login"),
    ("authentication_ns", "Authentication"),
    ("total_ns", "Whole connection phase"),
)
PRODUCTS = {"mysql": "MySQL", "mariadb": "MariaDB"}
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")
# Of a version that is kept with its number.
_LONGEST_VERSION: Final = 256


def duration(ns: int) -> str:
    """At most five or six characters, three digits that count."""
    if ns < 0:
        return "-" + duration(-ns)
    if ns < 999_500:
        return f"{ns / 1e3:.0f}us"
    if ns < 999_500_000:
        return _digits(ns / 1e6) + "ms"
    if ns < 59_950_000_000:
        return _digits(ns / 1e9) + "s"
    seconds = round(ns / 1e9)
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"
    return f"{seconds // 86400}d{seconds % 86400 // 3600:02}h"


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def milliseconds(ns: int) -> str:
    """For ladders: always the same unit, so that steps compare at a glance."""
    return f"{ns / 1e6:,.3f} ms"


def date(ns: int) -> str:
    """The day in UTC: what server logs are written in, and the same on every machine."""
    return UTC_CLOCK.date(ns)


def time_of_day(ns: int, milliseconds: bool = False) -> str:
    return UTC_CLOCK.time_of_day(ns, milliseconds)


def file_name(capture: str) -> str:
    """A capture's name without folders; of merged captures each."""
    return " + ".join(name.rstrip("/").rpartition("/")[2] or name for name in capture.split(" + "))


def endpoint(where: Endpoint) -> str:
    return f"[{where.address}]:{where.port}" if ":" in where.address else f"{where.address}:{where.port}"


def client(connection: Connection) -> str:
    """The address the client really has, where a proxy in front tells it."""
    proxy = connection.proxy
    return endpoint(proxy.client if proxy is not None and proxy.client is not None else connection.client)


def host(connection: Connection) -> str:
    """The client's address, the one behind a proxy where that is told."""
    proxy = connection.proxy
    return (proxy.client if proxy is not None and proxy.client is not None else connection.client).address


def server_version(greeting: Greeting | None) -> str:
    """The number alone: the rest of a version is packaging."""
    if greeting is None:
        return "-"
    version = greeting.server_version
    return _number_of(version) if len(version) <= _LONGEST_VERSION else _number_in(version)


def _number_in(version: str) -> str:
    found = _VERSION.search(version)
    return found.group() if found else version


_number_of = lru_cache(256)(_number_in)


def product(greeting: Greeting | None) -> str:
    if greeting is None:
        return "-"
    return f"{PRODUCTS.get(greeting.flavor, greeting.flavor)} {server_version(greeting)}"


def account(connection: Connection) -> str:
    """user/database; a login without a name is the server's anonymous account."""
    login = connection.login
    if login is None:
        return "-"
    user = login.user or "(anonymous)"
    return f"{user}/{login.database}" if login.database else user


def plugin(authentication: Authentication | None) -> str:
    if authentication is None or authentication.plugin is None:
        return "-"
    name = plugin_of(authentication.plugin).short_name
    # `direct` says only that nothing special happened.
    return f"{name}/{authentication.path}" if authentication.path in {"fast", "full"} else name


def driver(connection: Connection) -> str:
    """The driver's name and version; empty where it is not known."""
    found = connection.driver
    if found is None or found.name is None:
        return ""
    return f"{found.name} {found.version}" if found.version else found.name


def worst(connection: Connection) -> int:
    """Rank of the gravest finding: 0 is an error, 1 a warning, 3 none at all."""
    ranks = [rank(one.severity) for one in connection.findings]
    return min([0, *ranks] if connection.error is not None else [len(SEVERITIES), *ranks])


def tls(layer: Tls | None) -> str:
    if layer is None:
        return "-"
    if layer.version is None:
        return "yes"
    return layer.version.removeprefix("TLSv").removeprefix("TLS").strip()


# Errors with which a server notes that its client is gone or silent.
_ECHOES: Final = frozenset({1158, 1159, 1160, 1161})


def error_text(connection: Connection) -> str | None:
    """The server's error in its own words; None where it only notes that the client had left."""
    error = connection.error
    if error is None or connection.outcome == "aborted" or (error.code in _ECHOES and error.phase == "command"):
        return None
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    return f"{error.code}{state} {error.message}"


def frames(numbers: list[int]) -> str:
    return f"frame {numbers[0]}" if len(numbers) == 1 else "frames " + ", ".join(map(str, numbers))


def by_severity(findings: list[Finding]) -> list[Finding]:
    """Worst first, otherwise in the order they were made; a severity not known here comes last."""
    return sorted(findings, key=lambda one: rank(one.severity))


def rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
