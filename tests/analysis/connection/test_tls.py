"""What is said of TLS in the contract's words: certificates at the time of the capture, compressed ones, the text."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.connection.tls import certificate_of
from analyzer.report.text.connections import TextReport
from analyzer.tls.certificates import CertificateSeen, decompressed
from analyzer.tls.records import is_all_records, is_client_hello
from tests.analysis.connection import calibration
from tests.corpus import REPOSITORY
from tests.tls.live import Bench
from tests.tls.mysql import V12, V13, session
from tests.wire.mysql import CLIENT_HELLO

DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = BEGIN + 90 * DAY
SEEN = CertificateSeen(
    "CN=db", "CN=ca", BEGIN.isoformat(), END.isoformat(), "RSA 1024", "00", "RSA", 1024, "RSA with SHA-1", True
)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("moment", "expired", "early", "days"),
    [
        (BEGIN - DAY, False, True, 91),
        (BEGIN, False, False, 90),
        (END - 10 * DAY, False, False, 10),
        (END - timedelta(hours=1), False, False, 0),
        (END, False, False, 0),
        (END + timedelta(seconds=1), True, False, -1),
        (END + 3 * DAY, True, False, -3),
    ],
)
def test_a_certificate_at_the_time_of_the_capture(moment: datetime, expired: bool, early: bool, days: int) -> None:
    """Not of today: a capture of last year is not judged by this year's calendar."""
    certificate = certificate_of(SEEN, ns(moment))
    assert (certificate.expired, certificate.not_yet_valid, certificate.days_left) == (expired, early, days)
    assert (certificate.key_type, certificate.key_size, certificate.signature_algorithm, certificate.self_signed) == (
        "RSA",
        1024,
        "RSA with SHA-1",
        True,
    )


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_capture_may_claim_any_time(time_ns: int) -> None:
    certificate = certificate_of(SEEN, time_ns)
    assert not (certificate.expired and certificate.not_yet_valid)


def test_all_that_was_offered_is_said(bench: Bench) -> None:
    for version in (V12, V13):
        found = session(bench, version).connection()
        assert found.tls is not None
        assert found.tls.version in found.tls.offered_versions
        assert found.tls.client_certificates == []
        (certificate,) = found.tls.certificates
        assert (certificate.self_signed, certificate.key_type, certificate.key_size) == (True, "RSA", 2048)


# -- compressed certificates ------------------------------------------------------------------------------------------


def packed(content: bytes, algorithm: int = 1, size: int | None = None) -> bytes:
    inside = zlib.compress(content)
    length = len(content) if size is None else size
    return algorithm.to_bytes(2, "big") + length.to_bytes(3, "big") + len(inside).to_bytes(3, "big") + inside


def test_compressed_certificates() -> None:
    """RFC 8879, 4; what the command line of MySQL 9.7 sends with a client certificate."""
    content = b"certificate" * 50
    assert decompressed(packed(content)) == content
    for broken, reason in (
        (b"", "cut"),
        (packed(content)[:7], "cut"),
        (packed(content)[:-1], "lengths"),
        (packed(content, size=5), "announced"),
        (packed(content, size=5000), "announced"),
        (packed(bytes(1 << 20), size=1 << 19), "lengths"),
        (packed(content, algorithm=2), "brotli"),
        (packed(content, algorithm=3), "zstd"),
        (packed(content, algorithm=77), "77"),
        (b"\0\x01\0\0\x05\0\0\x03abc", "header"),
    ):
        with pytest.raises(ValueError, match=reason):
            decompressed(broken)


# -- what looks like TLS ----------------------------------------------------------------------------------------------


def test_what_looks_like_tls() -> None:
    record = b"\x17\x03\x03\0\x05hello"
    assert is_all_records(record)
    assert is_all_records(record * 3)
    assert is_all_records(record + record[:7])
    assert is_all_records(record + record[:3])
    assert is_client_hello(CLIENT_HELLO)
    for data in (b"", record[:7], record + b"x", b"\x17\x03\x03\0\0" + record, b"\x17\x03\x03\xff\xffabc", b"\x17\x03"):
        assert not is_all_records(data)
    for data in (b"", record, CLIENT_HELLO[:5], b"\x16\x03\x01\0\x04\x02"):
        assert not is_client_hello(data)


# -- text -------------------------------------------------------------------------------------------------------------


def text_of(name: str, verbose: int) -> str:
    ((connection, _),) = calibration.connections(REPOSITORY / "samples" / name, None)
    lines: list[str] = []
    report = TextReport(lines.append, 100, False, verbose)
    report.begin(name)
    report.connection(connection)
    return " ".join("".join(lines).split())


def test_a_refused_login_is_told_without_asking() -> None:
    refused = text_of("mysql97_raw_wrong-password-tls13.pcapng", 0)
    assert "the login inside TLS was probably refused" in refused
    assert "[encrypted-login]" in refused
    accepted = "mysql97_raw_full-auth-tls13.pcapng"
    assert "encrypted-login" not in text_of(accepted, 0)
    assert "probably accepted, and about 1 command followed" in text_of(accepted, 1)
