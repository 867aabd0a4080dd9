"""Clients nobody here wrote, against the real servers: what they were told to do has to be what the analyzer says.

`python -m tests.drivers.install` brings the drivers to where all checkouts find them: HANDSHARK_DRIVERS_DIR, or
~/.cache/handshark/drivers. `python -m tests.drivers` prints the table.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal


def _home() -> Path:
    chosen = os.environ.get("HANDSHARK_DRIVERS_DIR")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handshark" / "drivers"


HOME: Final = _home()
PYTHON: Final = HOME / "venv" / "bin" / "python"
NODE_MODULES: Final = HOME / "node_modules"
# A second version of a package that the venv has too.
BESIDE: Final = HOME / "beside"
MYSQLCLIENT: Final = HOME / "mysqlclient"
# Releases that test the table of drivers.
HELD: Final = HOME / "held"

Runner = Literal[
    "python",
    "mysqlclient",
    "node",
    "go",
    "java",
    "perl",
    "php",
    "ruby",
    "rust",
    "c",
    "libmysqlclient",
    "cpp",
    "erlang",
    "cli",
]


@dataclass(frozen=True)
class Driver:
    """One client: how it is started, and which cases it has something for."""

    name: str
    runner: Runner
    # The package it is in, with its version where that is not looked up (module@version, group:artifact:version); for a
    # command line the server whose release it comes with.
    package: str
    cases: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    # Sends the connection attributes that it is told.
    told_attributes: bool = False
    # The reason, where a case can not be done on MySQL though it can on MariaDB.
    not_on_mysql: tuple[tuple[str, str], ...] = ()
    # What the analyzer is to call it, where it does not say its name in attributes.
    known_as: str = ""
    # The kinds of servers that it can log in to.
    only: tuple[str, ...] = ("mysql", "mariadb")
    # Nothing of it is in the table of drivers: it tests what the other releases filled in.
    held_out: bool = False
    # Steps that it has no call for.
    lacks: tuple[str, ...] = ()
    # The same of MySQL alone.
    lacks_on_mysql: tuple[str, ...] = ()
    # Its login names no database: it asks for it afterwards.
    late_database: bool = False
    # It leaves without COM_QUIT: MySQL says that it has noticed.
    just_leaves: bool = False
    # What a client that knows several drivers is called with; the driver's name where it is empty.
    argument: str = ""
    # The class that does the cases, of those in java/.
    program: str = "JdbcClient"


# In this order: "first login" finds MySQL's password cache empty, "TLS" fills it for those behind.
BASE: Final = ("first login", "wrong password, TLS", "TLS", "accepted", "wrong password", "unknown database")
FULL: Final = (*BASE, "prepared", "change user")
VERIFIED: Final = ("TLS, verified", "TLS, not trusted")
CLI: Final = ("results", "ended")
IN_SQL: Final = ("cursor",)
DEEDS: Final = ("results", "values", "ended")
NO_ADDRESS: Final = (("TLS, verified", "it looks for the server's address in MySQL's own certificate: it has none"),)

# A case that a driver lacks it has nothing for: PyMySQL and asyncmy do not prepare on the server, change user or
# compress; the Python mariadb package does not compress; the command lines prepare in SQL only.
DRIVERS: Final[tuple[Driver, ...]] = (
    Driver(
        "PyMySQL",
        "python",
        "PyMySQL",
        (*BASE, *DEEDS, "idle", *VERIFIED),
        told_attributes=True,
        lacks=("prepared", "everything", "status"),
    ),
    Driver(
        "PyMySQL 1.1",
        "python",
        "PyMySQL",
        BASE,
        (("PYTHONPATH", str(HELD)),),
        told_attributes=True,
        known_as="pymysql",
        held_out=True,
        argument="PyMySQL",
    ),
    Driver(
        "asyncmy",
        "python",
        "asyncmy",
        (*BASE, *DEEDS, *VERIFIED),
        told_attributes=True,
        # Of a local file it hands the name on as bytes, which it then does not take.
        lacks=("prepared", "everything", "status", "cursor", "load"),
    ),
    Driver(
        "aiomysql",
        "python",
        "aiomysql",
        (*BASE, *DEEDS, *VERIFIED),
        told_attributes=True,
        # Of some values it fails to make text.
        lacks=("prepared", "everything", "status", "cursor", "typed"),
    ),
    # Of the two that stand on PyMySQL these releases offer just what it does: without attributes they are taken for it.
    Driver(
        "aiomysql 0.2",
        "python",
        "aiomysql",
        BASE,
        (("PYTHONPATH", str(HELD)),),
        told_attributes=True,
        known_as="pymysql",
        held_out=True,
        argument="aiomysql",
    ),
    Driver(
        "asyncmy 0.2.10",
        "python",
        "asyncmy",
        BASE,
        (("PYTHONPATH", str(HELD)),),
        told_attributes=True,
        known_as="pymysql",
        held_out=True,
        argument="asyncmy",
    ),
    Driver(
        "mysqlclient",
        "mysqlclient",
        "mysqlclient",
        (*BASE, "change user", "compressed", *DEEDS),
        lacks=("prepared", "everything", "status", "reset"),
    ),
    Driver(
        "mysql-connector-python, pure",
        "python",
        "mysql-connector-python",
        (*FULL, "compressed", *DEEDS, "idle", *VERIFIED, "pool"),
        told_attributes=True,
        # It fails to read some of the types in binary rows.
        lacks=("cursor", "everything"),
    ),
    Driver(
        "mysql-connector-python, C extension",
        "python",
        "mysql-connector-python",
        (*FULL, "compressed", *DEEDS, *VERIFIED, "pool"),
        (("PYTHONPATH", str(BESIDE)),),
        told_attributes=True,
        # It binds an unsigned number as -1 and what is left of a negative time as 255:255:255: MySQL refuses that.
        lacks=("cursor", "everything", "typed"),
    ),
    Driver(
        "mariadb (Python), pure",
        "python",
        "mariadb",
        (*FULL, *DEEDS, *VERIFIED),
        (("MARIADB_PYTHON_CONNECTOR", "python"),),
        not_on_mysql=NO_ADDRESS,
        # Numbers above 2^63 it can not bind.
        lacks=("typed",),
    ),
    Driver(
        "mariadb (Python), Connector/C",
        "python",
        "mariadb",
        (*FULL, *DEEDS, *VERIFIED),
        (("MARIADB_PYTHON_CONNECTOR", "binary"),),
        not_on_mysql=NO_ADDRESS,
    ),
    Driver(
        "mysql2 (Node)",
        "node",
        "mysql2",
        (*FULL, "compressed", *DEEDS, "idle", *VERIFIED, "pool", "pipelined"),
        told_attributes=True,
        lacks=("cursor",),
    ),
    Driver(
        "mysql2 (Node) 3.12",
        "node",
        "mysql2-held",
        (*BASE, "prepared"),
        (("HANDSHARK_MODULE", "mysql2-held"),),
        told_attributes=True,
        known_as="Node-MySQL-2",
        held_out=True,
        argument="mysql2 (Node)",
    ),
    # Offers something else than later ones: it stands in the table too.
    Driver(
        "mysql2 (Node) 3.9",
        "node",
        "mysql2-older",
        (*BASE, "prepared"),
        (("HANDSHARK_MODULE", "mysql2-older"),),
        told_attributes=True,
        argument="mysql2 (Node)",
    ),
    Driver(
        "mysql (Node)",
        "node",
        "mysql",
        (*BASE, "change user", *DEEDS, *VERIFIED),
        # It knows no plugin but mysql_native_password, which MySQL 9 no longer has.
        only=("mariadb",),
        lacks=("prepared", "everything", "status", "cursor", "typed", "batch", "load", "reset"),
        known_as="mysql (Node)",
    ),
    Driver(
        "mariadb (Node)",
        "node",
        "mariadb",
        (*FULL, "compressed", *DEEDS, *VERIFIED, "pipelined"),
        told_attributes=True,
        lacks=("cursor",),
        not_on_mysql=(("change user", "it refuses COM_CHANGE_USER to MySQL by itself, for a bug of old servers"),),
    ),
    Driver(
        "mariadb (Node) 3.3",
        "node",
        "mariadb-held",
        (*BASE, "prepared"),
        (("HANDSHARK_MODULE", "mariadb-held"),),
        told_attributes=True,
        known_as="MariaDB connector/Node",
        held_out=True,
        argument="mariadb (Node)",
    ),
    Driver(
        "go-sql-driver/mysql 1.10",
        "go",
        "github.com/go-sql-driver/mysql@v1.10.1",
        (*BASE, "prepared", "compressed", *DEEDS, "idle", *VERIFIED, "pool"),
        (("HANDSHARK_ATTRIBUTES", "yes"),),
        lacks=("cursor",),
        told_attributes=True,
        argument="go_sql_driver",
    ),
    Driver(
        "go-sql-driver/mysql 1.7",
        "go",
        "github.com/go-sql-driver/mysql@v1.7.1",
        (*BASE, "prepared", *DEEDS, *VERIFIED),
        known_as="Go-MySQL-Driver",
        lacks=("cursor",),
        held_out=True,
        argument="go_sql_driver",
    ),
    Driver(
        "go-sql-driver/mysql 1.5",
        "go",
        "github.com/go-sql-driver/mysql@v1.5.0",
        (*BASE, "prepared", *DEEDS, *VERIFIED),
        known_as="Go-MySQL-Driver",
        lacks=("cursor",),
        argument="go_sql_driver",
    ),
    Driver(
        "go-mysql-org/go-mysql",
        "go",
        "github.com/go-mysql-org/go-mysql@v1.12.0",
        (*BASE, "prepared", *DEEDS, "idle", *VERIFIED, "zstd"),
        told_attributes=True,
        # It loads no local files.
        lacks=("load",),
        argument="go_mysql",
    ),
    Driver(
        "go-mysql-org/go-mysql 1.9",
        "go",
        "github.com/go-mysql-org/go-mysql@v1.9.1",
        BASE,
        told_attributes=True,
        known_as="go-mysql",
        held_out=True,
        argument="go_mysql",
    ),
    Driver(
        "MySQL Connector/J 9.7",
        "java",
        "com.mysql:mysql-connector-j:9.7.0",
        (*FULL, "compressed", *DEEDS, "idle", *VERIFIED, "pool", "patience"),
        # It has no COM_RESET_CONNECTION.
        lacks=("reset",),
        told_attributes=True,
        argument="j",
    ),
    Driver(
        "MySQL Connector/J 8.3",
        "java",
        "com.mysql:mysql-connector-j:8.3.0",
        # With what users switch on in other cases it is like drivers that always have it on.
        (*FULL, "compressed", "values", *VERIFIED, "pool", "patience"),
        # It has no COM_RESET_CONNECTION.
        lacks=("reset",),
        told_attributes=True,
        held_out=True,
        argument="j",
    ),
    Driver(
        "MySQL Connector/J 5.1",
        "java",
        "mysql:mysql-connector-java:5.1.49",
        (*FULL, "compressed", *DEEDS, *VERIFIED, "pool", "patience"),
        # It has no COM_RESET_CONNECTION.
        lacks=("reset",),
        told_attributes=True,
        # MySQL 9.7 calls what it binds malformed.
        lacks_on_mysql=("typed",),
        argument="j5",
    ),
    Driver(
        "MariaDB Connector/J 3.5",
        "java",
        "org.mariadb.jdbc:mariadb-java-client:3.5.6",
        # A certificate that nobody has signed it trusts if the server proves with it that it knows the password.
        (*BASE, "prepared", "compressed", *DEEDS, "idle", "TLS, verified", "pool", "patience"),
        told_attributes=True,
        argument="mariadb",
    ),
    Driver(
        "MariaDB Connector/J 3.3",
        "java",
        "org.mariadb.jdbc:mariadb-java-client:3.3.3",
        (*BASE, "prepared"),
        told_attributes=True,
        known_as="MariaDB Connector/J",
        held_out=True,
        argument="mariadb",
    ),
    Driver(
        "MariaDB Connector/J 2.7",
        "java",
        "org.mariadb.jdbc:mariadb-java-client:2.7.12",
        (*BASE, "prepared", "compressed", *DEEDS, *VERIFIED, "pool", "patience"),
        told_attributes=True,
        lacks_on_mysql=("typed",),
        argument="mariadb2",
    ),
    Driver(
        "R2DBC MySQL 1.4",
        "java",
        "io.asyncer:r2dbc-mysql:1.4.3",
        (*BASE, "prepared", "compressed", *DEEDS, "idle", *VERIFIED),
        known_as="r2dbc-mysql",
        argument="mysql",
        program="R2dbcClient",
    ),
    Driver(
        "R2DBC MySQL 1.2",
        "java",
        "io.asyncer:r2dbc-mysql:1.2.0",
        (*BASE, "prepared"),
        known_as="r2dbc-mysql",
        held_out=True,
        argument="mysql",
        program="R2dbcClient",
    ),
    Driver(
        "R2DBC MariaDB 1.3",
        "java",
        "org.mariadb:r2dbc-mariadb:1.3.0",
        (*BASE, "prepared", *DEEDS, *VERIFIED, "pipelined"),
        told_attributes=True,
        # It loads no local files.
        lacks=("load",),
        # MySQL 9.7 calls what it binds malformed.
        lacks_on_mysql=("typed",),
        argument="mariadb",
        program="R2dbcClient",
    ),
    Driver(
        "R2DBC MariaDB 1.1",
        "java",
        "org.mariadb:r2dbc-mariadb:1.1.4",
        (*BASE, "prepared"),
        # It leaves MySQL without COM_QUIT being read: what the server says then comes or not.
        only=("mariadb",),
        told_attributes=True,
        known_as="mariadb",
        held_out=True,
        argument="mariadb",
        program="R2dbcClient",
    ),
    Driver(
        "Vert.x MySQL client 5.0",
        "java",
        "io.vertx:vertx-mysql-client:5.0.7",
        (*FULL, *DEEDS, "idle", *VERIFIED, "pipelined"),
        told_attributes=True,
        argument="vertx",
        program="VertxClient",
    ),
    Driver(
        "Vert.x MySQL client 5.0.0",
        "java",
        "io.vertx:vertx-mysql-client:5.0.0",
        (*FULL, "results"),
        told_attributes=True,
        known_as="vertx-mysql-client",
        held_out=True,
        argument="vertx",
        program="VertxClient",
    ),
    Driver("DBD::mysql", "perl", "DBD::mysql", (*BASE, "prepared", "compressed", *DEEDS), argument="mysql"),
    Driver(
        "DBD::MariaDB",
        "perl",
        "DBD::MariaDB",
        (*BASE, "prepared", "compressed", *DEEDS, "idle", *VERIFIED),
        not_on_mysql=NO_ADDRESS,
        # Told to read rows as they come it gives none.
        lacks=("cursor",),
        argument="MariaDB",
    ),
    Driver(
        "PHP mysqli",
        "php",
        "mysqli",
        (*FULL, "compressed", *DEEDS, "idle", *VERIFIED),
        not_on_mysql=NO_ADDRESS,
        lacks=("reset",),
        argument="mysqli",
    ),
    Driver(
        "PHP PDO",
        "php",
        "pdo_mysql",
        (*BASE, "prepared", "compressed", *DEEDS, *VERIFIED),
        not_on_mysql=NO_ADDRESS,
        lacks=("ping",),
        argument="pdo",
    ),
    Driver(
        "mysql (Rust)",
        "rust",
        "mysql@26.0.1",
        (*FULL, "compressed", *DEEDS, *VERIFIED),
        told_attributes=True,
        lacks=("cursor",),
        argument="mysql",
    ),
    Driver(
        "mysql (Rust) 28",
        "rust",
        "mysql@28.0.4",
        (*FULL, "compressed", "results"),
        told_attributes=True,
        known_as="rust-mysql-simple",
        lacks=("cursor",),
        held_out=True,
        argument="held_mysql",
    ),
    Driver(
        "mysql_async (Rust)",
        "rust",
        "mysql_async@0.36.1",
        (*FULL, "compressed", *DEEDS, *VERIFIED),
        known_as="mysql_async",
        lacks=("cursor",),
        argument="mysql_async",
    ),
    Driver(
        "mysql_async (Rust) 0.37",
        "rust",
        "mysql_async@0.37.1",
        (*FULL, "compressed", "results"),
        known_as="mysql_async",
        lacks=("cursor",),
        held_out=True,
        argument="held_mysql_async",
    ),
    Driver(
        "sqlx (Rust)",
        "rust",
        "sqlx@0.8.6",
        (*BASE, "prepared", *DEEDS, *VERIFIED),
        known_as="sqlx",
        # It loads no local files.
        lacks=("cursor", "load"),
        argument="sqlx",
    ),
    Driver(
        "sqlx (Rust) 0.7",
        "rust",
        "sqlx@0.7.4",
        (*BASE, "prepared", "results"),
        known_as="sqlx",
        lacks=("cursor",),
        held_out=True,
        argument="held_sqlx",
    ),
    # Connector/C speaks for it. Of an error it keeps no number.
    Driver(
        "Diesel (Rust)",
        "rust",
        "diesel@2.3.14",
        (*BASE, "prepared", "results", "values", "TLS, verified", "TLS, not trusted"),
        lacks=("ping", "multi", "cursor", "everything", "fails"),
        argument="diesel",
    ),
    Driver(
        "MariaDB Connector/C",
        "c",
        "libmariadb",
        (*FULL, "compressed", *DEEDS, "idle", *VERIFIED),
        told_attributes=True,
        not_on_mysql=NO_ADDRESS,
    ),
    # What the mysql command line stands on too.
    Driver(
        "libmysqlclient 9.7",
        "libmysqlclient",
        "libmysqlclient-dev",
        (*FULL, "compressed", "zstd", *DEEDS, "idle", *VERIFIED),
        told_attributes=True,
        # The plugin of MariaDB's accounts it no longer has.
        only=("mysql",),
    ),
    Driver(
        "Boost.MySQL",
        "cpp",
        "cmeel-boost==1.90.0",
        (*BASE, "prepared", *DEEDS, *VERIFIED),
        known_as="Boost.MySQL",
        # It loads no local files.
        lacks=("load",),
    ),
    Driver(
        "Boost.MySQL 1.88",
        "cpp",
        "cmeel-boost==1.88.0",
        (*BASE, "prepared", "results"),
        known_as="Boost.MySQL",
        held_out=True,
    ),
    Driver(
        "p1_mysql (Erlang)",
        "erlang",
        "p1_mysql",
        tuple(name for name in (*BASE, "results") if name != "unknown database"),
        known_as="p1_mysql",
        # Nor does it know the numbers of errors.
        lacks=("prepared", "multi", "cursor", "load", "fails", "limited", "ping"),
        late_database=True,
        just_leaves=True,
    ),
    # It fails to read some of the types in binary rows.
    Driver(
        "Ruby mysql2",
        "ruby",
        "mysql2",
        (*BASE, "prepared", "compressed", *DEEDS, "idle", *VERIFIED),
        lacks=("everything",),
    ),
    Driver("mysql 9.7 command line", "cli", "mysql97", (*BASE, "compressed", "zstd", *CLI, *VERIFIED), lacks=IN_SQL),
    Driver(
        "mariadb 11.8 command line",
        "cli",
        "mariadb118",
        (*BASE, "compressed", *CLI, *VERIFIED),
        lacks=IN_SQL,
        not_on_mysql=NO_ADDRESS,
    ),
    Driver(
        "mariadb 10.11 command line",
        "cli",
        "mariadb1011",
        (*BASE, "compressed", *CLI, *VERIFIED),
        lacks=IN_SQL,
        not_on_mysql=NO_ADDRESS,
    ),
)
