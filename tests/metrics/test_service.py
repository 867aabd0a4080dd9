"""The systemd unit: systemd takes it, its command line is ours, and a restart goes on with the ring of files."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture.live.network import Network, network
from tests.capture.live.support import live, may_capture, send
from tests.corpus import REPOSITORY, tool
from tests.wire.script import ACCEPTED, GOODBYE, conversation

pytestmark = pytest.mark.tool

UNIT = REPOSITORY / "docs" / "metrics" / "handshark.service"
PROGRAM = "/usr/local/bin/handshark"


def command() -> list[str]:
    """The words of ExecStart, behind the subcommand."""
    lines = UNIT.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    (words,) = [shlex.split(line.partition("=")[2]) for line in lines if line.startswith("ExecStart=")]
    assert words[:2] == [PROGRAM, "live"]
    return words[2:]


@pytest.fixture(scope="module")
def wire() -> Iterator[Network]:
    may_capture()
    with network() as pair:
        yield pair


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, sys.executable), encoding="utf-8")
    words = [tool("systemd-analyze"), "verify", "--man=no", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_restart_goes_on_with_the_ring(wire: Network, tmp_path: Path) -> None:
    other = {"any": wire.near, "handshark": "nobody", "127.0.0.1:9422": "127.0.0.1:0", "files:20": "files:3"}
    other |= {"filesize:100000": "filesize:2", "/var/lib/handshark/ring.pcapng": str(tmp_path / "ring.pcapng")}
    words = [other.pop(word, word) for word in command()]
    assert not other
    kept: list[list[str]] = []
    for number, connections in enumerate((8, 1, 1)):
        with live(*words) as run:
            for one in range(connections):
                send(wire, conversation([*ACCEPTED, *GOODBYE], client=(f"10.1.{number}.{one}", 50000)))
            run.wait_for_rows(connections, final=True)
            assert run.end() == 0
        kept.append(sorted(file.name for file in tmp_path.iterdir()))
    (first, second, third) = kept
    assert [len(files) for files in kept] == [3, 3, 3]
    assert second[:2] == first[1:]
    assert third[:2] == second[1:]
    assert int(third[-1].split("_")[1]) == int(first[-1].split("_")[1]) + 2
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}
