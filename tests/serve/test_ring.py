"""Connections of a live capture that are kept nowhere but in the files that it writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.model.connection import Connection
from analyzer.engine.background import Background, WorkFailed
from analyzer.engine.browsing import Arrival
from analyzer.engine.onlooker import LiveNews
from analyzer.serve import page
from analyzer.serve.desk import Desk
from analyzer.serve.live import LiveServer
from analyzer.serve.ring import AskRing, RingContent, RingWork
from tests.serve.rings import ring_of
from tests.serve.support import running

SECOND_NS = 1_000_000_000


def question(connection: Connection, end_us: int = 0) -> AskRing:
    start = connection.start_time_ns // 1000
    client, server = connection.client, connection.server
    return AskRing(start, start + end_us, f"{client.address}:{client.port}", f"{server.address}:{server.port}")


@contextmanager
def desk(path: Path, ring: bool = True) -> Iterator[Desk]:
    made = Desk(Background(RingWork(str(path), ring, AnalysisOptions).work))
    try:
        yield made
    finally:
        made.close()


def test_a_connection_is_found_in_its_file(tmp_path: Path) -> None:
    found = ring_of(tmp_path, 3)
    with desk(tmp_path / "ring.pcap") as made:
        for number, connection in enumerate(found):
            content = made.first(question(connection), RingContent)
            assert f"denied {number}".encode() in b"".join(content.view)
            assert f"user{number}".encode() in b"".join(content.packets)


@pytest.mark.parametrize("missing", ["client", "server", "start_us"])
def test_another_is_not_taken_for_it(tmp_path: Path, missing: str) -> None:
    [connection] = ring_of(tmp_path, 1)
    asked = question(connection)
    wrong: dict[str, object] = {"client": "10.0.0.9:1", "server": "10.0.0.9:3306", "start_us": asked.start_us - 1}
    values = {name: getattr(asked, name) for name in asked.__struct_fields__} | {missing: wrong[missing]}
    with desk(tmp_path / "ring.pcap") as made, pytest.raises(WorkFailed, match="no file holds it any more"):
        made.first(AskRing(**values), RingContent)


def test_files_of_other_times_and_names_are_not_read(tmp_path: Path) -> None:
    [connection] = ring_of(tmp_path, 1)
    (tmp_path / "ring_00009_20260503101112.pcap").write_bytes(b"no capture at all, but of a later time")
    os.utime(tmp_path / "ring_00000_20260503101112.pcap", ns=(0, connection.start_time_ns + 60 * SECOND_NS))
    (tmp_path / "ring_x.pcap").write_bytes(b"not of the ring")
    os.mkfifo(tmp_path / "ring_00010_20260503101112.pcap")
    with desk(tmp_path / "ring.pcap") as made:
        assert made.first(question(connection, 1000), RingContent).packets


def test_one_file_is_looked_into_as_well(tmp_path: Path) -> None:
    [connection] = ring_of(tmp_path, 1)
    with desk(tmp_path / "ring_00000_20260503101112.pcap", ring=False) as made:
        assert made.first(question(connection), RingContent).packets
    with desk(tmp_path / "gone.pcap", ring=False) as made, pytest.raises(WorkFailed):
        made.first(question(connection), RingContent)


@pytest.mark.parametrize("kept", [200_000, 1])
def test_the_page_asks_the_ring_for_what_it_does_not_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """News without packets; and, with no room, connections of which nothing is kept but their rows."""
    monkeypatch.setattr(page, "KEPT_BYTES", kept)
    found = ring_of(tmp_path, 4)
    with desk(tmp_path / "ring.pcap") as ring:
        made = LiveServer("eth0", False)
        made.ring = ring
        made.follow(map(partial(LiveNews, detail=None), (Arrival(one, True) for one in found)), lambda: None)
        with running(made.app(), made.streams) as visitor:
            visitor.enter()
            view, packets, why = visitor.ask("/connections/0").json()
            assert "denied 0" in view[8]
            assert packets[4][-1] == "ErrPacket"
            assert why == ""
            for path in tmp_path.iterdir():
                path.unlink()
            gone = visitor.ask("/connections/1")
            assert (gone.status == 404) if kept == 1 else "no file holds it any more" in gone.json()[2]
