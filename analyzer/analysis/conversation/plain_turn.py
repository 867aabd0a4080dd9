"""A plain command and its whole plain response, taken together: most of the traffic is that."""

from __future__ import annotations

from analyzer.net.tcp.pieces import Pieces
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.generic import EOFPacket, OKPacket


class PlainTurn:
    """A plain command and its whole plain response.

    request         its whole packet; `frame` and `time_ns` are those of its last byte
    named           CLIENT_QUERY_ATTRIBUTES is in force
    statement, plan the prepared statement that it executes, and how its values are read
    columns, rows   of the result set; None and 0 where the response is an OK
    length          bytes of the response; `sequence` is the id of its last packet, `end` what is in it
    response_frame  in which the response's first packet ends
    first_ns        when its first byte came; `last_frame` and `last_ns` are those of its last
    pieces, span    what they came in: (first of the request, first of the response, behind it)
    number, session which of its connection's commands it is, and (database, user) then: for whoever counts them
    """

    __slots__ = (
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
    named: bool
    statement: PreparedStatement | None
    plan: ExecutePlan | None
    frame: int
    time_ns: int
    columns: int | None
    rows: int
    length: int
    sequence: int
    end: OKPacket | EOFPacket
    response_frame: int
    first_ns: int
    last_frame: int
    last_ns: int
    pieces: Pieces
    span: tuple[int, int, int]
    number: int
    session: tuple[str | None, str | None]

    @property
    def text(self) -> bytes:
        """The statement of a query."""
        return self.request[7:] if self.named else self.request[5:]
