"""The accounts and tables that every test server has, as literal tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "expired", "locked", "require ssl", "require x509", "one connection"]
Rights = Literal["all", "labdb", "replication", "none"]

MYSQL = ("mysql97",)
MARIADB = ("mariadb118", "mariadb1011")
EVERY = MYSQL + MARIADB


@dataclass(frozen=True)
class Account:
    """One user, the same on each server that has it."""

    name: str
    password: str
    # Tried in this order; () leaves the choice to the server.
    plugins: tuple[str, ...]
    state: State
    rights: Rights
    servers: tuple[str, ...]
    # Where the first plugin wants another password: the login goes on to the next plugin.
    first_password: str | None = None


ADMIN = Account("admin", "admin-pw", (), "ok", "all", EVERY)

ACCOUNTS: tuple[Account, ...] = (
    ADMIN,
    Account("app", "app-pw", (), "ok", "labdb", EVERY),
    Account("nopw", "", (), "ok", "labdb", EVERY),
    Account("longpw", "long-pw-" + "0123456789" * 22, (), "ok", "labdb", EVERY),
    Account("nonascii", "pässwörd-ñ-日本-pw", (), "ok", "labdb", EVERY),
    Account("expired", "expired-pw", (), "expired", "labdb", EVERY),
    Account("locked", "locked-pw", (), "locked", "labdb", EVERY),
    Account("reqssl", "reqssl-pw", (), "require ssl", "labdb", EVERY),
    Account("reqx509", "reqx509-pw", (), "require x509", "labdb", EVERY),
    Account("limited", "limited-pw", (), "one connection", "labdb", EVERY),
    Account("norights", "norights-pw", (), "ok", "none", EVERY),
    Account("repl", "repl-pw", (), "ok", "replication", EVERY),
    Account("sha2", "sha2-pw", ("caching_sha2_password",), "ok", "labdb", MYSQL),
    Account("sha256", "sha256-pw", ("sha256_password",), "ok", "labdb", MYSQL),
    Account("native", "native-pw", ("mysql_native_password",), "ok", "labdb", MARIADB),
    Account("oldpw", "oldpw-pw", ("mysql_old_password",), "ok", "labdb", MARIADB),
    Account("ed", "ed-pw", ("ed25519",), "ok", "labdb", MARIADB),
    Account("multi", "multi-pw", ("ed25519", "mysql_native_password"), "ok", "labdb", MARIADB),
    Account("second", "second-pw", ("ed25519", "mysql_native_password"), "ok", "labdb", MARIADB, "first-pw"),
    Account("pamu", "pamu-pw", ("pam",), "ok", "labdb", MARIADB),
    Account("parsec", "parsec-pw", ("parsec",), "ok", "labdb", ("mariadb118",)),
)

# The PAM service that MariaDB's pam accounts name.
PAM_SERVICE = "handshark"

STATE_SQL: dict[State, str] = {
    "ok": "",
    "expired": " PASSWORD EXPIRE",
    "locked": " ACCOUNT LOCK",
    "require ssl": " REQUIRE SSL",
    "require x509": " REQUIRE X509",
    "one connection": " WITH MAX_USER_CONNECTIONS 1",
}

RIGHTS_SQL: dict[Rights, tuple[str, ...]] = {
    "all": ("GRANT ALL ON *.* TO {user} WITH GRANT OPTION;",),
    "labdb": ("GRANT ALL ON labdb.* TO {user};",),
    # A replica asks for more than the stream of events.
    "replication": ("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {user};",),
    "none": (),
}

TABLES = """
CREATE DATABASE labdb CHARACTER SET utf8mb4;
USE labdb;
CREATE TABLE people (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(64) NOT NULL,
  born DATE,
  score DECIMAL(8,2),
  active BOOLEAN NOT NULL DEFAULT TRUE,
  note TEXT
);
INSERT INTO people (name, born, score, active, note) VALUES
  ('Ada', '1815-12-10', 99.50, TRUE, NULL),
  ('Grace', '1906-12-09', 98.25, TRUE, 'wrote a compiler'),
  ('Edsger', '1930-05-11', 97.00, FALSE, ''),
  ('Barbara', '1939-11-07', NULL, TRUE, 'naïve – 日本語');
CREATE TABLE all_types (
  id INT NOT NULL PRIMARY KEY,
  c_tiny TINYINT, c_utiny TINYINT UNSIGNED, c_small SMALLINT, c_medium MEDIUMINT, c_big BIGINT,
  c_ubig BIGINT UNSIGNED, c_float FLOAT, c_double DOUBLE, c_decimal DECIMAL(20,6), c_bit BIT(10),
  c_date DATE, c_time TIME(3), c_datetime DATETIME(6), c_timestamp TIMESTAMP NULL, c_year YEAR,
  c_char CHAR(5), c_varchar VARCHAR(300), c_binary BINARY(4), c_varbinary VARBINARY(20), c_text TEXT, c_blob BLOB,
  c_enum ENUM('red', 'green'), c_set SET('a', 'b', 'c'), c_json JSON, c_point POINT
);
INSERT INTO all_types VALUES
  (1, -128, 255, -32768, 8388607, -9223372036854775808, 18446744073709551615, 1.5, -2.25e100, 12345678901234.567890,
   b'1000000001', '2024-02-29', '-838:59:58.999', '2024-12-31 23:59:59.999999', '2024-06-01 12:00:00', 2024,
   'abc', REPEAT('v', 300), x'00ff00ff', x'010203', 'text', x'00112233', 'green', 'a,c', '{"k": [1, 2]}', POINT(1, 2)),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', '1000-01-01', '00:00:00', '1000-01-01 00:00:00', '1970-01-02 00:00:01', 1901,
   '', '', x'00000000', '', '', '', 'red', '', '[]', POINT(0, 0));
CREATE TABLE nothing (id INT NOT NULL PRIMARY KEY, label VARCHAR(20));
CREATE TABLE loaded (id INT NOT NULL, label VARCHAR(100));
DELIMITER //
CREATE PROCEDURE two_sets() BEGIN
  SELECT id, name FROM people ORDER BY id;
  SELECT COUNT(*) AS people FROM people;
END//
DELIMITER ;
"""


def account(name: str) -> Account:
    """The account of that name."""
    return next(each for each in ACCOUNTS if each.name == name)


def accounts_on(server: str) -> list[Account]:
    """The accounts that `server` has."""
    return [each for each in ACCOUNTS if server in each.servers]


def _identified(each: Account, flavor: str) -> str:
    if not each.plugins:
        return f" IDENTIFIED BY '{each.password}'"
    if flavor == "mysql":
        return f" IDENTIFIED WITH {each.plugins[0]} BY '{each.password}'"
    ways: list[str] = []
    for number, plugin in enumerate(each.plugins):
        password = each.first_password if number == 0 and each.first_password is not None else each.password
        ways.append(f"{plugin} USING " + (f"'{PAM_SERVICE}'" if plugin == "pam" else f"PASSWORD('{password}')"))
    return f" IDENTIFIED VIA {' OR '.join(ways)}"


def setup_sql(server: str, flavor: str) -> str:
    """Everything a fresh server is told, for the command line client."""
    lines = ["SET SESSION sql_log_bin = 0;", "SET NAMES utf8mb4;", TABLES]
    for each in accounts_on(server):
        user = f"'{each.name}'@'%'"
        lines.append(f"CREATE USER {user}{_identified(each, flavor)}{STATE_SQL[each.state]};")
        lines += [grant.format(user=user) for grant in RIGHTS_SQL[each.rights]]
    return "\n".join(lines) + "\n"


def copy_sql(each: Account, name: str, flavor: str) -> list[str]:
    """What makes (anew) an account `name` that is as `each` otherwise, for tests that depend on what was before.

    A new account has no password in MySQL's cache, whoever else uses the server. The binary log gets nothing of it.
    """
    user = f"'{name}'@'%'"
    return [
        "SET SESSION sql_log_bin = 0",
        f"DROP USER IF EXISTS {user}",
        f"CREATE USER {user}{_identified(each, flavor)}{STATE_SQL[each.state]}",
        *(grant.format(user=user).removesuffix(";") for grant in RIGHTS_SQL[each.rights]),
    ]


def drop_sql(name: str) -> list[str]:
    """What takes such an account away."""
    return ["SET SESSION sql_log_bin = 0", f"DROP USER IF EXISTS '{name}'@'%'"]
