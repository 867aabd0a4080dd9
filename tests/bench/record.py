"""`python -m tests.bench.record`: records what the bench replays, as root, with the servers up (`make servers`).

- `oltp-connector-c`: sysbench's oltp_read_write, which speaks through MariaDB's Connector/C, against MariaDB 10.11: two
  connections with prepared statements, two without.
- `mixed-*`: Node's mysql2 and mariadb, both Connector/J and Go, against MySQL 9.7 and MariaDB 11.8. Each connection
  warms up, and what it says from MARK on is what is replayed again and again.

They are small and stay in the repository, so that the bench needs no server.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import zstandard

from tests.bench.recorded import CONNECTOR_C, MARK, MIXED
from tests.drivers import DRIVERS
from tests.drivers.cases import IDENTIFY
from tests.drivers.install import InstallError, install
from tests.drivers.run import Unusable, as_admin, asked, capturing, check_tools
from tests.servers import Server, running_servers
from tests.servers.accounts import account

OLTP_SERVER: Final = "mariadb1011"
MIX: Final = (
    *("mysql2 (Node)", "mariadb (Node)", "MySQL Connector/J 9.7", "MariaDB Connector/J 3.5"),
    "go-sql-driver/mysql 1.10",
)
SECONDS: Final = 300
# Transactions of each connection of sysbench.
TRANSACTIONS: Final = 4
TABLE: Final = (
    "CREATE TABLE labdb.orders (id INT NOT NULL PRIMARY KEY, customer BIGINT NOT NULL,"
    " state VARCHAR(12) NOT NULL, total DECIMAL(12,2), made DATETIME NOT NULL, note VARCHAR(200), KEY (customer))"
)
# Rows of that table, and how often an application asks all that it asks.
ROWS: Final = 60
TIMES: Final = 6


def asks(number: int) -> Iterator[list[Any]]:
    """What an application asks again and again: steps as tests.drivers has them, the number of rows last."""
    key, who, fresh = 10_000 + number % ROWS, 7_000_000 + number * 131, 90_000 + number
    yield ["prepared", "SELECT id, customer, state, total, made, note FROM orders WHERE id = ?", [key], 1]
    between = "SELECT id, state, total FROM orders WHERE id BETWEEN ? AND ? ORDER BY made"
    yield ["prepared", between, [10_010, 10_029], 20]
    yield ["query", f"SELECT customer, COUNT(*), SUM(total) FROM orders WHERE id <> {key} GROUP BY customer", ROWS - 1]
    yield ["query", f"SELECT note FROM orders WHERE id = {key}", 1]
    yield ["query", f"UPDATE orders SET total = total + 1, note = 'paid {who}' WHERE id = {key}", 0]
    yield ["query", "START TRANSACTION", 0]
    yield ["prepared", "SELECT state FROM orders WHERE id = ? AND customer > ?", [key, 1], 1]
    values = f"{fresh}, {who}, 'new', 12.50, '2026-03-01 10:00:00', '{who}'"
    yield ["query", f"INSERT INTO orders VALUES ({values})", 0]
    yield ["query", f"DELETE FROM orders WHERE id = {fresh}", 0]
    yield ["query", "COMMIT", 0]
    yield ["ping"]


def case(server: Server) -> dict[str, Any]:
    """One connection, as tests.drivers tells its clients."""
    who = account("app")
    mark = ["query", f"SELECT '{MARK}'", 1]
    mixed = [step for number in range(TIMES) for step in asks(number)]
    return {
        "name": "mixed",
        **{"host": server.quiet_host, "port": server.port, "flavor": server.flavor},
        **{"user": who.name, "password": who.password, "database": "labdb", "tls": False, "ca": str(server.ca)},
        **{"compress": False, "attributes": {"program_name": "bench"}, "identify": list(IDENTIFY)},
        "steps": [*asks(0), mark, *mixed, mark],
    }


@contextmanager
def recording(target: Path, server: Server) -> Iterator[None]:
    """Puts what goes over the wire while the body runs into `target`, compressed."""
    with tempfile.TemporaryDirectory(prefix="handshark-record-") as folder:
        raw = Path(folder, "raw.pcap")
        with capturing(raw, server):
            yield
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(zstandard.ZstdCompressor(level=19).compress(raw.read_bytes()))
    print(f"{target}: {target.stat().st_size / 1e3:,.0f} kB")


def sysbench(server: Server, *words: str) -> None:
    """One run of oltp_read_write. Raises Unusable where it fails."""
    who = account("app")
    argv = ["sysbench", "oltp_read_write", "--db-driver=mysql", f"--mysql-host={server.quiet_host}"]
    argv += [f"--mysql-port={server.port}", f"--mysql-user={who.name}", f"--mysql-password={who.password}"]
    argv += ["--mysql-db=labdb", "--tables=1", "--table-size=20000", "--rand-type=uniform", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise Unusable(f"{' '.join(argv)}:\n{done.stdout.strip()[-800:]}{done.stderr.strip()[-400:]}")


def connector_c(server: Server) -> None:
    """Records sysbench."""
    sysbench(server, "prepare")
    try:
        with recording(CONNECTOR_C, server):
            for mode in ("auto", "disable"):
                sysbench(server, "--threads=2", f"--events={2 * TRANSACTIONS}", f"--db-ps-mode={mode}", "run")
    finally:
        sysbench(server, "cleanup")


def _row(number: int) -> str:
    who, note = 8_000_000 + number * 977, f"order {51_000 + number * 37}"
    return f"({10_000 + number}, {who}, 'sent', {number * 17 + 0.25}, '2026-02-03 04:05:06', '{note}')"


def mixed(server: Server, target: Path) -> None:
    """Records one connection of each driver."""
    drivers = [driver for driver in DRIVERS if driver.name in MIX]
    for kind in {driver.runner for driver in drivers}:
        install(kind)
    as_admin(server, "DROP TABLE IF EXISTS labdb.orders")
    as_admin(server, TABLE)
    as_admin(server, f"INSERT INTO labdb.orders VALUES {', '.join(map(_row, range(ROWS)))}")
    try:
        with recording(target, server):
            for driver in drivers:
                (found,), said = asked(driver, [case(server)])
                if found.get("error") or found["problems"]:
                    raise Unusable(f"{driver.name}: {found.get('message')} {found['problems']} {said[-400:]}")
    finally:
        as_admin(server, "DROP TABLE labdb.orders")


def main() -> int:
    """Records everything; 1 where something is missing."""
    servers = {server.name: server for server in running_servers()}
    try:
        check_tools()
        missing = [name for name in (OLTP_SERVER, *MIXED) if name not in servers]
        if missing:
            raise Unusable(f"not running: {', '.join(missing)}; start with `python -m tests.servers up`")
        connector_c(servers[OLTP_SERVER])
        for name, target in MIXED.items():
            mixed(servers[name], target)
    except (Unusable, InstallError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
