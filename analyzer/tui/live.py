"""The terminal interface over a live capture: a process of its own, which the analysis sends its news.

The analysis never waits for the screen: what the screen has no time for is left out and counted.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection as Pipe
from typing import IO, Final, NoReturn

import msgspec

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.counts import Counts
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.background import WorkAnswer, WorkFailed
from analyzer.engine.browsing import SLOWEST_OF_ALL, Arrival, ConnectionContent, ConnectionKey
from analyzer.engine.command_collectors import TopCommands
from analyzer.engine.live_following import ViewClosed
from analyzer.tui.feed import Feed

# Packets of each connection that are kept for showing.
PACKETS: Final = 200
# Bytes that may wait for the screen: beyond the first, news come without packets; beyond the second, not at all.
CROWDED: Final = 8 << 20
FULL: Final = 32 << 20
# Bytes of packets that are kept on disk: the newest, this much to twice this much.
KEPT_BYTES: Final = 128 << 20
_LENGTH: Final = struct.Struct("!i")  # as multiprocessing has it


class LiveNews(msgspec.Struct):
    """News of one connection."""

    arrival: Arrival
    detail: ConnectionDetail | None


class ScreenProcess:
    """The screen as seen from the analysis. Raises ViewClosed where the user has ended it.

    lost  news that there was no room for
    run   what the process does with the pipe's end and the title, in tests
    """

    def __init__(self, title: str, run: Callable[[int, str], object] | None = None) -> None:
        self._waiting: deque[bytes] = deque()
        self._held = 0
        self._pid = 0
        self._fd = -1
        self._title = title
        self._run = run or _screen
        self.lost = 0

    def start(self) -> None:
        """Starts the process. What belongs to this one is closed there."""
        receive, send = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._run(receive, self._title)
            finally:
                os._exit(1)
        os.close(receive)
        os.set_blocking(send, False)
        self._fd = send

    def news(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        """Something about a connection."""
        if self._held > FULL:
            self.lost += 1
            self._flush()
            return
        self._send("item", LiveNews(Arrival(connection, final), detail if self._held < CROWDED else None))

    def tick(self, counts: Counts) -> None:
        """Time has passed."""
        self._send("item", counts)

    def end(self, source: Source) -> None:
        """The capture is over; the screen stays until the user has seen enough."""
        if self.lost:
            source.notes.append(f"{self.lost:,} news were too many for the screen: it does not list them all")
        self._send("item", source)
        self._send("end", None)

    def close(self, whole: bool) -> None:
        """Waits until the user ends the screen; not `whole`: ends it."""
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
        self._waiting.append(_LENGTH.pack(len(data)) + data)
        self._held += len(data) + _LENGTH.size
        self._flush()

    def _flush(self) -> None:
        while self._waiting:
            try:
                written = os.write(self._fd, self._waiting[0])
            except BlockingIOError:
                return
            except BrokenPipeError:
                raise ViewClosed from None
            self._held -= written
            if written == len(self._waiting[0]):
                self._waiting.popleft()
            else:
                self._waiting[0] = self._waiting[0][written:]


def _screen(receive: int, title: str) -> NoReturn:
    """The process of the screen; never returns."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        # The ends of the capture's own pipes: who waits for their end must not wait for this process.
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        os.closerange(3, receive)
        os.closerange(receive + 1, min(most, 1 << 16))
        from analyzer.tui.app import show

        show(LiveFeed(title, Pipe(receive, writable=False)))
        code = 0
    finally:
        os._exit(code)


class _DetailSpool:
    """Details on disk: when there are too many the older half goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: list[dict[ConnectionKey, tuple[int, int]]] = [{}, {}]
        self._files: list[IO[bytes]] = [self._file(), self._file()]
        self._size = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(ConnectionDetail).decode

    @staticmethod
    def _file() -> IO[bytes]:
        return tempfile.TemporaryFile(prefix="handshark-")

    def put(self, key: ConnectionKey, detail: ConnectionDetail) -> None:
        """Keeps what is inside a connection."""
        data = self._encode(detail)
        if self._size + len(data) > self._most and self._size:
            self._files.pop(0).close()
            self._places.pop(0)
            self._files.append(self._file())
            self._places.append({})
            self._size = 0
        self._files[-1].seek(self._size)
        self._files[-1].write(data)
        self._places[-1][key] = self._size, len(data)
        self._size += len(data)

    def get(self, key: ConnectionKey) -> ConnectionDetail | None:
        """What is inside a connection, where it is still kept."""
        for file, places in zip(self._files, self._places, strict=True):
            if key in places:
                start, length = places[key]
                file.seek(start)
                return self._decode(file.read(length))
        return None


class _Given(WorkAnswer):
    """An answer that is there already."""

    def __init__(self, *items: object) -> None:
        self._items = items

    def __iter__(self) -> Iterator[object]:
        return iter(self._items)

    def close(self) -> None:
        """There is nothing to end."""


class _News(WorkAnswer):
    """What the analysis sends; what is inside the connections is put aside."""

    def __init__(self, pipe: Pipe, feed: LiveFeed) -> None:
        super().__init__(pipe)
        self._feed = feed

    def __iter__(self) -> Iterator[object]:
        for item in super().__iter__():
            if isinstance(item, LiveNews):
                self._feed.keep(item)
                yield [item.arrival]
            else:
                yield item


class LiveFeed(Feed):
    """Connections as they come through a pipe."""

    live = True

    def __init__(self, title: str, pipe: Pipe) -> None:
        super().__init__(title, None)
        self._pipe = pipe
        self._details = _DetailSpool(KEPT_BYTES)
        self._slowest = TopCommands(SLOWEST_OF_ALL)
        self._lock = threading.Lock()  # news come in another thread than questions

    def keep(self, news: LiveNews) -> None:
        """Puts aside what is inside a connection."""
        detail, connection = news.detail, news.arrival.connection
        if detail is None:
            return
        with self._lock:
            self._details.put((connection.capture, connection.first_frame), detail)
            for command in detail.commands:
                command.capture = connection.capture
                self._slowest.add(command)

    def connections(self) -> WorkAnswer:
        return _News(self._pipe, self)

    def content(self, key: ConnectionKey) -> WorkAnswer:
        with self._lock:
            detail = self._details.get(key)
        if detail is None:
            raise WorkFailed("its packets are kept when it is over, and for as long as there is room")
        return _Given(ConnectionContent(detail, detail.commands, detail.commands_seen))

    def slowest(self) -> WorkAnswer:
        with self._lock:
            ranked: list[Command] = self._slowest.ranked()
        return _Given(ranked)
