"""One TCP connection as a MySQL conversation: takes the stream events, drives the protocol, notes what matters.

Bytes come in through `data`, `gap` and `end` (net's StreamHandler). They go through the layer that is in force (PROXY
header, TLS, compression), the framer and the state machine; each record leaves its trace in `facts`, and, where the
caller wants to show it, in the list of packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from analyzer.analysis.conversation import resync as taking_up
from analyzer.analysis.conversation.classifier import MYSQL, UNDECIDED, Chunk, Undecided
from analyzer.analysis.conversation.decoder import Decoding
from analyzer.analysis.conversation.fast_path import plain_turns
from analyzer.analysis.conversation.observer import Observer
from analyzer.analysis.conversation.recognition import YES, is_greeting
from analyzer.errors import BadValue, Truncated
from analyzer.net.tcp.payload_runs import Runs, RunsHandler
from analyzer.net.tcp.reassembly import END_RST, TcpConnection
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.proxy import decode_proxy
from analyzer.protocol.wire.compression import Allowance
from analyzer.tls.events import PARTIAL, AfterTls, Event, Plain
from analyzer.tls.keylog import KeyLog
from analyzer.tls.records import begins_tls, is_all_records, is_client_hello

if TYPE_CHECKING:
    from analyzer.tls.session import RSAPrivateKey, TlsSession

# States in which the start of a segment may say what it is. Segments come joined where nothing happened in between.
ONE_BY_ONE: Final = frozenset({st.LOGIN, st.TLS_HANDSHAKE, st.AUTHENTICATION, st.DESYNCHRONISED})
# States of the command phase in which bytes are what the state says and nothing else.
STEADY: Final = frozenset({st.COMMAND, st.RESPONSE, st.RESULT, st.COLUMNS, st.COLUMNS_EOF, st.ROWS, st.PREPARE})
# States in which TLS may begin though nobody asked for it.
UNANNOUNCED: Final = frozenset({st.GREETING, st.DESYNCHRONISED})
# Bytes of what a side says first that tell its protocol.
FIRST_BYTES: Final = 32


@dataclass(frozen=True)
class Secrets:
    """What opens TLS, for all connections of a capture: key logs, and a server's RSA key."""

    keys: KeyLog
    rsa_key: RSAPrivateKey | None = None


class Conversation(Decoding, RunsHandler):
    """Follows one TCP connection. `kind` says what it is; `client` is the index of the client's endpoint."""

    __slots__ = (
        "_begun",
        "_early",
        "_resync",
        "_undecided",
        "client",
        "kind",
        "secrets",
        "tcp",
        "tls",
    )

    def __init__(
        self,
        tcp: TcpConnection,
        ports: frozenset[int],
        keep: int,
        observer: Observer | None,
        response_ends: Ends,
        secrets: Secrets,
        allowance: Allowance,
    ) -> None:
        super().__init__(keep, observer, response_ends, allowance)
        self.tcp = tcp
        self.kind = UNDECIDED
        self.client = 0
        self._undecided: Undecided | None = Undecided(tcp, ports)
        self._early: Chunk | None = None  # a PROXY header that is not complete
        self._begun = False  # the client's bytes have begun, behind its PROXY header if there is one
        self.tls: TlsSession | None = None
        self._resync = [False, False]  # a gap was there: what comes begins a packet, if it looks like one
        self.secrets = secrets

    # -- stream events ------------------------------------------------------------------------------------------------

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        self.facts.closing.spoke_ns = times[-1]
        if self.kind == MYSQL:
            role = CLIENT if sender == self.client else SERVER
            machine = self.machine
            if self._bare and machine.state in STEADY and not (machine.context.assumed or machine.one_sided):
                self._opened(role, data, ends, frames, times)
            else:
                self._bytes(role, data, ends, frames, times)
        elif self._undecided is not None:
            self._undecided.data((sender, data, ends, frames, times))
            self._decided()

    def runs(self, runs: Runs, first: int, last: int) -> None:
        run = first
        while run < last:
            if self.kind == MYSQL and self._turns_due:
                run = plain_turns(self.machine, self._log or self._skimmer, self.facts, self.client, runs, run, last)
                if run == last:
                    return
            self.data(*runs.piece(run))
            run += 1

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.facts.faults.record_gap(sender, length, reason, frame)
        if self._undecided is not None:
            self._undecided.gap(sender)
            self._decided()
        if self.kind != MYSQL:
            return
        role = CLIENT if sender == self.client else SERVER
        if role == CLIENT:
            self._begun = True
            self._early = None
        self._cut_record(role, frame)
        if self.observer is not None:
            self.observer.gap(role, length, reason, frame, time_ns)
        self._after_gap(role)

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        facts = self.facts
        if facts.closing.end is None:
            facts.closing.end = (sender, kind, frame, time_ns)
            facts.closing.quiet_ns = time_ns - facts.closing.spoke_ns if facts.closing.spoke_ns else 0
        if facts.closing.reset is None and kind == END_RST:
            facts.closing.reset = (sender, kind, frame, time_ns)
        if self.observer is not None and self.kind == MYSQL:
            self.observer.end(CLIENT if sender == self.client else SERVER, kind, frame, time_ns)

    # -- what it is ----------------------------------------------------------------------------------------------------

    def _decided(self) -> None:
        """Goes on as what the connection turned out to be, with the bytes that were held back."""
        undecided = self._undecided
        if undecided is None or undecided.kind == UNDECIDED:
            return
        self._undecided = None
        self.kind = undecided.kind
        self.client = self.facts.client = undecided.client
        if self.kind != MYSQL:
            return
        if self.observer is not None:
            self.observer.begin(self.client)
        machine = self.machine
        if undecided.assumed:
            self.facts.faults.assumed = True
            self.facts.greeting.server_first = undecided.first_of(1 - self.client)[:FIRST_BYTES]
            if self.tcp.syn_ns is None:
                machine.context.assumed = True
                machine.desynchronise()
        elif undecided.greeting_lost:
            machine.assume(st.LOGIN)
        for sender, data, ends, frames, times in undecided.chunks:
            self._bytes(CLIENT if sender == self.client else SERVER, data, ends, frames, times)

    def resolve(self) -> None:
        """The connection is over: decides what is undecided still."""
        if self._undecided is not None:
            self._undecided.give_up()
            self._decided()
        if self.tls is not None:
            # Keys may have come after the records they open.
            opened = self.tls.retry()
            self.tls.close()
            self._tls_events(opened)
        if self.kind == MYSQL:
            self.facts.record_close(self.machine, self._framers)
        if self.observer is not None:
            self.observer.close()

    # -- layers --------------------------------------------------------------------------------------------------------

    def _bytes(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self.tls is None:
            self._inside(role, data, ends, frames, times)
        else:
            self._tls_bytes(role, data, ends, frames, times)

    def _inside(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes of the MySQL protocol: all of the stream, or what TLS held."""
        if role == CLIENT and not self._begun:
            _, data, ends, frames, times = self._behind_proxy((self.client, data, ends, frames, times))
            if not data:
                return
        state = self.machine.state
        if len(ends) > 1 and (self._resync[role] or state in ONE_BY_ONE):
            take = self._bytes if self.tls is None else self._inside
            start = 0
            for end, frame, time_ns in zip(ends, frames, times, strict=True):
                take(role, data[start:end], [end - start], [frame], [time_ns])
                start = end
            return
        wild = state in UNANNOUNCED or self._resync[CLIENT]
        if wild and self.tls is None and self._tls_unannounced(role, state, data):
            self._begin_tls(role, data, ends, frames, times)
            return
        if (state == st.DESYNCHRONISED or self._resync[role]) and not (
            role == CLIENT and self._framers[CLIENT].pending
        ):
            self._take_up(role, data, ends, frames, times)
            return
        if self.tcp.halves[self.client if role == SERVER else 1 - self.client].next < 0:
            self.machine.one_sided = True
            self.machine.context.assumed = True
        elif self.machine.one_sided and self.tls is None:
            # The other side is there after all: its SYN was not captured, or comes late.
            self.machine.one_sided = False
            if state == st.LOGIN and self.facts.greeting.record is not None:
                self.machine.context.assumed = False
        # A client may begin TLS without an SSLRequest, or after a whole login that sets CLIENT_SSL: servers take both.
        due = state == st.TLS_HANDSHAKE or (role == CLIENT and state in (st.LOGIN, st.AUTHENTICATION))
        # After an SSLRequest the first byte of a handshake record is enough.
        piece = state == st.TLS_HANDSHAKE and role == CLIENT and len(data) < 3 and data[0] == 0x16
        if due and self.tls is None and (piece or begins_tls(data)):
            self._begin_tls(role, data, ends, frames, times)
            return
        self._packets(role, data, ends, frames, times)

    def _behind_proxy(self, chunk: Chunk) -> Chunk:
        """The client's first bytes without the PROXY header in front of them; without any while it is incomplete.

        Servers may greet before they have read it, so it comes before or after the greeting.
        """
        sender, data, ends, frames, times = chunk
        if self._early is not None:
            _, begin, marks, first, early = self._early
            self._early = None
            ends = [*marks, *(len(begin) + end for end in ends)]
            data, frames, times = begin + data, first + frames, early + times
        length = 0
        try:
            header = decode_proxy(data)
        except Truncated:
            self._early = (sender, data, ends, frames, times)
            return sender, b"", [], [], []
        except BadValue:
            header = None
        self._begun = True
        self._bare = self.tls is None and self._compressed is None
        if header is not None:
            self.facts.greeting.proxy, self.facts.greeting.proxy_frame = header, frames[0]
            length = header.length
        self.facts.greeting.client_first = data[length : max(ends[0], length + 1)][:FIRST_BYTES]
        skip = sum(end <= length for end in ends)
        return sender, data[length:], [end - length for end in ends[skip:]], frames[skip:], times[skip:]

    # -- TLS -----------------------------------------------------------------------------------------------------------

    def _tls_unannounced(self, role: int, state: str, data: bytes) -> bool:
        """Whether TLS begins, or goes on, with no SSLRequest before it: it was not captured, or never sent."""
        if role == CLIENT and is_client_hello(data):
            return state in (st.GREETING, st.DESYNCHRONISED) or self._resync[CLIENT]
        return state == st.DESYNCHRONISED and self.facts.faults.assumed and is_all_records(data)

    def _begin_tls(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        from analyzer.tls.session import TlsSession  # it loads what most captures have no use for

        self._bare = False
        self.tls = TlsSession(self.secrets.keys, self.secrets.rsa_key)
        state = self.machine.state
        early = self._framers[SERVER].pending
        if early and state in (st.LOGIN, st.TLS_HANDSHAKE):
            self.facts.hostile.record_before_tls(self.facts.greeting.frame, early)
        self.machine.assume(st.TLS_HANDSHAKE)
        self.facts.login.tls_first = (
            state == st.GREETING and self.facts.greeting.record is None and not self.facts.faults.gaps
        )
        if state == st.DESYNCHRONISED and not is_client_hello(data):
            # Seen from its middle on: the sides' first segments may begin anywhere in a record.
            self.tls.gap(CLIENT)
            self.tls.gap(SERVER)
        elif self._resync[CLIENT]:
            # What is missing before a ClientHello was the SSLRequest, and no login.
            self.facts.login.lost = False
            self.facts.faults.cut_records.pop("HandshakeResponse41", None)
        self._resync = [False, False]
        if self.facts.login.record is not None:
            self.facts.login.before_tls = (self.facts.login.record.username, self.facts.login.frame)
        self.facts.login.tls_frame = frames[0]
        self.facts.login.tls_ns = times[0]
        if self.observer is not None and self._log is None:
            self.tls.notes = []
        self._tls_bytes(role, data, ends, frames, times)

    def _tls_bytes(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        tls = self.tls
        if tls is None:
            return
        if self.shown is None and tls.notes is None:
            self._tls_events(tls.feed_all(role, data, ends, frames, times))
            return
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            if self.shown is not None:
                self.shown.outer(role, "tls", data[start:end])
            self._tls_events(tls.feed(role, data[start:end], frame, time_ns))
            start = end

    def _tls_events(self, events: list[Event]) -> None:
        """Takes what came out of TLS: what was opened and verified, and what follows TLS in plain text."""
        self._tls_notes(last=False)
        index = 0
        while index < len(events):
            event = events[index]
            index += 1
            marks = ([len(event.data)], [event.frame], [event.time_ns])
            if isinstance(event, AfterTls):
                # Servers send an error in plain text after a TLS handshake that failed.
                if event.sender == SERVER:
                    self._greeting_due()
                    self._framers[SERVER].push(event.data, *marks)
                    self._pump(SERVER)
                continue
            if self.machine.state == st.TLS_HANDSHAKE:
                if self.facts.login.tls_first and (event.sender == CLIENT or is_greeting(event.data) != YES):
                    continue  # TLS around something else
                self.machine.secured()
                self._greeting_due()
                self.facts.login.secured_ns = event.time_ns
                if self.tls is not None and self.tls.key_state == PARTIAL:
                    self.machine.one_sided = True
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
        self._tls_notes(last=True)

    def _greeting_due(self) -> None:
        """Where the client began with TLS, the server's greeting comes after that, in TLS or in spite of it."""
        if self.facts.login.tls_first and self.facts.greeting.record is None:
            self.machine.assume(st.GREETING)

    def _tls_notes(self, last: bool) -> None:
        """Hands on what TLS messages there were; alerts last, as they end what is said in their segment."""
        tls, observer = self.tls, self.observer
        if tls is None or observer is None or not tls.notes:
            return
        notes, tls.notes = tls.notes, []
        for note in notes:
            if last or note.what != "Alert":
                observer.event(note.sender, f"TLS {note.what}", note.text, note.length, note.frame, note.time_ns)
            else:
                tls.notes.append(note)

    # -- after a gap ---------------------------------------------------------------------------------------------------

    def _cut_record(self, role: int, frame: int) -> None:
        """Notes what a greeting or a login says before the place where it is cut."""
        if self.tls is None and self._compressed is None:
            found = taking_up.cut_record(self.machine, role, self._framers[role])
            if found is not None:
                self.facts.faults.cut_records[found[0]] = (found[1], frame)

    def _after_gap(self, role: int) -> None:
        """Goes on with what is still certain; nothing after a gap is decoded on the old assumptions."""
        machine = self.machine
        if self.tls is not None:
            self.tls.gap(role)
            if not self.tls.decrypted:
                return
        for framer in self._framers:
            framer.reset()
        self._half_answered = False
        if self._compressed is not None:
            for compressed in self._compressed:
                compressed.reset()
        machine.any_sequence()
        machine.context.assumed = True
        state = machine.state
        if state == st.GREETING and role == SERVER:
            machine.assume(st.LOGIN)
        elif state in (st.LOGIN, st.GREETING, st.TLS_HANDSHAKE) and role == CLIENT:
            self.facts.login.lost = True
            machine.assume(st.AUTHENTICATION)
            machine.lose_exchange()
            self._resync[CLIENT] = True
        elif state == st.AUTHENTICATION:
            machine.lose_exchange()
            # The verdict may be what is missing: the client's next packet tells.
            self._resync[role] = self._resync[CLIENT] = True
        elif state not in st.CONNECTION_PHASE:
            machine.desynchronise()

    def _take_up(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Looks for a segment that begins with a packet that makes sense here, and goes on from it."""
        machine = self.machine
        start = 0
        for index, end in enumerate(ends):
            if taking_up.makes_sense(role, data, start, machine.state, self.facts.login.lost):
                self._resync[role] = False
                self.facts.faults.taken_up = True
                command = role == CLIENT and data[start + 3] == 0
                if command and machine.state == st.AUTHENTICATION:
                    # A command while the verdict was awaited: the server's OK is among what is missing.
                    self.facts.auth.verdict_lost = True
                    machine.assume_login()
                    machine.desynchronise()
                if machine.state == st.DESYNCHRONISED:
                    self._framers[SERVER].reset()
                    self._resync[SERVER] = False
                self._packets(role, data[start:], [e - start for e in ends[index:]], frames[index:], times[index:])
                return
            start = end
