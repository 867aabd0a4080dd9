"""Sessions of the raw client with the real servers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from analyzer.errors import AnalyzerError
from live_client import Options, Session
from tests.servers import Server, require_servers
from tests.servers.accounts import Account


@cache
def server(name: str) -> Server:
    return require_servers(name)[0]


def options(where: Server, who: Account, **choices: Any) -> Options:
    tls = choices.pop("tls", "none")
    defaults: dict[str, Any] = {
        "host": where.host,
        "port": where.port,
        "user": who.name,
        "passwords": (who.password.encode(),),
        "database": "labdb" if who.rights in ("all", "labdb") else None,
        "ssl_mode": "disabled" if tls == "none" else "required",
        "tls_versions": () if tls == "none" else (tls,),
        "get_server_public_key": True,
        "cleartext": True,
        "old_password": True,
    }
    return Options(**{**defaults, **choices})


def run(
    path: Path, chosen: Options, work: Callable[[Session], object] = Session.ping
) -> tuple[Session, AnalyzerError | None]:
    """Opens, works, ends; records to `path`."""
    failed: AnalyzerError | None = None
    with path.open("wb") as file:
        session = Session(chosen, record=file)
        try:
            session.open()
            work(session)
            session.quit()
        except AnalyzerError as error:
            failed = error
            session.quit()
    return session, failed
