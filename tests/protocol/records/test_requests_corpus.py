"""What real clients sent, beside what they were told to send: parameters, query attributes, files, dumps, long packets.

Where the captures are: HANDSHARK_CORPUS, or shared/corpus beside the repository.
"""

from __future__ import annotations

import datetime
import re
from functools import cache
from typing import Any, NamedTuple

import pytest

from analyzer.analysis.conversation import conversation as conversing
from analyzer.analysis.options import AnalysisOptions
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import SERVER, AnyRecord, Machine
from analyzer.protocol.prepared import LAST_PREPARED
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.commands.replication import ComBinlogDump
from analyzer.protocol.records.commands.statement import (
    ComStmtBulkExecute,
    ComStmtExecute,
    ComStmtFetch,
    ComStmtSendLongData,
)
from analyzer.protocol.records.commands.table import COMMAND_RECORDS, CutCommand
from analyzer.protocol.records.commands.text import ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import TracingReader
from tests.corpus import LAB, cases, needs_corpus, truth
from tests.protocol.machine.playbook import name_of
from tests.reading import results_of

pytestmark = needs_corpus


class Said(NamedTuple):
    """A client's packet of the command phase, and the statement it makes or uses."""

    record: AnyRecord
    packet: RawPacket
    query: str | None
    context: Context
    in_force: int


@cache
def said(case: str) -> list[Said]:
    """All that the clients of a capture said in the command phase, opened with its keys where it has some."""
    found: list[Said] = []

    class Noting(Machine):
        def feed(self, sender: int, packet: RawPacket) -> AnyRecord:
            record = super().feed(sender, packet)
            if sender == SERVER:
                return record
            if type(record) in COMMANDS or isinstance(record, Malformed | CutCommand):
                made = self.queue[-1] if self.queue else self.command
                statement = made.statement if made is not None else None
                bound = self.context.bound
                found.append(Said(record, packet, statement.query if statement else None, Context(bound=bound), 0))
                found[-1] = found[-1]._replace(in_force=self.context.in_force)
            elif isinstance(record, Data):
                found.append(Said(record, packet, None, Context(), self.context.in_force))
            return record

    path = next(path for path in sorted(LAB.glob(f"{case}.pcap*")) if not path.name.endswith(".json"))
    keys = LAB / f"{case}.keys"
    ports = frozenset({truth(case)["server"]["port"], 3306})
    options = AnalysisOptions(ports=ports, packets=1 << 20, keylogs=(keys.read_bytes(),) if keys.exists() else ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversing, "Machine", Noting)
        results_of(path, options, keys=False)
    return found


COMMANDS = {*COMMAND_RECORDS.values(), ComOther}
# Clients that go wrong on purpose: (capture, record) -> why.
WRONG = {
    ("m10_pymysql_commands", "ComOther"): "sends a byte that is no command",
    ("m97_pymysql_err1129_hostblocked", "Malformed:HandshakeResponse41"): "a socket that sends 'abcde'",
}


@pytest.mark.parametrize("case", cases())
def test_every_command_is_read_and_written_back(case: str) -> None:
    """Nothing is left undecoded or malformed; encoded back, each is what it was, and every byte has its field."""
    for record, packet, _, context, in_force in said(case):
        if isinstance(record, Data):
            continue
        if (case, name_of(record)) in WRONG:
            continue
        assert not isinstance(record, Malformed | ComOther), record.summary()
        assert not getattr(record, "undecoded", b"")
        assert not getattr(record, "ignored", b"")
        context.in_force = in_force
        assert record.to_bytes(context) == packet.payload
        tracing = TracingReader(packet.payload)
        type(record).decode(tracing, context)
        assert b"".join(packet.payload[span.start : span.end] for span in tracing.spans) == packet.payload


def _normal(value: Any) -> Any:
    """A truth's argument as the wire has it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith("hex:"):
        return bytes.fromhex(value[4:])
    if isinstance(value, str) and (span := re.fullmatch(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d(?:\.\d+)?)", value)):
        days, hours, minutes, seconds = span.groups()
        return f"{int(days or 0) * 24 + int(hours):02d}:{minutes}:{seconds}"
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", value):
        when = datetime.datetime.fromisoformat(value.removesuffix("Z"))
        return when.isoformat(sep=" ", timespec="microseconds")
    return value


def _same(value: Any, wanted: Any) -> bool:
    wanted = _normal(wanted)
    if isinstance(wanted, str) and (cut := re.search(r"\.\.\.\[(\d+) chars in all\]\Z", wanted)):
        return len(value) == int(cut[1]) and value.startswith(wanted[: cut.start()])
    if isinstance(wanted, str) and isinstance(value, bytes):
        value = value.decode()
    if isinstance(wanted, str) and isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", value):
        value += ".000000"
    return bool(value == wanted)


PREPARED = [
    case
    for case in cases()
    for connection in truth(case)["connections"]
    if any(s.get("prepared") and s.get("args") for s in connection.get("statements", ()))
]


@pytest.mark.parametrize("case", sorted(set(PREPARED)))
def test_parameters(case: str) -> None:
    """Every execute has the arguments that the client was given, in their order."""
    wanted = [
        (statement["sql"], statement["args"])
        for connection in truth(case)["connections"]
        for statement in connection.get("statements", ())
        # What the server refuses is not what the client was told to send, or was never sent.
        if statement.get("prepared") and statement.get("args") and "error" not in statement
    ]
    executes = [each for each in said(case) if isinstance(each.record, ComStmtExecute) and each.record.parameters]
    assert len(executes) >= len(wanted)
    left = list(executes)
    for sql, arguments in wanted:
        found = next(each for each in left if each.query == sql.replace("%s", "?"))
        left.remove(found)
        assert isinstance(found.record, ComStmtExecute)
        values = [parameter.value for parameter in found.record.parameters]
        assert len(values) == len(arguments)
        assert all(map(_same, values, arguments)), (values, arguments)


ATTRIBUTED = [case for case in cases() if any("query_attributes" in c for c in truth(case)["connections"])]


@pytest.mark.parametrize("case", ATTRIBUTED)
def test_query_attributes(case: str) -> None:
    wanted = next(c["query_attributes"] for c in truth(case)["connections"] if "query_attributes" in c)
    queries = [each.record for each in said(case) if isinstance(each.record, ComQuery) and each.record.attributes]
    assert queries
    for query in queries:
        found = {attribute.name: attribute.value for attribute in query.attributes}
        assert set(found) == set(wanted)
        assert all(_same(found[name], value) for name, value in wanted.items()), found


@pytest.mark.parametrize("server", ["m11", "m97"])
def test_long_data_and_a_cursor(server: str) -> None:
    """Two pieces of long data, an execute with a cursor, three fetches; then a statement without one."""
    records = [each.record for each in said(f"{server}_pymysqlraw_stmt_cursor_longdata")]
    pieces = [record.data for record in records if isinstance(record, ComStmtSendLongData)]
    assert pieces == [b"part one ", b"part two"]
    first, second = (record for record in records if isinstance(record, ComStmtExecute))
    assert (first.flags, first.parameters[0].value, first.parameters[0].long_data) == (1, b"part one part two", 17)
    assert (second.flags, second.parameters[0].value) == (0, "x")
    assert [record.num_rows for record in records if isinstance(record, ComStmtFetch)] == [2, 2, 2]


def test_bulk_parameters() -> None:
    """JDBC against MariaDB: rows of a number and a text."""
    (bulk,) = (each for each in said("m11_jdbc-mariadb2.7_bulk") if isinstance(each.record, ComStmtBulkExecute))
    assert isinstance(bulk.record, ComStmtBulkExecute)
    assert bulk.query is not None
    assert bulk.query.count("?") == 2
    rows = [tuple(value.value for value in row) for row in bulk.record.rows]
    assert len(rows) > 10
    assert rows == [(number, f"r{number}") for number in range(len(rows))]
    assert not bulk.record.assumed


def test_the_statement_prepared_last() -> None:
    """node's mariadb sends prepare and execute together: the execute names -1, and knows its statement."""
    executes = [each for each in said("m10_node-mariadb_pipeline") if isinstance(each.record, ComStmtExecute)]
    assert executes
    for each in executes:
        assert isinstance(each.record, ComStmtExecute)
        assert each.record.statement_id == LAST_PREPARED
        assert each.query == "SELECT ? AS a, ? AS b"
        assert [parameter.value for parameter in each.record.parameters] == [5, "five"]


def test_a_statement_of_16_mib() -> None:
    cut = [each for each in said("m97_pymysql_big16m") if getattr(each.record, "cut", 0)]
    assert cut
    for each in cut:
        assert isinstance(each.record, ComQuery | ComStmtPrepare)
        assert each.packet.length > 0xFF_FFFF
        assert each.record.cut == each.packet.length - len(each.packet.payload)


def test_local_infile() -> None:
    """Packets of a file are no commands, whatever they begin with."""
    names = [name_of(each.record) for each in said("m97_pymysql_localinfile")]
    assert names.count("Data:file") > 2
    assert set(names) <= {"Data:file", "ComQuery", "ComQuit", "ComInitDb"}


@pytest.mark.parametrize("case", [case for case in cases() if "binlog_remote" in case])
def test_a_binlog_dump_ends_with_quit(case: str) -> None:
    names = [name_of(each.record) for each in said(case)]
    dump = next(each.record for each in said(case) if isinstance(each.record, ComBinlogDump))
    assert (dump.binlog_pos, dump.binlog_filename) == (4, "binlog.000001")
    assert names[names.index("ComBinlogDump") :][-1] in ("ComQuit", "ComBinlogDump")


@pytest.mark.parametrize("case", [case for case in cases() if "midstream" in case])
def test_joined_in_the_middle(case: str) -> None:
    """Without the login the client's statements show whether query attributes are in force."""
    everything = said(case)
    queries = [each for each in everything if isinstance(each.record, ComQuery)]
    assert queries
    for each in queries:
        assert isinstance(each.record, ComQuery)
        assert each.record.query.isprintable()
        flagged = each.packet.payload[1:3] == b"\x00\x01"
        assert bool(each.in_force & cap.CLIENT_QUERY_ATTRIBUTES) == flagged


def test_every_command_a_client_sent_is_named() -> None:
    """All captures together: commands that occur, so that none is forgotten when they change."""
    codes = {each.packet.payload[0] for case in cases() for each in said(case) if type(each.record) in COMMANDS}
    names = {com.COMMANDS.get(code, "?") for code in codes}
    wanted = (
        "quit init_db query field_list refresh statistics debug ping change_user binlog_dump stmt_prepare stmt_execute "
        "stmt_send_long_data stmt_close stmt_reset set_option stmt_fetch reset_connection stmt_bulk_execute sleep time"
    )
    assert names >= set(wanted.split())
