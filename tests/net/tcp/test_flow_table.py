"""The flow table's own affairs: numbers, what is kept of closed connections, and the bounds on all of it."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.batches import SegmentBatch
from analyzer.net.tcp import flow_table as flows_module
from analyzer.net.tcp.flow_table import LINGER_NS, FlowTable
from analyzer.net.tcp.grouping import endpoints_of
from analyzer.net.tcp.reassembly import TcpConnection
from tests.net.tcp.segments import ACK, CLIENT, FIN, SERVER, START_NS, SYN, Flows, Seg, batch_of, handshake, run

C, S = 1001, 5001


def closed(flow: int = 0, time_ns: int = 0) -> list[Seg]:
    """A whole connection with three bytes of the client's."""
    segments = [
        *handshake(flow=flow),
        Seg(CLIENT, C, S, FIN, b"abc", flow=flow),
        Seg(SERVER, S, C + 4, FIN, flow=flow),
        Seg(CLIENT, C + 4, S + 1, flow=flow),
    ]
    return [segment._replace(time_ns=time_ns) for segment in segments]


def test_numbers_follow_the_first_frames() -> None:
    order = [5, 2, 9, 0]
    flows = run([Seg(CLIENT, 1, 1, data=b"x", flow=flow) for flow in order])
    assert [r.tcp.endpoints[0][1] - 40000 for r in flows.by_number()] == order
    assert [tcp.number for tcp in flows.opened] == [0, 1, 2, 3]
    assert flows.table.connections == 4


def test_empty_batch_and_empty_table() -> None:
    flows = Flows()
    flows.feed([])
    assert list(flows.table.finish()) == []
    assert len(flows.table) == 0


def test_late_segments_of_a_closed_connection_are_its_own() -> None:
    flows = Flows()
    flows.feed(closed())
    flows.feed([Seg(CLIENT, C, S, FIN, b"abc"), Seg(SERVER, S + 1, C + 4)])
    flows.finish()
    assert len(flows.recorders) == 1
    assert flows.recorders[0].tcp.retransmissions == 1
    assert flows.recorders[0].tcp.last_frame == 8


def test_closed_connection_is_given_back_after_a_while() -> None:
    flows = Flows()
    flows.feed(closed(time_ns=START_NS))
    assert flows.finished == []
    flows.feed([Seg(CLIENT, 1, 1, flow=7, time_ns=START_NS + LINGER_NS + 1)])
    assert [tcp.number for tcp in flows.finished] == [0]
    # What comes later still is passed over, and makes no connection of its own.
    flows.feed([Seg(CLIENT, C + 4, S + 1, time_ns=START_NS + 2 * LINGER_NS)])
    flows.finish()
    assert len(flows.recorders) == 2


def test_syn_after_a_tombstone_is_a_new_connection() -> None:
    for columns in (True, False):
        flows = Flows(columns=columns)
        flows.feed(closed(time_ns=START_NS))
        flows.feed([Seg(CLIENT, 1, 1, flow=7, time_ns=START_NS + LINGER_NS + 1)])
        again = [segment._replace(time_ns=START_NS + 2 * LINGER_NS) for segment in handshake(77, 88)]
        flows.feed(again)
        flows.finish()
        assert [recorder.tcp.number for recorder in flows.by_number()] == [0, 1, 2]


def test_numbers_far_from_those_of_a_tombstone_are_of_a_new_connection() -> None:
    """Its SYN and the answer to it are not in the capture."""
    for columns in (True, False):
        flows = Flows(columns=columns)
        flows.feed(closed(time_ns=START_NS))
        flows.feed([Seg(CLIENT, 1, 1, flow=7, time_ns=START_NS + LINGER_NS + 1)])
        flows.feed([Seg(SERVER, S + (1 << 30), 77, data=b"later", time_ns=START_NS + 2 * LINGER_NS)])
        flows.finish()
        assert [recorder.delivered(SERVER) for recorder in flows.by_number()] == [b"", b"", b"later"]


def test_bound_on_lingering_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows_module, "LINGERING", 10)
    flows = Flows()
    for flow in range(50):
        flows.feed(closed(flow, START_NS + flow))
        assert len(flows.table) <= 10
    assert [tcp.number for tcp in flows.finished] == list(range(40))


def test_bound_on_open_connections_ends_the_longest_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows_module, "MAX_OPEN", 20)
    flows = Flows()
    for flow in range(60):
        flows.feed([Seg(CLIENT, 1000, 0, SYN, flow=flow)])
        assert len(flows.table) <= 20
    assert flows.table.evicted == len(flows.finished) >= 40
    assert [tcp.number for tcp in flows.finished] == list(range(len(flows.finished)))
    flows.finish()
    assert len(flows.finished) == 60


def test_bound_on_tombstones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows_module, "TOMBSTONES", 5)
    monkeypatch.setattr(flows_module, "LINGERING", 0)
    flows = Flows()
    for flow in range(30):
        flows.feed(closed(flow, START_NS + flow * 10 * LINGER_NS))
    assert flows.table.remembered <= 5
    assert len(flows.table) == 0


def test_nobody_wants_a_connection() -> None:
    table = FlowTable(lambda tcp: None)
    table.feed(batch_of(closed()))
    (tcp,) = table.finish()
    assert tcp.handler is None
    assert tcp.halves[CLIENT].bytes == 3


def test_handler_is_asked_for_when_the_first_segment_is_seen() -> None:
    asked: list[tuple[int, tuple[str, int]]] = []

    def follow(tcp: TcpConnection) -> None:
        asked.append((tcp.first_frame, tcp.endpoints[1]))

    FlowTable(follow).feed(batch_of([Seg(SERVER, 1, 1, ACK, flow=3), Seg(CLIENT, 1, 1, ACK, flow=3)], first_frame=11))
    assert asked == [(11, ("10.0.0.2", 3306))]


def test_ipv6_endpoints_and_ipv4_of_the_same_numbers_stay_apart() -> None:
    four = batch_of([Seg(CLIENT, 1, 1, data=b"four")])
    six = batch_of([Seg(CLIENT, 1, 1, data=b"six")])
    six.ip_version[:] = 6
    table = FlowTable(lambda tcp: None)
    for batch in (four, six):
        table.feed(batch)
    endpoints = [tcp.endpoints for tcp in table.finish()]
    assert endpoints == [(("10.0.0.1", 40000), ("10.0.0.2", 3306)), (("::a00:1", 40000), ("::a00:2", 3306))]


def test_endpoints_of_a_key() -> None:
    ports = (1234 << 24) | (3306 << 8) | 6
    key = np.array([0xFD00 << 48, 1, 0xFD00 << 48, 2, ports], dtype=">u8").tobytes()
    assert endpoints_of(key) == (("fd00::1", 1234), ("fd00::2", 3306))


def test_segments_between_the_same_address_and_port() -> None:
    """A connection from a socket to itself: both directions have one name, and nothing breaks over it."""
    batch: SegmentBatch = batch_of([Seg(CLIENT, 1, 0, SYN), Seg(CLIENT, 2, 2, data=b"self")])
    batch.dst_lo[:] = batch.src_lo
    batch.dport[:] = batch.sport
    table = FlowTable(lambda tcp: None)
    table.feed(batch)
    (tcp,) = table.finish()
    assert tcp.endpoints[0] == tcp.endpoints[1]
