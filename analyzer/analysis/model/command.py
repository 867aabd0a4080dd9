"""One command and its whole response, as the reports have it: the keys of `handshark commands`.

Whoever tells of a command gets a `Command`; a page gets some of them, with their texts shortened. On the way there
stand the machine's `AwaitedCommand` (what a response is read by) and the fast path's `Scanned` (a whole response taken
without records), both of the protocol; a `Request` (a command as it was sent, also what a packet answers), and with
what has come back of it so far a `PendingCommand`. The raw client writes down its own.

Times are integer nanoseconds, lengths bytes (MySQL packets with their headers, inside of TLS and compression), frames
numbered from 1 as Wireshark shows them.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from analyzer.analysis.model.connection import Endpoint

# What answers a command, in the words of the contract.
OK: Final = "ok"
ERROR: Final = "error"
RESULTSET: Final = "resultset"
EOF: Final = "eof"
LOCAL_INFILE: Final = "local_infile"
PREPARE_OK: Final = "prepare_ok"
STATISTICS: Final = "statistics"
BINLOG: Final = "binlog"
NONE: Final = "none"
ENCRYPTED: Final = "encrypted"
MISSING: Final = "missing"


class CommandError(msgspec.Struct, gc=False):
    """The error packet that answered a command, as on the wire; sqlstate is None where it has none."""

    code: int
    sqlstate: str | None
    message: str


class ResultSet(msgspec.Struct, gc=False):
    """One of several results of a command; `columns` and `rows` are None where it is an OK."""

    columns: int | None
    rows: int | None
    affected_rows: int | None


class Command(msgspec.Struct, gc=False):
    """A command and its whole response: the keys of `handshark commands`, in the order of the contract.

    capture         name of the capture as given
    stream          number of the TCP connection within its capture, number that of the command within it, both from 0
    frame           that completed the request; response_frame that completed the response, None where none is there
    time_ns         nanoseconds since 1970 (UTC) of the last byte of the request
    latency_ns      from there to the first byte of the response; duration_ns to its last byte
    command         name in lower case without COM_: query, stmt_execute ...; 0xNN for one that is not known
    statement       SQL text; of stmt_execute that of its prepare; None where there is none, or it is not known
    parameters      bound values of stmt_execute; of a bulk execute a list of values for each row
    attributes      query attributes by their names
    database        default schema when the command was sent, as far as known
    response        ok | error | resultset | eof | local_infile | prepare_ok | statistics | binlog | none | encrypted |
                    missing
    affected_rows, last_insert_id, warnings, status_flags, info  of the OK packet, as on the wire
    columns, rows   counted; over all results where there are several, which `result_sets` then lists
    bytes_request   bytes of the MySQL packets with their headers, inside of TLS and compression; likewise
                    bytes_response
    complete        whether the whole command and its whole response are in the capture: where not, what is said is at
                    least that. None: not known, its response is encrypted
    missing_bytes   of command and response, that are known to be missing
    statement_cut   bytes of the statement that are missing, or were not kept
    statement_id    of the prepared statement that it makes or names, also where that was not captured
    argument        what a command without a statement is about: a schema, a table, a user
    client, server  ends of the connection, and the user who is logged in, None where that is not known
    """

    capture: str
    stream: int
    number: int
    frame: int
    response_frame: int | None
    time_ns: int
    latency_ns: int | None
    duration_ns: int | None
    command: str
    statement: str | None
    parameters: list[Any] | None
    attributes: dict[str, Any] | None
    database: str | None
    response: str
    affected_rows: int | None
    last_insert_id: int | None
    warnings: int | None
    status_flags: list[str] | None
    info: str | None
    columns: int | None
    rows: int | None
    result_sets: list[ResultSet] | None
    error: CommandError | None
    bytes_request: int
    bytes_response: int
    complete: bool | None = None
    missing_bytes: int = 0
    statement_cut: int | None = None
    statement_id: int | None = None
    argument: str | None = None
    client: Endpoint | None = None
    server: Endpoint | None = None
    user: str | None = None
