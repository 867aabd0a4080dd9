"""A source and its replica: two servers of one release on further ports, started for a test and ended with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from analyzer.errors import AnalyzerError
from tests.servers import Server, servers_dir
from tests.servers.accounts import account
from tests.servers.engines import engine
from tests.servers.lifecycle import down, up
from tests.servers.own import admin_session
from tests.servers.packages import SetupError
from tests.servers.second import share_packages

SOURCE_OFFSET: Final = 4
REPLICA_OFFSET: Final = 5
SECONDS: Final = 60.0

# MySQL goes to GTIDs step by step, from where it is.
GTID_MODES: Final = ("OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")
PREPARE: Final[dict[str, tuple[str, ...]]] = {
    "mysql": ("SET GLOBAL enforce_gtid_consistency = ON",),
    "mariadb": ("SET GLOBAL binlog_format = ROW",),
}
SEMI_SYNC: Final[dict[str, tuple[str, ...]]] = {
    "mysql source": (
        "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
        "SET GLOBAL rpl_semi_sync_source_enabled = ON",
    ),
    "mysql replica": (
        "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'",
        "SET GLOBAL rpl_semi_sync_replica_enabled = ON",
    ),
    "mariadb source": ("SET GLOBAL rpl_semi_sync_master_enabled = ON",),
    "mariadb replica": ("SET GLOBAL rpl_semi_sync_slave_enabled = ON",),
}
START: Final[dict[str, tuple[str, ...]]] = {
    "mysql": (
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{host}', SOURCE_PORT = {port}, SOURCE_USER = '{user}',"
        " SOURCE_PASSWORD = '{password}', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_SSL = {tls},"
        " SOURCE_HEARTBEAT_PERIOD = 1",
        "START REPLICA",
    ),
    "mariadb": (
        "CHANGE MASTER TO MASTER_HOST = '{host}', MASTER_PORT = {port}, MASTER_USER = '{user}',"
        " MASTER_PASSWORD = '{password}', MASTER_USE_GTID = slave_pos, MASTER_SSL = {tls},"
        " MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_HEARTBEAT_PERIOD = 1",
        "START SLAVE",
    ),
}
GROUP_RIGHTS: Final = "GRANT GROUP_REPLICATION_STREAM, CONNECTION_ADMIN, BACKUP_ADMIN ON *.* TO '{user}'@'%'"
# Of MySQL: members log in to one another on the servers' own ports, which have to be those of an interface.
GROUP: Final = (
    "INSTALL PLUGIN group_replication SONAME 'group_replication.so'",
    "SET GLOBAL group_replication_group_name = '7a6f2d1e-5b0c-4c0d-9e53-0242ac120002'",
    "SET GLOBAL group_replication_communication_stack = 'MYSQL'",
    "SET GLOBAL group_replication_local_address = '{mine}'",
    "SET GLOBAL group_replication_group_seeds = '{seeds}'",
    "SET GLOBAL group_replication_advertise_recovery_endpoints = '{mine}'",
    "SET GLOBAL group_replication_ssl_mode = 'DISABLED'",
    "SET GLOBAL group_replication_recovery_get_public_key = ON",
)
GROUP_START: Final = "START GROUP_REPLICATION USER = '{user}', PASSWORD = '{password}'"
MEMBERS: Final = "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'"
STOP: Final = {"mysql": "STOP REPLICA", "mariadb": "STOP SLAVE"}


@dataclass(frozen=True)
class Pair:
    """Two servers; what the source writes comes to the replica once that is told to."""

    source: Server
    replica: Server

    def follow(self, *, tls: bool) -> None:
        """The replica begins to read. Raises AnalyzerError."""
        who = account("repl")
        given = {"host": self.source.quiet_host, "port": self.source.port, "user": who.name, "password": who.password}
        run(self.replica, [line.format(**given, tls=int(tls)) for line in START[self.source.flavor]])

    def stop(self) -> None:
        """The replica stops reading. Raises AnalyzerError."""
        run(self.replica, [STOP[self.source.flavor]])

    def group(self, written: Sequence[str]) -> None:
        """Both become members of one group: the source, which writes, then the replica, which has to catch up.

        Raises AnalyzerError, SetupError.
        """
        both, who = (self.source, self.replica), account("repl")
        given = {"user": who.name, "password": who.password}
        where = [f"{server.host}:{server.port}" for server in both]
        for server, mine in zip(both, where, strict=True):
            lines = [GROUP_RIGHTS, *GROUP]
            run(server, [line.format(mine=mine, seeds=",".join(where), **given) for line in lines])
        run(self.source, ["SET GLOBAL group_replication_bootstrap_group = ON", GROUP_START.format(**given)])
        run(self.source, ["SET GLOBAL group_replication_bootstrap_group = OFF"])
        write(self.source, written)
        run(self.replica, [GROUP_START.format(**given)])
        arrived(self.replica, MEMBERS, "2")

    def leave_group(self) -> None:
        """They leave it. Raises AnalyzerError."""
        for server in (self.replica, self.source):
            run(server, ["STOP GROUP_REPLICATION"])

    def clone(self, place: Path) -> None:
        """The replica makes a copy of all that its source has, in a directory that is not there yet (MySQL).

        Raises AnalyzerError.
        """
        source, who = self.source, account("admin")
        with suppress(AnalyzerError):  # they may have it
            for server in (source, self.replica):
                run(server, ["INSTALL PLUGIN clone SONAME 'mysql_clone.so'"])
        donor = f"CLONE INSTANCE FROM '{who.name}'@'{source.quiet_host}':{source.port} IDENTIFIED BY '{who.password}'"
        run(
            self.replica,
            [
                f"SET GLOBAL clone_valid_donor_list = '{source.quiet_host}:{source.port}'",
                f"{donor} DATA DIRECTORY = '{place}' REQUIRE NO SSL",
            ],
        )


def run(server: Server, statements: Sequence[str]) -> None:
    """Statements of the administrator, none of which comes to the binary log. Raises AnalyzerError."""
    with admin_session(server) as admin:
        for statement in ("SET SESSION sql_log_bin = 0", *statements):
            admin.query(statement)


def rows(server: Server, statement: str) -> list[tuple[str | None, ...]]:
    """The rows of a statement. Raises AnalyzerError."""
    with admin_session(server) as admin:
        return admin.query(statement)[0].rows


def write(server: Server, statements: Sequence[str]) -> None:
    """Statements that come to the binary log. Raises AnalyzerError."""
    with admin_session(server) as admin:
        for statement in statements:
            admin.query(statement)


def arrived(server: Server, statement: str, expected: str) -> None:
    """Waits until a statement gives one value. Raises SetupError where it never does."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        # The table may not be there yet.
        with suppress(AnalyzerError):
            if rows(server, statement) == [(expected,)]:
                return
        time.sleep(0.05)
    raise SetupError(f"{server.name}: {statement} never gives {expected}")


@contextmanager
def pair(name: str, *, semi_sync: bool) -> Iterator[Pair]:
    """A source and a replica that does not follow yet, new; both end with the body. Raises SetupError."""
    places = [servers_dir() / part for part in ("source", "replica")]
    for place in places:
        share_packages(place)
        down(place)
        # What an earlier test has left there would be replicated.
        (place / name / "ready").unlink(missing_ok=True)
    try:
        servers: list[Server] = []
        for place, offset in zip(places, (SOURCE_OFFSET, REPLICA_OFFSET), strict=True):
            running, problems = up(place, [replace(engine(name), port_offset=offset)])
            if problems:
                raise SetupError("; ".join(problems))
            servers += running
        source, replica = servers
        for server, role in ((source, "source"), (replica, "replica")):
            run(server, [f"SET GLOBAL server_id = {server.port}", *PREPARE[server.flavor]])
            if server.flavor == "mysql":
                at = GTID_MODES.index(str(rows(server, "SELECT @@GLOBAL.gtid_mode")[0][0]))
                run(server, [f"SET GLOBAL gtid_mode = {mode}" for mode in GTID_MODES[at + 1 :]])
            if semi_sync:
                run(server, SEMI_SYNC[f"{server.flavor} {role}"])
        yield Pair(source, replica)
    finally:
        for place in places:
            down(place)
