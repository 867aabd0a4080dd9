"""Drivers that reach a server through a box, captured on both sides of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.drivers import DRIVERS, Driver
from tests.drivers.cases import SETUP, TLS_CASES, Told
from tests.drivers.run import LOG_SQL, Killer, as_admin, run_driver
from tests.servers import Server
from tests.servers.accounts import account
from tests.servers.boxes import SOURCE, Box, Running, running
from tests.servers.capturing import tcpdump
from tests.servers.own import own_account, proxy_headers_from, run_as_admin

NAMES: Final = ("PyMySQL", "mysql-connector-python, pure")
CASES: Final = ("accepted", "wrong password", "TLS", "prepared", "results")


class NoCapture(RuntimeError):
    """tcpdump may not capture here."""


class Lossy(RuntimeError):
    """tcpdump lost frames."""


@dataclass
class Passed:
    """What went through a box: cases, the capture of both sides, the server's log."""

    server: Server
    capture: Path
    made: Running
    told: list[Told] = field(default_factory=list)
    log: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    plugin: str = ""
    # TLS secrets of the server and of the box.
    keylogs: tuple[bytes, ...] = ()


def clients(*, tls: bool = True) -> list[Driver]:
    """The drivers that are used here, with what they do; in TLS too, or not."""
    wanted = [name for name in CASES if tls or name not in TLS_CASES]
    chosen = [driver for driver in DRIVERS if driver.name in NAMES]
    return [replace(driver, cases=tuple(name for name in driver.cases if name in wanted)) for driver in chosen]


def now(server: Server) -> str:
    """The server's time, for `log_of`."""
    return as_admin(server, "SELECT UNIX_TIMESTAMP(NOW(6))")[0][0]


def log_of(server: Server, since: str) -> dict[int, list[tuple[str, str]]]:
    """The general log of each connection since a time of the server's."""
    found: dict[int, list[tuple[str, str]]] = {}
    for thread, command, argument in as_admin(server, LOG_SQL.format(since=since)):
        row = (bytes.fromhex(command).decode(), bytes.fromhex(argument).decode("utf-8", "backslashreplace"))
        found.setdefault(int(thread), []).append(row)
    return found


def pass_through(
    box: Box, server: Server, place: Path, drivers: Sequence[Driver] = (), inner: int | None = None
) -> Passed:
    """The drivers' cases through a box, with its inner end on that port. Raises NoCapture, SetupError."""
    capture, rows = place / "box.pcap", place / "rows"
    rows.write_text("first\n", encoding="utf-8")
    run_as_admin(server, SETUP)
    with ExitStack() as stack:
        if box.proxy is not None and server.flavor == "mariadb":
            stack.enter_context(proxy_headers_from(server, SOURCE))
        made = stack.enter_context(running(box, server, inner=inner))
        done = Passed(server, capture, made)
        since = now(server)
        done.plugin = as_admin(server, "SELECT plugin FROM mysql.user WHERE user = 'app'")[0][0]
        ports = (made.port, made.inner, server.port)
        with tcpdump(capture, made.host, *ports, cannot=NoCapture, lossy=Lossy), Killer(server):
            for driver in drivers:
                with own_account(server, account("app")) as who:
                    done.told += run_driver(driver, replace(server, port=made.port), {}, who, rows)
        done.keylogs = tuple(path.read_bytes() for path in (server.keylog, made.keylog))
    done.log = log_of(server, since)
    return done


def legs(connections: Sequence[dict[str, Any]], told: Told) -> list[dict[str, Any]]:
    """The connections of a case: before the box, and behind it. Who was refused is known by name and time."""
    number = told.result.get("connection_id")
    if number is not None:
        return [each for each in connections if each["greeting"] and each["greeting"]["connection_id"] == number]
    first, last = int(told.result["start_ns"]), int(told.result["end_ns"])
    return [each for each in connections if each["greeting"] and first <= each["start_time_ns"] <= last]
