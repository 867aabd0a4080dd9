"""Server-sent events: what has changed on a page, for as long as somebody looks on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.responses import StreamingResponse

from analyzer.serve.page import Cursor, ServedPage, bell_of

# Who looks on at one time.
MOST_STREAMS: Final = 32
# Seconds between two events, so that many changes are one; and until a line says that all is well.
PACE_SECONDS: Final = 0.25
ALIVE_SECONDS: Final = 15.0


class Streams:
    """Counts who looks on."""

    def __init__(self) -> None:
        self.open = 0
        self._ending = False
        self._waiting: set[asyncio.Event] = set()

    def end(self) -> None:
        """The program ends: so do all streams."""
        self._ending = True
        for one in self._waiting:
            one.set()

    def stream(self, page: ServedPage, since: str) -> StreamingResponse:
        """An answer that goes on. `since` is what the browser was told last."""
        return StreamingResponse(self._events(page, cursor_of(page, since)), media_type="text/event-stream")

    async def _events(self, page: ServedPage, cursor: Cursor) -> AsyncIterator[bytes]:
        changed = asyncio.Event()
        bell = bell_of(asyncio.get_running_loop(), changed)
        page.listen(bell)
        page.watchers += 1
        self.open += 1
        self._waiting.add(changed)
        try:
            while not self._ending:
                changed.clear()
                await asyncio.to_thread(page.make_parts)
                events = page.news(cursor)
                if events:
                    name = f"{page.epoch}-{cursor.rows}-{cursor.parts}-{cursor.state}".encode()
                    yield b"".join(
                        b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), name, data) for kind, data in events
                    )
                if page.behind(cursor):
                    continue
                if page.told() or self._ending:
                    break
                await asyncio.sleep(PACE_SECONDS)
                due = page.due()
                if not events and not changed.is_set():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(ALIVE_SECONDS if due is None else due):
                            await changed.wait()
                    if due is None and not changed.is_set():
                        yield b": all is well\n\n"
        finally:
            page.leave(bell)
            self._waiting.discard(changed)
            page.watchers -= 1
            self.open -= 1


def cursor_of(page: ServedPage, since: str) -> Cursor:
    """Where somebody was told up to; from the start where it was another page's, or is nothing."""
    epoch, *numbers = since.split("-")
    if epoch != page.epoch or len(numbers) != 3 or not all(one.isdecimal() and len(one) < 19 for one in numbers):
        return Cursor()
    return Cursor(*map(int, numbers))
