"""Files that are written: whole or not at all, and never over what is read."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.capture.outputs import clash, identity_of, replaced
from tests.corpus import REPOSITORY


def write(path: Path, content: bytes, *, private: bool = False) -> None:
    with replaced(str(path), private=private) as file:
        file.write(content)


def given_up(path: Path, before: bytes) -> None:
    with replaced(str(path)) as file:
        file.write(bytes(1 << 20))
        file.flush()
        assert path.read_bytes() == before
        raise KeyboardInterrupt


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_and_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write(path, b"first")
    assert path.read_bytes() == b"first"
    before = path.stat().st_ino
    write(path, b"2")
    assert path.read_bytes() == b"2"
    assert path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["out"]


def test_nothing_changes_before_the_end_or_where_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"mine")
    with pytest.raises(KeyboardInterrupt):
        given_up(path, b"mine")
    assert path.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["out"]


def test_modes(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "plain", b"")
        write(tmp_path / "private", b"", private=True)
        kept = tmp_path / "kept"
        kept.write_bytes(b"")
        kept.chmod(0o604)
        write(kept, b"x", private=True)
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("plain", "private", "kept")] == [0o640, 0o600, 0o604]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"")
    os.chown(path, 12345, 12345)
    write(path, b"x")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12345)


def test_links_stay(tmp_path: Path) -> None:
    path, soft, hard = (tmp_path / name for name in ("out", "soft", "hard"))
    path.write_bytes(b"a longer content than comes")
    soft.symlink_to("out")
    write(soft, b"through")
    assert soft.is_symlink()
    assert path.read_bytes() == b"through"
    hard.hardlink_to(path)
    write(path, b"both")
    assert hard.read_bytes() == b"both"
    assert path.stat().st_ino == hard.stat().st_ino
    (tmp_path / "dangling").symlink_to("made")
    write(tmp_path / "dangling", b"new")
    assert (tmp_path / "made").read_bytes() == b"new"


def test_where_the_system_has_no_files_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "out"
    write(path, b"one")
    with pytest.raises(KeyboardInterrupt):
        given_up(path, b"one")
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["out"]


def test_pipes_and_devices_are_written_as_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(OSError, match="No space left"):
        write(Path("/dev/full"), b"x")
    for bad in (tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OSError, match=str(bad)):
            write(bad, b"")


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))


@pytest.mark.parametrize("links", [1, 2])
def test_a_full_disk_changes_nothing(tmp_path: Path, links: int) -> None:
    """A bound on the size of files says no where a full disk would."""
    path = tmp_path / "out"
    path.write_bytes(b"mine")
    if links == 2:
        (tmp_path / "other").hardlink_to(path)
    code = (
        "import signal, sys; from analyzer.capture.outputs import replaced; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "with replaced(sys.argv[1]) as file: file.write(bytes(1 << 20))"
    )
    words = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(words, capture_output=True, preexec_fn=limit_file_size, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert path.read_bytes() == b"mine"
    assert len(os.listdir(tmp_path)) == links


def test_the_same_file_is_found_through_links(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"")
    other.write_bytes(b"")
    soft, hard = tmp_path / "soft", tmp_path / "hard"
    soft.symlink_to("one")
    hard.hardlink_to(one)
    for name in (one, soft, hard):
        assert clash([str(name)], [str(other), str(one)]) == (str(name), str(one))
    assert clash([str(other)], [str(one), str(tmp_path / "missing")]) is None
    assert clash(["/dev/null"], ["/dev/null"]) is None
    assert identity_of(str(tmp_path)) is None
    with one.open("rb") as opened:
        assert clash([str(soft)], [opened.fileno()]) == (str(soft), opened.fileno())


def test_two_outputs_may_not_be_one_file(tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert clash([str(new), str(tmp_path / "." / "new")], []) is not None
    assert clash([str(new), str(tmp_path / "newer")], []) is None
    assert clash(["/dev/null", "/dev/null"], []) is None
