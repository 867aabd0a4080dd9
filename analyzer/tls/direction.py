"""One direction of a TLS session: its bytes, its keys' place in the sequence, and what could not be opened yet."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.tls.suites import Body

if TYPE_CHECKING:
    from analyzer.tls.ciphers import Protection

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


class RecordStream:
    """The bytes of a direction on their way to records.

    buffer, need      bytes of a record that is not complete, and how many make it so
    resync            bytes were missing: the next record is looked for in `buffer`
    scanned, starts   bytes of it that were looked at, where segments began
    candidates        (end, begin) of what looks like a record and is not complete, a heap
    unsure            it was found again by its looks only
    """

    __slots__ = ("buffer", "candidates", "need", "resync", "scanned", "starts", "unsure")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.need = 0
        self.resync = False
        self.unsure = False
        self.starts: set[int] = set()
        self.candidates: list[tuple[int, int]] = []
        self.scanned = 0

    def found(self) -> None:
        """The next record is no longer looked for."""
        self.resync = False
        self.buffer.clear()
        self.starts.clear()
        self.candidates.clear()
        self.scanned = 0


class KeyPlace:
    """Where a direction is among its keys.

    protection        what opens the next record, None where it is not made yet
    epoch, updates, sequence   key, key updates, record number
    verified          records that verified, `here` those under the present key
    skipped           records of a part whose secret is missing, that were passed over
    trials            records that were tried under keys that may fit
    """

    __slots__ = ("epoch", "here", "protection", "sequence", "skipped", "trials", "updates", "verified")

    def __init__(self) -> None:
        self.protection: Protection | None = None
        self.epoch = 0
        self.updates = 0
        self.sequence = 0
        self.verified = 0
        self.here = 0
        self.skipped = 0
        self.trials = 0

    def move(self, epoch: int, updates: int, protection: Protection | None) -> None:
        """The next record is the first under other keys."""
        self.epoch = epoch
        self.updates = updates
        self.protection = protection
        self.sequence = 0
        self.here = 0
        self.skipped = 0


class WaitingRecords:
    """Records that wait for a key, their bytes, and how many were let go unopened."""

    __slots__ = ("let_go", "records", "size")

    def __init__(self) -> None:
        self.records: deque[TlsRecord] = deque()
        self.size = 0
        self.let_go = 0


class Direction:
    """What is known of one direction.

    stream, place, waiting   its bytes, its place among the keys, records that wait for one
    messages          bytes of a handshake message that is not complete
    blind             handshake messages can not be followed: a part of one is missing
    ciphered          ChangeCipherSpec was sent (before TLS 1.3)
    finished          its Finished was sent (before TLS 1.3)
    padding           zeros behind the contents of every record, where the Finished shows them (TLS 1.3)
    plain             TLS is over, plain bytes follow
    wrong             the key does not fit
    broken            why nothing more can be read, records included
    sealed            why nothing more can be decrypted
    records, sizes    how many there were, and the sizes of the first with application data
    """

    __slots__ = (
        *("blind", "broken", "ciphered", "finished", "messages", "padding", "place", "plain", "records", "sealed"),
        *("sender", "sizes", "stream", "waiting", "wrong"),
    )

    def __init__(self, sender: int) -> None:
        self.sender = sender
        self.stream = RecordStream()
        self.place = KeyPlace()
        self.waiting = WaitingRecords()
        self.messages = bytearray()
        self.blind = False
        self.ciphered = False
        self.finished = False
        self.wrong = False
        self.padding = 0
        self.plain = False
        self.broken: str | None = None
        self.sealed: str | None = None
        self.records = 0
        self.sizes: list[EncryptedRecord] = []

    @property
    def name(self) -> str:
        return "server" if self.sender else "client"

    def move(self, epoch: int, updates: int = 0, protection: Protection | None = None) -> None:
        """The next record is the first under other keys."""
        self.place.move(epoch, updates, protection)
        self.blind = False
        self.messages.clear()

    def lose(self) -> None:
        """Bytes are missing from here on."""
        self.stream.found()
        self.stream.resync = True
        self.blind = True
        self.messages.clear()

    def stop(self, reason: str) -> None:
        """Nothing more can be read."""
        self.broken = self.broken or reason
        self.stream.found()
        self.messages.clear()

    def size(self, size: int, frame: int, time_ns: int) -> None:
        """Notes the size of a record with application data."""
        if len(self.sizes) < MOST_SIZES:
            self.sizes.append(EncryptedRecord(size, frame, time_ns))
