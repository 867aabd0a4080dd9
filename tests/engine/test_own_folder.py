"""Folders of programs that were killed go when the next begins; nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analyzer.engine.own_folder import OwnFolder

KEEPING = """
import sys, time
from analyzer.engine.own_folder import OwnFolder
made = OwnFolder("uploads")
(made.path / "kept\\n\\x1b[31m").write_text("of a capture")
(made.path / "link").symlink_to(sys.argv[1])
print(made.path, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "tmp"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    monkeypatch.setenv("TMPDIR", str(made))
    return made


@contextmanager
def program(victim: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A program that keeps something, and its folder."""
    with subprocess.Popen([sys.executable, "-c", KEEPING, victim], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().rstrip("\n"))
        finally:
            process.kill()


def test_it_goes_at_the_end_and_only_its_user_can_read_it(place: Path) -> None:
    made = OwnFolder("uploads")
    assert made.path.stat().st_mode & 0o777 == 0o700
    made.close()
    made.close()
    assert not list(place.iterdir())


def test_what_a_killed_program_left_goes_and_what_it_led_to_stays(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("of somebody")
    with program(victim) as (process, folder):
        OwnFolder("uploads").close()
        assert (folder / "link").is_symlink()  # it runs
        process.send_signal(signal.SIGKILL)
        process.wait()
        OwnFolder("copies").close()
        assert folder.is_dir()  # of another kind
        OwnFolder("uploads").close()
        assert not folder.exists()
    assert (victim / "file").read_text() == "of somebody"


def test_what_is_not_its_own_stays(tmp_path: Path, place: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("of somebody")
    (place / "handshark-uploads-link").symlink_to(victim)
    (place / "handshark-uploads-file").write_text("a file")
    open_to_all = place / "handshark-uploads-open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    os.mkfifo(place / "handshark-uploads-pipe")
    expected = {"handshark-uploads-link", "handshark-uploads-file", "handshark-uploads-open", "handshark-uploads-pipe"}
    if os.geteuid() == 0:
        others = place / "handshark-uploads-others"
        others.mkdir(mode=0o700)
        os.chown(others, 65534, 65534)
        expected.add(others.name)
    OwnFolder("uploads").close()
    assert {one.name for one in place.iterdir()} == expected
    assert (victim / "file").read_text() == "of somebody"
