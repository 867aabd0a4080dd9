"""One TCP connection as a MySQL conversation: takes the stream events, drives the protocol, notes what matters.

Bytes come in through `data`, `gap` and `end` (net's StreamHandler). They go through the layer that is in force (PROXY
header, TLS, compression), the framer and the state machine; each record leaves its trace in `facts`, and, where the
caller wants to show it, in the list of packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analyzer.analysis import recognise
from analyzer.analysis.facts import Facts
from analyzer.analysis.packets import PacketList
from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.net.reassembly import END_RST, TcpConnection
from analyzer.protocol import state as st
from analyzer.protocol.commands import COM_QUERY, COMMANDS
from analyzer.protocol.compression import Allowance, CompressedFramer
from analyzer.protocol.framing import HEADER, PacketFramer
from analyzer.protocol.machine import CLIENT, SERVER, Machine, ResponseKey
from analyzer.protocol.reader import TracingReader
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.records.proxy import decode_proxy
from analyzer.tls.records import begins_tls
from analyzer.tls.session import PARTIAL, AfterTls, Event, KeyLog, RSAPrivateKey, TlsSession

# What is known of the connection.
UNDECIDED: Final = 0
MYSQL: Final = 1
OTHER: Final = 2
X_PROTOCOL: Final = 3

# Bytes of each direction that are kept until it is known what the connection is.
UNDECIDED_BYTES: Final = 1 << 17
# Bytes of a direction that said NO: enough for the X Protocol's first message.
REFUSED_BYTES: Final = 64

# States in which the start of a segment may say what it is. Segments come joined where nothing happened in between.
ONE_BY_ONE: Final = frozenset({st.LOGIN, st.TLS_HANDSHAKE, st.AUTHENTICATION, st.DESYNCHRONISED})
# After so many malformed packets in a row the connection is taken to be out of step.
MOST_BAD: Final = 100
# Bytes of a cut record that are looked at.
LONGEST_CUT: Final = 4096

# States in which only a client's packet, or a fault, leaves a fact behind.
QUIET: Final = frozenset(
    {st.RESPONSE, st.RESULT, st.COLUMNS, st.COLUMNS_EOF, st.ROWS, st.PREPARE, st.PREPARE_PARAMS, st.PREPARE_PARAMS_EOF}
    | {st.PREPARE_COLUMNS, st.PREPARE_COLUMNS_EOF, st.FIELD_LIST, st.STATISTICS, st.STREAM}
)

_Chunk = tuple[int, bytes, list[int], list[int], list[int]]


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
        "_chunks",
        "_compressed",
        "_first",
        "_framers",
        "_lost",
        "_resync",
        "_said_no",
        "_seen",
        "client",
        "facts",
        "keep",
        "kind",
        "machine",
        "packets",
        "ports",
        "secrets",
        "tcp",
        "tls",
    )

    def __init__(
        self,
        tcp: TcpConnection,
        ports: frozenset[int],
        keep: int,
        packets: PacketList | None,
        seen: Seen,
        secrets: Secrets,
        allowance: Allowance,
    ) -> None:
        self.tcp = tcp
        self.ports = ports
        self.keep = keep
        self.kind = UNDECIDED
        self.client = 0
        self._first: list[bytes] = [b"", b""]
        self._chunks: list[_Chunk] = []
        self._begun = False  # the client's bytes have begun, behind its PROXY header if there is one
        self._said_no = [False, False]
        self._lost = [False, False]  # a gap came before it was known what the connection is
        self.facts = Facts()
        self.machine = Machine()
        self._framers = (PacketFramer(keep), PacketFramer(keep))
        self._compressed: tuple[CompressedFramer, CompressedFramer] | None = None
        self.tls: TlsSession | None = None
        self._resync = [False, False]  # a gap was there: what comes begins a packet, if it looks like one
        self.packets = packets
        self._seen = seen
        self._allowance = allowance
        self._bad = 0  # malformed packets in a row
        self.secrets = secrets
        self.machine.lean = packets is None

    # -- stream events ------------------------------------------------------------------------------------------------

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self.kind == MYSQL:
            self._bytes(CLIENT if sender == self.client else SERVER, data, ends, frames, times)
        elif self.kind == UNDECIDED:
            self._undecided(sender, data, ends, frames, times)

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.facts.gap(sender, length, reason, frame)
        if self.kind == UNDECIDED:
            self._lost[sender] = True
            first = self._first[sender]
            initiator = self.tcp.initiator
            if initiator != sender and recognise.is_cut_greeting(first):
                self._is_mysql(client=1 - sender)
            elif initiator in (None, sender) and recognise.is_cut_login(first):
                self._is_mysql(client=sender)
        if self.kind != MYSQL:
            return
        role = CLIENT if sender == self.client else SERVER
        if role == CLIENT:
            self._begun = True
            self._chunks.clear()
        self._cut_record(role, frame)
        if self.packets is not None:
            self.packets.gap(role, length, reason, frame, time_ns)
        self._after_gap(role)

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        facts = self.facts
        if facts.end is None:
            facts.end = (sender, kind, frame, time_ns)
        if facts.reset is None and kind == END_RST:
            facts.reset = (sender, kind, frame, time_ns)
        if self.packets is not None and self.kind == MYSQL:
            self.packets.end(CLIENT if sender == self.client else SERVER, kind, frame, time_ns)

    # -- what it is ----------------------------------------------------------------------------------------------------

    def _undecided(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        self._chunks.append((sender, data, ends, frames, times))
        self._first[sender] += data[:UNDECIDED_BYTES]
        self._decide()
        if self.kind == UNDECIDED and sum(map(len, self._first)) > UNDECIDED_BYTES:
            self._give_up()

    def _decide(self) -> None:
        """Looks at each direction that has not been ruled out."""
        initiator = self.tcp.initiator
        for sender in (0, 1):
            first = self._first[sender]
            if not first or self._said_no[sender]:
                continue
            verdicts: list[int] = []
            if initiator != sender:
                greets = recognise.is_greeting(first)
                verdict = greets if greets == recognise.YES else recognise.is_early_error(first)
                if verdict == recognise.YES:
                    self._is_mysql(client=1 - sender)
                    return
                verdicts += (greets, verdict)
            if initiator in (None, sender):
                verdict = recognise.is_login(self._without_proxy(first))
                if verdict == recognise.YES:
                    self._is_mysql(client=sender)
                    return
                verdicts.append(verdict)
            if self._proxied(first):
                verdicts.append(recognise.MORE)
            if recognise.MORE not in verdicts:
                self._said_no[sender] = True
        if self._is_x():
            self.kind = X_PROTOCOL
            self._chunks.clear()
        elif (
            all(self._said_no)
            or (any(self._said_no) and self._server_port() is not None)
            or (any(self._said_no) and sum(map(len, self._first)) > REFUSED_BYTES * 64)
        ):
            self._give_up()

    def _is_x(self) -> bool:
        for server in (0, 1):
            if self.tcp.initiator == server:
                continue
            port = self.tcp.endpoints[server][1]
            if recognise.is_x_protocol(self._first[1 - server], self._first[server], port):
                self.client = 1 - server
                return True
        return False

    @staticmethod
    def _without_proxy(first: bytes) -> bytes:
        try:
            header = decode_proxy(first)
        except DecodeError:
            return first
        return first[header.length :] if header is not None else first

    @staticmethod
    def _proxied(first: bytes) -> bool:
        try:
            return decode_proxy(first) is not None
        except Truncated:
            return True
        except BadValue:
            return False

    def _server_port(self) -> int | None:
        """The endpoint whose port is one of MySQL's, None where neither or both are."""
        ports = self.ports
        a, b = (endpoint[1] in ports for endpoint in self.tcp.endpoints)
        initiator = self.tcp.initiator
        if initiator is not None:
            server = 1 - initiator
            return server if (a, b)[server] else None
        return None if a == b else 0 if a else 1

    def _give_up(self) -> None:
        """No start of a MySQL connection is there: assumed where the port is MySQL's, else something else."""
        server = self._server_port()
        if server is None:
            self.kind = OTHER
            self._chunks.clear()
            self._first = [b"", b""]
            return
        self._is_mysql(client=1 - server, assumed=True)

    def _is_mysql(self, client: int, assumed: bool = False) -> None:
        self.kind = MYSQL
        self.client = client
        machine = self.machine
        facts = self.facts
        server = 1 - client
        if assumed:
            facts.assumed = True
            if self.tcp.syn_ns is None:
                machine.context.assumed = True
                machine.desynchronise()
        elif not self._first[server] or (self._lost[server] and self._said_no[server]):
            # The client's login was recognised, and the greeting before it is not in the capture.
            machine.state = st.LOGIN
        chunks, self._chunks = self._chunks, []
        self._first = [b"", b""]
        for sender, data, ends, frames, times in chunks:
            self._bytes(CLIENT if sender == client else SERVER, data, ends, frames, times)

    def resolve(self) -> None:
        """The connection is over: decides what is undecided still."""
        if self.kind == UNDECIDED:
            self._give_up()
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

    def _behind_proxy(self, chunk: _Chunk) -> _Chunk:
        """The client's first bytes without the PROXY header in front of them; without any while it is incomplete.

        Servers may greet before they have read it, so it comes before or after the greeting.
        """
        sender, data, ends, frames, times = chunk
        if self._chunks:
            _, begin, marks, first, early = self._chunks.pop()
            ends = [*marks, *(len(begin) + end for end in ends)]
            data, frames, times = begin + data, first + frames, early + times
        length = 0
        try:
            header = decode_proxy(data)
        except Truncated:
            self._chunks = [(sender, data, ends, frames, times)]
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
        if self.packets is None and framer.idle:
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
        shown = self.packets
        while True:
            if role == SERVER and (shown is None or shown.full):
                most = machine.may_pass
                if most > 0:
                    count, sequence, _ = framer.skip_rows(machine.next_sequence, most)
                    machine.passed(count, sequence)
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
            if shown is not None:
                shown.packet(role, packet, record, machine, before)
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
        state = self.machine.state
        if self.tls is not None or self._compressed is not None:
            return
        kind: type[HandshakeV10 | HandshakeResponse41]
        if state == st.GREETING and role == SERVER:
            kind = HandshakeV10
        elif state in (st.LOGIN, st.GREETING) and role == CLIENT:
            kind = HandshakeResponse41
        else:
            return
        payload = self._framers[role].peek(LONGEST_CUT)[HEADER:]
        reader = TracingReader(payload, kind.__name__)
        try:
            kind.decode(reader, self.machine.context)
        except DecodeError:
            self.facts.cut_records[kind.__name__] = ({span.name: span.value for span in reader.spans}, frame)

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
            if self._makes_sense(role, data, start):
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

    def _makes_sense(self, role: int, chunk: bytes, start: int) -> bool:
        """Whether a segment, which begins at `start`, begins with a packet that is possible in this state."""
        state = self.machine.state
        data = chunk[start : start + 37]  # a copy of all that follows, for every segment, would be quadratic
        if begins_tls(data) and state == st.AUTHENTICATION and self.facts.login_lost:
            return False
        if len(data) < 5:
            return False
        length = int.from_bytes(data[:3], "little")
        sequence, first = data[3], data[4]
        whole = len(chunk) - start >= 4 + length
        if role == CLIENT and sequence == 0:
            if first not in COMMANDS or length == 0 or not (whole or length > 1000):
                return False
            text = data[5:37].lstrip(b"\x00\x01") if first == COM_QUERY else b""
            return all(byte >= 0x20 or byte in (9, 10, 13) for byte in text)
        if state == st.AUTHENTICATION:
            return 0 < sequence < 64 and length <= 1 << 16 and whole
        return False
