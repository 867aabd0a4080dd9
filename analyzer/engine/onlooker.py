"""Who looks on while a live capture goes on: a process of its own, which the analysis sends its news.

The analysis never waits for it: what there is no time for is left out and counted.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.counts import Counts
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.browsing import Arrival
from analyzer.engine.live_following import ViewClosed

# Bytes that may wait: beyond the first, news come without packets; beyond the second, not at all.
CROWDED: Final = 8 << 20
FULL: Final = 32 << 20
_LENGTH: Final = struct.Struct("!i")  # as multiprocessing has it


class LiveNews(msgspec.Struct):
    """News of one connection."""

    arrival: Arrival
    detail: ConnectionDetail | None


class Stays(msgspec.Struct):
    """The capture is over; who looks on may go on doing so until the pipe is closed."""


class OnlookerProcess:
    """Who looks on, as seen from the analysis. Raises ViewClosed where it has ended.

    waiting  bytes that it has not taken yet
    lost  news that there was no room for
    """

    def __init__(self, run: Callable[[int], object]) -> None:
        """`run` is what the process does with its end of the pipe."""
        self._run = run
        self._pieces: deque[bytes] = deque()
        self.waiting = 0
        self._pid = 0
        self._fd = -1
        self.lost = 0

    def start(self) -> None:
        """Starts the process. What belongs to this one is closed there."""
        receive, send = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._run(receive)
            finally:
                os._exit(1)
        os.close(receive)
        os.set_blocking(send, False)
        self._fd = send

    def news(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        """Something about a connection."""
        if self.waiting > FULL:
            self.lost += 1
            self._flush()
            return
        self._send("item", LiveNews(Arrival(connection, final), detail if self.waiting < CROWDED else None))

    def tick(self, counts: Counts) -> None:
        """Time has passed."""
        self._send("item", counts)

    def workload(self, part: Workload) -> None:
        """What commands have come to since the last time."""
        self._send("item", part)

    def end(self, source: Source, stays: bool = False) -> None:
        """The capture is over. `stays`: the process goes on until it is closed."""
        if self.lost:
            source.notes.append(f"{self.lost:,} news were too many for who looked on: not all are listed there")
        self._send("item", source)
        if stays:
            self._send("item", Stays())
        self._send("end", None)

    def there(self) -> bool:
        """Hands on what waits, when the capture is over; whether the process is still there."""
        if self._pid:
            os.set_blocking(self._fd, True)
            with contextlib.suppress(ViewClosed):
                self._flush()
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                self._pid = 0
                os.close(self._fd)
        return bool(self._pid)

    def close(self, whole: bool) -> None:
        """Waits until the process ends; not `whole`: ends it."""
        if not self._pid:
            return
        if whole:
            with contextlib.suppress(ViewClosed):
                os.set_blocking(self._fd, True)
                self._flush()
        else:
            os.kill(self._pid, signal.SIGTERM)
        os.close(self._fd)
        os.waitpid(self._pid, 0)
        self._pid = 0

    def _send(self, kind: str, content: object) -> None:
        data = pickle.dumps((kind, content), pickle.HIGHEST_PROTOCOL)
        self._pieces.append(_LENGTH.pack(len(data)) + data)
        self.waiting += len(data) + _LENGTH.size
        self._flush()

    def _flush(self) -> None:
        while self._pieces:
            try:
                written = os.write(self._fd, self._pieces[0])
            except BlockingIOError:
                return
            except BrokenPipeError:
                raise ViewClosed from None
            self.waiting -= written
            if written == len(self._pieces[0]):
                self._pieces.popleft()
            else:
                self._pieces[0] = self._pieces[0][written:]


def alone(*kept: int) -> None:
    """In the process: signals do what they do to any, and of descriptors only `kept` and the first three stay.

    Among the others are the ends of the capture's own pipes: who waits for their end must not wait for this process.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16)
    begin = 3
    for stays in (*sorted(kept), most):
        os.closerange(begin, stays)
        begin = stays + 1
