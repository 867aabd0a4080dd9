"""Which drivers have a sample: one case of each, as its client did it.

    python -m tests.drivers.make_samples [FILE...]

makes them anew (as root, with the servers up); `tests/servers/make_samples.py` names them on the page of samples/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class DriverSample:
    """One connection of a driver to a server."""

    file: str
    driver: str
    server: str
    case: str
    what: str


PREPARED: Final = "values of every type, bound and read in prepared statements; a batch"
PLAIN: Final = "statements, an error, a ping"
S = DriverSample

DRIVER_SAMPLES: Final = (
    S("mysql97_go-sql-driver_values.pcapng", "go-sql-driver/mysql 1.10", "mysql97", "values", PREPARED),
    S("mariadb118_go-mysql_results.pcapng", "go-mysql-org/go-mysql", "mariadb118", "results",
      "several statements, a procedure, rows as they come"),
    S("mysql97_connectorj_results.pcapng", "MySQL Connector/J 9.7", "mysql97", "results",
      "several statements, a procedure with OUT parameters, a cursor"),
    S("mariadb118_mariadb-java_values.pcapng", "MariaDB Connector/J 3.5", "mariadb118", "values", PREPARED),
    S("mysql97_mysql2-node_values.pcapng", "mysql2 (Node)", "mysql97", "values", PREPARED),
    S("mariadb118_mariadb-node_pipelined.pcapng", "mariadb (Node)", "mariadb118", "pipelined",
      "statements that are sent without waiting for answers"),
    S("mariadb1011_mysql-node_accepted.pcapng", "mysql (Node)", "mariadb1011", "accepted", PLAIN),
    S("mysql97_mysql-rust_values.pcapng", "mysql (Rust)", "mysql97", "values", PREPARED),
    S("mariadb1011_mysql-async_accepted.pcapng", "mysql_async (Rust)", "mariadb1011", "accepted", PLAIN),
    S("mysql97_sqlx_prepared.pcapng", "sqlx (Rust)", "mysql97", "prepared", "prepared statements; always a full login"),
    S("mysql97_mysqli_results.pcapng", "PHP mysqli", "mysql97", "results",
      "several statements with COM_SET_OPTION around them, a procedure, a cursor"),
    S("mariadb118_pdo_values.pcapng", "PHP PDO", "mariadb118", "values", PREPARED),
)  # fmt: skip


def driver_rows() -> list[str]:
    """The table of the page of samples/."""
    rows = ["| file | driver | server | what |", "|---|---|---|---|"]
    return rows + [f"| {each.file} | {each.driver} | {each.server} | {each.what} |" for each in DRIVER_SAMPLES]
