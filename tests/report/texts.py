"""Texts of every kind, and such as disguise themselves."""

from __future__ import annotations

from hypothesis import strategies as st

from analyzer.analysis.model.connection import Connection
from tests.report import examples

# All of Unicode, lone surrogates too: what "surrogateescape" makes of any bytes.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


def disguised(text: str) -> Connection:
    """A connection with `text` wherever a peer chooses it."""
    one = examples.rejected()
    assert one.greeting
    assert one.login
    assert one.error
    one.greeting.server_version = one.login.user = one.login.database = one.error.message = text
    one.login.attributes = {text: text}
    one.findings[0].message = text
    return one
