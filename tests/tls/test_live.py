"""Sessions of OpenSSL, read by a bystander."""

from __future__ import annotations

import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from analyzer.tls.handshake import AlertSeen
from analyzer.tls.keylog import KeyLog
from analyzer.tls.keys import KeyFileError, load_rsa_key
from analyzer.tls.records import CLIENT, SERVER
from analyzer.tls.session import TlsSession
from tests.tls.live import (
    ANSWER,
    OP_NO_ENCRYPT_THEN_MAC,
    OP_NO_EXTENDED_MASTER_SECRET,
    QUESTION,
    Bench,
    Pair,
    Writer13,
    conversation,
)
from tests.tls.support import Reading, key_log, read

V10 = ssl.TLSVersion.TLSv1
V11 = ssl.TLSVersion.TLSv1_1
V12 = ssl.TLSVersion.TLSv1_2
V13 = ssl.TLSVersion.TLSv1_3

CLIENT_SAYS = QUESTION + b"quit"

# OpenSSL's name, IANA's name, whether it takes an ECDSA certificate.
SUITES_12 = [
    ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", False),
    ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", False),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", True),
    ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", False),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", True),
    ("ECDHE-ECDSA-AES128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", True),
    ("ECDHE-ECDSA-AES256-CCM8", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", True),
    ("ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", False),
    ("ECDHE-RSA-AES128-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", False),
    ("ECDHE-RSA-AES256-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", False),
    ("ECDHE-ECDSA-CAMELLIA256-SHA384", "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384", True),
    ("AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384", False),
    ("AES128-CCM8", "TLS_RSA_WITH_AES_128_CCM_8", False),
    ("AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", False),
    ("NULL-SHA256", "TLS_RSA_WITH_NULL_SHA256", False),
]


def check(reading: Reading) -> None:
    """The whole of `talk` was read."""
    session = reading.session
    assert reading.plain == [CLIENT_SAYS, ANSWER]
    assert reading.after == [b"", b""]
    assert (session.problem, session.key_state, session.decrypted) == (None, "found", True)
    assert session.handshake.error is None
    assert [(alert.sender, alert.description, alert.encrypted) for alert in session.handshake.alerts] == [
        (CLIENT, "close_notify", True),
        (SERVER, "close_notify", True),
    ]


def pair_of(
    bench: Bench, *, version: ssl.TLSVersion, suites: str | None = None, ecdsa: bool = False, options: int = 0
) -> Pair:
    try:
        pair = Pair(bench.contexts(version, suites, ecdsa=ecdsa, options=options))
        return conversation(pair)
    except (ssl.SSLError, ValueError) as error:
        bench.take_log()
        pytest.skip(f"this OpenSSL does not do it: {error}")


@pytest.mark.parametrize(("name", "iana", "ecdsa"), SUITES_12)
def test_tls12(bench: Bench, name: str, iana: str, ecdsa: bool) -> None:
    pair = pair_of(bench, version=V12, suites=name, ecdsa=ecdsa)
    reading = read(pair.flights, key_log(bench.take_log()))
    check(reading)
    session = reading.session
    assert (session.handshake.version, session.handshake.cipher_suite, session.handshake.resumed) == (
        "TLSv1.2",
        iana,
        False,
    )
    (certificate,) = session.handshake.certificates
    assert certificate.key == ("ECDSA secp256r1" if ecdsa else "RSA 2048")
    assert certificate.self_signed
    assert session.handshake.done_sender == SERVER
    blind = read(pair.flights)
    assert blind.plain == [b"", b""]
    assert blind.session.problem == "no keys were given"
    assert blind.session.handshake.done_frame == session.handshake.done_frame
    assert [(alert.sender, alert.encrypted) for alert in blind.session.handshake.alerts] == [
        (CLIENT, True),
        (SERVER, True),
    ]
    assert blind.session.handshake.certificates == session.handshake.certificates


@pytest.mark.parametrize("version", [V10, V11, V12])
@pytest.mark.parametrize("options", [0, OP_NO_ENCRYPT_THEN_MAC, OP_NO_EXTENDED_MASTER_SECRET])
@pytest.mark.parametrize("suite", ["AES128-SHA", "ECDHE-RSA-AES256-SHA", "CAMELLIA128-SHA", "DES-CBC3-SHA"])
def test_cbc_in_all_its_forms(bench: Bench, version: ssl.TLSVersion, options: int, suite: str) -> None:
    pair = pair_of(bench, version=version, suites=suite, options=options)
    log = bench.take_log()
    check(read(pair.flights, key_log(log)))
    if not suite.startswith("ECDHE"):
        check(read(pair.flights, session=TlsSession(None, bench.rsa_key)))


@pytest.mark.parametrize("suites", ["AES128-GCM-SHA256", "AES256-SHA"])
@pytest.mark.parametrize("options", [0, OP_NO_EXTENDED_MASTER_SECRET])
def test_rsa_key_exchange_with_the_servers_key(bench: Bench, suites: str, options: int) -> None:
    pair = pair_of(bench, version=V12, suites=suites, options=options)
    bench.take_log()
    check(read(pair.flights, session=TlsSession(None, bench.rsa_key)))
    other = rsa.generate_private_key(65537, 2048)
    reading = read(pair.flights, session=TlsSession(None, other))
    assert reading.plain == [b"", b""]
    assert reading.session.problem is not None


def test_rsa_key_is_of_no_use_with_ecdhe(bench: Bench) -> None:
    pair = pair_of(bench, version=V12, suites="ECDHE-RSA-AES128-GCM-SHA256")
    bench.take_log()
    reading = read(pair.flights, session=TlsSession(None, bench.rsa_key))
    assert reading.plain == [b"", b""]
    assert "of no use with the key exchange ECDHE_RSA" in (reading.session.problem or "")


def test_rsa_keys_are_loaded(bench: Bench) -> None:
    assert load_rsa_key(bench.rsa.read_bytes()).private_numbers() == bench.rsa_key.private_numbers()
    with pytest.raises(KeyFileError, match="not an RSA key"):
        load_rsa_key(bench.ecdsa.read_bytes())
    with pytest.raises(KeyFileError):
        load_rsa_key(b"nothing")
    locked = bench.rsa_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
    )
    with pytest.raises(KeyFileError):
        load_rsa_key(locked)
    assert load_rsa_key(locked, b"pw").key_size == 2048


def test_unsupported_suite(bench: Bench) -> None:
    pair = pair_of(bench, version=V12, suites="ECDHE-ARIA128-GCM-SHA256")
    reading = read(pair.flights, key_log(bench.take_log()))
    assert reading.plain == [b"", b""]
    assert reading.session.key_state == "unsupported"
    assert reading.session.problem == "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256 is not supported"


@pytest.mark.parametrize("ecdsa", [False, True])
def test_tls13(bench: Bench, ecdsa: bool) -> None:
    pair = pair_of(bench, version=V13, ecdsa=ecdsa)
    log = bench.take_log()
    reading = read(pair.flights, key_log(log))
    check(reading)
    session = reading.session
    assert (session.handshake.version, session.handshake.resumed, session.handshake.server_name) == (
        "TLSv1.3",
        False,
        "db.example",
    )
    assert session.handshake.done_sender == CLIENT
    assert len(session.handshake.certificates) == 1
    blind = read(pair.flights).session
    assert blind.handshake.done_frame == session.handshake.done_frame
    assert blind.encrypted_records == session.encrypted_records
    assert [(alert.sender, alert.frame) for alert in blind.handshake.alerts] == [
        (alert.sender, alert.frame) for alert in session.handshake.alerts
    ]
    wrong = read(pair.flights, key_log(_spoil(log)))
    assert wrong.plain == [b"", b""]
    assert wrong.session.key_state == "wrong"


def _spoil(log: bytes) -> bytes:
    """The same lines with the last digit of each secret changed."""
    digits = b"0123456789abcdef"
    return b"\n".join(
        line if line.startswith(b"#") else line[:-1] + digits[digits.index(line[-1:]) ^ 1 :][:1]
        for line in log.splitlines()
        if line
    )


@pytest.mark.parametrize("version", [V12, V13])
def test_client_certificate(bench: Bench, version: ssl.TLSVersion) -> None:
    pair = conversation(Pair(bench.contexts(version, client_certificate=True)))
    reading = read(pair.flights, key_log(bench.take_log()))
    check(reading)
    assert [certificate.subject for certificate in reading.session.handshake.client_certificates] == ["CN=user"]
    assert reading.session.handshake.certificate_requested
    assert read(pair.flights).session.handshake.done_frame == reading.session.handshake.done_frame


@pytest.mark.parametrize("tickets", [True, False])
def test_resumption_12(bench: Bench, tickets: bool) -> None:
    options = 0 if tickets else ssl.OP_NO_TICKET
    contexts = bench.contexts(V12, "ECDHE-RSA-AES128-GCM-SHA256", options=options)
    first = conversation(Pair(contexts))
    assert first.client.session is not None
    log = bench.take_log()
    second = conversation(Pair(contexts, first.client.session))
    assert second.client.session_reused
    keys = key_log(log)
    check(read(first.flights, keys))
    # The second session's line is not given: its secret is that of the session it resumes.
    reading = read(second.flights, keys)
    check(reading)
    assert reading.session.handshake.resumed is True
    assert read(second.flights).session.handshake.resumed is True
    check(read(second.flights, key_log(bench.take_log())))


def test_resumption_13(bench: Bench) -> None:
    contexts = bench.contexts(V13)
    first = conversation(Pair(contexts))
    assert first.client.session is not None
    second = conversation(Pair(contexts, first.client.session))
    assert second.client.session_reused
    keys = key_log(bench.take_log())
    check(read(first.flights, keys))
    reading = read(second.flights, keys)
    check(reading)
    assert reading.session.handshake.resumed is True
    assert reading.session.handshake.certificates == []


def test_hello_retry(bench: Bench) -> None:
    contexts = bench.contexts(V13)
    contexts[1].set_ecdh_curve("secp384r1")
    pair = conversation(Pair(contexts))
    reading = read(pair.flights, key_log(bench.take_log()))
    check(reading)
    assert reading.session.handshake.keys.retried
    assert reading.session.handshake.key_share_group == "secp384r1"


def test_alpn(bench: Bench) -> None:
    for version in (V12, V13):
        contexts = bench.contexts(version)
        contexts[0].set_alpn_protocols(["mysql", "h2"])
        contexts[1].set_alpn_protocols(["h2"])
        pair = conversation(Pair(contexts))
        session = read(pair.flights, key_log(bench.take_log())).session
        assert (session.handshake.alpn_offered, session.handshake.alpn) == (["mysql", "h2"], "h2")


def test_post_handshake_authentication(bench: Bench) -> None:
    client, server = bench.contexts(V13)
    client.post_handshake_auth = server.post_handshake_auth = True
    client.load_cert_chain(bench.user)
    server.load_verify_locations(bench.user)
    server.verify_mode = ssl.CERT_REQUIRED
    pair = Pair((client, server))
    pair.handshake()
    pair.send(CLIENT, b"before")
    pair.server.verify_client_post_handshake()
    pair.server.write(b"who are you")
    pair.flush(SERVER)
    assert pair.client.read(100) == b"who are you"
    pair.flush(CLIENT)
    pair.send(CLIENT, b"after")
    reading = read(pair.flights, key_log(bench.take_log()))
    assert reading.plain == [b"beforeafter", b"who are you"]
    assert reading.session.problem is None
    assert [certificate.subject for certificate in reading.session.handshake.client_certificates] == ["CN=user"]


@pytest.mark.parametrize("version", [V12, V13])
def test_a_client_that_refuses_the_certificate(bench: Bench, version: ssl.TLSVersion) -> None:
    pair = Pair(bench.contexts(version, verify=False))
    with pytest.raises(ssl.SSLCertVerificationError):
        pair.handshake()
    error = b"\x17\x00\x00\x02\xff\x15\x04#08S01Bad handshake"
    pair.flights.append((SERVER, error))
    for keys in (None, key_log(bench.take_log())):
        reading = read(pair.flights, keys)
        assert reading.session.handshake.alerts == [
            AlertSeen(CLIENT, "fatal", "unknown_ca", False, len(pair.flights) - 1)
        ]
        assert reading.after == [b"", error]
        assert reading.plain == [b"", b""]
        assert reading.session.handshake.done_frame is None


def test_plain_text_in_place_of_a_server_hello(bench: Bench) -> None:
    pair = Pair(bench.contexts(V12))
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.do_handshake()
    pair.flush(CLIENT)
    reading = read([*pair.flights, (SERVER, b"\x10\x00\x00\x02\xffsome"), (SERVER, b"thing")])
    assert reading.after == [b"", b"\x10\x00\x00\x02\xffsomething"]
    assert reading.session.handshake.started
    assert reading.session.handshake.version is None


def session_keys(log: bytes) -> dict[str, bytes]:
    return {
        label: bytes.fromhex(secret)
        for label, _, secret in (line.split() for line in log.decode().splitlines() if line[:1].isalpha())
    }


def test_key_updates_padding_and_many_records_at_once(bench: Bench) -> None:
    from tests.tls.rfc8448 import PAYLOAD, SIMPLE, SIMPLE_LOG

    secrets = session_keys(SIMPLE_LOG)
    client = Writer13(secrets["CLIENT_TRAFFIC_SECRET_0"])
    server = Writer13(secrets["SERVER_TRAFFIC_SECRET_0"])
    client.sequence = 1
    server.sequence = 2
    more = [
        (CLIENT, client.record(b"one", padding=300) + client.key_update() + client.record(b"two")),
        (SERVER, server.key_update() + server.key_update() + server.record(b"three") + server.record(b"", padding=5)),
        (CLIENT, client.record(b"\x18\x00\x00\x01", kind=22)),
    ]
    # A KeyUpdate in two records.
    last = client.record(b"\x01", kind=22)
    client.sequence -= 1
    reading = read([*SIMPLE[:7], *more, (CLIENT, last)], key_log(SIMPLE_LOG))
    assert reading.plain == [PAYLOAD + b"onetwo", PAYLOAD + b"three"]
    client.sequence += 1
    client.update()
    reading.feed(CLIENT, client.record(b"four"))
    assert reading.plain[CLIENT] == PAYLOAD + b"onetwofour"
    assert reading.session.problem is None
    # Contents of zeros only have no type.
    reading.feed(CLIENT, client.record(b"", kind=0, padding=3))
    assert reading.session.problem == "the client sent a record without contents"
    reading.feed(CLIENT, client.record(b"five"))
    assert reading.plain[CLIENT] == PAYLOAD + b"onetwofour"


def test_keys_that_never_come_are_bounded(bench: Bench) -> None:
    pair = Pair(bench.contexts(V13))
    pair.handshake()
    for _ in range(100):
        pair.send(SERVER, bytes(16384))
    log = bench.take_log()
    keys = KeyLog()
    reading = read(pair.flights, keys)
    session = reading.session
    assert session.key_state == "missing"
    assert "no secret for this session" in (session.problem or "")
    held = session.directions[SERVER]
    assert not held.waiting.records
    assert held.waiting.size == 0
    keys.add(log, final=True)
    reading.take(session.retry())
    assert reading.plain[SERVER] == b""
    session.close()
    assert not keys.waiting
