"""Plain commands and plain responses, whole, without a record for each packet: most of the traffic."""

from __future__ import annotations

import struct
from collections.abc import Hashable
from typing import Final

from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.errors import DecodeError
from analyzer.protocol.columns import Columns, ResultColumn
from analyzer.protocol.execute_plan import HEAD, ExecutePlan
from analyzer.protocol.machine.execute_fast_path import record_of
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.resultset import keep_columns
from analyzer.protocol.machine.terminators import EOF_LENGTH
from analyzer.protocol.prepared import Bound, PreparedStatement
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.resultset import ColumnDefinition41
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF
from analyzer.protocol.tables.commands import COM_QUERY, COM_QUIT, COM_STMT_CLOSE, COM_STMT_PREPARE
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.sharing.redaction.definitions import PlainDefinitions
from analyzer.sharing.redaction.drawing import copy_octets
from analyzer.sharing.redaction.logins import KnownLogins
from analyzer.sharing.redaction.packets import (
    NO_BACKSLASH_ESCAPES,
    ONE_ITERATION,
    PacketRedactor,
    is_bound_type,
    names_itself,
)
from analyzer.sharing.redaction.rows import ValueForms, forms_of, reading_of
from analyzer.sharing.redaction.skeletons import Skeletons

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
# Requests and ends of responses that are kept, and bytes of each at most.
_MOST_REQUESTS: Final = 4096
_LONGEST_REQUEST: Final = 1 << 10
_MOST_ENDS: Final = 4096
_LONGEST_END: Final = 512
# Responses that are kept, bytes of each, and of all of them and what they became, at most. Where little comes of it, so
# many times as many are not looked for.
_MOST_RESPONSES: Final = 1 << 13
_LONGEST_RESPONSE: Final = 8 << 10
_MOST_RESPONSE_BYTES: Final = 16 << 20
_LOOKED_FOR: Final = 1 << 11
_LEFT_ALONE: Final = 8
# Constants of others, once more: here they are numbers of C.
_HEADER: Final = HEADER
_EOF_LENGTH: Final = EOF_LENGTH
_QUERY: Final = COM_QUERY
_PREPARE: Final = COM_STMT_PREPARE
_CLOSE: Final = COM_STMT_CLOSE
_QUIT: Final = COM_QUIT


class ReplacedCounts:
    """What was replaced in something that may come again, by kind, and bytes of it that were not understood."""

    __slots__ = ("counts", "zeroed")

    def __init__(self, counts: dict[str, int], zeroed: int) -> None:
        self.counts = counts
        self.zeroed = zeroed


_NOTHING: Final = ReplacedCounts({}, 0)


class RedactedPart:
    """A command, or the end of a response, in its place."""

    __slots__ = ("made", "replaced")

    def __init__(self, made: bytes, replaced: ReplacedCounts) -> None:
        self.made = made
        self.replaced = replaced


class ResultHead:
    """What stands in front of the rows: in its place, and how those of its columns are read (`reading_of`).

    count    columns that it defines
    columns  these, where a prepared statement has them; none where one of them is not known
    own      it is the same whatever statement was asked
    """

    __slots__ = ("columns", "count", "made", "own", "reading", "replaced")

    def __init__(self, made: bytes, reading: bytes, count: int, columns: Columns, own: bool) -> None:
        self.replaced = _NOTHING
        self.count = count
        self.made = made
        self.reading = reading
        self.columns = columns
        self.own = own


class RedactedColumn:
    """A definition in its place, and the column; None where it is broken. `own` as of `ResultHead`."""

    __slots__ = ("column", "own", "payload", "replaced")

    def __init__(self, payload: bytes, column: ResultColumn | None, own: bool, replaced: ReplacedCounts) -> None:
        self.replaced = replaced
        self.payload = payload
        self.column = column
        self.own = own


class RedactedResponse:
    """A response in its place.

    head  its definitions, which the statement is to hold; `own` as of `ResultHead`
    """

    __slots__ = ("head", "made", "own", "replaced")

    def __init__(self, made: bytes, replaced: ReplacedCounts, head: ResultHead | None, own: bool) -> None:
        self.made = made
        self.replaced = replaced
        self.head = head
        self.own = own


class KnownResponses:
    """Responses that may come again. The first time nothing is noted of one but that it came.

    head  of the last that was redacted, as of `RedactedResponse`
    """

    __slots__ = ("_asked", "_found", "_kept", "_once", "_rest", "_size", "_used", "head")

    def __init__(self, used: bool) -> None:
        self._used = used
        self.head: ResultHead | None = None
        self._kept: dict[Hashable, RedactedResponse] = {}
        self._once: set[int] = set()
        self._size = self._asked = self._found = 0
        self._rest = 0  # responses that are not looked for

    def may(self, size: int) -> bool:
        """Whether a response of this size is looked for."""
        if size > _LONGEST_RESPONSE or not self._used:
            return False
        if self._rest:
            self._rest -= 1
            return False
        self._asked += 1
        if self._asked == _LOOKED_FOR:
            if 4 * self._found < self._asked:
                self._rest = _LEFT_ALONE * self._asked
            self._asked = self._found = 0
        return True

    def get(self, key: Hashable) -> RedactedResponse | None:
        """What is known of one."""
        return self._kept.get(key)

    def find(self) -> None:
        """One that was looked for is known."""
        self._found += 1

    def is_new(self, key: Hashable) -> bool:
        """Whether it did not come before."""
        name = hash(key)
        if name in self._once:
            return False
        if len(self._once) >= _MOST_RESPONSES:
            self._once.clear()
        self._once.add(name)
        return True

    def put(self, key: Hashable, made: RedactedResponse) -> None:
        """Notes one."""
        if len(self._kept) >= _MOST_RESPONSES or self._size > _MOST_RESPONSE_BYTES:
            self.clear()
        self._kept[key] = made
        self._size += 2 * len(made.made)

    def clear(self) -> None:
        """More names have become known, or there is no more room."""
        self._kept.clear()
        self._size = 0


class TurnRedactor:
    """Redacts turns as `packets` redacts each of their packets. `used` False: they come as packets after all.

    asked, answered  what becomes of the last turn's command, and of its response
    """

    __slots__ = (
        *(
            "_columns",
            "_counts",
            "_ends",
            "_forms",
            "_heads",
            "_once",
            "_plain",
            "_requests",
            "_responses",
            "_rows",
            "_short",
            "_sql",
            "_statements",
            "_version",
            "logins",
            "packets",
        ),
        *("answered", "asked", "used"),
    )

    def __init__(self, packets: PacketRedactor, used: bool = True) -> None:
        self.packets = packets
        self.used = used
        self.asked: bytes = b""
        self.answered: bytes | bytearray = b""
        self.logins = KnownLogins(packets.replacements, "attributes" in packets.keep.kinds)
        self._counts = packets.replacements.counts
        self._statements: Skeletons = packets.sql.alike
        self._short = packets.sql.skeletons and "sql" not in packets.keep.kinds
        self._sql, self._rows, self._plain = packets.sql, packets.rows, PlainDefinitions(packets)
        self._forms: dict[tuple[int, ...], ValueForms | None] = {}
        # What is kept while no more names become known than `_version`.
        self._version = 0
        self._once: set[Hashable] = set()
        self._requests: dict[Hashable, RedactedPart] = {}
        self._ends: dict[Hashable, RedactedPart] = {}
        self._heads: dict[Hashable, ResultHead] = {}
        self._columns: dict[Hashable, RedactedColumn] = {}
        # Who lists what was replaced is told of each.
        self._responses = KnownResponses(packets.replacements.listed is None)

    def turn(self, turn: PlainTurn, machine: Machine, escapes: bool | None) -> bool | None:
        """Redacts a turn (`asked`, `answered`); whether a backslash escapes behind it."""
        self.asked, self.answered = turn.request, b""
        if turn.code in (_CLOSE, _QUIT):
            return escapes
        pieces, (_, middle, stop), end = turn.pieces, turn.span, turn.end
        if self._version != self._statements.version:
            self._forget()
        self.asked = self._request(turn, machine, escapes)
        data = pieces.content(middle, stop)
        if self._responses.may(len(data)):
            self.answered = self._as_before(turn, data, machine, escapes)
        else:
            self.answered = self._answer(turn, data, machine, escapes)
        flags = end.status_flags if type(end) is OKPacket or type(end) is EOFPacket else None
        return escapes if flags is None else not flags & NO_BACKSLASH_ESCAPES

    def _as_before(self, turn: PlainTurn, data: bytes, machine: Machine, escapes: bool | None) -> bytes | bytearray:
        """What becomes of a response that may have come before."""
        responses, statement = self._responses, turn.statement
        if statement is not None and turn.columns and turn.end is not None and data[0] != 1 and not data[_HEADER + 1]:
            return self._answer(turn, data, machine, escapes)  # its definitions were left out
        base = (data, machine.context.in_force, escapes, turn.code)
        key: Hashable = base
        found = responses.get(base)
        if found is not None and not found.own:
            # It names what the statement asks for.
            key = base, self._asked(turn)
            found = responses.get(key)
        if found is not None:
            responses.find()
            self.count_again(found.replaced.counts, found.replaced.zeroed)
            if found.head is not None and statement is not None:
                _note(statement, found.head, machine)
            return found.made
        if responses.is_new(key):
            return self._answer(turn, data, machine, escapes)
        before, zeroed = dict(self._counts), self.packets.zeroed
        answered = self._answer(turn, data, machine, escapes)
        if self._version == self._statements.version:
            head = responses.head
            own = head is None or head.own
            known = RedactedResponse(bytes(answered), self._replaced_since(before, zeroed), head, own)
            responses.put(base, known)
            if not own:
                responses.put((base, self._asked(turn)), known)
        return answered

    def _answer(self, turn: PlainTurn, data: bytes, machine: Machine, escapes: bool | None) -> bytes | bytearray:
        """A response in its place."""
        end = turn.end
        self._responses.head = None
        if end is None:
            return self._prepared(turn, data, machine, escapes)
        if turn.columns is None:
            return data[:_HEADER] + self._end(data[_HEADER:], end, machine, escapes)
        return self._response(turn, end, data, machine, escapes)

    def _replaced_since(self, before: dict[str, int], zeroed: int) -> ReplacedCounts:
        counts: dict[str, int] = {}
        for kind, count in self._counts.items():
            more = count - before.get(kind, 0)
            if more:
                counts[kind] = more
        return ReplacedCounts(counts, self.packets.zeroed - zeroed)

    def count_again(self, replaced: dict[str, int], zeroed: int) -> None:
        """Something comes once more: what is replaced in it, by kind, and bytes of it that are not understood."""
        counts = self._counts
        for kind, count in replaced.items():
            counts[kind] = counts.get(kind, 0) + count
        if zeroed:
            self.packets.zeroed += zeroed

    def _forget(self) -> None:
        self._version = self._statements.version
        for kept in (self._requests, self._ends, self._heads, self._columns):
            kept.clear()
        self._responses.clear()
        self._plain.forget()

    # -- commands ------------------------------------------------------------------------------------------------------

    def _request(self, turn: PlainTurn, machine: Machine, escapes: bool | None) -> bytes:
        """The command's whole packet."""
        data, code = turn.request, turn.code
        if turn.plan is not None:
            return self._execute(data, turn.plan, machine, escapes)
        if code not in (_QUERY, _PREPARE):
            return data  # a ping, a reset: it names nothing but a number
        key = (data, turn.named, escapes)
        found = self._requests.get(key)
        if found is not None:
            self.count_again(found.replaced.counts, found.replaced.zeroed)
            return found.made
        text = turn.said()
        head = data[: len(data) - len(text)]
        if len(data) > _LONGEST_REQUEST or key not in self._once:
            # Most come once, or anew with other literals: nothing is noted of them but that they came.
            if len(data) <= _LONGEST_REQUEST:
                if len(self._once) >= _MOST_REQUESTS:
                    self._once.clear()
                self._once.add(key)
            return head + self._statement(text, escapes)
        before, zeroed = dict(self._counts), self.packets.zeroed
        made: bytes = head + self._statement(text, escapes)
        if self._version == self._statements.version:
            if len(self._requests) >= _MOST_REQUESTS:
                self._requests.clear()
            self._requests[key] = RedactedPart(made, self._replaced_since(before, zeroed))
        return made

    def _statement(self, text: bytes, escapes: bool | None) -> bytes:
        made: bytes | None = self._statements.statement(text) if self._short else None
        if made is not None:
            return made
        return self._sql.whole(text, escapes) if self._short else self._sql.statement(text, escapes)

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
        # Where its parameters stand is known from the statement, which the machine has not seen executed.
        context = machine.context
        before, context.bound = context.bound, Bound(len(plan.types), plan.types)
        try:
            return data[:HEADER] + self.packets.payload(payload, record, machine, None, escapes)
        finally:
            context.bound = before

    # -- responses -----------------------------------------------------------------------------------------------------

    def _end(
        self, payload: bytes, ends: OKPacket | EOFPacket | ErrPacket, machine: Machine, escapes: bool | None
    ) -> bytes:
        """An OK, EOF or error, in which a response ends."""
        key = (payload, machine.context.in_force, escapes, type(ends))
        found = self._ends.get(key)
        if found is not None:
            self.count_again(found.replaced.counts, found.replaced.zeroed)
            return found.made
        before, zeroed = dict(self._counts), self.packets.zeroed
        made = self.packets.quiet(payload, ends) if type(ends) is OKPacket else None
        if made is None:
            made = self.packets.payload(payload, ends, machine, None, escapes)
        if len(payload) <= _LONGEST_END and self._version == self._statements.version:
            if len(self._ends) >= _MOST_ENDS:
                self._ends.clear()
            self._ends[key] = RedactedPart(made, self._replaced_since(before, zeroed))
        return made

    def _response(
        self,
        turn: PlainTurn,
        ends: OKPacket | EOFPacket | ErrPacket,
        data: bytes,
        machine: Machine,
        escapes: bool | None,
    ) -> bytearray:
        """A whole result set, in whose last packet `ends` is."""
        at, count = _head_of(data, turn.columns or 0, not machine.context.in_force & CLIENT_DEPRECATE_EOF)
        head = self._head(data[:at], _HEADER + data[0], (count,), turn, machine, escapes)
        statement = turn.statement
        self._responses.head = head
        out = bytearray(data)
        _put(out, 0, at, head.made)
        if statement is not None:
            _note(statement, head, machine)
        if statement is not None and not count:
            # They were left out.
            columns = statement.columns if len(statement.columns) == turn.columns else ()
            end = self._rows.rows(out, at, turn.rows, columns, True)
        else:
            end = self._rows.read(out, at, turn.rows, head.reading, statement is not None)
        made = self._end(data[end + _HEADER :], ends, machine, escapes)
        _put(out, end + _HEADER, len(out), made)
        return out

    def _prepared(self, turn: PlainTurn, data: bytes, machine: Machine, escapes: bool | None) -> bytes:
        """What answers a prepare: an OK with the number of the statement, and definitions."""
        begin = _HEADER + _PREPARE_OK
        ok = bytearray(data[:begin])
        self.packets.zeroed += ok[_FILLER] != 0
        ok[_FILLER] = 0
        columns, params = struct.unpack_from("<HH", ok, _COLUMNS)
        if len(data) == begin:
            return bytes(ok)
        head = self._head(data[begin:], 0, (params, columns), turn, machine, escapes)
        self._responses.head = head
        if len(head.columns) == columns and turn.statement is not None:
            _note(turn.statement, head, machine)
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
        base: Hashable = (raw, counts, machine.context.in_force, turn.statement is None)
        found = self._heads.get(base)
        if found is not None and not found.own:
            # It names what the statement asks for.
            found = self._heads.get((base, self._asked(turn)))
        if found is not None:
            self.count_again(found.replaced.counts, found.replaced.zeroed)
            return found
        before, zeroed = dict(self._counts), self.packets.zeroed
        found, whole = self._made(raw, at, counts, turn, machine, escapes)
        found.replaced = self._replaced_since(before, zeroed)
        if whole and len(raw) <= _LONGEST_HEAD and self._version == self._statements.version:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[base] = found
            if not found.own:
                self._heads[base, self._asked(turn)] = found
        return found

    def _asked(self, turn: PlainTurn) -> Hashable:
        """By what the columns of the command are told from those of others."""
        if turn.statement is not None:
            return turn.statement.query
        return self._sql.words(turn.text)

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
        definitions, listed = self._plain, turn.statement is not None
        columns: list[ResultColumn] = []
        own, broken, plain = True, 0, definitions.may(machine.context.in_force)
        reading = definitions.reading
        for count in counts:
            columns.clear()
            reading.clear()
            for _ in range(count):
                start = at + HEADER
                at = start + (raw[at] | raw[at + 1] << 8 | raw[at + 2] << 16)
                if plain and definitions.redact(raw, start, at, out):
                    if listed:
                        columns.append(definitions.column(raw))
                    continue
                made = self._definition(raw[start:at], statement, machine, escapes)
                if definitions.unknown is not None:
                    definitions.learn(definitions.unknown)
                out[start:at] = made.payload
                own = own and made.own
                if made.column is None:
                    broken += 1
                else:
                    columns.append(made.column)
                    reading += reading_of((made.column,))
            if count and not machine.context.in_force & CLIENT_DEPRECATE_EOF:
                at += HEADER + EOF_LENGTH
        if definitions.replaced:
            self.packets.replacements.count("databases", definitions.replaced)
            definitions.replaced = 0
        if broken:
            return ResultHead(bytes(out), b"", counts[-1], (), own), False
        return ResultHead(bytes(out), bytes(reading), counts[-1], tuple(columns) if listed else (), own), True

    def _definition(
        self, payload: bytes, statement: str | None, machine: Machine, escapes: bool | None
    ) -> RedactedColumn:
        """One definition; those that the statement says nothing of are kept."""
        key = payload, machine.context.in_force
        found = self._columns.get(key)
        if found is not None:
            self.count_again(found.replaced.counts, found.replaced.zeroed)
            return found
        try:
            record = ColumnDefinition41.from_bytes(payload, machine.context)
        except DecodeError:
            return RedactedColumn(self.packets.zeros(payload, 1), None, True, _NOTHING)
        before, zeroed = dict(self._counts), self.packets.zeroed
        made = self.packets.payload(payload, record, machine, statement, escapes)
        found = RedactedColumn(made, record.column, names_itself(record), self._replaced_since(before, zeroed))
        if found.own and len(payload) <= _LONGEST_COLUMN and self._version == self._statements.version:
            if len(self._columns) >= _MOST_COLUMNS:
                self._columns.clear()
            self._columns[key] = found
        return found


def _put(out: bytearray, start: int, stop: int, made: bytes) -> None:
    """Writes what stands from `start` to `stop`."""
    if len(made) == stop - start and start >= 0 and stop <= len(out):
        copy_octets(made, 0, stop - start, out, start)
    else:
        out[start:stop] = made


def _head_of(data: bytes, columns: int, has_eof: bool) -> tuple[int, int]:
    """(where the rows of a result set begin, how many definitions are in front of them)."""
    octets = data
    size = octets[0]
    count = columns if size == 1 or octets[_HEADER + 1] else 0
    at = _HEADER + size
    for _ in range(count):
        at += _HEADER + (octets[at] | octets[at + 1] << 8 | octets[at + 2] << 16)
    if has_eof:
        at += _HEADER + _EOF_LENGTH
    return at, count


def _note(statement: PreparedStatement, head: ResultHead, machine: Machine) -> None:
    """What a prepared statement answers with, as the machine notes it (`resultset.definitions_done`)."""
    columns = head.columns
    before = statement.columns
    if not head.count or columns is before:
        return
    if columns == before:
        statement.columns = columns  # from here on they are known at a glance
        return
    keep_columns(machine.connection, statement, columns, head.count, len(head.made))
