"""What every plugin's row says of it: its names, its words, and what of a client's exchange may be shown."""

from __future__ import annotations

import pytest

from analyzer.protocol.auth import PLUGINS, plugin
from analyzer.protocol.wire.reader import Reader

# Fields of a client's records that are open, over all plugins: a new one is looked at by a person, who adds it here.
OPEN = frozenset({"request", "nul", "capability", "tag", "number_of_assertions", "client_nonce"})
SECRET = frozenset({"password", "scramble", "signature", "ciphertext", "token", "message", "data", "auth_response"})


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_a_plugin_says_what_it_is(name: str) -> None:
    found = PLUGINS[name]
    assert found.name == name
    assert found.short_name
    assert len(found.short_name) <= len(name)
    for words in (found.proof.computed, found.proof.proves):
        assert words.endswith(".")
        assert words == words.strip()
        assert "  " not in words


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_nothing_that_proves_a_password_is_open(name: str) -> None:
    assert PLUGINS[name].open_fields <= OPEN
    assert not PLUGINS[name].open_fields & SECRET


def test_a_short_name_is_one_plugins_alone() -> None:
    names = [found.short_name for found in PLUGINS.values()]
    assert len(set(names)) == len(names)


def test_a_plugin_nobody_knows_has_its_name_and_shows_nothing() -> None:
    found = plugin("vendor_auth")
    assert (found.name, found.short_name, found.open_fields) == ("vendor_auth", "vendor_auth", frozenset())


def test_a_password_that_is_asked_for_and_not_sent_is_not_said_to_be() -> None:
    """MySQL Router answers the server's RSA key with an empty packet."""
    exchange = plugin("caching_sha2_password").exchange(b"n" * 20, False)
    scramble = exchange.client(Reader(b"s" * 32))
    asked = [exchange.server(Reader(b"\x04")), exchange.client(Reader(b"\x02"))]
    key = exchange.server(Reader(b"-----BEGIN PUBLIC KEY-----\n"))
    kinds = [type(each).__name__ for each in (scramble, *asked, key, exchange.client(Reader(b"")))]
    assert kinds == ["Sha2Scramble", "FastAuthResult", "RequestPublicKey", "PublicKey", "Empty"]
    assert (exchange.path, exchange.protection) == ("full", "scramble")
