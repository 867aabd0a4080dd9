"""The capture on disk: one pcapng file, or a ring of them, whole at every moment that matters.

A frame counts as captured when its block is in the file; on a full disk the file ends behind its last whole block.
"""

from __future__ import annotations

import errno
import io
import os
import re
import select
import stat
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
import numpy as np

from analyzer.capture.live.frames import PacketBlocks
from analyzer.capture.live.interfaces import Port
from analyzer.capture.outputs import PRIVATE
from analyzer.capture.writer import PcapngWriter
from analyzer.errors import CaptureError

KILOBYTE: Final = 1000
# How often it is looked whether a pipe has a reader, and how long one that has stopped is waited for after a signal.
PIPE_SECONDS: Final = 0.1
PATIENCE: Final = 1.0


class Rotation(msgspec.Struct, frozen=True):
    """When a ring goes on with its next file, and how many it keeps; None for no bound.

    resume  files of earlier runs belong to it: numbers go on, and the oldest makes room first
    """

    kilobytes: int | None = None
    seconds: float | None = None
    files: int | None = None
    resume: bool = False


class Target(msgspec.Struct, frozen=True):
    """Where to write.

    rotation      None: one file of the name `path`; else files named after it, as dumpcap names them
    stop_bytes    stop when a file has so many bytes (without rotation)
    stop_files    stop when so many files are written
    owner         (user id, group id) that shall own the files; None leaves that as it is
    """

    path: str
    rotation: Rotation | None = None
    stop_bytes: int | None = None
    stop_files: int | None = None
    owner: tuple[int, int] | None = None


class Counters(msgspec.Struct, frozen=True):
    """Of one interface: frames that passed the filter, those the kernel had no room for, those that were taken."""

    received: int
    dropped: int
    given: int


class CaptureFiles:
    """Writes the blocks of a capture to its file or files.

    problem  why nothing can be written any more, None while all is well
    full     the target's bounds are reached
    names    the files that are there now
    """

    def __init__(
        self,
        target: Target,
        ports: list[Port],
        filters: list[str],
        snaplen: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`stopped` says that a pipe's reader is waited for no longer. Raises CaptureError where there is no file."""
        self._stopped = stopped
        self.target = target
        self._ports = ports
        self._filters = filters
        self._snaplen = snaplen
        self._begun_ns = time.time_ns()
        self.problem: str | None = None
        self.full = False
        self._file = -1
        self._size = 0
        self._due: float | None = None
        self._patience = PATIENCE
        try:
            earlier = _earlier(target.path) if target.rotation is not None and target.rotation.resume else []
            self.names: deque[str] = deque(name for _, _, name in earlier)
            self._before = self._number = earlier[-1][1] if earlier else 0
            self._open()
        except OSError as error:
            raise CaptureError(target.path, _why(error)) from error

    # -- frames --------------------------------------------------------------------------------------------------------

    def write(self, block: PacketBlocks, counters: Callable[[], list[Counters]]) -> int:
        """Writes frames; returns how many are in a file now: all, but where `problem` or `full` is set."""
        done = 0
        while done < len(block) and not self._over():
            self.tick(counters)
            stop = self._until(block, done)
            written = self._append(block, done, stop, counters)
            done += written
            if stop < len(block) and not self._over():
                self._reached(counters)
        limit = self._limit()
        if limit is not None and self._size >= limit and self.problem is None:
            self._reached(counters)
        return done

    def _over(self) -> bool:
        return self.problem is not None or self.full

    def _limit(self) -> int | None:
        """Bytes after which the file has enough."""
        rotation = self.target.rotation
        if rotation is not None:
            return None if rotation.kilobytes is None else rotation.kilobytes * KILOBYTE
        return self.target.stop_bytes

    def _until(self, block: PacketBlocks, begin: int) -> int:
        """The first frame that does not belong into this file any more."""
        limit = self._limit()
        if limit is None:
            return len(block)
        ends = block.starts[begin:] + block.sizes[begin:] - block.starts[begin] + self._size
        return min(len(block), begin + int(np.searchsorted(ends, limit)) + 1)

    def _append(self, block: PacketBlocks, begin: int, stop: int, counters: Callable[[], list[Counters]]) -> int:
        first = int(block.starts[begin])
        last = int(block.starts[stop - 1] + block.sizes[stop - 1])
        place = self._size
        self._put(block.data.data[first:last])
        if self.problem is None:
            return stop - begin
        # Back to the end of the last frame that is whole, with room for the statistics behind it.
        room = self._size - place - len(self._trailer(counters()))
        ends = block.starts[begin:stop] + block.sizes[begin:stop] - first
        whole = int(np.searchsorted(ends, room, side="right")) if room > 0 else 0
        self._cut(place + (int(ends[whole - 1]) if whole else 0))
        return whole

    def tick(self, counters: Callable[[], list[Counters]]) -> None:
        """Looks at the clock: a file of a ring may have been written to for long enough."""
        if self._due is not None and time.monotonic() >= self._due and self.problem is None and not self.full:
            self._reached(counters)

    def _reached(self, counters: Callable[[], list[Counters]]) -> None:
        """The present file has what it is to have."""
        target = self.target
        if target.rotation is None or (
            target.stop_files is not None and self._number - self._before >= target.stop_files
        ):
            self.full = True
            return
        self._finish(counters())
        try:
            self._open()
        except OSError as error:
            self._failed(error)

    def close(self, counters: list[Counters]) -> None:
        """Ends the file with the counters of each interface."""
        if self._file >= 0:
            self._finish(counters)

    # -- files ---------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        target, rotation = self.target, self.target.rotation
        self._number += 1
        name = target.path
        if rotation is not None:
            base, suffix = os.path.splitext(target.path)
            name = f"{base}_{self._number:05}_{time.strftime('%Y%m%d%H%M%S')}{suffix}"
            self._due = None if rotation.seconds is None else time.monotonic() + rotation.seconds
        fresh = not os.path.exists(name)
        # What others sent over the network is for them who captured it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = self._open_pipe(name) if _is_pipe(name) else os.open(name, flags, PRIVATE)
        self._size = 0
        self.names.append(name)
        if fresh and target.owner is not None:
            os.fchown(self._file, *target.owner)
        self._put(memoryview(self._header()))
        if rotation is not None and rotation.files is not None:
            while len(self.names) > rotation.files:
                with suppress(FileNotFoundError):  # somebody has taken it away
                    os.unlink(self.names.popleft())

    def _open_pipe(self, name: str) -> int:
        """A pipe that somebody reads. Waits for its reader, in a way that a signal can end. Raises OSError."""
        while True:
            try:
                return os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
            if self._stopped():
                raise OSError(errno.ENXIO, "nobody reads this pipe")
            time.sleep(PIPE_SECONDS)

    def _wait_for_reader(self) -> None:
        """A pipe is full: waits until there is room. Raises OSError where a signal came and nobody reads on."""
        _, ready, _ = select.select([], [self._file], [], PIPE_SECONDS)
        if ready:
            self._patience = PATIENCE
        elif self._stopped():
            self._patience -= PIPE_SECONDS
            if self._patience <= 0:
                raise OSError(errno.EAGAIN, "the reader of this pipe has stopped")

    def _header(self) -> bytes:
        """Section and interfaces."""
        head = io.BytesIO()
        first, *rest = list(zip(self._ports, self._filters, strict=True))
        writer = PcapngWriter(
            head, link_type=first[0].link_type, snaplen=self._snaplen, name=first[0].name, capture_filter=first[1]
        )
        for port, text in rest:
            writer.interface(port.link_type, port.name, text)
        return head.getvalue()

    def _trailer(self, counters: list[Counters]) -> bytes:
        """The statistics of each interface."""
        tail = io.BytesIO()
        writer = PcapngWriter(tail)
        begin = tail.tell()
        now = time.time_ns()
        for number, one in enumerate(counters):
            writer.statistics(number, self._begun_ns, now, one.received, one.dropped, one.given)
        return tail.getvalue()[begin:]

    def _finish(self, counters: list[Counters]) -> None:
        before = self._size
        had = self.problem
        self.problem = None
        self._put(memoryview(self._trailer(counters)))
        if self.problem is not None:
            self._cut(before)
        self.problem = had or self.problem
        os.close(self._file)
        self._file = -1

    def _put(self, data: memoryview) -> None:
        """Writes all of it, or as much as there is room for: then `problem` is set. `_size` is what is there."""
        done = 0
        try:
            while done < len(data):
                try:
                    done += os.write(self._file, data[done:])
                except BlockingIOError:
                    self._wait_for_reader()
        except OSError as error:
            self._failed(error)
        self._size += done

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._file, size)
            os.lseek(self._file, size, os.SEEK_SET)
            self._size = size
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        if self.problem is None:
            self.problem = f"{self.names[-1]}: {_why(error)}"


def _earlier(path: str) -> list[tuple[str, int, str]]:
    """(time, number, name) of the files of a ring that are there, oldest first. Raises OSError."""
    base, suffix = os.path.splitext(os.path.basename(path))
    form = re.compile(rf"{re.escape(base)}_(\d{{5,}})_(\d{{14}}){re.escape(suffix)}", re.ASCII)
    with os.scandir(os.path.dirname(path) or ".") as entries:
        found = [
            (match[2], int(match[1]), os.path.join(os.path.dirname(path), entry.name))
            for entry in entries
            if (match := form.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False)
        ]
    return sorted(found)


def _is_pipe(name: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode)
    except FileNotFoundError:
        return False


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
