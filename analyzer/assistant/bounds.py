"""What bounds an answer, and how values from the network stand in it."""

from __future__ import annotations

import math
from typing import Any, Final

from analyzer.errors import AnalyzerError
from analyzer.report.escape import terminal

Answer = dict[str, Any]

MOST: Final = 200  # items of one answer
SECONDS: Final = 60.0  # that one answer may take
LONGEST_TEXT: Final = 2000  # characters of one text from the network


class TookTooLongError(AnalyzerError):
    """An answer took more than SECONDS: what was asked for is too much for one answer."""


def shown(text: str) -> str:
    """Text from the network: no control characters, not longer than LONGEST_TEXT."""
    safe = terminal(text)
    return safe if len(safe) <= LONGEST_TEXT else safe[: LONGEST_TEXT - 1] + "…"


def shown_value(value: object) -> object:
    """A value from the network: texts as above, bytes in hex, of lists and maps MOST items."""
    if isinstance(value, bytes):
        return value[: LONGEST_TEXT // 2].hex()
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {shown(str(key)): shown_value(inner) for key, inner in [*value.items()][:MOST]}
    if isinstance(value, list | tuple):
        return [shown_value(inner) for inner in value[:MOST]]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return shown(str(value))
