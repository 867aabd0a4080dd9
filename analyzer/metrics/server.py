"""The HTTP server that Prometheus asks: a few at one time, and none for long."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from ipaddress import ip_address
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MOST_ASKERS: Final = 8
SECONDS: Final = 10.0


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The terminal belongs to the capture."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """Answers with an application: `MOST_ASKERS` at one time, each for `SECONDS` at most. Raises OSError."""

    daemon_threads = True

    def __init__(self, address: str, port: int, app: WSGIApplication, seconds: float = SECONDS) -> None:
        family, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        self.address_family = family
        self._seconds = seconds
        self._lock = threading.Lock()
        self._since: dict[Any, float] = {}
        super().__init__(place[:2], _Handler)  # type: ignore[arg-type]
        self.set_app(only_here(app) if _is_loopback(str(place[0])) else app)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            taken = len(self._since) < MOST_ASKERS
            if taken:
                self._since[request] = time.monotonic()
        if taken:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._since[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who leaves early, or is sent away, is nobody's concern."""

    def service_actions(self) -> None:
        """Twice a second: whoever is slow goes, which ends his thread."""
        late = time.monotonic() - self._seconds
        with self._lock:
            for request, since in self._since.items():
                if since < late:
                    _cut(request)


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has gone by itself


def only_here(app: WSGIApplication) -> WSGIApplication:
    """The application for those who name this machine as itself: no page that has made its own name point here
    (DNS rebinding) reads what it says."""

    def guarded(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        name = environ.get("HTTP_HOST", "").rpartition(":")
        host = (name[0] if name[0] else name[2]).lower()
        if host == "localhost" or _is_loopback(host.removeprefix("[").removesuffix("]")):
            return app(environ, start)
        start("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"This is no name of this server.\n"]

    return guarded


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
