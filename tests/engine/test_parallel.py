"""Several processes for one capture: they say what one says, end with their parent, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result, Source, Told
from analyzer.capture import open_capture
from analyzer.engine import packed
from analyzer.engine.collectors import Connections, Rendering, connection_alone
from analyzer.engine.reading import Reading
from analyzer.engine.run import Run
from analyzer.errors import CaptureError
from analyzer.report.connection_lines import lines_of
from analyzer.report.jsonl import encode
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import Frame
from tests.wire.mysql import err, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, Say, Script, conversation, in_time_order
from tests.wire.session import Session

SECONDS = 60.0
# An X Protocol server's first message: length, type 11 (notice), a frame that says hello.
HELLO = struct.pack("<IB", 5, 11) + bytes.fromhex("08051a00")
X_PROTOCOL: Script = [("s", HELLO), ("c", struct.pack("<IB", 1, 1)), ("s", HELLO), Say("c", flags=0x11)]
# Opens the capture, and takes very long for each connection.
STUCK = """
import sys, time
from analyzer.analysis import AnalysisOptions
from analyzer.engine.collectors import Connections
from analyzer.engine.listener import RunListener
from analyzer.engine.parallel import Parallel
from analyzer.engine.run import Run

def render(result):
    time.sleep(60)

run = Run(AnalysisOptions(), lambda: Connections(render), 3)
for _, items in run.each([sys.argv[1]], False):
    list(items)
"""


def many(count: int) -> list[Frame]:
    """Connections of which every third speaks another protocol, and frames that nobody can read."""
    made = []
    for number in range(count):
        other = number % 3 == 1
        client, server = (f"10.0.{number >> 8}.{number & 255}", 40000), ("10.9.9.9", 33060 if other else 3306)
        script: Script = X_PROTOCOL if other else [*ACCEPTED, *GOODBYE]
        made.append(conversation(script, client=client, server=server))
    frames = in_time_order(*made)
    return [*frames, *(frame._replace(data=frame.data[:20]) for frame in frames[:3])]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parallel") / "many.pcap"
    path.write_bytes(pcap(many(120)))
    return path


def read(path: Path, jobs: int) -> tuple[list[Connection], Source]:
    run: Run[Connection] = Run(AnalysisOptions(), partial(Connections, connection_alone), jobs)
    ((_, items),) = run.each([str(path)], False)
    found = list(items)
    (source,) = run.sources
    return found, source


@pytest.mark.parametrize("jobs", [2, 3, 5])
def test_notes_are_the_same_for_any_number_of_processes(capture: Path, jobs: int) -> None:
    alone, together = read(capture, 1), read(capture, jobs)
    assert alone[1].notes
    assert "X Protocol" in alone[1].notes[0]
    assert together[1] == alone[1]
    assert together[0] == alone[0]


def ports_used_again(sessions: int) -> list[Frame]:
    """Sessions from two ports, one after the other: the handshakes of all but the first were lost, and all ends."""
    frames: list[Frame] = []
    for number in range(sessions):
        session = Session(("10.0.0.1", 50_000 + number % 2), start_ns=START + number * SECOND)
        session.sent = {side: (base + number // 2 << 28) & 0xFFFF_FFFF for side, base in (("c", 3), ("s", 9))}
        session.log_in().send("c", query(f"SELECT {number}")).send("s", ok(1))
        frames += session.frames[3 if number > 1 else 0 :]
    return frames


@pytest.mark.parametrize("jobs", [2, 3])
def test_ports_used_again_without_syn_are_numbered_alike(tmp_path: Path, jobs: int) -> None:
    """Bytes alone tell that another session began, also to a process that does not follow the one before."""
    path = tmp_path / "again.pcap"
    path.write_bytes(pcap(ports_used_again(24)))
    alone, source = read(path, 1)
    assert [one.stream for one in alone] == list(range(24))
    assert read(path, jobs) == (alone, source)


def test_no_thread_reads_a_pipe_that_is_being_closed(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are given up in the middle, over and over: what reads them must be gone, and silent."""
    trouble: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", trouble.append)
    threads = threading.active_count()
    for number in range(int(os.environ.get("HANDSHARK_LOOPS", "25"))):
        run: Run[Connection] = Run(AnalysisOptions(), partial(Connections, connection_alone), 2)
        items = run.items(str(capture))
        for _ in range(number % 4):
            next(items)
        items.close()  # type: ignore[attr-defined]
    assert trouble == []
    assert threading.active_count() == threads


class Failing(Connections[Connection]):
    """What goes wrong in the processes that analyse."""

    def __init__(self, fail: Callable[[], None]) -> None:
        super().__init__(connection_alone)
        self.fail = fail

    def take(
        self, analysis: Analysis, results: Iterator[Told], last: bool
    ) -> Iterator[tuple[tuple[int, ...], Connection]]:
        self.fail()
        return super().take(analysis, results, last)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def full() -> None:
    raise OSError(28, "No space left on device", tempfile.gettempdir())


@pytest.mark.parametrize(
    ("fail", "said"),
    [(die, r"ended early \(exit code -9\)"), (full, f"{tempfile.gettempdir()}: no space left on device")],
)
def test_what_goes_wrong_in_a_process_is_said(capture: Path, fail: Callable[[], None], said: str) -> None:
    run: Run[Connection] = Run(AnalysisOptions(), partial(Failing, fail), 2)
    with pytest.raises(CaptureError, match=said):
        list(run.items(str(capture)))


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_their_parent(number: signal.Signals, capture: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(capture)],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    until(lambda: len(children(process.pid)) == 3)
    workers = children(process.pid)
    process.send_signal(number)
    process.wait(SECONDS)
    until(lambda: not any(map(alive, workers)))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("most", [1, 2, 4096])
def test_connections_of_known_kinds_go_by_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also where so many kinds are met that those named before are forgotten."""
    monkeypatch.setattr(packed, "MOST_KINDS", most)
    refused = err(2, 1045, "Access denied for user 'app'@'h' (using password: YES)")
    scripts: list[Script] = [[*ACCEPTED, *GOODBYE], [("s", greeting()), ("c", login()), ("s", refused)]]
    made = []
    for number in range(60):
        client = ("10.0.0.7", 40000 + number)
        made.append(conversation(scripts[number % 2], client=client, start_ns=START + number * SECOND))
    path = tmp_path / "alike.pcap"
    path.write_bytes(pcap(in_time_order(*made)))
    found: list[list[bytes]] = []
    rows = 0
    for jobs in (1, 2, 3):
        run: Run[bytes] = Run(
            AnalysisOptions(), partial(Connections, Rendering(whole_line, alike=lambda one: lines_of([one]))), jobs
        )
        ((_, lines),) = run.each([str(path)], False)
        found.append(list(lines))
    collector = Connections(Rendering(whole_line, alike=lambda one: lines_of([one])))
    analysis = Analysis(str(path), collector.options(AnalysisOptions(share=(0, 2))))
    with open_capture(str(path)) as source:
        items = list(Reading(analysis, source).collected(collector))
    for item in items:
        sent = collector.packed([item])
        rows += not sent.others
        ((key, _),) = collector.unpacked(sent)
        assert key == item[0]
    assert rows > 20
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 60
    assert b"30 logins were refused" in found[0][-1]


def whole_line(result: Result) -> bytes:
    return encode(result[0])
