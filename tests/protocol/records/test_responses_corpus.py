"""Responses in captures nobody of the project made, against what their clients and servers knew.

What well-known dissectors get wrong has a test of its own here.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from analyzer.analysis.options import AnalysisOptions
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest
from analyzer.protocol.records.resultset import BinaryRow, ColumnDefinition41, ColumnDefinition320, TextRow
from analyzer.protocol.records.session_track import (
    Gtids,
    RawChange,
    Schema,
    StateChange,
    SystemVariable,
    TransactionCharacteristics,
    TransactionState,
)
from analyzer.protocol.tables import binlog as tb
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_QUERY_ATTRIBUTES,
    MARIADB_CLIENT_CACHE_METADATA,
    MARIADB_CLIENT_EXTENDED_METADATA,
)
from analyzer.protocol.wire.values import Plain
from tests.corpus import LAB, needs_corpus, truth
from tests.protocol.machine.playbook import in_command_phase, name_of, packet
from tests.protocol.records.corpus_packets import Seen, packets_of
from tests.reading import results_of

pytestmark = needs_corpus


@cache
def seen(case: str) -> tuple[Seen, ...]:
    """All packets of a lab capture, opened with its keys, behind the login."""
    (path,) = (p for p in LAB.glob(f"{case}.pcap*") if not p.name.endswith(".json"))
    keys = LAB / f"{case}.keys"
    options: dict[str, Any] = {"ports": frozenset({truth(case)["server"]["port"]})}
    if keys.exists():
        options["keylogs"] = (keys.read_bytes(),)
    return tuple(s for s in packets_of(path, **options) if s.state not in st.CONNECTION_PHASE)


def from_server(case: str) -> list[Seen]:
    return [s for s in seen(case) if s.sender == SERVER]


def rows(case: str) -> list[tuple[Plain, ...]]:
    """What the values of all rows mean."""
    return [s.record.plain(s.after.columns) for s in from_server(case) if isinstance(s.record, TextRow | BinaryRow)]


@pytest.mark.parametrize("case", ["m97_pymysql_sessiontrack", "m11_pymysql_sessiontrack"])
def test_session_tracking(case: str) -> None:
    """Each statement's OK says what it changed; nothing is left raw."""
    found: dict[str, list[object]] = {}
    statement = ""
    for s in seen(case):
        if s.sender == CLIENT:
            statement = s.record.summary()
        elif isinstance(s.record, OKPacket):
            found[statement] = [c for c in s.record.session_state_info or () if c != StateChange("1")]
            assert not any(isinstance(change, RawChange) for change in found[statement])
            assert not s.record.info
    # MySQL counts statements in a variable of its own.
    plain = {
        sql: [c for c in changes if not (isinstance(c, SystemVariable) and c.name in ("statement_id", "last_gtid"))]
        for sql, changes in found.items()
    }
    assert plain["USE mysql"] == [Schema("mysql")]
    assert plain["SET autocommit=0"] == [SystemVariable("autocommit", "OFF")]
    assert {c.name for c in plain["SET NAMES latin1"] if isinstance(c, SystemVariable)} == {
        f"character_set_{what}" for what in ("client", "connection", "results")
    }
    assert plain["START TRANSACTION READ ONLY"] == [
        TransactionState("T_______"),
        TransactionCharacteristics("START TRANSACTION READ ONLY;"),
    ]
    assert TransactionState("I___W___") in plain["INSERT INTO trk VALUES (1)"]
    assert plain["SET @u=5"] == []
    gtids = [c for changes in found.values() for c in changes if isinstance(c, Gtids)]
    assert sorted(c.value.rpartition(":")[2] for c in gtids) == (["3", "4", "5"] if case.startswith("m97") else [])


def test_info_with_and_without_session_tracking() -> None:
    """MariaDB's proof of its certificate in the login's OK, and info behind which nothing is tracked."""
    infos = [s.record.info for s in from_server("m97_pymysql_localinfile") if isinstance(s.record, OKPacket)]
    assert [info for info in infos if info] == [
        "Records: 3000  Deleted: 0  Skipped: 0  Warnings: 0",
        "Records: 0  Deleted: 0  Skipped: 0  Warnings: 0",
    ]
    path = next(LAB.glob("m11_pymysql_sessiontrack.pcap"))
    login = next(s.record for s in packets_of(path) if isinstance(s.record, OKPacket))
    assert login.info_has_length
    assert login.info is None or len(login.info) in (0, 65)


def test_progress_reports() -> None:
    """All fields, and the statement goes on to its OK."""
    found = from_server("m10_mariadbcli_progress_alter")
    reports = [s.record for s in found if isinstance(s.record, ProgressReport)]
    assert len(reports) == 2
    for report in reports:
        assert report.strings == 1
        assert 1 <= report.stage <= report.max_stage
        assert report.progress <= 100_000
        assert report.info
    assert not any(isinstance(s.record, ErrPacket) for s in found)
    logged = [argument for _, command, argument in truth("m10_mariadbcli_progress_alter")["server_log"]]
    asked = [s.record.summary() for s in seen("m10_mariadbcli_progress_alter") if name_of(s.record) == "ComQuery"]
    assert asked == [sql for sql in logged if sql in asked]
    assert asked[-1] == "DROP TABLE prog"


def test_local_infile_beyond_its_first_packet() -> None:
    """Four packets of a file, one of them empty, then the next command; and a file the client does not have."""
    case = "m97_pymysql_localinfile"
    sizes: list[list[int]] = []
    for s in seen(case):
        if isinstance(s.record, LocalInfileRequest):
            sizes.append([])
        elif s.sender == CLIENT and isinstance(s.record, Data):
            sizes[-1].append(len(s.packet.payload))
    assert sizes == [[16384, 16384, 10012, 0], [0]]
    asked = [s.record.summary() for s in seen(case) if name_of(s.record) == "ComQuery"]
    assert asked[-3:] == [statement["sql"] for statement in truth(case)["connections"][0]["statements"]][-3:]
    assert rows(case) == [(1,), (3000,)]
    assert name_of(seen(case)[-1].record) == "ComQuit"


@pytest.mark.parametrize("case", ["m97_mysqlbinlog_remote", "m10_mariadbbinlog_remote", "m11_mariadbbinlog_remote"])
def test_binlog_dumps(case: str) -> None:
    """Every event is one, with its checksum where the client wanted it; what the client says after is its goodbye."""
    events = [s.record.event for s in from_server(case) if isinstance(s.record, BinlogEvent)]
    assert len(events) > 10
    assert not [s for s in from_server(case) if isinstance(s.record, Malformed | Data)]
    kinds = Counter(event.header.event_type for event in events)
    assert kinds[tb.FORMAT_DESCRIPTION_EVENT] >= 2
    family = {tb.GTID_EVENT, tb.PREVIOUS_GTIDS_EVENT} if case.startswith("m97") else {tb.MARIADB_GTID_EVENT}
    assert family <= set(kinds)
    assert all(event.checksum_valid in (True, None) for event in events)
    # As the file has them: each begins where the one before ends.
    ends = [event.header for event in events if event.header.log_pos and not event.header.flags & 0x20]
    steps = [b.log_pos - a.log_pos == b.event_size for a, b in pairwise(ends)]
    assert sum(steps) >= len(steps) - kinds[tb.FORMAT_DESCRIPTION_EVENT]
    last = [name_of(s.record) for s in seen(case) if s.sender == CLIENT][-1]
    assert last == "ComQuit"


def test_16_mib_and_over() -> None:
    """Statements and rows that go on in the next packet: as many commands and rows as there were."""
    case = "m97_pymysql_big16m"
    told = truth(case)["connections"][0]["statements"]
    heads = [s for s in from_server(case) if isinstance(s.record, ColumnCount)]
    assert len(heads) == len(told)
    long = [s.packet.length for s in from_server(case) if isinstance(s.record, Data) and s.record.kind == "row"]
    # 0xFE takes eight bytes to count, 0xFD three.
    assert long == [4 + told[2]["len"] + 2, 4 + told[3]["len"]]
    assert long[1] == 0xFF_FFFF
    asked = [s for s in seen(case) if name_of(s.record) == "ComQuery"]
    assert max(s.packet.length for s in asked) > 1 << 24
    assert len(asked) == len(told) + 2  # what the driver asks itself
    assert (1,) in rows(case)


def test_every_column_type() -> None:
    """Every type, all of it NULL in text and in binary, and what the truth says of it."""
    case = "m97_pymysql_types"
    (row, (count,)) = rows(case)
    assert row == (None,) * 26
    assert count == 1
    definitions = [s.record for s in from_server(case) if isinstance(s.record, ColumnDefinition41)][:26]
    assert "".join(column.name for column in definitions) == "abcdefghijklmnopqrstuvwxyz"
    assert [s.record.summary() for s in from_server(case) if isinstance(s.record, ErrPacket)]
    binary = [s.record for s in from_server("m97_mcc_prepared_types") if isinstance(s.record, BinaryRow)]
    told = [t for t in truth("m97_mcc_prepared_types")["connections"][0]["statements"] if t.get("prepared")]
    assert len(binary) == sum(t.get("rows", 0) for t in told)


@pytest.mark.parametrize("case", ["m97_mcc_storedproc", "m97_mcpure_storedproc"])
def test_a_procedure(case: str) -> None:
    """The rows a procedure gives, then its OUT parameters as the driver asks for them."""
    found = rows(case)
    assert (3, 7) in found
    assert [str(value) for value in found[-1]] == ["3", "7", "done"]


@pytest.mark.parametrize("case", ["m97_pymysqlraw_stmt_cursor_longdata", "m11_pymysqlraw_stmt_cursor_longdata"])
def test_a_cursor(case: str) -> None:
    """Rows come with the fetches, in the binary form that the execute's definitions describe."""
    # MariaDB gives the long data back as the blob that it was sent as.
    value = "part one part two" if case.startswith("m97") else b"part one part two"
    assert rows(case) == [(n, value) for n in range(1, 6)]
    ends = [s.record.status_flags or 0 for s in from_server(case) if isinstance(s.record, EOFPacket)]
    assert any(flags & 0x40 for flags in ends)
    assert any(flags & 0x80 for flags in ends)


def test_captures_that_begin_mid_stream() -> None:
    """What is in force is worked out from the packets, and labelled."""
    case = "m97_pymysql_midstream"
    told = truth(case)["connections"][0]["statements"]
    found = from_server(case)
    assert not [s for s in found if isinstance(s.record, Malformed)]
    assert [s.record.error_code for s in found if isinstance(s.record, ErrPacket)] == [1054]
    assert len(rows(case)) == sum(t.get("rows", 0) for t in told)
    after = found[-1].after
    assert after.assumed
    # PyMySQL does not ask for it.
    assert not after.in_force & CLIENT_DEPRECATE_EOF
    assert after.worked_out & CLIENT_DEPRECATE_EOF
    assert after.worked_out & CLIENT_QUERY_ATTRIBUTES
    assert after.worked_out & MARIADB_CLIENT_EXTENDED_METADATA
    derived = from_server("xa_midstream")
    assert derived
    assert not [s for s in derived if isinstance(s.record, Malformed)]
    after = derived[-1].after
    assert after.in_force & CLIENT_DEPRECATE_EOF
    assert after.worked_out & CLIENT_DEPRECATE_EOF
    # The same rows as in the capture it was cut from.
    whole = rows("m97_cli97_fullauth_rsa")
    assert rows("xa_midstream") == whole[-len(rows("xa_midstream")) :]


def cases_with_rows() -> list[str]:
    """Lab captures whose truth says how many rows each statement gave."""
    return sorted(
        path.name.removesuffix(".truth.json")
        for path in LAB.glob("*.truth.json")
        if any("rows" in t for c in json.loads(path.read_text())["connections"] for t in c.get("statements") or ())
    )


@pytest.mark.parametrize("case", cases_with_rows())
def test_rows_of_the_truth(case: str) -> None:
    """Each first row that the truth holds is among the decoded ones, value by value."""
    if case.startswith("m97_mysqlx"):
        pytest.skip("the X protocol is another")
    decoded = {tuple(map(comparable, row)) for row in rows(case)}
    for connection in truth(case)["connections"]:
        for statement in connection.get("statements") or ():
            for row in statement.get("first_rows") or ():
                assert tuple(map(comparable, row)) in decoded, (statement["sql"], row)


def comparable(value: object) -> object:
    """Values of JSON beside those of the wire: numbers as text, bytes as what they spell."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        try:
            return f"{float(value):g}" if "." in value else value
        except ValueError:
            return value
    return value


def all_cases() -> list[str]:
    return sorted(path.name.removesuffix(".truth.json") for path in LAB.glob("*.truth.json"))


def test_every_server_packet_is_decoded_and_encoded_back() -> None:
    """All captures, TLS opened: nothing malformed, no row or definition left as `Data`, the same bytes again.

    Exceptions: payloads over the framer's bound (m97_pymysql_big16m), one direction without commands (xa_serveronly).
    """
    left: Counter[tuple[str, str]] = Counter()
    kinds: Counter[str] = Counter()
    for case in all_cases():
        for s in from_server(case):
            kinds[name_of(s.record)] += 1
            whole = s.packet.length == len(s.packet.payload)
            if isinstance(s.record, Malformed) or (isinstance(s.record, Data) and whole):
                left[case, name_of(s.record)] += 1
            elif whole and s.record.to_bytes(s.after) != s.packet.payload:
                left[case, f"not canonical {name_of(s.record)}"] += 1
    assert dict(left) == {("xa_serveronly", "Data:skipped"): left["xa_serveronly", "Data:skipped"]}
    wanted = "TextRow BinaryRow ColumnDefinition41 BinlogEvent Statistics ProgressReport LocalInfileRequest EOFPacket"
    assert set(wanted.split()) <= set(kinds)


@pytest.mark.parametrize(
    ("case", "records"),
    [
        ("m97_mcc_prepared_types", {"ColumnDefinition41", "BinaryRow", "OKPacket", "StmtPrepareOK"}),
        ("m97_mysqlbinlog_remote", {"BinlogEvent", "TextRow", "EOFPacket"}),
        ("m11_mariadbbinlog_remote", {"BinlogEvent", "TextRow", "EOFPacket"}),
        ("m10_mariadbcli_progress_alter", {"ProgressReport", "TextRow"}),
    ],
)
def test_every_byte_has_its_field(case: str, records: set[str]) -> None:
    """What the panes show of rows, definitions and events: fields from the first byte of the payload to the last."""
    details = [detail for _, detail in results_of(LAB / f"{case}.pcap", AnalysisOptions(packets=1 << 16))]
    views = [view for detail in details if detail is not None for view in detail.packets]
    assert records <= {view.record for view in views}
    for view in views:
        if view.record not in records:
            continue
        at = 0
        for field in view.fields:
            assert field.start == at <= field.end, (view.frame, view.record, field)
            at = field.end
        assert at == view.length, (view.frame, view.record)


# -- mid-stream, packet by packet --------------------------------------------------------------------------------------

DEFINITION = ColumnDefinition41("def", "d", "t", "t", "c", "c", None, 12, 45, 20, 3, 0, 0)


def joined(flavor: str | None = None) -> Machine:
    """A machine that comes to a connection in the middle of it, and decodes rows."""
    machine = in_command_phase(1 << 9, assumed=True)
    machine.context.flavor = flavor
    machine.decode_rows = True
    machine.feed(CLIENT, packet(b"\x03select c from t"))
    return machine


@pytest.mark.parametrize(
    ("flavor", "follows", "capability"),
    [
        (None, b"\x01", MARIADB_CLIENT_CACHE_METADATA),
        ("mariadb", b"\x01", MARIADB_CLIENT_CACHE_METADATA),
        ("mysql", b"\x01", CLIENT_OPTIONAL_RESULTSET_METADATA),
        ("mysql", b"", 0),
    ],
)
def test_metadata_settings_show_themselves(flavor: str | None, follows: bytes, capability: int) -> None:
    machine = joined(flavor)
    head = machine.feed(SERVER, packet(b"\x01" + follows, 1))
    assert head == ColumnCount(1, 1 if follows else None)
    settings = CLIENT_OPTIONAL_RESULTSET_METADATA | MARIADB_CLIENT_CACHE_METADATA
    assert machine.context.in_force & settings == capability
    assert machine.context.worked_out & settings
    assert machine.context.assumed
    machine.feed(SERVER, packet(DEFINITION.to_bytes(machine.context), 2))
    row = machine.feed(SERVER, packet(b"\x0242", 3))
    assert isinstance(row, TextRow)
    assert row.plain(machine.context.columns) == (42,)
    assert machine.context.in_force & CLIENT_DEPRECATE_EOF


@pytest.mark.parametrize("extended", [b"", b"\x00", b"\x06\x00\x04json"])
def test_extended_metadata_shows_itself(extended: bytes) -> None:
    machine = joined()
    machine.feed(SERVER, packet(b"\x01", 1))
    raw = DEFINITION.to_bytes(machine.context)
    at = raw.index(b"\x0c", 3)
    record = machine.feed(SERVER, packet(raw[:at] + extended + raw[at:], 2))
    assert isinstance(record, ColumnDefinition41)
    assert (record.extended_metadata is not None) == bool(extended)
    assert bool(machine.context.in_force & MARIADB_CLIENT_EXTENDED_METADATA) == bool(extended)
    assert machine.context.worked_out & MARIADB_CLIENT_EXTENDED_METADATA


def test_the_oldest_protocol() -> None:
    """Definitions of protocol 3.20, and their rows."""
    machine = in_command_phase(0)
    machine.decode_rows = True
    machine.feed(CLIENT, packet(b"\x03select c from t"))
    machine.feed(SERVER, packet(b"\x01", 1))
    definition = ColumnDefinition320("t", "c", 11, 3, 1, 0)
    record = machine.feed(SERVER, packet(definition.to_bytes(machine.context), 2))
    assert record == definition
    machine.feed(SERVER, packet(b"\xfe", 3))
    row = machine.feed(SERVER, packet(b"\x0242", 4))
    assert isinstance(row, TextRow)
    assert row.plain(machine.context.columns) == (42,)
    assert isinstance(machine.feed(SERVER, packet(b"\xfe", 5)), EOFPacket)
    assert machine.state == st.COMMAND
