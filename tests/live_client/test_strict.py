"""A server that breaks the protocol is told which byte; one that ends or is none at all, in words."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.errors import ProtocolError, ServerError
from analyzer.protocol.records.response import ColumnCount
from analyzer.protocol.records.resultset import TextRow
from analyzer.protocol.wire.compression import encode_compressed
from live_client import ClosedByServer, ConnectionFailed, NotMySQL, Options, Session, TimedOut, connect
from live_client.service_detection import PROBE
from tests.live_client.columns import COLUMN
from tests.live_client.scripted import (
    OFFERED,
    Ending,
    ScriptedTransport,
    end_of_rows,
    greeting,
    mariadb_greeting,
    packet,
    switch,
)
from tests.wire.mysql import err, more, ok

GREETING_BYTES = len(greeting())


def open_session(*script: bytes, ending: Ending = "close", **choices: Any) -> Session:
    transport = ScriptedTransport(*script, ending=ending)
    return connect(transport=transport, **{"user": "app", "passwords": (b"secret",), **choices})


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            [greeting(sequence=3)], ["packet 1", "byte 3 of the stream", "0 expected, 3 found"], id="greeting id"
        ),
        pytest.param(
            [packet(b"\x0bx", 0)], ["HandshakeV10.protocol_version at byte 0", "10 expected, 11 found"], id="version"
        ),
        pytest.param([packet(b"\x0a8.4", 0)], ["server_version at byte 1", "no NUL"], id="greeting cut"),
        pytest.param([greeting(), ok(5)], [f"byte {GREETING_BYTES + 3} of the stream", "2 expected, 5 found"], id="id"),
        pytest.param([greeting(), packet(b"\x00\x00", 2)], ["OKPacket.last_insert_id at byte 2"], id="OK cut"),
        pytest.param([greeting(), packet(b"\xff\x15", 2)], ["ErrPacket.error_code at byte 1"], id="ERR cut"),
        pytest.param([greeting(), packet(b"\x42xyz", 2)], ["byte 0 of the payload", "0x42 found"], id="no such packet"),
        pytest.param([greeting(), packet(b"", 2)], ["byte 0 of the payload", "empty"], id="empty packet"),
        pytest.param(
            [greeting("caching_sha2_password"), more(2, b"\x09")],
            ["FastAuthResult", "3 or 4 expected, 9 found"],
            id="fast",
        ),
        pytest.param([greeting(), more(2, b"what")], ["mysql_native_password", "verdict"], id="question after the end"),
        pytest.param(
            [mariadb_greeting(), switch(2, "parsec", bytes(32)), packet(b"X", 4)], ["ExtSalt"], id="parsec salt"
        ),
    ],
)
def test_broken_login(script: list[bytes], words: list[str]) -> None:
    with pytest.raises(ProtocolError) as caught:
        open_session(*script)
    for word in words:
        assert word in str(caught.value)


def rows(*more_rows: bytes) -> list[bytes]:
    return [greeting(), ok(2), packet(b"\x01", 1), packet(COLUMN, 2), *more_rows]


def test_rows_as_text() -> None:
    head = [packet(ColumnCount(1), 1), packet(COLUMN, 2)]
    values = [packet(TextRow((b"1",)), 3), packet(TextRow((None,)), 4), packet(TextRow((b"\xff\x00",)), 5)]
    with open_session(greeting(), ok(2), *head, *values, end_of_rows(6, status=2)) as session:
        (result,) = session.query("SELECT 1")
    assert result.columns == ["1"]
    assert result.rows == [("1",), (None,), ("0xff00",)]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            rows(packet(b"\x05ab", 3)), ["TextRow.value[0] at byte 0", "5 bytes announced, 2 left"], id="value cut"
        ),
        pytest.param(rows(packet(b"\x01a\x01b", 3)), ["2 values", "1 columns"], id="too many values"),
        pytest.param(rows(packet(TextRow((b"1",)), 4)), ["3 expected, 4 found"], id="row id"),
        pytest.param(
            [greeting(), ok(2), packet(b"\x01", 1), packet(b"\x03def", 2)],
            ["ColumnDefinition41.schema"],
            id="column",
        ),
        pytest.param([greeting(), ok(2), ok(1, header=7)], ["ColumnCount"], id="trailing bytes"),
    ],
)
def test_broken_response(script: list[bytes], words: list[str]) -> None:
    session = open_session(*script)
    with pytest.raises(ProtocolError) as caught:
        session.query("SELECT 1")
    for word in words:
        assert word in str(caught.value)


def test_broken_compression() -> None:
    offered = OFFERED | 0x20
    broken = bytearray(encode_compressed(ok(1) * 20, 1, "zlib"))
    broken[-1] ^= 0xFF
    session = open_session(greeting(offered=offered), ok(2), bytes(broken), compression="zlib")
    with pytest.raises(ProtocolError, match=r"compressed stream breaks at byte 0.*zlib"):
        session.ping()


def test_server_error_keeps_the_session() -> None:
    with open_session(greeting(), ok(2), err(1, 1064, "syntax", "42000"), ok(1)) as session:
        with pytest.raises(ServerError, match="1064"):
            session.query("SELEC")
        session.ping()


@pytest.mark.parametrize(
    ("ending", "error"), [("close", ClosedByServer), ("reset", ClosedByServer), ("silence", TimedOut)]
)
@pytest.mark.parametrize(
    ("script", "awaited"),
    [
        ([greeting()[:20]], "its greeting, 20 bytes of a packet have come"),
        ([greeting()], "its answer to the login"),
        ([greeting("caching_sha2_password"), more(2, b"\x03")], "its answer to the login"),
    ],
)
def test_endings_say_what_was_awaited(
    script: list[bytes], awaited: str, ending: Ending, error: type[ConnectionFailed]
) -> None:
    session = Session(Options(user="app", passwords=(b"x",)), transport=ScriptedTransport(*script, ending=ending))
    with pytest.raises(error) as caught:
        session.open()
    assert awaited in str(caught.value)
    assert session.truth()["outcome"] == "aborted"


def test_server_that_goes_away_between_commands() -> None:
    session = open_session(greeting(), ok(2))
    with pytest.raises(ClosedByServer, match="its response"):
        session.ping()
    session.quit()


def test_last_words_are_the_reason() -> None:
    """A server that refuses and closes at once, while the client is still sending."""

    class Hasty(ScriptedTransport):
        def send(self, data: bytes) -> None:
            raise ClosedByServer("the connection is gone: Broken pipe")

    with pytest.raises(ServerError, match="1156"):
        connect(transport=Hasty(greeting(), err(1, 1156, "Got packets out of order", "08S01")), user="app")


@pytest.mark.parametrize(
    ("first", "service"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
        (b"220 mail.example ESMTP\r\n", "SMTP or FTP"),
        (b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00", "MySQL X Protocol"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS"),
        (b"* OK IMAP4rev1", "IMAP"),
        (b"what is this?", "unknown"),
    ],
)
def test_strangers_are_named(first: bytes, service: str) -> None:
    with pytest.raises(NotMySQL) as caught:
        open_session(first)
    assert caught.value.service == service
    assert "this is not MySQL" in str(caught.value)


def test_first_bytes_may_come_one_by_one() -> None:
    with pytest.raises(NotMySQL, match="HTTP"):
        open_session(*(bytes([byte]) for byte in b"HTTP/1.1 400"))
    pieces = [bytes([byte]) for byte in greeting()]
    assert open_session(*pieces, ok(2)).known.outcome == "accepted"


@pytest.mark.parametrize(
    ("answer", "service"),
    [
        (b"HTTP/1.0 200 OK\r\n", "HTTP"),
        (b"-ERR unknown command\r\n", "Redis"),
        (b"E\x00\x00\x00\x8dSFATAL\x00", "PostgreSQL"),
    ],
)
def test_silent_servers_are_asked(answer: bytes, service: str) -> None:
    class Waits(ScriptedTransport):
        def send(self, data: bytes) -> None:
            super().send(data)
            self.script.append(answer)

    transport = Waits(ending="silence")
    with pytest.raises(NotMySQL) as caught:
        connect(transport=transport)
    assert transport.sent == PROBE
    assert caught.value.service == service


def test_server_that_never_speaks() -> None:
    with pytest.raises(TimedOut, match="its greeting"):
        open_session(ending="silence")
