"""Processes of the servers: whom they run as, what is preloaded into them, whether they answer."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.addresses import HOST
from tests.servers.packages import SetupError

STOP_SECONDS = 30.0

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Owner:
    """Whom the server processes run as; None where that is who we are already."""

    uid: int | None = None
    gid: int | None = None

    def give(self, path: Path) -> None:
        """Hand over a file or directory."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def start(self, words: Sequence[str], extra: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own, so that it outlives us and our terminal."""
        groups: list[int] | None = None if self.uid is None else []
        with log.open("ab") as output:
            return subprocess.Popen(
                words,
                env={**os.environ, **extra},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=self.uid,
                group=self.gid,
                extra_groups=groups,
            )


def unprivileged() -> Owner:
    """The servers refuse to run as root: an existing user without rights takes over."""
    if os.geteuid() != 0:
        return Owner()
    for name in ("mysql", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(entry.pw_uid, entry.pw_gid)
    raise SetupError("the servers refuse to run as root, and there is neither a user mysql nor nobody: run as a user")


def preload_library(base: Path, name: str) -> Path:
    """Compile `name`.c of this directory, unless that was done before."""
    source = HERE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    target = base / f"{name}-{digest}.so"
    if target.exists():
        return target
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        raise SetupError("a C compiler is missing: install the packages gcc and libc6-dev")
    fresh = target.with_suffix(f".{os.getpid()}")
    words = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(fresh), str(source), "-ldl"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{compiler} can not compile {source.name} (is libc6-dev installed?):\n{done.stderr.strip()}")
    fresh.rename(target)
    return target


def greeting(port: int) -> str | None:
    """The version a server on that port greets with; "" for an error in place of the greeting, None for no answer."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            answer = connection.recv(200)
    except OSError:
        return None
    if answer[4:5] != b"\x0a":
        return "" if answer[4:5] == b"\xff" else None
    return answer[5:].split(b"\0")[0].decode("ascii", "replace").removeprefix("5.5.5-")


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def started_with(config: Path) -> list[int]:
    """The processes that were started with that configuration file."""
    word = f"--defaults-file={config}".encode()
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            # It ended while we looked, or is none of ours.
            continue
    return found


def stop_processes(config: Path) -> bool:
    """End the server of that configuration file, and wait until it is gone; False if it did not run."""
    processes = started_with(config)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in started_with(config):
            # It may have ended since it was found.
            with suppress(ProcessLookupError):
                os.kill(process, number)
        if wait_until(lambda: not started_with(config), STOP_SECONDS):
            break
    return bool(processes)
