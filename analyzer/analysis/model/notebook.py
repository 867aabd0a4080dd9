"""Tables as a notebook shows them: every text of the wire escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

LONGEST: Final = 300  # characters of one text


def safe(text: str) -> str:
    """Text of the wire as HTML: shortened, controls and what could reorder text as \\uNNNN, markup as entities."""
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return escape("".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in short))


def table_html(caption: str, rows: Iterable[tuple[str, str | None]]) -> str:
    """A table of names and texts; a row without a text is left out."""
    lines = "".join(
        f'<tr><th style="text-align:left">{safe(name)}</th><td style="text-align:left">{safe(text)}</td></tr>'
        for name, text in rows
        if text is not None
    )
    return f"<table><caption>{safe(caption)}</caption>{lines}</table>"
