"""What is captured right now, in the browser: a process beside the analysis, which sends it its news."""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import Final, NoReturn

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.dissection.selection import Matching
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.counts import Counts
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.background import Background, WorkAnswer, WorkFailed
from analyzer.engine.filters import filter_of
from analyzer.engine.onlooker import LiveNews, OnlookerProcess, Stays, alone
from analyzer.engine.spool import NewestSpool
from analyzer.report.html.connection_view import LASTED, VIEW_NAMES, encoded, row
from analyzer.report.html.prepare import Prepare
from analyzer.report.html.served import ServedFrom, entry_page
from analyzer.report.prose import labels
from analyzer.serve.app import connection_of, events_of, no_icon, number_of, page_of
from analyzer.serve.desk import MOST_READING, Desk
from analyzer.serve.matches import Matched, answered, checked
from analyzer.serve.page import ServedPage, encode
from analyzer.serve.ring import AskRing, AskRingMatches, RingContent, RingWork
from analyzer.serve.server import KEY_BYTES, WebServer, first_address, listening
from analyzer.serve.stream import Streams

# Packets of each connection that are kept for showing, and connections that are listed.
PACKETS: Final = 200
MOST_ROWS: Final = 20_000
# Seconds that those who look on have to be told the last, when the capture is over.
PARTING_SECONDS: Final = 3.0
# What stands for how long a connection lasted that is not over.
GOES_ON: Final = b"-1"

# Bytes on disk of the connections that display filters are asked of.
CONNECTION_BYTES: Final = 128 << 20
OF_FILES: Final = "Asked of the packets in the files that -w writes, as they were then: Enter asks again."
OVER: Final = "The capture is over."
TOOK: Final = VIEW_NAMES.index("took")

Content = tuple[Connection, ConnectionDetail | None, bool]


class LivePageProcess(OnlookerProcess):
    """The page as seen from the analysis. Listens from now on. Raises OSError where that can not be.

    `served` is what the process serves, made and loaded while the program can be read. `ring` looks for connections in
    the files that the capture writes.

    url  the first address
    """

    def __init__(self, address: str, port: int, served: LiveServer, ring: RingWork | None = None) -> None:
        self._socket = listening(address, port)
        key = secrets.token_urlsafe(KEY_BYTES)
        self.url = first_address(self._socket, address, key)
        super().__init__(partial(_serve, self._socket, address, key, served, ring))

    def start(self) -> None:
        super().start()
        self._socket.close()  # the process has it


def _serve(
    sock: socket.socket, address: str, key: str, served: LiveServer, ring: RingWork | None, receive: int
) -> NoReturn:
    """The process of the page; never returns."""
    code = 1
    try:
        alone(receive, sock.fileno())
        # The capture decides when it is over: a terminal or a service manager tells both.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if ring is not None:
            served.ring = Desk(Background(ring.work))
        web = WebServer(served.app(), served.streams, sock, address, served.entry, key)
        answer = WorkAnswer(Pipe(receive, writable=False))
        threading.Thread(target=served.follow, args=(answer, web.stop), daemon=True).start()
        asyncio.run(web.serve())
        code = 0
    finally:
        os._exit(code)


class LiveServer:
    """The application over one page that goes on for as long as the capture does.

    ring  is asked for connections that are not kept otherwise
    """

    def __init__(self, title: str, secrets_shown: bool, most: int = MOST_ROWS) -> None:
        served = ServedFrom("/events", "/connections/", "/matches", newest=True)
        self.page = ServedPage(f"Live capture: {title}", served, secrets_shown, most, newest=True)
        self.streams = Streams()
        self.entry = entry_page()
        self._prepare = Prepare(0)
        self.ring: Desk | None = None
        self._stays = False
        self._lock = threading.Lock()
        # For display filters: nothing of what is inside, so there is room for all that are listed.
        self._connections: NewestSpool[int] = NewestSpool(CONNECTION_BYTES)
        self._threads = ThreadPoolExecutor(MOST_READING)

    def load(self) -> None:
        """Reads what it needs later from files of the program."""
        self.page.report.load()
        filter_of('handshark.finding == "access-denied" && mysql.user matches "a"')

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/favicon.ico", no_icon),
                Route("/events", self._events),
                Route("/connections/{row}", self._connection),
                Route("/matches", self._matches),
            ]
        )

    # -- what comes ----------------------------------------------------------------------------------------------------

    def follow(self, items: Iterable[object], stop: Callable[[], object]) -> None:
        """Takes what the analysis sends, to its end; tells those who look on, and calls `stop`."""
        page, end = self.page, "The capture has ended early."
        try:
            for item in items:
                self._take(item)
                page.ring()
            end = "The capture is over; this page stays until the program is ended." if self._stays else OVER
        except WorkFailed:
            return
        finally:
            page.end(end)
            if self._stays:
                with suppress(WorkFailed):
                    for _ in items:  # nothing comes: the pipe is closed when the program ends
                        pass
            until = time.monotonic() + PARTING_SECONDS
            while page.watchers and time.monotonic() < until:
                time.sleep(0.05)
            stop()

    def _take(self, item: object) -> None:
        if isinstance(item, LiveNews):
            connection, final = item.arrival.connection, item.arrival.final
            values = encoded(row(connection))
            if not final:
                values[LASTED] = GOES_ON
            number = self.page.put(connection, values, pickle.dumps((connection, item.detail, final)), final)
            if number is not None:
                with self._lock:
                    self._connections.put(number, pickle.dumps((connection, final)))
        elif isinstance(item, Counts):
            self.page.say(told(item))
        elif isinstance(item, Workload):
            self.page.workload(item)
        elif isinstance(item, Source):
            self.page.source(item)
        elif isinstance(item, Stays):
            self._stays = True

    # -- what is asked -------------------------------------------------------------------------------------------------

    async def _home(self, request: Request) -> Response:
        report = self.page.report
        return page_of(await asyncio.to_thread(report.page, "No connection has come yet."), report.policy)

    async def _events(self, request: Request) -> Response:
        return events_of(self.streams, self.page, request)

    async def _connection(self, request: Request) -> Response:
        number = number_of(request.path_params["row"])
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._told, number)

    def _told(self, number: int | None) -> Response:
        row = None if number is None else self.page.row(number)
        if number is None or row is None:
            return PlainTextResponse("It is not listed any more.", 404)
        kept = self.page.content(number)
        view, packets, why = [], [], ""
        if kept is not None:
            content: Content = pickle.loads(kept[1])
            connection, detail, final = content
            entry = self._prepare.entry((connection, detail))
            view, packets = entry.view, entry.packets
            if not final:
                view[TOOK] = encode(f"{labels.duration(connection.lasted_ns)} so far")
                why = "Its packets are kept when it is over."
        if not packets and not why:
            why = "Too much came at one time: its packets were not kept."
            try:
                found = self._of_ring(row)
                view, packets, why = found.view, found.packets, ""
            except WorkFailed as error:
                why = f"{why} {error}"
        if not view:
            return PlainTextResponse("It is not kept any more.", 404)
        columns = b"[" + b",".join(packets) + b"]" if packets else b"null"
        return connection_of(b"[" + b",".join(view) + b"]", columns, why)

    async def _matches(self, request: Request) -> Response:
        text, since = request.query_params.get("filter", ""), number_of(request.query_params.get("since", ""))
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, answered, partial(self._matched, text, since or 0)
        )

    def _matched(self, text: str, since: int) -> Matched:
        """Of the rows that have changed since: those for which a display filter holds, and those for which not."""
        matching = Matching(checked(text))
        if matching.needs_packets:
            return self._in_ring(text)
        numbers, change = self.page.changed(since)
        shown: list[int] = []
        hidden: list[int] = []
        for number in numbers:
            with self._lock:
                kept = self._connections.get(number)
            if kept is not None:
                connection, final = pickle.loads(kept)
                (shown if matching.keeps(connection, over=final) else hidden).append(connection.stream)
        return shown, hidden, change, ""

    def _in_ring(self, text: str) -> Matched:
        if self.ring is None:
            raise WorkFailed(
                "fields of packets are asked of the files that -w writes; handshark.* and addresses always can"
            )
        known = {}
        for number in self.page.changed(0)[0]:
            row = msgspec.json.decode(self.page.row(number) or b"null")
            if row is not None:
                known[row[1], row[3], row[4]] = row[0]
        with self.ring.asked(AskRingMatches(text)) as answer:
            names = [name for item in answer if isinstance(item, list) for name in item]
        return [known[name] for name in names if name in known], (), None, OF_FILES

    def _of_ring(self, row: bytes) -> RingContent:
        """Raises WorkFailed."""
        if self.ring is None:
            raise WorkFailed("With -w FILE they would be looked for there.")
        values = msgspec.json.decode(row)
        start, client, server, lasted = values[1], values[3], values[4], values[LASTED]
        return self.ring.first(AskRing(start, start + max(lasted, 0), client, server), RingContent)


def told(counts: Counts) -> str:
    """What has been counted, in one line."""
    parts = [
        f"{counts.frames:,} frames",
        labels.count(counts.logins, "login"),
        f"{counts.failures:,} failed",
        f"{counts.open:,} open",
    ]
    if counts.dropped:
        parts.append(f"{counts.dropped:,} dropped by the kernel")
    if counts.skipped:
        parts.append(f"{counts.skipped:,} not analysed")
    if counts.lag_seconds >= 1:
        parts.append(f"{counts.lag_seconds:.0f} s behind")
    return f"Live for {labels.duration(int(counts.seconds) * 1_000_000_000)}: {', '.join(parts)}."
