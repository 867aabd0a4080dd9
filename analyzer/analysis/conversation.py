"""One TCP connection as a MySQL conversation: takes the stream events, drives the protocol, notes what matters.

Bytes come in through `data`, `gap` and `end` (net's StreamHandler). They go through the layer that is in force (PROXY
header, TLS, compression), the framer and the state machine; each record leaves its trace in `facts`, and, where the
caller wants to show it, in the list of packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analyzer.analysis import taking_up
from analyzer.analysis.facts import Facts
from analyzer.analysis.observe import Observer
from analyzer.analysis.packets import PacketList
from analyzer.analysis.undecided import MYSQL, UNDECIDED, Chunk, Undecided
from analyzer.errors import BadValue, Truncated
from analyzer.net.reassembly import END_RST, TcpConnection
from analyzer.protocol import state as st
from analyzer.protocol.compression import Allowance, CompressedFramer
from analyzer.protocol.framing import PacketFramer
from analyzer.protocol.machine import CLIENT, SERVER, Machine, ResponseKey
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.proxy import decode_proxy
from analyzer.tls.records import begins_tls
from analyzer.tls.session import PARTIAL, AfterTls, Event, KeyLog, RSAPrivateKey, TlsSession

# States in which the start of a segment may say what it is. Segments come joined where nothing happened in between.
ONE_BY_ONE: Final = frozenset({st.LOGIN, st.TLS_HANDSHAKE, st.AUTHENTICATION, st.DESYNCHRONISED})
# After so many malformed packets in a row the connection is taken to be out of step.
MOST_BAD: Final = 100
# States in which only a client's packet, or a fault, leaves a fact behind.
QUIET: Final = frozenset(
    {st.RESPONSE, st.RESULT, st.COLUMNS, st.COLUMNS_EOF, st.ROWS, st.PREPARE, st.PREPARE_PARAMS, st.PREPARE_PARAMS_EOF}
    | {st.PREPARE_COLUMNS, st.PREPARE_COLUMNS_EOF, st.FIELD_LIST, st.STATISTICS, st.STREAM}
)

# Responses of the command phase that were complete and without fault: what they were -> sequence id after them.
Seen = dict[ResponseKey, int]
MOST_SEEN: Final = 4096


@dataclass(frozen=True)
class Secrets:
    """What opens TLS, for all connections of a capture: key logs, and a server's RSA key."""

    keys: KeyLog
    rsa_key: RSAPrivateKey | None = None


class Conversation:
    """Follows one TCP connection. `kind` says what it is; `client` is the index of the client's endpoint."""

    __slots__ = (
        "_allowance",
        "_bad",
        "_begun",
        "_compressed",
        "_early",
        "_framers",
        "_resync",
        "_seen",
        "_undecided",
        "client",
        "facts",
        "kind",
        "machine",
        "observer",
        "secrets",
        "shown",
        "tcp",
        "tls",
    )

    def __init__(
        self,
        tcp: TcpConnection,
        ports: frozenset[int],
        keep: int,
        observer: Observer | None,
        seen: Seen,
        secrets: Secrets,
        allowance: Allowance,
    ) -> None:
        self.tcp = tcp
        self.kind = UNDECIDED
        self.client = 0
        self._undecided: Undecided | None = Undecided(tcp, ports)
        self._early: Chunk | None = None  # a PROXY header that is not complete
        self._begun = False  # the client's bytes have begun, behind its PROXY header if there is one
        self.facts = Facts()
        self.machine = Machine()
        self._framers = (PacketFramer(keep), PacketFramer(keep))
        self._compressed: tuple[CompressedFramer, CompressedFramer] | None = None
        self.tls: TlsSession | None = None
        self._resync = [False, False]  # a gap was there: what comes begins a packet, if it looks like one
        self.observer = observer
        self.shown: PacketList | None = None  # the observer whose packets the reports show
        self._seen = seen
        self._allowance = allowance
        self._bad = 0  # malformed packets in a row
        self.secrets = secrets
        self.machine.lean = observer is None

    # -- stream events ------------------------------------------------------------------------------------------------

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self.kind == MYSQL:
            self._bytes(CLIENT if sender == self.client else SERVER, data, ends, frames, times)
        elif self._undecided is not None:
            self._undecided.data((sender, data, ends, frames, times))
            self._decided()

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.facts.gap(sender, length, reason, frame)
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
        if facts.end is None:
            facts.end = (sender, kind, frame, time_ns)
        if facts.reset is None and kind == END_RST:
            facts.reset = (sender, kind, frame, time_ns)
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
        self.client = undecided.client
        if self.kind != MYSQL:
            return
        machine = self.machine
        if undecided.assumed:
            self.facts.assumed = True
            if self.tcp.syn_ns is None:
                machine.context.assumed = True
                machine.desynchronise()
        elif undecided.greeting_lost:
            machine.state = st.LOGIN
        for sender, data, ends, frames, times in undecided.chunks:
            self._bytes(CLIENT if sender == self.client else SERVER, data, ends, frames, times)

    def resolve(self) -> None:
        """The connection is over: decides what is undecided still."""
        if self._undecided is not None:
            self._undecided.give_up()
            self._decided()
        if self.tls is not None:
            # Keys may have come after the records they open.
            self._tls_events(self.tls.retry())
            self.tls.close()
        if self.kind == MYSQL and not self.facts.gaps:
            for role in (CLIENT, SERVER):
                if self._framers[role].pending:
                    self.facts.cut_packets.append(role)

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
            if state == st.LOGIN and self.facts.greeting is not None:
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
        if header is not None:
            self.facts.proxy, self.facts.proxy_frame = header, frames[0]
            length = header.length
        skip = sum(end <= length for end in ends)
        return sender, data[length:], [end - length for end in ends[skip:]], frames[skip:], times[skip:]

    def _packets(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self._compressed is None:
            self._opened(role, data, ends, frames, times)
            return
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            contents = self._compressed[role].frames(data[start:end])
            start = end
            while True:
                try:
                    content = next(contents, None)
                except BadValue as error:
                    self.facts.fault(role, "CompressedPacket", error, frame)
                    self._after_gap(role)
                    return
                if content is None:
                    break
                if content:
                    self._opened(role, content, [len(content)], [frame], [time_ns])

    def _opened(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes of packets, as they are inside of all layers."""
        framer = self._framers[role]
        key = None
        faults = 0
        if self.observer is None and framer.idle:
            # What needs no decoding where nobody looks at packets: plain commands, and responses seen before. A
            # response depends on its bytes, the state it is due in, what is in force and the id before it: one that
            # was complete and without fault once is so again.
            machine = self.machine
            if role == CLIENT:
                if machine.plain_command(data):
                    self.facts.count(data[4])
                    return
            else:
                key = machine.response_key(data)
                after = self._seen.get(key) if key is not None else None
                if after is not None:
                    machine.answered(after)
                    return
                faults = self.facts.faults
        framer.push(data, ends, frames, times)
        self._pump(role)
        if key is not None and len(self._seen) < MOST_SEEN:
            machine = self.machine
            clean = machine.state == st.COMMAND and framer.idle and self.facts.faults == faults
            if clean and machine.sequence is not None:
                self._seen[key] = machine.sequence

    def _pump(self, role: int) -> None:
        """Feeds all complete packets of a direction to the machine."""
        machine = self.machine
        framer = self._framers[role]
        facts = self.facts
        observer = self.observer
        while True:
            if role == SERVER and (observer is None or observer.full):
                most = machine.may_pass
                if most > 0:
                    count, sequence, length = framer.skip_rows(machine.next_sequence, most)
                    machine.passed(count, sequence)
                    if observer is not None and count:
                        observer.passed(role, count, length, *framer.mark)
            if machine.one_sided and role == SERVER and framer.peek(1):
                alone = machine.state
                self._alone()
                if machine.state == st.TLS_HANDSHAKE != alone:
                    rest, ends, frames, times = framer.take_rest()
                    self._bytes(role, rest, ends, frames, times)
                    return
            packet = framer.next()
            if packet is None:
                return
            before = machine.state
            if role == SERVER and before in st.CONNECTION_PHASE and self._framers[CLIENT].pending:
                machine.sequence = None  # the server answers a packet that is not whole
            record = machine.feed(role, packet)
            if machine.sequence_error is not None or role == CLIENT or before not in QUIET or type(record) is Malformed:
                facts.note(role, packet, record, before, machine)
            if observer is not None:
                observer.packet(role, packet, record, machine, before)
            if type(record) is Malformed:
                self._bad += 1
                if self._bad >= MOST_BAD:
                    self._give_up_stream()
                    return
            else:
                self._bad = 0
            after = machine.state
            if after != before:
                if after == st.TLS_HANDSHAKE:
                    rest, ends, frames, times = framer.take_rest()
                    if rest:
                        self._bytes(role, rest, ends, frames, times)
                    return
                if after == st.AUTHENTICATION and role == CLIENT and begins_tls(framer.peek(3)):
                    # A whole login where an SSLRequest belongs: servers take it, and go on in TLS.
                    rest, ends, frames, times = framer.take_rest()
                    self._bytes(role, rest, ends, frames, times)
                    return
                if machine.compression is not None and self._compressed is None:
                    self._begin_compression(role)
                    return

    def _give_up_stream(self) -> None:
        """Nothing of it is MySQL any more: waits for a command, as after a gap. A bomb holds millions of packets."""
        self._bad = 0
        for framer in self._framers:
            framer.reset()
        for compressed in self._compressed or ():
            compressed.reset()
        self.machine.context.assumed = True
        if self.machine.state in st.CONNECTION_PHASE:
            self.machine.lose_exchange()
        self.machine.desynchronise()

    def _begin_compression(self, role: int) -> None:
        """From the byte after the login's OK on, both directions are compressed."""
        algorithm = self.machine.compression or ""
        self._compressed = (
            CompressedFramer(algorithm, self._allowance),
            CompressedFramer(algorithm, self._allowance),
        )
        for this in (role, 1 - role):
            rest, ends, frames, times = self._framers[this].take_rest()
            if rest:
                self._packets(this, rest, ends, frames, times)

    def _alone(self) -> None:
        """Only the server's direction is in the capture: what the client says in between is passed over."""
        machine = self.machine
        if machine.state == st.LOGIN:
            if begins_tls(self._framers[SERVER].peek(3)):
                machine.state = st.TLS_HANDSHAKE
            else:
                machine.state = st.AUTHENTICATION
                machine.lose_exchange()
        elif machine.state == st.COMMAND:
            machine.desynchronise()

    # -- TLS -----------------------------------------------------------------------------------------------------------

    def _begin_tls(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        self.tls = TlsSession(self.secrets.keys, self.secrets.rsa_key)
        self.machine.state = st.TLS_HANDSHAKE
        if self.facts.login is not None:
            self.facts.plain_login = (self.facts.login.username, self.facts.login_frame)
        self.facts.tls_frame = frames[0]
        self.facts.tls_ns = times[0]
        self._tls_bytes(role, data, ends, frames, times)

    def _tls_bytes(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        tls = self.tls
        if tls is None:
            return
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            self._tls_events(tls.feed(role, data[start:end], frame, time_ns))
            start = end

    def _tls_events(self, events: list[Event]) -> None:
        """Takes what came out of TLS: what was opened and verified, and what follows TLS in plain text."""
        for event in events:
            marks = ([len(event.data)], [event.frame], [event.time_ns])
            if isinstance(event, AfterTls):
                # Servers send an error in plain text after a TLS handshake that failed.
                if event.sender == SERVER:
                    self._framers[SERVER].push(event.data, *marks)
                    self._pump(SERVER)
                continue
            if self.machine.state == st.TLS_HANDSHAKE:
                self.machine.secured()
                self.facts.secured_ns = event.time_ns
                if self.tls is not None and self.tls.key_state == PARTIAL:
                    self.machine.one_sided = True
            self._inside(event.sender, event.data, *marks)

    # -- after a gap ---------------------------------------------------------------------------------------------------

    def _cut_record(self, role: int, frame: int) -> None:
        """Notes what a greeting or a login says before the place where it is cut."""
        if self.tls is None and self._compressed is None:
            found = taking_up.cut_record(self.machine, role, self._framers[role])
            if found is not None:
                self.facts.cut_records[found[0]] = (found[1], frame)

    def _after_gap(self, role: int) -> None:
        """Goes on with what is still certain; nothing after a gap is decoded on the old assumptions."""
        machine = self.machine
        if self.tls is not None:
            self.tls.gap(role)
            if not self.tls.decrypted:
                return
        for framer in self._framers:
            framer.reset()
        if self._compressed is not None:
            for compressed in self._compressed:
                compressed.reset()
        machine.sequence = None
        machine.context.assumed = True
        state = machine.state
        if state == st.GREETING and role == SERVER:
            machine.state = st.LOGIN
        elif state in (st.LOGIN, st.GREETING, st.TLS_HANDSHAKE) and role == CLIENT:
            self.facts.login_lost = True
            machine.state = st.AUTHENTICATION
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
            if taking_up.makes_sense(role, data, start, machine.state, self.facts.login_lost):
                self._resync[role] = False
                self.facts.taken_up = True
                command = role == CLIENT and data[start + 3] == 0
                if command and machine.state == st.AUTHENTICATION:
                    # A command while the verdict was awaited: the server's OK is among what is missing.
                    self.facts.verdict_lost = True
                    machine.login_done = True
                    machine.desynchronise()
                if machine.state == st.DESYNCHRONISED:
                    self._framers[SERVER].reset()
                    self._resync[SERVER] = False
                self._packets(role, data[start:], [e - start for e in ends[index:]], frames[index:], times[index:])
                return
            start = end
