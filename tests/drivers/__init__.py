"""Clients nobody here wrote, against the real servers: what they were told to do has to be what the analyzer says.

`python -m tests.drivers.install` brings the drivers into .cache/drivers, `python -m tests.drivers` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tests.servers import REPOSITORY

HOME: Final = REPOSITORY / ".cache" / "drivers"
PYTHON: Final = HOME / "venv" / "bin" / "python"
NODE_MODULES: Final = HOME / "node_modules"
# A second version of a package that the venv has too.
BESIDE: Final = HOME / "beside"

Runner = Literal["python", "node", "cli"]


@dataclass(frozen=True)
class Driver:
    """One client: how it is started, and which cases it has something for."""

    name: str
    runner: Runner
    # The package it is in, to look up its version; for a command line the server whose release it comes with.
    package: str
    cases: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    # Sends the connection attributes that it is told.
    told_attributes: bool = False
    # The reason, where a case can not be done on MySQL though it can on MariaDB.
    not_on_mysql: tuple[tuple[str, str], ...] = ()


# In this order: "first login" finds MySQL's password cache empty, "TLS" fills it for those behind.
BASE: Final = ("first login", "wrong password, TLS", "TLS", "accepted", "wrong password", "unknown database")
FULL: Final = (*BASE, "prepared", "change user")

# A case that a driver lacks it has nothing for: PyMySQL and asyncmy do not prepare on the server, change user or
# compress; the Python mariadb package does not compress; the command lines prepare in SQL only.
DRIVERS: Final[tuple[Driver, ...]] = (
    Driver("PyMySQL", "python", "PyMySQL", BASE, told_attributes=True),
    Driver("asyncmy", "python", "asyncmy", BASE, told_attributes=True),
    Driver(
        "mysql-connector-python, pure", "python", "mysql-connector-python", (*FULL, "compressed"), told_attributes=True
    ),
    Driver(
        "mysql-connector-python, C extension",
        "python",
        "mysql-connector-python",
        (*FULL, "compressed"),
        (("PYTHONPATH", str(BESIDE)),),
        told_attributes=True,
    ),
    Driver("mariadb (Python), pure", "python", "mariadb", FULL, (("MARIADB_PYTHON_CONNECTOR", "python"),)),
    Driver("mariadb (Python), Connector/C", "python", "mariadb", FULL, (("MARIADB_PYTHON_CONNECTOR", "binary"),)),
    Driver("mysql2 (Node)", "node", "mysql2", (*FULL, "compressed"), told_attributes=True),
    Driver(
        "mariadb (Node)",
        "node",
        "mariadb",
        (*FULL, "compressed"),
        told_attributes=True,
        not_on_mysql=(("change user", "it refuses COM_CHANGE_USER to MySQL by itself, for a bug of old servers"),),
    ),
    Driver("mysql 9.7 command line", "cli", "mysql97", (*BASE, "compressed")),
    Driver("mariadb 11.8 command line", "cli", "mariadb118", (*BASE, "compressed")),
    Driver("mariadb 10.11 command line", "cli", "mariadb1011", (*BASE, "compressed")),
)
