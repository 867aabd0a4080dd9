"""JSON lines of commands, where most are plain turns: a turn differs from others like it in numbers and texts.

A template is the line of a real command with marks in place of those; so the keys, their order and all that is the same
for such turns come from where all lines come from (`jsonl.encode`). It serves all connections.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any, Final

from analyzer.analysis.commands.pending import plain_error, plain_values, said_by, shown_name, text_of
from analyzer.analysis.commands.turn_tracker import TurnRenderer, TurnTracker
from analyzer.analysis.conversation.plain_turn import (
    CLOSE,
    LAST_PREPARED,
    PREPARE,
    QUERY,
    PlainTurn,
)
from analyzer.analysis.conversation.plain_turn import ExecutePlan as Plan  # the .pxd has its type by its name
from analyzer.analysis.line_buffer import DIGITS, LineBuffer, is_plain_json, put_bytes, put_number, put_part
from analyzer.analysis.model.command import Command, CommandError
from analyzer.analysis.model.connection import Endpoint
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.jsonl import encode, value
from analyzer.report.turn_values import VALUE, put_json

# Statements of one connection, and templates and ends of responses of all, that are kept.
MOST: Final = 256
MOST_ENDS: Final = 4096
# Texts of prepared statements of all connections, of so many characters.
MOST_TEXTS: Final = 1024
LONGEST_TEXT: Final = 4096
# What is different in lines of one template: numbers, and texts as JSON has them.
_NUMBERS: Final = (
    *("stream", "number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "rows", "bytes_request"),
    *("bytes_response", "statement_id"),
)
# How a response ended stands in two of the texts, and what is said of a connection in the others.
_TEXTS: Final = ("statement", "parameters", "affected_rows", "error", "database", "client", "user")
SLOTS: Final = (*_NUMBERS, *_TEXTS)
# The first of them that is a text. That of the statement stands without its quotes.
_FIRST_TEXT: Final = len(_NUMBERS)
_STATEMENT: Final = SLOTS.index("statement")
_PARAMETERS: Final = SLOTS.index("parameters")
_ENDED: Final = SLOTS.index("affected_rows")
_SAID: Final = SLOTS.index("database")
# Those that stand in each line. Two are told of with what follows them.
ALWAYS: Final = frozenset({"database", "affected_rows", "client", "user"})
_ACKNOWLEDGED: Final = ("affected_rows", "last_insert_id", "warnings", "status_flags", "info")
_ENDS: Final = ("client", "server")
FOLLOWING: Final = (*_ACKNOWLEDGED[1:], _ENDS[1])
# A place of SLOTS in a line, and as it is encoded there.
_MARK: Final = "\x01\x02\x03%02d"
_MARKED: Final = re.compile(rb'"\\u0001\\u0002\\u0003(\d\d)"')
_NOTHING: Final = b""
# Digits of the largest number.
_DIGITS: Final = DIGITS
# Bytes of most lines.
_ROOM: Final = 4096
_QUOTE: Final = 0x22
# How a statement stands in a line: made for it, or as its bytes are, alone or in quotes.
MADE, BARE, QUOTED = range(3)
# Constants of others, once more: here they are numbers of C.
_QUERY: Final = QUERY
_PREPARE: Final = PREPARE
_CLOSE: Final = CLOSE
_LAST_PREPARED: Final = LAST_PREPARED
_MADE: Final = MADE
_BARE: Final = BARE
_QUOTED: Final = QUOTED

# What stands around the places that are filled, which these are, and the room that a line takes beside its texts.
Template = tuple[tuple[bytes, ...], bytes, int]
# An end of responses, what it says, and its error; a session, its database, its connection's ends, its user.
Ended = tuple[Any, bytes, bytes]
Said = tuple[Any, bytes, bytes, bytes]


class TurnLines(TurnRenderer):
    """Writes JSON lines of one capture. Without `mask` secrets are shown."""

    __slots__ = ("_capture", "_ended", "_ended_rows", "_mask", "_numbers", "_templates", "_texts", "begin", "line")

    def __init__(self, capture: str, mask: StatementMask | None) -> None:
        self._capture = capture
        self._mask = mask
        # Ends of responses without rows, and of those with rows.
        self._ended: dict[int, Ended] = {}
        self._ended_rows: dict[int, Ended] = {}
        # Prepared statements as they stand in lines, and how many parameters they may have.
        self._texts: dict[str, tuple[bytes, int]] = {}
        self._templates: dict[int, Template] = {}
        # Bound values, which begin there.
        self.line = bytearray(_ROOM)
        self.begin = 0
        self._numbers = array("q", bytes(8 * _FIRST_TEXT))

    def command(self, command: Command) -> bytes:
        """The line of any command."""
        return encode(command)

    def turn(self, tracker: TurnTracker, turn: PlainTurn, lines: LineBuffer) -> None:
        """Writes the line of a plain command with its plain response."""
        if not self._is_written(tracker, turn, lines):
            lines.put(self.command(tracker.of_turn(self._capture, turn, self._mask)))

    def _is_written(self, tracker: TurnTracker, turn: PlainTurn, lines: LineBuffer) -> bool:
        """Writes the line from its template; False where it has to be made as that of any command."""
        began, mask, statement, code, numbers = turn.time_ns, self._mask, turn.statement, turn.code, self._numbers
        latency, duration, number = turn.first_ns - began, turn.last_ns - began, -1
        data = turn.request
        # The statement as it stands in the line: the bytes of `said` from `begin` on.
        said, begin, bound, stands = _NOTHING, 0, 0, _BARE
        if code in (_QUERY, _PREPARE):
            begin = turn.begins()
            if mask is not None and not mask.is_plain(data, begin):
                return False
            stands = self.stands(data, begin)
            if stands == _MADE:
                said, begin = self.made(text_of(data[begin:])), 0
            else:
                said = data
        elif turn.plan is not None and statement is not None:
            known = tracker.texts.get(id(statement))
            if known is None or known[0] is not statement:
                known = self._noted(tracker, turn)
            said, bound = known[1], self.values(turn.plan, data)
            if bound < 0 or not said:
                return False
            number = statement.statement_id or 0
        elif statement is not None:
            return False
        if code in (_PREPARE, _CLOSE):
            named = turn.statement_id
            number = _LAST_PREPARED if named is None else named
        if latency < 0 or duration < 0 or began < 0 or number == _LAST_PREPARED:
            return False
        last, columns = turn.end, turn.columns
        ended = (self._ended if columns is None else self._ended_rows).get(id(last))
        if ended is None or ended[0] is not last:
            ended = self._noted_end(turn)
        alike = 0
        if not turn.failed():
            alike = -1 if columns is None else columns + 1
        alike = code << 32 | alike + 1
        template = self._templates.get(alike) or self._learnt(tracker, turn, alike)
        if not template[1]:
            return False
        ends = tracker.said
        if ends is None or ends[0] is not turn.session:
            ends = self._noted_ends(tracker, turn)
        numbers[0], numbers[1], numbers[2], numbers[3] = (
            tracker.tcp.number,
            turn.number,
            turn.frame,
            turn.response_frame,
        )
        numbers[4], numbers[5], numbers[6], numbers[7] = began, latency, duration, turn.rows
        numbers[8], numbers[9], numbers[10] = len(data), turn.length, number
        self._write(lines, template, said, begin, stands == _QUOTED, bound, ended, ends)
        return True

    def _write(
        self,
        lines: LineBuffer,
        template: Template,
        said: bytes,
        begin: int,
        quoted: bool,
        bound: int,
        ended: Ended,
        ends: Said,
    ) -> None:
        """Writes the line of a template with the numbers and values that are set, and these texts."""
        literals, slots, room = template
        size = len(said) - begin
        room += 2 + size + bound + len(ended[1]) + len(ended[2]) + len(ends[1]) + len(ends[2]) + len(ends[3])
        lines.make_room(room)
        line, end, numbers = lines.text, lines.end, self._numbers
        for place in range(len(slots)):
            text = literals[place]
            end = put_bytes(line, end, text, len(text))
            slot = slots[place]
            if slot < _FIRST_TEXT:
                end = put_number(line, end, numbers[slot])
            elif slot == _STATEMENT:
                if quoted:
                    line[end] = _QUOTE
                    end += 1
                end = put_part(line, end, said, begin, size)
                if quoted:
                    line[end] = _QUOTE
                    end += 1
            elif slot == _PARAMETERS:
                end = put_part(line, end, self.line, self.begin, bound)
            else:
                text = ended[slot - _ENDED + 1] if slot < _SAID else ends[slot - _SAID + 1]
                end = put_bytes(line, end, text, len(text))
        text = literals[len(slots)]
        lines.end = put_bytes(line, end, text, len(text))

    def make_room(self, room: int) -> None:
        """What is written takes so many bytes at most: nobody looks again whether it does."""
        if len(self.line) < room:
            self.line = bytearray(2 * room)

    def stands(self, data: bytes, begin: int) -> int:
        """How the statement that begins there stands in a line."""
        return _BARE if is_plain_json(data, begin, len(data)) else _MADE

    def made(self, text: str) -> bytes:
        """A statement that is made for a line."""
        return value(text)[1:-1]

    def cell(self, what: object) -> bytes:
        """Anything else as it stands in a line."""
        return value(what)

    def values(self, plan: Plan, data: bytes) -> int:
        """Writes the values of a plain execute; returns how many bytes, -1 where they are not whole."""
        if plan.plain:
            self.make_room(len(data) + VALUE * len(plan.kinds) + 2)
            size = put_json(self.line, plan, data, len(data))
            if size >= 0:
                return size
        return self.made_values(plan, data)

    def made_values(self, plan: Plan, data: bytes) -> int:
        """The same of values that are made for a line."""
        values = plain_values(plan, data)
        if values is None:
            return -1
        text = self.cell(values)
        self.make_room(len(text))
        self.begin = 0
        return put_bytes(self.line, 0, text, len(text))

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bytes]:
        """The text of the statement that a turn executes; empty where its lines are made as those of any command."""
        statement, text = turn.statement, _NOTHING
        if len(tracker.texts) >= MOST:
            tracker.texts.clear()
        if statement is not None and statement.query is not None and not statement.cut:
            text = self._shown(statement.query, statement.num_params or 0)
        tracker.texts[id(statement)] = found = (statement, text)
        return found

    def _shown(self, query: str, parameters: int) -> bytes:
        """A statement with so many parameters as it stands in a line; empty where that does not show all."""
        known = self._texts.get(query)
        if known is None:
            whole = self._mask is None or self._mask.is_whole(query, 0)
            known = self.made(query) if whole else _NOTHING, query.count("?")
            if len(query) <= LONGEST_TEXT:
                if len(self._texts) >= MOST_TEXTS:
                    self._texts.clear()
                self._texts[query] = known
        return known[0] if self._mask is None or parameters <= known[1] else _NOTHING

    def _noted_end(self, turn: PlainTurn) -> Ended:
        """What the end of a turn's response says, as it stands in its line, and its error."""
        says, error = said_by(turn.end, of_rows=turn.columns is not None), turn.error
        ended = self.acknowledged(says)
        if error is not None:
            return error, ended, self.failed(plain_error(error, self._mask))
        known = self._ended if turn.columns is None else self._ended_rows
        if len(known) >= MOST_ENDS:
            known.clear()
        known[id(turn.end)] = found = (turn.end, ended, self.failed(None))
        return found

    def acknowledged(self, says: Sequence[object]) -> bytes:
        """What the end of a response says, from the first value on."""
        return _joined(_ACKNOWLEDGED, says)

    def ends_of(self, ends: Sequence[Endpoint | None]) -> bytes:
        """Client and server, from the first value on."""
        return _joined(_ENDS, ends)

    def failed(self, error: CommandError | None) -> bytes:
        """An error, or that there is none."""
        return value(error)

    def _learnt(self, tracker: TurnTracker, turn: PlainTurn, alike: int) -> Template:
        """What lines of turns like this one are written from."""
        if len(self._templates) >= MOST_ENDS:
            self._templates.clear()
        found = self._templates[alike] = self.template(tracker.of_turn(self._capture, turn, self._mask))
        return found

    def _noted_ends(self, tracker: TurnTracker, turn: PlainTurn) -> Said:
        """What lines of a connection say of it: the session, its database, its ends, its user."""
        database, user = (shown_name(name, self._mask) for name in turn.session)
        ends = self.ends_of(tracker.ends)
        tracker.said = found = (turn.session, self.cell(database), ends, self.cell(user))
        return found

    def template(self, command: Command) -> Template:
        """The line of a command, cut at what is different in others. No places where that can not be told."""
        filled = 0
        for place, name in enumerate(SLOTS):
            if name in ALWAYS or getattr(command, name) is not None:
                setattr(command, name, _MARK % place)
                filled += 1
        for name in FOLLOWING:
            setattr(command, name, None)
        line = encode(command)
        for name in FOLLOWING:
            line = line.replace(b',"%b":null' % name.encode(), b"", 1)
        statement = value(_MARK % _FIRST_TEXT)
        pieces = _MARKED.split(line.replace(statement, b'"%b"' % statement))
        slots = bytes(map(int, pieces[1::2]))
        # A name of a capture may look like a mark.
        room = sum(map(len, pieces[::2])) + _DIGITS * len(slots)
        return tuple(pieces[::2]), slots if len(slots) == filled else b"", room


def _joined(names: Sequence[str], says: Sequence[object]) -> bytes:
    (_, first), *others = [(name, value(each)) for name, each in zip(names, says, strict=True)]
    return b"".join([first, *(b',"%b":%b' % (name.encode(), each) for name, each in others)])
