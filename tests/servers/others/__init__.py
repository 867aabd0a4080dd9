"""Servers that speak the protocol and are neither MySQL nor MariaDB: each a small program, started on a free port.

A row says how one is built and started; what it needs is installed beside the drivers (`tests.drivers.install`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drivers import HOME, NODE_MODULES
from tests.drivers.install import InstallError, build_go, build_module, build_rust, install, pip_install

HERE: Final = Path(__file__).parent
MIMIC: Final = HOME / "mimic"
GO_MYSQL_SERVER: Final = HOME / "go" / "go-mysql-server" / "client"
MIMIC_PACKAGES: Final = ("mysql-mimic==3.0.5",)
OPENSRV: Final = HOME / "opensrv"
GO_MYSQL: Final = HOME / "go" / "go-mysql-org-server" / "client"
GO_MYSQL_MODULE: Final = "github.com/go-mysql-org/go-mysql v1.12.0"
TIDB: Final = HOME / "go" / "tidb" / "client"
TIDB_PROGRAM: Final = "github.com/pingcap/tidb/cmd/tidb-server"
# Builds in memory; the module of Dolt's engine.
ENGINE: Final = "github.com/dolthub/go-mysql-server v0.20.0"
SECONDS: Final = 60.0

SPHINX: Final = """index t
{{
  type = rt
  path = {place}/t
  rt_field = title
  rt_attr_uint = gid
}}
searchd
{{
  listen = 127.0.0.1:{port}:mysql41
  log = {place}/log
  query_log = {place}/queries
  pid_file = {place}/pid
  binlog_path =
  workers = threads
}}
"""


@dataclass(frozen=True)
class Other:
    """One server. `version` is how its greeting's version begins; `database` one that `user` may name at a login."""

    name: str
    version: str
    database: str | None
    # Some take minutes to build.
    in_ci: bool = True
    # Its build takes ten minutes: only who asks for it waits for that.
    large: bool = False
    user: str = "app"


OTHERS: Final = (
    Other("mysql-mimic", "8.0.", None),
    Other("go-mysql-server", "8.0.", "labdb"),
    Other("Sphinx", "2.", None),
    Other("mysql2 createServer", "8.0.", None),
    Other("opensrv-mysql", "5.1.10", None, in_ci=False),
    Other("go-mysql-org server", "8.0.11-go-mysql", "labdb", in_ci=False),
    Other("TiDB", "8.0.11-TiDB-", "test", in_ci=False, large=True, user="root"),
)


def prepare(other: Other) -> None:
    """Installs or builds what a server needs. Raises InstallError."""
    if other.name == "mysql-mimic":
        pip_install(MIMIC, MIMIC_PACKAGES)
    elif other.name == "go-mysql-server":
        build_go(GO_MYSQL_SERVER.parent, [HERE / "engine.go"], ENGINE)
    elif other.name == "mysql2 createServer":
        install("node")
    elif other.name == "opensrv-mysql":
        HOME.mkdir(parents=True, exist_ok=True)
        build_rust(HERE / "opensrv", OPENSRV)
    elif other.name == "go-mysql-org server":
        build_go(GO_MYSQL.parent, [HERE / "go_mysql_server.go"], GO_MYSQL_MODULE)
    elif other.name == "TiDB":
        build_module(TIDB.parent, HERE / "tidb.mod", TIDB_PROGRAM)
    elif shutil.which("searchd") is None:
        raise InstallError("searchd is missing: install the package sphinxsearch")


def words_of(other: Other, port: int, place: Path) -> list[str]:
    """The words that start a server on a port, with a directory of its own."""
    if other.name == "mysql-mimic":
        return [sys.executable, str(HERE / "mimic_server.py"), str(port)]
    if other.name == "go-mysql-server":
        return [str(GO_MYSQL_SERVER), f"127.0.0.1:{port}"]
    if other.name == "opensrv-mysql":
        return [str(OPENSRV / "debug" / "opensrv"), f"127.0.0.1:{port}"]
    if other.name == "go-mysql-org server":
        return [str(GO_MYSQL), f"127.0.0.1:{port}"]
    if other.name == "TiDB":
        address = ["-host", "127.0.0.1", "-P", str(port), "-report-status=false"]
        return [str(TIDB), *address, "-store", "unistore", "-path", "", "-socket", str(place / "socket")]
    if other.name == "mysql2 createServer":
        return ["node", str(HERE / "mysql2_server.cjs"), str(port)]
    settings = place / "sphinx.conf"
    settings.write_text(SPHINX.format(place=place, port=port), encoding="utf-8")
    return ["searchd", "--config", str(settings), "--nodetach"]


@contextmanager
def running(other: Other, place: Path) -> Iterator[int]:
    """The port of a server that answers while the body runs. Raises InstallError where it does not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(MIMIC), "NODE_MODULES": str(NODE_MODULES)}
    with (place / "said").open("wb") as said:
        words = words_of(other, port, place)
        with subprocess.Popen(words, env=environment, stdout=said, stderr=said, cwd=place) as process:
            try:
                _wait(other, process, port, place)
                yield port
            finally:
                process.terminate()


def _wait(other: Other, process: subprocess.Popen[bytes], port: int, place: Path) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise InstallError(f"{other.name} does not answer: {(place / 'said').read_text(errors='replace')[-400:]}")
