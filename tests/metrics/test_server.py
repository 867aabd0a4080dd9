"""Who asks for metrics: a few at one time, none for long, and no page of a stranger."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from analyzer.metrics.server import MOST_ASKERS, MetricsServer

WAIT = 30.0


def _app(environ, start):  # type: ignore[no-untyped-def]
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"numbers\n"]


@contextmanager
def serving(seconds: float) -> Iterator[int]:
    server = MetricsServer("127.0.0.1", 0, _app, seconds)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(WAIT)


def asked(port: int, host: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    connection.request("GET", "/metrics", headers={"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("[::1]:{port}", 200),
        ("rebound.example:{port}", 421),
        ("127.0.0.1.rebound.example", 421),
        ("", 421),
    ],
)
def test_a_name_of_somebody_else_is_refused(host: str, status: int) -> None:
    with serving(WAIT) as port:
        got, text = asked(port, host.format(port=port))
    assert got == status
    assert (text == b"numbers\n") == (status == 200)


def test_who_is_slow_is_sent_away_and_leaves_his_place() -> None:
    with serving(0.5) as port:
        slow = [socket.create_connection(("127.0.0.1", port), WAIT) for _ in range(MOST_ASKERS)]
        for one in slow:
            one.sendall(b"GET /metrics HTTP/1.1\r\n")
        end = time.monotonic() + WAIT
        while True:
            try:
                assert asked(port, "localhost") == (200, b"numbers\n")
                break
            except (http.client.HTTPException, OSError):
                assert time.monotonic() < end
                time.sleep(0.1)
        for one in slow:
            assert one.recv(1) == b""
            one.close()


def test_more_than_there_is_room_for_are_turned_away() -> None:
    with serving(WAIT) as port:
        here = [socket.create_connection(("127.0.0.1", port), WAIT) for _ in range(MOST_ASKERS)]
        for one in here:
            one.sendall(b"GET /metrics HTTP/1.1\r\n")
        with socket.create_connection(("127.0.0.1", port), WAIT) as more:
            assert more.recv(1) == b""
        for one in here:
            one.sendall(b"Host: localhost\r\n\r\n")
            assert one.recv(12).startswith(b"HTTP/1.0 200")
            one.close()


def test_a_server_for_all_takes_any_name() -> None:
    server = MetricsServer("0.0.0.0", 0, _app)
    try:
        assert server.get_app() is _app
    finally:
        server.server_close()
