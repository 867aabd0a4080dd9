"""Runs every driver against a server under one tcpdump, and asks the server what it saw."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.drivers import DRIVERS, NODE_MODULES, PYTHON, Driver
from tests.drivers.cases import Told, cases_of
from tests.drivers.cli_client import run_case
from tests.drivers.install import InstallError, install
from tests.drivers.truth import went_wrong
from tests.servers import Server
from tests.servers.capturing import tcpdump

HERE: Final = Path(__file__).parent
SECONDS: Final = 60
# Other tests that use the server at the same time may flush its cache of passwords in between: over TCP, we by socket.
ATTEMPTS: Final = 4
PATIENCE: Final = 40.0
FLUSHED_SQL: Final = (
    "SELECT COUNT(*) FROM mysql.general_log WHERE event_time > NOW(6) - INTERVAL 1500000 MICROSECOND"
    " AND user_host LIKE '%[127.%' AND argument = CONCAT('FLUSH ', 'PRIVILEGES')"
)
TOOLS: Final = ("tcpdump", "tshark")
# What a row of the general log is made of, without anything that a batch mode client would escape.
LOG_SQL: Final = (
    "SELECT thread_id, HEX(command_type), HEX(argument) FROM mysql.general_log"
    " WHERE event_time >= FROM_UNIXTIME({since}) ORDER BY event_time"
)


class Unusable(RuntimeError):
    """Something that the comparison needs is missing; the message says what."""


@dataclass
class ServerRun:
    """All connections to one server, and their capture."""

    server: Server
    capture: Path
    told: list[Told] = field(default_factory=list)
    # How many drivers had to try again.
    again: int = 0
    # (command, argument) of each connection, as the general log has them.
    log: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    plugin: str = ""


@dataclass
class Usable:
    """The drivers that are there, and why the others are not."""

    drivers: list[Driver]
    missing: dict[str, str]


def usable_drivers(servers: Mapping[str, Server]) -> Usable:
    """Installs what can be installed."""
    reasons: dict[str, str] = {}
    with ThreadPoolExecutor() as pool:
        for part, work in {part: pool.submit(install, part) for part in ("python", "node")}.items():
            try:
                work.result()
            except (InstallError, OSError, subprocess.TimeoutExpired) as problem:
                reasons[part] = str(problem)
    missing: dict[str, str] = {}
    for driver in DRIVERS:
        if driver.runner in reasons:
            missing[driver.name] = reasons[driver.runner]
        elif driver.runner == "cli" and driver.package not in servers:
            missing[driver.name] = f"{driver.package} is not running"
    return Usable([driver for driver in DRIVERS if driver.name not in missing], missing)


def check_tools() -> None:
    """Raises Unusable where the capture can not be taken."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise Unusable(f"missing: {', '.join(missing)}")
    if os.geteuid() != 0:
        raise Unusable("tcpdump captures on the loopback interface as root only")


def capturing(target: Path, server: Server) -> AbstractContextManager[None]:
    """tcpdump on the server's quiet address while the body runs."""
    return tcpdump(target, server.quiet_host, server.port, cannot=Unusable, lossy=Unusable)


def as_admin(server: Server, statement: str) -> list[list[str]]:
    """The rows of a statement, through the socket, so that the capture has nothing of it."""
    words = [*server.client, f"--socket={server.socket}", f"--user={server.admin_user}", "--batch"]
    words += [f"--password={server.admin_password}", "--skip-column-names", f"--execute={statement}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise Unusable(f"{server.name}: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def left_alone(server: Server, seconds: float) -> float:
    """Wait until nobody else flushes the server's cache, for so long at most; the seconds that it took."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < seconds and as_admin(server, FLUSHED_SQL)[0][0] != "0":
        time.sleep(0.5)
    return waited


def command_of(driver: Driver) -> list[str]:
    """The words that start a driver's client."""
    if driver.runner == "python":
        return [str(PYTHON), str(HERE / "py_client.py"), driver.name]
    return ["node", str(HERE / "node_client.cjs"), driver.name]


def run_driver(driver: Driver, server: Server, servers: Mapping[str, Server]) -> Iterator[Told]:
    """All cases of one driver against one server, one after the other."""
    cases = cases_of(driver, server)
    if driver.runner == "cli":
        for case in cases:
            yield Told(driver, case, run_case(servers[driver.package], case))
        return
    environment = {**os.environ, **dict(driver.environment), "NODE_MODULES": str(NODE_MODULES)}
    done = subprocess.run(
        command_of(driver),
        input=json.dumps(cases),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    lost = {"error": None, "problems": [f"the client ended: {done.stderr.strip()[-400:]}"], "start_ns": 0, "end_ns": 0}
    for number, case in enumerate(cases):
        yield Told(driver, case, results[number] if number < len(results) else {**lost, "name": case["name"]})


def run_server(server: Server, drivers: list[Driver], servers: Mapping[str, Server], directory: Path) -> ServerRun:
    """Everything against one server."""
    done = ServerRun(server, directory / f"{server.name}.pcap")
    patience = PATIENCE
    since = as_admin(server, "SELECT UNIX_TIMESTAMP(NOW(6))")[0][0]
    done.plugin = as_admin(server, "SELECT plugin FROM mysql.user WHERE user = 'app'")[0][0]
    with capturing(done.capture, server):
        for driver in drivers:
            for _ in range(ATTEMPTS):
                if server.flavor == "mysql":
                    patience -= left_alone(server, patience)
                    # Else only the first driver would show the whole of caching_sha2_password.
                    as_admin(server, "FLUSH PRIVILEGES")
                    # This login, over the socket, brings the admin's password back into the cache.
                    as_admin(server, "DO 1")
                told = list(run_driver(driver, server, servers))
                if not any(went_wrong(each) for each in told):
                    break
                done.again += 1
            done.told += told
    for thread, command, argument in as_admin(server, LOG_SQL.format(since=since)):
        row = (bytes.fromhex(command).decode(), bytes.fromhex(argument).decode("utf-8", "replace"))
        done.log.setdefault(int(thread), []).append(row)
    return done


def run_all(servers: Mapping[str, Server], drivers: list[Driver], directory: Path) -> list[ServerRun]:
    """Every server at the same time: their captures have nothing of one another."""
    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(lambda each: run_server(each, drivers, servers, directory), servers.values()))


def versions(drivers: list[Driver]) -> dict[str, str]:
    """The version of each package of the Python and Node drivers."""
    found: dict[str, str] = {}
    script = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    for driver in drivers:
        if driver.runner == "python":
            environment = {**os.environ, **dict(driver.environment)}
            words = [str(PYTHON), "-c", script, driver.package]
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
            found[driver.name] = done.stdout.strip()
        elif driver.runner == "node":
            text = (NODE_MODULES / driver.package / "package.json").read_text(encoding="utf-8")
            found[driver.name] = str(json.loads(text)["version"])
    return found
