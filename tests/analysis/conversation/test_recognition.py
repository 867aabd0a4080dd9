"""What is MySQL and what only looks like it, on any port."""

from __future__ import annotations

import struct

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.conversation import recognition as recognise
from analyzer.analysis.conversation.recognition import MORE, NO, YES
from tests.analysis.findings.making import any_login, scramble
from tests.analysis.support import codes
from tests.analysis.traffic import analyse, one, results_of
from tests.wire.frames import FIN
from tests.wire.mysql import FAST, PING, QUIT, err, greeting, login, ok, packet, query, ssl_request
from tests.wire.script import ACCEPTED, GOODBYE, Say, Step, conversation, wait

ODD = ("10.0.0.2", 5999)


@pytest.mark.parametrize("port", [22, 80, 443, 3306, 33097, 65535])
def test_greeting_on_any_port(port: int) -> None:
    connection = one([*ACCEPTED, *GOODBYE], server=("10.0.0.2", port))
    assert connection.outcome == "accepted"
    assert connection.server.port == port
    assert connection.login is not None
    assert connection.login.user == "app"


@pytest.mark.parametrize("split", [1, 2, 3, 7, 50])
def test_greeting_in_pieces(split: int) -> None:
    assert one([*ACCEPTED, *GOODBYE], server=ODD, split=split).outcome == "accepted"


def test_the_server_may_have_the_lower_address_and_port() -> None:
    connection = one([*ACCEPTED, *GOODBYE], client=("10.0.0.9", 60000), server=("10.0.0.1", 200))
    assert (connection.client.port, connection.server.port) == (60000, 200)


def test_greeting_before_4_1() -> None:
    old = b"\x0a4.0.27\0" + struct.pack("<I", 3) + b"abcdefgh\0" + struct.pack("<H", 0x2C)
    connection = one([("s", packet(0, old)), Say("c", flags=FIN), Say("s", flags=FIN)], server=ODD)
    assert connection.greeting is not None
    assert connection.greeting.server_version == "4.0.27"
    assert connection.greeting.auth_plugin is None


def test_greeting_of_protocol_9() -> None:
    old = b"\x093.21.33\0" + struct.pack("<I", 3) + b"abcdefgh\0"
    connection = one([("s", packet(0, old)), Say("c", flags=FIN), Say("s", flags=FIN)], server=ODD)
    assert connection.greeting is not None
    assert connection.greeting.protocol_version == 9


@pytest.mark.parametrize(
    ("code", "message"),
    [(1040, "Too many connections"), (1129, "Host 'x' is blocked"), (1130, "Host 'x' is not allowed to connect")],
)
def test_error_in_place_of_the_greeting(code: int, message: str) -> None:
    connection = one([("s", err(0, code, message, None)), Say("s", flags=FIN)], server=ODD)
    assert connection.outcome == "rejected"
    assert connection.phase_reached == "greeting"
    assert connection.error is not None
    assert (connection.error.code, connection.error.sqlstate, connection.error.phase) == (code, None, "greeting")


def test_login_without_its_greeting() -> None:
    """The server's first segment was lost, or only the client's direction was captured."""
    lost: list[Step] = [Say("s", greeting(), lost=True), ("c", login()), ("s", FAST + ok(3)), *GOODBYE]
    connection = one(lost, server=ODD)
    assert connection.greeting is None
    assert connection.login is not None
    assert connection.outcome == "accepted"
    assert "capture-gap" in codes(connection)
    alone = one([*ACCEPTED, *GOODBYE], server=ODD, only="c")
    assert alone.login is not None
    assert alone.outcome == "unknown"
    assert "capture-one-sided" in codes(alone)


def test_tls_request_without_its_greeting() -> None:
    connection = one([("s", greeting()), ("c", ssl_request()), *GOODBYE[1:]], server=ODD, only="c")
    assert connection.tls is not None
    assert connection.phase_reached == "tls"


SMTP = [("s", b"220 mail.example ESMTP\r\n"), ("c", b"EHLO me\r\n"), ("s", b"250 ok\r\n")]
STRANGERS: dict[str, list[tuple[str, bytes]]] = {
    "http": [("c", b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\n\r\nhello")],
    "ssh": [("s", b"SSH-2.0-OpenSSH_9.2\r\n"), ("c", b"SSH-2.0-OpenSSH_9.2\r\n"), ("s", bytes(300))],
    "smtp": SMTP,
    "ftp": [("s", b"220 (vsFTPd 3.0.5)\r\n"), ("c", b"USER anonymous\r\n")],
    "postgresql": [("c", struct.pack("!II", 40, 196608) + b"user\0app\0\0"), ("s", b"R\0\0\0\x0c\0\0\0\x05abcd")],
    "postgresql ssl": [("c", struct.pack("!II", 8, 80877103)), ("s", b"S"), ("c", b"\x16\x03\x01\0\x05abcde")],
    "redis": [("c", b"*1\r\n$4\r\nPING\r\n"), ("s", b"+PONG\r\n")],
    "tls": [("c", b"\x16\x03\x01\x00\x05abcde"), ("s", b"\x16\x03\x03\x00\x05abcde")],
    "mongodb": [("c", struct.pack("<IIII", 58, 1, 0, 2004) + bytes(42)), ("s", struct.pack("<II", 36, 2) + bytes(28))],
    "memcached": [("c", b"get key\r\n"), ("s", b"END\r\n")],
    "zeros": [("s", bytes(300)), ("c", bytes(300))],
    "an error of no code": [("s", err(0, 99, "Too many connections"))],
    "an error without words": [("s", err(0, 1040, "?"))],
    "an error with another sequence id": [("s", err(1, 1040, "Too many connections"))],
    "an error of no state": [("s", packet(0, b"\xff\x10\x04#08s01Too many connections"))],
    "an error with a broken text": [("s", packet(0, b"\xff\x10\x04\x01\x02\x03\x04\x05"))],
    "a greeting with another sequence id": [("s", b"\x4a\0\0\x03" + greeting()[4:])],
    "protocol version 11": [("s", packet(0, b"\x0b" + greeting()[5:]))],
    "a version with control characters": [("s", packet(0, b"\x0a\x01\x02\x03\0" + bytes(60)))],
    "a login with filled filler": [("c", login()[:18] + b"\x07" * 10 + login()[28:])],
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_only_looks_alike_is_not_reported(name: str) -> None:
    script: list[Step] = [*STRANGERS[name], Say("c", flags=FIN), Say("s", flags=FIN)]
    for split in (0, 1):
        assert analyse(conversation(script, server=ODD, split=split)) == []
        assert analyse(conversation(script, server=ODD, split=split, handshake=False)) == []


@pytest.mark.parametrize("name", ["http", "redis", "postgresql", "memcached"])
def test_another_protocol_on_3306_is_said(name: str) -> None:
    connection = one([*STRANGERS[name], Say("c", flags=FIN), Say("s", flags=FIN)])
    assert connection.outcome != "accepted"
    assert connection.greeting is None
    assert connection.login is None


def x_message(kind: int, body: bytes) -> bytes:
    return struct.pack("<IB", len(body) + 1, kind) + body


def test_x_protocol_is_named_and_not_reported() -> None:
    hello = x_message(11, b"\x08\x01\x10\x02\x1a\x08\x08\x01\x12\x04\x08\x01\x12\x00")
    script = [("s", hello), ("c", x_message(1, b"")), ("s", x_message(2, b"\x0a\x0f" + bytes(15)))]
    frames = conversation([*script, Say("c", flags=FIN)], server=("10.0.0.2", 33060))
    results, analysis = results_of(frames)
    assert results == []
    assert analysis.totals.x_protocol == [0]
    assert any("X Protocol" in note for note in analysis.source("pcap", []).notes)


def test_x_protocol_without_a_notice() -> None:
    script = [("c", x_message(1, b"")), ("s", x_message(2, b"\x0a\x0f" + bytes(15)))]
    results, analysis = results_of(conversation(script, server=("10.0.0.2", 33060)))
    assert results == []
    assert analysis.totals.x_protocol == [0]


PROXY_1 = b"PROXY TCP4 192.0.2.10 198.51.100.20 56324 3306\r\n"
PROXY_2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 10, 198, 51, 100, 20]) + struct.pack("!HH", 56324, 3306)
)


@pytest.mark.parametrize(("version", "header"), [(1, PROXY_1), (2, PROXY_2)])
@pytest.mark.parametrize("split", [0, 1, 11])
def test_proxy_header(version: int, header: bytes, split: int) -> None:
    first: list[Step] = [("c", header), *ACCEPTED, *GOODBYE]
    # A server may greet before it has read the header.
    crossing: list[Step] = [ACCEPTED[0], ("c", header + login()), *ACCEPTED[2:], *GOODBYE]
    for script in (first, crossing):
        connection = one(script, server=ODD, split=split)
        assert connection.outcome == "accepted"
        assert connection.proxy is not None
        assert connection.proxy.version == version
        assert connection.proxy.client is not None
        assert (connection.proxy.client.address, connection.proxy.client.port) == ("192.0.2.10", 56324)
        assert connection.login is not None
        assert connection.login.user == "app"


def test_proxy_header_without_addresses() -> None:
    connection = one([("c", b"PROXY UNKNOWN\r\n"), *ACCEPTED, *GOODBYE], server=ODD)
    assert connection.proxy is not None
    assert connection.proxy.client is None
    assert connection.outcome == "accepted"


def test_proxy_header_in_front_of_something_else() -> None:
    assert (
        analyse(conversation([("c", PROXY_1 + b"GET / HTTP/1.0\r\n\r\n"), ("s", b"HTTP/1.0 200 OK\r\n")], server=ODD))
        == []
    )


MIDDLE: list[Step] = [
    ("c", query("SELECT 1")),
    ("s", ok(1)),
    ("c", PING),
    ("s", ok(1)),
    ("c", QUIT),
    Say("c", flags=FIN),
]


def test_the_middle_of_a_connection_is_assumed_on_3306_only() -> None:
    connection = one(MIDDLE, handshake=False)
    assert connection.outcome == "unknown"
    assert connection.commands == {"query": 1, "ping": 1, "quit": 1}
    assert codes(connection) == {"capture-mid-stream"}
    results, analysis = results_of(conversation(MIDDLE, handshake=False, server=ODD))
    assert results == []
    assert analysis.source("pcap", []).notes == [
        f"1 connection looks like MySQL from the middle on, on port {ODD[1]}: --port {ODD[1]} shows what was said"
    ]


def test_the_middle_of_a_connection_on_a_given_port() -> None:
    connection = one(MIDDLE, AnalysisOptions(ports=frozenset({3306, 5999})), handshake=False, server=ODD)
    assert connection.commands == {"query": 1, "ping": 1, "quit": 1}
    assert connection.server.port == 5999


def test_the_server_is_the_side_with_the_port() -> None:
    connection = one(MIDDLE, handshake=False, client=("10.0.0.9", 40000), server=("10.0.0.1", 3306))
    assert (connection.client.port, connection.server.port) == (40000, 3306)


def test_nothing_but_a_handshake_on_3306() -> None:
    connection = one([wait("c", b"", 0.5), Say("c", flags=FIN), Say("s", flags=FIN)])
    assert connection.phase_reached == "tcp"
    assert "no-greeting" in codes(connection)
    assert analyse(conversation([Say("c", flags=FIN)], server=ODD)) == []


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 6, 10, 20, 40, 74])
def test_every_beginning_of_a_greeting_may_still_be_one(length: int) -> None:
    assert recognise.is_greeting(greeting()[:length]) == MORE


def test_verdicts_on_whole_packets() -> None:
    assert recognise.is_greeting(greeting()) == YES
    assert recognise.is_greeting(login()) == NO
    assert recognise.is_login(login()) == YES
    assert recognise.is_login(ssl_request()) == YES
    assert recognise.is_login(greeting()) == NO
    assert recognise.is_early_error(err(0, 1040, "Too many connections")) == YES
    assert recognise.is_early_error(greeting()) == NO
    # A router's, any proxy's.
    assert recognise.is_early_error(err(0, 2003, "Can't connect to remote MySQL server")) == YES
    assert recognise.is_early_error(err(0, 9001, "Max connect timeout reached")) == YES
    # Where the beginning is missing, most errors end a session that was established.
    assert recognise.is_early_error(err(0, 4031, "The client was disconnected"), opened=False) == NO
    assert recognise.is_early_error(err(0, 1040, "Too many connections"), opened=False) == YES
    # A proxy or a TLS terminator in between asked for TLS itself.
    assert recognise.is_login(login(sequence=2)) == YES
    assert recognise.is_login(login(sequence=3)) == NO


def test_cut_records() -> None:
    assert recognise.is_cut_greeting(greeting()[:20])
    assert not recognise.is_cut_greeting(greeting()[:6])
    # A snap length of 96 bytes ends in the version; what is there has to be one.
    assert recognise.is_cut_greeting(greeting(version="5.5.5-10.11.18-MariaDB-0+deb12u1-log")[:30])
    assert not recognise.is_cut_greeting(greeting(version="1.5 bottles of beer on the wall, please")[:30])
    assert not recognise.is_cut_greeting(greeting())
    assert recognise.is_cut_login(login()[:50])
    assert not recognise.is_cut_login(login()[:30])


CHECKS = {
    "post-41": bytes.fromhex("290000010082000000800001") + b"\x21" + bytes(23) + b"haproxy\0\0" + QUIT,
    "pre-41": bytes.fromhex("0e0000010080000001") + b"haproxy\0\0" + QUIT,
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("split", [0, 7])
@pytest.mark.parametrize("early", [True, False])
def test_a_login_and_a_goodbye_before_the_greeting_is_read(name: str, split: int, early: bool) -> None:
    """HAProxy's health check, on a port of no fame: both sides are read, and nothing is wrong with them."""
    said, greets = ("c", CHECKS[name]), ("s", greeting())
    first = [said, greets] if early else [greets, said]
    script: list[Step] = [*first, ("s", ok(2)), Say("s", flags=FIN), Say("c", flags=FIN)]
    (connection,) = analyse(conversation(script, server=ODD, split=split))
    assert connection.greeting is not None
    assert connection.login is not None
    assert connection.login.user == "haproxy"
    assert (connection.outcome, connection.commands) == ("accepted", {"quit": 1})
    assert not codes(connection) & {"malformed-packet", "sequence-error", "left-without-quit", "no-greeting"}
    assert (connection.timing.login_ns or 0) >= 0


@pytest.mark.parametrize("code", [1040, 1130, 2003, 2013, 9000, 9002, 3159])
@pytest.mark.parametrize("split", [0, 1])
def test_an_error_in_place_of_the_greeting_is_known_by_its_shape(code: int, split: int) -> None:
    """Whatever its code: servers, proxies and routers have their own."""
    script: list[Step] = [("s", err(0, code, "Can't connect to remote MySQL server")), Say("s", flags=FIN)]
    (connection,) = analyse(conversation(script, server=ODD, split=split))
    assert connection.outcome == "rejected"
    assert connection.error is not None
    assert connection.error.code == code


def test_a_proof_that_came_before_its_nonce() -> None:
    """The capture has the two packets the wrong way round: the password is right all the same."""
    script: list[Step] = [("c", any_login(response=scramble(b"secret"))), ("s", greeting()), ("s", ok(2)), *GOODBYE]
    for password, code in ((b"secret", "right-password"), (b"other", "wrong-password")):
        connection = one(script, AnalysisOptions(password=password))
        (said,) = [finding for finding in connection.findings if finding.code.endswith("-password")]
        assert said.code == code


def test_other_traffic_does_not_look_like_mysql_from_the_middle() -> None:
    for asked, answered in ((b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n"), (b"\x01\0\0\0\x0e", b"\x07\0\0\x05")):
        results, analysis = results_of(conversation([("c", asked), ("s", answered)], handshake=False, server=ODD))
        assert results == []
        assert analysis.source("pcap", []).notes == []
    whole = conversation([("c", b"\x01\0\0\0\x0e"), ("s", b"\x07\0\0\x01\0\0\0\x02\0\0\0")], server=ODD)
    assert results_of(whole)[1].source("pcap", []).notes == []  # it began in the capture, and not as MySQL does
