"""Bytes of packets, as they are inside of TLS: through compression, framer and state machine, to facts."""

from __future__ import annotations

from typing import Final, Protocol

from analyzer.analysis.conversation.facts import Facts
from analyzer.analysis.conversation.fast_path import may_turn, plain_code
from analyzer.analysis.conversation.observer import GAP_MEMORY, GAP_UNSENT, Observer
from analyzer.errors import BadValue
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.execute_fast_path import known_execute
from analyzer.protocol.machine.fast_path import plain_response
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.machine.resultset import LOOKED_AT
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.commands import COM_QUERY, COM_QUIT, COM_STMT_EXECUTE
from analyzer.protocol.wire.compression import Allowance, CompressedFramer
from analyzer.protocol.wire.framing import HEADER, ClosedFramer, PacketFramer, RawPacket
from analyzer.tls.records import begins_tls

# Packets up to so many bytes are taken without the framer.
LONGEST_DIRECT: Final = 1 << 16
# Content of a compressed frame in so many packets is little work, however much it is: of a server, whose rows are
# passed over, less than of a client, whose statements are read.
FEW_PACKETS: Final = 64
CHEAPER: Final = {CLIENT: 16, SERVER: 64}
# After so many malformed packets in a row the connection is taken to be out of step.
MOST_BAD: Final = 100

# States in which only a client's packet, or a fault, leaves a fact behind.
QUIET: Final = frozenset(
    {st.RESPONSE, st.RESULT, st.COLUMNS, st.COLUMNS_EOF, st.ROWS, st.PREPARE, st.PREPARE_PARAMS, st.PREPARE_PARAMS_EOF}
    | {st.PREPARE_COLUMNS, st.PREPARE_COLUMNS_EOF, st.FIELD_LIST, st.STATISTICS, st.STREAM, st.CLONE}
)
# States in which a packet of the server is one of many alike, unless its first byte says that they end.
ALIKE: Final = st.DEFINITIONS | {st.ROWS, st.FIELD_LIST, st.STREAM}
# In place of a row that only who looks at it finds broken.
UNSEEN: Final = Data("row", b"")


class OuterLayers(Protocol):
    """What is around the packets: the other layers, and what is done where bytes are missing."""

    @property
    def doubtful(self) -> bool:
        """Whether bytes are missing, and it is not yet certain again what comes."""

    def other_layer(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Takes bytes of the stream that turned out to be of another layer."""

    def settled(self) -> None:
        """A command has its whole response, and no other waits."""

    def out_of_step(self, role: int) -> None:
        """What a side sends does not make sense: as after a gap."""


class Decoder:
    """Decodes both directions of one connection. What is around the packets (TLS, gaps) is `around`'s business."""

    __slots__ = (
        "_allowance",
        "_around",
        "_bad",
        "_half_answered",
        "alone",
        "bare",
        "compressed",
        "facts",
        "framers",
        "machine",
        "observer",
    )

    def __init__(
        self,
        around: OuterLayers,
        keep: int,
        observer: Observer | None,
        response_ends: Ends,
        allowance: Allowance,
        facts: Facts,
        machine: Machine,
    ) -> None:
        self._around = around
        self.facts = facts
        self.machine = machine
        self.machine.ends = response_ends
        self.machine.lean = observer is None
        self.observer = observer
        self.alone = observer is None or observer.plain  # nobody looks at packets one by one
        self._allowance = allowance
        self._bad = 0  # malformed packets in a row
        self._half_answered = False  # the client's packet that is under way was answered already
        # The client's bytes have begun, neither TLS nor compression is around the packets, and nothing is missing.
        self.bare = False
        self.framers = (PacketFramer(keep), PacketFramer(keep))
        self.compressed: tuple[CompressedFramer, CompressedFramer] | None = None

    def release(self) -> None:
        """Lets go of what is around the packets: nothing more is to come."""
        del self._around

    @property
    def incomplete(self) -> int:
        """Bytes of memory that wait for the rest of a packet, or of a compressed frame."""
        compressed = sum(framer.pending for framer in self.compressed or ())
        return compressed + sum(framer.held for framer in self.framers)

    @property
    def held(self) -> int:
        """Bytes of memory that it takes beside the little that any connection does."""
        parts = self.machine.connection
        observed = self.observer.held if self.observer is not None else 0
        return self.incomplete + parts.prepared.held + parts.result.held + observed

    def shed(self) -> None:
        """Of packets that are not whole only the head is kept from now on."""
        for role in (CLIENT, SERVER):
            given_up = self.framers[role].shed()
            if given_up:
                sender = self.facts.client if role == CLIENT else 1 - self.facts.client
                self.facts.faults.record_gap(sender, given_up, GAP_MEMORY, 0)

    @property
    def turns_due(self) -> bool:
        """Whether what comes may be taken in turns: nobody looks at packets, and none has begun."""
        if not self.alone and (self.observer is None or not self.observer.turns):
            return False
        return self.bare and self.framers[CLIENT].idle and self.framers[SERVER].idle

    # -- bytes in ------------------------------------------------------------------------------------------------------

    def take(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes as they are inside of TLS."""
        if self.compressed is None:
            self.opened(role, data, ends, frames, times)
            return
        observer = self.observer
        layers = observer is not None and observer.layers
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            if layers and observer is not None:
                observer.outer(role, "compressed", data[start:end])
            contents = self.compressed[role].frames(data[start:end])
            start = end
            while True:
                try:
                    content = next(contents, None)
                except BadValue as error:
                    self.facts.faults.record_fault(role, "CompressedPacket", error, frame)
                    self._around.out_of_step(role)
                    return
                if content is None:
                    break
                if content:
                    if self.compressed[role].excess:
                        self._account(role, content, self.compressed[role].excess)
                    self.opened(role, content, [len(content)], [frame], [time_ns])

    def _account(self, role: int, content: bytes, excess: int) -> None:
        """A compressed frame opened to more than is plausible: a bomb of packets, or a few of zeros."""
        if self.framers[role].packets_in(content, FEW_PACKETS) <= FEW_PACKETS:
            self._allowance.give_back(excess - excess // CHEAPER[role])

    def opened(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes of packets, as they are inside of all layers."""
        framer = self.framers[role]
        if self.alone and framer.idle:
            # Plain commands and plain responses, where nobody looks at packets: most of the traffic.
            if role == CLIENT:
                if may_turn(self.machine) and self._plain_command(data, frames, times):
                    return
            else:
                scanned = plain_response(self.machine, data)
                if scanned is not None:
                    if self.observer is not None:
                        self.observer.response(*scanned, len(data), ends, frames, times)
                    return
        if not (framer.idle and self._single(role, data, frames, times)):
            framer.push(data, ends, frames, times)
            self.pump(role)

    def _plain_command(self, data: bytes, frames: list[int], times: list[int]) -> bool:
        """Takes a whole command that is plain."""
        machine, observer = self.machine, self.observer
        in_force = machine.context.in_force
        code = plain_code(data, 0, len(data), in_force & CLIENT_QUERY_ATTRIBUTES != 0)
        statement = plan = None
        if code == COM_STMT_EXECUTE and observer is not None:
            known = known_execute(machine, data)
            if known is None:
                return False
            statement, plan = known
            statement.executed = True
        elif code not in (COM_QUERY, COM_QUIT):
            return False
        machine.sent(data, statement)
        if observer is not None:
            observer.request(data, statement, plan, in_force, frames[-1], times[-1])
        self.facts.answers.record_plain(data, frames[-1], times[-1])
        return True

    def _single(self, role: int, data: bytes, frames: list[int], times: list[int]) -> bool:
        """Takes bytes that are one whole packet, where nothing has begun; False where they are not."""
        machine = self.machine
        length = len(data) - HEADER
        if length < 0 or (data[0] | data[1] << 8 | data[2] << 16) != length or machine.one_sided:
            return False
        if length > min(LONGEST_DIRECT, self.framers[role].keep):
            return False
        if not self.alone:
            self._look_at_packets()
        if role == SERVER and machine.may_pass > 0:
            return False
        packet = RawPacket(data[3], data[HEADER:], length, frames[-1], times[-1], frames[0], times[0], data[3])
        self._packet(role, packet)
        return True

    def _look_at_packets(self) -> None:
        """Whoever looks at packets sees what is in them; when he has seen enough, rows are passed over again."""
        observer = self.observer
        self.machine.decode_rows = observer is not None and not observer.full
        self.alone = observer is None or observer.plain  # it may have all the packets that it shows

    def pump(self, role: int) -> None:
        """Feeds all complete packets of a direction to the machine."""
        machine = self.machine
        framer = self.framers[role]
        observer = self.observer
        if not self.alone:
            self._look_at_packets()
        one_frame = observer is not None and observer.frames
        while True:
            if role == SERVER and (observer is None or observer.full):
                most = machine.may_pass
                if most > 0:
                    state = machine.state
                    count, sequence, length = framer.skip_rows(machine.next_sequence, most, one_frame)
                    machine.passed(count, sequence)
                    if observer is not None and count:
                        observer.passed(state, count, length, framer)
            if machine.one_sided and role == SERVER and framer.peek(1):
                alone = machine.state
                self._one_side()
                if machine.state == st.TLS_HANDSHAKE != alone:
                    self._hand_over(role)
                    return
            packet = framer.next()
            if packet is None or not self._packet(role, packet):
                return

    def _packet(self, role: int, packet: RawPacket) -> bool:
        """Feeds a packet to the machine; False where what follows it is of another layer, or of no use."""
        machine = self.machine
        if self._half_answered and role == CLIENT:
            self._half_answered = False
            return True
        if role == SERVER and machine.state == st.COMMAND and not self.framers[CLIENT].idle:
            self._answer_half()
        before = machine.state
        answers_half = before in st.CONNECTION_PHASE or before == st.LOCAL_INFILE
        if role == SERVER and answers_half and self.framers[CLIENT].pending:
            machine.any_sequence()  # the server answers a packet that is not whole
        record = machine.feed(role, packet)
        broken = type(record) is Malformed
        noted = record
        if type(record) is Malformed and record.record_type in LOOKED_AT:
            # A row or an event that is broken is so only for who looks at it: the facts are the same for all.
            broken, noted = False, UNSEEN
        if (broken or (role == SERVER and machine.sequence_error is not None)) and self._unsure(role):
            return False
        if (
            machine.sequence_error is not None
            or role == CLIENT
            or before not in QUIET
            or broken
            or type(record) is ErrPacket
        ):
            self.facts.record_fact(role, packet, noted, before, machine)
        if self.observer is not None:
            self.observer.packet(role, packet, record, machine, before)
        if broken:
            self._bad += 1
            if self._bad >= MOST_BAD:
                self._bad = 0
                self._around.out_of_step(role)
                return False
        else:
            self._bad = 0
        after = machine.state
        if after == before:
            return True
        if before == st.HANDOVER and type(record) is OKPacket:
            self._leave()
            return False
        if after == st.LOCAL_INFILE and role == SERVER:
            self.facts.record_file_request(record, packet, machine)
        return self._goes_on(role)

    def _answer_half(self) -> None:
        """The server answers a command of which not all has come: it is refused, or the client stopped in it."""
        packet = None if self._half_answered else self.framers[CLIENT].partial()
        if packet is None or self.machine.context.assumed or self._around.doubtful:
            return
        self.facts.answers.record_early(packet)
        self._packet(CLIENT, packet)
        self._half_answered = True
        if self.observer is not None:
            unsent = packet.length - len(packet.payload)
            self.observer.gap(CLIENT, unsent, GAP_UNSENT, packet.frame, packet.time_ns)

    def _unsure(self, role: int) -> bool:
        """Whether a packet makes no sense because of what is missing, and not because a peer sent it so."""
        machine = self.machine
        if machine.one_sided or not self.facts.faults.blames_capture:
            return False
        if not (machine.context.assumed or self._around.doubtful):
            return False
        machine.forgive()
        self._around.out_of_step(role)
        return True

    def _goes_on(self, role: int) -> bool:
        """The state has changed: whether packets follow as they are. If not, what is left goes where it belongs."""
        machine = self.machine
        after = machine.state
        if after == st.COMMAND:
            self._around.settled()
        # A whole login where an SSLRequest belongs: servers take it, and go on in TLS.
        unasked = after == st.AUTHENTICATION and role == CLIENT and begins_tls(self.framers[role].peek(3))
        if after == st.TLS_HANDSHAKE or unasked:
            self._hand_over(role)
            return False
        if machine.compression is not None and self.compressed is None:
            self.begin_compression(machine.compression, role)
            return False
        return True

    def _leave(self) -> None:
        """From here on both sides speak another protocol: their bytes are passed over."""
        self.machine.assume(st.OTHER_PROTOCOL)
        self.compressed = None
        self.bare = False
        self.framers = (ClosedFramer(), ClosedFramer())

    def _hand_over(self, role: int) -> None:
        """What the framer has left belongs to TLS."""
        rest, ends, frames, times = self.framers[role].take_rest()
        if rest:
            self._around.other_layer(role, rest, ends, frames, times)

    def begin_compression(self, algorithm: str, role: int) -> None:
        """From the byte after the login's OK on, both directions are compressed."""
        self.bare = False
        self.machine.assume_compression(algorithm)
        self.compressed = (
            CompressedFramer(algorithm, self._allowance),
            CompressedFramer(algorithm, self._allowance),
        )
        for this in (role, 1 - role):
            rest, ends, frames, times = self.framers[this].take_rest()
            if rest:
                self.take(this, rest, ends, frames, times)

    def _one_side(self) -> None:
        """Only the server's direction is in the capture: what the client says in between is passed over."""
        machine = self.machine
        if machine.state in (st.LOGIN, st.SECURE_LOGIN):
            if machine.state == st.LOGIN and begins_tls(self.framers[SERVER].peek(3)):
                machine.assume(st.TLS_HANDSHAKE)
            else:
                machine.assume(st.AUTHENTICATION)
                machine.lose_exchange()
        elif machine.state == st.COMMAND:
            machine.desynchronise()

    # -- bytes that are missing ----------------------------------------------------------------------------------------

    def hole(self, role: int, length: int, frame: int, time_ns: int) -> bool:
        """`length` bytes of packets are missing; True where they are inside one packet, and what it is is known."""
        state = self.machine.state
        framer = self.framers[role]
        if state == st.OTHER_PROTOCOL:
            return True
        if state in st.CONNECTION_PHASE:
            return False
        if role == SERVER and (state not in ALIKE or framer.peek(HEADER + 1)[HEADER:] >= b"\xfe"):
            return False
        if not framer.hole(length, frame, time_ns):
            return False
        self.pump(role)
        return True

    def lose(self, role: int) -> None:
        """What has begun in a direction is lost."""
        self.framers[role].reset()
        if role == CLIENT:
            self._half_answered = False
        if self.compressed is not None:
            self.compressed[role].reset()
