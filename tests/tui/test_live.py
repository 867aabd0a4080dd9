"""The screen of a live capture: what it is sent, that nobody waits for it, and that what is kept is bounded."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from queue import SimpleQueue

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

import analyzer
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.counts import Counts
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.browsing import Arrival
from analyzer.engine.onlooker import LiveNews
from analyzer.tui import live as lives
from analyzer.tui.app import LIVE_KEPT, TuiApp
from analyzer.tui.command_line import CommandLine
from analyzer.tui.live import LiveFeed
from tests.cli.support import REFUSED
from tests.report import examples
from tests.tui.support import main_of, opened, seen, streams, table_of, until, written
from tests.wire.files import pcap
from tests.wire.script import ACCEPTED, GOODBYE, conversation, in_time_order


def numbered(number: int, kind: int = 0) -> Connection:
    one = copy.deepcopy((examples.accepted, examples.rejected)[kind]())
    one.capture, one.stream, one.first_frame = "live", number, number + 1
    one.start_time_ns = examples.START_NS + number
    return one


class Sender:
    """The analysis's end of the pipe; what it sends is written by a thread: the screen's must not wait for itself."""

    def __init__(self) -> None:
        receive, fd = os.pipe()
        self.pipe = Pipe(receive, writable=False)
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        threading.Thread(target=self._write, args=(fd,), daemon=True).start()

    def _write(self, fd: int) -> None:
        with suppress(BrokenPipeError), os.fdopen(fd, "wb") as file:
            while (data := self._queue.get()) is not None:
                file.write(data)
                file.flush()

    def send(self, item: object, kind: str = "item") -> None:
        data = pickle.dumps((kind, item))
        self._queue.put(struct.pack("!i", len(data)) + data)

    def close(self) -> None:
        self._queue.put(None)

    def news(self, number: int, kind: int = 0, final: bool = True, detail: ConnectionDetail | None = None) -> None:
        self.send(LiveNews(Arrival(numbered(number, kind), final), detail))


def shown(
    steps: Callable[[Pilot[None], Sender], object], size: tuple[int, int] = (100, 24), line: CommandLine | None = None
) -> None:
    """Runs the interface over a live feed."""
    sender = Sender()
    app = TuiApp(LiveFeed("eth0", sender.pipe, line))

    async def whole() -> None:
        async with app.run_test(size=size) as pilot:
            done = steps(pilot, sender)
            assert asyncio.iscoroutine(done)
            await done
            sender.close()

    asyncio.run(whole())


def test_the_newest_is_on_top_or_the_list_holds_still() -> None:
    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        for number in range(5):
            sender.news(number)
        sender.send(Counts(1.0, 50, 5, 0, 0, 0, 2))
        await until(pilot, lambda: streams(pilot) == [4, 3, 2, 1, 0])
        assert table_of(pilot).position == 0
        sender.news(5)
        await until(pilot, lambda: streams(pilot)[0] == 5)
        assert table_of(pilot).position == 0  # on the newest
        await pilot.press("j", "j")
        row = table_of(pilot).row
        sender.news(6)
        await until(pilot, lambda: streams(pilot)[0] == 6)
        assert table_of(pilot).row == row
        assert table_of(pilot).position == 3
        assert "50 frames, 2 open" in seen(pilot)

    shown(steps)


def test_a_connection_that_goes_on_is_shown_as_open_and_then_as_it_ended() -> None:
    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        sender.news(1, final=False)
        await until(pilot, lambda: " open" in seen(pilot))
        sender.news(1, kind=1)
        await until(pilot, lambda: "rejected" in seen(pilot))
        assert streams(pilot) == [1]
        assert "1 connection, 1 failed" in seen(pilot)

    shown(steps)


def test_pause_and_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []

    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        monkeypatch.setattr(pilot.app, "bell", lambda: rung.append(1))
        sender.news(1, kind=1)
        await until(pilot, lambda: streams(pilot) == [1])
        assert rung
        await pilot.press("p")
        sender.news(2)
        await until(pilot, lambda: len(main_of(pilot).gathered.store) == 2)
        await pilot.pause(0.5)
        assert streams(pilot) == [1]
        assert "paused" in seen(pilot)
        await pilot.press("p")
        await until(pilot, lambda: streams(pilot) == [2, 1])
        rung.clear()
        await pilot.press("b")
        sender.news(3, kind=1)
        await until(pilot, lambda: streams(pilot)[0] == 3)
        assert not rung

    shown(steps)


def test_what_is_inside_a_connection_that_is_over() -> None:
    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        sender.news(1, detail=examples.detail())
        await until(pilot, lambda: streams(pilot) == [1])
        screen = await opened(pilot)
        assert screen.content is not None
        assert screen.content.detail == examples.detail()
        await pilot.press("q", "3")
        await until(pilot, lambda: len(table_of(pilot, "#command-table").order) > 0)

    shown(steps)


def test_a_capture_that_is_over_stays_on_the_screen() -> None:
    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        sender.news(1)
        sender.send(examples.source(), "item")
        sender.send(None, "end")
        await until(pilot, lambda: "the capture is over" in seen(pilot))
        assert streams(pilot) == [1]
        for key in ("e", "w", "r"):
            await pilot.press(key)
        await until(pilot, lambda: any("-w FILE" in note for note in main_of(pilot).said))

    shown(steps, (120, 24))


def test_the_oldest_connections_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        for number in range(LIVE_KEPT + 50):
            sender.news(number)
        await until(pilot, lambda: bool(streams(pilot)) and streams(pilot)[0] == LIVE_KEPT + 49)
        assert len(streams(pilot)) == LIVE_KEPT

    monkeypatch.setattr("analyzer.tui.app.LIVE_KEPT", 200)
    monkeypatch.setitem(globals(), "LIVE_KEPT", 200)
    shown(steps)


def test_what_is_kept_of_packets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "KEPT_BYTES", 50_000)
    sender = Sender()
    feed = LiveFeed("eth0", sender.pipe)
    for number in range(200):
        feed.keep(LiveNews(Arrival(numbered(number), True), examples.detail()))
    kept = [number for number in range(200) if answers(feed, number)]
    assert kept
    assert kept == list(range(200 - len(kept), 200))
    assert len(kept) < 200
    sender.close()


def answers(feed: LiveFeed, number: int) -> bool:
    """Whether what is inside a connection is still kept."""
    from analyzer.engine.background import WorkFailed

    try:
        return bool(list(feed.content(("live", number + 1))))
    except WorkFailed:
        return False


def test_a_live_capture_that_writes_a_file_is_reported_and_cut_from(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pcap"
    scripts = ([*ACCEPTED, *GOODBYE], REFUSED, REFUSED)
    made = [conversation(script, client=("10.0.0.7", 50000 + number)) for number, script in enumerate(scripts)]
    whole.write_bytes(pcap(in_time_order(*made)))
    page, cut = tmp_path / "out.html", tmp_path / "cut.pcapng"
    found = list(analyzer.connections(whole))
    line = CommandLine([str(tmp_path / "who*.pcap")], ["--merge"], None, True)

    async def steps(pilot: Pilot[None], sender: Sender) -> None:
        for number, one in enumerate(found):
            # On the screen they have other numbers than in the file.
            sender.send(LiveNews(Arrival(replace(one, capture="eth0", stream=100 + number), True), None))
        await until(pilot, lambda: len(streams(pilot)) == len(found))
        await written(pilot, "w", page)
        main_of(pilot).apply('handshark.outcome == "rejected"')
        await pilot.press("A")
        await written(pilot, "e", cut)

    shown(steps, line=line)
    rejected = {one.client for one in found if one.outcome == "rejected"}
    assert 0 < len(rejected) < len(found)
    assert {one.client for one in analyzer.connections(cut)} == rejected
    assert "10.0.0.7" in page.read_text(encoding="utf-8")
