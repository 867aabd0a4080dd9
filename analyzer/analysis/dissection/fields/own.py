"""Fields of this program's own: what Wireshark has no name for.

Those of a connection are what `handshark analyze --format jsonl` says of it, under the names of the contract.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.dissection.fields.base import CONNECTION
from analyzer.analysis.dissection.fields.base import FieldInfo as F

OWN_FIELDS: Final[tuple[F, ...]] = (
    # Of a packet.
    F("handshark", "PROTOCOL", "Every packet that was decoded"),
    F("handshark.record", "STRING", "Name of the packet's record: HandshakeV10, COM_QUERY, ErrPacket, TextRow ..."),
    F("handshark.detail", "STRING", "Name of the auth plugin's record inside the packet"),
    F("handshark.summary", "STRING", "The packet in plain words"),
    F("handshark.sender", "STRING", "client or server", choices=("client", "server")),
    F("handshark.state", "STRING", "What the protocol awaited when the packet came"),
    F("handshark.malformed", "STRING", "Why the packet is not what had to come"),
    F("handshark.sequence_expected", "UINT8", "The sequence id that was due, where another one came", "dec"),
    F(
        "handshark.assumed",
        "BOOLEAN",
        "What is in force was worked out instead of seen: the login is not in the capture",
    ),
    F("handshark.encrypted", "BOOLEAN", "The packet came inside TLS"),
    F("handshark.start_frame", "UINT32", "Frame of the packet's first byte", "dec"),
    F("handshark.latency", "RELATIVE_TIME", "From a command's last byte to its first answer; on that answer's packet"),
    F("handshark.request_frame", "UINT32", "Frame of the command that the packet answers", "dec"),
    F("handshark.request", "STRING", "Name of the command that the packet answers: query, ping ..."),
    F("handshark.statement", "STRING", "SQL text of the command, or of the command that the packet answers"),
    # Of the whole connection.
    F("handshark.capture", "STRING", "File name as given", scope=CONNECTION),
    F("handshark.client", "STRING", "Address of the client", scope=CONNECTION, address=True),
    F("handshark.client_port", "UINT16", "Port of the client", "dec", scope=CONNECTION),
    F("handshark.server", "STRING", "Address of the server", scope=CONNECTION, address=True),
    F("handshark.server_port", "UINT16", "Port of the server", "dec", scope=CONNECTION),
    F("handshark.user", "STRING", "User of the login", scope=CONNECTION),
    F("handshark.database", "STRING", "Database of the login", scope=CONNECTION),
    F("handshark.attribute", "STRING", "Connection attributes, each as name=value", scope=CONNECTION),
    F(
        "handshark.phase",
        "STRING",
        "tcp, greeting, tls, login, authentication, command",
        scope=CONNECTION,
        choices=("tcp", "greeting", "tls", "login", "authentication", "command"),
    ),
    F(
        "handshark.outcome",
        "STRING",
        "accepted, rejected, aborted, encrypted, unknown",
        scope=CONNECTION,
        choices=("accepted", "rejected", "aborted", "encrypted", "unknown"),
    ),
    F("handshark.error_code", "UINT16", "Code of the error that ended the connection phase", "dec", scope=CONNECTION),
    F("handshark.sqlstate", "STRING", "Its SQL state", scope=CONNECTION),
    F("handshark.error_message", "STRING", "Its message", scope=CONNECTION),
    F("handshark.server_version", "STRING", "Version of the server", scope=CONNECTION),
    F("handshark.flavor", "STRING", "mysql, mariadb, or another name known from the version", scope=CONNECTION),
    F("handshark.connection_id", "UINT32", "The server's number for the connection", "dec", scope=CONNECTION),
    F("handshark.plugin", "STRING", "Auth plugin that was used last", scope=CONNECTION),
    F("handshark.path", "STRING", "direct, fast, full", scope=CONNECTION, choices=("direct", "fast", "full")),
    F(
        "handshark.password_protection",
        "STRING",
        "empty, scramble, rsa, tls, cleartext, other",
        scope=CONNECTION,
        choices=("empty", "scramble", "rsa", "tls", "cleartext", "other"),
    ),
    F("handshark.tls", "BOOLEAN", "Whether TLS was begun", scope=CONNECTION),
    F("handshark.tls_version", "STRING", "Version of TLS", scope=CONNECTION),
    F("handshark.cipher_suite", "STRING", "Cipher suite of TLS", scope=CONNECTION),
    F("handshark.decrypted", "BOOLEAN", "Whether TLS could be opened", scope=CONNECTION),
    F("handshark.compression", "STRING", "none, zlib, zstd", scope=CONNECTION, choices=("none", "zlib", "zstd")),
    F("handshark.command", "STRING", "Names of the commands that were sent: query, ping ...", scope=CONNECTION),
    F("handshark.commands", "UINT64", "Number of commands that were sent", "dec", scope=CONNECTION),
    F("handshark.driver", "STRING", "Name of the client's driver", scope=CONNECTION),
    F("handshark.driver_version", "STRING", "Its version", scope=CONNECTION),
    F("handshark.fingerprint", "STRING", "Hash of what the client offered", scope=CONNECTION),
    F("handshark.finding", "STRING", "Codes of the findings", scope=CONNECTION),
    F(
        "handshark.severity",
        "STRING",
        "Severities of the findings: info, warning, error",
        scope=CONNECTION,
        choices=("info", "warning", "error"),
    ),
    F("handshark.syn", "BOOLEAN", "Whether the opening of the TCP connection was captured", scope=CONNECTION),
    F("handshark.fin_from", "STRING", "Who closed first", scope=CONNECTION, choices=("client", "server")),
    F("handshark.rst_from", "STRING", "Who reset first", scope=CONNECTION, choices=("client", "server")),
    F("handshark.retransmissions", "UINT32", "Segments that were sent again", "dec", scope=CONNECTION),
    F("handshark.gaps", "UINT32", "Places where bytes are missing", "dec", scope=CONNECTION),
    F("handshark.tcp_connect_time", "RELATIVE_TIME", "From SYN to the answer's acknowledgement", scope=CONNECTION),
    F("handshark.authentication_time", "RELATIVE_TIME", "From the login to the server's verdict", scope=CONNECTION),
    F("handshark.total_time", "RELATIVE_TIME", "From the first frame to the server's verdict", scope=CONNECTION),
)
