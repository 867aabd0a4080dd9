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
from analyzer.protocol.machine.fast_path import Scanned, has_more, last_of, scan
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import ends_under
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF, CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_EXECUTE
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
    executes = observer is None or observer.executes
    segments, response_ends, connection = pieces.segments, machine.ends, machine.connection
    ends = ends_under(ctx, response_ends)
    found = Scanned()
    queries = executed = sequence = 0
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
        if size > _LONGEST or size <= _HEADER or octets[offset + 3]:
            break
        if (octets[offset] | octets[offset + 1] << 8 | octets[offset + 2] << 16) != size - _HEADER:
            break
        code = octets[offset + _HEADER]
        statement = plan = None
        if code == _QUERY:
            # The head of one without attributes says so in two bytes (`connection_state.NO_ATTRIBUTES`).
            if named and (size < _HEADER + 3 or octets[offset + 5] != 0 or octets[offset + 6] != 1):
                break
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
        if not scan(found, octets, offset, offset + length, 1, has_eof, says_metadata):
            break
        payload = bytes(data[found.begin : offset + length])
        end = ends.get(payload)
        if end is None:
            end = last_of(payload, ctx, response_ends)
            if end is None:
                break
        if has_more(end):
            break
        sequence = found.sequence
        if code == _QUERY:
            queries += 1
        else:
            executed += 1
        opens = len(facts.answers.opening) < MOST_OPENING
        if not request and (opens or (found.columns is None and code == _QUERY)):
            request = pieces.content(begin, middle)
        if found.columns is None:
            connection.note_ok(request[_HEADER : _HEADER + LONGEST_SET], end)
        if statement is not None:
            statement.executed = True
        asked = pieces.row[middle - 1]
        if observer is not None:
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
        facts.turns += queries + executed
        if queries:
            facts.count_command(_QUERY, queries)
        if executed:
            facts.count_command(_EXECUTE, executed)
    return begin
