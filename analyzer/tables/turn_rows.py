"""Rows of commands, where most are plain turns: a turn differs from others like it in numbers, text and values.

A kind is a real command; what is the same for all turns like it is taken from its row, in columns (`command_rows`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from analyzer.analysis.commands.pending import plain_values, said_by, text_of
from analyzer.analysis.commands.turn_tracker import TurnTracker, shows_all
from analyzer.analysis.conversation.fast_path import QUIT
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import Command
from analyzer.analysis.packets.statement_mask import StatementMask

# Kinds, ends of responses, and statements of one connection, that are kept.
MOST: Final = 4096
MOST_TEXTS: Final = 256

# A row is its kind, what the end of its response says (EndSays, or a command), its connection's ends, and of its own:
OWN: Final = (
    *("number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "rows", "bytes_request"),
    *("bytes_response", "statement_id", "statement", "parameters"),
)
Row = tuple[Any, ...]


class EndSays(NamedTuple):
    """What the end of a response says."""

    affected_rows: int | None
    last_insert_id: int | None
    warnings: int | None
    status_flags: list[str] | None
    info: str | None


def row_of(command: Command) -> Row:
    """The row of any command: it is a kind of its own."""
    return (command, command, (command.client, command.server), *[getattr(command, name) for name in OWN])


class TurnRows:
    """A TurnRenderer for one capture: rows. Without `mask` secrets are shown."""

    __slots__ = ("_capture", "_kinds", "_mask", "_said")

    def __init__(self, capture: str, mask: StatementMask | None) -> None:
        self._capture = capture
        self._mask = mask
        self._kinds: dict[tuple[Any, ...], Command] = {}
        self._said: dict[tuple[int | None, bool], tuple[object, EndSays]] = {}

    def command(self, command: Command) -> Row:
        """The row of any command."""
        return row_of(command)

    def turn(self, tracker: TurnTracker, turn: PlainTurn) -> Row:
        """The row of a plain command with its plain response."""
        began, mask, statement, number = turn.time_ns, self._mask, turn.statement, turn.statement_id
        latency, duration = turn.first_ns - began, turn.last_ns - began
        said = bound = None
        if turn.asks:
            text = turn.text
            if mask is not None and not mask.is_plain(text):
                return self._whole(tracker, turn)
            said = text_of(text)
        elif turn.plan is not None and statement is not None:
            known = tracker.texts.get(id(statement))
            if known is None or known[0] is not statement:
                known = self._noted(tracker, turn)
            bound = plain_values(turn.plan, turn.request)
            if bound is None or not known[1]:
                return self._whole(tracker, turn)
            said, number = statement.query, statement.statement_id
        elif statement is not None or (not turn.length and number is None and turn.request != QUIT):
            return self._whole(tracker, turn)
        if latency < 0 or duration < 0:
            return self._whole(tracker, turn)
        end = turn.end
        error = turn.error
        said_at = (None if error is not None else id(end), turn.columns is None)
        ended = self._said.get(said_at)
        if ended is None or (error is None and ended[0] is not end):
            ended = self._said[said_at] = self._ended(turn)
        alike = (turn.code, turn.columns, turn.session, type(end) if error is None else error)
        kind = self._kinds.get(alike)
        if kind is None:
            if len(self._kinds) >= MOST:
                self._kinds.clear()
            kind = self._kinds[alike] = tracker.of_turn(self._capture, turn, mask)
        return (
            *(kind, ended[1], tracker.ends, turn.number, turn.frame, turn.response_frame, began, latency, duration),
            *(turn.rows, len(turn.request), turn.length, number, said, bound),
        )

    def _whole(self, tracker: TurnTracker, turn: PlainTurn) -> Row:
        """The row of a turn, made as that of any command."""
        return row_of(tracker.of_turn(self._capture, turn, self._mask))

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bool]:
        """Whether all of the statement that a turn executes is known and may be shown."""
        statement = turn.statement
        if len(tracker.texts) >= MOST_TEXTS:
            tracker.texts.clear()
        tracker.texts[id(statement)] = found = (statement, shows_all(turn, self._mask))
        return found

    def _ended(self, turn: PlainTurn) -> tuple[object, EndSays]:
        """What the end of a turn's response says."""
        if len(self._said) >= MOST:
            self._said.clear()
        return turn.end, EndSays(*said_by(turn.end, of_rows=turn.columns is not None))
