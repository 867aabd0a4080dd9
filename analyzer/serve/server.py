"""The server: where it listens, and its life from the first address that is printed to Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from analyzer.serve.bounded import LONGEST_HEAD, MOST_CONNECTIONS, BoundedProtocol
from analyzer.serve.guard import TOKEN, Guard, Page
from analyzer.serve.stream import Streams

KEEP_ALIVE_SECONDS: Final = 5
KEY_BYTES: Final = 32
# After so long those who are still answered are cut off, when the program ends.
PARTING_SECONDS: Final = 2


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def listening(address: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any that is free. Raises OSError."""
    family, kind, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
        made.listen(MOST_CONNECTIONS)
    except OSError:
        made.close()
        raise
    return made


class _Server(uvicorn.Server):
    """Leaves signals to the program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Serves an application on a socket that listens, behind a guard. `entry` is the page that brings the cookie.

    url  the first address: it holds the key
    """

    def __init__(
        self, app: ASGIApp, streams: Streams, sock: socket.socket, address: str, entry: Page, key: str | None = None
    ) -> None:
        key = key or secrets.token_urlsafe(KEY_BYTES)
        port = int(sock.getsockname()[1])
        names = {address.lower()} if is_loopback(address) else {address.lower(), socket.gethostname().lower()}
        guard = Guard(app, port, not is_loopback(address), frozenset(names), key, entry)
        self._streams = streams
        self._socket = sock
        self.url = first_address(sock, address, key)
        self._server = _Server(
            uvicorn.Config(
                guard,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=LONGEST_HEAD,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=PARTING_SECONDS,
            )
        )

    async def serve(self, ready: Callable[[], object] | None = None) -> None:
        """Until `stop` is called."""
        # What uvicorn has to say of bad requests is nobody's concern; of faults in here it is told by Python's last
        # resort.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        if ready is not None:
            ready()
        while not self._server.should_exit and not serving.done():
            await asyncio.sleep(0.1)
        self._streams.end()
        await serving

    def stop(self) -> None:
        """Ends it, from any thread."""
        self._server.should_exit = True


def first_address(sock: socket.socket, address: str, key: str) -> str:
    """What is opened first: it holds the key."""
    shown = socket.gethostname() if _is_any(address) else address
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{sock.getsockname()[1]}/?{TOKEN}={key}"


def _is_any(address: str) -> bool:
    try:
        return ip_address(address).is_unspecified
    except ValueError:
        return False


def written_address(url: str) -> str:
    """A page on disk, for this user alone, that leads to an address: a command line everybody could read."""
    number, name = tempfile.mkstemp(prefix="handshark-", suffix=".html")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={url}"><a href="{url}">handshark</a>\n')
    return name
