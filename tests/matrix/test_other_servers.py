"""Servers that are neither MySQL nor MariaDB, with a driver nobody here wrote: what it saw is what is said here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus import give_up
from tests.drivers import PYTHON
from tests.drivers.install import InstallError, install
from tests.drivers.run import asked_for, in_ci
from tests.reading import connections_of
from tests.servers.capturing import tcpdump
from tests.servers.others import HERE, OTHERS, Other, prepare, running

STATEMENTS = ("SELECT 1", "SHOW TABLES", "SELECT * FROM t", "SELEC 1")


class Lossy(RuntimeError):
    """tcpdump lost frames."""


class NoCapture(RuntimeError):
    """tcpdump may not capture here."""


@pytest.mark.tool
@pytest.mark.parametrize("other", OTHERS, ids=[other.name for other in OTHERS])
def test_another_server(other: Other, tmp_path: Path) -> None:
    if other.large and not asked_for(other.name):
        pytest.skip(f"its build takes all that the others take together: set HANDSHARK_DRIVERS={other.name}")
    if not other.in_ci and in_ci() and not asked_for(other.name):
        pytest.skip("its build takes minutes: set HANDSHARK_DRIVERS=all")
    try:
        install("python")
        prepare(other)
    except InstallError as problem:
        give_up(str(problem))
    capture = tmp_path / "session.pcap"
    with running(other, tmp_path) as port:
        try:
            with tcpdump(capture, None, port, cannot=NoCapture, lossy=Lossy):
                words = [str(PYTHON), str(HERE / "client.py"), str(port), other.user, other.database or "", *STATEMENTS]
                done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
        except NoCapture as problem:
            give_up(str(problem))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    (connection,) = [one for one in connections_of(capture) if one.login is not None]
    assert connection.outcome == "accepted"
    assert connection.greeting is not None
    assert connection.greeting.server_version == told["version"]
    assert told["version"].startswith(other.version)
    assert connection.greeting.connection_id == told["connection_id"]
    assert connection.login is not None
    assert (connection.login.user, connection.login.database) == (other.user, other.database)
    assert [finding.code for finding in connection.findings if finding.severity != "info"] == []

    listed = [sys.executable, "-m", "analyzer", "commands", "--format", "jsonl", str(capture)]
    lines = subprocess.run(listed, capture_output=True, check=True).stdout.splitlines()
    seen = {one["statement"]: one for one in map(json.loads, lines)}
    for asked in told["statements"]:
        command = seen[asked["statement"]]
        error = command["error"]
        assert (error and [error["code"], error["message"]]) == asked["error"]
        if asked["error"] is None:
            assert command["rows"] == asked["rows"]
        assert command["complete"] is True
