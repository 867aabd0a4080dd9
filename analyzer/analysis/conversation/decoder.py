"""Bytes of packets, as they are inside of TLS: through compression, framer and state machine, to facts."""

from __future__ import annotations

from typing import Final

from analyzer.analysis.commands.excerpt import Shown
from analyzer.analysis.commands.tracker import CommandTracker
from analyzer.analysis.conversation.facts import Facts
from analyzer.analysis.conversation.observer import GAP_UNSENT, Observer, Skimmer
from analyzer.analysis.packets.packet_list import PacketList
from analyzer.errors import BadValue
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.execute_fast_path import plain_execute
from analyzer.protocol.machine.fast_path import plain_response
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.machine.resultset import LOOKED_AT
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables.commands import COM_STMT_EXECUTE
from analyzer.protocol.wire.compression import Allowance, CompressedFramer
from analyzer.protocol.wire.framing import HEADER, PacketFramer, RawPacket
from analyzer.tls.records import begins_tls

# Packets up to so many bytes are taken without the framer.
LONGEST_DIRECT: Final = 1 << 16
# After so many malformed packets in a row the connection is taken to be out of step.
MOST_BAD: Final = 100

# States in which only a client's packet, or a fault, leaves a fact behind.
QUIET: Final = frozenset(
    {st.RESPONSE, st.RESULT, st.COLUMNS, st.COLUMNS_EOF, st.ROWS, st.PREPARE, st.PREPARE_PARAMS, st.PREPARE_PARAMS_EOF}
    | {st.PREPARE_COLUMNS, st.PREPARE_COLUMNS_EOF, st.FIELD_LIST, st.STATISTICS, st.STREAM}
)
# In place of a row that only who looks at it finds broken.
UNSEEN: Final = Data("row", b"")


class Decoding:
    """Decodes both directions of one connection. What is around the packets (TLS, gaps) is its subclass's business."""

    __slots__ = (
        "_allowance",
        "_bad",
        "_bare",
        "_compressed",
        "_framers",
        "_half_answered",
        "_log",
        "_skimmer",
        "_unseen",
        "facts",
        "machine",
        "observer",
        "shown",
    )

    def __init__(self, keep: int, observer: Observer | None, response_ends: Ends, allowance: Allowance) -> None:
        self.facts = Facts()
        self.machine = Machine()
        self.machine.ends = response_ends
        self.machine.lean = observer is None
        self.observer = observer
        self.shown: PacketList | Shown | None = None  # the observer whose packets the reports show
        # The observer where it is the list of commands, and nobody else looks on.
        self._log = observer if isinstance(observer, CommandTracker) and observer.full else None
        # The observer where it is one that takes turns.
        self._skimmer = observer if isinstance(observer, Skimmer) else None
        # Nobody looks at packets one by one.
        self._unseen = observer is None or self._log is not None
        self._allowance = allowance
        self._bad = 0  # malformed packets in a row
        self._half_answered = False  # the client's packet that is under way was answered already
        self._bare = False  # the client's bytes have begun, and neither TLS nor compression is around the packets
        self._framers = (PacketFramer(keep), PacketFramer(keep))
        self._compressed: tuple[CompressedFramer, CompressedFramer] | None = None

    @property
    def _turns_due(self) -> bool:
        """Whether what comes may be taken in turns: nobody looks at packets, and none has begun."""
        if not self._unseen and (self._skimmer is None or not self._skimmer.turns):
            return False
        return self._bare and self._framers[CLIENT].idle and self._framers[SERVER].idle

    def _bytes(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Takes bytes of the stream that turned out to be of another layer."""
        raise NotImplementedError

    def _after_gap(self, role: int) -> None:
        """Goes on where bytes are missing."""
        raise NotImplementedError

    def _packets(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self._compressed is None:
            self._opened(role, data, ends, frames, times)
            return
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            if self.shown is not None:
                self.shown.outer(role, "compressed", data[start:end])
            contents = self._compressed[role].frames(data[start:end])
            start = end
            while True:
                try:
                    content = next(contents, None)
                except BadValue as error:
                    self.facts.faults.record_fault(role, "CompressedPacket", error, frame)
                    self._after_gap(role)
                    return
                if content is None:
                    break
                if content:
                    self._opened(role, content, [len(content)], [frame], [time_ns])

    def _opened(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes of packets, as they are inside of all layers."""
        framer = self._framers[role]
        if self._unseen and framer.idle:
            # Plain commands and plain responses, where nobody looks at packets: most of the traffic.
            if role == CLIENT:
                if self.machine.whole_command(data) and self._plain_command(data, frames, times):
                    return
            else:
                scanned = plain_response(self.machine, data)
                if scanned is not None:
                    if self._log is not None:
                        self._log.answer(scanned, len(data), ends, frames, times)
                    return
        if not (framer.idle and self._single(role, data, frames, times)):
            framer.push(data, ends, frames, times)
            self._pump(role)

    def _plain_command(self, data: bytes, frames: list[int], times: list[int]) -> bool:
        """Takes a whole command that is plain."""
        machine, log, code = self.machine, self._log, data[HEADER]
        if machine.plain_command(data):
            if log is not None:
                log.plain(data, machine.context.in_force, frames[-1], times[-1])
        elif log is not None and code == COM_STMT_EXECUTE:
            taken = plain_execute(machine, data)
            if taken is None:
                return False
            log.execute(data, *taken, frames[-1], times[-1])
        else:
            return False
        self.facts.record_plain(data, frames[-1], times[-1], machine.quitting)
        return True

    def _single(self, role: int, data: bytes, frames: list[int], times: list[int]) -> bool:
        """Takes bytes that are one whole packet, where nothing has begun; False where they are not."""
        machine = self.machine
        length = len(data) - HEADER
        if length < 0 or (data[0] | data[1] << 8 | data[2] << 16) != length or machine.one_sided:
            return False
        if length > min(LONGEST_DIRECT, self._framers[role].keep):
            return False
        if self.observer is not None and self._log is None:
            self._looked_at(self.observer)
        if role == SERVER and machine.may_pass > 0:
            return False
        packet = RawPacket(data[3], data[HEADER:], length, frames[-1], times[-1], frames[0], times[0], data[3])
        self._packet(role, packet)
        return True

    def _looked_at(self, observer: Observer) -> None:
        """Whoever looks at packets sees what is in them; when he has seen enough, rows are passed over again."""
        full = observer.full
        self.machine.decode_rows = not full
        if full and isinstance(observer, CommandTracker):
            self._log = observer  # it has all the packets that it shows
            self._unseen = True

    def _pump(self, role: int) -> None:
        """Feeds all complete packets of a direction to the machine."""
        machine = self.machine
        framer = self._framers[role]
        observer = self.observer
        if observer is not None and self._log is None:
            self._looked_at(observer)
        one_frame = self._skimmer is not None and self._skimmer.frames
        while True:
            if role == SERVER and (observer is None or observer.full):
                most = machine.may_pass
                if most > 0:
                    state = machine.state
                    count, sequence, length = framer.skip_rows(machine.next_sequence, most, one_frame)
                    machine.passed(count, sequence)
                    if observer is not None and count:
                        observer.passed(state, count, length, *framer.mark)
            if machine.one_sided and role == SERVER and framer.peek(1):
                alone = machine.state
                self._alone()
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
        if role == SERVER and machine.state == st.COMMAND and not self._framers[CLIENT].idle:
            self._answer_half()
        before = machine.state
        if role == SERVER and before in st.CONNECTION_PHASE and self._framers[CLIENT].pending:
            machine.any_sequence()  # the server answers a packet that is not whole
        record = machine.feed(role, packet)
        broken = type(record) is Malformed
        noted = record
        if type(record) is Malformed and record.record_type in LOOKED_AT:
            # A row or an event that is broken is so only for who looks at it: the facts are the same for all.
            broken, noted = False, UNSEEN
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
                self._give_up_stream()
                return False
        else:
            self._bad = 0
        after = machine.state
        if after == before:
            return True
        if after == st.LOCAL_INFILE and role == SERVER:
            self.facts.record_file_request(record, packet, machine)
        return self._goes_on(role)

    def _answer_half(self) -> None:
        """The server answers a command of which not all has come: it is refused, or the client stopped in it."""
        packet = None if self._half_answered else self._framers[CLIENT].partial()
        if packet is None or self.machine.context.assumed:
            return
        self.facts.answers.record_early(packet)
        self._packet(CLIENT, packet)
        self._half_answered = True
        if self.observer is not None:
            unsent = packet.length - len(packet.payload)
            self.observer.gap(CLIENT, unsent, GAP_UNSENT, packet.frame, packet.time_ns)

    def _goes_on(self, role: int) -> bool:
        """The state has changed: whether packets follow as they are. If not, what is left goes where it belongs."""
        machine = self.machine
        after = machine.state
        # A whole login where an SSLRequest belongs: servers take it, and go on in TLS.
        unasked = after == st.AUTHENTICATION and role == CLIENT and begins_tls(self._framers[role].peek(3))
        if after == st.TLS_HANDSHAKE or unasked:
            self._hand_over(role)
            return False
        if machine.compression is not None and self._compressed is None:
            self._begin_compression(role)
            return False
        return True

    def _hand_over(self, role: int) -> None:
        """What the framer has left belongs to TLS."""
        rest, ends, frames, times = self._framers[role].take_rest()
        if rest:
            self._bytes(role, rest, ends, frames, times)

    def _give_up_stream(self) -> None:
        """Nothing of it is MySQL any more: waits for a command, as after a gap. A bomb holds millions of packets."""
        self._bad = 0
        for framer in self._framers:
            framer.reset()
        self._half_answered = False
        for compressed in self._compressed or ():
            compressed.reset()
        self.machine.context.assumed = True
        if self.machine.state in st.CONNECTION_PHASE:
            self.machine.lose_exchange()
        self.machine.desynchronise()

    def _begin_compression(self, role: int) -> None:
        """From the byte after the login's OK on, both directions are compressed."""
        algorithm = self.machine.compression or ""
        self._bare = False
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
        if machine.state in (st.LOGIN, st.SECURE_LOGIN):
            if machine.state == st.LOGIN and begins_tls(self._framers[SERVER].peek(3)):
                machine.assume(st.TLS_HANDSHAKE)
            else:
                machine.assume(st.AUTHENTICATION)
                machine.lose_exchange()
        elif machine.state == st.COMMAND:
            machine.desynchronise()
