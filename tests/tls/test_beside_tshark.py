"""The list beside TShark's: `python -m tests.tls.beside_tshark` makes it, and it is kept in TSHARK.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import needs_corpus, tool
from tests.tls.beside_tshark import Page, names

pytestmark = [pytest.mark.tool, *needs_corpus]


def test_nothing_of_ours_is_wrong() -> None:
    """Two captures here; all of them are in TSHARK.md."""
    tool("tshark")
    page = Page()
    for name in ("m97_cli97_err1045_x509_missing", "m11_php-mysqli_tls"):
        page.capture(name)
    assert page.checks >= 8
    assert page.right["handshark"] == page.checks, page.notes
    assert len(page.rows) == 2


def test_the_kept_list_is_of_all_captures() -> None:
    kept = (Path(__file__).parent / "TSHARK.md").read_text(encoding="utf-8")
    for name in names():
        assert f"| {name} |" in kept
