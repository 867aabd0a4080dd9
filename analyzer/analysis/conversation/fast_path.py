"""Turns: a plain command and its plain response, both whole, taken in one go. Most of the traffic is that.

What is plain is said in `protocol.scanning`, `protocol.executes` and `Machine.plain_command`; here it is only put
together, for many runs of a connection at once. All else, and what is cut by the end of a batch, goes run by run.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.tracker import CommandTracker
from analyzer.analysis.conversation.facts import Facts
from analyzer.analysis.conversation.observer import Skimmer
from analyzer.analysis.model.command import OK, RESULTSET
from analyzer.net.tcp.payload_runs import Runs
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import NO_ATTRIBUTES
from analyzer.protocol.machine.execute_fast_path import HEAD, ExecutePlan, known_execute
from analyzer.protocol.machine.fast_path import LONGEST_SCANNED, last_of, scan
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF, CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_EXECUTE
from analyzer.protocol.wire.framing import HEADER

# Longer commands are rare.
LONGEST_COMMAND: Final = 1 << 16


def plain_turns(
    machine: Machine,
    observer: CommandTracker | Skimmer | None,
    facts: Facts,
    client: int,
    runs: Runs,
    first: int,
    last: int,
) -> int:
    """Takes turns from the run `first` on, up to `last` without it; returns the first run that is not taken.

    `observer` is who looks on, None where nobody does. Nothing has begun in either direction when this is called.
    """
    ctx = machine.context
    in_force = ctx.in_force
    if machine.state != st.COMMAND or machine.queue or ctx.assumed or machine.one_sided:
        return first
    log = observer if isinstance(observer, CommandTracker) else None
    skimmer = observer if isinstance(observer, Skimmer) else None
    if machine.file_sequence is not None or (log is not None and not log.idle):
        return first
    named = in_force & CLIENT_QUERY_ATTRIBUTES != 0
    has_eof = not in_force & CLIENT_DEPRECATE_EOF
    says_metadata = in_force & METADATA_FLAG != 0
    skip = HEADER + 3 if named else HEADER + 1
    start, ends, frames, times = runs.start, runs.ends, runs.frame, runs.time
    queries = executes = sequence = 0
    run = first
    while run + 1 < last and runs.sender[run] == client:
        middle, stop = start[run + 1], start[run + 2]
        size, length = ends[middle - 1], ends[stop - 1]
        if size > LONGEST_COMMAND or length > LONGEST_SCANNED or size <= HEADER:
            break
        request = runs.content(run)
        if request[3] or (request[0] | request[1] << 8 | request[2] << 16) != size - HEADER:
            break
        code = request[4]
        statement: PreparedStatement | None = None
        plan: ExecutePlan | None = None
        if code == COM_QUERY:
            if named and request[5:7] != NO_ATTRIBUTES:
                break
        elif code != COM_STMT_EXECUTE or (skimmer is not None and not skimmer.executes):
            break
        elif observer is None:
            if size < HEAD:
                break
        else:
            known = known_execute(machine, request)
            if known is None:
                break
            statement, plan = known
        response = runs.content(run + 1)
        found = scan(response, 1, has_eof, says_metadata)
        if found is None:
            break
        columns, rows, first_stop, place, sequence_id = found
        end = last_of(response[place:], ctx, machine.ends)
        if end is None:
            break
        sequence = sequence_id
        run += 2
        if code == COM_QUERY:
            queries += 1
        else:
            executes += 1
        if statement is not None:
            statement.executed = True
        if skimmer is not None:
            skimmer.turn(code, request, response, runs, run - 2, machine)
        if log is None:
            continue
        if statement is not None:
            query, count, text = statement.query, statement.num_params, request
        else:
            query = count = None
            text = request[skip:]
        answer = middle if stop == middle + 1 else bisect_left(ends, first_stop, middle, stop)
        log.turn(
            PendingCommand(
                log.number,
                frames[middle - 1],
                times[middle - 1],
                code,
                None,
                size,
                query,
                count,
                log.database,
                log.user,
                OK if columns is None else RESULTSET,
                frames[answer],
                times[middle],
                times[stop - 1],
                frames[stop - 1],
                length,
                True,
                end,
                None,
                columns,
                None if columns is None else rows,
                text,
                plan,
                True,
                statement,
            )
        )
    if run > first:
        machine.turned(sequence)
        facts.closing.spoke_ns = times[start[run] - 1]
        if queries:
            facts.count_command(COM_QUERY, queries)
        if executes:
            facts.count_command(COM_STMT_EXECUTE, executes)
    return run
