"""Display filters that are asked for on a page: of captures, and of what is captured right now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from analyzer.analysis import AnalysisOptions
from analyzer.engine.background import Background
from analyzer.engine.browsing import Arrival
from analyzer.engine.onlooker import LiveNews
from analyzer.serve.desk import Desk
from analyzer.serve.live import LiveServer
from analyzer.serve.matches import LONGEST
from analyzer.serve.ring import RingWork
from tests.serve.live_script import PATIENCE_SECONDS, live
from tests.serve.rings import ring_of
from tests.serve.support import Answer, Visitor, running, serving
from tests.wire.files import pcap
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import GOODBYE, Step, conversation, in_time_order


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Of one capture: a connection that runs a statement, and one that is refused."""
    folder = tmp_path_factory.mktemp("captures")
    script: list[Step] = [("s", greeting()), ("c", login("root")), ("s", FAST + ok(3))]
    script += [("c", query("SELECT 'seen'")), ("s", err(1, 1064, "wrong")), *GOODBYE]
    refused: list[Step] = [("s", greeting()), ("c", login("app")), ("s", err(2, 1045, "denied"))]
    made = [conversation(script), conversation(refused, client=("10.0.0.9", 50001))]
    (folder / "two.pcap").write_bytes(pcap(in_time_order(*made)))
    with serving([str(folder)]) as visitor:
        yield visitor


def asked(visitor: Visitor, text: str, at: str = "/captures/1", since: str = "") -> Answer:
    return visitor.ask(f"{at}/matches?{urlencode({'filter': text, 'since': since})}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('handshark.outcome == "rejected"', ["c1"]),
        ('mysql.query contains "seen"', ["c0"]),
        ("ip.addr == 10.0.0.9", ["c1"]),
        ("mysql.error_code", ["c0", "c1"]),
        ('handshark.finding == "access-denied" && mysql.user == "app"', ["c1"]),
        ('mysql.user == "nobody"', []),
    ],
)
def test_a_filter_is_asked_of_a_capture(visitor: Visitor, text: str, shown: list[str]) -> None:
    said = asked(visitor, text).json()
    assert sorted(said.pop("shown")) == shown
    assert said == {"hidden": [], "change": None, "note": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mysql.nonesuch == 1", "mysql.nonesuch"),
        ('handshark.finding == "acces-denied"', "access-denied"),
        ("mysql.user ==", "column"),
        ("x" * (LONGEST + 1), "longer than"),
        ("\x1b[31m<b>\u202e", "column 1"),
    ],
)
def test_what_is_wrong_with_a_filter_is_said(visitor: Visitor, text: str, said: str) -> None:
    answer = asked(visitor, text)
    assert answer.status == 400
    assert said in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert "\x1b" not in answer.text
    assert "\u202e" not in answer.text


def test_only_captures_that_there_are_can_be_asked(visitor: Visitor, tmp_path: Path) -> None:
    assert asked(visitor, "mysql", "/captures/99").status == 404
    assert Visitor(visitor.url).ask("/captures/1/matches?filter=mysql").status == 403  # who has no cookie


def test_a_capture_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "no.pcap").write_bytes(b"nothing of the kind")
    with serving([str(tmp_path)]) as visitor:
        answer = asked(visitor, "mysql.user")
        assert answer.status == 422
        assert "can not be asked" in answer.text


def ask_until(visitor: Visitor, text: str, since: Any, wanted: tuple[set[str], set[str]]) -> int:
    """Asks for what has changed since until that has come; the change up to which it is."""
    end = time.monotonic() + PATIENCE_SECONDS
    shown: set[str] = set()
    hidden: set[str] = set()
    while (shown, hidden) != wanted:
        assert time.monotonic() < end, (shown, hidden)
        said = asked(visitor, text, "", str(since)).json()
        shown |= set(said["shown"])
        hidden |= set(said["hidden"])
        since = said["change"]
    return int(since)


def test_of_a_live_capture_what_has_changed_is_asked() -> None:
    text = 'handshark.outcome == "rejected"'
    with live() as (visitor, script):
        script.news(1, rejected=True)
        script.news(2)
        since = ask_until(visitor, text, "", ({"c1"}, {"c2"}))
        assert asked(visitor, text, "", str(since)).json()["shown"] == []
        script.news(2, rejected=True)
        ask_until(visitor, text, since, ({"c2"}, set()))
        answer = asked(visitor, "mysql.query", "")
        assert answer.status == 422
        assert "of the files that -w writes" in answer.text


def test_packets_of_a_live_capture_are_asked_of_its_files(tmp_path: Path) -> None:
    found = ring_of(tmp_path, 3)
    ring = Desk(Background(RingWork(str(tmp_path / "ring.pcap"), True, AnalysisOptions).work))
    made = LiveServer("eth0", False)
    made.ring = ring
    try:
        for number, one in enumerate(found):
            one.stream = number  # each file has numbers of its own
        made.follow(map(partial(LiveNews, detail=None), (Arrival(one, True) for one in found)), lambda: None)
        with running(made.app(), made.streams) as visitor:
            visitor.enter()
            said = asked(visitor, 'mysql.user == "user1"', "").json()
            assert said["shown"] == ["c1"]
            assert said["change"] is None
            assert "Enter asks again" in said["note"]
    finally:
        ring.close()
