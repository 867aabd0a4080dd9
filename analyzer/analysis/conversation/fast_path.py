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
from analyzer.protocol.machine.execute_fast_path import HEAD, known_execute
from analyzer.protocol.machine.fast_path import Scanned, has_more, last_of, scan, scan_prepared
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import ends_under
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_QUERY_ATTRIBUTES,
)
from analyzer.protocol.tables.commands import COM_PING, COM_QUERY, COM_STMT_CLOSE, COM_STMT_EXECUTE, COM_STMT_PREPARE
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
# Bytes of a whole COM_STMT_CLOSE, which nobody answers: it comes in front of the next command.
_CLOSE: Final = bytes([5, 0, 0, 0, COM_STMT_CLOSE])
_CLOSE_SIZE: Final = HEADER + 5
_TAKEN: Final = (COM_QUERY, COM_STMT_EXECUTE, COM_PING, COM_STMT_PREPARE, COM_STMT_CLOSE)


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
    segments, response_ends, connection = pieces.segments, machine.ends, machine.connection
    ends = ends_under(ctx, response_ends)
    found = Scanned()
    queries = executed = pinged = prepared = closed = sequence = 0
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
        closes = 0
        if observer is None:
            closes = closes_in(octets, offset, size)
            offset, size = offset + closes * _CLOSE_SIZE, size - closes * _CLOSE_SIZE
        if size > _LONGEST or size <= _HEADER or octets[offset + 3]:
            break
        if (octets[offset] | octets[offset + 1] << 8 | octets[offset + 2] << 16) != size - _HEADER:
            break
        code = octets[offset + _HEADER]
        statement = plan = end = None
        if code == _QUERY:
            # The head of one without attributes says so in two bytes (`connection_state.NO_ATTRIBUTES`).
            if named and (size < _HEADER + 3 or octets[offset + 5] != 0 or octets[offset + 6] != 1):
                break
        elif observer is None and ((code == _PREPARE and not may_omit) or (code == _PING and size == _HEADER + 1)):
            pass  # who looks on sees these packet by packet
        elif code != _EXECUTE or not executes or size < HEAD:
            break
        elif observer is not None:
            known = known_execute(machine, request)
            if known is None:
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
            request = pieces.content(begin, middle)
        if code == _PREPARE:
            if not scan_prepared(found, octets, offset, offset + length, has_eof):
                break
            prepared += 1
        else:
            if not scan(found, octets, offset, offset + length, 1, has_eof, says_metadata):
                break
            payload = bytes(data[found.begin : offset + length])
            end = ends.get(payload) or last_of(payload, ctx, response_ends)
            if end is None or has_more(end) or (code == _PING and found.columns is not None):
                break
            if found.columns is None:
                if code == _QUERY and not request:
                    request = pieces.content(begin, middle)
                skipped = _HEADER + closes * _CLOSE_SIZE
                connection.note_ok(request[skipped : skipped + LONGEST_SET], end)
            queries += code == _QUERY
            executed += code == _EXECUTE
            pinged += code == _PING
        sequence = found.sequence
        closed += closes
        if statement is not None:
            statement.executed = True
        asked = pieces.row[middle - 1]
        if observer is not None and end is not None:
            answered = pieces.row[pieces.holding(middle, found.first_stop - offset)]
            ended = pieces.row[stop - 1]
            turn = PlainTurn()
            turn.request, turn.named, turn.statement, turn.plan = request, named, statement, plan
            turn.frame, turn.time_ns = segments.frame[asked], segments.time_ns[asked]
            turn.columns, turn.rows, turn.length = found.columns, found.rows, length
            turn.sequence, turn.end = sequence, end
            turn.response_frame, turn.first_ns = segments.frame[answered], segments.time_ns[pieces.row[middle]]
            turn.last_frame, turn.last_ns = segments.frame[ended], segments.time_ns[ended]
            turn.pieces, turn.span = pieces, (begin, middle, stop)
            observer.turn(turn, machine)
        if opens:
            frame, time_ns = segments.frame[asked], segments.time_ns[asked]
            facts.answers.record_sent(code, request[_HEADER:], size - _HEADER, frame, time_ns)
        begin = stop
    if begin > first:
        machine.turned(sequence)
        facts.closing.spoke_ns = segments.time_ns[pieces.row[begin - 1]]
        _count(facts, (queries, executed, pinged, prepared, closed))
    return begin


def _count(facts: Facts, counts: tuple[int, ...]) -> None:
    """Counts commands, by their places in _TAKEN."""
    facts.turns += sum(counts)
    for code, count in zip(_TAKEN, counts, strict=True):
        if count:
            facts.count_command(code, count)


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
