"""TCP connections: both directions' bytes in order, with what is missing said.

Segments come in columns (`TcpConnection.take`). Where each is what its direction awaits, most of the traffic, only
numbers move, and the payloads go on as `Pieces`. All else goes through `TcpConnection.segment`: out of order,
retransmitted, overlapping, lost, wrapping. A property test holds both to the same answer.

Source: RFC 9293 (sequence numbers modulo 2**32: section 3.4).
"""

from __future__ import annotations

from binascii import crc32
from bisect import bisect_left, bisect_right
from typing import Final, Protocol

from analyzer.batches import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, copied
from analyzer.net.tcp.grouping import KEY_SIZE, endpoints_of
from analyzer.net.tcp.headers import SynOptions, hops_left, identification, selectively_acknowledged, syn_options
from analyzer.net.tcp.pieces import Pieces, PiecesHandler, Segments
from analyzer.net.tcp.trouble import MOST, PAUSE_NS, TWICE_NS, Pause, Trouble

# A hole the peer has acknowledged is given up after so many further segments of the connection: captures put frames of
# the two directions out of order, and a retransmission may come after what it fills was acknowledged.
PATIENCE: Final = 16
# What a segment takes beside its bytes while it is held back.
SEGMENT: Final = 320
# Out-of-order bytes and segments one connection may hold back.
MAX_HELD_BYTES: Final = 1 << 20
MAX_HELD_SEGMENTS: Final = 2048

# A direction whose first segment is so many bytes behind where the peer awaits it has lost its beginning. What is
# further away may be of another connection.
LONGEST_LEAD: Final = 1 << 24
# Segments of a direction that are remembered, so that one captured twice is known; and of a connection in which bytes
# come again.
RECENT: Final = 8
LONG_MEMORY: Final = 128
# What is known of a segment: nothing like it is remembered; it was captured before; it is not known whether its bytes
# were captured before or are sent again; they are sent again.
NEW: Final = 0
COPY: Final = 1
UNSURE: Final = 2
RESENT: Final = 3
# Segments up to this many bytes pass every path (RFC 791: every host takes 576 bytes); only larger ones are measured.
SMALL: Final = 536
# Windows whose scale was not captured are taken for so many bits larger: the most that systems use by default.
UNKNOWN_SCALE: Final = 8
UNKNOWN_WINDOW: Final = 0xFFFF
# Numbers of one connection in two networks are so close together.
NEAR: Final = 1 << 16
# An acknowledgement of a SYN, and of what may have followed it unseen.
AFTER_SYN: Final = 1 << 24

# Constants of others, once more: here they are numbers of C.
_ACK: Final = TCP_ACK
_FIN: Final = TCP_FIN
_RST: Final = TCP_RST
_SYN: Final = TCP_SYN
_PAUSE: Final = PAUSE_NS
_FAR: Final = LONGEST_LEAD
_MASK: Final = 0xFFFF_FFFF
_HALF: Final = 0x8000_0000

GAP_LOST: Final = "lost"  # the receiver acknowledged them: the capture lost them
GAP_NETWORK: Final = "network"  # the receiver did not: the network lost them
GAP_SNAP: Final = "snap"

END_FIN: Final = "fin"
END_RST: Final = "rst"
END_CAPTURE: Final = "capture"


def difference(a: int, b: int) -> int:
    """a - b of two sequence numbers, in -2**31 .. 2**31 - 1."""
    return ((a - b + _HALF) & _MASK) - _HALF


def is_far(due: int, number: int) -> bool:
    """Whether a number is further from the one that is due (-1: not known) than segments that are late or lost."""
    return due >= 0 and abs(difference(number, due)) > _FAR


class StreamHandler(Protocol):
    """Takes a connection's stream events, in order. `sender` is the index of the endpoint that sent."""

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes in order; those up to ends[i] came in frame frames[i] at times[i] (ns)."""

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """`length` bytes are not in the capture; 0 where nobody knows how many.

        GAP_LOST: the receiver had them. GAP_SNAP: the frame was cut. GAP_NETWORK: the receiver never had them either.
        """

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        """The sender said it will send no more (END_FIN, END_RST)."""


class _Segment:
    """A segment held back until its place has come."""

    __slots__ = ("ack", "data", "fin", "frame", "missing", "seq", "time_ns")

    def __init__(self, seq: int, ack: int, data: bytes, missing: int, flags: int, frame: int, time_ns: int) -> None:
        self.seq = seq
        self.ack = ack if flags & _ACK else -1  # -1 where it acknowledges nothing
        self.data = data
        self.missing = missing
        self.fin = bool(flags & _FIN)
        self.frame = frame
        self.time_ns = time_ns


class _Seen:
    """A segment that opens the connection or holds data, as it is remembered. `twice`: its copy came, too."""

    __slots__ = ("ack", "captured", "checksum", "flags", "frame", "headers", "time_ns", "twice")

    def __init__(
        self, ack: int, flags: int, data: bytes | memoryview, frame: int, time_ns: int, headers: bytes
    ) -> None:
        self.ack = ack
        self.flags = flags
        self.captured = len(data)
        self.checksum = crc32(data) if self.captured else 0  # as it is of nothing
        self.frame = frame
        self.time_ns = time_ns
        self.headers = headers
        self.twice = False


class Syn:
    """A SYN: its numbers, and the headers.

    due  it is to be among what is remembered: that is put off, as most connections end before anybody asks
    """

    __slots__ = ("ack", "due", "flags", "frame", "headers", "seq", "time_ns")

    seq: int
    ack: int
    flags: int
    frame: int
    time_ns: int
    headers: bytes
    due: bool

    def identification(self) -> int:
        """The number in its IP header; 0 where there is none."""
        return identification(self.headers, self.seq, self.ack)


# What most directions hold back, and those that nobody follows remember: each makes its own for the first.
_NO_SEGMENTS: Final[list[_Segment]] = []
_NO_SPANS: Final[list[int]] = []
_NONE_SEEN: Final[dict[tuple[int, int], _Seen]] = {}
_NO_ACKS: Final[list[int]] = []


class Half:
    """One direction: `next` is the sequence number that is due (-1 before the first segment).

    Only this file writes its fields; others call its methods.

    highest         one past the highest sequence number seen
    acked           the highest acknowledgement the peer sent for this direction
    held            segments that wait for their place, `held_bytes` their payloads
    spans           what is held: start, end, start, end ... in order, joined where they touch
    due             where a request of the peer awaits its first byte, if that was not captured
    unsure          it began with a segment without data: that may have been a keep-alive, one number too low
    start           the first number of the direction
    window          the last window of this side, not scaled; -1: none seen
    syn             its SYN
    recent          segments that are known again when they come a second time, by sequence number and size: `memory` of
                    them at most
    largest         payload bytes of the largest segment
    sizes           each size that was larger than all before it, with the number behind the segment; none below SMALL
    """

    __slots__ = (
        "acked",
        "bytes",
        "due",
        "fin",
        "fin_frame",
        "fin_unseen",
        "held",
        "held_bytes",
        "highest",
        "largest",
        "memory",
        "next",
        "recent",
        "rst_frame",
        "sizes",
        "spans",
        "start",
        "syn",
        "unsure",
        "window",
    )

    def __init__(self) -> None:
        self.next = self.highest = self.acked = self.due = self.start = self.window = -1
        self.held = _NO_SEGMENTS
        self.held_bytes = 0
        self.spans = _NO_SPANS
        self.bytes = 0
        self.fin = self.fin_unseen = self.unsure = False
        self.fin_frame = self.rst_frame = 0
        self.syn: Syn | None = None
        self.recent = _NONE_SEEN
        self.memory = RECENT
        self.largest = SMALL
        self.sizes: list[tuple[int, int]] | None = None

    def begin(self, seq: int) -> None:
        """The first byte of the direction has this number."""
        self.next = self.highest = seq
        if self.start < 0:
            self.start = seq

    def begin_with(self, seq: int, size: int) -> None:
        """Begins with the first segment that was captured, which has `size` bytes and is no SYN.

        What the peer's request awaited before it is missing. A keep-alive is one byte that was acknowledged long ago.
        """
        lead = difference(seq, self.due) if self.due >= 0 else 0
        if self.due >= 0 and -1 <= lead <= LONGEST_LEAD:
            seq = self.due
        elif size == 1:
            seq = (seq + 1) & _MASK
        self.begin(seq)
        self.unsure = not size

    def expect(self, number: int) -> None:
        """The peer sends data and acknowledges what came before this number."""
        if self.next < 0 and self.due < 0:
            self.due = number

    def acknowledge(self, number: int) -> None:
        """The peer has all bytes before this number."""
        if self.acked < 0 or difference(number, self.acked) > 0:
            self.acked = number
        if self.unsure and not self.bytes and difference(number, self.next) == 1:
            self.begin(number)

    def acknowledged_again(self, number: int, flags: int) -> bool:
        """Whether a segment of the peer without data acknowledges once more what it did before, though more was sent
        since."""
        bare = flags & (_ACK | _SYN | _FIN | _RST) == _ACK
        return bare and self.acked == number and self.bytes > 0 and difference(self.highest, number) > 0

    def disown(self) -> None:
        """What was acknowledged far beyond what was seen was another connection's."""
        if is_far(self.highest, self.acked):
            self.acked = self.highest

    def measure(self, size: int, end: int) -> None:
        """Notes the size of a segment that is larger than all before it, and ends before the number `end`."""
        if self.sizes is None:
            self.sizes = []
        self.largest = size
        if len(self.sizes) >= MOST:
            del self.sizes[1]
        self.sizes.append((size, end))

    def has_passed(self, size: int) -> bool:
        """Whether the peer acknowledged a segment of at least this size, which is above SMALL."""
        ends = [end for known, end in self.sizes or () if known >= size]
        return bool(ends) and self.acked >= 0 and difference(self.acked, ends[0]) >= 0

    @property
    def options(self) -> SynOptions | None:
        """What its SYN announced; None where that was not captured."""
        return None if self.syn is None else syn_options(self.syn.headers, self.syn.seq, self.syn.ack)

    def remember(self, seq: int, size: int, seen: _Seen) -> None:
        """Remembers a segment, in place of one that was like it; the oldest is forgotten."""
        recent, key = self.remembered(), (seq, size)
        if recent:
            recent.pop(key, None)
        else:
            recent = self.recent = {}
        recent[key] = seen
        if len(recent) > self.memory:
            del recent[next(iter(recent))]

    def remembered(self) -> dict[tuple[int, int], _Seen]:
        """What is remembered, its SYN included."""
        syn = self.syn
        if syn is not None and syn.due:
            syn.due = False
            self.recent = {(syn.seq, 0): _Seen(syn.ack, syn.flags, b"", syn.frame, syn.time_ns, syn.headers)}
        return self.recent

    def is_before_memory(self, seq: int) -> bool:
        """Whether what has this number, if it came before, is not remembered any more."""
        recent = self.remembered()
        return bool(recent) and difference(seq, next(iter(recent))[0]) < 0

    def compared(self, seq: int, old: _Seen, new: _Seen) -> int:
        """What a segment is that has the number and size of one before: COPY, RESENT, or UNSURE where nothing tells.

        A copy differs in nothing but its way: fewer hops are left to it behind a router. What a system sends again has
        another number in its IP header.
        """
        if old.twice or (old.ack, old.flags) != (new.ack, new.flags):
            return RESENT
        elapsed = abs(new.time_ns - old.time_ns)
        number, before = identification(new.headers, seq, new.ack), identification(old.headers, seq, old.ack)
        if number and before and number != before:
            return RESENT
        if elapsed <= TWICE_NS or (number and before and self._numbers_packets(number, old)):
            return COPY
        hops = hops_left(new.headers, seq, new.ack), hops_left(old.headers, seq, old.ack)
        return COPY if hops[0] != hops[1] and min(hops) else UNSURE

    def _numbers_packets(self, number: int, but: _Seen) -> bool:
        """Whether other segments have other numbers in their IP headers than this: some systems have one for all."""
        for (seq, _), one in self.remembered().items():
            if one is not but and identification(one.headers, seq, one.ack) not in (0, number):
                return True
        return False

    def hops(self) -> set[int]:
        """How many routers its segments that are remembered, and its SYN, could still pass; empty: not known."""
        seen = [(one.headers, seq, one.ack) for (seq, _), one in self.remembered().items()]
        if self.syn is not None:
            seen.append((self.syn.headers, self.syn.seq, self.syn.ack))
        return {hops_left(*each) for each in seen} - {0}

    def finish(self, frame: int) -> None:
        """The direction ends with the FIN of this frame, which takes one number."""
        self.fin = True
        self.fin_frame = frame
        self.next = (self.next + 1) & _MASK

    def finish_unseen(self) -> None:
        """The peer acknowledged one number more than there are bytes: a FIN, which was not captured."""
        self.fin_unseen = True
        self.next = (self.next + 1) & _MASK

    def reset(self, frame: int) -> bool:
        """The direction ends with the RST of this frame; False where it had ended so before."""
        if self.rst_frame:
            return False
        self.rst_frame = frame
        return True


class TcpConnection:
    """Both directions of one TCP connection. Endpoint 0 is the lower (address, port) of the two.

    `opener` is the endpoint that sent the SYN (or did not send the SYN-ACK), -1 where neither was captured.
    `number` is the connection's place among all TCP connections of the capture, as Wireshark's tcp.stream.
    """

    __slots__ = (
        "_endpoints",
        "connected_ns",
        "first_frame",
        "first_ns",
        "gaps",
        "halves",
        "handler",
        "impatience",
        "key",
        "last_frame",
        "last_ns",
        "number",
        "opener",
        "out_of_order",
        "piece_acks",
        "piece_seq",
        "retransmissions",
        "syn_ns",
        "synack_ns",
        "trouble",
    )

    def __init__(self, key: bytes, frame: int, time_ns: int) -> None:
        self.key = key
        self._endpoints: tuple[tuple[str, int], tuple[str, int]] | None = None
        self.number = -1
        self.halves = (Half(), Half())
        self.handler: StreamHandler | None = None
        self.opener = -1
        self.first_frame = frame
        self.first_ns = time_ns
        self.last_frame = frame
        self.last_ns = time_ns
        self.syn_ns: int | None = None
        self.synack_ns: int | None = None
        self.connected_ns: int | None = None
        self.retransmissions = 0
        self.out_of_order = 0
        self.gaps = 0
        self.impatience = 0
        # Of the piece that `StreamHandler.data` is called with: the number of its first byte, and what each of its
        # segments acknowledges (-1: nothing). For a PiecesHandler, `Pieces` says it.
        self.piece_seq = 0
        self.piece_acks = _NO_ACKS
        self.trouble: Trouble | None = None

    @property
    def endpoints(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """((address, port), (address, port)), as its key says: written where somebody asks."""
        if self._endpoints is None:
            self._endpoints = endpoints_of(self.key)
        return self._endpoints

    @property
    def initiator(self) -> int | None:
        """As `opener`; None where that is not known."""
        return None if self.opener < 0 else self.opener

    def pair(self) -> bytes:
        """Who opened it, and the endpoint it was opened to: other than a port, of all networks."""
        key = self.key
        if len(key) != KEY_SIZE:
            raise ValueError("no key of a connection")
        if self.opener == 1:
            return b"".join((copied(key, 16, 32), copied(key, 0, 16), copied(key, 35, 37), copied(key, 39, 40)))
        return copied(key, 0, 32) + copied(key, 37, 40)

    @property
    def closed(self) -> bool:
        """Both sides have ended, or one has reset: nothing more is due."""
        return self.has_ended()

    def has_ended(self) -> bool:
        """The same: called, and not looked up, by those that ask for every connection."""
        a, b = self.halves
        return (a.fin and b.fin) or a.rst_frame > 0 or b.rst_frame > 0

    @property
    def syn_isn(self) -> int | None:
        """The number of the SYN that opened the connection; None where it was not captured."""
        isn = self._isn()
        return None if isn < 0 else isn

    def _isn(self) -> int:
        """The same; -1 where it was not captured."""
        if self.syn_ns is None:
            return -1
        syn = self._first_syn()
        return -1 if syn is None else syn.seq

    def _first_syn(self) -> Syn | None:
        """The SYN of who opened it."""
        low, high = self.halves
        return high.syn if self.opener > 0 else low.syn

    @property
    def syn_id(self) -> int:
        """The number in the IP header of the SYN; 0 where it was not captured, or has none."""
        syn = self._first_syn()
        return 0 if syn is None else syn.identification()

    def noted(self) -> Trouble:
        """Where to note what goes wrong."""
        if self.trouble is None:
            self.trouble = Trouble()
        return self.trouble

    def was_refused(self, sender: int, frame: int) -> bool:
        """Whether `sender` reset the connection with this frame in answer to its SYN."""
        half = self.halves[sender]
        return half.rst_frame == frame and half.next < 0 and self.syn_ns is not None

    def is_new_connection(self, sender: int, seq: int, ack: int, flags: int) -> bool:
        """Whether a SYN, or a SYN-ACK, is of another connection between the same endpoints (port reuse)."""
        half = self.halves[sender]
        if half.next < 0 and flags & _ACK:
            return False
        isn = self._isn()
        if flags & _ACK:
            if sender == self.opener or (isn >= 0 and ack == (isn + 1) & _MASK):
                return False
            syn = half.syn
            return is_far(half.next, seq) if syn is None else seq != syn.seq
        if isn >= 0 and self.opener == sender:
            return seq != isn
        if half.acked == (seq + 1) & _MASK:
            return False  # captured after the SYN-ACK that answers it
        peer = self.halves[1 - sender]
        return half.next >= 0 or peer.next >= 0

    def is_of_another(self, segments: Segments, row: int) -> bool:
        """Whether a segment opens another connection between the same endpoints, or is of one whose SYN was lost.

        Then both its numbers are far from those of this one, and this one has ended, or its bytes begin a connection.
        """
        sender, flags = segments.sender[row], segments.flags[row]
        if flags & _SYN:
            return self.is_new_connection(sender, segments.seq[row], segments.ack[row], flags)
        half, peer = self.halves[sender], self.halves[1 - sender]
        size, offset = segments.length[row], segments.offset[row]
        awaited = peer.next if peer.next >= 0 else peer.acked
        if flags & (_RST | _ACK) != _ACK or not is_far(half.next, segments.seq[row]):
            return False
        ahead = difference(segments.ack[row], awaited) > LONGEST_LEAD
        if not size:
            return self.closed and awaited >= 0 and ahead
        if self.closed:
            return True
        # Not the handler says it: all processes have to number alike, and only one of them has it.
        if not is_far(awaited, segments.ack[row]) or segments.opens is None:
            return False
        if not segments.opens(segments.cut(offset, offset + size)):
            return False
        for each in self.halves:
            each.disown()
        return True

    # -- segments in columns -------------------------------------------------------------------------------------------

    def take(self, pieces: Pieces, begin: int, stop: int) -> int:
        """Takes segments of a batch, at the places from `begin` to `stop` of its order; all are between its endpoints.

        Returns the first place that is not taken: it stops behind a reset, and before a segment that opens another
        connection.
        """
        segments = pieces.segments
        low, high = self.halves
        followed = self.handler is not None
        handed = known = pieces.count
        place = begin
        while place < stop:
            row = segments.order[place]
            flags, sender, size = segments.flags[row], segments.sender[row], segments.length[row]
            seq, ack, window = segments.seq[row], segments.ack[row], segments.window[row]
            frame, time_ns = segments.frame[row], segments.time_ns[row]
            half = high if sender else low
            peer = low if sender else high
            plain = not segments.missing[row] and not segments.one_by_one
            if plain and flags & _SYN and self._opens(half, peer, sender, flags, size, ack, window, time_ns):
                place += 1
                self.last_frame, self.last_ns = frame, time_ns
                self._syn(sender, seq, ack, flags, NEW, frame, time_ns, segments.headers(segments.offset[row]))
                syn = half.syn
                if syn is not None:
                    syn.due = followed
                half.begin((seq + 1) & _MASK)
                if flags & _ACK:
                    peer.acknowledge(ack)
                    half.window = window
                continue
            if not plain or not self._in_order(half, peer, sender, flags, size, seq, ack, window, time_ns):
                if self.is_of_another(segments, row):
                    break
                self._hand_on(pieces, handed)
                self._remember(pieces, known)
                handed = known = pieces.count
                self._segment_of(segments, row)
                place += 1
                if flags & _RST:
                    return place
                continue
            place += 1
            self.last_frame, self.last_ns = frame, time_ns
            if self.connected_ns is None and self.synack_ns is not None and sender == self.opener:
                self.connected_ns = time_ns
            if half.next < 0:
                half.begin_with(seq, size)
            if flags & _ACK:
                if size:
                    peer.expect(ack)
                peer.acknowledge(ack)
                half.window = window
                if self.trouble is not None:
                    self.trouble.window(sender, False, frame, time_ns)
            if size:
                half.bytes += size
                half.next = half.highest = (half.next + size) & _MASK
                if size > half.largest:
                    half.measure(size, half.next)
                if followed:
                    pieces.add(row)
            else:
                self.impatience = 0
            if flags & _FIN:
                self._hand_on(pieces, handed)
                handed = pieces.count
                half.finish(frame)
                self._end(sender, END_FIN, frame, time_ns)
        self._hand_on(pieces, handed)
        if not self.has_ended():
            self._remember(pieces, known)
        return place

    def _in_order(
        self, half: Half, peer: Half, sender: int, flags: int, size: int, seq: int, ack: int, window: int, time_ns: int
    ) -> bool:
        """Whether a segment is what its direction awaits, says nothing unusual, and nothing is held back."""
        if flags & (_SYN | _RST) or half.held or peer.held or time_ns - self.last_ns >= _PAUSE:
            return False
        ends = flags & _FIN
        if flags & _ACK:
            if not window or (peer.unsure and not peer.bytes):
                return False
            if peer.next >= 0 and difference(ack, peer.next) > (0 if size or ends else _FAR):
                return False
            if not size and peer.acknowledged_again(ack, flags):
                return False
        if half.next < 0:
            # Where it begins has to be sure: one byte may be a keep-alive's.
            return size != 1 and (half.due < 0 or seq == half.due) and self._answers(sender, ack, flags)
        if not size and not ends:
            return True
        return seq == half.next and half.next == half.highest and not half.fin

    def _opens(
        self, half: Half, peer: Half, sender: int, flags: int, size: int, ack: int, window: int, time_ns: int
    ) -> bool:
        """Whether it is the first SYN, before all else, or the first answer to it, with nothing but one in between."""
        if size or flags & (_FIN | _RST) or half.next >= 0 or half.syn is not None or time_ns - self.last_ns >= _PAUSE:
            return False
        if not flags & _ACK:
            return self.opener < 0 and peer.next < 0 and half.acked < 0 and half.due < 0
        if sender == self.opener or self.synack_ns is not None or not window or peer.bytes or self.trouble is not None:
            return False
        return self.syn_ns is not None and ack == peer.next == peer.highest and not peer.held

    def _segment_of(self, segments: Segments, row: int) -> None:
        """Takes a segment the long way."""
        offset = segments.offset[row]
        self.segment(
            segments.sender[row],
            segments.seq[row],
            segments.ack[row],
            segments.flags[row],
            segments.cut(offset, offset + segments.length[row]),
            segments.missing[row],
            segments.frame[row],
            segments.time_ns[row],
            segments.window[row],
            segments.headers(offset),
        )

    def _hand_on(self, pieces: Pieces, first: int) -> None:
        """Hands the pieces from `first` on to the handler."""
        handler = self.handler
        last = pieces.count
        if handler is None or first == last:
            return
        if isinstance(handler, PiecesHandler):
            taker = handler
            taker.pieces(pieces, first, last)
            return
        while first < last:
            stop = pieces.run_end(first, last)
            self.piece_seq, self.piece_acks = pieces.numbers(first, stop)
            handler.data(*pieces.run(first, stop))
            first = stop

    def _remember(self, pieces: Pieces, first: int) -> None:
        """Lets each side know the last of the pieces from `first` on again, should they come once more."""
        if self.handler is None:
            return
        segments = pieces.segments
        latest: list[int] = []
        left = [self.halves[0].memory, self.halves[1].memory]
        for piece in range(pieces.count - 1, first - 1, -1):
            row = pieces.row[piece]
            if left[segments.sender[row]]:
                left[segments.sender[row]] -= 1
                latest.append(row)
            elif left == [0, 0]:
                break
        for row in reversed(latest):
            size, offset, half = segments.length[row], segments.offset[row], self.halves[segments.sender[row]]
            data = segments.cut(offset, offset + size)
            numbers = segments.ack[row], segments.flags[row]
            seen = _Seen(*numbers, data, segments.frame[row], segments.time_ns[row], segments.headers(offset))
            half.remember(segments.seq[row], size, seen)

    # -- whether a segment is of this connection -----------------------------------------------------------------------

    def owns(self, sender: int, seq: int, ack: int, flags: int) -> bool:
        """Whether a segment from another network is of this connection: its numbers are those of it."""
        half, peer = self.halves[sender], self.halves[1 - sender]
        isn = self.syn_isn
        if flags & _SYN:
            if isn is None:
                return not flags & _ACK and half.acked == (seq + 1) & _MASK
            if not flags & _ACK:
                return sender == self.opener and seq == isn
            return sender != self.opener and ack == (isn + 1) & _MASK
        due = half.next if half.next >= 0 else half.acked
        awaited = peer.next if peer.next >= 0 else peer.acked
        if due < 0 and (awaited < 0 or not flags & _ACK):
            return False
        near = due < 0 or abs(difference(seq, due)) <= NEAR
        return near and (awaited < 0 or not flags & _ACK or abs(difference(ack, awaited)) <= NEAR)

    def _answers(self, sender: int, ack: int, flags: int) -> bool:
        """Whether the first segment of a side fits the SYN of the other; any does where none was captured.

        Others are of an earlier connection, or of nobody (RFC 9293, 3.10.7.3).
        """
        if not flags & _ACK or sender == self.opener:
            return True
        isn = self._isn()
        return isn < 0 or 0 <= difference(ack, (isn + 1) & _MASK) < AFTER_SYN

    def _resets(self, sender: int, seq: int, ack: int, flags: int) -> bool:
        """Whether a reset is within the window of who receives it (RFC 9293, 3.10.7.3 and 3.10.7.4)."""
        half, peer = self.halves[sender], self.halves[1 - sender]
        if half.next < 0 and half.acked < 0:
            if self.syn_isn is None or sender == self.opener:
                return True
            first = (self.syn_isn + 1) & _MASK
            return bool(flags & _ACK) and 0 <= difference(ack, first) <= difference(peer.highest, first)
        due = half.acked if half.acked >= 0 else half.next
        reach = self._window(peer, half)
        if half.next >= 0:  # what was sent was within the window, FIN included
            reach = max(reach, difference(half.highest, due), difference(half.next, due))
        return 0 <= difference(seq, due) <= reach

    @staticmethod
    def _window(taker: Half, giver: Half) -> int:
        """Bytes that a side takes beyond those it acknowledged, at most."""
        if taker.window < 0:
            return UNKNOWN_WINDOW
        ours, theirs = taker.options, giver.options
        if ours is None:
            return taker.window << UNKNOWN_SCALE
        both = ours.scale is not None and (theirs is None or theirs.scale is not None)
        return taker.window << (ours.scale or 0) if both else taker.window

    # -- one segment --------------------------------------------------------------------------------------------------

    def segment(
        self,
        sender: int,
        seq: int,
        ack: int,
        flags: int,
        data: bytes,
        missing: int,
        frame: int,
        time_ns: int,
        window: int = UNKNOWN_WINDOW,
        headers: bytes = b"",
    ) -> None:
        """Takes a segment; calls the handler for whatever has its place with it.

        `data` is the captured payload, `missing` the bytes of it that the snap length cut off, `headers` what stands
        before it in the frame.
        """
        if time_ns - self.last_ns >= _PAUSE:
            before = (self.halves[0].bytes, self.halves[1].bytes)
            pause = Pause(self.last_frame, self.last_ns, frame, time_ns, sender, len(data) + missing, seq, before)
            self.noted().pause = pause
        self.last_frame = frame
        self.last_ns = time_ns
        half = self.halves[sender]
        peer = self.halves[1 - sender]
        if flags & _RST:
            self._reset(sender, seq, ack, flags, frame, time_ns, headers)
            return
        if half.next < 0 and not self._answers(sender, ack, flags):
            return
        size = len(data) + missing
        known = NEW
        if self.handler is not None and (size or flags & _SYN):
            known = self._known_again(half, seq, size, _Seen(ack, flags, data, frame, time_ns, headers))
        if flags & _SYN:
            self._syn(sender, seq, ack, flags, known, frame, time_ns, headers)
            seq = (seq + 1) & _MASK
        elif self.connected_ns is None and self.synack_ns is not None and sender == self.opener:
            self.connected_ns = time_ns
        if half.next < 0:
            if flags & _SYN:
                half.begin(seq)
            else:
                half.begin_with(seq, size)
        if flags & _ACK:
            self._take_ack(sender, seq, ack, flags, size, frame, time_ns, window, headers)
        if size or flags & _FIN:
            self._place(sender, _Segment(seq, ack, data, missing, flags, frame, time_ns), known)
        if not half.held and not peer.held:
            self.impatience = 0
            return
        self._drain()
        if half.held or peer.held:
            self._lose_patience()

    def _take_ack(
        self,
        sender: int,
        seq: int,
        ack: int,
        flags: int,
        size: int,
        frame: int,
        time_ns: int,
        window: int,
        headers: bytes,
    ) -> None:
        """Takes what a segment says of the other direction."""
        half, peer = self.halves[sender], self.halves[1 - sender]
        if size:
            peer.expect(ack)
        elif peer.acknowledged_again(ack, flags):
            self.noted().duplicate_ack(1 - sender, frame, selectively_acknowledged(headers, seq, ack))
        peer.acknowledge(ack)
        half.window = window
        if not flags & _SYN and (not window or self.trouble is not None):
            self.noted().window(sender, not window, frame, time_ns)

    def _reset(self, sender: int, seq: int, ack: int, flags: int, frame: int, time_ns: int, headers: bytes) -> None:
        """Takes a RST. What it carries is a word of diagnosis, not part of the stream (RFC 9293, 3.5.3)."""
        if not self._resets(sender, seq, ack, flags):
            self.noted().stray(frame)
            return
        if flags & _ACK:
            self.halves[1 - sender].acknowledge(ack)
        self._drain()
        half = self.halves[sender]
        if half.reset(frame):
            hops, usual = hops_left(headers, seq, ack), half.hops()
            if hops and usual and hops not in usual:
                self.noted().foreign_reset = frame, hops, max(usual)
            self.flush()
            self._end(sender, END_RST, frame, time_ns)

    def _known_again(self, half: Half, seq: int, size: int, seen: _Seen) -> int:
        """What is known of a segment of a connection that somebody wants; remembers it where it is no copy."""
        old = half.remembered().get((seq, size))
        if old is None:
            if half.is_before_memory(seq):
                return UNSURE
            half.remember(seq, size, seen)
            return NEW
        for each in self.halves:
            each.memory = LONG_MEMORY
        # The byte of a keep-alive probe is garbage.
        probes = size == 1 and difference(seq, half.next) == -1
        if old.captured == seen.captured and old.checksum != seen.checksum and not probes:
            self.noted().differ(old.frame, seen.frame, size)
        known = half.compared(seq, old, seen)
        if known == COPY:
            old.twice = True
            hops = hops_left(old.headers, seq, old.ack) - hops_left(seen.headers, seq, seen.ack)
            self.noted().copy(size, seen.frame, abs(seen.time_ns - old.time_ns), abs(hops))
        else:
            half.remember(seq, size, seen)
        return known

    def _syn(
        self, sender: int, seq: int, ack: int, flags: int, known: int, frame: int, time_ns: int, headers: bytes
    ) -> None:
        """Takes a SYN, of which is known whether it is a copy."""
        half = self.halves[sender]
        if half.syn is None:
            syn = half.syn = Syn.__new__(Syn)
            syn.seq, syn.ack, syn.flags, syn.headers = seq, ack, flags, headers
            syn.frame, syn.time_ns, syn.due = frame, time_ns, False
        if flags & _ACK:
            if self.synack_ns is None:
                self.synack_ns = time_ns
            elif known != COPY:
                self.noted().again(self.noted().synack_retries, frame, time_ns, known == RESENT)
            if self.opener < 0:
                self.opener = 1 - sender
        elif self.syn_ns is None:
            self.syn_ns = time_ns
            self.opener = sender
        elif known != COPY:
            self.noted().again(self.noted().syn_retries, frame, time_ns, known == RESENT)

    def _place(self, sender: int, segment: _Segment, known: int) -> None:
        """Counts a segment and puts it among those held back, without what is known already."""
        half = self.halves[sender]
        size = len(segment.data) + segment.missing
        end = (segment.seq + size) & _MASK
        offset = difference(segment.seq, half.next)
        if half.unsure and size and offset == 1 and not (half.bytes or half.held):
            half.begin(segment.seq)
            offset = 0
        if size <= 1 and offset == -1 and not segment.fin:
            return  # a keep-alive probe: its byte is garbage
        if size and difference(end, half.next) <= 0:
            self._again(sender, segment, size, known)
            if not segment.fin or half.fin:
                return
        elif difference(segment.seq, half.highest) < 0:
            if self._known(half, segment.seq, size):
                self._again(sender, segment, size, known)
                if not segment.fin:
                    return
            elif offset < 0:
                self._again(sender, segment, size, known)  # and new bytes after them
            else:
                self.out_of_order += 1
        if difference(end, half.highest) > 0:
            half.highest = end
        held = half.held
        index = len(held)
        if index and difference(held[-1].seq, segment.seq) > 0:
            due = half.next
            index = bisect_right(held, difference(segment.seq, due), key=lambda other: difference(other.seq, due))
        if held:
            held.insert(index, segment)
        else:
            half.held = [segment]
        half.held_bytes += len(segment.data)
        if size:
            self._mark(half, segment.seq, end)

    def _again(self, sender: int, segment: _Segment, size: int, known: int) -> None:
        """Counts bytes that were seen before."""
        self.retransmissions += 1
        if size and known != COPY:
            self.noted().repeat(sender, segment.seq, size, segment.frame, segment.time_ns, known == UNSURE)

    @staticmethod
    def _mark(half: Half, start: int, end: int) -> None:
        """Joins the bytes from `start` to `end` to those held."""
        spans = half.spans
        if len(half.held) == 1 or not spans:
            half.spans = [start, end]
            return
        due = half.next

        def place(number: int) -> int:
            return difference(number, due)

        passed = bisect_right(spans, 0, key=place)
        del spans[: passed - passed % 2]
        left = bisect_left(spans, place(start), key=place)
        right = bisect_right(spans, place(end), key=place)
        spans[left:right] = ([start] if left % 2 == 0 else []) + ([end] if right % 2 == 0 else [])

    def _known(self, half: Half, seq: int, size: int) -> bool:
        """Whether the bytes are all delivered or held already."""
        due = half.next
        start = max(difference(seq, due), 0)
        end = difference(seq + size, due)
        if start >= end:
            return True
        if not half.held:
            return False
        index = bisect_right(half.spans, start, key=lambda number: difference(number, due))
        return index % 2 == 1 and difference(half.spans[index], due) >= end

    def _ready(self, half: Half, peer: Half) -> bool:
        """Whether the first held segment is next, and what it acknowledges has been delivered before it."""
        if not half.held:
            return False
        first = half.held[0]
        if difference(first.seq, half.next) > 0:
            return False
        return first.ack < 0 or peer.next < 0 or difference(first.ack, peer.next) <= 0

    def _drain(self) -> None:
        """Delivers all that has its place, the two directions in the order of their acknowledgements."""
        a, b = self.halves
        while True:
            ready_a = self._ready(a, b)
            ready_b = self._ready(b, a)
            if ready_a and (not ready_b or a.held[0].frame <= b.held[0].frame):
                self._deliver(0)
            elif ready_b:
                self._deliver(1)
            else:
                return

    def _deliver(self, sender: int) -> None:
        half = self.halves[sender]
        segment = half.held.pop(0)
        half.held_bytes -= len(segment.data)
        old = difference(half.next, segment.seq)
        data = segment.data[old:] if old else segment.data
        captured_end = (segment.seq + len(segment.data)) & _MASK
        if data:
            half.bytes += len(data)
            half.next = captured_end
            if len(segment.data) + segment.missing > half.largest:
                half.measure(len(segment.data) + segment.missing, captured_end + segment.missing & _MASK)
            if self.handler is not None:
                self.piece_seq = (captured_end - len(data)) & _MASK
                self.piece_acks = [segment.ack]
                self.handler.data(sender, data, [len(data)], [segment.frame], [segment.time_ns])
        if segment.missing:
            end = (captured_end + segment.missing) & _MASK
            lost = difference(end, half.next)
            if lost > 0:
                half.next = end
                self._gap(sender, lost, GAP_SNAP, segment.frame, segment.time_ns)
        if segment.fin and not half.fin:
            half.finish(segment.frame)
            self._end(sender, END_FIN, segment.frame, segment.time_ns)

    # -- what is missing -----------------------------------------------------------------------------------------------

    def _lose_patience(self) -> None:
        """Gives up a hole that the peer has acknowledged, or that holds back more than may be held."""
        self.impatience += 1
        for sender in (0, 1):
            half = self.halves[sender]
            # One that merely waits for the peer's bytes goes after them.
            if self.impatience > PATIENCE and self._has_hole(sender) and self._acknowledged_hole(half):
                self._skip_hole(sender)
                self.impatience = 0
                self._drain()
            while half.held_bytes > MAX_HELD_BYTES or len(half.held) > MAX_HELD_SEGMENTS:
                self._skip_hole(sender)
                self._drain()

    def _acknowledged_hole(self, half: Half) -> bool:
        return half.next >= 0 and half.acked >= 0 and difference(half.acked, half.next) > 0

    def _skip_hole(self, sender: int) -> None:
        """Declares the bytes before the first held segment (or before what the peer acknowledged) missing."""
        half = self.halves[sender]
        if half.next < 0:
            return
        if half.held:
            target = half.held[0].seq
            first = half.held[0]
            frame, time_ns = first.frame, first.time_ns
            # The peer may have acknowledged a part of the hole only; the rest of it was lost all the same.
        elif self._acknowledged_hole(half):
            target = half.acked
            frame, time_ns = self.last_frame, self.last_ns
        else:
            return
        length = difference(target, half.next)
        if length == 1 and not half.held:
            half.finish_unseen()
            return
        if length <= 0:
            # In its place, but it waits for bytes of the peer that will not come.
            other = self.halves[1 - sender]
            if other.held or not self._acknowledged_hole(other):
                self._deliver(sender)
            else:
                self._skip_hole(1 - sender)
            return
        # Held segments of a receiver that never acknowledged what is missing before them: he has it not, either.
        had = self.halves[1 - sender].next < 0 or self._acknowledged_hole(half)
        self.noted().hole(sender, length, frame, had)
        half.next = target
        self._gap(sender, length, GAP_LOST if had else GAP_NETWORK, frame, time_ns)

    @property
    def held(self) -> int:
        """Bytes of memory that segments take which wait for their place."""
        return sum(half.held_bytes + SEGMENT * len(half.held) for half in self.halves)

    def shed(self) -> None:
        """Delivers all that is held, with gaps for what has not come. Late bytes count as retransmitted."""
        self._drain()
        while True:
            waiting = [s for s in (0, 1) if self.halves[s].held]
            if not waiting:
                break
            # First the holes: what merely waits for the peer's bytes goes after them.
            holes = [s for s in (0, 1) if self._has_hole(s)]
            self._skip_hole(holes[0] if holes else waiting[0])
            self._drain()

    def flush(self) -> None:
        """`shed` at the end of the connection or the capture: gaps also for what was acknowledged and never came."""
        a, b = self.halves
        if not (a.held or b.held or self._acknowledged_hole(a) or self._acknowledged_hole(b)):
            return
        self.shed()
        for sender in (0, 1):
            half = self.halves[sender]
            lost = difference(half.acked, half.next) if self._acknowledged_hole(half) else 0
            # A FIN that was not captured is acknowledged as one number more: not worth a gap.
            if lost > 1:
                half.next = half.acked
                self.noted().hole(sender, lost, self.last_frame, True)
                self._gap(sender, lost, GAP_LOST, self.last_frame, self.last_ns)
            elif lost == 1 and not half.fin:
                half.finish_unseen()

    def _has_hole(self, sender: int) -> bool:
        half = self.halves[sender]
        if half.held:
            return difference(half.held[0].seq, half.next) > 0
        return self._acknowledged_hole(half)

    def _gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.gaps += 1
        if self.handler is not None:
            self.handler.gap(sender, length, reason, frame, time_ns)

    def _end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        handler = self.handler
        if isinstance(handler, PiecesHandler):
            taker = handler
            taker.end(sender, kind, frame, time_ns)
        elif handler is not None:
            handler.end(sender, kind, frame, time_ns)
