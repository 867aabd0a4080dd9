"""One capture as a page that fills while it is looked at: what has come of it, and what those who look on are told.

What comes is taken in by a thread; those who look on are answered by another. Memory is bounded: so many rows, what is
said of each on disk, and of all together what does not grow with their number.
"""

from __future__ import annotations

import asyncio
import pickle
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.model.connection import Connection, Source
from analyzer.engine.background import WorkFailed
from analyzer.engine.browsing import ReadingProgress
from analyzer.engine.spool import NewestSpool
from analyzer.report.html.overview import Overview
from analyzer.report.html.served import ServedFrom, ServedReport
from analyzer.serve.rows import RowLog
from analyzer.serve.work import PageRow

# Bytes on disk of what is said of the connections of one page.
KEPT_BYTES: Final = 256 << 20
# The overview is made anew after a second, or after ten times as long as it took.
PARTS_SECONDS: Final = 1.0
PARTS_SHARE: Final = 10
# Connections that are not over, which the overview counts.
MOST_GOING_ON: Final = 2000

# Called by the name of a connection's capture and the number of its first frame.
RowName = tuple[str, int]
encode: Final = msgspec.json.Encoder().encode


class Cursor(msgspec.Struct):
    """How much somebody has been told: changes of rows, of parts, of the state."""

    rows: int = 0
    parts: int = 0
    state: int = 0


class ServedPage:
    """Rows, parts and state of one page, with the number of the change that made each.

    watchers  how many look on
    over      nothing more will come
    """

    def __init__(self, title: str, served: ServedFrom, secrets_shown: bool, most: int, newest: bool) -> None:
        self.report = ServedReport(title, served, secrets_shown)
        self.epoch = secrets.token_hex(4)
        self.watchers = 0
        self.over = False
        self._live = newest
        self._rows = RowLog(most, newest)
        self._contents: NewestSpool[int] = NewestSpool(KEPT_BYTES)
        self._lock = threading.Lock()  # rows and contents
        self._counting = threading.Lock()  # the overview
        self._making = threading.Lock()
        self._overview = Overview()
        self._going_on: dict[RowName, Connection] = {}
        self._sources: list[Source] = []
        self._parts: dict[str, tuple[int, str]] = {}
        self._state = "Nothing has been read yet."
        self._changes = 1  # of parts and state
        self._state_change = 1
        self._stale = True  # the overview has changed since its parts were made
        self._due = 0.0  # when parts may be made again
        self._bells: set[Callable[[], None]] = set()

    # -- what comes ----------------------------------------------------------------------------------------------------

    def put(self, connection: Connection, row: list[bytes], content: bytes, final: bool = True) -> int | None:
        """A connection, or news of it; `content` is what its own page is made from. The number of its row."""
        name = connection.capture, connection.first_frame
        with self._counting:
            anchor = self._overview.anchor(connection.capture, connection.stream)
            if final:
                self._going_on.pop(name, None)
                self._overview.add(connection)
            elif name in self._going_on or len(self._going_on) < MOST_GOING_ON:
                self._going_on[name] = connection
            self._stale = True
        with self._lock:
            number = self._rows.put(name, [*row, encode(anchor)])
            if number is not None:
                self._contents.put(number, content)
            return number

    def take(self, items: Iterable[object]) -> None:
        """What a process says of a capture, to its end."""
        try:
            for item in items:
                self._take(item)
                self.ring()
            self.end("")
        except WorkFailed as error:
            self.end(f"It can not be read to its end: {error}.")

    def _take(self, item: object) -> None:
        if isinstance(item, list):
            for one in item:
                self._take(one)
        elif isinstance(item, PageRow):
            self.put(item.connection, item.row, item.view)
        elif isinstance(item, Workload):
            self.workload(item)
        elif isinstance(item, Source):
            self.source(item)
        elif isinstance(item, ReadingProgress):
            read = f"{min(item.done / item.total, 1.0):.0%}" if item.total else f"{item.done / 1e6:,.0f} MB"
            self.say(f"Reading: {read}, {item.frames:,} frames.")

    def workload(self, workload: Workload) -> None:
        """What the commands of some connections came to."""
        with self._counting:
            self._overview.workload(workload)
            self._stale = True

    def source(self, source: Source) -> None:
        """A capture has been read."""
        with self._counting:
            self._sources.append(source)
            self._stale = True

    def say(self, text: str) -> None:
        """How far it is, in words."""
        if text == self._state and not self.over:
            return
        with self._counting:
            self._state = text
            self._changes += 1
            self._state_change = self._changes

    def end(self, text: str) -> None:
        """Nothing more comes."""
        self.over = self._stale = True
        self._due = 0.0
        self.say(text)
        self.ring()

    def ring(self) -> None:
        """Something has changed: wakes those who wait for it."""
        for bell in list(self._bells):
            bell()

    # -- what is told --------------------------------------------------------------------------------------------------

    def listen(self, bell: Callable[[], None]) -> None:
        """Calls `bell`, in any thread, when something has changed."""
        self._bells.add(bell)

    def leave(self, bell: Callable[[], None]) -> None:
        """Calls it no longer."""
        self._bells.discard(bell)

    def verdict(self) -> str:
        """What was found, in one or two sentences."""
        with self._counting:
            return self._overview.totals.verdict() if self.over else "being read"

    def make_parts(self) -> None:
        """Makes the overview's parts anew, where there is something new and it is time. It takes a while.

        Where another does so already, that is left to it.
        """
        if not self._stale or not self._making.acquire(blocking=False):
            return
        try:
            self._make_parts()
        finally:
            self._making.release()

    def due(self) -> float | None:
        """Seconds until the parts may be made anew; None: there is nothing new."""
        return max(0.0, self._due - time.monotonic()) if self._stale else None

    def _make_parts(self) -> None:
        with self._counting:
            now = time.monotonic()
            if now < self._due:
                return
            overview = pickle.loads(pickle.dumps(self._overview)) if self._going_on else self._overview
            for connection in self._going_on.values():
                overview.add(connection)
            changed = self.report.parts(overview, self._sources, "" if self.over else self._state)
            self._stale = False
            self._changes += bool(changed)
            self._parts.update({name: (self._changes, html) for name, html in changed.items()})
            done = time.monotonic()
            self._due = done + max(PARTS_SECONDS, PARTS_SHARE * (done - now))

    def news(self, cursor: Cursor) -> list[tuple[str, bytes]]:
        """Events (name, JSON) of what has changed since; moves the cursor on. There is more while it is `behind`."""
        events = []
        with self._lock:
            rows, cursor.rows = self._rows.since(cursor.rows)
            more = cursor.rows < self._rows.change
            if rows:
                events.append(("rows", self._told(rows)))
        parts = {name: html for name, (change, html) in self._parts.items() if change > cursor.parts}
        if parts:
            cursor.parts = max(change for change, _ in self._parts.values())
            events.append(("parts", encode(parts)))
        over = self.told()
        if not more and (cursor.state < self._state_change or over):
            cursor.state = self._state_change
            events.append(("state", encode({"text": self._state, "whole": over or self._live, "over": over})))
        return events

    def behind(self, cursor: Cursor) -> bool:
        """Whether there is more to tell at once."""
        return cursor.rows < self._rows.change

    def told(self) -> bool:
        """Whether nothing more comes, and who is not behind has been told all."""
        return self.over and not self._stale

    def content(self, number: int) -> tuple[RowName, bytes] | None:
        """What the page of a connection is made from, where it is kept."""
        with self._lock:
            name, kept = self._rows.key(number), self._contents.get(number)
        return None if kept is None or not isinstance(name, tuple) else (name, kept)

    def row(self, number: int) -> bytes | None:
        """The JSON of a row of the table, where it is listed."""
        with self._lock:
            return self._rows.row(number)

    def changed(self, change: int) -> tuple[list[int], int]:
        """The numbers of the rows that have changed since, and the change up to which it is."""
        with self._lock:
            return self._rows.changed(change), self._rows.change

    def close(self) -> None:
        """Throws away what is on disk."""
        with self._lock:
            self._contents.close()

    def _told(self, rows: list[bytes]) -> bytes:
        log = self._rows
        held = ""
        if log.oldest:
            held = f"The newest {len(log):,} connections are listed; {log.oldest:,} older ones were let go."
        elif log.left_out:
            held = f"{log.left_out:,} further connections are not listed; the overview counts them."
        return b'{"oldest":%d,"held":%s,"rows":[%s]}' % (log.oldest, encode(held), b",".join(rows))


def bell_of(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> Callable[[], None]:
    """What wakes a task from any thread."""

    def ring() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    return ring
