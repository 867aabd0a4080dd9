"""Values as tshark 4.0 prints them with -T fields.

Numbers in decimal, or in hex with 0x and as many digits as the type has; true and false as 1 and 0; bytes as hex
without separators; times as "Nov 22, 2026 10:34:03.115962000 UTC", durations as seconds with nine digits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from analyzer.analysis.dissection.fields.base import BYTES, DURATION, NOTHING, TIME, FieldInfo, Value

NS: Final = 1_000_000_000
# Seconds whose text is remembered.
MOST_SECONDS: Final = 256
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def formatted(info: FieldInfo | None, value: Value, separator: str = "") -> str:
    """A value as text; `info` None stands for a number or text that is no field's. Bytes are joined by `separator`."""
    if isinstance(value, bytes):
        return value.hex(separator) if separator else value.hex()
    if isinstance(value, str):
        return value
    if info is None:
        return str(value)
    if info.family == NOTHING:
        return "1"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.7g}" if info.type == "FLOAT" else f"{value:.15g}"
    return number_words(info)(value)


def number_words(info: FieldInfo) -> Callable[[int], str]:
    """What makes text of a field's numbers: decided once where they are many."""
    family = info.family
    if family == NOTHING:
        return lambda _: "1"
    if family == TIME:
        return absolute
    if family == DURATION:
        return duration
    if info.base == "hex":
        digits = (info.bits + 3) // 4
        return lambda value: f"0x{value:0{digits}x}"
    return str


def duration(value: int) -> str:
    """Nanoseconds as seconds."""
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // NS}.{abs(value) % NS:09d}"


def absolute(value: int) -> str:
    """Nanoseconds since 1970 as a date and time in UTC. datetime's own month names depend on the locale."""
    begin = _second(value // NS)
    return duration(value) if begin is None else f"{begin}.{value % NS:09d} UTC"


@lru_cache(MOST_SECONDS)
def _second(seconds: int) -> str | None:
    """A second since 1970 as a date and time; None where there is none. Many frames are in one second."""
    try:
        when = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    day = f"{_MONTHS[when.month - 1]} {when.day:2d}, {when.year}"
    return f"{day} {when.hour:02d}:{when.minute:02d}:{when.second:02d}"


def shown(info: FieldInfo, value: Value) -> str:
    """A value as the tree shows it: with the name it has, a flag as a word."""
    text = formatted(info, value)
    if isinstance(value, bool):
        return "Set" if value else "Not set"
    if info.values is not None and isinstance(value, int):
        return f"{info.values.get(value, 'Unknown')} ({text})"
    if info.family == DURATION:
        return f"{text} seconds"
    if info.family == BYTES and not text:
        return "<MISSING>"
    return text
