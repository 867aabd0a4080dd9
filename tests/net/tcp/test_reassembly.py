"""TCP case by case: each goes the column way and the long way, in one batch and segment by segment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from analyzer.net.tcp import reassembly
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.pieces import Pieces, PiecesHandler
from analyzer.net.tcp.reassembly import (
    GAP_LOST,
    GAP_NETWORK,
    GAP_SNAP,
    MAX_HELD_BYTES,
    MAX_HELD_SEGMENTS,
    PATIENCE,
    TcpConnection,
    difference,
)
from tests.net.tcp.segments import (
    ACK,
    CLIENT,
    FIN,
    MILLISECOND,
    RST,
    SERVER,
    SYN,
    SYNACK,
    Flows,
    Recorder,
    Seg,
    batch_of,
    handshake,
    run,
)

C, S = 1001, 5001  # the first byte of each direction after `handshake()`
HELLO = b"hello, client"
LOGIN = b"login, please"
TOLD = ("retransmissions", "out_of_order", "gaps", "initiator", "first_frame", "last_frame", "connected_ns")


def one(segments: Sequence[Seg]) -> Recorder:
    """The recorder of the one connection, which all ways of feeding agree on."""
    results = []
    for columns in (True, False):
        for cuts in ((), range(1, len(segments)), range(3, len(segments), 3)):
            flows = run(segments, cuts, columns=columns)
            assert len(flows.finished) == 1
            results.append(flows.recorders[0])
    first = results[0]
    for other in results[1:]:
        assert [other.of(CLIENT), other.of(SERVER)] == [first.of(CLIENT), first.of(SERVER)]
        for name in TOLD:
            assert getattr(other.tcp, name) == getattr(first.tcp, name), name
    return first


def conversation(*segments: Seg) -> list[Seg]:
    """A handshake, the server's greeting, and then the segments."""
    return [*handshake(), Seg(SERVER, S, C, data=HELLO), *segments]


AFTER = S + len(HELLO)  # what acknowledges the greeting


def test_plain_connection() -> None:
    end = C + len(LOGIN)
    recorder = one(
        conversation(Seg(CLIENT, C, AFTER, data=LOGIN), Seg(CLIENT, end, AFTER, FIN), Seg(SERVER, AFTER, end + 1, FIN))
    )
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.delivered(SERVER) == HELLO
    assert recorder.ends(CLIENT) == recorder.ends(SERVER) == ["fin"]
    tcp = recorder.tcp
    assert tcp.initiator == CLIENT
    assert (tcp.retransmissions, tcp.out_of_order, tcp.gaps) == (0, 0, 0)
    assert (tcp.halves[CLIENT].fin_frame, tcp.halves[SERVER].fin_frame) == (6, 7)
    assert (tcp.halves[CLIENT].bytes, tcp.halves[SERVER].bytes) == (len(LOGIN), len(HELLO))
    assert tcp.syn_ns is not None
    assert tcp.connected_ns == tcp.syn_ns + 2_000_000
    assert tcp.endpoints == (("10.0.0.1", 40000), ("10.0.0.2", 3306))


def test_out_of_order() -> None:
    recorder = one(
        conversation(
            Seg(CLIENT, C + 5, AFTER, data=LOGIN[5:]),
            Seg(CLIENT, C, AFTER, data=LOGIN[:5]),
            Seg(SERVER, AFTER, C + 13),
        )
    )
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.tcp.out_of_order == 1
    assert recorder.tcp.retransmissions == 0
    assert not recorder.gaps(CLIENT)


def test_retransmission_of_the_same_bytes() -> None:
    recorder = one(conversation(*[Seg(CLIENT, C, AFTER, data=LOGIN)] * 3))
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.tcp.retransmissions == 2


def test_retransmission_of_different_bytes_keeps_the_first() -> None:
    recorder = one(conversation(Seg(CLIENT, C, AFTER, data=LOGIN), Seg(CLIENT, C, AFTER, data=LOGIN.upper())))
    assert recorder.delivered(CLIENT) == LOGIN


def test_overlap_gives_each_byte_once() -> None:
    recorder = one(
        conversation(
            Seg(CLIENT, C, AFTER, data=LOGIN[:6]),
            Seg(CLIENT, C + 3, AFTER, data=LOGIN[3:9]),
            Seg(CLIENT, C, AFTER, data=LOGIN),
        )
    )
    assert recorder.delivered(CLIENT) == LOGIN


def test_overlap_among_segments_held_back() -> None:
    recorder = one(
        conversation(
            Seg(CLIENT, C + 4, AFTER, data=LOGIN[4:8]),
            Seg(CLIENT, C + 2, AFTER, data=LOGIN[2:6]),
            Seg(CLIENT, C + 4, AFTER, data=LOGIN[4:]),
            Seg(CLIENT, C, AFTER, data=LOGIN[:3]),
        )
    )
    assert recorder.delivered(CLIENT) == LOGIN


@pytest.mark.parametrize("garbage", [b"", b"\xaa"])
def test_keep_alive_probe_is_no_data(garbage: bytes) -> None:
    probe = Seg(CLIENT, C - 1 + len(LOGIN), AFTER, data=garbage)
    end = C + len(LOGIN)
    recorder = one(
        conversation(
            Seg(CLIENT, C, AFTER, data=LOGIN),
            probe,
            Seg(SERVER, AFTER, end),
            probe,
            Seg(CLIENT, end, AFTER, data=b"more"),
        )
    )
    assert recorder.delivered(CLIENT) == LOGIN + b"more"
    assert recorder.tcp.retransmissions == 0


def test_keep_alive_before_any_data() -> None:
    recorder = one(conversation(Seg(CLIENT, C - 1, AFTER, data=b"\0"), Seg(CLIENT, C, AFTER, data=LOGIN)))
    assert recorder.delivered(CLIENT) == LOGIN


def test_sequence_numbers_wrap() -> None:
    isn = 0xFFFF_FFFF - 6
    segments = [*handshake(client_isn=isn), Seg(SERVER, S, isn + 1, data=HELLO)]
    segments += [Seg(CLIENT, isn + 1 + i, AFTER, data=LOGIN[i : i + 4]) for i in range(0, len(LOGIN), 4)]
    segments += [Seg(SERVER, AFTER, isn + 1 + len(LOGIN)), Seg(CLIENT, isn + 1 + len(LOGIN), AFTER, FIN)]
    recorder = one(segments)
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.ends(CLIENT) == ["fin"]
    assert not recorder.tcp.gaps


def test_wrap_out_of_order() -> None:
    isn = 0xFFFF_FFFF - 6
    pieces = [Seg(CLIENT, isn + 1 + i, AFTER, data=LOGIN[i : i + 4]) for i in range(0, len(LOGIN), 4)]
    recorder = one([*handshake(client_isn=isn), Seg(SERVER, S, isn + 1, data=HELLO), *reversed(pieces)])
    assert recorder.delivered(CLIENT) == LOGIN


def test_one_byte_segments() -> None:
    pieces = [Seg(CLIENT, C + i, AFTER, data=LOGIN[i : i + 1]) for i in range(len(LOGIN))]
    recorder = one(conversation(*pieces))
    assert recorder.delivered(CLIENT) == LOGIN
    assert [event[1] for event in recorder.of(CLIENT)] == list(range(5, 5 + len(LOGIN)))


def test_zero_window_and_its_probes_change_nothing() -> None:
    # A window probe is one new byte that is sent again with what follows it.
    recorder = one(
        conversation(
            Seg(SERVER, AFTER, C, window=0),
            Seg(CLIENT, C, AFTER, data=LOGIN[:1]),
            Seg(SERVER, AFTER, C, window=0),
            Seg(SERVER, AFTER, C),
            Seg(CLIENT, C, AFTER, data=LOGIN),
        )
    )
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.tcp.trouble is not None
    (shut,) = recorder.tcp.trouble.shut_windows[SERVER]
    assert (shut.frame, shut.last_frame, shut.until_frame) == (5, 7, 8)
    assert shut.until_ns - shut.since_ns == 3 * MILLISECOND


def test_port_reuse_makes_another_connection() -> None:
    first = [*handshake(), Seg(CLIENT, C, S, data=b"one"), Seg(CLIENT, C + 3, S, FIN), Seg(SERVER, S, C + 4, FIN)]
    again = [*handshake(90_000, 70_000), Seg(CLIENT, 90_001, 70_001, data=b"two")]
    for columns in (True, False):
        for cuts in ((), (len(first),), range(1, 12)):
            flows = run([*first, *again], cuts, columns=columns)
            assert [r.delivered(CLIENT) for r in flows.by_number()] == [b"one", b"two"]
            assert [r.tcp.number for r in flows.by_number()] == [0, 1]
            assert [r.tcp.first_frame for r in flows.by_number()] == [1, 7]


def test_port_reuse_without_the_end_of_the_first() -> None:
    first = [Seg(SERVER, 300, 77, data=b"old")]
    for columns in (True, False):
        for cuts in ((), (1,)):
            flows = run([*first, *handshake(), Seg(SERVER, S, C, data=HELLO)], cuts, columns=columns)
            assert [r.delivered(SERVER) for r in flows.by_number()] == [b"old", HELLO]


def test_syn_sent_again_is_the_same_connection() -> None:
    syn, synack, ack = handshake()
    recorder = one([syn, syn, synack, synack, ack, Seg(SERVER, S, C, data=HELLO)])
    assert recorder.delivered(SERVER) == HELLO
    assert recorder.tcp.retransmissions == 0


def test_syn_captured_after_its_answer_is_the_same_connection() -> None:
    syn, synack, ack = handshake()
    recorder = one([synack, syn, ack, Seg(SERVER, S, C, data=HELLO), Seg(CLIENT, C, AFTER, data=LOGIN)])
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.tcp.initiator == CLIENT
    assert recorder.tcp.syn_ns is not None


def test_data_in_the_syn() -> None:
    recorder = one(
        [
            Seg(CLIENT, 1000, 0, SYN, LOGIN[:4]),
            Seg(SERVER, 5000, 1005, SYNACK),
            Seg(CLIENT, 1005, S, data=LOGIN[4:]),
            Seg(SERVER, S, 1001 + len(LOGIN), data=HELLO),
        ]
    )
    assert recorder.delivered(CLIENT) == LOGIN
    assert not recorder.tcp.gaps


def test_only_one_direction() -> None:
    end = C + len(LOGIN)
    recorder = one(
        [
            Seg(CLIENT, 1000, 0, SYN),
            Seg(CLIENT, C, S),
            Seg(CLIENT, C, AFTER, data=LOGIN),
            Seg(CLIENT, end, AFTER + 20, data=b"x"),
            Seg(CLIENT, end + 1, AFTER + 20, FIN),
        ]
    )
    assert recorder.delivered(CLIENT) == LOGIN + b"x"
    assert recorder.of(SERVER) == []
    assert recorder.tcp.gaps == 0


def test_no_syn() -> None:
    recorder = one([Seg(SERVER, S, C, data=HELLO), Seg(CLIENT, C, AFTER, data=LOGIN)])
    assert recorder.delivered(SERVER) == HELLO
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.tcp.initiator is None
    assert recorder.tcp.gaps == 0


def test_only_the_answer_to_the_syn_names_the_initiator() -> None:
    recorder = one([*handshake()[1:], Seg(SERVER, S, C, data=HELLO)])
    assert recorder.tcp.initiator == CLIENT
    assert recorder.tcp.syn_ns is None


def test_no_fin() -> None:
    recorder = one(conversation(Seg(CLIENT, C, AFTER, data=LOGIN)))
    assert recorder.ends(CLIENT) == recorder.ends(SERVER) == []


def test_data_with_the_fin() -> None:
    recorder = one(conversation(Seg(CLIENT, C, AFTER, FIN, LOGIN), Seg(SERVER, AFTER, C + len(LOGIN) + 1, FIN)))
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.of(CLIENT)[-1] == ("end", "fin", 5)


def test_fin_sent_again_ends_once() -> None:
    fin = Seg(CLIENT, C, AFTER, FIN)
    recorder = one(conversation(fin, fin, Seg(SERVER, AFTER, C + 1, FIN), fin))
    assert recorder.ends(CLIENT) == ["fin"]


def test_fin_before_the_data_in_front_of_it() -> None:
    end = C + len(LOGIN)
    recorder = one(
        conversation(Seg(CLIENT, end, AFTER, FIN), Seg(CLIENT, C, AFTER, data=LOGIN), Seg(SERVER, AFTER, end + 1))
    )
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.of(CLIENT)[-1][:2] == ("end", "fin")


def test_reset_in_the_middle() -> None:
    recorder = one(conversation(Seg(CLIENT, C, AFTER, data=LOGIN), Seg(CLIENT, C + len(LOGIN), 0, RST)))
    assert recorder.delivered(CLIENT) == LOGIN
    assert recorder.ends(CLIENT) == ["rst"]
    assert recorder.tcp.halves[CLIENT].rst_frame == 6
    assert recorder.tcp.closed


def test_reset_of_a_connection_that_was_refused() -> None:
    recorder = one([Seg(CLIENT, 1000, 0, SYN), Seg(SERVER, 0, 1001, RST | ACK)])
    assert recorder.ends(SERVER) == ["rst"]
    assert recorder.tcp.initiator == CLIENT


def test_words_in_a_reset_are_not_of_the_stream() -> None:
    recorder = one(conversation(Seg(SERVER, AFTER, C, RST, b"connection refused by policy")))
    assert recorder.delivered(SERVER) == HELLO
    assert recorder.ends(SERVER) == ["rst"]


@pytest.mark.parametrize("seq", [5, 0x9000_0000])
def test_reset_with_words_as_the_only_segment(seq: int) -> None:
    """Went round for ever once: the segment was held back by a direction that never began."""
    recorder = one([Seg(SERVER, seq, 0, RST, b"no")])
    assert recorder.of(SERVER) == [("end", "rst", 1)]


def test_lost_segment_that_was_acknowledged_is_a_gap() -> None:
    later = [Seg(CLIENT, C + 8 + i, AFTER, data=b"x") for i in range(PATIENCE + 2)]
    recorder = one(conversation(Seg(CLIENT, C, AFTER, data=b"abcd"), Seg(SERVER, AFTER, C + 8), *later))
    assert recorder.gaps(CLIENT) == [(4, GAP_LOST)]
    assert recorder.delivered(CLIENT) == b"abcd" + b"x" * len(later)
    assert recorder.tcp.gaps == 1


def test_gap_is_declared_while_the_connection_goes_on() -> None:
    flows = Flows()
    flows.feed(conversation(Seg(CLIENT, C + 4, AFTER, data=b"efgh"), Seg(SERVER, AFTER, C + 8)))
    assert flows.recorders[0].of(CLIENT) == []
    flows.feed([Seg(CLIENT, C + 8 + i, AFTER, data=b"x") for i in range(PATIENCE + 2)])
    assert flows.recorders[0].gaps(CLIENT) == [(4, GAP_LOST)]


def test_lost_segment_that_nobody_acknowledged_waits() -> None:
    flows = Flows()
    flows.feed(conversation(*(Seg(CLIENT, C + 4 + i, AFTER, data=b"x") for i in range(PATIENCE * 4))))
    assert flows.recorders[0].of(CLIENT) == []
    flows.feed([Seg(CLIENT, C, AFTER, data=b"abcd")])
    assert flows.recorders[0].delivered(CLIENT) == b"abcd" + b"x" * PATIENCE * 4
    assert not flows.recorders[0].gaps(CLIENT)


def test_late_retransmission_fills_what_was_acknowledged() -> None:
    recorder = one(
        conversation(
            Seg(CLIENT, C + 4, AFTER, data=b"efgh"),
            Seg(SERVER, AFTER, C + 8, data=b"answer"),
            Seg(CLIENT, C, AFTER, data=b"abcd"),
        )
    )
    assert recorder.delivered(CLIENT) == b"abcdefgh"
    assert not recorder.tcp.gaps
    # The answer acknowledges the request, so it comes after it.
    senders = [event[0] for event in recorder.events]
    assert senders == [SERVER] * len(HELLO) + [CLIENT] * 8 + [SERVER] * 6


def test_answer_waits_for_the_request_it_acknowledges() -> None:
    """Captures put the frames of two directions out of order: the question still comes before its answer."""
    for columns in (True, False):
        flows = run(
            conversation(Seg(SERVER, AFTER, C + 4, data=b"answer"), Seg(CLIENT, C, AFTER, data=b"quiz")),
            columns=columns,
        )
        senders = [event[0] for event in flows.recorders[0].events]
        assert senders == [SERVER] * len(HELLO) + [CLIENT] * 4 + [SERVER] * 6


def test_lost_end_is_a_gap_at_the_end() -> None:
    recorder = one(conversation(Seg(SERVER, AFTER, C + 10)))
    assert recorder.gaps(CLIENT) == [(10, GAP_LOST)]


def test_fin_that_was_not_captured_is_no_gap() -> None:
    recorder = one(conversation(Seg(CLIENT, C, AFTER, data=LOGIN), Seg(SERVER, AFTER, C + len(LOGIN) + 1)))
    assert not recorder.tcp.gaps


def test_snap_length_is_a_gap_of_its_own_kind() -> None:
    recorder = one(
        conversation(Seg(CLIENT, C, AFTER, data=LOGIN[:4], missing=9), Seg(CLIENT, C + 13, AFTER, data=b"next"))
    )
    assert recorder.of(CLIENT)[4] == ("gap", 9, GAP_SNAP)
    assert recorder.delivered(CLIENT) == LOGIN[:4] + b"next"


def test_cut_segment_that_comes_whole_later() -> None:
    recorder = one(conversation(Seg(CLIENT, C, AFTER, data=b"", missing=13), Seg(CLIENT, C, AFTER, data=LOGIN)))
    assert recorder.gaps(CLIENT) == [(13, GAP_SNAP)]
    assert recorder.delivered(CLIENT) == b""


def held(recorder: Recorder) -> tuple[int, int]:
    halves = recorder.tcp.halves
    return max(half.held_bytes for half in halves), max(len(half.held) for half in halves)


def test_bound_on_held_segments() -> None:
    flows = Flows()
    flows.feed(conversation())
    for start in range(0, 3 * MAX_HELD_SEGMENTS, 500):
        flows.feed([Seg(CLIENT, C + 4 + 2 * i, AFTER, data=b"x") for i in range(start, start + 500)])
        assert held(flows.recorders[0])[1] <= MAX_HELD_SEGMENTS
    assert flows.recorders[0].gaps(CLIENT)


def test_bound_on_held_bytes() -> None:
    flows = Flows()
    flows.feed(conversation())
    # Small ones first: making room for a large one takes more than one of them.
    flows.feed([Seg(CLIENT, C + 4 + 2 * i, AFTER, data=b"x") for i in range(MAX_HELD_SEGMENTS - 1)])
    at = C + 10 + 2 * MAX_HELD_SEGMENTS
    for _ in range(3 * MAX_HELD_BYTES // 60_000):
        flows.feed([Seg(CLIENT, at, AFTER, data=bytes(60_000))])
        at += 60_001
        assert held(flows.recorders[0])[0] <= MAX_HELD_BYTES


def test_bounds_hold_when_both_directions_have_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MAX_HELD_SEGMENTS", 20)
    flows = Flows()
    flows.feed(conversation())
    for i in range(500):
        flows.feed([Seg(i % 2, (C, S)[i % 2] + 100 + 3 * i, (S, C)[i % 2] + 200 + 3 * i, data=b"xy")])
        assert held(flows.recorders[0])[1] <= 20
    flows.finish()
    assert held(flows.recorders[0]) == (0, 0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(5, 3, 2), (3, 5, -2), (2, 0xFFFF_FFFE, 4), (0xFFFF_FFFE, 2, -4), (0x8000_0000, 0, -(1 << 31)), (7, 7, 0)],
)
def test_difference_of_sequence_numbers(a: int, b: int, expected: int) -> None:
    assert difference(a, b) == expected


def test_connection_without_a_handler() -> None:
    tcp = TcpConnection(b"", 1, 1)
    tcp.segment(CLIENT, 10, 0, ACK, b"abc", 0, 1, 1)
    tcp.segment(CLIENT, 20, 0, ACK, b"abc", 2, 2, 2)
    tcp.segment(CLIENT, 25, 0, FIN, b"", 0, 3, 3)
    tcp.flush()
    assert tcp.gaps == 2
    assert tcp.halves[CLIENT].bytes == 6


def test_is_new_connection() -> None:
    tcp = TcpConnection(b"", 1, 1)
    assert not tcp.is_new_connection(CLIENT, 5, 0, SYN)
    tcp.segment(CLIENT, 5, 0, SYN, b"", 0, 1, 1)
    assert not tcp.is_new_connection(CLIENT, 5, 0, SYN)
    assert tcp.is_new_connection(CLIENT, 6, 0, SYN)
    assert not tcp.is_new_connection(SERVER, 6, 6, SYNACK)
    tcp.segment(SERVER, 9, 6, SYNACK, b"", 0, 2, 2)
    assert not tcp.is_new_connection(SERVER, 9, 6, SYNACK)  # sent again
    assert not tcp.is_new_connection(SERVER, 12, 6, SYNACK)  # another server's answer to the same SYN
    assert tcp.is_new_connection(SERVER, 12, 77, SYNACK)  # the SYN that it answers was lost
    assert not tcp.is_new_connection(CLIENT, 12, 77, SYNACK)


def test_a_syn_ack_that_comes_late_is_no_other_connections() -> None:
    tcp = TcpConnection(b"", 1, 1)
    tcp.segment(SERVER, 10, 6, ACK, b"greeting", 0, 1, 1)
    assert not tcp.is_new_connection(SERVER, 9, 6, SYNACK)
    assert tcp.is_new_connection(SERVER, 9 + FAR, 6, SYNACK)


# -- ports used again, where the SYN is not in the capture -------------------------------------------------------------

FAR = 1 << 30


class Opening(Recorder, PiecesHandler):
    """Takes pieces, many at once."""

    def pieces(self, pieces: Pieces, first: int, last: int) -> None:
        while first < last:
            stop = pieces.run_end(first, last)
            self.data(*pieces.run(first, stop))
            first = stop


def says_hello(data: bytes) -> bool:
    """A word that begins a connection."""
    return data.startswith(b"hello")


def followed(segments: list[Seg], columns: bool, *, apart: bool) -> list[Opening]:
    """What the connections hold, in their order."""
    made: list[Opening] = []

    def follow(tcp: TcpConnection) -> Opening:
        made.append(Opening(tcp))
        return made[-1]

    table = FlowTable(follow, columns=columns, opens=says_hello)
    for number, part in enumerate([[one] for one in segments] if apart else [segments]):
        table.feed(batch_of(part, first_frame=1 + number))
    list(table.finish())
    return made


OPEN = [*handshake(C - 1, AFTER - 1), Seg(CLIENT, C, AFTER, data=b"abc"), Seg(SERVER, AFTER, C + 3, data=b"defg")]
GONE = [
    *OPEN,
    Seg(CLIENT, C + 3, AFTER + 4, FIN),
    Seg(SERVER, AFTER + 4, C + 4, FIN),
    Seg(CLIENT, C + 4, AFTER + 5),
]
# The third segment of the handshake, and what the server says first.
LATER = [Seg(CLIENT, C + FAR, AFTER + FAR), Seg(SERVER, AFTER + FAR, C + FAR, data=b"hello")]


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("before", [OPEN, GONE])
def test_a_port_used_again_without_its_syn(before: list[Seg], apart: bool, columns: bool) -> None:
    first, second = followed([*before, *LATER], columns, apart=apart)
    assert (first.delivered(CLIENT), first.delivered(SERVER)) == (b"abc", b"defg")
    assert second.delivered(SERVER) == b"hello"
    assert not first.tcp.gaps
    assert not second.tcp.gaps


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("before", [OPEN, GONE])
def test_ports_used_again_are_counted_where_nobody_follows_them(before: list[Seg], columns: bool) -> None:
    """Several processes follow a share each, and have to number alike."""
    table = FlowTable(lambda tcp: None, columns=columns, opens=says_hello)
    assert [tcp.number for tcp in table.feed(batch_of([*before, *LATER]))] == [0]
    assert [tcp.number for tcp in table.finish()] == [1]


@pytest.mark.parametrize("columns", [True, False])
def test_a_syn_ack_alone_opens_another_connection(columns: bool) -> None:
    first, second = followed([*OPEN, Seg(SERVER, AFTER + FAR, C + FAR, SYNACK), *LATER], columns, apart=False)
    assert (first.tcp.gaps, second.tcp.gaps) == (0, 0)
    assert second.tcp.initiator == CLIENT


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize(
    "behind",
    [
        Seg(SERVER, AFTER + FAR, C + 3, data=b"hello"),  # a row that looks like it, behind many that were lost
        Seg(SERVER, AFTER + FAR, C + FAR, data=b"rows"),  # the capture paused
    ],
)
def test_what_was_lost_is_no_other_connection(behind: Seg, columns: bool) -> None:
    (one_of_all,) = followed([*OPEN, behind], columns, apart=False)
    assert one_of_all.tcp.gaps


@pytest.mark.parametrize("columns", [True, False])
def test_late_segments_are_of_the_connection_that_has_ended(columns: bool) -> None:
    (only,) = followed([*GONE, Seg(SERVER, AFTER, C + 3, data=b"hello"), Seg(CLIENT, C, FAR, RST)], columns, apart=True)
    assert only.delivered(SERVER) == b"defg"


# -- connections that were open before the capture began ---------------------------------------------------------------

PROBES = {
    "no byte": Seg(CLIENT, C - 1, AFTER),
    "a byte": Seg(CLIENT, C - 1, AFTER, data=b"\0"),
}


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("kind", PROBES)
def test_a_keep_alive_is_no_beginning(kind: str, answered: bool, columns: bool) -> None:
    """Its number is one too low, and its byte is garbage: neither a gap nor data."""
    probe = [PROBES[kind], *([Seg(SERVER, AFTER, C)] if answered else [])]
    talk = [Seg(CLIENT, C, AFTER, data=b"question"), Seg(SERVER, AFTER, C + 8, data=b"answer")]
    for parts in ([[*probe, *talk]], [probe, talk], [[segment] for segment in (*probe, *talk)]):
        flows = Flows(columns=columns)
        for part in parts:
            flows.feed(part)
        flows.finish()
        (recorder,) = flows.recorders
        assert not recorder.tcp.gaps
        assert (recorder.delivered(CLIENT), recorder.delivered(SERVER)) == (b"question", b"answer")


@pytest.mark.parametrize("columns", [True, False])
def test_an_answer_begins_where_the_request_awaits_it(columns: bool) -> None:
    """The client's later acknowledgement of what is missing does not hide it."""
    talk = [
        Seg(CLIENT, C, AFTER, data=b"question"),
        Seg(CLIENT, C + 8, AFTER + 4),
        Seg(SERVER, AFTER + 4, C + 8, data=b"er"),
    ]
    for parts in ([talk], [[segment] for segment in talk]):
        flows = Flows(columns=columns)
        for part in parts:
            flows.feed(part)
        flows.finish()
        assert flows.recorders[0].gaps(SERVER) == [(4, GAP_LOST)]
        assert flows.recorders[0].delivered(SERVER) == b"er"


def test_a_bare_acknowledgement_says_nothing_of_the_beginning() -> None:
    """What was on its way when the capture began is not lost."""
    recorder = one([Seg(CLIENT, C, AFTER - 1000), Seg(SERVER, AFTER, C, data=b"rest")])
    assert not recorder.tcp.gaps


@pytest.mark.parametrize("columns", [True, False])
def test_what_each_piece_acknowledges(columns: bool) -> None:
    seen: list[tuple[int, int, list[int]]] = []

    class Numbers(Recorder):
        def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
            seen.append((sender, self.tcp.piece_seq, list(self.tcp.piece_acks)))

    table = FlowTable(Numbers, columns=columns)
    talk = [
        Seg(CLIENT, C, AFTER, data=b"one"),
        Seg(CLIENT, C + 3, AFTER, data=b"two"),
        Seg(SERVER, AFTER, C + 6, data=b"answer"),
    ]
    table.feed(batch_of(talk))
    list(table.finish())
    assert [(who, seq + at, ack) for who, seq, acks in seen for at, ack in enumerate(acks)][:1] == [(CLIENT, C, AFTER)]
    assert [ack for _, _, acks in seen for ack in acks] == [AFTER, AFTER, C + 6]
    assert seen[-1][:2] == (SERVER, AFTER)


def test_bytes_that_the_receiver_never_acknowledged_were_lost_by_the_network() -> None:
    recorder = one(
        conversation(
            Seg(CLIENT, C, AFTER, data=b"abcd"),
            Seg(SERVER, AFTER, C + 4),
            Seg(CLIENT, C + 8, AFTER, data=b"ijkl"),
            Seg(SERVER, AFTER, C + 4),
        )
    )
    assert recorder.gaps(CLIENT) == [(4, GAP_NETWORK)]
