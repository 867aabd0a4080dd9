"""TLS against a scripted server: what is checked, what is refused, where the keys go."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.pcapng import SECRETS
from analyzer.protocol.capabilities import CLIENT_SSL
from live_client import Session, TlsFailed, connect
from tests.live_client.scripted import OFFERED, greeting, more, ok
from tests.live_client.tls_server import TlsServer, certificate

PASSWORD = b"secret"


def server(maximum: str | None = None) -> TlsServer:
    plain = [greeting("caching_sha2_password", OFFERED | CLIENT_SSL)]
    return TlsServer(plain, [more(3, b"\x04"), ok(5)], maximum=maximum)


def open_session(transport: TlsServer, **choices: Any) -> Session:
    record = choices.pop("record", None)
    keylog = choices.pop("keylog", None)
    choices = {"user": "app", "passwords": (PASSWORD,), "host": "db.example", **choices}
    return connect(transport=transport, record=record, keylog=keylog, **choices)


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
