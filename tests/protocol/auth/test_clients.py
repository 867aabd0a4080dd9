"""The client side against the exchange that the analyzer follows, and against real servers."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import ProtocolError
from analyzer.protocol.auth import PLUGINS, plugin
from analyzer.protocol.auth.base import ClientOptions, Exchange
from analyzer.protocol.auth.mysql_old_password import hash_password
from analyzer.protocol.auth.rsa import decrypt_password, encrypt_password, looks_encrypted
from analyzer.protocol.wire.reader import Reader
from tests.servers import Server, require_servers
from tests.servers.accounts import account

NONCE = bytes(range(40, 60)) + b"\x00"
NONCE_32 = bytes(range(100, 132))
NONE = ClientOptions()
CLEAR = ClientOptions(allow_cleartext=True)
VERIFIED = ClientOptions(verified=True)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def run(
    name: str,
    password: bytes,
    nonce: bytes,
    server: list[bytes],
    options: ClientOptions = NONE,
    *,
    secure: bool = False,
) -> tuple[list[bytes | None], Exchange]:
    """What the client sends first and after each packet of the server, and the exchange that watched."""
    client = plugin(name).client(password, nonce, secure, options)
    exchange = plugin(name).exchange(nonce, secure)
    sent: list[bytes | None] = []
    for packet in [None, *server]:
        if packet is not None:
            exchange.server(Reader(packet))
        answer = client.respond(packet)
        sent.append(answer)
        if answer is not None:
            exchange.client(Reader(answer))
    return sent, exchange


# Made with the formulas of the manuals, with hashlib alone.
SHA2_SCRAMBLE = bytes(
    a ^ b
    for a, b in zip(
        hashlib.sha256(b"secret").digest(),
        hashlib.sha256(hashlib.sha256(hashlib.sha256(b"secret").digest()).digest() + NONCE[:20]).digest(),
        strict=True,
    )
)
SHA1_SCRAMBLE = bytes(
    a ^ b
    for a, b in zip(
        hashlib.sha1(b"secret").digest(),
        hashlib.sha1(NONCE[:20] + hashlib.sha1(hashlib.sha1(b"secret").digest()).digest()).digest(),
        strict=True,
    )
)


def test_caching_sha2_fast() -> None:
    sent, exchange = run("caching_sha2_password", b"secret", NONCE, [b"\x03"])
    assert sent == [SHA2_SCRAMBLE, None]
    assert (exchange.path, exchange.protection) == ("fast", "scramble")


def test_caching_sha2_full() -> None:
    sent, exchange = run("caching_sha2_password", b"secret", NONCE, [b"\x04"], secure=True)
    assert sent == [SHA2_SCRAMBLE, b"secret\x00"]
    assert (exchange.path, exchange.protection) == ("full", "tls")
    sent, exchange = run("caching_sha2_password", b"secret", NONCE, [b"\x04"], CLEAR)
    assert sent == [SHA2_SCRAMBLE, b"secret\x00"]
    assert (exchange.path, exchange.protection) == ("full", "cleartext")
    with pytest.raises(ProtocolError, match="without TLS: refused"):
        run("caching_sha2_password", b"secret", NONCE, [b"\x04"])
    with pytest.raises(ProtocolError, match="3 or 4 expected"):
        plugin("caching_sha2_password").client(b"secret", NONCE, False, NONE).respond(b"\x05")


@pytest.mark.parametrize(("name", "steps"), [("caching_sha2_password", [b"\x04"]), ("sha256_password", [])])
def test_rsa(name: str, steps: list[bytes], key: rsa.RSAPrivateKey) -> None:
    pem = pem_of(key)
    asked, exchange = run(name, b"secret", NONCE, [*steps, pem], ClientOptions(get_server_public_key=True))
    assert exchange.protection == "rsa"
    assert asked[-2] == (b"\x02" if steps else b"\x01")
    known, exchange = run(name, b"secret", NONCE, steps, ClientOptions(server_public_key=pem))
    assert exchange.protection == "rsa"
    for payload in (asked[-1], known[-1]):
        assert payload is not None
        assert decrypt_password(payload, NONCE[:20], key) == b"secret"
    with pytest.raises(ProtocolError, match="refused"):
        run(name, b"secret", NONCE, steps)
    client = plugin(name).client(b"secret", NONCE, False, ClientOptions(get_server_public_key=True))
    for packet in (None, *steps):
        client.respond(packet)
    with pytest.raises(ProtocolError, match="a PEM block expected"):
        client.respond(b"no key")


def test_rsa_length(key: rsa.RSAPrivateKey) -> None:
    """A 2048-bit key holds 214 bytes: 213 of password and the NUL."""
    longest = b"p" * 213
    assert decrypt_password(encrypt_password(longest, NONCE[:20], pem_of(key)), NONCE[:20], key) == longest
    options = ClientOptions(server_public_key=pem_of(key))
    with pytest.raises(ProtocolError, match="up to 213 bytes"):
        plugin("sha256_password").client(longest + b"p", NONCE, False, options).respond(None)


@given(st.binary(min_size=256, max_size=256))
def test_ciphertexts_are_told_from_passwords(ciphertext: bytes) -> None:
    text = ciphertext.hex().encode()
    assert not looks_encrypted(text + b"\x00")
    assert looks_encrypted(ciphertext[:-1] + b"\x80")


def test_sha256() -> None:
    assert run("sha256_password", b"", NONCE, [])[0] == [b"\x00"]
    assert run("sha256_password", b"", NONCE, [])[1].protection == "empty"
    sent, exchange = run("sha256_password", b"secret", NONCE, [], secure=True)
    assert (sent, exchange.protection) == ([b"secret\x00"], "tls")
    sent, exchange = run("sha256_password", b"secret", NONCE, [], CLEAR)
    assert (sent, exchange.protection) == ([b"secret\x00"], "cleartext")


def test_native() -> None:
    sent, exchange = run("mysql_native_password", b"secret", NONCE, [])
    assert (sent, exchange.path, exchange.protection) == ([SHA1_SCRAMBLE], "direct", "scramble")
    assert run("mysql_native_password", b"", NONCE, [])[0] == [b""]
    with pytest.raises(ProtocolError, match="expects its verdict"):
        plugin("mysql_native_password").client(b"secret", NONCE, False, NONE).respond(b"more")


def test_old_password_hash() -> None:
    """OLD_PASSWORD('mypass') and OLD_PASSWORD('test') as MySQL's manuals show them."""
    assert "{:08x}{:08x}".format(*hash_password(b"mypass")) == "6f8c114b58f2ce9e"
    assert hash_password(b"my pa\tss") == hash_password(b"mypass")
    sent, exchange = run("mysql_old_password", b"mypass", NONCE, [])
    assert exchange.nonce == NONCE[:8]
    assert exchange.protection == "scramble"
    assert sent[0] is not None
    assert sent[0][-1:] == b"\x00"
    assert plugin("mysql_old_password").verify(b"mypass", NONCE, sent[0][:8]) is True
    assert plugin("mysql_old_password").verify(b"mypasz", NONCE, sent[0]) is False


def test_clear() -> None:
    assert run("mysql_clear_password", b"secret", b"", [], CLEAR)[1].protection == "cleartext"
    sent, exchange = run("mysql_clear_password", b"secret", b"", [], VERIFIED, secure=True)
    assert (sent, exchange.protection) == ([b"secret\x00"], "tls")
    assert run("mysql_clear_password", b"secret", b"", [], CLEAR, secure=True)[0] == sent
    with pytest.raises(ProtocolError, match="certificate was not verified: refused"):
        run("mysql_clear_password", b"secret", b"", [], secure=True)
    with pytest.raises(ProtocolError, match="clear text on a connection without TLS"):
        run("mysql_clear_password", b"secret", b"", [])
    with pytest.raises(ProtocolError, match="NUL"):
        run("mysql_clear_password", b"sec\x00ret", b"", [], CLEAR)


def test_ed25519() -> None:
    secret = b"thirty-two bytes are a seed too."
    sent, exchange = run("client_ed25519", secret, NONCE_32, [])
    assert sent == [Ed25519PrivateKey.from_private_bytes(secret).sign(NONCE_32)]
    assert exchange.protection == "scramble"


@pytest.mark.parametrize("name", ["client_ed25519", "parsec"])
def test_nonce_that_ends_with_a_nul(name: str) -> None:
    nonce = b"n" * 31 + b"\x00"
    assert plugin(name).exchange(nonce, False).nonce == nonce
    assert plugin(name).exchange(nonce[:-1], False).nonce == nonce
    assert plugin(name).client(b"pw", nonce[:-1], False, NONE).nonce == nonce


def test_parsec() -> None:
    ext_salt = b"P\x01" + b"salt" * 4
    options = ClientOptions(client_nonce=b"c" * 32)
    sent, exchange = run("parsec", b"secret", NONCE_32, [ext_salt], options)
    private = Ed25519PrivateKey.from_private_bytes(hashlib.pbkdf2_hmac("sha512", b"secret", b"salt" * 4, 2048, 32))
    assert sent == [b"", b"c" * 32 + private.sign(NONCE_32 + b"c" * 32)]
    assert (exchange.path, exchange.protection) == ("direct", "scramble")
    assert exchange.response is not None
    assert plugin("parsec").verify(b"secret", exchange.nonce, exchange.response) is True
    assert plugin("parsec").verify(b"secret", NONCE_32, exchange.response) is None
    with pytest.raises(ProtocolError, match="iterations: refused"):
        run("parsec", b"secret", NONCE_32, [b"P\x20salt"], options)
    with pytest.raises(ProtocolError, match="'P' expected"):
        plugin("parsec").client(b"secret", NONCE_32, False, NONE).respond(b"Q\x00salt")
    assert run("parsec", b"secret", NONCE_32, [ext_salt])[0] != run("parsec", b"secret", NONCE_32, [ext_salt])[0]


def test_dialog() -> None:
    sent, exchange = run("dialog", b"secret", b"", [b"\x04And the code: "], CLEAR)
    assert sent == [b"secret\x00", b"secret\x00"]
    assert exchange.protection == "cleartext"
    options = ClientOptions(verified=True, prompt=lambda text, hidden: f"{text}{hidden}".encode())
    sent, exchange = run("dialog", b"secret", b"\x04Password: ", [b"\x03Code?"], options, secure=True)
    assert sent == [b"secret\x00", b"Code?False\x00"]
    assert exchange.protection == "tls"
    with pytest.raises(ProtocolError, match="no way to ask"):
        run("dialog", b"secret", b"", [b"\x02Code?"], CLEAR)
    with pytest.raises(ProtocolError, match="clear text"):
        run("dialog", b"secret", b"", [])
    with pytest.raises(ProtocolError, match="certificate was not verified: refused"):
        run("dialog", b"secret", b"", [], secure=True)


def test_which_plugins_a_client_can_do() -> None:
    able = {
        "auth_socket",
        "caching_sha2_password",
        "client_ed25519",
        "dialog",
        "mysql_clear_password",
        "mysql_native_password",
        "mysql_old_password",
        "parsec",
        "sha256_password",
        "unix_socket",
    }
    for name in able:
        assert PLUGINS[name].client(b"secret", NONCE_32, True, VERIFIED).respond(None) is not None
    for name in [*(set(PLUGINS) - able), "of_tomorrow"]:
        with pytest.raises(ProtocolError, match=f"'{name}', which this client can not do"):
            plugin(name).client(b"secret", NONCE_32, True, NONE)


class Session:
    """The smallest login there is, for a real server: packets made by hand."""

    # PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, PLUGIN_AUTH_LENENC_CLIENT_DATA; TLS has CLIENT_SSL besides.
    FLAGS = 1 << 9 | 1 << 15 | 1 << 19 | 1 << 21
    SSL = 1 << 11

    def __init__(self, server: Server, tls: bool) -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=20)
        self.tls = tls
        self.sequence = 0

    def receive(self) -> bytes:
        header = self._exactly(4)
        self.sequence = header[3] + 1
        return self._exactly(int.from_bytes(header[:3], "little"))

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "the server closed the connection"
            data += more
        return data

    def send(self, payload: bytes) -> None:
        self.socket.sendall(len(payload).to_bytes(3, "little") + bytes([self.sequence]) + payload)
        self.sequence += 1

    def login(self, user: str, password: bytes, first: str, options: ClientOptions) -> tuple[bytes, list[Exchange]]:
        """The server's verdict, and the exchanges on the way to it."""
        greeting = self.receive()
        at = greeting.index(0) + 5
        nonce = greeting[at : at + 8] + greeting[at + 27 : at + 39]
        flags = self.FLAGS | (self.SSL if self.tls else 0)
        head = flags.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x2d" + bytes(23)
        if self.tls:
            self.send(head)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        client = plugin(first).client(password, nonce, self.tls, options)
        exchanges = [plugin(first).exchange(nonce, self.tls)]

        def answer(data: bytes | None, send: Callable[[bytes], None]) -> None:
            payload = client.respond(data)
            if payload is not None:
                exchanges[-1].client(Reader(payload))
                send(payload)

        answer(None, lambda p: self.send(head + user.encode() + b"\x00" + bytes([len(p)]) + p + first.encode() + b"\0"))
        while True:
            payload = self.receive()
            if payload[:1] in (b"\x00", b"\xff"):
                return payload, exchanges
            if payload[:1] == b"\xfe":
                name, data = payload[1:].split(b"\x00", 1) if len(payload) > 1 else (b"mysql_old_password", nonce)
                client = plugin(name.decode()).client(password, data, self.tls, options)
                exchanges.append(plugin(name.decode()).exchange(data, self.tls))
                answer(None, self.send)
                continue
            payload = payload.removeprefix(b"\x01")
            exchanges[-1].server(Reader(payload))
            answer(payload, self.send)


LIVE = [
    ("mysql97", "app", "caching_sha2_password"),
    ("mysql97", "sha2", "mysql_native_password"),
    ("mysql97", "nonascii", "caching_sha2_password"),
    ("mysql97", "nopw", "caching_sha2_password"),
    ("mysql97", "sha256", "sha256_password"),
    ("mysql97", "sha256", "caching_sha2_password"),
    *[
        (server, user, first)
        for server in ("mariadb1011", "mariadb118")
        for user in ("native", "longpw", "nonascii", "nopw", "oldpw", "ed", "multi", "second", "pamu")
        for first in ("mysql_native_password", "client_ed25519")
    ],
    ("mariadb118", "parsec", "mysql_native_password"),
    ("mariadb118", "parsec", "parsec"),
]


@pytest.mark.server
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("name", "user", "first"), LIVE)
def test_real_servers(name: str, user: str, first: str, tls: bool) -> None:
    (server,) = require_servers(name)
    password = account(user).password.encode()
    options = ClientOptions(get_server_public_key=True, allow_cleartext=user == "pamu")
    for given_password, accepted in ((password, True), (password + b"x", False)):
        session = Session(server, tls)
        with session.socket:
            verdict, exchanges = session.login(user, given_password, first, options)
            assert (verdict[:1] == b"\x00") is accepted, verdict
            if not accepted:
                assert int.from_bytes(verdict[1:3], "little") in (1045, 1698)
        expected = {"nopw": "empty", "pamu": "tls" if tls else "cleartext"}.get(user if accepted else "")
        if expected is not None:
            assert exchanges[-1].protection == expected
        last = cast(str, exchanges[-1].protection)
        if user == "sha256" and accepted:
            assert last == ("tls" if tls else "rsa")
