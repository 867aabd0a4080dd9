"""The bench's captures hold what they claim, and the fast ways are taken where most of the traffic is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from tests.bench import different, oltp, recorded, replay, tls
from tests.bench.captures import SAMPLES
from tests.bench.shares import Shares, shares_of
from tests.cli.support import run

BASES = {
    "oltp-c": ((recorded.CONNECTOR_C,), 0.85),
    "mysql97": ((recorded.MIXED["mysql97"],), 0.5),
    "mariadb118": ((recorded.MIXED["mariadb118"],), 0.5),
}


@pytest.mark.parametrize("name", BASES)
def test_what_was_recorded_is_replayed(name: str, tmp_path: Path) -> None:
    bases, least = BASES[name]
    path, scripts = tmp_path / "again.pcap", recorded.scripts_of(bases)
    connections = len(scripts)
    frames = recorded.written(scripts, path, 2, connections)
    found = shares_of(path)
    assert (found.frames, found.connections, found.fast_frames) == (frames, connections, frames)
    assert found.commands == recorded.commands_of(scripts, 2, connections)
    assert found.fast_commands > least * found.commands
    assert found.listed > least * found.commands


def test_repeated_values_differ(tmp_path: Path) -> None:
    path, scripts = tmp_path / "again.pcap", recorded.scripts_of([recorded.CONNECTOR_C])
    recorded.written(scripts[2:3], path, 3, 1)
    texts = [command.statement for command in analyzer.commands(path) if "id BETWEEN" in (command.statement or "")]
    assert len(texts) >= 12
    assert len(set(texts)) == len(texts)


def test_what_is_made_is_there(tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    frames = oltp.oltp(SAMPLES, path, 2, 2)
    whole = oltp.commands_of(2, 2)
    found = shares_of(path)
    assert found == Shares(frames, 2, whole, frames, found.fast_commands, found.listed, 0, 0)


def test_logins_of_a_storm_are_known(tmp_path: Path) -> None:
    path = tmp_path / "storm.pcap"
    replay.storm(SAMPLES, path, 120, 20)
    found, kinds = shares_of(path), len(replay.STORM_SAMPLES)
    # Two of each kind are followed the whole way, and behind the login of a third what its session says.
    assert found.known_logins == 120 - 2 * kinds
    assert 60 < found.known_sessions <= 120 - 3 * kinds


def test_tls_of_a_storm_is_told_of_by_its_outline(tmp_path: Path) -> None:
    path, contexts = tmp_path / "storm.pcap", tls.Contexts(tmp_path)
    replay.tls_storm(SAMPLES, path, 60, contexts)
    for keylog in (None, contexts.keylog):
        found = shares_of(path, keylog)
        # The first of them, whose hellos and logins are not known yet, are followed.
        assert found.tls == 60
        assert 30 < found.sealed < 60


def test_no_two_commands_are_alike(tmp_path: Path) -> None:
    path = tmp_path / "different.pcap"
    different.different(SAMPLES, path, 20, 2)
    found = list(analyzer.commands(path))
    assert len(found) == different.commands_of(20, 2)
    queries = [command.statement for command in found if command.command in ("query", "stmt_prepare")]
    assert len(queries) == len(set(queries)) == 80
    # And rows are as their columns say.
    assert run("dissect", path, "-Y", "handshark.malformed").out == ""
