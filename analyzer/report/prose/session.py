"""A session as a script: what each side said, put together from its packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from analyzer.analysis.model.connection import CLIENT
from analyzer.analysis.model.packet import FollowedPacket

# Rows of a result that are kept unless more are asked for.
MOST_ROWS: Final = 20
# Packets of a turn that are kept for what can not be put otherwise.
MOST_OTHERS: Final = 100
MOST_PREPARED: Final = 10_000
LAST: Final = 0xFFFFFFFF  # MariaDB's number of the statement that was prepared last
_ENDS: Final = frozenset({"OKPacket", "EOFPacket"})
EXECUTING: Final = frozenset({"ComStmtExecute", "ComStmtBulkExecute", "ComStmtFetch"})
# Commands that nothing answers.
UNANSWERED: Final = frozenset({"ComQuit", "ComStmtClose", "ComStmtSendLongData"})


class FollowedResult(msgspec.Struct):
    """One result of a command: a table, or how many rows it changed. `left_out`: rows that are not in `rows`."""

    columns: list[str]
    rows: list[list[str | None]]
    left_out: int = 0
    rows_affected: int | None = None
    summary: str | None = None


class Turn(msgspec.Struct):
    """What belongs together: a command with all that answers it, or (`command` is None) packets before the first.

    Times are nanoseconds since 1970; `duration_ns` is from the command to the last packet of its answer.
    """

    frame: int
    last_frame: int
    time_ns: int
    duration_ns: int | None
    command: str | None
    statement: str | None
    parameters: list[str | None] | None
    statement_id: int | None
    results: list[FollowedResult]
    error: tuple[int, str | None, str] | None
    others: list[FollowedPacket]


class SessionScript:
    """Feed it the packets of one connection in order; it gives each turn when it is over."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most = most_rows
        self._turn: Turn | None = None
        self._result: FollowedResult | None = None
        # Statements that were prepared, by their numbers; the number of MariaDB's "the last one" is kept too.
        self._prepared: dict[int, str] = {}

    def feed(self, packet: FollowedPacket) -> Iterator[Turn]:
        turn = self._turn
        if packet.command is not None or turn is None or (turn.command is None and len(turn.others) >= MOST_OTHERS):
            yield from self.end()
            turn = self._turn = Turn(
                packet.frame,
                packet.frame,
                packet.time_ns,
                None,
                packet.command,
                packet.statement or self._executed(packet),
                packet.parameters,
                packet.statement_id,
                [],
                None,
                [],
            )
            if packet.command is None:
                turn.others.append(packet)
            return
        self._add(turn, packet)

    def end(self) -> Iterator[Turn]:
        """Nothing more comes: the turn that is open."""
        turn, self._turn, self._result = self._turn, None, None
        if turn is not None:
            yield turn

    def _executed(self, packet: FollowedPacket) -> str | None:
        """The text of the prepared statement that a command runs."""
        if packet.command not in EXECUTING or packet.statement_id is None:
            return None
        return self._prepared.get(packet.statement_id)

    def _add(self, turn: Turn, packet: FollowedPacket) -> None:
        turn.last_frame = max(turn.last_frame, packet.frame)
        if packet.sender != CLIENT and turn.command is not None:
            turn.duration_ns = packet.time_ns - turn.time_ns
        if turn.command is None:
            turn.others.append(packet)
            return
        if packet.statement_id is not None and packet.sender != CLIENT and turn.statement is not None:
            if len(self._prepared) < MOST_PREPARED:
                self._prepared[packet.statement_id] = turn.statement
            self._prepared[LAST] = turn.statement
        if packet.error is not None:
            turn.error, self._result = packet.error, None
        elif packet.record == "ColumnCount" or (packet.row is not None and self._result is None):
            self._result = FollowedResult([], [])
            turn.results.append(self._result)
            if packet.row is not None:
                self._row(self._result, packet.row)
        elif packet.column is not None:
            if self._result is not None:
                self._result.columns.append(packet.column)
        elif packet.row is not None:
            assert self._result is not None
            self._row(self._result, packet.row)
        elif packet.record in _ENDS:
            self._ended(turn, packet)
        elif len(turn.others) < MOST_OTHERS:
            turn.others.append(packet)

    def _row(self, result: FollowedResult, row: list[str | None]) -> None:
        if len(result.rows) < self._most:
            result.rows.append(row)
        else:
            result.left_out += 1

    def _ended(self, turn: Turn, packet: FollowedPacket) -> None:
        """OK, or EOF: behind rows it ends them, behind definitions the rows follow."""
        result = self._result
        if result is not None and (result.rows or packet.record == "OKPacket"):
            self._result = None
        elif result is None and packet.record == "OKPacket":
            turn.results.append(FollowedResult([], [], 0, packet.rows_affected, packet.summary))
