"""What speaks, going by the first bytes. Sources: the protocols' own documents, named in each row."""

from __future__ import annotations

import re
from typing import Final

# Patterns are compiled when they are asked for: most captures have nothing foreign. What a client says first.
CLIENTS: Final[tuple[tuple[bytes, str], ...]] = (
    (rb"PRI \* HTTP/2", "HTTP/2"),  # RFC 9113, 3.4
    (rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|TRACE) \S", "HTTP"),  # RFC 9112, 3
    (rb"SSH-\d", "SSH"),  # RFC 4253, 4.2
    (rb"\x16\x03[\x00-\x04]", "TLS"),  # RFC 8446, 5.1
    (rb"(?s)\x80.\x01\x03|.{2}\x01\x03[\x00-\x03]", "SSL 2"),
    (rb"PROXY (TCP[46]|UNKNOWN)", "the PROXY protocol (which the server is not told to expect)"),
    (rb"\r\n\r\n\x00\r\nQUIT\n", "the PROXY protocol (which the server is not told to expect)"),
    (rb"\x00{3}\x08\x04\xd2\x16[\x2e-\x30]", "PostgreSQL"),  # SSLRequest, CancelRequest, GSSENCRequest
    (rb"(?s)\x00{2}..\x00\x03\x00\x00", "PostgreSQL"),  # StartupMessage
    (rb"(?i)\*\d+\r\n\$\d+\r\n|(PING|INFO|AUTH)\b.*\r\n", "Redis"),
    (rb"(?i)(EHLO|HELO|MAIL FROM:) ?", "SMTP"),  # RFC 5321, 4.1
    (rb"(?i)USER \S", "FTP"),  # RFC 959, 4.1
    (rb"(?s)\x03\x00\x00.[\x01-\x7f]\xe0", "RDP"),
    (rb"(?s)\x00\x00..[\xfe\xff]SMB", "SMB"),
    (rb"(?s).{12}\xd4\x07\x00\x00|.{12}\xdd\x07\x00\x00", "MongoDB"),
    (rb"(?s)\x10.{1,4}\x00[\x04\x06]MQ", "MQTT"),
    (rb"AMQP", "AMQP"),
    (rb"(stats|version|get \S+)\r\n", "memcached"),
)
# What a server says first.
SERVERS: Final[tuple[tuple[bytes, str], ...]] = (
    (rb"HTTP/[12]", "HTTP"),
    (rb"SSH-\d", "SSH"),
    (rb"(?i)220[ -].*(smtp|esmtp|mail)", "SMTP"),
    (rb"220[ -]", "SMTP or FTP"),
    (rb"\* (OK|PREAUTH|BYE)", "IMAP"),
    (rb"\+OK", "POP3"),
    (rb"-(ERR|NOAUTH|DENIED)|\+PONG", "Redis"),
    (rb"[\x15\x16]\x03[\x00-\x04]", "TLS"),
    (rb"RFB \d{3}\.", "VNC"),
    (rb"\xff[\xfb-\xfe]", "Telnet"),
    (rb"AMQP", "AMQP"),
    (rb"(?s).\x00{2}\x00\x0b\x08", 'the X Protocol ("protocol version 11" to a classic client)'),
)
SHOWN: Final = 24


def _known(first: bytes, table: tuple[tuple[bytes, str], ...]) -> str | None:
    return next((name for pattern, name in table if re.match(pattern, first)), None)


def client_protocol(first: bytes) -> str | None:
    """The protocol that a client's first bytes are of."""
    return _known(first, CLIENTS)


def server_protocol(first: bytes) -> str | None:
    return _known(first, SERVERS)


def shown(first: bytes) -> str:
    """The first bytes as text where they are, else as hex digits."""
    part = first[:SHOWN]
    text = part.decode("ascii", "replace")
    if part and sum(c.isprintable() or c in "\r\n\t" for c in text) == len(part) and "\ufffd" not in text:
        return repr(text)
    return part.hex(" ")
