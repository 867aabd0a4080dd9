"""Attributes of logins that are shown without a look for secrets hold none."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.packets.statement_mask import secret_attribute
from analyzer.protocol.tables.attributes import ATTRIBUTES, is_ordinary

WORDS = some.sampled_from(
    ["-p", "--password", "AKIA", "sk_live_", "ghp_", "eyJ", ".eyJ", "12345678", "pass", "xoxb-", "glpat-"]
)


@given(
    some.sampled_from(sorted(ATTRIBUTES)),
    some.lists(WORDS | some.text(string.ascii_letters + string.digits + "._- =:/'", max_size=19), max_size=3).map(
        "".join
    ),
)
def test_an_ordinary_attribute_holds_no_secret(name: str, value: str) -> None:
    if is_ordinary(name, value):
        assert not secret_attribute(name, value)


@pytest.mark.parametrize("value", ["9.7.4-2", "libmysql", "x86_64", "5566", "Linux", ""])
def test_what_drivers_say_is_ordinary(value: str) -> None:
    assert is_ordinary("_client_version", value)
    assert not is_ordinary("api_key", value)
