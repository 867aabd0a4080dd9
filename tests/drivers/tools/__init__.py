"""Programs that people run against servers, each as it is started on a command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers import Server
from tests.servers.accounts import Account

HERE: Final = Path(__file__).parent
# What a client in a language of its own asks; rows of each.
ASKED: Final = (("SELECT id, name, score, note FROM people ORDER BY id", 4), ("SELECT 1", 1))


@dataclass(frozen=True)
class Tool:
    """A program.

    program   what has to be there, and `package` what brings it; one below a server's own packages where that is named
    words     its arguments; {host}, {port}, {user}, {password}, {place}, {home} and {here} are filled in
    given     on its standard input
    servers   those it can log in to
    required  whether tests/install_tools.sh installs it
    ends      it runs until it is told to end: this is asked of it before, an address under its own
    """

    name: str
    program: str
    package: str
    words: tuple[str, ...]
    given: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    servers: tuple[str, ...] = ("mysql97", "mariadb118")
    required: bool = True
    page: str = ""
    exit_codes: tuple[int, ...] = (0,)


MYSQL: Final = ("mysql97",)
MARIADB: Final = ("mariadb118",)
# Of MySQL's own programs.
TO_MYSQL: Final = ("--host={host}", "--port={port}", "--user={user}", "--password={password}", "--protocol=tcp")
STATEMENTS: Final = "".join(f"{sql}\n" for sql, _ in ASKED)
SYSBENCH: Final = (
    "oltp_read_write", "--db-driver=mysql", "--mysql-host={host}", "--mysql-port={port}", "--mysql-user={user}",
    "--mysql-password={password}", "--mysql-db=labdb", "--tables=1", "--table-size=20", "--threads=2", "--events=4",
)  # fmt: skip
PERCONA: Final = "h={host},P={port},u={user},p={password},D=labdb"

TOOLS: Final = (
    Tool("mysqldump", "usr/bin/mysqldump", "mysql97", (*TO_MYSQL, "--single-transaction", "--routines", "labdb"),
         servers=MYSQL),
    Tool("mysqladmin", "usr/bin/mysqladmin", "mysql97", (*TO_MYSQL, "ping", "status", "extended-status"),
         servers=MYSQL),
    Tool("mysqlshow", "usr/bin/mysqlshow", "mysql97", (*TO_MYSQL, "labdb", "people"), servers=MYSQL),
    Tool("mysqlcheck", "usr/bin/mysqlcheck", "mysql97", (*TO_MYSQL, "labdb", "people"), servers=MYSQL),
    Tool("mysqlslap", "usr/bin/mysqlslap", "mysql97",
         (*TO_MYSQL, "--no-drop", "--create-schema=labdb", "--query=SELECT COUNT(*) FROM people", "--concurrency=2",
          "--iterations=2"), servers=MYSQL),
    Tool("mariadb-check", "usr/bin/mariadb-check", "mariadb118", (*TO_MYSQL, "--skip-ssl", "labdb", "people"),
         servers=MARIADB),
    Tool("isql (ODBC)", "isql", "unixodbc, odbc-mariadb",
         ("-b", "-v", "-k", "DRIVER=MariaDB Unicode;SERVER={host};PORT={port};UID={user};PWD={password};"
          "DATABASE=labdb;OPTION=67108864"), given=STATEMENTS),
    Tool("Lua, LuaSQL", "lua5.4", "lua5.4, lua-sql-mysql",
         ("{here}/asks.lua", "{host}", "{port}", "{user}", "{password}", *(sql for sql, _ in ASKED))),
    Tool("Tcl, mysqltcl", "tclsh", "tcl, mysqltcl",
         ("{here}/asks.tcl", "{host}", "{port}", "{user}", "{password}", *(sql for sql, _ in ASKED))),
    Tool("mydumper", "mydumper", "mydumper",
         ("--host={host}", "--port={port}", "--user={user}", "--password={password}", "--database=labdb",
          "--outputdir={place}", "--threads=2", "--no-locks"), servers=MARIADB),
    Tool("sysbench, prepare", "sysbench", "sysbench", (*SYSBENCH, "prepare")),
    Tool("sysbench, run", "sysbench", "sysbench", (*SYSBENCH, "run")),
    Tool("sysbench, cleanup", "sysbench", "sysbench", (*SYSBENCH, "cleanup")),
    Tool("mycli", "mycli", "mycli",
         ("--host={host}", "--port={port}", "--user={user}", "--password={password}", "--myclirc={place}.myclirc",
          f"--execute={ASKED[0][0]}", "labdb"), environment=(("HOME", "{home}"),), required=False),
    Tool("mysqld_exporter", "prometheus-mysqld-exporter", "prometheus-mysqld-exporter",
         ("--web.listen-address=127.0.0.1:{free}",),
         environment=(("DATA_SOURCE_NAME", "{user}:{password}@({host}:{port})/"),), required=False,
         page="http://127.0.0.1:{free}/metrics"),
    Tool("pt-heartbeat", "pt-heartbeat", "percona-toolkit",
         ("--update", "--create-table", "--table=heartbeat", "--run-time=2", "--interval=0.5",
          "--database=labdb", PERCONA),
         required=False, servers=MARIADB),
    Tool("pt-duplicate-key-checker", "pt-duplicate-key-checker", "percona-toolkit",
         ("--databases=labdb", "h={host},P={port},u={user},p={password}"), required=False, servers=MARIADB),
)  # fmt: skip


def filled(text: str, server: Server, who: Account, place: Path, free: int) -> str:
    """A word with its places filled in."""
    known = {"host": server.quiet_host, "port": server.port, "user": who.name, "password": who.password}
    return text.format(**known, place=place, home=place.parent, here=HERE, free=free)
