"""Folders for what a program keeps on disk while it runs: each goes with its program, also with one that was killed.

A program holds a lock on its folder; the kernel takes it away with the program. The next program of the same user that
begins deletes folders on which there is no lock.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

PREFIX: Final = "handshark-"


class OwnFolder:
    """A folder of this program that only its user can read, in the system's place for temporary files.

    `kind` names what is kept in it: letters. What programs of this user that were killed left of that kind is deleted.
    """

    def __init__(self, kind: str) -> None:
        sweep(kind)
        self._lock: int | None = None
        while self._lock is None:
            self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
            self._lock = _locked(self.path)  # None: another program has swept it before it was locked

    def close(self) -> None:
        """Deletes it."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def sweep(kind: str) -> None:
    """Deletes the folders of a kind whose programs are gone. What it can not be sure of stays."""
    place = Path(tempfile.gettempdir())
    try:
        names = [name for name in os.listdir(place) if name.startswith(f"{PREFIX}{kind}-")]
    except OSError:
        return
    for name in names:
        lock = _locked(place / name)
        if lock is not None:
            shutil.rmtree(place / name, ignore_errors=True)  # which follows no links
            os.close(lock)


def _locked(path: Path) -> int | None:
    """The lock of a folder that is this user's alone, as a descriptor of it; None where there is none to have."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None  # a link, a file, somebody else's, or gone
    try:
        known = os.fstat(folder)
        if known.st_uid == os.geteuid() and stat.S_IMODE(known.st_mode) == stat.S_IRWXU:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(known, os.lstat(path)):
                return folder
    except OSError:
        pass  # its program runs, or it is gone by now
    os.close(folder)
    return None
