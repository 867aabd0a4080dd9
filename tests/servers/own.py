"""Accounts of a test's own: others who use the server at the same time neither know them nor change what they find."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from live_client import Options, Session
from tests.servers import Server, servers_dir
from tests.servers.accounts import Account, account, copy_sql, drop_sql


@contextmanager
def admin_session(server: Server) -> Iterator[Session]:
    """A connection of the administrator. Raises AnalyzerError."""
    who = account("admin")
    # Old releases have no TLS that anybody still speaks.
    mode = "required" if server.ca.name == "ca.pem" else "disabled"
    options = Options(
        host=server.host, port=server.port, user=who.name, passwords=(who.password.encode(),), ssl_mode=mode
    )
    with Session(options).open() as admin:
        yield admin


def run_as_admin(server: Server, statements: Iterable[str]) -> None:
    """Runs statements over a connection of the administrator. Raises AnalyzerError."""
    with admin_session(server) as admin:
        for each in statements:
            admin.query(each)


@contextmanager
def proxy_headers_from(server: Server, networks: str) -> Iterator[None]:
    """MariaDB takes PROXY headers from these networks while the body runs; one test at a time has its own."""
    setting = "SET GLOBAL proxy_protocol_networks = '{}'"
    with (servers_dir() / "proxy.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        run_as_admin(server, [setting.format(networks)])
        try:
            yield
        finally:
            run_as_admin(server, [setting.format("")])


@contextmanager
def own_account(server: Server, each: Account) -> Iterator[Account]:
    """An account with everything of `each` but its name, new on this server; it goes when the body is through."""
    mine = replace(each, name=f"{each.name}_{secrets.token_hex(4)}")
    run_as_admin(server, copy_sql(each, mine.name, server.flavor))
    try:
        yield mine
    finally:
        run_as_admin(server, drop_sql(mine.name))
