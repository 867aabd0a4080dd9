"""What findings say of servers, asked of real ones: the session really is as the finding claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.capture import open_merged
from live_client import Session
from tests.analysis.findings.support import found
from tests.analysis.support import analyse_file
from tests.live_client.on_servers import options, run, server
from tests.reading import connections_of
from tests.servers.accounts import account

pytestmark = pytest.mark.server

MYSQL, NEW, OLD = "mysql97", "mariadb118", "mariadb1011"


@pytest.mark.parametrize(
    ("name", "asked", "used"),
    [
        (MYSQL, 309, "macroman_bin"),
        (NEW, 309, "macroman_bin"),
        (OLD, 309, "macroman_bin"),
        (OLD, 255, "utf8mb4_general_ci"),
        (MYSQL, 255, None),
        (NEW, 255, None),
        (MYSQL, 45, None),
        (OLD, 45, None),
    ],
)
def test_the_sessions_collation(name: str, asked: int, used: str | None, tmp_path: Path) -> None:
    path = tmp_path / "collation.pcapng"
    seen: list[str] = []

    def ask(session: Session) -> None:
        (result,) = session.query("SELECT @@collation_connection")
        seen.append(str(result.rows[0][0]))

    _, failed = run(path, options(server(name), account("app"), collation=asked), ask)
    assert failed is None
    ((connection, _),) = analyse_file(path)
    said = found(connection, "collation-mismatch")
    if used is None:
        assert said == []
        assert connection.login is not None
        assert seen == [connection.login.collation]
    else:
        assert seen == [used]
        assert used in said[0].message


@pytest.mark.parametrize(("size", "cut"), [(600, True), (380, False)])
def test_attributes_over_512_bytes_are_cut(size: int, cut: bool, tmp_path: Path) -> None:
    path = tmp_path / "attributes.pcapng"
    mine = {f"number_{i}": "x" * 41 for i in range(size // 50)}
    kept: list[int] = []

    def ask(session: Session) -> None:
        statement = (
            "SELECT COUNT(*) FROM performance_schema.session_account_connect_attrs "
            "WHERE PROCESSLIST_ID = CONNECTION_ID() AND ATTR_NAME LIKE 'number%'"
        )
        (result,) = session.query(statement)
        kept.append(int(str(result.rows[0][0])))

    _, failed = run(path, options(server(MYSQL), account("app"), attributes=mine), ask)
    assert failed is None
    ((connection, _),) = analyse_file(path)
    assert bool(found(connection, "attributes-too-large")) is cut
    assert (kept[0] < len(mine)) is cut


def test_a_wrong_scramble_never_hits_the_cache(tmp_path: Path) -> None:
    """Over TLS the password itself follows, so nobody notices: the login works, the long way, every time."""
    paths = [tmp_path / f"{number}.pcapng" for number in range(3)]
    for number, path in enumerate(paths):
        fault = None if number == 0 else "wrong-scramble-order"
        _, failed = run(path, options(server(MYSQL), account("app"), tls="TLSv1.3", fault=fault))
        assert failed is None
    merged = open_merged([str(path) for path in paths])
    connections = connections_of(merged, AnalysisOptions(password=account("app").password.encode()))
    assert [connection.outcome for connection in connections] == ["accepted"] * 3
    assert found(connections[0], "cached-login-never-hits") == []
    for connection in connections[1:]:
        said = found(connection, "cached-login-never-hits")[0]
        assert said.confidence == "certain"
        assert "two parts of the nonce the wrong way round" in said.message
