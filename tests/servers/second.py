"""Servers beside the usual ones: the same releases, on further ports, with something set otherwise.

Those with ECDSA certificates are started by the first test that needs them and stay up, as the usual ones do, until
`python -m tests.servers down`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.servers import Server, require_servers, servers_dir
from tests.servers.certificates import ECDSA
from tests.servers.engines import ENGINES, Engine, engine
from tests.servers.lifecycle import up

# Of the ports; 1 is that of the server that looks up names (make_samples).
ECDSA_OFFSET = 2


def ecdsa_dir(base: Path) -> Path:
    """Where the state and the data of the servers with ECDSA certificates are."""
    return base / "ecdsa"


def share_packages(place: Path) -> Path:
    """A directory for further servers that takes the packages of the usual ones."""
    place.mkdir(exist_ok=True)
    # It may be there already, also since a moment ago.
    with suppress(FileExistsError):
        (place / "packages").symlink_to(servers_dir() / "packages")
    return place


def ecdsa_engines(names: Iterable[str]) -> list[Engine]:
    return [replace(engine(name), port_offset=ECDSA_OFFSET, certificate=ECDSA) for name in names]


def ecdsa_servers(names: Iterable[str]) -> tuple[list[Server], list[str]]:
    """The servers with ECDSA certificates, started where they do not run yet; and what went wrong."""
    place = share_packages(ecdsa_dir(servers_dir()))
    wanted = ecdsa_engines(names)
    running, problems = up(place, wanted)
    return [server for server in running if server.name in {each.name for each in wanted}], problems


def require_ecdsa_servers(*names: str) -> list[Server]:
    """As `require_servers`, which decides whether there are to be any; starts them."""
    import pytest

    wanted = [server.name for server in require_servers(*(names or [each.name for each in ENGINES]))]
    running, problems = ecdsa_servers(wanted)
    if problems:
        if os.environ.get("CI") == "true":
            pytest.fail("; ".join(problems))
        pytest.skip("; ".join(problems))
    return sorted(running, key=lambda server: wanted.index(server.name))
