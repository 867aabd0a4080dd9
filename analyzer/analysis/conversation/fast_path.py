"""Turns: a plain command and its plain response, both whole, taken in one go. Most of the traffic is that.

What is plain is said in `protocol.machine` (`fast_path`, `execute_fast_path`, `Machine.plain_command`); here it is only
put together, for many runs of a connection at once. All else, and what is cut by the end of a batch, goes run by run.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.conversation.facts import MOST_OPENING, Facts
from analyzer.analysis.conversation.observer import Observer
from analyzer.net.tcp.payload_runs import Runs
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import NO_ATTRIBUTES
from analyzer.protocol.machine.execute_fast_path import HEAD, known_execute
from analyzer.protocol.machine.fast_path import LONGEST_SCANNED, last_of, scan
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF, CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_EXECUTE
from analyzer.protocol.wire.framing import HEADER

# Longer commands are rare.
# Bytes of a statement that may set character sets.
LONGEST_SET: Final = 512
LONGEST_COMMAND: Final = 1 << 16


def plain_turns(
    machine: Machine, observer: Observer | None, facts: Facts, client: int, runs: Runs, first: int, last: int
) -> int:
    """Takes turns from the run `first` on, up to `last` without it; returns the first run that is not taken.

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
    start, ends, sender, response_ends = runs.start, runs.ends, runs.sender, machine.ends
    taken = {COM_QUERY: 0, COM_STMT_EXECUTE: 0}
    run = first
    sequence = 0
    statement: PreparedStatement | None = None
    plan: ExecutePlan | None = None
    while run + 1 < last and sender[run] == client:
        size, length = ends[start[run + 1] - 1], ends[start[run + 2] - 1]
        if size > LONGEST_COMMAND or length > LONGEST_SCANNED or size <= HEADER:
            break
        request = runs.content(run)
        if request[3] or (request[0] | request[1] << 8 | request[2] << 16) != size - HEADER:
            break
        code = request[4]
        if code == COM_QUERY:
            if named and request[5:7] != NO_ATTRIBUTES:
                break
            statement = plan = None
        elif code != COM_STMT_EXECUTE or not executes or size < HEAD:
            break
        elif observer is not None:
            known = known_execute(machine, request)
            if known is None:
                break
            statement, plan = known
        response = runs.content(run + 1)
        found = scan(response, 1, has_eof, says_metadata)
        end = None if found is None else last_of(response[found[3] :], ctx, response_ends)
        if found is None or end is None:
            break
        sequence = found[4]
        taken[code] += 1
        if found[0] is None:
            machine.connection.note_ok(request[HEADER : HEADER + LONGEST_SET], end)
        if statement is not None:
            statement.executed = True
        if observer is not None:
            observer.turn(request, response, runs, run, machine, statement, plan, found, end)
        run += 2
    if run > first:
        if len(facts.answers.opening) < MOST_OPENING:
            _record_opening(facts, runs, first, run)
        _took(machine, facts, taken, sequence, runs.time[start[run] - 1])
    return run


def _took(machine: Machine, facts: Facts, taken: dict[int, int], sequence: int, time_ns: int) -> None:
    """Leaves what the turns leave behind; the last packet of the last had the id `sequence`."""
    machine.turned(sequence)
    facts.closing.spoke_ns = time_ns
    for code, times in taken.items():
        if times:
            facts.count_command(code, times)
            facts.turns += times


def _record_opening(facts: Facts, runs: Runs, first: int, last: int) -> None:
    """Records the commands that a session begins with, of turns that were taken: the runs from `first` to `last`."""
    answers = facts.answers
    for run in range(first, min(last, first + 2 * (MOST_OPENING - len(answers.opening))), 2):
        sent = runs.content(run)
        place = runs.start[run + 1] - 1
        answers.record_sent(sent[HEADER], sent[HEADER:], len(sent) - HEADER, runs.frame[place], runs.time[place])
