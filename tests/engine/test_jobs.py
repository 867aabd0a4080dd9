"""How many processes a capture is worth: by what is in it and what is made of it, not by its size alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analyzer.analysis.amount import amount_of
from analyzer.capture import open_capture
from analyzer.engine import jobs
from analyzer.engine.jobs import ALONE, COMMANDS, CONNECTIONS, LINES, MOST_JOBS, PACKETS, TABLES, Jobs, jobs_for
from tests.bench import replay
from tests.bench.captures import SAMPLES


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many, whatever the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jobs") / "storm.pcap"
    replay.storm(SAMPLES, path, 1500)
    return path


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jobs") / "bulk.pcap"
    replay.bulk(SAMPLES, path, 12_000_000)
    return path


def test_what_there_is_to_do(storm: Path) -> None:
    with open_capture(str(storm), batch_bytes=64 << 20) as capture:
        amount = amount_of(next(capture))
    assert amount.connections == 1500
    assert 5 * 1500 < amount.segments < 20 * 1500


def test_the_more_there_is_to_do_the_more_processes(storm: Path, bulk: Path) -> None:
    counts = [jobs_for(str(storm), None, work).processes for work in (CONNECTIONS, COMMANDS, LINES, PACKETS)]
    assert counts == sorted(counts)
    assert counts[-1] == MOST_JOBS
    # Four times the bytes, and less to do: result sets are passed over.
    assert bulk.stat().st_size > 3 * storm.stat().st_size
    assert jobs_for(str(bulk), None) == ALONE
    assert jobs_for(str(bulk), None, PACKETS) == Jobs(MOST_JOBS, True)


def test_what_was_asked_for_is_done(storm: Path) -> None:
    assert jobs_for(str(storm), 3) == Jobs(3, True)
    assert jobs_for(str(storm), 1, TABLES) == ALONE
    assert jobs_for("-", 3) == ALONE


def test_a_small_or_a_broken_file_is_one_process(tmp_path: Path) -> None:
    assert jobs_for(str(SAMPLES / "mysql97_cli_fast-auth.pcap"), None, PACKETS) == ALONE
    assert jobs_for(str(tmp_path / "missing.pcap"), None) == ALONE
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"no capture" * jobs.SMALL)
    assert jobs_for(str(broken), None, PACKETS) == ALONE


def test_who_joins_may_have_a_processor_to_itself(storm: Path, bulk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "WORTH_IT", 10_000)  # there is little in these captures
    for processors in (2, 3, 4):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, many=processors: set(range(many)))
        assert jobs_for(str(storm), None, TABLES) == Jobs(processors - 1, True)
        assert jobs_for(str(storm), None, CONNECTIONS) == Jobs(processors, True)
        assert jobs_for(str(bulk), None, TABLES).processes == min(processors, 3)  # there are few connections
    monkeypatch.setattr(jobs, "WORTH_IT", 1_000_000)
    assert jobs_for(str(storm), None, TABLES) == ALONE
