"""The tables are in order and hold what the manuals and, where they run, the servers say."""

from __future__ import annotations

import ast
import codecs
import inspect
import re
import subprocess
from itertools import pairwise
from types import ModuleType

import pytest

from analyzer.protocol.tables import collations, column_types, error_codes
from analyzer.protocol.tables.collations import CODECS, COLLATIONS, MARIADB_COLLATIONS, collation
from analyzer.protocol.tables.error_codes import ERROR_NAMES, MARIADB_ERROR_NAMES, MYSQL_ERROR_NAMES, error_name
from tests.servers import Server, require_servers


@pytest.mark.parametrize(("module", "tables"), [(collations, 3), (error_codes, 3), (column_types, 1)])
def test_rows_are_sorted_and_unique(module: ModuleType, tables: int) -> None:
    """Read from the source: a dict has forgotten which key was there twice."""
    found = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Dict)]
    assert len(found) == tables
    for table in found:
        keys = [key.value for key in table.keys if isinstance(key, ast.Constant)]
        assert len(keys) == len(table.keys)
        assert all(a < b for a, b in pairwise(keys))  # type: ignore[operator]


def test_collations() -> None:
    assert collation(8, False) == collation(8, True) == ("latin1_swedish_ci", "latin1")
    assert collation(33, False) == ("utf8mb3_general_ci", "utf8mb3")
    assert collation(63, True) == ("binary", "binary")
    assert collation(255, False) == ("utf8mb4_0900_ai_ci", "utf8mb4")
    # The same number, another collation.
    assert collation(245, False) == ("utf8mb4_croatian_ci", "utf8mb4")
    assert collation(245, True) == ("utf8mb4_croatian_mysql561_ci", "utf8mb4")
    # MariaDB's numbers need two bytes.
    assert collation(2304, True) == ("utf8mb4_uca1400_ai_ci", "utf8mb4")
    assert collation(2304, False) is None
    assert collation(0, True) is None
    assert not [number for number, row in MARIADB_COLLATIONS.items() if COLLATIONS.get(number) == row]


def test_codecs() -> None:
    used = {character_set for _, character_set in [*COLLATIONS.values(), *MARIADB_COLLATIONS.values()]}
    # The name that servers before MySQL 8.0.30 and MariaDB 10.6 gave to utf8mb3.
    assert set(CODECS) == used | {"utf8"}
    for codec in CODECS.values():
        assert codec is None or codecs.lookup(codec)
    assert b"\x80 \xa4".decode(CODECS["latin1"] or "") == "\u20ac \xa4"
    assert b"\xbd\xd0".decode(CODECS["cp1251"] or "") == "\u0405\u0420"
    assert CODECS["binary"] is None


def test_error_names() -> None:
    for mariadb in (False, True):
        assert error_name(1040, mariadb) == "ER_CON_COUNT_ERROR"
        assert error_name(1045, mariadb) == "ER_ACCESS_DENIED_ERROR"
        assert error_name(1129, mariadb) == "ER_HOST_IS_BLOCKED"
        assert error_name(1251, mariadb) == "ER_NOT_SUPPORTED_AUTH_MODE"
        assert error_name(1275, mariadb) == "ER_SERVER_IS_IN_SECURE_AUTH_MODE"
        assert error_name(3159, mariadb) == "ER_SECURE_TRANSPORT_REQUIRED"
        assert error_name(65535, mariadb) is None
    assert error_name(4031, False) == "ER_CLIENT_INTERACTION_TIMEOUT"
    assert error_name(4031, True) == "ER_REFERENCED_TRG_DOES_NOT_EXIST"
    assert error_name(4151, True) == error_name(3118, False) == "ER_ACCOUNT_HAS_BEEN_LOCKED"
    assert error_name(1927, True) == "ER_CONNECTION_KILLED"
    assert error_name(1927, False) is None


def test_error_tables_do_not_overlap() -> None:
    assert not set(ERROR_NAMES) & (set(MYSQL_ERROR_NAMES) | set(MARIADB_ERROR_NAMES))
    for code in set(MYSQL_ERROR_NAMES) & set(MARIADB_ERROR_NAMES):
        assert MYSQL_ERROR_NAMES[code] != MARIADB_ERROR_NAMES[code]
    for name in [*ERROR_NAMES.values(), *MYSQL_ERROR_NAMES.values(), *MARIADB_ERROR_NAMES.values()]:
        assert re.fullmatch(r"(ER|WARN)_[A-Z0-9_]+", name)


def rows(server: Server, sql: str) -> list[tuple[str, ...]]:
    words = [*server.client, f"--host={server.host}", f"--port={server.port}", f"--user={server.admin_user}"]
    words += [f"--password={server.admin_password}", "--batch", "--skip-column-names", f"--execute={sql}"]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


@pytest.mark.server
def test_collations_of_mysql() -> None:
    (server,) = require_servers("mysql97")
    found = rows(server, "SELECT id, collation_name, character_set_name FROM information_schema.collations")
    assert {int(number): (name, character_set) for number, name, character_set in found} == COLLATIONS


@pytest.mark.server
@pytest.mark.parametrize("name", ["mariadb1011", "mariadb118"])
def test_collations_of_mariadb(name: str) -> None:
    (server,) = require_servers(name)
    found = rows(
        server,
        "SELECT id, full_collation_name, character_set_name "
        "FROM information_schema.collation_character_set_applicability",
    )
    assert len(found) > 1000
    for number, full_name, character_set in found:
        assert collation(int(number), True) == (full_name, character_set)


@pytest.mark.server
def test_error_names_of_mysql() -> None:
    (server,) = require_servers("mysql97")
    found = rows(
        server,
        "SELECT error_number, error_name FROM performance_schema.events_errors_summary_global_by_error "
        "WHERE error_number < 10000",
    )
    assert len(found) > 1500
    for number, name in found:
        if re.match("(ER|WARN)_", name) and not re.match("ER_DEV_|.*UNUSED", name):
            assert error_name(int(number), False) == name


@pytest.mark.server
@pytest.mark.parametrize("name", ["mariadb1011", "mariadb118"])
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM labdb.nothing_here", "ER_NO_SUCH_TABLE"),
        ("SELEC 1", "ER_PARSE_ERROR"),
        ("SET STATEMENT max_statement_time=0.1 FOR SELECT SLEEP(2)", "ER_STATEMENT_TIMEOUT"),
        ("SELECT NEXTVAL(labdb.no_sequence)", "ER_UNKNOWN_SEQUENCES"),
        ("SELECT * FROM (VALUES (1,2),(3)) t", "ER_WRONG_NUMBER_OF_VALUES_IN_TVC"),
        ("SELECT ROW_NUMBER() OVER nowhere", "ER_WRONG_WINDOW_SPEC_NAME"),
        ("SET ROLE nobody_has_it", "ER_INVALID_ROLE"),
    ],
)
def test_error_names_of_mariadb(name: str, sql: str, code: str) -> None:
    (server,) = require_servers(name)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rows(server, sql)
    match = re.search(r"ERROR (\d+) ", caught.value.stderr)
    assert match is not None
    assert error_name(int(match[1]), True) == code
