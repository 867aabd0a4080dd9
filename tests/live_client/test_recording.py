"""The recording of a scripted session, read by the analyzer: it says what the client knows."""

from __future__ import annotations

import io
import ipaddress
from pathlib import Path
from typing import Any

import dpkt
import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.errors import AnalyzerError
from live_client import Options, Session
from live_client.recording import Recorder
from tests.live_client.analysed import analyse, plain
from tests.live_client.scripted import ScriptedTransport, greeting, switch
from tests.wire.mysql import err, more, ok


def record(path: Path, *script: bytes, **choices: Any) -> Session:
    transport = ScriptedTransport(*script)
    transport.local = choices.pop("local", transport.local)
    transport.peer = choices.pop("peer", transport.peer)
    with path.open("wb") as file:
        options = Options(**{"user": "app", "passwords": (b"secret",), "database": "shop", **choices})
        session = Session(options, transport=transport, record=file)
        try:
            session.open()
            session.ping()
            session.quit()
        except AnalyzerError:
            session.close()
    return session


SESSIONS: dict[str, tuple[tuple[bytes, ...], dict[str, Any]]] = {
    "accepted": ((greeting(), ok(2), ok(1)), {}),
    "rejected": ((greeting(), err(2, state="28000")), {}),
    "blocked": ((err(0, 1129, "Host is blocked", None),), {}),
    "fast": ((greeting("caching_sha2_password"), more(2, b"\x03"), ok(3), ok(1)), {}),
    "switched": ((greeting(), switch(2, "client_ed25519"), ok(4), ok(1)), {}),
    "large": ((greeting(), ok(2), ok(1)), {"attributes_size": 20000}),
    "proxied": ((greeting(), ok(2), ok(1)), {"proxy_header": "v2"}),
    "gone": ((greeting(),), {}),
    "reset": ((greeting(), ok(2)), {"fault": "reset-after-login"}),
    "silent": ((greeting(), err(1, 1159, state="08S01")), {"fault": "silence-after-greeting"}),
    "six": ((greeting(), ok(2), ok(1)), {"local": ("2001:db8::1", 40000), "peer": ("2001:db8::2", 3306)}),
}


@pytest.mark.parametrize("name", sorted(SESSIONS))
def test_the_analyzer_says_what_the_client_knows(name: str, tmp_path: Path) -> None:
    script, choices = SESSIONS[name]
    path = tmp_path / "session.pcapng"
    truth = plain(record(path, *script, **choices).truth())
    (connection,) = analyse(path)
    assert compare(connection, truth) == []
    assert connection["tcp"]["syn"]
    assert connection["tcp"]["gaps"] == connection["tcp"]["retransmissions"] == 0


def test_how_it_ended_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"
    record(path, *SESSIONS["accepted"][0])
    assert analyse(path)[0]["tcp"]["fin_from"] == "client"
    record(path, *SESSIONS["gone"][0])
    assert analyse(path)[0]["tcp"]["fin_from"] == "server"
    record(path, *SESSIONS["reset"][0], fault="reset-after-login")
    assert analyse(path)[0]["tcp"]["rst_from"] == "client"


@pytest.mark.parametrize("ends", [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
def test_frames_are_valid(ends: tuple[str, str]) -> None:
    """dpkt works the checksums out again; what it makes of the frames is what was written."""
    times = iter(range(10, 1000))
    file = io.BytesIO()
    recorder = Recorder(file, now=lambda: next(times))
    recorder.connected((ends[0], 40000), (ends[1], 3306), 5)
    recorder.data(1, b"greeting")
    recorder.data(0, bytes(3000))
    recorder.ended(0)
    recorder.ended(1)
    recorder.finish()
    file.seek(0)
    frames = list(dpkt.pcapng.Reader(file))
    assert len(frames) == 3 + 1 + 3 + 2 + 1
    assert [round(time * 1e9) for time, _ in frames] == sorted(round(time * 1e9) for time, _ in frames)
    payload = {ends[0]: b"", ends[1]: b""}
    for _, frame in frames:
        ip: Any = dpkt.ip.IP(frame) if "." in ends[0] else dpkt.ip6.IP6(frame)
        written = ip.data.sum
        ip.data.sum = 0
        if "." in ends[0]:
            ip.sum = 0
        again: Any = dpkt.ip.IP(bytes(ip)) if "." in ends[0] else dpkt.ip6.IP6(bytes(ip))
        assert again.data.sum == written
        assert bytes(again) == frame
        payload[str(ipaddress.ip_address(ip.src))] += ip.data.data
    assert payload == {ends[0]: bytes(3000), ends[1]: b"greeting"}


def test_a_clock_that_is_set_back_does_not_turn_frames_round() -> None:
    times = iter((100, 50, 40, 30))
    file = io.BytesIO()
    recorder = Recorder(file, now=lambda: next(times))
    recorder.connected(("192.0.2.1", 1), ("192.0.2.2", 2), 90)
    recorder.data(1, b"x")
    recorder.data(0, b"y")
    file.seek(0)
    assert [round(time * 1e9) for time, _ in dpkt.pcapng.Reader(file)] == [90, 100, 100, 100, 100]
