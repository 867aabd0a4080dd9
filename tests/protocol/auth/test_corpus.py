"""The shared captures of real logins: every payload decodes, encodes back to the same bytes, and the passwords fit.

Where the folder is: HANDSHARK_CORPUS, or shared/corpus beside the repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dpkt
import pytest

from analyzer.errors import DecodeError
from analyzer.protocol.auth import plugin
from analyzer.protocol.auth.base import Exchange, Plugin, encoded
from analyzer.protocol.wire.reader import Reader
from tests.corpus import REPOSITORY

CORPUS = Path(os.environ.get("HANDSHARK_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
LAB = CORPUS / "lab"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not LAB.is_dir(), reason=f"no captures in {LAB}; set HANDSHARK_CORPUS"),
]

# The test accounts of these captures.
PASSWORDS = {
    "app": b"app-pw",
    "app2": b"app2-pw",
    "edu": b"ed-pw",
    "multi": b"multi-pw",
    "nopw": b"",
    "oldpw": b"old-pw",
    "pamu": b"pam-pw",
    "paru": b"par-pw",
    "repl": b"repl-pw",
    "reqssl": b"ssl-pw",
    "sha256u": b"sha-pw",
}
CLIENT_PLUGIN_AUTH = 1 << 19
CLIENT_CONNECT_WITH_DB = 1 << 3
CLIENT_SECURE_CONNECTION = 1 << 15


class Packet(NamedTuple):
    client: bool
    payload: bytes


class Login(NamedTuple):
    """What one connection without TLS did until the server's verdict."""

    user: str
    accepted: bool
    exchanges: list[tuple[Plugin, Exchange]]


def segments(path: Path) -> Iterator[tuple[tuple[bytes, int], tuple[bytes, int], dpkt.tcp.TCP]]:
    """Source, destination and segment of every TCP frame on Ethernet."""
    with path.open("rb") as file:
        for _, frame in dpkt.pcap.UniversalReader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            segment = packet.data if isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) else None
            if isinstance(segment, dpkt.tcp.TCP):
                yield (packet.src, segment.sport), (packet.dst, segment.dport), segment


def conversations(path: Path) -> Iterator[list[Packet]]:
    """The packets of each connection, in the order of the capture. Good for captures that miss nothing."""
    flows: list[list[tuple[bool, bytes]]] = []
    open_flows: dict[frozenset[tuple[bytes, int]], tuple[tuple[bytes, int], list[tuple[bool, bytes]]]] = {}
    for source, destination, segment in segments(path):
        key = frozenset((source, destination))
        if segment.flags & dpkt.tcp.TH_SYN and not segment.flags & dpkt.tcp.TH_ACK:
            flows.append([])
            open_flows[key] = (source, flows[-1])
        if key in open_flows and segment.data:
            client, events = open_flows[key]
            events.append((source == client, bytes(segment.data)))
    for events in flows:
        left = {True: b"", False: b""}
        packets = []
        for from_client, data in events:
            left[from_client] += data
            while len(left[from_client]) >= 4:
                end = 4 + int.from_bytes(left[from_client][:3], "little")
                if len(left[from_client]) < end:
                    break
                packets.append(Packet(from_client, left[from_client][4:end]))
                left[from_client] = left[from_client][end:]
        yield packets


def read_login(payload: bytes) -> tuple[str, bytes, str]:
    """User, auth response and plugin of a HandshakeResponse41, as far as these captures need it."""
    flags = int.from_bytes(payload[:4], "little")
    r = Reader(payload, "login", 32)
    user = r.nul_text("user")
    response = r.lenenc_bytes("response") if flags & CLIENT_SECURE_CONNECTION else r.nul("response")
    if flags & CLIENT_CONNECT_WITH_DB:
        r.nul("database")
    name = r.nul_text("plugin") if flags & CLIENT_PLUGIN_AUTH else "mysql_native_password"
    return user, response, name


def checked(exchange: Exchange, client: bool, payload: bytes) -> None:
    """Feeds one payload, and encodes what came out."""
    r = Reader(payload)
    record = exchange.client(r) if client else exchange.server(r)
    assert encoded(record) == payload
    assert record.summary()


def follow(packets: list[Packet]) -> Login | None:
    """Runs the exchanges of one connection; None where there is no login to be read, or TLS began."""
    if len(packets) < 2 or packets[0].client or packets[0].payload[:1] != b"\n" or not packets[1].client:
        return None
    greeting, login = packets[0].payload, packets[1].payload
    at = greeting.index(0) + 5
    nonce = greeting[at : at + 8] + greeting[at + 27 : at + 40]
    if len(login) <= 32 or not int.from_bytes(login[:4], "little") & 1 << 9:
        return None
    user, response, name = read_login(login)
    known = plugin(name)
    exchanges = [(known, known.exchange(nonce, False))]
    checked(exchanges[-1][1], True, response)
    for packet in packets[2:]:
        payload = packet.payload
        if not packet.client:
            if payload[:1] in (b"\x00", b"\xff"):
                return Login(user, payload[:1] == b"\x00", exchanges)
            if payload[:1] == b"\xfe":
                # A single byte: the old way to ask for the old password.
                asked, _, data = payload[1:].partition(b"\x00")
                known = plugin(asked.decode() or "mysql_old_password")
                data = data if asked else nonce
                assert known.data(Reader(data)).summary()
                exchanges.append((known, known.exchange(data, False)))
                continue
            payload = payload.removeprefix(b"\x01")
        checked(exchanges[-1][1], packet.client, payload)
    return Login(user, False, exchanges)


def logins(pattern: str) -> list[tuple[str, Login]]:
    found = []
    for path in sorted(LAB.glob(pattern)):
        truth = json.loads((LAB / f"{path.stem}.truth.json").read_text(encoding="utf-8"))
        # Only what was captured as it happened, on Ethernet, classic protocol from its first byte on.
        if truth["transforms"] or any(word in path.stem for word in ("sll2", "mysqlx", "midstream", "proxyproto")):
            continue
        found += [(path.stem, login) for packets in conversations(path) if (login := follow(packets)) is not None]
    return found


def test_passwords_of_all_plain_logins() -> None:
    verified: dict[str, int] = {}
    for capture, login in logins("m*.pcap"):
        last, exchange = login.exchanges[-1]
        password = PASSWORDS.get(login.user)
        if login.accepted:
            assert exchange.protection is not None, capture
        if password is None or exchange.response is None:
            continue
        # Rejected logins of these users had the right password too, but for one.
        right = "wrongpw" not in capture
        assert last.verify(password, exchange.nonce, exchange.response) is right, (capture, last.name)
        assert last.verify(password + b"x", exchange.nonce, exchange.response) is False, (capture, last.name)
        verified[last.name] = verified.get(last.name, 0) + 1
    assert set(verified) == {
        "caching_sha2_password",
        "client_ed25519",
        "dialog",
        "mysql_native_password",
        "mysql_old_password",
        "parsec",
    }
    assert verified["caching_sha2_password"] > 30
    assert verified["mysql_native_password"] > 12


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ("m97_cli97_fullauth_rsa", [("caching_sha2_password", "full", "rsa")]),
        ("m97_cli97_fullauth_refused_by_client", [("caching_sha2_password", "full", "scramble")]),
        ("m97_mcpure_fullauth_rsa", [("caching_sha2_password", "full", "cleartext")]),
        ("m97_mysqlclient_fast", [("caching_sha2_password", "fast", "scramble")]),
        (
            "m97_node-mariadb_rsa_fullauth",
            [("mysql_native_password", "direct", "scramble"), ("caching_sha2_password", "full", "rsa")],
        ),
        (
            "m97_pymysql_sha256_switch",
            [("caching_sha2_password", "direct", "scramble"), ("sha256_password", "direct", "rsa")],
        ),
        ("m10_mysqlclient_native", [("mysql_native_password", "direct", "scramble")]),
        (
            "m10_mariadbcli_oldpassword",
            [("mysql_native_password", "direct", "scramble"), ("mysql_old_password", "direct", "scramble")],
        ),
        (
            "m10_mariadbcli_ed25519_switch",
            [("mysql_native_password", "direct", "scramble"), ("client_ed25519", "direct", "scramble")],
        ),
        (
            "m10_mariadbcli_multi_auth",
            [
                ("mysql_native_password", "direct", "scramble"),
                ("client_ed25519", "direct", "scramble"),
                ("mysql_native_password", "direct", "scramble"),
            ],
        ),
        (
            "m11_mariadbcli_parsec_switch",
            [("mysql_native_password", "direct", "scramble"), ("parsec", "direct", "scramble")],
        ),
        (
            "m11_mariadbcli_pam_dialog",
            [("mysql_native_password", "direct", "scramble"), ("dialog", "direct", "cleartext")],
        ),
        ("m11_pymysql_pam", [("mysql_native_password", "direct", "scramble"), ("dialog", "direct", None)]),
    ],
)
def test_path_and_protection(capture: str, expected: list[tuple[str, str, str | None]]) -> None:
    ((_, login),) = logins(f"{capture}.pcap")
    assert [(known.name, exchange.path, exchange.protection) for known, exchange in login.exchanges] == expected


def test_empty_password() -> None:
    seen = [login for _, login in logins("m97_pymysql_interleaved.pcap") if login.user == "nopw"]
    assert [(exchange.path, exchange.protection) for login in seen for _, exchange in login.exchanges] == [
        ("direct", "empty")
    ]


def test_wrong_length_is_a_decode_error() -> None:
    """A login may hold another plugin's response: no guess is made by its length."""
    for name, size in (("caching_sha2_password", 20), ("mysql_native_password", 32), ("client_ed25519", 96)):
        exchange = plugin(name).exchange(b"n" * 20, False)
        with pytest.raises(DecodeError):
            exchange.client(Reader(b"x" * size))
        assert exchange.protection is None
