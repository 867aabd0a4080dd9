"""Programs that read the binary log as replicas do: what each got is what is decoded."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.conversation.observer import BaseObserver, Observer
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.binlog.rows import Rows
from analyzer.protocol.wire.framing import RawPacket
from tests.corpus import give_up
from tests.drivers.install import InstallError
from tests.drivers.readers import READERS, Reader, install, words_of
from tests.drivers.run import in_ci
from tests.reading import connections_of
from tests.servers import Server, require_servers
from tests.servers.accounts import account
from tests.servers.capturing import tcpdump
from tests.servers.own import admin_session

pytestmark = [pytest.mark.server, pytest.mark.tool]
SECONDS: Final = 60
TABLE: Final = "labdb.heard"
ROWS: Final = ([1, "Ada", 1 << 40], [2, "Grace", 5], [3, None, 0])
WRITTEN: Final = (
    f"DROP TABLE IF EXISTS {TABLE}",
    f"CREATE TABLE {TABLE} (id INT PRIMARY KEY, name VARCHAR(40), big BIGINT)",
    f"INSERT INTO {TABLE} VALUES (1, 'Ada', 1 << 40), (2, 'Grace', 5), (3, NULL, 0)",
    f"UPDATE {TABLE} SET name = 'Edsger' WHERE id = 1",
    f"DELETE FROM {TABLE} WHERE id = 2",
)
# Events that are made for the stream and stand in no file.
ARTIFICIAL: Final = 0x20
HEARTBEATS: Final = frozenset({27, 41})
DUMPS: Final = frozenset({"binlog_dump", "binlog_dump_gtid"})
POSITION: Final = re.compile(r"end_log_pos (\d+)")


class NoCapture(RuntimeError):
    """tcpdump may not capture here."""


class Lossy(RuntimeError):
    """tcpdump lost frames."""


@dataclass
class Heard(BaseObserver):
    """Ends of the events of a capture, and rows that were written."""

    # Events are rows of an answer that nobody else looks at.
    full = False
    ends: list[int] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if not isinstance(record, BinlogEvent):
            return
        header, body = record.event.header, record.event.body
        if not header.flags & ARTIFICIAL and header.log_pos and header.event_type not in HEARTBEATS:
            self.ends.append(header.log_pos)
        if isinstance(body, Rows) and body.table == TABLE and not body.present_after:
            # What is text the map does not say everywhere.
            rows = [[each.decode() if isinstance(each, bytes) else each for each in row.plain] for row in body.images]
            self.rows += rows


def place(server: Server) -> tuple[str, int]:
    """The file that the server writes, and how far it is."""
    asked = "SHOW BINARY LOG STATUS" if server.flavor == "mysql" else "SHOW MASTER STATUS"
    with admin_session(server) as admin:
        ((file, position, *_),) = admin.query(asked)[0].rows
    return str(file), int(str(position))


def read(reader: Reader, server: Server, capture: Path) -> tuple[str, int]:
    """Writes, and lets the reader read it from there to where it ends; what it said, and that end."""
    file, start = place(server)
    with admin_session(server) as admin:
        for statement in ("SET SESSION binlog_format = ROW", *WRITTEN):
            admin.query(statement)
    _, end = place(server)
    who = account("admin")
    given = (server.quiet_host, server.port, who.name, who.password, 4711, server.flavor, file, start, end)
    with tcpdump(capture, server.quiet_host, server.port, cannot=NoCapture, lossy=Lossy):
        words, environment = words_of(reader, [str(each) for each in given])
        done = subprocess.run(
            words, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    assert done.returncode == 0, done.stderr[-600:]
    return done.stdout, end


@pytest.mark.parametrize("reader", READERS, ids=[reader.name for reader in READERS])
def test_a_reader(reader: Reader, tmp_path: Path) -> None:
    if not reader.in_ci and in_ci():
        pytest.skip("left out of CI, for its time: set HANDSHARK_DRIVERS=all")
    try:
        install(reader)
    except InstallError as problem:
        give_up(str(problem))
    for server in require_servers(*reader.servers):
        capture = tmp_path / f"{server.name}.pcap"
        try:
            said, end = read(reader, server, capture)
        except NoCapture as problem:
            give_up(str(problem))
        heard = Heard()

        def look(tcp: TcpConnection, heard: Heard = heard) -> Observer:
            return heard

        found = connections_of(capture, AnalysisOptions(observe=(look,), keylogs=(server.keylog.read_bytes(),)))
        (connection,) = [each for each in found if DUMPS & set(each.commands)]
        right = {"command-cut-off"} if reader.kills else set()
        assert {finding.code for finding in connection.findings if finding.severity != "info"} <= right
        if reader.text:
            ends = [int(number) for number in POSITION.findall(said)]
        else:
            events = [json.loads(line) for line in said.splitlines()]
            ends = [event[0] for event in events]
            assert [row for _, rows in events for row in rows or () if row[0] in (1, 2, 3)][:3] == list(ROWS)
        # It may leave out kinds that it does not know; what is decoded is all there was.
        assert ends
        assert {each for each in ends if each} <= set(heard.ends)
        assert max(heard.ends) >= end
        assert heard.rows[:3] == list(ROWS)
