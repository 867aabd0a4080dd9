"""What comes out of a TLS session."""

from __future__ import annotations

from typing import Final

import msgspec

# States of a session's `key_state`.
NOT_GIVEN: Final = "not given"
MISSING: Final = "missing"
PARTIAL: Final = "partial"
WRONG: Final = "wrong"
UNSUPPORTED: Final = "unsupported"
FOUND: Final = "found"


class Plain(msgspec.Struct, frozen=True):
    """Application data of one record, decrypted and verified. `frame` completed it, at `time_ns`."""

    data: bytes
    sender: int
    frame: int
    time_ns: int = 0


class AfterTls(msgspec.Struct, frozen=True):
    """Bytes where a record is due and none is: the sender has gone back to plain text."""

    data: bytes
    sender: int
    frame: int
    time_ns: int = 0


class Note(msgspec.Struct, frozen=True):
    """A TLS message, or a record that could not be opened: what it is, what it says, and its bytes on the wire."""

    sender: int
    what: str
    text: str
    length: int
    frame: int
    time_ns: int


Event = Plain | AfterTls
