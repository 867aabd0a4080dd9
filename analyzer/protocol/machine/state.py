"""What decides the meaning of a byte: the states of a connection and the moves between them.

A state is named for what is awaited. `TRANSITIONS` is the whole graph; the decoders of `client` and `server` turn a
packet into a record and the event that moves along it. `State` is where one connection stands in it, and nobody else
writes that. Nothing here knows whether it serves the analyzer, the client or a server.

Sources: MySQL source documentation, "Connection Phase", "Command Phase"; MariaDB Server documentation, "Connecting".
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Final, Literal

import msgspec

from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.base import Record
from analyzer.protocol.tables import commands as com

CLIENT: Final = 0
SERVER: Final = 1
MAX_PIPELINED: Final = 4096

StateName = Literal[
    "GREETING",
    "LOGIN",
    "TLS_HANDSHAKE",
    "SECURE_LOGIN",
    "AUTHENTICATION",
    "COMMAND",
    "RESPONSE",
    "RESULT",
    "COLUMNS",
    "COLUMNS_EOF",
    "ROWS",
    "LOCAL_INFILE",
    "PREPARE",
    "PREPARE_PARAMS",
    "PREPARE_PARAMS_EOF",
    "PREPARE_COLUMNS",
    "PREPARE_COLUMNS_EOF",
    "FIELD_LIST",
    "STATISTICS",
    "STREAM",
    "CLONE",
    "HANDOVER",
    "OTHER_PROTOCOL",
    "CLOSED",
    "DESYNCHRONISED",
]
# What a packet was; "" moves nowhere.
Event = Literal[
    "",
    "change_user_err",
    "columns",
    "columns_end",
    "cursor",
    "eof",
    "eof_for_row",
    "err",
    "file_end",
    "greeting",
    "local_infile",
    "login",
    "no_metadata",
    "ok",
    "ok_more",
    "params",
    "params_end",
    "row_for_eof",
    "rows",
    "secure",
    "ssl_request",
]

# Connection phase.
GREETING: Final = "GREETING"  # the server's greeting, or an error in its place
LOGIN: Final = "LOGIN"  # the client's SSLRequest or handshake response
TLS_HANDSHAKE: Final = "TLS_HANDSHAKE"  # TLS; then, inside it, the handshake response
SECURE_LOGIN: Final = "SECURE_LOGIN"  # the handshake response inside TLS
AUTHENTICATION: Final = "AUTHENTICATION"  # either side's packet of the auth exchange
# Command phase.
COMMAND: Final = "COMMAND"  # the client's next command
RESPONSE: Final = "RESPONSE"  # OK, ERR or EOF
RESULT: Final = "RESULT"  # OK, ERR, LOCAL INFILE request or the head of a result set
COLUMNS: Final = "COLUMNS"  # column definitions
COLUMNS_EOF: Final = "COLUMNS_EOF"  # the EOF after them
ROWS: Final = "ROWS"  # rows, to the EOF or OK after them
LOCAL_INFILE: Final = "LOCAL_INFILE"  # the client's file, to an empty packet
PREPARE: Final = "PREPARE"  # COM_STMT_PREPARE's OK or ERR
PREPARE_PARAMS: Final = "PREPARE_PARAMS"
PREPARE_PARAMS_EOF: Final = "PREPARE_PARAMS_EOF"
PREPARE_COLUMNS: Final = "PREPARE_COLUMNS"
PREPARE_COLUMNS_EOF: Final = "PREPARE_COLUMNS_EOF"
FIELD_LIST: Final = "FIELD_LIST"  # column definitions, to the EOF after them
STATISTICS: Final = "STATISTICS"  # one string
STREAM: Final = "STREAM"  # binlog events, to an EOF or ERR; the client may send acknowledgements
CLONE: Final = "CLONE"  # what a donor sends and a recipient asks for, to the answer to its EXIT
HANDOVER: Final = "HANDOVER"  # the OK behind which the connection leaves the protocol, or an ERR
OTHER_PROTOCOL: Final = "OTHER_PROTOCOL"  # nothing more that is MySQL's: group replication's XCom
CLOSED: Final = "CLOSED"  # nothing more
DESYNCHRONISED: Final = "DESYNCHRONISED"  # bytes are missing: a client packet that must be a command

# Not a state: the current command has its whole response; COMMAND, or what the next pipelined command awaits.
FINISHED: Final = "FINISHED"

# What a command is answered with. All that is not named: RESPONSE.
AWAITED: Final[dict[int, StateName]] = {
    com.COM_QUERY: RESULT,
    com.COM_PROCESS_INFO: RESULT,
    com.COM_STMT_EXECUTE: RESULT,
    com.COM_STMT_BULK_EXECUTE: RESULT,
    com.COM_MULTI: RESULT,  # the responses of its commands, chained by SERVER_MORE_RESULTS_EXISTS
    com.COM_STMT_PREPARE: PREPARE,
    com.COM_STMT_FETCH: ROWS,
    com.COM_FIELD_LIST: FIELD_LIST,
    com.COM_STATISTICS: STATISTICS,
    com.COM_CHANGE_USER: AUTHENTICATION,
    com.COM_BINLOG_DUMP: STREAM,
    com.COM_BINLOG_DUMP_GTID: STREAM,
    com.COM_TABLE_DUMP: STREAM,
    com.COM_CLONE: CLONE,
    com.COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: HANDOVER,
}
# Commands that no server answers.
UNANSWERED: Final = frozenset({com.COM_QUIT, com.COM_STMT_SEND_LONG_DATA, com.COM_STMT_CLOSE})

# (state, event) -> state.
TRANSITIONS: Final[dict[tuple[StateName, Event], StateName | Literal["FINISHED"]]] = {
    (GREETING, "greeting"): LOGIN,
    (GREETING, "ssl_request"): TLS_HANDSHAKE,  # the server's side was not captured
    (GREETING, "login"): AUTHENTICATION,
    (GREETING, "err"): CLOSED,
    (LOGIN, "ssl_request"): TLS_HANDSHAKE,
    (LOGIN, "login"): AUTHENTICATION,
    (LOGIN, "err"): CLOSED,
    (TLS_HANDSHAKE, "secure"): SECURE_LOGIN,
    (TLS_HANDSHAKE, "login"): AUTHENTICATION,  # in plain text after all
    (TLS_HANDSHAKE, "err"): CLOSED,
    (SECURE_LOGIN, "login"): AUTHENTICATION,
    (SECURE_LOGIN, "err"): CLOSED,
    # A client that checks the server's health says its login before it has read the greeting.
    (AUTHENTICATION, "greeting"): AUTHENTICATION,
    (AUTHENTICATION, "ok"): FINISHED,
    (AUTHENTICATION, "err"): CLOSED,
    (AUTHENTICATION, "change_user_err"): FINISHED,
    (RESPONSE, "ok"): FINISHED,
    (RESPONSE, "ok_more"): RESULT,
    (RESPONSE, "err"): FINISHED,
    (RESULT, "ok"): FINISHED,
    (RESULT, "ok_more"): RESULT,
    (RESULT, "err"): FINISHED,
    (RESULT, "local_infile"): LOCAL_INFILE,
    (RESULT, "columns"): COLUMNS,
    (RESULT, "no_metadata"): COLUMNS_EOF,
    (RESULT, "rows"): ROWS,
    (COLUMNS, "columns_end"): COLUMNS_EOF,
    (COLUMNS, "rows"): ROWS,
    (COLUMNS, "err"): FINISHED,
    (COLUMNS_EOF, "eof"): ROWS,
    (COLUMNS_EOF, "row_for_eof"): ROWS,  # no EOF, though it was agreed on
    (COLUMNS_EOF, "cursor"): FINISHED,
    (COLUMNS_EOF, "rows"): ROWS,
    (COLUMNS_EOF, "ok"): FINISHED,
    (COLUMNS_EOF, "ok_more"): RESULT,
    (COLUMNS_EOF, "err"): FINISHED,
    (ROWS, "eof_for_row"): ROWS,  # an EOF behind the definitions, though it was agreed to leave it out
    (ROWS, "ok"): FINISHED,
    (ROWS, "ok_more"): RESULT,
    (ROWS, "err"): FINISHED,
    (LOCAL_INFILE, "file_end"): RESULT,
    (LOCAL_INFILE, "ok"): FINISHED,
    (LOCAL_INFILE, "ok_more"): RESULT,
    (LOCAL_INFILE, "err"): FINISHED,
    (PREPARE, "params"): PREPARE_PARAMS,
    (PREPARE, "columns"): PREPARE_COLUMNS,
    (PREPARE, "params_end"): PREPARE_PARAMS_EOF,  # definitions left out, the EOF packets still there
    (PREPARE, "columns_end"): PREPARE_COLUMNS_EOF,
    (PREPARE, "ok"): FINISHED,
    (PREPARE, "err"): FINISHED,
    (PREPARE_PARAMS, "params_end"): PREPARE_PARAMS_EOF,
    (PREPARE_PARAMS, "columns"): PREPARE_COLUMNS,
    (PREPARE_PARAMS, "ok"): FINISHED,
    (PREPARE_PARAMS_EOF, "columns"): PREPARE_COLUMNS,
    (PREPARE_PARAMS_EOF, "columns_end"): PREPARE_COLUMNS_EOF,
    (PREPARE_PARAMS_EOF, "ok"): FINISHED,
    (PREPARE_COLUMNS, "columns_end"): PREPARE_COLUMNS_EOF,
    (PREPARE_COLUMNS, "ok"): FINISHED,
    (PREPARE_COLUMNS_EOF, "ok"): FINISHED,
    (PREPARE_PARAMS, "err"): FINISHED,
    (PREPARE_PARAMS_EOF, "err"): FINISHED,
    (PREPARE_COLUMNS, "err"): FINISHED,
    (PREPARE_COLUMNS_EOF, "err"): FINISHED,
    (FIELD_LIST, "ok"): FINISHED,
    (FIELD_LIST, "err"): FINISHED,
    (STATISTICS, "ok"): FINISHED,
    (STATISTICS, "err"): FINISHED,
    (STREAM, "ok"): FINISHED,
    (STREAM, "err"): FINISHED,
    (HANDOVER, "ok"): FINISHED,
    (HANDOVER, "ok_more"): FINISHED,  # nothing more comes in the protocol
    (HANDOVER, "err"): FINISHED,
    (CLONE, "ok"): FINISHED,
    (CLONE, "err"): FINISHED,
    # An error that nobody asked for (shutdown, wait_timeout).
    (COMMAND, "err"): COMMAND,
    (CLOSED, "err"): CLOSED,
    # The client goes on as if there had been no error: it may have been put between.
    (CLOSED, "ssl_request"): TLS_HANDSHAKE,
}

# Where a known number of definitions is awaited.
DEFINITIONS: Final = frozenset({COLUMNS, PREPARE_PARAMS, PREPARE_COLUMNS})
CONNECTION_PHASE: Final = frozenset({GREETING, LOGIN, TLS_HANDSHAKE, SECURE_LOGIN, AUTHENTICATION})


class SequenceError(msgspec.Struct, frozen=True):
    """A packet of `sender` with the id `found` where `expected` was due."""

    sender: int
    expected: int
    found: int


class AwaitedCommand(msgspec.Struct):
    """A command that awaits its response. `sequence` is the id of its last packet.

    `statement` is the prepared statement that it makes or uses; None for other commands, and in a lean machine.
    `head` are the first bytes of its payload.
    """

    code: int
    record: Record
    sequence: int
    statement: PreparedStatement | None = None
    head: bytes = b""


class UnknownEventError(Exception):
    """A decoder gave an event that the table does not know for its state: a mistake in this package."""


class State(msgspec.Struct):
    """Where a connection stands, and the only writer of it.

    name             what is awaited
    command          whose response is awaited; `queue`: those that were sent behind it (pipelined)
    finished         the command whose response the last packet completed, or None
    sequence         of the last packet of the current turn; None: any may follow
    sequence_error   whether the last packet's id was wrong
    quitting         the client has said goodbye: servers close, some proxies say OK
    greeted          the server's greeting was seen
    restarts         whether the stream's next packet may begin to count again
    file_sequence    id of the client's last packet of a file that the server did not want to the end, or None
    clone_leaves     the recipient has asked for the end of its clone
    """

    # Tests set it: an event that the table does not know raises. Else it leaves the state as it is, for whatever a
    # peer sends, an analysis goes on.
    strict: ClassVar[bool] = False

    name: StateName = GREETING
    command: AwaitedCommand | None = None
    queue: deque[AwaitedCommand] = msgspec.field(default_factory=deque)
    finished: AwaitedCommand | None = None
    sequence: int | None = None
    sequence_error: SequenceError | None = None
    quitting: bool = False
    greeted: bool = False
    restarts: bool = False
    file_sequence: int | None = None
    clone_leaves: bool = False

    @property
    def next_sequence(self) -> int:
        """The id that the next packet of this turn has to have, -1 where any may follow."""
        return -1 if self.sequence is None else (self.sequence + 1) & 0xFF

    def begin_packet(self) -> None:
        """Another packet is in hand: what the last one left is gone."""
        self.finished = None
        self.sequence_error = None

    def move(self, event: Event) -> bool:
        """Goes along the table; True where the current command has its whole response.

        Raises UnknownEventError under tests.
        """
        if not event:
            return False
        target = TRANSITIONS.get((self.name, event))
        if target is None:
            if self.strict:
                raise UnknownEventError(f"{event!r} in {self.name}")
            return False
        if target != FINISHED:
            self.name = target
            if event == "greeting":
                self.greeted = True
            return False
        self.finished = self.command
        self.command = None
        self.name = COMMAND
        return True

    def assume(self, name: StateName) -> None:
        """Bytes that are not in hand have moved the connection there."""
        self.name = name

    def await_response(self, command: AwaitedCommand) -> None:
        """A command was sent, and nothing is before it."""
        self.command = command
        self.sequence = command.sequence
        self.clone_leaves = False
        self.name = AWAITED.get(command.code, RESPONSE)

    def pipeline(self, command: AwaitedCommand) -> bool:
        """A command was sent behind another; False where nobody sends so many."""
        if len(self.queue) >= MAX_PIPELINED:
            return False
        self.queue.append(command)
        return True

    def next_command(self) -> AwaitedCommand:
        """Takes the next pipelined command; there is one."""
        return self.queue.popleft()

    def check_sequence(self, sender: int, found: int) -> bool:
        """Notes a wrong id; True where it is that of the next pipelined command's response."""
        if self.sequence is None:
            return False
        expected = (self.sequence + 1) & 0xFF
        # An error that nobody asked for (shutdown, wait_timeout) starts at 0 whatever came before.
        # So does a greeting that comes behind the login.
        begins = self.name == COMMAND or (self.name == AUTHENTICATION and not self.greeted)
        unasked = sender == SERVER and begins and found == 0
        if found == expected or unasked:
            return False
        if (self.name == STREAM and found == 1 and self.restarts) or (self.name == CLONE and not found):
            return False
        self.sequence_error = SequenceError(sender, expected, found)
        # The next response begins: this one was not understood to its end, and must not shift all others.
        return sender == SERVER and bool(self.queue) and found == (self.queue[0].sequence + 1) & 0xFF

    def wrong_sequence(self, expected: int, found: int) -> None:
        """A client's packet begins a command with a wrong id, or where none is due."""
        self.sequence_error = SequenceError(CLIENT, expected, found)

    def forgive(self) -> None:
        """The last packet's wrong id is of no account: bytes before it are missing."""
        self.sequence_error = None

    def streamed(self, *, asks: bool) -> None:
        """An event of a binlog stream. After one that asks for an acknowledgement MariaDB counts on from 1."""
        self.restarts = asks

    def cloning(self, *, leaves: bool) -> None:
        """The recipient has asked the donor for something, or for the end."""
        self.clone_leaves = leaves

    def took(self, sequence: int | None) -> None:
        """The last packet of this turn has this id; None: any may follow."""
        self.sequence = sequence

    def quit(self) -> None:
        """The client has said goodbye."""
        self.quitting = True

    def file_goes_on(self, sequence: int | None) -> None:
        """The client's file is being sent, up to a packet of this id; None: to its end."""
        self.file_sequence = sequence

    def desynchronise(self) -> None:
        """Bytes are missing: waits for the next client packet that must be a command."""
        self.name = DESYNCHRONISED
        self.command = None
        self.queue.clear()
        self.sequence = None
