"""JSON lines of commands, where most are plain turns: a turn differs from others like it in numbers, text and values.

A template is the line of a real command with marks in place of those; so the keys, their order and all that is the same
for such turns come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from analyzer.analysis.commands.pending import plain_values, said_by, text_of
from analyzer.analysis.commands.turn_tracker import TurnTracker, shows_all
from analyzer.analysis.conversation.plain_turn import CLOSE, PREPARE, QUERY, PlainTurn
from analyzer.analysis.model.command import NONE, Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.jsonl import encode, value

# Templates and statements of one connection, and ends of responses, that are kept.
MOST: Final = 256
MOST_ENDS: Final = 4096
# What is different in lines of one template, in their order, with what stands in the template's line for it.
_NAMES: Final = (
    *("number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "statement", "parameters"),
    *("rows", "bytes_request", "bytes_response", "statement_id"),
)
# Behind the parameters' place: what the end of a response says.
_ENDS: Final = 8
_ACKNOWLEDGED: Final = ("affected_rows", "last_insert_id", "warnings", "status_flags", "info")
_MARK: Final = 0x7E57_0000_7E57_0000
_TEXT: Final = "\x01\x02\x03"
_NULL: Final = b"null"
# Printable characters of ASCII; those that JSON escapes.
_LEAST: Final = 0x20
_MOST_PLAIN: Final = 0x7E
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
# Constants of others, once more: here they are numbers of C.
_QUERY: Final = QUERY
_PREPARE: Final = PREPARE
_CLOSE: Final = CLOSE

# A line that takes what the other picks of a turn's values; empty where there is none.
Template = tuple[bytes, Callable[[tuple[object, ...]], object]]


class TurnLines:
    """A TurnRenderer for one capture. Without `mask` secrets are shown."""

    __slots__ = ("_capture", "_ends", "_mask")

    def __init__(self, capture: str, mask: StatementMask | None) -> None:
        self._capture = capture
        self._mask = mask
        self._ends: dict[tuple[int, bool], tuple[object, bytes]] = {}

    def command(self, command: Command) -> bytes:
        """The line of any command."""
        return encode(command)

    def turn(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """The line of a plain command with its plain response."""
        began, mask, statement, code, number = turn.time_ns, self._mask, turn.statement, turn.code, None
        latency, duration = turn.first_ns - began, turn.last_ns - began
        said = bound = _NULL
        if code in (_QUERY, _PREPARE):
            text = turn.text
            if mask is not None and not mask.is_plain(text):
                return self._whole(tracker, turn)
            said = _said(text)
            if code == _PREPARE:
                number = turn.statement_id
        elif turn.plan is not None and statement is not None:
            known = tracker.texts.get(id(statement))
            if known is None or known[0] is not statement:
                known = self._noted(tracker, turn)
            values = plain_values(turn.plan, turn.request)
            if values is None or not known[1]:
                return self._whole(tracker, turn)
            said, bound, number = known[1], value(values), statement.statement_id
        else:
            if code == _CLOSE:
                number = turn.statement_id
            if statement is not None or (not turn.length and number is None):
                return self._whole(tracker, turn)
        if latency < 0 or duration < 0 or turn.error is not None:
            return self._whole(tracker, turn)
        ended = self._ends.get((id(turn.end), turn.columns is None))
        if ended is None or ended[0] is not turn.end:
            ended = self._ended(turn)
        template = tracker.templates.get((code, turn.columns, turn.session))
        if template is None:
            template = self._learnt(tracker, turn, ended[1])
        line, pick = template
        if not line:
            return self._whole(tracker, turn)
        return line % pick(
            (
                *(turn.number, turn.frame, turn.response_frame, began, latency, duration, said, bound, ended[1]),
                *(turn.rows, len(turn.request), turn.length, number),
            )
        )

    def _whole(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """The line of a turn, made as that of any command."""
        return encode(tracker.of_turn(self._capture, turn, self._mask))

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bytes]:
        """The text of the statement that a turn executes; empty where its lines are made as those of any command."""
        statement = turn.statement
        if len(tracker.texts) >= MOST:
            tracker.texts.clear()
        text = value(statement.query) if statement is not None and shows_all(turn, self._mask) else b""
        tracker.texts[id(statement)] = found = (statement, text)
        return found

    def _ended(self, turn: PlainTurn) -> tuple[object, bytes]:
        """What the end of a turn's response says, as it stands in its line."""
        says = said_by(turn.end, of_rows=turn.columns is not None)
        pairs = zip(_ACKNOWLEDGED, says, strict=True)
        if len(self._ends) >= MOST_ENDS:
            self._ends.clear()
        found = (turn.end, b",".join([b'"%b":%b' % (name.encode(), value(said)) for name, said in pairs]))
        self._ends[id(turn.end), turn.columns is None] = found
        return found

    def _learnt(self, tracker: TurnTracker, turn: PlainTurn, ended: bytes) -> Template:
        """What lines of turns like this one are written from."""
        if len(tracker.templates) >= MOST:
            tracker.templates.clear()
        command = tracker.of_turn(self._capture, turn, self._mask)
        tracker.templates[turn.code, turn.columns, turn.session] = found = _template(command, ended)
        return found


def _said(text: bytes) -> bytes:
    """A statement as JSON; what needs no escape is taken as it stands."""
    for place in range(len(text)):
        byte = text[place]
        if byte < _LEAST or byte > _MOST_PLAIN or byte in (_QUOTE, _BACKSLASH):
            return value(text_of(text))
    return b'"%b"' % text


def _template(command: Command, ended: bytes) -> Template:
    """The line of a command with a place for what is different in others, and what picks these of a turn's values.

    `ended` is what the end of its response says. The line is empty where that can not be told.
    """
    if command.response != NONE and (command.latency_ns is None or command.duration_ns is None):
        return b"", tuple
    marks: list[tuple[bytes, bytes]] = [(ended.replace(b"%", b"%%"), b"%b")]
    places = [_ENDS]
    for place, name in enumerate(_NAMES):
        if getattr(command, name) is None:
            continue
        mark: object = _MARK + place
        if name in ("statement", "parameters"):
            mark = f"{_TEXT}{place}"
        setattr(command, name, [mark] if name == "parameters" else mark)
        marks.append((value(getattr(command, name)), b"%b" if isinstance(mark, str) else b"%d"))
        places.append(place if place < _ENDS else place + 1)
    line = encode(command).replace(b"%", b"%%")
    for mark_bytes, place_holder in marks:
        if line.count(mark_bytes) != 1:
            return b"", tuple
        line = line.replace(mark_bytes, place_holder)
    return line, itemgetter(*sorted(places))
