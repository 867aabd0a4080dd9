"""Turns: a plain command and its plain response, both whole, taken in one go. Most of the traffic is that.

What is plain is said in `protocol.machine` (`fast_path`, `execute_fast_path`); here it is only put together, for many
pieces of a connection at once. All else, and what is cut by the end of a batch, goes run by run.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.conversation.facts import MOST_OPENING, Facts
from analyzer.analysis.conversation.observer import Observer
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.net.tcp.pieces import Pieces
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.execute_fast_path import HEAD, known_execute, known_reset, take_effect
from analyzer.protocol.machine.fast_path import Scanned, has_more, last_of, scan, scan_prepared
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import ends_under
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_QUERY_ATTRIBUTES,
)
from analyzer.protocol.tables.commands import (
    COM_PING,
    COM_QUERY,
    COM_RESET_CONNECTION,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
)
from analyzer.protocol.wire.framing import HEADER

# Longer commands are rare.
LONGEST_COMMAND: Final = 1 << 16
# Bytes of a statement that may set character sets.
LONGEST_SET: Final = 512
# Constants of others, once more: here they are numbers of C.
_HEADER: Final = HEADER
_LONGEST: Final = LONGEST_COMMAND
_QUERY: Final = COM_QUERY
_EXECUTE: Final = COM_STMT_EXECUTE
_PING: Final = COM_PING
_PREPARE: Final = COM_STMT_PREPARE
_RESET: Final = COM_STMT_RESET
_RESET_ALL: Final = COM_RESET_CONNECTION
# Bytes of a whole COM_STMT_CLOSE, which nobody answers: it comes in front of the next command.
_CLOSE: Final = bytes([5, 0, 0, 0, COM_STMT_CLOSE])
_CLOSE_SIZE: Final = HEADER + 5
_CLOSED: Final = COM_STMT_CLOSE


def plain_turns(
    machine: Machine, observer: Observer | None, facts: Facts, client: int, pieces: Pieces, first: int, last: int
) -> int:
    """Takes turns from the piece `first` on, up to `last` without it; returns the first piece that is not taken.

    `observer` is who looks on, None where nobody does. Nothing has begun in either direction when this is called.
    """
    ctx = machine.context
    if machine.state != st.COMMAND or machine.queue or ctx.assumed or machine.one_sided:
        return first
    if machine.file_sequence is not None or (observer is not None and not observer.turns):
        return first
    named = ctx.in_force & CLIENT_QUERY_ATTRIBUTES != 0
    has_eof = not ctx.in_force & CLIENT_DEPRECATE_EOF
    says_metadata = ctx.in_force & METADATA_FLAG != 0
    may_omit = ctx.in_force & CLIENT_OPTIONAL_RESULTSET_METADATA != 0
    executes = observer is None or observer.executes
    every = observer is None or observer.all_turns
    segments, response_ends, connection = pieces.segments, machine.ends, machine.connection
    ends = ends_under(ctx, response_ends)
    found = Scanned()
    counts: dict[int, int] = {}
    sequence = 0
    begin = stop = first
    while begin < last and segments.sender[pieces.row[begin]] == client:
        middle = pieces.run_end(begin, last)
        if middle == last:
            break
        stop = pieces.run_end(middle, last)
        row = pieces.row[begin]
        offset, size = segments.offset[row], segments.length[row]
        octets = segments.octets
        request = b""
        if observer is not None or middle > begin + 1:
            request = pieces.content(begin, middle)
            offset, size = 0, len(request)
            octets = memoryview(request)
        closes = skipped = 0
        if every:
            closes = closes_in(octets, offset, size)
            skipped = closes * _CLOSE_SIZE
            offset, size = offset + skipped, size - skipped
        if size > _LONGEST or size <= _HEADER or octets[offset + 3]:
            break
        if (octets[offset] | octets[offset + 1] << 8 | octets[offset + 2] << 16) != size - _HEADER:
            break
        code = octets[offset + _HEADER]
        packet = request[skipped:] if skipped else request
        statement = plan = end = None
        if code == _QUERY:
            # The head of one without attributes says so in two bytes (`connection_state.NO_ATTRIBUTES`).
            if named and (size < _HEADER + 3 or octets[offset + 5] != 0 or octets[offset + 6] != 1):
                break
        elif code == _EXECUTE:
            if not executes or size < HEAD:
                break
        elif not every or not taken_whole(code, size, may_omit):
            break
        if observer is not None and (code in (_EXECUTE, _RESET)):
            known = known_execute(machine, packet, every) if code == _EXECUTE else known_reset(machine, packet)
            if known is None or closes:  # what is closed may be what is named
                break
            statement, plan = known
        if stop == middle + 1:
            row = pieces.row[middle]
            offset, length = segments.offset[row], segments.length[row]
            data, octets = segments.data, segments.octets
        else:
            response = pieces.content(middle, stop)
            offset, length = 0, len(response)
            data = octets = memoryview(response)
        opens = len(facts.answers.opening) < MOST_OPENING
        if opens and closes:
            break
        if opens and not request:
            request = packet = pieces.content(begin, middle)
        if code == _PREPARE:
            if not scan_prepared(found, octets, offset, offset + length, has_eof):
                break
        else:
            if not scan(found, octets, offset, offset + length, 1, has_eof, says_metadata):
                break
            payload = bytes(data[found.begin : offset + length])
            end = ends.get(payload) or last_of(payload, ctx, response_ends)
            if end is None or has_more(end) or (found.columns is not None and code not in (_QUERY, _EXECUTE)):
                break
            if found.columns is None:
                if code == _QUERY and not request:
                    packet = pieces.content(begin, middle)[skipped:]
                connection.note_ok(packet[_HEADER : _HEADER + LONGEST_SET], end)
        sequence = found.sequence
        counts[code] = counts.get(code, 0) + 1
        if closes:
            counts[_CLOSED] = counts.get(_CLOSED, 0) + closes
        asked = pieces.row[middle - 1]
        if observer is not None:
            if closes:
                _closes(machine, observer, pieces, begin, request, closes)
            turn = PlainTurn()
            turn.request, turn.named, turn.code = packet, named, code
            turn.frame, turn.time_ns = segments.frame[asked], segments.time_ns[asked]
            turn.length, turn.end, turn.pieces, turn.span = length, end, pieces, (begin, middle, stop)
            _answered(turn, found, found.first_stop - offset)
            if code != _QUERY:
                statement = take_effect(machine, packet, statement, plan, found)
                if code == _PREPARE:
                    turn.columns = found.definitions
            turn.statement, turn.plan = statement, plan
            observer.turn(turn, machine)
        if opens:
            frame, time_ns = segments.frame[asked], segments.time_ns[asked]
            facts.answers.record_sent(code, packet[_HEADER:], size - _HEADER, frame, time_ns)
        begin = stop
    if begin > first:
        machine.turned(sequence)
        facts.closing.spoke_ns = segments.time_ns[pieces.row[begin - 1]]
        facts.turns += sum(counts.values())
        for code, count in counts.items():
            facts.count_command(code, count)
    return begin


def _answered(turn: PlainTurn, found: Scanned, first_size: int) -> None:
    """Notes the whole response to a turn's command; its first packet has so many bytes."""
    pieces, segments, (_, middle, stop) = turn.pieces, turn.pieces.segments, turn.span
    answered, ended = pieces.row[pieces.holding(middle, first_size)], pieces.row[stop - 1]
    turn.columns, turn.rows, turn.sequence = found.columns, found.rows, found.sequence
    turn.response_frame, turn.first_ns = segments.frame[answered], segments.time_ns[pieces.row[middle]]
    turn.last_frame, turn.last_ns = segments.frame[ended], segments.time_ns[ended]


def taken_whole(code: int, size: int, may_omit: bool) -> bool:
    """Whether a packet of `size` bytes is a plain command that is neither a COM_QUERY nor an execute."""
    if code == _PREPARE:
        return not may_omit
    if code == _RESET:
        return size == _CLOSE_SIZE
    return (code in (_PING, _RESET_ALL)) and size == _HEADER + 1


def _closes(machine: Machine, observer: Observer, pieces: Pieces, begin: int, request: bytes, closes: int) -> None:
    """Tells of the COM_STMT_CLOSE in front of a command, which the pieces from `begin` on hold."""
    segments = pieces.segments
    for place in range(closes):
        turn = PlainTurn()
        turn.request = request[place * _CLOSE_SIZE : (place + 1) * _CLOSE_SIZE]
        row = pieces.row[pieces.holding(begin, (place + 1) * _CLOSE_SIZE)]
        turn.code, turn.named = _CLOSED, False
        turn.frame = turn.last_frame = segments.frame[row]
        turn.time_ns = turn.first_ns = turn.last_ns = segments.time_ns[row]
        turn.columns = turn.end = turn.statement = turn.plan = None
        turn.length = turn.rows = turn.sequence = turn.response_frame = 0
        turn.pieces, turn.span = pieces, (begin, begin, begin)
        take_effect(machine, turn.request, None, None, None)
        observer.turn(turn, machine)


def closes_in(octets: memoryview, offset: int, size: int) -> int:
    """How many COM_STMT_CLOSE stand in front of another command."""
    count = 0
    while size > _CLOSE_SIZE:
        for place in range(_HEADER + 1):
            if octets[offset + place] != _CLOSE[place]:
                return count
        count += 1
        offset += _CLOSE_SIZE
        size -= _CLOSE_SIZE
    return count
