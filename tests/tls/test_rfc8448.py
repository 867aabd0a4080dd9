"""RFC 8448's traces, record by record."""

from __future__ import annotations

from analyzer.tls.handshake import AlertSeen
from analyzer.tls.records import CLIENT, SERVER
from tests.tls.rfc8448 import PAYLOAD, RESUMED, RESUMED_LOG, RETRY, RETRY_LOG, SIMPLE, SIMPLE_LOG
from tests.tls.support import Reading, key_log, read


def alerts(reading: Reading) -> list[AlertSeen]:
    return reading.session.handshake.alerts


def test_simple_1_rtt() -> None:
    reading = read(SIMPLE, key_log(SIMPLE_LOG))
    session = reading.session
    assert reading.plain == [PAYLOAD, PAYLOAD]
    assert session.problem is None
    assert (session.key_state, session.decrypted) == ("found", True)
    assert (session.handshake.version, session.handshake.cipher_suite) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert (session.handshake.server_name, session.handshake.key_share_group, session.handshake.resumed) == (
        "server",
        "x25519",
        False,
    )
    assert (session.handshake.done_frame, session.handshake.done_sender) == (4, CLIENT)
    assert alerts(reading) == [
        AlertSeen(CLIENT, "warning", "close_notify", True, 8),
        AlertSeen(SERVER, "warning", "close_notify", True, 9),
    ]
    (certificate,) = session.handshake.certificates
    assert (certificate.subject, certificate.issuer, certificate.key) == ("CN=rsa", "CN=rsa", "RSA 1024")
    assert (certificate.not_before, certificate.not_after) == ("2016-07-30T01:23:59+00:00", "2026-07-30T01:23:59+00:00")
    assert (certificate.signature_algorithm, certificate.self_signed) == ("RSA with SHA-256", True)


def test_simple_1_rtt_without_keys() -> None:
    reading = read(SIMPLE)
    session = reading.session
    assert (reading.plain, reading.after) == ([b"", b""], [b"", b""])
    assert (session.key_state, session.problem, session.decrypted) == ("not given", "no keys were given", False)
    assert (session.handshake.done_frame, session.handshake.done_sender) == (4, CLIENT)
    # An alert is told by its size.
    assert alerts(reading) == [AlertSeen(CLIENT, None, None, True, 8), AlertSeen(SERVER, None, None, True, 9)]
    assert [record.size for record in session.encrypted_records[SERVER]] == [0xDE, 0x43, 0x13]
    assert session.overhead == 17


def test_resumed_0_rtt() -> None:
    reading = read(RESUMED, key_log(RESUMED_LOG))
    assert reading.plain == [b"ABCDEF" + PAYLOAD, PAYLOAD]
    assert reading.session.handshake.resumed is True
    assert reading.session.problem is None
    assert reading.session.handshake.done_frame == 6
    assert [alert.description for alert in alerts(reading)] == ["close_notify", "close_notify"]


def test_early_data_without_its_secret_hides_nothing_else() -> None:
    log = b"\n".join(line for line in RESUMED_LOG.splitlines() if not line.startswith(b"CLIENT_EARLY"))
    reading = read(RESUMED, key_log(log))
    assert reading.plain == [PAYLOAD, PAYLOAD]
    assert "early data can not be read" in (reading.session.problem or "")


def test_hello_retry_request() -> None:
    reading = read(RETRY, key_log(RETRY_LOG))
    session = reading.session
    assert (session.handshake.keys.retried, session.handshake.key_share_group, session.problem) == (
        True,
        "secp256r1",
        None,
    )
    assert [(alert.sender, alert.description) for alert in alerts(reading)] == [
        (CLIENT, "close_notify"),
        (SERVER, "close_notify"),
    ]
    assert [certificate.subject for certificate in session.handshake.certificates] == ["CN=rsa"]
    assert session.handshake.done_frame == 6


def test_keys_that_come_late() -> None:
    log = key_log(b"")
    reading = read(SIMPLE, log)
    session = reading.session
    assert reading.plain == [b"", b""]
    assert session.key_state == "missing"
    assert session.handshake.wanted_random is not None
    assert session.handshake.wanted_random in (session.problem or "")
    for i in range(0, len(SIMPLE_LOG), 7):
        log.add(SIMPLE_LOG[i : i + 7])
        reading.take(session.retry())
    assert reading.plain == [PAYLOAD, PAYLOAD]
    assert reading.frames == [6, 7]
    assert (session.problem, session.key_state) == (None, "found")
    assert [alert.description for alert in alerts(reading)] == ["close_notify", "close_notify"]


def test_one_direction_only() -> None:
    for keep, lose in ((CLIENT, b"SERVER_"), (SERVER, b"CLIENT_")):
        log = b"\n".join(line for line in SIMPLE_LOG.splitlines() if not line.startswith(lose))
        reading = read(SIMPLE, key_log(log))
        assert reading.plain[keep] == PAYLOAD
        assert reading.plain[1 - keep] == b""
        assert reading.session.key_state == "partial"
        assert ("client", "server")[1 - keep] in (reading.session.problem or "")
        reading.session.close()
        assert reading.session.key_state == "partial"


def test_only_the_application_secrets() -> None:
    log = b"\n".join(line for line in SIMPLE_LOG.splitlines() if b"_TRAFFIC_SECRET_0" in line)
    reading = read(SIMPLE, key_log(log))
    assert reading.plain == [PAYLOAD, PAYLOAD]


def test_a_wrong_key_is_said_to_be_wrong() -> None:
    log = SIMPLE_LOG.replace(b"b67b7d69", b"b67b7d68").replace(b"b3eddb12", b"b3eddb13")
    reading = read(SIMPLE, key_log(log))
    session = reading.session
    assert reading.plain == [b"", b""]
    assert (session.key_state, session.decrypted) == ("wrong", False)
    assert "server's record 0 does not verify: the key is wrong" in (session.problem or "")


def test_keys_of_another_session() -> None:
    reading = read(SIMPLE, key_log(RETRY_LOG))
    assert reading.plain == [b"", b""]
    assert reading.session.key_state == "missing"
    assert "cb34ecb1" in (reading.session.problem or "")
