"""The parts: key log, key schedules, suites, fingerprints, certificates."""

from __future__ import annotations

import datetime
import hmac
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.x509.oid import NameOID

from analyzer.tls import keylog
from analyzer.tls.certificates import split_chain
from analyzer.tls.ciphers import block_algorithm, protection12
from analyzer.tls.fingerprints import ja3_text, ja4
from analyzer.tls.hello import parse_client_hello, parse_server_hello
from analyzer.tls.keylog import LONGEST_LINE, KeyLog
from analyzer.tls.keys import prf
from analyzer.tls.records import CLIENT, SERVER
from analyzer.tls.session import TlsSession
from analyzer.tls.suites import BLOCK, CCM, CHACHA, GCM, NULL, Suite, suite_of
from analyzer.tls.tables import CIPHER_SUITES
from analyzer.tls.x509 import describe_certificate
from tests.tls.rfc8448 import SIMPLE, SIMPLE_LOG
from tests.tls.support import key_log, read

RANDOM = bytes(range(32))
HEX = RANDOM.hex().encode()

# -- key log ----------------------------------------------------------------------------------------------------------


def test_key_log_lines() -> None:
    log = KeyLog()
    log.add(b"# a comment\r\n\r\nCLIENT_RANDOM " + HEX + b" " + b"ab" * 48 + b"\r\n")
    log.add(b"EXPORTER_SECRET " + HEX + b" " + b"cd" * 32 + b"\n")
    log.add(b"CLIENT_TRAFFIC_SECRET_0 " + HEX.upper() + b"  " + b"EF" * 32 + b"\n")
    log.add(b"RSA 0011223344556677 " + b"01" * 48 + b"\n")
    assert (len(log), log.ignored) == (3, 0)
    assert log.find(keylog.CLIENT_RANDOM, RANDOM) == b"\xab" * 48
    assert log.find(keylog.CLIENT_APPLICATION, RANDOM) == b"\xef" * 32
    assert log.find(keylog.RSA, bytes.fromhex("0011223344556677")) == b"\x01" * 48
    assert log.knows(RANDOM)
    assert not log.knows(bytes(32))


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"CLIENT_RANDOM",
        b"CLIENT_RANDOM " + HEX,
        b"CLIENT_RANDOM " + HEX + b" " + b"ab" * 47,
        b"CLIENT_RANDOM " + HEX[:-2] + b" " + b"ab" * 48,
        b"CLIENT_RANDOM " + HEX + b" " + b"xy" * 48,
        b"CLIENT_RANDOM " + HEX + b" " + b"ab" * 48 + b" more",
        b"CLIENT_TRAFFIC_SECRET_1 " + HEX + b" " + b"ab" * 32,
        b"\xff\xfe" * 20,
        b"CLIENT_RANDOM " + b"ab" * LONGEST_LINE,
    ],
)
def test_garbage_is_counted(line: bytes) -> None:
    log = KeyLog()
    log.add(line + b"\n")
    log.add(line, final=True)
    assert (len(log), log.ignored, log.generation) == (0, 2, 0)


def test_lines_end_and_begin_in_many_ways() -> None:
    log = KeyLog()
    line = b"CLIENT_RANDOM " + HEX + b" " + b"ab" * 48
    other = line.replace(HEX, bytes(32).hex().encode())
    log.add(
        b"\r \t\r\n" + b" " * LONGEST_LINE + line + b"\t\r  # a comment\r" + other.replace(b" ", b"\t\v"), final=True
    )
    assert (len(log), log.ignored) == (2, 0)
    log.add(b" ECH_SECRET of no form\n#" + b" " * LONGEST_LINE + b"\n" + line + b"\r")
    assert (len(log), log.ignored, log.generation) == (2, 0, 2)


def test_a_log_that_is_being_written() -> None:
    log = KeyLog()
    line = b"SERVER_TRAFFIC_SECRET_0 " + HEX + b" " + b"ab" * 48
    for i in range(len(line)):
        log.add(line[i : i + 1])
    # All but the line end is there.
    assert log.find(keylog.SERVER_APPLICATION, RANDOM) == b"\xab" * 48
    assert log.ignored == 0
    log.add(b"\n")
    assert (len(log), log.ignored) == (1, 0)


def test_two_logs_at_once() -> None:
    log = KeyLog()
    one = b"CLIENT_RANDOM " + HEX + b" " + b"11" * 48
    two = b"CLIENT_RANDOM " + bytes(32).hex().encode() + b" " + b"22" * 48
    log.add(one[:50], source="a")
    log.add(two[:60], source="b")
    log.add(one[50:], source="a")
    log.add(two[60:], source="b")
    assert log.find(keylog.CLIENT_RANDOM, RANDOM) == b"\x11" * 48
    assert log.find(keylog.CLIENT_RANDOM, bytes(32)) == b"\x22" * 48


def test_a_key_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keylog, "MOST_SECRETS", 10)
    monkeypatch.setattr(keylog, "MOST_MASTERS", 10)
    log = KeyLog()
    for i in range(50):
        log.add(b"CLIENT_RANDOM " + i.to_bytes(32, "big").hex().encode() + b" " + b"ab" * 48 + b"\n")
        log.remember(bytes([i]), b"x")
    assert len(log) == 10
    assert log.knows((49).to_bytes(32, "big"))
    assert (log.recall(bytes([0])), log.recall(bytes([49]))) == (None, b"x")


# -- key schedules ----------------------------------------------------------------------------------------------------


def test_prf_of_tls_12() -> None:
    """The vectors published on the IETF TLS working group's list for P_SHA256 and P_SHA384."""
    sha256 = prf(
        Suite("", prf="SHA256"),
        0x0303,
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label" + bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    )
    assert sha256.hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7"
        "077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )
    sha384 = prf(
        Suite("", prf="SHA384"),
        0x0303,
        bytes.fromhex("b80b733d6ceefcdc71566ea48e5567df"),
        b"test label" + bytes.fromhex("cd665cf6a8447dd6ff8b27555edb7465"),
        148,
    )
    assert sha384.hex() == (
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb4"
        "00fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0"
        "d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f"
    )


# -- suites -----------------------------------------------------------------------------------------------------------


def test_every_suite_is_known_or_said_not_to_be() -> None:
    modes_seen = {GCM: 0, CCM: 0, CHACHA: 0, BLOCK: 0, NULL: 0, "": 0}
    for code, name in CIPHER_SUITES.items():
        suite = suite_of(code)
        assert suite.name == name
        modes_seen[suite.mode] += 1
        unsupported = ("RC4", "RC2", "DES40", "_DES_", "IDEA", "ARIA", "SM4", "EXPORT")
        other = ("SCSV", "NULL_WITH_NULL", "TLS_SHA", "CAMELLIA_128_GCM", "CAMELLIA_256_GCM")
        assert bool(suite.mode) != any(part in name for part in unsupported + other), name
        if suite.mode in (BLOCK, NULL):
            assert suite.mac in ("MD5", "SHA", "SHA256", "SHA384")
    assert all(modes_seen.values())
    assert suite_of(0xC02F) == Suite(
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE_RSA", "AES_128_GCM", GCM, 16, 16, "", "SHA256"
    )
    assert suite_of(0x1302).exchange == ""
    assert suite_of(0xC0A0).tag == 8
    assert suite_of(0x9999).name == "0x9999"


@pytest.mark.parametrize("code", [0x000A, 0x0096, 0x0084])
@pytest.mark.parametrize("encrypt_then_mac", [False, True])
def test_block_ciphers_no_library_negotiates_any_more(code: int, encrypt_then_mac: bool) -> None:
    suite = suite_of(code)
    key, mac_key = os.urandom(suite.key), os.urandom(20)
    algorithm = block_algorithm(suite, key)
    if algorithm is None:
        pytest.skip(f"this build does not have {suite.bulk}")
    block = suite.tag
    protection = protection12(suite, 0x0303, (mac_key, key, b""), encrypt_then_mac)
    assert protection is not None

    def mac(sequence: int, contents: bytes) -> bytes:
        head = sequence.to_bytes(8, "big") + b"\x17\x03\x03" + len(contents).to_bytes(2, "big")
        return hmac.digest(mac_key, head + contents, "sha1")

    plain = b"some plain text"
    inner = plain if encrypt_then_mac else plain + mac(3, plain)
    inner += bytes([block - 1 - len(inner) % block]) * (block - len(inner) % block)
    iv = os.urandom(block)
    encryptor = Cipher(algorithm, modes.CBC(iv)).encryptor()
    body = iv + encryptor.update(inner) + encryptor.finalize()
    if encrypt_then_mac:
        body += mac(3, body)
    header = b"\x17\x03\x03" + len(body).to_bytes(2, "big")
    assert protection.open(3, header, body) == plain
    assert protection.open(4, header, body) is None
    for bit in range(len(body) * 8):
        spoiled = bytearray(body)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert protection.open(3, header, bytes(spoiled)) is None
    for size in range(len(body)):
        assert protection.open(3, header, body[:size]) is None


# -- fingerprints -----------------------------------------------------------------------------------------------------


def extension(kind: int, body: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def client_hello(suites: bytes, extensions: bytes, version: int = 0x0303) -> bytes:
    head = version.to_bytes(2, "big") + RANDOM + b"\0" + len(suites).to_bytes(2, "big") + suites + b"\x01\0"
    return head + len(extensions).to_bytes(2, "big") + extensions


def test_ja4_of_its_specification() -> None:
    """The example of the technical details of JA4: t13d1516h2_8daaf6152771_e5627efa2ab1."""
    suites = numbers(
        0x2A2A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
        0x002F, 0x0035,
    )  # fmt: skip
    schemes = numbers(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
    contents = {
        0x0000: b"\0\x0e\0\0\x0bexample.com",
        0x0010: b"\0\x0c\x02h2\x08http/1.1",
        0x000D: len(schemes).to_bytes(2, "big") + schemes,
        0x002B: b"\x07" + numbers(0x3A3A, 0x0304, 0x0303),
    }
    kinds = (
        0x1A1A, 0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B, 0xFF01,
        0x000B, 0x000A, 0x0015, 0x4A4A,
    )  # fmt: skip
    hello = parse_client_hello(
        client_hello(suites, b"".join(extension(kind, contents.get(kind, b"")) for kind in kinds))
    )
    assert ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_fingerprints_of_little() -> None:
    hello = parse_client_hello(client_hello(b"", b""))
    assert ja4(hello) == "t12i000000_000000000000_000000000000"
    assert ja3_text(hello) == "771,,,,"
    hello = parse_client_hello(
        client_hello(
            numbers(0x0A0A, 0x002F, 0x0035),
            extension(10, b"\0\x04" + numbers(29, 23))
            + extension(11, b"\x01\0")
            + extension(16, b"\0\x03\x02\xab\xcd"),
            0x0301,
        )
    )
    assert ja3_text(hello) == "769,47-53,10-11-16,29-23,0"
    assert ja4(hello).startswith("t10i0203ad_")


# -- hellos -----------------------------------------------------------------------------------------------------------


def test_hellos_that_are_cut() -> None:
    whole = SIMPLE[0][1][9:]
    for size in range(len(whole)):
        if size == 45:  # before the extensions, as in the days before there were any
            parse_client_hello(whole[:size])
            continue
        with pytest.raises(ValueError, match="cut"):
            parse_client_hello(whole[:size])
    whole = SIMPLE[1][1][9:]
    for size in range(len(whole)):
        if size == 38:
            continue
        with pytest.raises(ValueError, match="cut"):
            parse_server_hello(whole[:size])


def test_a_hello_that_does_not_parse_is_said() -> None:
    hello = bytearray(SIMPLE[0][1])
    hello[9 + 34] = 250  # length of the session id
    reading = read([(CLIENT, bytes(hello)), *SIMPLE[1:]], key_log(SIMPLE_LOG))
    assert reading.plain == [b"", b""]
    assert "handshake message 1" in (reading.session.handshake.error or "")
    assert reading.session.problem == "the client's hello is not in the capture"


def test_only_one_direction_was_captured() -> None:
    for role, problem in ((CLIENT, "the server's hello"), (SERVER, "the client's hello")):
        reading = read([flight for flight in SIMPLE if flight[0] == role], key_log(SIMPLE_LOG))
        assert reading.plain == [b"", b""]
        assert reading.session.problem == f"{problem} is not in the capture"
        assert reading.session.key_state == "missing"


def test_a_handshake_message_without_end() -> None:
    session = TlsSession()
    for frame in range(100):
        session.feed(CLIENT, b"\x16\x03\x01\x40\x00\x01\x03\xff\xff" + bytes(16380), frame)
    assert len(session.directions[CLIENT].messages) <= (1 << 18) + 16384
    session = TlsSession()
    session.feed(CLIENT, b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 1)
    assert session.handshake.error == "a handshake message of 16777219 bytes"


def test_alerts_are_bounded() -> None:
    session = TlsSession()
    for frame in range(1000):
        session.feed(CLIENT, b"\x15\x03\x01\x00\x02\x01\x00", frame)
    assert len(session.handshake.alerts) == 64
    assert session.client_records == 1000


# -- certificates -----------------------------------------------------------------------------------------------------


def certificate(key: object, issuer_key: object | None = None, algorithm: object = None, pss: bool = False) -> bytes:
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "db"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "a,b")]
    )
    begin = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())  # type: ignore[attr-defined]
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=30))
    )
    extra = (
        rsa_padding.PSS(mgf=rsa_padding.MGF1(hashes.SHA256()), salt_length=rsa_padding.PSS.DIGEST_LENGTH)
        if pss
        else None
    )
    made = builder.sign(issuer_key or key, algorithm, rsa_padding=extra)  # type: ignore[arg-type]
    return made.public_bytes(serialization.Encoding.DER)


def test_certificates() -> None:
    key = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP384R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    seen = describe_certificate(certificate(key, algorithm=hashes.SHA384()))
    assert (seen.subject, seen.not_before, seen.not_after) == (
        "O=a\\,b,CN=db",
        "2026-03-01T12:00:00+00:00",
        "2026-03-31T12:00:00+00:00",
    )
    assert (seen.key, seen.key_type, seen.key_size) == ("RSA 2048", "RSA", 2048)
    assert (seen.signature_algorithm, seen.self_signed) == ("RSA with SHA-384", True)
    seen = describe_certificate(certificate(curve, key, hashes.SHA256()))
    assert (seen.key, seen.key_type, seen.key_size) == ("ECDSA secp384r1", "ECDSA", 384)
    # Subject and issuer have one name, but another key signed it.
    assert (seen.signature_algorithm, seen.self_signed) == ("RSA with SHA-256", False)
    seen = describe_certificate(certificate(edwards))
    assert (seen.key, seen.signature_algorithm, seen.self_signed) == ("Ed25519", "Ed25519", True)
    seen = describe_certificate(certificate(key, algorithm=hashes.SHA256(), pss=True))
    assert (seen.signature_algorithm, seen.self_signed) == ("RSASSA-PSS with SHA-256", True)


def test_what_is_no_certificate() -> None:
    der = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm=hashes.SHA256())
    for broken in (b"", b"\x30\x00", der[:-1], der + b"\0", os.urandom(200)):
        with pytest.raises(ValueError, match=r"."):
            describe_certificate(broken)
    for i in range(len(der)):
        spoiled = bytearray(der)
        spoiled[i] ^= 0x15
        try:
            describe_certificate(bytes(spoiled))
        except ValueError:
            continue


def test_chains() -> None:
    one = b"\0\0\x02ab"
    assert split_chain(b"\0\0\x0a" + one + one, False) == [b"ab", b"ab"]
    assert split_chain(b"\x01x\0\0\x0e" + one + b"\0\0" + one + b"\0\0", True) == [b"ab", b"ab"]
    assert len(split_chain((5 * 40).to_bytes(3, "big") + one * 40, False)) == 10
    for broken in (b"\0\0\x0b" + one + one, b"\0\0\x04\0\0\x02a"):
        with pytest.raises(ValueError, match="cut"):
            split_chain(broken, False)
    with pytest.raises(ValueError, match="empty"):
        split_chain(b"", True)
