"""A server on a free port of loopback, in a thread, and a client that sends what no browser would."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from analyzer.analysis import AnalysisOptions
from analyzer.engine.background import Background
from analyzer.report.html.served import entry_page
from analyzer.serve.app import CaptureServer
from analyzer.serve.captures import Captures
from analyzer.serve.server import WebServer, listening
from analyzer.serve.stream import Streams
from analyzer.serve.work import CaptureWork


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        assert self.status == 200, self.text
        return json.loads(self.body)


class Visitor:
    """Somebody who asks. With `entered` the cookie comes along."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(re.findall(r":(\d+)/", url)[0])
        self.cookie = ""

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            given = dict(headers or {})
            if self.cookie:
                given.setdefault("Cookie", self.cookie)
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        finally:
            connection.close()

    def enter(self) -> Answer:
        """Opens the first address, and takes the cookie."""
        answer = self.ask("/" + self.url.rpartition("/")[2])
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def send(self, data: bytes, name: str = "sent.pcap") -> Answer:
        """Sends a capture, as the page does."""
        return self.ask(f"/uploads?name={name}", "POST", data, {"Origin": f"http://127.0.0.1:{self.port}"})

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def events(self, path: str, since: str = "") -> Iterator[tuple[str, str, Any]]:
        """(kind, id, what was sent) until the server ends the stream."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"{path}?since={since}", headers={"Cookie": self.cookie})
        try:
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            yield from parsed(answer)
        finally:
            connection.close()


def parsed(lines: Iterator[bytes] | http.client.HTTPResponse) -> Iterator[tuple[str, str, Any]]:
    kind = number = ""
    for line in lines:
        name, _, rest = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = rest
        elif name == "id":
            number = rest
        elif name == "data":
            yield kind, number, json.loads(rest)


@contextmanager
def running(app: Any, streams: Streams, address: str = "127.0.0.1") -> Iterator[Visitor]:
    """The application, served."""
    server = WebServer(app, streams, listening(address, 0), address, entry_page())
    started = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(started.set)), daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield Visitor(server.url)
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()


@contextmanager
def serving(paths: Sequence[str], home: bool = True, options: AnalysisOptions | None = None) -> Iterator[Visitor]:
    """A server of captures, and somebody who has entered."""
    background = Background(CaptureWork(options or AnalysisOptions()).work)
    captures = Captures(paths, background, False, home)
    try:
        made = CaptureServer(captures)
        with running(made.app(), made.streams) as visitor:
            visitor.enter()
            yield visitor
    finally:
        captures.close()


def numbers(page: str) -> dict[str, int]:
    """The captures that a list has, by name."""
    return {name: int(number) for number, name in re.findall(r'<a href="/captures/(\d+)">([^<]*)</a>', page)}


def whole(visitor: Visitor, path: str) -> dict[str, Any]:
    """A page as it is when all has come: its rows, the newest of each part, the last state."""
    rows: dict[int, list[Any]] = {}
    parts: dict[str, str] = {}
    state: dict[str, Any] = {}
    for kind, _, said in visitor.events(path):
        if kind == "rows":
            rows.update({row[-1]: row for row in said["rows"]})
        elif kind == "parts":
            parts.update(said)
        else:
            state = said
    return {"rows": rows, "parts": parts, "state": state}
