"""Which known mistake made a scramble: every one is recognised, and what is right never is."""

from __future__ import annotations

from hashlib import sha1, sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.findings.password_mistakes import NONCES, OTHER_WAY, PASSWORDS, known_mistake
from analyzer.protocol.auth.caching_sha2_password import CachingSha2Password
from analyzer.protocol.auth.mysql_native_password import MysqlNativePassword

SHA2, NATIVE = CachingSha2Password(), MysqlNativePassword()
NONCE = bytes(range(0x21, 0x35))
PASSWORD = b"geheim#1 "


@given(st.binary(min_size=1, max_size=40), st.binary(min_size=20, max_size=20))
def test_the_right_way_is_no_mistake(password: bytes, nonce: bytes) -> None:
    for plugin in (SHA2, NATIVE):
        response = plugin.scramble(password, nonce)
        assert response is not None
        assert plugin.verify(password, nonce, response)
        # No mistake takes the first byte away.
        assert known_mistake(plugin, b"x" + password, nonce, response) is None


@pytest.mark.parametrize("plugin", [SHA2, NATIVE], ids=lambda plugin: plugin.name)
@pytest.mark.parametrize(("what", "change"), NONCES, ids=[what for what, _ in NONCES])
def test_nonces_used_wrongly(plugin: CachingSha2Password, what: str, change: object) -> None:
    nonce = NONCE[:9] + b"\0" + NONCE[10:]
    spoiled = change(nonce)  # type: ignore[operator]
    first = (sha256 if plugin is SHA2 else sha1)(PASSWORD).digest()
    if plugin is SHA2:
        mask = sha256(sha256(first).digest() + spoiled).digest()
    else:
        mask = sha1(spoiled + sha1(first).digest()).digest()
    response = bytes(a ^ b for a, b in zip(first, mask, strict=True))
    assert known_mistake(plugin, PASSWORD, nonce, response) == what


@pytest.mark.parametrize(("what", "change"), PASSWORDS, ids=[what for what, _ in PASSWORDS])
def test_passwords_spoiled(what: str, change: object) -> None:
    password = "übergroß und länger als zweiunddreißig # ".encode()
    spoiled = change(password)  # type: ignore[operator]
    assert spoiled != password
    response = SHA2.scramble(spoiled, NONCE)
    assert known_mistake(SHA2, password, NONCE, response) == what


def test_the_parts_in_the_wrong_order() -> None:
    first = sha256(PASSWORD).digest()
    mask = sha256(NONCE + sha256(first).digest()).digest()
    response = bytes(a ^ b for a, b in zip(first, mask, strict=True))
    assert known_mistake(SHA2, PASSWORD, NONCE, response) == OTHER_WAY


def test_another_plugins_scramble() -> None:
    response = NATIVE.scramble(PASSWORD, NONCE)
    assert response is not None
    assert "another plugin" in (known_mistake(SHA2, PASSWORD, NONCE, response) or "")


def test_what_nobody_can_know() -> None:
    assert known_mistake(SHA2, PASSWORD, NONCE, b"") is None
    assert known_mistake(SHA2, b"", NONCE, b"\x55" * 32) is None
    assert known_mistake(SHA2, PASSWORD, NONCE, b"\x55" * 32) is None
