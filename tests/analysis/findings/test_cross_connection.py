"""Findings that rest on other connections are the same for one process and for several, and in bounded memory."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from analyzer.analysis import AnalysisOptions, Connection, Result
from analyzer.analysis.findings.bursts import MOST_PAIRS, Bursts
from analyzer.analysis.findings.cross_connection import OPEN, Across, is_open
from analyzer.analysis.findings.history import MOST, Broken, LoggedIn, note_of, outline_of
from analyzer.engine.collectors import Connections, Rendering, whole
from analyzer.engine.run import Run
from analyzer.report import jsonl
from analyzer.report.connection_lines import JSON
from tests.analysis.findings.command_phase import LATER, SAME, WAITING, dump
from tests.analysis.findings.making import PROBE, SERVER_CLOSES, fast, full, idle
from tests.analysis.support import codes
from tests.net.tcp.segments import key_of
from tests.wire.files import pcap
from tests.wire.frames import FIN
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, MS, SECOND, START, Say, Script, conversation, in_time_order, wait

BLOCKED: Script = [("s", err(0, 1129, "Host is blocked", None)), *SERVER_CLOSES]
SLOW: Script = [wait("s", greeting(), 1.2), ("c", login()), ("s", FAST + ok(3)), *GOODBYE]
DENIED: Script = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied", "28000")), *SERVER_CLOSES]
KILLED: Script = idle(30.1, *SERVER_CLOSES)
GAVE_UP: Script = [*ACCEPTED, ("c", query()), Say("c", flags=FIN, wait_ns=2 * SECOND)]
DOWN: Script = [*ACCEPTED, ("s", err(0, 1053, "Server shutdown in progress", "08S01")), *SERVER_CLOSES]
CUT_OFF: Script = [
    *(("s", greeting(thread=99)), ("c", login()), ("s", FAST + ok(3)), ("c", query())),
    Say("s", flags=FIN, wait_ns=300 * MS),
    Say("c", flags=FIN),
]
KILLER: Script = [*ACCEPTED, ("c", query("KILL 99")), ("s", ok(1)), *GOODBYE]
# One client: a burst, health checks, a block, a cache that never knows it, a slow login.
DAY: Sequence[Script] = [
    *[fast()] * 60,
    KILLED,
    KILLED,
    DENIED,
    PROBE,
    full("late"),
    PROBE,
    full("late"),
    PROBE,
    BLOCKED,
    SLOW,
    full("late"),
    dump(11, ("s", SAME), *SERVER_CLOSES),
    dump(11),
    fast("haproxy"),
    *[WAITING] * 3,
    LATER,
    GAVE_UP,
    CUT_OFF,
    KILLER,
    DOWN,
]
# Of a client that opens and closes connections again and again it is not said that it insists on TLS.
EXPECTED = OPEN - {"tls-not-offered"} | {"connection-churn"}


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("across") / "day.pcap"
    frames = in_time_order(
        *(
            conversation(
                script, client=(f"10.0.0.{client}", 40_000 + number), start_ns=START + number * 50 * MS + client
            )
            for client in (1, 2, 3)
            for number, script in enumerate(DAY)
        )
    )
    path.write_bytes(pcap(frames))
    return path


def analysed(capture: Path, jobs: int) -> list[Connection]:
    run: Run[Result] = Run(AnalysisOptions(), partial(Connections, whole), jobs)
    found = [result[0] for _, results in run.each([str(capture)], False) for result in results]
    assert not run.failed
    return found


def test_any_number_of_processes_finds_the_same(capture: Path) -> None:
    alone = analysed(capture, 1)
    assert len(alone) == 3 * len(DAY)
    assert {code for connection in alone for code in codes(connection)} >= EXPECTED
    assert sum("It was killed" in finding.message for each in alone for finding in each.findings) == 3
    for jobs in (2, 3):
        assert analysed(capture, jobs) == alone


def test_lines_that_wait_for_their_findings_are_made_in_two_steps(capture: Path) -> None:
    rendering = Rendering(lambda result: jsonl.encode(result[0]), JSON.begin, JSON.finish)

    def lines(jobs: int) -> list[bytes]:
        run: Run[bytes] = Run(AnalysisOptions(), partial(Connections, rendering), jobs)
        return [line for _, found in run.each([str(capture)], False) for line in found]

    assert lines(2) == lines(1) == [jsonl.encode(connection) for connection in analysed(capture, 1)]


def test_an_outline_is_small_and_is_noted_alike(capture: Path) -> None:
    for connection in analysed(capture, 1):
        outline = outline_of(connection)
        assert note_of(outline) == note_of(connection)
        if connection.greeting is not None:
            assert len(pickle.dumps(outline)) < len(pickle.dumps(connection))


def test_clients_are_told_apart(capture: Path) -> None:
    connections = analysed(capture, 1)
    numbers = [
        finding.message.partition("number ")[2].partition(" ")[0]
        for connection in connections
        for finding in connection.findings
        if finding.code == "probe-connection"
    ]
    assert sorted(numbers) == ["", "", "", "2", "2", "2", "3", "3", "3"]


def test_memory_is_bounded() -> None:
    judge = Across()
    for number in range(2 * MOST):
        judge.note(Broken(f"10.0.{number >> 8}.{number & 255}", ("10.9.9.9", 3306), START, number, True))
        judge.note(LoggedIn(f"10.0.{number}", ("10.9.9.9", number), f"user{number}", True, "full", SECOND))
    history = judge.history
    assert len(history.ended) == len(history.logins) == len(history.durations) == MOST


def test_pairs_are_forgotten_oldest_first() -> None:
    from analyzer.net.tcp.reassembly import TcpConnection

    bursts = Bursts()
    for number in range(MOST_PAIRS + 100):
        low, high = (f"10.{number >> 8}.{number & 255}.1", 40_000), ("10.255.0.1", 3306)
        tcp = TcpConnection(key_of(low, high), 1, START)
        tcp.opener, tcp.syn_ns = 0, START
        bursts.opened([tcp])
    assert len(bursts.pairs) == MOST_PAIRS
    assert bursts.oldest[:16] == key_of(("10.0.100.1", 0), ("10.255.0.1", 0))[:16]


def test_notes_hold_what_later_ones_need(capture: Path) -> None:
    for connection in analysed(capture, 1):
        note = note_of(connection)
        if connection.outcome == "accepted":
            assert isinstance(note, LoggedIn)
            assert (note.client, note.user) == (connection.client.address, connection.login and connection.login.user)
        elif connection.error is not None:
            assert note is None  # 1129: refused before it could log in, and no cause of it
        else:
            assert isinstance(note, Broken)
            assert note.probe
            assert is_open(connection)
