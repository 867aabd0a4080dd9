"""Prepared statements as a connection knows them, and what the client may say that is no plain command."""

from __future__ import annotations

import pytest

from analyzer.protocol import prepared as bounds
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.prepared import LAST_PREPARED, LongData, PreparedStatements
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.admin import (
    ComClone,
    ComPing,
    ComQuit,
    ComResetConnection,
)
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.replication import ComBinlogDump, SemiSyncAck
from analyzer.protocol.records.commands.statement import (
    ComStmtBulkExecute,
    ComStmtClose,
    ComStmtExecute,
    ComStmtFetch,
    ComStmtReset,
    ComStmtSendLongData,
)
from analyzer.protocol.records.commands.table import CutCommand
from analyzer.protocol.records.commands.text import ComChangeUser, ComQuery, ComStmtPrepare
from analyzer.protocol.records.response import ColumnCount, LocalInfileRequest, StmtPrepareOK
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.tables import commands as com
from tests.protocol.machine.conversations import BASE, COLUMN, EOF, ERR, NEW, OK, ROW, after_login
from tests.protocol.machine.playbook import Playbook, in_command_phase, name_of, packet

QA = cap.CLIENT_QUERY_ATTRIBUTES
OKAY = StmtPrepareOK(7, 0, 2, 0, 0)


def prepared(in_force: int = NEW, query: str = "do ?, ?") -> Playbook:
    """A statement of two parameters, number 7."""
    book = after_login(in_force).client(ComStmtPrepare(query), "ComStmtPrepare", st.PREPARE)
    book.server(OKAY, "StmtPrepareOK", st.PREPARE_PARAMS)
    book.server(COLUMN, "Data:parameter", st.PREPARE_PARAMS).server(COLUMN, "Data:parameter", st.COMMAND)
    return book


def execute(machine: Machine, parameters: list[Parameter], number: int = 7, types: bool = True) -> ComStmtExecute:
    """Sends an execute, and the OK to it; gives it as the machine decoded it."""
    record = ComStmtExecute.bind(number, parameters, machine.context, types=types)
    found = machine.feed(CLIENT, packet(record.to_bytes(machine.context)))
    assert isinstance(found, ComStmtExecute)
    assert machine.state == st.RESULT
    machine.feed(SERVER, packet(OK.to_bytes(machine.context), 1))
    assert machine.state == st.COMMAND
    return found


def meant(record: ComStmtExecute) -> list[object]:
    return [parameter.value for parameter in record.parameters]


# -- a statement's life ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_force", [NEW, NEW | QA])
def test_types_are_remembered(in_force: int) -> None:
    machine = prepared(in_force).play()
    five = [Parameter.of(5), Parameter.of("five")]
    assert meant(execute(machine, five)) == [5, "five"]
    assert meant(execute(machine, [Parameter.of(6), Parameter.of(None, type=0xFD)], types=False)) == [6, None]
    assert meant(execute(machine, [Parameter.of(1.5), Parameter.of("x")])) == [1.5, "x"]
    found = execute(machine, [Parameter.of(2.5), Parameter.of("y")], types=False)
    assert meant(found) == [2.5, "y"]
    assert (found.new_params_bind_flag, found.undecoded, found.assumed) == (0, b"", False)
    assert machine.statements is not None
    statement = machine.statements[7]
    assert (statement.query, statement.num_params, statement.num_columns) == ("do ?, ?", 2, 0)
    assert statement.types == (0x05, 0xFD)


def test_query_attributes_of_an_execute() -> None:
    machine = prepared(NEW | QA).play()
    found = execute(machine, [Parameter.of(5), Parameter.of("five"), Parameter.of("x", "trace")])
    assert [(p.name, p.value) for p in found.parameters] == [("", 5), ("", "five"), ("trace", "x")]
    assert found.parameter_count == 3


def test_a_command_knows_its_statement() -> None:
    machine = prepared().play()
    commands: list[tuple[bytes, str | None]] = [
        (
            ComStmtExecute.bind(7, [Parameter.of(1), Parameter.of(2)], machine.context).to_bytes(machine.context),
            "do ?, ?",
        ),
        (ComStmtFetch(7, 2).to_bytes(machine.context), "do ?, ?"),
        (ComStmtReset(7).to_bytes(machine.context), "do ?, ?"),
        (ComStmtFetch(8, 2).to_bytes(machine.context), None),
        (ComPing().to_bytes(machine.context), None),
    ]
    for payload, query in commands:
        machine.feed(CLIENT, packet(payload))
        assert machine.command is not None
        assert (machine.command.statement.query if machine.command.statement else None) == query
        machine.feed(SERVER, packet(ERR.to_bytes(machine.context), 1))


@pytest.mark.parametrize(
    "end",
    [ComStmtClose(7), ComResetConnection(), ComChangeUser("app", b"", True, "db")],
    ids=["close", "reset", "change user"],
)
def test_a_statement_ends(end: Record) -> None:
    machine = prepared().play()
    machine.feed(CLIENT, packet(end.to_bytes(machine.context)))
    assert machine.statements is not None
    assert 7 not in machine.statements
    assert machine.statements.get(LAST_PREPARED) is None
    with pytest.raises(KeyError):
        machine.statements[7]


def test_a_refused_prepare_leaves_nothing() -> None:
    book = (
        after_login()
        .client(ComStmtPrepare("select"), "ComStmtPrepare", st.PREPARE)
        .server(ERR, "ErrPacket", st.COMMAND)
    )
    machine = book.play()
    assert machine.statements is not None
    assert len(machine.statements) == 0
    assert machine.statements.get(LAST_PREPARED) is None


def test_long_data() -> None:
    machine = prepared().play()
    for piece in (b"part one ", b"part two"):
        machine.feed(CLIENT, packet(ComStmtSendLongData(7, 1, piece).to_bytes(machine.context)))
    found = execute(machine, [Parameter.of(1), Parameter(0xFD, "", None, "part one part two", 17)])
    assert found.parameters[1] == Parameter(0xFD, "", None, "part one part two", 17)
    # It is used up with the execute.
    assert meant(execute(machine, [Parameter.of(2), Parameter.of("x")])) == [2, "x"]
    # A reset takes it away.
    machine.feed(CLIENT, packet(ComStmtSendLongData(7, 1, b"gone").to_bytes(machine.context)))
    machine.feed(CLIENT, packet(ComStmtReset(7).to_bytes(machine.context)))
    machine.feed(SERVER, packet(OK.to_bytes(machine.context), 1))
    assert meant(execute(machine, [Parameter.of(3), Parameter.of("y")])) == [3, "y"]


def test_long_data_is_bounded() -> None:
    machine = prepared().play()
    for _ in range(3):
        raw = ComStmtSendLongData(7, 0, b"x" * 1000).to_bytes(machine.context)
        assert isinstance(machine.feed(CLIENT, packet(raw, length=40_000_007)), CutCommand)
    for number in range(1000):
        raw = ComStmtSendLongData(7, number, b"x" * 40_000).to_bytes(machine.context)
        machine.feed(CLIENT, packet(raw))
    assert machine.statements is not None
    kept = machine.statements[7].long_data
    assert len(kept) == bounds.MOST_LONG_DATA
    # What comes behind the hole is not put where the hole is.
    assert kept[0] == LongData(b"x" * 1000, 120_000_000 + 40_000)
    assert kept[1] == LongData(b"x" * bounds.LONGEST_LONG_DATA, 40_000)


def test_the_registry_is_bounded() -> None:
    statements = PreparedStatements()
    for number in range(bounds.MOST_STATEMENTS + 10):
        statements.prepared(statements.begin("do 1"), number, 0, 0)
    assert (len(statements), statements.dropped) == (bounds.MOST_STATEMENTS, 10)
    assert 0 not in statements
    assert statements[LAST_PREPARED] is statements[bounds.MOST_STATEMENTS + 9]
    statements = PreparedStatements()
    for number in range(20):
        statements.prepared(statements.begin("x" * (1 << 20)), number, 0, 0)
    assert len(statements) == bounds.MOST_BYTES >> 20
    # The same number again is one statement, not two.
    for _ in range(20):
        statements.prepared(statements.begin("x" * (1 << 20)), 19, 0, 0)
    assert len(statements) == bounds.MOST_BYTES >> 20
    statements.clear()
    statements.prepared(statements.begin("x" * (1 << 20)), 1, 0, 0)
    assert len(statements) == 1


def test_lean_machines_keep_nothing() -> None:
    machine = in_command_phase(NEW)
    machine.lean = True
    book = Playbook(machine)
    for payload in (ComStmtPrepare("do ?"), ComQuery("do 1"), b"\x17" + bytes(9), b"\x1c" + bytes(8), b"\x0e"):
        book.client(payload, "Data:command", st.AWAITED.get(_code(payload), st.RESPONSE)).server(
            ERR, "ErrPacket", st.COMMAND
        )
    book.client(b"\x18" + bytes(6), "Data:command", st.COMMAND).client(b"\x19" + bytes(4), "Data:command", st.COMMAND)
    book.play()
    assert machine.statements is None
    assert machine.context.bound is None


@pytest.mark.parametrize("code", sorted(com.COMMANDS))
def test_lean_machines_find_the_same_malformed(code: int) -> None:
    """Every command at every length up to what it needs."""
    for size in range(40):
        names = []
        for lean in (True, False):
            machine = in_command_phase(NEW)
            machine.lean = lean
            names.append(name_of(machine.feed(CLIENT, packet(bytes([code]) + b"\x01" * size))))
        lean_name, full_name = names
        assert lean_name == full_name or (lean_name == "Data:command" and "Malformed" not in full_name)


def _code(payload: object) -> int:
    if isinstance(payload, bytes):
        return payload[0]
    return com.COM_QUERY if isinstance(payload, ComQuery) else com.COM_STMT_PREPARE


# -- not the usual way -------------------------------------------------------------------------------------------------


def test_the_statement_prepared_last() -> None:
    """MariaDB: prepare and execute in one go, the execute names -1; the answers come in order."""
    machine = in_command_phase(NEW)
    machine.feed(CLIENT, packet(ComStmtPrepare("select ?, ?").to_bytes(machine.context)))
    record = ComStmtExecute.bind(LAST_PREPARED, [Parameter.of(5), Parameter.of("five")], machine.context)
    found = machine.feed(CLIENT, packet(record.to_bytes(machine.context)))
    assert isinstance(found, ComStmtExecute)
    # The answer that says how many there are is still on the way.
    assert (meant(found), found.assumed) == ([5, "five"], True)
    machine.feed(CLIENT, packet(ComStmtClose(LAST_PREPARED).to_bytes(machine.context)))
    assert machine.state == st.PREPARE
    machine.feed(SERVER, packet(StmtPrepareOK(3, 0, 2, 0, 0).to_bytes(machine.context), 1))
    machine.feed(SERVER, packet(COLUMN, 2))
    machine.feed(SERVER, packet(COLUMN, 3))
    assert machine.state == st.RESULT
    assert machine.command is not None
    assert machine.command.statement is not None
    assert (machine.command.statement.query, machine.command.statement.statement_id) == ("select ?, ?", 3)


def test_a_prepare_that_was_not_captured() -> None:
    """Its types tell how many parameters an execute has; later executes are read by them."""
    machine = in_command_phase(NEW, assumed=True)
    found = execute(machine, [Parameter.of(5), Parameter.of("five")], number=9)
    assert (meant(found), found.assumed) == ([5, "five"], True)
    again = execute(machine, [Parameter.of(6), Parameter.of("six")], number=9, types=False)
    assert again.parameters == ()
    assert again.undecoded == b"\x00\x00" + Parameter.of(6).raw + b"\x03six"  # type: ignore[operator]
    assert machine.statements is not None
    assert machine.statements[9].query is None


def test_bulk_types_are_remembered() -> None:
    machine = prepared().play()
    for flags, rows in ((128, [(1, "a"), (2, "b")]), (0, [(3, "c")])):
        record = ComStmtBulkExecute.bind(7, rows, flags=flags)
        found = machine.feed(CLIENT, packet(record.to_bytes(machine.context)))
        assert isinstance(found, ComStmtBulkExecute)
        assert [tuple(value.value for value in row) for row in found.rows] == rows
        machine.feed(SERVER, packet(OK.to_bytes(machine.context), 1))


@pytest.mark.parametrize("flagged", [True, False])
def test_query_attributes_show_themselves(flagged: bool) -> None:
    """The client set a flag that its server may not have; the greeting is not in the capture."""
    context = Context(client=NEW | QA)
    context.negotiate()
    assert context.assumed
    machine = Machine(context, st.COMMAND)
    sent = Context()
    sent.in_force = NEW | (QA if flagged else 0)
    for attributes in ([], [Parameter.of("x", "trace")]):
        record = ComQuery.of("select 1", sent, attributes)
        found = machine.feed(CLIENT, packet(record.to_bytes(sent)))
        assert found == record
        assert bool(machine.context.in_force & QA) == flagged
        assert machine.context.worked_out & QA
        machine.feed(SERVER, packet(OK.to_bytes(machine.context), 1))


def test_a_flag_that_the_server_never_offered() -> None:
    """mysql2 sets CLIENT_QUERY_ATTRIBUTES on MariaDB too; what counts is what both sides set."""
    context = Context(server=NEW, client=NEW | QA)
    context.negotiate()
    machine = Machine(context, st.COMMAND)
    book = Playbook(machine).client(ComQuery("select 1"), "ComQuery", st.RESULT).server(OK, "OKPacket", st.COMMAND)
    book.client(ComStmtPrepare("do ?, ?"), "ComStmtPrepare", st.PREPARE).server(
        OKAY, "StmtPrepareOK", st.PREPARE_PARAMS
    )
    book.server(COLUMN, "Data:parameter", st.PREPARE_PARAMS).server(COLUMN, "Data:parameter", st.COMMAND).play()
    found = execute(machine, [Parameter.of(1.0), Parameter.of("x")])
    assert (meant(found), found.parameter_count, found.flags) == ([1.0, "x"], None, 0)


def test_an_execute_shows_query_attributes() -> None:
    machine = in_command_phase(NEW, assumed=True)
    sent = Context()
    sent.in_force = NEW | QA
    record = ComStmtExecute.bind(1, [Parameter.of(1), Parameter.of("x", "trace")], sent)
    found = machine.feed(CLIENT, packet(record.to_bytes(sent)))
    assert found == record
    assert machine.context.in_force & QA


# -- what comes where no command is due --------------------------------------------------------------------------------


@pytest.mark.parametrize("lean", [True, False])
def test_quit_may_be_answered(lean: bool) -> None:
    """Proxies say OK to COM_QUIT, servers close; without it an OK that nobody asked for is none."""
    machine = in_command_phase(NEW)
    machine.lean = lean
    if lean:
        machine.sent(b"\x01\x00\x00\x00\x01")
        record = machine.feed(SERVER, packet(OK.to_bytes(machine.context), 1))
        assert (name_of(record), machine.sequence_error) == ("OKPacket", None)
    else:
        book = Playbook(machine).client(ComQuit(), "ComQuit", st.COMMAND, sequence=0)
        book.server(OK, "OKPacket", st.COMMAND).play()
    machine = in_command_phase(NEW)
    assert name_of(machine.feed(SERVER, packet(OK.to_bytes(machine.context), 1))) == "Malformed:ServerPacket"


def test_quit_ends_a_binlog_dump() -> None:
    book = after_login().client(ComBinlogDump(4, 0, 9, "b.1"), "ComBinlogDump", st.STREAM)
    book.client(SemiSyncAck(120, "b.1"), "SemiSyncAck", st.STREAM)
    book.client(b"\xef\x01", "Malformed:SemiSyncAck", st.STREAM)
    book.client(ComQuit(), "ComQuit", st.STREAM).play()


def test_a_clone_that_is_no_such_thing() -> None:
    """Blocks that were not kept whole, broken errors, ids that nobody sends."""
    machine = after_login().client(ComClone(), "ComClone", st.CLONE).server(OK, "OKPacket", st.CLONE).play()
    block = machine.feed(SERVER, packet(b"\x03" + bytes(9), 0, 1 << 20))
    assert (block.summary(), machine.state) == ("COM_RES_DATA, 1048575 bytes", st.CLONE)
    assert name_of(machine.feed(SERVER, packet(b"\x64\x01", 0))) == "Malformed:CloneError"
    machine.feed(SERVER, packet(b"\x63", 7))
    assert machine.sequence_error is not None
    machine.feed(CLIENT, packet(b"\x06", 3))
    assert machine.sequence_error is not None


INFILE = LocalInfileRequest("data.csv")


def test_local_infile() -> None:
    """Data that looks like commands, to an empty packet; then the verdict."""
    book = after_login().client(ComQuery("load data local ..."), "ComQuery", st.RESULT)
    book.server(INFILE, "LocalInfileRequest", st.LOCAL_INFILE)
    for block in (b"\x01quit", b"\x03select 1", b"\x0e"):
        book.client(block, "Data:file", st.LOCAL_INFILE)
    book.client(b"", "Data:file", st.RESULT).server(OK, "OKPacket", st.COMMAND)
    book.client(ComPing(), "ComPing", st.RESPONSE).server(OK, "OKPacket", st.COMMAND).play()


@pytest.mark.parametrize("sent", [0, 1, 3])
def test_local_infile_that_the_server_gives_up_on(sent: int) -> None:
    """The error comes while the client is still sending: the rest of the file is no command."""
    machine = in_command_phase(NEW)
    book = Playbook(machine).client(ComQuery("load data local ..."), "ComQuery", st.RESULT)
    book.server(INFILE, "LocalInfileRequest", st.LOCAL_INFILE)
    for _ in range(sent):
        book.client(b"\x03select 1", "Data:file", st.LOCAL_INFILE)
    book.server(ERR, "ErrPacket", st.COMMAND)
    for number in range(3):
        book.client(b"\x01quit", "Data:file", st.COMMAND, sequence=2 + sent + number)
    book.client(b"", "Data:file", st.COMMAND, sequence=5 + sent)
    book.client(ComPing(), "ComPing", st.RESPONSE).server(OK, "OKPacket", st.COMMAND).play()
    assert machine.file_sequence is None


def test_a_client_that_stops_a_file_after_an_error() -> None:
    book = after_login().client(ComQuery("load data local ..."), "ComQuery", st.RESULT)
    book.server(INFILE, "LocalInfileRequest", st.LOCAL_INFILE).client(b"1,2\n", "Data:file", st.LOCAL_INFILE)
    book.server(ERR, "ErrPacket", st.COMMAND)
    book.client(ComPing(), "ComPing", st.RESPONSE, sequence=0).server(OK, "OKPacket", st.COMMAND).play()


def test_a_long_file_counts_round() -> None:
    """256 packets of a file, and the server's error in the middle: id 0 is a packet of the file."""
    machine = in_command_phase(NEW)
    machine.feed(CLIENT, packet(b"\x03load data local ..."))
    machine.feed(SERVER, packet(INFILE.to_bytes(machine.context), 1))
    for number in range(2, 200):
        machine.feed(CLIENT, packet(b"\x01x", number))
    machine.feed(SERVER, packet(ERR.to_bytes(machine.context), 200))
    for number in range(200, 300):
        assert name_of(machine.feed(CLIENT, packet(b"\x01x", number & 0xFF))) == "Data:file"
    assert name_of(machine.feed(CLIENT, packet(b"", 300 & 0xFF))) == "Data:file"
    assert name_of(machine.feed(CLIENT, packet(b"\x0e", 0))) == "ComPing"


# -- 16 MiB ------------------------------------------------------------------------------------------------------------


def test_a_statement_of_which_the_head_was_kept() -> None:
    machine = in_command_phase(NEW | QA)
    found = machine.feed(CLIENT, packet(b"\x03\x00\x01select '" + b"x" * 90, 1, length=17_000_000))
    assert isinstance(found, ComQuery)
    assert (found.query[:8], found.cut) == ("select '", 17_000_000 - 101)
    machine.feed(SERVER, packet(OK.to_bytes(machine.context), 2))
    found = machine.feed(CLIENT, packet(b"\x16select '" + b"x" * 90, 1, length=17_000_000))
    assert isinstance(found, ComStmtPrepare)
    assert found.cut == 17_000_000 - 99


def test_an_execute_of_which_the_head_was_kept() -> None:
    """The statement and the flags are told; of the values nobody knows which is whole."""
    machine = prepared().play()
    whole = ComStmtExecute.bind(7, [Parameter.of(1), Parameter.of("x" * 300)], machine.context)
    payload = whole.to_bytes(machine.context)[:100]
    found = machine.feed(CLIENT, packet(payload, 1, length=17_000_000))
    assert isinstance(found, CutCommand)
    assert (found.command, found.length) == (com.COM_STMT_EXECUTE, 17_000_000)
    assert dict(found.partial) == {"command": 0x17, "statement_id": 7, "flags": 0, "iteration_count": 1}
    assert machine.command is not None
    assert machine.command.statement is not None
    assert machine.command.statement.query == "do ?, ?"


def test_answers_go_on_after_a_cut_command() -> None:
    machine = in_command_phase(BASE)
    machine.feed(CLIENT, packet(b"\x17" + bytes(50), 1, length=17_000_000))
    assert machine.state == st.RESULT
    book = Playbook(machine).server(ColumnCount(1), "ColumnCount", st.COLUMNS)
    book.server(COLUMN, "Data:column", st.COLUMNS_EOF).server(EOF, "EOFPacket", st.ROWS)
    book.server(ROW, "Data:row", st.ROWS).server(EOF, "EOFPacket", st.COMMAND).play()
