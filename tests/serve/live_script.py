"""A live capture that is a script: what the analysis would say goes through a pipe to a server in this process."""

from __future__ import annotations

import copy
import os
import pickle
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.background import WorkAnswer
from analyzer.engine.browsing import Arrival
from analyzer.engine.onlooker import LiveNews
from analyzer.serve.live import LiveServer
from tests.report import examples
from tests.serve.support import Visitor, running

PATIENCE_SECONDS = 60.0


def numbered(number: int, rejected: bool = False) -> Connection:
    one = copy.deepcopy(examples.rejected() if rejected else examples.accepted())
    one.capture, one.stream, one.first_frame = "live", number, number + 1
    one.start_time_ns = examples.START_NS + number * 1_000_000
    return one


class LiveScript:
    """The analysis, as the page's process sees it: what is said goes through a pipe."""

    def __init__(self) -> None:
        receive, self.fd = os.pipe()
        self.answer = WorkAnswer(Pipe(receive, writable=False))

    def say(self, item: object, kind: str = "item") -> None:
        data = pickle.dumps((kind, item))
        data = struct.pack("!i", len(data)) + data
        while data:
            data = data[os.write(self.fd, data) :]

    def news(
        self, number: int, *, rejected: bool = False, final: bool = True, detail: ConnectionDetail | None = None
    ) -> None:
        self.say(LiveNews(Arrival(numbered(number, rejected), final), detail))

    def end(self) -> None:
        self.say(examples.source())
        self.say(None, "end")
        os.close(self.fd)


@contextmanager
def live(most: int = 1000) -> Iterator[tuple[Visitor, LiveScript]]:
    script = LiveScript()
    made = LiveServer("eth0", False, most)
    stopped = threading.Event()
    thread = threading.Thread(target=made.follow, args=(script.answer, stopped.set), daemon=True)
    thread.start()
    with running(made.app(), made.streams) as visitor:
        visitor.enter()
        yield visitor, script
        script.end()
        assert stopped.wait(PATIENCE_SECONDS)
