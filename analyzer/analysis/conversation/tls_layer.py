"""TLS around the packets of one connection: where it begins, what comes out of it, and what follows it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.conversation.decoder import Decoder
from analyzer.analysis.conversation.recognition import YES, is_greeting
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER
from analyzer.tls.events import PARTIAL, AfterTls, Event, Plain
from analyzer.tls.keylog import KeyLog
from analyzer.tls.records import begins_tls, is_all_records, is_client_hello

if TYPE_CHECKING:
    from analyzer.tls.memo import TlsMemo
    from analyzer.tls.session import RSAPrivateKey, TlsSession

# (role, bytes, ends, frames, times) of what TLS held.
Inside = Callable[[int, bytes, list[int], list[int], list[int]], None]
# States in which TLS may begin though nobody asked for it.
UNANNOUNCED: Final = frozenset({st.GREETING, st.DESYNCHRONISED})


class Secrets(msgspec.Struct):
    """What opens TLS, for all connections of a capture: key logs, and a server's RSA key. `memo` is what sessions have
    in common, once there is one."""

    keys: KeyLog
    rsa_key: RSAPrivateKey | None = None
    memo: TlsMemo | None = None

    @property
    def none(self) -> bool:
        """Whether nothing is known that opens TLS; it may come."""
        return self.rsa_key is None and self.keys.more is None and not len(self.keys)

    def session(self) -> TlsSession:
        """A session that begins."""
        # It loads what most captures have no use for.
        from analyzer.tls.memo import TlsMemo
        from analyzer.tls.session import TlsSession

        if self.memo is None:
            self.memo = TlsMemo()
        return TlsSession(self.keys, self.rsa_key, self.memo)


class TlsLayer:
    """`session` is None while nobody has begun TLS. What it holds goes to `inside`."""

    __slots__ = ("_decoder", "_inside", "_secrets", "session")

    def __init__(self, decoder: Decoder, secrets: Secrets, inside: Inside) -> None:
        self._decoder = decoder
        self._secrets = secrets
        self._inside = inside
        self.session: TlsSession | None = None

    def release(self) -> None:
        """Lets go of who takes what TLS held: nothing more is to come."""
        del self._inside

    def begins(self, role: int, data: bytes, login_lost: bool) -> bool:
        """Whether TLS begins, or goes on, with a segment. `login_lost`: what the client said before it is missing."""
        if self.session is not None:
            return False
        facts, state = self._decoder.facts, self._decoder.machine.state
        if state in UNANNOUNCED or login_lost:
            # No SSLRequest before it: it was not captured, or never sent.
            if role == CLIENT and is_client_hello(data):
                return True
            if state == st.DESYNCHRONISED and facts.faults.assumed and is_all_records(data):
                return True
        # A client may begin TLS without an SSLRequest, or after a whole login that sets CLIENT_SSL: servers take both.
        due = state == st.TLS_HANDSHAKE or (role == CLIENT and state in (st.LOGIN, st.AUTHENTICATION))
        # After an SSLRequest the first byte of a handshake record is enough.
        piece = state == st.TLS_HANDSHAKE and role == CLIENT and len(data) < 3 and data[0] == 0x16
        return due and not login_lost and (piece or begins_tls(data))

    def begin(
        self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int], login_lost: bool
    ) -> None:
        """TLS begins with these bytes."""
        decoder = self._decoder
        facts, machine = decoder.facts, decoder.machine
        decoder.bare = False
        tls = self.session = self._secrets.session()
        state = machine.state
        early = decoder.framers[SERVER].pending
        if early and state in (st.LOGIN, st.TLS_HANDSHAKE):
            facts.hostile.record_before_tls(facts.greeting.frame, early)
        machine.assume(st.TLS_HANDSHAKE)
        login = facts.login
        login.tls_first = state == st.GREETING and facts.greeting.record is None and not facts.faults.gaps
        if state == st.DESYNCHRONISED and not is_client_hello(data):
            # Seen from its middle on: the sides' first segments may begin anywhere in a record.
            tls.gap(CLIENT)
            tls.gap(SERVER)
        elif login_lost:
            # What is missing before a ClientHello was the SSLRequest, and no login.
            login.lost = False
            facts.faults.cut_records.pop("HandshakeResponse41", None)
        if login.record is not None:
            login.before_tls = (login.record.username, login.frame)
        login.tls_frame = frames[0]
        login.tls_ns = times[0]
        if decoder.observer is not None and not decoder.alone:
            tls.handshake.notes.listed = []
        self.take(role, data, ends, frames, times)

    def take(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes of the stream."""
        tls, observer = self.session, self._decoder.observer
        if tls is None:
            return
        layers = observer is not None and observer.layers
        if not layers and tls.handshake.notes.listed is None:
            self.handle(tls.feed_all(role, data, ends, frames, times))
            return
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            if layers and observer is not None:
                observer.outer(role, "tls", data[start:end])
            self.handle(tls.feed(role, data[start:end], frame, time_ns))
            start = end

    def retry(self) -> None:
        """Keys may have come after the records they open."""
        if self.session is not None:
            self.handle(self.session.retry())

    def close(self) -> None:
        """Nothing more comes."""
        if self.session is not None:
            opened = self.session.retry()
            self.session.close()
            self.handle(opened)

    def handle(self, events: list[Event]) -> None:
        """Takes what came out of TLS: what was opened and verified, and what follows TLS in plain text."""
        if self._decoder.observer is not None:
            self._hand_on_notes(last=False)
        elif not events:
            return
        decoder = self._decoder
        index = 0
        while index < len(events):
            event = events[index]
            index += 1
            marks = ([len(event.data)], [event.frame], [event.time_ns])
            if isinstance(event, AfterTls):
                # Servers send an error in plain text after a TLS handshake that failed.
                if event.sender == SERVER:
                    self._greeting_due()
                    decoder.framers[SERVER].push(event.data, *marks)
                    decoder.pump(SERVER)
                continue
            if decoder.machine.state == st.TLS_HANDSHAKE and not self._secured(event):
                continue  # TLS around something else
            # A long response is one piece, as it is outside of TLS: its rows are passed over in one go.
            data, begin = event.data, index - 1
            while index < len(events) and events[index].sender == event.sender and isinstance(events[index], Plain):
                index += 1
            if index - begin > 1:
                run = events[begin:index]
                data = b"".join([each.data for each in run])
                ends = list(accumulate(len(each.data) for each in run))
                marks = (ends, [each.frame for each in run], [each.time_ns for each in run])
            self._inside(event.sender, data, *marks)
        if self._decoder.observer is not None:
            self._hand_on_notes(last=True)

    def _secured(self, event: Event) -> bool:
        """The first bytes that were opened; False where they can not be of this protocol."""
        decoder = self._decoder
        login = decoder.facts.login
        if login.tls_first and (event.sender == CLIENT or is_greeting(event.data) != YES):
            return False
        decoder.machine.secured()
        self._greeting_due()
        login.secured_ns = event.time_ns
        if self.session is not None and self.session.key_state == PARTIAL:
            decoder.machine.one_sided = True
        return True

    def _greeting_due(self) -> None:
        """Where the client began with TLS, the server's greeting comes after that, in TLS or in spite of it."""
        facts = self._decoder.facts
        if facts.login.tls_first and facts.greeting.record is None:
            self._decoder.machine.assume(st.GREETING)

    def _hand_on_notes(self, last: bool) -> None:
        """Hands on what TLS messages there were; alerts last, as they end what is said in their segment."""
        tls, observer = self.session, self._decoder.observer
        if tls is None or observer is None or not tls.handshake.notes.listed:
            return
        notes, tls.handshake.notes.listed = tls.handshake.notes.listed, []
        for note in notes:
            if last or note.what != "Alert":
                observer.event(note.sender, f"TLS {note.what}", note.text, note.length, note.frame, note.time_ns)
            else:
                tls.handshake.notes.listed.append(note)
