"""The errors of the project: one family, so that a caller can catch what it can act on and nothing else."""

from __future__ import annotations


class AnalyzerError(Exception):
    """Base of every error this project raises on purpose."""


class CaptureError(AnalyzerError):
    """A source can not be read.

    `source` is the file name as given ("-" for standard input), `offset` the byte offset in the (decompressed)
    source where reading stopped, None where no byte was read. The message says what was expected there.
    """

    def __init__(self, source: str, message: str, offset: int | None = None) -> None:
        self.source = source
        self.offset = offset
        self.reason = message
        where = f"{source}: " if offset is None else f"{source}: at offset {offset}: "
        super().__init__(where + message)


class UnsupportedLinkType(AnalyzerError):
    """No frame of a capture can be read, because nothing is known of its link type.

    `link_type` is the LINKTYPE_ number (https://www.tcpdump.org/linktypes.html).
    """

    def __init__(self, link_type: int) -> None:
        self.link_type = link_type
        super().__init__(f"link type {link_type} is not supported")


class DecodeError(AnalyzerError):
    """Bytes do not form the record they have to be: `record`, `field` and byte `offset` within the payload."""

    def __init__(self, record: str, field: str, offset: int, reason: str) -> None:
        self.record = record
        self.field = field
        self.offset = offset
        self.reason = reason
        super().__init__(f"{record}.{field} at byte {offset}: {reason}")


class Truncated(DecodeError):
    """The payload ends inside a field."""


class TrailingBytes(DecodeError):
    """The payload goes on after the last field."""


class BadValue(DecodeError):
    """A field holds a value that it can not have."""


class ProtocolError(AnalyzerError):
    """The peer broke the protocol (client side only)."""


class ServerError(AnalyzerError):
    """An error packet of a server, raised by the client side."""

    def __init__(self, code: int, sqlstate: str | None, message: str) -> None:
        self.code = code
        self.sqlstate = sqlstate
        self.message = message
        super().__init__(f"{code} ({sqlstate or '-----'}): {message}")
