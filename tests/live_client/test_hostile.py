"""Servers that mean harm, and men in the middle: what the client does not do, however it is asked."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.errors import ProtocolError
from analyzer.protocol.records.response import ColumnCount
from analyzer.protocol.records.resultset import TextRow
from analyzer.protocol.tables.capabilities import CLIENT_SSL
from live_client import Options, Session, TimedOut, TlsFailed, connect
from live_client.listener import Listener
from live_client.packet_channel import LONGEST_OF_LOGIN, LONGEST_PAYLOAD, Channel
from tests.fuzz.client import client, inputs
from tests.live_client.columns import COLUMN
from tests.live_client.scripted import OFFERED, ScriptedTransport, context, end_of_rows, greeting, packet, switch
from tests.wire.mysql import ok

PASSWORD = b"secret"
SEEDS = inputs()


def open_session(*script: bytes, **choices: Any) -> tuple[Session, ScriptedTransport]:
    transport = ScriptedTransport(*script)
    return connect(transport=transport, **{"user": "app", "passwords": (PASSWORD,), **choices}), transport


# -- in front of TLS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [ok(2), ok(4), b"\x07", b"\x07\x00\x00\x02\x00\x00\x00"])
def test_bytes_behind_the_greeting_before_tls(behind: bytes) -> None:
    """They would be read as what came through TLS: a whole packet, or the beginning of one."""
    transport = ScriptedTransport(greeting(offered=OFFERED | CLIENT_SSL) + behind)
    session = Session(Options(user="app", passwords=(PASSWORD,), ssl_mode="required"), transport=transport)
    with pytest.raises(ProtocolError, match=f"{len(behind)} bytes came behind the greeting, before TLS"):
        session.open()
    assert transport.sent == b""  # not even the user's name


def test_bytes_that_come_later_are_no_tls() -> None:
    transport = ScriptedTransport(greeting(offered=OFFERED | CLIENT_SSL), ok(4))
    session = Session(Options(user="app", passwords=(PASSWORD,), ssl_mode="required"), transport=transport)
    with pytest.raises((TlsFailed, ProtocolError)):
        session.open()
    assert b"app" not in transport.sent


# -- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog", "mysql_old_password"])
def test_a_server_that_asks_for_the_password(plugin: str) -> None:
    transport = ScriptedTransport(greeting(), switch(2, plugin, b""), ok(4))
    with pytest.raises(ProtocolError, match="refused"):
        connect(transport=transport, user="app", passwords=(PASSWORD,))
    assert PASSWORD not in transport.sent
    assert len(transport.packets()) == 1


# -- files ------------------------------------------------------------------------------------------------------------


ASKS = packet(b"\xfb/etc/passwd", 1)


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT 'load data local infile'", "CALL p()", "SET NAMES utf8mb4"])
def test_a_file_that_no_statement_loads(statement: str) -> None:
    """Not even one that the user would give for another statement."""
    session, transport = open_session(greeting(), ok(2), ASKS, ok(3))
    said = len(transport.packets())
    with pytest.raises(ProtocolError, match="the server asks for the file '/etc/passwd'"):
        session.query(statement, files={"/etc/passwd": b"root:x:0:0"})
    assert b"root:x" not in transport.sent
    assert len(transport.packets()) == said + 1  # the statement, and nothing in answer


def test_a_file_that_another_statement_names() -> None:
    session, transport = open_session(greeting(), ok(2), ASKS, ok(3))
    session.query("LOAD DATA LOCAL INFILE 'mine.tsv' INTO TABLE t", files={"mine.tsv": b"1\n"})
    assert transport.packets()[-1] == (2, b"")
    session, transport = open_session(greeting(), ok(2), packet(b"\xfbmine.tsv", 1), ok(4))
    session.query("LOAD DATA LOCAL INFILE 'mine.tsv' INTO TABLE t", files={"mine.tsv": b"1\n"})
    assert transport.packets()[-2:] == [(2, b"1\n"), (3, b"")]


# -- bounds -----------------------------------------------------------------------------------------------------------


def channel(*script: bytes, seconds: float = 0.0) -> Channel:
    """A channel whose clock goes on by `seconds` at each look."""
    made = Channel(ScriptedTransport(*script), Listener(), lambda record, state: None, 10.0)
    clock = iter(float(step) * seconds for step in range(1 << 30))
    made.now = lambda: next(clock)
    return made


def test_a_greeting_without_end() -> None:
    piece = bytes(1 << 16)
    made = channel(b"\xff\xff\xff\x00\x0a" + piece, *[piece] * 300)
    with pytest.raises(
        ProtocolError, match=f"a packet of more than {LONGEST_OF_LOGIN} bytes where its greeting is due"
    ):
        made.receive()
    assert len(made.transport.script) > 250  # type: ignore[attr-defined]


def test_a_row_without_end() -> None:
    session, transport = open_session(greeting(), ok(2))
    piece = bytes(1 << 20)
    transport.script.extend([b"\xff\xff\xff\x01\x01" + piece, *[piece] * 200])
    with pytest.raises(ProtocolError):
        session.query("SELECT 1")
    assert len(transport.script) > 200 - (LONGEST_PAYLOAD >> 20) - 20


def test_a_packet_that_drips() -> None:
    """A byte now and then is in time for each wait, and for no step."""
    made = channel(*[bytes([byte]) for byte in greeting()], seconds=3.0)
    with pytest.raises(TimedOut, match=r"no whole packet came in 12\.0 s; awaited was its greeting, 4 bytes"):
        made.receive()


def rows(count: int) -> list[bytes]:
    ctx = context()
    cell = b"x" * 1000
    data = [packet(ColumnCount(1).to_bytes(ctx), 1), packet(COLUMN.to_bytes(ctx), 2)]
    data += [packet(TextRow((cell,)).to_bytes(ctx), (3 + number) & 0xFF) for number in range(count)]
    return [*data, end_of_rows((3 + count) & 0xFF)]


def test_rows_are_handed_on() -> None:
    """What a result takes is not what it holds."""
    session, transport = open_session(greeting(), ok(2))
    transport.script.extend(rows(5000))
    tracemalloc.start()
    assert sum(1 for _ in session.rows("SELECT x")) == 5000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    assert session.known.said[-1].rows == 5000


def test_rows_that_are_kept_are_the_same() -> None:
    session, transport = open_session(greeting(), ok(2))
    transport.script.extend(rows(20))
    (kept,) = session.query("SELECT x")
    transport.script.extend(rows(20))
    assert list(session.rows("SELECT x")) == kept.rows


# -- any bytes --------------------------------------------------------------------------------------------------------


@given(some.integers(0, 3), some.lists(some.binary(min_size=1, max_size=60), max_size=6))
def test_any_bytes(wants: int, pieces: list[bytes]) -> None:
    """The fuzz target, on bytes of no kind."""
    client(bytes([wants]) + b"".join(len(piece).to_bytes(2, "little") + piece for piece in pieces))


@settings(max_examples=300)
@given(some.data())
def test_servers_gone_wrong(data: some.DataObject) -> None:
    """The fuzz target, on real servers of which a few bytes are changed."""
    seed = bytearray(data.draw(some.sampled_from(SEEDS)))
    for at in data.draw(some.lists(some.integers(0, len(seed) - 1), max_size=4)):
        seed[at] = data.draw(some.integers(0, 255))
    client(bytes(seed))
