"""Opens the records of a session: which key is due, what to do where it is missing, what decrypted contents change.

Sources: RFC 8446 (4.4.4, 4.5, 4.6.3, 5.4), RFC 5246 (6, 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from analyzer.tls import hello
from analyzer.tls.direction import Direction, TlsRecord
from analyzer.tls.events import Event, Plain
from analyzer.tls.handshake import Handshake
from analyzer.tls.keylog import KeyLog
from analyzer.tls.notes import message_text
from analyzer.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT, HANDSHAKE, LONGEST_MESSAGE, SERVER
from analyzer.tls.sessionkeys import APPLICATION, CIPHERED, EARLY, SessionKeys
from analyzer.tls.sessionkeys import HANDSHAKE as HANDSHAKE_EPOCH
from analyzer.tls.suites import DIGEST_SIZES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from analyzer.tls.ciphers import Protection

# Bytes of undecrypted records a direction keeps until its key comes.
HELD: Final = 1 << 18
# What a record costs beside its body while it is held.
HELD_OVERHEAD: Final = 256
# After a gap so many records may be missing; records are tried so often under keys that may fit.
MOST_MISSED: Final = 64
MOST_TRIALS: Final = 1 << 13
# Key updates that may be among what is missing.
MOST_UPDATES_MISSED: Final = 3
# Records of a part whose secret is missing that may precede one that can be opened.
MOST_SKIPPED: Final = 256
# Client records in which a Finished may hide, where only sizes are known.
FINISHED_WITHIN: Final = 8
# Zeros that Java puts behind the contents of each record of TLS 1.3.
PADDING: Final = 16


class Opener:
    """A session's keys and both its directions.

    log, keys   secrets of all sessions, and those of this one; None where none were given
    directions  of the client and of the server
    decrypted   application data has verified
    early_data_unread   the client's early data can not be read: its secret is missing
    """

    def __init__(self, handshake: Handshake, log: KeyLog | None, rsa_key: rsa.RSAPrivateKey | None) -> None:
        self.handshake = handshake
        self.log = log
        self.keys = None if log is None else SessionKeys(log, rsa_key)
        self.directions = (Direction(CLIENT), Direction(SERVER))
        self.decrypted = False
        self.early_data_unread = False
        self._seen = 0  # generation of the log that held records have seen
        self._keyless = log is not None and rsa_key is None

    @property
    def behind(self) -> bool:
        """Whether the key log has grown since records were last tried."""
        return self.log is not None and self.log.generation != self._seen

    @property
    def shut(self) -> bool:
        """Whether no key can come, and nobody is told of each record: then none has to wait for one."""
        return self._keyless and self.log is not None and self.log.stays_empty and self.handshake.notes.listed is None

    # -- handshake messages -------------------------------------------------------------------------------------------

    def messages(self, half: Direction, data: bytes, frame: int, *, opened: bool = False) -> None:
        """Takes the contents of a handshake record."""
        buffer = half.messages
        if half.blind:
            if not _whole_messages(data):
                return
            half.blind = False
        if not buffer and len(data) >= 4 and 4 + int.from_bytes(data[1:4], "big") == len(data) <= LONGEST_MESSAGE:
            self._message(half, data, frame, opened)  # most records hold one message
            return
        buffer += data
        while len(buffer) >= 4 and not half.blind:
            stop = 4 + int.from_bytes(buffer[1:4], "big")
            if stop > LONGEST_MESSAGE:
                self.handshake.error = f"a handshake message of {stop} bytes"
                half.blind = True
                buffer.clear()
                return
            if stop > len(buffer):
                return
            raw = bytes(buffer[:stop])
            del buffer[:stop]
            self._message(half, raw, frame, opened)

    def _message(self, half: Direction, raw: bytes, frame: int, opened: bool) -> None:
        """Takes a handshake message with its header."""
        shake = self.handshake
        try:
            before = shake.keys.tls13
            shake.message(half.sender, raw[0], raw)
            if shake.notes.listed is not None:
                name, text = message_text(shake, half.sender, raw[0])
                shake.notes.add(half.sender, name, text, len(raw), frame)
            if shake.keys.tls13 and not before:
                self._begin13()
        except ValueError as error:
            shake.error = f"handshake message {raw[0]}: {error}"
        if opened and shake.keys.tls13:
            self._follow(half, raw[0], frame)

    def _begin13(self) -> None:
        """The server chose TLS 1.3. A client's ChangeCipherSpec may have come before that, and means nothing then."""
        for half in self.directions:
            half.ciphered = False
            if not half.place.verified:
                half.move(0)

    def _follow(self, half: Direction, kind: int, frame: int) -> None:
        """Messages that change the keys of TLS 1.3 (RFC 8446, 4.4.4, 4.5 and 4.6.3)."""
        if kind == hello.FINISHED and half.place.epoch != APPLICATION:
            half.move(APPLICATION)
            if half.sender == CLIENT and self.handshake.done(CLIENT, frame, True):
                half.sizes.clear()
        elif kind == hello.END_OF_EARLY_DATA and half.place.epoch == EARLY:
            half.move(HANDSHAKE_EPOCH)
        elif kind == hello.KEY_UPDATE and half.place.epoch == APPLICATION:
            half.move(APPLICATION, half.place.updates + 1)

    # -- encrypted records --------------------------------------------------------------------------------------------

    def passed(self, half: Direction, size: int, frame: int, time_ns: int) -> None:
        """Takes the size of a record of TLS 1.3 behind the handshake, where it is `shut`: there is no more to it."""
        half.records += 1
        self.handshake.notes.now = time_ns
        half.size(size, frame, time_ns)
        self._infer13(half, size, frame)

    def encrypted(self, half: Direction, record: TlsRecord, events: list[Event]) -> None:
        kind = record.header[0]
        size = len(record.body)
        if kind == APPLICATION_DATA and self.handshake.end is not None:
            half.size(size, record.frame, record.time_ns)
        if not self.handshake.keys.tls13:
            self._infer12(half, kind, record.frame)
        keyed = self.keys is not None and half.sealed is None and not self.shut
        if keyed and not half.waiting.records and self.open(half, record, events):
            return
        # Trying may have shown that nothing can be opened.
        if not (keyed and half.sealed is None and self._hold(half, record)):
            self._unopened(half, record)
        if self.handshake.keys.tls13:
            self._infer13(half, size, record.frame)

    def _unopened(self, half: Direction, record: TlsRecord) -> None:
        """Notes a record that stays closed."""
        if self.handshake.notes.listed is None:
            return
        kind, size = record.header[0], len(record.body)
        what = {APPLICATION_DATA: "ApplicationData", HANDSHAKE: "Finished", ALERT: "Alert"}.get(kind, "record")
        text = f"{size} bytes, encrypted"
        suite = self.handshake.keys.suite
        if self.handshake.keys.tls13 and suite is not None and size in self._alert_sizes(half, suite.tag):
            what, text = "Alert", f"{text}; an alert by its size"
        self.handshake.notes.now = record.time_ns
        self.handshake.notes.add(half.sender, what, text, size, record.frame)

    def open(self, half: Direction, record: TlsRecord, events: list[Event]) -> bool:
        """Decrypts a record; False where no key is there, or none that fits."""
        shake, place, frame = self.handshake, half.place, record.frame
        # Most records open under the key that is due.
        protection = place.protection
        plain = None if protection is None else protection.open(place.sequence, record.header, record.body)
        if plain is not None:
            place.sequence += 1
        else:
            plain = self._try(half, record, protection)
            if plain is None:
                return False
        shake.notes.now = record.time_ns
        place.verified += 1
        place.here += 1
        place.trials = 0
        half.stream.unsure = False
        kind = record.header[0]
        if shake.keys.tls13:
            # RFC 8446, 5.4: contents, their type, zeros.
            end = len(plain) - 1
            if end >= 0 and not plain[end]:
                end = len(plain.rstrip(b"\0")) - 1
            if end < 0:
                self.seal(half, f"the {half.name} sent a record without contents")
                return True
            kind = plain[end]
            plain = plain[:end]
            if kind != ALERT and shake.alerts and len(record.body) <= 2 + 1 + 16 + PADDING:
                shake.no_alert(half.sender, frame)
        if kind == APPLICATION_DATA:
            self.decrypted = True
            if plain:
                events.append(Plain(plain, half.sender, frame, record.time_ns))
            if shake.end is None and place.epoch != EARLY:
                shake.done(half.sender, frame, False)
        elif kind == HANDSHAKE:
            self.messages(half, plain, frame, opened=True)
        elif kind == ALERT and len(plain) >= 2:
            self.handshake.alert(half.sender, plain[:2], frame, True)
        elif kind == CHANGE_CIPHER_SPEC and not self.handshake.keys.tls13:
            half.move(CIPHERED)
        return True

    def _try(self, half: Direction, record: TlsRecord, refused: Protection | None) -> bytes | None:
        """The contents of a record under the key that is due, or one that may be due where something is missing.

        `refused` is the key that was due, and does not open it; None where it is not made yet.
        """
        keys = self.keys
        if keys is None:
            return None
        header, body, lost = record.header, record.body, record.lost
        if not half.place.epoch and self.handshake.keys.tls13:
            half.place.epoch = EARLY if half.sender == CLIENT and self.handshake.keys.early_data else HANDSHAKE_EPOCH
        protection = refused
        if protection is None:
            protection = half.place.protection = keys.find(
                self.handshake, half.sender, half.place.epoch, half.place.updates
            )
            plain = None if protection is None else protection.open(half.place.sequence, header, body)
            if plain is not None:
                half.place.sequence += 1
                return plain
        tried = 0
        for epoch, updates, other, first in self._others(half, keys, lost):
            for sequence in range(first, first + (MOST_MISSED if lost else 1)):
                half.place.trials += 1
                tried += 1
                plain = other.open(sequence, header, body) if half.place.trials <= MOST_TRIALS else None
                if plain is not None:
                    if other is not protection:
                        half.ciphered = half.ciphered or not self.handshake.keys.tls13
                        half.move(epoch, updates, other)
                        half.blind = lost
                    half.place.sequence = sequence + 1
                    return plain
        if not lost:
            self._refuse(half, protection is not None, tried)
        return None

    def _others(self, half: Direction, keys: SessionKeys, lost: bool) -> Iterator[tuple[int, int, Protection, int]]:
        """Keys beside the one that is due: (epoch, updates, protection, first sequence number)."""
        if lost and half.place.protection is not None:
            yield half.place.epoch, half.place.updates, half.place.protection, half.place.sequence + 1
        if not self.handshake.keys.tls13:
            pending = None if half.ciphered else keys.find(self.handshake, half.sender, CIPHERED)
            if pending is not None and lost:
                yield CIPHERED, 0, pending, 0
            return
        if half.place.epoch == APPLICATION:
            most = half.place.updates + (MOST_UPDATES_MISSED if lost else 1 if half.blind else 0)
            for updates in range(half.place.updates + 1, most + 1):
                after = keys.find(self.handshake, half.sender, APPLICATION, updates)
                if after is not None:
                    yield APPLICATION, updates, after, 0
            return
        # Early data may be refused; a secret may be missing; the message that ends an epoch may be.
        if half.place.epoch == EARLY or lost or half.blind or half.place.protection is None:
            for epoch in range(half.place.epoch + 1, APPLICATION + 1):
                after = keys.find(self.handshake, half.sender, epoch)
                if after is not None:
                    yield epoch, 0, after, 0

    def _refuse(self, half: Direction, had_key: bool, tried: int) -> None:
        """A record does not verify. Under the key that is due this ends the direction; else it is passed over."""
        if not had_key and not tried:
            return
        if not had_key and half.place.skipped < MOST_SKIPPED:
            half.place.skipped += 1
            if half.place.epoch == EARLY:
                self.early_data_unread = True
            return
        number = half.place.sequence
        self.seal(
            half,
            f"the tag of the {half.name}'s record {number} does not verify: "
            + ("the capture is damaged there" if half.place.here else "the key is wrong"),
            wrong=not half.place.here,
        )

    def seal(self, half: Direction, reason: str, *, wrong: bool = False) -> None:
        half.sealed = reason
        half.wrong = wrong
        self.let_go(half)

    # -- what sizes tell ----------------------------------------------------------------------------------------------

    def _infer12(self, half: Direction, kind: int, frame: int) -> None:
        """Before TLS 1.3 the type of a record is in the clear."""
        if kind == ALERT:
            self.handshake.alert(half.sender, None, frame, True)
        elif kind == HANDSHAKE:
            half.finished = True
            if all(one.finished for one in self.directions):
                self.handshake.done(half.sender, frame, True)
        elif kind == APPLICATION_DATA:
            self.handshake.done(half.sender, frame, False)

    def _infer13(self, half: Direction, size: int, frame: int) -> None:
        """In TLS 1.3 all records look like application data. An alert has two bytes, a Finished those of the hash.

        Clients send the Finished last, often after a certificate, and wait for nothing before the first data.
        """
        suite = self.handshake.keys.suite
        if suite is None or not suite.tag:
            return
        if size in self._alert_sizes(half, suite.tag):
            self.handshake.alert(half.sender, None, frame, True)
            return
        if half.sender != CLIENT or self.directions[SERVER].sizes or half.records > FINISHED_WITHIN:
            return
        padding = size - (4 + DIGEST_SIZES[suite.prf] + 1 + suite.tag)
        exactly = padding in (0, PADDING)
        if self.handshake.keys.early_data and not exactly:
            return
        if self.handshake.done(CLIENT, frame, exactly):
            half.sizes.clear()
            half.padding = padding if exactly else 0
            if exactly:
                self.handshake.notes.add(CLIENT, "handshake", "done, going by the sizes of records", 0, frame)

    def _alert_sizes(self, half: Direction, tag: int) -> tuple[int, ...]:
        """How long a record with an alert is. Java pads its records with 16 zeros: with all of them, or from the first.

        Before the Finished a client sends nothing else that is so long: an empty certificate has 8 bytes.
        """
        first = half.sender == CLIENT and self.handshake.end is None and not self.handshake.keys.early_data
        pads = first or half.padding == PADDING
        return (2 + 1 + tag, 2 + 1 + tag + PADDING) if pads else (2 + 1 + tag,)

    # -- records that wait for a key ----------------------------------------------------------------------------------

    def _hold(self, half: Direction, record: TlsRecord) -> bool:
        """Keeps a record until its key comes; False where none can, or where there is no room."""
        if (
            half.place.skipped
            or self.log is None
            or (self.handshake.keys.suite is not None and not self.handshake.keys.suite.mode)
        ):
            return False
        size = len(record.body) + HELD_OVERHEAD
        if half.waiting.size + size > HELD or not self.log.reserve(size):
            reason = None if self.keys is None else self.keys.reason
            self.seal(half, reason or f"the {half.name} sent more than is kept until a key comes")
            return False
        half.waiting.size += size
        half.waiting.records.append(
            TlsRecord(record.header, bytes(record.body), record.frame, record.time_ns, record.lost)
        )
        return True

    def let_go(self, half: Direction) -> None:
        if self.log is not None:
            self.log.release(half.waiting.size)
        if self.handshake.notes.listed is not None:
            for record in half.waiting.records:
                self._unopened(half, record)
        half.waiting.let_go += len(half.waiting.records)
        half.waiting.records.clear()
        half.waiting.size = 0

    def drain(self, events: list[Event]) -> None:
        """Opens what can be opened of the records that wait."""
        log = self.log
        if log is None:
            return
        self._seen = log.generation
        found: list[Event] = []
        for half in self.directions:
            while half.waiting.records:
                record = half.waiting.records[0]
                if not self.open(half, record, found):
                    if record.lost and half.place.protection is not None:
                        self.seal(half, f"no record of the {half.name} verifies after a gap in frame {record.frame}")
                    if half.sealed is not None or not half.place.skipped:
                        break
                    self._unopened(half, record)
                if half.waiting.records:
                    half.waiting.records.popleft()
                    size = len(record.body) + HELD_OVERHEAD
                    half.waiting.size -= size
                    log.release(size)
        found.sort(key=lambda event: event.frame)
        events += found


def _whole_messages(data: bytes) -> bool:
    """Whether the contents of a record are whole handshake messages, as far as their lengths say."""
    pos = 0
    while pos + 4 <= len(data):
        pos += 4 + int.from_bytes(data[pos + 1 : pos + 4], "big")
    return pos == len(data)
