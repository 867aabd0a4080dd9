"""What goes wrong on the way: resets of others, what is sent again, what is captured twice, silence, shut windows."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from analyzer.net.tcp.flow_table import LINGER_NS
from analyzer.net.tcp.headers import syn_options
from analyzer.net.tcp.reassembly import SMALL, TcpConnection
from analyzer.net.tcp.trouble import MOST, PAUSE_NS, TWICE_NS, Trouble
from tests.net.tcp.segments import (
    ACK,
    CLIENT,
    FIN,
    RST,
    SERVER,
    START_NS,
    SYN,
    SYNACK,
    Recorder,
    Seg,
    handshake,
    run,
)

C, S = 1001, 5001  # the first byte of each direction after `handshake()`
SCALE_7 = b"\x01\x03\x03\x07"
MSS_1460 = b"\x02\x04\x05\xb4"
SECOND = 1_000_000_000


def one(segments: Sequence[Seg]) -> Recorder:
    """The recorder of the one connection; it hears the same whatever the batches are."""
    recorders = []
    for columns in (True, False):
        for cuts in ((), range(1, len(segments)), range(3, len(segments), 3)):
            (recorder,) = run(segments, cuts, columns=columns).recorders
            recorders.append(recorder)
    assert all(other.events == recorders[0].events for other in recorders)
    assert all(trouble_of(other.tcp) == trouble_of(recorders[0].tcp) for other in recorders)
    return recorders[0]


def trouble_of(tcp: TcpConnection) -> Trouble:
    return tcp.trouble or Trouble()


def at(segments: Sequence[Seg], seconds: float) -> list[Seg]:
    """Segments a millisecond apart, the first so long after the start."""
    start = START_NS + int(seconds * SECOND)
    return [segment._replace(time_ns=start + i * 1_000_000) for i, segment in enumerate(segments)]


# -- resets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", [3_000_000_000, 1 << 30, -1, -100_000])
@pytest.mark.parametrize("flags", [RST, RST | ACK])
@pytest.mark.parametrize("sender", [CLIENT, SERVER])
def test_a_reset_outside_the_window_ends_nothing(sender: int, flags: int, far: int) -> None:
    """RFC 9293, 3.10.7.4. What comes long after it is still of the connection."""
    due = (C + 3, S + 4)[sender]
    talk = [Seg(CLIENT, C, S, data=b"one"), Seg(SERVER, S, C + 3, data=b"more"), Seg(CLIENT, C + 3, S + 4)]
    later = [Seg(CLIENT, C + 3, S + 4, data=b"two"), Seg(SERVER, S + 4, C + 6, data=b"last")]
    stray = Seg(sender, due + far, 77, flags)
    recorder = one([*at([*handshake(), *talk, stray], 0), *at(later, 2 * LINGER_NS / SECOND)])
    assert recorder.delivered(CLIENT) == b"onetwo"
    assert recorder.delivered(SERVER) == b"morelast"
    assert recorder.ends(CLIENT) == recorder.ends(SERVER) == []
    assert trouble_of(recorder.tcp).stray_resets == [7]
    assert not recorder.tcp.closed


@pytest.mark.parametrize(
    "stray",
    [
        Seg(SERVER, 900_000, 0, RST),
        Seg(SERVER, 0, 4_000_000_000, RST | ACK),
        Seg(SERVER, 0, 1000, RST | ACK),
        Seg(CLIENT, 3_000_000, 0, RST),
        Seg(SERVER, 900_000, 4_000_000_000, ACK),
        Seg(SERVER, 900_000, 700, ACK, b"old bytes"),
    ],
)
def test_old_segments_behind_a_new_syn_are_not_its_own(stray: Seg) -> None:
    """What a host that still knows the connection before says to a new SYN (RFC 9293, 3.10.7.3 and 3.5.1)."""
    syn, synack, ack = handshake()
    recorder = one([syn, stray, syn._replace(time_ns=START_NS + SECOND), synack, ack, Seg(SERVER, S, C, data=b"hello")])
    assert recorder.delivered(SERVER) == b"hello"
    assert recorder.gaps(SERVER) == []
    assert recorder.ends(CLIENT) == recorder.ends(SERVER) == []


@pytest.mark.parametrize(
    "reset",
    [
        Seg(SERVER, S + 4, C + 3, RST),
        Seg(SERVER, S + 4, C + 3, RST | ACK),
        Seg(CLIENT, C + 3, 0, RST),
        Seg(CLIENT, C + 53, 0, RST),  # fifty bytes before it are not in the capture
    ],
)
def test_a_reset_within_the_window_ends_it(reset: Seg) -> None:
    talk = [Seg(CLIENT, C, S, data=b"one"), Seg(SERVER, S, C + 3, data=b"more")]
    recorder = one([*handshake(), *talk, reset])
    assert recorder.ends(reset.sender) == ["rst"]
    assert recorder.tcp.closed
    assert not trouble_of(recorder.tcp).stray_resets


def test_a_refused_connection() -> None:
    recorder = one([Seg(CLIENT, C - 1, 0, SYN), Seg(SERVER, 0, C, RST | ACK)])
    assert recorder.ends(SERVER) == ["rst"]


def test_a_reset_where_nothing_else_is_known() -> None:
    """A capture that begins with the end: nobody can say that it is none."""
    assert one([Seg(SERVER, 4711, 0, RST)]).ends(SERVER) == ["rst"]
    assert one([Seg(SERVER, 77, 4711, data=b"x"), Seg(CLIENT, 4711, 0, RST)]).ends(CLIENT) == ["rst"]


@pytest.mark.parametrize(
    ("ours", "theirs", "ends"),
    [
        (SCALE_7, SCALE_7, True),
        (MSS_1460, SCALE_7, False),
        (SCALE_7, MSS_1460, False),
        (MSS_1460, MSS_1460, False),
    ],
)
def test_the_window_has_the_scale_that_both_announced(ours: bytes, theirs: bytes, ends: bool) -> None:
    """RFC 7323, 2.2. The reset is 60,000 bytes ahead, the window of 502 is 64,256 bytes with a scale of 7."""
    syn, synack, ack = handshake()
    segments = [syn._replace(options=ours), synack._replace(options=theirs), ack, Seg(SERVER, S, C)]
    recorder = one([*segments, Seg(SERVER, S + 60_000, C, RST)])
    assert (recorder.ends(SERVER) == ["rst"]) is ends


def test_options_of_a_syn() -> None:
    head = b"\0\0\0\0" + (7).to_bytes(4, "big") + (9).to_bytes(4, "big")

    def read(options: bytes) -> tuple[int | None, int | None]:
        options += bytes(-len(options) % 4)
        found = syn_options(head + bytes([(20 + len(options)) // 4 << 4]) + bytes(7) + options, 7, 9)
        return found.mss, found.scale

    assert read(MSS_1460 + SCALE_7) == (1460, 7)
    assert read(b"\x08\x0a" + bytes(8) + SCALE_7) == (None, 7)
    assert read(b"\x03\x03\xff") == (None, 14)  # more than 14 is 14: RFC 7323, 2.3
    for malformed in (b"\x02", b"\x02\x05\x05", b"\x02\x01\x00\x00", b"\x03\x09\x01\x00", b"\x02\x00"):
        assert read(malformed) == (None, None)
    assert syn_options(b"", 7, 9).mss is None
    assert syn_options(bytes(60), 7, 9).mss is None


# -- sent again --------------------------------------------------------------------------------------------------------


def test_what_is_sent_again_is_counted_by_its_place() -> None:
    talk = at([*handshake(), Seg(CLIENT, C, S, data=b"one"), Seg(SERVER, S, C + 3, data=b"answer")], 0)
    again = [Seg(SERVER, S, C + 3, data=b"answer", time_ns=START_NS + seconds * SECOND) for seconds in (1, 3, 7)]
    tcp = one([*talk, *again]).tcp
    (repeat,) = trouble_of(tcp).repeats[SERVER]
    assert (repeat.seq, repeat.size, repeat.count) == (S, 6, 3)
    assert (repeat.first_frame, repeat.last_frame, repeat.last_ns - repeat.first_ns) == (6, 8, 6 * SECOND)
    assert trouble_of(tcp).repeats[CLIENT] == []
    assert tcp.retransmissions == 3


def test_what_is_kept_of_repeats_is_bounded() -> None:
    segments = list(handshake())
    for i in range(3 * MOST):
        for seconds in (0, 1):
            segments.append(Seg(CLIENT, C + 2 * i, S, data=b"xy", time_ns=START_NS + (2 * i + seconds) * SECOND))
    repeats = trouble_of(one(segments).tcp).repeats[CLIENT]
    assert len(repeats) == MOST
    assert (repeats[0].seq, repeats[-1].seq) == (C, C + 6 * MOST - 2)


def test_syns_that_are_sent_again() -> None:
    syn, synack, ack = handshake()
    retries = [syn._replace(time_ns=START_NS + s * SECOND) for s in (1, 3)]
    answers = [synack._replace(time_ns=START_NS + s * SECOND) for s in (4, 5)]
    trouble = trouble_of(one([syn._replace(time_ns=START_NS), *retries, *answers]).tcp)
    assert [frame for frame, _ in trouble.syn_retries] == [2, 3]
    assert [frame for frame, _ in trouble.synack_retries] == [5]
    assert trouble.copies == 0
    assert ack.flags == ACK


def test_segments_that_passed() -> None:
    """Whether the peer acknowledged a segment of a size at all."""
    big, bigger = bytes(1000), bytes(1448)
    talk = [
        Seg(SERVER, S, C, data=big),
        Seg(SERVER, S + 1000, C, data=bigger),
        Seg(CLIENT, C, S + 1000),
    ]
    half = one([*handshake(), *talk]).tcp.halves[SERVER]
    assert half.largest == 1448
    assert half.has_passed(1000)
    assert not half.has_passed(1448)
    assert one(list(handshake())).tcp.halves[SERVER].largest == SMALL


def test_holes_that_the_receiver_has_too() -> None:
    talk = [Seg(SERVER, S + 1448, C, data=b"end of it"), Seg(CLIENT, C, S)]
    (hole,) = trouble_of(one([*handshake(), *talk]).tcp).holes[SERVER]
    assert (hole.size, hole.frame, hole.acknowledged) == (1448, 4, False)
    talk = [Seg(SERVER, S + 1448, C, data=b"end of it"), Seg(CLIENT, C, S + 1457)]
    (hole,) = trouble_of(one([*handshake(), *talk]).tcp).holes[SERVER]
    assert hole.acknowledged


# -- captured twice ----------------------------------------------------------------------------------------------------


def doubled(ids: tuple[int, int], apart_ns: int) -> Trouble:
    """Of a connection of which every segment is there twice."""
    talk = [*handshake(), Seg(CLIENT, C, S, data=b"one"), Seg(SERVER, S, C + 3, FIN, b"more")]
    segments = []
    for i, segment in enumerate(talk):
        for again in (0, 1):
            time_ns = START_NS + i * SECOND + again * apart_ns
            number = ids[again] + i if ids[again] else 0
            segments.append(segment._replace(time_ns=time_ns, ip_id=number))
    trouble = trouble_of(run(segments).recorders[0].tcp)
    return trouble


def test_a_segment_that_is_captured_twice() -> None:
    for ids, apart in (((7, 7), TWICE_NS), ((0, 0), TWICE_NS), ((7, 0), 1)):
        trouble = doubled(ids, apart)
        assert (trouble.copies, trouble.copied, trouble.copy_frame) == (4, 7, 2)
        assert trouble.repeats == ([], [])
        assert trouble.syn_retries == trouble.synack_retries == []


def test_the_number_tells_where_a_system_gives_each_packet_another() -> None:
    """What has no packet before it to compare with is taken for sent again."""
    trouble = doubled((7, 7), SECOND // 10)
    assert (trouble.copies, trouble.copied) == (2, 7)
    assert len(trouble.syn_retries) == len(trouble.synack_retries) == 1


def test_what_comes_a_third_time_is_sent_again() -> None:
    """And what comes a fourth time is that one's copy."""
    talk = [*handshake(), *[Seg(CLIENT, C, S, data=b"one")] * 4]
    trouble = trouble_of(one(talk).tcp)
    assert (trouble.copies, trouble.repeats[CLIENT][0].count) == (2, 1)


def test_what_is_sent_again_at_once_has_another_number() -> None:
    trouble = doubled((7, 70), 1000)
    assert (trouble.copies, trouble.unsure) == (0, 0)
    assert [len(repeats) for repeats in trouble.repeats] == [1, 1]


def test_without_numbers_nobody_can_tell() -> None:
    trouble = doubled((0, 0), TWICE_NS + 1)
    assert (trouble.copies, trouble.unsure, trouble.unsure_syns) == (0, 7, 2)


def test_copies_of_a_clock_that_is_far_off() -> None:
    trouble = doubled((7, 7), 7200 * SECOND)
    assert (trouble.copies, trouble.copied, trouble.copy_ns) == (2, 7, 7200 * SECOND)


@pytest.mark.parametrize("hops", [63, 0])
def test_a_copy_behind_a_router(hops: int) -> None:
    """Fewer hops are left to it: what is sent again has all of them. Where none are known nobody can tell."""
    tcp = TcpConnection(b"", 1, 1)
    tcp.handler = Recorder(tcp)
    for i, (seq, data) in enumerate(((C, b"one"), (C, b"one"))):
        headers = _ipv6(seq, 64 if not i else hops)
        tcp.segment(CLIENT, seq, S, ACK, data, 0, 1 + i, 1 + i * SECOND, headers=headers)
    trouble = trouble_of(tcp)
    assert (trouble.copies, trouble.copy_hops, trouble.unsure) == ((1, 1, 0) if hops else (0, 0, 3))


def _ipv6(seq: int, hops: int) -> bytes:
    """Headers of IPv6 and TCP."""
    return struct.pack(">IHBB32x", 6 << 28, 20, 6, hops) + struct.pack(">4xIIBB6x", seq, S, 0x50, ACK)


def test_other_bytes_in_place_of_those_that_came_first() -> None:
    """In a copy, in what is sent again, and not where a frame was cut."""
    talk = [
        Seg(CLIENT, C, S, data=b"one"),
        Seg(SERVER, S, C + 3, data=b"two"),
        Seg(CLIENT, C, S, data=b"One"),
        Seg(SERVER, S, C + 3, data=b"t", missing=2),
    ]
    recorder = one([*handshake(), *talk])
    assert recorder.delivered(CLIENT) == b"one"
    assert trouble_of(recorder.tcp).differing == [(4, 6, 3)]


# -- silence, and windows that are shut --------------------------------------------------------------------------------


def test_a_pause_and_what_ended_it() -> None:
    talk = at([*handshake(), Seg(CLIENT, C, S, data=b"one"), Seg(SERVER, S, C + 3)], 0)
    after = at([Seg(CLIENT, C + 3, S, data=b"next"), Seg(SERVER, S, 0, RST)], 352)
    pause = trouble_of(one([*talk, *after]).tcp).pause
    assert pause is not None
    assert (pause.before_frame, pause.frame, pause.sender, pause.size) == (5, 6, CLIENT, 4)
    assert pause.time_ns - pause.before_ns == 352 * SECOND - 4_000_000
    shorter = at([Seg(CLIENT, C + 3, S, data=b"next")], PAUSE_NS / SECOND)
    assert trouble_of(one([*talk, *shorter]).tcp).pause is None


def test_a_keep_alive_breaks_a_pause() -> None:
    talk = at([*handshake(), Seg(CLIENT, C, S, data=b"one"), Seg(SERVER, S, C + 3)], 0)
    alive = [*at([Seg(CLIENT, C + 2, S)], 9), *at([Seg(SERVER, S, C + 3)], 9.1)]
    after = at([Seg(CLIENT, C + 3, S, data=b"next")], 18)
    assert trouble_of(one([*talk, *alive, *after]).tcp).pause is None


def test_windows_that_stay_shut() -> None:
    talk = [Seg(SERVER, S, C, data=b"rows"), Seg(CLIENT, C, S + 4, window=0), Seg(SERVER, S + 4, C, FIN)]
    trouble = trouble_of(one([*handshake(), *talk]).tcp)
    (shut,) = trouble.shut_windows[CLIENT]
    assert (shut.frame, shut.until_frame) == (5, 0)
    assert trouble.is_shut()


def test_a_syn_without_a_window_shuts_nothing() -> None:
    syn, synack, ack = handshake()
    segments = [syn._replace(window=0), synack._replace(window=0), ack, Seg(SERVER, S, C, data=b"hello")]
    assert trouble_of(one(segments).tcp).shut_windows == ([], [])
    assert SYNACK & SYN
