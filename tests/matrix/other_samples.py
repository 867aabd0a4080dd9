"""Samples of other servers, of old releases, and of what stands in front of a server.

python -m tests.matrix.make_samples [FILE...]

makes them anew (as root, with the servers up); `tests/servers/make_samples.py` names them on the page of samples/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class OtherSample:
    """One connection. `place` names a server of `tests.servers.others` or `.old`, or a box of `.boxes`."""

    file: str
    kind: Literal["other", "old", "box", "router", "check", "clone", "group", "pages"]
    place: str
    driver: str
    what: str
    case: str = "accepted"
    # Of a box: the server behind it.
    server: str = "mariadb118"


S = OtherSample
STATEMENTS: Final = ("SELECT 1", "SHOW TABLES", "SELECT * FROM t", "SELEC 1")

OTHER_SAMPLES: Final = (
    S("go-mysql-server_pymysql.pcapng", "other", "go-mysql-server", "PyMySQL", "go-mysql-server (Dolt's engine)"),
    S("mysql-mimic_pymysql.pcapng", "other", "mysql-mimic", "PyMySQL", "mysql-mimic (Python)"),
    S("sphinx_pymysql.pcapng", "other", "Sphinx", "PyMySQL", "Sphinx's searchd: a login that names no database"),
    S("mysql2-server_pymysql.pcapng", "other", "mysql2 createServer", "PyMySQL", "mysql2's createServer (Node)"),
    S("go-mysql-org-server_pymysql.pcapng", "other", "go-mysql-org server", "PyMySQL",
      "go-mysql-org/go-mysql's server"),
    S("tidb_pymysql.pcapng", "other", "TiDB", "PyMySQL", "TiDB 8.5, before its release, with its own store"),
    S("mysql55_mysqli_results.pcapng", "old", "mysql55", "PHP mysqli", "MySQL 5.5.9: several statements, a procedure",
      "results"),
    S("mysql56_dbd-mysql_values.pcapng", "old", "mysql56", "DBD::mysql", "MySQL 5.6.24: a batch", "values"),
    S("mariadb101_connectorj-51_prepared.pcapng", "old", "mariadb101", "MySQL Connector/J 5.1",
      "MariaDB 10.1.23: prepared statements", "prepared"),
    S("mariadb102_go-sql-driver-15_accepted.pcapng", "old", "mariadb102", "go-sql-driver/mysql 1.5",
      "MariaDB 10.2.11: statements, an error, a ping"),
    S("haproxy_proxy-v1.pcapng", "box", "HAProxy, send-proxy", "PyMySQL",
      "behind HAProxy 2.6, which sends a PROXY header of version 1"),
    S("haproxy_proxy-v2.pcapng", "box", "HAProxy, send-proxy-v2", "PyMySQL",
      "behind HAProxy 2.6, which sends a PROXY header of version 2"),
    S("haproxy_proxy-v2-refused.pcapng", "box", "HAProxy, send-proxy-v2", "PyMySQL",
      "the same to MySQL 9.7, which takes no such header", server="mysql97"),
    S("nginx_proxy-v1.pcapng", "box", "nginx, proxy_protocol", "PyMySQL",
      "behind nginx 1.22, which sends a PROXY header of version 1"),
    S("stunnel_tls-first.pcapng", "box", "stunnel", "PyMySQL",
      "between stunnel's two ends: TLS from the first byte, its keys inside"),
    S("haproxy_mysql-check.pcapng", "check", "HAProxy, mysql-check", "HAProxy",
      "a health check of HAProxy 2.6: its login and COM_QUIT come before the greeting"),
    S("mysql97_clone.pcapng", "clone", "mysql97", "MySQL 9.7.4",
      "a recipient of the clone plugin, up to where it finds that it may not write its copy"),
    S("mysql-router_greeting.pcapng", "router", "MySQL Router, its own TLS", "PyMySQL",
      "MySQL Router 9.7 in front of MySQL 9.7: it greets by itself", server="mysql97"),
    S("mysql97_group-replication.pcapng", "group", "mysql97", "MySQL 9.7.4",
      "a member logs in to another, and speaks XCom behind that"),
    S("mysql97_phpmyadmin.pcapng", "pages", "mysql97", "phpMyAdmin 5.2",
      "its page for a statement that was typed", server="mysql97"),
)  # fmt: skip


HEAD: Final = """
Made by `python -m tests.matrix.make_samples`: servers that are neither MySQL nor MariaDB, releases of long ago (from
packages for embedding), and the server's side of a proxy. `NAME.truth.json` is what the client was told.
"""


def other_rows() -> list[str]:
    """The table of the page of samples/."""
    rows = [HEAD, "| file | client | what |", "|---|---|---|"]
    return rows + [f"| {each.file} | {each.driver} | {each.what} |" for each in OTHER_SAMPLES]
