"""Runs every driver against a server under one tcpdump, and asks the server what it saw."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from live_client import ServerError
from tests.drivers import DRIVERS, HOME, MYSQLCLIENT, NODE_MODULES, PYTHON, Driver
from tests.drivers.cases import SETUP, TO_BE_KILLED, Told, cases_of
from tests.drivers.cli_client import run_case
from tests.drivers.install import (
    PARTS,
    WORKERS,
    InstallError,
    cpp_client,
    go_client,
    install,
    java_place,
    libmysqlclient,
    rust_client,
)
from tests.servers import REPOSITORY, Server
from tests.servers.accounts import Account, account
from tests.servers.capturing import tcpdump
from tests.servers.own import admin_session, own_account, run_as_admin

HERE: Final = Path(__file__).parent
SECONDS: Final = 60
# Between two looks at what runs.
PAUSE: Final = 0.1
# Kinds of drivers that CI leaves out, and why.
NOT_IN_CI: Final = {
    "libmysqlclient": "its packages are large, and the mysql command line stands on it too",
    "rust": "its build takes minutes and a compiler that Debian 12 has not",
    "cpp": "its headers are large, and the compiler takes long with them",
}
TOOLS: Final = ("tcpdump", "tshark")
# Programs that are asked line by line.
PIPED: Final[dict[str, list[str]]] = {
    "c": [str(HOME / "libmariadb")],
    "erlang": ["erl", "-noshell", "-pa", str(HOME / "erlang"), "-s", "p1_client", "main"],
}
# What a row of the general log is made of, without anything that a batch mode client would escape.
LOG_SQL: Final = (
    "SELECT thread_id, HEX(command_type), HEX(argument) FROM mysql.general_log"
    " WHERE event_time >= FROM_UNIXTIME({since}) ORDER BY event_time"
)


def asked_for(part: str) -> bool:
    """Whether HANDSHARK_DRIVERS names a part ("all", or "all,TiDB")."""
    return part in os.environ.get("HANDSHARK_DRIVERS", "").split(",")


def in_ci() -> bool:
    """Whether only what is quick is to run."""
    return os.environ.get("CI") == "true" and not asked_for("all")


def left_out(driver: Driver, server: str) -> bool:
    """Whether CI leaves out that driver with that server: a release that tests the table logs in to one there."""
    return driver.held_out and in_ci() and server != ("mysql97" if "mysql" in driver.only else "mariadb118")


class Unusable(RuntimeError):
    """Something that the comparison needs is missing; the message says what."""


@dataclass
class ServerRun:
    """All connections to one server, and their capture."""

    server: Server
    capture: Path
    told: list[Told] = field(default_factory=list)
    # (command, argument) of each connection, as the general log has them.
    log: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    plugin: str = ""


class Killer:
    """The administrator, who cancels every `TO_BE_KILLED` while the body runs; on an address that is not captured."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Killer:
        self.thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        with admin_session(self.server) as admin:
            while not self.ended.wait(PAUSE):
                (shown,) = admin.query("SHOW FULL PROCESSLIST")
                for row in shown.rows:
                    if row[7] and TO_BE_KILLED in row[7]:
                        # It may have ended since.
                        with suppress(ServerError):
                            admin.query(f"KILL QUERY {row[0]}")


@dataclass
class Usable:
    """The drivers that are there, and why the others are not."""

    drivers: list[Driver]
    missing: dict[str, str]


def usable_drivers(servers: Mapping[str, Server], only: Sequence[str] = ()) -> Usable:
    """Installs what can be installed; of `only`, by a part of the driver's name, or of all."""
    wanted = [driver for driver in DRIVERS if not only or any(part in driver.name for part in only)]
    parts = [part for part in PARTS if any(driver.runner == part for driver in wanted)]
    reasons: dict[str, str] = {}
    if in_ci():
        reasons = {part: f"left out of CI, for {why}: set HANDSHARK_DRIVERS=all" for part, why in NOT_IN_CI.items()}
        parts = [part for part in parts if part not in reasons]
    with ThreadPoolExecutor(WORKERS) as pool:
        for part, work in {part: pool.submit(install, part) for part in parts}.items():
            try:
                work.result()
            except (InstallError, OSError, subprocess.TimeoutExpired) as problem:
                reasons[part] = str(problem)
    missing: dict[str, str] = {}
    for driver in wanted:
        if driver.runner in reasons:
            missing[driver.name] = reasons[driver.runner]
        elif driver.runner == "cli" and driver.package not in servers:
            missing[driver.name] = f"{driver.package} is not running"
    return Usable([driver for driver in wanted if driver.name not in missing], missing)


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


def command_of(driver: Driver) -> list[str]:
    """The words that start a driver's client."""
    argument = driver.argument or driver.name
    if driver.runner in ("python", "mysqlclient"):
        python = str(PYTHON) if driver.runner == "python" else sys.executable
        return [python, str(HERE / "py_client.py"), argument]
    if driver.runner in ("go", "rust"):
        return [str(go_client(driver) if driver.runner == "go" else rust_client(driver))]
    if driver.runner == "java":
        path = f"{HOME / 'java' / driver.program}:{java_place(driver) / 'jars' / '*'}"
        return ["java", "-XX:TieredStopAtLevel=1", "-classpath", path, driver.program, argument]
    piped = [sys.executable, "-m", "tests.drivers.piped_client"]
    if driver.runner == "libmysqlclient":
        return [*piped, *libmysqlclient().command("usr/bin/client")]
    if driver.runner == "cpp":
        return [*piped, str(cpp_client(driver))]
    if driver.runner in PIPED:
        return [*piped, *PIPED[driver.runner]]
    scripts = {"node": "node_client.cjs", "perl": "perl_client.pl", "php": "php_client.php", "ruby": "ruby_client.rb"}
    settings = ["-d", "mysqli.allow_local_infile=1"] if driver.runner == "php" else []
    return [driver.runner, *settings, str(HERE / scripts[driver.runner]), argument]


def run_driver(
    driver: Driver, server: Server, servers: Mapping[str, Server], who: Account, rows: Path
) -> Iterator[Told]:
    """All cases of one driver against one server, one after the other, as that account; `rows` is a file to load."""
    cases = cases_of(driver, server, who, rows)
    if driver.runner == "cli":
        for case in cases:
            yield Told(driver, case, run_case(servers[driver.package], case))
        return
    found, said = asked(driver, cases)
    # Clients leave out what is nothing, or say that it is nothing.
    results = [{"error": None, **{key: one for key, one in each.items() if one is not None}} for each in found]
    lost = {"error": None, "problems": [f"the client ended: {said[-400:]}"], "start_ns": 0, "end_ns": 0}
    for number, case in enumerate(cases):
        yield Told(driver, case, results[number] if number < len(results) else {**lost, "name": case["name"]})


def asked(driver: Driver, cases: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """What a driver's client says of each case, and what it complained of; nothing is left out that is nothing."""
    environment = {**os.environ, **dict(driver.environment), "NODE_MODULES": str(NODE_MODULES)}
    if driver.runner == "mysqlclient":
        environment["PYTHONPATH"] = str(MYSQLCLIENT)
    if driver.runner in (*PIPED, "libmysqlclient"):
        environment["PYTHONPATH"] = str(REPOSITORY)
    words = command_of(driver)
    with subprocess.Popen(
        words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            written, errors = process.communicate(json.dumps(cases), SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            written, errors = process.communicate()
            errors += f"\nno end within {SECONDS} seconds"
    return [json.loads(line) for line in written.splitlines()], errors.strip()


def run_server(server: Server, drivers: list[Driver], servers: Mapping[str, Server], directory: Path) -> ServerRun:
    """Everything against one server."""
    done = ServerRun(server, directory / f"{server.name}.pcap")
    since = as_admin(server, "SELECT UNIX_TIMESTAMP(NOW(6))")[0][0]
    done.plugin = as_admin(server, "SELECT plugin FROM mysql.user WHERE user = 'app'")[0][0]
    run_as_admin(server, SETUP)
    rows = directory / f"{server.name}.rows"
    rows.write_text("first\nsecond\nthird\n", encoding="utf-8")
    with capturing(done.capture, server), Killer(server):
        for driver in drivers:
            if left_out(driver, server.name):
                continue
            # A new one for each: in MySQL's cache of passwords is what this driver has brought there, and nobody else.
            with own_account(server, account("app")) as who:
                done.told += run_driver(driver, server, servers, who, rows)
    done.log = logged(as_admin(server, LOG_SQL.format(since=since)))
    return done


def logged(rows: Iterable[Sequence[str]]) -> dict[int, list[tuple[str, str]]]:
    """What each connection did, of rows of the general log: thread, command, argument, both as hexadecimal."""
    found: dict[int, list[tuple[str, str]]] = {}
    for thread, command, argument in rows:
        row = (bytes.fromhex(command).decode(), bytes.fromhex(argument).decode("utf-8", "backslashreplace"))
        found.setdefault(int(thread), []).append(row)
    return found


def run_all(servers: Mapping[str, Server], drivers: list[Driver], directory: Path) -> list[ServerRun]:
    """Every server at the same time: their captures have nothing of one another."""
    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(lambda each: run_server(each, drivers, servers, directory), servers.values()))


# Asks an interpreter for the version of the package that is put behind it.
ASK_VERSION: Final[dict[str, list[str]]] = {
    "python": [str(PYTHON), "-c", "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"],
    "mysqlclient": [sys.executable, "-c", "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"],
    "c": ["pkg-config", "--modversion"],
    "erlang": [
        *("erl", "-noshell", "-eval"),
        "[L] = init:get_plain_arguments(), A = list_to_atom(L), application:load(A),"
        " {ok, V} = application:get_key(A, vsn), io:put_chars(V), halt().",
        "-extra",
    ],
    "perl": ["perl", "-e", "my $p = shift; eval qq{require $p} or die; print $p->VERSION"],
    "php": ["php", "-r", "echo explode('-', phpversion($argv[1]))[0];"],
    "ruby": ["ruby", "-e", "require ARGV[0]; print Gem.loaded_specs[ARGV[0]]&.version || Mysql2::VERSION"],
}


def versions(drivers: list[Driver]) -> dict[str, str]:
    """The version of each driver that is a package."""
    found: dict[str, str] = {}
    for driver in drivers:
        if driver.runner in ASK_VERSION:
            environment = {**os.environ, **dict(driver.environment)}
            if driver.runner == "mysqlclient":
                environment["PYTHONPATH"] = str(MYSQLCLIENT)
            words = [*ASK_VERSION[driver.runner], driver.package]
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
            found[driver.name] = done.stdout.strip()
        elif driver.runner == "libmysqlclient":
            text = (libmysqlclient().root / "usr/include/mysql/mysql_version.h").read_text(encoding="utf-8")
            found[driver.name] = re.findall(r'MYSQL_SERVER_VERSION\s+"([\d.]+)', text)[0]
        elif driver.runner == "node":
            text = (NODE_MODULES / driver.package / "package.json").read_text(encoding="utf-8")
            found[driver.name] = str(json.loads(text)["version"])
        elif driver.runner in ("go", "java", "rust", "cpp"):
            found[driver.name] = re.split("@v?|:|==", driver.package)[-1]
    return found
