"""Prepared statements where all is plain: bound values out of a whole packet, without a record for each of them.

`execute_plan` says which executes are plain. For all else `records.commands.statement` is there.
"""

from __future__ import annotations

from typing import Final

from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import HEAD, ExecutePlan, plan_of, types_in, types_of
from analyzer.protocol.machine.fast_path import Scanned
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.prepared import LAST_PREPARED, Bound, PreparedStatement
from analyzer.protocol.records.commands.statement import ComStmtExecute
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.commands import (
    COM_RESET_CONNECTION,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
)
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import ENCODING_ERRORS

__all__ = ["HEAD", "known_execute", "known_reset", "record_of", "take_effect"]

# Constants of others, once more: here they are numbers of C.
_HEADER: Final = HEADER
_PREPARE: Final = COM_STMT_PREPARE
_EXECUTE: Final = COM_STMT_EXECUTE
_CLOSE: Final = COM_STMT_CLOSE
_RESET: Final = COM_STMT_RESET
_RESET_ALL: Final = COM_RESET_CONNECTION
# Plans of one connection that are kept by the types that executes send.
MOST_PLANS: Final = 256


def record_of(plan: ExecutePlan, data: bytes) -> ComStmtExecute:
    """The record of a whole packet that fits the plan, where its values are not whole. Raises DecodeError."""
    bound = Bound(len(plan.types), plan.types)
    context = Context(in_force=CLIENT_QUERY_ATTRIBUTES if plan.named else 0, bound=bound)
    return ComStmtExecute.from_bytes(data[HEADER:], context)


def _known_plan(statement: PreparedStatement, named: bool) -> ExecutePlan | None:
    count = statement.num_params
    if count is None or statement.long_data:
        return None
    plan = statement.plan
    if plan is None or plan.named != named or (count and plan.types is not statement.types):
        plan = statement.plan = plan_of(count, statement.types, named)
    return plan


def number_in(data: bytes) -> int:
    """The number of the statement that a whole packet names."""
    high = data[8]
    return data[5] | data[6] << 8 | data[7] << 16 | high << 24


def _statement_of(machine: Machine, data: bytes) -> PreparedStatement | None:
    """The statement whose number a packet names."""
    statements = machine.connection.prepared.statements
    if statements is None or len(data) < _HEADER + 5:
        return None
    number = number_in(data)
    return None if number == LAST_PREPARED else statements.get(number)


def known_execute(machine: Machine, data: bytes, typed: bool = False) -> tuple[PreparedStatement, ExecutePlan] | None:
    """The statement of an execute that is plain, and how its values are read; None for all else.

    `data` is a whole packet, where a command is due. `typed`: it may send types that are not the statement's yet.
    Nothing has moved.
    """
    statement = _statement_of(machine, data)
    if statement is None:
        return None
    named = machine.context.in_force & CLIENT_QUERY_ATTRIBUTES != 0
    plan = _known_plan(statement, named)
    if plan is None or not plan.fits(data):
        plan = _sent_plan(machine, statement, data, named) if typed else None
    return None if plan is None else (statement, plan)


def _sent_plan(machine: Machine, statement: PreparedStatement, data: bytes, named: bool) -> ExecutePlan | None:
    """How an execute is read that sends its types; None where not all of its values are whole."""
    count = statement.num_params
    if not count or statement.long_data:
        return None
    plans = machine.connection.prepared.plans
    block = types_in(data, count, named)
    plan = plans.get(block)
    if plan is None:
        plan = plan_of(count, types_of(block, named), named)
        if plan is None or plan.block != block:  # of none, or with names: query attributes
            return None
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[block] = plan
    return plan if plan.fits(data) and plan.is_whole(data) else None


def known_reset(machine: Machine, data: bytes) -> tuple[PreparedStatement, None] | None:
    """The statement of a whole COM_STMT_RESET; None where it is not known."""
    statement = _statement_of(machine, data)
    return None if statement is None else (statement, None)


def take_effect(
    machine: Machine,
    data: bytes,
    statement: PreparedStatement | None,
    plan: ExecutePlan | None,
    found: Scanned | None,
) -> PreparedStatement | None:
    """What a plain command, answered without an error, changes of prepared statements; the one it makes or uses.

    `statement` and `plan` are what `known_execute` or `known_reset` gave, `found` is what was answered.
    """
    code = data[_HEADER]
    if code == _EXECUTE and statement is not None and plan is not None:
        statement.executed = True
        if plan is not statement.plan:
            statement.types, statement.plan = plan.types, plan
        return statement
    statements = machine.connection.prepared.statements
    if statements is None:
        statements = machine.connection.prepared.known
    if code == _PREPARE and found is not None:
        query = data[_HEADER + 1 :].decode("utf-8", ENCODING_ERRORS)
        statement = statements.add(query, found.statement_id, found.params, found.definitions)
    elif code == _CLOSE:
        statements.drop(number_in(data))
    elif code == _RESET and statement is not None:
        statement.reset()
    elif code == _RESET_ALL:
        statements.clear()
    return statement
