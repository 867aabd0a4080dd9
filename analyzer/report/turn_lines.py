"""JSON lines of commands, where most are plain turns: a turn differs from others like it in numbers, text and values.

A template is the line of a real command with marks in place of those; so the keys, their order and all that is the same
for such turns come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.analysis.commands.pending import plain_values, text_of
from analyzer.analysis.commands.turn_tracker import TurnTracker, shows_all
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.jsonl import encode, value

# Templates of one connection: ends of responses may differ in each.
MOST: Final = 256
# What stands in a template's line for the numbers of a turn, and for its text and its values.
_NUMBERS: Final = ("number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns")
_COUNTS: Final = ("rows", "bytes_request", "bytes_response")
_MARK: Final = 0x7E57_0000_7E57_0000
_TEXT: Final = "\x01\x02\x03"
_NULL: Final = b"null"


class _Template(NamedTuple):
    """`line` takes the values of a turn; `end` and `statement` are those that it holds for, `text` is the latter's."""

    line: bytes
    text: bytes
    end: object
    statement: object


class TurnLines:
    """A TurnRenderer for one capture. Without `mask` secrets are shown."""

    def __init__(self, capture: str, mask: StatementMask | None) -> None:
        self._capture = capture
        self._mask = mask

    def command(self, command: Command) -> bytes:
        """The line of any command."""
        return encode(command)

    def turn(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """The line of a plain command with its plain response."""
        statement, end, began, mask = turn.statement, turn.end, turn.time_ns, self._mask
        key = (id(end), id(statement), turn.columns, turn.session)
        template: _Template | None = tracker.templates.get(key)
        latency, duration = turn.first_ns - began, turn.last_ns - began
        if template is None or template.end is not end or template.statement is not statement:
            return self._learnt(tracker, turn, key)
        if latency < 0 or duration < 0 or not template.line:
            return encode(tracker.of_turn(self._capture, turn, mask))
        if statement is None:
            text = turn.text
            if mask is not None and not mask.is_plain(text):
                return encode(tracker.of_turn(self._capture, turn, mask))
            said, bound = value(text_of(text)), _NULL
        else:
            values = None if turn.plan is None else plain_values(turn.plan, turn.request)
            if values is None:
                return encode(tracker.of_turn(self._capture, turn, mask))
            said, bound = template.text, value(values)
        return template.line % (
            *(turn.number, turn.frame, turn.response_frame, began, latency, duration, said, bound),
            *(turn.rows, len(turn.request), turn.length),
        )

    def _learnt(self, tracker: TurnTracker, turn: PlainTurn, key: tuple[object, ...]) -> bytes:
        """The line of a turn that is the first of its kind; others are written from what it shows."""
        command = tracker.of_turn(self._capture, turn, self._mask)
        line = encode(command)
        if len(tracker.templates) >= MOST:
            tracker.templates.clear()
        text = value(command.statement)
        plain = command.statement is not None and shows_all(turn, self._mask)
        tracker.templates[key] = _Template(_pattern(command) if plain else b"", text, turn.end, turn.statement)
        return line


def _pattern(command: Command) -> bytes:
    """The line of a command with a place for what is different in others; empty where that can not be told."""
    if command.latency_ns is None or command.duration_ns is None:
        return b""
    names = (*_NUMBERS, "statement", "parameters", *_COUNTS)
    marks: list[tuple[bytes, bytes]] = []
    for place, name in enumerate(names):
        mark: object = _MARK + place
        if name in ("statement", "parameters"):
            mark = f"{_TEXT}{place}"
        setattr(command, name, [mark] if name == "parameters" else mark)
        marks.append((value(getattr(command, name)), b"%b" if isinstance(mark, str) else b"%d"))
    line = encode(command).replace(b"%", b"%%")
    for mark_bytes, place_holder in marks:
        if line.count(mark_bytes) != 1:
            return b""
        line = line.replace(mark_bytes, place_holder)
    return line
