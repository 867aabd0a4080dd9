"""Where TShark 4.0 and the dissector differ, and who is right: a difference that is not here fails the test.

A row is about fields (patterns) of frames that hold one of `records` (ours), in captures (patterns). `right` says whose
value is true of the bytes: ours, theirs, or both where they are two ways of saying the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

# Instead of a field: the whole frame is shown by one side only.
ONLY_OURS: Final = "only ours"
ONLY_THEIRS: Final = "only theirs"


@dataclass(frozen=True)
class Known:
    """One reason for differences."""

    reason: str
    fields: tuple[str, ...]
    records: tuple[str, ...] = ("*",)
    captures: tuple[str, ...] = ("*",)
    right: str = "ours"

    def covers(self, capture: str, field: str, records: tuple[str, ...]) -> bool:
        """Whether it explains a difference."""
        return (
            any(fnmatchcase(field, pattern) for pattern in self.fields)
            and any(fnmatchcase(capture, pattern) for pattern in self.captures)
            and (self.records == ("*",) or any(fnmatchcase(r, p) for r in records for p in self.records))
        )


ALL: Final = ("mysql.*", "mariadb.*")

KNOWN: Final[tuple[Known, ...]] = (
    # Protocols that it does not know.
    Known("What the clone plugin says is taken for commands and result sets", ALL, ("CloneCommand", "CloneResponse")),
    Known(
        "What members of a group say to one another is taken for MySQL's packets",
        (ONLY_THEIRS,),
        captures=("mysql97_group-replication.pcapng",),
    ),
    Known(
        "No MySQL is looked for in TLS that stands in front of the greeting",
        (ONLY_OURS,),
        captures=("stunnel_tls-first.pcapng",),
    ),
    # Servers that say little.
    Known(
        "A server that does not set CLIENT_LONG_PASSWORD is taken for MariaDB's: Sphinx sets nothing that it lacks",
        ("*charset", "*server_language"),
        ("HandshakeV10", "HandshakeResponse41"),
        ("sphinx_*",),
    ),
    Known(
        "MariaDB 10.1 has no capabilities of its own yet: where they would stand are unused bytes",
        ("mariadb.caps.*", "mariadb.extcaps.server", "mysql.unused"),
        ("HandshakeV10",),
        ("mariadb101_*",),
        right="both",
    ),
    Known(
        "Zero bytes that Connector/J 5.1 leaves behind its login are shown as a payload",
        ("mysql.payload",),
        ("HandshakeResponse41",),
        ("*connectorj-51*",),
        right="both",
    ),
    Known(
        "A plugin that was not agreed on is shown as an empty one",
        ("mysql.client_auth_plugin",),
        ("HandshakeResponse41",),
        ("sphinx_*",),
    ),
    Known(
        "The name of a plugin without the NUL behind it (MySQL 5.5.9) is not shown",
        ("mysql.auth_plugin",),
        ("HandshakeV10",),
        ("mysql55_*",),
    ),
    # One name for two things.
    Known(
        "4.0 has CLIENT_PS_MULTI_RESULTS and CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA under one name; the second is "
        "handshark.caps.lenenc here",
        ("mysql.caps.pm",),
        right="both",
    ),
    Known("4.0 counts CLIENT_SSL_VERIFY_SERVER_CERT among the unused bits", ("mysql.caps.unused",), right="both"),
    Known(
        "The length of each value of extended metadata stands beside that of all of them",
        ("mysql.extmeta.length",),
        ("ColumnDefinition41",),
        right="both",
    ),
    Known(
        "4.6 shows the number of query attributes as mysql.num_params too",
        ("mysql.num_params",),
        ("ComQuery",),
        right="both",
    ),
    Known(
        "4.0 has no name for a switch's first byte but mysql.response_code",
        ("mysql.auth_switch_request.status",),
        ("AuthSwitchRequest", "OldAuthSwitchRequest"),
        right="both",
    ),
    # Authentication.
    Known(
        "4.0 takes a nonce for UTF-8 and loses the bytes that are none; Oracle's and MariaDB's servers send ASCII only",
        ("mysql.salt", "mysql.salt2"),
        ("HandshakeV10",),
        ("mysql2-server_*",),
    ),
    Known(
        "AuthMoreData (0x01: cache results, RSA keys, parsec's salt) is taken for a switch request or nothing known",
        ALL,
        ("AuthMoreData",),
    ),
    Known("A plugin's answer past the first is taken for a command", ALL, ("AuthResponse",)),
    Known(
        "4.0 shows an empty user behind the 32 bytes of an SSLRequest", ("mysql.user", "mysql.passwd"), ("SSLRequest",)
    ),
    Known("A one-byte switch to mysql_old_password is Malformed", ALL, ("OldAuthSwitchRequest",)),
    Known(
        "The second switch of a login is taken for an OK",
        ALL,
        ("AuthSwitchRequest", "ErrPacket"),
        ("*multi_auth*", "*two-plugins*"),
    ),
    Known("The NUL that ends an old scramble is taken for part of it", ("mysql.passwd",), ("HandshakeResponse320",)),
    Known(
        "A switch's 0xfe is shown as an EOF marker too", ("mysql.eof",), ("AuthSwitchRequest", "OldAuthSwitchRequest")
    ),
    Known("A nonce is cut at its first NUL byte", ("mysql.auth_switch_request.data",), ("AuthSwitchRequest",)),
    # Text.
    Known(
        "Text that is not ASCII is shown as U+FFFD for each byte, as the session's character set is not known to it",
        (
            "mysql.connattrs.*",
            "mysql.user",
            "mysql.error.message",
            "mysql.row.text",
            "mysql.exec.field.string",
            "mysql.query",
            "mysql.schema",
        ),
    ),
    # Commands and their parameters.
    Known(
        "EXECUTE with a parameter count (CLIENT_QUERY_ATTRIBUTES), or with a flag that the server never offered, is "
        "left undecoded",
        ALL,
        ("ComStmtExecute",),
    ),
    Known(
        "Query attributes: 4.0 has names of its own for them, and decodes no values but texts",
        ("mysql.exec.*", "mysql.field.type", "mysql.param_name", "mysql.new_parameter_bound_flag", "mysql.query_attr*"),
        ("ComQuery",),
        right="both",
    ),
    Known("A bulk execute's parameters are undecoded", ALL, ("ComStmtBulkExecute",)),
    Known(
        "The flags of COM_BINLOG_DUMP are read in the wrong order of bytes", ("mysql.binlog.flags",), ("ComBinlogDump",)
    ),
    Known(
        "An artificial ROTATE_EVENT has no checksum before the format description says so; the last four bytes are the "
        "file name's",
        ("mysql.binlog.event_checksum",),
        ("BinlogEvent",),
    ),
    Known(
        "What is sent for LOAD DATA LOCAL is taken for commands, and the answers to it with it",
        ALL,
        ("Data file", "LocalInfileRequest", "OKPacket", "ErrPacket"),
        ("*localinfile*", "*_ended.pcapng"),
    ),
    # Responses.
    Known("A row of the binary protocol is taken for an OK or EOF as well, or instead", ALL, ("BinaryRow",)),
    Known("A progress report is taken for error 65535", ALL, ("ProgressReport",)),
    Known(
        "The info of an OK is not shown, or as payload, where session tracking is off",
        ("mysql.message", "mysql.payload"),
        ("OKPacket",),
    ),
    Known(
        "Result sets before protocol 4.1 are not decoded",
        ALL,
        ("ColumnDefinition320", "TextRow", "OKPacket", "AuthSwitchRequest"),
        ("*protocol-320*",),
    ),
    Known("Malformed packets are decoded as far as they go by one side, or taken for commands", ALL, ("Malformed*",)),
    Known(
        "A login that comes out of turn (before its greeting, with another sequence id) is taken for a command",
        ALL,
        ("HandshakeResponse41",),
        ("xa_clientonly*", "xa_loss_greeting*", "*login-before-tls*", "*wrong-sequence-id*"),
    ),
    Known(
        "What follows a refusal in place of the greeting is taken for commands",
        (*ALL, ONLY_OURS),
        ("Data skipped", "ErrPacket"),
        ("*hostblocked*", "*host-blocked*"),
    ),
    Known(
        "An error in place of the greeting is shown without its first byte", ("mysql.response_code",), ("ErrPacket",)
    ),
    # Captures in which something is missing or out of order.
    Known(
        "With one direction alone, or from the middle on, 4.0 assumes the wrong capabilities",
        ALL,
        captures=("xa_clientonly*", "xa_serveronly*", "*_midstream*", "xa_loss_*"),
    ),
    Known(
        "Frames behind a gap are not dissected", (ONLY_OURS,), captures=("xa_loss_*", "xa_lateretrans*", "xa_snap96*")
    ),
    Known(
        "A frame that completes a packet out of order is another one",
        (ONLY_OURS, ONLY_THEIRS, "*"),
        captures=("xa_ooo*", "xa_lateretrans*"),
        right="both",
    ),
    Known(
        "Packets that the snap length cut are shown as far as they go there, and are gaps here",
        (ONLY_THEIRS, "*"),
        captures=("xa_snap96*",),
        right="both",
    ),
    Known(
        "The frame of the lost segment's successor is shown there as a whole, though it begins inside of a packet",
        (ONLY_THEIRS,),
        captures=("xa_loss_client*",),
    ),
    Known("MySQL on a port of another protocol is not found", (ONLY_OURS,), captures=("xa_port443*",)),
    Known(
        "A server's error in plain text after TLS has begun is not found",
        (ONLY_OURS, "*"),
        ("ErrPacket",),
        ("*fault-*", "*tls*refused*", "*untrusted*", "*err_reqssl*"),
    ),
    # Layers.
    Known(
        "zlib and zstd: payloads are not opened, or taken for packets",
        ("*",),
        captures=("*compress*", "*zlib*", "*zstd*"),
    ),
    Known("A PROXY header in front of the login hides what follows", ("*",), captures=("*proxy*",)),
    Known(
        "Packets of 16 MiB and over are taken in pieces there; here only the first megabyte of one is kept",
        ("*",),
        captures=("*big16m*",),
    ),
    Known(
        "Tunnels: both IP headers are shown there, the inner one here",
        ("ip.*", "tcp.*"),
        captures=("xa_gre*", "xa_geneve*", "xa_vxlan*", "xa_ipip*"),
        right="both",
    ),
)
