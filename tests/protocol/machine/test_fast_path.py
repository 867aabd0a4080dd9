"""Whole responses without a record for each packet: only what the state machine would say, or nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.fast_path import Scanned, error_of, plain_response, scan_error
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.machine.terminators import LONGEST, MOST, MOST_SETS, Ends, end_of
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.generic import OKPacket
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_PROTOCOL_41,
)
from analyzer.protocol.wire.framing import PacketFramer, encode_packet
from tests.protocol.machine.responses import METADATA, ROW, response


def machine(deprecate_eof: bool, metadata: int = 0) -> Machine:
    """A machine that awaits the answer to a COM_QUERY."""
    found = Machine(state=st.COMMAND)
    found.context.in_force = CLIENT_PROTOCOL_41 | (CLIENT_DEPRECATE_EOF if deprecate_eof else 0) | metadata
    found.context.assumed = False
    framer = PacketFramer()
    framer.push(encode_packet(bytes([com.COM_QUERY]) + b"SELECT 1", 0), [13], [1], [0])
    packet = framer.next()
    assert packet is not None
    found.feed(CLIENT, packet)
    return found


def counted(found: Machine, data: bytes) -> tuple[int, bool, bool]:
    """(rows, whether the last byte completed the response, whether anything was wrong) as the machine has it."""
    framer = PacketFramer()
    framer.push(data, [len(data)], [2], [0])
    rows = 0
    finished = wrong = False
    while (packet := framer.next()) is not None:
        wrong |= finished
        record = found.feed(SERVER, packet)
        rows += isinstance(record, Data) and record.kind == "row"
        finished = found.finished is not None
        wrong |= isinstance(record, Malformed) or found.sequence_error is not None
    return rows, finished and framer.idle, wrong


@given(some.integers(1, 5), some.lists(ROW, max_size=300), some.booleans(), METADATA, some.integers(0, 1))
def test_a_result_set_is_counted(
    columns: int, rows: list[bytes], deprecate_eof: bool, metadata: int, follows: int
) -> None:
    data = response(columns, rows, deprecate_eof, follows=follows if metadata else None)
    scanned = plain_response(one := machine(deprecate_eof, metadata), data)
    assert scanned is not None
    found, _ = scanned
    assert (found.rows, True, False) == counted(machine(deprecate_eof, metadata), data)
    assert (found.columns, found.rows, one.state) == (columns, len(rows), st.COMMAND)


@given(some.integers(0, 200), some.integers(0, 30), some.lists(ROW, max_size=3), some.booleans())
def test_rows_of_one_length_are_counted(size: int, count: int, others: list[bytes], deprecate_eof: bool) -> None:
    rows = [bytes([size]) + bytes(size)] * count + others
    data = response(1, rows, deprecate_eof)
    scanned = plain_response(machine(deprecate_eof), data)
    assert scanned is not None
    assert (scanned[0].rows, True, False) == counted(machine(deprecate_eof), data)


@given(some.data(), some.booleans(), METADATA)
def test_what_was_changed_is_refused_or_as_the_machine_says(
    data: some.DataObject, deprecate_eof: bool, metadata: int
) -> None:
    rows = data.draw(some.lists(ROW, max_size=6))
    follows = data.draw(some.integers(0, 1)) if metadata else None
    whole = bytearray(response(data.draw(some.integers(1, 3)), rows, deprecate_eof, follows=follows))
    for _ in range(data.draw(some.integers(1, 3))):
        whole[data.draw(some.integers(0, len(whole) - 1))] = data.draw(some.integers(0, 255))
    changed = bytes(whole[: data.draw(some.integers(len(whole) // 2, len(whole)))])
    one, two = machine(deprecate_eof, metadata), machine(deprecate_eof, metadata)
    state = one.state
    scanned = plain_response(one, changed)
    if scanned is None:
        assert (one.state, one.command is None) == (state, False)
        return
    found, complete, wrong = counted(two, changed)
    assert complete
    assert not wrong
    assert (scanned[0].rows, one.state, one.sequence) == (found, two.state, two.sequence)


def test_more_results_are_left_to_the_machine() -> None:
    one = machine(True)
    assert plain_response(one, response(1, [], True, status=0x0A)) is None
    assert one.state == st.RESULT


def test_the_end_is_decoded_once() -> None:
    one, other = machine(True), machine(True)
    other.ends = one.ends
    first = plain_response(one, response(1, [], True))
    second = plain_response(other, response(2, [], True))
    assert first is not None
    assert second is not None
    assert first[1] is second[1]
    assert len(one.ends) == 1


def test_what_is_kept_of_ends_is_bounded() -> None:
    ends: Ends = {}
    context = Context(in_force=CLIENT_PROTOCOL_41)
    long = OKPacket(0, 0, 0, 2, 0, "x" * LONGEST, True, None).to_bytes(context)
    assert end_of(long, context, ends) == end_of(long, context, ends)
    assert not any(known.records for known in ends.values())
    for number in range(MOST + 10):
        end_of(OKPacket(0, number, 0, 2, 0, None, True, None).to_bytes(context), context, ends)
    assert [len(known.records) for known in ends.values()] == [MOST]
    for number in range(3 * MOST_SETS):
        end_of(long, Context(in_force=CLIENT_PROTOCOL_41 | number << 40), ends)
    assert len(ends) <= MOST_SETS


@given(some.binary(max_size=40), some.integers(0, 2), some.integers(-1, 1))
def test_an_error_is_one_whole_packet(message: bytes, sequence: int, more: int) -> None:
    payload = b"\xff\x28\x04#42000" + message
    data = encode_packet(payload, sequence)
    data = data[:more] if more < 0 else data + b"\x00" * more
    found = Scanned()
    if not scan_error(found, data, 0, len(data)):
        assert sequence != 1 or more
        return
    assert sequence == 1
    assert not more
    error = error_of(data[found.begin :], Context())
    assert error is not None
    assert (error.error_code, error.sql_state) == (1064, "42000")


def test_a_report_of_progress_is_no_error() -> None:
    assert error_of(b"\xff\xff\xff\x01\x01\x02\x00\x00\x00\x00", Context()) is None
    assert error_of(b"\xff\x01", Context()) is None
