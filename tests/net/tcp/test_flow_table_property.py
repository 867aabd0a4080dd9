"""Streams cut at random, lost, repeated, reordered: both ways of the flow table agree, and no byte is out of place."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.net.tcp.reassembly import MAX_HELD_SEGMENTS, TcpConnection
from analyzer.net.tcp.trouble import Trouble
from tests.net.tcp.segments import (
    ACK,
    CLIENT,
    FIN,
    MILLISECOND,
    RST,
    SERVER,
    START_NS,
    SYN,
    SYNACK,
    Flows,
    Seg,
    run,
)

calm = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

Draw = st.DrawFn


@dataclass
class Wire:
    """What was sent, what the capture holds of it, and what may be expected."""

    original: tuple[bytes, bytes]
    segments: list[Seg]
    syn: bool
    whole: bool = True  # every byte is in the capture, in an order a receiver would put up with
    isn: tuple[int, int] = (0, 0)
    kinds: set[str] = field(default_factory=set)


ISN = st.one_of(st.integers(0, 0xFFFF_FFFF), st.integers(0xFFFF_FF00, 0xFFFF_FFFF), st.just(0x7FFF_FFF0))


@st.composite
def clean_wires(draw: Draw, flow: int = 0, most: int = 12) -> Wire:
    """Two streams in order: handshake or none, data with acknowledgements, FIN, RST or nothing at the end."""
    isn = (draw(ISN), draw(ISN))
    sent = [(isn[0] + 1) & 0xFFFF_FFFF, (isn[1] + 1) & 0xFFFF_FFFF]
    streams = [bytearray(), bytearray()]
    syn = draw(st.booleans())
    segments: list[Seg] = []
    if syn:
        fast_open = draw(st.sampled_from([b"", b"", b"early"]))
        segments.append(Seg(CLIENT, isn[0], 0, SYN, fast_open, flow=flow))
        streams[CLIENT] += fast_open
        sent[CLIENT] += len(fast_open)
        segments.append(Seg(SERVER, isn[1], sent[CLIENT], SYNACK, flow=flow))
        segments.append(Seg(CLIENT, sent[CLIENT], sent[SERVER], flow=flow))
    for _ in range(draw(st.integers(0, most))):
        sender = draw(st.sampled_from([CLIENT, SERVER]))
        data = bytes(draw(st.lists(st.integers(0, 255), max_size=9)))
        segments.append(Seg(sender, sent[sender], sent[1 - sender], ACK, data, flow=flow))
        sent[sender] += len(data)
        streams[sender] += data
    for sender in draw(st.sampled_from([(), (CLIENT,), (CLIENT, SERVER), (SERVER, CLIENT)])):
        data = draw(st.sampled_from([b"", b"last"]))
        segments.append(Seg(sender, sent[sender], sent[1 - sender], FIN, data, flow=flow))
        sent[sender] += len(data) + 1
        streams[sender] += data
    reset = draw(st.sampled_from([None, None, CLIENT, SERVER]))
    if reset is not None:
        segments.append(Seg(reset, sent[reset], 0, RST, flow=flow))
    elif draw(st.booleans()):
        segments += [Seg(s, sent[s], sent[1 - s], flow=flow) for s in (CLIENT, SERVER)]
    return Wire((bytes(streams[0]), bytes(streams[1])), segments, syn, isn=isn)


def again(draw: Draw, wire: Wire) -> None:
    """A segment (or its end) once more, later; the very same also with other bytes."""
    at = draw(st.integers(0, len(wire.segments) - 1))
    old = wire.segments[at]
    if not old.data or old.flags & (SYN | RST):
        return
    new = old
    kind = draw(st.sampled_from(["same", "other bytes", "overlap"]))
    if kind == "other bytes" and "moved" not in wire.kinds:
        new = old._replace(data=bytes(len(old.data)), flags=ACK)
        wire.kinds.add("changed")
    elif kind == "overlap":
        skip = draw(st.integers(0, len(old.data) - 1))
        new = old._replace(seq=old.seq + skip, data=old.data[skip:])
    wire.segments.insert(draw(st.integers(at + 1, min(at + 5, len(wire.segments)))), new)


def moved(draw: Draw, wire: Wire) -> None:
    """Two neighbours change places. The start of a connection without SYN stays: nothing says what came before it."""
    least = 3 if wire.syn else 0
    if not wire.syn:
        seen: set[int] = set()
        while least < len(wire.segments) and len(seen) < 2:
            seen.add(wire.segments[least].sender)
            least += 1
    if least + 1 >= len(wire.segments):
        return
    at = draw(st.integers(least, len(wire.segments) - 2))
    here, after = wire.segments[at], wire.segments[at + 1]
    if (here.flags | after.flags) & RST or wire.kinds & {"changed", "probe"}:
        return  # what comes after a reset waits for nothing; of bytes sent twice the first to be captured count
    wire.segments[at : at + 2] = [after, here]
    wire.kinds.add("moved")


def probe(draw: Draw, wire: Wire) -> None:
    """A keep-alive byte behind the last data of a direction."""
    at = draw(st.integers(1, len(wire.segments)))
    last = wire.segments[at - 1]
    if last.flags != ACK or "moved" in wire.kinds or not last.data:
        return
    wire.kinds.add("probe")
    seq = last.seq + len(last.data) - 1
    wire.segments.insert(at, last._replace(seq=seq, data=draw(st.sampled_from([b"", b"\xa5"]))))


def lost(draw: Draw, wire: Wire) -> None:
    at = draw(st.integers(0, len(wire.segments) - 1))
    wire.whole = wire.whole and not wire.segments[at].data
    del wire.segments[at]


def cut(draw: Draw, wire: Wire) -> None:
    """The snap length cuts a segment."""
    at = draw(st.integers(0, len(wire.segments) - 1))
    old = wire.segments[at]
    keep = draw(st.integers(0, len(old.data)))
    wire.segments[at] = old._replace(data=old.data[:keep], missing=old.missing + len(old.data) - keep)
    wire.whole = wire.whole and keep == len(old.data)


def stray_reset(draw: Draw, wire: Wire) -> None:
    """A reset of nobody: its number is outside of every window."""
    least = 1 if wire.syn else min(2, len(wire.segments))
    at = draw(st.integers(least, len(wire.segments)))
    last = wire.segments[at - 1]
    far = draw(st.sampled_from([1 << 20, 1 << 30, 3_000_000_000, -(1 << 16), -(1 << 30)]))
    flags = draw(st.sampled_from([RST, RST | ACK]))
    wire.segments.insert(at, Seg(draw(st.sampled_from([CLIENT, SERVER])), last.seq + far, last.ack + far, flags))


def shut_window(draw: Draw, wire: Wire) -> None:
    """A side takes no more bytes, or takes some again."""
    at = draw(st.integers(0, len(wire.segments) - 1))
    wire.segments[at] = wire.segments[at]._replace(window=draw(st.sampled_from([0, 0, 1])))


HARMLESS = (probe, again, moved, stray_reset, shut_window)
HARMFUL = (lost, cut)


@st.composite
def wires(draw: Draw, harm: bool, flow: int = 0) -> Wire:
    wire = draw(clean_wires(flow))
    for change in draw(st.lists(st.sampled_from(HARMLESS + HARMFUL if harm else HARMLESS), max_size=6)):
        if wire.segments:
            change(draw, wire)
    return wire


@st.composite
def paused_wires(draw: Draw) -> Wire:
    """Nothing for a while; not where something is closed: that is forgotten in the meantime."""
    wire = draw(wires(harm=True))
    if not wire.segments or any(segment.flags & (RST | FIN) & ~ACK for segment in wire.segments):
        return wire
    at = draw(st.integers(0, len(wire.segments) - 1))
    ahead = draw(st.sampled_from([9, 10, 60])) * 1_000_000_000
    start = START_NS + at * MILLISECOND
    for i in range(at, len(wire.segments)):
        old = wire.segments[i]
        wire.segments[i] = old._replace(time_ns=(old.time_ns or start + (i - at) * MILLISECOND) + ahead)
    return wire


@st.composite
def interleaved(draw: Draw, harm: bool = True) -> list[Seg]:
    """Several connections at once; some between the same endpoints, one after the other."""
    queues: list[list[Seg]] = []
    for flow in range(draw(st.integers(1, 3))):
        queue = list(draw(wires(harm, flow)).segments)
        later = draw(wires(harm, flow))
        if draw(st.booleans()) and later.segments and later.segments[0].flags == SYN:
            queue += later.segments
        queues.append(queue)
    out: list[Seg] = []
    while any(queues):
        queue = draw(st.sampled_from([q for q in queues if q]))
        count = draw(st.integers(1, len(queue)))
        out += queue[:count]
        del queue[:count]
    return out


def trouble_of(tcp: TcpConnection) -> Trouble:
    """What was noted of a connection. Of what was captured twice the count depends on where a batch ends, and so does
    what is told from it."""
    trouble = copy.deepcopy(tcp.trouble) or Trouble()
    trouble.copies = trouble.copied = trouble.copy_frame = trouble.copy_ns = trouble.unsure = 0
    trouble.unsure_frame = trouble.unsure_syns = 0
    trouble.repeats, trouble.syn_retries, trouble.synack_retries, trouble.differing = ([], []), [], [], []
    return trouble


def story(flows: Flows) -> list[tuple[object, ...]]:
    """All that a table said of its connections, in the order of their numbers."""
    told: list[tuple[object, ...]] = []
    for recorder in flows.by_number():
        tcp = recorder.tcp
        told.append(
            (
                tcp.number,
                recorder.of(CLIENT),
                recorder.of(SERVER),
                (tcp.first_frame, tcp.last_frame, tcp.first_ns, tcp.last_ns),
                (tcp.initiator, tcp.syn_ns, tcp.synack_ns, tcp.connected_ns),
                (tcp.retransmissions, tcp.out_of_order, tcp.gaps),
                [(h.bytes, h.fin, h.fin_frame, h.rst_frame, h.acked, h.sizes) for h in tcp.halves],
                trouble_of(tcp),
            )
        )
    return told


@calm
@given(interleaved(), st.data())
def test_both_ways_tell_the_same_at_any_batch_boundaries(segments: list[Seg], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(segments)), max_size=6))
    long_way = run(segments, columns=False)
    assert story(run(segments, cuts)) == story(long_way)
    assert story(run(segments, range(1, len(segments)))) == story(long_way)
    assert story(run(segments)) == story(long_way)
    assert len(long_way.finished) == len(long_way.recorders) == len(long_way.opened)


@calm
@given(paused_wires(), st.data())
def test_both_ways_know_the_same_pauses(wire: Wire, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(wire.segments)), max_size=6))
    long_way = story(run(wire.segments, columns=False))
    assert story(run(wire.segments, cuts)) == long_way
    assert story(run(wire.segments)) == long_way


@calm
@given(wires(harm=False), st.data())
def test_without_losses_every_byte_comes_in_order(wire: Wire, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(wire.segments)), max_size=6))
    flows = run(wire.segments, cuts)
    if not wire.segments:
        assert flows.recorders == []
        return
    (recorder,) = flows.recorders
    for sender in (CLIENT, SERVER):
        first = next((segment for segment in wire.segments if segment.sender == sender), None)
        # One byte, and no SYN before it: a keep-alive, for all that anybody can tell.
        probe = first is not None and not wire.syn and len(first.data) <= 1
        whole = wire.original[sender]
        assert recorder.delivered(sender) in ((whole, whole[1:]) if probe else (whole,))
        assert recorder.gaps(sender) == []
        # A byte is told with a frame that carried it.
        for event in recorder.of(sender):
            if isinstance(event[0], int):
                assert event[0] in wire.segments[event[1] - 1].data
    assert recorder.tcp.gaps == 0


@calm
@given(wires(harm=True), st.data())
def test_with_losses_what_comes_is_in_its_place(wire: Wire, data: st.DataObject) -> None:
    # Where the start is lost, or other bytes came first (a probe's before the lost ones), nothing tells their places.
    if not wire.segments or wire.segments[0].flags != SYN or wire.kinds & {"changed", "probe"}:
        return
    cuts = data.draw(st.lists(st.integers(0, len(wire.segments)), max_size=6))
    flows = run(wire.segments, cuts)
    for recorder in flows.recorders:
        answered = any(segment.flags == SYNACK for segment in wire.segments)
        for sender in (CLIENT, SERVER) if answered else (CLIENT,):
            # One more: the number of a FIN that is lost together with data in front of it.
            assert recorder.places(sender, wire.original[sender]) <= len(wire.original[sender]) + 1


@calm
@given(interleaved(), st.integers(1, 4))
def test_colliding_hashes_change_nothing(segments: list[Seg], batches: int) -> None:
    cuts = range(0, len(segments), max(1, len(segments) // batches))
    flows = Flows(mix=[0] * 6)
    before = 0
    for at in [*cuts, len(segments)]:
        flows.feed(segments[before:at])
        before = at
    flows.finish()
    assert story(flows) == story(run(segments, cuts))


@calm
@given(
    st.lists(
        st.builds(
            Seg,
            sender=st.sampled_from([CLIENT, SERVER]),
            seq=st.one_of(st.integers(0, 60), ISN),
            ack=st.one_of(st.integers(0, 60), ISN),
            flags=st.one_of(st.just(ACK), st.integers(0, 255)),
            data=st.binary(max_size=6),
            missing=st.sampled_from([0, 0, 0, 5]),
            flow=st.integers(0, 1),
            time_ns=st.just(0),
            window=st.sampled_from([502, 502, 0]),
            tag=st.just(0),
            options=st.just(b""),
            ip_id=st.just(0),
        ),
        max_size=30,
    )
)
def test_any_segments_at_all_come_to_an_end(segments: list[Seg]) -> None:
    for columns in (True, False):
        flows = run(segments, range(0, len(segments), 4), columns=columns)
        for recorder in flows.recorders:
            assert not any(half.held for half in recorder.tcp.halves)
            assert len(recorder.delivered(CLIENT) + recorder.delivered(SERVER)) <= sum(len(s.data) for s in segments)
            assert all(len(half.held) <= MAX_HELD_SEGMENTS for half in recorder.tcp.halves)
