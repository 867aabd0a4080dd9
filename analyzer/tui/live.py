"""The terminal interface over a live capture."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import Final, NoReturn

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.background import WorkAnswer, WorkFailed
from analyzer.engine.browsing import SLOWEST_OF_ALL, ConnectionContent, ConnectionKey
from analyzer.engine.command_collectors import TopCommands
from analyzer.engine.onlooker import LiveNews, OnlookerProcess, alone
from analyzer.engine.spool import NewestSpool
from analyzer.tui.command_line import CommandLine
from analyzer.tui.feed import Feed

# Packets of each connection that are kept for showing.
PACKETS: Final = 200
# Bytes of packets that are kept on disk: the newest, this much to twice this much.
KEPT_BYTES: Final = 128 << 20


class ScreenProcess(OnlookerProcess):
    """The screen as seen from the analysis. When the capture is over it stays until the user has seen enough."""

    def __init__(self, title: str, line: CommandLine | None = None) -> None:
        """`line`: how the files are read that the capture writes; None where it writes none."""
        super().__init__(partial(_screen, title, line))


def _screen(title: str, line: CommandLine | None, receive: int) -> NoReturn:
    """The process of the screen; never returns."""
    code = 1
    try:
        alone(receive)
        from analyzer.tui.app import show

        show(LiveFeed(title, Pipe(receive, writable=False), line))
        code = 0
    finally:
        os._exit(code)


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

    def __init__(self, title: str, pipe: Pipe, line: CommandLine | None = None) -> None:
        super().__init__(title, line)
        self._pipe = pipe
        self._details: NewestSpool[ConnectionKey] = NewestSpool(KEPT_BYTES)
        self._slowest = TopCommands(SLOWEST_OF_ALL)
        self._lock = threading.Lock()  # news come in another thread than questions

    def keep(self, news: LiveNews) -> None:
        """Puts aside what is inside a connection."""
        detail, connection = news.detail, news.arrival.connection
        if detail is None:
            return
        with self._lock:
            self._details.put((connection.capture, connection.first_frame), pickle.dumps(detail))
            for command in detail.commands:
                command.capture = connection.capture
                self._slowest.add(command)

    def connections(self) -> WorkAnswer:
        return _News(self._pipe, self)

    def content(self, key: ConnectionKey) -> WorkAnswer:
        with self._lock:
            kept = self._details.get(key)
        if kept is None:
            raise WorkFailed("its packets are kept when it is over, and for as long as there is room")
        detail: ConnectionDetail = pickle.loads(kept)
        return _Given(ConnectionContent(detail, detail.commands, detail.commands_seen))

    def slowest(self) -> WorkAnswer:
        with self._lock:
            ranked: list[Command] = self._slowest.ranked()
        return _Given(ranked)
