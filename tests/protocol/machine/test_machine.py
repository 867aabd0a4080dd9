"""The machine beside the scripts: what is in force, sequence ids, pipelining, gaps, and bytes of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.protocol.machine import server
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.machine.state import MAX_PIPELINED
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.text import ComChangeUser, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.response import ColumnCount, StmtPrepareOK
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.framing import PacketFramer, encode_packet
from tests.protocol.machine.conversations import (
    BASE,
    COLUMN,
    END,
    EOF,
    NATIVE,
    NEW,
    OK,
    OK_MORE,
    ROW,
    SCRAMBLE,
    after_login,
    hello,
    login,
    ssl_request,
)
from tests.protocol.machine.playbook import Playbook, in_command_phase, name_of, packet

# -- tables -----------------------------------------------------------------------------------------------------------


def constants(module: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if name.isupper() and name.startswith(prefix) and isinstance(value, int | str):
            yield name, value


STATES = {value for name, value in constants(st) if name == value} - {st.FINISHED}


def test_every_state_has_a_decoder() -> None:
    assert set(server.DECODERS) == STATES
    assert {state for state, _ in st.TRANSITIONS} <= STATES
    assert set(st.TRANSITIONS.values()) <= STATES | {st.FINISHED}
    assert set(st.AWAITED.values()) <= STATES
    # A state is left and reached, but for where it begins and ends, and what a gap or the decoder leads to.
    left = {state for (state, _), target in st.TRANSITIONS.items() if target != state}
    assert STATES - left == {st.COMMAND, st.DESYNCHRONISED, st.OTHER_PROTOCOL}
    reached = (
        {target for (state, _), target in st.TRANSITIONS.items() if target != state}
        | set(st.AWAITED.values())
        | {st.RESPONSE}
    )
    assert STATES - reached == {st.GREETING, st.COMMAND, st.DESYNCHRONISED, st.OTHER_PROTOCOL}


# Commands whose answer is OK, ERR or EOF. Those that no client may send are answered with ERR.
RESPONSE = (
    "sleep init_db create_db drop_db refresh shutdown connect process_kill debug ping time delayed_insert connect_out "
    "register_slave stmt_reset set_option daemon reset_connection"
)


def test_every_command_has_its_answer() -> None:
    assert not st.UNANSWERED & set(st.AWAITED)
    named = st.UNANSWERED | set(st.AWAITED)
    assert named <= set(com.COMMANDS)
    assert {name for code, name in com.COMMANDS.items() if code not in named} == set(RESPONSE.split())


def test_every_constant_is_in_its_table() -> None:
    for name, value in constants(com, "COM_"):
        assert com.COMMANDS[value] == name.removeprefix("COM_").lower()
    for name, value in constants(cap):
        table = cap.STATUS_FLAGS if name.startswith("SERVER_") else cap.CAPABILITIES
        assert table[value] == name
    for table in (cap.CAPABILITIES, cap.STATUS_FLAGS):
        assert list(table) == sorted(table)
        assert all(bit.bit_count() == 1 for bit in table)
        assert len(set(table.values())) == len(table)
    assert set(cap.CAPABILITIES) == {1 << bit for bit in range(38)}


def test_flag_names() -> None:
    assert cap.flag_names(0x8000_0001, cap.CAPABILITIES) == ["CLIENT_LONG_PASSWORD", "CLIENT_REMEMBER_OPTIONS"]
    assert cap.flag_names(1 << 40 | 4, cap.STATUS_FLAGS) == ["UNKNOWN_0x4", f"UNKNOWN_0x{1 << 40:x}"]


# -- in force ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "client", "in_force"),
    [
        (NEW, BASE, BASE),
        (BASE, NEW, BASE),  # a flag that the server never offered
        (BASE | 1 << 36, BASE | 3 << 36, BASE | 1 << 36),
        # Extended capabilities count where both leave CLIENT_LONG_PASSWORD clear.
        (BASE | 1 << 36, BASE | cap.CLIENT_LONG_PASSWORD, BASE),
    ],
)
def test_in_force_is_what_both_set(server: int, client: int, in_force: int) -> None:
    book = Playbook().server(hello(server), "HandshakeV10", st.LOGIN)
    context = book.client(login(client), "HandshakeResponse41", st.AUTHENTICATION).play().context
    assert (context.in_force, context.assumed) == (in_force, False)


@pytest.mark.parametrize(
    ("server", "client", "expected"),
    [
        (cap.CLIENT_COMPRESS, 0, None),
        (cap.CLIENT_COMPRESS, cap.CLIENT_COMPRESS, "zlib"),
        (cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM, cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM, "zstd"),
        (
            cap.CLIENT_COMPRESS | cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM,
            cap.CLIENT_COMPRESS | cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM,
            "zlib",
        ),
    ],
)
def test_compression_begins_after_the_login(server: int, client: int, expected: str | None) -> None:
    book = Playbook().server(hello(BASE | server), "HandshakeV10", st.LOGIN)
    assert book.client(login(BASE | client), "HandshakeResponse41", st.AUTHENTICATION).play().compression is None
    assert book.server(OK, "OKPacket", st.COMMAND).play().compression == expected


def test_query_attributes_show_themselves_mid_stream() -> None:
    book = after_login(cap.CLIENT_PROTOCOL_41, assumed=True)
    machine = book.client(b"\x03\x00\x01select 1", "ComQuery", st.RESULT).play()
    assert machine.command is not None
    assert isinstance(machine.command.record, ComQuery)
    assert (machine.command.record.query, machine.command.record.parameter_count) == ("select 1", 0)
    book.server(OK, "OKPacket", st.COMMAND).play()


# -- sequence ids and pipelining --------------------------------------------------------------------------------------


def test_wrong_sequence_ids_are_told() -> None:
    machine = after_login().client(b"\x0e", "ComPing", st.RESPONSE).play()
    machine.feed(SERVER, packet(OK.to_bytes(machine.context), 3))
    error = machine.sequence_error
    assert error is not None
    assert (error.sender, error.expected, error.found) == (SERVER, 1, 3)
    machine.feed(CLIENT, packet(b"\x0e", 1))
    error = machine.sequence_error
    assert error is not None
    assert (error.sender, error.expected, error.found) == (CLIENT, 0, 1)


def test_sequence_ids_wrap() -> None:
    book = after_login(NEW).client(ComQuery("select 1"), "ComQuery", st.RESULT)
    book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.ROWS)
    for _ in range(600):
        book.server(ROW, "Data:row", st.ROWS)
    machine = book.server(END, "OKPacket", st.COMMAND).play()
    assert machine.sequence == (2 + 600 + 1) & 0xFF


def test_an_unasked_error_begins_at_zero() -> None:
    book = after_login().client(b"\x0e", "ComPing", st.RESPONSE).server(OK, "OKPacket", st.COMMAND)
    machine = book.server(ErrPacket(4031, "HY000", "idle"), "ErrPacket", st.COMMAND, sequence=0).play()
    assert machine.sequence_error is None
    book.server(OK, "Malformed:ServerPacket", st.COMMAND, sequence=0).play()


def test_inside_compressed_frames_sequence_ids_jump() -> None:
    """At each flush both servers go on with the id of the compressed frame."""
    machine = after_login(NEW).client(ComQuery("do 1; do 2"), "ComQuery", st.RESULT).play()
    machine.connection.compression = "zlib"
    for sequence, answer in ((1, OK_MORE), (2, OK_MORE), (2, OK)):
        machine.feed(SERVER, packet(answer.to_bytes(machine.context), sequence))
        assert machine.sequence_error is None
    assert machine.state == st.COMMAND


def test_pipelined_commands_are_answered_in_order() -> None:
    book = after_login(NEW).client(ComStmtPrepare("select ?"), "ComStmtPrepare", st.PREPARE)
    book.client(b"\x17" + bytes(9), "ComStmtExecute", st.PREPARE, sequence=0)
    book.client(b"\x19" + bytes(4), "ComStmtClose", st.PREPARE, sequence=0)  # not answered, and not waited for
    book.client(ComChangeUser("b", SCRAMBLE, True, "", 45, NATIVE), "ComChangeUser", st.PREPARE, sequence=0)
    book.client(b"\x09", "ComStatistics", st.PREPARE, sequence=0)
    book.server(StmtPrepareOK(1, 0, 1, 0, 0), "StmtPrepareOK", st.PREPARE_PARAMS)
    machine = book.server(COLUMN, "Data:parameter", st.RESULT).play()
    assert machine.finished is not None
    assert machine.finished.code == com.COM_STMT_PREPARE
    machine = book.server(OK, "OKPacket", st.AUTHENTICATION, sequence=1).play()
    assert (machine.plugin_name, machine.detail) == (NATIVE, None)
    book.server(OK, "OKPacket", st.STATISTICS, sequence=1)
    book.server(b"Uptime", "Data:statistics", st.COMMAND, sequence=1).play()


def test_a_response_that_was_not_understood_shifts_nothing() -> None:
    """The next command's answer is recognised by its sequence id."""
    book = after_login().client(ComQuery("select 1"), "ComQuery", st.RESULT)
    book.server(b"\xfe\x01\x02\x03\x04\x05\x06", "Malformed:ColumnCount", st.RESULT)
    book.client(b"\x09", "ComStatistics", st.RESULT, sequence=0)
    machine = book.server(b"Uptime: 5", "Data:statistics", st.COMMAND, sequence=1).play()
    assert machine.finished is not None
    assert machine.finished.code == com.COM_STATISTICS


def test_the_queue_is_bounded() -> None:
    machine = after_login().client(ComQuery("select 1"), "ComQuery", st.RESULT).play()
    for _ in range(MAX_PIPELINED):
        machine.feed(CLIENT, packet(b"\x0e"))
    assert (len(machine.queue), machine.state) == (MAX_PIPELINED, st.RESULT)
    machine.feed(CLIENT, packet(b"\x0e"))
    assert (len(machine.queue), machine.state) == (0, st.DESYNCHRONISED)


# -- gaps -------------------------------------------------------------------------------------------------------------


def test_after_a_gap_a_command_is_waited_for() -> None:
    machine = after_login().client(ComQuery("select 1"), "ComQuery", st.RESULT).play()
    machine.desynchronise()
    book = Playbook(machine).server(ROW, "Data:skipped", st.DESYNCHRONISED, sequence=77)
    book.client(b"garbage", "Data:skipped", st.DESYNCHRONISED, sequence=5)
    book.client(b"\x19" + bytes(4), "ComStmtClose", st.COMMAND, sequence=0)
    book.client(b"\x0e", "ComPing", st.RESPONSE).server(OK, "OKPacket", st.COMMAND).play()


def test_malformed_packets_keep_what_was_read() -> None:
    machine = Machine()
    record = machine.feed(SERVER, packet(hello().to_bytes(machine.context)[:19]))
    assert machine.state == st.GREETING
    assert getattr(record, "partial", None) == (
        ("protocol_version", 10),
        ("server_version", "8.0.1"),
        ("thread_id", 1),
        ("auth_plugin_data_part_1", b"12345678"),
    )


def test_an_empty_packet_where_a_command_is_due() -> None:
    after_login().client(b"", "Malformed:Command", st.COMMAND).play()


def test_the_playbook_shows_where_it_goes_another_way() -> None:
    book = after_login().client(b"\x0e", "ComPing", st.RESPONSE).server(EOF, "OKPacket", st.COMMAND)
    with pytest.raises(AssertionError, match="another way") as caught:
        book.play()
    shown = [line[:2] + line[11:].split("  ")[0] for line in str(caught.value).splitlines()[1:]]
    assert shown == ["   0e", "-  fe 00 00 02 00", "+  fe 00 00 02 00"]


# -- bytes of any kind ------------------------------------------------------------------------------------------------

# What each side says in some state, as bytes: mutated, cut and in the wrong place below.
PLAIN = in_command_phase(BASE).context
SAID: list[bytes] = [
    *(record.to_bytes(PLAIN) for record in (hello(), login(), ssl_request(), OK, OK_MORE, END, EOF)),
    *(b"\xff\x28\x04#42000x", b"\xff\xff\xff\x01\x01\x02\x00\x00\x00\x01x", b"\xfe", COLUMN, ROW, b"\xfb/tmp/x", b""),
    *(b"\xfedialog\x00\x02Password: ", b"\xfeparsec\x00" + bytes(32), b"\xfeclient_ed25519\x00" + bytes(32)),
    *(
        b"\xfecaching_sha2_password\x00" + bytes(21),
        b"\xfesha256_password\x00" + bytes(21),
        b"\xfeauthentication_webauthn_client\x00x",
    ),
    *(
        b"\x01\x03",
        b"\x01\x04",
        b"\x02\x01",
        b"\x02dialog\x00x",
        b"\x01-----BEGIN PUBLIC KEY-----\nx",
        bytes(32),
        SCRAMBLE,
    ),
    *(b"\x00\x01\x00\x00\x00\x02\x00\x02\x00\x00\x00\x00", b"\x03\x01\x01\x00\x01\xfe\x00\x01a\x01bselect 1"),
    *(b"\x11app\x00\x14" + SCRAMBLE + b"db\x00\x2d\x00mysql_native_password\x00", b"\x11app\x00\x00\x00"),
    *(bytes([code]) + b"abc" for code in com.COMMANDS),
]


@some.composite
def payloads(draw: some.DrawFn) -> bytes:
    if draw(some.integers(0, 3)) == 0:
        return draw(some.binary(max_size=40))
    data = bytearray(draw(some.sampled_from(SAID)))
    for _ in range(draw(some.integers(0, 2))):
        if data:
            data[draw(some.integers(0, len(data) - 1))] = draw(some.integers(0, 255))
    return bytes(data[: draw(some.integers(0, len(data)))]) if draw(some.booleans()) else bytes(data)


said = some.lists(
    some.tuples(some.sampled_from([CLIENT, SERVER]), payloads(), some.sampled_from([None, 0, 1, 255]), some.booleans()),
    max_size=30,
)
flags = some.integers(0, 2**38 - 1)


@given(said, some.sampled_from(sorted(STATES)), some.tuples(flags, flags), some.booleans(), some.booleans())
def test_any_bytes_in_any_state(
    packets: list[tuple[int, bytes, int | None, bool]],
    state: st.StateName,
    both: tuple[int, int],
    assumed: bool,
    alone: bool,
) -> None:
    """A record every time, and a state of the table."""
    machine = Machine(in_command_phase(both[0] & both[1], assumed).context, state)
    machine.context.server, machine.context.client = both
    machine.one_sided = alone
    for sender, payload, sequence, cut in packets:
        due = max(machine.next_sequence, 0)
        length = len(payload) + (1 << 24 if cut else 0)
        record = machine.feed(sender, packet(payload, due if sequence is None else sequence, length))
        assert isinstance(record, Record)
        assert name_of(record)
        assert isinstance(record.summary(), str)
        assert machine.state in STATES
        assert len(machine.queue) <= MAX_PIPELINED
        if machine.state == st.TLS_HANDSHAKE and cut:
            machine.secured()


@given(some.lists(some.tuples(payloads(), some.integers(0, 255)), max_size=40), flags, some.integers(0, 3))
def test_passing_over_is_feeding(packets: list[tuple[bytes, int]], in_force: int, columns: int) -> None:
    """Rows and definitions that are passed over in numbers leave the machine where feeding them leaves it."""
    in_force |= cap.CLIENT_PROTOCOL_41
    head = ColumnCount(columns + 1).to_bytes(PLAIN)
    contents = [(head, 0), *((COLUMN, 0) for _ in range(columns + 1)), *packets]
    # Most packets are in sequence; one with an odd number takes what is drawn for it.
    data = b"".join(
        encode_packet(payload, sequence if sequence & 1 else index)
        for index, (payload, sequence) in enumerate(contents, 1)
    )
    states = []
    for passing in (False, True):
        machine = in_command_phase(in_force)
        machine.feed(CLIENT, packet(b"\x17" + bytes(9)))
        framer = PacketFramer()
        framer.push(data, [len(data)], [1], [1])
        while True:
            if passing and (most := machine.may_pass) > 0:
                count, sequence, _ = framer.skip_rows(machine.next_sequence, most)
                machine.passed(count, sequence)
            found = framer.next()
            if found is None:
                break
            machine.feed(SERVER, found)
        states.append((machine.state, machine.sequence, machine.connection.result.left))
    assert states[0] == states[1]
