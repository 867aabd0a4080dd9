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
AHEAD: Final = "statements that are sent without waiting for answers"
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
      AHEAD),
    S("mariadb1011_mysql-node_accepted.pcapng", "mysql (Node)", "mariadb1011", "accepted", PLAIN),
    S("mysql97_mysql-rust_values.pcapng", "mysql (Rust)", "mysql97", "values", PREPARED),
    S("mariadb1011_mysql-async_accepted.pcapng", "mysql_async (Rust)", "mariadb1011", "accepted", PLAIN),
    S("mysql97_sqlx_prepared.pcapng", "sqlx (Rust)", "mysql97", "prepared", "prepared statements; always a full login"),
    S("mariadb118_diesel_prepared.pcapng", "Diesel (Rust)", "mariadb118", "prepared",
      "it prepares whatever it is asked, over Connector/C"),
    S("mysql97_mysqli_results.pcapng", "PHP mysqli", "mysql97", "results",
      "several statements with COM_SET_OPTION around them, a procedure, a cursor"),
    S("mariadb118_pdo_values.pcapng", "PHP PDO", "mariadb118", "values", PREPARED),
    S("mysql97_pymysql_accepted.pcapng", "PyMySQL", "mysql97", "accepted", PLAIN),
    S("mariadb118_asyncmy_results.pcapng", "asyncmy", "mariadb118", "results", "several statements, a procedure"),
    S("mariadb1011_aiomysql_accepted.pcapng", "aiomysql", "mariadb1011", "accepted", PLAIN),
    S("mariadb118_mysqlclient_change-user.pcapng", "mysqlclient", "mariadb118", "change user", "another user"),
    S("mysql97_connector-python_prepared.pcapng", "mysql-connector-python, pure", "mysql97", "prepared",
      "prepared statements"),
    S("mariadb118_connector-python-c_change-user.pcapng", "mysql-connector-python, C extension", "mariadb118",
      "change user", "another user, and a reset"),
    S("mysql97_mariadb-python_results.pcapng", "mariadb (Python), pure", "mysql97", "results",
      "several statements, a procedure with OUT parameters, a cursor; always a full login"),
    S("mariadb118_mariadb-python-c_values.pcapng", "mariadb (Python), Connector/C", "mariadb118", "values",
      f"{PREPARED} in one command"),
    S("mysql97_go-sql-driver-15_accepted.pcapng", "go-sql-driver/mysql 1.5", "mysql97", "accepted", PLAIN),
    S("mariadb118_go-sql-driver-17_prepared.pcapng", "go-sql-driver/mysql 1.7", "mariadb118", "prepared",
      "prepared statements"),
    S("mariadb118_connectorj-51_patience.pcapng", "MySQL Connector/J 5.1", "mariadb118", "patience",
      "a statement that the driver itself has cancelled"),
    S("mysql97_mariadb-java-27_pool.pcapng", "MariaDB Connector/J 2.7", "mysql97", "pool",
      "a pool that looks whether its connection is alive"),
    S("mysql97_r2dbc-mysql_values.pcapng", "R2DBC MySQL 1.4", "mysql97", "values", PREPARED),
    S("mariadb118_r2dbc-mariadb_pipelined.pcapng", "R2DBC MariaDB 1.3", "mariadb118", "pipelined", AHEAD),
    S("mysql97_vertx_change-user.pcapng", "Vert.x MySQL client 5.0", "mysql97", "change user",
      "another user, and a reset"),
    S("mysql97_dbd-mysql_prepared.pcapng", "DBD::mysql", "mysql97", "prepared", "prepared statements"),
    S("mariadb1011_dbd-mariadb_ended.pcapng", "DBD::MariaDB", "mariadb1011", "ended",
      "LOCAL INFILE, a limit of the server's, a statement that is cancelled"),
    S("mariadb118_ruby-mysql2_prepared.pcapng", "Ruby mysql2", "mariadb118", "prepared", "prepared statements"),
    S("mariadb1011_connector-c_results.pcapng", "MariaDB Connector/C", "mariadb1011", "results",
      "several statements, a procedure, a cursor"),
    S("mysql97_libmysqlclient_results.pcapng", "libmysqlclient 9.7", "mysql97", "results",
      "several statements, a procedure, a cursor"),
    S("mysql97_boost-mysql_values.pcapng", "Boost.MySQL", "mysql97", "values", PREPARED),
    S("mysql97_p1-mysql_accepted.pcapng", "p1_mysql (Erlang)", "mysql97", "accepted",
      "statements; it leaves without COM_QUIT"),
    S("mysql97_mysql-cli_ended.pcapng", "mysql 9.7 command line", "mysql97", "ended",
      "LOCAL INFILE, a limit of the server's, a statement that is cancelled"),
    S("mariadb118_mariadb-cli_results.pcapng", "mariadb 11.8 command line", "mariadb118", "results",
      "several statements in one command, a procedure"),
    S("mariadb1011_mariadb-cli_compressed.pcapng", "mariadb 10.11 command line", "mariadb1011", "compressed",
      "statements, compressed"),
)  # fmt: skip


HEAD: Final = """
Made by `python -m tests.drivers.make_samples`: a case of the driver matrix (`tests/drivers/cases.py`) as the
driver's client did it, cut out of tcpdump's capture with `handshark extract`. `NAME.truth.json` is what the
driver was told and the server has logged. The accounts were made for it, with the password `app-pw`.
"""


def driver_rows() -> list[str]:
    """The table of the page of samples/."""
    rows = [HEAD, "| file | driver | server | what |", "|---|---|---|---|"]
    return rows + [f"| {each.file} | {each.driver} | {each.server} | {each.what} |" for each in DRIVER_SAMPLES]
