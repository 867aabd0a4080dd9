"""HTTP with bounds: connections, the size of a head and how long it may take, and for how long an answer may stick."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

MOST_CONNECTIONS: Final = 64
# Bytes of a request's head.
LONGEST_HEAD: Final = 16 << 10
# Seconds until a request's head is whole, and in which somebody who is answered takes anything.
HEAD_SECONDS: Final = 10.0
STUCK_SECONDS: Final = 30.0


class BoundedProtocol(H11Protocol):
    """One connection: it is ended where it is one too many, sends its head too slowly, or takes no answer."""

    head_seconds = HEAD_SECONDS
    stuck_seconds = STUCK_SECONDS

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        answering: RequestResponseCycle | None = self.cycle
        if answering is not None and not answering.response_complete:
            self._head_is_whole()
        elif self._deadline is None:
            self._wait_for_head()

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        self._stuck = self._stuck or self.loop.call_later(self.stuck_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        self._is_taken()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_whole()
        self._is_taken()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _head_is_whole(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_taken(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
