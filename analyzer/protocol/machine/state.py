"""What decides the meaning of a byte: the states of a connection and the moves between them.

A state is named for what is awaited. `TRANSITIONS` is the whole graph; the decoders of `machine` turn a packet into a
record and the event that moves along it. Nothing here knows whether it serves the analyzer, the client or a server.

Sources: MySQL source documentation, "Connection Phase", "Command Phase"; MariaDB Server documentation, "Connecting".
"""

from __future__ import annotations

from typing import Final

from analyzer.protocol.tables import commands as com

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
CLOSED: Final = "CLOSED"  # nothing more
DESYNCHRONISED: Final = "DESYNCHRONISED"  # bytes are missing: a client packet that must be a command

# Not a state: the current command has its whole response; COMMAND, or what the next pipelined command awaits.
FINISHED: Final = "FINISHED"

# What a command is answered with. All that is not named: RESPONSE.
AWAITED: Final[dict[int, str]] = {
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
    com.COM_CLONE: STREAM,
    com.COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: STREAM,
}
# Commands that no server answers.
UNANSWERED: Final = frozenset({com.COM_QUIT, com.COM_STMT_SEND_LONG_DATA, com.COM_STMT_CLOSE})

# (state, event) -> state. An event that is not here for a state leaves it as it is.
TRANSITIONS: Final[dict[tuple[str, str], str]] = {
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
    (COLUMNS_EOF, "cursor"): FINISHED,
    (COLUMNS_EOF, "rows"): ROWS,
    (COLUMNS_EOF, "ok"): FINISHED,
    (COLUMNS_EOF, "ok_more"): RESULT,
    (COLUMNS_EOF, "err"): FINISHED,
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
}

# Where a known number of definitions is awaited.
DEFINITIONS: Final = frozenset({COLUMNS, PREPARE_PARAMS, PREPARE_COLUMNS})
CONNECTION_PHASE: Final = frozenset({GREETING, LOGIN, TLS_HANDSHAKE, SECURE_LOGIN, AUTHENTICATION})
