"""What a TCP connection leaves behind for those who judge it: no bytes, no handler, plain records."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import structs

from analyzer.net.tcp.reassembly import Half, TcpConnection, difference
from analyzer.net.tcp.trouble import PAUSE_NS, DuplicateAcks, Hole, Pause, Repeat, ShutWindow, Trouble

# So many segments twice, and half of all bytes: fewer may be a network's own copies.
ENOUGH: Final = 3


class StreamSummary(msgspec.Struct):
    """One direction. Sizes are bytes of payload.

    mss              the largest segment its receiver announced; None: its SYN was not captured, or does not say
    largest          the largest segment that was seen (536 where none was larger)
    unacknowledged   bytes that were sent and that the receiver never acknowledged
    stuck            what was sent again and never acknowledged; None where nothing was
    passed           a segment as large as that was acknowledged before
    shut_windows     times in which the sender of this direction took no bytes of the other
    """

    mss: int | None
    largest: int
    unacknowledged: int
    stuck: Repeat | None
    passed: bool
    holes: list[Hole]
    duplicate_acks: DuplicateAcks | None
    shut_windows: list[ShutWindow]


class TcpSummary(msgspec.Struct):
    """A connection in which something went wrong on the way. `streams` are (client's, server's).

    pause          the last time in which nothing was sent, ended by the client (`ended_by_client`) or the server;
                   `answered`: its other side sent bytes after it; `resumed`: what ended it was acknowledged
    syn_retries    (frame, ns) of SYNs, synack_retries of SYN-ACKs, that were sent again
    copies         segments that were captured a second time, of so many bytes (`copied`), from `copy_frame` on
                   (`unsure_frame`: where that is not sure), `copy_ns` behind the first at most, over `copy_hops`
                   routers; `mirrored`: most of the connection was
    foreign_reset  as in Trouble: something else than its sender made it, most likely
    differing      (frame, frame in which other bytes came in place of its bytes, how many)
    """

    streams: tuple[StreamSummary, StreamSummary]
    pause: Pause | None
    ended_by_client: bool
    answered: bool
    resumed: bool
    syn_retries: list[tuple[int, int]]
    synack_retries: list[tuple[int, int]]
    stray_resets: list[int]
    copies: int
    copied: int
    copy_frame: int
    unsure_frame: int
    copy_ns: int
    copy_hops: int
    mirrored: bool
    differing: list[tuple[int, int, int]]
    foreign_reset: tuple[int, int, int] | None = None


def summary_of(tcp: TcpConnection, client: int) -> TcpSummary | None:
    """What went wrong, with the client's side first; None where nothing did."""
    trouble = tcp.trouble
    if trouble is None:
        return None
    mirrored = is_mirrored(tcp)
    if mirrored:
        trouble = _without_copies(trouble)
    pause = trouble.pause
    answered = resumed = False
    if pause is not None:
        sender, other = tcp.halves[pause.sender], tcp.halves[1 - pause.sender]
        answered = other.bytes > pause.before[1 - pause.sender]
        resumed = sender.acked >= 0 and difference(sender.acked, pause.seq) > 0
    return TcpSummary(
        (_stream(tcp, trouble, client), _stream(tcp, trouble, 1 - client)),
        pause,
        pause is not None and pause.sender == client,
        answered,
        resumed,
        trouble.syn_retries,
        trouble.synack_retries,
        trouble.stray_resets,
        trouble.copies,
        trouble.copied,
        trouble.copy_frame,
        trouble.unsure_frame,
        trouble.copy_ns,
        trouble.copy_hops,
        mirrored,
        trouble.differing,
        trouble.foreign_reset,
    )


def is_mirrored(tcp: TcpConnection) -> bool:
    """Whether most segments were captured a second time, each once.

    Where nothing tells copies from what was sent again, all has to be there twice, the answer to the SYN included.
    """
    trouble = tcp.trouble
    if trouble is None:
        return False
    total, twice = tcp.halves[0].bytes + tcp.halves[1].bytes, trouble.copied + trouble.unsure
    if trouble.copies >= ENOUGH:
        return 2 * twice >= total
    return 0 < total == twice and len(trouble.synack_retries) == 1


def sent_again(tcp: TcpConnection) -> int:
    """How many segments were sent again; what was only captured twice is none."""
    trouble = tcp.trouble
    if trouble is None or not is_mirrored(tcp):
        return tcp.retransmissions
    return sum(repeat.count for repeats in _without_copies(trouble).repeats for repeat in repeats)


def _without_copies(trouble: Trouble) -> Trouble:
    """What went wrong of a connection that the capture holds twice: what nobody can tell from copies is none of it."""
    known = [
        [structs.replace(each, count=each.count - each.unsure) for each in repeats if each.count > each.unsure]
        for repeats in trouble.repeats
    ]
    found = structs.replace(trouble, repeats=(known[0], known[1]), duplicate_acks=[None, None])
    if trouble.copy_ns >= PAUSE_NS:
        found.pause = None  # two clocks are between its ends
    if trouble.unsure_syns:
        found.syn_retries, found.synack_retries = [], []
    return found


def _stream(tcp: TcpConnection, trouble: Trouble, sender: int) -> StreamSummary:
    half = tcp.halves[sender]
    options = tcp.halves[1 - sender].options
    stuck = _stuck(half, trouble.repeats[sender])
    pending = difference(half.highest, half.acked) if half.acked >= 0 <= half.highest else 0
    return StreamSummary(
        None if options is None else options.mss,
        half.largest,
        max(pending, 0),
        stuck,
        stuck is not None and half.has_passed(stuck.size),
        trouble.holes[sender],
        trouble.duplicate_acks[sender],
        trouble.shut_windows[sender],
    )


def _stuck(half: Half, repeats: list[Repeat]) -> Repeat | None:
    """Of what was never acknowledged, what was sent again most often."""
    pending = [each for each in repeats if half.acked < 0 or difference(half.acked, each.seq) <= 0]
    return max(pending, key=lambda each: each.count, default=None)
