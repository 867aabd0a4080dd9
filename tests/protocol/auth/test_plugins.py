"""What every plugin's row says of it: its names, its words, and what of a client's exchange may be shown."""

from __future__ import annotations

import pytest

from analyzer.protocol.auth import PLUGINS, plugin

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
