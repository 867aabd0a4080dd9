"""One direction of a TLS session: its bytes, its keys' place in the sequence, and what could not be opened yet."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from analyzer.tls.ciphers import Body, Protection

# Records listed by size, for each direction.
MOST_SIZES: Final = 64


class EncryptedRecord(msgspec.Struct, frozen=True):
    """The size of the encrypted part of an application data record, the frame that completes it, and its time."""

    size: int
    frame: int
    time_ns: int = 0


class TlsRecord(msgspec.Struct, frozen=True):
    """A record. `frame` completes it, at `time_ns`; `lost`: records may be missing in front of it."""

    header: bytes
    body: Body
    frame: int
    time_ns: int
    lost: bool = False


class Direction:
    """What is known of one direction.

    buffer, need      bytes of a record that is not complete, and how many make it so
    messages          bytes of a handshake message that is not complete
    blind             handshake messages can not be followed: a part of one is missing
    protection        what opens the next record, None where it is not made yet
    epoch, updates, sequence   its place: key, key updates, record number
    verified          records that verified, `here` those under the present key
    ciphered          ChangeCipherSpec was sent (before TLS 1.3)
    held, held_bytes  records that wait for a key
    resync            bytes were missing: the next record is looked for in `buffer`
    scanned, starts   bytes of it that were looked at, where segments began
    candidates        (end, begin) of what looks like a record and is not complete, a heap
    padding           zeros behind the contents of every record, where the Finished shows them (TLS 1.3)
    broken            why nothing more can be read, records included
    sealed            why nothing more can be decrypted
    """

    __slots__ = (
        "blind",
        "broken",
        "buffer",
        "candidates",
        "ciphered",
        "epoch",
        "finished",
        "held",
        "held_bytes",
        "here",
        "messages",
        "need",
        "padding",
        "plain",
        "protection",
        "records",
        "resync",
        "scanned",
        "sealed",
        "sender",
        "sequence",
        "sizes",
        "skipped",
        "starts",
        "trials",
        "unopened",
        "unsure",
        "updates",
        "verified",
        "wrong",
    )

    def __init__(self, sender: int) -> None:
        self.sender = sender
        self.buffer = bytearray()
        self.need = 0
        self.messages = bytearray()
        self.blind = False
        self.protection: Protection | None = None
        self.epoch = 0
        self.updates = 0
        self.sequence = 0
        self.verified = 0
        self.here = 0
        self.skipped = 0
        self.trials = 0
        self.ciphered = False
        self.finished = False
        self.held: deque[TlsRecord] = deque()
        self.held_bytes = 0
        self.resync = False
        self.unopened = 0  # records that were kept, and let go
        self.wrong = False  # the key does not fit
        self.unsure = False  # found again by its looks only
        self.starts: set[int] = set()
        self.candidates: list[tuple[int, int]] = []
        self.scanned = 0
        self.padding = 0
        self.plain = False  # TLS is over, plain bytes follow
        self.broken: str | None = None
        self.sealed: str | None = None
        self.records = 0
        self.sizes: list[EncryptedRecord] = []

    @property
    def name(self) -> str:
        return "server" if self.sender else "client"

    def move(self, epoch: int, updates: int = 0, protection: Protection | None = None) -> None:
        """The next record is the first under other keys."""
        self.epoch = epoch
        self.updates = updates
        self.protection = protection
        self.sequence = 0
        self.here = 0
        self.skipped = 0
        self.blind = False
        self.messages.clear()

    def lose(self) -> None:
        """Bytes are missing from here on."""
        self.found()
        self.resync = True
        self.blind = True
        self.messages.clear()

    def found(self) -> None:
        """The next record is no longer looked for."""
        self.resync = False
        self.buffer.clear()
        self.starts.clear()
        self.candidates.clear()
        self.scanned = 0

    def stop(self, reason: str) -> None:
        """Nothing more can be read."""
        self.broken = self.broken or reason
        self.found()
        self.messages.clear()

    def size(self, size: int, frame: int, time_ns: int) -> None:
        if len(self.sizes) < MOST_SIZES:
            self.sizes.append(EncryptedRecord(size, frame, time_ns))
