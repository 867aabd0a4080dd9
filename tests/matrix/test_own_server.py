"""Against a server that the user already has: HANDSHARK_MYSQL_URL=mysql://user:password@host:port/database.

Changes nothing there: logs in, reads what the account may read, leaves.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.errors import ServerError
from live_client import Options, Session
from tests.matrix.running import analyse
from tests.matrix.serverside import session_view

VARIABLE: Final = "HANDSHARK_MYSQL_URL"


def options_from(url: str) -> Options:
    """The options that a mysql:// URL stands for. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("mysql", "mariadb") or not parts.hostname:
        raise ValueError(f"{VARIABLE} has to be mysql://user:password@host:port/database")
    return Options(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        passwords=(unquote(parts.password or "").encode(),),
        database=unquote(parts.path.strip("/")) or None,
        get_server_public_key=True,
    )


@pytest.mark.server
@pytest.mark.parametrize("tls", ["disabled", "preferred"])
def test_own_server(tls: str, tmp_path: Path) -> None:
    url = os.environ.get(VARIABLE)
    if not url:
        pytest.skip(f"{VARIABLE} names no server")
    chosen = replace(options_from(url), ssl_mode=tls)
    path = tmp_path / "session.pcapng"
    view = None
    with path.open("wb") as file:
        session = Session(chosen, record=file)
        # A server that demands TLS refuses the plain login: then that is what has to be seen.
        with contextlib.suppress(ServerError):
            session.open()
            session.ping()
            view = session_view(session)
        session.quit()
    (connection,) = [msgspec.to_builtins(each) for each in analyse(path)]
    assert compare(connection, msgspec.json.decode(msgspec.json.encode(session.truth()))) == []
    if view is not None:
        assert compare(connection, view) == []


def test_url() -> None:
    options = options_from("mysql://a%40b:p%2Fw@[::1]:3307/shop")
    assert (options.host, options.port, options.user, options.database) == ("::1", 3307, "a@b", "shop")
    assert options.passwords == (b"p/w",)
    assert options_from("mysql://db").port == 3306
    with pytest.raises(ValueError, match="mysql://user"):
        options_from("postgres://db")
