"""What a conversation leaves behind: the few records and counts that verdict, findings and reports are made from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from analyzer.analysis.conversation.session_facts import MOST, ClosingFacts, CommandFacts, CutPacket
from analyzer.errors import DecodeError
from analyzer.net.tcp.summary import TcpSummary
from analyzer.protocol.auth.base import CLEARTEXT, AuthRecord, Plugin
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine, SequenceError
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.commands.clone import CloneCommand
from analyzer.protocol.records.commands.local_infile import asks_for_file
from analyzer.protocol.records.commands.replication import SemiSyncAck
from analyzer.protocol.records.commands.text import ComChangeUser
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.proxy import ProxyHeader
from analyzer.protocol.records.response import Data, LocalInfileRequest
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.commands import COM_QUIT
from analyzer.protocol.wire.framing import HEADER, PacketFramer, RawPacket

if TYPE_CHECKING:
    # A library comes with it that connections without TLS do not need.
    from analyzer.tls.direction import EncryptedRecord

MOST_STEPS: Final = 64
# A snap length makes a gap of nearly every frame.
MOST_GAPS: Final = 256

# States in which no byte of a command's response has come.
AWAITING: Final = frozenset(
    {st.RESPONSE, st.RESULT, st.PREPARE, st.FIELD_LIST, st.STATISTICS, st.STREAM, st.CLONE, st.HANDOVER}
)
# The first word of a statement.
_WORD: Final = re.compile(rb"[A-Za-z]{1,20}")

StepSeen = tuple[int, str, AnyRecord, AuthRecord | None, int]


class GreetingFacts(msgspec.Struct):
    """How a connection begins: the server's greeting, and what either side said first."""

    record: HandshakeV10 | HandshakeV9 | None = None
    frame: int = 0
    time_ns: int = 0
    early_error: bool = False  # an error in its place
    proxy: ProxyHeader | None = None
    proxy_frame: int = 0
    # What a client said first, and a server whose greeting is none: the beginning of a segment.
    client_first: bytes = b""
    server_first: bytes = b""


class LoginFacts(msgspec.Struct):
    """The client's login, and the TLS that it may go through. `detail` is the plugin's record inside it."""

    record: HandshakeResponse41 | HandshakeResponse320 | None = None
    detail: AuthRecord | None = None
    frame: int = 0
    time_ns: int = 0
    lost: bool = False  # it is among the missing bytes
    before_tls: tuple[str, int] | None = None  # user and frame of a login that TLS followed
    ssl_request: SSLRequest | SSLRequest320 | None = None
    ssl_request_frame: int | None = None
    ssl_request_ns: int | None = None
    tls_frame: int | None = None
    tls_ns: int | None = None
    tls_first: bool = False  # the client began TLS before any greeting
    secured_ns: int | None = None  # of the first application data that was opened


class AuthFacts(msgspec.Struct):
    """The authentication exchange of the login, and its verdict: accepted, rejected, or None."""

    steps: list[StepSeen] = []
    switches: list[tuple[str | None, str, int]] = []
    switched_ns: int = 0  # of the first switch request
    plugin: str | None = None
    path: str | None = None
    protection: str | None = None
    # (frame, plugin, nonce, response) of each response that a password can be checked against.
    proofs: list[tuple[int, Plugin, bytes, bytes]] = []
    # Frames in which a password went over the wire in clear text outside TLS.
    messages_in_clear: list[int] = []
    verdict: str | None = None
    verdict_frame: int = 0
    verdict_ns: int = 0
    verdict_lost: bool = False

    def record_verdict(self, verdict: str, packet: RawPacket) -> None:
        """Records the first verdict; those on COM_CHANGE_USER are none."""
        if self.verdict is None:
            self.verdict = verdict
            self.verdict_frame = packet.frame
            self.verdict_ns = packet.time_ns


class FaultFacts(msgspec.Struct):
    """What is broken, and what is missing: of the peers' doing or of the capture's."""

    # (sender's role, record, field, offset, reason, frame)
    malformed: list[tuple[int, str, str, int, str, int]] = []
    sequence_errors: list[tuple[SequenceError, int]] = []
    cut_packets: list[int] = []  # roles whose last packet is not whole
    # record name -> (its fields before the place where it is cut, frame)
    cut_records: dict[str, tuple[dict[str, Any], int]] = {}
    # (sender's endpoint, bytes, reason, frame behind them)
    gaps: list[tuple[int, int, str, int]] = []
    # reason -> (how many, how many bytes) of those that are not kept
    more_gaps: dict[str, tuple[int, int]] = {}
    # (what, frame) of the first result whose EOF packets are not what was agreed on.
    eof_departure: tuple[str, int] | None = None
    assumed: bool = False
    taken_up: bool = False
    heard: dict[str, int] = {}  # answers of a server that is heard alone, errors aside

    @property
    def blames_capture(self) -> bool:
        """Whether bytes are missing: what makes no sense then is not the peers' doing."""
        return bool(self.gaps) or self.assumed

    @property
    def count(self) -> int:
        """How many faults of the peers were recorded."""
        return len(self.malformed) + len(self.sequence_errors)

    def record_gap(self, sender: int, length: int, reason: str, frame: int) -> None:
        """Records bytes that are not in the capture."""
        if len(self.gaps) < MOST_GAPS:
            self.gaps.append((sender, length, reason, frame))
            return
        count, size = self.more_gaps.get(reason, (0, 0))
        self.more_gaps[reason] = count + 1, size + length

    def record_heard(self, answer: str) -> None:
        """Records an answer to what is not in the capture; empty: none that can be told."""
        if answer:
            self.heard[answer] = self.heard.get(answer, 0) + 1

    def record_fault(self, role: int, record_type: str, error: DecodeError, frame: int) -> None:
        """Records bytes that are not even a packet."""
        if len(self.malformed) < MOST:
            self.malformed.append((role, record_type, error.field, error.offset, error.reason, frame))


class FileRequest(msgspec.Struct, frozen=True):
    """The server asks for a file of the client.

    expected   whether the command loads one; None where that is not known
    verb       the command: the first word of a statement, or its name
    """

    frame: int
    filename: str
    verb: str
    expected: bool | None


class HostileFacts(msgspec.Struct):
    """What only a hostile peer, or somebody in between, does.

    before_tls   (frame, bytes) of what the server sent in plain text between its greeting and TLS
    files        requests for files of the client that its command did not name
    file_bytes   bytes of files that the client sent
    """

    before_tls: tuple[int, int] | None = None
    files: list[FileRequest] = []
    file_bytes: int = 0

    def record_before_tls(self, frame: int, size: int) -> None:
        """Records bytes of the server where TLS, or the client, is due."""
        first, before = self.before_tls or (frame, 0)
        self.before_tls = first, before + size


class TransportFacts(msgspec.Struct):
    """What the TCP connection leaves behind. Pairs are (client, server)."""

    seen: tuple[bool, bool]  # segments of whom are in the capture
    answered: bool  # the SYN-ACK is
    acknowledged: bool  # the client acknowledged something of the server
    closed: bool  # both sides have ended, or one has reset
    client_left_frame: int  # of the client's FIN or RST
    left_unseen: tuple[bool, bool]  # a FIN of whom was acknowledged and is not in the capture
    one_sided: bool  # the other direction's bytes are not in the capture
    trouble: TcpSummary | None = None  # what went wrong on the way; None where nothing did


class TlsFacts(msgspec.Struct):
    """What the TLS session leaves behind. `secrets`: how many the user gave, or the capture holds.

    outside    sender, frame and the first bytes that are no record where one is due
    """

    secrets: int
    decrypted: bool
    tls13: bool
    handshake_done_frame: int | None
    overhead: int | None
    encrypted_records: tuple[list[EncryptedRecord], list[EncryptedRecord]]
    problem: str | None
    wanted_random: str | None
    outside: tuple[int, int, bytes] | None = None


def _awaits(machine: Machine, framers: tuple[PacketFramer, PacketFramer], certain: bool) -> bool:
    """Whether a command has not got its whole answer.

    Where nobody knows what was agreed on, how answers end is not known either: only one that has not begun tells.
    """
    if machine.command is None or not machine.context.assumed:
        return machine.command is not None
    return certain and machine.state in AWAITING and not framers[SERVER].pending


class Facts(msgspec.Struct):
    """Mutable notes of one connection. Frames are numbers from 1, times nanoseconds; None is not seen.

    client    index of the client's endpoint
    nth       which of the connections that this client opened to this server it is; 0 where it is the first of all.
              `burst`: its place in a burst of them, `burst_ns` after the burst's first
    """

    greeting: GreetingFacts = msgspec.field(default_factory=GreetingFacts)
    login: LoginFacts = msgspec.field(default_factory=LoginFacts)
    auth: AuthFacts = msgspec.field(default_factory=AuthFacts)
    faults: FaultFacts = msgspec.field(default_factory=FaultFacts)
    closing: ClosingFacts = msgspec.field(default_factory=ClosingFacts)
    answers: CommandFacts = msgspec.field(default_factory=CommandFacts)
    hostile: HostileFacts = msgspec.field(default_factory=HostileFacts)
    client: int = 0
    nth: int = 0
    burst: int = 0
    burst_ns: int = 0

    @property
    def commands(self) -> dict[int, int]:
        """code -> how many."""
        return self.answers.counts

    def record_fact(self, role: int, packet: RawPacket, record: AnyRecord, before: str, machine: Machine) -> None:
        """Takes what matters of a packet. `before` is the state it came in."""
        if machine.sequence_error is not None and len(self.faults.sequence_errors) < MOST:
            self.faults.sequence_errors.append((machine.sequence_error, packet.frame))
        if role == SERVER and (before == st.LOGIN or (before == st.TLS_HANDSHAKE and self.login.tls_frame is None)):
            self.hostile.record_before_tls(packet.frame, packet.length + HEADER)
        if isinstance(record, Malformed):
            if len(self.faults.malformed) < MOST:
                self.faults.malformed.append(
                    (role, record.record_type, record.field, record.offset, record.reason, packet.frame)
                )
            if role == CLIENT and before not in st.CONNECTION_PHASE and record.data:
                self._sent(packet, machine, before)
            return
        if role == CLIENT:
            self._client(packet, record, before, machine)
        else:
            self._server(packet, record, before, machine)

    def record_file_request(self, record: AnyRecord, packet: RawPacket, machine: Machine) -> None:
        """Takes a LOCAL INFILE request of the server; kept where the command is none that loads a file."""
        command = machine.command
        if not isinstance(record, LocalInfileRequest) or command is None or len(self.hostile.files) >= MOST:
            return
        head, expected, verb = command.head, None, ""
        if command.code == com.COM_QUERY:
            expected = asks_for_file(head[1:])
            word = _WORD.search(head[1:])
            verb = word[0].decode().upper() if word else ""
        elif command.code in (com.COM_STMT_EXECUTE, com.COM_STMT_BULK_EXECUTE):
            text = command.statement.query if command.statement is not None else None
            expected = None if text is None else asks_for_file(text.encode("utf-8", "surrogateescape"))
        else:
            expected = False
        if not expected:
            verb = verb or "COM_" + com.COMMANDS.get(command.code, "?").upper()
            self.hostile.files.append(FileRequest(packet.frame, record.filename, verb, expected))

    def record_place(self, nth: int, burst: int, burst_ns: int) -> None:
        """Records which of its client's connections this is."""
        self.nth, self.burst, self.burst_ns = nth, burst, burst_ns

    # -- client -----------------------------------------------------------------------------------------------------

    def record_end(self, machine: Machine, framers: tuple[PacketFramer, PacketFramer], certain: bool) -> None:
        """Records what is under way when the first side ends the connection; as in `record_close`."""
        if not _awaits(machine, framers, certain):
            return
        if machine.state in AWAITING and not framers[SERVER].pending:
            self.answers.left = self.answers.last

    def record_close(self, machine: Machine, framers: tuple[PacketFramer, PacketFramer], certain: bool) -> None:
        """Records what is under way when the connection is over; `certain`: which answer is whose is known."""
        answers = self.answers
        if _awaits(machine, framers, certain):
            answers.waiting = 1 + len(machine.queue)
            answers.begun = machine.state not in AWAITING or framers[SERVER].pending > 0
        for role in (CLIENT, SERVER):
            begun = framers[role].begun
            if begun is not None and not self.faults.gaps:
                self.faults.cut_packets.append(role)
                answers.cut = answers.cut or CutPacket(role, *begun)

    def _client(self, packet: RawPacket, record: AnyRecord, before: str, machine: Machine) -> None:
        if isinstance(record, SSLRequest | SSLRequest320):
            # Also behind an error that has ended the connection: the client had not read it.
            self.login.ssl_request = record
            self.login.ssl_request_frame = packet.frame
            self.login.ssl_request_ns = packet.time_ns
            return
        if isinstance(record, AuthResponse):
            if machine.login_done:
                self._response(packet.frame, machine)
                return
            self._step(CLIENT, packet, record, machine)
            self._exchange(machine)
            self._response(packet.frame, machine)
            return
        # In AUTHENTICATION too: the verdict before it was not captured, or COM_CHANGE_USER was given up.
        if before not in st.CONNECTION_PHASE or before == st.AUTHENTICATION:
            if isinstance(record, Data) and record.kind != "command":
                self.hostile.file_bytes += packet.length if record.kind == "file" else 0
                return
            if isinstance(record, SemiSyncAck | CloneCommand):
                return
            self._sent(packet, machine, before)
            if isinstance(record, ComChangeUser):
                self._response(packet.frame, machine)
            return
        if isinstance(record, HandshakeResponse41 | HandshakeResponse320):
            self.login.record = record
            self.login.frame = packet.frame
            self.login.time_ns = packet.time_ns
            self.login.detail = machine.detail
            self._step(CLIENT, packet, record, machine)
            self._exchange(machine)
            self._response(packet.frame, machine)

    def _sent(self, packet: RawPacket, machine: Machine, before: str) -> None:
        """Counts a command, and notes whether its turn had come."""
        code = packet.payload[0]
        self.answers.count(code, 1)
        answers = self.answers
        # In place of what COM_CHANGE_USER asks for it is no overlap: that one was given up.
        if machine.queue and before != st.AUTHENTICATION and not machine.context.assumed:
            answers.record_overlap(packet.start_frame, code)
        if machine.quitting and code != COM_QUIT:
            answers.record_after_quit(packet.frame, code)
        answers.record_sent(code, packet.payload, packet.length, packet.frame, packet.time_ns)

    def _response(self, frame: int, machine: Machine) -> None:
        """Notes a response: what can be checked of it, and whether it gave the password away."""
        exchange = machine.exchange
        if exchange is not None and exchange.response is not None and machine.plugin is not None:
            proof = (frame, machine.plugin, exchange.nonce, exchange.response)
            if len(self.auth.proofs) < MOST and (not self.auth.proofs or self.auth.proofs[-1][1:] != proof[1:]):
                self.auth.proofs.append(proof)
        if exchange is not None and exchange.protection == CLEARTEXT and len(self.auth.messages_in_clear) < MOST:
            self.auth.messages_in_clear.append(frame)

    def _exchange(self, machine: Machine) -> None:
        """Notes what the exchange has come to: plugin, path, protection."""
        if machine.plugin is not None and not machine.login_done:
            exchange = machine.exchange
            self.auth.plugin = machine.plugin_name
            if exchange is not None:
                self.auth.path = exchange.path
                self.auth.protection = exchange.protection

    def _step(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine) -> None:
        if len(self.auth.steps) < MOST_STEPS:
            self.auth.steps.append((role, type(record).__name__, record, machine.detail, packet.frame))

    # -- server -----------------------------------------------------------------------------------------------------

    def _server(self, packet: RawPacket, record: AnyRecord, before: str, machine: Machine) -> None:
        if isinstance(record, HandshakeV10 | HandshakeV9):
            self.greeting.record = record
            self.greeting.frame = packet.frame
            self.greeting.time_ns = packet.time_ns
            if self.login.record is None:
                self.auth.plugin = getattr(record, "auth_plugin_name", None)
            else:
                # The greeting came behind the login: only now it is known what the response was made for.
                self._exchange(machine)
                self.auth.proofs.clear()
                self.auth.messages_in_clear.clear()
                self._response(self.login.frame, machine)
        elif before == st.AUTHENTICATION:
            if machine.login_done and (self.auth.verdict == "accepted" or self.auth.verdict_lost):
                if isinstance(record, ErrPacket):  # COM_CHANGE_USER's
                    self._refused(record, packet, machine)
                return
            self._authentication(packet, record, machine)
        elif isinstance(record, ErrPacket):
            if before in st.CONNECTION_PHASE:
                self.greeting.early_error = before == st.GREETING
                phase = "greeting" if before == st.GREETING else "tls" if before == st.TLS_HANDSHAKE else "login"
                self.closing.record_error(record, packet.frame, packet.time_ns, phase)
                self.auth.record_verdict("rejected", packet)
            elif before == st.COMMAND:
                self.closing.unasked_frame = packet.frame
                self.closing.record_error(record, packet.frame, packet.time_ns, "command")
            else:
                self._refused(record, packet, machine)

    def _refused(self, error: ErrPacket, packet: RawPacket, machine: Machine) -> None:
        """Records an error in answer to a command."""
        finished, answers = machine.finished, self.answers
        code = finished.code if finished is not None else None
        # With others behind it in the queue, nobody kept this one's text.
        command = answers.last if machine.command is None else None
        answers.record_error(error, packet.frame, packet.time_ns, code, command)

    def _authentication(self, packet: RawPacket, record: AnyRecord, machine: Machine) -> None:
        self._step(1, packet, record, machine)
        if isinstance(record, AuthSwitchRequest | AuthNextFactor):
            self._switch(record.plugin_name, packet)
            self._exchange(machine)
        elif isinstance(record, OldAuthSwitchRequest):
            self._switch("mysql_old_password", packet)
            self._exchange(machine)
        elif isinstance(record, AuthMoreData):
            self._exchange(machine)
        elif isinstance(record, OKPacket):
            self.auth.record_verdict("accepted", packet)
        elif isinstance(record, ErrPacket):
            self.closing.record_error(record, packet.frame, packet.time_ns, "authentication")
            self.auth.record_verdict("rejected", packet)

    def _switch(self, name: str, packet: RawPacket) -> None:
        if len(self.auth.switches) < MOST_STEPS:
            self.auth.switches.append((self.auth.plugin, name, packet.frame))
            self.auth.switched_ns = self.auth.switched_ns or packet.time_ns
