"""Real MySQL and MariaDB servers for the tests: `python -m tests.servers up`."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tests.servers.addresses import QUIET_HOST

REPOSITORY = Path(__file__).resolve().parents[2]
# A socket path must fit into 108 bytes, with "/mariadb1011/server.sock" behind the directory.
LONGEST_DIRECTORY = 80


@dataclass(frozen=True)
class Server:
    """One running server, as `state.json` describes it."""

    name: str
    flavor: str  # mysql | mariadb
    version: str
    host: str
    port: int
    # Listens too, for who wants a capture filter that no other traffic passes (`addresses`).
    quiet_host: str
    has_ipv6: bool
    socket: Path
    pid: int
    # Started with these words, so that a process of another program with the same id is not taken for it.
    config: Path
    # All rights, over TCP; root has an empty password and the socket only.
    admin_user: str
    admin_password: str
    keylog: Path
    error_log: Path
    ca: Path
    client_certificate: Path
    client_key: Path
    # The words that start the command line client of the same release; options go behind.
    client: list[str]

    @property
    def server_certificate(self) -> Path:
        return self.ca.with_name("server-cert.pem")

    def is_alive(self) -> bool:
        """Whether the process that `up` started is still there."""
        try:
            return str(self.config).encode() in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False


def servers_dir() -> Path:
    """Where packages, data and state are kept: HANDSHARK_SERVERS_DIR, or .cache/servers in the repository.

    A checkout that the servers' unprivileged user can not reach, or with a path too long for a socket,
    gets a directory below /var/tmp in its place.
    """
    chosen = os.environ.get("HANDSHARK_SERVERS_DIR")
    if chosen:
        return Path(chosen).resolve()
    usual = REPOSITORY / ".cache" / "servers"
    if len(str(usual)) <= LONGEST_DIRECTORY and (os.geteuid() != 0 or reachable(usual)):
        return usual
    return Path(f"/var/tmp/handshark-servers-{os.geteuid()}")


def reachable(directory: Path) -> bool:
    """Whether every user may enter each existing directory on the way."""
    steps = [path for path in (directory, *directory.parents) if path.exists()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in steps)


def read_state(directory: Path) -> list[Server]:
    """The servers of `directory/state.json` whose process is alive."""
    try:
        text = (directory / "state.json").read_bytes()
        known = msgspec.json.decode(text, type=list[Server], dec_hook=lambda _type, value: Path(value))
    except (FileNotFoundError, msgspec.DecodeError):
        return []
    return [replace(server, quiet_host=QUIET_HOST) for server in known if server.is_alive()]


def running_servers() -> list[Server]:
    """The servers that `python -m tests.servers up` started and that are still running."""
    return read_state(servers_dir())


def require_servers(*names: str) -> list[Server]:
    """The running servers (all, or the named ones); without them skips the test, or fails it under CI=true."""
    # `up` and `down` work where the tests' own packages are not installed.
    import pytest

    running = {server.name: server for server in running_servers()}
    missing = [name for name in names if name not in running]
    if running and not missing:
        return [running[name] for name in names] if names else list(running.values())
    reason = f"not running: {', '.join(missing) or 'any server'}; start with `python -m tests.servers up`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
