"""Captures of real clients and servers: what comes out is what they know of themselves."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.tls.keylog import KeyLog
from analyzer.tls.records import CLIENT, SERVER
from analyzer.tls.session import TlsSession
from tests.tls.rfc8448 import SIMPLE_LOG
from tests.tls.support import Reading, Stream, corpus_dir, key_log, streams_of

ROOT = corpus_dir()
NAMES = sorted(path.stem for path in (ROOT / "lab").glob("*.keys")) if ROOT else []

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not NAMES, reason="no corpus: set HANDSHARK_CORPUS"),
]

# OpenSSL's names of suites before TLS 1.3.
IANA = {
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
}


def lab(name: str, suffix: str) -> Path:
    assert ROOT is not None
    return ROOT / "lab" / (name + suffix)


@cache
def tls_streams(name: str) -> list[Stream]:
    path = next(path for path in (lab(name, ".pcap"), lab(name, ".pcapng")) if path.exists())
    return [stream for stream in streams_of(path) if stream.tls()]


def readings(name: str, keys: KeyLog | None) -> list[Reading]:
    found = []
    for stream in tls_streams(name):
        reading = Reading(TlsSession(keys))
        for role, data, frame in stream.tls():
            reading.feed(role, data, frame)
        found.append(reading)
    return found


def truths(name: str) -> list[dict[str, Any]]:
    connections: list[dict[str, Any]] = json.loads(lab(name, ".truth.json").read_text())["connections"]
    return [connection for connection in connections if connection.get("tls")]


@pytest.mark.parametrize("name", NAMES)
def test_with_its_keys(name: str) -> None:
    found = readings(name, key_log(lab(name, ".keys").read_bytes()))
    known = truths(name)
    assert len(found) == len(known) > 0
    for reading, truth in zip(found, known, strict=True):
        session = reading.session
        assert (session.problem, session.key_state, session.decrypted) == (None, "found", True)
        assert (session.handshake.error, reading.after) == (None, [b"", b""])
        login = reading.plain[CLIENT]
        # HandshakeResponse41: header, capabilities, size, collation, 23 bytes of filler, user.
        assert login[3] in (1, 2)
        assert login[36 : login.index(b"\0", 36)].decode() == truth["user"]
        if truth.get("database") and truth["accepted"]:
            assert truth["database"].encode() + b"\0" in login
        for key, value in truth.get("attributes", {}).items():
            assert bytes([len(key)]) + key.encode() + bytes([len(value)]) + value.encode() in login
        if "tls_cipher" in truth:
            cipher = truth["tls_cipher"]
            assert session.handshake.cipher_suite == IANA.get(cipher, cipher)
            assert session.handshake.version == truth["tls_version"]
        # All that the server says is MySQL packets, to the last byte.
        said = reading.plain[SERVER]
        pos = 0
        while pos < len(said):
            pos += 4 + int.from_bytes(said[pos : pos + 3], "little")
        assert pos == len(said)
        assert session.handshake.done_frame is not None


@pytest.mark.parametrize("name", NAMES)
def test_without_keys(name: str) -> None:
    open_sessions = readings(name, key_log(lab(name, ".keys").read_bytes()))
    for reading, known in zip(readings(name, None), open_sessions, strict=True):
        session = reading.session
        assert (reading.plain, reading.after) == ([b"", b""], [b"", b""])
        assert (session.decrypted, session.key_state, session.handshake.error) == (False, "not given", None)
        assert session.handshake.done_frame == known.session.handshake.done_frame
        shake, other = session.handshake, known.session.handshake
        assert (shake.version, shake.cipher_suite, shake.resumed) == (other.version, other.cipher_suite, other.resumed)
        assert (shake.ja3, shake.ja4) == (other.ja3, other.ja4)
        assert [(alert.sender, alert.frame) for alert in session.handshake.alerts] == [
            (alert.sender, alert.frame) for alert in known.session.handshake.alerts
        ]
        assert session.encrypted_records == known.session.encrypted_records


@pytest.mark.parametrize("name", NAMES)
def test_with_keys_of_another_session(name: str) -> None:
    for reading in readings(name, key_log(SIMPLE_LOG)):
        session = reading.session
        assert (reading.plain, session.decrypted, session.key_state) == ([b"", b""], False, "missing")
        assert session.handshake.wanted_random is not None
        assert session.handshake.wanted_random in (session.problem or "")


@pytest.mark.parametrize("name", NAMES)
def test_with_keys_that_come_at_the_end(name: str) -> None:
    keys = KeyLog()
    found = readings(name, keys)
    assert all(reading.plain == [b"", b""] for reading in found)
    keys.add(lab(name, ".keys").read_bytes())
    for reading, known in zip(found, readings(name, keys), strict=True):
        reading.take(reading.session.retry())
        assert reading.plain == known.plain
        assert reading.frames == sorted(reading.frames)
        assert reading.session.handshake.alerts == known.session.handshake.alerts
        assert reading.session.handshake.done_frame == known.session.handshake.done_frame


def test_hashes_of_client_hellos() -> None:
    """JA3 as tshark 4.0 has it."""
    expected = {
        "m97_cli97_tls12": "e3841eb5204f74387144090fde75c5eb",
        "m10_node-mariadb_tls": "6521bd74aad3476cdb3daa827288ec35",
        "m11_php-mysqli_tls": "a468eae2a82cd86fea9fd0c541ed8ff0",
    }
    for name, value in expected.items():
        assert [reading.session.handshake.ja3 for reading in readings(name, None)] == [value]


def test_amazon_rds() -> None:
    """A TLS 1.2 session with a public certificate chain, and no keys."""
    assert ROOT is not None
    path = ROOT / "zeek" / "tls-12-amazon-rds.pcap"
    if not path.exists():
        pytest.skip("not in this corpus")
    sessions = []
    for stream in streams_of(path):
        if stream.tls():
            reading = Reading(TlsSession())
            for role, data, frame in stream.tls():
                reading.feed(role, data, frame)
            assert reading.plain == [b"", b""]
            sessions.append(reading.session)
    assert sessions
    for session in sessions:
        assert session.handshake.version == "TLSv1.2"
        assert session.handshake.certificates
        assert session.handshake.done_frame is not None
