"""TLS against a scripted server: what is checked, what is refused, where the keys go."""

from __future__ import annotations

import io
import os
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.capture.pcapng_blocks import SECRETS
from analyzer.protocol.tables.capabilities import CLIENT_SSL
from live_client import Session, TimedOut, TlsFailed, connect
from tests.live_client.analysed import analyse, plain
from tests.live_client.scripted import OFFERED, greeting
from tests.live_client.tls_server import TlsServer, certificate, server_context
from tests.wire.mysql import more, ok

PASSWORD = b"secret"


def server(maximum: str | None = None, context: ssl.SSLContext | None = None) -> TlsServer:
    before = [greeting("caching_sha2_password", OFFERED | CLIENT_SSL)]
    return TlsServer(before, [more(3, b"\x04"), ok(5)], maximum=maximum, context=context)


def open_session(transport: TlsServer, **choices: Any) -> Session:
    return connect(transport=transport, **{"user": "app", "passwords": (PASSWORD,), "host": "db.example", **choices})


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_password_goes_inside(version: str) -> None:
    transport = server()
    session = open_session(transport, ssl_mode="required", tls_versions=(version,))
    assert transport.packets_inside()[1] == (4, PASSWORD + b"\x00")
    assert PASSWORD not in transport.sent
    truth = session.truth()
    assert truth["tls"]["version"] == version
    assert truth["tls"]["cipher_suite_id"] > 0
    assert truth["authentication"]["password_protection"] == "tls"


def test_the_login_is_the_same_before_and_inside() -> None:
    transport = server()
    open_session(transport)
    (_, outside), (_, inside) = transport.packets_before()[0], transport.packets_inside()[0]
    assert len(outside) == 32
    assert inside.startswith(outside)


def test_the_authority_is_checked() -> None:
    trusted = certificate()[0]
    assert (
        open_session(server(), ssl_mode="verify-ca", ssl_ca=trusted, host="other.example").known.outcome == "accepted"
    )
    assert open_session(server(), ssl_mode="verify-identity", ssl_ca=trusted).known.outcome == "accepted"
    with pytest.raises(TlsFailed, match="certificate is refused: self-signed"):
        open_session(server(), ssl_mode="verify-ca")
    with pytest.raises(TlsFailed, match=r"certificate is refused.*other\.example"):
        open_session(server(), ssl_mode="verify-identity", ssl_ca=trusted, host="other.example")


def test_versions_that_do_not_meet() -> None:
    with pytest.raises(TlsFailed, match="protocol version"):
        open_session(server("TLSv1_2"), tls_versions=("TLSv1.3",))


def test_files_that_can_not_be_used(tmp_path: Path) -> None:
    with pytest.raises(TlsFailed, match=r"missing\.pem"):
        open_session(server(), ssl_ca=tmp_path / "missing.pem")


def test_server_that_closes_in_the_handshake() -> None:
    class Closes(TlsServer):
        def _turn(self) -> None:
            return

    transport = Closes([greeting(offered=OFFERED | CLIENT_SSL)], [])
    with pytest.raises(TlsFailed, match="in the middle of the TLS handshake"):
        open_session(transport)


def test_keys_are_in_the_recording_before_the_frames_that_need_them(tmp_path: Path) -> None:
    record = io.BytesIO()
    keylog = tmp_path / "keys.txt"
    keylog.write_bytes(b"# mine\n")
    session = open_session(server(), record=record, keylog=keylog)
    session.quit()
    kinds, data = [], record.getvalue()
    while data:
        kinds.append(int.from_bytes(data[:4], "little"))
        data = data[int.from_bytes(data[4:8], "little") :]
    assert SECRETS in kinds
    # Section, interface; three frames of TCP, the greeting, the SSLRequest; then the keys.
    assert kinds.index(SECRETS) == 2 + 5
    lines = keylog.read_bytes().splitlines()
    assert lines[0] == b"# mine"
    assert any(line.startswith(b"CLIENT_HANDSHAKE_TRAFFIC_SECRET ") for line in lines)
    assert lines[1] in record.getvalue()


def test_a_new_key_log_is_private_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    certificate()
    keylog = tmp_path / "keys.txt"
    open_session(server(), keylog=keylog)
    assert stat.S_IMODE(keylog.stat().st_mode) == 0o600
    assert [name for name in os.listdir(tmp_path) if name.startswith("handshark-") and "test" not in name] == []


def secrets_in(capture: bytes) -> set[bytes]:
    """Client randoms of the key log lines inside a pcapng."""
    found = set()
    while capture:
        size = int.from_bytes(capture[4:8], "little")
        if int.from_bytes(capture[:4], "little") == SECRETS:
            found |= {line.split()[1] for line in capture[20 : size - 4].rstrip(b"\0").splitlines()}
        capture = capture[size:]
    return found


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_session_is_taken_up(version: str, tmp_path: Path) -> None:
    context, keylog, path = server_context(), tmp_path / "keys.txt", tmp_path / "second.pcapng"
    first = open_session(server(context=context), tls_versions=(version,), keylog=keylog)
    first.quit()
    before = {line.split()[1] for line in keylog.read_bytes().splitlines()}
    assert (first.truth()["tls"]["resumed"], len(before)) == (False, 1)
    assert first.saved_tls is not None
    with path.open("wb") as record:
        second = open_session(server(context=context), resume=first.saved_tls, keylog=keylog, record=record)
        second.quit()
    assert second.truth()["tls"]["resumed"] is True
    assert second.truth()["tls"]["version"] == version
    # Its own secrets, under its own random, and only these in the recording.
    randoms = {line.split()[1] for line in keylog.read_bytes().splitlines()}
    assert secrets_in(path.read_bytes()) == randoms - before
    assert len(randoms) == 2
    (connection,) = analyse(path)
    assert compare(connection, plain(second.truth())) == []
    assert (connection["tls"]["resumed"], connection["tls"]["certificates"]) == (True, [])


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_server_that_does_not_know_the_session(version: str, tmp_path: Path) -> None:
    path = tmp_path / "second.pcapng"
    first = open_session(server(), tls_versions=(version,))
    with path.open("wb") as record:
        second = open_session(server(), resume=first.saved_tls, record=record)
        second.quit()
    assert second.truth()["tls"]["resumed"] is False
    (connection,) = analyse(path)
    assert compare(connection, plain(second.truth())) == []
    assert (connection["outcome"], connection["tls"]["resumed"]) == ("accepted", False)


def test_the_next_connection_has_no_key_log_of_the_first(tmp_path: Path) -> None:
    context, keylog = server_context(), tmp_path / "keys.txt"
    first = open_session(server(context=context), keylog=keylog)
    lines = keylog.read_bytes()
    second = open_session(server(context=context), resume=first.saved_tls)
    assert second.truth()["tls"]["resumed"] is True
    assert keylog.read_bytes() == lines


def test_nothing_to_take_up() -> None:
    without = open_session(TlsServer([greeting("mysql_native_password"), ok(2)], []), ssl_mode="disabled")
    assert without.saved_tls is None
    assert without.truth()["tls"] is None


def test_a_record_that_never_becomes_whole_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = server()
    tls = open_session(transport, ssl_mode="required").tls
    assert tls is not None
    # The head of a record of 16 KiB, and then byte by byte, each in time.
    pieces = iter([b"\x17\x03\x03\x40\x00", *[b"x"] * 10_000])
    monkeypatch.setattr(transport, "receive", lambda: next(pieces))
    tls.set_timeout(0.001)
    with pytest.raises(TimedOut, match="no whole TLS record"):
        tls.receive()
