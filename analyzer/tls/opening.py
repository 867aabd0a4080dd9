"""Opens the records of a session: which key is due, what to do where it is missing, what decrypted contents change.

Sources: RFC 8446 (4.4.4, 4.5, 4.6.3, 5.4), RFC 5246 (6, 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from analyzer.tls import hello
from analyzer.tls.ciphers import Protection, hash_of
from analyzer.tls.direction import Direction, TlsRecord
from analyzer.tls.events import Event, Plain
from analyzer.tls.handshake import Handshake
from analyzer.tls.keylog import KeyLog
from analyzer.tls.notes import message_text
from analyzer.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT, HANDSHAKE, LONGEST_MESSAGE, SERVER
from analyzer.tls.sessionkeys import APPLICATION, CIPHERED, EARLY, SessionKeys
from analyzer.tls.sessionkeys import HANDSHAKE as HANDSHAKE_EPOCH

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


class Opener(Handshake):
    """A session's keys and both its directions."""

    def __init__(self, keys: KeyLog | None, rsa_key: rsa.RSAPrivateKey | None) -> None:
        super().__init__(keep_transcript=keys is not None or rsa_key is not None)
        if keys is None and rsa_key is not None:
            keys = KeyLog()
        self._log = keys
        self._keys = None if keys is None else SessionKeys(keys, rsa_key)
        self._seen = 0  # generation of the log that held records have seen
        self._halves = (Direction(CLIENT), Direction(SERVER))
        self.decrypted = False
        self.early_data_unread = False

    # -- handshake messages -------------------------------------------------------------------------------------------

    def _messages(self, half: Direction, data: bytes, frame: int, *, opened: bool = False) -> None:
        """Takes the contents of a handshake record."""
        buffer = half.messages
        if half.blind:
            if not _whole_messages(data):
                return
            half.blind = False
        buffer += data
        while len(buffer) >= 4 and not half.blind:
            stop = 4 + int.from_bytes(buffer[1:4], "big")
            if stop > LONGEST_MESSAGE:
                self.error = f"a handshake message of {stop} bytes"
                half.blind = True
                buffer.clear()
                return
            if stop > len(buffer):
                return
            raw = bytes(buffer[:stop])
            del buffer[:stop]
            try:
                before = self.tls13
                self.message(half.sender, raw[0], raw)
                if self.notes is not None:
                    name, text = message_text(self, half.sender, raw[0])
                    self._note(half.sender, name, text, stop, frame)
                if self.tls13 and not before:
                    self._begin13()
            except ValueError as error:
                self.error = f"handshake message {raw[0]}: {error}"
            if opened and self.tls13:
                self._follow(half, raw[0], frame)

    def _begin13(self) -> None:
        """The server chose TLS 1.3. A client's ChangeCipherSpec may have come before that, and means nothing then."""
        for half in self._halves:
            half.ciphered = False
            if not half.verified:
                half.move(0)

    def _follow(self, half: Direction, kind: int, frame: int) -> None:
        """Messages that change the keys of TLS 1.3 (RFC 8446, 4.4.4, 4.5 and 4.6.3)."""
        if kind == hello.FINISHED and half.epoch != APPLICATION:
            half.move(APPLICATION)
            if half.sender == CLIENT and self._done(CLIENT, frame, True):
                half.sizes.clear()
        elif kind == hello.END_OF_EARLY_DATA and half.epoch == EARLY:
            half.move(HANDSHAKE_EPOCH)
        elif kind == hello.KEY_UPDATE and half.epoch == APPLICATION:
            half.move(APPLICATION, half.updates + 1)

    # -- encrypted records --------------------------------------------------------------------------------------------

    def _encrypted(self, half: Direction, record: TlsRecord, events: list[Event]) -> None:
        kind = record.header[0]
        size = len(record.body)
        if kind == APPLICATION_DATA and self.handshake_done_frame is not None:
            half.size(size, record.frame, record.time_ns)
        if not self.tls13:
            self._infer12(half, kind, record.frame)
        keyed = self._keys is not None and half.sealed is None
        if keyed and not half.held and self._open(half, record, events):
            return
        # Trying may have shown that nothing can be opened.
        if not (keyed and half.sealed is None and self._hold(half, record)):
            self._unopened(half, record)
        if self.tls13:
            self._infer13(half, size, record.frame)

    def _unopened(self, half: Direction, record: TlsRecord) -> None:
        """Notes a record that stays closed."""
        if self.notes is None:
            return
        kind, size = record.header[0], len(record.body)
        what = {APPLICATION_DATA: "ApplicationData", HANDSHAKE: "Finished", ALERT: "Alert"}.get(kind, "record")
        text = f"{size} bytes, encrypted"
        if self.tls13 and self.suite is not None and size == 2 + 1 + self.suite.tag:
            what, text = "Alert", f"{text}; an alert by its size"
        self._now = record.time_ns
        self._note(half.sender, what, text, size, record.frame)

    def _open(self, half: Direction, record: TlsRecord, events: list[Event]) -> bool:
        """Decrypts a record; False where no key is there, or none that fits."""
        plain = self._try(half, record)
        if plain is None:
            return False
        frame = record.frame
        self._now = record.time_ns
        half.verified += 1
        half.here += 1
        half.trials = 0
        half.unsure = False
        kind = record.header[0]
        if self.tls13:
            # RFC 8446, 5.4: contents, their type, zeros.
            end = len(plain) - 1
            if end >= 0 and not plain[end]:
                end = len(plain.rstrip(b"\0")) - 1
            if end < 0:
                self._seal(half, f"the {half.name} sent a record without contents")
                return True
            kind = plain[end]
            plain = plain[:end]
            if kind != ALERT and len(record.body) <= 2 + 1 + 16:
                self._no_alert(half.sender, frame)
        if kind == APPLICATION_DATA:
            self.decrypted = True
            if plain:
                events.append(Plain(plain, half.sender, frame, record.time_ns))
            if self.handshake_done_frame is None and half.epoch != EARLY:
                self._done(half.sender, frame, False)
        elif kind == HANDSHAKE:
            self._messages(half, plain, frame, opened=True)
        elif kind == ALERT and len(plain) >= 2:
            self._alert(half.sender, plain[:2], frame, True)
        elif kind == CHANGE_CIPHER_SPEC and not self.tls13:
            half.move(CIPHERED)
        return True

    def _try(self, half: Direction, record: TlsRecord) -> bytes | None:
        """The contents of a record under the key that is due, or one that may be due where something is missing."""
        keys = self._keys
        if keys is None:
            return None
        header, body, lost = record.header, record.body, record.lost
        if not half.epoch and self.tls13:
            half.epoch = EARLY if half.sender == CLIENT and self.early_data else HANDSHAKE_EPOCH
        protection = half.protection
        if protection is None:
            protection = half.protection = keys.find(self, half.sender, half.epoch, half.updates)
        if protection is not None:
            plain = protection.open(half.sequence, header, body)
            if plain is not None:
                half.sequence += 1
                return plain
        tried = 0
        for epoch, updates, other, first in self._others(half, keys, lost):
            for sequence in range(first, first + (MOST_MISSED if lost else 1)):
                half.trials += 1
                tried += 1
                plain = other.open(sequence, header, body) if half.trials <= MOST_TRIALS else None
                if plain is not None:
                    if other is not protection:
                        half.ciphered = half.ciphered or not self.tls13
                        half.move(epoch, updates, other)
                        half.blind = lost
                    half.sequence = sequence + 1
                    return plain
        if not lost:
            self._refuse(half, protection is not None, tried)
        return None

    def _others(self, half: Direction, keys: SessionKeys, lost: bool) -> Iterator[tuple[int, int, Protection, int]]:
        """Keys beside the one that is due: (epoch, updates, protection, first sequence number)."""
        if lost and half.protection is not None:
            yield half.epoch, half.updates, half.protection, half.sequence + 1
        if not self.tls13:
            pending = None if half.ciphered else keys.find(self, half.sender, CIPHERED)
            if pending is not None and lost:
                yield CIPHERED, 0, pending, 0
            return
        if half.epoch == APPLICATION:
            most = half.updates + (MOST_UPDATES_MISSED if lost else 1 if half.blind else 0)
            for updates in range(half.updates + 1, most + 1):
                after = keys.find(self, half.sender, APPLICATION, updates)
                if after is not None:
                    yield APPLICATION, updates, after, 0
            return
        # Early data may be refused; a secret may be missing; the message that ends an epoch may be.
        if half.epoch == EARLY or lost or half.blind or half.protection is None:
            for epoch in range(half.epoch + 1, APPLICATION + 1):
                after = keys.find(self, half.sender, epoch)
                if after is not None:
                    yield epoch, 0, after, 0

    def _refuse(self, half: Direction, had_key: bool, tried: int) -> None:
        """A record does not verify. Under the key that is due this ends the direction; else it is passed over."""
        if not had_key and not tried:
            return
        if not had_key and half.skipped < MOST_SKIPPED:
            half.skipped += 1
            if half.epoch == EARLY:
                self.early_data_unread = True
            return
        number = half.sequence
        self._seal(
            half,
            f"the tag of the {half.name}'s record {number} does not verify: "
            + ("the capture is damaged there" if half.here else "the key is wrong"),
            wrong=not half.here,
        )

    def _seal(self, half: Direction, reason: str, *, wrong: bool = False) -> None:
        half.sealed = reason
        half.wrong = wrong
        self._let_go(half)

    # -- what sizes tell ----------------------------------------------------------------------------------------------

    def _infer12(self, half: Direction, kind: int, frame: int) -> None:
        """Before TLS 1.3 the type of a record is in the clear."""
        if kind == ALERT:
            self._alert(half.sender, None, frame, True)
        elif kind == HANDSHAKE:
            half.finished = True
            if all(one.finished for one in self._halves):
                self._done(half.sender, frame, True)
        elif kind == APPLICATION_DATA:
            self._done(half.sender, frame, False)

    def _infer13(self, half: Direction, size: int, frame: int) -> None:
        """In TLS 1.3 all records look like application data. An alert has two bytes, a Finished those of the hash.

        Clients send the Finished last, often after a certificate, and wait for nothing before the first data.
        """
        suite = self.suite
        if suite is None or not suite.tag:
            return
        if size == 2 + 1 + suite.tag:
            self._alert(half.sender, None, frame, True)
            return
        if half.sender != CLIENT or self._halves[SERVER].sizes or half.records > FINISHED_WITHIN:
            return
        # Java pads its records with 16 zeros.
        padding = size - (4 + hash_of(suite.prf).digest_size + 1 + suite.tag)
        exactly = padding in (0, PADDING)
        if self.early_data and not exactly:
            return
        if self._done(CLIENT, frame, exactly):
            half.sizes.clear()
            half.padding = padding if exactly else 0
            if exactly:
                self._note(CLIENT, "handshake", "done, going by the sizes of records", 0, frame)

    # -- records that wait for a key ----------------------------------------------------------------------------------

    def _hold(self, half: Direction, record: TlsRecord) -> bool:
        """Keeps a record until its key comes; False where none can, or where there is no room."""
        if half.skipped or self._log is None or (self.suite is not None and not self.suite.mode):
            return False
        size = len(record.body) + HELD_OVERHEAD
        if half.held_bytes + size > HELD or not self._log.reserve(size):
            reason = None if self._keys is None else self._keys.reason
            self._seal(half, reason or f"the {half.name} sent more than is kept until a key comes")
            return False
        half.held_bytes += size
        half.held.append(TlsRecord(record.header, bytes(record.body), record.frame, record.time_ns, record.lost))
        return True

    def _let_go(self, half: Direction) -> None:
        if self._log is not None:
            self._log.release(half.held_bytes)
        if self.notes is not None:
            for record in half.held:
                self._unopened(half, record)
        half.unopened += len(half.held)
        half.held.clear()
        half.held_bytes = 0

    def _drain(self, events: list[Event]) -> None:
        """Opens what can be opened of the records that wait."""
        log = self._log
        if log is None:
            return
        self._seen = log.generation
        found: list[Event] = []
        for half in self._halves:
            while half.held:
                record = half.held[0]
                if not self._open(half, record, found):
                    if record.lost and half.protection is not None:
                        self._seal(half, f"no record of the {half.name} verifies after a gap in frame {record.frame}")
                    if half.sealed is not None or not half.skipped:
                        break
                    self._unopened(half, record)
                if half.held:
                    half.held.popleft()
                    size = len(record.body) + HELD_OVERHEAD
                    half.held_bytes -= size
                    log.release(size)
        found.sort(key=lambda event: event.frame)
        events += found


def _whole_messages(data: bytes) -> bool:
    """Whether the contents of a record are whole handshake messages, as far as their lengths say."""
    pos = 0
    while pos + 4 <= len(data):
        pos += 4 + int.from_bytes(data[pos + 1 : pos + 4], "big")
    return pos == len(data)
