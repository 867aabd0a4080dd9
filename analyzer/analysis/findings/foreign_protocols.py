"""What speaks, going by the first bytes. Sources: the protocols' own documents, named in each row."""

from __future__ import annotations

import re
from typing import Final

# What a client says first.
CLIENTS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"PRI \* HTTP/2"), "HTTP/2"),  # RFC 9113, 3.4
    (re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|TRACE) \S"), "HTTP"),  # RFC 9112, 3
    (re.compile(rb"SSH-\d"), "SSH"),  # RFC 4253, 4.2
    (re.compile(rb"\x16\x03[\x00-\x04]"), "TLS"),  # RFC 8446, 5.1
    (re.compile(rb"\x80.\x01\x03|.{2}\x01\x03[\x00-\x03]", re.DOTALL), "SSL 2"),
    (re.compile(rb"PROXY (TCP[46]|UNKNOWN)"), "the PROXY protocol (which the server is not told to expect)"),
    (re.compile(rb"\r\n\r\n\x00\r\nQUIT\n"), "the PROXY protocol (which the server is not told to expect)"),
    (re.compile(rb"\x00{3}\x08\x04\xd2\x16[\x2e-\x30]"), "PostgreSQL"),  # SSLRequest, CancelRequest, GSSENCRequest
    (re.compile(rb"\x00{2}..\x00\x03\x00\x00", re.DOTALL), "PostgreSQL"),  # StartupMessage
    (re.compile(rb"\*\d+\r\n\$\d+\r\n|(PING|INFO|AUTH)\b.*\r\n", re.IGNORECASE), "Redis"),
    (re.compile(rb"(EHLO|HELO|MAIL FROM:) ?", re.IGNORECASE), "SMTP"),  # RFC 5321, 4.1
    (re.compile(rb"USER \S", re.IGNORECASE), "FTP"),  # RFC 959, 4.1
    (re.compile(rb"\x03\x00\x00.[\x01-\x7f]\xe0", re.DOTALL), "RDP"),
    (re.compile(rb"\x00\x00..[\xfe\xff]SMB", re.DOTALL), "SMB"),
    (re.compile(rb".{12}\xd4\x07\x00\x00|.{12}\xdd\x07\x00\x00", re.DOTALL), "MongoDB"),
    (re.compile(rb"\x10.{1,4}\x00[\x04\x06]MQ", re.DOTALL), "MQTT"),
    (re.compile(rb"AMQP"), "AMQP"),
    (re.compile(rb"(stats|version|get \S+)\r\n"), "memcached"),
)
# What a server says first.
SERVERS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"HTTP/[12]"), "HTTP"),
    (re.compile(rb"SSH-\d"), "SSH"),
    (re.compile(rb"220[ -].*(smtp|esmtp|mail)", re.IGNORECASE), "SMTP"),
    (re.compile(rb"220[ -]"), "SMTP or FTP"),
    (re.compile(rb"\* (OK|PREAUTH|BYE)"), "IMAP"),
    (re.compile(rb"\+OK"), "POP3"),
    (re.compile(rb"-(ERR|NOAUTH|DENIED)|\+PONG"), "Redis"),
    (re.compile(rb"[\x15\x16]\x03[\x00-\x04]"), "TLS"),
    (re.compile(rb"RFB \d{3}\."), "VNC"),
    (re.compile(rb"\xff[\xfb-\xfe]"), "Telnet"),
    (re.compile(rb"AMQP"), "AMQP"),
    (re.compile(rb".\x00{2}\x00\x0b\x08", re.DOTALL), 'the X Protocol ("protocol version 11" to a classic client)'),
)
SHOWN: Final = 24


def _known(first: bytes, table: tuple[tuple[re.Pattern[bytes], str], ...]) -> str | None:
    return next((name for pattern, name in table if pattern.match(first)), None)


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
