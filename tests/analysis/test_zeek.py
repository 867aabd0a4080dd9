"""The traces of the Zeek project: what Zeek's own log expects of them is what the analysis says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from analyzer.analysis import Connection
from tests.corpus import ZEEK, needs_corpus
from tests.reading import connections_of

pytestmark = needs_corpus
LOGS = sorted(ZEEK.glob("*.mysql.log")) if ZEEK.is_dir() else []
# Zeek's words -> ours, where they differ.
COMMANDS = {"statistics": "statistics", "unknown-27": "set_option"}


class Entry(NamedTuple):
    port: int
    command: str
    argument: str
    success: str
    response: str


def entries(log: Path) -> list[Entry]:
    """The rows of a Zeek log: tab-separated, `-` for unset."""
    rows = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [Entry(int(row[3]), row[6], row[7], row[8], row[10]) for row in rows]


def connections(log: Path) -> list[Connection]:
    capture = log.with_name(log.name.removesuffix(".mysql.log") + ".pcap")
    return connections_of(capture)


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.name)
def test_zeek_and_we_agree(log: Path) -> None:
    ours = {connection.client.port: connection for connection in connections(log)}
    for port in {entry.port for entry in entries(log)}:
        mine = [entry for entry in entries(log) if entry.port == port]
        connection = ours[port]
        login = next(entry for entry in mine if entry.command == "login")
        assert connection.login is not None
        assert connection.login.user == login.argument
        assert (connection.outcome == "accepted") is (login.success == "T")
        if login.success == "F":
            assert connection.error is not None
            assert connection.error.message == login.response
        counts = Counter(entry.command for entry in mine if entry.command != "login")
        for command, count in counts.items():
            assert connection.commands.get(COMMANDS.get(command, command)) == count, command
        assert sum(connection.commands.values()) == sum(counts.values())
    if log.name != "auth.mysql.log":
        # Zeek's log leaves out three connections refused with 1130; nothing else is left out of the others.
        silent = [c for port, c in ours.items() if port not in {entry.port for entry in entries(log)}]
        assert all(connection.outcome == "encrypted" for connection in silent)
