"""Every record of every plugin: what is encoded decodes to the same, and bad bytes are a DecodeError."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import DecodeError
from analyzer.protocol import auth
from analyzer.protocol.auth import PLUGINS, plugin
from analyzer.protocol.auth.auth_gssapi_client import ServicePrincipal
from analyzer.protocol.auth.authentication_fido_client import FidoAssertion, FidoChallenge
from analyzer.protocol.auth.authentication_kerberos_client import KerberosPrincipal
from analyzer.protocol.auth.authentication_ldap_sasl_client import SaslMechanism, SaslMessage
from analyzer.protocol.auth.authentication_openid_connect_client import IdToken
from analyzer.protocol.auth.authentication_webauthn_client import (
    CredentialId,
    CredentialIdRequest,
    WebauthnAssertions,
    WebauthnChallenge,
)
from analyzer.protocol.auth.base import AuthRecord, CleartextPassword, Empty, NoPassword, Opaque, PluginData, encoded
from analyzer.protocol.auth.caching_sha2_password import FastAuthResult, Sha2Scramble
from analyzer.protocol.auth.client_ed25519 import Ed25519Signature
from analyzer.protocol.auth.dialog import Answer, Question
from analyzer.protocol.auth.mysql_native_password import NativeScramble
from analyzer.protocol.auth.mysql_old_password import OldScramble
from analyzer.protocol.auth.parsec import ExtSalt, ExtSaltRequest, ParsecResponse
from analyzer.protocol.auth.rsa import EncryptedPassword, PublicKey, RequestPublicKey
from analyzer.protocol.auth.security_key import Assertion
from analyzer.protocol.auth.token import GssapiToken
from analyzer.protocol.wire.reader import Reader, TracingReader

BYTES = st.binary(max_size=300)
# Texts on the wire are bytes; those that are not UTF-8 come back through surrogates.
TEXT = BYTES.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
NO_NUL = BYTES.map(lambda raw: raw.replace(b"\x00", b""))
TEXT_NO_NUL = NO_NUL.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
U8 = st.integers(0, 255)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


RECORDS: dict[type[AuthRecord], st.SearchStrategy[AuthRecord]] = {
    Answer: st.builds(Answer, NO_NUL),
    CleartextPassword: st.builds(CleartextPassword, NO_NUL),
    CredentialId: st.builds(CredentialId, BYTES, BYTES),
    CredentialIdRequest: st.builds(CredentialIdRequest, U8),
    Ed25519Signature: st.builds(Ed25519Signature, exactly(64)),
    Empty: st.builds(Empty),
    EncryptedPassword: st.builds(EncryptedPassword, BYTES),
    ExtSalt: st.builds(ExtSalt, st.just(ord("P")), U8, BYTES),
    ExtSaltRequest: st.builds(ExtSaltRequest),
    FastAuthResult: st.builds(FastAuthResult, st.sampled_from([3, 4])),
    FidoAssertion: st.builds(FidoAssertion, st.builds(Assertion, BYTES, BYTES)),
    FidoChallenge: st.builds(FidoChallenge, BYTES, TEXT, BYTES, BYTES),
    GssapiToken: st.builds(GssapiToken, BYTES),
    IdToken: st.builds(IdToken, U8, BYTES),
    KerberosPrincipal: st.builds(KerberosPrincipal, TEXT, TEXT, BYTES),
    NativeScramble: st.builds(NativeScramble, exactly(20)),
    NoPassword: st.builds(NoPassword, BYTES),
    OldScramble: st.builds(OldScramble, exactly(8), st.sampled_from([b"", b"\x00"])),
    Opaque: st.builds(Opaque, BYTES),
    ParsecResponse: st.builds(ParsecResponse, exactly(32), exactly(64)),
    PublicKey: st.builds(PublicKey, BYTES.map(lambda raw: b"-----BEGIN " + raw)),
    Question: st.builds(Question, st.integers(2, 5), TEXT),
    RequestPublicKey: st.builds(RequestPublicKey, U8),
    SaslMechanism: st.builds(SaslMechanism, TEXT_NO_NUL, st.sampled_from([b"", b"\x00"])),
    SaslMessage: st.builds(SaslMessage, BYTES),
    ServicePrincipal: st.builds(ServicePrincipal, TEXT_NO_NUL, TEXT_NO_NUL),
    Sha2Scramble: st.builds(Sha2Scramble, exactly(32)),
    WebauthnAssertions: st.builds(
        WebauthnAssertions, st.just(2), st.lists(st.builds(Assertion, BYTES, BYTES), max_size=4).map(tuple), TEXT
    ),
    WebauthnChallenge: st.builds(WebauthnChallenge, U8, BYTES, TEXT, BYTES),
}
# Length-encoded integers have more than one form; the last NUL of a principal may be missing.
NOT_CANONICAL = {
    CredentialId,
    FidoAssertion,
    FidoChallenge,
    IdToken,
    ServicePrincipal,
    WebauthnAssertions,
    WebauthnChallenge,
}
# What a plugin's own `data` decodes: how much is nonce depends on the plugin.
WITHOUT_DECODE = {PluginData}


def decoder(record: type[AuthRecord]) -> Callable[[Reader], AuthRecord]:
    return cast(Callable[[Reader], AuthRecord], cast(Any, record).decode)


def test_every_record_is_here() -> None:
    for module in pkgutil.iter_modules(auth.__path__):
        importlib.import_module(f"{auth.__name__}.{module.name}")
    assert set(AuthRecord.__subclasses__()) == set(RECORDS) | WITHOUT_DECODE


@pytest.mark.parametrize("record_type", RECORDS, ids=lambda record: record.__name__)
def test_round_trip(record_type: type[AuthRecord]) -> None:
    @given(RECORDS[record_type])
    def check(record: AuthRecord) -> None:
        wire = encoded(record)
        assert decoder(record_type)(Reader(wire)) == record
        tracing = TracingReader(wire)
        assert decoder(record_type)(tracing) == record
        assert all(span.start <= span.end <= len(wire) for span in tracing.spans)
        assert record.summary()
        password = getattr(record, "password", None)
        if isinstance(password, bytes) and len(password) > 12:
            assert str(password) not in record.summary()

    check()


@pytest.mark.parametrize("record_type", RECORDS, ids=lambda record: record.__name__)
def test_bad_bytes(record_type: type[AuthRecord]) -> None:
    @given(BYTES)
    def check(wire: bytes) -> None:
        try:
            record = decoder(record_type)(Reader(wire))
        except DecodeError as error:
            where = (error.field != "", 0 <= error.offset <= len(wire))
        else:
            where = (True, True)
            assert encoded(record) == wire or record_type in NOT_CANONICAL
        assert where == (True, True)

    check()


@pytest.mark.parametrize("name", PLUGINS)
def test_exchanges_never_fail_otherwise(name: str) -> None:
    """Whatever the two sides send, in whatever order: records or DecodeError."""

    @given(BYTES, st.booleans(), st.lists(st.tuples(st.booleans(), BYTES), max_size=6))
    def check(nonce: bytes, secure: bool, packets: list[tuple[bool, bytes]]) -> None:
        exchange = PLUGINS[name].exchange(nonce, secure)
        for from_client, payload in packets:
            try:
                record = exchange.client(Reader(payload)) if from_client else exchange.server(Reader(payload))
            except DecodeError:
                continue
            assert record.summary()
        assert exchange.path in ("direct", "fast", "full")
        assert exchange.protection in (None, "empty", "scramble", "rsa", "tls", "cleartext", "other")
        with contextlib.suppress(DecodeError):
            assert PLUGINS[name].data(Reader(nonce)).summary()

    check()


def test_table() -> None:
    assert list(PLUGINS) == sorted(PLUGINS)
    assert all(known.name == name for name, known in PLUGINS.items())


def test_unknown_plugins_are_opaque() -> None:
    for name in (None, "", "authentication_of_tomorrow"):
        unknown = plugin(name)
        assert unknown.name == (name or "")
        exchange = unknown.exchange(b"n" * 40, secure=False)
        assert exchange.nonce == b"n" * 40
        assert exchange.client(Reader(b"")) == Empty()
        assert exchange.protection == "empty"
        assert exchange.server(Reader(b"\x03")) == Opaque(b"\x03")
        assert exchange.client(Reader(b"secret")) == Opaque(b"secret")
        assert exchange.protection == "other"
        assert unknown.verify(b"secret", b"", b"secret") is None
