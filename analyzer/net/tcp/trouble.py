"""What went wrong on the way: rare things of a TCP connection, noted where they happen. Pure records.

Frames are numbers from 1, times nanoseconds since 1970, sizes bytes. Pairs and `sender` are by endpoint, as in
TcpConnection.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

# Neither side sends anything for so long: a pause.
PAUSE_NS: Final = 10_000_000_000
# Things of one kind that are kept of one connection; of more, the first and the last are.
MOST: Final = 32
# A segment that comes twice within so long is one segment captured twice, where its IP header has no number to tell.
TWICE_NS: Final = 5_000_000

T = TypeVar("T")


class Repeat(msgspec.Struct):
    """Bytes that were sent again: `count` times after the first time, from `first_frame` to `last_frame`.

    Of `unsure` of them nobody can say whether they were sent again, or captured a second time.
    """

    seq: int
    size: int
    count: int
    first_frame: int
    first_ns: int
    last_frame: int
    last_ns: int
    unsure: int = 0


class Pause(msgspec.Struct):
    """A time in which no side sent anything, and the segment that ended it. `before`: bytes of each side until then."""

    before_frame: int
    before_ns: int
    frame: int
    time_ns: int
    sender: int
    size: int  # of its payload
    seq: int
    before: tuple[int, int]


class ShutWindow(msgspec.Struct):
    """A side that took no more bytes: its window was zero from `frame` on; `until_frame` 0 where it never opened."""

    frame: int
    since_ns: int
    last_frame: int  # the last that said so
    last_ns: int
    until_frame: int = 0
    until_ns: int = 0


class Hole(msgspec.Struct):
    """Bytes that came in no frame; `frame` is the one behind them. `acknowledged`: the receiver had them."""

    size: int
    frame: int
    acknowledged: bool


class DuplicateAcks(msgspec.Struct):
    """A receiver that says again and again what it awaits, since something behind it came.

    `sacked`: bytes of what came, as the first of them says; 0 where it does not say (RFC 2018).
    """

    count: int
    frame: int
    last_frame: int
    sacked: int


class Trouble(msgspec.Struct):
    """What is noted of one connection.

    syn_retries     (frame, ns) of SYNs sent again;  synack_retries  the same of SYN-ACKs
    pause           the last pause
    stray_resets    frames of resets outside the window: they end nothing
    copies          data segments and SYNs that were captured a second time; `copied` their bytes, `copy_frame`
                    the first of them, `copy_ns` how long behind the first at most, `copy_hops` over how many routers
    unsure          bytes that came again, the first in `unsure_frame`: nobody can say whether they are copies
    unsure_syns     SYNs and SYN-ACKs among the retries of which the same is true
    foreign_reset   frame of a reset that could still pass so many routers, and the most that its sender's other
                    segments could: none of them as many as it
    differing       frames in which bytes came first, and in which other bytes came in their place; how many
    repeats, shut_windows, holes   by endpoint
    duplicate_acks                 by the endpoint whose bytes are awaited
    """

    syn_retries: list[tuple[int, int]] = []
    synack_retries: list[tuple[int, int]] = []
    pause: Pause | None = None
    stray_resets: list[int] = []
    copies: int = 0
    copied: int = 0
    copy_frame: int = 0
    copy_ns: int = 0
    copy_hops: int = 0
    unsure: int = 0
    unsure_frame: int = 0
    unsure_syns: int = 0
    differing: list[tuple[int, int, int]] = []
    foreign_reset: tuple[int, int, int] | None = None
    repeats: tuple[list[Repeat], list[Repeat]] = msgspec.field(default_factory=lambda: ([], []))
    shut_windows: tuple[list[ShutWindow], list[ShutWindow]] = msgspec.field(default_factory=lambda: ([], []))
    holes: tuple[list[Hole], list[Hole]] = msgspec.field(default_factory=lambda: ([], []))

    duplicate_acks: list[DuplicateAcks | None] = msgspec.field(default_factory=lambda: [None, None])

    def duplicate_ack(self, sender: int, frame: int, sacked: int) -> None:
        """Notes that the peer of `sender` acknowledged the same number again, for what came behind it."""
        known = self.duplicate_acks[sender]
        if known is None:
            self.duplicate_acks[sender] = DuplicateAcks(1, frame, frame, sacked)
        else:
            known.count += 1
            known.last_frame = frame

    def repeat(self, sender: int, seq: int, size: int, frame: int, time_ns: int, unsure: bool) -> None:
        """Notes bytes that were sent again."""
        known = self.repeats[sender]
        if unsure:
            self.unsure += size
            self.unsure_frame = self.unsure_frame or frame
        for repeat in reversed(known):
            if repeat.seq == seq:
                repeat.size = max(repeat.size, size)
                repeat.count += 1
                repeat.unsure += unsure
                repeat.last_frame, repeat.last_ns = frame, time_ns
                return
        _keep(known, Repeat(seq, size, 1, frame, time_ns, frame, time_ns, int(unsure)))

    def differ(self, first: int, again: int, size: int) -> None:
        """Notes other bytes in the place of those that came first."""
        _keep(self.differing, (first, again, size))

    def stray(self, frame: int) -> None:
        """Notes a reset outside the window."""
        _keep(self.stray_resets, frame)

    def copy(self, size: int, frame: int, behind_ns: int, hops: int) -> None:
        """Notes a segment that was captured a second time."""
        self.copies += 1
        self.copy_ns, self.copy_hops = max(self.copy_ns, behind_ns), max(self.copy_hops, hops)
        self.copied += size
        self.copy_frame = self.copy_frame or frame

    def window(self, sender: int, shut: bool, frame: int, time_ns: int) -> None:
        """Notes whether a side takes bytes."""
        known = self.shut_windows[sender]
        last = known[-1] if known and not known[-1].until_frame else None
        if shut:
            if last is None:
                _keep(known, ShutWindow(frame, time_ns, frame, time_ns))
            else:
                last.last_frame, last.last_ns = frame, time_ns
        elif last is not None:
            last.until_frame, last.until_ns = frame, time_ns

    def is_shut(self) -> bool:
        """Whether a side takes no bytes now."""
        return any(known and not known[-1].until_frame for known in self.shut_windows)

    def hole(self, sender: int, size: int, frame: int, acknowledged: bool) -> None:
        """Notes bytes that came in no frame."""
        _keep(self.holes[sender], Hole(size, frame, acknowledged))

    def again(self, retries: list[tuple[int, int]], frame: int, time_ns: int, sure: bool) -> None:
        """Notes a SYN or SYN-ACK that was sent again."""
        self.unsure_syns += not sure
        _keep(retries, (frame, time_ns))


def _keep(known: list[T], item: T) -> None:
    """Adds an item; where there are too many, the first and the latest stay."""
    if len(known) >= MOST:
        del known[1]
    known.append(item)
