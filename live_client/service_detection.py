"""What answers where a MySQL server should: known by its first bytes, named in words a user can act on."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.wire.reader import ENCODING_ERRORS
from live_client.errors import NotMySQL

# (first bytes, service, what to do about it). The X Protocol's first frame: length 5, NOTICE, a server hello.
STRANGERS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (
        b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00",
        "MySQL X Protocol",
        "this is the X port; the classic one is usually 3306",
    ),
    (b"HTTP/", "HTTP", "this is a web server"),
    (b"<html", "HTTP", "this is a web server"),
    (b"<!DOCTYPE", "HTTP", "this is a web server"),
    (b"SSH-", "SSH", "this is an SSH server; a tunnel's own port is another"),
    (b"220", "SMTP or FTP", "this is a mail or file transfer server"),
    (b"* OK", "IMAP", "this is a mail server"),
    (b"+OK", "POP3", "this is a mail server"),
    (b"RFB ", "VNC", "this is a remote desktop"),
    (b"-ERR", "Redis", "this is a Redis server"),
    (b"-DENIED", "Redis", "this is a Redis server"),
    (b"-NOAUTH", "Redis", "this is a Redis server"),
    (b"\x15\x03", "TLS", "this port speaks TLS from the first byte; MySQL begins in plain text"),
    (b"\x16\x03", "TLS", "this port speaks TLS from the first byte; MySQL begins in plain text"),
)
# What makes a server that waits to be asked say what it is: HTTP answers it, and so do Redis and others.
PROBE: Final = b"GET / HTTP/1.0\r\n\r\n"
LONGEST: Final = max(len(first) for first, _, _ in STRANGERS)


def stranger(data: bytes) -> NotMySQL | None:
    """The error for a server whose first bytes are `data`; None where they may be a MySQL packet."""
    for first, service, advice in STRANGERS:
        if data.startswith(first):
            return NotMySQL(service, f"this is not MySQL but {service}: {advice} (first bytes: {_show(data)})")
    if data[:1] == b"E" and data[5:11] in (b"SFATAL", b"SERROR"):
        return NotMySQL("PostgreSQL", "this is not MySQL but PostgreSQL, which answered with an error of its own")
    if len(data) >= 5 and int.from_bytes(data[:3], "little") > 1 << 16 and data[3] != 0:
        return NotMySQL("unknown", f"this is not MySQL: its first bytes are {_show(data)}")
    return None


def _show(data: bytes) -> str:
    head = data[:24]
    if all(0x20 <= byte < 0x7F or byte in (10, 13) for byte in head):
        return repr(head.split(b"\r")[0].decode("ascii", ENCODING_ERRORS))
    return head.hex(" ")
