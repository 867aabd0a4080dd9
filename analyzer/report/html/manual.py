"""What the page says of capabilities, and where the manuals describe a record: literal tables.

Sources of the meanings: MySQL source documentation, "Capabilities Flags" (group__group__cs__capabilities__flags), and
MariaDB Server documentation, "Connection", "Capabilities" and "MariaDB Protocol Differences with MySQL". The page links
to the manuals and never asks them for anything.
"""

from __future__ import annotations

from typing import Final

_MYSQL = "https://dev.mysql.com/doc/dev/mysql-server/latest/"
_PHASE = _MYSQL + "page_protocol_connection_phase_packets_protocol_"
_MARIADB = "https://mariadb.com/docs/server/reference/clientserver-protocol/"

# In the order of the bits.
CAPABILITY_MEANINGS: Final[dict[str, str]] = {
    "CLIENT_LONG_PASSWORD": "Always set since 4.1; where both sides leave it clear, they speak MariaDB's extensions.",
    "CLIENT_FOUND_ROWS": "An UPDATE reports the rows it found, not only those it changed.",
    "CLIENT_LONG_FLAG": "Column definitions carry all flags, in two bytes.",
    "CLIENT_CONNECT_WITH_DB": "The login names a default database.",
    "CLIENT_NO_SCHEMA": "Old: database.table.column is not allowed.",
    "CLIENT_COMPRESS": "After the login, packets travel compressed with zlib.",
    "CLIENT_ODBC": "Old: the client is an ODBC driver; nothing depends on it.",
    "CLIENT_LOCAL_FILES": "The client can send a file for LOAD DATA LOCAL.",
    "CLIENT_IGNORE_SPACE": "The parser ignores spaces before an opening parenthesis.",
    "CLIENT_PROTOCOL_41": "The protocol of version 4.1: SQL states, status flags, longer greetings and logins.",
    "CLIENT_INTERACTIVE": "A person is typing: interactive_timeout applies instead of wait_timeout.",
    "CLIENT_SSL": "The connection goes on inside TLS after the SSLRequest.",
    "CLIENT_IGNORE_SIGPIPE": "Used inside the client library only.",
    "CLIENT_TRANSACTIONS": "Status flags about transactions are understood.",
    "CLIENT_RESERVED": "Old: a flag of the 4.1 protocol, without meaning now.",
    "CLIENT_SECURE_CONNECTION": "Passwords are proved with a scramble of 4.1 or later (MySQL 8: reserved).",
    "CLIENT_MULTI_STATEMENTS": "One COM_QUERY may hold several statements.",
    "CLIENT_MULTI_RESULTS": "A query may answer with several result sets.",
    "CLIENT_PS_MULTI_RESULTS": "A prepared statement may answer with several result sets and OUT parameters.",
    "CLIENT_PLUGIN_AUTH": "Authentication is done by named plugins.",
    "CLIENT_CONNECT_ATTRS": "The login carries attributes: name and version of the client, program, process ...",
    "CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA": "The first auth response may be longer than 255 bytes.",
    "CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS": "With an expired password the session opens, for changing it.",
    "CLIENT_SESSION_TRACK": "OK packets tell what changed in the session: schema, variables, transaction, GTIDs.",
    "CLIENT_DEPRECATE_EOF": "Result sets end with an OK packet, without EOF packets in between.",
    "CLIENT_OPTIONAL_RESULTSET_METADATA": "The client can do without the column definitions of a result set.",
    "CLIENT_ZSTD_COMPRESSION_ALGORITHM": "After the login, packets travel compressed with zstd.",
    "CLIENT_QUERY_ATTRIBUTES": "Statements may carry named attributes beside the SQL.",
    "MULTI_FACTOR_AUTHENTICATION": "The login may ask for a second and third factor.",
    "CLIENT_CAPABILITY_EXTENSION": "Reserved, to make room for more than 32 flags.",
    "CLIENT_SSL_VERIFY_SERVER_CERT": "Used inside the client library: the server's certificate is checked.",
    "CLIENT_REMEMBER_OPTIONS": "Used inside the client library: options survive a failed connect.",
    "MARIADB_CLIENT_PROGRESS": "MariaDB: long statements report their progress.",
    "MARIADB_CLIENT_COM_MULTI": "MariaDB: COM_MULTI sent several commands at once (withdrawn).",
    "MARIADB_CLIENT_STMT_BULK_OPERATIONS": "MariaDB: COM_STMT_BULK_EXECUTE runs a statement for many rows at once.",
    "MARIADB_CLIENT_EXTENDED_METADATA": "MariaDB: column definitions tell of JSON, UUID, geometry types.",
    "MARIADB_CLIENT_CACHE_METADATA": "MariaDB: column definitions of prepared statements are sent only once.",
    "MARIADB_CLIENT_BULK_UNIT_RESULTS": "MariaDB: each row of a bulk operation has its own result.",
}

# Record, as the list of packets names it -> (title, page of MySQL's manual, page of MariaDB's manual; "" for none).
MANUAL: Final[dict[str, tuple[str, str, str]]] = {
    "HandshakeV10": (
        "Protocol::HandshakeV10",
        _PHASE + "handshake_v10.html",
        _MARIADB + "1-connecting/connection#initial-handshake-packet",
    ),
    "HandshakeV9": ("Protocol::HandshakeV9", _PHASE + "handshake_v9.html", ""),
    "SSLRequest": (
        "Protocol::SSLRequest",
        _PHASE + "ssl_request.html",
        _MARIADB + "1-connecting/connection#sslrequest-packet",
    ),
    "SSLRequest320": ("Protocol::SSLRequest", _PHASE + "ssl_request.html", ""),
    "HandshakeResponse41": (
        "Protocol::HandshakeResponse41",
        _PHASE + "handshake_response.html",
        _MARIADB + "1-connecting/connection#handshake-response-packet",
    ),
    "HandshakeResponse320": ("Protocol::HandshakeResponse320", _PHASE + "handshake_response.html", ""),
    "AuthSwitchRequest": (
        "Protocol::AuthSwitchRequest",
        _PHASE + "auth_switch_request.html",
        _MARIADB + "1-connecting/connection#authentication-switch-request",
    ),
    "OldAuthSwitchRequest": ("Protocol::OldAuthSwitchRequest", _PHASE + "old_auth_switch_request.html", ""),
    "AuthMoreData": (
        "Protocol::AuthMoreData",
        _PHASE + "auth_more_data.html",
        _MARIADB + "1-connecting/connection",
    ),
    "AuthNextFactor": ("Protocol::AuthNextFactor", _PHASE + "auth_next_factor_request.html", ""),
    "AuthResponse": (
        "Protocol::AuthSwitchResponse",
        _PHASE + "auth_switch_response.html",
        _MARIADB + "1-connecting/connection",
    ),
    "OKPacket": (
        "OK_Packet",
        _MYSQL + "page_protocol_basic_ok_packet.html",
        _MARIADB + "4-server-response-packets/ok_packet",
    ),
    "ErrPacket": (
        "ERR_Packet",
        _MYSQL + "page_protocol_basic_err_packet.html",
        _MARIADB + "4-server-response-packets/err_packet",
    ),
    "EOFPacket": (
        "EOF_Packet",
        _MYSQL + "page_protocol_basic_eof_packet.html",
        _MARIADB + "4-server-response-packets/eof_packet",
    ),
    "ProgressReport": ("Progress reporting", "", _MARIADB + "4-server-response-packets/err_packet"),
    "ColumnCount": (
        "Text Resultset",
        _MYSQL + "page_protocol_com_query_response_text_resultset.html",
        _MARIADB + "4-server-response-packets/result-set-packets#column-count-packet",
    ),
    "ColumnDefinition41": (
        "Protocol::ColumnDefinition41",
        _MYSQL + "page_protocol_com_query_response_text_resultset_column_definition.html",
        _MARIADB + "4-server-response-packets/result-set-packets#column-definition-packet",
    ),
    "ColumnDefinition320": (
        "Protocol::ColumnDefinition320",
        _MYSQL + "page_protocol_com_query_response_text_resultset_column_definition.html",
        "",
    ),
    "TextRow": (
        "ProtocolText::ResultsetRow",
        _MYSQL + "page_protocol_com_query_response_text_resultset_row.html",
        _MARIADB + "4-server-response-packets/resultset-row",
    ),
    "LocalInfileRequest": (
        "LOCAL INFILE Request",
        _MYSQL + "page_protocol_com_query_response_local_infile_request.html",
        "",
    ),
    "StmtPrepareOK": (
        "COM_STMT_PREPARE Response",
        _MYSQL + "page_protocol_com_stmt_prepare.html",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_prepare",
    ),
    "ComQuery": ("COM_QUERY", _MYSQL + "page_protocol_com_query.html", _MARIADB + "2-text-protocol/com_query"),
    "ComInitDb": ("COM_INIT_DB", _MYSQL + "page_protocol_com_init_db.html", _MARIADB + "2-text-protocol/com_init_db"),
    "ComStmtPrepare": (
        "COM_STMT_PREPARE",
        _MYSQL + "page_protocol_com_stmt_prepare.html",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_prepare",
    ),
    "ComStmtExecute": (
        "COM_STMT_EXECUTE",
        _MYSQL + "page_protocol_com_stmt_execute.html",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_execute",
    ),
    "ComStmtClose": (
        "COM_STMT_CLOSE",
        _MYSQL + "page_protocol_com_stmt_close.html",
        _MARIADB + "3-binary-protocol-prepared-statements/3-binary-protocol-prepared-statements-com_stmt_close",
    ),
    "ComChangeUser": (
        "COM_CHANGE_USER",
        _MYSQL + "page_protocol_com_change_user.html",
        _MARIADB + "2-text-protocol/com_change_user",
    ),
    "COM_QUIT": ("COM_QUIT", _MYSQL + "page_protocol_com_quit.html", _MARIADB + "2-text-protocol/com_quit"),
    "COM_PING": ("COM_PING", _MYSQL + "page_protocol_com_ping.html", _MARIADB + "2-text-protocol/com_ping"),
    "COM_STATISTICS": (
        "COM_STATISTICS",
        _MYSQL + "page_protocol_com_statistics.html",
        _MARIADB + "2-text-protocol/com_statistics",
    ),
    "COM_FIELD_LIST": ("COM_FIELD_LIST", _MYSQL + "page_protocol_com_field_list.html", ""),
    "COM_RESET_CONNECTION": (
        "COM_RESET_CONNECTION",
        _MYSQL + "page_protocol_com_reset_connection.html",
        _MARIADB + "2-text-protocol/com_reset_connection",
    ),
    "COM_SET_OPTION": (
        "COM_SET_OPTION",
        _MYSQL + "page_protocol_com_set_option.html",
        _MARIADB + "2-text-protocol/com_set_option",
    ),
    "COM_DEBUG": ("COM_DEBUG", _MYSQL + "page_protocol_com_debug.html", _MARIADB + "2-text-protocol/com_debug"),
    "COM_PROCESS_KILL": ("COM_PROCESS_KILL", _MYSQL + "page_protocol_com_process_kill.html", ""),
    "COM_PROCESS_INFO": ("COM_PROCESS_INFO", _MYSQL + "page_protocol_com_process_info.html", ""),
    "COM_STMT_RESET": (
        "COM_STMT_RESET",
        _MYSQL + "page_protocol_com_stmt_reset.html",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_reset",
    ),
    "COM_STMT_FETCH": (
        "COM_STMT_FETCH",
        _MYSQL + "page_protocol_com_stmt_fetch.html",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_fetch",
    ),
    "COM_STMT_SEND_LONG_DATA": (
        "COM_STMT_SEND_LONG_DATA",
        _MYSQL + "page_protocol_com_stmt_send_long_data.html",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_send_long_data",
    ),
    "COM_STMT_BULK_EXECUTE": (
        "COM_STMT_BULK_EXECUTE",
        "",
        _MARIADB + "3-binary-protocol-prepared-statements/com_stmt_bulk_execute",
    ),
    "COM_BINLOG_DUMP": (
        "COM_BINLOG_DUMP",
        _MYSQL + "page_protocol_com_binlog_dump.html",
        _MARIADB + "replication-protocol",
    ),
    "COM_BINLOG_DUMP_GTID": ("COM_BINLOG_DUMP_GTID", _MYSQL + "page_protocol_com_binlog_dump_gtid.html", ""),
}


def manual(record: str) -> tuple[str, str, str] | None:
    """(title, MySQL's page, MariaDB's page) of a record; None where no manual describes it."""
    return MANUAL.get(record.removeprefix("Malformed "))
