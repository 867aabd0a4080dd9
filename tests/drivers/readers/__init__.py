"""Programs that read the binary log as replicas do, each as it is installed and started."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drivers import HOME
from tests.drivers.install import build_go, install_jars, install_node, pip_install
from tests.servers import servers_dir
from tests.servers.packages import Prefix

HERE: Final = Path(__file__).parent
PLACE: Final = HOME / "readers"


@dataclass(frozen=True)
class Reader:
    """A program. `package` is what has it; `text`: it writes what MySQL's own does, not JSON.

    `kills`: over another connection it asks the server to end the one that it reads from.
    """

    name: str
    package: str
    servers: tuple[str, ...] = ("mysql97", "mariadb118")
    text: bool = False
    kills: bool = False
    in_ci: bool = False


READERS: Final = (
    Reader("mysqlbinlog", "mysql97", ("mysql97",), text=True, in_ci=True),
    # To MariaDB it sends a COM_BINLOG_DUMP that has two bytes more than its header says.
    Reader("mysql-replication (Python)", "mysql-replication==1.0.17", ("mysql97",), in_ci=True),
    Reader("go-mysql-org/go-mysql, replication", "github.com/go-mysql-org/go-mysql v1.12.0", kills=True),
    Reader("zongji (Node)", "@vlasky/zongji@0.9.0", ("mysql97",), kills=True),
    Reader("mysql-binlog-connector-java", "com.zendesk:mysql-binlog-connector-java:0.30.1"),
)
JSON: Final = "com.google.code.gson:gson:2.10.1"


def _runs(reader: Reader) -> str:
    return "text" if reader.text else next(word for word in ("Python", "Node", "java", "go") if word in reader.name)


def install(reader: Reader) -> None:
    """Brings it. Raises InstallError."""
    kind = _runs(reader)
    if kind == "Python":
        pip_install(PLACE / "python", (reader.package,))
    elif kind == "go":
        build_go(PLACE / "go", [HERE / "reader.go"], reader.package)
    elif kind == "Node":
        install_node(PLACE / "node", (reader.package,))
    elif kind == "java":
        install_jars(PLACE / "java", (reader.package, JSON), HERE / "Reader.java")


def words_of(reader: Reader, given: list[str]) -> tuple[list[str], dict[str, str]]:
    """The words that start it, and what its environment has. `given`: see the programs."""
    kind = _runs(reader)
    if kind == "text":
        host, port, user, password, number, _, file, start, end = given
        program = Prefix(servers_dir() / "packages" / reader.package / "root").command(f"usr/bin/{reader.name}")
        words = [*program, "--no-defaults", "--read-from-remote-server", f"--host={host}", f"--port={port}"]
        words += [f"--user={user}", f"--password={password}", f"--start-position={start}", f"--stop-position={end}"]
        return [*words, "--protocol=tcp", f"--server-id={number}", file], {}
    if kind == "Python":
        return [sys.executable, str(HERE / "reader.py"), *given], {"PYTHONPATH": str(PLACE / "python")}
    if kind == "Node":
        return ["node", str(HERE / "reader.mjs"), *given], {"NODE_MODULES": str(PLACE / "node" / "node_modules")}
    if kind == "go":
        return [str(PLACE / "go" / "client"), *given], {}
    return ["java", "-classpath", f"{PLACE / 'java' / 'classes'}:{PLACE / 'java' / 'jars' / '*'}", "Reader", *given], {}
