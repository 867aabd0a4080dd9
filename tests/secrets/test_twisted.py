"""However a conversation is cut, lost in part, or a statement is written: what was planted does not appear."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from tests.secrets.twisted import leaks, twisted


@settings(max_examples=150)
@given(some.binary(min_size=60, max_size=400))
def test_a_planted_secret_never_appears(data: bytes) -> None:
    name, frames = twisted(data)
    assert leaks(frames) == [], name
