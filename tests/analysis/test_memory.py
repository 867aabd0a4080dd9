"""One bound over all that is held back: what is counted, what is given up when it is reached, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis import AnalysisOptions, Result, memory, pipeline
from analyzer.analysis.commands import digest, statistics
from analyzer.analysis.commands.digest import Digests
from analyzer.analysis.commands.statistics import CommandGroup
from analyzer.analysis.live import LiveAnalysis
from analyzer.analysis.memory import CONNECTION, LEAST_MEMORY, held_of
from analyzer.analysis.pipeline import Analysis
from analyzer.engine.command_collectors import EachCommand
from analyzer.engine.reading import Reading
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.wire.compression import encode_compressed
from analyzer.protocol.wire.framing import HEAD_KEPT, PacketFramer, RawPacket, encode_packet
from tests.analysis.traffic import results_of
from tests.bench import memory as bench
from tests.reading import opened
from tests.wire.frames import Frame, batches
from tests.wire.mysql import CLIENT_FLAGS, COMPRESS, FAST, compressed, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, START, conversation, in_time_order, wait

MB = 1 << 20
BATCH = 64  # frames: two megabytes


def fed(frames: Iterable[Frame], options: AnalysisOptions) -> tuple[Analysis, int]:
    """The analysis, not finished, and the most that its connections ever held after a batch."""
    analysis, most = Analysis("made", options), 0
    for found in Reading(analysis, opened(batches(list(frames), BATCH))).batches():
        list(found)
        most = max(most, sum(map(held_of, analysis.open_connections)))
    return analysis, most


@pytest.mark.parametrize(
    "make", [bench.out_of_order, bench.unfinished_logins, bench.unfinished_packets], ids=lambda make: make.__name__
)
def test_hostile_connections_stay_within_the_bound(make: Callable[[int], Iterator[Frame]]) -> None:
    count = 40 if make is not bench.unfinished_logins else 150
    analysis, most = fed(make(count), AnalysisOptions(memory=LEAST_MEMORY))
    assert most <= LEAST_MEMORY + 3 * MB
    memory = analysis.memory
    assert memory.given_up > count // 4
    assert memory.given_up_bytes > LEAST_MEMORY // 2
    (note,) = analysis.memory_notes
    assert note.startswith("memory is bounded to 16 MB (--memory): ")
    assert f" MB of incomplete data in {memory.given_up} connections was given up, the oldest first" in note
    # All of them are still there in the end.
    list(analysis.finish(False))
    assert analysis.totals.mysql_connections == count
    assert memory.ended == 0


def test_with_room_enough_nothing_is_given_up() -> None:
    analysis, most = fed(bench.out_of_order(20), AnalysisOptions())
    assert most > 18 * MB
    assert analysis.memory_notes == []


def test_the_oldest_are_given_up_first() -> None:
    analysis, _ = fed(bench.unfinished_packets(30), AnalysisOptions(memory=LEAST_MEMORY))
    held = [held_of(connection) > MB // 2 for connection in analysis.open_connections]
    assert held == sorted(held)
    assert any(held)


def test_each_process_has_its_share() -> None:
    assert Analysis("made", AnalysisOptions(memory=64 * MB, share=(1, 4))).memory.limit == 16 * MB


def test_a_login_that_was_given_up_is_no_fault_of_a_peer() -> None:
    """Its rest comes after all: neither side is blamed for what was not kept."""
    whole = encode_packet(ACCEPTED[1][1][4:] + b"a" * 120_000, 1)
    scripts = [
        conversation([ACCEPTED[0], ("c", whole), ACCEPTED[2]], client=("10.0.9.9", 1000 + i), split=8192)
        for i in range(200)
    ]
    # The last pieces come when all the others are there.
    frames = [frame for script in scripts for frame in script[:-3]] + [f for script in scripts for f in script[-3:]]
    results, analysis = results_of(frames, AnalysisOptions(memory=LEAST_MEMORY), batch=BATCH)
    assert analysis.memory_notes
    codes = {finding.code for connection, _ in results for finding in connection.findings}
    assert not codes & {"malformed-packet", "sequence-error", "truncated-login", "no-greeting"}


def test_whole_connections_end_early_where_nothing_else_can_be_given_up() -> None:
    """Thousands of connections that hold nothing back take memory too."""
    analysis = Analysis("made", AnalysisOptions(memory=LEAST_MEMORY))
    small = [conversation(list(ACCEPTED), client=(f"10.7.{i // 250}.{i % 250 + 1}", 5000)) for i in range(2600)]
    reading = Reading(analysis, opened(batches(in_time_order(*small), 500)))
    ended = sum(len(list(found)) for found in reading.batches())
    assert ended > 0
    assert analysis.memory.ended > 0
    assert len(analysis.open_connections) * CONNECTION <= LEAST_MEMORY
    assert "connections were ended early, the longest idle first" in " ".join(analysis.memory_notes)


def test_clean_traffic_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the bound nothing is added up: the cost is a comparison for each batch."""
    analysis = Analysis("made", AnalysisOptions())
    asked: list[TcpConnection] = []
    monkeypatch.setattr(memory, "held_of", asked.append)
    frames = in_time_order(*[conversation([*ACCEPTED, *GOODBYE], client=(f"10.8.0.{i}", 5000)) for i in range(1, 200)])
    for found in Reading(analysis, opened(batches(frames, 100))).batches():
        list(found)
    assert asked == []


def packets_of(framer: PacketFramer, data: bytes, pieces: list[int], shed: set[int]) -> Iterator[RawPacket]:
    at = 0
    for index, size in enumerate([*pieces, len(data)]):
        piece = data[at : at + size]
        at += size
        if piece:
            framer.push(piece, [len(piece)], [index + 1], [index])
            while (packet := framer.next()) is not None:
                yield packet
        if index in shed:
            framer.shed()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 1500), min_size=1, max_size=6),
    st.lists(st.integers(1, 900), max_size=12),
    st.sets(st.integers(0, 12)),
    st.sampled_from([64, 600, 1 << 20]),
)
def test_a_packet_that_is_given_up_is_counted_to_its_end(
    sizes: list[int], pieces: list[int], shed: set[int], keep: int
) -> None:
    """Whatever is given up when: the same packets, with lengths and frames; of payloads at least the head."""
    data = b"".join(encode_packet(bytes([number]) * size, number) for number, size in enumerate(sizes))
    plain = list(packets_of(PacketFramer(keep), data, pieces, set()))
    found = list(packets_of(PacketFramer(keep), data, pieces, shed))
    assert [packet.length for packet in found] == [packet.length for packet in plain] == sizes
    for one, other in zip(found, plain, strict=True):
        assert (one.sequence_id, one.frame, one.start_frame) == (other.sequence_id, other.frame, other.start_frame)
        assert other.payload.startswith(one.payload)
        assert len(one.payload) >= min(len(other.payload), HEAD_KEPT)


def test_a_statement_that_was_given_up_is_listed_as_cut() -> None:
    sql = "SELECT '" + "x" * 900_000 + "'"
    frames = list(conversation([*ACCEPTED, ("c", query(sql)), ACCEPTED[2]], split=32768))
    collector = EachCommand(0, lambda command: command)
    analysis = Analysis("made", collector.options(AnalysisOptions()))
    commands = []
    for found in Reading(analysis, opened(batches(frames, 5))).batches():
        commands += [command for _, command in collector.take(analysis, found, last=False)]
        for connection in analysis.open_connections:
            connection.handler.shed()  # type: ignore[union-attr]
    (command,) = commands
    assert command.statement == sql[: HEAD_KEPT - 1]
    assert command.statement_cut == len(sql) - HEAD_KEPT + 1
    assert command.complete is True  # the capture has all of it


def test_digests_keep_little_of_long_statements() -> None:
    digests = Digests()
    for number in range(3000):
        digests.of(f"SELECT {number}, t{number}.a FROM t{number} WHERE b IN ('{'x' * 20_000}')")
        assert digests.characters <= digest.MOST_CHARACTERS
    assert digests.characters > digest.MOST_CHARACTERS // 2
    one, other = "SELECT " + "a, " * 5000 + "1", "SELECT " + "a, " * 5000 + "2 FROM t"
    assert digests.of(one) == digests.of(other) == Digests().of(other)


def test_statistics_bound_the_names_of_their_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MOST_CHARACTERS", 1000)
    found = statistics.CommandStatistics(("statement",))
    for number in range(100):
        name = f"SELECT {number} " + "x" * 90
        found.merge(statistics.CommandStatistics(("statement",), groups={"statement": {name: CommandGroup(name)}}))
    names = found.groups["statement"]
    assert statistics.OTHERS in names
    assert 9 <= len(names) <= 12
    assert found.characters == sum(map(len, names))


def test_half_a_compressed_frame_is_passed_over() -> None:
    """What comes behind it is read as ever."""
    noise = Random(5).randbytes(200_000).hex().encode()
    login_ok = [
        ("s", greeting()),
        ("c", login(flags=CLIENT_FLAGS | COMPRESS)),
        ("s", FAST + ok(3)),
    ]
    long = encode_compressed(query(b"SELECT '" + noise + b"'"), 0, "zlib")
    script = [*login_ok, ("c", long), ("s", compressed(ok(1), 0, 1))]
    script += [("c", compressed(query("SELECT 2"), 0)), ("s", compressed(ok(1), 0, 1))]
    frames = list(conversation(script, split=4096))
    results: list[Result] = []
    plain = AnalysisOptions(packets=100)
    for shed in (False, True):
        analysis = Analysis("made", plain)
        reading = Reading(analysis, opened(batches(frames, 8)))
        for completed in reading.batches():
            results += completed
            for connection in analysis.open_connections:
                if shed:
                    connection.handler.shed()  # type: ignore[union-attr]
        results += reading.end()
    (whole, _), (found, detail) = results
    assert whole.commands == {"query": 2}
    assert found.commands["query"] >= 1
    assert detail is not None
    assert any("SELECT 2" in packet.summary for packet in detail.packets)
    assert any("no room" in packet.summary for packet in detail.packets)
    assert not {finding.code for finding in found.findings} & {"malformed-packet", "sequence-error", "capture-gap"}


def test_live_captures_have_the_bound_too() -> None:
    analysis = LiveAnalysis("made", AnalysisOptions(memory=LEAST_MEMORY))
    most = 0
    for batch in batches(list(bench.unfinished_logins(150)), BATCH):
        list(analysis.take(batch))
        most = max(most, sum(map(held_of, analysis.open_connections)))
    assert most <= LEAST_MEMORY + 3 * MB
    assert analysis.memory_notes
    assert analysis.open_now == 150


def test_results_with_many_packets_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the first connection to end is bounded by its packets, not only by its number."""
    monkeypatch.setattr(pipeline, "WAITING_PACKETS", 100)
    first = conversation([*ACCEPTED, wait("c", query(), 100), *GOODBYE])
    script = [*ACCEPTED, *GOODBYE]
    others = [conversation(script, client=(f"10.9.0.{i}", 5000), start_ns=START + i * MS) for i in range(1, 61)]
    order, options = pipeline.InOrder(), AnalysisOptions(packets=50)
    results, _ = results_of(in_time_order(first, *others), options)
    for number, result in enumerate(results):
        order.add(number, result)
    assert 0 < order.in_memory < 30
    assert order.in_memory + order.on_disk == 61
    assert list(order.rest()) == results
