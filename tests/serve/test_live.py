"""The page of a live capture: what it is told, what is kept, that it keeps up, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.model.counts import Counts
from analyzer.cli import main
from analyzer.serve.live import LivePageProcess, LiveServer
from tests.capture.live.support import live as capture_of
from tests.capture.live.support import may_capture
from tests.report import examples
from tests.serve.live_script import PATIENCE_SECONDS, LiveScript, live, numbered
from tests.serve.support import Visitor
from tests.wire.mysql import greeting


class Watch:
    """Somebody who looks on, in a thread: the page as it is there now."""

    def __init__(self, visitor: Visitor) -> None:
        self.rows: dict[int, list[Any]] = {}
        self.parts: dict[str, str] = {}
        self.state: dict[str, Any] = {}
        self.events = 0
        self.held = ""
        self._thread = threading.Thread(target=self._look, args=(visitor,), daemon=True)
        self._thread.start()

    def _look(self, visitor: Visitor) -> None:
        for kind, _, said in visitor.events("/events"):
            self.events += 1
            if kind == "rows":
                self.rows.update({row[-1]: row for row in said["rows"]})
                self.rows = {number: row for number, row in self.rows.items() if number >= said["oldest"]}
                self.held = said["held"]
            elif kind == "parts":
                self.parts.update(said)
            else:
                self.state = said

    def until(self, holds: Any) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < end, (len(self.rows), self.state, self.parts.get("summary"))
            time.sleep(0.02)


def test_connections_and_findings_come_as_they_are_decided() -> None:
    with live() as (visitor, script):
        page = visitor.ask("/").text
        assert "<h1>Live capture: eth0</h1>" in page
        assert "No connection has come yet." in page
        watch = Watch(visitor)
        script.say(Counts(12.3, 50, 5, 1, 2, 0, 3))
        watch.until(
            lambda: watch.state.get("text", "").startswith("Live for 12s: 50 frames, 5 logins, 1 failed, 3 open")
        )
        assert watch.state["text"].endswith(", 2 dropped by the kernel.")
        script.news(1, final=False)
        watch.until(lambda: len(watch.rows) == 1)
        assert watch.rows[0][14] == -1  # it goes on
        watch.until(lambda: "1 MySQL connection to 1 server" in watch.parts["summary"])
        script.news(1)
        script.news(2, rejected=True)
        watch.until(lambda: len(watch.rows) == 2 and watch.rows[0][14] >= 0)
        watch.until(lambda: "access-denied" in watch.parts["findings"])
        watch.until(lambda: "2 MySQL connections to 1 server" in watch.parts["summary"])


def test_what_is_inside_a_connection_is_told_when_it_is_over() -> None:
    with live() as (visitor, script):
        watch = Watch(visitor)
        script.news(1, final=False)
        watch.until(lambda: len(watch.rows) == 1)
        view, packets, why = visitor.ask("/connections/0").json()
        assert (view[0], packets, why) == (1, None, "Its packets are kept when it is over.")
        assert view[7].endswith(" so far")
        script.news(1, detail=examples.detail())
        script.news(2)
        watch.until(lambda: len(watch.rows) == 2)
        view, packets, why = visitor.ask("/connections/0").json()
        assert packets[4][-1] == examples.detail().packets[-1].record
        assert why == ""
        why = "Too much came at one time: its packets were not kept. With -w FILE they would be looked for there."
        assert visitor.ask("/connections/1").json()[1:] == [None, why]
        assert visitor.ask("/connections/7").status == 404


def test_the_newest_are_kept_and_it_is_said_how_many_went() -> None:
    with live(most=100) as (visitor, script):
        watch = Watch(visitor)
        for number in range(1000):
            script.news(number)
        watch.until(lambda: 999 in watch.rows)
        assert 100 <= len(watch.rows) <= 105
        assert min(watch.rows) == 1000 - len(watch.rows)
        assert watch.held.endswith(f"{1000 - len(watch.rows)} older ones were let go.")
        assert visitor.ask("/connections/0").status == 404
        watch.until(lambda: "1,000 MySQL connections" in watch.parts["summary"])  # all are counted


def test_who_comes_back_gets_what_is_new_once() -> None:
    with live() as (visitor, script):
        script.news(1)
        script.news(2)
        since, seen = until_rows(visitor, "", {0, 1})
        assert sorted(seen) == [0, 1]
        script.news(2, rejected=True)
        script.news(3)
        assert sorted(until_rows(visitor, since, {1, 2})[1]) == [1, 2]


def until_rows(visitor: Visitor, since: str, wanted: set[int]) -> tuple[str, list[int]]:
    """Looks on until those rows have come: the name of the last event, and all rows that came."""
    seen: list[int] = []
    for kind, number, said in visitor.events("/events", since):
        since = number
        if kind == "rows":
            seen += [row[-1] for row in said["rows"]]
            if wanted <= set(seen):
                break
    return since, seen


def test_it_ends_with_the_capture() -> None:
    """The process: it serves, is told the end, tells it on, and goes."""
    page = LivePageProcess("127.0.0.1", 0, LiveServer("eth0", False))
    page.start()
    visitor = Visitor(page.url)
    visitor.enter()
    watch = Watch(visitor)
    page.news(numbered(1), None, True)
    watch.until(lambda: len(watch.rows) == 1)
    page.end(examples.source())
    page.close(True)
    watch.until(lambda: watch.state == {"text": "The capture is over.", "whole": True, "over": True})
    with pytest.raises(ConnectionRefusedError):
        visitor.ask("/")


def test_it_stays_when_the_capture_has_ended_by_itself() -> None:
    page = LivePageProcess("127.0.0.1", 0, LiveServer("eth0", False))
    page.start()
    visitor = Visitor(page.url)
    visitor.enter()
    watch = Watch(visitor)
    page.news(numbered(1), None, True)
    page.end(examples.source(), stays=True)
    assert page.there()
    watch.until(lambda: "this page stays" in watch.state.get("text", ""))
    assert visitor.ask("/connections/0").status == 200
    page.close(True)
    with pytest.raises(ConnectionRefusedError):
        visitor.ask("/")


def test_the_workload_is_told_in_parts() -> None:
    with live() as (visitor, script):
        watch = Watch(visitor)
        script.news(1)
        for _ in range(2):
            part = Workload()
            part.uses["reading"] = 1
            part.went_well.add(examples.START_NS)
            part.group("SELECT ?", 10).count_one(1_000_000, True, False, False, 1, 100, ("live", 1, 2))
            script.say(part)
        watch.until(lambda: "2 commands" in watch.parts.get("workload", ""))
        assert "SELECT ?" in watch.parts["workload"]


def test_it_ends_when_the_analysis_is_gone() -> None:
    script = LiveScript()
    made = LiveServer("eth0", False)
    os.close(script.fd)
    stopped = threading.Event()
    made.follow(script.answer, stopped.set)
    assert stopped.is_set()
    assert made.page.over


@pytest.mark.parametrize("user", [(), ("--user", "nobody")])
def test_the_command_serves_what_is_captured(user: tuple[str, ...]) -> None:
    """`handshark live --serve`, of a server that greets on loopback and a client that goes; also as a user who may not
    be able to read the program."""
    may_capture()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with capture_of("-i", "lo", "--port", str(port), "--format", "jsonl", "--serve", "127.0.0.1:0", *user) as run:
            visitor = Visitor(re.findall(r"open (http\S+)", run.errors)[0])
            visitor.enter()
            watch = Watch(visitor)
            with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0] as peer:
                peer.sendall(greeting("8.4.3-of-this-test"))
                client.recv(1000)
            watch.until(lambda: any(row[13] == "MySQL 8.4.3" for row in watch.rows.values()))
            watch.until(lambda: "aborted before a verdict" in watch.parts["summary"])
            number = next(iter(watch.rows))
            assert visitor.ask(f"/connections/{number}").json()[1][4][-1] == "FIN"
            assert run.end() == 0
            watch.until(lambda: watch.state["text"] == "The capture is over.")
        assert "is not served" not in run.errors


def test_the_page_stays_when_a_limit_ends_the_capture(tmp_path: Path) -> None:
    may_capture()
    report = tmp_path / "report.html"
    with capture_of(
        "-i", "lo", "--port", "1", "--serve", "127.0.0.1:0", "--duration", "0.2", "--report", report
    ) as run:
        run.wait_for("its page stays: Ctrl-C ends it")
        assert report.stat().st_size  # all else is done
        visitor = Visitor(re.findall(r"open (http\S+)", run.errors)[0])
        visitor.enter()
        assert "Live capture: lo" in visitor.ask("/").text
        assert run.end() == 0
        assert run.errors.count("frames captured") == 1


def test_ctrl_c_of_a_terminal_goes_to_all_and_the_capture_acts_on_it() -> None:
    """Each process of the group gets it; who looks on is told the end all the same."""
    may_capture()
    with capture_of("-i", "lo", "--port", "1", "--serve", "127.0.0.1:0", inside=("setsid",)) as run:
        visitor = Visitor(re.findall(r"open (http\S+)", run.errors)[0])
        visitor.enter()
        watch = Watch(visitor)
        watch.until(lambda: watch.state)
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.end(None) == 0
        watch.until(lambda: watch.state["text"] == "The capture is over.")
        assert "is not served" not in run.errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--serve", "0.0.0.0:8422"), "live: 0.0.0.0 is not loopback: --public lets other machines in"),
        (("--serve", "0.0.0.0:1", "--public", "--show-secrets"), "live: --show-secrets is for loopback alone"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", *words]) == 2
    assert said in capsys.readouterr().err
