"""Each step of a login, against a server that is a script."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from analyzer.errors import ProtocolError, ServerError
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.auth.rsa import decrypt_password
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.tables.capabilities import (
    CLIENT_COMPRESS,
    CLIENT_DEPRECATE_EOF,
    CLIENT_FOUND_ROWS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SSL,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    MARIADB_CLIENT_PROGRESS,
)
from analyzer.protocol.wire.compression import encode_compressed
from live_client import ConnectionFailed, Options, Session, TlsFailed, Transcript, connect
from live_client.attributes import size_of
from tests.live_client.scripted import (
    NONCE,
    OFFERED,
    ScriptedTransport,
    context,
    factor,
    greeting,
    mariadb_greeting,
    packet,
    switch,
)
from tests.wire.mysql import err, more, ok

PASSWORD = b"s3cret"


def login(transport: ScriptedTransport, offered: int = OFFERED) -> HandshakeResponse41:
    """What the client sent as its login."""
    ctx = context(offered)
    return HandshakeResponse41.from_bytes(transport.packets()[0][1], ctx)


def open_session(*script: bytes, **choices: Any) -> tuple[Session, ScriptedTransport]:
    transport = ScriptedTransport(*script)
    choices = {"user": "app", "passwords": (PASSWORD,), **choices}
    return connect(transport=transport, **choices), transport


def test_direct_login_is_told_in_plain_words() -> None:
    transport = ScriptedTransport(greeting(), ok(2))
    heard = Transcript()
    with connect(transport=transport, listener=heard, user="app", passwords=(PASSWORD,), database="shop") as session:
        truth = session.truth()
    sent = login(transport)
    assert sent.username == "app"
    assert sent.database == "shop"
    assert sent.client_plugin_name == "mysql_native_password"
    assert sent.auth_response == PLUGINS["mysql_native_password"].scramble(PASSWORD, NONCE)
    assert [sequence for sequence, _ in transport.packets()] == [1, 0]
    assert transport.packets()[-1][1] == b"\x01"
    assert truth["outcome"] == "accepted"
    assert truth["connection_id"] == 7
    assert truth["authentication"]["password_protection"] == "scramble"
    words = "\n".join(heard.steps)
    for phrase in (
        "connected: 192.0.2.1:40000",
        "greeting: mysql 8.4.0, connection 7",
        "log in as 'app'",
        "accepts",
        "quit",
    ):
        assert phrase in words
    assert PASSWORD.decode() not in words


def test_caching_sha2_fast() -> None:
    session, _ = open_session(greeting("caching_sha2_password"), more(2, b"\x03"), ok(3))
    assert session.truth()["authentication"] == {
        "plugin": "caching_sha2_password",
        "switches": [],
        "path": "fast",
        "password_protection": "scramble",
    }


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_caching_sha2_full_with_the_servers_key(key: rsa.RSAPrivateKey) -> None:
    session, transport = open_session(
        greeting("caching_sha2_password"), more(2, b"\x04"), more(4, pem(key)), ok(6), get_server_public_key=True
    )
    assert transport.packets()[1] == (3, b"\x02")
    assert decrypt_password(transport.packets()[2][1], NONCE, key) == PASSWORD
    truth = session.truth()["authentication"]
    assert (truth["path"], truth["password_protection"]) == ("full", "rsa")


def test_caching_sha2_full_with_a_key_file(key: rsa.RSAPrivateKey) -> None:
    script = greeting("caching_sha2_password"), more(2, b"\x04"), ok(4)
    _, transport = open_session(*script, server_public_key=pem(key))
    assert decrypt_password(transport.packets()[1][1], NONCE, key) == PASSWORD


def test_caching_sha2_full_is_refused_on_plain_tcp() -> None:
    with pytest.raises(ProtocolError, match="without TLS: refused"):
        open_session(greeting("caching_sha2_password"), more(2, b"\x04"), ok(4))


def test_caching_sha2_full_in_clear_text_when_allowed() -> None:
    script = greeting("caching_sha2_password"), more(2, b"\x04"), ok(4)
    session, transport = open_session(*script, cleartext=True)
    assert transport.packets()[1][1] == PASSWORD + b"\x00"
    assert session.truth()["authentication"]["password_protection"] == "cleartext"


def test_sha256_asks_for_the_key(key: rsa.RSAPrivateKey) -> None:
    script = greeting(), switch(2, "sha256_password", NONCE + b"\x00"), more(4, pem(key)), ok(6)
    session, transport = open_session(*script, get_server_public_key=True)
    assert transport.packets()[1] == (3, b"\x01")
    assert decrypt_password(transport.packets()[2][1], NONCE, key) == PASSWORD
    truth = session.truth()["authentication"]
    assert truth["switches"] == [{"from": "mysql_native_password", "to": "sha256_password"}]


@pytest.mark.parametrize("plugin", ["mysql_native_password", "caching_sha2_password", "client_ed25519"])
def test_switch_answers_the_new_nonce(plugin: str) -> None:
    nonce = bytes(range(1, 33))
    session, transport = open_session(greeting(), switch(2, plugin, nonce + b"\x00"), ok(4))
    assert transport.packets()[1] == (3, PLUGINS[plugin].scramble(PASSWORD, nonce))
    assert session.truth()["authentication"]["plugin"] == plugin


def test_old_switch_of_one_byte() -> None:
    with pytest.raises(ProtocolError, match="gives the password away"):
        open_session(greeting(), packet(b"\xfe", 2), ok(4))
    session, transport = open_session(greeting(), packet(b"\xfe", 2), ok(4), old_password=True)
    assert transport.packets()[1][1] == PLUGINS["mysql_old_password"].scramble(PASSWORD, NONCE)
    assert session.truth()["authentication"]["plugin"] == "mysql_old_password"


def test_clear_password_only_when_enabled() -> None:
    script = greeting(), switch(2, "mysql_clear_password", b""), ok(4)
    with pytest.raises(ProtocolError, match="clear text"):
        open_session(*script)
    _, transport = open_session(*script, cleartext=True)
    assert transport.packets()[1][1] == PASSWORD + b"\x00"


def test_dialog_asks_the_user() -> None:
    asked = []

    def answer(question: str, hidden: bool) -> bytes:
        asked.append((question, hidden))
        return b"123456"

    script = mariadb_greeting(), switch(2, "dialog", b""), packet(b"\x05One-time code: ", 4), ok(6)
    _, transport = open_session(*script, cleartext=True, prompt=answer)
    assert asked == [("One-time code: ", True)]
    assert [payload for _, payload in transport.packets()[1:3]] == [PASSWORD + b"\x00", b"123456\x00"]


def test_several_factors() -> None:
    script = (
        greeting(),
        factor(2, "mysql_clear_password", b""),
        factor(4, "caching_sha2_password"),
        more(6, b"\x03"),
        ok(7),
    )
    session, transport = open_session(*script, passwords=(PASSWORD, b"second", b"third"), cleartext=True)
    assert transport.packets()[1][1] == b"second\x00"
    assert transport.packets()[2][1] == PLUGINS["caching_sha2_password"].scramble(b"third", NONCE)
    assert session.truth()["authentication"]["path"] == "fast"


def test_default_auth_of_an_unknown_name_waits_for_the_switch() -> None:
    script = greeting(), switch(2, "mysql_native_password"), ok(4)
    session, transport = open_session(*script, default_auth="no_such_plugin")
    assert login(transport).auth_response == b""
    assert session.truth()["authentication"]["switches"][0]["from"] == "no_such_plugin"


def test_unsupported_plugin_is_named() -> None:
    with pytest.raises(ProtocolError, match="authentication_kerberos_client"):
        open_session(greeting(), switch(2, "authentication_kerberos_client", b"x"))


def test_an_endless_exchange_is_ended() -> None:
    script = [switch(2 + 2 * turn, "mysql_native_password") for turn in range(70)]
    with pytest.raises(ProtocolError, match="verdict"):
        open_session(greeting(), *script)


def test_error_in_place_of_the_greeting() -> None:
    transport = ScriptedTransport(err(0, 1129, "Host is blocked", None))
    session = Session(_options(), transport=transport)
    with pytest.raises(ServerError, match="1129"):
        session.open()
    assert session.truth()["error"] == {
        "code": 1129,
        "sqlstate": None,
        "message": "Host is blocked",
        "phase": "greeting",
    }
    assert session.truth()["outcome"] == "rejected"


def test_refused_login() -> None:
    session = Session(_options(), transport=ScriptedTransport(greeting(), err(2, state="28000")))
    with pytest.raises(ServerError) as caught:
        session.open()
    assert (caught.value.code, caught.value.sqlstate) == (1045, "28000")
    assert session.truth()["error"]["phase"] == "authentication"


def _options(**choices: Any) -> Options:
    return Options(**{"user": "app", "passwords": (PASSWORD,), **choices})


def test_protocol_320() -> None:
    offered = OFFERED & ~CLIENT_SECURE_CONNECTION & ~CLIENT_PLUGIN_AUTH
    plain_ok = packet(b"\x00\x00\x00\x02\x00", 2)
    session, transport = open_session(greeting(None, offered), plain_ok, protocol=320, database="shop")
    sent = HandshakeResponse320.from_bytes(transport.packets()[0][1], context())
    assert (sent.username, sent.database) == ("app", "shop")
    assert sent.auth_response == PLUGINS["mysql_old_password"].scramble(PASSWORD, NONCE)[:8]  # type: ignore[index]
    assert session.truth()["login"]["user"] == "app"


def test_attributes_are_filled_up_to_a_size() -> None:
    for size in (200, 380, 381, 382, 600, 66000):
        _, transport = open_session(greeting(), ok(2), attributes=(("program_name", "shop"),), attributes_size=size)
        sent = login(transport).attributes
        assert sent is not None
        assert dict(sent)["program_name"] == "shop"
        # Where the length of the value takes one byte more, a size in between can not be had.
        assert 0 <= size - size_of(sent) <= 3


def test_no_attributes() -> None:
    _, transport = open_session(greeting(), ok(2), send_attributes=False)
    assert login(transport).attributes is None


def test_capabilities_by_name() -> None:
    changes = (("FOUND_ROWS", True), ("CLIENT_DEPRECATE_EOF", False))
    _, transport = open_session(greeting(), ok(2), capabilities=changes)
    flags = login(transport).capability_flags
    assert flags & CLIENT_FOUND_ROWS
    assert not flags & CLIENT_DEPRECATE_EOF


def test_mariadb_capabilities_stand_in_the_filler() -> None:
    changes = (("LONG_PASSWORD", False), ("PROGRESS", True))
    _, transport = open_session(mariadb_greeting(), ok(2), capabilities=changes)
    assert login(transport).capability_flags & MARIADB_CLIENT_PROGRESS


def test_collation_of_two_bytes() -> None:
    _, transport = open_session(greeting(), ok(2), collation=309)
    assert login(transport).collation_id == 309


@pytest.mark.parametrize(
    ("header", "first"), [("v1", b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 3306\r\n"), ("v2", b"\r\n\r\n\x00\r\nQUIT")]
)
def test_proxy_header_comes_first(header: str, first: bytes) -> None:
    session, transport = open_session(greeting(), ok(2), proxy_header=header)
    assert transport.sent.startswith(first)
    assert session.truth()["proxy"] == {"version": int(header[1])}


@pytest.mark.parametrize("algorithm", ["zlib", "zstd"])
def test_compression_begins_after_the_verdict(algorithm: str) -> None:
    bit = CLIENT_COMPRESS if algorithm == "zlib" else CLIENT_ZSTD_COMPRESSION_ALGORITHM
    script = greeting(offered=OFFERED | bit), ok(2), encode_compressed(ok(1), 1, algorithm)
    session, transport = open_session(*script, compression=algorithm)
    before = len(transport.sent)
    session.ping()
    assert transport.sent[before:] == encode_compressed(b"\x01\x00\x00\x00\x0e", 0, algorithm)
    assert session.truth()["compression"] == algorithm


def test_compression_that_is_not_offered() -> None:
    with pytest.raises(ConnectionFailed, match="does not offer zlib"):
        open_session(greeting(), compression="zlib")


def test_tls_that_is_not_offered() -> None:
    with pytest.raises(TlsFailed, match="does not offer TLS"):
        open_session(greeting(), ssl_mode="required")
    session, transport = open_session(greeting(), ok(2), ssl_mode="preferred")
    assert not login(transport).capability_flags & CLIENT_SSL
    assert session.truth()["tls"] is None


def test_login_that_can_not_be_written() -> None:
    changes = (("PLUGIN_AUTH_LENENC_CLIENT_DATA", False),)
    with pytest.raises(ConnectionFailed, match="can not be written"):
        open_session(greeting("mysql_clear_password"), capabilities=changes, passwords=(b"x" * 300,), cleartext=True)
