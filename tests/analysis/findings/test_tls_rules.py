"""Findings about TLS, from sessions of OpenSSL made here, and from recordings of real servers."""

from __future__ import annotations

import re
import ssl

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.findings.rules.weak_tls import certificate_faults, session_faults
from analyzer.analysis.model.connection import Certificate, Tls
from analyzer.tls.records import CLIENT, SERVER
from tests.analysis.findings.support import found
from tests.analysis.support import analyse_file, codes
from tests.analysis.traffic import analyse
from tests.corpus import REPOSITORY
from tests.reading import connections_of
from tests.tls.live import Bench, Pair
from tests.tls.mysql import CLOSE, V12, V13, Session, session
from tests.wire.frames import FIN
from tests.wire.mysql import err, login, more, ok, packet
from tests.wire.script import Say, conversation

SAMPLES = REPOSITORY / "samples"


def with_keys(name: str) -> Connection:
    """The only connection of a sample, opened with the keys inside it."""
    (connection,) = connections_of(SAMPLES / name)
    return connection


@pytest.mark.parametrize("suite", ["AES128-SHA", "AES256-GCM-SHA384"])
def test_no_forward_secrecy_is_weak(bench: Bench, suite: str) -> None:
    said = found(session(bench, V12, suite).connection(), "weak-tls")[0]
    assert "forward secrecy" in said.message
    assert (said.severity, said.confidence) == ("warning", "certain")


@pytest.mark.parametrize(("version", "suite"), [(V12, "ECDHE-RSA-AES128-GCM-SHA256"), (V13, None)])
def test_what_is_not_weak(bench: Bench, version: object, suite: str | None) -> None:
    in_its_time = 1_790_000_000 * 10**9
    connection = session(bench, version, suite).connection(start_ns=in_its_time)  # type: ignore[arg-type]
    assert "weak-tls" not in codes(connection)
    # The test's certificate is of 2026, the other traffic of 2023.
    early = session(bench, version, suite).connection()  # type: ignore[arg-type]
    assert "valid from 2026" in found(early, "weak-tls")[0].message


def certificate(**how: object) -> Certificate:
    known: dict[str, object] = {"self_signed": True, "key_type": "RSA", "key_size": 2048, "days_left": 300}
    fields = {**known, **how}
    return Certificate("CN=a", "CN=a", "2026-01-01", "2027-01-01", "RSA 2048", "00", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (certificate(), None),
        (certificate(expired=True), "expired on"),
        (certificate(not_yet_valid=True), "valid from"),
        (certificate(key_size=1024), "at least 2048"),
        (certificate(key_type="ECDSA", key_size=256), None),
        (certificate(key_type="ECDSA", key_size=192), "at least 224"),
        (certificate(self_signed=False, signature_algorithm="RSA with SHA-1"), "signed with RSA with SHA-1"),
        # Nobody checks the signature of a root.
        (certificate(signature_algorithm="RSA with SHA-1"), None),
        (certificate(self_signed=False, signature_algorithm="RSA with SHA-256"), None),
    ],
)
def test_weak_certificates(seen: Certificate, words: str | None) -> None:
    said = certificate_faults("server", seen)
    assert (words in said[0]) if words else said == []


@pytest.mark.parametrize(
    ("version", "suite", "words"),
    [
        ("TLSv1.0", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "RFC 8996"),
        ("TLSv1.1", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "RFC 8996"),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "RC4"),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "64 bits"),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", None),
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", None),
    ],
)
def test_weak_versions_and_suites(version: str, suite: str, words: str | None) -> None:
    said = session_faults(Tls(1, version, suite, None, False, False, [], []))
    assert (words in said[0]) if words else said == []


def test_keys_that_do_not_open(bench: Bench) -> None:
    made = session(bench, V12)
    assert "decryption-failed" not in codes(made.connection())
    wrong = re.sub(rb"[0-9a-f]{8}(?=\s|$)", b"00000000", made.log)
    said = found(made.connection(log=wrong), "decryption-failed")[0]
    assert said.severity == "warning"


def test_login_that_differs_inside_tls() -> None:
    refused = found(with_keys("mysql97_raw_fault-collation-differs-in-tls.pcapng"), "tls-login-mismatch")[0]
    assert refused.severity == "error"
    assert re.search(r"collation \d+ before and \d+ inside TLS", refused.message)
    taken = found(with_keys("mysql97_raw_fault-capabilities-differ-in-tls.pcapng"), "tls-login-mismatch")[0]
    assert taken.severity == "info"
    assert "CLIENT_FOUND_ROWS" in taken.message
    assert "tls-login-mismatch" not in codes(with_keys("mysql97_raw_tls12.pcapng"))


def test_login_that_differs_shows_by_its_size_without_keys() -> None:
    ((sealed, _),) = analyse_file(SAMPLES / "mysql97_raw_fault-collation-differs-in-tls.pcapng")
    said = found(sealed, "tls-login-mismatch")[0]
    assert said.confidence == "likely"
    assert "26 bytes" in said.message
    for near in (
        "mysql97_raw_tls12",
        "mysql97_raw_tls13",
        "mysql97_raw_wrong-password-tls13",
        "mysql97_raw_x509-required",
    ):
        for connection, _ in analyse_file(SAMPLES / f"{near}.pcapng"):
            assert "tls-login-mismatch" not in codes(connection), near


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("mysql97_raw_tls11-refused", "tls-version-refused"),
        ("mysql97_raw_tls12-untrusted", "tls-untrusted-certificate"),
        ("mysql97_raw_tls13-untrusted", "tls-untrusted-certificate"),
        ("mysql97_raw_fault-close-in-tls", "tls-handshake-failed"),
        ("mysql97_raw_fault-plain-text-in-tls", "tls-handshake-failed"),
    ],
)
def test_real_servers_and_tls_that_fails(name: str, code: str) -> None:
    connection = with_keys(f"{name}.pcapng")
    grave = [finding.code for finding in connection.findings if finding.severity != "info"]
    assert grave == [code]


def test_untrusted_certificate_shows_the_chain() -> None:
    said = found(with_keys("mysql97_raw_tls12-untrusted.pcapng"), "tls-untrusted-certificate")[0]
    assert any("Auto_Generated_Server_Certificate" in line for line in said.evidence)
    assert any("1043" in line for line in said.evidence)


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("version", [V12, V13])
def test_a_client_that_leaves_without_a_word(bench: Bench, version: object, keys: bool) -> None:
    """libmariadb looks at the certificate once the handshake is through."""
    made = session(bench, version)  # type: ignore[arg-type]
    # Hello and answer, the rest of the client's handshake, and what the server says to that.
    made.flights = made.flights[:4] if version == V12 else made.flights[:3]
    connection = made.connection(keys=keys)
    assert connection.outcome == "aborted"
    said = found(connection, "tls-handshake-failed")[0]
    assert "sent no login" in said.message
    assert said.confidence == "possible"
    assert "decryption-failed" not in codes(connection)


def test_an_alert_to_a_client_that_has_left_is_not_why(bench: Bench) -> None:
    """OpenSSL answers a FIN in the handshake with decode_error."""
    made = session(bench, V12)
    made.flights = made.flights[:2]
    alert = b"\x15\x03\x03\x00\x02\x02\x32"
    steps = [*made.script()[:-3], Say("c", flags=FIN), Say("s", alert), Say("s", flags=FIN), Say("c")]
    (connection,) = analyse(conversation(steps))
    assert connection.tls is not None
    assert [each.description for each in connection.tls.alerts] == ["decode_error"]
    assert "in the middle of the TLS handshake" in found(connection, "tls-handshake-failed")[0].message


@pytest.mark.parametrize("version", [V12, V13])
def test_an_error_to_a_client_that_has_ended_tls_is_its_echo(bench: Bench, version: ssl.TLSVersion) -> None:
    """MySQL answers a close_notify with 1158, and is the first to send FIN; the client has left all the same."""
    pair = Pair(bench.contexts(version))
    pair.handshake()
    pair.send(CLIENT, login(sequence=2))
    pair.send(SERVER, more(3, b"\x03") + ok(4))
    pair.close(CLIENT)
    pair.send(SERVER, err(0, 1158, "Got an error reading communication packets", "08S01"))
    made = Session(pair.flights, bench.take_log())
    begin = made.script()[: -len(CLOSE)]
    steps = [*begin, Say("s", flags=FIN), Say("c", flags=FIN), Say("s")]
    (connection,) = analyse(conversation(steps), AnalysisOptions(keylogs=(made.log,)))
    assert connection.error is not None
    assert connection.error.code == 1158
    assert "server-ended-session" not in codes(connection)
    assert "close_notify of the client" in found(connection, "left-without-quit")[0].evidence[0]
    (connection,) = analyse(conversation([*begin[:-2], begin[-1], *steps[-3:]]), AnalysisOptions(keylogs=(made.log,)))
    assert "left-without-quit" not in codes(connection)  # without the alert the server was the first to leave


@pytest.mark.parametrize("padding", [0, 16])
def test_an_encrypted_alert_in_place_of_the_end_of_the_handshake(bench: Bench, padding: int) -> None:
    """Java pads it; what the server says to it in plain text is read without keys."""
    made = session(bench, V13)
    alert = b"\x14\x03\x03\x00\x01\x01" + b"\x17\x03\x03" + (19 + padding).to_bytes(2, "big") + bytes(19 + padding)
    refusal = packet(3, b"\xff\x13\x04#08S01Bad handshake")
    made.flights = [*made.flights[:2], (0, alert), (1, refusal)]
    connection = made.connection(keys=False)
    assert connection.outcome == "rejected"
    assert connection.error is not None
    assert connection.error.code == 1043
    assert found(connection, "tls-handshake-failed")[0].confidence == "possible"


@pytest.mark.parametrize("version", [V12, V13])
def test_a_client_that_leaves_in_the_middle(bench: Bench, version: object) -> None:
    made = session(bench, version)  # type: ignore[arg-type]
    # The hello, and the server's answer to it: then the client goes.
    made.flights = made.flights[:2]
    assert "decryption-failed" not in codes(made.connection())
    said = found(made.connection(keys=False), "tls-handshake-failed")[0]
    if version == V13:
        assert "in which alerts are encrypted" in said.message
        assert said.confidence == "possible"
    else:
        assert "in the middle of the TLS handshake" in said.message
        assert said.confidence == "likely"
    assert "tls-handshake-failed" not in codes(session(bench, version).connection(keys=False))  # type: ignore[arg-type]
