"""A TLS session as a bystander with keys, or without, can read it.

Everything is fed in the order of the capture; what comes out is application data that verified, and plain bytes that
follow TLS. Nothing that did not verify is ever given out.

Sources: RFC 8446 (5 records, 4.6 and 7.2 key update, D.4 compatibility), RFC 5246 (6, 7.1, 7.2), RFC 9850 (key logs).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from analyzer.tls.direction import Direction, EncryptedRecord, TlsRecord
from analyzer.tls.events import FOUND, MISSING, NOT_GIVEN, PARTIAL, UNSUPPORTED, WRONG, AfterTls, Event, Plain
from analyzer.tls.handshake import Handshake
from analyzer.tls.keylog import KeyLog
from analyzer.tls.memo import TlsMemo
from analyzer.tls.opening import Opener
from analyzer.tls.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT,
    LONGEST_RECORD,
    RECORD_HEADER,
    SERVER,
)
from analyzer.tls.sessionkeys import APPLICATION, CIPHERED, HANDSHAKE
from analyzer.tls.suites import BLOCK, DIGEST_SIZES, Body

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["AfterTls", "Event", "KeyLog", "Plain", "RSAPrivateKey", "TlsSession"]

# After a gap so many bytes are searched for a record that verifies.
SEARCHED: Final = 1 << 16
LONGEST_BLOCK: Final = 16
TLS10: Final = 0x0301

_HEADER: Final = re.compile(rb"[\x14-\x17]\x03[\x01-\x04]")


class TlsSession:
    """Reads both directions of one session.

    keys     secrets by session; may grow at any time
    rsa_key  the server's, for suites with RSA key exchange
    memo     what is known of other sessions

    `decrypted` is True once application data has verified. For all else there is to know see `handshake`, `key_state`,
    `problem` and `encrypted_records`.
    """

    def __init__(
        self, keys: KeyLog | None = None, rsa_key: RSAPrivateKey | None = None, memo: TlsMemo | None = None
    ) -> None:
        log = KeyLog() if keys is None and rsa_key is not None else keys
        self.handshake = Handshake(log is not None, memo)
        self._opener = Opener(self.handshake, log, rsa_key)
        self.directions = self._opener.directions
        # The first bytes that are no record where one is due: whose, in which frame.
        self.outside: tuple[int, int, bytes] | None = None

    # -- in -----------------------------------------------------------------------------------------------------------

    def feed_all(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> list[Event]:
        """As `feed` of each segment in turn: `data` up to ends[i] came in frame frames[i] at times[i].

        After the handshake it goes from record to record, whatever segments they came in.
        """
        events: list[Event] = []
        half = self.directions[sender]
        settled = self.handshake.end is not None and not self._opener.behind
        if settled and not half.plain and not half.stream.resync:
            if half.broken is None and data:
                self._bytes(half, data, ends, frames, times, events)
            return events
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            events += self.feed(sender, data[start:end], frame, time_ns)
            start = end
        return events

    def feed(self, sender: int, data: bytes, frame: int, time_ns: int = 0) -> list[Event]:
        """Takes the next bytes of a direction; gives what can be read now, of either direction, in order."""
        at = (frame, time_ns)
        events: list[Event] = []
        if self._opener.behind:
            self._opener.drain(events)
        half = self.directions[sender]
        if half.plain:
            events.append(AfterTls(bytes(data), sender, frame, time_ns))
        elif half.broken is None and data:
            if half.stream.resync:
                self._search(half, data, at, events)
            else:
                self._bytes(half, data, [len(data)], [frame], [time_ns], events)
        return events

    def gap(self, sender: int) -> None:
        """Bytes of a direction are missing."""
        half = self.directions[sender]
        if half.broken is None and not half.plain:
            half.lose()

    def retry(self) -> list[Event]:
        """The key log may have grown: opens what was kept."""
        events: list[Event] = []
        self._opener.drain(events)
        return events

    def close(self) -> None:
        """Nothing more comes: lets go of what was kept."""
        for half in self.directions:
            self._opener.let_go(half)

    # -- out ----------------------------------------------------------------------------------------------------------

    @property
    def decrypted(self) -> bool:
        """Whether application data has verified."""
        return self._opener.decrypted

    @property
    def held(self) -> int:
        """Bytes of memory that records and messages take which are not complete, or wait for a key."""
        waiting = sum(len(half.stream.buffer) + len(half.messages) + half.waiting.size for half in self.directions)
        return len(self.handshake.keys.transcript) + waiting

    @property
    def client_records(self) -> int:
        return self.directions[CLIENT].records

    @property
    def server_records(self) -> int:
        return self.directions[SERVER].records

    @property
    def encrypted_records(self) -> tuple[list[EncryptedRecord], list[EncryptedRecord]]:
        """Sizes of the first application data records after the handshake, of client and server."""
        return self.directions[CLIENT].sizes, self.directions[SERVER].sizes

    @property
    def overhead(self) -> int | None:
        """Bytes an encrypted record is longer than its contents; None where it depends on them or is not known."""
        if self.handshake.keys.suite is None or not self.handshake.keys.suite.mode:
            return None
        return self.handshake.keys.suite.tag + 1 if self.handshake.keys.tls13 else self.handshake.keys.suite.overhead

    def contents(self, sender: int, size: int) -> tuple[int, int] | None:
        """Least and most bytes that a direction's record of `size` encrypted bytes holds; None where nobody can say.

        Block ciphers round up (RFC 5246, 6.2.3.2: 1 to 16 bytes of padding, as all implementations have it).
        """
        suite = self.handshake.keys.suite
        if suite is None or not suite.mode:
            return None
        overhead = self.overhead
        if overhead is not None:
            exact = max(0, size - overhead - (self.directions[sender].padding if self.handshake.keys.tls13 else 0))
            return exact, exact
        if suite.mode != BLOCK or self.handshake.keys.server_hello is None:
            return None
        iv = suite.tag if self.handshake.keys.server_hello.version > TLS10 else 0
        rest = size - iv - DIGEST_SIZES[suite.mac]
        return max(0, rest - suite.tag), max(0, rest - 1)

    @property
    def key_state(self) -> str:
        """NOT_GIVEN, MISSING, PARTIAL (one direction only), WRONG, UNSUPPORTED or FOUND."""
        if self._opener.keys is None:
            return NOT_GIVEN
        if self.handshake.keys.suite is not None and not self.handshake.keys.suite.mode:
            return UNSUPPORTED
        halves = self.directions
        if any(half.wrong for half in halves):
            return WRONG
        verified = sum(half.place.verified > 0 for half in halves)
        if verified == 1 and any(half.waiting.records or half.place.skipped or half.waiting.let_go for half in halves):
            return PARTIAL
        if verified and self.handshake.keys.tls13:
            # The handshake may be readable in both directions, and what comes after it in one.
            one, other = (self._opener.keys.find(self.handshake, half.sender, APPLICATION) for half in halves)
            if (one is None) != (other is None):
                return PARTIAL
        if verified:
            return FOUND
        known = any(
            self._opener.keys.find(self.handshake, half.sender, epoch)
            for half in halves
            for epoch in (HANDSHAKE, APPLICATION)
        )
        return FOUND if known else MISSING

    @property
    def problem(self) -> str | None:
        """What keeps the session, or a part of it, from being read; None where nothing does."""
        reasons = [half.sealed or half.broken for half in self.directions]
        state = self.key_state
        if state == NOT_GIVEN:
            return "no keys were given"
        if state == UNSUPPORTED:
            return f"{self.handshake.cipher_suite} is not supported"
        if state == MISSING and self._opener.keys is not None:
            if self.handshake.keys.client_hello is None:
                return "the client's hello is not in the capture"
            if self.handshake.keys.server_hello is None:
                return "the server's hello is not in the capture"
            reasons.append(self._opener.keys.reason)
        if state == PARTIAL and self._opener.keys is not None:
            reasons.append(self._opener.keys.reason)
        if self._opener.early_data_unread:
            reasons.append("the client's early data can not be read: the key log has no secret for it")
        found = list(dict.fromkeys(reason for reason in reasons if reason))
        return "; ".join(found) or None

    # -- records ------------------------------------------------------------------------------------------------------

    def _bytes(
        self,
        half: Direction,
        data: bytes,
        ends: list[int],
        frames: list[int],
        times: list[int],
        events: list[Event],
    ) -> None:
        buffer = half.stream.buffer
        have = len(buffer)
        if have:
            if have + len(data) < half.stream.need:
                buffer += data
                return
            data = bytes(buffer) + data
            buffer.clear()
        pos = index = 0
        size = len(data)
        view = memoryview(data)
        lowest = 0 if self.handshake.version in (None, "SSLv3") else 1
        passing = self.handshake.end is not None and self.handshake.keys.tls13 and self._opener.shut
        while half.broken is None:
            if size - pos < RECORD_HEADER:
                half.stream.need = RECORD_HEADER
                break
            if not (20 <= data[pos] <= 23 and data[pos + 1] == 3 and lowest <= data[pos + 2] <= 4):
                index = bisect_left(ends, pos + RECORD_HEADER - have, index)
                stop = ends[index] + have
                self._no_record(half, data[pos:stop], (frames[index], times[index]), events)
                for later in range(index + 1, len(ends)):
                    segment = data[ends[later - 1] + have : ends[later] + have]
                    events += self.feed(half.sender, segment, frames[later], times[later])
                return
            length = data[pos + 3] << 8 | data[pos + 4]
            if length > LONGEST_RECORD:
                self.handshake.error = f"a record of {length} bytes"
                half.stop(f"the {half.name} sent a record header that can not be ({length} bytes)")
                return
            stop = pos + RECORD_HEADER + length
            if stop > size:
                half.stream.need = RECORD_HEADER + length
                break
            # It came with the segment that completes it.
            index = bisect_left(ends, stop - have, index)
            if passing and data[pos] == APPLICATION_DATA:
                self._opener.passed(half, length, frames[index], times[index])
            else:
                header, body = data[pos : pos + RECORD_HEADER], view[pos + RECORD_HEADER : stop]
                self._record(half, TlsRecord(header, body, frames[index], times[index]), events)
            pos = stop
        if pos < size and half.broken is None:
            buffer += view[pos:]

    def _no_record(self, half: Direction, rest: bytes, at: tuple[int, int], events: list[Event]) -> None:
        """RFC 8446, 6: after an error a side closes. MySQL servers go on in plain text instead, to say what it was.

        Once application data flows there is no reason for plain text but a stream that is damaged, or a driver that
        writes past TLS.
        """
        if self.outside is None and not half.stream.unsure and not half.stream.resync:
            self.outside = half.sender, at[0], rest
        up = self.handshake.end is not None and not self.handshake.alerts
        if half.stream.unsure or half.stream.resync or (up and (half.ciphered or self.handshake.keys.tls13)):
            half.stop(f"the {half.name}'s stream does not go on with a TLS record in frame {at[0]}")
            return
        half.plain = True
        events.append(AfterTls(rest, half.sender, *at))

    def _record(self, half: Direction, record: TlsRecord, events: list[Event]) -> None:
        half.records += 1
        self.handshake.notes.now = record.time_ns
        kind = record.header[0]
        if kind == APPLICATION_DATA or (half.ciphered and not self.handshake.keys.tls13):
            self._opener.encrypted(half, record, events)
        elif self.handshake.keys.tls13 and not record.lost and not self._fits13(kind, record.body):
            self._opener.seal(half, f"the {half.name} sent a record of type {kind} in the clear where none may be")
        elif kind == CHANGE_CIPHER_SPEC:
            # RFC 8446, D.4: in TLS 1.3 it means nothing.
            self.handshake.notes.add(half.sender, "ChangeCipherSpec", "", len(record.body), record.frame)
            if not self.handshake.keys.tls13:
                half.ciphered = True
                half.move(CIPHERED)
        elif kind == ALERT:
            body = bytes(record.body[:8])
            for i in range(0, len(body) - 1, 2):
                self.handshake.alert(half.sender, body[i : i + 2], record.frame, False)
        else:
            self._opener.messages(half, bytes(record.body), record.frame)
            self._opener.drain(events)

    def _fits13(self, kind: int, body: Body) -> bool:
        """Whether TLS 1.3 allows a record in the clear (RFC 8446, 5 and 5.1): hellos, alerts, one for old boxes."""
        if kind == CHANGE_CIPHER_SPEC:
            return len(body) == 1
        if kind == ALERT:
            return len(body) == 2
        return self.handshake.keys.server_hello is None

    # -- after a gap --------------------------------------------------------------------------------------------------

    def _search(self, half: Direction, data: bytes, at: tuple[int, int], events: list[Event]) -> None:
        """Looks for the next record: one that verifies or, where that can not be had, one that begins a segment."""
        held = half.stream.buffer
        half.stream.starts.add(len(held))
        held += data
        size = len(held)
        begin = half.stream.scanned
        half.stream.scanned = max(begin, size - 2)  # a header may begin with the last two bytes
        for match in _HEADER.finditer(bytes(held[begin:])):
            pos = begin + match.start()
            body = pos + RECORD_HEADER
            if body > size:
                half.stream.scanned = pos
                break
            length = int.from_bytes(held[pos + 3 : body], "big")
            if length <= LONGEST_RECORD:
                heappush(half.stream.candidates, (body + length, pos))
        # Each is looked at once, when it is whole.
        while half.stream.candidates and half.stream.candidates[0][0] <= size:
            stop, pos = heappop(half.stream.candidates)
            body = pos + RECORD_HEADER
            record = TlsRecord(bytes(held[pos:body]), bytes(held[body:stop]), *at, lost=True)
            if self._found(
                half, record, bytes(held[max(0, pos - LONGEST_BLOCK) : pos]), pos in half.stream.starts, events
            ):
                rest = bytes(held[stop:])
                half.stream.found()
                if rest:
                    self._bytes(half, rest, [len(rest)], [at[0]], [at[1]], events)
                return
        if size > SEARCHED:
            half.stop(f"after a gap no record of the {half.name} was found up to frame {at[0]}")

    def _found(self, half: Direction, record: TlsRecord, before: bytes, first: bool, events: list[Event]) -> bool:
        """Takes what may be a record; False where it is none. `before` came before it; `first` of a segment."""
        keys = self._opener.keys
        if keys is not None and half.sealed is None and not half.waiting.records:
            for protection in (half.place.protection, keys.find(self.handshake, half.sender, CIPHERED)):
                if protection is not None:
                    protection.chain(before)
            if self._opener.open(half, record, events):
                half.records += 1
                return True
            if half.place.protection is not None:
                return False
        if not first:
            return False
        half.stream.unsure = True
        self._record(half, record, events)
        return True
