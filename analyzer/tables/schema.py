"""What the tables hold: one literal table, from which Arrow schemas, views, documentation and tests are made.

A column is named as the key of the JSON contract, with "_" where that has a ".": `greeting_server_version`. Times are
timestamps (nanoseconds, UTC), durations integer nanoseconds, lengths bytes; a value that is not known is null.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# Kinds of values.
TEXT: Final = "text"
ENUM: Final = "enum"  # one of few texts
INT: Final = "int"  # 64 bits
UINT: Final = "uint"  # 64 bits without a sign
BOOL: Final = "bool"
TIME: Final = "time"  # nanoseconds since 1970 (UTC)
TEXTS: Final = "texts"
INTS: Final = "ints"
TEXT_MAP: Final = "text map"
INT_MAP: Final = "int map"
JSON: Final = "json"  # a text that holds JSON: values of any type

# Structs, by the names of their fields; a field of a struct is never a list.
ALERT: Final = (("sender", TEXT), ("level", TEXT), ("description", TEXT), ("encrypted", BOOL), ("frame", INT))
CERTIFICATE: Final = (
    *(("subject", TEXT), ("issuer", TEXT), ("not_before", TEXT), ("not_after", TEXT), ("key", TEXT)),
    *(("sha256", TEXT), ("self_signed", BOOL), ("signature_algorithm", TEXT), ("key_type", TEXT), ("key_size", INT)),
    *(("expired", BOOL), ("not_yet_valid", BOOL), ("days_left", INT)),
)
SWITCH: Final = (("from", TEXT), ("to", TEXT), ("frame", INT))
INFERRED: Final = (
    *(("login", TEXT), ("confidence", TEXT), ("authentication", TEXT), ("commands", INT), ("why", TEXT)),
    ("frame", INT),
)
RESULT_SET: Final = (("columns", INT), ("rows", INT), ("affected_rows", UINT))
FILE: Final = (("name", TEXT), ("bytes", INT), ("modified_ns", INT), ("digest", TEXT))

Fields = tuple[tuple[str, str], ...]


class ValueKind(NamedTuple):
    """A kind of values: its word, and the fields where it is a struct, or a list of structs."""

    word: str
    fields: Fields = ()
    many: bool = False


class TableColumn(NamedTuple):
    """A column.

    name   in the table
    kind   of its values: a word above, or a ValueKind
    about  what it holds
    path   attributes that lead to the value, from the record on; "" where it is not simply one of the record's
    """

    name: str
    kind: str | ValueKind
    about: str
    path: str = ""


class TableSchema(NamedTuple):
    """A table: what a row is, its columns, and the one whose time decides the partition of a row."""

    name: str
    about: str
    time: str
    columns: tuple[TableColumn, ...]


def _of(part: str, *columns: tuple[str, str | ValueKind, str]) -> tuple[TableColumn, ...]:
    """Columns of a part of the record."""
    return tuple(TableColumn(f"{part}_{name}", kind, about, f"{part}.{name}") for name, kind, about in columns)


def _own(*columns: tuple[str, str | ValueKind, str]) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(name, kind, about, name) for name, kind, about in columns)


KEY: Final = (
    TableColumn("capture", ENUM, "name of the capture, as given", "capture"),
    TableColumn("stream", INT, "number of the TCP connection within its capture, from 0", "stream"),
)
ENDS: Final = (
    TableColumn("client_address", ENUM, "IP address of the client", "client.address"),
    TableColumn("client_port", INT, "TCP port of the client", "client.port"),
    TableColumn(
        "client_address_key", ENUM, "the address as text that sorts by number: 4:0a000002, 6:20010db8..., for ranges"
    ),
    TableColumn("server_address", ENUM, "IP address of the server", "server.address"),
    TableColumn("server_port", INT, "TCP port of the server", "server.port"),
    TableColumn("server_address_key", ENUM, "likewise of the server"),
)
STARTED: Final = (TableColumn("start_time_ns", TIME, "time of the connection's first frame", "start_time_ns"),)

CONNECTIONS: Final = TableSchema(
    "connections",
    "one row for each MySQL connection",
    "start_time_ns",
    (
        *KEY,
        *ENDS,
        *_own(
            ("first_frame", INT, "number of its first frame, as Wireshark shows it"),
            ("last_frame", INT, "number of its last frame"),
            ("start_time_ns", TIME, "time of its first frame"),
            ("end_time_ns", TIME, "time of its last frame"),
        ),
        *_of(
            "tcp",
            ("syn", BOOL, "whether the opening is in the capture"),
            ("fin_from", ENUM, "who closed first: client, server; null where nobody did"),
            ("rst_from", ENUM, "who reset first"),
            ("retransmissions", INT, "segments that brought bytes again"),
            ("out_of_order", INT, "segments that came after later ones"),
            ("gaps", INT, "places where bytes are missing in the capture"),
            ("bytes_from_client", INT, "payload bytes in order, each counted once"),
            ("bytes_from_server", INT, "likewise from the server"),
        ),
        *_own(
            ("phase_reached", ENUM, "tcp, greeting, tls, login, authentication, command"),
            ("outcome", ENUM, "accepted, rejected, aborted, encrypted, unknown"),
        ),
        *_of(
            "error",
            ("code", INT, "number of the error that ended the connection phase, or came unasked"),
            ("sqlstate", ENUM, "its SQLSTATE"),
            ("message", TEXT, "its text"),
            ("frame", INT, "of the error packet"),
            ("phase", ENUM, "what had been reached"),
        ),
        *_of(
            "greeting",
            ("protocol_version", INT, "10, or 9"),
            ("server_version", ENUM, "without the prefix 5.5.5- of replication"),
            ("flavor", ENUM, "mysql, mariadb, or another name known from the version"),
            ("connection_id", INT, "the server's number of the connection"),
            ("auth_plugin", ENUM, "that the server offers"),
            ("capabilities", TEXTS, "CLIENT_PROTOCOL_41 ..."),
            ("collation_id", INT, "number of the server's collation"),
            ("collation", ENUM, "its name"),
            ("status_flags", TEXTS, "SERVER_STATUS_AUTOCOMMIT ..."),
            ("frame", INT, "of the greeting"),
        ),
        *_of(
            "login",
            ("user", ENUM, "user name"),
            ("database", ENUM, "schema that the client asks for"),
            ("auth_plugin", ENUM, "that the client names"),
            ("capabilities", TEXTS, "CLIENT_PROTOCOL_41 ..."),
            ("max_packet_size", INT, "bytes, as the client says"),
            ("collation_id", INT, "number of the client's collation"),
            ("collation", ENUM, "its name"),
            ("attributes", TEXT_MAP, "connection attributes: also the table `attributes`"),
            ("zstd_level", INT, "compression level, null where zstd is not asked for"),
            ("frame", INT, "of the login"),
        ),
        *_of(
            "tls",
            ("requested_frame", INT, "of the SSLRequest"),
            ("version", ENUM, "TLSv1.2 ..."),
            ("cipher_suite", ENUM, "that the server chose"),
            ("server_name", ENUM, "of the client's SNI extension"),
            ("resumed", BOOL, "whether an earlier session went on"),
            ("decrypted", BOOL, "whether records were opened with a key; null where neither side began TLS"),
            ("alerts", ValueKind("list", ALERT, True), "TLS alerts"),
            ("certificates", ValueKind("list", CERTIFICATE, True), "of the server, its own first"),
            ("alpn", ENUM, "protocol that was agreed on"),
            ("key_share_group", ENUM, "group of the key exchange"),
            ("ja3", ENUM, "fingerprint of the client's hello"),
            ("ja4", ENUM, "fingerprint of the client's hello"),
            ("offered_versions", TEXTS, "by the client"),
            ("alpn_offered", TEXTS, "by the client"),
            ("client_certificates", ValueKind("list", CERTIFICATE, True), "of the client"),
            ("inferred", ValueKind("struct", INFERRED), "what sizes and times tell where no key is there"),
        ),
        *_of(
            "authentication",
            ("plugin", ENUM, "the last one used"),
            ("switches", ValueKind("list", SWITCH, True), "from which plugin to which, and in which frame"),
            ("path", ENUM, "direct, fast, full"),
            ("password_protection", ENUM, "empty, scramble, rsa, tls, cleartext, other"),
        ),
        *_own(
            ("compression", ENUM, "none, zlib, zstd"),
            ("commands", INT_MAP, "how often each command was sent"),
        ),
        *_of(
            "timing",
            ("tcp_connect_ns", INT, "first SYN to the ACK that completes the opening"),
            ("greeting_ns", INT, "from there to the greeting"),
            ("tls_ns", INT, "SSLRequest to the end of the TLS handshake"),
            ("login_ns", INT, "greeting to the login, TLS included"),
            ("authentication_ns", INT, "login to the server's verdict"),
            ("total_ns", INT, "first frame to the server's verdict"),
        ),
        *_of(
            "driver",
            ("name", ENUM, "the client's library"),
            ("version", ENUM, "its version"),
            ("evidence", ENUM, "attributes, fingerprint"),
            ("confidence", ENUM, "certain, likely, possible"),
        ),
        *_own(("fingerprint", ENUM, "short stable hash of what the client offered")),
        *_of(
            "proxy",
            ("version", INT, "of the PROXY protocol header in front of the connection; null where there is none"),
            ("frame", INT, "of the header"),
        ),
        TableColumn("proxy_client_address", ENUM, "the client that the header names", "proxy.client.address"),
        TableColumn("proxy_client_port", INT, "its port", "proxy.client.port"),
        TableColumn("proxy_server_address", ENUM, "the server that the header names", "proxy.server.address"),
        TableColumn("proxy_server_port", INT, "its port", "proxy.server.port"),
    ),
)
COMMANDS: Final = TableSchema(
    "commands",
    "one row for each command and its whole response",
    "time_ns",
    (
        *KEY,
        *_own(
            ("number", INT, "of the command within its connection, from 0"),
            ("frame", INT, "that completed the request"),
            ("response_frame", INT, "that completed the response"),
            ("time_ns", TIME, "of the last byte of the request"),
            ("latency_ns", INT, "from there to the first byte of the response"),
            ("duration_ns", INT, "from there to its last byte"),
            ("command", ENUM, "query, stmt_execute ..."),
            ("statement", TEXT, "SQL text; of stmt_execute that of its prepare"),
            ("parameters", JSON, "bound values of stmt_execute"),
            ("attributes", JSON, "query attributes by their names"),
            ("database", ENUM, "default schema when the command was sent, as far as known"),
            ("response", ENUM, "ok, error, resultset, eof, local_infile, prepare_ok, statistics, binlog, none ..."),
            ("affected_rows", UINT, "of the OK packet"),
            ("last_insert_id", UINT, "of the OK packet"),
            ("warnings", INT, "of the OK packet"),
            ("status_flags", TEXTS, "of the OK packet"),
            ("info", TEXT, "of the OK packet"),
            ("columns", INT, "counted, over all results"),
            ("rows", INT, "counted, over all results"),
            ("result_sets", ValueKind("list", RESULT_SET, True), "of each where there are several"),
        ),
        *_of(
            "error",
            ("code", INT, "number of the error that answered it"),
            ("sqlstate", ENUM, "its SQLSTATE"),
            ("message", TEXT, "its text"),
        ),
        *_own(
            ("bytes_request", INT, "of the MySQL packets with their headers, inside of TLS and compression"),
            ("bytes_response", INT, "likewise"),
            ("complete", BOOL, "whether all of it is in the capture; null where that is not known"),
            ("missing_bytes", INT, "that are known to be missing"),
            ("statement_cut", INT, "bytes of the statement that are missing, or were not kept"),
            ("statement_id", INT, "of the prepared statement"),
            ("argument", TEXT, "what a command without a statement is about: a schema, a table, a user"),
        ),
        *ENDS,
        *_own(("user", ENUM, "who is logged in")),
    ),
)
FINDINGS: Final = TableSchema(
    "findings",
    "one row for each finding, the gravest of a connection first",
    "start_time_ns",
    (
        *KEY,
        *STARTED,
        TableColumn("number", INT, "of the finding within its connection, from 0"),
        *_own(
            ("code", ENUM, "as `handshark findings` lists them"),
            ("severity", ENUM, "info, warning, error"),
            ("confidence", ENUM, "certain, likely, possible"),
            ("message", TEXT, "what happened"),
            ("advice", TEXT, "what to do"),
            ("frames", INTS, "that prove it"),
            ("evidence", TEXTS, "what was seen"),
            ("doubt", TEXT, "why it is not surer"),
            ("alternatives", TEXTS, "what else leads to the same on the wire"),
        ),
    ),
)
STEPS: Final = TableSchema(
    "authentication_steps",
    "one row for each packet of the authentication exchanges",
    "start_time_ns",
    (
        *KEY,
        *STARTED,
        TableColumn("number", INT, "of the step within its connection, from 0"),
        *_own(
            ("sender", ENUM, "client, server"),
            ("record", ENUM, "name of the record"),
            ("summary", TEXT, "in plain words"),
            ("frame", INT, "of the packet"),
        ),
    ),
)
ATTRIBUTES: Final = TableSchema(
    "attributes",
    "one row for each connection attribute that a client sent with its login",
    "start_time_ns",
    (
        *KEY,
        *STARTED,
        TableColumn("name", ENUM, "of the attribute: _client_name, program_name ..."),
        TableColumn("value", ENUM, "of the attribute"),
    ),
)
CAPTURES: Final = TableSchema(
    "captures",
    "one row for each capture that was read; captures that were merged are one",
    "first_time_ns",
    (
        TableColumn("capture", ENUM, "name of the capture, as given"),
        *_own(
            ("format", ENUM, "pcap, pcapng ..., with its compression"),
            ("frames", INT, "in the capture"),
            ("tcp_connections", INT, "in the capture"),
            ("mysql_connections", INT, "in the capture"),
            ("encrypted_connections", INT, "of them those that went into TLS, and that no key opened"),
            ("first_time_ns", TIME, "of the earliest frame"),
            ("last_time_ns", TIME, "of the latest frame"),
            ("warnings", TEXTS, "what was wrong with the file"),
            ("notes", TEXTS, "what was recognised and left alone, and what could not be read"),
        ),
        TableColumn("files", ValueKind("list", FILE, True), "the files it was read from; `digest` is of head and tail"),
        TableColumn(
            "parts", TEXTS, "files of a folder of Parquet that hold its rows; in a database what tells captures apart"
        ),
    ),
)
TABLES: Final[dict[str, TableSchema]] = {
    table.name: table for table in (CONNECTIONS, COMMANDS, FINDINGS, STEPS, ATTRIBUTES, CAPTURES)
}
