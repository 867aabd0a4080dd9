"""JSON lines of commands, where most are plain turns: a turn differs from others like it in numbers, text and values.

A template is the line of a real command with marks in place of those; so the keys, their order and all that is the same
for such turns come from where all lines come from (`jsonl.encode`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from analyzer.analysis.commands.pending import plain_values, text_of
from analyzer.analysis.commands.turn_tracker import TurnTracker, shows_all
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import NONE, Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.jsonl import encode, value

# Templates of one connection: ends of responses may differ in each.
MOST: Final = 256
# What is different in lines of one template, in their order, with what stands in the template's line for it.
_NAMES: Final = (
    *("number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "statement", "parameters"),
    *("rows", "bytes_request", "bytes_response", "statement_id"),
)
_MARK: Final = 0x7E57_0000_7E57_0000
_TEXT: Final = "\x01\x02\x03"
_NULL: Final = b"null"


class _Template(NamedTuple):
    """`line` takes what `pick` takes of a turn's values, which stand in the order of _NAMES.

    `end` and `statement` are those that it holds for, `text` is the latter's.
    """

    line: bytes
    pick: Callable[[tuple[object, ...]], object]
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
        end, began, asks, mask = turn.end, turn.time_ns, turn.asks, self._mask
        statement = None if asks else turn.statement  # that of a prepare is new
        number = turn.statement_id
        key = (id(end), id(statement), turn.code, number is None, turn.columns, turn.session)
        template: _Template | None = tracker.templates.get(key)
        latency, duration = turn.first_ns - began, turn.last_ns - began
        if asks and mask is not None and not mask.is_plain(turn.text):
            return encode(tracker.of_turn(self._capture, turn, mask))
        if template is None or template.end is not end or template.statement is not statement:
            return self._learnt(tracker, turn, key)
        if latency < 0 or duration < 0 or not template.line:
            return encode(tracker.of_turn(self._capture, turn, mask))
        said, bound = template.text, _NULL
        if asks:
            said = value(text_of(turn.text))
        elif turn.plan is not None:
            values = plain_values(turn.plan, turn.request)
            if values is None:
                return encode(tracker.of_turn(self._capture, turn, mask))
            bound = value(values)
        return template.line % template.pick(
            (
                *(turn.number, turn.frame, turn.response_frame, began, latency, duration, said, bound),
                *(turn.rows, len(turn.request), turn.length, number),
            )
        )

    def _learnt(self, tracker: TurnTracker, turn: PlainTurn, key: tuple[object, ...]) -> bytes:
        """The line of a turn that is the first of its kind; others are written from what it shows."""
        command = tracker.of_turn(self._capture, turn, self._mask)
        line, text = encode(command), value(command.statement)
        if len(tracker.templates) >= MOST:
            tracker.templates.clear()
        names = _NAMES[:-1] if turn.statement_id is None else _NAMES
        pattern, pick = _pattern(command, names) if shows_all(turn, self._mask) else (b"", tuple)
        statement = None if turn.asks else turn.statement
        tracker.templates[key] = _Template(pattern, pick, text, turn.end, statement)
        return line


def _pattern(command: Command, names: Sequence[str]) -> tuple[bytes, Callable[[tuple[object, ...]], object]]:
    """The line of a command with a place for what is different in others, and what takes these of values in `names`.

    The line is empty where that can not be told.
    """
    if command.response != NONE and (command.latency_ns is None or command.duration_ns is None):
        return b"", tuple
    marks: list[tuple[bytes, bytes]] = []
    places: list[int] = []
    for place, name in enumerate(names):
        if getattr(command, name) is None:
            continue
        mark: object = _MARK + place
        if name in ("statement", "parameters"):
            mark = f"{_TEXT}{place}"
        setattr(command, name, [mark] if name == "parameters" else mark)
        marks.append((value(getattr(command, name)), b"%b" if isinstance(mark, str) else b"%d"))
        places.append(place)
    line = encode(command).replace(b"%", b"%%")
    for mark_bytes, place_holder in marks:
        if line.count(mark_bytes) != 1:
            return b"", tuple
        line = line.replace(mark_bytes, place_holder)
    return line, itemgetter(*places)
