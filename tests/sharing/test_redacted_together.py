"""Several processes redact as one does: the same bytes, the same summary, whoever finds what first."""

from __future__ import annotations

import os
import random
import signal
from functools import partial
from pathlib import Path

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.capture import open_capture
from analyzer.errors import CaptureError
from analyzer.sharing import inputs
from analyzer.sharing.redact import RedactRequest
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.shares import RedactionShares
from tests.bench import replay
from tests.bench.tls import Contexts
from tests.corpus import REPOSITORY
from tests.sharing.reading import KEY, broken, redacted
from tests.wire.files import frames_in, pcapng
from tests.wire.frames import Frame
from tests.wire.mysql import FAST, greeting, login, ok, query
from tests.wire.script import GOODBYE, Step, conversation, in_time_order

SAMPLES = sorted(path for path in (REPOSITORY / "samples").iterdir() if ".pcap" in path.name)
NOTHING = KeptKinds(frozenset())
SMALL = 1 << 11
SECOND = 1_000_000_000


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Processes that were forked. Batches are small: there is something left to share in small captures."""
    found: list[int] = []
    before = os.fork

    def fork() -> int:
        process = before()
        found.append(process)
        return process

    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(inputs, "open_capture", partial(open_capture, batch_bytes=SMALL))
    return found


def same(path: Path, jobs: int = 2, options: AnalysisOptions | None = None, other: str = "drop") -> None:
    """One process and several."""
    request = RedactRequest(KEY, NOTHING, other)
    alone, summary, _ = redacted(path, request, options)
    together, others, _ = redacted(path, request, options, jobs)
    assert together == alone
    assert others == summary


@pytest.mark.parametrize("path", SAMPLES[::3], ids=lambda path: path.name)
def test_samples(path: Path, forked: list[int]) -> None:
    same(path, 2 + len(path.name) % 2, other=("drop", "headers", "keep")[len(path.name) % 3])


@pytest.mark.parametrize("seed", range(4))
def test_logins(seed: int, forked: list[int], tmp_path: Path) -> None:
    """Short sessions of several drivers, whole and broken; processes are forked for them."""
    path = tmp_path / "storm.pcap"
    replay.storm(REPOSITORY / "samples", path, 60)
    if seed:
        path.write_bytes(
            pcapng(broken(frames_in(path.read_bytes()), random.Random(f"storm {seed}"), (0.02, 0.05, 0.07, 0.1)))
        )
    same(path)
    assert len(forked) >= 2


def test_tls(forked: list[int], tmp_path: Path) -> None:
    """Sessions whose keys are there come out as plain text."""
    path, contexts = tmp_path / "tls.pcap", Contexts(tmp_path)
    replay.tls_storm(REPOSITORY / "samples", path, 30, contexts)
    same(path)
    same(path, options=AnalysisOptions(keylogs=(contexts.keylog.read_bytes(),)))
    assert len(forked) >= 4


def sessions(count: int, late: int, name: str) -> list[Frame]:
    """Sessions of one account, in turns; in the one of number `late` a schema is used that all name in statements."""
    each = []
    for number in range(count):
        steps: list[Step] = [("s", greeting(thread=number)), ("c", login("app", "shop")), ("s", FAST + ok(3))]
        for turn in range(6):
            steps += [("c", query(f"SELECT {name}.id, '{name}', {turn} FROM orders AS {name}")), ("s", ok(1))]
            if number == late and turn == 2:
                steps += [("c", query(f"USE {name}")), ("s", ok(1))]
        steps += GOODBYE
        each.append(conversation(steps, client=("10.0.0.9", 40000 + number), start_ns=SECOND + number * 7))
    return in_time_order(*each)


@pytest.mark.parametrize("late", [5, 39])
def test_names_that_are_known_late(late: int, forked: list[int], tmp_path: Path) -> None:
    """What was said before a schema was known is as one process says it: they go on alone to that place."""
    path = tmp_path / "names.pcapng"
    path.write_bytes(pcapng(sessions(40, late, "hushed")))
    same(path)
    assert len(forked) >= 2


def test_who_lists_replacements_follows_connections_alone(forked: list[int], tmp_path: Path) -> None:
    path = tmp_path / "storm.pcap"
    replay.storm(REPOSITORY / "samples", path, 40)
    request = RedactRequest(KEY, NOTHING, listed=True)
    one, _, listed = redacted(path, request)
    other, _, again = redacted(path, request, None, 2)
    assert (one, listed.listed) == (other, again.listed)
    assert len(forked) == 1  # it writes


def test_a_process_that_is_killed(forked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written without its part, and no process is left."""
    path = tmp_path / "storm.pcap"
    replay.storm(REPOSITORY / "samples", path, 60)

    def found(shares: RedactionShares) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(RedactionShares, "found", found)
    with pytest.raises(CaptureError, match="try --jobs 1"):
        redacted(path, RedactRequest(KEY, NOTHING), None, 2)
    for process in forked:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, 0)


def test_interfaces_and_parts(forked: list[int], tmp_path: Path) -> None:
    """Two captures that are one: parts that begin with another interface are written by the one that writes all."""
    paths = []
    for number in range(2):
        frames = sessions(20, 0, "orders")
        paths.append(tmp_path / f"{number}.pcapng")
        paths[-1].write_bytes(pcapng(frames[number::2]))
    request = RedactRequest(KEY, NOTHING)
    alone, summary, _ = redacted(paths, request)
    together, others, _ = redacted(paths, request, None, 3)
    assert (together, others) == (alone, summary)
    assert len(forked) >= 3
