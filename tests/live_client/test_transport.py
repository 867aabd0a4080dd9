"""Real sockets on loopback, with no MySQL behind them: addresses, time-outs, ends."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.protocol.records.commands.replication import ComBinlogDump
from analyzer.protocol.tables import commands as com
from live_client import ClosedByServer, ConnectionFailed, Options, Session, TimedOut
from live_client import session as session_module
from live_client.transport import SocketTransport, open_socket
from live_client.wrapped_transport import Bounded, Parting
from tests.live_client.scripted import ScriptedTransport, greeting, packet
from tests.wire.mysql import ok

Steps = list[str]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(5)
        yield made


def connected(listener: socket.socket, timeout: float = 5) -> tuple[SocketTransport, socket.socket]:
    transport = open_socket(Options(port=listener.getsockname()[1], timeout=timeout), lambda text: None)
    return transport, listener.accept()[0]


def test_a_deadline_for_everything() -> None:
    """However lively the other side is: each wait is as long as a step may take, and no longer than is left."""
    times = iter([1.0, 5.0, 9.5, 10.0])
    inner = ScriptedTransport(b"a", b"b", b"c", b"d")
    bounded = Bounded(inner, 2.0, 10.0, 10.0, lambda: next(times))
    assert bounded.receive() == b"a"
    assert inner.timeout == 2.0
    bounded.set_timeout(3.0)
    bounded.send(b"x")
    assert inner.timeout == 3.0
    assert bounded.receive() == b"b"
    with pytest.raises(TimedOut, match="deadline of 10 s for the whole connection"):
        bounded.receive()


def test_both_ways(listener: socket.socket) -> None:
    transport, server = connected(listener)
    assert transport.peer == listener.getsockname()
    assert transport.local == server.getpeername()
    transport.send(b"hello")
    assert server.recv(10) == b"hello"
    server.sendall(b"world")
    assert transport.receive() == b"world"
    transport.end()
    assert server.recv(10) == b""
    # Half closed: the server may still speak.
    server.sendall(b"bye")
    assert transport.receive() == b"bye"
    server.close()
    assert transport.receive() == b""
    transport.close()


def test_silence_reset_and_abort(listener: socket.socket) -> None:
    transport, server = connected(listener, timeout=0.05)
    with pytest.raises(TimedOut, match=r"0\.05 s"):
        transport.receive()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    with pytest.raises(ClosedByServer, match="reset"):
        transport.receive()
    with pytest.raises(ClosedByServer, match="gone"):
        transport.send(b"x")
    transport.close()
    transport, server = connected(listener)
    transport.abort()
    with pytest.raises(ConnectionResetError):
        server.recv(10)
    server.close()
    # What is closed can be closed again.
    transport.set_timeout(1)
    transport.end()
    transport.close()


def test_every_address_is_tried(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        closed = other.getsockname()
    found: list[Any] = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", closed),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname()),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **names: found)
    steps: Steps = []
    transport = open_socket(Options(host="db.example"), steps.append)
    assert transport.peer == listener.getsockname()
    assert [step.split(": ")[-1] for step in steps][1] == "nothing listens there"
    transport.close()
    found.pop()
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{closed[1]}: connection refused"):
        open_socket(Options(host="db.example"), steps.append)


def test_no_answer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:3306: no answer for 3 s"):
        open_socket(Options(timeout=3), lambda text: None)


def test_names_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: Any, **names: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", none)
    with pytest.raises(ConnectionFailed, match=r"'db\.example' leads to no address: Name or service not known"):
        open_socket(Options(host="db.example"), lambda text: None)


def test_unix_sockets(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with pytest.raises(ConnectionFailed, match=r"s\.sock: No such file"):
        open_socket(Options(socket=path), lambda text: None)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        transport = open_socket(Options(socket=path), lambda text: None)
        assert transport.private
        transport.abort()


class Streaming(ScriptedTransport):
    """Says the script, then one packet after the other without an end, as a server does that sends its binary log."""

    def __init__(self, *script: bytes, event: bytes) -> None:
        super().__init__(*script)
        self.event = event
        self.given = 0

    def receive(self) -> bytes:
        if self.script:
            return super().receive()
        self.given += 1
        assert self.given < 5_000_000, "nobody wants to stop listening"
        return packet(self.event, self.given & 0xFF)


# A heartbeat (type 27) of a binary log, with nothing behind its header; and what no record is.
@pytest.mark.parametrize("event", [b"\x00" + bytes(4) + b"\x1b" + bytes(4) + b"\x13" + bytes(9), b"\x07" * 3000])
def test_a_server_that_goes_on_sending_does_not_hold_up_the_end(event: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "GOODBYE", 0.05)
    transport = Streaming(greeting(), ok(2), event=event)
    session = Session(Options(), transport=transport).open()
    session.statements.command(com.COM_BINLOG_DUMP, ComBinlogDump(4, 0, 4711, "binlog.000001"))
    session.quit()
    assert transport.state == "closed"
    assert transport.given > 0


def test_parting_ends_when_its_time_is_over() -> None:
    inner = ScriptedTransport(b"one", b"two", b"three")
    times = iter((0.0, 1.0, 2.5, 3.0))
    parting = Parting(inner, 3.0, lambda: next(times))
    assert (parting.receive(), inner.timeout) == (b"one", 2.0)
    assert (parting.receive(), inner.timeout) == (b"two", 0.5)
    with pytest.raises(TimedOut, match="has not ended the connection within 3 s"):
        parting.receive()
    assert (parting.local, parting.peer, parting.private) == (inner.local, inner.peer, False)
    parting.send(b"x")
    parting.end()
    parting.close()
    assert (inner.sent, inner.state) == (b"x", "closed")
