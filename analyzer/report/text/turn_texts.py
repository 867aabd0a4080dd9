"""Text of commands, where most are plain turns: their lines are written from the bytes of their requests."""

from __future__ import annotations

from typing import Any, Final

from analyzer.analysis.commands.pending import shown_name
from analyzer.analysis.commands.turn_tracker import TurnRenderer, TurnTracker, shows_all
from analyzer.analysis.conversation.plain_turn import CLOSE, PREPARE, QUERY, PlainTurn
from analyzer.analysis.line_buffer import LineBuffer, put_bytes, put_number, put_part
from analyzer.analysis.model.command import Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.prose import labels
from analyzer.report.text.commands import BEHIND_DATE, DATED, LEADING, LOOKED_AT, CommandLayout, counted
from analyzer.report.text.layout import ELLIPSIS, cells, gaps
from analyzer.report.turn_values import VALUE, put_listed

# Statements of one connection, ends of responses, and numbers as text, that are kept.
MOST: Final = 256
MOST_KNOWN: Final = 4096
_SECOND: Final = 1_000_000_000
_MILLISECOND: Final = 1_000_000
# Bytes of a packet that holds nothing but what it asks.
_ALONE: Final = 5
# Cells of a time, a connection's number, a duration, and a number of rows.
_TIME, _CONNECTION, _TOOK, _ROWS = (width for _, width in LEADING)
_NOTHING: Final = b""
_BETWEEN: Final = b", "
_CUT: Final = ELLIPSIS.encode()
_BLANK, _LAST, _TAB, _CR, _ZERO, _POINT, _NEWLINE, _BEHIND = b" ~\t\r0.\n)"
_BOUND: Final = b" <- "
_PREPARES: Final = b"STMT_PREPARE "
_CLOSES: Final = b"STMT_CLOSE (statement "
_EXECUTES: Final = "STMT_EXECUTE "
# Constants of others, once more: here they are numbers of C.
_QUERY: Final = QUERY
_PREPARE: Final = PREPARE
_CLOSE: Final = CLOSE
_VALUE: Final = VALUE


class TurnTexts(TurnRenderer):
    """Writes the lines of the commands of one capture, with their dates (`CommandLayout.dated`).

    Without `mask` secrets are shown.
    """

    __slots__ = (
        *("_alone", "_capture", "_changed", "_date", "_layout", "_line", "_mask", "_most", "_numbers", "_room"),
        *("_second", "_time", "_took"),
    )

    def __init__(self, layout: CommandLayout, capture: str, mask: StatementMask | None) -> None:
        self._layout = layout
        self._capture = capture
        self._mask = mask
        # Cells that a command has, and bytes of one that are looked at.
        self._room = layout.columns[-1].width
        self._most = self._room * LOOKED_AT
        # Commands that are nothing but their codes; how many rows ends of responses changed; numbers; durations.
        self._alone: dict[int, bytes] = {}
        self._changed: dict[int, tuple[Any, bytes]] = {}
        self._numbers: dict[int, bytes] = {}
        self._took: dict[int, bytes] = {}
        # The second of the last line, with its date and its time.
        self._second = -1
        self._date = self._time = _NOTHING
        # What a command says.
        self._line = bytearray(2 * self._most)

    def command(self, command: Command) -> bytes:
        """The lines of any command."""
        return self._layout.dated(command)

    def turn(self, tracker: TurnTracker, turn: PlainTurn, lines: LineBuffer) -> None:
        """Writes the line of a plain command with its plain response."""
        if not self._is_written(tracker, turn, lines):
            lines.put(self.command(tracker.of_turn(self._capture, turn, self._mask)))

    def _is_written(self, tracker: TurnTracker, turn: PlainTurn, lines: LineBuffer) -> bool:
        """Writes the line from the turn's bytes; False where it has to be made as that of any command."""
        began, took = turn.time_ns, 0
        if turn.length:
            took = turn.last_ns - began
        if began < 0 or took < 0 or turn.failed():
            return False
        size = self._said(tracker, turn)
        if size <= 0:
            return False
        said = size
        if size > self._room:
            # All that is shown but the last takes one byte.
            said = put_bytes(self._line, self._room - 1, _CUT, len(_CUT))
            size = self._room
        known = tracker.said
        if known is None or known[0] is not turn.session:
            known = self._noted(tracker, turn)
        stream: bytes = known[1]
        wider: bytes | None = known[2]
        lasted = self._lasted(took) if took else _NOTHING
        counted_ = self._counted(tracker, turn)
        if wider is None:
            return False
        # Blanks in front of each cell but the first.
        before, between = _CONNECTION - len(stream) + 1, _TOOK - len(lasted) + 1
        behind, last = _ROWS - len(counted_) + 1, 1
        if before < 1 or between < 1 or behind < 1:
            if wider:
                return False
            sizes = (_TIME, len(stream), len(lasted), len(counted_), size)
            _, before, between, behind, last = gaps(tuple(self._layout.columns), sizes, self._layout.width)
        if began // _SECOND != self._second:
            self._note_second(began)
        room = len(self._date) + _TIME + len(stream) + len(lasted) + len(counted_) + len(wider) + said + 1
        lines.make_room(room + before + between + behind + last)
        text, end = lines.text, lines.end
        end = put_bytes(text, end, self._date, len(self._date))
        end = put_bytes(text, end, self._time, len(self._time))
        end = _put_milliseconds(text, end, began % _SECOND // _MILLISECOND)
        end = put_bytes(text, _put_blanks(text, end, before), stream, len(stream))
        end = put_bytes(text, _put_blanks(text, end, between), lasted, len(lasted))
        end = put_bytes(text, _put_blanks(text, end, behind), counted_, len(counted_))
        end = put_bytes(text, _put_blanks(text, end, last), wider, len(wider))
        end = put_part(text, end, self._line, 0, said)
        text[end] = _NEWLINE
        lines.end = end + 1
        return True

    def _said(self, tracker: TurnTracker, turn: PlainTurn) -> int:
        """Writes what a command says, with one blank between its words; how many bytes, 0 where that is not plain."""
        data, code, mask = turn.request, turn.code, self._mask
        size = 0
        if code in (_QUERY, _PREPARE):
            begin = turn.begins()
            if mask is not None and not mask.is_plain(data, begin):
                return 0
            if code == _PREPARE:
                size = put_bytes(self._line, 0, _PREPARES, len(_PREPARES))
            more = min(len(data) - begin, self._most - size)
            return _spaced(self._line, put_part(self._line, size, data, begin, more))
        if code == _CLOSE:
            number = turn.statement_id
            if number is None:
                return 0
            size = put_number(self._line, put_bytes(self._line, 0, _CLOSES, len(_CLOSES)), number)
            self._line[size] = _BEHIND
            return size + 1
        if turn.plan is not None and turn.statement is not None:
            return self._executed(tracker, turn)
        if len(data) > _ALONE or turn.statement is not None:
            return 0
        alone = self._alone.get(code)
        if alone is None:
            alone = self._learnt(tracker, turn)
        return put_bytes(self._line, 0, alone, len(alone))

    def _executed(self, tracker: TurnTracker, turn: PlainTurn) -> int:
        """The same of a prepared statement with its values."""
        statement, plan, data = turn.statement, turn.plan, turn.request
        known = tracker.texts.get(id(statement))
        if known is None or known[0] is not statement:
            known = self._noted_text(tracker, turn)
        query: bytes = known[1]
        if not query or plan is None or not plan.plain:
            return 0
        size = len(query)
        room = size + len(_BOUND) + len(data) + _VALUE * len(plan.kinds)
        if len(self._line) < room:
            self._line = bytearray(2 * room)
        put_bytes(self._line, 0, query, size)
        if plan.kinds:
            size = put_bytes(self._line, size, _BOUND, len(_BOUND))
            size = put_listed(self._line, size, plan, data, len(data), _BETWEEN)
            if size < 0:
                return 0
        return _spaced(self._line, min(size, self._most))

    def _noted_text(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bytes]:
        """The statement that a turn executes as it is shown; empty where that is not plain."""
        statement, text = turn.statement, _NOTHING
        if statement is not None and statement.query is not None and shows_all(turn, self._mask):
            # Of a long one its beginning is enough, and it goes with its connection.
            query = statement.query[: self._most]
            text = (_EXECUTES + query).encode() if query.isascii() else _NOTHING
        if len(tracker.texts) >= MOST:
            tracker.texts.clear()
        tracker.texts[id(statement)] = found = (statement, text)
        return found

    def _noted(self, tracker: TurnTracker, turn: PlainTurn) -> tuple[object, bytes, bytes | None]:
        """What lines say of a connection: the session, its number, and what a wider terminal shows; None where that
        does not fit."""
        user = shown_name(turn.session[1], self._mask)
        client, server = tracker.ends
        wider: bytes | None = _NOTHING
        columns = self._layout.columns[len(LEADING) : -1]
        for column, text in zip(columns, self._layout.wider(client, user, server), strict=True):
            size = cells(text)
            if size > column.width or wider is None:
                wider = None
            else:
                wider += text.encode() + b" " * (column.width - size + 1)
        tracker.said = found = (turn.session, b"%d" % tracker.tcp.number, wider)
        return found

    def _learnt(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """What is shown of a command that is nothing but its code."""
        what = self._layout.said(tracker.of_turn(self._capture, turn, self._mask)).encode()
        self._alone[turn.code] = what
        return what

    def _lasted(self, took: int) -> bytes:
        """A duration as it is shown."""
        found = self._took.get(took)
        if found is None:
            if len(self._took) >= MOST_KNOWN:
                self._took.clear()
            found = self._took[took] = labels.duration(took).encode()
        return found

    def _counted(self, tracker: TurnTracker, turn: PlainTurn) -> bytes:
        """How many rows came, or were changed."""
        end = turn.end
        if end is None:
            return _NOTHING  # of a prepare
        if turn.columns is not None:
            number = self._numbers.get(turn.rows)
            if number is None:
                if len(self._numbers) >= MOST_KNOWN:
                    self._numbers.clear()
                number = self._numbers[turn.rows] = b"%d" % turn.rows
            return number
        known = self._changed.get(id(end))
        if known is None or known[0] is not end:
            if len(self._changed) >= MOST_KNOWN:
                self._changed.clear()
            count = counted(tracker.of_turn(self._capture, turn, self._mask)).encode()
            known = self._changed[id(end)] = (end, count)
        return known[1]

    def _note_second(self, began: int) -> None:
        """The second of a line begins."""
        clock, self._second = self._layout.clock, began // _SECOND
        self._date = DATED + clock.date(began).encode() + BEHIND_DATE
        self._time = clock.time_of_day(began).encode()


def _put_blanks(text: bytearray, end: int, count: int) -> int:
    """Writes so many blanks; returns where they end."""
    for place in range(count):
        text[end + place] = _BLANK
    return end + count


def _put_milliseconds(text: bytearray, end: int, milli: int) -> int:
    """Writes thousandths of a second; returns where they end."""
    text[end], text[end + 1] = _POINT, _ZERO + milli // 100
    text[end + 2], text[end + 3] = _ZERO + milli // 10 % 10, _ZERO + milli % 10
    return end + 4


def _spaced(line: bytearray, size: int) -> int:
    """Leaves one blank between the words of a text; how many bytes it has then, 0 where it is not plain."""
    written = 0
    blank = False
    byte = 0
    for place in range(size):
        byte = line[place]
        if byte == _BLANK or _TAB <= byte <= _CR:
            blank = written > 0
            continue
        if byte < _BLANK or byte > _LAST:
            return 0
        if blank:
            line[written] = _BLANK
            written += 1
            blank = False
        line[written] = byte
        written += 1
    return written
