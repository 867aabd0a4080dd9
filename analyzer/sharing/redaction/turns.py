"""Plain commands and plain responses, whole, without a record for each packet: most of the traffic."""

from __future__ import annotations

import struct
from collections.abc import Hashable
from typing import Final

import msgspec

from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.errors import DecodeError
from analyzer.protocol.columns import Columns, ResultColumn
from analyzer.protocol.execute_plan import HEAD, ExecutePlan
from analyzer.protocol.machine.execute_fast_path import record_of
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.resultset import may_keep
from analyzer.protocol.machine.terminators import EOF_LENGTH
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.records.resultset import ColumnDefinition41
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.sharing.redaction.logins import KnownLogins
from analyzer.sharing.redaction.packets import ONE_ITERATION, PacketRedactor, is_bound_type, names_itself
from analyzer.sharing.redaction.rows import ValueForms, forms_of

# Heads of result sets that are kept, and bytes of each at most.
_MOST_HEADS: Final = 1024
_LONGEST_HEAD: Final = 8 << 10
_MOST_PLANS: Final = 4096
_MOST_COLUMNS: Final = 8192
_LONGEST_COLUMN: Final = 512
# Bytes of the OK that answers a prepare, and where in its packet stand how many columns and parameters there are (two
# bytes each), and a byte that is not used.
_PREPARE_OK: Final = 12
_COLUMNS: Final = HEADER + 5
_FILLER: Final = HEADER + 9


class ResultHead(msgspec.Struct, frozen=True):
    """What stands in front of the rows: in its place, and the columns that it defines.

    `own`: it is the same whatever statement was asked.
    """

    made: bytes
    columns: Columns
    own: bool


class RedactedColumn(msgspec.Struct, frozen=True):
    """A definition in its place, and the column; None where it is broken. `own` as of `ResultHead`."""

    payload: bytes
    column: ResultColumn | None
    own: bool


class TurnRedactor:
    """Redacts turns as `packets` redacts each of their packets. `used` False: they come as packets after all."""

    def __init__(self, packets: PacketRedactor, used: bool = True) -> None:
        self.packets = packets
        self.used = used
        self.logins = KnownLogins(packets.replacements, "attributes" in packets.keep.kinds)
        self._heads: dict[Hashable, ResultHead] = {}
        self._columns: dict[tuple[bytes, int, int], RedactedColumn] = {}
        self._forms: dict[tuple[int, ...], ValueForms | None] = {}

    # -- commands ------------------------------------------------------------------------------------------------------

    def request(self, turn: PlainTurn, machine: Machine, escapes: bool | None) -> bytes:
        """The command's whole packet."""
        data = turn.request
        if turn.plan is not None:
            return self._execute(data, turn.plan, machine, escapes)
        if not turn.asks:
            return data  # a ping, a reset, a close: it names nothing but a number
        text = turn.text
        return data[: -len(text) or None] + self.packets.sql.statement(text, escapes)

    def _execute(self, data: bytes, plan: ExecutePlan, machine: Machine, escapes: bool | None) -> bytes:
        if plan.types not in self._forms:
            if len(self._forms) >= _MOST_PLANS:
                self._forms.clear()
            # None: not all of the types are known, and what is none does not stay.
            self._forms[plan.types] = forms_of(plan) if all(map(is_bound_type, plan.types)) else None
        forms = self._forms[plan.types]
        made = None
        if forms is not None and data[HEAD - 4 : HEAD] == ONE_ITERATION:
            made = self.packets.rows.bound(data, plan, forms)
        if made is not None:
            return made
        payload = data[HEADER:]
        try:
            record = record_of(plan, data)
        except DecodeError:
            return data[:HEADER] + self.packets.zeros(payload, 1)
        return data[:HEADER] + self.packets.payload(payload, record, machine, None, escapes)

    # -- responses -----------------------------------------------------------------------------------------------------

    def response(
        self, turn: PlainTurn, ends: OKPacket | EOFPacket, data: bytes, machine: Machine, escapes: bool | None
    ) -> bytes:
        """The whole response, in whose last packet `ends` is."""
        packets = self.packets
        if turn.columns is None:
            return data[:HEADER] + packets.payload(data[HEADER:], ends, machine, None, escapes)
        at, count = _head_of(data, turn.columns, machine)
        head = self._head(data[:at], HEADER + data[0], (count,), turn, machine, escapes)
        _note(turn, head, machine)
        out = bytearray(data)
        out[:at] = head.made
        columns = head.columns
        if not count and turn.statement is not None and len(turn.statement.columns) == turn.columns:
            columns = turn.statement.columns
        end = packets.rows.rows(data, at, turn.rows, out, columns, turn.statement is not None)
        out[end + HEADER :] = packets.payload(data[end + HEADER :], ends, machine, None, escapes)
        return bytes(out)

    def prepared(self, turn: PlainTurn, data: bytes, machine: Machine, escapes: bool | None) -> bytes:
        """What answers a prepare: an OK with the number of the statement, and definitions."""
        begin = HEADER + _PREPARE_OK
        ok = bytearray(data[:begin])
        self.packets.zeroed += ok[_FILLER] != 0
        ok[_FILLER] = 0
        columns, params = struct.unpack_from("<HH", ok, _COLUMNS)
        if len(data) == begin:
            return bytes(ok)
        head = self._head(data[begin:], 0, (params, columns), turn, machine, escapes)
        if len(head.columns) == columns:
            _note(turn, head, machine)
        return bytes(ok) + head.made

    def _head(
        self,
        raw: bytes,
        at: int,
        counts: tuple[int, ...],
        turn: PlainTurn,
        machine: Machine,
        escapes: bool | None,
    ) -> ResultHead:
        """Definitions from `at` on, so many in each list."""
        base: Hashable = (raw, counts, machine.context.in_force, self.packets.sql.known_names)
        key = base
        found = self._heads.get(key)
        if found is not None and not found.own:
            # It names what the statement asks for.
            key = (base, self._asked(turn, machine))
            found = self._heads.get(key)
        if found is not None:
            return found
        found, whole = self._made(raw, at, counts, turn, machine, escapes)
        if whole and len(raw) <= _LONGEST_HEAD:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[base] = found
            if not found.own:
                self._heads[base, self._asked(turn, machine)] = found
        return found

    def _asked(self, turn: PlainTurn, machine: Machine) -> Hashable:
        """By what the columns of the command are told from those of others."""
        if turn.statement is not None:
            return turn.statement.query
        return self.packets.sql.words(turn.text)

    def _made(
        self,
        raw: bytes,
        at: int,
        counts: tuple[int, ...],
        turn: PlainTurn,
        machine: Machine,
        escapes: bool | None,
    ) -> tuple[ResultHead, bool]:
        """The head of a result set, and whether it may be kept: its definitions are whole."""
        statement: str | None = None
        if turn.statement is not None:
            statement = turn.statement.query
        else:
            statement = turn.text.decode("utf-8", ENCODING_ERRORS)
        out = bytearray(raw)
        columns: list[ResultColumn] = []
        own, broken = True, 0
        for count in counts:
            columns.clear()
            for _ in range(count):
                start = at + HEADER
                at = start + (raw[at] | raw[at + 1] << 8 | raw[at + 2] << 16)
                made = self._definition(raw[start:at], statement, machine, escapes)
                out[start:at] = made.payload
                own = own and made.own
                if made.column is None:
                    broken += 1
                else:
                    columns.append(made.column)
            if count and not machine.context.in_force & CLIENT_DEPRECATE_EOF:
                at += HEADER + EOF_LENGTH
        return ResultHead(bytes(out), () if broken else tuple(columns), own), not broken

    def _definition(
        self, payload: bytes, statement: str | None, machine: Machine, escapes: bool | None
    ) -> RedactedColumn:
        """One definition; those that the statement says nothing of are kept."""
        key = payload, machine.context.in_force, self.packets.sql.known_names
        found = self._columns.get(key)
        if found is not None:
            return found
        try:
            record = ColumnDefinition41.from_bytes(payload, machine.context)
        except DecodeError:
            return RedactedColumn(self.packets.zeros(payload, 1), None, True)
        made = self.packets.payload(payload, record, machine, statement, escapes)
        found = RedactedColumn(made, record.column, names_itself(record))
        if found.own and len(payload) <= _LONGEST_COLUMN:
            if len(self._columns) >= _MOST_COLUMNS:
                self._columns.clear()
            self._columns[key] = found
        return found


def _head_of(data: bytes, columns: int, machine: Machine) -> tuple[int, int]:
    """(where the rows of a result set begin, how many definitions are in front of them)."""
    size = data[0]
    count = columns if size == 1 or data[HEADER + 1] else 0
    at = HEADER + size
    for _ in range(count):
        at += HEADER + (data[at] | data[at + 1] << 8 | data[at + 2] << 16)
    if not machine.context.in_force & CLIENT_DEPRECATE_EOF:
        at += HEADER + EOF_LENGTH
    return at, count


def _note(turn: PlainTurn, head: ResultHead, machine: Machine) -> None:
    """What a prepared statement answers with, as the machine notes it (`resultset.definitions_done`)."""
    statement, columns = turn.statement, head.columns
    if statement is None or not columns or columns is statement.columns:
        return
    if statement.columns and len(statement.columns) != len(columns):
        return
    if may_keep(machine.connection, columns, statement.columns, len(head.made)):
        statement.columns = columns
