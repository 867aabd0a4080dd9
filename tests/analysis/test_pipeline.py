"""One capture as a whole: order of the results, what waits on disk, totals and notes."""

from __future__ import annotations

import gc

import pytest

from analyzer.analysis import AnalysisOptions, Result, pipeline
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.conversation.decoder import Decoder
from analyzer.engine.reading import Reading
from analyzer.errors import CaptureError, UnsupportedLinkType
from analyzer.net.tcp.reassembly import TcpConnection
from tests.analysis.traffic import analyse, results_of
from tests.reading import opened
from tests.wire.encapsulation import WRAPPINGS, Wrapping
from tests.wire.frames import Frame, batches, ethernet, ipv4, udp
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, START, Step, conversation, in_time_order, wait


def client(number: int) -> tuple[str, int]:
    return (f"10.1.{number // 200}.{number % 200 + 1}", 50000)


def storm(count: int, first_lives: bool = True) -> list[Frame]:
    """Connections that begin one after the other; the first outlives them all."""
    # With a statement: many that only log in and leave are a health check, of which is told when all are known.
    script: list[Step] = [*ACCEPTED, ("c", query("DO 1")), ("s", ok(1)), *GOODBYE]
    long: list[Step] = [*ACCEPTED, wait("c", query("SELECT SLEEP(60)"), 60), *GOODBYE]
    talks = [
        conversation(long if first_lives and i == 0 else script, client=client(i), start_ns=START + i * 3 * MS)
        for i in range(count)
    ]
    return in_time_order(*talks)


def test_results_come_in_the_order_of_first_frames() -> None:
    frames = storm(40)
    for batch in (0, 1, 17, 100):
        results, analysis = results_of(frames, batch=batch)
        rows = [connection for connection, _ in results]
        assert [row.stream for row in rows] == list(range(40))
        assert [row.first_frame for row in rows] == sorted(row.first_frame for row in rows)
        assert analysis.totals.mysql_connections == analysis.totals.tcp_connections == 40


def test_results_come_as_soon_as_nothing_before_them_is_open() -> None:
    analysis = pipeline.Analysis("made", AnalysisOptions())
    reading = Reading(analysis, opened(batches(storm(300, first_lives=False), 200)))
    early = sum(len(list(results)) for results in reading.batches())
    assert early > 0
    assert early + len(list(reading.end())) == 300


def test_what_waits_long_waits_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = storm(300)
    whole = [connection for connection, _ in results_of(frames)[0]]
    monkeypatch.setattr(pipeline, "WAITING", 10)
    analysis = pipeline.Analysis("made.pcap", AnalysisOptions(packets=2))
    order = analysis.order
    results: list[Result] = []
    reading = Reading(analysis, opened(batches(frames, 300)))
    for found in reading.batches():
        results += found
        assert order.in_memory <= 10
    assert order.on_disk
    results += reading.end()
    assert [connection for connection, _ in results] == whole
    assert all(detail is not None and len(detail.packets) == 2 for _, detail in results)


def test_text_that_is_not_utf_8_survives_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.wire.mysql import FAST, greeting, login

    monkeypatch.setattr(pipeline, "WAITING", 0)
    odd = login().replace(b"app\0", b"\xff\xfe\x80\0", 1)
    (row,) = analyse(conversation([("s", greeting()), ("c", odd), ("s", FAST + ok(3))]))
    assert row.login is not None
    assert row.login.user.encode("utf-8", "surrogateescape") == b"\xff\xfe\x80"


def test_other_traffic_takes_numbers_but_no_rows() -> None:
    web = conversation([("c", b"GET / HTTP/1.0\r\n\r\n"), ("s", b"HTTP/1.0 200 OK\r\n")], server=("10.0.0.2", 80))
    ours = conversation([*ACCEPTED, *GOODBYE], client=("10.0.0.3", 50000), start_ns=START + MS // 2)
    results, analysis = results_of(in_time_order(web, ours))
    assert [connection.stream for connection, _ in results] == [1]
    assert (analysis.totals.tcp_connections, analysis.totals.mysql_connections) == (2, 1)


def test_link_type_that_is_unknown() -> None:
    frames = [frame._replace(link_type=147) for frame in conversation([*ACCEPTED])]
    with pytest.raises(UnsupportedLinkType) as caught:
        list(pipeline.Analysis("made", AnalysisOptions()).feed(*batches(frames)))
    assert caught.value.link_type == 147
    with pytest.raises(CaptureError, match=r"made\.pcap: link type 147 is not one that can be read"):
        results_of(frames)


def test_some_frames_of_an_unknown_link_type_are_noted() -> None:
    frames = [*conversation([*ACCEPTED]), Frame(b"whatever", 147, 0, START + 10 * MS)]
    results, analysis = results_of(frames)
    assert len(results) == 1
    assert analysis.source("pcap", []).notes == ["1 frames of link type 147 can not be read"]


def test_source_of_a_capture() -> None:
    frames = storm(3, first_lives=False)
    _, analysis = results_of(frames)
    source = analysis.source("pcap", ["a warning"])
    assert (source.frames, source.tcp_connections, source.mysql_connections) == (len(frames), 3, 3)
    assert source.first_time_ns == START
    assert source.last_time_ns == frames[-1].timestamp_ns
    assert source.warnings == ["a warning"]


def test_empty_capture() -> None:
    results, analysis = results_of([])
    assert results == []
    assert analysis.source("pcap", []).first_time_ns is None


def test_shares_of_several_processes_make_the_whole() -> None:
    frames = storm(30, first_lives=False)
    shares = [[c for c, _ in results_of(frames, AnalysisOptions(share=(index, 3)))[0]] for index in range(3)]
    assert all(shares)
    assert sorted((c for share in shares for c in share), key=lambda c: c.stream) == analyse(frames)


@pytest.mark.parametrize("wrapping", WRAPPINGS, ids=[wrapping.name for wrapping in WRAPPINGS])
def test_a_login_within_any_link_layer_or_tunnel(wrapping: Wrapping) -> None:
    frames = [
        frame._replace(data=wrapping.wrap(frame.data[14:]), link_type=wrapping.link)
        for frame in conversation([*ACCEPTED, *GOODBYE])
    ]
    results, analysis = results_of(frames)
    assert [connection.outcome for connection, _ in results] == ["accepted"]
    assert analysis.source("pcap", []).notes == []


def notes_of(frames: list[Frame]) -> list[str]:
    return results_of(frames)[1].source("pcap", []).notes


def test_what_can_not_be_followed_is_said_and_what_is_always_there_is_not() -> None:
    arp = Frame(ethernet(bytes(28), 0x0806))
    dns = Frame(ethernet(ipv4(udp(bytes(30), 53), 17)))
    geo = Frame(ethernet(bytes(40), 0x8947))
    esp = Frame(ethernet(ipv4(bytes(40), 50)))
    login = list(conversation([*ACCEPTED, *GOODBYE]))
    assert notes_of([*login, arp, dns]) == []
    assert notes_of([*login, arp, *[geo] * 312, esp]) == [
        "312 frames of EtherType 0x8947 (GeoNetworking) hold no TCP that can be found",
        "1 frame of IP protocol 50 (ESP, encrypted) holds no TCP that can be found",
    ]
    # Where there is no TCP at all, everything is said: never a silent zero.
    assert notes_of([arp, dns, dns]) == [
        "2 frames of UDP port 53 (DNS) hold no TCP that can be found",
        "1 frame of EtherType 0x0806 (ARP) holds no TCP that can be found",
    ]


def test_an_unknown_udp_port_is_said_where_it_is_a_part_of_the_capture() -> None:
    tunnel = Frame(ethernet(ipv4(udp(bytes(100), 12345), 17)))
    login = list(conversation([*ACCEPTED, *GOODBYE]))
    assert notes_of([*login, tunnel]) == ["1 frame of UDP port 12345 holds no TCP that can be found"]
    assert notes_of([*login * 10, tunnel]) == []


def test_the_most_frequent_kinds_are_named_and_the_others_counted() -> None:
    frames = [Frame(ethernet(bytes(40), 0xA000 + kind)) for kind in range(8) for _ in range(10 - kind)]
    notes = notes_of(frames)
    assert len(notes) == 6
    assert notes[0] == "10 frames of EtherType 0xa000 hold no TCP that can be found"
    assert notes[-1] == "12 more frames of 3 other kinds hold no TCP that can be found"


def test_a_connection_that_is_over_waits_for_no_garbage_collection() -> None:
    """Else memory grows with the capture until one comes, which in the command line is seldom."""
    frames = storm(20, first_lives=False)
    gc.collect()
    gc.disable()
    try:
        results, _ = results_of(frames)
        left = [one for one in gc.get_objects() if isinstance(one, Conversation | Decoder | TcpConnection)]
    finally:
        gc.enable()
    assert len(results) == 20
    assert not left
