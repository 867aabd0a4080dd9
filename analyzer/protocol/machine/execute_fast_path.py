"""COM_STMT_EXECUTE where it is plain: bound values out of a whole packet, without a record for each of them.

`execute_plan` says what is plain. For all else `records.commands.statement` is there.
"""

from __future__ import annotations

from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import HEAD, ExecutePlan, plan_of
from analyzer.protocol.machine.connection_state import UNREAD
from analyzer.protocol.machine.machine import AwaitedCommand, Machine
from analyzer.protocol.prepared import LAST_PREPARED, Bound, PreparedStatement
from analyzer.protocol.records.commands.statement import ComStmtExecute
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.commands import COM_STMT_EXECUTE
from analyzer.protocol.wire.framing import HEADER

__all__ = ["HEAD", "ExecutePlan", "known_execute", "plain_execute", "record_of"]


def record_of(plan: ExecutePlan, data: bytes) -> ComStmtExecute:
    """The record of a whole packet that fits the plan, where its values are not whole. Raises DecodeError."""
    bound = Bound(len(plan.types), plan.types)
    context = Context(in_force=CLIENT_QUERY_ATTRIBUTES if plan.named else 0, bound=bound)
    return ComStmtExecute.from_bytes(data[HEADER:], context)


def _known_plan(statement: PreparedStatement, in_force: int) -> ExecutePlan | None:
    count = statement.num_params
    if count is None or statement.long_data:
        return None
    named = in_force & CLIENT_QUERY_ATTRIBUTES != 0
    plan = statement.plan
    if plan is None or plan.named != named or (count and plan.types is not statement.types):
        plan = statement.plan = plan_of(count, statement.types, named)
    return plan


def known_execute(machine: Machine, data: bytes) -> tuple[PreparedStatement, ExecutePlan] | None:
    """The statement of an execute that is plain, and how its values are read; None for all else.

    `data` is a whole packet, where a command is due. Nothing has moved.
    """
    statements = machine.statements
    number = int.from_bytes(data[5:9], "little")
    if statements is None or number == LAST_PREPARED:
        return None
    statement = statements.get(number)
    if statement is None:
        return None
    plan = _known_plan(statement, machine.context.in_force)
    if plan is None or not plan.fits(data):
        return None
    return statement, plan


def plain_execute(machine: Machine, data: bytes) -> tuple[PreparedStatement, ExecutePlan] | None:
    """Takes an execute that is plain, a `Machine.whole_command`; None for all else, and nothing has moved."""
    found = known_execute(machine, data)
    if found is not None:
        statement = found[0]
        statement.executed = True
        machine.connection.await_response(AwaitedCommand(COM_STMT_EXECUTE, UNREAD, 0, statement))
    return found
