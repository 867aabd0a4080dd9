"""Colours of a terminal (ECMA-48, SGR): the one owner of their codes."""

from __future__ import annotations

from typing import Final

SGR: Final = {
    **{"green": "32", "red": "31", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"},
    **{"error": "31", "warning": "33", "info": "36"},
}


def paint(text: str, style: str | None) -> str:
    """`text` in a style of SGR; as it is where there is none."""
    return f"\x1b[{SGR[style]}m{text}\x1b[0m" if style else text
