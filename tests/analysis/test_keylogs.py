"""Key logs that are still being written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from analyzer.analysis import Analysis, AnalysisOptions, Result
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.capture import PcapWriter
from analyzer.engine.reading import Reading
from analyzer.tls import keylog
from analyzer.tls.session import KeyLog
from tests.corpus import REPOSITORY
from tests.reading import opened
from tests.tls.live import Bench
from tests.tls.mysql import V13, session
from tests.wire.frames import batches
from tests.wire.script import conversation


def line(number: int) -> bytes:
    return b"CLIENT_RANDOM " + number.to_bytes(32, "big").hex().encode() + b" " + b"ab" * 48 + b"\n"


def test_what_is_new_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = KeyLog()
    log = KeyLogFile(path)
    assert not log.poll(keys)
    path.write_bytes(line(1))
    assert log.poll(keys)
    assert not log.poll(keys)
    # A line comes in three pieces; a comment is nothing new.
    for piece in (b"# comment\n" + line(2)[:30], line(2)[30:70]):
        with path.open("ab") as file:
            file.write(piece)
        assert not log.poll(keys)
    with path.open("ab") as file:
        file.write(line(2)[70:])
    assert log.poll(keys)
    assert (len(keys), keys.ignored) == (2, 0)


def test_a_log_that_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = KeyLog()
    log = KeyLogFile(path)
    path.write_bytes(line(1) + line(2)[:40])
    assert log.poll(keys)
    # Truncated and written anew.
    path.write_bytes(line(3))
    assert log.poll(keys)
    # Another file in its place, of the same size.
    (tmp_path / "other").write_bytes(line(4))
    os.replace(tmp_path / "other", path)
    assert log.poll(keys)
    found = [keys.find(keylog.CLIENT_RANDOM, number.to_bytes(32, "big")) is not None for number in range(5)]
    assert found == [False, True, False, True, True]


def test_what_can_not_be_read_has_nothing_new(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing", tmp_path / "no" / "folder"):
        assert not KeyLogFile(path).poll(KeyLog())


def test_a_session_is_opened_when_its_keys_come(tmp_path: Path, bench: Bench) -> None:
    """As live captures go: frames, then keys, then frames."""
    made = session(bench, V13)
    parts = batches(conversation(made.script()), 1)
    path = tmp_path / "keys"
    log = KeyLogFile(path)
    analysis = Analysis("live", AnalysisOptions())
    results: list[Result] = []
    reading = Reading(analysis, opened(parts))
    for number, found in enumerate(reading.batches()):
        log.poll(analysis.keys)
        results += found
        if number == 8:
            assert analysis.keys.waiting
            path.write_bytes(made.log)
        if number == 10:
            assert not analysis.keys.waiting
    results += reading.end()
    ((connection, _),) = results
    assert connection.outcome == "accepted"
    assert connection.commands == {"quit": 1, "query": 3}


def test_standard_input_with_a_log_that_grows(tmp_path: Path, bench: Bench) -> None:
    """`tcpdump -w - | handshark analyze --keylog FILE -`, with the keys written when half of the frames are through."""
    made = session(bench, V13)
    frames = conversation(made.script())
    keys = tmp_path / "keys"
    keys.write_bytes(b"")
    command = [sys.executable, "-m", "analyzer", "analyze", "--format", "jsonl", "--keylog", str(keys), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writer = PcapWriter(cast(BinaryIO, process.stdin), link_type=1)
        for frame in frames[:9]:
            writer.write(frame.data, frame.timestamp_ns)
        process.stdin.flush()
        time.sleep(0.5)
        keys.write_bytes(made.log)
        for frame in frames[9:]:
            writer.write(frame.data, frame.timestamp_ns)
        process.stdin.close()
        (row,) = [msgspec.json.decode(row) for row in process.stdout]
    assert row["outcome"] == "accepted"
    assert row["login"]["user"] == "app"
