"""Secrets stay out of what is shown: fields, bytes, summaries, the page. Real logins, and made-up ones."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail
from analyzer.analysis.packets.masking import MASKED
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.report.html.page import HtmlReport
from tests.corpus import REPOSITORY
from tests.reading import results_of
from tests.report.html.reading import blocks

SAMPLES = REPOSITORY / "samples"
# Sample -> where its secrets stand: (record, field) of the client's packets.
LOGINS = {
    "mysql97_cli_fast-auth.pcap": {("HandshakeResponse41", "auth_response")},
    "mysql97_cli_full-auth-rsa.pcapng": {("HandshakeResponse41", "auth_response"), ("AuthResponse", "ciphertext")},
    "mysql97_cli_tls13-full-auth.pcap": {("HandshakeResponse41", "auth_response"), ("AuthResponse", "password")},
    "mariadb1011_cli_native.pcap": {("HandshakeResponse41", "auth_response")},
    "mariadb1011_cli_ed25519.pcapng": {("HandshakeResponse41", "auth_response"), ("AuthResponse", "signature")},
    "mariadb118_cli_parsec.pcapng": {("HandshakeResponse41", "auth_response"), ("AuthResponse", "signature")},
    "mysql97_connector_change-user.pcap": {
        ("HandshakeResponse41", "auth_response"),
        ("ComChangeUser", "auth_response"),
    },
    "mariadb118_raw_pam-dialog.pcapng": {("AuthResponse", "password")},
    "mariadb118_raw_protocol-320.pcapng": {("HandshakeResponse320", "auth_response")},
}


def results(name: str, show_secrets: bool) -> Iterator[tuple[Connection, ConnectionDetail]]:
    keys = SAMPLES / name.replace(".pcap", ".keys")
    keylogs = (keys.read_bytes(),) if keys.exists() and keys.suffix == ".keys" else ()
    options = AnalysisOptions(packets=200, show_secrets=show_secrets, keylogs=keylogs)
    for connection, detail in results_of(SAMPLES / name, options):
        if detail is not None:
            yield connection, detail


@pytest.mark.parametrize("name", LOGINS)
def test_what_proves_a_password_is_masked_in_fields_and_bytes(name: str) -> None:
    masked: set[tuple[str, str]] = set()
    for (_, hidden), (_, open_) in zip(results(name, False), results(name, True), strict=True):
        for packet, other in zip(hidden.packets, open_.packets, strict=True):
            assert (packet.record, packet.frame) == (other.record, other.frame)
            secrets = [field for field in packet.fields if field.value == MASKED]
            if not secrets:
                assert packet.data == other.data
                continue
            # MariaDB's server proves its certificate with the hash of the password.
            assert packet.sender == "client" or packet.record == "OKPacket"
            masked |= {(packet.record, field.name) for field in secrets}
            data = bytearray(other.data)
            for field in secrets:
                # The proof stands behind its length.
                start, stop = field.start + (packet.record == "OKPacket"), min(field.end, len(data))
                assert packet.data[start:stop] == b"*" * (stop - start)
                data[start:stop] = b"*" * (stop - start)
            assert packet.data == bytes(data)
    assert {(record, field) for record, field in LOGINS[name]} <= masked


@pytest.mark.parametrize("name", LOGINS)
def test_the_page_holds_no_secret(name: str) -> None:
    secrets = set()
    for _, detail in results(name, True):
        for packet in detail.packets:
            for field in packet.fields:
                if packet.sender == "client" and (packet.record, field.name) in LOGINS[name]:
                    value = packet.data[field.start : field.end].strip(b"\0")
                    if len(value) > 4:
                        secrets.add(value[1:].hex())  # behind its length
    out = io.StringIO()
    with HtmlReport(out, "Demo") as report:
        for connection, detail in results(name, False):
            report.connection(connection, detail)
        report.close([])
    held = json.dumps(blocks(out.getvalue(), "packets")) + re.sub(r"\s", "", out.getvalue())
    assert secrets
    for secret in secrets:
        assert secret not in held
        assert bytes.fromhex(secret).decode("latin-1") not in held


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("ALTER USER app IDENTIFIED BY 'geheim'", "ALTER USER app IDENTIFIED BY '***'"),
        ('create user a identified with x by "p""w"', 'create user a identified with x by "***"'),
        ("IDENTIFIED VIA ed25519 USING PASSWORD('pw')", "IDENTIFIED VIA ed25519 USING PASSWORD('***')"),
        ("IDENTIFIED WITH caching_sha2_password AS '$A$5$h'", "IDENTIFIED WITH caching_sha2_password AS '***'"),
        ("SET PASSWORD = 'pw'", "SET PASSWORD = '***'"),
        ("SET PASSWORD FOR 'a'@'%' = PASSWORD('pw')", "SET PASSWORD FOR 'a'@'%' = PASSWORD('***')"),
        ("SOURCE_PASSWORD='pw', SOURCE_USER='a'", "SOURCE_PASSWORD='***', SOURCE_USER='a'"),
        ("ALTER USER a IDENTIFIED BY 'cut in the mid", "ALTER USER a IDENTIFIED BY '***"),
        ("SELECT 'identified by nobody'", "SELECT 'identified by nobody'"),
        ("SELECT password FROM t WHERE a = 'b'", "SELECT password FROM t WHERE a = 'b'"),
    ],
)
def test_passwords_in_statements(statement: str, shown: str) -> None:
    assert StatementMask().statement(statement) == shown


@given(st.text("ab'\"\\ é", min_size=1, max_size=20))
def test_no_password_escapes_its_quotes(password: str) -> None:
    quoted = password.replace("\\", "\\\\").replace("'", "''")
    shown = StatementMask().statement(f"SET PASSWORD = '{quoted}'; SELECT 1")
    assert shown in ("SET PASSWORD = '***'; SELECT 1", "SET PASSWORD = '***; SELECT 1", "SET PASSWORD = '***")
