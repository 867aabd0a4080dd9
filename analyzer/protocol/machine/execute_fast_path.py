"""COM_STMT_EXECUTE where it is plain: bound values out of a whole packet, without a record for each of them.

Plain is an execute of a statement whose prepare was captured, with no query attributes and no long data, and with the
types that an earlier one sent, whether it sends them again or not. For all else `records.statement` is there.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.machine.connection_state import UNREAD
from analyzer.protocol.machine.machine import AwaitedCommand, Machine
from analyzer.protocol.prepared import LAST_PREPARED, Bound, PreparedStatement
from analyzer.protocol.records.commands.parameters import TYPE, UNSIGNED
from analyzer.protocol.records.commands.statement import ComStmtExecute
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.column_types import MYSQL_TYPE_TIME, MYSQL_TYPE_YEAR
from analyzer.protocol.tables.commands import COM_STMT_EXECUTE
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import Reader
from analyzer.protocol.wire.values import BINARY, BLOBS, DATES, FIXED_SIZES, INTEGER_SIZES, Plain, decode_value

# Header, command, statement_id, flags, iteration_count.
HEAD: Final = HEADER + 10
# More parameters than one byte counts are not plain.
MOST: Final = 250

# All other types have a length in front and are text where that is UTF-8.
_NO_TEXTS: Final = DATES | BINARY | BLOBS | FIXED_SIZES.keys() | {MYSQL_TYPE_TIME}
# Kinds of values: an integer's place among these, or one of the others.
_ORDER: Final = "bBhHiIqQ"
_INTEGERS: Final = tuple(Struct("<" + letter) for letter in _ORDER)
_LETTERS: Final[dict[int, str]] = {1: "b", 2: "h", 4: "i", 8: "q"}
_TEXT: Final = -1
_OTHER: Final = -2
_COUNTS: Final = tuple(bytes([count]) for count in range(MOST + 1))


class ExecutePlan(msgspec.Struct, frozen=True, gc=False):
    """How to read executes of a statement whose parameters have `types`.

    `named`: CLIENT_QUERY_ATTRIBUTES is in force. `block`: the types as they stand on the wire. `start`: where the NULL
    bitmap stands, `flag` where new_params_bind_flag does. `integers` reads all values where they are integers, none of
    them NULL; `kinds` says for each whether it is an integer (its place in `_INTEGERS`), text, or something else.
    """

    types: tuple[int, ...]
    named: bool
    block: bytes
    start: int
    flag: int
    integers: Struct | None
    kinds: tuple[int, ...]

    def fits(self, data: bytes) -> bool:
        """Whether a whole packet is a plain execute: what remains to be seen is whether its values are whole."""
        flag = self.flag
        if self.named and data[HEAD : HEAD + 1] != _COUNTS[len(self.types)]:
            return False
        if not self.types:
            return len(data) == self.start
        if len(data) <= flag:
            return False
        return not data[flag] or (data[flag] == 1 and data.startswith(self.block, flag + 1))

    def values(self, data: bytes) -> list[Plain] | None:
        """The values of a packet that `fits`; None where they are not whole."""
        flag = self.flag
        if not self.types:
            return []
        pos = flag + 1 + len(self.block) if data[flag] else flag + 1
        nulls = int.from_bytes(data[self.start : flag], "little")
        integers = self.integers
        if integers is not None and not nulls:
            return list(integers.unpack_from(data, pos)) if len(data) == pos + integers.size else None
        found: list[Plain] = []
        end = len(data)
        for index, kind in enumerate(self.kinds):
            if nulls >> index & 1:
                found.append(None)
            elif kind == _TEXT and pos < end and (size := data[pos]) <= 0xFA:
                raw = data[pos + 1 : pos + 1 + size]
                try:
                    found.append(raw.decode())
                except UnicodeDecodeError:
                    found.append(raw)
                pos += 1 + size
            elif kind >= 0:
                reads = _INTEGERS[kind]
                if pos + reads.size > end:
                    return None
                found.append(reads.unpack_from(data, pos)[0])
                pos += reads.size
            else:
                r = Reader(data, pos=pos)
                own = self.types[index]
                try:
                    found.append(decode_value(r, own & TYPE, own >= UNSIGNED, "parameter_value").value)
                except DecodeError:
                    return None
                pos = r.pos
        return found if pos == end else None

    def record(self, data: bytes) -> ComStmtExecute:
        """The whole packet's record, where its values are not whole."""
        bound = Bound(len(self.types), self.types)
        context = Context(in_force=CLIENT_QUERY_ATTRIBUTES if self.named else 0, bound=bound)
        return ComStmtExecute.from_bytes(data[HEADER:], context)


def _letter(own: int) -> str:
    """How `struct` calls the integer of a type; empty where it is none."""
    letter = _LETTERS.get(INTEGER_SIZES.get(own & TYPE, 0), "")
    return letter.upper() if own >= UNSIGNED or own & TYPE == MYSQL_TYPE_YEAR else letter


def _kind(own: int) -> int:
    letter = _letter(own)
    if letter:
        return _ORDER.index(letter)
    return _OTHER if own & TYPE in _NO_TEXTS else _TEXT


def plan_of(count: int, types: tuple[int, ...] | None, named: bool) -> ExecutePlan | None:
    """For executes of a statement of `count` parameters that had these types last; None where none is plain."""
    if not count:
        types = ()
    elif types is None or len(types) != count or count > MOST:
        return None
    letters = [_letter(own) for own in types]
    start = HEAD + named
    return ExecutePlan(
        types,
        named,
        b"".join(own.to_bytes(2, "little") + bytes(named) for own in types),
        start,
        start + (count + 7) // 8,
        Struct("<" + "".join(letters)) if all(letters) else None,
        tuple(map(_kind, types)),
    )


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
        machine._await(AwaitedCommand(COM_STMT_EXECUTE, UNREAD, 0, statement))
    return found
