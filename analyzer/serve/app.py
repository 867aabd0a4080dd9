"""What is served: the list of captures, their pages, what comes of them, and uploads."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from analyzer.engine.background import WorkFailed
from analyzer.report.html.page import asset, policy
from analyzer.report.html.served import CaptureListPage, entry_page, plain_page
from analyzer.serve.captures import (
    MOST_BYTES,
    MOST_IN_ALL,
    MOST_UPLOADS,
    Captures,
    Served,
    TooMuchError,
)
from analyzer.serve.desk import MOST_READING
from analyzer.serve.matches import answered
from analyzer.serve.page import ServedPage
from analyzer.serve.stream import MOST_STREAMS, Streams

P = ParamSpec("P")
T = TypeVar("T")

# Seconds in which something has to come of what is sent, and in which all of it has to.
QUIET_SECONDS: Final = 10.0
SENT_SECONDS: Final = 600.0
UPLOADS: Final = (
    f"pcap or pcapng, also gz, zst or lz4: up to {MOST_BYTES >> 20} MiB each, {MOST_UPLOADS} of them, "
    f"{MOST_IN_ALL >> 20} MiB in all. Each may take two minutes of a processor."
)


class CaptureServer:
    """The application over captures. It reads, and changes nothing but its own folder for uploads."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures
        self._list = CaptureListPage("Captures", UPLOADS)
        self._threads = ThreadPoolExecutor(MOST_READING)
        self.streams = Streams()
        self.entry = entry_page()

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/favicon.ico", no_icon),
                Route("/captures/{number}", self._page),
                Route("/captures/{number}/events", self._events),
                Route("/captures/{number}/connections/{row}", self._connection),
                Route("/captures/{number}/matches", self._matches),
                Route("/compare", self._compare),
                Route("/uploads", self._upload, methods=["POST"]),
            ]
        )

    async def _home(self, request: Request) -> Response:
        if not self._captures.home:
            return RedirectResponse("/captures/1", 303)
        html = await asyncio.to_thread(lambda: self._list.page(self._captures.rows()))
        return page_of(html, self._list.policy)

    async def _capture(self, text: str) -> Served | None:
        number = number_of(text)
        return None if number is None else await asyncio.to_thread(self._captures.capture, number)

    async def _opened(self, request: Request, as_it_is: bool = False) -> tuple[Served, ServedPage] | Response:
        one = await self._capture(request.path_params["number"])
        if one is None:
            return PlainTextResponse("There is no such capture.", 404)
        try:
            return one, self._captures.page(one, as_it_is)
        except TooMuchError as error:
            return PlainTextResponse(f"{error}.", 503)

    async def _page(self, request: Request) -> Response:
        opened = await self._opened(request, as_it_is=True)
        if isinstance(opened, Response):
            return opened
        report = opened[1].report
        return page_of(await asyncio.to_thread(report.page, "Nothing has been read yet."), report.policy)

    async def _events(self, request: Request) -> Response:
        opened = await self._opened(request)
        if isinstance(opened, Response):
            return opened
        return events_of(self.streams, opened[1], request)

    async def _connection(self, request: Request) -> Response:
        opened = await self._opened(request)
        if isinstance(opened, Response):
            return opened
        one, page = opened
        row = number_of(request.path_params["row"])
        found = None if row is None else await asyncio.to_thread(page.content, row)
        if found is None:
            return PlainTextResponse("It is not kept any more.", 404)
        (_, first_frame), content = found
        packets, why = b"null", ""
        try:
            columns = await self._asked(self._captures.packets, one, first_frame)
            if columns:
                packets = b"[" + b",".join(columns) + b"]"
        except WorkFailed as error:
            why = f"Its packets can not be shown: {error}."
        return connection_of(zlib.decompress(content), packets, why)

    async def _asked(self, ask: Callable[P, T], *what: P.args, **how: P.kwargs) -> T:
        """In a thread of those for questions, that others do not have to wait for."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(ask, *what, **how))

    async def _matches(self, request: Request) -> Response:
        one = await self._capture(request.path_params["number"])
        if one is None:
            return PlainTextResponse("There is no such capture.", 404)
        text = request.query_params.get("filter", "")
        return await self._asked(answered, lambda: (self._captures.matches(one, text), (), None, ""))

    async def _compare(self, request: Request) -> Response:
        sides = []
        for name in ("before", "after"):
            found = await self._capture(request.query_params.get(name, ""))
            if found is None:
                return PlainTextResponse("There is no such capture.", 404)
            sides.append(found)
        try:
            html = await self._asked(self._captures.comparison, *sides)
        except WorkFailed as error:
            return page_of(*plain_page("They can not be compared", f"{error}."), status=422)
        return page_of(html, policy(asset("style.css"), ""))

    async def _upload(self, request: Request) -> Response:
        uploads = self._captures.uploads
        if not self._captures.home:
            return PlainTextResponse("Only a folder that is served takes captures.", 404)
        try:
            uploads.begin()
        except TooMuchError as error:
            return PlainTextResponse(f"{error}.", 413)
        file, size, whole = uploads.file(), 0, False
        try:
            async with asyncio.timeout(SENT_SECONDS):
                chunks = request.stream().__aiter__()
                while True:
                    async with asyncio.timeout(QUIET_SECONDS):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    uploads.room(size, len(chunk))
                    size += len(chunk)
                    await asyncio.to_thread(file.write, chunk)
            file.close()
            path = uploads.keep(request.query_params.get("name", ""), file)
            whole = True
        except TooMuchError as error:
            return PlainTextResponse(f"{error}.", 413, {"connection": "close"})
        except TimeoutError:
            return PlainTextResponse("It came too slowly.", 408, {"connection": "close"})
        except OSError as error:
            return PlainTextResponse(f"It can not be kept: {error.strerror}.", 507, {"connection": "close"})
        except ClientDisconnect:
            return PlainTextResponse("It did not come to its end.", 400)
        finally:
            if not whole:
                file.close()
                uploads.drop(file, size)
        number = next(one.number for one in self._captures.captures() if one.path == path)
        return PlainTextResponse(f"/captures/{number}", 201)


def number_of(text: str) -> int | None:
    """The number that an address holds."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


async def no_icon(request: Request) -> Response:
    """Browsers ask for one."""
    return Response(status_code=204)


def page_of(html: str, rules: str, status: int = 200) -> Response:
    """A page with its policy."""
    return HTMLResponse(html, status, {"content-security-policy": rules})


def events_of(streams: Streams, page: ServedPage, request: Request) -> Response:
    """What comes of a page, for one more who looks on."""
    if streams.open >= MOST_STREAMS:
        return PlainTextResponse("Too many look on already.", 503)
    return streams.stream(page, request.query_params.get("since", ""))


def connection_of(view: bytes, packets: bytes, why: str) -> Response:
    """One connection, as the page's script wants it."""
    body = b"[" + view + b"," + packets + b"," + json.dumps(why).encode() + b"]"
    return Response(body, media_type="application/json")
