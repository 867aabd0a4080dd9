"""JSON lines of commands, where most are plain turns: a turn differs from others like it in numbers and texts.

A template is the line of a real command with marks in place of those; so the keys, their order and all that is the same
for such turns come from where all lines come from (`jsonl.encode`). It serves all connections.
"""

from __future__ import annotations

import re
from array import array
from typing import Final

from analyzer.analysis.commands.pending import plain_error, plain_values, said_by, shown_name, text_of
from analyzer.analysis.commands.turn_tracker import TurnTracker, shows_all
from analyzer.analysis.conversation.plain_turn import (
    CLOSE,
    LAST_PREPARED,
    PREPARE,
    QUERY,
    TEXT,
    PlainTurn,
)
from analyzer.analysis.model.command import Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.jsonl import encode, value

# Statements of one connection, and templates and ends of responses of all, that are kept.
MOST: Final = 256
MOST_ENDS: Final = 4096
# What is different in lines of one template: numbers, and texts as JSON has them.
_NUMBERS: Final = (
    *("stream", "number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "rows", "bytes_request"),
    *("bytes_response", "statement_id"),
)
_TEXTS: Final = ("statement", "parameters", "database", "affected_rows", "error", "client", "user")
_SLOTS: Final = (*_NUMBERS, *_TEXTS)
# The first of them that is a text: that of the statement, which stands without its quotes.
_FIRST_TEXT: Final = len(_NUMBERS)
# Those that stand in each line. Two are told of with what follows them.
_ALWAYS: Final = frozenset({"database", "affected_rows", "client", "user"})
_ACKNOWLEDGED: Final = ("affected_rows", "last_insert_id", "warnings", "status_flags", "info")
_FOLLOWING: Final = (*_ACKNOWLEDGED[1:], "server")
# A place of _SLOTS in a line, and as it is encoded there.
_MARK: Final = "\x01\x02\x03%02d"
_MARKED: Final = re.compile(rb'"\\u0001\\u0002\\u0003(\d\d)"')
_NULL: Final = b"null"
# Numbers of up to three digits, and three digits that others stand in front of.
_SHORT: Final = tuple(b"%d" % number for number in range(1000))
_THREE: Final = tuple(b"%03d" % number for number in range(1000))
# Parts of a line: each number has seven groups at most.
_PARTS: Final = 2 * len(_SLOTS) + 7 * _FIRST_TEXT + 1
_ZEROES: Final = tuple(bytes(size) for size in range(21))
# Printable characters of ASCII; those that JSON escapes.
_LEAST: Final = 0x20
_MOST_PLAIN: Final = 0x7E
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_ZERO: Final = 0x30
_LIST, _END, _COMMA, _MINUS = b"[],-"
# Kinds of parameters: integers have even places where they are signed, and their sizes are in order.
_TEXT: Final = TEXT
# The highest bit of a byte, and of eight all.
_NEGATIVE: Final = 0x80
_FULL: Final = 0xFFFF_FFFF_FFFF_FFFF
# A length that takes more than its byte.
_LONG: Final = 0xFB
# Constants of others, once more: here they are numbers of C.
_QUERY: Final = QUERY
_PREPARE: Final = PREPARE
_CLOSE: Final = CLOSE
_LAST_PREPARED: Final = LAST_PREPARED

# What stands around the places that are filled, and which these are.
Template = tuple[tuple[bytes, ...], bytes]


class TurnLines:
    """A TurnRenderer for one capture. Without `mask` secrets are shown."""

    __slots__ = ("_capture", "_ended", "_mask", "_numbers", "_parts", "_templates")

    def __init__(self, capture: str, mask: StatementMask | None) -> None:
        self._capture = capture
        self._mask = mask
        self._ended: dict[tuple[int, bool], tuple[object, bytes, bytes]] = {}
        self._templates: dict[tuple[int, int | None], Template] = {}
        self._parts: list[bytes | bytearray] = [b""] * _PARTS
        self._numbers = array("q", bytes(8 * _FIRST_TEXT))

    def command(self, command: Command) -> bytes:
        """The line of any command."""
        return encode(command)

    def turn(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """The line of a plain command with its plain response."""
        began, mask, statement, code, numbers = turn.time_ns, self._mask, turn.statement, turn.code, self._numbers
        latency, duration, number = turn.first_ns - began, turn.last_ns - began, -1
        said: bytes = _NULL
        bound: bytes | bytearray = _NULL
        if code in (_QUERY, _PREPARE):
            text = turn.text
            if mask is not None and not mask.is_plain(text):
                return self._whole(tracker, turn)
            said = _inside(text)
        elif turn.plan is not None and statement is not None:
            known = tracker.texts.get(id(statement))
            if known is None or known[0] is not statement:
                known = self._noted(tracker, turn)
            bound = _values(turn)
            if not bound or not known[1]:
                return self._whole(tracker, turn)
            said, number = known[1], statement.statement_id or 0
        elif statement is not None:
            return self._whole(tracker, turn)
        if code in (_PREPARE, _CLOSE):
            named = turn.statement_id
            number = _LAST_PREPARED if named is None else named
        if latency < 0 or duration < 0 or began < 0 or number == _LAST_PREPARED:
            return self._whole(tracker, turn)
        end, columns = turn.end, turn.columns
        failed = turn.error is not None
        ended = self._ended.get((id(end), columns is None))
        if ended is None or ended[0] is not end:
            ended = self._noted_end(turn)
        alike = (code, -1 if failed else columns)
        template = self._templates.get(alike) or self._learnt(tracker, turn, alike)
        if not template[1]:
            return self._whole(tracker, turn)
        ends = tracker.said
        if ends is None or ends[0] is not turn.session:
            ends = _noted_ends(tracker, turn, self._mask)
        numbers[0], numbers[1], numbers[2], numbers[3] = (
            tracker.tcp.number,
            turn.number,
            turn.frame,
            turn.response_frame,
        )
        numbers[4], numbers[5], numbers[6], numbers[7] = began, latency, duration, turn.rows
        numbers[8], numbers[9], numbers[10] = len(turn.request), turn.length, number
        return self._written(template, [said, bound, ends[1], ended[1], ended[2], ends[2], ends[3]])

    def _written(self, template: Template, texts: list[bytes | bytearray]) -> bytes:
        """The line of a template with the numbers that are set, and these texts."""
        literals, slots = template
        parts, count = self._parts, 0
        for place in range(len(slots)):
            parts[count] = literals[place]
            slot = slots[place]
            if slot >= _FIRST_TEXT:
                parts[count + 1] = texts[slot - _FIRST_TEXT]
                count += 2
                continue
            # Digits in threes. What they are divided by stands as a number here: C multiplies then.
            left = self._numbers[slot]
            groups = 1
            while left >= 1000:
                left //= 1000
                groups += 1
            count += 1
            parts[count] = _SHORT[left]
            left = self._numbers[slot]
            for at in range(count + groups - 1, count, -1):
                parts[at] = _THREE[left % 1000]
                left //= 1000
            count += groups
        parts[count] = literals[len(slots)]
        return b"".join(parts[: count + 1])

    def _whole(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """The line of a turn, made as that of any command."""
        return encode(tracker.of_turn(self._capture, turn, self._mask))

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bytes]:
        """The text of the statement that a turn executes; empty where its lines are made as those of any command."""
        statement = turn.statement
        if len(tracker.texts) >= MOST:
            tracker.texts.clear()
        text = value(statement.query)[1:-1] if statement is not None and shows_all(turn, self._mask) else b""
        tracker.texts[id(statement)] = found = (statement, text)
        return found

    def _noted_end(self, turn: PlainTurn) -> tuple[object, bytes, bytes]:
        """What the end of a turn's response says, as it stands in its line, and its error."""
        says, error = said_by(turn.end, of_rows=turn.columns is not None), turn.error
        (_, first), *others = [(name, value(each)) for name, each in zip(_ACKNOWLEDGED, says, strict=True)]
        ended = b"".join([first, *(b',"%b":%b' % (name.encode(), each) for name, each in others)])
        if error is not None:
            return error, ended, value(plain_error(error, self._mask))
        if len(self._ended) >= MOST_ENDS:
            self._ended.clear()
        found = self._ended[id(turn.end), turn.columns is None] = (turn.end, ended, _NULL)
        return found

    def _learnt(self, tracker: TurnTracker, turn: PlainTurn, alike: tuple[int, int | None]) -> Template:
        """What lines of turns like this one are written from."""
        if len(self._templates) >= MOST_ENDS:
            self._templates.clear()
        found = self._templates[alike] = _template(tracker.of_turn(self._capture, turn, self._mask))
        return found


def _noted_ends(
    tracker: TurnTracker, turn: PlainTurn, mask: StatementMask | None
) -> tuple[object, bytes, bytes, bytes]:
    """What lines of a connection say of it: the session, its database, its ends, its user."""
    database, user = (shown_name(name, mask) for name in turn.session)
    client, server = tracker.ends
    ends = b'%b,"server":%b' % (value(client), value(server))
    tracker.said = found = (turn.session, value(database), ends, value(user))
    return found


def _inside(text: bytes) -> bytes:
    """A statement as JSON, without its quotes; what needs no escape is taken as it stands."""
    for place in range(len(text)):
        byte = text[place]
        if byte < _LEAST or byte > _MOST_PLAIN or byte in (_QUOTE, _BACKSLASH):
            return value(text_of(text))[1:-1]
    return text


def _values(turn: PlainTurn) -> bytes | bytearray:
    """The values of a plain execute as JSON; empty where they are not whole."""
    found = bytearray()
    if _add_plain(found, turn):
        return found
    values = None if turn.plan is None else plain_values(turn.plan, turn.request)
    return b"" if values is None else value(values)


def _add_plain(found: bytearray, turn: PlainTurn) -> bool:
    """Adds values that are integers, or text without escapes; False where others come, or they are not whole."""
    plan, data = turn.plan, turn.request
    if plan is None or not plan.plain:
        return False
    kinds, end = plan.kinds, len(data)
    count = len(kinds)
    found.append(_LIST)
    place = plan.flag + 1
    if count and data[plan.flag]:
        place += len(plan.block)
    for index in range(count):
        if index:
            found.append(_COMMA)
        kind = kinds[index]
        if data[plan.start + (index >> 3)] >> (index & 7) & 1:
            found += _NULL
        elif kind == _TEXT:
            size = data[place] if place < end else _LONG
            stop = place + 1 + size
            if size >= _LONG or stop > end:
                return False
            found.append(_QUOTE)
            for at in range(place + 1, stop):
                byte = data[at]
                if byte < _LEAST or byte > _MOST_PLAIN or byte in (_QUOTE, _BACKSLASH):
                    return False
                found.append(byte)
            found.append(_QUOTE)
            place = stop
        else:
            size = 1 << (kind >> 1)
            if place + size > end:
                return False
            number = byte = 0
            for at in range(size):
                byte = data[place + at]
                number |= byte << 8 * at
            if byte & _NEGATIVE and not kind & 1:
                found.append(_MINUS)
                number = (_FULL >> (64 - 8 * size)) - number + 1
            _add_number(found, number)
            place += size
    found.append(_END)
    return place == end or not count


def _add_number(line: bytearray, number: int) -> None:
    """Adds a number that is not negative."""
    left, size = number, 1
    while left >= 10:
        left //= 10
        size += 1
    line += _ZEROES[size]
    place = len(line)
    for _ in range(size):
        place -= 1
        line[place] = _ZERO + number % 10
        number //= 10


def _template(command: Command) -> Template:
    """The line of a command, cut at what is different in others. No places where that can not be told."""
    filled = 0
    for place, name in enumerate(_SLOTS):
        if name in _ALWAYS or getattr(command, name) is not None:
            setattr(command, name, _MARK % place)
            filled += 1
    for name in _FOLLOWING:
        setattr(command, name, None)
    line = encode(command)
    for name in _FOLLOWING:
        line = line.replace(b',"%b":null' % name.encode(), b"", 1)
    statement = value(_MARK % _FIRST_TEXT)
    pieces = _MARKED.split(line.replace(statement, b'"%b"' % statement))
    slots = bytes(map(int, pieces[1::2]))
    # A name of a capture may look like a mark.
    return tuple(pieces[::2]), slots if len(slots) == filled else b""
