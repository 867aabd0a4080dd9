"""The machine when somebody looks at rows: definitions kept and bounded, ends told from rows, errors at any place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.protocol.context import Context
from analyzer.protocol.machine import connection_state
from analyzer.protocol.machine import resultset as results_module
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.response import ColumnCount, Data, Statistics, StmtPrepareOK
from analyzer.protocol.records.resultset import (
    BinaryRow,
    ColumnDefinition41,
    ColumnDefinition320,
    ExtendedMetadata,
    TextRow,
    column_flags,
    of_text,
    type_name,
)
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.tables import column_flags as flag_table
from analyzer.protocol.tables import column_types as ct
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.reader import Reader
from analyzer.protocol.wire.values import FIXED_SIZES, Plain, decode_value, encode_value
from tests.protocol.machine.playbook import in_command_phase, name_of, packet
from tests.protocol.records.binlog_streams import STREAMS

OLD = cap.CLIENT_PROTOCOL_41
NEW = OLD | cap.CLIENT_DEPRECATE_EOF
EOF = EOFPacket(0, 2)
OK = OKPacket(0, 0, 0, 2, 0, None, True, None)
END = OKPacket(0xFE, 0, 0, 2, 0, None, True, None)
ERR = ErrPacket(1317, "70100", "Query execution was interrupted")


def column(kind: int, name: str = "c", flags: int = 0, decimals: int = 0, charset: int = 45) -> ColumnDefinition41:
    return ColumnDefinition41("def", "d", "t", "t", name, name, None, 12, charset, 10, kind, flags, decimals)


NUMBER, TEXT = column(ct.MYSQL_TYPE_LONG, "n"), column(ct.MYSQL_TYPE_VAR_STRING, "t")


class Talk:
    """A machine that decodes rows, and what it is told."""

    def __init__(self, in_force: int = NEW) -> None:
        self.machine = in_command_phase(in_force)
        self.machine.decode_rows = True

    def client(self, payload: bytes) -> AnyRecord:
        return self.machine.feed(CLIENT, packet(payload, 0))

    def server(self, *says: bytes | Record) -> list[AnyRecord]:
        machine = self.machine
        found = []
        for each in says:
            payload = each if isinstance(each, bytes) else each.to_bytes(machine.context)
            found.append(machine.feed(SERVER, packet(payload, max(machine.next_sequence, 0))))
            assert machine.sequence_error is None
        return found


def execute(statement: int) -> bytes:
    return b"\x17" + statement.to_bytes(4, "little") + b"\x00\x01\x00\x00\x00"


def prepared(conversation: Talk, statement: int, *columns: ColumnDefinition41, parameters: int = 0) -> list[AnyRecord]:
    conversation.client(b"\x16select")
    params = [TEXT] * parameters
    return conversation.server(StmtPrepareOK(statement, len(columns), parameters, 0, 0), *params, *columns)


def test_rows_of_a_query() -> None:
    conversation = Talk()
    conversation.client(b"\x03select n, t")
    found = conversation.server(ColumnCount(2), NUMBER, TEXT, b"\x0242\x02hi", b"\xfb\x00", END)
    assert [name_of(record) for record in found] == [
        *("ColumnCount", "ColumnDefinition41", "ColumnDefinition41", "TextRow", "TextRow", "OKPacket"),
    ]
    assert conversation.machine.context.columns == (NUMBER.column, TEXT.column)
    plain = [record.plain((NUMBER.column, TEXT.column)) for record in found if isinstance(record, TextRow)]
    assert plain == [(42, "hi"), (None, "")]
    assert conversation.machine.state == st.COMMAND


def test_without_looking_everything_is_data() -> None:
    conversation = Talk()
    conversation.machine.decode_rows = False
    conversation.client(b"\x03select n")
    found = conversation.server(ColumnCount(1), NUMBER, b"\x0242", END)
    assert [name_of(record) for record in found] == ["ColumnCount", "Data:column", "Data:row", "OKPacket"]
    assert conversation.machine.context.columns == ()
    assert conversation.machine.may_pass == 0
    conversation.client(b"\x03select n")
    conversation.server(ColumnCount(3), NUMBER)
    assert conversation.machine.may_pass == 1
    conversation.machine.decode_rows = True
    assert conversation.machine.may_pass == 0


def test_a_row_with_another_number_of_values() -> None:
    """It is malformed, and the rows behind it are not."""
    conversation = Talk()
    conversation.client(b"\x03select n")
    found = conversation.server(ColumnCount(1), NUMBER, b"\x0242\x02hi", b"\x0243", END)
    assert isinstance(found[2], Malformed)
    assert "2 values for 1 columns" in found[2].reason
    assert isinstance(found[3], TextRow)
    assert isinstance(found[4], OKPacket)


def test_looking_in_the_middle_of_a_result() -> None:
    """Definitions that were passed over are not those of an earlier result."""
    conversation = Talk()
    conversation.client(b"\x03select n")
    conversation.server(ColumnCount(1), NUMBER, b"\x0242", END)
    conversation.machine.decode_rows = False
    prepared_before = conversation.machine.context.columns
    assert prepared_before == (NUMBER.column,)
    conversation.client(execute(1))
    conversation.server(ColumnCount(1), TEXT)
    conversation.machine.decode_rows = True
    (row,) = conversation.server(b"\x00\x00\x02hi")
    assert isinstance(row, Data)
    assert isinstance(conversation.server(END)[0], OKPacket)


@pytest.mark.parametrize("in_force", [OLD, NEW])
def test_prepared_statements_keep_their_definitions(in_force: int) -> None:
    """For an execute whose definitions are left out (MariaDB), and for fetches."""
    conversation = Talk(in_force | cap.MARIADB_CLIENT_CACHE_METADATA)
    between: list[Record] = [EOF] if in_force == OLD else []
    conversation.client(b"\x16select ?")
    conversation.server(StmtPrepareOK(7, 2, 1, 0, 0), TEXT, *between, NUMBER, TEXT, *between)
    assert conversation.machine.statements is not None
    statement = conversation.machine.statements[7]
    assert (statement.parameters, statement.columns) == ((TEXT.column,), (NUMBER.column, TEXT.column))
    conversation.client(execute(7))
    row = b"\x00\x00\x2a\x00\x00\x00\x02hi"
    found = conversation.server(ColumnCount(2, 0), *between, row, *(between or [END]))
    decoded = next(record for record in found if isinstance(record, BinaryRow))
    assert decoded.plain(conversation.machine.context.columns) == (42, "hi")
    # The table was changed: the server sends them anew, and leaves them out after that.
    conversation.client(execute(7))
    conversation.server(ColumnCount(1, 1), NUMBER, *between, b"\x00\x00\x2b\x00\x00\x00", *(between or [END]))
    conversation.client(b"\x1c" + (7).to_bytes(4, "little") + b"\x05\x00\x00\x00")
    found = conversation.server(row, *(between or [END]))
    assert isinstance(found[0], BinaryRow)
    conversation.client(b"\x1c" + (8).to_bytes(4, "little") + b"\x05\x00\x00\x00")
    assert isinstance(conversation.server(row)[0], Data)


def test_binary_rows_never_begin_with_0xfe() -> None:
    """Whatever its length and whether EOF packets are sent, 0xFE ends them: an OK with much to say."""
    changed = OKPacket(0xFE, 0, 0, 2, 0, "x" * 40, True, None)
    for in_force in (OLD, NEW):
        conversation = Talk(in_force)
        prepared(conversation, 1, NUMBER)
        if in_force == OLD:
            conversation.server(EOF)
        conversation.client(b"\x1c\x01\x00\x00\x00\x05\x00\x00\x00")
        found = conversation.server(b"\x00\x00\x2a\x00\x00\x00", changed)
        assert [name_of(record) for record in found] == ["BinaryRow", "OKPacket"]
        assert conversation.machine.state == st.COMMAND


@pytest.mark.parametrize("in_force", [OLD, NEW])
def test_errors_among_definitions_and_rows(in_force: int) -> None:
    """An error ends the response at any place."""
    between: list[Record] = [EOF] if in_force == OLD else []
    for before in ([ColumnCount(2)], [ColumnCount(2), NUMBER], [ColumnCount(1), NUMBER, *between, b"\x0242"]):
        conversation = Talk(in_force)
        conversation.client(b"\x03select n")
        assert conversation.server(*before, ERR)[-1] == ERR
        assert conversation.machine.state == st.COMMAND
        # The next result is read with its own definitions.
        conversation.client(b"\x03select t")
        found = conversation.server(ColumnCount(1), TEXT, *between, b"\x02hi", *(between or [END]))
        assert [r.plain(conversation.machine.context.columns) for r in found if isinstance(r, TextRow)] == [("hi",)]


def test_an_error_nobody_asked_for() -> None:
    conversation = Talk()
    conversation.client(b"\x0e")
    conversation.server(OK)
    record = conversation.machine.feed(SERVER, packet(ErrPacket(4031, "HY000", "idle").to_bytes(Context()), 0))
    assert isinstance(record, ErrPacket)
    assert conversation.machine.sequence_error is None


def test_the_file_goes_on_behind_an_early_error() -> None:
    """The server gives up before the client has sent its file: what comes of it is no command."""
    conversation = Talk()
    conversation.client(b"\x03load data local infile 'x' into table t")
    conversation.server(b"\xfbx")
    machine = conversation.machine
    for number in (2, 3):
        assert name_of(machine.feed(CLIENT, packet(b"\x01some,data\n", number))) == "Data:file"
    record = machine.feed(SERVER, packet(ERR.to_bytes(machine.context), 4))
    assert (name_of(record), machine.state) == ("ErrPacket", st.COMMAND)
    for number, part in ((4, b"\x01more"), (5, b"")):
        assert name_of(machine.feed(CLIENT, packet(part, number))) == "Data:file"
        assert machine.state == st.COMMAND
    assert name_of(machine.feed(CLIENT, packet(b"\x0e", 0))) == "ComPing"


def test_out_parameters_are_followed_by_an_ok() -> None:
    """MySQL's EOF behind them does not say so; the one before them says that they are OUT parameters."""
    more = cap.SERVER_MORE_RESULTS_EXISTS | 2
    for decode_rows in (False, True):
        conversation = Talk(OLD)
        conversation.machine.decode_rows = decode_rows
        conversation.client(execute(1))
        conversation.server(ColumnCount(1), NUMBER, EOFPacket(0, more | cap.SERVER_PS_OUT_PARAMS))
        conversation.server(b"\x00\x00\x2a\x00\x00\x00", EOFPacket(0, 2))
        assert conversation.machine.state == st.RESULT
        conversation.server(OK)
        assert conversation.machine.state == st.COMMAND
        conversation.client(execute(1))
        conversation.server(ColumnCount(1), NUMBER, EOF, EOF)
        assert conversation.machine.state == st.COMMAND


def test_definitions_of_a_result_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound they are decoded and not kept, and rows stay as they are."""
    monkeypatch.setattr(results_module, "MOST_COLUMNS", 3)
    conversation = Talk()
    conversation.client(execute(1))
    found = conversation.server(ColumnCount(4), *[NUMBER] * 4, b"\x00\x00" + bytes(16), END)
    assert [name_of(record) for record in found[1:]] == [*["ColumnDefinition41"] * 4, "Data:row", "OKPacket"]
    assert conversation.machine.context.columns == ()
    assert len(conversation.machine.connection.result.definitions) <= 3
    monkeypatch.setattr(results_module, "MOST_BYTES", 100)
    conversation.client(execute(1))
    long = column(ct.MYSQL_TYPE_LONG, "n" * 100)
    assert name_of(conversation.server(ColumnCount(1), long, b"\x00\x00" + bytes(4))[-1]) == "Data:row"


def test_definitions_of_statements_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "MOST_KEPT", 10)
    conversation = Talk()
    for number in range(1, 30):
        prepared(conversation, number, NUMBER, TEXT, parameters=2)
        statements = conversation.machine.statements
        assert statements is not None
        held = [statements[n] for n in range(1, number + 1)]
        assert sum(len(s.columns) + len(s.parameters) for s in held) <= 10
        assert statements[number].columns == (NUMBER.column, TEXT.column)


def test_broken_definitions_do_not_shift_the_response() -> None:
    conversation = Talk()
    conversation.client(b"\x03select n")
    behind = TEXT.to_bytes(Context()) + b"\x00\x00"
    found = conversation.server(ColumnCount(3), b"\x03de", behind, TEXT, b"\x0242\x02hi", END)
    assert [name_of(record) for record in found] == [
        *("ColumnCount", "Malformed:ColumnDefinition41", "Malformed:ColumnDefinition41", "ColumnDefinition41"),
        *("TextRow", "OKPacket"),
    ]
    broken = [record for record in found if isinstance(record, Malformed)]
    assert [record.field for record in broken] == ["catalog", "end"]
    assert dict(broken[1].partial)["name"] == "t"
    assert conversation.machine.state == st.COMMAND


def test_long_packets_stay_data() -> None:
    """Of what was not kept whole nothing is decoded."""
    conversation = Talk()
    conversation.client(b"\x03select n")
    conversation.server(ColumnCount(1), NUMBER)
    machine = conversation.machine
    row = machine.feed(SERVER, packet(b"\xfd\x00\x00\x20aaa", machine.next_sequence, length=1 << 21))
    assert isinstance(row, Data)
    conversation.server(END)
    conversation.client(b"\x09")
    assert isinstance(conversation.server(b"Uptime: 5")[0], Statistics)


def test_names() -> None:
    assert type_name(0xFD) == "VAR_STRING"
    assert type_name(0x77) == "type 0x77"
    assert column_flags(0x1021) == ["NOT_NULL_FLAG", "UNSIGNED_FLAG", "NO_DEFAULT_VALUE_FLAG"]
    assert list(flag_table.COLUMN_FLAGS) == [1 << bit for bit in range(16)]
    for name, value in vars(flag_table).items():
        if name.endswith("_FLAG"):
            assert flag_table.COLUMN_FLAGS[value] == name


# -- both ways with any values -----------------------------------------------------------------------------------------

texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=12)
u8, u16, u32 = some.integers(0, 0xFF), some.integers(0, 0xFFFF), some.integers(0, 0xFFFF_FFFF)
chunks = some.lists(some.builds(ExtendedMetadata, u8, texts), max_size=3).map(tuple)


@given(some.data(), some.booleans())
def test_definition_round_trip(draw: some.DataObject, extended: bool) -> None:
    ctx = Context(in_force=OLD | (cap.MARIADB_CLIENT_EXTENDED_METADATA if extended else 0))
    has_default = draw.draw(some.booleans())
    default = draw.draw(some.none() | some.binary(max_size=9)) if has_default else None
    names = tuple(draw.draw(texts) for _ in range(6))
    record = ColumnDefinition41(
        names[0],
        names[1],
        names[2],
        names[3],
        names[4],
        names[5],
        draw.draw(chunks) if extended else None,
        12,
        draw.draw(u16),
        draw.draw(u32),
        draw.draw(u8),
        draw.draw(u16),
        draw.draw(u8),
        draw.draw(some.binary(min_size=2, max_size=2)),
        has_default,
        default,
    )
    assert ColumnDefinition41.from_bytes(record.to_bytes(ctx), ctx) == record
    long_flags = draw.draw(some.booleans())
    flags, length = draw.draw(u16 if long_flags else u8), draw.draw(some.integers(0, 0xFFFFFF))
    old = ColumnDefinition320(
        names[0], names[1], length, draw.draw(u8), flags, draw.draw(u8), long_flags, has_default, default
    )
    assert ColumnDefinition320.from_bytes(old.to_bytes(Context()), Context()) == old
    assert isinstance(record.summary() + old.summary(), str)


DATES = some.datetimes().map(lambda value: value.isoformat(sep=" "))
VALUES: dict[int, some.SearchStrategy[Plain]] = {
    **{kind: some.integers(-128, 127) for kind in (1, 2, 3, 8, 9)},
    ct.MYSQL_TYPE_YEAR: some.integers(0, 2155),
    ct.MYSQL_TYPE_DOUBLE: some.floats(allow_nan=False),
    ct.MYSQL_TYPE_FLOAT: some.floats(width=32, allow_nan=False),
    ct.MYSQL_TYPE_DATE: some.dates().map(str),
    ct.MYSQL_TYPE_DATETIME: DATES,
    ct.MYSQL_TYPE_TIMESTAMP: DATES,
    ct.MYSQL_TYPE_NEWDECIMAL: some.decimals(allow_nan=False, allow_infinity=False).map(str),
    ct.MYSQL_TYPE_VAR_STRING: texts,
    ct.MYSQL_TYPE_BLOB: texts,
    ct.MYSQL_TYPE_JSON: texts,
    ct.MYSQL_TYPE_BIT: some.binary(max_size=8),
    ct.MYSQL_TYPE_GEOMETRY: some.binary(max_size=30),
    ct.MYSQL_TYPE_VECTOR: some.binary(max_size=30),
}
CELLS = some.sampled_from(sorted(VALUES)).flatmap(lambda kind: some.tuples(some.just(kind), some.none() | VALUES[kind]))


@given(some.lists(CELLS, min_size=1, max_size=12))
def test_rows_round_trip(cells: list[tuple[int, Plain]]) -> None:
    """A binary row of any values comes back; as text it means the same."""
    columns = tuple(column(kind, decimals=31).column for kind, _ in cells)
    binary = BinaryRow(tuple(encode_value(value, kind) for kind, value in cells))
    ctx = Context(in_force=NEW, columns=columns)
    assert BinaryRow.from_bytes(binary.to_bytes(ctx), ctx) == binary
    text = TextRow.of(binary.plain(columns), columns)
    assert TextRow.from_bytes(text.to_bytes(ctx), ctx) == text
    assert text.plain(columns) == binary.plain(columns)


@pytest.mark.parametrize("kind", sorted(FIXED_SIZES.keys() - {ct.MYSQL_TYPE_NULL}))
def test_numbers_that_are_none(kind: int) -> None:
    """A text row may hold anything where a number is due: it is shown as it stands."""
    assert of_text(b"abc", column(kind).column) == "abc"
    assert of_text(b"\xff", column(kind).column) == b"\xff"
    assert of_text(None, column(kind).column) is None
    size = FIXED_SIZES[kind]
    assert decode_value(Reader(bytes(size)), kind, False, "v").value == 0


# -- bytes of any kind -------------------------------------------------------------------------------------------------

SAID = [
    *(ColumnCount(2).to_bytes(Context()), NUMBER.to_bytes(Context()), TEXT.to_bytes(Context()), b"\x0242\x02hi"),
    *(b"\x00\x00\x2a\x00\x00\x00\x02hi", b"\xfb\xfb", EOF.to_bytes(Context()), END.to_bytes(Context())),
    *(ERR.to_bytes(Context()), OK.to_bytes(Context()), b"\x00\x01\x00\x00\x00\x02\x00\x01\x00\x00\x00\x00"),
    *(bytes.fromhex(text) for text in STREAMS["mariadb"][:30]),
    *(b"\x03select 1", b"\x16select ?", execute(1), b"\x1c\x01\x00\x00\x00\x01\x00\x00\x00", b"\x04t\x00", b"\x09"),
    *(b"\x12\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00a", b"\x1f", b"\xef" + bytes(8) + b"x", b"\x17" + b"\xff" * 8),
]


@some.composite
def payloads(draw: some.DrawFn) -> bytes:
    raw = bytearray(draw(some.sampled_from(SAID)))
    for _ in range(draw(some.integers(0, 2))):
        if raw:
            raw[draw(some.integers(0, len(raw) - 1))] = draw(u8)
    return bytes(raw[: draw(some.integers(0, len(raw)))]) if draw(some.integers(0, 3)) == 0 else bytes(raw)


@given(
    some.lists(some.tuples(some.sampled_from([CLIENT, SERVER, SERVER, SERVER]), payloads()), max_size=40),
    some.integers(0, 2**38 - 1),
    some.booleans(),
    some.sampled_from([st.COMMAND, st.ROWS, st.COLUMNS, st.STREAM, st.PREPARE, st.FIELD_LIST, st.DESYNCHRONISED]),
)
def test_any_bytes(said: list[tuple[int, bytes]], in_force: int, assumed: bool, state: st.StateName) -> None:
    """A record every time, and the same states as without looking."""
    machines = []
    for decode_rows in (False, True):
        machine = Machine(in_command_phase(in_force, assumed).context, state)
        machine.decode_rows = decode_rows
        machines.append(machine)
        for sender, payload in said:
            record = machine.feed(sender, packet(payload, max(machine.next_sequence, 0) if sender == SERVER else 0))
            assert isinstance(record, Record)
            assert isinstance(record.summary(), str)
    assert machines[0].state == machines[1].state
    assert machines[0].connection.result.left == machines[1].connection.result.left


def test_every_dump_command_streams_events() -> None:
    for code in (com.COM_BINLOG_DUMP, com.COM_BINLOG_DUMP_GTID):
        assert code in connection_state.DUMPS
        assert st.AWAITED[code] == st.STREAM
