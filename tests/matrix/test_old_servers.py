"""Drivers of today against releases of long ago, which agree on less: no attributes, no EOF that is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.corpus import give_up
from tests.drivers import DRIVERS, Driver
from tests.drivers.cases import SETUP
from tests.drivers.compare import analyse, judge_all
from tests.drivers.install import InstallError
from tests.drivers.run import (
    ServerRun,
    Unusable,
    asked_for,
    capturing,
    check_tools,
    in_ci,
    logged,
    run_driver,
    usable_drivers,
)
from tests.servers.accounts import account
from tests.servers.old import LOG, RELEASES, Release, old_sql, running
from tests.servers.own import admin_session, run_as_admin

# Of the cases those that need neither TLS nor what only later servers have.
BASIC: Final = ("accepted", "wrong password", "unknown database")
CASES: Final = (*BASIC, "prepared", "change user", "compressed", "results", "values")
# One of each library's family; all of them with HANDSHARK_DRIVERS=all.
SOME: Final = (
    "PyMySQL",
    "mysql2 (Node)",
    "go-sql-driver/mysql 1.5",
    "MySQL Connector/J 5.1",
    "DBD::mysql",
    "PHP mysqli",
)
# Steps that a release has nothing for: MySQL 5.5 cuts off parts of seconds that it is sent, and logs what is left; 5.6
# logs none of them, and no execution that opens a cursor.
LACKS: Final = {
    "mysql55": ("reset", "typed"),
    "mysql56": ("reset", "typed", "cursor"),
    "mariadb101": ("reset",),
    "mariadb102": (),
    "mariadb114": (),
}
# Cases that a driver of today can not do there, and why.
UNFIT: Final = (
    ("mysql-connector-python, pure", "mysql55", CASES, "it fails to read a plugin's name that has no NUL behind it"),
    ("R2DBC MariaDB 1.3", "mysql55", CASES, "the same"),
    ("R2DBC MariaDB 1.1", "mysql55", CASES, "the same"),
    ("Vert.x MySQL client 5.0", "mysql55", CASES, "the same"),
    ("Vert.x MySQL client 5.0.0", "mysql55", CASES, "the same"),
    ("go-mysql-org/go-mysql", "mysql55", CASES, "the same"),
    ("go-mysql-org/go-mysql 1.9", "mysql55", CASES, "the same"),
    ("sqlx (Rust)", "mysql55", CASES, "the same"),
    ("sqlx (Rust) 0.7", "mysql55", CASES, "the same"),
    ("Boost.MySQL", "mysql55", CASES, "the same"),
    ("Boost.MySQL 1.88", "mysql55", CASES, "the same"),
    ("Boost.MySQL", "mysql56", CASES, "it wants a server that can leave EOF packets out"),
    ("Boost.MySQL 1.88", "mysql56", CASES, "it wants a server that can leave EOF packets out"),
    ("Boost.MySQL 1.88", "mariadb101", CASES, "the same"),
    ("Boost.MySQL", "mariadb101", CASES, "it wants a server that can leave EOF packets out"),
    ("mariadb (Python), pure", "mysql55", ("results",), "it asks for OUT parameters as later servers send them"),
    ("mariadb (Python), pure", "mysql56", ("results",), "the same"),
    ("MariaDB Connector/J 3.5", "mysql56", ("results",), "the same"),
    ("MariaDB Connector/J 3.5", "mysql55", ("results",), "the same"),
    ("MariaDB Connector/J 3.5", "mariadb101", ("results",), "the same"),
    (
        "mysql-connector-python, C extension",
        "mariadb101",
        ("change user",),
        "it fails to answer a switch of the plugin",
    ),
    ("mysql-connector-python, C extension", "mariadb102", ("change user",), "the same"),
    ("mysql-connector-python, C extension", "mysql56", ("change user",), "the same"),
    ("mysql2 (Node)", "mysql56", ("change user",), "the server finds no password in what it sends"),
    ("Vert.x MySQL client 5.0", "mariadb101", ("change user",), "the server refuses what it sends (1043)"),
    ("Vert.x MySQL client 5.0", "mariadb102", ("change user",), "the same"),
    ("Vert.x MySQL client 5.0.0", "mariadb101", ("change user",), "the same"),
    ("Vert.x MySQL client 5.0.0", "mariadb102", ("change user",), "the same"),
    *(
        ("libmysqlclient 9.7", release, CASES, "it has no mysql_native_password any more")
        for release in ("mysql55", "mysql56", "mariadb101", "mariadb102", "mariadb114")
    ),
)


def fitted(driver: Driver, release: Release) -> Driver:
    """The driver with what it can do there."""
    unfit = {name for each, where, cases, _ in UNFIT if (each, where) == (driver.name, release.name) for name in cases}
    cases = tuple(name for name in driver.cases if name in CASES and name not in unfit)
    # None is among those that the servers of today refuse.
    return replace(driver, cases=cases, lacks=(*driver.lacks, *LACKS[release.name]), only=(release.flavor,))


@pytest.mark.server
@pytest.mark.tool
@pytest.mark.parametrize("release", RELEASES, ids=[release.name for release in RELEASES])
def test_an_old_release(release: Release, tmp_path: Path) -> None:
    everything = asked_for("all")
    if in_ci():
        pytest.skip("left out of CI, for its time: set HANDSHARK_DRIVERS=all")
    names = () if everything else SOME
    wanted = [each.name for each in DRIVERS if each.runner != "cli" and (not names or each.name in names)]
    try:
        check_tools()
        usable = usable_drivers({}, wanted)
        with running(release, tmp_path) as server:
            run_as_admin(server, [old_sql(each, release).replace("IF NOT EXISTS ", "") for each in SETUP])
            done = ServerRun(server, tmp_path / "session.pcap", plugin="mysql_native_password")
            with capturing(done.capture, server):
                for driver in usable.drivers:
                    done.told += run_driver(fitted(driver, release), server, {}, account("app"), tmp_path / "rows")
            with admin_session(server) as admin:
                (found,) = admin.query(LOG)
            done.log = logged([[str(cell) for cell in row] for row in found.rows])
    except (InstallError, Unusable) as problem:
        give_up(str(problem))
    verdicts = judge_all(done, analyse(done))
    assert len(verdicts) > len(usable.drivers) * len(BASIC)
    differences = [f"{each.title()}: {line}" for each in verdicts for line in each.differences]
    assert not differences, "\n".join(differences)
