"""A plain command and its whole plain response, taken together: most of the traffic is that.

A COM_STMT_CLOSE and a COM_QUIT have no response: `length` is 0, `end` is None, and nothing is said of frames and times
of one.
"""

from __future__ import annotations

from typing import Final

from analyzer.batches import copied
from analyzer.net.tcp.pieces import Pieces
from analyzer.protocol.execute_plan import DOUBLE, TEXT, ExecutePlan
from analyzer.protocol.prepared import LAST_PREPARED, PreparedStatement
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_CLOSE, COM_STMT_PREPARE

__all__ = ["CLOSE", "DOUBLE", "LAST_PREPARED", "PREPARE", "QUERY", "TEXT", "ExecutePlan", "PlainTurn", "copied"]

# Codes that others tell turns by.
QUERY: Final = COM_QUERY
PREPARE: Final = COM_STMT_PREPARE
CLOSE: Final = COM_STMT_CLOSE
# Once more: here it is a number of C.
_QUERY: Final = COM_QUERY


class PlainTurn:
    """A plain command and its whole plain response.

    request         its whole packet, `code` what it asks; `frame` and `time_ns` are those of its last byte
    named           CLIENT_QUERY_ATTRIBUTES is in force
    statement, plan the prepared statement that it makes or uses, and how an execute's values are read
    columns, rows   of the result set; None and 0 where the response is an OK; of a prepare its columns
    length          bytes of the response; `sequence` is the id of its last packet
    end             what is in that: an OK, EOF or error
    response_frame  in which the response's first packet ends
    first_ns        when its first byte came; `last_frame` and `last_ns` are those of its last
    pieces, span    what they came in: (first of the request, first of the response, behind it)
    number, session which of its connection's commands it is, and (database, user) then: for whoever counts them
    """

    __slots__ = (
        "code",
        "columns",
        "end",
        "first_ns",
        "frame",
        "last_frame",
        "last_ns",
        "length",
        "named",
        "number",
        "pieces",
        "plan",
        "request",
        "response_frame",
        "rows",
        "sequence",
        "session",
        "span",
        "statement",
        "time_ns",
    )

    request: bytes
    code: int
    named: bool
    statement: PreparedStatement | None
    plan: ExecutePlan | None
    frame: int
    time_ns: int
    columns: int | None
    rows: int
    length: int
    sequence: int
    end: OKPacket | EOFPacket | ErrPacket | None
    response_frame: int
    first_ns: int
    last_frame: int
    last_ns: int
    pieces: Pieces
    span: tuple[int, int, int]
    number: int
    session: tuple[str | None, str | None]

    @property
    def error(self) -> ErrPacket | None:
        """The error that answers it."""
        return self.end if isinstance(self.end, ErrPacket) else None

    def failed(self) -> bool:
        """Whether an error answers it."""
        return type(self.end) is ErrPacket

    @property
    def asks(self) -> bool:
        """Whether it holds a statement: a query or a prepare."""
        return self.code in (COM_QUERY, COM_STMT_PREPARE)

    @property
    def text(self) -> bytes:
        """The statement that it holds."""
        return self.said()

    def said(self) -> bytes:
        """The same, where each call counts."""
        return copied(self.request, self.begins(), len(self.request))

    def begins(self) -> int:
        """Where the statement begins in its packet: in front of that of a query there may be attributes, here none."""
        return min(7 if self.named and self.code == _QUERY else 5, len(self.request))

    @property
    def statement_id(self) -> int | None:
        """The number of the statement that it prepares or closes; None: it does neither, or the number is not known."""
        if self.code == COM_STMT_PREPARE and self.statement is not None:
            return self.statement.statement_id
        number = int.from_bytes(self.request[5:9], "little") if self.code == COM_STMT_CLOSE else LAST_PREPARED
        return None if number == LAST_PREPARED else number
